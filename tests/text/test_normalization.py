"""What a caller hears of what was written: a table for each language, and what holds for any text."""

from __future__ import annotations

import contextlib
import re
import unicodedata
from dataclasses import replace
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from telephony.text.normalization import Span, SpokenError, is_document, normalize, said, spans
from telephony.text.normalization.ssml import MAX_BREAK_S, MAX_DEPTH
from telephony.text.script import Script
from telephony.text.segments import Segmenter, split


def parse(document: str, language: str) -> list[Span]:
    """The spans of a document with what is said in a language."""
    found = [span for span in spans(document) if span is not None]
    return [Span(said(span, language), span.rate, span.pause_s) for span in found]


CASES = Path(__file__).parent / "cases"
Rows = list[tuple[str, str]]


def _tables() -> dict[tuple[str, str], Rows]:
    """The tables by language and kind: one file for each kind, in a folder for each language; or one file for all."""
    return {
        (table.stem if table.parent == CASES else table.parent.name, table.stem): [
            (text, said)
            for line in table.read_text(encoding="utf-8").splitlines()
            if "\t" in line
            for text, said in [line.split("\t")]
        ]
        for table in sorted(CASES.rglob("*.tsv"))
    }


TABLES = _tables()
EACH_TABLE = pytest.mark.parametrize(
    ("language", "rows"),
    [pytest.param(language, rows, id=f"{language} {kind}") for (language, kind), rows in TABLES.items()],
)
LANGUAGES = ["en-US", "en-GB", "pt-BR", "pt-PT", "es-ES", "es-MX", "fr-FR", "it-IT", "de-DE", "ru-RU", "hi-IN"]
TAGS = [*LANGUAGES, "ja-JP", ""]


@EACH_TABLE
def test_the_table(language: str, rows: Rows) -> None:
    assert [(text, normalize(text, language)) for text, _ in rows] == rows


@EACH_TABLE
def test_what_was_said_of_the_table_is_said_the_same_again(language: str, rows: Rows) -> None:
    said = [said for _, said in rows]
    assert [normalize(words, language) for words in said] == said


@EACH_TABLE
def test_the_table_is_said_the_same_in_sentences_as_they_are_cut(language: str, rows: Rows) -> None:
    cut = [(text, " ".join(normalize(segment, language) for segment in split(text))) for text, _ in rows]
    assert [(text, " ".join(words.split())) for text, words in cut] == rows


@EACH_TABLE
def test_the_table_in_pieces_is_cut_as_the_whole(language: str, rows: Rows) -> None:
    for text, _ in rows:
        segmenter = Segmenter()
        segments = [segment for token in re.findall(r"\S+|\s+", text) for segment in segmenter.push(token)]
        assert [*segments, *segmenter.flush()] == list(split(text))


def test_the_table_is_as_large_as_it_has_to_be() -> None:
    least = {"en": 1300, "pt": 400, "es": 400, "fr": 400, "it": 400, "de": 100, "ru": 100, "hi": 90}
    counts = {
        name: sum(len(rows) for (language, _), rows in TABLES.items() if language.startswith(name)) for name in least
    }
    assert all(counts[name] >= count for name, count in least.items()), counts


@pytest.mark.parametrize("language", ["en", "pt", "es", "fr", "it", "de", "ru", "hi"])
def test_a_language_needs_no_region(language: str) -> None:
    assert normalize("5", language) == normalize("5", f"{language}-{language.upper()}") != "5"


def test_the_region_decides_where_customs_differ() -> None:
    assert normalize("5/3/2026", "en-US") == "May third, twenty twenty-six"
    assert normalize("5/3/2026", "en_GB") == "the fifth of March, twenty twenty-six"


@pytest.mark.parametrize("language", ["pl-PL", "ja-JP", "sv-SE", "uk"])
def test_other_languages_lose_only_what_nobody_says(language: str) -> None:
    assert normalize("**12** 😀 € “x” 你好。", language) == '12 € "x" 你好。'


# Any text

