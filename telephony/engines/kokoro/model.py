"""The Kokoro engine: phonemes, prosody and windows of sound behind the engine contract."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

# What MPS lacks runs on the CPU instead; torch reads this when it is imported.
os.environ.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")
# How long OpenMP's threads spin at a barrier before they sleep, read when torch is imported. A phone system shares its
# cores with this service: with the default a busy neighbour makes synthesis 20 times slower, with less spinning 3
# times; with none an idle machine is a third slower.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")
# oneDNN keeps machine code for every shape of every layer, a third of a megabyte each, and torch a second list of it; a
# thousand of them by default. Those of the windows and of the slices of whole decodes have to be among them.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "192")
os.environ.setdefault("LRU_CACHE_CAPACITY", "16")

import numpy as np
import structlog
import torch

from telephony.engines import recipes
from telephony.engines.base import SynthesisError, UnknownVoiceError, Utterance
from telephony.engines.kokoro.acoustic import SOUND_STYLE, Acoustic, AcousticModel
from telephony.engines.kokoro.alignment import as_written
from telephony.engines.kokoro.g2p import G2P, OPTIONAL_LANGUAGES, is_speakable, what_is_missing
from telephony.engines.kokoro.graphs import BATCHES, CudaCapture
from telephony.engines.kokoro.harmonic_source import FRAME_SAMPLES
from telephony.engines.kokoro.kernels import Kernels, KernelsUnavailableError, TorchKernels, compiled_kernels
from telephony.engines.kokoro.languages import LANGUAGES, LETTERS
from telephony.engines.kokoro.names import digest as pronounced
from telephony.engines.kokoro.parameters import load_parameters
from telephony.engines.kokoro.quantised import is_fast
from telephony.engines.kokoro.statistics import SHIPPED, NormStatistics
from telephony.engines.kokoro.utterance import SAMPLE_RATE_HZ, KokoroUtterance
from telephony.engines.kokoro.vocoder import Vocoder
from telephony.engines.kokoro.voices import describe
from telephony.engines.kokoro.weights import KokoroWeights
from telephony.engines.kokoro.windows import WINDOW_FRAMES
from telephony.engines.kokoro.words import timed
from telephony.engines.recipes import Recipe
from telephony.speech import NEUTRAL, Intonation, MissingVoices, Samples, Voice
from telephony.text import markup
from telephony.text.normalization import normalize

log = structlog.get_logger()

# Windows of several calls share a batch where that is faster: on two CPU cores it is not (0 to 30 % for the smallest
# windows), and it would make the most urgent call wait for its company.
_MAX_BATCH = {"cpu": 1, "mps": 4, "cuda": 32}
# Frames (80 a second) under which one pass over the whole is about as quick as windows, and statistics are a poor
# guess: for single words the sound is up to 10 dB off.
_STREAM_FROM_FRAMES = 120
# Predicted energy under which a frame is silent. Over 41 voices at three speeds, sound began at most 0.3 frames before
# the first frame above it, and ended before the end of the last one: what is left beside them is for a lead and a tail.
_SILENT_ENERGY = -1.0
_LEAD_FRAMES, _TAIL_FRAMES = 2, 6
_MOST_NAMED = 10
_SLOWER = "speech is slower"


class KokoroEngine:
    """Kokoro-82M on one device, streaming inside the sentence.

    Args:
        weights: the model and its voices.
        device: where it runs.
        default_voice: the first of `voices()`; a voice, a named blend or a recipe.
        statistics: what voices are streamed with; of several that know one, the first.
        kernels: the elementwise passes; None takes torch's own.
        dtype: of the convolutions; None takes bf16 where the device multiplies it natively.
        max_batch: None takes what suits the device.
        named_blends: the blends that have a name; may change from one call to the next.

    Attributes:
        vocoder: decodes; belongs to the thread that renders.
        precision: of its convolutions, such as `bfloat16+int8`, in which streamed windows are in eight bits.
    """

    name = "kokoro"
    sample_rate = SAMPLE_RATE_HZ

    def __init__(
        self,
        weights: KokoroWeights,
        device: torch.device,
        default_voice: str,
        statistics: Sequence[NormStatistics] = (),
        *,
        kernels: Kernels | None = None,
        dtype: torch.dtype | None = None,
        max_batch: int | None = None,
        named_blends: Callable[[], Mapping[str, Recipe]] = dict,
    ) -> None:
        """Loads the model.

        Raises:
            UnknownVoiceError: there is no `default_voice`.
        """
        self.device = device
        self.dtype = dtype or fast_dtype(device)
        self.max_batch = max_batch or _MAX_BATCH[device.type]
        self._weights = weights
        self._named_blends = named_blends
        speakable = tuple(language for letter, language in LANGUAGES.items() if is_speakable(letter))
        self._voices: dict[str, Voice] = {}
        self._unusable: dict[str, str] = {}
        for name in weights.voice_names():
            own = LANGUAGES[name[0]]
            if own in speakable:
                others = tuple(language for language in speakable if language != own)
                self._voices[name] = describe(Voice(name, own, others))
            else:
                self._unusable[name] = f"voice {name}: {what_is_missing(name[0])}"
        self._default_name = default_voice
        self._default_voice = self.find_voice(default_voice)
        self._styles: dict[str, torch.Tensor] = {}
        self._statistics = [known for known in statistics if weights.revision in known.revisions]
        self._g2p = G2P()
        self._vocabulary: dict[str, int] = json.loads(weights.config_path.read_text(encoding="utf-8"))["vocab"]
        self._kernels = kernels or TorchKernels()
        parameters = load_parameters(weights.folded_path, device)
        with torch.inference_mode():
            in_eight_bits = is_fast(device) or self._kernels.eight_bits
            styles = torch.cat([self._sounds(name) for name in weights.voice_names()]) if in_eight_bits else None
            generator = parameters.under("decoder.generator")
            self.vocoder = Vocoder(generator, self.dtype, self._kernels, styles)
            self._acoustic = AcousticModel(parameters, self.vocoder.style, self._kernels, self.dtype)
        self.precision = str(self.dtype).removeprefix("torch.") + ("" if styles is None else "+int8")
        if unknown := self.voices_without_statistics():
            log.warning(
                "voices_not_streamed",
                voices=unknown[:_MOST_NAMED],
                count=len(unknown),
                effect="spoken sentence by sentence",
                advice="python -m telephony.engines.kokoro.fit measures them",
            )

    def voices(self) -> Sequence[Voice]:
        """All voices of the weights and the named blends, the default one first."""
        offered = dict(self._voices)
        for name in self._named_blends():
            with contextlib.suppress(UnknownVoiceError):  # of other weights, or of a language that is not installed
                offered.setdefault(name, dataclasses.replace(self.find_voice(name), name=name))
        default = offered.pop(self._default_name, self._default_voice)
        return [default, *offered.values()]

    def find_voice(self, name: str) -> Voice:
        """See `Engine`."""
        return recipes.find(name, self._voices, self._named_blends(), self._unusable)

    def missing_voices(self) -> Sequence[MissingVoices]:
        """See `Extensible`: the languages whose packages are not installed."""
        letters = sorted({name[0] for name in self._unusable})
        return [
            MissingVoices(
                self.name,
                LANGUAGES[letter],
                tuple(name for name in self._unusable if name[0] == letter),
                what_is_missing(letter),
            )
            for letter in letters
        ]

    def warm_up(self) -> None:
        """Speaks to nobody, so that the first caller does not wait for lazy loading.

        On CUDA the elementwise kernels are compiled before this returns (half a minute, the first time), for the graphs
        that are captured with them.
        """
        if self.device.type != "cuda" or not isinstance(self._kernels, TorchKernels):
            self._warm_up()
            return
        calls = self._kernels.record(self._warm_up)
        try:
            self._kernels.compile(calls)
        except Exception as error:  # noqa: BLE001 - no compiler, a full disk, whatever: slower, not silent
            log.warning("kernels_not_compiled", error=f"{type(error).__name__}: {error}"[:300], effect=_SLOWER)
        self._capture()

    def revision(self, voice: str) -> str:
        """Of weights, of the style vectors of the voice or of those that it blends, precision, statistics, names."""
        names = recipes.parse(voice).voices
        styles = "-".join(self._weights.voice_digest(name)[:16] for name in names if name in self._voices)
        statistics = self._statistics_of(voice)
        streamed = "whole" if statistics is None else statistics.digest
        return f"{self._weights.revision}-{styles}-{self.precision}-{streamed}-{pronounced()}"

    def level_db(self, voice: str) -> float | None:
        """Measured when the statistics were fitted; a blend's is the mean of its voices'."""
        statistics = self._statistics_of(voice)
        return statistics.level_db(recipes.parse(voice).shares()) if statistics is not None else None

    def prepare(
        self,
        text: str,
        voice: str,
        speed: float,
        exact: bool,
        language: str | None = None,
        *,
        intonation: Intonation = NEUTRAL,
    ) -> Utterance:
        """Phonemes of the text, in any thread. Prosody and source come with the first window of each piece.

        Raises:
            UnknownVoiceError: no such voice.
            UnspeakableError: nothing in the text can be spoken.
            SynthesisError: the language is unknown or not installed.
        """
        found = self.find_voice(voice)
        read_in = language or found.language
        pieces = self._g2p.phonemes(normalize(text, read_in), LETTERS.get(read_in, read_in))
        pieces = as_written(pieces, text, lambda word: markup.plain(normalize(word, read_in)))
        return KokoroUtterance(pieces, found.name, speed, exact, intonation)

    def render(self, batch: Sequence[Utterance]) -> list[Samples]:
        """The next window of each utterance, float32 [samples] at 24 kHz.

        Pieces begin together, in one pass of the encoders; then windows of one shape share a pass of the vocoder. An
        utterance that is exact, short, or of a voice without statistics is one window per piece.

        Raises:
            SynthesisError: an utterance of another engine.
        """
        utterances = [utterance for utterance in batch if isinstance(utterance, KokoroUtterance)]
        if len(utterances) != len(batch):
            raise SynthesisError("the Kokoro engine was given another engine's utterance")
        rendered = {each: end for each in utterances if each.left_out and (end := self._catch_up(each)) is not None}
        others = [utterance for utterance in utterances if utterance not in rendered]
        self.begin([utterance for utterance in others if not utterance.windows])
        rendered.update(zip(others, self._render_begun(others), strict=True))
        return [rendered[utterance] for utterance in utterances]

    def skip(self, utterance: Utterance, samples: int) -> None:
        """See `ResumableEngine`. Costs the first window and one more; of a text of several pieces all before."""
        if isinstance(utterance, KokoroUtterance):
            utterance.left_out = samples

    def _render_begun(self, utterances: Sequence[KokoroUtterance]) -> list[Samples]:
        """The next window of each; all have some."""
        by_shape: dict[tuple[int, bool], list[int]] = {}
        for index, utterance in enumerate(utterances):
            by_shape.setdefault((utterance.windows[0][1], utterance.streams), []).append(index)
        rendered = [np.zeros(0, np.float32)] * len(utterances)
        for (frames, streams), indices in by_shape.items():
            group = [utterances[index] for index in indices]
            decoded = self._decode_windows(group, frames) if streams else self._decode_whole(group)
            for index, samples in zip(indices, decoded, strict=True):
                rendered[index] = utterances[index].finish_window(samples)
        return rendered

    def _catch_up(self, utterance: KokoroUtterance) -> Samples | None:
        """Passes by what is left out. What is heard of the window in which that ends; None if it ends with one."""
        while utterance.left_out:
            if utterance.finished:
                return np.zeros(0, np.float32)
            if not utterance.windows:
                self.begin([utterance])
            (heard,) = self._render_begun([utterance])
            if len(heard) > utterance.left_out:
                heard, utterance.left_out = heard[utterance.left_out :], 0
                return heard
            utterance.left_out -= len(heard)
            utterance.jump()
        return None

    def begin(self, utterances: Sequence[KokoroUtterance]) -> None:
        """Prosody, source and windows of the next piece of each, in one pass. `render` does it where it is needed."""
        if not utterances:
            return
        pieces = [utterance.pieces.popleft() for utterance in utterances]
        with torch.inference_mode():
            acoustics = self._acoustics(
                [(p.phonemes, u.voice, u.speed) for p, u in zip(pieces, utterances, strict=True)],
                [u.intonation for u in utterances],
            )
            for utterance, piece, acoustic in zip(utterances, pieces, acoustics, strict=True):
                durations: list[int] = acoustic.durations.tolist()
                windows = self._windows(utterance, acoustic)
                utterance.begin(piece, acoustic, windows, timed(piece, self._vocabulary, durations))

    @torch.inference_mode()
    def _warm_up(self) -> None:
        """Every path once: all languages that are quick to load, a word as a whole, and all shapes of window."""
        for letter in set(LANGUAGES) - set(OPTIONAL_LANGUAGES):
            self.prepare("1, 2.", self._default_voice.name, 1.0, False, LANGUAGES[letter])
        word = self.listen("Sure.", self._default_voice.name)
        self.vocoder.exact(word)
        self.vocoder.whole(word)
        for batch in {1, min(2, self.max_batch)}:
            example = self._example(batch)
            for frames in WINDOW_FRAMES:
                self.vocoder.window([example] * batch, [frames] * batch, frames)

    @torch.inference_mode()
    def _capture(self) -> None:
        """Graphs for all windows; the largest ones first, since the others find room in their memory."""
        capture, example = CudaCapture(), self._example()
        for batch in sorted((size for size in BATCHES if size <= self.max_batch), reverse=True):
            for frames in reversed(WINDOW_FRAMES):
                self.vocoder.capture(capture, example, frames, batch)

    def _example(self, batch: int = 1) -> Acoustic:
        """An utterance that has windows of all shapes, with statistics that are as good as any; one of a batch."""
        sentence = "This sentence is long enough that its sound can be decoded in windows."
        voice = self._default_voice.name
        phonemes = self._g2p.phonemes(sentence, voice[0])[0].phonemes
        acoustic = self._acoustics([(phonemes, voice, 1.0)] * batch)[0]
        acoustic.scale, acoustic.shift = acoustic.gain, acoustic.beta
        return acoustic

    def _windows(self, utterance: KokoroUtterance, acoustic: Acoustic) -> Sequence[tuple[int, int]]:
        """How a piece is decoded: (start, frames) of its windows; with statistics fixed, unless it is to be whole."""
        frames = acoustic.frames
        statistics = None if utterance.exact else self._statistics_of(utterance.voice)
        if statistics is None or frames < _STREAM_FROM_FRAMES:
            return [(0, frames)]
        statistics.apply(acoustic, self.vocoder.source_moments(acoustic))
        return self.vocoder.windows(*_sounding(acoustic), frames)

    def _decode_whole(self, group: Sequence[KokoroUtterance]) -> list[Samples]:
        """The piece in work of each utterance in one pass: float32 [samples] each."""
        acoustics = [utterance.acoustic for utterance in group if utterance.acoustic is not None]
        for utterance in group:
            utterance.windows.clear()
        with torch.inference_mode():
            sounds = [
                self.vocoder.exact(acoustic) if utterance.exact else self.vocoder.whole(acoustic)
                for utterance, acoustic in zip(group, acoustics, strict=True)
            ]
        return [sound.cpu().numpy() for sound in sounds]

    def _decode_windows(self, group: Sequence[KokoroUtterance], frames: int) -> list[Samples]:
        """The next windows, all of one shape, in one pass: float32 [samples] each."""
        acoustics = [utterance.acoustic for utterance in group if utterance.acoustic is not None]
        starts = [utterance.windows.popleft()[0] for utterance in group]
        with torch.inference_mode():
            audio = self.vocoder.window(acoustics, starts, frames).cpu().numpy()
        counts = [FRAME_SAMPLES * min(frames, a.frames - start) for a, start in zip(acoustics, starts, strict=True)]
        return [row[:count] for row, count in zip(audio, counts, strict=True)]

    def listen(self, text: str, voice: str, speed: float = 1.0, intonation: Intonation = NEUTRAL) -> Acoustic:
        """Prosody and source of a text in the voice's language, of as much as one pass takes. For measurements.

        Raises:
            SynthesisError: nothing in the text can be spoken.
        """
        phonemes = self._g2p.phonemes(text, voice[0])[0].phonemes
        return self._acoustics([(phonemes, voice, speed)], [intonation])[0]

    def _acoustics(
        self, said: Sequence[tuple[str, str, float]], intonations: Sequence[Intonation] | None = None
    ) -> list[Acoustic]:
        """Prosody and source of phonemes, voice and speed each, in one pass. Without intonations all are neutral."""
        ids, styles, speeds, seeds = [], [], [], []
        for phonemes, voice, speed in said:
            # One text has one sound, in whatever process: what is begun in one room is gone on with in another.
            seeds.append(zlib.crc32(f"{voice} {speed:g} {phonemes}".encode()))
            known = [self._vocabulary[phoneme] for phoneme in phonemes if phoneme in self._vocabulary]
            ids.append(torch.tensor([0, *known, 0], device=self.device))
            styles.append(self._style(voice, len(phonemes)))
            speeds.append(speed)
        rates = torch.tensor(speeds, device=self.device)
        acoustics: list[Acoustic] = self._acoustic(ids, torch.cat(styles), rates, seeds, intonations)
        return acoustics

    def voices_without_statistics(self) -> list[str]:
        """The voices of the weights that are spoken as a whole, since no statistics know them."""
        return [name for name in self._voices if self._statistics_of(name) is None]

    def _statistics_of(self, voice: str) -> NormStatistics | None:
        """What knows a voice, or all voices of a blend."""
        names = recipes.parse(voice).voices
        if any(name not in self._voices and name not in self._unusable for name in names):
            return None
        digests = {name: self._weights.voice_digest(name) for name in names}
        return next((known for known in self._statistics if known.know(digests)), None)

    def _style(self, voice: str, phonemes: int) -> torch.Tensor:
        """The style vector of a voice for so many phonemes, float32 [1, 256]; a blend's is the mean of its voices'."""
        # A voice has one style vector for each number of phonemes (kokoro.KPipeline.infer).
        recipe = recipes.parse(voice)
        sound = self._mean_style(recipe.shares(), phonemes)
        if not recipe.prosody:
            return sound
        prosody = self._mean_style(recipe.prosody_shares(), phonemes)
        return torch.cat([sound[:, :SOUND_STYLE], prosody[:, SOUND_STYLE:]], 1)

    def _mean_style(self, shares: Sequence[tuple[str, float]], phonemes: int) -> torch.Tensor:
        return sum((share * self._pack(name)[phonemes - 1] for name, share in shares), torch.zeros(()))

    def _sounds(self, voice: str) -> torch.Tensor:
        """What of a voice's styles the vocoder sees, for a few lengths: float32 [5, 128]."""
        return torch.from_numpy(self._weights.load_voice(voice))[50::100, 0, :SOUND_STYLE]

    def _pack(self, voice: str) -> torch.Tensor:
        """Style vectors of a voice of the weights, float32 [510, 1, 256], on the device."""
        if voice not in self._styles:
            self._styles[voice] = torch.from_numpy(self._weights.load_voice(voice)).to(self.device)
        return self._styles[voice]


