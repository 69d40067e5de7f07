"""Figures that are asked for whenever they are read."""

from __future__ import annotations

import sys

import pytest

from tests.clients import figure
from tests.conftest import StartService


def test_the_status_is_a_figure(service: StartService) -> None:
    started = service(http_port=0)
    assert figure(started, "tts_status", status="ready") == 1
    assert figure(started, "tts_status", status="damaged") == 0
    started.stop()
    assert figure(started, "tts_status", status="stopping") == 1
    assert figure(started, "tts_status", status="ready") == 0


@pytest.mark.skipif(sys.platform != "linux", reason="figures of the process are Linux's")
def test_the_memory_and_the_descriptors_of_the_process_are_figures(service: StartService) -> None:
    started = service(http_port=0)
    assert figure(started, "process_resident_memory_bytes") > 0
    assert 0 < figure(started, "process_open_fds") < figure(started, "process_max_fds")
