"""How far a start is."""

from __future__ import annotations

from telephony.telemetry.progress import Progress
from tests.clients import EventLog


def test_each_step_is_logged_as_it_begins(events: EventLog) -> None:
    progress = Progress(2)
    assert events.found("loading") == []
    progress.step("weights")
    progress.step("model")
    steps = [(event["what"], event["step"]) for event in events.found("loading")]
    assert steps == [("weights", "1/2"), ("model", "2/2")]
    assert 0 <= events.found("loading")[1]["elapsed_s"] <= progress.elapsed_s
