"""The state of the service as JSON, and the switch between Kokoro and Piper: what the page at `/` shows and does."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import anyio
import structlog
from fastapi import APIRouter, HTTPException
from prometheus_client import CollectorRegistry, Gauge
from pydantic import BaseModel, Field

from telephony import __version__
from telephony.endpoints.health import Readiness
from telephony.engines.base import UnknownVoiceError, UnusableVoiceError
from telephony.engines.recipes import MAX_CHARS
from telephony.listeners.sessions import SessionRegistry
from telephony.settings import Settings
from telephony.telemetry.history import STEP_S, History
from telephony.telemetry.metrics import Metrics
from telephony.voices import unknown_voice
from telephony.voices.host_database import StoreError

log = structlog.get_logger()

_PIPER = "piper"


@dataclass(frozen=True)
class AdminActions:
    """Who is to speak. All may be called from any thread.

    Attributes:
        main_enabled: whether Kokoro is switched on.
        main_voice: the voice that Kokoro is to speak with.
        write: writes both into the host's database, the voice only if one is given; None where there is no database.
            Raises StoreError.
    """

    main_enabled: Callable[[], bool]
    main_voice: Callable[[], str]
    write: Callable[[bool, str | None], None] | None


class FirstAudioBucket(BaseModel):
    """Texts whose first audio took up to so many seconds, and longer than the bucket before; null is without end."""

    up_to_s: float | None
    count: int


class HistoryFigures(BaseModel):
    """The last five minutes: seconds of audio made in each second, step by step, and the waits for a first audio."""

    step_s: float
    throughput: list[float]
    first_audio: list[FirstAudioBucket]


class SwitchState(BaseModel):
    """Who is to speak on the telephone, and whether that can be changed here, which takes a database."""

    database: bool
    engine: Literal["kokoro", "piper"]
    voice: str


class EngineState(BaseModel):
    """An engine that is loaded, or whose voices are known: where it runs, and how many voices it has."""

    name: str
    device: str
    voices: int


class CacheState(BaseModel):
    """The phrase cache: what it holds, and how many phrases were found in it so far, and not."""

    memory_bytes: int
    file_bytes: int
    hits: int
    misses: int


class Status(BaseModel):
    """The service at this moment. `calls` are those known, by the door that they came in through.

    `voices_revision` changes when there are other voices.
    """

    status: str
    version: str
    engine: str | None
    device: str | None
    voice: str | None
    engines: list[str]
    engine_states: list[EngineState]
    cache: CacheState | None
    max_text_chars: int
    voices_revision: str
    uptime_s: float
    memory_bytes: int | None
    calls: dict[str, int]
    queue_depth: int
    predicted_first_audio_s: float
    recent: HistoryFigures
    switch: SwitchState


class WantedSelection(BaseModel):
    """Who is to speak on the telephone; without a voice, Kokoro keeps the one it has."""

    engine: Literal["kokoro", "piper"]
    voice: str | None = Field(None, min_length=1, max_length=MAX_CHARS)


def router(
    sessions: SessionRegistry,
    settings: Settings,
    metrics: Metrics,
    readiness: Callable[[], Readiness],
    actions: AdminActions,
) -> APIRouter:
    """The routes of the state and of the switch; `readiness` must return at once."""
    history = History(metrics)
    started_at = time.monotonic()

    @contextlib.asynccontextmanager
    async def record(_: object) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(history.record)
            yield
            tasks.cancel_scope.cancel()

    routes = APIRouter(prefix="/v1", tags=["admin"], lifespan=record)

    @routes.get("/status")
    async def show_status() -> Status:
        """The service at this moment, and what it did in the last minutes."""
        state = readiness()
        engines = sessions.engines()
        voices = {engine.name: [voice.name for voice in engine.voices()] for engine in engines}
        return Status(
            status=state.status,
            version=__version__,
            engine=state.engine,
            device=state.device,
            voice=state.voice,
            engines=[engine.name for engine in engines],
            engine_states=[
                EngineState(name=engine.name, device=str(engine.device), voices=len(voices[engine.name]))
                for engine in engines
            ],
            cache=_cache_state(metrics.registry),
            max_text_chars=settings.max_text_chars,
            voices_revision=hashlib.sha256(json.dumps(voices, sort_keys=True).encode()).hexdigest()[:16],
            uptime_s=round(time.monotonic() - started_at, 1),
            memory_bytes=_resident_bytes(),
            calls={
                "telephone": round(_value(metrics.active_calls)),
                **{door: round(count) for door, count in _by_door(metrics.active_sessions)},
            },
            queue_depth=round(_value(metrics.queue_depth)),
            predicted_first_audio_s=round(sessions.predict_first_audio_s(), 3),
            recent=HistoryFigures(
                step_s=STEP_S,
                throughput=[round(value, 2) for value in history.throughput()],
                first_audio=[FirstAudioBucket(**asdict(bucket)) for bucket in history.first_audio()],
            ),
            switch=_switch_state(),
        )

    # Not async: it runs in a thread, because a database may be locked.
    @routes.post(
        "/selection",
        status_code=202,
        responses={
            400: {"description": "there is no such voice"},
            409: {"description": "there is no database, or Kokoro, whose voice it is, is not loaded yet"},
            503: {"description": "the database cannot be written"},
        },
    )
    def select(wanted: WantedSelection) -> SwitchState:
        """Writes into the host's database who is to speak on the telephone; within a second that is so."""
        if actions.write is None:
            raise HTTPException(409, "there is no database to write this into: start the service with --db FILE")
        if wanted.voice is not None:
            _check_voice(sessions, wanted.voice)
        try:
            actions.write(wanted.engine != _PIPER, wanted.voice)
        except StoreError as error:
            raise HTTPException(503, f"the database cannot be written: {error}", {"Retry-After": "1"}) from None
        log.info("selection_written", engine=wanted.engine, voice=wanted.voice)
        return SwitchState(database=True, engine=wanted.engine, voice=wanted.voice or actions.main_voice())

    def _switch_state() -> SwitchState:
        return SwitchState(
            database=actions.write is not None,
            engine="kokoro" if actions.main_enabled() else "piper",
            voice=actions.main_voice(),
        )

    return routes


