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
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import httpx
import numpy as np
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from telephony.audio.samples import to_pcm16
from telephony.protocols import telephone

SAMPLE_RATE_HZ = 24_000
"""Of all that is heard: the callers ask for it where a door lets them."""

JITTER_S = 0.1
"""How late audio may come without a gap: what a telephone keeps back, and what callers in one event loop cost."""

_TIMEOUT_S = 300.0
_POLL_S = 0.01
_QUIET_S = 2.0
_HOST = "127.0.0.1"
_PBX_HEADER = struct.Struct(">BH")
_HANGUP, _CALL_ID, _AUDIO_24_KHZ = 0x00, 0x01, 0x13


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


Connected = Callable[[], Awaitable[None]]
"""Awaited by a call once it is connected."""


@dataclass(frozen=True)
class Addresses:
    """Where a service is: its ports on this machine, and a client for its requests.

    `pace` is what a start of the WebSocket doors has beside the format.
    """

    text_port: int
    http_port: int
    audiosocket_port: int | None
    wyoming_port: int | None
    http: httpx.AsyncClient
    pace: Mapping[str, int]

    def socket(self, path: str, **options: Any) -> connect:
        """A WebSocket of the service, to be entered."""
        url = f"ws://{_HOST}:{self.http_port}/{path}"
        return connect(url, compression=None, open_timeout=_TIMEOUT_S, **options)


class Caller(ABC):
    """Calls through one door. One more door is one more of these, in `CALLERS`.

    `frame_bytes`: the door sends whole frames of that size, and fills them up with zeros; 0: it sends what there is.
    """

    frame_bytes: ClassVar[int] = 0

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses

    async def __call__(self, sentences: Sequence[str], connected: Connected = _at_once) -> Heard:
        """Makes a call, which says the sentences; `connected` is awaited between connecting and the first one.

        Raises:
            OSError, EOFError, httpx.HTTPError, websockets' WebSocketException: it was not answered as it should be.
        """
        heard = Heard()
        await self._talk(heard, sentences, connected)
        return heard

    @abstractmethod
    async def _talk(self, heard: Heard, sentences: Sequence[str], connected: Connected) -> None: ...


class Telephone(Caller):
    """The telephone's text port, answered on the same connection."""

    async def _talk(self, heard: Heard, sentences: Sequence[str], connected: Connected) -> None:
        async with _connection(self._addresses.text_port) as (reader, writer):
            writer.write(telephone.encode_hello(str(uuid.uuid4())))
            await connected()
            heard.begin()
            for sentence in sentences:
                writer.write(telephone.encode_text(sentence))
            writer.write(telephone.encode_bye())
            decoder = telephone.AudioDecoder()
            while data := await reader.read(65_536):
                decoder.receive(data)
                for event in decoder.events():
                    if isinstance(event, telephone.Audio):
                        heard.hear(to_pcm16(event.samples))


class SessionSocket(Caller):
    """The session protocol."""

    async def _talk(self, heard: Heard, sentences: Sequence[str], connected: Connected) -> None:
        async with self._addresses.socket("ws/tts") as ws:
            await ws.send(json.dumps({"type": "start_session", "config": dict(self._addresses.pace)}))
            _expect(await ws.recv(), "session_started")
            await connected()
            heard.begin()
            for sentence in sentences:
                await ws.send(json.dumps({"type": "send_text", "text": sentence + " "}))
            await ws.send(json.dumps({"type": "end_session"}))
            while isinstance(message := await ws.recv(), bytes) or not _is(message, "session_ended"):
                if isinstance(message, bytes):
                    heard.hear(message)


class SentenceSocket(Caller):
    """The sentence protocol."""

    async def _talk(self, heard: Heard, sentences: Sequence[str], connected: Connected) -> None:
        async with self._addresses.socket("v1/audio/speech/stream/ws") as ws:
            start = {"type": "start", "format": "pcm", "sample_rate": SAMPLE_RATE_HZ, **self._addresses.pace}
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


