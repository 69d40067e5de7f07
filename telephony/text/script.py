"""A text as what is spoken one after the other: plain text as it stands, an SSML document as it says; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from telephony.speech import Segment, Speaker
from telephony.text import dictation, lexicon, markup, normalization, segments
from telephony.text.lexicon import Pronounce
from telephony.text.markup import PAUSE
from telephony.text.normalization import MAX_BREAK_S, Span, SpokenError

# A pause is cut like speech, so that a barge-in ends it.
_PAUSE_WINDOW_S = 0.5
# More than any answer of a host; longer texts are bounded to bound a cancel.
_WHOLE_CHARS = 2000
_BEGINNING_CHARS = 4000
# Stands for the spaces of a marked word, which is never cut. For private use: no text has it.
_GLUE = "\ue000"

OnInvalid = Callable[[SpokenError], None]
Casting = Callable[[str | None, str | None], Speaker | None]
"""Who says a part for which a document names a voice, a language, or both; None: who says the rest."""

# A text and how it is said, as segments with their marks.
_Spoken = Callable[[str, Span], Iterator[Segment]]
_PLAIN = Span("")


def _ignore(error: SpokenError) -> None:
    """Nobody wants to know."""


def one_speaker(voice: str | None, language: str | None) -> None:
    """The casting where one voice says everything."""


@dataclass(frozen=True)
class Script:
    """A text as it is to be spoken, which cannot be wrong: made by `parse`, or by `lenient` where nobody could be told.

    Attributes:
        text: as it came, plain or an SSML document.
        speakable: whether there is anything to say, or at least a pause. Of a lenient script that shows on the way.
    """

    text: str
    speakable: bool
    _spans: tuple[Span, ...] | None = None
    _unread: bool = False
    _on_invalid: OnInvalid = _ignore

    @staticmethod
    def parse(text: str) -> Script:
        """A script of plain text, or of an SSML document that is valid.

        Raises:
            SpokenError: it is an SSML document that is not valid.
        """
        if not normalization.is_document(text):
            return Script(text, segments.speakable(text))
        spans = tuple(span for span in normalization.spans(text) if span is not None)
        speakable = any(span.pause_s or segments.speakable(normalization.as_written(span)) for span in spans)
        return Script(text, speakable, spans)

    @staticmethod
    def lenient(text: str, on_invalid: OnInvalid = _ignore) -> Script:
        """A script of any text. A document is read while it is spoken; one that is not valid, without its tags.

        Args:
            text: of any length.
            on_invalid: told, on the way, that a document is not valid.
        """
        return Script(text, True, None, normalization.is_document(text), on_invalid)

    @property
    def words(self) -> str:
        """What is said, as it is written: without the tags of a document, and the pauses of plain text."""
        is_plain = self._spans is None and not self._unread
        return PAUSE.sub(" ", self.text) if is_plain else "".join(_between_tags(self.text))

    @property
    def beginning(self) -> str:
        """As `words`, of the first few thousand characters: at once, however long the text is."""
        is_plain = self._spans is None and not self._unread
        text = self.text[:_BEGINNING_CHARS]
        return text if is_plain else "".join(_between_tags(text))

    @property
    def size_bytes(self) -> int:
        """Of the text as it came, in UTF-8."""
        return len(self.text.encode("utf-8", "replace"))

    def read(
        self,
        language: str,
        *,
        quick: bool = False,
        pronounce: Pronounce = lexicon.as_it_is,
        cast: Casting = one_speaker,
        code_rate: float = 1.0,
    ) -> Iterator[Segment]:
        """What is spoken one after the other, made one by one: `slices`, without the breaks between them."""
        found = self.slices(language, quick=quick, pronounce=pronounce, cast=cast, code_rate=code_rate)
        return (segment for segment in found if segment is not None)

    def whole(
        self,
        language: str,
        *,
        pronounce: Pronounce = lexicon.as_it_is,
        cast: Casting = one_speaker,
        code_rate: float = 1.0,
    ) -> Iterator[Segment | None]:
        """The slices of a text that is heard as a whole: sentences stay together, for the prosody of one pass."""
        return self.slices(
            language,
            max_chars=_WHOLE_CHARS,
            pack_chars=_WHOLE_CHARS,
            pronounce=pronounce,
            cast=cast,
            code_rate=code_rate,
        )

    def slices(
        self,
        language: str,
        *,
        max_chars: int = segments.DEFAULT_MAX_CHARS,
        pack_chars: int = 0,
        quick: bool = False,
        pronounce: Pronounce = lexicon.as_it_is,
        cast: Casting = one_speaker,
        code_rate: float = 1.0,
    ) -> Iterator[Segment | None]:
        """The segments, made one by one, with a bounded amount of work for each step.

        None where there is no segment yet, and it is others' turn. A text of 10 MB may have nothing to say.

        Args:
            language: a language tag, of the text.
            max_chars, pack_chars: as for `Segmenter`.
            quick: whether to begin with a short one, as `quick_start` does.
            pronounce: asked for each segment, so that a lexicon that changes is obeyed in the middle of a text.
            cast: asked for each part that names a voice or a language.
            code_rate: how fast codes are said, as a factor. Unless it is 1, each is a segment of its own.
        """

        def spoken(text: str, manner: Span, speaker: Speaker | None = None) -> Iterator[Segment]:
            read_in = language if speaker is None else speaker.read_in
            said = pronounce(text, read_in)
            for part, rate in dictation.parts(said, read_in, code_rate):
                yield Segment(
                    part, manner.rate * rate, intonation=manner.intonation, volume=manner.volume, speaker=speaker
                )

        def obeyed(spans: Iterator[Span | None]) -> Iterator[Segment | None]:
            ahead = quick
            for span in _with_codes_apart(spans, code_rate):
                if span is None:
                    yield None
                    continue
                named = span.voice is not None or span.language is not None
                speaker = cast(span.voice, span.language) if named else None
                text = normalization.said(span, language if speaker is None else speaker.read_in)
                pieces = _pieces(text, max_chars, pack_chars, quick=ahead)
                ahead = ahead and not text
                for piece in pieces:
                    if piece is None:
                        yield None
                    else:
                        yield from spoken(piece, span, speaker)
                yield from _silence(span.pause_s)

        pieces: Iterator[str] = iter([self.text])
        if self._spans is not None:
            yield from obeyed(iter(self._spans))
            return
        if self._unread:
            try:
                # Checked before the first word; not kept, for it may be large.
                for span in normalization.spans(self.text):
                    if span is None:
                        yield None
            except SpokenError as error:
                self._on_invalid(error)
                pieces = _between_tags(self.text)
            else:
                yield from obeyed(normalization.spans(self.text))
                return
        found = segments.slices(pieces, max_chars, pack_chars)
        for piece in segments.quick_start(found) if quick else found:
            if piece is None:
                yield None
            else:
                yield from _between_pauses(piece, spoken)


def _between_tags(text: str) -> Iterator[str]:
    """What stands between tags, and a space for each tag. A bracket that is no tag's stays."""
    start = 0
    while (end := text.find(">", start) + 1) > 0:
        tag = text.rfind("<", start, end)
        yield text[start : end if tag < 0 else tag]
        if tag >= 0:
            yield " "
        start = end
    yield text[start:]


