"""How pitch, range and volume are written, alone and in documents."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from telephony.speech import NEUTRAL, Intonation, Segment, Speaker
from telephony.text import prosody
from telephony.text.normalization import SpokenError
from telephony.text.script import Script

OCTAVE = Intonation(pitch=2.0)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("+20%", Intonation(1.2)), ("-50%", Intonation(0.5)), ("+12st", OCTAVE), ("-12ST", Intonation(0.5)),
     ("180Hz", Intonation(middle_hz=180.0)), ("+10Hz", Intonation(shift_hz=10.0)),
     ("-5.5hz", Intonation(shift_hz=-5.5)),
     ("medium", NEUTRAL), ("+0%", NEUTRAL), ("+0Hz", NEUTRAL), ("-0st", NEUTRAL)],
)  # fmt: skip
def test_pitches(value: str, expected: Intonation) -> None:
    assert prosody.pitch(value) == expected


def test_pitches_with_names_are_apart_by_three_semitones() -> None:
    pitches = [prosody.pitch(name).pitch for name in ("x-low", "low", "medium", "high", "x-high")]
    assert pitches == pytest.approx([2 ** (steps / 12) for steps in (-6, -3, 0, 3, 6)])


@pytest.mark.parametrize(
    ("value", "reach"), [("+50%", 1.5), ("-100%", 0.0), ("-500%", 0.0), ("+900%", 2.0), ("low", 0.6), ("default", 1.0)]
)
def test_ranges(value: str, reach: float) -> None:
    assert prosody.pitch_range(value) == Intonation(range=reach)


@pytest.mark.parametrize(
    ("value", "factor"),
    [("+6dB", 1.995), ("-20db", 0.1), ("silent", 0.0), ("loud", 1.995), ("medium", 1.0), ("50", 0.5), ("+20%", 1.2),
     ("-10", 0.9), ("+9999dB", prosody.MAX_VOLUME), ("-900%", 0.0)],
)  # fmt: skip
def test_volumes(value: str, factor: float) -> None:
    assert prosody.volume(value) == pytest.approx(factor, rel=1e-3)


@pytest.mark.parametrize("value", ["", "20%", "+3", "high!", "+12345%", "3st", "nan", "+20% ."])
@pytest.mark.parametrize(("read", "named"), [(prosody.pitch, "a pitch"), (prosody.pitch_range, "a range")])
def test_what_is_no_pitch_is_refused(value: str, read: Callable[[str], object], named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named} is such as"):
        read(value)


@pytest.mark.parametrize("value", ["101", "20%", "6dBm", "deafening", "3st"])
def test_what_is_no_volume_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"^a volume is such as"):
        prosody.volume(value)


def test_what_is_inside_is_on_top_of_what_is_around() -> None:
    outer = Intonation(1.2, 10.0, range=1.5)
    assert outer.then(Intonation(2.0, 5.0, range=2.0)) == Intonation(2.4, 25.0, range=2.0)
    assert outer.then(Intonation(middle_hz=200.0)) == Intonation(middle_hz=200.0, range=1.5)
    assert Intonation(middle_hz=200.0).then(OCTAVE).factor(150.0) == 2.0
    assert NEUTRAL.then(outer) == outer == outer.then(NEUTRAL)


@pytest.mark.parametrize(
    ("asked", "factor"), [(Intonation(9.0), 2.0), (Intonation(shift_hz=-400.0), 0.5), (NEUTRAL, 1.0)]
)
def test_a_pitch_stays_within_an_octave(asked: Intonation, factor: float) -> None:
    assert asked.factor(200.0) == factor


def read(document: str) -> list[Segment]:
    return list(Script.parse(document).read("en-US"))


def test_a_document_has_pitch_range_and_volume_inside_each_other() -> None:
    found = read(
        "<speak>a <prosody pitch='+12st' volume='50'>b <prosody range='-100%' volume='+6dB' rate='fast'>c</prosody>"
        "<emphasis>d</emphasis></prosody> e</speak>"
    )
    assert [(each.text, each.intonation, round(each.volume, 2), each.rate) for each in found if each.text] == [
        ("a", NEUTRAL, 1.0, 1.0),
        ("b", OCTAVE, 0.5, 1.0),
        ("c", Intonation(2.0, range=0.0), 1.0, 1.25),
        ("d", OCTAVE, 0.5, 0.9),
        ("e", NEUTRAL, 1.0, 1.0),
    ]


@pytest.mark.parametrize("wrong", ["pitch='loud'", "range='+3st'", "volume='11dBs'"])
def test_a_document_with_none_of_them_is_refused_with_its_place(wrong: str) -> None:
    name = wrong.partition("=")[0]
    with pytest.raises(SpokenError, match=f"line 1, column 8: a {name} is such as"):
        Script.parse(f"<speak><prosody {wrong}>x</prosody></speak>")


def test_a_part_is_cast_and_written_out_in_its_own_language() -> None:
    asked = []

    def cast(voice: str | None, language: str | None) -> Speaker | None:
        asked.append((voice, language))
        return None if language is None else Speaker("tone", voice or "x", language, language)

    document = (
        "<speak xml:lang='fr'>2 <lang xml:lang='pt-BR'>3 <voice name='b c'>4 <s xml:lang='es-ES'>5</s></voice></lang>"
        "<voice name='d'>6</voice> <voice gender='female'>7</voice></speak>"
    )
    script = Script.parse(document)
    found = list(script.read("en-US", cast=cast, pronounce=lambda text, language: f"{text} {language}"))
    assert [each.text for each in found] == [
        "2 en-US", "3 pt-BR", "4 pt-BR", "5 es-ES", "6 en-US", "7 en-US"
    ]  # fmt: skip
    assert asked == [(None, "pt-BR"), ("b", "pt-BR"), ("b", "es-ES"), ("d", None)]
    assert [each.speaker is not None for each in found] == [False, True, True, True, False, False]