MARKS = (
    "$ € £ % ° # @ & * _ ` ~ [ ] ( ) < > / \\ | + - – — . , : ; ' \" ’ “ ½ ² ™ º ª 😀 1️⃣ ① ٣ ５ \u00a0 \ud800 \x00 \n"
).split(" ")
WORDS = (
    "1 12 007 3,497 1.234,56 2026 Dr. St. No. kg km/h PM am AB12 de mars January 5th 1º XIV example.com x@y.com a "
    "221B 1/2 24/7 3/14 mon-fri jan may st ave apt CA 95051 x89 q6h 2x/day mg/mL 5'10\" 1980s e.s.t. *67 1.59 p.m. "
    "$250-$300 eur code II III century room to text every at in 5-10 11st 50p flight "
    "seg-sex lun. mar. 15/03 1/5 14h30 14.30 9h-18h 8/8h 3x/dia máx. min. séc. s. XXI n.º 3.º 2ª XXe 5 mil R$ € 2,3 "
    "billones 1.05 h código vuelo placa C/ bd 12/A 20-30 1\u00a0000 12345678Z 12.345.678-9 0800 900 123 456 de alle à "
    "am 3. März Uhr Mo-Fr Std. Mio. ул. руб. тыс. марта году до 5-й пн-пт बजे रु. लाख 5वीं ₹ 1,50,000 मार्च"
).split()
LIVELY = st.lists(st.sampled_from([*MARKS, *WORDS, " ", " ", " "]), max_size=30).map("".join)
TEXTS = LIVELY | st.text(max_size=60)


@given(TEXTS, st.sampled_from(LANGUAGES))
@example("$" * 50, "en-US")
@example("1.2.3.4.5", "fr-FR")
@example("99999999999999999999.99 €", "it-IT")
def test_no_digit_and_no_symbol_is_left_of_any_text(text: str, language: str) -> None:
    if "](" in text:  # may be inline markup, which is kept
        text = text.replace("](", "] (")
    for character in normalize(text, language):
        assert character in " .,;:!?'\"()—-¿¡" or unicodedata.category(character)[0] in "LM", character


# Without those whose neighbour says what they are, and may be shortened itself: "Dr. St."
CERTAIN = [
    word
    for word in WORDS
    if word
    not in (
        "Dr. St. 11st st ave apt e.s.t. p.m. 3. Std. Mio. ул. руб. "
        "тыс. रु. No. XXe XXI XIV III II s. séc. lun. mar. máx. min. n.º C/"
    ).split()
]


@given(st.lists(st.sampled_from(CERTAIN), max_size=12).map(" ".join), st.sampled_from(LANGUAGES))
def test_what_was_said_is_said_the_same_again(text: str, language: str) -> None:
    once = normalize(text, language)
    assert normalize(once, language) == once


@given(
    st.lists(
        st.sampled_from('hello there, my friend; how is it? fine! (yes) — well... don\'t "so"'.split()), max_size=20
    )
)
def test_text_with_nothing_to_say_otherwise_stays(words: list[str]) -> None:
    text = " ".join(words).strip("— ")
    assert normalize(text, "en-US") == " ".join(text.split())


