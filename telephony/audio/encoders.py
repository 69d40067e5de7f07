"""Speech as bytes in the formats that clients ask for, encoded while it streams.

Codecs are PyAV's, which brings them in its wheel. They are set to give bytes early rather than to make the smallest
file: short blocks, a page for every packet, and nothing that would have to be written at the beginning at the end.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import Protocol, cast

import av
import numpy as np

from telephony.audio.samples import Resampler, to_pcm16
from telephony.speech import Samples

_RATES_HZ = (8000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_OPUS_HZ = (8000, 16_000, 24_000, 48_000)
_TELEPHONE_HZ = (8000,)
_RAW_RATES_HZ = range(8000, 48_001)
_USUAL_HZ = 24_000
# While nobody knows how long it will be. SoX takes exactly this for "to the end", others whatever is too large.
_WAV_UNKNOWN = 0x7FFFF000
_WAV_HEADER_BYTES = 44
_FLAC_RATE_AT = 18


class EncoderError(ValueError):
    """There is no such format, or not at that sample rate. The message says what there is."""


class Encoder:
    """One stream of speech in one format. Used by one thread at a time. Made by `open_encoder`.

    Attributes:
        sample_rate: of what is encoded, in Hz.
        content_type: the media type of the bytes.
        streams: whether all readers can do without a length in the header, which nobody knows while it streams.
    """

    def __init__(
        self,
        sample_rate: int,
        content_type: str,
        codec: _Codec,
        *,
        streams: bool,
        write_lengths: Callable[[bytearray, int], None],
    ) -> None:
        self.sample_rate = sample_rate
        self.content_type = content_type
        self.streams = streams
        self._resampler = Resampler(sample_rate)
        self._codec = codec
        self._write_lengths = write_lengths
        self._samples = 0

    def encode(self, samples: Samples, sample_rate: int) -> bytes:
        """Takes the next window, float32 [n] at `sample_rate` Hz; returns the bytes that are ready, perhaps none.

        The rate of windows may change on the way.
        """
        return self._write(self._resampler.push(samples, sample_rate))

    def finish(self) -> bytes:
        """The end of the stream: the bytes that are left."""
        return self._write(self._resampler.finish()) + self._codec.end()

    def complete(self, data: bytearray) -> None:
        """Writes the lengths into the header of a whole stream, which is all that has come until its end."""
        self._write_lengths(data, self._samples)

    def _write(self, samples: Samples) -> bytes:
        self._samples += len(samples)
        return self._codec.write(samples)


def open_encoder(format_name: str, sample_rate: int | None = None) -> Encoder:
    """An encoder for one stream of mono speech.

    Args:
        format_name: one of `FORMATS`.
        sample_rate: of what is encoded, in Hz. None is 24,000, and 8000 for `mulaw` and `alaw`.

    Raises:
        EncoderError: there is no such format, or not at that rate.
    """
    known = _FORMATS.get(format_name)
    if known is None:
        raise EncoderError(f"unknown format {format_name[:100]!r}: there are {', '.join(FORMATS)}")
    usual_hz = _USUAL_HZ if _USUAL_HZ in known.rates_hz else known.rates_hz[0]
    rate = usual_hz if sample_rate is None else sample_rate
    if rate not in known.rates_hz:
        raise EncoderError(f"{format_name} is not encoded at {rate} Hz, but at {_listed(known.rates_hz)} Hz")
    return Encoder(
        rate,
        known.content_type.format(rate=rate),
        known.codec(rate),
        streams=known.streams,
        write_lengths=known.write_lengths,
    )


class _Codec(Protocol):
    def write(self, samples: Samples) -> bytes:
        """The bytes that are ready behind more samples, float32 [n]."""
        ...

    def end(self) -> bytes:
        """The bytes that are left."""
        ...


@dataclass
class _Raw:
    """Samples as they are, behind a header."""

    convert: Callable[[Samples], bytes]
    header: bytes = b""

    def write(self, samples: Samples) -> bytes:
        data = self.convert(samples)
        if not data:
            return b""
        header, self.header = self.header, b""
        return header + data

    def end(self) -> bytes:
        header, self.header = self.header, b""
        return header


class _Compander:
    """A codec of the telephone network: a byte a sample."""

    def __init__(self, codec: str, sample_rate: int) -> None:
        self._context = cast(av.AudioCodecContext, av.CodecContext.create(codec, "w"))
        self._context.sample_rate = sample_rate
        self._context.format = av.AudioFormat("s16")
        self._context.layout = av.AudioLayout("mono")
        self._frames = _Frames("s16", sample_rate)

    def write(self, samples: Samples) -> bytes:
        if not len(samples):
            return b""
        return b"".join(bytes(packet) for packet in self._context.encode(self._frames.take(samples)))

    def end(self) -> bytes:
        return b""


@dataclass(frozen=True)
class _Compression:
    """A codec inside a container, as FFmpeg names both and their options."""

    container: str
    codec: str
    sample_format: str
    bit_rate: int | None = None
    codec_options: Mapping[str, str] = field(default_factory=dict)
    container_options: Mapping[str, str] = field(default_factory=dict)


class _Compressor:
    """A codec inside a container that needs no way back to its beginning."""

    def __init__(self, compression: _Compression, sample_rate: int) -> None:
        self._output = _Output()
        self._container = av.open(
            self._output,
            "w",
            format=compression.container,
            container_options={"flush_packets": "1", **compression.container_options},
        )
        self._stream = cast(
            av.AudioStream,
            self._container.add_stream(
                compression.codec, rate=sample_rate, layout="mono", options=dict(compression.codec_options)
            ),
        )
        self._stream.codec_context.format = av.AudioFormat(compression.sample_format)
        if compression.bit_rate is not None:
            self._stream.bit_rate = compression.bit_rate
        self._frames = _Frames(compression.sample_format, sample_rate)

    def write(self, samples: Samples) -> bytes:
        if len(samples):
            self._container.mux(self._stream.encode(self._frames.take(samples)))
        return self._output.take()

    def end(self) -> bytes:
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._output.take()


class _Frames:
    """Makes PyAV's frames of samples, one behind the other."""

    def __init__(self, sample_format: str, sample_rate: int) -> None:
        self._sample_format = sample_format
        self._sample_rate = sample_rate
        self._position = 0

    def take(self, samples: Samples) -> av.AudioFrame:
        plane = (
            np.frombuffer(to_pcm16(samples), "<i2")
            if self._sample_format == "s16"
            else np.clip(samples, -1.0, 1.0)  # a lossy codec would fold or distort what is louder
        )
        frame = av.AudioFrame.from_ndarray(plane[np.newaxis], format=self._sample_format, layout="mono")
        frame.sample_rate = self._sample_rate
        frame.time_base = Fraction(1, self._sample_rate)
        frame.pts = self._position
        self._position += len(samples)
        return frame


