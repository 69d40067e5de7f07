"""Silence before a text that begins when nothing is playing, for lines that clip the first syllable."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from telephony.speech import Samples
from tests.clients import TextHost, joined, tone, until
from tests.conftest import StartService
from tests.endpoints.test_call_events import subscribed, told_until
from tests.endpoints.test_pbx import Pbx, ask, say

LEAD_MS = 200
LEAD_SAMPLES = 4800


def after_silence(samples: Samples) -> Samples:
    assert not samples[:LEAD_SAMPLES].any()
    return samples[LEAD_SAMPLES:]


@pytest.mark.parametrize("stream", [False, True])
def test_a_text_after_a_rest_begins_with_silence_and_the_next_one_does_not(service: StartService, stream: bool) -> None:
    door = service(lead_silence_ms=LEAD_MS, stream=stream)
    with TextHost(door.tcp_port, "7") as host:
        host.say("Hello there.")
        host.say("Next.")
        heard = joined(host.read_samples(LEAD_SAMPLES + len(tone("Hello there.")) + len(tone("Next."))))
    np.testing.assert_array_equal(after_silence(heard), np.concatenate([tone("Hello there."), tone("Next.")]))


def test_a_text_after_a_barge_in_begins_with_silence_again(service: StartService) -> None:
    door = service(lead_silence_ms=LEAD_MS)
    with TextHost(door.tcp_port, "7") as host:
        for _ in range(2):
            host.say("Hello.")
            np.testing.assert_array_equal(after_silence(host.read_frame().samples), tone("Hello."))
            door.calls.interrupt("7")


def test_silence_counts_as_no_speech(service: StartService, tmp_path: Path) -> None:
    path = tmp_path / "requests.log"
    with TextHost(service(lead_silence_ms=LEAD_MS, request_log=path).tcp_port, "7") as host:
        host.say("Hello there.")
        host.read_frame()
        until(lambda: path.exists() and "\n" in path.read_text())
    assert json.loads(path.read_text())["audio_s"] == pytest.approx(0.6, abs=0.01)


def test_without_it_nothing_changes_and_a_text_without_words_stays_without_sound(service: StartService) -> None:
    with TextHost(service().tcp_port, "7") as host:
        host.say("Hello.")
        np.testing.assert_array_equal(host.read_frame().samples, tone("Hello."))
    with TextHost(service(lead_silence_ms=LEAD_MS).tcp_port, "7") as host:
        host.say("...")
        host.bye()
        assert host.read_to_end() == []


def test_a_pbx_hears_it_and_times_of_words_know_of_it(service: StartService) -> None:
    door = service(http_port=0, audiosocket_port=0, lead_silence_ms=1000)
    with subscribed(door) as subscriber, Pbx(door) as pbx:
        pbx.wait_connected()
        say(door, "Hello there.")
        heard = pbx.hear_seconds(1.4)  # a word of 0.25 s ends at 1.25 s
        assert not heard[:7900].any()
        assert np.abs(heard[8000:]).max() > 0.4
        assert ask(door, "/interrupt")[1] == {"text_spoken": "Hello", "text_remaining": "there."}
        interrupted = told_until(subscriber, "interrupted")[-1]
        assert (interrupted["text_spoken"], interrupted["text_remaining"]) == ("Hello", "there.")
