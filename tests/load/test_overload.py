"""Twice as many listeners as the engine can serve in real time, at all doors, and hosts that never read."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter

import httpx
import pytest
from websockets.exceptions import WebSocketException

from bench import crowd
from bench.crowd import Heard
from telephony.audio.samples import to_pcm16
from telephony.engines.tone import ToneEngine
from tests.clients import EventLog, TextHost, figure, tone, until, wait_figure
from tests.conftest import StartService
from tests.load.conftest import DOORS, Size, crowd_of

pytestmark = [pytest.mark.alone, pytest.mark.slow]

CAPACITY = 4
LISTENERS = 2 * CAPACITY
TIMEOUT_S = 300.0
MAX_WAIT_S = 0.5
MACHINE_S = 1.0
"""What a first audio may take longer on a machine that does other things as well."""


def sentences(number: int) -> list[str]:
    return [f"Caller {number} has sentence {each} to say." for each in range(2)]


@pytest.mark.parametrize("longest_wait_s", [0.0, 0.5])
def test_whoever_speaks_has_no_gap_and_newcomers_wait_or_are_refused(
    service: StartService, size: Size, monkeypatch: pytest.MonkeyPatch, longest_wait_s: float
) -> None:
    # Where newcomers break in, gaps add up to seconds; on a machine with other work a window is late by less.
    monkeypatch.setattr(crowd, "JITTER_S", 0.5)
    engine = ToneEngine(max_batch=1, on_render=lambda text: time.sleep(ToneEngine.window_s / CAPACITY))
    door = service(engine, **{**DOORS, "max_first_audio_s": longest_wait_s, "max_wait_s": TIMEOUT_S})
    outcomes: Counter[str] = Counter()
    gaps: list[str] = []

    async def overload() -> None:
        async with crowd_of(door) as callers:
            names = list(callers.calls)
            numbers = itertools.count()

            async def listen() -> None:
                for _ in range(size(1, 12)):
                    number = next(numbers)
                    name = names[number % len(names)]
                    try:
                        heard: Heard = await callers.calls[name](sentences(number))
                    except (OSError, EOFError, httpx.HTTPError, WebSocketException):
                        outcomes[f"{name} refused"] += 1
                        continue
                    outcomes["heard"] += 1
                    spoken = [to_pcm16(tone(sentence)) for sentence in sentences(number)]
                    assert crowd.is_all_of(heard, name, spoken), name
                    if heard.gaps:
                        gaps.append(name)

            await callers.calls["telephone"](["So that it is known what speech costs."])
            await asyncio.gather(*(listen() for _ in range(LISTENERS)))

    async def afterwards() -> None:
        async with crowd_of(door) as callers:
            for call in callers.calls.values():
                await call(["Is it quiet again?"])

    asyncio.run(asyncio.wait_for(overload(), TIMEOUT_S))
    assert gaps == []
    refused = sum(count for outcome, count in outcomes.items() if outcome.endswith("refused"))
    assert (refused > 0) == (longest_wait_s > 0)
    assert outcomes["telephone refused"] == 0
    assert figure(door, "tts_sessions_refused_total") >= refused  # a caller may say its second sentence before it knows
    wait_figure(door, "tts_predicted_first_audio_seconds", lambda wait_s: wait_s < 0.5)
    asyncio.run(asyncio.wait_for(afterwards(), TIMEOUT_S))


def test_a_telephone_newcomer_begins_in_time_at_twice_the_capacity_and_gaps_are_counted(
    service: StartService, size: Size
) -> None:
    engine = ToneEngine(max_batch=1, on_render=lambda text: time.sleep(ToneEngine.window_s / CAPACITY))
    door = service(engine, stream=True, http_port=0, max_wait_s=MAX_WAIT_S)
    sentence = "So many speak at once now." * size(1, 10)
    heard: list[Heard] = []

    async def overload() -> None:
        async with crowd_of(door) as callers:
            call = callers.calls["telephone"]
            await call(["A first one."])
            heard.extend(await asyncio.gather(*(call([sentence]) for _ in range(LISTENERS))))

    asyncio.run(asyncio.wait_for(overload(), TIMEOUT_S))
    assert [each.pcm for each in heard] == [to_pcm16(tone(sentence))] * LISTENERS
    assert max(each.first_audio_s or TIMEOUT_S for each in heard) < MAX_WAIT_S + MACHINE_S
    assert figure(door, "tts_newcomers_overdue_total", door="telephone") >= 1
    assert figure(door, "tts_gap_seconds_count", door="telephone") >= sum(each.gaps for each in heard) > 0


def test_a_host_that_never_reads_does_not_keep_a_newcomer_waiting(service: StartService) -> None:
    """One call takes nearly all that the engine can make."""
    engine = ToneEngine(max_batch=1, on_render=lambda text: time.sleep(0.95 * ToneEngine.window_s))
    door = service(engine, stream=True, max_wait_s=MAX_WAIT_S)
    with TextHost(door.tcp_port, "1", receive_buffer=4096) as silent, TextHost(door.tcp_port, "2") as other:
        for _ in range(96):
            silent.say("A text of five seconds, whose audio nobody ever wants to hear, not at all, no, no.")
        wait_figure(door, "tts_time_to_first_audio_seconds_count", bool, engine="tone", door="telephone")
        said_at = time.monotonic()
        other.say("I am heard in time.")
        other.read_frame()
        assert time.monotonic() - said_at < MAX_WAIT_S + MACHINE_S


def test_a_host_that_never_reads_yields_to_all_who_do_until_it_reads(service: StartService, events: EventLog) -> None:
    door = service(stream=True, sink_buffer_s=10.0, reply_stall_s=0.2)
    with TextHost(door.tcp_port, "1", receive_buffer=4096) as silent:
        for _ in range(100):
            silent.say("A text of five seconds, whose audio nobody ever wants to hear, not at all, no, no.")
        events.wait("reply_stalled", call="1")
        call = door.calls._calls["", "1"]
        until(lambda: not call.takes_audio() and not call.awaits_engine)
        silent.read_frame()
        until(call.takes_audio)
