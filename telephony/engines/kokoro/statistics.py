"""The vocoder's norm statistics, predicted from what is known of an utterance before it is decoded.

One regression serves all voices and their blends: the style vector is among its inputs. It was fitted beforehand
(`fit.py`) and comes with the project, so no voice waits for a measurement.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from telephony.engines.kokoro.acoustic import Acoustic
from telephony.engines.kokoro.intonation import VOICED_HZ
from telephony.engines.kokoro.layers import EPS

SHIPPED = "statistics.npz"
"""The file in this package; `statistics.md` beside it says where it comes from."""

GROUPS = (10, 1024, 768, 256)
"""How many of the known figures are prosody's, the vocoder's input's, the source's, the style's, in that order."""
_TENSORS = ("centre", "width", "projection", "anchors", "closeness", "reduction", "basis", "scale", "mean")
_SHARPNESS = 0.05  # of the Gaussian
_HALVED = ("projection", "anchors", "closeness", "reduction")  # float16 in a file
_MOST_STEPS = 127  # of the basis in a file, whose rows are in eight bits


@dataclass(frozen=True)
class VoiceFigures:
    """A voice of the fit: the sha256 of its style vectors, and its level in dB, as `audio.SpeechLevel` has it."""

    digest: str
    level_db: float


class NormStatistics:
    """A fitted regression, linear but for how close an utterance is to those of the fit. Read only; any thread.

    Args:
        tensors: of F known figures, P projected ones, N sentences of the fit, R components and S norms' channels:
            `centre`, `width` [F], to standardise what is known; `projection` [F, P] and `anchors` [N, P], between which
            closeness is measured; `reduction` [F, R] and `closeness` [N, R], to components; `basis` [R, 2 S] and
            `scale` [2 S], from those to means and log variances; `mean` [2 S], theirs over the fit.
        voices: those of the fit, by name.
        revisions: of the weights that it belongs to.
        digest: of the file, as a part of the revision of what is spoken with it.
    """

    def __init__(
        self,
        tensors: Mapping[str, Tensor],
        voices: Mapping[str, VoiceFigures],
        revisions: Sequence[str],
        digest: str = "",
    ) -> None:
        self.voices, self.revisions, self.digest = dict(voices), tuple(revisions), digest
        self._tensors = dict(tensors)

    def know(self, digests: Mapping[str, str]) -> bool:
        """Whether all of these voices, by name with the sha256 of their style vectors, were in the fit."""
        return all(name in self.voices and self.voices[name].digest == digest for name, digest in digests.items())

    def level_db(self, shares: Sequence[tuple[str, float]]) -> float:
        """The level of a voice or a blend, of (voice, share) pairs: the mean of its voices' levels."""
        return sum(share * self.voices[name].level_db for name, share in shares)

    def apply(self, acoustic: Acoustic, source: Tensor) -> None:
        """Fixes the multiply-adds of an utterance's norms, in place. `source`: as for `known`."""
        tensors = self._tensors
        standardised = (known(acoustic, source) - tensors["centre"]) / tensors["width"]
        close = closeness((standardised @ tensors["projection"])[None], tensors["anchors"])[0]
        components = standardised @ tensors["reduction"] + close @ tensors["closeness"]
        mean, log_variance = (tensors["mean"] + components @ tensors["basis"] * tensors["scale"]).chunk(2)
        acoustic.scale = acoustic.gain * torch.rsqrt(log_variance.exp() + EPS)
        acoustic.shift = acoustic.beta - mean * acoustic.scale

    def save(self, path: Path) -> None:
        """Writes the file: the basis in eight bits, and the steps of its rows with what comes before it, in float16."""
        meta = {
            "revisions": self.revisions,
            "voices": {name: [voice.digest, round(voice.level_db, 2)] for name, voice in self.voices.items()},
        }
        arrays = {name: tensor.cpu().numpy() for name, tensor in self._tensors.items()}
        steps = np.abs(arrays["basis"]).max(1, keepdims=True) / _MOST_STEPS
        arrays["basis"] = np.rint(arrays["basis"] / steps).astype(np.int8)
        for name in ("reduction", "closeness"):
            arrays[name] = arrays[name] * steps[:, 0]
        arrays |= {name: arrays[name].astype(np.float16) for name in _HALVED}
        with path.open("wb") as file:
            np.savez(file, allow_pickle=False, meta=np.array(json.dumps(meta)), **arrays)

    @classmethod
    def load(cls, path: Path, device: torch.device) -> NormStatistics:
        """Reads what `save` wrote.

        Raises:
            OSError: there is no such file.
            ValueError, KeyError: it is not such a file.
        """
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        with np.load(path) as arrays:
            meta = json.loads(str(arrays["meta"]))
            tensors = {name: torch.from_numpy(arrays[name]).to(device, torch.float32) for name in _TENSORS}
        voices = {name: VoiceFigures(*figures) for name, figures in meta["voices"].items()}
        return cls(tensors, voices, meta["revisions"], digest)

    @classmethod
    def shipped(cls, device: torch.device) -> NormStatistics:
        """Those that come with the project."""
        with resources.as_file(resources.files(__package__ or "") / SHIPPED) as path:
            return cls.load(path, device)


def closeness(some: Tensor, others: Tensor) -> Tensor:
    """A Gaussian of the distances between projected figures [N, P] and [M, P]: [N, M]."""
    return torch.exp(-_SHARPNESS * torch.cdist(some, others).square())


def known(acoustic: Acoustic, source: Tensor) -> Tensor:
    """What the statistics are predicted from: [F] float32.

    Ten figures of pitch, voicing, energy and length, mean and deviation of each channel of the vocoder's input, the
    moments [768] of its source, which `Vocoder.source_moments` gives, and the style vector.
    """
    x, f0, energy = acoustic.x[0].float(), acoustic.f0[0], acoustic.energy[0]
    voiced = (f0 > VOICED_HZ).float()
    count = voiced.sum().clamp_min(1)
    log_pitch = f0.clamp_min(VOICED_HZ).log()
    pitch = (log_pitch * voiced).sum() / count
    spread = (((log_pitch - pitch) ** 2 * voiced).sum() / count).sqrt()
    levels = torch.quantile(energy, energy.new_tensor([0.1, 0.5, 0.9]))
    frames = energy.new_tensor(float(acoustic.frames))
    figures = torch.stack(
        [pitch, spread, voiced.mean(), energy.mean(), energy.std(), *levels, frames.log(), 1 / frames]
    )
    mean = x.mean(0)
    deviation = ((x - mean).square().sum(0) / (len(x) - 1)).sqrt()  # torch's own takes twenty times as long over time
    return torch.cat([figures, mean, deviation, source, acoustic.style[0]])