def _sounding(acoustic: Acoustic) -> tuple[int, int]:
    """Frames [start, end) without the silence at both ends, which need not be decoded; all, if there is no sound."""
    loud = torch.nonzero(acoustic.energy[0] > _SILENT_ENERGY)[:, 0].tolist() or [0, acoustic.frames]
    return max(0, loud[0] - _LEAD_FRAMES), min(acoustic.frames, loud[-1] + 1 + _TAIL_FRAMES)


def load(
    weights: KokoroWeights,
    cache_dir: Path,
    device: torch.device,
    default_voice: str,
    named_blends: Callable[[], Mapping[str, Recipe]],
    *,
    begins: Callable[[str], None],
) -> KokoroEngine:
    """The engine as the service has it, warm: with compiled kernels and all statistics that there are.

    Args:
        weights, device, default_voice, named_blends: as for `KokoroEngine`.
        cache_dir: where kernels are compiled, and where statistics are that the operator has fitted.
        begins: told of each of the two steps, before it.

    Raises:
        UnknownVoiceError: there is no `default_voice`.
    """
    begins("model")
    statistics = [NormStatistics.shipped(device)]
    own = cache_dir / SHIPPED
    try:
        if own.is_file():
            statistics.append(NormStatistics.load(own, device))
    except (OSError, ValueError, KeyError) as error:
        log.warning("statistics_unusable", path=str(own), error=str(error), effect="its voices are not streamed")
    kernels = find_kernels(device, cache_dir)
    engine = KokoroEngine(weights, device, default_voice, statistics, kernels=kernels, named_blends=named_blends)
    begins("first words")
    engine.warm_up()
    return engine