def _check_voice(sessions: SessionRegistry, name: str) -> None:
    main = next((engine for engine in sessions.engines() if engine.name != _PIPER), None)
    if main is None:
        raise HTTPException(409, "Kokoro is not loaded yet: try again in a moment")
    try:
        main.find_voice(name)
    except UnusableVoiceError as error:
        raise HTTPException(400, str(error)) from None
    except UnknownVoiceError:
        raise HTTPException(400, str(unknown_voice(name, [main]))) from None


def _resident_bytes() -> int | None:
    """The memory of this process; None where the system does not tell (it does on Linux)."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def _cache_state(registry: CollectorRegistry) -> CacheState | None:
    """None where there is no cache."""
    if registry.get_sample_value("tts_cache_memory_bytes") is None:
        return None
    totals: Counter[str] = Counter()
    for family in registry.collect():
        if family.name in ("tts_cache_memory_bytes", "tts_cache_bytes", "tts_cache_hits", "tts_cache_misses"):
            totals[family.name] += sum(
                round(each.value) for each in family.samples if not each.name.endswith("_created")
            )
    return CacheState(
        memory_bytes=totals["tts_cache_memory_bytes"],
        file_bytes=totals["tts_cache_bytes"],
        hits=totals["tts_cache_hits"],
        misses=totals["tts_cache_misses"],
    )


def _value(gauge: Gauge) -> float:
    return sum(sample.value for family in gauge.collect() for sample in family.samples)


def _by_door(gauge: Gauge) -> list[tuple[str, Any]]:
    return [(sample.labels["door"], sample.value) for family in gauge.collect() for sample in family.samples]
