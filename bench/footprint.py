"""`python -m bench.footprint`: memory and start of the service, as an operator starts it. Memory on Linux only.

The service is started three times. Once it speaks, before it ends, some hundred utterances of 1 to 60 words: in turn as
an exact reply over the text door, in its own voice, and window by window in sessions, in eight voices of seven
languages. Its memory is read when it is ready and when it has spoken, with its peak. With `--first-start` it is first
started on an empty cache directory: it fetches and converts its weights (400 MB). The service's environment variables
apply.
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from bench import cast, report, texts
from bench.growth import utterances
from bench.processes import peak_bytes, resident_bytes, tells_memory, wait_idle
from bench.product import settings_from_environment
from bench.service import ServiceProcess, add_start_option
from telephony.settings import Settings

VOICES = ("af_heart", "am_michael", "bf_emma", "ef_dora", "ff_siwis", "if_sara", "pf_dora", "hf_alpha")
"""Who speaks in sessions, as far as the service has them."""
STARTS = 3
MAX_WORDS = 60


@dataclass(frozen=True)
class Utterance:
    """What is said; `voice`: window by window in a session, None: as an exact reply on the telephone."""

    text: str
    voice: str | None


@dataclass(frozen=True)
class Memory:
    """Bytes; None where the system does not tell."""

    resident: int | None
    peak: int | None


@dataclass(frozen=True)
class Start:
    """Seconds from a start to `ready:`, and memory then."""

    ready_s: float
    memory: Memory


@dataclass(frozen=True)
class Footprint:
    """What was measured: the starts, memory behind so many utterances, and the start on an empty cache directory."""

    starts: list[Start]
    utterances: int
    spoken: Memory
    first_start: Start | None


def script(count: int, seed: int, voices: Sequence[str], own_voice: str) -> Iterator[Utterance]:
    """So many utterances of random length, the same ones for a seed.

    Args:
        count: how many.
        seed: of words and lengths.
        voices: who speaks in sessions, in turn.
        own_voice: the service's, which speaks on the telephone.
    """
    turns = itertools.cycle(voices)
    said = {
        voice: _texts(voice, count, seed + number) for number, voice in enumerate(dict.fromkeys((own_voice, *voices)))
    }
    for number in range(count):
        voice = next(turns) if number % 2 else None
        yield Utterance(next(said[voice or own_voice]), voice)


def speak(service: ServiceProcess, said: Iterator[Utterance]) -> None:
    """Says them one after the other, with progress on standard error."""
    for number, utterance in enumerate(said, 1):
        if utterance.voice is None:
            service.text_endpoint.time(utterance.text)
        else:
            service.say(utterance.text, utterance.voice)
        if number % 20 == 0:
            print(f"{number} utterances", file=sys.stderr)


def memory_of(pid: int) -> Memory:
    """A process's memory, once it computes nothing."""
    wait_idle([pid])
    return Memory(resident_bytes(pid), peak_bytes(pid)) if tells_memory() else Memory(None, None)


def measure(settings: Settings, count: int, seed: int, launcher: bool) -> tuple[list[Start], Memory]:
    """`STARTS` starts, and the memory of the first service after `count` utterances."""
    starts, spoken = [], None
    for _ in range(STARTS):
        with (
            tempfile.TemporaryDirectory() as phrases,
            # It keeps phrases, as it does by default, and in the end they are gone.
            ServiceProcess(
                *("--phrase-cache-mb", str(Settings.phrase_cache_mb), "--phrase-dir", phrases), launcher=launcher
            ) as service,
        ):
            starts.append(Start(service.ready_s, memory_of(service.pid)))
            if spoken is None:
                offered = service.voices(settings.engine)
                voices = [voice for voice in VOICES if voice in offered]
                speak(service, script(count, seed, voices, settings.voice))
                spoken = memory_of(service.pid)
    assert spoken is not None
    return starts, spoken


def first_start(launcher: bool) -> Start:
    """A start on an empty cache directory."""
    with (
        tempfile.TemporaryDirectory() as directory,
        ServiceProcess("--cache-dir", directory, launcher=launcher) as service,
    ):
        return Start(service.ready_s, memory_of(service.pid))


def assemble(settings: Settings, launcher: bool, found: Footprint) -> dict[str, Any]:
    """The JSON document."""
    return {
        "benchmark": "footprint",
        "voice": settings.voice,
        "device": settings.device,
        "machine": report.machine(settings.threads),
        "launcher": launcher,
        "ready_s": median(start.ready_s for start in found.starts),
        **asdict(found),
    }


def render(document: Mapping[str, Any]) -> str:
    """The document as a table for people."""
    ready, spoken, first = document["starts"][0]["memory"], document["spoken"], document["first_start"]
    rows = [
        ("start to ready, median", f"{document['ready_s']:.1f} s"),
        ("resident when ready", _mebibytes(ready["resident"])),
        (f"resident after {document['utterances']} utterances", _mebibytes(spoken["resident"])),
        ("peak", _mebibytes(spoken["peak"])),
    ]
    if first is not None:
        rows += [
            ("first start to ready", f"{first['ready_s']:.1f} s"),
            ("first start, resident when ready", _mebibytes(first["memory"]["resident"])),
            ("first start, peak", _mebibytes(first["memory"]["peak"])),
        ]
    return report.table(("the service", ""), rows)


def _texts(voice: str, count: int, seed: int) -> Iterator[str]:
    return utterances(count, seed, texts.SENTENCES.get(cast.language_of(voice), texts.ENGLISH), MAX_WORDS)


def _mebibytes(count: int | None) -> str:
    return "not told by this system" if count is None else f"{count / 2**20:.0f} MiB"


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = report.command_line("bench.footprint", __doc__)
    parser.add_argument("--utterances", type=int, default=300, help="how many are spoken (default 300)")
    parser.add_argument("--seed", type=int, default=1, help="of the lengths and words (default 1)")
    parser.add_argument("--first-start", action="store_true", help="also a start on an empty cache directory")
    add_start_option(parser)
    options = parser.parse_args(arguments)
    if options.utterances < 2:
        parser.error("--utterances must be 2 or more")
    settings = settings_from_environment()
    first = first_start(options.launcher) if options.first_start else None
    starts, spoken = measure(settings, options.utterances, options.seed, options.launcher)
    document = assemble(settings, options.launcher, Footprint(starts, options.utterances, spoken, first))
    print(render(document))
    print(f"\nwritten to {report.save(document, options.json, 'footprint')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
