"""Incremental text into segments: the pieces that an engine speaks in one breath.

Text may arrive whole or one character at a time; the segments are the same. A sentence ends once the character after
it confirms it ("$29.95" is no end, "J. Smith" and "e.g. this" neither). What is too long for one breath is divided at a
clause, else at a space, and only inside a word when there is no space at all. No I/O, no state beyond the buffer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

DEFAULT_MAX_CHARS = 320
"""Under Kokoro's 510 phonemes a pass for nearly all text (English has about 1.1 a character, with stress marks)."""

# Of a text that is there whole, so many characters are read in one go, in about a millisecond; a piece costs as much as
# so many of them.
_SLICE_CHARS = 1024
_PIECE_CHARS = 16

# A first segment up to so long (about six seconds) is prepared so quickly that a division would gain nothing audible; a
# clause shorter than the other figure would leave too little sound to prepare the rest behind.
_QUICK_CHARS = 100
_QUICK_MIN_CHARS = 25

_CLOSERS = "\"'’”»)]}›」』】）*_"
_ENDERS = ".!?…"
_CJK_ENDERS = "。！？｡"
# Bounded, so that a page of dots costs no more than a page of words.
_MAX_MARKS = 8
_SENTENCE_END = re.compile(
    rf"[{re.escape(_ENDERS)}]{{1,{_MAX_MARKS}}}[{re.escape(_CLOSERS)}]{{0,{_MAX_MARKS}}}(?=\s)"
    rf"|[{_CJK_ENDERS}]{{1,{_MAX_MARKS}}}[{re.escape(_CLOSERS)}]{{0,{_MAX_MARKS}}}"
    rf"(?=[^{_CJK_ENDERS}{re.escape(_CLOSERS)}])"
    r"|\n"
)
_WORD_BEFORE_STOP = re.compile(r"([^\W_]+(?:\.[^\W_]+)*)\.$")
_CLAUSE_END = re.compile(r"[,;:—–،、，；：][\"'’”»)\]]*\s|[、，；：]")
_SAID = re.compile(r"[^\W_]|[%&@+=€$£¥°§]")
_SPACE = re.compile(r"\s")
_SPACES = re.compile(r"\s+")

# What a full stop does not end: titles, shortened words and Latin, in the languages that the engines speak. One-letter
# "words" (initials) and words with inner full stops ("e.g", "U.S", "a.m") need no entry.
_ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof rev hon sr jr st mt ft gen col capt lt sgt cmdr adm gov sen rep pres supt "
    "vs etc al cf ca approx dept est fig figs vol ch sec no nos pp ed eds inc ltd corp co bros ave blvd rd hwy ext tel "
    "jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri sat sun "
    "sra srta dra ud uds pág núm av avda tfno dña art "
    "mme mlle mgr env réf "
    "sig dott ing avv geom rag spett gent egr pag "
    "exmo exma ilmo ilma eng arq "
    "str nr bzw usw ggf evtl z.b d.h".split()
)
# Of these a full stop may end a sentence as well; the next word's capital decides.
_ALSO_LAST_WORDS = frozenset("etc al inc ltd corp co bros jr ave blvd rd st no a.m p.m".split())


class Segmenter:
    """Collects text and hands out segments.

    Args:
        max_chars: the longest segment, in characters.
        pack_chars: short sentences are joined while they fit into this many characters; 0 keeps them apart. Joining
            gives the prosody of one long pass; keeping apart gives the first audio early.
    """

    def __init__(self, max_chars: int = DEFAULT_MAX_CHARS, pack_chars: int = 0) -> None:
        self._max_chars = max_chars
        self._pack_chars = min(pack_chars, max_chars)
        self._pending = ""
        self._packed = ""
        self._searched = 0

    def push(self, text: str) -> Iterator[str]:
        """Takes more text; yields the segments that are certain to be complete."""
        # A run of white space counts as one: only whether it holds a line break matters.
        if self._pending[-1:].isspace():
            text = self._pending[-1] + text
            self._pending = self._pending[:-1]
            self._searched = min(self._searched, len(self._pending))
        self._pending += _SPACES.sub(lambda run: "\n" if "\n" in run.group() else " ", text)
        if self._pending.startswith(" "):
            self._pending = self._pending[1:]
        while (end := self._next_end()) is not None:
            sentence, self._pending = self._pending[:end], self._pending[end:].removeprefix(" ")
            self._searched = 0
            yield from self._emit(sentence)
            if sentence.endswith("\n"):
                yield from self._unpack()  # a paragraph is a breath of its own

    def flush(self) -> Iterator[str]:
        """Yields what is left: the text has ended. The segmenter is empty and usable afterwards."""
        rest, self._pending, self._searched = self._pending, "", 0
        yield from self._emit(rest)
        yield from self._unpack()

    def reset(self) -> None:
        """Forgets what is buffered (barge-in)."""
        self._pending = self._packed = ""
        self._searched = 0

    def _next_end(self) -> int | None:
        """Where the first complete sentence (or the longest breath) of the buffer ends; None while it is open."""
        # Only new text is searched: a long stream without full stops must not cost its square.
        for match in _SENTENCE_END.finditer(self._pending, self._searched):
            if len(match.group().rstrip("\n")) + match.start() > self._max_chars:
                break
            verdict = _ends_sentence(self._pending, match)
            if verdict is None:
                self._searched = match.start()
                return self._forced_end()
            if verdict:
                return match.end()
        else:
            self._searched = _open_tail(self._pending, self._searched)
        return self._forced_end()

    def _forced_end(self) -> int | None:
        # Trailing space does not count: only the word behind it can say whether the sentence has ended.
        if len(self._pending.rstrip()) <= self._max_chars:
            return None
        return _cut(self._pending, self._max_chars)

    def _emit(self, sentence: str) -> Iterator[str]:
        for piece in _divide(sentence.strip(), self._max_chars):
            if not speakable(piece):
                continue
            joined = f"{self._packed} {piece}" if self._packed else piece
            if len(joined) <= self._pack_chars:
                self._packed = joined
                continue
            yield from self._unpack()
            if len(piece) <= self._pack_chars:
                self._packed = piece
            else:
                yield piece

    def _unpack(self) -> Iterator[str]:
        packed, self._packed = self._packed, ""
        if packed:
            yield packed


