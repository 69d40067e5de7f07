"""From what a language model writes to what a caller should hear.

`normalize` says one segment of plain text in words; `spans` reads an SSML document. Both are pure, take time in
proportion to the text, and leave Kokoro's inline markup (`[word](/phonemes/)`) as it is; a substitution is read as what
it has said. In the languages that have
rules nothing that leaves here has a digit or a symbol (outside that markup), so no engine reads numbers its own way;
in others only layout, pictures and tags are taken away.

What is shortened is read where it stands: a segment must not be cut inside a number or a date.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import zip_longest

from telephony.text import markup
from telephony.text.markup import INLINE
from telephony.text.normalization import amounts, codes, dates, internet, ssml, words
from telephony.text.normalization.cleaning import ascii_digits, clean, printable
from telephony.text.normalization.dictation import CodesApart
from telephony.text.normalization.english import BritishEnglish, English
from telephony.text.normalization.french import French
from telephony.text.normalization.german import German
from telephony.text.normalization.hindi import Hindi
from telephony.text.normalization.italian import Italian
from telephony.text.normalization.language import Language
from telephony.text.normalization.portuguese import EuropeanPortuguese, Portuguese
from telephony.text.normalization.rules import Rule, Stage, applied
from telephony.text.normalization.russian import Russian
from telephony.text.normalization.spanish import MexicanSpanish, Spanish
from telephony.text.normalization.ssml import MAX_BREAK_S, Span, SpokenError, with_codes_apart

__all__ = [
    "MAX_BREAK_S",
    "Span",
    "SpokenError",
    "as_written",
    "is_document",
    "normalize",
    "read_out",
    "said",
    "spans",
    "steps",
    "with_codes_apart",
]

_DOCUMENT = re.compile(r"(?:<\?xml[^>]{0,200}\?>\s{0,200})?(?:<!--|<!DOCTYPE\b|<speak[\s>/])")
# In place of marked words, while the others are read: letters that no rule knows, behind a capital.
_STAND_IN, _MAX_STAND_INS = 0xA000, 1000
_LANGUAGES = {
    "en": English(),
    "pt": Portuguese(),
    "es": Spanish(),
    "fr": French(),
    "it": Italian(),
    "de": German(),
    "ru": Russian(),
    "hi": Hindi(),
}
_REGIONAL = {"en-gb": BritishEnglish(), "pt-pt": EuropeanPortuguese(), "es-mx": MexicanSpanish()}

_SHARED: Mapping[Stage, Callable[[Language], list[Rule]]] = {
    Stage.INTERNET: lambda language: [*codes.key_rules(language), *internet.rules(language)],
    Stage.WORDS: words.rules,
    Stage.CODES: codes.rules,
    Stage.MONEY: amounts.money_rules,
    Stage.DATES: dates.rules,
    Stage.TELEPHONE: codes.telephone_rules,
    Stage.RANGES: amounts.range_rules,
    Stage.TIMES: dates.time_rules,
    Stage.ORDINALS: lambda language: [],
    Stage.MEASURES: amounts.measure_rules,
    Stage.DIGITS: codes.long_rules,
    Stage.NUMBERS: amounts.number_rules,
    Stage.SYMBOLS: words.symbol_rules,
}


def normalize(text: str, language: str) -> str:
    """A text in words.

    Args:
        text: plain text, best a sentence; tags in it are dropped, not obeyed.
        language: a language tag, such as "en-US"; the region decides where customs differ.

    Returns:
        What to say; empty where there is nothing to say.
    """
    known = _language(language)
    return _in_words(text, None if known is None else _rules(known))


def read_out(text: str, language: str) -> list[tuple[str, bool]]:
    """The words of `normalize`, each with whether it is a code: that is one word, with spaces in it.

    They may be other ones where a rule looks at the words of a code that another one has said.

    Args:
        text, language: as for `normalize`.
    """
    known = _language(language)
    if known is None:
        return [(word, False) for word in markup.words(normalize(text, language))]
    apart = CodesApart(_rules(known))
    return apart.words(_in_words(text, apart.rules))


def steps(text: str, language: str) -> Iterator[tuple[str, str]]:
    """How a text comes to be said: the rules that change it by name, each with the text behind it.

    Args:
        text: plain text without inline markup.
        language: a language tag.
    """
    known, last = _language(language), text
    for rule, said in _steps(text, None if known is None else _rules(known)):
        if said.strip() != last.strip():
            yield rule, said
        last = said


def is_document(text: str) -> bool:
    """Whether a text is meant as an SSML document: its first element is `<speak>`."""
    return _DOCUMENT.match(text.lstrip()) is not None


def spans(document: str) -> Iterator[Span | None]:
    """The spans of an SSML document, in any language; see `said`. None where it is others' turn.

    Raises:
        SpokenError: it is not valid; on the way.
    """
    return ssml.document(document.strip())


def said(span: Span, language: str) -> str:
    """The text of a span, in words as far as it is declared what it is; the rest is still for `normalize`."""
    return ssml.said(span, lambda part, kind, layout: _say_as(part, kind, layout, language))


def as_written(span: Span) -> str:
    """The text of a span, what is declared as it stands in the document."""
    return ssml.said(span, lambda part, kind, layout: part)


def _language(tag: str) -> Language | None:
    tag = tag.lower().replace("_", "-")
    return _REGIONAL.get(tag) or _LANGUAGES.get(tag.split("-")[0])


@lru_cache(maxsize=16)
def _rules(language: Language) -> Sequence[Rule]:
    return [rule for stage in Stage for rule in (*language.rules(stage), *_SHARED[stage](language))]


def _in_words(text: str, rules: Sequence[Rule] | None) -> str:
    parts = INLINE.split(markup.spoken(text))
    marked = parts[1::2]
    if 0 < len(marked) <= _MAX_STAND_INS:
        # "Dr." is Doctor before a name, however the name is said.
        stand_ins = [f"X{chr(_STAND_IN + number)}" for number in range(len(marked))]
        said = _said("".join(map("".join, zip_longest(parts[::2], stand_ins, fillvalue=""))), rules)
        if all(said.count(stand_in) == 1 for stand_in in stand_ins):
            for stand_in, mark in zip(stand_ins, marked, strict=True):
                said = said.replace(stand_in, mark)
            return " ".join(said.split())
    pieces = [part if index % 2 else _said(part, rules) for index, part in enumerate(parts)]
    return " ".join("".join(pieces).split())


def _said(text: str, rules: Sequence[Rule] | None) -> str:
    if not text or text.isspace():
        return text
    said = text
    for _, said in _steps(text, rules):  # noqa: B007  the last is asked for
        pass
    before, after = (" " if edge.isspace() else "" for edge in (text[0], text[-1]))
    return f"{before}{said.strip()}{after}"


def _steps(text: str, rules: Sequence[Rule] | None) -> Iterator[tuple[str, str]]:
    cleaned = clean(text)
    if rules is None:
        yield "layout", printable(cleaned)
        return
    said = ascii_digits(cleaned)
    yield "layout", said
    for rule, said in applied(rules, said):  # noqa: B020  each step goes on with the last
        yield rule.name, said
    yield "marks", words.sweep(said)


def _say_as(text: str, kind: str, layout: str, tag: str) -> str:
    language = _language(tag)
    if language is None:
        return " ".join(text) if kind in ("digits", "characters", "spell-out") else normalize(text, tag)
    said: str | None = None
    text = ascii_digits(text)
    digits = re.sub(r"\D", "", text)
    if kind in ("characters", "spell-out"):
        said = codes.spelled(text, language, with_words=layout == "alphabet")
    elif kind == "digits" and digits:
        said = codes.digit_groups(re.findall(r"\d+", text), language)
    elif kind == "telephone" and digits:
        said = codes.telephone(text, language, certain=True)
    elif kind == "currency":
        said = amounts.currency(text, language)
    elif kind == "time":
        said = dates.time(text, language)
    elif kind == "date":
        said = dates.as_laid_out(text, layout, language)
    elif kind == "ordinal" and digits and int(digits[:15]):
        said = language.ordinal(int(digits[:15]))
    elif kind in ("cardinal", "number") and text.isdecimal():
        said = language.cardinal(int(text[:18]))
    return normalize(text, tag) if said is None else said
