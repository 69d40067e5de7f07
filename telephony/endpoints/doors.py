"""The doors: `GET /v1/doors` lists every way in, with what to copy and how to try it. A door is one entry in `DOORS`.

Texts have places for what only a client knows: `{http}` and `{ws}` are the service's address as the client reaches it,
without a slash at the end, `{host}` its name alone, `{key}` the client's key, `{voice}` a voice. `{port}` is filled in
here. No key is ever told.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import anyio
from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from telephony.protocols import telephone
from telephony.settings import Settings

Port = Callable[[], int | None]
"""The port of a door beside HTTP, in use now; None while it is closed. Any thread."""

TEXT = "Hello, this is a test."
"""What a door is asked to say."""

TEST_TIMEOUT_S = 10.0
"""How long a test of this service's own waits for its first audio."""

_READ_BYTES = 65_536
_THIS_MACHINE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}


class RequestTest(BaseModel):
    """A request that is answered with audio; with a `body`, a POST."""

    by: Literal["request"] = "request"
    path: str
    body: dict[str, Any] | None = None


class SocketTest(BaseModel):
    """A WebSocket on which these messages, sent at once, are answered with audio: binary, or in a field `audio`."""

    by: Literal["websocket"] = "websocket"
    path: str
    messages: list[dict[str, Any]]


class ServiceTest(BaseModel):
    """What no browser can do: `POST /v1/doors/{name}/test` has the service do it."""

    by: Literal["service"] = "service"


class NoTest(BaseModel):
    """Nothing here can try it, and `why`."""

    by: Literal["nobody"] = "nobody"
    why: str


Test = Annotated[RequestTest | SocketTest | ServiceTest | NoTest, Field(discriminator="by")]


class Door(BaseModel):
    """A way in: `address` is where, `clients` who comes through it, `snippet` what they type."""

    name: str
    title: str
    transport: Literal["TCP", "UDP", "HTTP", "WebSocket"]
    address: str
    clients: str
    snippet: str
    test: Test


class ListedDoor(Door):
    """A door, and whether it is open now."""

    open: bool


class Doors(BaseModel):
    """All of them."""

    doors: list[ListedDoor]


class Tested(BaseModel):
    """What a door answered: `first_audio_ms` since the text was sent, or None, and why in `message`."""

    first_audio_ms: float | None
    message: str


