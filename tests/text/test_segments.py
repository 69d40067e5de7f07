"""Incremental text becomes the segments that a listener expects, however it is cut on its way."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from telephony.text.segments import DEFAULT_MAX_CHARS, Segmenter, quick_start, speakable, split


def fed(pieces: Sequence[str], max_chars: int = DEFAULT_MAX_CHARS, pack_chars: int = 0) -> list[str]:
    """The segments of a text that comes in these pieces."""
    segmenter = Segmenter(max_chars, pack_chars)
    segments = [segment for piece in pieces for segment in segmenter.push(piece)]
    return [*segments, *segmenter.flush()]


def cut(text: str, places: Sequence[int]) -> list[str]:
    edges = [0, *sorted(min(place, len(text)) for place in places), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(edges)]


def letters(text: str) -> str:
    return "".join(character for character in text if character.isalnum())


# Sentences

SENTENCES = [
    "Hello there.|How are you?|Fine!",
    "No end in sight",
    "Only one.",
    # Numbers
    "It costs $29.95 today.|Good?",
    "It costs $29.95.|Thanks.",
    "Version 2.0 is out.|Get it.",
    "Pi is 3.14.|Then comes e.",
    "We met at 3.14 p.m. on Monday.|Then we left.",
    "We met at 3.14 p.m.|Then we left.",
    "Call 1.800.555.0199 now.|Ask for Ann.",
    # Abbreviations and initials
    "Mr. Smith met Mrs. Jones.|They talked.",
    "Dr. No and Prof. Moriarty left.|Good.",
    "Bring fruit, e.g. apples or E.g. Pears.|Thanks.",
    "That is i.e. this.|Yes.",
    "He joined the U.S. Army.|Then he left.",
    "J. K. Rowling wrote it.|J.R.R. Tolkien did not.",
    "It was I.|She knew.",
    "Apples, pears, etc.|Then came more.",
    "Apples, pears, etc. are fruit.|Yes.",
    "We live at 5 St. James St. No. 7 in town.|Come.",
    "It is on Jan. 5 or Fig. 3.|See it.",
    "Acme Inc. makes it.|Buy it.",
    "No.|That is not right.",
    "No. 5 is ready.|See no. 6.",
    "Your seat is in row no. 12 at 5 p.m. Monday.|Please wait.",
    "Come at 5 p.m. EST.|Please call.",
    "Come at 5 p.m. e.s.t.|Please call.",
    "Ship it to apt. B on the 2nd fl. 22 Oak St. Springfield.|Thanks.",
    "It is at 42 Oak Dr.|Please come in.",
    "I live on Main St.|You can come by.",
    "Dr. He will see you.|Dr. You left.",
    "It takes 30 min. to get there.|It took 30 min.|Then we left.",
    "Take 2 tabs. 3 times a day.|Call if it hurts.",
    "He is 6 ft. 2 in. tall.|Yes.",
    "It is on p. 12, rm. 4, ext. 89, fig. 3.|See it.",
    "The meeting is Mon. Jan. 5.|It was Mon.|Then came Tue.",
    "Enjoy the sun.|The moon is next.",
    "That is all.|Hold on.|Call me.|Stay.",
    # Ellipses, runs of marks, things that look like ends
    "Wait... what?|No...|Yes.",
    "Wait… what?|No…|Yes.",
    "What?!|Really!!!|Yes.",
    "See example.com now.|Then call.",
    "See www.example.com.|Then call.",
    "A file.txt and a .env file.|Done.",
    # Quotes and brackets
    "“Really?” she said.|“Yes.”|He nodded.",
    '"Really?" she said.|"Yes."|He nodded.',
    "He said 'stop!'|Then he left.",
    "(One.)|[Two!]|Three.",
    "**Bold.**|_Thin._|Plain.",
    # Spanish
    "¿Qué tal?|¡Muy bien!|Vamos.",
    "El Sr. García y la Sra. López llegaron.|La Dra. Ruiz no.",
    "Ud. tiene razón.|Pasa a la pág. 3.",
    "Vive en la av. Colón, n. 5, int. 3, en EE. UU. desde ayer.|Su tel. 55 1234 es nuevo.",
    # Portuguese
    "Fica na av. Paulista, n. 5, ap. 12.|O tel. 11 1234 é novo.",
    "O Sr. Silva chegou.|A Dra. Souza saiu.|A Sra. Lima ficou.",
    "O Exmo. Presidente falou.|Fim.",
    # French
    "Il a dit «Bonjour!» puis il est parti.|Fin.",
    "Il a dit « Bonjour ! » puis il est parti.|Fin.",
    "« Il part. » Voilà ce qu’elle a dit.|Fin.",
    "Ça va ?|Oui !|Bon.",
    "Mme. Dupont et M. Durand sont là.|Oui.",
    "Il habite av. Foch, app. 3, au 2e ét.|Le tél. 01 23 sonne.",
    # Italian, German
    "Abita al n. 5, int. 3, sc. B, tel. 06 123.|Ciao!",
    "Il sig. Rossi e il dott. Bianchi.|Ciao!",
    "Das ist z.B. gut, bzw. Besser.|Ja.",
    # Without spaces between sentences
    "你好。|今天怎么样？|很好！",
    "「そうですか。」|彼は言った。|はい！",
    "えっ？！|本当。",
    # Other scripts
    "Привет.|Как дела?|Хорошо!",
    "नमस्ते.|आप कैसे हैं?|ठीक!",
]


@pytest.mark.parametrize("marked", SENTENCES)
def test_a_text_is_divided_into_its_sentences(marked: str) -> None:
    expected = marked.split("|")
    joint = "" if any(mark in marked for mark in "。！？") else " "
    assert list(split(joint.join(expected))) == expected


@pytest.mark.parametrize("marked", SENTENCES)
def test_a_text_one_character_at_a_time_gives_the_same_sentences(marked: str) -> None:
    expected = marked.split("|")
    joint = "" if any(mark in marked for mark in "。！？") else " "
    assert fed(list(joint.join(expected))) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One line\nanother line", ["One line", "another line"]),
        ("A title\n\nA sentence. Another", ["A title", "A sentence.", "Another"]),
        ("A title\r\nA sentence.\r\n", ["A title", "A sentence."]),
        ("small\nletters", ["small", "letters"]),
        ("Dr.\nSmith", ["Dr.", "Smith"]),
    ],
)
def test_a_new_line_ends_a_paragraph(text: str, expected: list[str]) -> None:
    assert list(split(text)) == expected
    assert fed(list(text)) == expected


@pytest.mark.parametrize("text", ["", " ", "\n\n", "...", "?!", "— “” …", "。。", "*** --- ***", "\t.\n.\n"])
def test_text_without_anything_to_say_gives_no_segment(text: str) -> None:
    assert list(split(text)) == []


@pytest.mark.parametrize("text", ["a", "7", "é", "中", "ठ", "%", "€", "&"])
def test_letters_digits_and_named_symbols_are_spoken(text: str) -> None:
    assert speakable(text)
    assert list(split(text)) == [text]


def test_space_around_segments_is_dropped() -> None:
    assert list(split("   Hello.  \t  World.   ")) == ["Hello.", "World."]


def test_sentences_are_found_behind_much_space() -> None:
    assert list(split(" " * 400 + "Hello there. World again. ")) == ["Hello there.", "World again."]


# When a segment comes out


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("Hello there", []),
        ("Hello there.", []),  # $29. may go on with 95
        ("Hello there. ", []),  # e.g. may go on in small letters
        ("Hello there. H", ["Hello there."]),
        ("Hello there! ", ["Hello there!"]),
        ("Hello there\n", ["Hello there"]),
        ("H" * DEFAULT_MAX_CHARS + " \n", ["H" * DEFAULT_MAX_CHARS]),
        ("你好。今", ["你好。"]),
    ],
)
def test_a_segment_comes_out_as_soon_as_its_end_is_certain(text: str, complete: list[str]) -> None:
    assert list(Segmenter().push(text)) == complete


def test_flush_yields_the_rest_and_leaves_the_segmenter_usable() -> None:
    segmenter = Segmenter()
    assert list(segmenter.push("Hello")) == []
    assert list(segmenter.flush()) == ["Hello"]
    assert list(segmenter.flush()) == []
    assert list(segmenter.push("Again! ")) == ["Again!"]


def test_reset_forgets_what_is_buffered() -> None:
    segmenter = Segmenter(pack_chars=100)
    assert list(segmenter.push("One! Two! Thr")) == []
    segmenter.reset()
    assert list(segmenter.push("Four")) == []
    assert list(segmenter.flush()) == ["Four"]


# Packing


def test_short_sentences_are_joined_while_they_fit() -> None:
    text = "One two. Three four. Five six. Seven."
    assert list(split(text, pack_chars=20)) == ["One two. Three four.", "Five six. Seven."]


def test_sentences_that_do_not_fit_together_stay_apart() -> None:
    assert list(split("One two. Three four.", pack_chars=19)) == ["One two.", "Three four."]


def test_a_sentence_longer_than_a_pack_comes_alone_and_in_order() -> None:
    text = "One. This one is much longer than a pack. Two. Three."
    assert list(split(text, pack_chars=12)) == ["One.", "This one is much longer than a pack.", "Two. Three."]


def test_paragraphs_are_not_joined() -> None:
    assert list(split("One. Two.\nThree. Four.", pack_chars=100)) == ["One. Two.", "Three. Four."]


def test_a_pack_is_never_longer_than_the_longest_segment() -> None:
    segments = list(split("One two. " * 20, max_chars=20, pack_chars=1000))
    assert segments == ["One two. One two."] * 10


# What is too long for one breath


def test_a_long_sentence_is_divided_behind_a_clause() -> None:
    text = "The quick brown fox, which was tired, jumped over the lazy dog and slept"
    assert list(split(text, max_chars=40)) == [
        "The quick brown fox, which was tired,",
        "jumped over the lazy dog and slept",
    ]


def test_a_clause_that_would_leave_a_stump_is_passed_over() -> None:
    text = "Well, the quick brown fox jumped over the lazy dog"
    assert list(split(text, max_chars=30)) == ["Well, the quick brown fox", "jumped over the lazy dog"]


def test_a_long_sentence_without_clauses_is_divided_at_a_space() -> None:
    assert list(split("one two three four five six seven", max_chars=12)) == [
        "one two",
        "three four",
        "five six",
        "seven",
    ]


def test_a_segment_may_be_as_long_as_the_limit_and_no_longer() -> None:
    assert list(split("abcd efgh", max_chars=9)) == ["abcd efgh"]
    assert list(split("abcd efgh", max_chars=8)) == ["abcd", "efgh"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("come on the morning of July 25, 2012 if you can", ["come on the morning of", "July 25, 2012 if you can"]),
        ("the code of your order is: 482913 as I said", ["the code of your order", "is: 482913 as I said"]),
        ("you can reach me at San Jose, CA 95051 today", ["you can reach me at San", "Jose, CA 95051 today"]),
        ("you can take it with us for 5 kg of flour", ["you can take it with us", "for 5 kg of flour"]),
        ("he said that the good Dr. Smith has gone", ["he said that the good", "Dr. Smith has gone"]),
    ],
)
def test_a_number_stays_with_what_belongs_to_it(text: str, expected: list[str]) -> None:
    assert list(split(text, max_chars=28)) == expected


def test_text_without_spaces_is_divided_anywhere() -> None:
    assert list(split("abcdefghij", max_chars=4)) == ["abcd", "efgh", "ij"]


def test_chinese_is_divided_behind_a_comma() -> None:
    assert list(split("我今天早上去了公园，看见很多人在跑步", max_chars=12)) == [
        "我今天早上去了公园，",
        "看见很多人在跑步",
    ]


def test_a_comma_inside_a_number_divides_nothing() -> None:
    assert list(split("about 1,000,000,000 of them here", max_chars=20)) == ["about 1,000,000,000", "of them here"]


# A quick start


def test_a_long_first_sentence_is_divided_behind_its_first_clause() -> None:
    sentence = (
        "I have found the order that you asked about, and it looks as if the carrier will bring it soon, or sooner."
    )
    first, second, third = quick_start(iter([sentence, "Good, bye."]))
    assert (first, third) == ("I have found the order that you asked about,", "Good, bye.")
    assert f"{first} {second}" == sentence


@pytest.mark.parametrize(
    "sentence",
    [
        "Well, short as it is, this stays whole.",
        "word " * 40,
        "Well, " + "word " * 40,  # a stump would be over before the rest is prepared
        "word " * 30 + ", " + "word " * 10,
    ],
)
def test_other_first_sentences_stay_whole(sentence: str) -> None:
    assert list(quick_start(iter([sentence, "Next."]))) == [sentence, "Next."]


def test_a_quick_start_divides_no_date() -> None:
    sentence = (
        "Your appointment is on July 25, 2012 at noon, and we hope that you will come to see us as early as that."
    )
    first, *_ = quick_start(iter([sentence]))
    assert first == "Your appointment is on July 25, 2012 at noon,"


def test_nothing_starts_as_quickly_as_it_comes() -> None:
    assert list(quick_start(iter([]))) == []


# Properties

MARKS = ". . ! ? … , ; : \" ' ” » « ) ] - 。 ！ ？ ， 」".split()
WORDS = (
    "a B c 1 2.5 hello World word-word 你 好 é Dr. e.g. U.S. p.m. etc. J. Sr. St. no. apt. 5 Mon EST The CA $5 #"
).split()
SPACES = [" ", " ", " ", " ", "  ", "\n", "\u3000", "\r\n"]
LIVELY = st.lists(st.sampled_from([*MARKS, *WORDS, *SPACES]), max_size=60).map("".join)
TEXTS = LIVELY | st.text(max_size=80)
LIMITS = st.sampled_from([1, 2, 5, 12, 40, DEFAULT_MAX_CHARS])
PACKS = st.sampled_from([0, 10, 30, DEFAULT_MAX_CHARS])
PLACES = st.lists(st.integers(0, 200), max_size=12)


@given(TEXTS, LIMITS, PACKS)
@example('aaaa."" B', 5, 0)
@example("« Il part. Il revient. » Voilà.", 320, 0)
@example("« Il part ? Il revient ! » Voilà.", 320, 0)
def test_one_character_at_a_time_gives_the_same_segments(text: str, limit: int, pack: int) -> None:
    assert fed(list(text), limit, pack) == fed([text], limit, pack)


@given(TEXTS, LIMITS, PACKS, PLACES)
def test_any_split_of_a_text_gives_the_same_segments(text: str, limit: int, pack: int, places: list[int]) -> None:
    assert fed(cut(text, places), limit, pack) == fed([text], limit, pack)


@given(TEXTS, LIMITS, PACKS)
def test_no_letter_and_no_digit_is_lost_or_moved(text: str, limit: int, pack: int) -> None:
    assert letters("".join(split(text, limit, pack))) == letters(text)


@given(TEXTS, LIMITS, PACKS)
def test_no_segment_is_too_long_or_has_nothing_to_say(text: str, limit: int, pack: int) -> None:
    for segment in split(text, limit, pack):
        assert 1 <= len(segment) <= limit
        assert speakable(segment)
        assert segment == segment.strip()


@given(st.lists(st.text("abcXYZ019", min_size=1, max_size=20), min_size=1, max_size=60), st.integers(20, 60))
def test_no_word_is_divided_where_there_is_a_space(words: list[str], limit: int) -> None:
    assert " ".join(split(" ".join(words), limit)).split() == words


# Time in proportion to the text. A square of these lengths would take minutes.


@pytest.mark.slow
@pytest.mark.timeout(10)
@pytest.mark.parametrize("unit", ["a", "ab ", " ", "ab, ", "你", '"', "Hello there. "])
def test_a_mebibyte_takes_no_more_than_its_length(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    assert letters("".join(split(text))) == letters(text)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("unit", [".", "?!", "。", "…", '."', '.."', "\n"])
def test_a_long_run_of_marks_takes_no_more_than_its_length(unit: str) -> None:
    assert list(split(unit * (100_000 // len(unit)))) == []


@pytest.mark.timeout(10)
@pytest.mark.parametrize("unit", ["a", "ab "])
def test_a_hundred_kilobytes_at_once_take_no_more_than_their_length(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    assert letters("".join(fed([text]))) == letters(text)
