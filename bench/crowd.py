"""Callers at every door, all in one event loop, so that hundreds of them cost next to nothing.

Each call says its sentences, hears them to the end, and is over. What was heard is 16-bit PCM at every door, for a
comparison sample by sample.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import math
import struct
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
from websockets.asyncio.client import connect

from telephony.audio.samples import to_pcm16
from telephony.protocols import telephone

SAMPLE_RATE_HZ = 24_000
"""Of all that is heard: the callers ask for it where a door lets them."""

JITTER_S = 0.1
"""How late audio may come without a gap: what a telephone keeps back, and what callers in one event loop cost."""

_TIMEOUT_S = 300.0
_POLL_S = 0.01
_HOST = "127.0.0.1"
_PBX_HEADER = struct.Struct(">BH")
_HANGUP, _CALL_ID, _AUDIO_24_KHZ = 0x00, 0x01, 0x13
_PBX_FRAME_BYTES = 960


@dataclass
class Heard:
    """What one call heard: 16-bit little-endian PCM, and the seconds from its first sentence to its first audio.

    `gaps` is how often it would have been silent in mid-speech, had it played what came from the first audio on, and
    `longest_gap_s` for how long at most.
    """

    pcm: bytes = b""
    first_audio_s: float | None = None
    gaps: int = 0
    longest_gap_s: float = 0.0
    _began_s: float = field(default_factory=time.monotonic)
    _runs_dry_at_s: float = math.inf

    @property
    def audio_s(self) -> float:
        """Seconds of audio."""
        return len(self.pcm) / 2 / SAMPLE_RATE_HZ

    def begin(self) -> None:
        """The first sentence is being said."""
        self._began_s = time.monotonic()

    def hear(self, pcm: bytes) -> None:
        """Some audio has come."""
        if not pcm:
            return
        now_s = time.monotonic()
        if self.first_audio_s is None:
            self.first_audio_s = now_s - self._began_s
            self._runs_dry_at_s = now_s + JITTER_S
        self.gaps += now_s > self._runs_dry_at_s
        self.longest_gap_s = max(self.longest_gap_s, now_s - self._runs_dry_at_s)
        self._runs_dry_at_s = max(now_s, self._runs_dry_at_s) + len(pcm) / 2 / SAMPLE_RATE_HZ
        self.pcm += pcm


async def _at_once() -> None:
    """Nobody to wait for."""


class Crowd:
    """Callers of a service on this machine. An async context manager: its HTTP connections last from entry to exit.

    `calls` has a way to make a call for each door: `await calls["session"](sentences, connected)`. `connected` is
    awaited between connecting and the first sentence. What is not answered as its protocol has it raises OSError,
    EOFError, httpx.HTTPError or websockets' WebSocketException.

    Args:
        text_port, http_port: of the service, which streams its replies.
        audiosocket_port: None where it has no such door.
        lead_ms: at the WebSocket doors audio is to come no earlier than that before it is heard; None: as it is made.
    """

    def __init__(
        self, text_port: int, http_port: int, audiosocket_port: int | None = None, lead_ms: int | None = None
    ) -> None:
        self._pace = {} if lead_ms is None else {"lead_ms": lead_ms}
        self._text_port = text_port
        self._http_port = http_port
        self._audiosocket_port = audiosocket_port
        self._http = httpx.AsyncClient(
            base_url=f"http://{_HOST}:{http_port}",
            limits=httpx.Limits(max_connections=None),
            timeout=_TIMEOUT_S,
            verify=False,  # there is no TLS, and reading certificates takes a while
            trust_env=False,
        )
        self.calls: dict[str, Call] = {
            "telephone": self._telephone,
            "session": self._session,
            "sentence": self._sentence,
            "gateway": self._gateway,
            "openai": self._openai,
            "contexts": self._contexts,
            "contexts over HTTP": self._contexts_http,
            "speak": self._speak,
            "speak over HTTP": self._speak_http,
            "custom voice": self._custom_voice,
        }
        if audiosocket_port is not None:
            self.calls["audiosocket"] = self._audiosocket

    async def __aenter__(self) -> Crowd:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def _telephone(self, sentences: Sequence[str], connected: Connected = _at_once) -> Heard:
        heard = Heard()
        async with _connection(self._text_port) as (reader, writer):
            writer.write(telephone.encode_hello(str(uuid.uuid4())))
            await connected()
            heard.begin()
            writer.write(b"".join(telephone.encode_text(sentence) for sentence in sentences) + telephone.encode_bye())
            decoder = telephone.AudioDecoder()
            while data := await reader.read(65_536):
                decoder.receive(data)
                for event in decoder.events():
                    if isinstance(event, telephone.Audio):
                        heard.hear(to_pcm16(event.samples))
        return heard

    async def _session(self, sentences: Sequence[str], connected: Connected = _at_once) -> Heard:
        heard = Heard()
        async with connect(f"ws://{_HOST}:{self._http_port}/ws/tts", compression=None, open_timeout=_TIMEOUT_S) as ws:
            await ws.send(json.dumps({"type": "start_session", "config": self._pace}))
            _expect(await ws.recv(), "session_started")
            await connected()
            heard.begin()
            for sentence in sentences:
                await ws.send(json.dumps({"type": "send_text", "text": sentence + " "}))
            await ws.send(json.dumps({"type": "end_session"}))
            while isinstance(message := await ws.recv(), bytes) or not _is(message, "session_ended"):
                if isinstance(message, bytes):
                    heard.hear(message)
        return heard

    async def _sentence(self, sentences: Sequence[str], connected: Connected = _at_once) -> Heard:
        heard = Heard()
        address = f"ws://{_HOST}:{self._http_port}/v1/audio/speech/stream/ws"
        async with connect(address, compression=None, open_timeout=_TIMEOUT_S) as ws:
            start = {"type": "start", "format": "pcm", "sample_rate": SAMPLE_RATE_HZ, **self._pace}
            await ws.send(json.dumps(start))
            _expect(await ws.recv(), "started")
            await connected()
            heard.begin()
            for number, sentence in enumerate(sentences):
                await ws.send(json.dumps({"type": "speak", "request_id": str(number), "text": sentence}))
            done = 0
            while done < len(sentences):
                message = await ws.recv()
                if isinstance(message, bytes):
                    heard.hear(message)
                elif _is(message, "done"):
                    done += 1
        return heard

    async def _contexts(self, sentences: Sequence[str], connected: Connected = _at_once) -> Heard:
        heard = Heard()
        path = f"/v1/text-to-speech/af_sky/multi-stream-input?output_format=pcm_{SAMPLE_RATE_HZ}"
        async with connect(f"ws://{_HOST}:{self._http_port}{path}", compression=None, open_timeout=_TIMEOUT_S) as ws:
            await connected()
            heard.begin()
            for sentence in sentences:
                await ws.send(json.dumps({"text": sentence + " ", "context_id": "reply"}))
            await ws.send(json.dumps({"context_id": "reply", "flush": True}))
            await ws.send(json.dumps({"context_id": "reply", "close_context": True}))
            while not (message := json.loads(await ws.recv())).get("isFinal"):
                if "error" in message:
                    raise ConnectionError(str(message))
                heard.hear(base64.b64decode(message["audio"]))
        return heard

    async def _contexts_http(self, sentences: Sequence[str], connected: Connected = _at_once) -> Heard:
        path = f"/v1/text-to-speech/af_sky/stream?output_format=pcm_{SAMPLE_RATE_HZ}"
        return await self._posted(path, {"text": " ".join(sentences)}, connected)

    async def _speak(self, sentences: Sequence[str], connected: Connected = _at_once) -> Heard:
        heard = Heard()
        path = f"/v1/speak?encoding=linear16&sample_rate={SAMPLE_RATE_HZ}"
        async with connect(f"ws://{_HOST}:{self._http_port}{path}", compression=None, open_timeout=_TIMEOUT_S) as ws:
            _expect(await ws.recv(), "Metadata")
            await connected()
            heard.begin()
            for sentence in sentences:
                await ws.send(json.dumps({"type": "Speak", "text": sentence + " "}))
            await ws.send(json.dumps({"type": "Flush"}))
            while isinstance(message := await ws.recv(), bytes):
                heard.hear(message)
            _expect(message, "Flushed")
        return heard

    async def _speak_http(self, sentences: Sequence[str], connected: Connected = _at_once) -> Heard:
        path = f"/v1/speak?encoding=linear16&container=none&sample_rate={SAMPLE_RATE_HZ}"
        return await self._posted(path, {"text": " ".join(sentences)}, connected)

    async def _custom_voice(self, sentences: Sequence[str], connected: Connected = _at_once) -> Heard:
        message = {"type": "voice-request", "text": " ".join(sentences), "sampleRate": SAMPLE_RATE_HZ}
        return await self._posted("/vapi", {"message": message}, connected)

    async def _gateway(self, sentences: Sequence[str], connected: Connected = _at_once) -> Heard:
        return await self._posted("/synthesize", {"text": " ".join(sentences), "format": "pcm"}, connected)

    async def _openai(self, sentences: Sequence[str], connected: Connected = _at_once) -> Heard:
        body = {"model": "kokoro", "input": " ".join(sentences), "voice": "af_sky", "response_format": "pcm"}
        return await self._posted("/v1/audio/speech", body, connected)

    async def _posted(self, path: str, body: Mapping[str, Any], connected: Connected) -> Heard:
        heard = Heard()
        await connected()
        heard.begin()
        async with self._http.stream("POST", path, json=body) as response:
            if response.status_code != httpx.codes.OK:
                raise ConnectionError(f"{path}: {response.status_code} {(await response.aread()).decode()}")
            async for data in response.aiter_raw():
                heard.hear(data)
        return heard

    async def _audiosocket(self, sentences: Sequence[str], connected: Connected = _at_once) -> Heard:
        heard = Heard()
        call_id = uuid.uuid4()
        async with _connection(self._audiosocket_port or 0) as (reader, writer):
            writer.write(_PBX_HEADER.pack(_CALL_ID, len(call_id.bytes)) + call_id.bytes)
            writer.write(_PBX_HEADER.pack(_AUDIO_24_KHZ, _PBX_FRAME_BYTES) + bytes(_PBX_FRAME_BYTES))
            header = asyncio.ensure_future(reader.readexactly(_PBX_HEADER.size))
            try:
                while not await self._knows(call_id):  # to hang up a call that has not come drops its text
                    if header.done() and _PBX_HEADER.unpack(header.result())[0] == _HANGUP:
                        raise ConnectionError("the service hung up")
                    await asyncio.sleep(_POLL_S)
                await connected()
                heard.begin()
                for path, body in (("say", {"text": " ".join(sentences)}), ("hangup", {"after_speech": True})):
                    (await self._http.post(f"/calls/{call_id}/{path}", json=body)).raise_for_status()
                while True:
                    kind, length = _PBX_HEADER.unpack(await header)
                    if kind == _HANGUP:
                        return heard
                    heard.hear(await reader.readexactly(length))
                    header = asyncio.ensure_future(reader.readexactly(_PBX_HEADER.size))
            finally:
                header.cancel()

    async def _knows(self, call_id: uuid.UUID) -> bool:
        answer = await self._http.get(f"/calls/{call_id}")
        return answer.status_code == httpx.codes.OK and answer.json()["state"] == "connected"


Connected = Callable[[], Awaitable[None]]
"""Awaited by a call once it is connected."""

Call = Callable[..., Coroutine[Any, Any, Heard]]
"""One call: its sentences and, optionally, what it awaits once it is connected."""


def is_all_of(heard: Heard, door: str, spoken: Sequence[bytes]) -> bool:
    """Whether a call heard these sentences (PCM) to the last sample, in order, and nothing else.

    A PBX is sent whole frames of 20 ms: behind the last sample, and where one sentence came too late to follow the one
    before without a gap, it hears zeros up to the end of the frame.
    """
    if door != "audiosocket":
        return heard.pcm == b"".join(spoken)
    at = 0
    for sentence in spoken:
        gap = heard.pcm[at : at + -at % _PBX_FRAME_BYTES]
        if heard.pcm[at : at + len(sentence)] != sentence and not any(gap):
            at += len(gap)
        if heard.pcm[at : at + len(sentence)] != sentence:
            return False
        at += len(sentence)
    rest = heard.pcm[at:]
    return len(rest) < _PBX_FRAME_BYTES and not np.frombuffer(rest, "<i2").any()


@contextlib.asynccontextmanager
async def _connection(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(_HOST, port)
    try:
        yield reader, writer
    finally:
        writer.close()


def _is(message: str | bytes, kind: str) -> bool:
    """Whether it is JSON of that type; raises ConnectionError for an error."""
    received = json.loads(message)["type"]
    if received == "error":
        raise ConnectionError(str(message))
    return bool(received == kind)


def _expect(message: str | bytes, kind: str) -> None:
    if not _is(message, kind):
        raise ConnectionError(f"not {kind}: {message!r}")