class _Output:
    """A file that PyAV can only write to, in order."""

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, data: bytes) -> int:
        self._data += data
        return len(data)

    def take(self) -> bytes:
        taken, self._data = bytes(self._data), bytearray()
        return taken


def _float32(samples: Samples) -> bytes:
    return samples.astype("<f4", copy=False).tobytes()


def _wav_header(sample_rate: int) -> bytes:
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", _WAV_UNKNOWN + _WAV_HEADER_BYTES - 8, b"WAVE"),
        *(b"fmt ", 16, 1, 1, sample_rate, 2 * sample_rate, 2, 16),
        *(b"data", _WAV_UNKNOWN),
    )


def _write_wav_lengths(data: bytearray, samples: int) -> None:
    if len(data) >= _WAV_HEADER_BYTES:
        struct.pack_into("<I", data, 4, len(data) - 8)
        struct.pack_into("<I", data, _WAV_HEADER_BYTES - 4, len(data) - _WAV_HEADER_BYTES)


def _write_flac_length(data: bytearray, samples: int) -> None:
    # 36 bits at the end of 8 bytes, behind rate, channels and sample size (RFC 9639, 8.2).
    if len(data) >= _FLAC_RATE_AT + 8:
        (head,) = struct.unpack_from(">Q", data, _FLAC_RATE_AT)
        struct.pack_into(">Q", data, _FLAC_RATE_AT, head >> 36 << 36 | samples)


def _write_no_length(data: bytearray, samples: int) -> None:
    """Its header has none."""


@dataclass(frozen=True)
class _Format:
    content_type: str
    codec: Callable[[int], _Codec]
    rates_hz: tuple[int, ...] | range = _RATES_HZ
    streams: bool = True
    write_lengths: Callable[[bytearray, int], None] = _write_no_length


def _compressed(content_type: str, compression: _Compression, rates_hz: tuple[int, ...] = _RATES_HZ) -> _Format:
    return _Format(content_type, lambda rate: _Compressor(compression, rate), rates_hz)


def _listed(rates_hz: tuple[int, ...] | range) -> str:
    return f"{rates_hz[0]} to {rates_hz[-1]}" if isinstance(rates_hz, range) else ", ".join(map(str, rates_hz))


_FORMATS = {
    "pcm": _Format("audio/pcm;rate={rate};channels=1", lambda rate: _Raw(to_pcm16)),
    "wav": _Format("audio/wav", lambda rate: _Raw(to_pcm16, _wav_header(rate)), write_lengths=_write_wav_lengths),
    "mulaw": _Format("audio/PCMU;rate={rate}", lambda rate: _Compander("pcm_mulaw", rate), _TELEPHONE_HZ),
    "alaw": _Format("audio/PCMA;rate={rate}", lambda rate: _Compander("pcm_alaw", rate), _TELEPHONE_HZ),
    "f32": _Format("application/octet-stream", lambda rate: _Raw(_float32), _RAW_RATES_HZ),
    # Constant bit rate and no bit reservoir: every frame can be played as soon as it is there.
    "mp3": _compressed(
        "audio/mpeg",
        _Compression(
            "mp3", "libmp3lame", "fltp", 64_000, {"reservoir": "0"}, {"write_xing": "0", "id3v2_version": "0"}
        ),
    ),
    # Frames of 20 ms, each in a page of its own.
    "opus": _compressed(
        "audio/ogg",
        _Compression(
            "ogg",
            "libopus",
            "flt",
            32_000,
            {"application": "voip", "frame_duration": "20"},
            {"page_duration": "20000"},
        ),
        _OPUS_HZ,
    ),
    "aac": _compressed("audio/aac", _Compression("adts", "aac", "fltp", 64_000)),
    # The quick levels have blocks of at most 27 ms, the others of 105 ms.
    "flac": _Format(
        "audio/flac",
        partial(
            _Compressor,
            _Compression(
                "flac",
                "flac",
                "s16",
                codec_options={"compression_level": "2"},
                container_options={"metadata_header_padding": "0"},
            ),
        ),
        streams=False,  # libsndfile, and so soundfile, reads nothing whose number of samples is not in the header
        write_lengths=_write_flac_length,
    ),
}

FORMATS = tuple(_FORMATS)
"""What `open_encoder` knows: `pcm` and `f32` (16-bit integers and 32-bit floats, little-endian), `wav` (of a length
unknown, until `Encoder.complete`), the telephone's `mulaw` and `alaw`, and `mp3`, `opus` (Ogg), `aac` (ADTS) and
`flac`."""
