"""`python -m bench.doors`: what each door adds to the time to first audio, over the engine alone.

The engine is called in this process, as the scheduler calls it; then the same text is said at each door of a service on
that engine, on a connection that is open already. All take turns. Nothing here has a counterpart in the reference.
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from websockets.sync.client import ClientConnection, connect

from bench import report, texts
from bench.product import Product, load_engine, settings_from_environment
from telephony import logs
from telephony.engines.base import Engine
from telephony.settings import Settings

ENGINE = "engine alone"

Speak = Callable[[str], float]
"""Says a text and returns the seconds to its first audio, with the way free for the next text."""


def engine_alone(engine: Engine, voice: str) -> Speak:
    """The engine itself: from the text to the first window with sound."""

    def speak(text: str) -> float:
        started_s = time.monotonic()
        utterance = engine.prepare(text, voice, 1.0, False)
        while not len(engine.render([utterance])[0]):
            pass
        first_s = time.monotonic() - started_s
        while not utterance.finished:
            engine.render([utterance])
        return first_s

    return speak


@contextmanager
def session_protocol(port: int) -> Iterator[Speak]:
    """`/ws/tts`: the text and a flush."""
    with connect(f"ws://127.0.0.1:{port}/ws/tts", compression=None) as socket:
        socket.send(json.dumps({"type": "start_session"}))
        socket.recv()

        def speak(text: str) -> float:
            started_s = time.monotonic()
            socket.send(json.dumps({"type": "send_text", "text": text}))
            socket.send(json.dumps({"type": "flush"}))
            return _first_binary(socket, "segment_done") - started_s

        yield speak


@contextmanager
def sentence_protocol(port: int) -> Iterator[Speak]:
    """`/v1/audio/speech/stream/ws`: one request a text."""
    with connect(f"ws://127.0.0.1:{port}/v1/audio/speech/stream/ws", compression=None) as socket:
        socket.send(json.dumps({"type": "start", "format": "pcm", "sample_rate": 24_000}))
        socket.recv()

        def speak(text: str) -> float:
            started_s = time.monotonic()
            socket.send(json.dumps({"type": "speak", "request_id": str(started_s), "text": text}))
            return _first_binary(socket, "done") - started_s

        yield speak


@contextmanager
def posted(port: int, path: str, body: Callable[[str], Mapping[str, Any]]) -> Iterator[Speak]:
    """An HTTP door whose answer is a stream of audio; the connection is kept open from text to text."""
    connection = http.client.HTTPConnection("127.0.0.1", port)

    def speak(text: str) -> float:
        started_s = time.monotonic()
        connection.request("POST", path, json.dumps(body(text)), {"Content-Type": "application/json"})
        response = connection.getresponse()
        response.read1(1)
        first_s = time.monotonic() - started_s
        response.read()
        return first_s

    try:
        yield speak
    finally:
        connection.close()


def measure(settings: Settings, text: str, rounds: int) -> dict[str, list[float]]:
    """Seconds to the first audio of a text, by door, `rounds` of each after one that does not count."""
    engine = load_engine(settings)
    with ExitStack() as stack:
        product = stack.enter_context(Product(settings, engine, stream=True))
        port = product.http_port
        speakers: dict[str, Speak] = {
            ENGINE: engine_alone(engine, settings.voice),
            "telephone": lambda said: product.time(said).first_audio_s,
            "session WebSocket": stack.enter_context(session_protocol(port)),
            "sentence WebSocket": stack.enter_context(sentence_protocol(port)),
            "gateway": stack.enter_context(posted(port, "/synthesize", lambda said: {"text": said})),
            "OpenAI speech": stack.enter_context(
                posted(
                    port,
                    "/v1/audio/speech",
                    lambda said: {"model": "kokoro", "input": said, "voice": settings.voice, "response_format": "pcm"},
                )
            ),
        }
        found: dict[str, list[float]] = {name: [] for name in speakers}
        for counted in (False, *(True,) * rounds):
            for name, speak in speakers.items():
                first_s = speak(text)
                if counted:
                    found[name].append(first_s)
        return found


def _first_binary(socket: ClientConnection, last: str) -> float:
    """When the first binary message came; returns after the JSON message of type `last`."""
    first_s = None
    while True:
        message = socket.recv()
        if isinstance(message, bytes):
            first_s = first_s or time.monotonic()
        elif json.loads(message)["type"] == "error":
            raise ConnectionError(message)
        elif json.loads(message)["type"] == last:
            break
    if first_s is None:
        raise ConnectionError("the service sent no audio")
    return first_s


def assemble(settings: Settings, text: str, found: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """The JSON document: medians in seconds, and what each door adds to the engine alone."""
    alone_s = median(found[ENGINE])
    return {
        "benchmark": "doors",
        "voice": settings.voice,
        "device": settings.device,
        "machine": report.machine(),
        "text": text,
        "doors": {
            name: {"first_audio_s": median(values), "added_s": median(values) - alone_s, "rounds": list(values)}
            for name, values in found.items()
        },
    }


def render(document: Mapping[str, Any]) -> str:
    """The document as a table for people."""
    rows = [
        (name, f"{door['first_audio_s'] * 1000:.1f} ms", "" if name == ENGINE else f"{door['added_s'] * 1000:+.1f} ms")
        for name, door in document["doors"].items()
    ]
    return report.table(("door", "first audio", "over the engine"), rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.doors", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15, help="times that each speaks (default 15)")
    parser.add_argument("--text", choices=list(texts.LATENCY), default="sentence", metavar="NAME")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the results go (default: bench/results/)")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error("--rounds must be 1 or more")
    settings = settings_from_environment()
    logs.configure("warning", settings.log_format)
    text = texts.LATENCY[options.text]
    document = assemble(settings, text, measure(settings, text, options.rounds))
    print(render(document))
    print(f"\nwritten to {report.save(document, options.json, 'doors')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
