"""Twice as many listeners as the engine can serve in real time, at all doors."""

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
from telephony.audio import to_pcm16
from telephony.engines.tone import ToneEngine
from tests.clients import figure, tone, wait_figure
from tests.conftest import StartService
from tests.load.conftest import DOORS, Size, crowd_of

CAPACITY = 4
LISTENERS = 2 * CAPACITY
TIMEOUT_S = 300.0


def sentences(number: int) -> list[str]:
    return [f"Caller {number} has sentence {each} to say." for each in range(2)]


@pytest.mark.parametrize("longest_wait_s", [0.0, 0.5])
def test_whoever_speaks_has_no_gap_and_newcomers_wait_or_are_refused(
    service: StartService, size: Size, monkeypatch: pytest.MonkeyPatch, longest_wait_s: float
) -> None:
    # Where newcomers break in, gaps add up to seconds; on a machine with other work a window is late by less.
    monkeypatch.setattr(crowd, "JITTER_S", 0.5)
    engine = ToneEngine(max_batch=1, on_render=lambda text: time.sleep(ToneEngine.window_s / CAPACITY))
    door = service(engine, **{**DOORS, "max_first_audio_s": longest_wait_s})
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
