"""Parts of speech mended where the tagger errs and a caller would hear it: words that are said in two ways.

misaki chooses between the sounds of "read", "close" and their like by the part of speech alone. Where that does not
tell them apart (the lead of a team, the lead in a pipe), a tag of this module's own does: `METAL`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from telephony.engines.kokoro.tokenizer import Token

METAL = "METAL"
"""The tag of lead that is a metal."""

_REACH = 30  # words to either side that a rule sees, so that a text without full stops takes no longer

_PUNCTUATION = frozenset([".", ",", ":", "``", "''", "-LRB-", "-RRB-", "NFP", "$", "#"])
_NOUNS = ("NN", "NNS", "NNP", "NNPS")
_FINITE = frozenset("MD VB VBD VBG VBN VBP VBZ".split())
_BE = frozenset("am 'm is 's are 're was were be been being".split())
_LINKING = _BE | frozenset("seem seems seemed feel feels felt look looks sound sounds remain remains".split())
_GET = frozenset("become get gets getting got".split())
_PEOPLE = frozenset("i you he she we they everyone everybody customers people".split())
_HAVE = frozenset("have has had".split())
_DO = frozenset("do does did".split())
_MODALS = frozenset("can could may might must shall should will would".split())

# Nouns or adjectives by one sound and verbs by another, of which the tagger misses the verb.
_VERBS_TOO = frozenset(
    "abuse close combine compress conduct conflict content contest contract convert decrease discharge estimate excuse "
    "export graduate house import increase insert object perfect permit present produce progress project record refund "
    "reject separate subject suspect transfer upgrade use".split()
)
# Those that a subject in the plural may stand before, unless it is a noun that stands before others.
_BEHIND_PLURALS = frozenset(
    "close conflict contract convert decrease graduate import increase object permit produce progress record refund "
    "transfer".split()
)
_PLURAL_MODIFIERS = frozenset("benefits communications customs earnings goods operations sales savings sports".split())
_TIMES = frozenset("today tomorrow tonight early late".split())

_HABITS = frozenset("always usually often normally generally typically regularly sometimes rarely daily".split())
_PAST = frozenset("yesterday last ago earlier".split())
_SUBORDINATORS = frozenset("if when whenever once before after while until as unless where".split())

_BEHIND_METAL = frozenset(
    "paint paints pipe pipes piping acid poisoning level levels exposure contamination testing hazard hazards solder "
    "weights dust fumes apron aprons crystal shielding shield abatement line lines content".split()
)
_METAL_AND_HYPHEN = frozenset("acid based free glazed lined containing painted".split())
_AROUND_METAL = frozenset("blood faucet faucets paint pipe pipes plumbing soil tap water".split())
_WITH_METAL = frozenset("contain contains contained containing of for from no any some with is there blood".split())

# "Live" behind these says how.
_SENT_OUT = frozenset("aired airing airs broadcast broadcasting broadcasts streamed streaming streams".split())
_FOLLOWED = frozenset("catch hear see stream watch".split())

_MINUTE_THINGS = frozenset(
    "amount amounts change changes crack cracks detail details difference differences particle particles quantities "
    "quantity trace traces variation variations".split()
)
_WEEPING = frozenset(
    "cheek cheeks cry drop drops duct ducts eye eyes face fell gas joy jerker ran rolled shed wept wipe wiped".split()
)
_FISH = frozenset(
    "black boat boats catch caught chilean filet fillet fish fishing grilled lake largemouth pro river rock sea "
    "smallmouth striped".split()
)
_PAID_OR_DONE_WITH = frozenset(
    "pay log sign book order buy register purchase place call verify set create enter reach contact check".split()
)


@dataclass(frozen=True)
class _Place:
    """A word in its sentence."""

    sentence: Sequence[Token]
    index: int

    @property
    def tag(self) -> str:
        return self.sentence[self.index].tag_

    @property
    def words(self) -> list[str]:
        return [token.text.lower() for token in self.sentence]

    def word(self, away: int) -> str:
        """The word some places behind this one, or before it; empty beyond the sentence."""
        index = self.index + away
        return self.sentence[index].text.lower() if 0 <= index < len(self.sentence) else ""

    def tag_at(self, away: int) -> str:
        """The tag of the word there; that of a full stop beyond the sentence."""
        index = self.index + away
        return self.sentence[index].tag_ if 0 <= index < len(self.sentence) else "."

    def ends_clause(self) -> bool:
        return self.tag_at(1) in _PUNCTUATION

    def without_noun_behind(self) -> bool:
        return not self.tag_at(1).startswith(("NN", "JJ", "VBG"))


class MendedTagger:
    """A tagger whose tags are mended. Any thread.

    Args:
        tagger: from a text to its tokens; they are new ones with each call.
    """

    def __init__(self, tagger: Callable[[str], list[Token]]) -> None:
        self._tagger = tagger

    def __call__(self, text: str) -> list[Token]:
        """The tokens of a text."""
        tokens = self._tagger(text)
        start = 0
        for end, token in enumerate(tokens, start=1):
            if token.tag_ in _PUNCTUATION and any(map(str.isalpha, token.text)):
                token.tag_ = "NN"  # a word alone, such as "CAN'T", of which misaki would say nothing
            if token.tag_ == "." or end == len(tokens):
                _mend(tokens[start:end])
                start = end
        return tokens


def _mend(sentence: list[Token]) -> None:
    """Mends the tags of a sentence in place."""
    for index, token in enumerate(sentence):
        word = token.text.lower()
        start = max(0, index - _REACH)
        place = _Place(sentence[start : index + _REACH], index - start)
        rule = _RULES.get(word)
        tag = rule(place) if rule else None
        if tag is None and word in _VERBS_TOO:
            tag = _verb(place)
        if tag is not None:
            token.tag_ = tag


def _verb(place: _Place) -> str | None:
    """That of a verb, where an auxiliary or a subject has none else: "Did my rate increase?", "Muscles contract."""
    if place.tag.startswith("VB") or not (place.without_noun_behind() or place.word(1) in _TIMES):
        return None
    others = [
        token
        for index, token in enumerate(place.sentence)
        if index != place.index and token.tag_ in _FINITE and token.tag_ != "MD" and token.text.lower() not in _DO
    ]
    if others:
        return None
    before = place.words[: place.index]
    asked = bool((_DO | _MODALS) & set(before[-5:-1]))
    if asked and place.tag_at(-1) in (*_NOUNS, "PRP", "RB"):
        return "VB"
    plural = place.tag_at(-1) == "NNS" and place.word(-1) not in _PLURAL_MODIFIERS
    return "VBP" if plural and place.word(0) in _BEHIND_PLURALS and not asked else None


