"""`python -m bench.device`: what one device does, in a few minutes: is it right, is it fast, how many can listen.

Everything that the engine does is compared with the processor in float32; then single texts, whole batches and crowds
of simulated listeners are timed. One JSON. Written for CUDA and MPS, it runs on a processor as well. What the minutes
do not suffice for is left out, and named.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from statistics import median
from typing import Any

import numpy as np
import torch

from bench import report, texts
from telephony.audio.samples import log_spectral_distance_db
from telephony.engines.kokoro.acoustic import Acoustic
from telephony.engines.kokoro.model import KokoroEngine, choose_device
from telephony.engines.kokoro.statistics import NormStatistics
from telephony.engines.kokoro.utterance import KokoroUtterance
from telephony.engines.kokoro.weights import KokoroWeights, ensure_weights
from telephony.engines.kokoro.windows import WINDOW_FRAMES
from telephony.settings import Settings
from telephony.telemetry import logs

VOICES = ("af_sky", "bf_emma", "am_michael", "pf_dora")
_CROWDS = (200, 500)
_BATCHES = (1, 2, 4, 8, 16, 32)
_AHEAD_S = 4.0
"""Who has so much audio waiting is not served."""


@dataclass
class Listener:
    """Somebody who is spoken to without end, in real time."""

    texts: Iterator[str]
    voice: str
    utterance: KokoroUtterance | None = None
    dry_at_s: float = 0.0
    gaps: int = 0
    first_audio_s: list[float] = field(default_factory=list)
    asked_at_s: float = 0.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = report.command_line("bench.device", __doc__)
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    parser.add_argument("--minutes", type=float, default=8.0, help="how long it may take (default 8)")
    options = parser.parse_args(arguments)
    logs.configure("warning", "logfmt")
    deadline = time.monotonic() + 60 * options.minutes
    document = measure(ensure_weights(Settings().cache_dir), choose_device(options.device), deadline)
    for name, value in document.items():
        print(f"{name}: {value}")
    print(f"written to {report.save(document, options.json, 'device')}")
    return 0


def measure(weights: KokoroWeights, device: torch.device, deadline: float) -> dict[str, Any]:
    """The JSON document: each section's figures, or why there are none.

    Args:
        weights: the model and its voices.
        device: what is measured.
        deadline: of time.monotonic; no section begins after it.
    """
    started = time.monotonic()
    engine = KokoroEngine(weights, device, VOICES[0], [shipped(device)])
    engine.warm_up()
    document: dict[str, Any] = {
        "benchmark": "device",
        "device": str(device),
        "precision": engine.precision,
        "machine": report.machine(),
        "load_s": time.monotonic() - started,
        "graphs": engine.vocoder.graphs_captured,
    }
    sections: dict[str, Callable[[], Any]] = {
        "correctness": lambda: correctness(weights, engine),
        "single": lambda: single(engine),
        "batches": lambda: batches(engine),
        **{f"listeners_{count}": lambda count=count: crowd(engine, count, deadline) for count in _CROWDS},  # type: ignore[misc]
    }
    for name, section in sections.items():
        if time.monotonic() >= deadline:
            document[name] = "left out: no time was left"
            continue
        try:
            document[name] = section()
        except RuntimeError as error:  # of a device: the other sections may still say something
            document[name] = f"failed: {error}"[:500]
    document["peak_memory_bytes"] = _peak_memory_bytes(device)
    return document


def correctness(weights: KokoroWeights, engine: KokoroEngine) -> dict[str, Any]:
    """How far each path is from the processor's in float32, with the same noise: durations, pitch, sounds in dB."""
    cpu = torch.device("cpu")
    plain = KokoroEngine(weights, cpu, VOICES[0], [shipped(cpu)], dtype=torch.float32)
    found: dict[str, Any] = {"durations_unequal": 0, "pitch_hz": [], "exact_db": [], "fixed_db": [], "windows_db": []}
    with torch.inference_mode():
        for voice, text in zip(VOICES, _sentences(), strict=False):
            expected = plain.listen(text, voice)
            heard = engine.listen(text, voice)
            if heard.durations.tolist() != expected.durations.tolist():
                found["durations_unequal"] += 1
                continue
            found["pitch_hz"].append(float((heard.f0.cpu() - expected.f0).abs().mean()))
            # From here on with one source: its phase makes much of a pitch's last bits.
            heard.x, heard.har = expected.x.to(heard.x), expected.har.to(heard.har)
            exact = plain.vocoder.exact(expected).numpy()
            found["exact_db"].append(log_spectral_distance_db(exact, engine.vocoder.exact(heard).cpu().numpy()))
            shipped(cpu).apply(expected, plain.vocoder.source_moments(expected))
            shipped(engine.device).apply(heard, engine.vocoder.source_moments(heard))
            fixed = plain.vocoder.fixed(expected).numpy()
            found["fixed_db"].append(log_spectral_distance_db(fixed, engine.vocoder.fixed(heard).cpu().numpy()))
            found["windows_db"].append(log_spectral_distance_db(fixed, _in_windows(engine, heard)[: len(fixed)]))
    return found


