"""`python -m bench.doors`: what each door adds to the time to first audio, over the engine alone; and out of the cache.

The engine is called in this process, as the scheduler calls it; then the same text is said at each door of a service on
that engine, on a connection that is open already. All take turns. Then the same again with a phrase cache: in files,
and in a Redis (`redis-server`, started by this program; left out where it is not installed). Nothing here has a
counterpart in the reference.
"""

from __future__ import annotations

import dataclasses
import http.client
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from websockets.sync.client import ClientConnection, connect

from bench import report, texts
from bench.product import Product, settings_from_environment
from telephony.engines import catalog
from telephony.engines.base import Engine
from telephony.settings import Settings
from telephony.telemetry import logs

ENGINE = "engine alone"
STORES = ("files", "redis")
REQUIRED_S = 0.010
"""Until the first byte of a cached phrase."""

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
    """An HTTP door whose answer is a stream of audio; each text has a connection, which is open already."""
    connection = http.client.HTTPConnection("127.0.0.1", port)

    def speak(text: str) -> float:
        connection.connect()  # the service closes one that was idle for a while
        started_s = time.monotonic()
        connection.request("POST", path, json.dumps(body(text)), {"Content-Type": "application/json"})
        response = connection.getresponse()
        response.read1(1)
        first_s = time.monotonic() - started_s
        response.read()
        connection.close()
        return first_s

    try:
        yield speak
    finally:
        connection.close()


@contextmanager
def redis_server() -> Iterator[str]:
    """A Redis of its own, that keeps nothing on disk; its URL."""
    with tempfile.TemporaryDirectory() as directory:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = int(probe.getsockname()[1])
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        with subprocess.Popen(command, cwd=directory, stdout=subprocess.PIPE, text=True) as server:
            try:
                if not any("Ready to accept" in line for line in server.stdout or ()):
                    raise ConnectionError("redis-server does not start")
                yield f"redis://127.0.0.1:{port}/0"
            finally:
                server.terminate()


def measure(settings: Settings, text: str, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Seconds to the first audio of a text, by where it comes from and by door, `rounds` of each.

    It comes from the engine, `fresh`, or from one of `STORES`, in which it was put before.
    """
    engine = catalog.load_main(settings)
    found = {"fresh": _take_turns(settings, engine, text, rounds, None)}
    for store in STORES:
        with ExitStack() as stack:
            cached = dataclasses.replace(settings, redis_url="")
            if store == "redis":
                if shutil.which("redis-server") is None:
                    continue
                cached = dataclasses.replace(settings, redis_url=stack.enter_context(redis_server()))
            found[store] = _take_turns(cached, engine, text, rounds, store)
    return found


def _take_turns(
    settings: Settings, engine: Engine, text: str, rounds: int, store: str | None
) -> dict[str, list[float]]:
    with ExitStack() as stack:
        phrases = None if store is None else Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if store is not None:
            with Product(settings, engine, stream=True, phrases=phrases) as earlier:
                earlier.time(text)  # kept for good once this service has ended
        product = stack.enter_context(Product(settings, engine, stream=True, phrases=phrases))
        port = product.http_port
        speakers: dict[str, Speak] = {
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
        if store is None:
            speakers = {ENGINE: engine_alone(engine, settings.voice), **speakers}
        found: dict[str, list[float]] = {name: [] for name in speakers}
        for counted in (False, *(True,) * rounds):
            for name, speak in speakers.items():
                first_s = speak(text)
                if counted:
                    found[name].append(first_s)
        if store is not None and product.cache_hits(store) < rounds * len(speakers):
            raise ConnectionError(f"not every phrase came from {store}")
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


def assemble(settings: Settings, text: str, found: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, Any]:
    """The JSON document: medians in seconds, and what each door adds to the engine alone; for stores the worst too."""
    alone_s = median(found["fresh"][ENGINE])
    return {
        "benchmark": "doors",
        "voice": settings.voice,
        "device": settings.device,
        "machine": report.machine(),
        "text": text,
        "doors": {
            name: {"first_audio_s": median(values), "added_s": median(values) - alone_s, "rounds": list(values)}
            for name, values in found["fresh"].items()
        },
        "cached": {
            store: {
                name: {"first_audio_s": median(values), "worst_s": max(values), "rounds": list(values)}
                for name, values in found[store].items()
            }
            for store in STORES
            if store in found
        },
    }


def render(document: Mapping[str, Any]) -> str:
    """The document as a table for people."""
    rows = [
        (
            name,
            f"{door['first_audio_s'] * 1000:.1f} ms",
            "" if name == ENGINE else f"{door['added_s'] * 1000:+.1f} ms",
            *(_cached(doors.get(name)) for doors in document["cached"].values()),
        )
        for name, door in document["doors"].items()
    ]
    slowest_s = max(door["first_audio_s"] for doors in document["cached"].values() for door in doors.values())
    verdict = f"cached: slowest median {slowest_s * 1000:.1f} ms, required are {REQUIRED_S * 1000:.0f} ms"
    header = ("door", "first audio", "over the engine", *(f"from {store}, worst" for store in document["cached"]))
    return f"{report.table(header, rows)}\n\n{verdict}"


def _cached(door: Mapping[str, float] | None) -> str:
    return "" if door is None else f"{door['first_audio_s'] * 1000:.1f} ms, {door['worst_s'] * 1000:.1f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = report.command_line("bench.doors", __doc__)
    parser.add_argument("--rounds", type=int, default=15, help="times that each speaks (default 15)")
    parser.add_argument("--text", choices=list(texts.LATENCY), default="sentence", metavar="NAME")
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
