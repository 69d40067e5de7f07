"""Has the running service speak.

`python -m telephony.say "Hello." -o hello.wav` goes over the telephone's text door, as a call's text does. Text from
standard input is spoken while it still comes, over the doors for agents, and so is everything that asks for --voice,
--speed or --play: `ask-a-model | python -m telephony.say --play`.
Hosts, ports and key are those of the service's own settings, taken from the environment.

Exit status: 0 it spoke, 1 it did not (standard error says why), 2 wrong arguments, 130 Ctrl-C, which ends the speech in
the service as well.
"""

from __future__ import annotations

import argparse
import codecs
import contextlib
import os
import sys
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import soundfile
from tqdm import tqdm

from telephony.protocols import telephone
from telephony.settings import SettingsError, parse
from telephony.text.writing_systems import writing_system
from telephony.tools import client
from telephony.tools.client import AgentClient, ServiceError, Sound, TelephoneClient
from telephony.tools.players import PlaybackError, Player, WavFile
from telephony.voices import is_part_of
from telephony.voices.reading import how_to_get

_PIECE = 4096
_INTERRUPTED = 130
_PROGRESS_AFTER_S = 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    options = _options(arguments)
    try:
        if options.list_voices:
            _list_voices(_agent_doors(options))
        else:
            _speak(options)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except ConnectionRefusedError:
        print(f"error: {_who_listens(options)}", file=sys.stderr)
        return 1
    except (OSError, soundfile.SoundFileError, telephone.WireError, ServiceError, PlaybackError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m telephony.say", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    try:
        settings = parse((), os.environ).settings
    except SettingsError as error:
        parser.error(str(error))
    parser.add_argument("text", nargs="?", help="what to say; without it, standard input is spoken as it comes")
    parser.add_argument("-o", "--output", type=Path, help="write a WAV file; without it the figures are printed")
    parser.add_argument("--play", action="store_true", help="play it while it comes")
    parser.add_argument("--voice", help="a voice of --list-voices, by name or alias")
    parser.add_argument("--speed", type=float, help="rate of speech, 0.5 to 2")
    parser.add_argument("--list-voices", action="store_true", help="print every voice: name, language, engine, aliases")
    agents = parser.add_argument_group("doors for agents")
    agents.add_argument("--http-host", default=settings.http_host)
    agents.add_argument("--http-port", type=int, default=settings.http_port or 0, help="0: there is no such door")
    agents.add_argument("--api-key", help="default: the first key in API_KEY", default=settings.api_key)
    telephone = parser.add_argument_group("doors of the telephone")
    telephone.add_argument("--host", default=settings.host)
    telephone.add_argument("--tcp-port", "--port", type=int, default=settings.tcp_port)
    telephone.add_argument("--udp-port", type=int, default=settings.udp_port)
    telephone.add_argument("--call-id", default=f"say-{os.getpid()}")
    return parser.parse_args(arguments)


def _by_telephone(options: argparse.Namespace) -> bool:
    for_agents = options.play or options.list_voices or options.voice is not None or options.speed is not None
    return options.text is not None and not for_agents


def _agent_doors(options: argparse.Namespace) -> AgentClient:
    if not options.http_port:
        raise ServiceError("the service has no HTTP port: KOKORO_HTTP_PORT or --http-port is 0")
    return AgentClient(options.http_host, options.http_port, options.api_key.partition(",")[0].strip())


def _who_listens(options: argparse.Namespace) -> str:
    """What there is in place of the port that refused."""
    agents = client.address(options.http_host, options.http_port)
    start = "run ./start-kokoro.sh or kokoro-telephony"
    if not _by_telephone(options):
        return f"nothing listens on {agents} (--http-port); {start}"
    telephone = f"nothing listens on {client.address(options.host, options.tcp_port)} (--tcp-port)"
    if not options.http_port:
        return f"{telephone}; {start}"
    if client.listens(options.http_host, options.http_port):
        return f"{telephone}, but {agents} (--http-port) answers: --voice goes there"
    return f"{telephone} or {agents} (--http-port); {start}"


def _list_voices(doors: AgentClient) -> None:
    rows = [
        (voice["name"], voice["language"], voice["engine"], " ".join(voice["aliases"]))
        for voice in client.voices(doors)
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _speak(options: argparse.Namespace) -> None:
    if options.text is not None and not options.text.strip():
        raise ServiceError("the text is empty")
    heard = _Heard()
    with contextlib.ExitStack() as ends:
        outputs: list[WavFile | Player] = []
        if options.output is not None:
            outputs.append(ends.enter_context(WavFile(options.output)))
        if options.play:
            outputs.append(ends.enter_context(Player(client.SESSION_SAMPLE_RATE)))
        sounds = ends.enter_context(contextlib.closing(_sounds(options)))
        progress = ends.enter_context(_progress()) if sys.stderr.isatty() else None
        for sound in sounds:
            for output in outputs:
                output.write(sound.samples, sound.sample_rate)
            heard.add(sound)
            if progress is not None:
                progress.update(sound.duration_s)
        if not heard.count:
            raise ServiceError(f"the service sent no audio: {_why_silent(options)}")
    # Over a text that was still coming, the factor would be that of whoever wrote it.
    factor = "" if options.text is None else f", real-time factor {heard.last_s / heard.duration_s:.3f}"
    written = "" if options.output is None else f", written to {options.output}"
    print(f"{heard}{factor}{written}")


def _why_silent(options: argparse.Namespace) -> str:
    """What the telephone's text endpoint has no answer for."""
    system = writing_system(options.text or "")
    if system is None:
        return "nothing in the text can be spoken, or its log says why"
    try:
        voices = client.voices(_agent_doors(options))
    except (OSError, ServiceError):
        return f"its voice does not read {system.name}, or its log says why: name one that does with --voice"
    for voice in voices:
        if any(is_part_of(voice["language"], language) for language in system.languages):
            return f"its log says why. To be read in {system.name}: --voice {voice['name']}"
    return f"none of its voices reads {system.name}: {how_to_get(system)}"


def _progress() -> tqdm[Any]:
    """A line on standard error, for texts that take their time."""
    return tqdm(bar_format="{n:.0f} s of speech in {elapsed}", delay=_PROGRESS_AFTER_S, leave=False)


def _sounds(options: argparse.Namespace) -> Generator[Sound, None, None]:
    if _by_telephone(options):
        doors = TelephoneClient(options.host, options.tcp_port, options.udp_port)
        return client.call(doors, options.call_id, options.text)
    texts = _standard_input(sys.stdin.fileno()) if options.text is None else _pieces(options.text)
    return client.converse(_agent_doors(options), texts, voice=options.voice, speed=options.speed)


def _pieces(text: str) -> Iterator[str]:
    """The text in messages that no limit of the service refuses."""
    for start in range(0, len(text), _PIECE):
        yield text[start : start + _PIECE]


def _standard_input(descriptor: int) -> Iterator[str]:
    """What is there, as soon as it is there."""
    if os.isatty(descriptor):
        print("type what to say; Ctrl-D ends", file=sys.stderr)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    # Read past Python's buffer: it would wait for more, and a thread that waits in it cannot be left behind.
    while data := os.read(descriptor, _PIECE):
        yield decoder.decode(data)
    yield decoder.decode(b"", final=True)


@dataclass
class _Heard:
    """What has been heard so far; `first_s` and `last_s` are when, in seconds since the first text was sent."""

    count: int = 0
    sample_rate: int = 0
    duration_s: float = 0.0
    first_s: float = 0.0
    last_s: float = 0.0

    def add(self, sound: Sound) -> None:
        if not self.count:
            self.first_s = sound.age_s
        self.count += 1
        self.sample_rate = sound.sample_rate
        self.duration_s += sound.duration_s
        self.last_s = sound.age_s

    def __str__(self) -> str:
        return (
            f"{self.duration_s:.2f} s at {self.sample_rate} Hz in {self.count} frame(s), "
            f"first audio after {self.first_s:.3f} s"
        )


if __name__ == "__main__":
    sys.exit(main())
