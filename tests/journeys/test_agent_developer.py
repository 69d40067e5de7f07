"""The developer of agents: the lines of the guides for LiveKit and Pipecat, with the real packages."""

from __future__ import annotations

import importlib.util
import textwrap
from collections.abc import Callable

import pytest

from tests.journeys.checkout import first_audio_s, python_block
from tests.journeys.conftest import Running

pytestmark = [pytest.mark.model, pytest.mark.slow]

# What `pip install ./clients/...` puts on the path.
INSTALLED = {"PYTHONPATH": ".:clients/livekit:clients/pipecat"}

LIVEKIT = """
import asyncio
import time


async def main():
{lines}
    started, heard = time.monotonic(), False
    async with speech.stream() as stream:
        for token in ("Olá. ", "Bom ", "dia."):
            stream.push_text(token)
        stream.end_input()
        async for event in stream:
            if not heard:
                print(f"first audio after {{time.monotonic() - started:.3f}} s")
            heard = True
    frame = await speech.synthesize("Hello.").collect()
    print(f"collected {{frame.duration:.2f}} s at {{frame.sample_rate}} Hz")
    await speech.aclose()


asyncio.run(main())
"""

PIPECAT = """
import asyncio
import time

from pipecat.frames.frames import EndFrame, TTSAudioRawFrame, TTSSpeakFrame, TTSTextFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.workers.runner import WorkerRunner


class Ear(FrameProcessor):
    words = []
    first_s = None

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSAudioRawFrame) and self.first_s is None:
            self.first_s = time.monotonic() - self.started
        if isinstance(frame, TTSTextFrame):
            self.words.append(frame.text)
        await self.push_frame(frame, direction)


async def main():
{lines}
    ear = Ear()
    params = PipelineParams(audio_out_sample_rate=24_000)
    worker = PipelineWorker(Pipeline([speech, ear]), params=params, cancel_on_idle_timeout=False, enable_rtvi=False)

    async def say(worker, frame):
        ear.started = time.monotonic()
        await worker.queue_frames([TTSSpeakFrame("Hello there, caller."), EndFrame()])

    worker.add_event_handler("on_pipeline_started", say)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()
    print(f"first audio after {{ear.first_s:.3f}} s")
    print(" ".join(ear.words))


asyncio.run(main())
"""


def lines_of(page: str, end: str) -> str:
    """The guide's lines before the one that begins so: from there on they are about the rest of an agent."""
    lines, found, _ = python_block(page).partition(f"\n{end}")
    assert found
    return textwrap.indent(lines, "    ")


def test_livekit_developer(running: Running, first_sound: Callable[[float], None]) -> None:
    if importlib.util.find_spec("livekit") is None:
        pytest.skip("livekit-agents is installed for Python 3.11 and newer")
    source = LIVEKIT.format(lines=lines_of("docs/livekit.md", "session = "))
    printed = running.checkout.run_python(source, **INSTALLED)
    first_sound(first_audio_s(printed))
    assert "at 24000 Hz" in printed


def test_pipecat_developer(running: Running, first_sound: Callable[[float], None]) -> None:
    if importlib.util.find_spec("pipecat") is None:
        pytest.skip("pipecat-ai is installed for Python 3.11 and newer")
    source = PIPECAT.format(lines=lines_of("docs/pipecat.md", "pipeline = "))
    printed = running.checkout.run_python(source, **INSTALLED)
    first_sound(first_audio_s(printed))
    assert printed.splitlines()[-1] == "Hello there, caller."