def _between_pauses(text: str, spoken: _Spoken) -> Iterator[Segment]:
    """A piece of plain text, with silence where `[pause:1s]` stands in it."""
    start = 0
    for mark in PAUSE.finditer(text):
        if segments.speakable(said := text[start : mark.start()].strip()):
            yield from spoken(said, _PLAIN)
        yield from _silence(min(MAX_BREAK_S, float(mark[1]) / (1000 if mark[2].lower() == "ms" else 1)))
        start = mark.end()
    if not start or segments.speakable(text[start:]):
        yield from spoken(text[start:].strip(), _PLAIN)


def _with_codes_apart(spans: Iterator[Span | None], code_rate: float) -> Iterator[Span | None]:
    for span in spans:
        if span is None or code_rate == 1.0:
            yield span
        else:
            yield from normalization.with_codes_apart(span, code_rate)


def _silence(left_s: float) -> Iterator[Segment]:
    while left_s > 0:
        yield Segment("", pause_s=min(left_s, _PAUSE_WINDOW_S))
        left_s = round(left_s - _PAUSE_WINDOW_S, 3)


def _pieces(text: str, max_chars: int, pack_chars: int, *, quick: bool) -> Iterator[str | None]:
    """A span's text in segments; a marked word is never cut."""
    glued = [part.replace(" ", _GLUE) if index % 2 else part for index, part in enumerate(markup.split(text))]
    pieces = segments.slices(["".join(glued)], max_chars, pack_chars)
    for piece in segments.quick_start(pieces) if quick else pieces:
        yield None if piece is None else piece.replace(_GLUE, " ")
