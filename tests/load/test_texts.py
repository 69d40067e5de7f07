"""Texts that are large and say little: who sends one waits for it alone."""

from __future__ import annotations

import time

import pytest

from tests.clients import TextHost, figure, tone_samples, wait_figure
from tests.conftest import StartService
from tests.load.conftest import Size

pytestmark = pytest.mark.slow

LATE_S = 3.0
"""Rather than the tenth of a second that it takes here: a machine may be busy."""
FRAME_BYTES = 10 * 1024 * 1024
NOTHING = {"marks": "! ", "spaces and a dash": "-" + " " * 99, "no end": "-"}


@pytest.mark.parametrize("nothing", NOTHING)
def test_a_large_text_that_says_nothing_more_holds_up_nobody(service: StartService, nothing: str) -> None:
    door = service(stream=True)
    text = "One. Two. "
    text += NOTHING[nothing] * ((FRAME_BYTES - len(text)) // len(NOTHING[nothing]))
    with TextHost(door.tcp_port, "1") as host, TextHost(door.tcp_port, "2") as other:
        host.say(text)
        host.read_samples(tone_samples("One."))
        for _ in range(3):
            other.say("Heard at once.")
            other.read_samples(tone_samples("Heard at once."))
        assert figure(door, "tts_queue_depth") == 1  # the large text is still being read
    wait_figure(door, "tts_queue_depth", lambda depth: depth == 0)  # and is not, once its host is gone


DOCUMENTS = {
    "comment": "<speak>One. <!--" + "x" * FRAME_BYTES,
    "attribute": "<speak>One. <sub alias='" + "x" * FRAME_BYTES,
    "say-as": "<speak>One. <say-as interpret-as='characters'>" + "x" * FRAME_BYTES,
    "elements": "<speak>One. " + "<s>x</s>" * (FRAME_BYTES // 8),
    "invalid": "<speak><x/>One. " + "<s>x</s>" * (FRAME_BYTES // 8),
    "plain": "<speak>One. " + "all in one stretch " * (FRAME_BYTES // 19),
}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_large_document_holds_up_neither_others_nor_the_end(service: StartService, size: Size, document: str) -> None:
    door = service(stream=True, drain_timeout_s=0.1)
    ends = {"comment": "--></speak>", "attribute": "'/></speak>", "say-as": "</say-as></speak>"}
    end = ends.get(document, "</speak>")
    limit = size(FRAME_BYTES // 5, FRAME_BYTES)
    with TextHost(door.tcp_port, "1") as host, TextHost(door.tcp_port, "2") as other:
        host.say(DOCUMENTS[document][: limit - len(end)] + end)
        other.say("Heard at once.")
        started = time.monotonic()
        other.read_samples(tone_samples("Heard at once."))
        assert time.monotonic() - started < LATE_S
        started = time.monotonic()
        door.stop()
        assert time.monotonic() - started < LATE_S
