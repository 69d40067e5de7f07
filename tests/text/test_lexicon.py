"""Which words of a text an entry is found in, and what is then said and told."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.speech import Segment
from telephony.text import markup
from telephony.text.lexicon import MAX_SAID_CHARS, MAX_WORD_CHARS, Entry, Lexicon, LexiconError, entry
from telephony.text.normalization import normalize
from telephony.text.script import Script
from telephony.text.segments import Segmenter

LEXICON = Lexicon(
    [
        entry("Nguyen", "win"),
        entry("St. Mary's", "Saint Marys"),
        entry("AT&T", "A T and T"),
        entry("New York", "big apple"),
        entry("New York City", "the whole apple"),
        entry(".NET", "dot net"),
        entry("polish", "shine", case_sensitive=True),
        entry("chat", "talk", language="en"),
        entry("chat", "pussycat", language="fr"),
        entry("chat", "blether", language="en-GB"),
        entry("5G", "five gee"),
        entry("3", "trio"),
        entry("Müller", "Miller"),
        entry("東京", "Tokyo"),
        entry("नमस्ते", "namaste"),
    ]
)


def said(text: str, language: str = "en-US", lexicon: Lexicon = LEXICON) -> str:
    marked = lexicon.pronounce(text, language)
    assert markup.plain(marked) == markup.plain(text), "what is told is what was written"
    return markup.spoken(marked)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Is Nguyen in?", "Is win in?"),
        ("NGUYEN, nguyen; (Nguyen)!", "win, win; (win)!"),
        ("Nguyen's dog and the Nguyen-led team", "win's dog and the win-led team"),
        ("Nguyen’s ‘Nguyen’ 'Nguyen'", "win’s ‘win’ 'win'"),
        ("Nguyens Nguyenesque", "Nguyens Nguyenesque"),
        ("ask nguyen.com, a@nguyen.org or O'Nguyen", "ask nguyen.com, a@nguyen.org or O'Nguyen"),
        ("At St. Mary’s.", "At Saint Marys."),
        ("AT&T, at&t.", "A T and T, A T and T."),
        ("New York City, New York, New Yorkers", "the whole apple, big apple, New Yorkers"),
        ("polish the Polish table", "shine the Polish table"),
        ("ASP.NET and .NET", "ASP.NET and dot net"),
        ("5G, 3.5, 3,000, 3:30, 3 and 13", "five gee, 3.5, 3,000, 3:30, trio and 13"),
        ("MÜLLER", "Miller"),
        ("[Nguyen](/x/) is Nguyen", "[Nguyen](/x/) is win"),
    ],
)
def test_whole_words_are_found_the_longest_first(text: str, expected: str) -> None:
    assert said(text) == expected


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("chat", "en-US", "talk"),
        ("chat", "en_GB", "blether"),
        ("Un chat.", "fr-FR", "Un pussycat."),
        ("chat", "es", "chat"),
        ("chat", "", "chat"),
        ("l'Nguyen", "fr-FR", "l'win"),
        ("我在東京住", "zh", "我在Tokyo住"),
        ("नमस्ते, नमस्तेय", "hi", "namaste, नमस्तेय"),
    ],
)
def test_an_entry_counts_in_its_language(text: str, language: str, expected: str) -> None:
    assert said(text, language) == expected


def test_an_accent_may_be_a_character_of_its_own() -> None:
    apart = unicodedata.normalize("NFD", "Frau Müller")
    assert markup.spoken(LEXICON.pronounce(apart, "de")) == "Frau Miller"


def test_an_alias_is_read_in_its_place() -> None:
    lexicon = Lexicon([entry("Acme", "5 Ltd."), entry("Xian", ipa="/ʃiˈɑn/"), entry("Wu", "woo", ipa="wˈu")])
    assert normalize(lexicon.pronounce("Acme is 5.", "en-US"), "en-US") == "five Limited is five."
    # A marked word is still a name to what stands before it.
    assert normalize(lexicon.pronounce("Dr. Xian and St. Wu.", "en-US"), "en-US") == (
        "Doctor [Xian](/ʃiˈɑn/) and Saint [woo](/wˈu/)."
    )


@pytest.mark.parametrize(("ipa", "ending"), [("ækmi", "z"), ("kɛnt", "s"), ("ʤɔɹʤ", "ᵻz")])
def test_a_possessive_follows_phonemes_as_it_does_a_word(ipa: str, ending: str) -> None:
    marked = Lexicon([entry("It", ipa=ipa)]).pronounce("It's own", "en-US")
    assert marked == f"[It's](/{ipa}{ending}/) own"


def test_other_engines_read_the_alias_or_the_word() -> None:
    lexicon = Lexicon([entry("Xian", ipa="ʃiˈɑn"), entry("Wu", "woo", ipa="wˈu")])
    assert markup.plain(normalize(lexicon.pronounce("Xian Wu’s", "en-US"), "en-US")) == "Xian woo's"


def test_what_a_client_brings_goes_first() -> None:
    own = Lexicon([entry("New", "old"), entry("Nguyen", "new yen")])
    assert markup.spoken(LEXICON.pronounce(own.pronounce("New York, Nguyen", "en"), "en")) == "old York, new yen"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"word": "", "alias": "a"}, "word"),
        ({"word": "...", "alias": "a"}, "word"),
        ({"word": "a[b]", "alias": "a"}, "word"),
        ({"word": "a" * (MAX_WORD_CHARS + 1), "alias": "a"}, "word"),
        ({"word": "a"}, "alias"),
        ({"word": "a", "alias": " "}, "alias"),
        ({"word": "a", "alias": "\ue003"}, "alias"),
        ({"word": "a", "alias": "b" * (MAX_SAID_CHARS + 1)}, "alias"),
        ({"word": "a", "ipa": "//"}, "ipa"),
        ({"word": "a", "ipa": "a/b"}, "ipa"),
        ({"word": "a", "alias": "b", "language": "English!"}, "language"),
    ],
)
def test_an_entry_that_cannot_be_one_names_its_field(fields: dict[str, str], field: str) -> None:
    with pytest.raises(LexiconError, match=field) as raised:
        entry(**fields)  # type: ignore[arg-type]
    assert raised.value.field == field


def test_the_longest_marks_are_marks() -> None:
    # As long as they may be, with a possessive on top.
    lexicon = Lexicon([entry("w" * MAX_WORD_CHARS, "a" * MAX_SAID_CHARS, ipa="s" * MAX_SAID_CHARS)])
    marked = lexicon.pronounce("w" * MAX_WORD_CHARS + "'s", "en")
    assert markup.parts(markup.spoken(marked)) == [("a" * MAX_SAID_CHARS + "'s", "s" * MAX_SAID_CHARS + "ᵻz")]


PIECES = ["Nguyen", "New", "York", "City", "'s", ".", " ", "-", "[", "](/x/)", "3", "東京", "é"]


@settings(max_examples=50)
@given(st.lists(st.sampled_from(PIECES)))
def test_whatever_the_text_what_is_told_is_what_was_written(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert markup.plain(LEXICON.pronounce(text, "en-US")) == markup.plain(text)


def streamed(pieces: Iterator[str], lexicon: Lexicon) -> list[str]:
    segmenter = Segmenter()
    found = [segment for piece in pieces for segment in segmenter.push(piece)] + list(segmenter.flush())
    return [
        segment.text for piece in found for segment in Script.lenient(piece).read("en-US", pronounce=lexicon.pronounce)
    ]


def test_a_phrase_is_found_in_a_stream_however_it_is_cut() -> None:
    text = "I was at St. Mary's with Mr. Nguyen. New York City is next."
    expected = ["I was at Saint Marys with Mr. win.", "the whole apple is next."]
    cuts = [iter([text]), iter(text), (text[a:b] for a, b in pairwise([*range(0, len(text), 7), len(text)]))]
    for pieces in cuts:
        assert [markup.spoken(each) for each in streamed(pieces, LEXICON)] == expected


def test_a_full_stop_of_an_alias_ends_no_sentence() -> None:
    lexicon = Lexicon([entry("Acme", "A. C. Me. Inc.")])
    assert len(streamed(iter(["Acme is open. Come in."]), lexicon)) == 2


def test_documents_obey_the_lexicon_but_where_they_say_how() -> None:
    document = '<speak>Nguyen is <phoneme ph="nə">Nguyen</phoneme>.</speak>'
    (segment,) = Script.parse(document).read("en-US", pronounce=LEXICON.pronounce)
    assert markup.spoken(segment.text) == "win is [Nguyen](/nə/)."


def test_a_lexicon_that_changes_is_obeyed_in_the_middle_of_a_text() -> None:
    current = Lexicon([entry("Wu", "one")])

    def pronounce(text: str, language: str) -> str:
        return current.pronounce(text, language)

    text = Script.parse("Wu is in. " * 3).read("en", pronounce=pronounce)
    first = next(text)
    current = Lexicon([entry("Wu", "two")])
    assert [markup.spoken(each.text) for each in (first, *text)] == ["one is in.", "two is in.", "two is in."]


def test_entries_of_a_key_are_one() -> None:
    assert entry("  New   York ", "a").key == entry("new york", "b").key
    assert entry("Wu", "a", case_sensitive=True).key != entry("Wu", "a").key
    assert entry("Wu", "a", language="en").key != entry("Wu", "a").key
    assert dataclasses.replace(entry("Wu", "a"), alias="b") == Entry("Wu", "b")


# Pauses in plain text


def test_plain_text_may_pause() -> None:
    script = Script.parse("Wait [pause:1s] here, [pause:250ms]. [PAUSE:0.5s] Go.")
    assert list(script.read("en")) == [
        Segment("Wait"),
        Segment("", pause_s=0.5),
        Segment("", pause_s=0.5),
        Segment("here,"),
        Segment("", pause_s=0.25),
        Segment("", pause_s=0.5),
        Segment("Go."),
    ]
    assert script.words.split() == ["Wait", "here,", ".", "Go."]


def test_a_pause_is_bounded_and_what_is_none_is_text() -> None:
    assert sum(segment.pause_s for segment in Script.parse("[pause:99s]").read("en")) == 10
    assert [segment.text for segment in Script.parse("[pause:1] a").read("en")] == ["[pause:1] a"]
