"""What is said on a wire, as lines of text that are the same in every run; and clients that write it down."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from telephony import __version__
from tests.clients import TIMEOUT_S, Frame, dominant_hz
from tests.decoders import decoded

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
# Ids that the service makes where the client gives none.
_IDS = ("request_id", "session_id", "x-request-id")
_MEASURED = ("ttfa_ms", "rtf", "connected_s", "uptime_s", "memory_bytes", "predicted_first_audio_s")
_HISTORIES = ("throughput", "first_audio")
# Of every connection another one.
_RANDOM_HEADERS = ("date", "sec-websocket-accept")
# Of requests over a rate.
_WAIT = re.compile(r"(?<=^too many requests: try again in )[0-9]+")
_LONG_CHARS = 200


def stable(value: Any, name: str = "") -> Any:
    """A JSON value, the field `name` of its object, with a placeholder for whatever differs from run to run."""
    if isinstance(value, dict):
        return {key: stable(each, key) for key, each in value.items()}
    if name in _HISTORIES:
        return f"<{name}>"
    if isinstance(value, list):
        return [stable(each) for each in value]
    if name in _MEASURED and isinstance(value, (int, float)):
        return f"<{name}>"
    if name in _IDS and isinstance(value, str) and _UUID.fullmatch(value):
        return "<uuid>"
    if name == "version" and value == __version__:
        return "<version>"
    return _WAIT.sub("<seconds>", value) if isinstance(value, str) else value


def json_text(value: Any) -> str:
    """JSON with sorted keys: in one line, or in several where it is long."""
    line = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return line if len(line) <= _LONG_CHARS else json.dumps(value, sort_keys=True, ensure_ascii=False, indent=1)


def exactly(data: bytes) -> str:
    """Bytes that are the same on every machine, as audio is that was neither resampled nor compressed."""
    return f"{len(data)} bytes, {hashlib.sha256(data).hexdigest()[:12]}"


def roughly(format_name: str, sample_rate: int = 24_000) -> Callable[[bytes], str]:
    """Audio that another machine, or another version of a library, makes slightly differently: how it sounds.

    `sample_rate` is that of formats without a header, in Hz.
    """

    def describe(data: bytes) -> str:
        samples, rate = decoded(data, format_name, sample_rate)
        return f"{format_name}, {len(samples) / rate:.2f} s at {rate} Hz, pitch {dominant_hz(samples, rate):.0f} Hz"

    return describe


class Transcript:
    """What was said on a wire: `>` by the client, `<` by the service."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def title(self, text: str) -> None:
        """What comes next."""
        self.lines += ["", f"# {text}"] if self.lines else [f"# {text}"]

    def sent(self, text: str, who: str = "") -> None:
        """By the client `who`, where there is more than one."""
        self._add(f"{who}> ", text)

    def received(self, text: str, who: str = "") -> None:
        """By the client `who`, where there is more than one."""
        self._add(f"{who}< ", text)

    def received_frame(self, frame: Frame, who: str = "") -> None:
        """A frame of the telephone's routes."""
        self.received(f"chunk {frame.chunk_id}: {frame.sample_rate} Hz, {exactly(frame.samples.tobytes())}", who)

    def _add(self, mark: str, text: str) -> None:
        self.lines += [mark + line for line in text.splitlines()]