@pytest.mark.slow
@pytest.mark.timeout(20)
@pytest.mark.parametrize("language", ["en-US", "fr-FR", "de-DE", "ru-RU", "hi-IN"])
@pytest.mark.parametrize(
    "unit",
    ["1", "<", "[", "[a](", "1,", "1.", "1 ", "12-", "a.", "a@", "*", "_", "&", "-", "A1", "A-", "$1", "(1", "1:", "1/",
     "#", "Dr. ", "code ", "code 1 ", "\u00a01", "😀", "<b ", "http://", "5 de ", "I", " ",
     "mon-", "lun-", "código de ", "1.2-", "St ", "1x", "may 1 ", "1 1/2 ", "press *", "text to 1234 ",
     "am 1. bis ", "Mo-", "до 1 ", "1-", "пн, ", "1 से ", "कोड "],
)  # fmt: skip
def test_ten_thousand_characters_of_anything_are_no_trap(unit: str, language: str) -> None:
    normalize(unit * (10_000 // len(unit)), language)


# SSML


def speech(inner: str, language: str = "en-US") -> list[Span]:
    found = parse(f"<speak>{inner}</speak>", language)
    return [replace(span, text=normalize(span.text, language)) for span in found]


def only(inner: str, language: str = "en-US") -> str:
    (span,) = speech(inner, language)
    return span.text


@pytest.mark.parametrize("text", ["It is 5 < 6 & $3.", "<3 you", "speak", "<speaker>Hello</speaker>", ""])
def test_plain_text_is_no_document(text: str) -> None:
    assert not is_document(text)


@pytest.mark.parametrize("text", ["<speak></speak>", "<speak> <p/> </speak>", "<speak>😀</speak>"])
def test_nothing_to_say_is_no_span(text: str) -> None:
    assert is_document(text)
    assert not any(normalize(span.text, "en-US") for span in parse(text, "en-US"))


@pytest.mark.parametrize(
    ("inner", "said"),
    [
        ('<say-as interpret-as="digits">3497</say-as>', "three four nine seven"),
        ('<say-as interpret-as="characters">Ab1</say-as>', "A B one"),
        ('<say-as interpret-as="spell-out">x-y</say-as>', "X dash Y"),
        ('<say-as interpret-as="characters" format="alphabet">b7</say-as>', "B as in Bravo, seven"),
        ('<say-as interpret-as="telephone">5551234567</say-as>', "five five five, one two three, four five six seven"),
        ('<say-as interpret-as="currency">$3.50</say-as>', "three dollars and fifty cents"),
        ('<say-as interpret-as="currency">USD 3</say-as>', "three dollars"),
        ('<say-as interpret-as="date" format="dmy">3/4/2026</say-as>', "April third, twenty twenty-six"),
        ('<say-as interpret-as="date" format="mdy">3/4/2026</say-as>', "March fourth, twenty twenty-six"),
        ('<say-as interpret-as="date">2026-04-03</say-as>', "April third, twenty twenty-six"),
        ('<say-as interpret-as="time">15:30</say-as>', "fifteen thirty"),
        ('<say-as interpret-as="ordinal">3</say-as>', "third"),
        ('<say-as interpret-as="cardinal">2026</say-as>', "two thousand twenty-six"),
        ('<sub alias="World Wide Web Consortium">W3C</sub>', "World Wide Web Consortium"),
        ('<phoneme alphabet="ipa" ph="təˈmeɪtoʊ">tomato</phoneme>', "[tomato](/təˈmeɪtoʊ/)"),
        ('a <sub alias="5">x</sub>, b', "a five, b"),
        ("Fish &amp; chips &#36;5", "Fish and chips five dollars"),
        ("<![CDATA[5 < 6]]>", "five less than six"),
        ("<!-- aside -->here", "here"),
    ],
)
def test_what_elements_say(inner: str, said: str) -> None:
    assert only(inner) == said


def test_say_as_follows_the_language() -> None:
    assert only('<say-as interpret-as="digits">12</say-as>', "pt-BR") == "um dois"
    assert only('<say-as interpret-as="characters">A1</say-as>', "pl") == "A 1"
    assert only('<say-as interpret-as="characters" format="alphabet">b7</say-as>', "it-IT") == "B come Bologna, sette"
    alphabet = '<say-as interpret-as="characters" format="alphabet">bé7</say-as>'
    assert only(alphabet, "fr-FR") == "B comme Berthe, É comme Émile, sept"


def test_spanish_has_a_spelling_alphabet() -> None:
    spelled = only('<say-as interpret-as="characters" format="alphabet">añ1</say-as>', "es-ES")
    assert spelled == "A de Antonio, Ñ de Ñoño, uno"


def test_letters_are_spelled_with_the_words_of_their_language() -> None:
    document = '<say-as interpret-as="characters" format="alphabet">a7k</say-as>'
    assert only(document, "pt-BR") == "A de amor, sete, K de kiwi"


@pytest.mark.parametrize(
    ("tag", "pause"),
    [
        ('<break time="500ms"/>', 0.5),
        ('<break time="1.5s"/>', 1.5),
        ('<break strength="strong"/>', 0.7),
        ("<break/>", 0.4),
        ('<break time="99999s"/>', MAX_BREAK_S),
        ('<break time="1s"/><break time="1s"/>', 2.0),
    ],
)
def test_a_break_is_a_pause_behind_what_was_said(tag: str, pause: float) -> None:
    assert speech(f"One.{tag} Two.") == [Span("One.", 1.0, pause), Span("Two.")]


def test_a_break_before_everything_is_a_pause_of_its_own() -> None:
    assert speech('<break time="1s"/>Hi') == [Span("", 1.0, 1.0), Span("Hi")]


def test_prosody_gives_the_rate_and_multiplies() -> None:
    spans = speech('a <prosody rate="slow">b <prosody rate="200%">c</prosody> d</prosody> e')
    assert [(span.text, span.rate) for span in spans] == [("a", 1.0), ("b", 0.75), ("c", 1.5), ("d", 0.75), ("e", 1.0)]
    assert speech('<prosody rate="1000%">x</prosody>') == [Span("x", 2.0)]


def test_paragraphs_and_sentences_are_spans() -> None:
    assert [span.text for span in speech("<p><s>One</s><s>Two</s></p>Three")] == ["One", "Two", "Three"]


BAD = [
    "<speak>",
    "<speak>a</b></speak>",
    "<speak><break time='soon'/></speak>",
    "<speak><break strength='huge'/></speak>",
    "<speak><say-as>1</say-as></speak>",
    "<speak><say-as interpret-as='rhyme'>1</say-as></speak>",
    "<speak><say-as interpret-as='digits'>1<break/></say-as></speak>",
    "<speak><phoneme>x</phoneme></speak>",
    "<speak><phoneme alphabet='x-sampa' ph='a'>x</phoneme></speak>",
    "<speak><prosody rate='warp'>x</prosody></speak>",
    "<speak><script>x</script></speak>",
    "<speak><speak/></speak>",
    "<speak/><speak/>",
    "<speak>&undefined;</speak>",
    "<speak>a & b</speak>",
    '<!DOCTYPE speak [<!ENTITY a "b">]><speak>&a;</speak>',
    '<?xml version="1.0"?><!DOCTYPE speak SYSTEM "file:///etc/passwd"><speak/>',
    f"<speak>{'<p>' * MAX_DEPTH}secret",
    f"<speak><!--{'secret ' * 10_000}--></speak>",
    f"<speak><sub alias='{'secret ' * 10_000}'>x</sub></speak>",
    f"<speak><?{'secret ' * 10_000}?></speak>",
    f"<speak><say-as interpret-as='digits'>{'1' * 501}</say-as></speak>",
]


@pytest.mark.parametrize("document", BAD)
def test_a_bad_document_is_an_error_that_says_where(document: str) -> None:
    with pytest.raises(SpokenError, match=r"line \d+, column \d+") as caught:
        parse(document, "en-US")
    assert caught.value.line == 1
    assert caught.value.column >= 1
    assert "secret" not in str(caught.value)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "document",
    [
        "<speak>" + "<p>a</p>" * 10_000 + "</speak>",
        "<speak>" + "<break/>" * 10_000 + "</speak>",
        "<speak>" + "x " * 50_000 + "</speak>",
    ],
)
def test_a_large_document_takes_time_in_proportion(document: str) -> None:
    list(parse(document, "en-US"))


@given(st.text(alphabet="<>/&;speakbr \"'=1a!-[]", max_size=60))
def test_any_document_is_spoken_or_refused(text: str) -> None:
    for document in (text, f"<speak>{text}</speak>"):
        try:
            found = parse(document, "en-US")
        except SpokenError:
            continue
        assert all(span.text or span.pause_s for span in found)


RUNS = st.builds(
    lambda digit, count: digit * count, st.sampled_from("019٣²"), st.sampled_from([1, 2, 4, 5, 16, 20, 4301])
)
DATES = st.builds(lambda mark, parts: mark.join(parts), st.sampled_from("/-. :"), st.lists(RUNS, max_size=4))
DECLARED = st.builds(
    '<say-as interpret-as="{}" format="{}">{}</say-as>'.format,
    st.sampled_from("digits characters spell-out telephone currency date time cardinal ordinal number".split()),
    st.sampled_from(["", "mdy", "dmy", "ymd", "md", "dm", "y", "mmdd", "d" * 40, "🗓"]),
    (LIVELY | RUNS | DATES).map(lambda text: escape(text.replace("\x00", ""))),
)
PROSODY = st.builds('<prosody rate="{}%">{}</prosody>'.format, RUNS, DATES)
BREAKS = st.builds('<break time="{}{}"/>'.format, RUNS, st.sampled_from(["s", "ms", ""]))


@settings(deadline=None)  # a say-as of many digits may be read in words, however long that takes on a busy machine
@given(TEXTS | st.lists(DECLARED | PROSODY | BREAKS | LIVELY | DATES, max_size=4).map("".join), st.sampled_from(TAGS))
@example('<say-as interpret-as="date" format="mdy">1/99999999999999999999/2020</say-as>', "en-US")
@example(f'<say-as interpret-as="date" format="mdy">1/1/{"9" * 4301}</say-as>', "fr-FR")
@example('<say-as interpret-as="date" format="dmy">١/٢/٠٠٠٠</say-as>', "pt-BR")
def test_any_text_and_any_document_are_spoken_or_refused(text: str, language: str) -> None:
    for written in (text, f"<speak>{text}</speak>"):
        with contextlib.suppress(SpokenError):
            Script.parse(written)
        for segment in Script.lenient(written).read(language, quick=True):
            normalize(segment.text, language)


@pytest.mark.parametrize("written", ["1/99999999999999999999/2020", f"1/1/{'9' * 400}", "00001/1/2020", "1/1/20200"])
def test_a_date_of_too_many_digits_is_read_as_any_text(written: str) -> None:
    assert only(f'<say-as interpret-as="date" format="mdy">{written}</say-as>') == normalize(written, "en-US")


def test_phonemes_cannot_leave_their_markup() -> None:
    assert only('<phoneme ph="a/)[x](/b">w](/c/)</phoneme>') == "[wc](/axb/)"
