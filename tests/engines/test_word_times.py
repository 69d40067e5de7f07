"""When each word is heard: what engines say of it, against the text, against the audio and against a recogniser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import pytest

from bench.recogniser import for_recogniser, join_whisper
from telephony.engines.base import Engine
from telephony.engines.kokoro.alignment import as_written
from telephony.engines.kokoro.g2p import G2P
from telephony.engines.kokoro.languages import LANGUAGES
from telephony.engines.kokoro.model import KokoroEngine
from telephony.engines.kokoro.words import Piece, Run, of_spaces, timed, within
from telephony.engines.tone import SECONDS_PER_CHARACTER, ToneEngine
from telephony.settings import Settings
from telephony.speech import Samples, Word
from telephony.text.normalization import normalize

SENTENCES = [
    "Please hold the line while I look up the order that you placed last week, it will only take a moment.",
    "Your appointment with Dr. Smith is on the third of May, at half past four in the afternoon.",
    "Thank you for calling, how can I help you today?",
    "I have found 3 parcels for you; the first one, unfortunately, has been delayed.",
]
TOLERANCE_S = 0.08

Recogniser = Callable[[Samples, str], list[Word]]


def said(engine: Engine, text: str, voice: str, exact: bool = False, speed: float = 1.0) -> tuple[Samples, list[Word]]:
    utterance = engine.prepare(text, voice, speed, exact)
    windows: list[Samples] = []
    words: list[Word] = []
    while not utterance.finished:
        windows += engine.render([utterance])
        words += utterance.take_words()
    assert not utterance.take_words()
    return np.concatenate(windows), words


def assert_in_order(words: list[Word], text: str, duration_s: float) -> None:
    assert " ".join(word.text for word in words) == " ".join(text.split())
    times = [time for word in words for time in (word.start_s, word.end_s)]
    assert times[0] >= 0
    assert times[-1] <= duration_s
    assert all(before <= after + 1e-9 for before, after in pairwise(times))


def test_words_of_a_tone_last_as_long_as_their_characters() -> None:
    engine = ToneEngine()
    utterance = engine.prepare("One  three.", "tone", 2.0, False)
    assert not utterance.take_words()
    engine.render([utterance])
    pace_s = SECONDS_PER_CHARACTER / 2
    assert utterance.take_words() == [Word("One", 0, 3 * pace_s), Word("three.", 5 * pace_s, 11 * pace_s)]
    assert not utterance.take_words()
    engine.render([utterance])
    assert not utterance.take_words()


def test_words_that_are_a_group_of_phonemes_each() -> None:
    runs = of_spaces("Olá, bom dia.", "olˈa, bˈoŋ ʤˈiæ.", pytest.fail)
    assert runs == [Run("Olá,", 0, 4), Run("bom", 6, 10), Run("dia.", 11, 15)]


def test_a_number_is_as_many_groups_as_it_is_alone() -> None:
    alone = {"Tengo": "tˈɛŋɡo", "123": "θjˈento βˌAntitɾˈes", "kilos.": "kˈilos."}
    phonemes = "tˈɛŋɡo θjˈento βˌAntitɾˈes kˈilos. sˈi."
    runs = of_spaces("Tengo 123 kilos. Sí.", phonemes, alone.__getitem__)
    assert [phonemes[run.start : run.end] for run in runs] == ["tˈɛŋɡo", "θjˈento βˌAntitɾˈes", "kˈilos", "sˈi"]


def test_words_that_flow_together_share_their_groups_by_length() -> None:
    runs = of_spaces("a bb cccc", "xx yyyy", lambda word: "alone")
    assert runs == [Run("a", 0, 0), Run("bb", 0, 2), Run("cccc", 3, 7)]


def test_words_are_divided_with_the_pieces_of_a_long_text() -> None:
    phonemes = " ab cd  ef gh "
    runs = [Run("one", 1, 3), Run("two", 4, 10), Run("three", 11, 13), Run("-", 14, 14)]
    first, second = within(runs, phonemes, ["ab cd", "ef gh"])
    assert first == Piece("ab cd", (Run("one", 0, 2), Run("two", 3, 5)))
    assert second == Piece("ef gh", (Run("three", 3, 5), Run("-", 5, 5)))


def written(text: str, *said: str) -> list[list[tuple[str, int, int]]]:
    """The words of the pieces `said`, a phoneme a word, as `text` has them."""
    pieces = [
        Piece("x" * len(part.split()), tuple(Run(word, at, at + 1) for at, word in enumerate(part.split())))
        for part in said
    ]
    told = as_written(pieces, text, lambda word: normalize(word, "en-US"))
    return [[(run.text, run.start, run.end) for run in piece.words] for piece in told]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Dr. Smith has 250 cows.", ["Dr.", "Smith", "has", "250", "cows."]),
        ("On 5 May, 12 of 5 and 4 and 3.", ["On", "5", "May,", "12", "of", "5", "and", "4", "and", "3."]),
        ("**Hello** 🙂 “you”", ["**Hello** 🙂", "“you”"]),
        ("🙂 Hello", ["🙂 Hello"]),
        ("It is $5.50 - no?", ["It", "is", "$5.50", "-", "no?"]),
        ("Call 555-0134 now, or mail a@b.com", ["Call", "555-0134", "now,", "or", "mail", "a@b.com"]),
        (" ".join(map(str, range(120, 160))), [str(number) for number in range(120, 160)]),
    ],
)
def test_words_are_told_as_they_are_written(text: str, words: list[str]) -> None:
    said = normalize(text, "en-US")
    (told,) = written(text, said)
    assert [word for word, _, _ in told] == words
    assert [start for _, start, _ in told[1:]] == [end for _, _, end in told[:-1]]
    assert (told[0][1], told[-1][2]) == (0, len(said.split()))


def test_a_number_that_goes_on_into_the_next_piece_ends_with_its_own() -> None:
    assert written("has 250 cows", "has two hundred", "fifty cows") == [
        [("has", 0, 1), ("250", 1, 3)],
        [("cows", 1, 2)],
    ]


def test_words_that_are_all_said_otherwise_are_one() -> None:
    assert written("a b c", "x y") == [[("a b c", 0, 2)]]


def test_phonemes_that_the_model_does_not_know_last_no_time() -> None:
    piece = Piece("a?b c", (Run("ab", 0, 3), Run("c", 4, 5)))
    words = timed(piece, "ab c", [7, 2, 6, 8, 10, 12])
    assert [word.text for word in words] == ["ab", "c"]
    assert [time for word in words for time in (word.start_s, word.end_s)] == pytest.approx([0.1, 0.3, 0.5, 0.75])


@pytest.mark.model
@pytest.mark.parametrize(
    "text", ["It's 1984, or $5.50 - no?", "twenty-one (perhaps) “ten”  and\nso on", "[X](/ˈɛks/) 7."]
)
def test_english_words_are_those_of_the_text(text: str) -> None:
    (piece,) = G2P().phonemes(text, "a")
    assert [run.text for run in piece.words] == re.sub(r"\[(.*)\]\(.*\)", r"\1", text).split()
    assert all(0 <= run.start <= run.end <= len(piece.phonemes) for run in piece.words)
    assert all(before.end <= after.start for before, after in pairwise(piece.words))
    ten = next((run for run in piece.words if run.text == "“ten”"), None)
    assert ten is None or piece.phonemes[ten.start : ten.end] == "tˈɛn"


@pytest.fixture(scope="module")
def engine(kokoro: Engine) -> Engine:
    assert isinstance(kokoro, KokoroEngine)
    return kokoro


@pytest.fixture(scope="module")
def recogniser() -> Iterator[Recogniser]:
    """Words and their times as Whisper hears them."""
    from faster_whisper import WhisperModel
    from tqdm import tqdm

    directory = Settings().cache_dir / "whisper-base"
    join_whisper(directory)
    model = WhisperModel(str(directory), device="cpu", compute_type="int8", local_files_only=True)

    def recognise(samples: Samples, language: str) -> list[Word]:
        segments, _ = model.transcribe(
            for_recogniser(samples), language=language, temperature=0.0, beam_size=1, word_timestamps=True
        )
        return [Word(word.word.strip(), word.start, word.end) for segment in segments for word in segment.words or ()]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tqdm, "monitor_interval", 0)  # else its first bar, though unseen, starts a thread that never ends
        yield recognise


def plain(word: Word) -> str:
    return "".join(filter(str.isalnum, word.text.lower()))


def distances_s(ours: list[Word], theirs: list[Word]) -> list[float]:
    """How far apart the beginnings and ends of the words are that both have, in order."""
    found, position = [], 0
    for word in ours:
        places = [place for place in range(position, len(theirs)) if plain(theirs[place]) == plain(word)]
        if places:
            position = places[0] + 1
            there = theirs[places[0]]
            found += [abs(word.start_s - there.start_s), abs(word.end_s - there.end_s)]
    return found


@pytest.mark.model
@pytest.mark.parametrize("exact", [False, True])
def test_english_words_are_heard_when_the_engine_says_so(engine: Engine, recogniser: Recogniser, exact: bool) -> None:
    distances = []
    for text in SENTENCES:
        samples, words = said(engine, text, "af_sky", exact)
        assert_in_order(words, text, len(samples) / engine.sample_rate)
        found = distances_s(words, recogniser(samples, "en"))
        assert len(found) > len(words)
        distances += found
    assert np.median(distances) < TOLERANCE_S


@pytest.mark.model
@pytest.mark.parametrize(
    ("voice", "text"),
    [
        ("pf_dora", "Bom dia, a sua encomenda de 250 reais vai chegar amanhã de manhã."),
        ("ef_dora", "Buenos días, tengo 123 manzanas y las voy a mandar mañana por la tarde."),
    ],
)
def test_words_of_other_languages_are_heard_when_the_engine_says_so(
    engine: Engine, recogniser: Recogniser, voice: str, text: str
) -> None:
    samples, words = said(engine, text, voice)
    assert_in_order(words, text, len(samples) / engine.sample_rate)
    found = distances_s(words, recogniser(samples, LANGUAGES[voice[0]].partition("-")[0]))
    assert len(found) > len(words)
    assert np.median(found) < TOLERANCE_S


@pytest.mark.model
def test_words_go_on_through_the_pieces_of_a_long_text(engine: Engine) -> None:
    text = " ".join(f"the caller number {number} asked again whether anybody would answer" for number in range(9))
    assert len(G2P().phonemes(text, "a")) == 2
    samples, words = said(engine, text, "af_sky", speed=2.0)
    assert_in_order(words, text, len(samples) / engine.sample_rate)
    assert words[-1].end_s > 0.9 * len(samples) / engine.sample_rate


@pytest.mark.model
def test_words_are_known_with_the_first_sound_of_their_piece(engine: Engine) -> None:
    utterance = engine.prepare(SENTENCES[0], "af_sky", 1.0, False)
    while not len(engine.render([utterance])[0]):
        assert not utterance.take_words()
    assert not utterance.finished
    assert len(utterance.take_words()) == len(SENTENCES[0].split()) - 1
