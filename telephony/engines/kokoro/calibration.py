"""Which voices may be streamed: each voice's statistics, measured once on a built-in corpus and kept on disk.

With them comes how loud the voice is. The work is cut into sentences, done by the thread that owns the device whenever
no call needs it.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import structlog
import torch

from telephony.audio import SpeechLevel
from telephony.engines import recipes
from telephony.engines.base import SynthesisError
from telephony.engines.kokoro.acoustic import Acoustic
from telephony.engines.kokoro.languages import LANGUAGES
from telephony.engines.kokoro.statistics import Sample, Statistics, fit, known
from telephony.engines.kokoro.utterance import SAMPLE_RATE_HZ
from telephony.engines.kokoro.vocoder import Vocoder

log = structlog.get_logger()

# Statistics measured in another way are not to be mixed with these.
_FORMAT = 2
# Anybody can think of a recipe: of blends, the statistics of so many are known at once and kept as files, about a
# megabyte each. Those that were not used for the longest time make room.
_MAX_BLENDS = 64


class Calibration:
    """Statistics by voice, or by a blend's recipe. One thread: the one that owns the device.

    Args:
        directory: where statistics are kept.
        revision: of the weights; statistics belong to one.
        vocoder: measures.
        listen: prosody and source of a sentence for a voice: (text, voice) -> `Acoustic`; raises SynthesisError.
    """

    def __init__(
        self, directory: Path, revision: str, vocoder: Vocoder, listen: Callable[[str, str], Acoustic]
    ) -> None:
        self._directory = directory
        self._revision = revision
        self._vocoder = vocoder
        self._listen = listen
        self._known: dict[str, Statistics | None] = {}
        self._voices: deque[str] = deque()
        self._sentences: deque[str] = deque()
        self._samples: list[Sample] = []
        self._level = SpeechLevel()

    def statistics(self, voice: str, device: torch.device) -> Statistics | None:
        """A voice's statistics; None while it has none, in which case it has been queued for measuring."""
        if voice in self._known:
            self._known[voice] = self._known.pop(voice)  # the last one used comes last
        else:
            self._known[voice] = self._load(voice, device)
            if self._known[voice] is None and voice not in self._voices and _corpus(voice):
                self._voices.append(voice)
            self._forget_blends()
        return self._known[voice]

    def level_db(self, voice: str) -> float | None:
        """How loud a voice is (see `SpeechLevel`), if its statistics are at hand. Any thread."""
        statistics = self._known.get(voice)
        return statistics.level_db if statistics is not None else None

    def step(self) -> bool:
        """Measures one sentence of the first voice that waits; False if none does."""
        if not self._voices:
            return False
        voice = self._voices[0]
        if not self._sentences and not self._samples:
            self._sentences.extend(_corpus(voice))
            log.info("calibrating", voice=voice, sentences=len(self._sentences))
        if self._sentences:
            self._measure(self._sentences.popleft(), voice)
        if not self._sentences:
            self._finish(voice)
        return bool(self._voices)

    def _measure(self, sentence: str, voice: str) -> None:
        try:
            acoustic = self._listen(sentence, voice)
        except SynthesisError as error:
            log.warning("calibration_sentence_failed", voice=voice, error=str(error))
            return
        means, variances, audio = self._vocoder.measure(acoustic)
        self._level.measure(audio.cpu().numpy(), SAMPLE_RATE_HZ)
        self._samples.append(Sample(known(acoustic), means, variances, acoustic.frames))

    def _finish(self, voice: str) -> None:
        self._voices.popleft()
        samples, self._samples = self._samples, []
        level, self._level = self._level, SpeechLevel()
        if not samples or level.db is None:
            return
        statistics = fit(samples, level.db)
        self._known[voice] = statistics
        try:
            statistics.save(self._path(voice))
            self._delete_blends()
        except OSError as error:
            log.warning(
                "calibration_not_kept", voice=voice, error=str(error), effect="measured again at the next start"
            )
        log.info("calibrated", voice=voice, sentences=len(samples))

    def _load(self, voice: str, device: torch.device) -> Statistics | None:
        path = self._path(voice)
        if not path.exists():
            return None
        try:
            with contextlib.suppress(OSError):  # a directory that is only read is good enough
                path.touch()  # says when it was last used
            return Statistics.load(path, device)
        except (OSError, ValueError, KeyError) as error:
            log.warning("calibration_unusable", voice=voice, error=str(error), effect="measured again")
            return None

    def _forget_blends(self) -> None:
        blends = [voice for voice in self._known if recipes.is_recipe(voice)]
        for voice in blends[:-_MAX_BLENDS]:
            del self._known[voice]
            if voice in list(self._voices)[1:]:  # the first one may be half measured
                self._voices.remove(voice)

    def _delete_blends(self) -> None:
        files = []
        for path in self._directory.glob("*[+*]*.npz"):
            with contextlib.suppress(FileNotFoundError):  # another process has just made room
                files.append((path.stat().st_mtime_ns, path))
        for _, path in sorted(files)[:-_MAX_BLENDS]:
            path.unlink(missing_ok=True)

    def _path(self, voice: str) -> Path:
        return self._directory / f"{voice}-{self._revision[:12]}-{_FORMAT}.npz"


def _corpus(voice: str) -> list[str]:
    """Calibration sentences in a voice's language; none where there are none yet, such as Japanese."""
    language = LANGUAGES[voice[0]].partition("-")[0]
    file = resources.files("telephony.engines.kokoro") / "corpus" / f"{language}.txt"
    return file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
