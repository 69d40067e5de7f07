"""What is known of Kokoro's voices before one is heard."""

from __future__ import annotations

import pytest

from telephony.engines.base import Engine
from telephony.engines.kokoro import voices
from telephony.engines.kokoro.voices import describe
from telephony.speech import Voice


@pytest.mark.parametrize(
    ("name", "gender", "grade"),
    [("af_heart", "female", "A"), ("am_adam", "male", "F+"), ("pm_alex", "male", None), ("ax_own", None, None)],
)
def test_a_voice_has_the_grade_of_the_model_card(name: str, gender: str | None, grade: str | None) -> None:
    described = describe(Voice(name, "en-US", ("en-GB",)))
    assert (described.gender, described.grade, described.other_languages) == (gender, grade, ("en-GB",))


def test_no_voice_is_described_or_graded_twice() -> None:
    for groups in (voices._GRADES, voices._DESCRIPTIONS):
        names = " ".join(groups.values()).split()
        assert len(names) == len(set(names))


@pytest.mark.model
def test_every_voice_of_the_weights_is_described_and_its_blend_is_not(kokoro: Engine) -> None:
    known = [voice for voice in kokoro.voices() if "_" in voice.name]
    assert {voice.gender for voice in known} == {"female", "male"}
    assert all(voice.description for voice in known)
    blend = kokoro.find_voice("af_heart+af_sky")
    assert (blend.gender, blend.grade, blend.description) == ("female", None, None)
