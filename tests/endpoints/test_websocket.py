"""What the WebSocket doors share, without a network: the order of what is sent, and frames."""

from __future__ import annotations

import asyncio

import pytest
from starlette.types import Message
from starlette.websockets import WebSocket

from telephony.endpoints.websocket import Client, ClientGoneError, ClientStalledError, Frames
from telephony.protocols.sentence import StartedSpeak, Stopped
from telephony.protocols.session import Cancelled, SessionStarted
from telephony.telemetry.metrics import Metrics


class Server:
    """The server's side of a WebSocket, which sends as soon as the client takes something, as uvicorn does."""

    def __init__(self) -> None:
        self.sent: list[str | bytes] = []
        self.takes = asyncio.Event()
        self.gone = False
        self.defect = False

    async def receive(self) -> Message:
        return {"type": "websocket.connect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "websocket.accept":
            return
        await self.takes.wait()
        if self.defect:
            raise RuntimeError("a defect")
        if self.gone:
            raise OSError("gone")
        self.sent.append(message.get("text") or message.get("bytes") or message["type"])

    async def client(self, send_timeout_s: float = 20.0) -> Client:
        socket = WebSocket({"type": "websocket"}, self.receive, self.send)
        await socket.accept()
        return Client(socket, "test", send_timeout_s, Metrics())


def test_what_is_sent_later_never_overtakes_what_waits_for_the_client() -> None:
    async def send() -> list[str | bytes]:
        server = Server()
        client = await server.client()
        audio = asyncio.ensure_future(client.send_audio(b"old audio"))
        await asyncio.sleep(0)
        server.takes.set()  # the first one is on its way, and has not left
        await client.send(Cancelled("Yes,", "sir."))
        await audio
        return server.sent

    assert asyncio.run(send()) == [
        b"old audio",
        '{"type": "cancelled", "text_spoken": "Yes,", "text_remaining": "sir."}',
    ]


def test_half_a_character_can_be_sent_back() -> None:
    async def send() -> list[str | bytes]:
        server = Server()
        server.takes.set()
        await (await server.client()).send(StartedSpeak("\ud800"))
        return server.sent

    assert asyncio.run(send()) == ['{"type": "started_speak", "request_id": "\\ud800"}']


def test_a_client_that_takes_nothing_is_told_from_one_that_is_gone() -> None:
    async def send() -> None:
        server = Server()
        client = await server.client(send_timeout_s=0.01)
        with pytest.raises(ClientStalledError):
            await client.send_audio(b"audio")
        server.takes.set()
        server.gone = True
        with pytest.raises(ClientGoneError) as error:
            await client.send_audio(b"audio")
        assert not isinstance(error.value, ClientStalledError)
        await client.close()  # which nobody hears, is no error

    asyncio.run(send())


def test_a_defect_is_not_taken_for_a_client_that_left() -> None:
    async def send() -> None:
        server = Server()
        server.defect = True
        server.takes.set()
        with pytest.raises(RuntimeError, match="a defect"):
            await (await server.client()).send_audio(b"audio")

    asyncio.run(send())


def test_who_sends_behind_a_close_is_told_that_the_client_is_gone() -> None:
    async def send() -> None:
        server = Server()
        server.takes.set()
        client = await server.client()
        await client.close()
        with pytest.raises(ClientGoneError):
            await client.send(Stopped())

    asyncio.run(send())


def test_nothing_comes_between_what_falls_silent_and_the_message_behind_it() -> None:
    async def send() -> list[str | bytes]:
        server = Server()
        client = await server.client()
        last = asyncio.ensure_future(client.send_last([b"one", b"two"], Stopped()))
        await asyncio.sleep(0)
        other = asyncio.ensure_future(client.send(SessionStarted("7")))
        server.takes.set()
        await asyncio.gather(last, other)
        return server.sent

    assert asyncio.run(send()) == [
        b"one",
        b"two",
        '{"type": "stopped"}',
        '{"type": "session_started", "session_id": "7"}',
    ]


@pytest.mark.parametrize(
    ("frame_bytes", "padded", "frames"),
    [
        (4, False, [b"abcd", b"efgh", b"ij"]),
        (4, True, [b"abcd", b"efgh", b"ij\0\0"]),
        (5, True, [b"abcde", b"fghij"]),
        (None, False, [b"a", b"bcdefg", b"hij"]),
    ],
)
def test_frames_ignore_how_their_bytes_came(frame_bytes: int | None, padded: bool, frames: list[bytes]) -> None:
    divided = Frames(frame_bytes, padded)
    got = [frame for data in (b"a", b"", b"bcdefg") for frame in divided.push(data)]
    assert [*got, *divided.push(b"hij", last=True)] == frames
    assert list(divided.push(b"", last=True)) == []