def _read(place: _Place) -> str | None:
    if place.word(1) in ("receipt", "receipts") or (place.word(-1) == "as" and place.tag in _NOUNS):
        return "VBN"
    if place.tag in ("VB", "VBP"):
        asked = next((index for index, word in enumerate(place.words[: place.index]) if word in _HAVE), None)
        if asked is not None and _asks(place, asked):
            return "VBN"
    if place.tag not in ("VBD", "VBP"):
        return None
    words = set(place.words)
    told = place.tag_at(-1) in (",", ":", "UH") or place.index == 0 or place.word(-1) == "please"
    told = told and place.tag_at(1) in (*_NOUNS, "DT", "PRP", "PRP$", "CD", "RB")
    asked_to = place.word(-1) == "you" and place.word(-2) in _SUBORDINATORS | {"sure"}
    asked_to = asked_to or (place.word(-1) in ("they", "we") and place.word(-2) in ("if", "once", "unless", "until"))
    habit = bool(_HABITS & words) or "every" in words
    return "VB" if told or asked_to or (habit and not words & _PAST) else None


def _asks(place: _Place, have: int) -> bool:
    """Whether a question begins with that word, and its participle is missing: "Have you read it?"."""
    between = place.sentence[have + 1 : place.index]
    subject = next((token for token in between if token.text.lower() not in ("n't", "not")), None)
    begins = have == 0 or place.sentence[have - 1].tag_ in (",", "WRB", "WP", "WDT", "CC", "UH")
    nominal = all(token.tag_ in (*_NOUNS, "PRP", "PRP$", "DT", "JJ", "RB") for token in between)
    asks = subject is not None and (subject.tag_ == "PRP" or place.sentence[-1].text == "?")
    return begins and nominal and asks


