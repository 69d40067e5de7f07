"""The engine and the voice follow the host's database while the service runs; nothing in it silences a call."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from telephony.engines.base import Engine, SynthesisError
from telephony.engines.catalog import EngineUnavailableError
from telephony.engines.tone import ToneEngine
from telephony.settings import Settings
from telephony.telemetry.metrics import Metrics
from telephony.voices import ResolvedVoice, selector
from telephony.voices.host_database import HostConfig, Store
from telephony.voices.selector import EngineSelector, HostPorts, Loaders
from tests.clients import until

LONG_S = 10.0
"""Until a test that hangs fails."""
LOADER = "second-engine"

MAIN = ToneEngine(name="main", sample_rate=24_000, voice_names=("af_sky", "am_adam"))
PIPER = ToneEngine(name="piper", sample_rate=22_050, voice_names=("lessac",))


class Sleeper(ToneEngine):
    """A Piper whose model is loaded when it is needed, which takes until `wake` is set."""

    def load(self) -> None:
        self.loads.append(threading.current_thread().name)
        assert self.wake.wait(LONG_S)
        if self.errors:
            raise self.errors.pop()

    @cached_property
    def wake(self) -> threading.Event:
        return threading.Event()

    @cached_property
    def loads(self) -> list[str]:
        return []

    @cached_property
    def errors(self) -> list[SynthesisError]:
        return []


class PolledStore(Store):
    """A store that tells when the switch polls it, and what it has written."""

    def __init__(self, path: Path, metrics: Metrics) -> None:
        super().__init__(path, metrics)
        self.polled = threading.Condition()
        self.reads = 0
        self.written: list[tuple[str, str]] = []

    def read(self) -> HostConfig:
        with self.polled:
            self.reads += 1
            self.polled.notify_all()
        return super().read()

    def write_status(self, service: str, status: str) -> None:
        self.written.append((service, status))
        super().write_status(service, status)

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Asks at every poll until it is so."""
        with self.polled:
            assert self.polled.wait_for(condition, LONG_S)

    def wait_polls(self, count: int = 1) -> None:
        """Until that many polls that begin after this moment have ended: when the next one begins."""
        with self.polled:
            until = self.reads + count + 1
        self.wait_for(lambda: self.reads >= until)


class FakePorts:
    """Ports that another service may hold."""

    def __init__(self) -> None:
        self.taken_by_another = False
        self.held = True
        self.tries = 0

    def open(self) -> None:
        self.tries += 1
        if self.taken_by_another:
            raise OSError(98, "Address already in use")
        self.held = True

    def release(self) -> None:
        self.held = False


class FakeLoaders:
    """Loads tone engines, or fails as told."""

    def __init__(self) -> None:
        self.main_error: Exception | None = None
        self.piper_error: Exception | None = None
        self.piper_engine: Engine = PIPER
        self.piper_paths: list[Path | None] = []
        self.release = threading.Event()
        self.release.set()

    def main(self) -> Engine:
        assert self.release.wait(LONG_S)
        if self.main_error is not None:
            raise self.main_error
        return MAIN

    def piper(self, path: Path | None) -> Engine:
        self.piper_paths.append(path)
        assert self.release.wait(LONG_S)
        if self.piper_error is not None:
            raise self.piper_error
        return self.piper_engine