def split(text: str, max_chars: int = DEFAULT_MAX_CHARS, pack_chars: int = 0) -> Iterator[str]:
    """The segments of a text that is there whole, one by one, as `Segmenter` gives them."""
    return (segment for segment in slices([text], max_chars, pack_chars) if segment is not None)


def slices(pieces: Iterable[str], max_chars: int = DEFAULT_MAX_CHARS, pack_chars: int = 0) -> Iterator[str | None]:
    """The segments of a text that is there in pieces, as `Segmenter` gives them.

    None where there is none yet, and so much was read that it is others' turn: a text may be long and say nothing.
    """
    segmenter = Segmenter(max_chars, pack_chars)
    read = 0
    for piece in pieces:
        for start in range(0, len(piece), _SLICE_CHARS):
            if read >= _SLICE_CHARS:
                yield None
                read = 0
            part = piece[start : start + _SLICE_CHARS]
            read += len(part) + _PIECE_CHARS
            yield from segmenter.push(part)
    yield from segmenter.flush()


def quick_start(segments: Iterator[str | None]) -> Iterator[str | None]:
    """The same segments, a long first one divided behind its first clause: less to prepare before the first sound."""
    for segment in segments:
        if segment is None:
            yield None
            continue
        clause = _CLAUSE_END.search(segment, _QUICK_MIN_CHARS) if len(segment) > _QUICK_CHARS else None
        if clause is not None and clause.end() <= _QUICK_CHARS:
            yield segment[: clause.end()].rstrip()
            yield segment[clause.end() :].lstrip()
        else:
            yield segment
        break
    yield from segments


def speakable(text: str) -> bool:
    """Whether there is anything to say: a letter or a digit of any script, or a symbol that has a name."""
    return _SAID.search(text) is not None


def _open_tail(text: str, searched: int) -> int:
    """From where the next search has to start: a run of closers at the end may still belong to a sentence end."""
    end = len(text)
    while end > max(searched, len(text) - 2 * _MAX_MARKS) and text[end - 1] in _ENDERS + _CJK_ENDERS + _CLOSERS:
        end -= 1
    return end


def _ends_sentence(text: str, match: re.Match[str]) -> bool | None:
    """Whether a candidate ends a sentence; None while the text after it has to say so and has not come yet."""
    mark = match.group()
    if mark == "\n" or mark[0] in _CJK_ENDERS:
        return True
    following = text[match.end() :].lstrip()
    spaced = text[max(0, match.start() - 1) : match.start()].isspace()  # as French has it: « Ainsi ! »
    if mark[0] in "!?" and mark[-1] not in _CLOSERS and not spaced:
        return True
    if not following:
        return True if "\n" in text[match.end() :] else None
    if following[0] == "»" or (following[0].islower() and not (spaced and mark[0] in "!?")):
        return False
    if mark.rstrip(_CLOSERS) != ".":
        return True
    word_match = _WORD_BEFORE_STOP.search(text[max(0, match.start() - 40) : match.start() + 1])
    if word_match is None:
        return True
    word = word_match.group(1)
    if word.lower() in _ALSO_LAST_WORDS:
        return following[0].isupper() and not following[0].isdigit() and word.lower() not in ("st", "no")
    if word.lower() in _ABBREVIATIONS or _is_dotted(word):
        return False
    return not (len(word) == 1 and word.isupper() and word != "I")


def _is_dotted(word: str) -> bool:
    """Whether a word is shortened to letters with stops between them: e.g, U.S, a.m; not 29.95, not example.com."""
    parts = word.split(".")
    return len(parts) > 1 and all(len(part) <= 2 and part.isalpha() for part in parts)


def _divide(sentence: str, max_chars: int) -> Iterator[str]:
    while len(sentence) > max_chars:
        end = _cut(sentence, max_chars)
        yield sentence[:end].rstrip()
        sentence = sentence[end:].lstrip()
    if sentence:
        yield sentence


def _cut(text: str, max_chars: int) -> int:
    """Where to cut a text that is longer than `max_chars`: behind a clause, else a space, else anywhere."""
    head = text[: max_chars + 1]
    clauses = [match.end() for match in _CLAUSE_END.finditer(head)]
    # A clause in the first third would leave a stump of a segment.
    if clauses and clauses[-1] >= max_chars // 3:
        return min(clauses[-1], max_chars)
    spaces = [match.end() for match in _SPACE.finditer(head)]
    return min(spaces[-1], max_chars) if spaces else max_chars
