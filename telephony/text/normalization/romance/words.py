"""Strokes between words, and endings in brackets."""

from __future__ import annotations

import re

from telephony.text.normalization.romance.grammar import RomanceGrammar
from telephony.text.normalization.rules import Rule

_ENDING = re.compile(r"(?<=[^\W\d_])\((?:s|es|a|as|e|x)\)(?!\w)")
_AND_OR = re.compile(r"(?<![\w/])(e|y|et)/(ou|o|u)(?![\w/])")
_STROKE = re.compile(r"(?<=[a-zà-ÿ]{2})/(?=[^\W\d_]{2})")


def stroke_rules(language: RomanceGrammar) -> list[Rule]:
    """What is said for strokes between words; nothing for an ending in brackets."""
    return [
        Rule("ending", _ENDING, lambda match: ""),
        Rule("and or", _AND_OR, lambda match: f"{match[1]} {match[2]}"),
        Rule("stroke", _STROKE, lambda match: f" {language.either} "),
    ]
