"""`python -m bench.samples`: a WAV for each engine and language, and a page to listen to them.

Every engine that can be loaded says a greeting in each of its languages, Kokoro with a female and a male voice of each
and with blends; one voice of each language also says numbers, dates and codes, and an SSML document. What cannot speak
is on the page, with its reason. Speech is made as for a listener to whom it is streamed. The service's environment
variables apply.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import quote

from babel import Locale

from bench import report, texts
from bench.product import settings_from_environment, speak
from telephony.engines import catalog
from telephony.engines.base import Engine, SynthesisError, UnknownVoiceError
from telephony.engines.catalog import EngineUnavailableError
from telephony.settings import Settings
from telephony.speech import Voice
from telephony.telemetry import logs
from telephony.tools.players import WavFile

CASTS = {
    "kokoro": (
        *("af_heart", "am_michael", "af_aoede*0.6+af_nicole*0.4"),
        *("bf_emma", "bm_george"),
        *("pf_dora", "pm_alex", "pf_dora+pm_alex"),
        *("ef_dora", "em_alex"),
        *("ff_siwis",),
        *("if_sara", "im_nicola"),
        *("hf_alpha", "hm_omega"),
        *("jf_alpha", "jm_kumo"),
        *("zf_xiaobei", "zm_yunxi"),
    ),
    "supertonic": ("F1", "M1"),
}
"""Who of an engine's voices is heard at least: voices and recipes. Others follow up to `_VOICES_EACH` in a language."""
_VOICES_EACH = 2

Loader = Callable[[Settings], Engine]
ENGINES: Mapping[str, Loader] = {
    "kokoro": lambda settings: catalog.load_main(dataclasses.replace(settings, engine="kokoro")),
    "piper": lambda settings: catalog.load_piper(
        settings.piper_model, settings.piper_voices, settings.piper_max_loaded
    ),
    "supertonic": catalog.load_supertonic,
}

_STYLE = """
:root { color-scheme: light dark; }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .5rem; text-align: left; vertical-align: top; border-top: 1px solid; overflow-wrap: break-word; }
td.figure { white-space: nowrap; text-align: right; font-variant-numeric: tabular-nums; }
audio { width: 16rem; }
"""
_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Samples of every engine and language</title>
<style>$style</style>
</head>
<body>
<h1>Samples of every engine and language</h1>
$sections
</body>
</html>
""")


@dataclass(frozen=True)
class Sample:
    """One text to be said.

    Attributes:
        engine: its name.
        voice: as it was asked for; a blend's recipe.
        language: the tag of what it is read in.
        kind: a key of `texts.SAMPLES`.
        read_in: for `prepare`: None if the language is the voice's own.
    """

    engine: str
    voice: str
    language: str
    kind: str
    text: str
    read_in: str | None = None

    @property
    def file_name(self) -> str:
        """Of its WAV file, for any file system."""
        stem = f"{self.engine}-{self.language}-{self.voice}-{self.kind}"
        return f"{re.sub(r'[^A-Za-z0-9._-]+', '_', stem)}.wav"


@dataclass(frozen=True)
class Spoken:
    """A sample that is in its file, and how long it lasts."""

    sample: Sample
    duration_s: float


@dataclass(frozen=True)
class Silent:
    """What could not speak, and why."""

    who: str
    why: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status: 1 if nothing could speak."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.samples", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=report.RESULTS_DIR / "samples",
        metavar="DIR",
        help="where the files go (default: bench/results/samples)",
    )
    parser.add_argument("--engines", nargs="+", choices=list(ENGINES), default=list(ENGINES), metavar="NAME")
    parser.add_argument("--all-voices", action="store_true", help="every voice says the greeting")
    options = parser.parse_args(arguments)
    settings = settings_from_environment()
    logs.configure("warning", settings.log_format)
    options.out.mkdir(parents=True, exist_ok=True)
    results: list[Spoken | Silent] = []
    for name in options.engines:
        try:
            engine = ENGINES[name](settings)
        except EngineUnavailableError as error:
            results.append(Silent(name, str(error)))
        else:
            results += make(engine, options.all_voices, options.out)
    spoken = [result for result in results if isinstance(result, Spoken)]
    silent = [result for result in results if isinstance(result, Silent)]
    page = options.out / "index.html"
    page.write_text(render(spoken, silent), encoding="utf-8")
    for result in silent:
        print(f"{result.who}: {result.why}", file=sys.stderr)
    print(f"{len(spoken)} samples, {len(silent)} could not be made: listen to them with {page}")
    return 0 if spoken else 1


def make(engine: Engine, all_voices: bool, directory: Path) -> Iterator[Spoken | Silent]:
    """Says an engine's samples into WAV files in a directory, one by one, with progress on standard error."""
    planned = list(plan(engine, all_voices))
    for index, sample in enumerate(planned, 1):
        if isinstance(sample, Silent):
            yield sample
            continue
        who = f"{sample.engine}, {sample.voice}, {sample.language}, {sample.kind}"
        print(f"{index} of {len(planned)}: {who}", file=sys.stderr)
        try:
            samples = speak(engine, sample.text, engine.find_voice(sample.voice).name, sample.read_in)
        except SynthesisError as error:
            yield Silent(who, str(error))
            continue
        except Exception as error:  # noqa: BLE001 - whatever the engine raises ends this sample and no other
            yield Silent(who, f"{type(error).__name__}: {error}")
            continue
        if not len(samples):
            yield Silent(who, "no sound came of it")
            continue
        with WavFile(directory / sample.file_name) as file:
            file.write(samples, engine.sample_rate)
        yield Spoken(sample, len(samples) / engine.sample_rate)


