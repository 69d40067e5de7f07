"""What is on a page and never in a mouth: Markdown, tags, emoji, typographic marks, control characters."""

from __future__ import annotations

import html
import re
import unicodedata

import emoji

_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[a-zA-Z]\w{1,30});")
_TAG = re.compile(
    r"<!--[^<>]{0,1000}-->|</?(?:b|i|u|s|p|a|em|strong|br|hr|span|div|ul|ol|li|code|pre|h[1-6]|table|tr|td|th|img|small|sup|"
    r"sub|speak|say-as|break|phoneme|prosody|emphasis|voice|audio|mark)(?:\s[^<>]{0,500})?/?>",
    re.IGNORECASE,
)
_LINK = re.compile(r"!?\[([^\[\]]{0,500})\](?:\([^()\s]{0,2000}(?:\s\"[^\"()]{0,200}\")?\))")
_CITATION = re.compile(r"(?<=[^\W\d_]) ?\[\^?\d{1,3}\]|(?<=[.,;:!?)\"'])\[\^?\d{1,3}\]")
_FENCE = re.compile(r"(?m)^[ \t]{0,20}(?:```|~~~)[ \t]?[\w+-]{0,20}[ \t]{0,20}$")
_LINE_MARK = re.compile(
    r"(?m)^[ \t]{0,20}(?:#{1,6}(?=[ \t])|>+(?![ \t]?[\d=])|[-*+•‣◦▪·–](?=[ \t])|\[[ xX]\])[ \t]{0,20}"
)
_RULER = re.compile(r"(?m)^[ \t|:*_=-]{3,}$")
_TABLE_EDGE = re.compile(r"(?m)^[ \t]{0,20}\|[ \t]{0,20}|[ \t]{0,20}\|[ \t]{0,20}$")
_EMPHASIS = re.compile(r"\*\*+|__+|~~+|`+")
# A star alone, or before the digits of a code, is a key: "press *", "*67".
_STAR = re.compile(
    r"(?<![\w*])(?!(?<!\S)\*[\d#][\d#*]{0,19}(?:[\s.,;:!?)]|$)|(?<!\S)\*[.,;:!?)](?:\s|$))\*(?=\S)|"
    r"(?<=\S)\*(?![\w*])"
)
_UNDERSCORE = re.compile(r"(?<![\w_])_(?=\S)|(?<=\S)_(?![\w_])")
_GROUP_SPACE = re.compile(r"(?<=\d)[\u00a0\u2007\u2009\u202f](?=\d{3}(?!\d))")
# Not a single space, which stays.
_SPACE = re.compile(r" \s+|[^\S ]\s*")
_FRACTION = re.compile(r"([¼-¾⅐-⅞])(?=[^\W\d_])")
_KEYCAP = re.compile("\ufe0f?\u20e3")
# Every emoji has one of these; letters of Europe, quotation marks and currencies are none of them. The library looks
# at each character of a text in turn.
_PERHAPS_EMOJI = re.compile("[©®\u203c-\u209f\u20d0-\U0010ffff]")

_MARKS = str.maketrans(
    {
        **dict.fromkeys("’‘‛‚ʼ′´", "'"),
        **dict.fromkeys("“”„‟″", '"'),
        **dict.fromkeys("‐‑−﹣－", "-"),
        **dict.fromkeys("―", "—"),
        **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f", None),
        "⁄": "/",
        "∕": "/",
        "…": "...",
    }
)
_GUILLEMETS = re.compile(r"[«‹]\s?|\s?[»›]")


def clean(text: str) -> str:
    """The text without marks of layout; its words, digits and punctuation stay."""
    text = _ENTITY.sub(lambda entity: html.unescape(entity.group()), text)
    text = _GROUP_SPACE.sub("", text)
    text = _markdown(_TAG.sub(" ", text))
    if not text.isascii():
        text = _GUILLEMETS.sub('"', _KEYCAP.sub(" ", text).translate(_MARKS))
        if _PERHAPS_EMOJI.search(text):
            text = emoji.replace_emoji(text, " ")
    return _SPACE.sub(" ", text)


def ascii_digits(text: str) -> str:
    """The text with the digits of other scripts, and digits in circles, as those of ASCII."""
    if text.isascii():
        return text
    return _FRACTION.sub(r"\1 ", "".join(map(_ascii_digit, text)))


def printable(text: str) -> str:
    """The text without symbols that nobody says: pictures, arrows, boxes, control characters."""
    return "".join(" " if unicodedata.category(character) in _SILENT else character for character in text)


_SILENT = frozenset(("So", "Sk", "Cc", "Cf", "Cs", "Co", "Cn"))


def _markdown(text: str) -> str:
    for pattern, said in ((_FENCE, ""), (_RULER, ""), (_TABLE_EDGE, ""), (_LINE_MARK, ""), (_LINK, r"\1")):
        text = pattern.sub(said, text)
    for sign, pattern in (("[", _CITATION), ("", _EMPHASIS), ("*", _STAR), ("_", _UNDERSCORE)):
        if sign in text:
            text = pattern.sub("", text)
    return text


def _ascii_digit(character: str) -> str:
    if character in "²³" or character.isascii():
        return character
    value = unicodedata.decimal(character, None)
    if value is not None:
        return str(value)
    digit = unicodedata.digit(character, None)
    return character if digit is None else f" {digit} "
