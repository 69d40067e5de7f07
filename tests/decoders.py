"""Encoded audio back to samples, for tests, with decoders that are not ours."""

from __future__ import annotations

import io

import av
import numpy as np

from telephony.speech import Samples

# How FFmpeg calls what has no header.
_RAW = {"pcm": "s16le", "f32": "f32le", "mulaw": "mulaw", "alaw": "alaw"}


def decoded(data: bytes, format_name: str, sample_rate: int) -> tuple[Samples, int]:
    """The samples and their rate in Hz; `sample_rate` is that of formats without a header."""
    raw = _RAW.get(format_name)
    options = {"sample_rate": str(sample_rate)} if raw else {}
    with av.open(io.BytesIO(data), "r", format=raw, options=options) as container:
        rate = container.streams.audio[0].rate
        resampler = av.AudioResampler("flt", "mono")
        frames = [made for frame in container.decode(audio=0) for made in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames]), rate


def duration_s(data: bytes, format_name: str, sample_rate: int = 24_000) -> float:
    """How long it sounds, in seconds."""
    samples, rate = decoded(data, format_name, sample_rate)
    return len(samples) / rate
