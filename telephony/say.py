"""`python -m telephony.say "Hello." -o hello.wav`: a client of the running service, over its text door."""

from __future__ import annotations

import argparse
import os
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from telephony import wire

_TIMEOUT_S = 120.0


class NoAudioError(RuntimeError):
    """The service answered without audio, or not at all."""


def speak(host: str, port: int, text: str, call_id: str) -> tuple[list[wire.Audio], float]:
    """Says one text and collects the reply up to the end of the connection.

    Returns the audio frames and the time to the first one, in seconds.

    Raises:
        OSError: the service cannot be reached, or does not answer in time.
        WireError: the reply is broken, or the text is too long for one frame.
        NoAudioError: there was nothing to say.
    """
    decoder = wire.AudioDecoder()
    frames: list[wire.Audio] = []
    first_s = 0.0
    with socket.create_connection((host, port), timeout=_TIMEOUT_S) as connection:
        message = wire.encode_hello(call_id) + wire.encode_text(text) + wire.encode_bye()
        started = time.monotonic()
        connection.sendall(message)
        while data := connection.recv(65_536):
            decoder.receive(data)
            for event in decoder.events():
                if isinstance(event, wire.Audio):
                    first_s = first_s or time.monotonic() - started
                    frames.append(event)
    if not frames:
        raise NoAudioError("the service sent no audio: nothing in the text can be spoken, or its log says why")
    return frames, first_s


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m telephony.say", description=__doc__)
    parser.add_argument("text", help="what to say")
    parser.add_argument("-o", "--output", type=Path, help="write a WAV file; without it the figures are printed")
    parser.add_argument("--host", default=os.environ.get("KOKORO_HOST", "127.0.0.1"))
    parser.add_argument("--port", type=int, default=os.environ.get("KOKORO_TCP_PORT") or "8090")
    parser.add_argument("--call-id", default=f"say-{os.getpid()}")
    options = parser.parse_args(arguments)
    try:
        started = time.monotonic()
        frames, first_s = speak(options.host, options.port, options.text, options.call_id)
        wall_s = time.monotonic() - started
    except ConnectionRefusedError:
        print(f"error: nothing listens on {options.host}:{options.port}; run ./start-kokoro.sh", file=sys.stderr)
        return 1
    except (OSError, wire.WireError, NoAudioError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    samples = np.concatenate([frame.samples for frame in frames])
    sample_rate = frames[0].sample_rate
    if options.output is not None:
        try:
            soundfile.write(options.output, np.clip(samples, -1.0, 1.0), sample_rate, format="WAV")
        except (OSError, soundfile.SoundFileError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    duration_s = len(samples) / sample_rate
    print(
        f"{duration_s:.2f} s at {sample_rate} Hz in {len(frames)} frame(s), first audio after {first_s:.3f} s, "
        f"real-time factor {wall_s / duration_s:.3f}" + (f", written to {options.output}" if options.output else "")
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
