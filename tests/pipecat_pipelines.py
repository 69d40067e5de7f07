"""Pipecat's pipelines around one speech service, for tests. Needs the package."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import numpy as np
from pipecat.frames.frames import (
    EndFrame,
    Frame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStoppedFrame,
    TTSTextFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.workers.runner import WorkerRunner

from telephony.speech import Samples
from tests.clients import TIMEOUT_S, tone

Kind = TypeVar("Kind", bound=Frame)
Result = TypeVar("Result")


def run(main: Awaitable[Result]) -> Result:
    """Runs what a test does, for so long at the most."""

    async def bounded() -> Result:
        return await asyncio.wait_for(main, 3 * TIMEOUT_S)

    return asyncio.run(bounded())


class Ear(FrameProcessor):
    """Keeps every frame that passes."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[Frame] = []
        self._changed = asyncio.Event()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        self.frames.append(frame)
        self._changed.set()
        await self.push_frame(frame, direction)

    def found(self, kind: type[Kind]) -> list[Kind]:
        return [frame for frame in self.frames if isinstance(frame, kind)]

    async def wait(self, kind: type[Kind], count: int = 1) -> Kind:
        """Waits for the `count`th frame of a kind."""
        while len(self.found(kind)) < count:
            self._changed.clear()
            await self._changed.wait()
        return self.found(kind)[count - 1]

    @property
    def samples(self) -> Samples:
        data = b"".join(frame.audio for frame in self.found(TTSAudioRawFrame))
        return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32767)

    @property
    def words(self) -> list[str]:
        return [frame.text for frame in self.found(TTSTextFrame)]

    @property
    def word_times(self) -> list[float]:
        """Seconds since the first word."""
        times = [frame.pts or 0 for frame in self.found(TTSTextFrame)]
        return [(time - times[0]) / 1e9 for time in times]

    def forget(self) -> None:
        self.frames.clear()


class Bot:
    """A pipeline with the service in the middle. `ear` hears what it says, `errors` what it reports."""

    def __init__(self, speech: Any, sample_rate: int) -> None:
        self.speech = speech
        self.errors = Ear()
        self.ear = Ear()
        self.worker = PipelineWorker(
            Pipeline([self.errors, self.speech, self.ear]),
            params=PipelineParams(
                audio_out_sample_rate=sample_rate,
                enable_metrics=True,
                enable_usage_metrics=True,
                send_initial_empty_metrics=False,
            ),
            cancel_on_idle_timeout=False,
            enable_rtvi=False,
        )

    async def send(self, *frames: Frame) -> None:
        for frame in frames:
            await self.worker.queue_frame(frame)

    async def say(self, text: str) -> None:
        """Says a text to its end. What was heard before is forgotten."""
        self.ear.forget()
        await self.send(TTSSpeakFrame(text))
        await self.ear.wait(TTSStoppedFrame)

    async def reply(self, *tokens: str) -> None:
        """Says a reply that comes in tokens to its end. What was heard before is forgotten."""
        self.ear.forget()
        await self.send(LLMFullResponseStartFrame(), *map(LLMTextFrame, tokens), LLMFullResponseEndFrame())
        await self.ear.wait(LLMFullResponseEndFrame)


@asynccontextmanager
async def pipeline_of(speech: Any, sample_rate: int = 24_000) -> AsyncIterator[Bot]:
    """A running pipeline around a speech service; it ends with the context."""
    bot = Bot(speech, sample_rate)
    started = asyncio.Event()

    async def on_pipeline_started(worker: PipelineWorker, frame: Frame) -> None:
        started.set()

    bot.worker.add_event_handler("on_pipeline_started", on_pipeline_started)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(bot.worker)
    running = asyncio.create_task(runner.run())
    try:
        await started.wait()
        yield bot
        await bot.send(EndFrame())
    except BaseException:
        await bot.worker.cancel()
        raise
    finally:
        await running


def assert_said(ear: Ear, *segments: str) -> None:
    """That these were heard, to the last sample and nothing else."""
    wanted = np.concatenate([tone(segment) for segment in segments])
    heard = ear.samples
    assert len(heard) == len(wanted)
    assert np.abs(heard - wanted).max() < 0.001