class Contexts(Caller):
    """ElevenLabs' clients: one context of a connection."""

    async def _talk(self, heard: Heard, sentences: Sequence[str], connected: Connected) -> None:
        path = f"v1/text-to-speech/af_sky/multi-stream-input?output_format=pcm_{SAMPLE_RATE_HZ}"
        async with self._addresses.socket(path) as ws:
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


class Speak(Caller):
    """Deepgram's clients."""

    async def _talk(self, heard: Heard, sentences: Sequence[str], connected: Connected) -> None:
        path = f"v1/speak?encoding=linear16&sample_rate={SAMPLE_RATE_HZ}"
        async with self._addresses.socket(path) as ws:
            _expect(await ws.recv(), "Metadata")
            await connected()
            heard.begin()
            for sentence in sentences:
                await ws.send(json.dumps({"type": "Speak", "text": sentence + " "}))
            await ws.send(json.dumps({"type": "Flush"}))
            while isinstance(message := await ws.recv(), bytes):
                heard.hear(message)
            _expect(message, "Flushed")


class CustomSpeech(Caller):
    """jambonz, whose protocol tells no end: a reply is over when nothing has come for a while, or the service ends."""

    async def _talk(self, heard: Heard, sentences: Sequence[str], connected: Connected) -> None:
        async with self._addresses.socket(f"jambonz?sampleRate={SAMPLE_RATE_HZ}") as ws:
            _expect(await ws.recv(), "connect")
            await connected()
            heard.begin()
            for sentence in sentences:
                await ws.send(json.dumps({"type": "stream", "text": sentence}))
            await ws.send(json.dumps({"type": "flush"}))
            with contextlib.suppress(TimeoutError, asyncio.TimeoutError, ConnectionClosed):
                while True:
                    timeout_s = _TIMEOUT_S if heard.first_audio_s is None else _QUIET_S
                    message = await asyncio.wait_for(ws.recv(), timeout_s)
                    if isinstance(message, str):
                        raise ConnectionError(message)
                    heard.hear(message)


class Request(Caller):
    """A request that is answered with PCM. `head_bytes` come before the samples."""

    head_bytes: ClassVar[int] = 0

    @abstractmethod
    def _request(self, text: str) -> dict[str, Any]:
        """What `httpx` takes for it, beside the method POST."""

    async def _talk(self, heard: Heard, sentences: Sequence[str], connected: Connected) -> None:
        await connected()
        heard.begin()
        request = {"method": "POST", **self._request(" ".join(sentences))}
        async with self._addresses.http.stream(**request) as response:
            if response.status_code != httpx.codes.OK:
                raise ConnectionError(f"{request['url']}: {response.status_code} {(await response.aread()).decode()}")
            head_bytes = self.head_bytes
            async for data in response.aiter_raw():
                heard.hear(data[head_bytes:])
                head_bytes = max(0, head_bytes - len(data))


class Gateway(Request):
    """`POST /synthesize`."""

    def _request(self, text: str) -> dict[str, Any]:
        return {"url": "/synthesize", "json": {"text": text, "format": "pcm"}}


class OpenAi(Request):
    """`POST /v1/audio/speech`."""

    def _request(self, text: str) -> dict[str, Any]:
        body = {"model": "kokoro", "input": text, "voice": "af_sky", "response_format": "pcm"}
        return {"url": "/v1/audio/speech", "json": body}


class ContextsRequest(Request):
    """ElevenLabs' clients, over HTTP."""

    def _request(self, text: str) -> dict[str, Any]:
        url = f"/v1/text-to-speech/af_sky/stream?output_format=pcm_{SAMPLE_RATE_HZ}"
        return {"url": url, "json": {"text": text}}


