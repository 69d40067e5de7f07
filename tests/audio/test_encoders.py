"""Every format decodes, with decoders that are not ours, to the sound that went in, however it came in."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.audio.encoders import FORMATS, Encoder, EncoderError, open_encoder
from telephony.speech import Samples
from tests.decoders import decoded

PITCH_HZ = 440.0
TELEPHONE = ("mulaw", "alaw")

# What a codec may add at the ends, in seconds: mp3 and aac say nowhere how much of their first frames is no sound.
PADDING_S = {"mp3": 0.2, "aac": 0.3}
# Signal to noise of a sine, in dB. The lossy ones are made for ears; these figures are no measure of how they sound.
MIN_SNR_DB = {"f32": 100, "pcm": 75, "wav": 75, "flac": 75, "mulaw": 30, "alaw": 30, "mp3": 30, "opus": 15, "aac": 15}


def sine(seconds: float, sample_rate: int = 24_000, amplitude: float = 0.5) -> Samples:
    index = np.arange(round(seconds * sample_rate))
    return (amplitude * np.sin(2 * np.pi * PITCH_HZ * index / sample_rate)).astype(np.float32)


def encoded(encoder: Encoder, windows: list[Samples], sample_rate: int = 24_000) -> bytes:
    return b"".join([encoder.encode(window, sample_rate) for window in windows] + [encoder.finish()])


def snr_db(samples: Samples, sample_rate: int) -> float:
    """How far the sine stands over everything else, away from both ends."""
    middle = samples[sample_rate // 5 : -sample_rate // 5].astype(np.float64)
    phase = 2 * np.pi * PITCH_HZ * np.arange(len(middle)) / sample_rate
    basis = np.stack([np.sin(phase), np.cos(phase)], axis=1)
    weights, *_ = np.linalg.lstsq(basis, middle, rcond=None)
    assert np.hypot(*weights) == pytest.approx(0.5, abs=0.05)
    noise = middle - basis @ weights
    return float(10 * np.log10(np.sum((basis @ weights) ** 2) / max(np.sum(noise**2), 1e-12)))


def rates(format_name: str) -> tuple[int, ...]:
    return (8000,) if format_name in TELEPHONE else (8000, 16_000, 24_000, 48_000)


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("source_hz", [24_000, 22_050])
def test_every_format_decodes_to_the_sound_that_went_in(format_name: str, source_hz: int) -> None:
    for sample_rate in rates(format_name):
        encoder = open_encoder(format_name, sample_rate)
        assert encoder.sample_rate == sample_rate
        windows = np.array_split(sine(2.0, source_hz), 5)
        samples, rate = decoded(encoded(encoder, windows, source_hz), format_name, sample_rate)
        assert rate == (48_000 if format_name == "opus" else sample_rate)
        surplus_s = len(samples) / rate - 2.0
        assert -0.001 <= surplus_s <= PADDING_S.get(format_name, 0.001)
        assert snr_db(samples, rate) > MIN_SNR_DB[format_name]


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(FORMATS), st.lists(st.integers(0, 12_000), max_size=12), st.sampled_from([22_050, 24_000]))
def test_however_it_is_cut_it_sounds_the_same(format_name: str, places: list[int], source_hz: int) -> None:
    whole = sine(0.5, source_hz)
    cuts = np.split(whole, sorted(min(place, len(whole)) for place in places))
    in_pieces, at_once = (encoded(open_encoder(format_name), windows, source_hz) for windows in (cuts, [whole]))
    if format_name == "opus":  # an Ogg stream has a number of its own
        heard, expected = (decoded(data, format_name, 24_000)[0] for data in (in_pieces, at_once))
        np.testing.assert_array_equal(heard, expected)
    else:
        assert in_pieces == at_once


@pytest.mark.parametrize("format_name", FORMATS)
def test_another_engine_may_go_on_at_another_rate(format_name: str) -> None:
    encoder = open_encoder(format_name)
    data = b"".join(
        encoder.encode(sine(0.5, source_hz), source_hz) for source_hz in (24_000, 22_050, 22_050, 16_000, 24_000)
    )
    samples, rate = decoded(data + encoder.finish(), format_name, encoder.sample_rate)
    assert -0.002 <= len(samples) / rate - 2.5 <= PADDING_S.get(format_name, 0.002)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert np.argmax(spectrum) * rate / len(samples) == pytest.approx(PITCH_HZ, abs=2.0)


@pytest.mark.parametrize("format_name", FORMATS)
def test_what_the_first_window_gives_can_be_heard_already(format_name: str) -> None:
    encoder = open_encoder(format_name)
    first = encoder.encode(sine(0.4), 24_000)
    samples, rate = decoded(first, format_name, encoder.sample_rate)
    assert len(samples) / rate >= 0.3


@pytest.mark.parametrize("format_name", FORMATS)
def test_nothing_is_sent_before_the_first_sample(format_name: str) -> None:
    encoder = open_encoder(format_name)
    assert encoder.encode(np.zeros(0, np.float32), 24_000) == b""


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_stream_without_samples_ends_without_an_error(format_name: str) -> None:
    assert len(open_encoder(format_name).finish()) < 1000


@pytest.mark.parametrize("format_name", sorted(set(FORMATS) - {"f32"}))
def test_what_is_too_loud_is_clipped_and_never_wraps_around(format_name: str) -> None:
    encoder = open_encoder(format_name)
    samples, rate = decoded(encoded(encoder, [sine(1.0, amplitude=1.8)]), format_name, encoder.sample_rate)
    middle = samples[rate // 5 : -rate // 5]
    assert np.abs(middle).max() < 1.3
    clipped = np.clip(sine(1.0, rate, amplitude=1.8), -1.0, 1.0)
    piece = middle[: rate // 10]
    alike = np.correlate(clipped, piece, mode="valid").max()
    assert alike > 0.97 * np.linalg.norm(piece) * np.linalg.norm(clipped[: len(piece)])


def test_floats_are_not_clipped() -> None:
    loud = np.array([1.8, -1.8], np.float32)
    np.testing.assert_array_equal(np.frombuffer(encoded(open_encoder("f32"), [loud]), "<f4"), loud)


def test_a_streamed_wav_can_be_read_by_the_usual_readers() -> None:
    whole = sine(0.5)
    data = encoded(open_encoder("wav"), np.array_split(whole, 3))
    samples, rate = soundfile.read(io.BytesIO(data), dtype="float32")
    assert rate == 24_000
    np.testing.assert_allclose(samples, whole, atol=1e-4)
    with wave.open(io.BytesIO(data)) as reader:
        assert (reader.getnchannels(), reader.getsampwidth(), reader.getframerate()) == (1, 2, 24_000)
        assert len(reader.readframes(10**6)) == 2 * len(whole)


@pytest.mark.parametrize("format_name", ["opus", "mp3"])
def test_soundfile_reads_what_was_streamed(format_name: str) -> None:
    samples, rate = soundfile.read(io.BytesIO(encoded(open_encoder(format_name), [sine(1.0)])), dtype="float32")
    assert len(samples) / rate == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(("format_name", "silence"), [("mulaw", 0xFF), ("alaw", 0xD5)])
def test_silence_is_the_telephone_networks_silence(format_name: str, silence: int) -> None:
    assert encoded(open_encoder(format_name), [np.zeros(2400, np.float32)]) == bytes([silence]) * 800


def mulaw_value(code: int) -> int:
    """What a byte of G.711 mu-law stands for, on a scale of 16 bits."""
    code ^= 0xFF
    size = (((code & 0x0F) << 3) + 0x84 << (code >> 4 & 7)) - 0x84
    return -size if code & 0x80 else size


def alaw_value(code: int) -> int:
    """What a byte of G.711 A-law stands for, on a scale of 16 bits."""
    code ^= 0x55
    segment = code >> 4 & 7
    size = (code & 0x0F) * 16 + 8
    size = size + 256 << segment - 1 if segment else size
    return size if code & 0x80 else -size


@pytest.mark.parametrize(("format_name", "value"), [("mulaw", mulaw_value), ("alaw", alaw_value)])
def test_g711_is_what_the_standard_says(format_name: str, value: Callable[[int], int]) -> None:
    values = np.array([value(code) for code in range(256)])
    # Every level is its own code, but for mu-law's second zero.
    codes = np.frombuffer(encoded(open_encoder(format_name), [(values / 32767).astype(np.float32)], 8000), np.uint8)
    np.testing.assert_array_equal(values[codes], values)
    # And every other number that of the level next to it.
    numbers = np.arange(-32_767, 32_768, 7)
    codes = np.frombuffer(encoded(open_encoder(format_name), [(numbers / 32767).astype(np.float32)], 8000), np.uint8)
    nearest = np.abs(numbers[:, np.newaxis] - values[np.newaxis]).min(axis=1)
    assert (np.abs(numbers - values[codes]) <= nearest + 8).all()


@pytest.mark.parametrize(
    ("format_name", "sample_rate", "config_error"),
    [
        ("ogg", None, "unknown format 'ogg'"),
        ("", None, "unknown format"),
        ("pcm", 11_025, "8000, 16000, 22050, 24000, 32000, 44100, 48000"),
        ("opus", 44_100, "8000, 16000, 24000, 48000"),
        ("mulaw", 16_000, "8000 Hz"),
        ("f32", 96_000, "8000 to 48000"),
        ("f32", -1, "8000 to 48000"),
        ("wav", 0, "8000, 16000"),
    ],
)
def test_what_there_is_not_is_refused(format_name: str, sample_rate: int | None, config_error: str) -> None:
    with pytest.raises(EncoderError, match=config_error):
        open_encoder(format_name, sample_rate)
