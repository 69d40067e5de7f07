"""Names that misaki reads wrongly, through Kokoro's own converter."""

from __future__ import annotations

import json
import re
from importlib import resources

import pytest

from telephony.engines.kokoro.g2p import G2P
from telephony.engines.kokoro.names import digest, entries, phrases_said

_VOWEL = "ɑæəʌɔWIɛAɪiOYʊuɜ"
_PHONEMES = re.compile(f"(?:[ˈˌ](?=[{_VOWEL}])|[{_VOWEL} bʧdðfɡhʤjklmnŋpɹsʃtTθvwzʒ])+")


@pytest.fixture(scope="module")
def g2p() -> G2P:
    return G2P()


def said(g2p: G2P, text: str, language: str = "a") -> str:
    return "".join(piece.phonemes for piece in g2p.phonemes(text, language))


def test_entries_are_phonemes_of_known_source_and_in_order() -> None:
    text = (resources.files("telephony.engines.kokoro") / "names.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    words = [(word.lower(), word) for word, _, _ in rows]
    assert words == sorted(set(words))
    assert len(rows) > 300
    for word, phonemes, source in rows:
        assert _PHONEMES.fullmatch(phonemes), word
        assert "ˈ" in phonemes, word
        assert source in {"cmudict", "usual", "maker", "USAN"}, word
    assert re.fullmatch("[0-9a-f]{8}", digest())


def test_every_entry_is_read_as_it_says_however_it_is_written(g2p: G2P) -> None:
    # misaki weakens a stress where another one is near.
    wrong = [
        (written, heard, phonemes)
        for word, phonemes in entries().items()
        for written in (word, word if word.isupper() or len(word) < 3 else word.lower())
        if (heard := said(g2p, written)).replace("ˈ", "ˌ") != phonemes.replace("ˈ", "ˌ")
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
        ("a lead pipe", "ɐ lˈɛdpIp"),
        ("I lead the team", "ˌI lˈid ðə tˈim"),
        ("my résumé", "mI ɹˈɛzumˌA"),
        ("please resume the call", "plˈiz ɹəzˈum ðə kˈɔl"),
        ("NASA and IBM", "nˈæsə ænd ˌIbˌiˈɛm"),
    ],
)
def test_names_in_sentences(g2p: G2P, text: str, phonemes: str) -> None:
    assert said(g2p, text) == phonemes


def test_what_is_not_named_is_read_as_before_and_british_english_is_misaki_s(g2p: G2P) -> None:
    recorded = json.loads((resources.files("tests.engines") / "english_names.json").read_text(encoding="utf-8"))
    assert {word: said(g2p, word) for word in recorded} == recorded
    assert said(g2p, "Nguyen", "b") != entries()["Nguyen"]


def test_marked_phrases_keep_their_words() -> None:
    mark = phrases_said()
    assert mark("from Eau Claire to Boston") == "from [Eau Claire](/Oklˈɛɹ/) to Boston"
    assert mark("plead pipes") == "plead pipes"