DOORS = (
    Door(
        name="telephone",
        title="Telephone text",
        transport="TCP",
        address="{host}:{port}",
        clients="the telephone host",
        snippet='python -m telephony.say "Hello." --host {host} --tcp-port {port} -o hello.wav',
        test=ServiceTest(),
    ),
    Door(
        name="registration",
        title="Telephone registration",
        transport="UDP",
        address="{host}:{port}",
        clients="audio processors of the telephone host",
        snippet="printf 'REGISTER:7' | nc -u -w1 {host} {port}",
        test=NoTest(why="a datagram is never answered"),
    ),
    Door(
        name="audiosocket",
        title="AudioSocket",
        transport="TCP",
        address="{host}:{port}",
        clients="Asterisk",
        snippet="same => n,Set(CALL=${UUID()})\nsame => n,AudioSocket(${CALL},{host}:{port})",
        test=NoTest(why="its calls come from a PBX"),
    ),
    Door(
        name="media",
        title="Asterisk's WebSocket",
        transport="WebSocket",
        address="{ws}/media",
        clients="Asterisk's chan_websocket",
        snippet=(
            "[kokoro]\ntype = websocket_client\nconnection_type = per_call_config\nuri = {ws}/media\n"
            "protocols = media\nusername = asterisk\npassword = {key}"
        ),
        test=NoTest(why="its calls come from a PBX"),
    ),
    Door(
        name="wyoming",
        title="Wyoming",
        transport="TCP",
        address="{host}:{port}",
        clients="Home Assistant",
        snippet="Settings, Devices & services, Add integration, Wyoming Protocol: host {host}, port {port}",
        test=NoTest(why="no browser speaks its protocol"),
    ),
    Door(
        name="session",
        title="Session WebSocket",
        transport="WebSocket",
        address="{ws}/ws/tts",
        clients="LiveKit Agents, programs with tokens",
        snippet=(
            "from livekit.plugins.kokoro_telephony import KokoroTTS\n\n"
            'speech = KokoroTTS(service_url="{ws}/ws/tts", api_key="{key}", voice="{voice}")'
        ),
        test=SocketTest(
            path="ws/tts",
            messages=[
                {"type": "start_session", "config": {"voice": "{voice}"}},
                {"type": "send_text", "text": TEXT},
                {"type": "end_session"},
            ],
        ),
    ),
    Door(
        name="sentence",
        title="Sentence WebSocket",
        transport="WebSocket",
        address="{ws}/v1/audio/speech/stream/ws",
        clients="Pipecat, this page",
        snippet=(
            "from pipecat_kokoro_telephony import KokoroWebsocketTTSService\n\n"
            "speech = KokoroWebsocketTTSService(\n"
            '    url="{ws}/v1/audio/speech/stream/ws",\n'
            '    api_key="{key}",\n'
            '    settings=KokoroWebsocketTTSService.Settings(voice="{voice}"),\n'
            ")"
        ),
        test=SocketTest(
            path="v1/audio/speech/stream/ws",
            messages=[
                {"type": "start", "voice": "{voice}", "format": "pcm", "sample_rate": 24_000},
                {"type": "speak", "request_id": "test", "text": TEXT},
            ],
        ),
    ),
    Door(
        name="gateway",
        title="Gateway",
        transport="HTTP",
        address="{http}/synthesize",
        clients="programs that want raw samples",
        snippet=(
            'curl -fsS {http}/synthesize -H "Authorization: Bearer {key}" -H "Content-Type: application/json" '
            """-d '{"text": "Hello.", "voice": "{voice}", "format": "wav"}' -o hello.wav"""
        ),
        test=RequestTest(path="synthesize", body={"text": TEXT, "voice": "{voice}", "format": "pcm"}),
    ),
    Door(
        name="openai",
        title="OpenAI speech",
        transport="HTTP",
        address="{http}/v1/audio/speech",
        clients="OpenAI's SDKs, and what speaks to OpenAI",
        snippet=(
            "from openai import OpenAI\n\n"
            'client = OpenAI(base_url="{http}/v1", api_key="{key}")\n'
            'speech = client.audio.speech.create(model="kokoro", voice="{voice}", input="Hello.")\n'
            'speech.write_to_file("hello.mp3")'
        ),
        test=RequestTest(
            path="v1/audio/speech",
            body={"model": "kokoro", "input": TEXT, "voice": "{voice}", "response_format": "pcm"},
        ),
    ),
    Door(
        name="contexts",
        title="ElevenLabs clients, streaming",
        transport="WebSocket",
        address="{ws}/v1/text-to-speech/{voice}/multi-stream-input",
        clients="ElevenLabs' plugins of LiveKit Agents and Pipecat",
        snippet=(
            "from livekit.plugins import elevenlabs\n\n"
            'speech = elevenlabs.TTS(base_url="{http}/v1", api_key="{key}", voice_id="{voice}", encoding="pcm_24000")'
        ),
        test=SocketTest(
            path="v1/text-to-speech/{voice}/multi-stream-input?output_format=pcm_24000",
            messages=[
                {"text": TEXT + " ", "context_id": "test"},
                {"context_id": "test", "flush": True},
                {"context_id": "test", "close_context": True},
            ],
        ),
    ),
    Door(
        name="contexts_http",
        title="ElevenLabs clients, requests",
        transport="HTTP",
        address="{http}/v1/text-to-speech/{voice}",
        clients="ElevenLabs' SDKs",
        snippet=(
            "from elevenlabs.client import ElevenLabs\n\n"
            'client = ElevenLabs(base_url="{http}", api_key="{key}")\n'
            'audio = client.text_to_speech.convert("{voice}", text="Hello.", output_format="mp3_44100_128")'
        ),
        test=RequestTest(path="v1/text-to-speech/{voice}/stream?output_format=pcm_24000", body={"text": TEXT}),
    ),
    Door(
        name="speak",
        title="Deepgram clients, streaming",
        transport="WebSocket",
        address="{ws}/v1/speak",
        clients="Deepgram's plugins of LiveKit Agents and Pipecat",
        snippet=(
            "from livekit.plugins import deepgram\n\n"
            'speech = deepgram.TTS(base_url="{http}/v1/speak", api_key="{key}", model="{voice}")'
        ),
        test=SocketTest(
            path="v1/speak?model={voice}&encoding=linear16&sample_rate=24000",
            messages=[{"type": "Speak", "text": TEXT}, {"type": "Flush"}],
        ),
    ),
    Door(
        name="speak_http",
        title="Deepgram clients, requests",
        transport="HTTP",
        address="{http}/v1/speak",
        clients="Deepgram's SDKs",
        snippet=(
            'curl -fsS "{http}/v1/speak?model={voice}&encoding=linear16" -H "Authorization: Token {key}" '
            """-H "Content-Type: application/json" -d '{"text": "Hello."}' -o hello.wav"""
        ),
        test=RequestTest(
            path="v1/speak?model={voice}&encoding=linear16&container=none&sample_rate=24000", body={"text": TEXT}
        ),
    ),
    Door(
        name="custom_speech",
        title="jambonz, streaming",
        transport="WebSocket",
        address="{ws}/jambonz",
        clients="jambonz' custom speech",
        snippet="{ws}/jambonz?voice={voice}&sampleRate=8000",
        test=SocketTest(
            path="jambonz?voice={voice}&sampleRate=8000",
            messages=[{"type": "stream", "text": TEXT}, {"type": "flush"}],
        ),
    ),
    Door(
        name="custom_speech_http",
        title="jambonz, requests",
        transport="HTTP",
        address="{http}/jambonz",
        clients="jambonz' custom speech",
        snippet=(
            'curl -fsS {http}/jambonz -H "Authorization: Bearer {key}" -H "Content-Type: application/json" '
            """-d '{"type": "text", "text": "Hello.", "voice": "{voice}", "language": "en-US"}' -o hello.mp3"""
        ),
        test=RequestTest(path="jambonz", body={"type": "text", "text": TEXT, "voice": "{voice}"}),
    ),
    Door(
        name="custom_voice",
        title="Vapi",
        transport="HTTP",
        address="{http}/vapi?voice={voice}",
        clients="Vapi's custom voice",
        snippet=(
            '"voice": {"provider": "custom-voice", "server": {"url": "{http}/vapi?voice={voice}", "secret": "{key}"}}'
        ),
        test=RequestTest(
            path="vapi?voice={voice}",
            body={"message": {"type": "voice-request", "text": TEXT, "sampleRate": 24_000}},
        ),
    ),
    Door(
        name="sound",
        title="An address that is a sound",
        transport="HTTP",
        address="{http}/say.wav?text=Hello.&voice={voice}",
        clients="whatever plays an address: Asterisk, FreeSWITCH, browsers",
        snippet='python -m telephony.tools.sound_url "Hello." --voice {voice} --rate 8000 --base {http}',
        test=RequestTest(path="say.wav?text=Hello.&voice={voice}"),
    ),
    Door(
        name="call_events",
        title="Events of calls",
        transport="WebSocket",
        address="{ws}/calls/events",
        clients="programs that follow calls",
        snippet=(
            "from websockets.sync.client import connect\n\n"
            'with connect("{ws}/calls/events", additional_headers={"Authorization": "Bearer {key}"}) as events:\n'
            "    for event in events:\n"
            "        print(event)"
        ),
        test=NoTest(why="it says nothing until something happens in a call"),
    ),
)


