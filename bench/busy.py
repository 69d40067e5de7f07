"""`python -m bench.busy`: a new call's first audio while others speak, and how soon a barge-in is silence.

First audio: a call that speaks on an otherwise idle service, and one that speaks while others are being spoken to
without end, in turn. Silence: an audio processor cancels in mid-speech; from the datagram to the last byte of the old
speech. Nothing here has a counterpart in the reference, which can do neither.
"""

from __future__ import annotations

import itertools
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any

from bench import report, texts
from bench.product import Product, settings_from_environment
from bench.telephone import Call
from telephony.engines import catalog
from telephony.engines.base import Engine
from telephony.engines.kokoro.harmonic_source import FRAME_SAMPLES
from telephony.engines.kokoro.windows import WINDOW_FRAMES
from telephony.protocols import telephone
from telephony.settings import Settings
from telephony.telemetry import logs

LONGEST_WINDOW_S = WINDOW_FRAMES[-1] * FRAME_SAMPLES / 24_000
"""Seconds of audio in the longest window of an utterance."""

_TIMEOUT_S = 60.0
_SECOND_TEXT = 2
# No old audio for so long is silence: longer than any window takes.
_SILENCE_S = 1.0


def first_audio(product: Product, others: int, rounds: int) -> dict[str, list[float]]:
    """Seconds to the first audio of a new call, `idle` and `busy` in turn, `rounds` of each after one uncounted."""
    found: dict[str, list[float]] = {"idle": [], "busy": []}
    for counted in (False, *(True,) * rounds):
        idle_s = product.time(texts.LATENCY["sentence"]).first_audio_s
        with speaking(product, others):
            busy_s = product.time(texts.LATENCY["sentence"]).first_audio_s
        if counted:
            found["idle"].append(idle_s)
            found["busy"].append(busy_s)
    return found


@contextmanager
def speaking(product: Product, calls: int) -> Iterator[None]:
    """So many calls in mid-speech, from entry to exit: each always has more text waiting, and listens in real time.

    Entered when each hears its second text, by when they no longer speak in step.
    """
    stopping = threading.Event()
    begun = threading.Barrier(calls + 1)

    def listen(call: Call, script: Iterator[str]) -> None:
        dry_at_s = 0.0
        said, heard = 0, 0
        while not stopping.is_set():
            if heard == said and dry_at_s - time.monotonic() < LONGEST_WINDOW_S:
                call.say(next(script))  # before the listener runs dry, as an agent does that is a sentence ahead
                said += 1
            arrival = call.receive(0.1)
            if arrival is None:
                continue
            dry_at_s = max(dry_at_s, arrival.at_s) + arrival.duration_s
            if heard < said:
                heard += 1
                if heard == _SECOND_TEXT:
                    begun.wait(_TIMEOUT_S)

    lines = [product.call() for _ in range(calls)]
    scripts = [itertools.islice(itertools.cycle(texts.ENGLISH), 7 * index, None) for index in range(calls)]
    threads = [threading.Thread(target=listen, args=pair) for pair in zip(lines, scripts, strict=True)]
    for thread in threads:
        thread.start()
    try:
        begun.wait(_TIMEOUT_S)
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
        for line in lines:
            line.close()


def cancel_to_silence(settings: Settings, engine: Engine, rounds: int) -> list[float]:
    """Seconds from a processor's CANCEL in mid-speech to the last byte of the old speech; 0 if none came after it."""
    found = []
    with Product(settings, engine, stream=True, route="processor") as product:
        for number in range(rounds):
            with _Processor(product, call_number=20_000 + number) as processor:
                found.append(processor.cancel_in_mid_speech(texts.LATENCY["paragraph"], after_frames=3))
    return found


class _Processor:
    """A call with its audio processor, as the telephone host has it."""

    def __init__(self, product: Product, call_number: int) -> None:
        self._call_id = str(call_number)
        self._listener = socket.create_server(("127.0.0.1", telephone.processor_port(self._call_id) or 0))
        self._text = product.call(self._call_id)
        self._registration = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._registration.connect(("127.0.0.1", product.udp_port))

    def __enter__(self) -> _Processor:
        return self

    def __exit__(self, *error: object) -> None:
        for each in (self._text, self._registration, self._listener):
            each.close()

    def cancel_in_mid_speech(self, text: str, after_frames: int) -> float:
        self._registration.send(f"REGISTER:{self._call_id}".encode())
        connection, _ = self._listener.accept()
        with connection:
            self._text.say(text)
            decoder = telephone.AudioDecoder()
            connection.recv(4 + len(self._call_id), socket.MSG_WAITALL)  # HELLO
            frames = 0
            while frames < after_frames:
                decoder.receive(connection.recv(65_536))
                frames += sum(isinstance(event, telephone.Audio) for event in decoder.events())
            cancelled_at_s = last_at_s = time.monotonic()
            self._registration.send(f"CANCEL:{self._call_id}".encode())
            connection.settimeout(_SILENCE_S)
            try:
                while connection.recv(65_536):
                    last_at_s = time.monotonic()
            except TimeoutError:
                pass  # silence
            return last_at_s - cancelled_at_s


def assemble(
    settings: Settings, others: int, first_s: Mapping[str, Sequence[float]], silence_s: Sequence[float]
) -> dict[str, Any]:
    """The JSON document: medians in seconds, their ratio, and the worst time to silence."""
    idle_s, busy_s = median(first_s["idle"]), median(first_s["busy"])
    return {
        "benchmark": "busy",
        "voice": settings.voice,
        "device": settings.device,
        "machine": report.machine(),
        "others": others,
        "first_audio_s": {"idle": idle_s, "busy": busy_s, "ratio": busy_s / idle_s},
        "rounds": {name: list(values) for name, values in first_s.items()},
        "cancel_to_silence_s": {"median": median(silence_s), "max": max(silence_s), "all": list(silence_s)},
        "longest_window_s": LONGEST_WINDOW_S,
    }


def render(document: Mapping[str, Any]) -> str:
    """The document as a table for people."""
    first, silence = document["first_audio_s"], document["cancel_to_silence_s"]
    rows = [
        ("first audio, idle service", f"{first['idle']:.3f} s", ""),
        (f"first audio, {document['others']} others speaking", f"{first['busy']:.3f} s", f"{first['ratio']:.2f}"),
        ("cancel to silence, median", f"{silence['median'] * 1000:.0f} ms", ""),
        ("cancel to silence, worst", f"{silence['max'] * 1000:.0f} ms", ""),
    ]
    return report.table(("", "time", "ratio"), rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = report.command_line("bench.busy", __doc__)
    parser.add_argument("--others", type=int, default=4, help="calls that speak meanwhile (default 4)")
    parser.add_argument("--rounds", type=int, default=9, help="measurements of each kind (default 9)")
    options = parser.parse_args(arguments)
    if options.others < 1 or options.rounds < 1:
        parser.error("--others and --rounds must be 1 or more")
    settings = settings_from_environment()
    logs.configure("warning", settings.log_format)
    engine = catalog.load_main(settings)
    with Product(settings, engine, stream=True) as product:
        first_s = first_audio(product, options.others, options.rounds)
    document = assemble(settings, options.others, first_s, cancel_to_silence(settings, engine, options.rounds))
    print(render(document))
    print(f"\nwritten to {report.save(document, options.json, 'busy')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
