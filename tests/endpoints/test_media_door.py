"""Asterisk's calls over a WebSocket: a script written from chan_websocket's reference in the place of a PBX.

No Asterisk runs here: what the script sends and expects is what the reference says of the channel driver.
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from typing import Any

import httpx
import numpy as np
import pytest
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from telephony.endpoints.media import LEAD_S
from telephony.engines.base import Engine
from telephony.engines.tone import ToneEngine, pitch_hz
from telephony.service import Service
from tests.agents import KEY, pcm
from tests.clients import TIMEOUT_S, EventLog, Throttle, crowd, dominant_hz, figure, wait_figure
from tests.conftest import StartService
from tests.decoders import duration_s

CALL = uuid.UUID("40325ec2-5efd-4bd3-805f-53576e581d13")
LONG = "A text of several seconds that is one sentence " * 3

# Name, sample rate, bytes of a frame of 20 ms, how tests decode it.
FORMATS = {
    "ulaw": (8000, 160, "mulaw"),
    "alaw": (8000, 160, "alaw"),
    "slin": (8000, 320, "pcm"),
    "slin16": (16_000, 640, "pcm"),
    "slin24": (24_000, 960, "pcm"),
}


def address(door: Service, **query: str) -> str:
    return f"ws://127.0.0.1:{door.http_port}/media?{httpx.QueryParams(query)}"


def media_start(audio_format: str, *, as_json: bool, channel_id: str = "1761245643.1") -> str:
    """The first event of a channel."""
    _, frame_bytes, _ = FORMATS.get(audio_format, (0, 0, ""))
    fields = {
        "connection_id": "kokoro",
        "channel": "WebSocket/kokoro/0x5140001a0040",
        "channel_id": channel_id,
        "format": audio_format,
        "optimal_frame_size": frame_bytes,
        "ptime": 20,
    }
    if as_json:
        return json.dumps({"event": "MEDIA_START", **fields, "channel_variables": {"DIALEDPEERNUMBER": "kokoro"}})
    return " ".join(["MEDIA_START", *(f"{name}:{value}" for name, value in fields.items())])


class ScriptedPbx:
    """A PBX with one call. `with` closes its connection.

    Args:
        started: whether MEDIA_START is sent.
    """

    def __init__(
        self,
        door: Service,
        audio_format: str = "slin24",
        *,
        as_json: bool = True,
        started: bool = True,
        channel_id: str = "1761245643.1",
        headers: dict[str, str] | None = None,
        call_id: str = str(CALL),
    ) -> None:
        self.door = door
        self.as_json = as_json
        self.socket = connect(
            address(door, **({"call_id": call_id} if call_id else {})),
            subprotocols=["media"],  # type: ignore[list-item]
            additional_headers=headers,
        )
        self.heard = b""
        if started:
            self.socket.send(media_start(audio_format, as_json=as_json, channel_id=channel_id))

    def __enter__(self) -> ScriptedPbx:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def wait_connected(self, count: int = 1) -> None:
        wait_figure(self.door, "tts_active_sessions", lambda sessions: sessions >= count, door="media")

    def event(self, name: str, **fields: str) -> None:
        if self.as_json:
            self.socket.send(json.dumps({"event": name, "channel_id": "1761245643.1", **fields}))
        else:
            words = fields.values() if name == "MEDIA_BUFFERING_COMPLETED" else (f"{n}:{v}" for n, v in fields.items())
            self.socket.send(" ".join([name, *words]))

    def read(self) -> bytes | tuple[str, str]:
        """The next audio, which is kept in `heard` too, or command with its id."""
        received = self.socket.recv(TIMEOUT_S)
        if isinstance(received, bytes):
            assert len(received) <= 65_500
            self.heard += received
            return received
        assert len(received) <= 128, "the driver drops longer commands"
        if self.as_json:
            command = json.loads(received)
            return command["command"], command.get("correlation_id", "")
        name, _, id = received.partition(" ")
        return name, id

    def read_to(self, name: str) -> str:
        """Reads on to a command; returns its id."""
        while isinstance(read := self.read(), bytes) or read[0] != name:
            pass
        return read[1]

    def wait_closed(self) -> int:
        with pytest.raises(ConnectionClosed):
            while True:
                self.read()
        assert self.socket.close_code is not None
        return self.socket.close_code


def ask(door: Service, path: str, body: object = None, *, call: object = CALL, method: str = "POST") -> Any:
    answer = httpx.request(
        method, f"http://127.0.0.1:{door.http_port}/calls/{call}{path}", json=body, timeout=TIMEOUT_S, verify=False
    )
    assert answer.status_code in (200, 202), answer.text
    return answer.json()


def say(door: Service, text: str, *, call: object = CALL) -> None:
    ask(door, "/say", {"text": text}, call=call)


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "plain"])
@pytest.mark.parametrize("audio_format", FORMATS)
def test_a_script_of_the_reference_hears_a_text_in_its_format(
    open_door: StartService, audio_format: str, as_json: bool
) -> None:
    rate, _, name = FORMATS[audio_format]
    with ScriptedPbx(open_door(), audio_format, as_json=as_json) as pbx:
        assert pbx.socket.subprotocol == "media"
        pbx.wait_connected()
        say(pbx.door, "A dozen characters or more.")
        assert pbx.read() == ("START_MEDIA_BUFFERING", "")
        assert pbx.read_to("STOP_MEDIA_BUFFERING") == "1"
        assert duration_s(pbx.heard, name, rate) == pytest.approx(1.35, abs=0.01)
        if name == "pcm":
            samples = np.frombuffer(pbx.heard, "<i2").astype(np.float32)
            assert dominant_hz(samples, rate) == pytest.approx(pitch_hz("A dozen characters or more."), abs=5)
        assert ask(pbx.door, "", method="GET")["sample_rate"] == rate


def test_a_script_of_the_reference_hears_texts_in_order_and_those_of_before_it_came(open_door: StartService) -> None:
    door = open_door()
    assert ask(door, "/say", {"text": "One."})["state"] == "waiting"
    with ScriptedPbx(door) as pbx:
        pbx.wait_connected()
        say(door, "Three.")
        assert pbx.read_to("STOP_MEDIA_BUFFERING") == "1"
        assert pbx.read_to("STOP_MEDIA_BUFFERING") == "2"
        assert pbx.heard == pcm("One.", "Three.")
        assert ask(door, "", method="GET")["texts"] == 2
        pbx.event("MEDIA_BUFFERING_COMPLETED", correlation_id="1")
        pbx.event("DTMF_END", digit="#")
        wait_figure(door, "tts_digits_total", lambda count: count == 1)
        state = ask(door, "", method="GET")
        assert (state["texts"], state["digits"]) == (1, "#")
        (call,) = httpx.get(f"http://127.0.0.1:{door.http_port}/v1/calls").json()["calls"]
        assert (call["door"], call["call_id"]) == ("media", str(CALL))


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "plain"])
def test_a_script_of_the_reference_hears_nothing_of_before_a_barge_in(open_door: StartService, as_json: bool) -> None:
    door = open_door()
    with ScriptedPbx(door, as_json=as_json) as pbx:
        pbx.wait_connected()
        said_at = time.monotonic()
        say(door, LONG)
        say(door, "Nobody hears this.")
        pbx.read_to("START_MEDIA_BUFFERING")
        pbx.read()
        told = ask(door, "/interrupt")
        interrupted_s = time.monotonic() - said_at
        assert told["text_remaining"].endswith("Nobody hears this.")
        pbx.read_to("FLUSH_MEDIA")
        assert len(pbx.heard) / 48_000 < interrupted_s + LEAD_S + 0.1
        pbx.heard = b""
        say(door, "The next one.")
        assert pbx.read() == ("START_MEDIA_BUFFERING", "")
        pbx.read_to("STOP_MEDIA_BUFFERING")
        assert pbx.heard == pcm("The next one.")


def test_subscribers_are_told_what_a_script_of_the_reference_heard(open_door: StartService) -> None:
    door = open_door()
    with connect(f"ws://127.0.0.1:{door.http_port}/calls/events") as events, ScriptedPbx(door) as pbx:
        pbx.wait_connected()
        say(door, "Hello.")
        pbx.read_to("STOP_MEDIA_BUFFERING")
        told = [json.loads(events.recv(TIMEOUT_S)) for _ in range(3)]
        assert [(each["type"], each["door"], each.get("text")) for each in told] == [
            ("connected", "media", None),
            ("speaking", "media", "Hello."),
            ("spoken", "media", "Hello."),
        ]
        pbx.event("DTMF_END", digit="5")
        assert json.loads(events.recv(TIMEOUT_S))["digit"] == "5"


def test_a_script_of_the_reference_that_was_sent_all_is_flushed_too(open_door: StartService) -> None:
    door = open_door()
    with ScriptedPbx(door) as pbx:
        pbx.wait_connected()
        say(door, "A dozen characters or more.")
        pbx.read_to("STOP_MEDIA_BUFFERING")
        ask(door, "/interrupt")
        assert pbx.read() == ("FLUSH_MEDIA", "")
        assert ask(door, "", method="GET")["texts"] == 0


def test_a_script_of_the_reference_that_is_full_gets_nothing_until_it_has_room(open_door: StartService) -> None:
    throttle = Throttle()
    door = open_door(ToneEngine(on_render=throttle))
    with ScriptedPbx(door) as pbx:
        pbx.wait_connected()
        say(door, "A text of two windows and more.")
        pbx.read_to("START_MEDIA_BUFFERING")
        pbx.event("MEDIA_XOFF")
        pbx.event("DTMF_END", digit="1")
        wait_figure(door, "tts_digits_total", lambda count: count == 1)
        throttle.open()
        wait_figure(door, "tts_queue_depth", lambda depth: depth == 0)
        with pytest.raises(TimeoutError):
            pbx.socket.recv(0.05)
        pbx.event("MEDIA_XON")
        pbx.read_to("STOP_MEDIA_BUFFERING")
        assert pbx.heard == pcm("A text of two windows and more.")


def test_a_script_of_the_reference_that_is_full_can_be_interrupted_and_hung_up(open_door: StartService) -> None:
    throttle = Throttle()
    door = open_door(ToneEngine(on_render=throttle))
    with ScriptedPbx(door) as pbx:
        pbx.wait_connected()
        say(door, LONG)
        pbx.read_to("START_MEDIA_BUFFERING")
        pbx.event("MEDIA_XOFF")
        pbx.event("DTMF_END", digit="1")
        wait_figure(door, "tts_digits_total", lambda count: count == 1)
        throttle.open()
        ask(door, "/hangup")
        assert [pbx.read(), pbx.read()] == [("FLUSH_MEDIA", ""), ("HANGUP", "")]
        assert pbx.wait_closed() == 1000


def test_a_script_of_the_reference_is_hung_up_once_it_has_played_all(open_door: StartService) -> None:
    door = open_door()
    with ScriptedPbx(door) as pbx:
        pbx.wait_connected()
        say(door, "Goodbye.")
        ask(door, "/hangup", {"after_speech": True})
        id = pbx.read_to("STOP_MEDIA_BUFFERING")
        with pytest.raises(TimeoutError):
            pbx.socket.recv(0.05)
        pbx.event("MEDIA_BUFFERING_COMPLETED", correlation_id=id)
        assert pbx.read() == ("HANGUP", "")
        assert pbx.wait_closed() == 1000
    assert pbx.heard == pcm("Goodbye.")
    wait_figure(door, "tts_active_sessions", lambda count: count == 0, door="media")


def test_a_script_of_the_reference_may_say_its_id_as_its_channels(open_door: StartService) -> None:
    door = open_door()
    call = uuid.uuid4()
    with ScriptedPbx(door, call_id="", channel_id=str(call)) as pbx:
        pbx.wait_connected()
        say(door, "Hello.", call=call)
        pbx.read_to("STOP_MEDIA_BUFFERING")


def test_a_script_of_the_reference_that_comes_again_takes_its_call_over(open_door: StartService) -> None:
    door = open_door()
    with ScriptedPbx(door) as first:
        first.wait_connected()
        with ScriptedPbx(door) as second:
            assert first.wait_closed() == 1000
            say(door, "Hello.")
            second.read_to("STOP_MEDIA_BUFFERING")
            assert second.heard == pcm("Hello.")
        wait_figure(door, "tts_active_sessions", lambda count: count == 0, door="media")
    answer = httpx.post(f"http://127.0.0.1:{door.http_port}/calls/{CALL}/say", json={"text": "Hello."})
    assert (answer.status_code, answer.json()["code"]) == (404, "ended")


def test_a_script_of_the_reference_that_hangs_up_silences_its_call(open_door: StartService) -> None:
    throttle = Throttle(allowed=1)
    door = open_door(ToneEngine(on_render=throttle))
    with ScriptedPbx(door) as pbx:
        pbx.wait_connected()
        say(door, LONG)
        pbx.read_to("START_MEDIA_BUFFERING")
        pbx.read()
    wait_figure(door, "tts_active_sessions", lambda count: count == 0, door="media")


def test_a_hundred_scripts_of_the_reference_never_hear_each_other(open_door: StartService) -> None:
    door = open_door(max_sessions=200)

    async def talk(number: int) -> bytes:
        heard, call = b"", uuid.uuid4()
        async with connect_async(address(door, call_id=str(call)), compression=None) as socket:
            await socket.send(media_start("slin24", as_json=number % 2 == 0))
            # It waits for its call if that is not there yet.
            async with httpx.AsyncClient(timeout=TIMEOUT_S, verify=False) as http:
                await http.post(
                    f"http://127.0.0.1:{door.http_port}/calls/{call}/say", json={"text": f"Caller {number} speaks."}
                )
            while isinstance(received := await socket.recv(), bytes) or "STOP_MEDIA_BUFFERING" not in received:
                heard += received if isinstance(received, bytes) else b""
        return heard

    for number, heard in enumerate(crowd(talk)):
        assert heard == pcm(f"Caller {number} speaks."), number


# What goes wrong


@pytest.mark.parametrize(
    ("first", "call_id", "code"),
    [
        (media_start("opus", as_json=True), CALL, "bad_format"),
        ("MEDIA_START connection_id:x optimal_frame_size:160", CALL, "bad_format"),
        ("DTMF_END digit:1", CALL, "unexpected"),
        ("{", CALL, "bad_json"),
        ("", CALL, "bad_message"),
        (media_start("ulaw", as_json=False), "", "bad_message"),
        (media_start("ulaw", as_json=False), "17", "bad_message"),
    ],
    ids=["opus", "no format", "no start", "broken json", "nothing", "no id", "an id that is none"],
)
def test_a_script_that_begins_wrong_is_closed(
    open_door: StartService, events: EventLog, first: str, call_id: object, code: str
) -> None:
    door = open_door()
    with ScriptedPbx(door, started=False, call_id=str(call_id)) as pbx:
        pbx.socket.send(first)
        assert pbx.wait_closed() == 1008
        assert pbx.socket.close_reason == code
    events.wait("refused", door="media", code=code)
    assert figure(door, "tts_refusals_total", door="media", code=code) == 1


def test_a_script_that_sends_garbage_in_a_call_is_refused_and_goes_on(
    open_door: StartService, events: EventLog
) -> None:
    door = open_door()
    with ScriptedPbx(door) as pbx:
        pbx.wait_connected()
        for garbage in ("{", "[]", '{"event": 7}', "DTMF_END digit:12", "", "SOMETHING new:1", bytes(4800)):
            pbx.socket.send(garbage)
        pbx.event("ERROR", error_text="not supported in passthrough mode")
        say(door, "Hello.")
        pbx.read_to("STOP_MEDIA_BUFFERING")
        assert pbx.heard == pcm("Hello.")
    events.wait("refused", 4, door="media")
    events.wait("pbx_failed", door="media", error="not supported in passthrough mode")
    assert figure(door, "tts_audio_ignored_seconds_total") == pytest.approx(0.1)


def test_a_script_that_never_starts_is_closed(open_door: StartService) -> None:
    door = open_door(hello_timeout_s=0.05)
    with ScriptedPbx(door, started=False) as pbx:
        pbx.socket.send(bytes(160))  # a busy PBX may send audio first
        assert pbx.wait_closed() == 1008
    assert figure(door, "tts_refusals_total", door="media", code="hello_overdue") == 1


def test_a_script_with_a_message_too_long_is_closed(open_door: StartService) -> None:
    with ScriptedPbx(open_door(max_message_bytes=1000)) as pbx:
        pbx.wait_connected()
        pbx.socket.send(bytes(1001))
        assert pbx.wait_closed() == 1009


def test_a_script_without_a_place_is_closed(open_door: StartService) -> None:
    door = open_door(max_sessions=1)
    with ScriptedPbx(door) as first:
        first.wait_connected()
        with ScriptedPbx(door, call_id=str(uuid.uuid4())) as second:
            assert second.wait_closed() == 1013
    assert figure(door, "tts_refusals_total", door="media", code="busy") == 1


def test_a_script_shows_its_key_as_a_password(open_door: StartService) -> None:
    door = open_door(api_key=KEY)

    def basic(credentials: str) -> dict[str, str]:
        return {"Authorization": f"Basic {base64.b64encode(credentials.encode()).decode()}"}

    for headers in ({}, basic("asterisk:wrong"), basic(KEY), {"Authorization": "Basic !"}):
        with ScriptedPbx(door, started=False, headers=headers) as pbx:
            assert pbx.wait_closed() == 1008
    with ScriptedPbx(door, headers=basic(f"asterisk:{KEY}")) as pbx:
        pbx.wait_connected()


@pytest.mark.model
def test_the_real_model_speaks_to_a_script_of_the_reference(open_door: StartService, kokoro: Engine) -> None:
    with ScriptedPbx(open_door(kokoro), "slin16") as pbx:
        pbx.wait_connected()
        say(pbx.door, "Hello, and thank you for calling. How can I help you?")
        pbx.read_to("STOP_MEDIA_BUFFERING")
        assert 2.0 < len(pbx.heard) / 32_000 < 8.0
