"""A subset of SSML: say-as, break, phoneme, sub, prosody, emphasis, voice, lang; p and s for structure."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from xml.parsers import expat

from telephony.speech import NEUTRAL, Intonation
from telephony.text import markup, prosody
from telephony.text.markup import INLINE

MAX_DEPTH = 32
MAX_BREAK_S = 10.0
_RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.5}
_STRENGTHS = {"none": 0.0, "x-weak": 0.1, "weak": 0.2, "medium": 0.4, "strong": 0.7, "x-strong": 1.0}
_SLOWEST, _FASTEST = 0.5, 2.0
_PIECE_CHARS = 1024
# Of inline markup, in characters.
_MAX_WORD, _MAX_PHONEMES = 200, 300
# Of the text inside an element that says how, in characters: it is said in one go.
_MAX_DECLARED = 500
# Of a tag, a comment or an instruction: the parser begins each one anew with every piece until it has all of it.
_MAX_MARKUP_BYTES = 16 * 1024
# A stretch without any element is several spans beyond so many characters, so that each is quickly put together.
_SPILL_CHARS = 8192
_BREATHS = (". ", "! ", "? ", "\n")
_SAY_AS = frozenset("digits characters spell-out telephone currency date time cardinal ordinal number".split())
# How fast what is emphasised is, and the pause before it in seconds.
_EMPHASES = {"strong": (0.8, 0.15), "moderate": (0.9, 0.05), "none": (1.0, 0.0), "reduced": (1.15, 0.0)}
_TRANSPARENT = frozenset("speak p s voice lang mark prosody emphasis".split())
# What begins and ends a span.
_DIVIDING = _TRANSPARENT - {"mark"}
_MAX_NAME = 200
_DURATION = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)(ms|s)")
_PERCENTAGE = re.compile(r"(\d{1,4}(?:\.\d{1,3})?)%")
_MARKUP = str.maketrans("", "", "[]()/")


class SpokenError(ValueError):
    """A document that is no valid SSML, and where it is not.

    Attributes:
        line, column: the place, both from 1.
    """

    def __init__(self, why: str, line: int, column: int) -> None:
        super().__init__(f"SSML, line {line}, column {column}: {why}")
        self.line = line
        self.column = column


@dataclass(frozen=True)
class Span:
    """A stretch of speech.

    Attributes:
        text: what to say, as it is written; `said` has it in a language. May be empty where there is only a pause.
        rate: how fast, as a factor of the voice's speed.
        pause_s: silence behind it, in seconds.
        intonation, volume: see `Segment`.
        voice: the name of who is to say it; None: who says the rest.
        language: what it is written in; None: what the rest is.
    """

    text: str
    rate: float = 1.0
    pause_s: float = 0.0
    intonation: Intonation = NEUTRAL
    volume: float = 1.0
    voice: str | None = None
    language: str | None = None


@dataclass(frozen=True)
class _Open:
    name: str
    manner: Span
    """How what is inside is said: a span without a text."""
    say: Callable[[str], str] | None
    """How the text directly inside is said; None: as any text."""


Inner = Callable[[str], str]
SayAs = Callable[[str, str, str], str]

# Around a text that is declared to be something, before it is said in a language: kind, layout, text. For private use.
_MARK, _BETWEEN = "\ue001", "\ue002"
# Such a text that is read character by character, with the punctuation behind it; as the only group of it.
_READ_OUT = re.compile(
    f"({_MARK}(?:characters|spell-out|digits|telephone){_BETWEEN}[^{_MARK}]*{_MARK}[.,;:!?)\"'”’»]*)"
)
_UNMARKED = str.maketrans(dict.fromkeys(_MARK + _BETWEEN + markup.PRIVATE, " "))
_DECLARED = re.compile(f"{_MARK}([a-z-]+){_BETWEEN}([^{_MARK}{_BETWEEN}]*){_BETWEEN}([^{_MARK}]*){_MARK}")


def document(text: str) -> Iterator[Span | None]:
    """The spans of an SSML document, read as far as they are asked for. Their language is still open: see `said`.

    None where there is none yet, and so much was read that it is others' turn.

    Args:
        text: the document, with `<speak>` as its root.

    Raises:
        SpokenError: it is not well-formed, has a document type, or an element or a value that is not supported.
    """
    return _Reader().read(text.translate(_UNMARKED))


def said(span: Span, say_as: SayAs) -> str:
    """The text of a span, what is declared in it said by `say_as` (text, interpret-as, format)."""
    return " ".join(_DECLARED.sub(lambda found: say_as(found[3].strip(), found[1], found[2]), span.text).split())


def with_codes_apart(span: Span, rate: float) -> Iterator[Span]:
    """A span in parts; those that are declared to be read character by character are said at `rate` times its rate."""
    pieces = [(text, index % 2) for index, text in enumerate(_READ_OUT.split(span.text)) if text.strip()]
    parts = [replace(span, text=text, rate=span.rate * (rate if is_code else 1.0)) for text, is_code in pieces]
    for part in parts[:-1]:
        yield replace(part, pause_s=0.0)
    yield parts[-1] if parts else span


class _Reader:
    def __init__(self) -> None:
        self._open: list[_Open] = []
        self._spans: deque[Span] = deque()
        self._said: list[str] = []
        self._said_chars = 0
        self._inner: list[str] = []
        self._inner_chars = 0
        self._fed_bytes = 0
        self._parser = expat.ParserCreate(encoding="utf-8")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        # Entities are how a small document becomes a large one, or reads a file; SSML needs none.
        self._parser.StartDoctypeDeclHandler = self._doctype

    def read(self, text: str) -> Iterator[Span | None]:
        for start in range(0, len(text), _PIECE_CHARS):
            if start:
                yield None
            self._feed(text[start : start + _PIECE_CHARS], last=False)
            # A break may still lengthen the pause of the last one.
            while len(self._spans) > 1:
                yield self._spans.popleft()
        self._feed("", last=True)
        self._close_span(0.0)
        yield from self._spans

    def _feed(self, text: str, last: bool) -> None:
        data = text.encode("utf-8", "replace")
        try:
            self._parser.Parse(data, last)
        except expat.ExpatError as error:
            raise SpokenError(expat.ErrorString(error.code), error.lineno, error.offset + 1) from None
        self._fed_bytes += len(data)
        if self._fed_bytes - self._parser.CurrentByteIndex > _MAX_MARKUP_BYTES:
            raise self._fail(f"a tag or a comment has at most {_MAX_MARKUP_BYTES} bytes")

    def _fail(self, why: str) -> SpokenError:
        return SpokenError(why, self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber + 1)

    def _doctype(self, *_: object) -> None:
        raise self._fail("document types are not allowed")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._open and name != "speak":
            raise self._fail("the root is not speak")
        if self._open and (self._open[-1].say is not None or name == "speak"):
            raise self._fail(f"no {name} inside {self._open[-1].name}")
        if len(self._open) >= MAX_DEPTH:
            raise self._fail(f"more than {MAX_DEPTH} elements inside each other")
        manner = self._manner
        if name == "break":
            self._close_span(self._pause(attributes))
        elif name == "prosody":
            self._close_span(0.0)
            manner = self._prosody(attributes, manner)
        elif name == "emphasis":
            level = attributes.get("level", "moderate")
            if level not in _EMPHASES:
                raise self._fail("a level of emphasis is one of " + ", ".join(_EMPHASES))
            faster, pause_s = _EMPHASES[level]
            self._close_span(pause_s)
            manner = replace(manner, rate=min(_FASTEST, max(_SLOWEST, manner.rate * faster)))
        elif name in ("p", "s", "voice", "lang"):
            self._close_span(0.0)
            manner = self._spoken_by(name, attributes, manner)
        say = self._saying(name, attributes)
        if say is not None:
            self._inner = []
            self._inner_chars = 0
        self._open.append(_Open(name, manner, say))

    @property
    def _manner(self) -> Span:
        return self._open[-1].manner if self._open else Span("")

    def _prosody(self, attributes: dict[str, str], outer: Span) -> Span:
        """How a prosody element has it said."""
        intonation = outer.intonation
        try:
            if "pitch" in attributes:
                intonation = intonation.then(prosody.pitch(attributes["pitch"]))
            if "range" in attributes:
                intonation = intonation.then(prosody.pitch_range(attributes["range"]))
            volume = prosody.volume(attributes["volume"], outer.volume) if "volume" in attributes else outer.volume
        except ValueError as error:
            raise self._fail(str(error)) from None
        rate = self._rate(attributes.get("rate", "medium"), outer.rate)
        return replace(outer, rate=rate, intonation=intonation, volume=volume)

    def _spoken_by(self, name: str, attributes: dict[str, str], outer: Span) -> Span:
        """Who says what is in a voice element, and in which language."""
        language = attributes.get("xml:lang", "").strip()[:_MAX_NAME] or outer.language
        # Of several names the first that there is would do; documents name one.
        names = attributes.get("name", "").split() if name == "voice" else []
        return replace(outer, voice=names[0][:_MAX_NAME] if names else outer.voice, language=language)

    def _saying(self, name: str, attributes: dict[str, str]) -> Inner | None:
        """How the text directly inside an element is said; None: as any text."""
        if name == "break":
            return _nothing
        if name == "sub":
            alias = self._required(attributes, name, "alias")
            return lambda written: _substituted(written, alias)
        if name == "phoneme":
            if attributes.get("alphabet", "ipa") != "ipa":
                raise self._fail("the only alphabet of phonemes is ipa")
            phonemes = self._required(attributes, name, "ph").translate(_MARKUP).strip()
            if not 0 < len(phonemes) <= _MAX_PHONEMES:
                raise self._fail(f"the ph of a phoneme has 1 to {_MAX_PHONEMES} characters")
            return lambda word: f"[{word.translate(_MARKUP).strip()[:_MAX_WORD] or '.'}](/{phonemes}/)"
        if name == "say-as":
            kind = self._required(attributes, name, "interpret-as")
            if kind not in _SAY_AS:
                raise self._fail("unknown interpret-as")
            layout = attributes.get("format", "")
            return lambda word: f"{_MARK}{kind}{_BETWEEN}{layout}{_BETWEEN}{word}{_MARK}" if word else ""
        if name not in _TRANSPARENT:
            raise self._fail("unknown element")
        return None

    def _end(self, name: str) -> None:
        closed = self._open[-1]
        if closed.say is not None:
            self._said.append(closed.say("".join(self._inner).strip()))
        elif name in _DIVIDING:
            self._close_span(0.0)
        self._open.pop()

    def _text(self, text: str) -> None:
        opened = self._open[-1]
        if opened.say is None:
            self._said_chars += len(text)
            self._said.append(text)
            if self._said_chars > _SPILL_CHARS:
                self._spill()
            return
        self._inner_chars += len(text)
        if self._inner_chars > _MAX_DECLARED:
            raise self._fail(f"the text inside {opened.name} has at most {_MAX_DECLARED} characters")
        self._inner.append(text)

    def _spill(self) -> None:
        """Closes the span behind its last sentence, else its last word; the rest begins the next one."""
        # No marked word is divided, be it that only its beginning has come.
        bare = INLINE.sub(lambda marked: "-" * len(marked[0]), self._said[-1])
        begun = bare.rfind("[", -_MAX_WORD - _MAX_PHONEMES)
        bare = bare[:begun] if begun > 0 else bare
        end = max(map(bare.rfind, _BREATHS)) + 1 or bare.rfind(" ") + 1 or len(bare)
        rest = self._said[-1][end:]
        self._said[-1] = self._said[-1][:end]
        self._close_span(0.0)
        self._said = [rest]
        self._said_chars = len(rest)

    def _close_span(self, pause: float) -> None:
        text = " ".join("".join(self._said).split())
        self._said = []
        self._said_chars = 0
        if text:
            self._spans.append(replace(self._manner, text=text, pause_s=pause))
        elif pause and self._spans:
            last = self._spans[-1]
            self._spans[-1] = replace(last, pause_s=min(MAX_BREAK_S, last.pause_s + pause))
        elif pause:
            self._spans.append(replace(self._manner, pause_s=pause))

    def _required(self, attributes: dict[str, str], name: str, attribute: str) -> str:
        value = attributes.get(attribute, "").strip()
        if not value:
            raise self._fail(f"{name} without {attribute}")
        return value

    def _pause(self, attributes: dict[str, str]) -> float:
        if "time" not in attributes:
            strength = attributes.get("strength", "medium")
            if strength not in _STRENGTHS:
                raise self._fail("unknown strength of a break")
            return _STRENGTHS[strength]
        match = _DURATION.fullmatch(attributes["time"].strip())
        if match is None:
            raise self._fail("a break's time is no duration, such as 500ms or 1.5s")
        return min(MAX_BREAK_S, float(match[1]) / (1000 if match[2] == "ms" else 1))

    def _rate(self, value: str, outer: float) -> float:
        match = _PERCENTAGE.fullmatch(value.strip())
        if match is None and value not in _RATES:
            raise self._fail("a rate is neither a percentage nor one of " + ", ".join(_RATES))
        rate = outer * (float(match[1]) / 100 if match else _RATES[value])
        return min(_FASTEST, max(_SLOWEST, rate))


def _substituted(written: str, alias: str) -> str:
    """An alias in place of what is written. A long one may be divided: it is text as any other."""
    if not written or len(written) + len(alias) > _MAX_WORD:
        return alias
    return markup.substitution(written, " ".join(alias.split()))


def _nothing(_: str) -> str:
    return " "