class SpeakRequest(Request):
    """Deepgram's clients, over HTTP."""

    def _request(self, text: str) -> dict[str, Any]:
        url = f"/v1/speak?encoding=linear16&container=none&sample_rate={SAMPLE_RATE_HZ}"
        return {"url": url, "json": {"text": text}}


class CustomSpeechRequest(Request):
    """jambonz, over HTTP."""

    def _request(self, text: str) -> dict[str, Any]:
        return {"url": "/jambonz", "headers": {"Accept": f"audio/l16;rate={SAMPLE_RATE_HZ}"}, "json": {"text": text}}


class CustomVoice(Request):
    """Vapi."""

    def _request(self, text: str) -> dict[str, Any]:
        message = {"type": "voice-request", "text": text, "sampleRate": SAMPLE_RATE_HZ}
        return {"url": "/vapi", "json": {"message": message}}


class Sound(Request):
    """An address that is a sound."""

    head_bytes = 44

    def _request(self, text: str) -> dict[str, Any]:
        return {"method": "GET", "url": "/say.wav", "params": {"text": text}}


class Pbx(Caller):
    """A call of a PBX, whose texts come over HTTP."""

    frame_bytes = 960

    async def _say(self, call_id: uuid.UUID, sentences: Sequence[str]) -> None:
        """Has the service say the sentences, and then hang up."""
        for path, body in (("say", {"text": " ".join(sentences)}), ("hangup", {"after_speech": True})):
            (await self._addresses.http.post(f"/calls/{call_id}/{path}", json=body)).raise_for_status()

    async def _knows(self, call_id: uuid.UUID) -> bool:
        answer = await self._addresses.http.get(f"/calls/{call_id}")
        return answer.status_code == httpx.codes.OK and answer.json()["state"] == "connected"


class AudioSocket(Pbx):
    """Asterisk's AudioSocket."""

    async def _talk(self, heard: Heard, sentences: Sequence[str], connected: Connected) -> None:
        call_id = uuid.uuid4()
        async with _connection(self._addresses.audiosocket_port or 0) as (reader, writer):
            writer.write(_PBX_HEADER.pack(_CALL_ID, len(call_id.bytes)) + call_id.bytes)
            writer.write(_PBX_HEADER.pack(_AUDIO_24_KHZ, self.frame_bytes) + bytes(self.frame_bytes))
            header = asyncio.ensure_future(reader.readexactly(_PBX_HEADER.size))
            try:
                while not await self._knows(call_id):  # to hang up a call that has not come drops its text
                    if header.done() and _PBX_HEADER.unpack(header.result())[0] == _HANGUP:
                        raise ConnectionError("the service hung up")
                    await asyncio.sleep(_POLL_S)
                await connected()
                heard.begin()
                await self._say(call_id, sentences)
                while True:
                    kind, length = _PBX_HEADER.unpack(await header)
                    if kind == _HANGUP:
                        return
                    heard.hear(await reader.readexactly(length))
                    header = asyncio.ensure_future(reader.readexactly(_PBX_HEADER.size))
            finally:
                header.cancel()


class Media(Pbx):
    """Asterisk's chan_websocket, which says at once that what it was sent is heard."""

    async def _talk(self, heard: Heard, sentences: Sequence[str], connected: Connected) -> None:
        call_id = uuid.uuid4()
        async with self._addresses.socket(f"media?call_id={call_id}", subprotocols=["media"]) as ws:
            start = f"format:slin24 optimal_frame_size:{self.frame_bytes} ptime:20"
            await ws.send(f"MEDIA_START connection_id:crowd channel:WebSocket/crowd channel_id:{call_id} {start}")
            while not await self._knows(call_id):
                await asyncio.sleep(_POLL_S)
            await connected()
            heard.begin()
            await self._say(call_id, sentences)
            while True:
                message = await ws.recv()
                if isinstance(message, bytes):
                    heard.hear(message)
                elif message.startswith("STOP_MEDIA_BUFFERING"):
                    await ws.send(f"MEDIA_BUFFERING_COMPLETED {message.partition(' ')[2]}")
                elif message.startswith("HANGUP"):
                    return


