"""Where speech goes on the machine that hears it: into a WAV file, or to a player."""

from __future__ import annotations

import contextlib
import queue
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path
from types import TracebackType

import numpy as np
import soundfile

from telephony.audio.samples import to_pcm16
from telephony.speech import Samples

_PLAYERS = {
    "ffplay": "-nodisp -autoexit -loglevel error -f s16le -sample_rate {rate} -i -",
    "aplay": "-q -t raw -f S16_LE -c 1 -r {rate} -",
    "paplay": "--raw --format=s16le --channels=1 --rate={rate} --latency-msec=100",
    "pw-play": "--format s16 --channels 1 --rate {rate} -",
    "play": "-q -t raw -e signed -b 16 -L -c 1 -r {rate} -",
}
"""Programs that play raw PCM while it still comes, and how; the first one that is installed is taken."""

# ffplay ends with status 0 even if it cannot open the sound device; only what it says tells.
_SAYS_THAT_IT_FAILED = b"audio open failed"
_INSTEAD = "-o writes a file instead"

_HOW_TO_INSTALL = (
    "no player is installed: install ffmpeg (ffplay), alsa-utils (aplay), pulseaudio-utils (paplay), pipewire "
    f"(pw-play) or sox (play); {_INSTEAD}"
)


class PlaybackError(RuntimeError):
    """Nobody plays. The message says what to do, and the last thing that a player said."""


class WavFile:
    """A WAV file, 16 bits. It is made when the first samples come, so that what says nothing leaves none behind."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: soundfile.SoundFile | None = None

    def __enter__(self) -> WavFile:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, samples: Samples, sample_rate: int) -> None:
        """Appends samples; the first ones set the file's rate, in Hz.

        Raises:
            OSError, SoundFileError: it cannot be written.
        """
        if self._file is None:
            self._path.open("wb").close()  # where it cannot be, the system says why, which libsndfile does not
            self._file = soundfile.SoundFile(self._path, "w", sample_rate, channels=1, format="WAV")
        self._file.write(np.clip(samples, -1.0, 1.0))


class Player:
    """A player that is fed by a thread of its own: speech is made faster than it is heard, and waits here.

    `with` waits until all was heard; where the block fails or is interrupted, the player is silenced at once.

    Raises:
        PlaybackError: there is none; or, at the end, it has failed.
    """

    def __init__(self, sample_rate: int) -> None:
        self._name, command = _find(sample_rate)
        self._pending: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed where the player is ended
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=self._said)
        self._feeder = threading.Thread(target=self._feed, name="player")
        self._feeder.start()

    def __enter__(self) -> Player:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._pending.put(b"")
                self._feeder.join()
                self._process.wait()
                self._check()
                if _SAYS_THAT_IT_FAILED in self._errors():
                    raise PlaybackError(f"{self._name} could not open the sound device; {_INSTEAD}")
        finally:
            self._process.kill()  # nothing to one that has ended
            self._process.wait()
            self._pending.put(b"")
            self._feeder.join()
            self._said.close()

    def write(self, samples: Samples, sample_rate: int) -> None:
        """Queues samples, at the rate that it was made for.

        Raises:
            PlaybackError: the player has failed.
        """
        self._check()
        self._pending.put(to_pcm16(samples))

    def _check(self) -> None:
        if self._process.poll():
            status, why = self._process.returncode, self._errors().decode(errors="replace").strip()
            reason = f" ({why.splitlines()[-1]})" if why else ""
            raise PlaybackError(f"{self._name} failed with status {status}{reason}; {_INSTEAD}")

    def _errors(self) -> bytes:
        """What the player has written to its standard error, once it has ended."""
        self._said.seek(0)
        return self._said.read()

    def _feed(self) -> None:
        assert self._process.stdin is not None
        # Of a player that takes nothing more, its status tells.
        with contextlib.suppress(BrokenPipeError), self._process.stdin as pipe:
            while data := self._pending.get():
                pipe.write(data)
                pipe.flush()


def _find(sample_rate: int) -> tuple[str, list[str]]:
    """A player's name and command line."""
    for name, arguments in _PLAYERS.items():
        if (path := shutil.which(name)) is not None:
            return name, [path, *arguments.format(rate=sample_rate).split()]
    raise PlaybackError(_HOW_TO_INSTALL)