def _used(place: _Place) -> str | None:
    if place.word(1) != "to":
        return None
    if place.word(-1) in ("you", "i") and place.tag_at(-2) in _NOUNS and place.word(2) in _PAID_OR_DONE_WITH:
        return "VBN"  # the card that you paid with
    if _DO & set(place.words[max(0, place.index - 3) : place.index]):
        return "VBD"
    before = [word for word in place.words[max(0, place.index - 3) : place.index] if word not in ("not", "n't")]
    somebody = _PEOPLE & set(before) and _BE & set(before)
    return "JJ" if (somebody or _GET & set(before)) and place.tag_at(2) not in ("VB", "RB") else None


def _lead(place: _Place) -> str | None:
    behind, before = place.word(1), place.word(-1)
    if place.tag in ("VBP", "VBZ", "VBD", "MD"):
        return None
    service_line = behind == "service" and place.word(2) in ("line", "lines")
    hyphened = behind == "-" and place.word(2) in _METAL_AND_HYPHEN
    if behind in _BEHIND_METAL or service_line or hyphened:
        return METAL
    if (before == "to" and place.word(-2) in ("exposed", "exposure")) or (
        behind == "in" and _AROUND_METAL & set(place.words)
    ):
        return METAL
    alone = before in _WITH_METAL and place.tag in _NOUNS and place.without_noun_behind() and behind != "-"
    return METAL if alone and behind not in ("on", "for", "to") else None


def _live(place: _Place) -> str | None:
    if place.word(-1) in _SENT_OUT or (place.word(-2) in _FOLLOWED and place.tag_at(-1) == "PRP"):
        return "RB"
    asked = place.word(-2) in _BE and place.tag_at(-1) == "PRP"
    return "JJ" if asked or (place.tag == "VB" and place.tag_at(1) == "NNS") else _verb(place)


def _close(place: _Place) -> str | None:
    ends = place.word(-1) in ("at", "by", "until", "till", "before", "after") and place.ends_clause()
    return "NN" if ends else _verb(place)


def _content(place: _Place) -> str | None:
    linked = place.word(-1) in _LINKING and (place.ends_clause() or place.word(1) in ("with", "to"))
    return "JJ" if place.tag in _NOUNS and linked else None


def _minute(place: _Place) -> str | None:
    linked = place.word(-1) in _LINKING | {"very", "so", "extremely"} and place.ends_clause()
    counted = place.tag_at(-1) in ("CD", "HYPH") or place.word(-1) in ("last", "final")
    return "JJ" if linked or (place.word(1) in _MINUTE_THINGS and not counted) else None


def _tear(place: _Place) -> str | None:
    """One in a cloth or a tendon, unless somebody weeps."""
    if place.tag not in _NOUNS or _WEEPING & set(place.words):
        return None
    one = place.word(0) == "tear"
    several = place.word(-1) in ("or", "and") or (place.word(1) in ("in", "on") and place.word(-1) != "in")
    return "VB" if one or several else None


def _it(place: _Place) -> str | None:
    """With capitals, where not all are, it is information technology: "I work in IT"."""
    capitals = place.sentence[place.index].text == "IT"
    written_small = any(token.text.islower() for token in place.sentence)
    return "NNP" if capitals and written_small and place.word(-1) in ("in", "our", "your", "their", "from") else None


def _resume(place: _Place) -> str | None:
    """A word to say, or a second verb; no curriculum."""
    return "VB" if place.word(-1) == "say" or (place.word(-1) == "or" and place.tag_at(-2) == "VB") else None


def _bow(place: _Place) -> str | None:
    taken = place.word(-1) in ("a", "your", "his", "her") and place.word(-2) in ("take", "takes", "took", "taking")
    return "VB" if taken else None


def _bass(place: _Place) -> str | None:
    """Music's, unless a fish is meant."""
    return "JJ" if place.tag in ("NN", "NNS") and not _FISH & set(place.words) else None


def _reading(place: _Place) -> str | None:
    """With a capital inside a sentence it is the town."""
    return "NNP" if place.index and place.sentence[place.index].text == "Reading" else None


_RULES: dict[str, Callable[[_Place], str | None]] = {
    "read": _read,
    "reading": _reading,
    "used": _used,
    "it": _it,
    "lead": _lead,
    "live": _live,
    "close": _close,
    "content": _content,
    "minute": _minute,
    "tear": _tear,
    "tears": _tear,
    "resume": _resume,
    "bow": _bow,
    "bass": _bass,
}
