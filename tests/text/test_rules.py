"""Rules are passed over where they find nothing, and change nothing else."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from telephony.text.normalization import _LANGUAGES, _REGIONAL, _rules
from telephony.text.normalization.rules import Rule, applied, at_digits, at_words, near_digits, near_words
from tests.text.test_normalization import TABLES

UPPER = re.compile(r"[a-z]+\d")


def shout(match: re.Match[str]) -> str:
    return match.group().upper()


def test_a_rule_replaces_every_match_and_parts_it_from_its_neighbours() -> None:
    rule = Rule("shout", re.compile(r"\d"), lambda match: "one")
    assert rule.apply("x1, 1 1kg") == "x one, one one kg"


def test_a_rule_that_says_nothing_leaves_what_it_found() -> None:
    assert Rule("silent", re.compile("a"), lambda match: None).apply("banana") == "banana"


def test_a_rule_at_digits_is_tried_at_a_sign_and_at_a_digit() -> None:
    rule = at_digits("minus", re.compile(r"(?<!\w)-?\d+"), lambda match: f"<{match.group()}>")
    assert rule.apply("x-5, -5 and 12a34") == "x-<5>, <-5> and <12>a34"


def test_a_rule_at_words_is_tried_where_one_of_them_stands_as_a_whole_and_in_any_case() -> None:
    rule = at_words("shout", re.compile(r"(?i:no|gate) \d"), shout, ["no", "gate"])
    assert rule.apply("gate 1, No 2, piano 3, to 4") == "GATE 1, NO 2, piano 3, to 4"


@pytest.mark.parametrize(
    ("rule", "text", "changes"),
    [
        (near_digits("shout", UPPER, shout), "abc", False),
        (near_digits("shout", UPPER, shout), "abc1", True),
        (near_words("shout", UPPER, shout, ["abc", "x"]), "ABd1 ab2", False),
        (near_words("shout", UPPER, shout, ["abc", "x"]), "ABC1 ab2", True),
        (at_words("shout", UPPER, shout, ["abc1"]), "ab1 abc12", False),
        (at_words("shout", UPPER, shout, ["abc1"]), "abc1", True),
    ],
)
def test_a_rule_is_passed_over_where_what_it_needs_is_missing(rule: Rule, text: str, changes: bool) -> None:
    assert [found for found, _ in applied([rule], text)] == ([rule] if changes else [])


def test_rules_go_on_with_what_was_said() -> None:
    first = near_digits("first", re.compile("1"), lambda match: "two 2")
    second = near_digits("second", re.compile("2"), lambda match: "three")
    third = near_digits("third", re.compile("t"), lambda match: "!")
    assert list(applied([first, second, third], "1")) == [(first, "two 2"), (second, "two three")]


@pytest.mark.parametrize("tag", ["en", "en-gb", "pt", "es", "fr", "it", "de", "ru", "hi"])
def test_what_a_rule_declares_to_need_is_needed(tag: str) -> None:
    language = _REGIONAL.get(tag) or _LANGUAGES[tag]
    texts = [text for (other, _), rows in TABLES.items() if other.lower().startswith(tag) for text, _ in rows]
    rules = _rules(language)
    for text in texts[::4]:
        steps = list(applied(rules, text))
        plain = [replace(rule, numeric=False, at_digits=False, words=None, begins=None) for rule in rules]
        assert [said for _, said in applied(plain, text)] == [said for _, said in steps]