def plan(engine: Engine, all_voices: bool) -> Iterator[Sample | Silent]:
    """What an engine is to say, and who of its cast cannot speak.

    A language that is no voice's own is said by the voices that read it.
    """
    cast: dict[str, Voice] = {}
    for name in CASTS.get(engine.name, ()):
        try:
            cast[name] = engine.find_voice(name)
        except UnknownVoiceError as error:
            yield Silent(f"{engine.name}, {name}", str(error))
    voices = {**cast, **{voice.name: voice for voice in engine.voices() if voice.name not in cast}}
    own = {voice.language for voice in voices.values()}
    roles: list[tuple[str, str, str | None]] = [(name, voice.language, None) for name, voice in voices.items()]
    for name, voice in voices.items():
        roles += [(name, language, language) for language in voice.other_languages if language not in own]
    heard: Counter[str] = Counter()
    for name, language, read_in in roles:
        known = texts.SAMPLES.get(_primary(language))
        if known is None:
            yield Silent(f"{engine.name}, {name}", f"no text in {language}: add one to bench/texts.py")
            continue
        if not (all_voices or name in cast or heard[language] < _VOICES_EACH):
            continue
        for kind in known if not heard[language] else ("sentence",):
            yield Sample(engine.name, name, language, kind, known[kind], read_in)
        heard[language] += 1


def render(spoken: Sequence[Spoken], silent: Sequence[Silent]) -> str:
    """The page: a table for each language, then what could not speak. Its links are relative."""
    by_language: dict[str, list[Spoken]] = {}
    for one in spoken:
        by_language.setdefault(one.sample.language, []).append(one)
    sections = [
        _table(
            f"{Locale(_primary(language)).english_name} ({language})",
            ("Engine", "Voice", "Text", "Length", "Sound"),
            map(_row, by_language[language]),
        )
        for language in sorted(by_language)
    ]
    if silent:
        rows = (f"<tr><td>{escape(one.who)}</td><td>{escape(one.why)}</td></tr>" for one in silent)
        sections.append(_table("What could not speak", ("Who", "Why"), rows))
    return _PAGE.substitute(style=_STYLE, sections="\n".join(sections))


def _table(title: str, header: Sequence[str], rows: Iterator[str]) -> str:
    heads = "".join(f'<th scope="col">{name}</th>' for name in header)
    return "\n".join([f"<h2>{escape(title)}</h2>", f"<table><tr>{heads}</tr>", *rows, "</table>"])


def _row(one: Spoken) -> str:
    sample = one.sample
    label = escape(f"{sample.voice}, {sample.kind}")
    return (
        f"<tr><td>{escape(sample.engine)}</td><td>{escape(sample.voice)}</td>"
        f'<td lang="{escape(sample.language)}">{escape(sample.text)}</td><td class="figure">{one.duration_s:.1f} s</td>'
        f'<td><audio controls preload="none" src="{quote(sample.file_name)}" aria-label="{label}"></audio></td></tr>'
    )


def _primary(language: str) -> str:
    """The first part of a tag."""
    return language.partition("-")[0]


if __name__ == "__main__":
    sys.exit(main())