def single(engine: KokoroEngine) -> dict[str, Any]:
    """First audio and real-time factor of each text, alone: medians of five."""
    found = {}
    for name, text in texts.LATENCY.items():
        timings = [_time(engine, text) for _ in range(6)][1:]
        found[name] = {
            "first_audio_s": median(first for first, _, _ in timings),
            "real_time_factor": median(total / audio for _, total, audio in timings),
        }
    return found


def batches(engine: KokoroEngine) -> dict[str, Any]:
    """Seconds of audio made in a second, by size of the batch, in the longest windows."""
    found = {}
    frames = WINDOW_FRAMES[-1]
    with torch.inference_mode():
        acoustic = engine.listen(texts.LATENCY["long sentence"], VOICES[0])
        shipped(engine.device).apply(acoustic, engine.vocoder.source_moments(acoustic))
        for batch in (size for size in _BATCHES if size <= max(engine.max_batch, 2)):
            times = []
            for _ in range(6):
                began = time.monotonic()
                engine.vocoder.window([acoustic] * batch, [0] * batch, frames).cpu()
                times.append(time.monotonic() - began)
            found[str(batch)] = batch * frames / 80 / median(times[1:])
    return found


def crowd(engine: KokoroEngine, count: int, deadline: float, seconds: float = 45.0) -> dict[str, Any]:
    """So many listeners for a while, who begin within ten seconds; the one who runs dry first is served first."""
    began = time.monotonic()
    end = min(deadline, began + seconds)
    said = itertools.cycle(texts.ENGLISH)
    people = [Listener(said, VOICES[number % 3], asked_at_s=began + 10 * number / count) for number in range(count)]
    audio_s = 0.0
    while (now := time.monotonic()) < end:
        hungry = [each for each in people if each.asked_at_s <= now and each.dry_at_s - now < _AHEAD_S]
        hungry.sort(key=lambda each: each.dry_at_s or each.asked_at_s)
        served = hungry[: engine.max_batch]
        if not served:
            time.sleep(0.001)
            continue
        for each in served:
            if each.utterance is None or each.utterance.finished:
                utterance = engine.prepare(next(each.texts), each.voice, 1.0, False)
                assert isinstance(utterance, KokoroUtterance)
                each.utterance = utterance
        rendered = engine.render([each.utterance for each in served if each.utterance is not None])
        now = time.monotonic()
        for each, samples in zip(served, rendered, strict=True):
            if not each.dry_at_s:
                each.first_audio_s.append(now - each.asked_at_s)
            elif each.dry_at_s < now:
                each.gaps += 1
            each.dry_at_s = max(each.dry_at_s, now) + len(samples) / engine.sample_rate
            audio_s += len(samples) / engine.sample_rate
    waits = [wait for each in people for wait in each.first_audio_s]
    return {
        "seconds": time.monotonic() - began,
        "audio_seconds_a_second": audio_s / (time.monotonic() - began),
        "heard": len(waits),
        "first_audio_median_s": median(waits) if waits else None,
        "first_audio_p95_s": float(np.quantile(waits, 0.95)) if waits else None,
        "with_gaps": sum(each.gaps > 0 for each in people),
    }


@cache
def shipped(device: torch.device) -> NormStatistics:
    """The statistics that come with the project."""
    return NormStatistics.shipped(device)


def _sentences() -> list[str]:
    return [texts.SENTENCES[voice[0]][20] for voice in VOICES]


def _in_windows(engine: KokoroEngine, acoustic: Acoustic) -> np.ndarray[Any, np.dtype[np.float32]]:
    frames = WINDOW_FRAMES[0]
    starts = range(0, acoustic.frames, frames)
    return np.concatenate([engine.vocoder.window([acoustic], [start], frames)[0].cpu().numpy() for start in starts])


def _time(engine: KokoroEngine, text: str) -> tuple[float, float, float]:
    """Seconds to the first window and to the last, and of audio."""
    began = time.monotonic()
    utterance = engine.prepare(text, VOICES[0], 1.0, False)
    first_s, samples = None, 0
    while not utterance.finished:
        samples += len(engine.render([utterance])[0])
        first_s = first_s or time.monotonic() - began
    return first_s or 0.0, time.monotonic() - began, samples / engine.sample_rate


def _peak_memory_bytes(device: torch.device) -> int | None:
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    if device.type == "mps":
        return int(torch.mps.driver_allocated_memory())
    return None


if __name__ == "__main__":
    sys.exit(main())