class House:
    """A switch on a real database."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.metrics = Metrics()
        self.store = PolledStore(path, self.metrics)
        self.store.initialise()
        self.loaders = FakeLoaders()
        self.doors = FakePorts()
        self._switch: EngineSelector | None = None

    def put(self, **values: str) -> None:
        with contextlib.closing(sqlite3.connect(self.path)) as connection, connection:
            connection.executemany("INSERT OR REPLACE INTO system_config (key, value) VALUES (?, ?)", values.items())

    def status(self, service: str) -> str:
        with contextlib.closing(sqlite3.connect(self.path)) as connection:
            query = "SELECT value FROM system_config WHERE key = ?"
            (row,) = connection.execute(query, (f"{service}_service_status",))
        assert isinstance(row[0], str)
        return row[0]

    @property
    def statuses(self) -> tuple[str, str]:
        return self.status("kokoro"), self.status("piper")

    def make(self, **settings: Any) -> EngineSelector:
        self._switch = EngineSelector(
            Settings(db=self.path, **settings),
            Loaders(self.loaders.main, self.loaders.piper),
            self.store,
            HostPorts(self.doors.open, self.doors.release),
            self.metrics,
        )
        return self._switch

    def start(self, **settings: Any) -> None:
        """Returns when the first polls are over and both engines have been loaded, or could not be."""
        made = self.make(**settings)
        made.load()
        made.follow()
        self.wait_loaded()

    def wait_loaded(self) -> None:
        for thread in threading.enumerate():
            if thread.name == LOADER:
                thread.join(LONG_S)
        self.store.wait_polls()

    def stop(self) -> None:
        self.loaders.release.set()
        if self._switch is not None:
            self._switch.stop()

    @property
    def switch(self) -> EngineSelector:
        assert self._switch is not None
        return self._switch

    @property
    def speaks(self) -> tuple[str, str]:
        """Name of the engine, and the voice."""
        selection = self.switch.selection()
        return selection.engine.name, selection.voice

    def wait_speaks(self, engine: str, voice: str) -> None:
        self.store.wait_for(lambda: self.speaks == (engine, voice))

    def switches(self, engine: str) -> float:
        return self.metrics.registry.get_sample_value("tts_switches_total", {"engine": engine}) or 0.0


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(selector, "POLL_S", 0.005)
    house = House(tmp_path / "host.db")
    house.put(kokoro_service_enabled="true")
    yield house
    house.stop()


def events(logs: list[Any]) -> list[str]:
    """What went wrong, without what went well."""
    return [entry["event"] for entry in logs if entry["log_level"] in ("warning", "error")]


# Without a database


def test_without_a_database_the_main_engine_speaks_and_no_door_is_touched() -> None:
    loaders, doors = FakeLoaders(), FakePorts()
    alone = EngineSelector(
        Settings(voice="am_adam", speed=1.5),
        Loaders(loaders.main, loaders.piper),
        None,
        HostPorts(doors.open, doors.release),
        Metrics(),
    )
    alone.load()
    alone.follow()
    assert alone.selection() == ResolvedVoice(MAIN, "am_adam", 1.5)
    assert alone.ports_wanted
    alone.report_end("stopped")
    alone.stop()
    assert doors.tries == 0


def test_before_an_engine_is_loaded_there_is_no_selection(house: House) -> None:
    with pytest.raises(EngineUnavailableError):
        house.make().selection()


# Who speaks


def test_the_engine_follows_the_switch_both_ways_and_piper_brings_its_own_rate(house: House) -> None:
    house.start()
    assert house.speaks == ("main", "af_sky")
    house.put(kokoro_service_enabled="false")
    house.wait_speaks("piper", "lessac")
    assert house.switch.selection().engine.sample_rate == 22_050
    house.put(kokoro_service_enabled="true")
    house.wait_speaks("main", "af_sky")


def test_a_service_that_starts_switched_off_speaks_as_piper_and_is_ready_to_switch(house: House) -> None:
    house.put(kokoro_service_enabled="false")
    house.start()
    assert house.speaks == ("piper", "lessac")
    house.put(kokoro_service_enabled="true")
    house.wait_speaks("main", "af_sky")


def test_a_poll_without_a_change_changes_nothing(house: House) -> None:
    house.start()
    selection = house.switch.selection()
    house.store.wait_polls(3)
    assert house.switch.selection() is selection
    assert (house.switches("main"), house.switches("piper")) == (1, 0)


def test_a_database_that_goes_away_leaves_the_last_good_settings(house: House) -> None:
    house.put(kokoro_voice="am_adam")
    house.start()
    house.path.rename(house.path.with_suffix(".away"))
    house.store.wait_polls(3)
    assert house.speaks == ("main", "am_adam")
    house.path.with_suffix(".away").rename(house.path)
    house.put(kokoro_service_enabled="false")
    house.wait_speaks("piper", "lessac")


@pytest.mark.parametrize("enabled", ["true", "false"])
def test_a_bad_switch_leaves_it_as_it_was(house: House, enabled: str) -> None:
    house.put(kokoro_service_enabled=enabled)
    house.start()
    before = house.speaks
    house.put(kokoro_service_enabled="perhaps")
    house.store.wait_polls(3)
    assert house.speaks == before


def test_a_database_without_keys_lets_the_main_engine_speak(house: House) -> None:
    with contextlib.closing(sqlite3.connect(house.path)) as connection, connection:
        connection.execute("DELETE FROM system_config")
    house.start(voice="am_adam")
    assert house.speaks == ("main", "am_adam")


# Voices


def test_the_voice_follows_the_database(house: House) -> None:
    house.start()
    house.put(kokoro_voice="am_adam")
    house.wait_speaks("main", "am_adam")


def test_the_voice_of_the_database_wins_over_the_settings(house: House) -> None:
    house.put(kokoro_voice="am_adam")
    house.start(voice="af_sky")
    assert house.speaks == ("main", "am_adam")


def test_an_unknown_voice_is_refused_once_and_the_last_good_one_stays(house: House) -> None:
    house.put(kokoro_voice="am_adam")
    house.start()
    with capture_logs() as logs:
        house.put(kokoro_voice="nobody")
        house.store.wait_polls(3)
    assert house.speaks == ("main", "am_adam")
    assert events(logs) == ["voice_refused"]
    (entry,) = (entry for entry in logs if entry["event"] == "voice_refused")
    assert (entry["voice"], entry["effect"]) == ("nobody", "am_adam stays")
    assert "known are af_sky am_adam" in entry["error"]


def test_a_voice_refused_before_is_refused_aloud_again_after_a_good_one(house: House) -> None:
    house.start()
    with capture_logs() as logs:
        for voice in ("nobody", "am_adam", "nobody"):
            house.put(kokoro_voice=voice)
            house.store.wait_polls(3)
    assert events(logs) == ["voice_refused"] * 2
    assert house.speaks == ("main", "am_adam")


def test_an_unknown_voice_at_the_start_leaves_that_of_the_settings(house: House) -> None:
    house.put(kokoro_voice="nobody")
    house.start(voice="am_adam")
    assert house.speaks == ("main", "am_adam")


def test_a_voice_set_while_piper_speaks_is_there_when_the_main_engine_returns(house: House) -> None:
    house.put(kokoro_service_enabled="false")
    house.start()
    house.put(kokoro_voice="am_adam")
    house.store.wait_polls(3)
    assert house.speaks == ("piper", "lessac")
    house.put(kokoro_service_enabled="true")
    house.wait_speaks("main", "am_adam")


# Engines that cannot be loaded


def test_a_first_engine_that_cannot_be_loaded_is_an_error(house: House) -> None:
    house.loaders.main_error = EngineUnavailableError("no weights")
    with pytest.raises(EngineUnavailableError, match="no weights"):
        house.make().load()


@pytest.mark.parametrize("error", [EngineUnavailableError("no voice"), RuntimeError("defect")], ids=repr)
def test_without_piper_the_main_engine_speaks_on_when_switched_off(house: House, error: Exception) -> None:
    house.loaders.piper_error = error
    house.start()
    with capture_logs() as logs:
        house.put(kokoro_service_enabled="false")
        house.store.wait_polls(3)
    assert house.speaks == ("main", "af_sky")
    assert events(logs) == ["engine_missing"]
    house.put(kokoro_voice="am_adam")
    house.wait_speaks("main", "am_adam")


@pytest.mark.parametrize("error", [EngineUnavailableError("no weights"), RuntimeError("defect")], ids=repr)
def test_without_the_main_engine_piper_speaks_on_when_switched_on(house: House, error: Exception) -> None:
    house.loaders.main_error = error
    house.put(kokoro_service_enabled="false")
    house.start()
    with capture_logs() as logs:
        house.put(kokoro_service_enabled="true")
        house.store.wait_polls(3)
    assert house.speaks == ("piper", "lessac")
    assert events(logs) == ["engine_missing"]


@pytest.mark.parametrize(("service", "enabled"), [("kokoro", "true"), ("piper", "false")])
def test_the_status_of_an_engine_that_is_switched_on_and_missing_is_error(
    house: House, service: str, enabled: str
) -> None:
    error = EngineUnavailableError("not installed")
    house.put(kokoro_service_enabled="false" if enabled == "true" else "true")
    house.loaders.main_error, house.loaders.piper_error = (error, None) if service == "kokoro" else (None, error)
    house.start()
    house.put(kokoro_service_enabled=enabled)
    house.store.wait_polls()
    assert house.status(service) == "error"


def test_an_engine_that_could_not_be_loaded_is_tried_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selector, "_LOAD_AGAIN_S", 0.0)
    house.loaders.main_error = EngineUnavailableError("no network")
    house.put(kokoro_service_enabled="false")
    house.start()
    house.put(kokoro_service_enabled="true")
    house.store.wait_for(lambda: house.status("kokoro") == "error")
    house.loaders.main_error = None
    house.wait_speaks("main", "af_sky")
    house.store.wait_for(lambda: house.statuses == ("running", "stopped"))


def test_the_database_is_followed_while_the_second_engine_is_still_being_loaded(house: House) -> None:
    made = house.make()
    made.load()
    house.loaders.release.clear()
    made.follow()
    house.put(kokoro_voice="am_adam")
    house.wait_speaks("main", "am_adam")
    house.put(kokoro_service_enabled="false")
    house.store.wait_polls()
    assert house.speaks == ("main", "am_adam")
    house.loaders.release.set()
    house.wait_speaks("piper", "lessac")


def test_the_status_of_an_engine_that_is_switched_on_and_still_being_loaded_is_starting(house: House) -> None:
    made = house.make()
    made.load()
    house.loaders.release.clear()
    made.follow()
    house.put(kokoro_service_enabled="false")
    house.store.wait_polls()
    assert house.statuses == ("stopped", "starting")
    house.loaders.release.set()
    house.store.wait_for(lambda: house.statuses == ("stopped", "running"))


# A Piper whose model is loaded when it is switched on


@pytest.fixture
def sleeper(house: House) -> Iterator[Sleeper]:
    sleeper = Sleeper(name="piper", voice_names=("lessac",))
    house.loaders.piper_engine = sleeper
    yield sleeper
    sleeper.wake.set()


def test_piper_is_known_without_its_model_and_switched_to_once_that_is_loaded(house: House, sleeper: Sleeper) -> None:
    with capture_logs() as logs:
        house.start()
        assert [engine.name for engine in house.switch.engines()] == ["main", "piper"]
        assert sleeper.loads == []
        house.put(kokoro_service_enabled="false")
        house.store.wait_for(lambda: bool(sleeper.loads))
        house.store.wait_polls(2)
        assert house.speaks == ("main", "af_sky")
        assert house.statuses == ("stopped", "starting")
        sleeper.wake.set()
        house.wait_speaks("piper", "lessac")
        house.store.wait_for(lambda: house.statuses == ("stopped", "running"))
    assert sleeper.loads == [LOADER]
    assert events(logs) == []


def test_a_piper_that_speaks_first_is_loaded_at_the_start(house: House, sleeper: Sleeper) -> None:
    sleeper.wake.set()
    house.put(kokoro_service_enabled="false")
    house.start()
    assert house.speaks == ("piper", "lessac")
    assert len(sleeper.loads) == 1


def test_a_piper_that_was_loaded_is_switched_to_again_at_once(house: House, sleeper: Sleeper) -> None:
    sleeper.wake.set()
    house.put(kokoro_service_enabled="false")
    house.start()
    for enabled, speaks in (("true", ("main", "af_sky")), ("false", ("piper", "lessac"))):
        house.put(kokoro_service_enabled=enabled)
        house.wait_speaks(*speaks)
    assert len(sleeper.loads) == 1


def test_a_model_that_cannot_be_loaded_leaves_the_word_to_the_main_engine_and_is_tried_again(
    house: House, sleeper: Sleeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeper.wake.set()
    sleeper.errors.append(SynthesisError("broken"))
    house.start()
    with capture_logs() as logs:
        house.put(kokoro_service_enabled="false")
        house.store.wait_for(lambda: house.status("piper") == "error")
        assert house.speaks == ("main", "af_sky")
        house.store.wait_polls(2)
    assert events(logs) == ["engine_unavailable", "engine_missing"]
    monkeypatch.setattr(selector, "_LOAD_AGAIN_S", 0.0)
    house.switch._load_again_at = 0.0
    house.wait_speaks("piper", "lessac")


def test_a_new_voice_file_is_spoken_with_once_its_model_is_loaded(house: House, tmp_path: Path) -> None:
    house.put(kokoro_service_enabled="false")
    house.start()
    assert house.speaks == ("piper", "lessac")
    house.loaders.piper_engine = sleeper = Sleeper(name="piper", voice_names=("amy",))
    voice = tmp_path / "voice.onnx"
    voice.touch()
    house.put(piper_model_path=str(voice))
    until(lambda: bool(sleeper.loads))
    assert house.speaks == ("piper", "lessac")
    sleeper.wake.set()
    house.wait_speaks("piper", "amy")


# Piper's voice


def test_piper_speaks_with_the_voice_of_the_database(house: House, tmp_path: Path) -> None:
    voice = tmp_path / "voice.onnx"
    voice.touch()
    house.put(piper_model_path=str(voice))
    house.start()
    assert house.loaders.piper_paths == [voice]


def test_the_voice_of_the_operator_wins_over_that_of_the_database(house: House, tmp_path: Path) -> None:
    voice = tmp_path / "voice.onnx"
    voice.touch()
    house.put(piper_model_path=str(voice))
    house.start(piper_model=Path("/operators.onnx"))
    assert house.loaders.piper_paths == [Path("/operators.onnx")]


def test_a_voice_file_that_is_missing_does_not_silence_piper(house: House) -> None:
    house.put(kokoro_service_enabled="false", piper_model_path="/nowhere/voice.onnx")
    with capture_logs() as logs:
        house.start()
    assert house.loaders.piper_paths == [None]
    assert events(logs) == ["piper_model_missing"]
    assert house.speaks == ("piper", "lessac")


def test_a_new_voice_file_is_loaded_once(house: House, tmp_path: Path) -> None:
    house.start()
    voice = tmp_path / "voice.onnx"
    voice.touch()
    house.put(piper_model_path=str(voice))
    house.store.wait_for(lambda: voice in house.loaders.piper_paths)
    house.store.wait_polls(3)
    assert house.loaders.piper_paths == [None, voice]


def test_a_new_voice_file_that_is_broken_leaves_the_last_good_one(house: House, tmp_path: Path) -> None:
    house.put(kokoro_service_enabled="false")
    house.start()
    house.loaders.piper_error = EngineUnavailableError("broken")
    voice = tmp_path / "voice.onnx"
    voice.touch()
    with capture_logs() as logs:
        house.put(piper_model_path=str(voice))
        house.store.wait_for(lambda: voice in house.loaders.piper_paths)
        house.store.wait_polls(3)
    assert events(logs) == ["engine_unavailable"]
    assert house.speaks == ("piper", "lessac")


# Statuses


def test_statuses_tell_start_switch_and_end(house: House) -> None:
    made = house.make()
    made.load()
    assert house.statuses == ("starting", "stopped")
    made.follow()
    house.store.wait_polls()
    assert house.statuses == ("running", "stopped")
    house.put(kokoro_service_enabled="false")
    house.store.wait_for(lambda: house.statuses == ("stopped", "running"))
    made.stop()
    made.report_end("stopped")
    assert house.statuses == ("stopped", "stopped")


def test_a_status_is_written_when_it_changes_only(house: House) -> None:
    house.start()
    house.store.wait_polls(3)
    assert house.store.written == [
        ("kokoro", "starting"),
        ("piper", "stopped"),
        ("kokoro", "running"),
    ]


@pytest.mark.parametrize("enabled", ["true", "false"])
def test_a_start_that_failed_leaves_no_engine_starting(house: House, enabled: str) -> None:
    house.put(kokoro_service_enabled=enabled)
    house.loaders.main_error = house.loaders.piper_error = EngineUnavailableError("nothing installed")
    made = house.make()
    with pytest.raises(EngineUnavailableError):
        made.load()
    made.report_end("error")
    assert house.status("kokoro") == "error"
    assert house.status("piper") != "starting"


def test_a_status_that_a_locked_database_refused_is_written_later(house: House) -> None:
    made = house.make()
    with contextlib.closing(sqlite3.connect(house.path, isolation_level=None)) as host:
        host.execute("BEGIN IMMEDIATE")
        made.load()
        host.execute("ROLLBACK")
    assert house.statuses == ("stopped", "stopped")
    made.follow()
    house.store.wait_polls()
    assert house.statuses == ("running", "stopped")


# An external Piper


def test_switched_off_the_ports_are_left_to_the_external_piper_and_taken_back(house: House) -> None:
    house.start(piper="external")
    assert house.doors.held
    house.put(kokoro_service_enabled="false", piper_service_status="the host's own")
    house.store.wait_for(lambda: not house.doors.held)
    house.store.wait_for(lambda: house.statuses == ("stopped", "the host's own"))
    assert not house.switch.ports_wanted
    house.put(kokoro_service_enabled="true")
    house.store.wait_for(lambda: house.doors.held)
    house.store.wait_for(lambda: house.statuses == ("running", "the host's own"))
    assert house.switch.ports_wanted


def test_an_external_piper_is_never_loaded_and_never_selected(house: House) -> None:
    house.put(kokoro_service_enabled="false")
    house.start(piper="external")
    assert not house.switch.ports_wanted
    assert house.speaks == ("main", "af_sky")
    assert house.loaders.piper_paths == []


def test_an_embedded_piper_keeps_the_ports(house: House) -> None:
    house.start(piper="embedded")
    house.put(kokoro_service_enabled="false")
    house.wait_speaks("piper", "lessac")
    assert house.switch.ports_wanted
    assert house.doors.held


def test_ports_that_another_holds_are_tried_again_and_logged_once(house: House) -> None:
    house.put(kokoro_service_enabled="false")
    house.start(piper="external")
    assert not house.doors.held
    house.doors.taken_by_another = True
    with capture_logs() as logs:
        house.put(kokoro_service_enabled="true")
        house.store.wait_for(lambda: house.doors.tries >= 4)
    assert events(logs) == ["ports_taken"]
    house.store.wait_for(lambda: house.status("kokoro") == "error")
    house.doors.taken_by_another = False
    house.store.wait_for(lambda: house.doors.held)
    house.store.wait_for(lambda: house.status("kokoro") == "running")


# The end


def test_stop_leaves_no_thread(house: House) -> None:
    before = threading.active_count()
    house.start()
    assert threading.active_count() == before + 1
    house.switch.stop()
    assert threading.active_count() == before


def test_stop_does_not_wait_for_an_engine_that_is_still_being_loaded(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selector, "_LOADER_PATIENCE_S", 0.0)
    made = house.make()
    made.load()
    house.loaders.release.clear()
    made.follow()
    made.stop()
    assert [thread.daemon for thread in threading.enumerate() if thread.name == LOADER] == [True]
    house.loaders.release.set()


def test_a_switch_that_never_followed_stops(house: House) -> None:
    house.make().stop()
