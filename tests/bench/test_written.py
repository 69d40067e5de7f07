"""The sentences of bench/sentences, and the arithmetic over them. Nothing here loads a model."""

from __future__ import annotations

import numpy as np
import pytest

from bench import written
from bench.recogniser import normalise
from bench.understanding import VOICES, Heard
from bench.written import Compared, Meant
from telephony.speech import Samples
from telephony.text.normalization import normalize


@pytest.mark.parametrize("language", VOICES)
def test_every_language_has_sixty_sentences_and_what_they_mean_in_words(language: str) -> None:
    sentences = written.sentences(language)
    assert len({sentence.written for sentence in sentences}) == 60
    for sentence in sentences:
        assert sentence.readings
        for reading in sentence.readings:
            assert not any(character.isdigit() for character in reading), reading
            assert normalise(normalize(reading, language)) == normalise(reading)


def test_the_nearest_reading_counts_and_what_is_the_same_in_words_is_heard_once() -> None:
    said: list[str] = []

    def say(text: str) -> Samples:
        said.append(text)
        return np.zeros(len(text), np.float32)

    meant = [
        Meant("Pay $5.", ("Pay five dollars.",)),
        Meant("It ends in 44.", ("It ends in four four.", "It ends in forty-four.")),
    ]
    heard = {7: "Pay five dollars.", 14: "It ends in 44.", 21: "It ends in door four."}
    compared = written.compare(meant, "en-US", say, lambda samples, language: heard[len(samples)])
    assert said == ["Pay $5.", "It ends in 44.", "It ends in four four."]
    assert [sentence.written.errors for sentence in compared] == [0, 0]
    assert [sentence.by_hand.errors for sentence in compared] == [0, 1]


def test_agreement_is_over_all_words() -> None:
    first = Compared("1 2 3 4", 4, Heard("one", 3), Heard("one two three four", 0))
    second = Compared("5", 1, Heard("five", 0), Heard("fine", 1))
    entry = written.summary([first, second])
    assert entry["written"] == {"errors": 3, "percent": pytest.approx(40.0)}
    assert entry["by_hand"] == {"errors": 1, "percent": pytest.approx(80.0)}
    assert entry["difference_points"] == pytest.approx(-40.0)
    shown = written.render({"languages": {"en-US": {"voice": "af_sky", **entry}}})
    assert shown.splitlines()[-1].split()[-6:] == ["5", "40.0", "%", "80.0", "%", "-40.0"]