def find_kernels(device: torch.device, directory: Path) -> Kernels:
    """The fastest that a device has at first; without a compiler torch's own, with a log line.

    Args:
        device: where they run.
        directory: see `compiled_kernels`.
    """
    if device.type != "cpu":
        return TorchKernels()
    try:
        return compiled_kernels(directory)
    except KernelsUnavailableError as error:
        log.warning("kernels_not_compiled", error=str(error), effect=_SLOWER)
        return TorchKernels()


def fast_dtype(device: torch.device) -> torch.dtype:
    """bf16 where the device multiplies it natively, else float32. Checked at run time."""
    if device.type == "cuda":
        # Older devices emulate it, which is slower than float32.
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if native else torch.float32
    if device.type == "cpu" and torch._C._has_mkldnn:
        native = torch.cpu._is_avx512_bf16_supported() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
        return torch.bfloat16 if native else torch.float32
    return torch.float32


def choose_device(wanted: str) -> torch.device:
    """The torch device for a setting; falls back to the CPU, with a log line, where the wanted one is missing.

    Args:
        wanted: `auto`, `cuda`, `mps` or `cpu`.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if wanted == "auto":
        return torch.device(next(name for name, there in available.items() if there))
    if not available[wanted]:
        log.warning("device_missing", wanted=wanted, using="cpu")
        return torch.device("cpu")
    return torch.device(wanted)


def limit_memory(device: torch.device, fraction: float) -> None:
    """Bounds the share of a CUDA device's memory that this process may take; nothing on other devices."""
    if device.type == "cuda" and fraction < 1:
        torch.cuda.set_per_process_memory_fraction(fraction, device)


def use_threads(threads: int) -> None:
    """Bounds the processor threads of the model; 0 leaves torch's choice, one per core."""
    if threads:
        torch.set_num_threads(threads)
