"""Audio as numbers: pure functions and small states, no I/O."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import soxr

from telephony.speech import Samples

_LOUD = 0.01  # full scale is 1: about -40 dB, under the quietest consonant and over a vocoder's noise
_LEAD_S = 0.02
_TAIL_S = 0.06
# What a speaker leaves between sentences, clauses, words.
_PAUSES_S = {**dict.fromkeys(".!?…", 0.3), **dict.fromkeys(",;:—", 0.15)}
_PAUSE_S = 0.05
_BLOCK_S = 0.02
# Pauses are no speech: what is under the floor (-50 dB), or 20 dB under the speech so far, does not count.
_FLOOR = 1e-5
_GATE = 0.01
# So much speech gives a first idea of a level (a window has more).
_FIRST_BLOCKS = 5
_FFT_SAMPLES, _HOP_SAMPLES = 1024, 256
_SPECTRAL_FLOOR = 1e-5
_TINY = 1e-30  # nothing is divided by zero in perfect silence


def pause_s(text: str) -> float:
    """Seconds of silence after a piece of text, or phonemes, at the usual rate of speech, by its last character."""
    return _PAUSES_S.get(text[-1:], _PAUSE_S)


class SilenceTrimmer:
    """Removes silence at both ends of a piece of speech, window by window, and keeps what lies inside.

    Silence that may turn out to be the end is held back until speech follows. `finish` drops it and leaves a pause of a
    chosen length. One piece, one trimmer.

    Args:
        sample_rate: Hz.

    Attributes:
        begun: whether there was speech.
        removed: samples that were taken away in front of it, so far.
    """

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self.begun = False
        self.removed = 0
        self._held = np.zeros(0, np.float32)

    def push(self, samples: Samples) -> Samples:
        """Takes the next samples [n]; returns those that are certain to be heard (perhaps none)."""
        pending = np.concatenate([self._held, samples])
        loud = np.flatnonzero(np.abs(pending) > _LOUD)
        if len(loud) == 0:
            # Before speech only the lead-in has to be kept.
            self._held = pending if self.begun else pending[max(0, len(pending) - self._count(_LEAD_S)) :]
            self.removed += len(pending) - len(self._held)
            return np.zeros(0, np.float32)
        start = 0 if self.begun else max(0, int(loud[0]) - self._count(_LEAD_S))
        end = int(loud[-1]) + 1
        self.begun = True
        self.removed += start
        self._held = pending[end:]
        return pending[start:end]

    def drop_held(self) -> None:
        """What is held back comes again with the next samples."""
        self._held = np.zeros(0, np.float32)

    def finish(self, pause_s: float) -> Samples:
        """The end of the piece: a short tail, which fades, and silence up to `pause_s` seconds after the last sound."""
        tail = self._held[: self._count(_TAIL_S)] if self.begun else np.zeros(0, np.float32)
        self._held = np.zeros(0, np.float32)
        faded = tail * np.linspace(1.0, 0.0, len(tail), dtype=np.float32)
        pause = np.zeros(max(0, self._count(pause_s) - len(tail)), np.float32)
        return np.concatenate([faded, pause])

    def _count(self, seconds: float) -> int:
        return round(seconds * self._sample_rate)


class Resampler:
    """Brings a stream of windows to one sample rate; its state is kept across them. One stream, one resampler.

    Args:
        target_hz: sample rate of what comes out.
    """

    def __init__(self, target_hz: int) -> None:
        self._target_hz = target_hz
        self._source_hz = target_hz
        self._stream: soxr.ResampleStream | None = None

    def push(self, samples: Samples, source_hz: int) -> Samples:
        """Takes the next samples, float32 [n] at `source_hz`; returns those that are ready, perhaps none.

        Where `source_hz` changes (another engine goes on), what was held back comes out in front.
        """
        ended = np.zeros(0, np.float32)
        if source_hz != self._source_hz:
            ended = self.finish()
            self._source_hz = source_hz
            # High quality: on the way to 8 kHz flat to 3.7 kHz, and 60 dB down from 3.97 kHz on. Lower ones lose the
            # band's upper end or hold back more.
            self._stream = (
                soxr.ResampleStream(source_hz, self._target_hz, 1, dtype="float32", quality="HQ")
                if source_hz != self._target_hz
                else None
            )
        if self._stream is None:
            return np.concatenate([ended, samples])
        return np.concatenate([ended, self._stream.resample_chunk(samples)])

    def finish(self) -> Samples:
        """The end of the stream: the samples that were held back. The resampler is as new afterwards."""
        stream, self._stream, self._source_hz = self._stream, None, self._target_hz
        if stream is None:
            return np.zeros(0, np.float32)
        held: Samples = stream.resample_chunk(np.zeros(0, np.float32), last=True)
        return held


class SpeechLevel:
    """How loud a voice is: RMS of its blocks of 20 ms that are speech. One thread."""

    def __init__(self) -> None:
        self._power = 0.0
        self._blocks = 0

    @property
    def db(self) -> float | None:
        """In dB under full scale; None while too little was heard."""
        return 10 * math.log10(self._power / self._blocks) if self._blocks >= _FIRST_BLOCKS else None

    @property
    def speech_s(self) -> float:
        """How much speech was measured, in seconds."""
        return self._blocks * _BLOCK_S

    def measure(self, samples: Samples, sample_rate: int) -> None:
        """Takes more of the voice: float32 [n] at `sample_rate` Hz."""
        size = round(_BLOCK_S * sample_rate)
        blocks = samples[: len(samples) // size * size].reshape(-1, size).astype(np.float64)
        powers = np.mean(blocks**2, axis=1)
        powers = powers[powers > _FLOOR]
        if len(powers):
            mean = (self._power + powers.sum()) / (self._blocks + len(powers))
            speech = powers[powers > _GATE * mean]
            self._power += float(speech.sum())
            self._blocks += len(speech)


def log_spectral_distance_db(reference: Samples, other: Samples) -> float:
    """How unlike two sounds of one length are: the mean over frames of the root mean square over bins, in dB.

    Whatever is 100 dB or more under the reference's peak counts as silence.
    """
    plain, changed = _magnitudes(reference), _magnitudes(other)
    floor = max(_SPECTRAL_FLOOR * float(plain.max()), _TINY)
    difference = 20 * np.log10(np.maximum(plain, floor) / np.maximum(changed, floor))
    return float(np.sqrt((difference**2).mean(1)).mean())


def _magnitudes(samples: Samples) -> npt.NDArray[np.float64]:
    """Magnitudes [frames, 513] through a Hann window; what is shorter than one is filled up with silence."""
    padded = np.pad(samples.astype(np.float64), (0, max(0, _FFT_SAMPLES - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT_SAMPLES)[::_HOP_SAMPLES]
    return np.abs(np.fft.rfft(frames * np.hanning(_FFT_SAMPLES + 1)[:-1]))


def to_pcm16(samples: Samples) -> bytes:
    """float32 in [-1, 1], clipped first, as 16-bit little-endian PCM."""
    scaled: Samples = np.rint(np.clip(samples, -1.0, 1.0) * 32767.0)
    return scaled.astype("<i2").tobytes()
