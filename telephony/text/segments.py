"""Incremental text into segments: the pieces that an engine speaks in one breath.

Text may arrive whole or one character at a time; the segments are the same. A sentence ends once the character after
it confirms it ("$29.95" is no end, "J. Smith" and "e.g. this" neither). What is too long for one breath is divided at a
clause, else at a space, and only inside a word when there is no space at all. No I/O, no state beyond the buffer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from telephony.text import abbreviations

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
_ENDERS = ".!?…।"
_CJK_ENDERS = "。！？｡"
# Bounded, so that a page of dots costs no more than a page of words.
_MAX_MARKS = 8
_SENTENCE_END = re.compile(
    rf"[{re.escape(_ENDERS)}]{{1,{_MAX_MARKS}}}[{re.escape(_CLOSERS)}]{{0,{_MAX_MARKS}}}(?=\s)"
    rf"|[{_CJK_ENDERS}]{{1,{_MAX_MARKS}}}[{re.escape(_CLOSERS)}]{{0,{_MAX_MARKS}}}"
    rf"(?=[^{_CJK_ENDERS}{re.escape(_CLOSERS)}])"
    r"|\n"
)
# Vowels of Devanagari are marks, which are no part of a word for regular expressions.
_LAST_BEFORE_STOP = re.compile(r"(?:[^\W_]|[\u0900-\u0963])+(?:\.(?:[^\W_]|[\u0900-\u0963])+)*$")
_BEFORE_CHARS = 40
# What shows that a number with a stop is a German ordinal; that two letters, or one, do not end their sentence.
_ORDINAL_BEGINS = re.compile(
    r"(?<!\w)(?:der|die|den|dem|vom|zum|zur|im|beim|(?<!I\s)am|(?:[mds]ein|ihr|unser|jed)(?:e[nrms]?)?)\s\d{1,3}$",
    re.IGNORECASE,
)
_TWO_LETTERS = re.compile(r"(?<!\w)(?:d\. ?h|u\. ?a|v\. ?a|o\. ?g|i\. ?d|т\. ?[ек])$", re.IGNORECASE)
_LETTER_ENDS = re.compile(r"(?:\d ?г|(?<!\w)т\. ?[дп])$")
# They stand before a name or a number: "г. Москва", "д. 5".
_RUSSIAN_LETTERS = "гдпсшк"
_CLAUSE_END = re.compile(r"[,;:—–،、，；：][\"'’”»)\]]*\s|[、，；：]")
_SAID = re.compile(r"[^\W_]|[%&@+=€$£¥°§]")
_SPACE = re.compile(r"\s")
_SPACES = re.compile(r"\s+")

_WORD = re.compile(r"[\w'’]+")
_CAPITALS = re.compile(r"[A-Z]{1,8}")
_ROMAN = re.compile(r"[IVXL]{2,8}")
_CODE_BEGINS = re.compile(r"[A-HJ-Z]\d{0,4}(?!\w)|[A-Z]{1,6}[\d/-]|[A-Z]{2}\s\d")
_BEHIND_ROAD = re.compile(r"(?:[NS][EW]|[BCDENSW])(?!\w)")
_CODE_MAY_BEGIN = re.compile(r"[A-Z]{2}\s?")
_STREET = re.compile(r"\s(?:[A-Z][\w']*|\d+(?:st|nd|rd|th)?)\s\w+$")
_MAX_ORDINAL_DIGITS = 3
# The longest word that decides whether a sentence has ended; a longer one does not.
_DECIDING_CHARS = 16
_LAST_WORD = re.compile(r"(\w[\w.]*)\s$")
# Amounts that begin with a capital.
_AMOUNTS = ("R$", "US$", "C$", "A$")
# A number, and what begins one: it belongs to the word before it.
_NUMBER_BEGINS = re.compile(r"[#$€£¥+(-]{0,2}\d|(?:R|US)\$\s?\d|[A-Z]{2}\s\d")


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
        end = _quick_end(segment) if len(segment) > _QUICK_CHARS else None
        if end is not None:
            yield segment[:end].rstrip()
            yield segment[end:].lstrip()
        else:
            yield segment
        break
    yield from segments


def _quick_end(segment: str) -> int | None:
    ends = (match.end() for match in _CLAUSE_END.finditer(segment, _QUICK_MIN_CHARS, _QUICK_CHARS + 1))
    return next((end for end in ends if end <= _QUICK_CHARS and not _belongs(segment, end)), None)


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
    if mark[0] in "!?।" and mark[-1] not in _CLOSERS and not spaced:
        return True
    if not following:
        return True if "\n" in text[match.end() :] else None
    if following[0] == "»" or (following[0].islower() and not (spaced and mark[0] in "!?")):
        return False
    if mark.rstrip(_CLOSERS) != ".":
        return True
    return _word_ends(text[max(0, match.start() - _BEFORE_CHARS) : match.start()], following)


def _word_ends(before: str, following: str) -> bool | None:
    """Whether the last word of `before`, with a stop behind it, ends its sentence; None as above."""
    word_match = _LAST_BEFORE_STOP.search(before)
    if word_match is None:
        return True
    word = word_match.group()
    shortened = word.lower()
    if word.isdecimal() and len(word) <= _MAX_ORDINAL_DIGITS:
        return _number_ends(before, following)
    if _TWO_LETTERS.search(before):
        return False
    if len(word) == 1 and word != "I":
        return (
            _letter_ends(word, following) if word not in _RUSSIAN_LETTERS else _LETTER_ENDS.search(before) is not None
        )
    if word in abbreviations.GERMAN_DAYS and not following[0].isupper():
        return _ends_before(shortened, following)
    return _abbreviation_ends(before, word, following)


def _abbreviation_ends(before: str, word: str, following: str) -> bool | None:
    """The same for a word of several letters."""
    shortened = word.lower()
    if word in abbreviations.CAPITALISED:
        return False
    if (
        shortened in abbreviations.BEFORE_NUMBERS
        or shortened in abbreviations.WITH_STOP
        or (shortened.endswith(("str", "nr")) and following[0].isdecimal())
    ):
        return _ends_before(shortened, following)
    if shortened in abbreviations.BEFORE_NAMES and shortened not in abbreviations.STREETS:
        return False
    if shortened in abbreviations.LATIN or not (_is_dotted(word) or shortened in abbreviations.STREETS):
        return shortened not in abbreviations.LATIN
    if shortened in abbreviations.STREETS and _STREET.search(before) is None:
        return False
    return _begins_sentence(following)


def _letter_ends(letter: str, following: str) -> bool | None:
    """Whether a letter with a stop ends its sentence; None while the text after it is not complete."""
    if letter.isupper() or letter == "u" or following[0].isdigit():  # German "u." is "and"
        return False
    # "s. XXI" is a century, "a. C." an era, "n. AB12" a number.
    if letter in "nv" and "Chr.".startswith(following[:4]):
        return False if len(following) >= len("Chr.") else None
    capitals = _CAPITALS.match(following)
    if capitals is None:
        return True
    if capitals.end() == len(following) and len(following) < _DECIDING_CHARS:
        return None
    rest = following[capitals.end() :][:1]
    if letter == "n" and (rest.isdigit() or rest in ("-", "/")):
        return False
    era = len(capitals.group()) == 1 and rest == "."
    return not (era or (_ROMAN.fullmatch(capitals.group()) and not rest.isalnum()))


def _number_ends(before: str, following: str) -> bool | None:
    """Whether a short number with a stop ends its sentence; None as above."""
    if not following[0].isupper():
        return not following[0].isdecimal() or _ORDINAL_BEGINS.search(before) is None
    if _ORDINAL_BEGINS.search(before):
        return False
    word = _first_word(following)
    return None if word is None else word.lower() not in abbreviations.GERMAN_ORDINALS


def _ends_before(shortened: str, following: str) -> bool | None:
    """Whether a word that stands before numbers ends its sentence; None as above."""
    if not following[0].isupper():
        if following[0] in "'’":  # of a year: "Oct. '26"
            return None if len(following) == 1 else not following[1].isdigit()
        return not (following[0].isdigit() or following[0] in "#$€£+-−–—&/,;:(@%")
    if following.startswith(_AMOUNTS):
        return False
    word = _first_word(following)
    if word is None:
        return None
    if _ROMAN.fullmatch(word):
        return False
    if shortened in abbreviations.ROADS and _BEHIND_ROAD.match(following):
        return False
    if shortened in abbreviations.LETTERED and _CODE_MAY_BEGIN.fullmatch(following):
        return None
    if shortened in abbreviations.LETTERED and _CODE_BEGINS.match(following):
        return False
    return not (shortened in abbreviations.TIMES and word.lower() in abbreviations.AFTER_TIMES)


def _begins_sentence(following: str) -> bool | None:
    """Whether a text begins as sentences do; None while its first word is not complete."""
    word = _first_word(following)
    return None if word is None else word.lower().replace("’", "'") in abbreviations.SENTENCE_STARTS


def _first_word(following: str) -> str | None:
    word = _WORD.match(following)
    if word is None:
        return ""
    return None if word.end() == len(following) < _DECIDING_CHARS else word.group()


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
    clauses = [match.end() for match in _CLAUSE_END.finditer(head) if not _belongs(head, match.end())]
    # A clause in the first third would leave a stump of a segment.
    if clauses and clauses[-1] >= max_chars // 3:
        return min(clauses[-1], max_chars)
    spaces = [match.end() for match in _SPACE.finditer(head)]
    apart = [end for end in spaces if not _belongs(head, end)]
    if apart and apart[-1] >= max_chars // 3:
        return min(apart[-1], max_chars)
    return min(spaces[-1], max_chars) if spaces else max_chars


def _belongs(text: str, place: int) -> bool:
    """Whether what follows a place belongs to what stands before it: a number to its word, a word to its number."""
    if _NUMBER_BEGINS.match(text, place):
        return True
    before = _LAST_WORD.search(text[max(0, place - _DECIDING_CHARS) : place])
    if before is None:
        return False
    word = before[1].lower()
    return word[-1].isdigit() or word.removesuffix(".") in abbreviations.BEFORE_NAMES | abbreviations.BEFORE_NUMBERS
