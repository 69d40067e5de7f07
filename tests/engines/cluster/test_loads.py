"""What a door makes of the rooms' reports."""

from __future__ import annotations

from telephony.engines.cluster.loads import Loads
from telephony.engines.cluster.messages import Load


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_newcomer_waits_as_in_the_room_in_the_middle() -> None:
    loads = Loads[str](Clock())
    assert loads.predict_first_audio_s() == 0
    for room, first_audio_s in (("a", 0.1), ("b", 3.0), ("c", 4.0)):
        loads.report(room, Load(0, first_audio_s))
    assert loads.predict_first_audio_s() == 3.0


def test_an_old_report_says_nothing() -> None:
    clock = Clock()
    loads = Loads[str](clock)
    loads.report("a", Load(0, 5.0))
    clock.now = 9.0
    loads.report("b", Load(2, 0.2))
    assert loads.predict_first_audio_s() == 2.6
    clock.now = 11.0
    assert loads.predict_first_audio_s() == 0.2
    assert not loads.others_are_full("b"), "nobody knows of the other one"


def test_others_are_full_where_none_has_a_place() -> None:
    loads = Loads[str](Clock())
    loads.report("a", Load(1, 0.0))
    assert not loads.others_are_full("a"), "there is no other"
    loads.report("b", Load(0, 1.0))
    assert loads.others_are_full("a")
    assert not loads.others_are_full("b")
    loads.forget("b")
    assert not loads.others_are_full("a")


def test_a_late_room_is_avoided_until_it_reports_or_has_been_silent_for_long() -> None:
    clock = Clock()
    loads = Loads[str](clock)
    loads.report("a", Load(1, 0.0))
    loads.late(["a", "nobody knows it"])
    assert loads.late_rooms() == {"a"}
    loads.report("a", Load(1, 0.0))
    assert not loads.late_rooms()
    loads.late(["a"])
    clock.now = 11.0
    assert not loads.late_rooms()
    loads.report("a", Load(1, 0.0))
    loads.late(["a"])
    loads.forget("a")
    assert not loads.late_rooms()