class WebSocketClient:
    """A client of one of the WebSocket protocols. `with` closes its connection."""

    def __init__(
        self, transcript: Transcript, port: int | None, path: str, who: str = "", headers: dict[str, str] | None = None
    ) -> None:
        self._transcript = transcript
        self._who = who
        self._transcript.sent(f"connects to {path}" + (f" {json_text(headers)}" if headers else ""), who)
        self._socket = connect(
            f"ws://127.0.0.1:{port}{path}",
            additional_headers=headers,
            compression=None,
            max_size=None,
            close_timeout=TIMEOUT_S,
        )

    def __enter__(self) -> WebSocketClient:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def write_handshake(self) -> None:
        """Writes down how the connection was accepted."""
        answer = self._socket.response
        assert answer is not None
        self._transcript.received(f"{answer.status_code} {answer.reason_phrase}", self._who)
        self._transcript.received("\n".join(_headers(list(answer.headers.raw_items()))), self._who)

    def send(self, kind: str, **fields: Any) -> None:
        """Sends a JSON object."""
        self.send_raw(json_text({"type": kind, **fields}))

    def send_raw(self, message: str | bytes) -> None:
        """Sends a message as it is."""
        short = f"{len(message)} characters or bytes" if len(message) > 1000 else message
        self._transcript.sent(short if isinstance(short, str) else f"binary {short.hex()}", self._who)
        self._socket.send(message)

    def hear(self, kind: str, audio: Callable[[bytes], str] | None = None) -> None:
        """Reads on to a message of that type.

        Args:
            audio: describes all audio that came, in front of that message; None: each run of frames, where it came.
        """
        frames: list[bytes] = []
        received: dict[str, Any] = {}
        while received.get("type") != kind:
            message = self._socket.recv(TIMEOUT_S)
            if isinstance(message, bytes):
                frames.append(message)
                continue
            received = json.loads(message)
            if audio is None:
                self._write_frames(frames)
                frames = []
            elif received["type"] == kind:
                self._transcript.received(f"audio: {audio(b''.join(frames))}", self._who)
            self._transcript.received(json_text(stable(received)), self._who)

    def hear_frames(self, count: int) -> None:
        """Reads on until that many frames of audio have come."""
        frames: list[bytes] = []
        while len(frames) < count:
            message = self._socket.recv(TIMEOUT_S)
            if isinstance(message, bytes):
                frames.append(message)
            else:
                assert not frames, "a message between the frames"
                self._transcript.received(json_text(stable(json.loads(message))), self._who)
        self._write_frames(frames)

    def hear_close(self) -> None:
        """Reads on to the end of the connection."""
        try:
            while True:
                message = self._socket.recv(TIMEOUT_S)
                assert isinstance(message, str), f"{len(message)} bytes of audio"
                self._transcript.received(json_text(stable(json.loads(message))), self._who)
        except ConnectionClosed as closed:
            close = closed.rcvd
        self._transcript.received(
            "cut" if close is None else f"closed: {close.code} {close.reason}".rstrip(), self._who
        )

    def _write_frames(self, frames: Sequence[bytes]) -> None:
        if frames:
            runs = [(size, len(list(run))) for size, run in itertools.groupby(map(len, frames))]
            sizes = ", ".join(f"{count} of {size}" for size, count in runs)
            self._transcript.received(f"audio: {exactly(b''.join(frames))}, frames: {sizes}", self._who)


class HttpClient:
    """A client of the HTTP doors. `with` closes its connections."""

    def __init__(self, transcript: Transcript, port: int | None) -> None:
        self._transcript = transcript
        self.plain = httpx.Client(
            base_url=f"http://127.0.0.1:{port}", headers={"Content-Type": "application/json"}, timeout=TIMEOUT_S
        )
        """For requests that are not written down."""

    def __enter__(self) -> HttpClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.plain.close()

    def ask(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | bytes | None = None,
        *,
        headers: dict[str, str] | None = None,
        show: Callable[[bytes], str] = exactly,
        varying: Sequence[str] = (),
    ) -> None:
        """Asks, and writes down the answer.

        Args:
            show: describes a body that is no JSON.
            varying: headers that differ from run to run, in lower case.
        """
        words = [method, path]
        if headers:
            words.append(json_text(headers))
        if isinstance(body, dict):
            words.append(json_text(body) if len(str(body)) < 1000 else f"{len(json.dumps(body))} characters")
        elif body is not None:
            words.append(body.decode())
        self._transcript.sent(" ".join(words))
        content = json.dumps(body).encode() if isinstance(body, dict) else body
        answer = self.plain.request(method, path, content=content, headers=headers)
        varies = set(varying)
        if answer.headers.get("content-type") == "application/json":
            said = answer.json()
            shown = json_text(stable(said))
            if stable(said) != said:
                varies.add("content-length")
        else:
            shown = show(answer.content) if answer.content else ""
        self._transcript.received(f"{answer.status_code} {answer.reason_phrase}")
        named = [(name.decode(), value.decode()) for name, value in answer.headers.raw]
        self._transcript.received("\n".join(_headers(named, varies)))
        self._transcript.received(shown)


def _headers(headers: Sequence[tuple[str, str]], varying: set[str] | None = None) -> list[str]:
    """Headers as they came, one in a line."""
    random = (*_RANDOM_HEADERS, *(varying or ()))
    return [
        f"{name}: {f'<{name.lower()}>' if name.lower() in random else stable(value, name.lower())}"
        for name, value in headers
    ]