class Wyoming(Caller):
    """Home Assistant, which streams the text."""

    async def _talk(self, heard: Heard, sentences: Sequence[str], connected: Connected) -> None:
        async with _connection(self._addresses.wyoming_port or 0) as (reader, writer):
            await connected()
            heard.begin()
            for kind, data in (
                ("synthesize-start", {}),
                *(("synthesize-chunk", {"text": f"{sentence} "}) for sentence in sentences),
                ("synthesize-stop", {}),
            ):
                writer.write(json.dumps({"type": kind, "data": data}).encode() + b"\n")
            while (header := json.loads(await reader.readline()))["type"] != "synthesize-stopped":
                if header["type"] == "error":
                    raise ConnectionError(str(header))
                await reader.readexactly(header.get("data_length") or 0)
                heard.hear(await reader.readexactly(header.get("payload_length") or 0))


CALLERS: dict[str, type[Caller]] = {
    "telephone": Telephone,
    "session": SessionSocket,
    "sentence": SentenceSocket,
    "gateway": Gateway,
    "openai": OpenAi,
    "contexts": Contexts,
    "contexts_http": ContextsRequest,
    "speak": Speak,
    "speak_http": SpeakRequest,
    "custom_speech": CustomSpeech,
    "custom_speech_http": CustomSpeechRequest,
    "custom_voice": CustomVoice,
    "sound": Sound,
    "audiosocket": AudioSocket,
    "media": Media,
    "wyoming": Wyoming,
}
"""By the names of their doors in `telephony.endpoints.doors`."""


class Crowd:
    """Callers of a service on this machine. An async context manager: its HTTP connections last from entry to exit.

    `calls` has a `Caller` for each door: `await calls["session"](sentences, connected)`.

    Args:
        text_port, http_port: of the service, which streams its replies.
        audiosocket_port, wyoming_port: None where it has no such door.
        lead_ms: at the WebSocket doors audio is to come no earlier than that before it is heard; None: as it is made.
    """

    def __init__(
        self,
        text_port: int,
        http_port: int,
        audiosocket_port: int | None = None,
        *,
        wyoming_port: int | None = None,
        lead_ms: int | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(
            base_url=f"http://{_HOST}:{http_port}",
            limits=httpx.Limits(max_connections=None),
            timeout=_TIMEOUT_S,
            verify=False,  # there is no TLS, and reading certificates takes a while
            trust_env=False,
        )
        pace = {} if lead_ms is None else {"lead_ms": lead_ms}
        addresses = Addresses(text_port, http_port, audiosocket_port, wyoming_port, self._http, pace)
        missing = {
            name for name, port in (("audiosocket", audiosocket_port), ("wyoming", wyoming_port)) if port is None
        }
        self.calls = {name: caller(addresses) for name, caller in CALLERS.items() if name not in missing}

    async def __aenter__(self) -> Crowd:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()


def is_all_of(heard: Heard, door: str, spoken: Sequence[bytes]) -> bool:
    """Whether a call heard these sentences (PCM) to the last sample, in order, and nothing else.

    A PBX is sent whole frames of 20 ms: behind the last sample, and where one sentence came too late to follow the one
    before without a gap, it hears zeros up to the end of the frame.
    """
    frame_bytes = CALLERS[door].frame_bytes
    if not frame_bytes:
        return heard.pcm == b"".join(spoken)
    at = 0
    for sentence in spoken:
        gap = heard.pcm[at : at + -at % frame_bytes]
        if heard.pcm[at : at + len(sentence)] != sentence and not any(gap):
            at += len(gap)
        if heard.pcm[at : at + len(sentence)] != sentence:
            return False
        at += len(sentence)
    rest = heard.pcm[at:]
    return len(rest) < frame_bytes and not np.frombuffer(rest, "<i2").any()


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
