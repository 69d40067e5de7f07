"""Names, initialisms, contractions and words of two pronunciations, through Kokoro's own converter of English."""

from __future__ import annotations

import re
import time
from importlib import resources
from pathlib import Path

import pytest

from telephony.engines.kokoro.g2p import G2P
from telephony.engines.kokoro.names import digest, entries, phrases_said
from telephony.engines.kokoro.tags import MendedTagger
from telephony.engines.kokoro.tokenizer import Token
from telephony.text.normalization import normalize

SPOKEN = Path(__file__).parent / "spoken"
TABLES = sorted(SPOKEN.glob("*/*.tsv"))

_VOWELS = {"names.tsv": "ɑæəʌɔWIɛAɪiOYʊuɜᵻ", "names_gb.tsv": "ɑaəʌɔWIɛAɪiQYʊuɜɒ"}
_CONSONANTS = "bʧdðfɡhʤjklmnŋpɹsʃtTθvwzʒ"


@pytest.fixture(scope="module")
def g2p() -> G2P:
    return G2P()


def rows(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]


def said(g2p: G2P, text: str, language: str = "a") -> str:
    return "".join(piece.phonemes for piece in g2p.phonemes(text, language))


def heard(g2p: G2P, text: str, word: str, language: str) -> str:
    """The phonemes of one word of a text."""
    return next(
        piece.phonemes[run.start : run.end]
        for piece in g2p.phonemes(text, language)
        for run in piece.words
        if run.text.strip(".,?!").lower() == word.lower()
    )


@pytest.mark.parametrize(("name", "least"), [("names.tsv", 900), ("names_gb.tsv", 90)])
def test_entries_are_phonemes_of_known_source_and_in_order(name: str, least: int) -> None:
    text = (resources.files("telephony.engines.kokoro") / name).read_text(encoding="utf-8")
    found = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    words = [(word.lower(), word) for word, _, _ in found]
    assert words == sorted(set(words))
    assert len(found) > least
    vowels = _VOWELS[name]
    length = "ː?" if name == "names_gb.tsv" else ""
    wanted = re.compile(f"(?:(?:[ˈˌ](?=[{vowels}]))?[{vowels}]{length}|[ {_CONSONANTS}])+")
    for word, phonemes, source in found:
        assert wanted.fullmatch(phonemes), word
        assert "ˈ" in phonemes or word == "'n'", word
        assert source in {"cmudict", "usual", "maker", "USAN"}, word
    assert re.fullmatch("[0-9a-f]{8}", digest())


@pytest.mark.parametrize("language", ["a", "b"])
def test_every_entry_is_read_as_it_says_however_it_is_written(g2p: G2P, language: str) -> None:
    # misaki weakens a stress where another one is near.
    wrong = [
        (written, given, phonemes)
        for word, phonemes in entries(language == "b").items()
        if "/" not in word
        for written in (word, word if word.isupper() or len(word) < 3 else word.lower())
        for given in [said(g2p, written, language).replace("ˈ", "ˌ")]
        if given.partition(", ")[0] != phonemes.replace("ˈ", "ˌ")
    ]
    assert wrong == []


@pytest.mark.parametrize("path", TABLES, ids=[f"{path.parent.name} {path.stem}" for path in TABLES])
def test_the_table_is_said_so(g2p: G2P, path: Path) -> None:
    letter, tag = ("b", "en-GB") if path.parent.name == "british" else ("a", "en-US")
    assert [[text, said(g2p, normalize(text, tag), letter)] for text, _ in rows(path)] == rows(path)


@pytest.mark.parametrize(
    ("table", "least"), [("cities", 200), ("surnames", 200), ("medicines", 100), ("companies", 100)]
)
def test_a_table_is_as_large_as_it_has_to_be(table: str, least: int) -> None:
    assert len({text for text, _ in rows(SPOKEN / "american" / f"{table}.tsv")}) > least


@pytest.mark.parametrize(("language", "tag", "column"), [("a", "en-US", 2), ("b", "en-GB", 3)])
def test_heteronyms_are_told_apart(g2p: G2P, language: str, tag: str, column: int) -> None:
    wrong = [
        (text, given, row[column])
        for row in rows(SPOKEN / "heteronyms.tsv")
        for text, word in [row[:2]]
        for given in [heard(g2p, normalize(text, tag), word, language)]
        if given != row[column]
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("Nguyen's", "wˈɪnz"),
        ("the nguyens", "ðə wˈɪnz"),
        ("in Des Moines.", "ɪn dəmˈYn."),
        ("[Des Moines](/dˈɛ/)", "dˈɛ"),
        ("[in Des Moines now](/dˈɛ/)", "dˈɛ"),
        ("an NGO", "ɐn ˌɛnʤˌiˈO"),
        ("NGOs", "ˌɛnʤˌiˈOz"),
        ("five ng of it", "fˈIv ˌɛnʤˈi ʌv ɪt"),
        ("Mrs. Ngo", "mˈɪsɪz nˈO"),
        ("attach your resume", "ətˈæʧ jʊɹ ɹˈɛzumˌA"),
        ("my résumé", "mI ɹˈɛzumˌA"),
        ("please resume the call", "plˈiz ɹəzˈum ðə kˈɔl"),
        ("NASA and IBM", "nˈæsə ænd ˌIbˌiˈɛm"),
        ("in Lima, Ohio", "ɪn lˈImə, OhˈIO"),
        ("in Lima, Peru", "ɪn lˈimə, pəɹˈu"),
        ("Cairo Illinois", "kˈɛɹO ˌɪlənˈY"),
        ("Dr. García", "dˈɑktəɹ ɡɑɹsˈiə"),
        ("sap and SAP", "sˈæp ænd ˌɛsˌApˈi"),
        ("code A A A", "kˈOd ˈA ˈA ˈA"),
        ("A and E", "ˈA ænd ˈi"),
        ("CAN'T", "kˈænt"),
        ("I work in IT.", "ˌI wˈɜɹk ɪn ˌItˈi."),
        ("DO IT NOW", "dˈu ˈɪt nˈW"),
    ],
)
def test_names_in_sentences(g2p: G2P, text: str, phonemes: str) -> None:
    assert said(g2p, text) == phonemes


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("the train to Reading", "ðə tɹˈAn tə ɹˈɛdɪŋ"),
        ("thank you for reading", "θˈaŋk juː fɔː ɹˈiːdɪŋ"),
        ("a lead pipe", "ɐ lˈɛd pˈIp"),
        ("Dr. García", "dˈɒktə ɡɑːsˈiːə"),
    ],
)
def test_british_names_in_sentences(g2p: G2P, text: str, phonemes: str) -> None:
    assert said(g2p, text, "b") == phonemes


def test_marked_phrases_keep_their_words() -> None:
    mark = phrases_said(british=False)
    assert mark("from Eau Claire to Boston") == "from [Eau Claire](/Oklˈɛɹ/) to Boston"
    assert mark("Coeur d’Alene") == "[Coeur d’Alene](/kˌɔɹdəlˈAn/)"
    assert mark("Lima, Ohio") == "[Lima](/lˈImə/), Ohio"
    assert mark("Limas, Ohio") == "Limas, Ohio"


def test_mending_takes_time_in_proportion() -> None:
    tokens = [Token("read", tag_="VBD"), Token("used", tag_="VBN")] * 20_000
    started = time.perf_counter()
    MendedTagger(lambda _: tokens)("")
    assert time.perf_counter() - started < 20