def router(settings: Settings, ports: Mapping[str, Port]) -> APIRouter:
    """The routes; `ports` are those of the doors beside HTTP, by their names in `DOORS`."""
    host = _THIS_MACHINE.get(settings.host, settings.host)
    routes = APIRouter(prefix="/v1/doors", tags=["admin"])

    @routes.get("")
    async def show() -> Doors:
        """Every door, whether it is open, what to copy and how to try it."""
        return Doors(doors=[_listed(door, ports) for door in DOORS])

    @routes.post("/{name}/test", responses={404: {"description": "the service tests no such door"}})
    async def test(name: str) -> Tested:
        """Has the service call its own door, as its clients do, and hang up at the first audio."""
        if not any(door.name == name and door.test.by == "service" for door in DOORS):
            raise HTTPException(404, "the service tests no door of that name")
        port = ports[name]()
        if port is None:
            return Tested(first_audio_ms=None, message="this door is closed")
        if settings.audio_route == "processor":
            return Tested(first_audio_ms=None, message="not asked: audio goes to processors only")
        try:
            with anyio.fail_after(TEST_TIMEOUT_S):
                first_audio_s = await _hear_telephone(host, port)
        except TimeoutError:
            return Tested(first_audio_ms=None, message=f"no audio within {TEST_TIMEOUT_S:g} s")
        except OSError as error:
            return Tested(first_audio_ms=None, message=str(error))
        return Tested(first_audio_ms=round(1000 * first_audio_s, 1), message="audio came")

    return routes


def _listed(door: Door, ports: Mapping[str, Port]) -> ListedDoor:
    told = door.model_dump()
    if door.name not in ports:
        return ListedDoor(**told, open=True)
    port = ports[door.name]()
    for name in ("address", "snippet"):
        told[name] = told[name].replace("{port}", "PORT" if port is None else str(port))
    return ListedDoor(**told, open=port is not None)


async def _hear_telephone(host: str, port: int) -> float:
    """Seconds from a text to its first audio; raises OSError where none comes."""
    async with await anyio.connect_tcp(host, port) as stream:
        began_s = anyio.current_time()
        hello = telephone.encode_hello(f"test-{uuid.uuid4()}")
        await stream.send(hello + telephone.encode_text(TEXT) + telephone.encode_bye())
        decoder = telephone.AudioDecoder()
        try:
            while True:
                decoder.receive(await stream.receive(_READ_BYTES))
                if any(isinstance(event, telephone.Audio) for event in decoder.events()):
                    return anyio.current_time() - began_s
        except anyio.EndOfStream:
            raise OSError("the door closed the connection") from None
