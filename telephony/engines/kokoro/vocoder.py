"""Kokoro's vocoder (an iSTFTNet generator), whole or in windows.

The reference decodes a whole utterance at once, because every AdaIN normalises each channel over all of it. Here the
same weights run in two ways: `exact`, with the norms of the utterance itself (the reference, within the noise of bf16),
and `window`, with statistics fixed beforehand, which makes the generator a plain convolutional network whose windows
join sample-exactly. `whole` is for what is too short for windows: own norms, and eight bits where windows have them.

Rates: a frame is 300 samples (80 Hz). Stage 0 runs at 10 steps a frame with 256 channels, stage 1 at 60 with 128.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from telephony.engines.kokoro.acoustic import Acoustic
from telephony.engines.kokoro.graphs import Capture, Graphs
from telephony.engines.kokoro.harmonic_source import FFT_SAMPLES, FRAME_SAMPLES, HOP_SAMPLES
from telephony.engines.kokoro.kernels import Kernels
from telephony.engines.kokoro.layers import (
    DILATIONS,
    Conv,
    ExactNorms,
    FixedNorms,
    Norms,
    ResBlock,
    SnakeConv,
    Upsample,
    layers_of,
)
from telephony.engines.kokoro.parameters import Parameters
from telephony.engines.kokoro.quantised import QuantisedSnakeConv, largest
from telephony.engines.kokoro.stretches import Stretch, StretchBlock
from telephony.engines.kokoro.windows import NOISE_CONTEXT, WINDOW_FRAMES, schedule, stretched

STAGE0_STEPS, STAGE1_STEPS = 10, 6
_FRAME_STEPS = STAGE0_STEPS * STAGE1_STEPS
BINS = FFT_SAMPLES // 2 + 1
# Context in frames on each side at the three levels of a window, from the receptive field (a frame is 10 steps of stage
# 0 and 60 of stage 1). Stage 1: istft 3, conv_post 3, residual blocks 60, noise block 60 = 126 steps -> 3 frames.
# Stage 0: 66 / 6 + 1 and residual blocks 60 steps, and a frame of upsampling -> 9. Noise branch: 72, 36 and 1 -> 11.
STAGE0_CONTEXT, STAGE1_CONTEXT = 9, 3

_LENGTHS = frozenset(
    [STAGE0_STEPS * (frames + 2 * context) for frames in WINDOW_FRAMES for context in (NOISE_CONTEXT, STAGE0_CONTEXT)]
    + [_FRAME_STEPS * (frames + 2 * STAGE1_CONTEXT) + 1 for frames in WINDOW_FRAMES]
)
"""The steps that the residual blocks have in a window."""

_STAGE0_BLOCKS = ("noise_res.0", "resblocks.0", "resblocks.1", "resblocks.2")
_BLOCKS = (*_STAGE0_BLOCKS, "noise_res.1", "resblocks.3", "resblocks.4", "resblocks.5")
"""The residual blocks in the order of their norms: noise branch and three parallel ones, at both stages."""


class Vocoder(nn.Module):
    """The generator rebuilt from its parameters.

    Args:
        generator: of `decoder.generator`.
        dtype: of its blocks; source, spectrum and phase stay in float32.
        kernels: shared with the acoustic model.
        styles: [N, 128], the sound half of the styles that it will meet, where windows are to be decoded in eight bits.
    """

    def __init__(
        self, generator: Parameters, dtype: torch.dtype, kernels: Kernels, styles: Tensor | None = None
    ) -> None:
        super().__init__()
        self.dtype, self.kernels = dtype, kernels
        sources = [generator.under(name) for name in _BLOCKS]
        self.offsets = [0]
        gains, betas = [], []
        for source in sources:
            for name in (f"adain{half}.{step}" for step in range(len(DILATIONS)) for half in (1, 2)):
                style = source.under(name).under("fc")
                gain, beta = zip(style.weight.chunk(2), style.bias.chunk(2), strict=True)
                gains.append((gain[0], 1 + gain[1]))
                betas.append(beta)
                self.offsets.append(self.offsets[-1] + len(beta[1]))
        self._gain, self._beta = _side_by_side(gains), _side_by_side(betas)

        def layer(convolution: Parameters, alpha: Tensor, dilation: int, site: int) -> nn.Module:
            return SnakeConv(convolution, alpha, dilation, dtype, kernels, _LENGTHS)

        first_sites = range(0, self.sites, self.sites // len(sources))
        self.blocks = nn.ModuleList(ResBlock(*block, layer) for block in zip(sources, first_sites, strict=True))
        self.quick_blocks = self.blocks if styles is None else self._quantised(sources, styles)
        # All of the quick ones, or none.
        self._stretches = [block for block in self.quick_blocks if isinstance(block, StretchBlock)]
        self.ups = nn.ModuleList(Upsample(generator.under(f"ups.{stage}"), dtype) for stage in (0, 1))
        wide, point = (generator.under(f"noise_convs.{stage}") for stage in (0, 1))
        # Kernel 12, stride 6 over 22 channels as a product of rows of 12 * 22.
        self._noise0 = (wide.weight.permute(2, 1, 0).flatten(0, 1).contiguous(), wide.bias)
        self._noise1 = (point.weight[:, :, 0].T.contiguous(), point.bias)
        self.post = Conv(generator.under("conv_post"), torch.float32, lengths=_LENGTHS)
        window = torch.hann_window(FFT_SAMPLES, periodic=True, dtype=torch.float64)
        angle = torch.arange(BINS).double()[:, None] * torch.arange(FFT_SAMPLES).double() * (2 * math.pi / FFT_SAMPLES)
        folds = torch.full((BINS, 1), 2.0, dtype=torch.float64)
        folds[0] = folds[-1] = 1.0
        # Inverse FFT and window as one product: rows are magnitude * cos(phase), then magnitude * sin(phase).
        synthesis = torch.cat([folds * angle.cos(), -folds * angle.sin()]) * (window / FFT_SAMPLES)
        device = self._noise1[0].device
        self._synthesis = synthesis.float().to(device)
        self._window_power = (window * window).float().to(device)
        self._network = Graphs(self._decode_slices)

    @property
    def sites(self) -> int:
        """The number of norms."""
        return len(self.offsets) - 1

    def style(self, sound: Tensor) -> tuple[Tensor, Tensor]:
        """[B, 128] -> 1 + gamma and beta of every norm, each [B, S]: all style layers in one product."""
        return torch.addmm(self._gain[1], sound, self._gain[0]), torch.addmm(self._beta[1], sound, self._beta[0])

    def exact(self, acoustic: Acoustic) -> Tensor:
        """A whole utterance with its own norms, never in eight bits: [300 T] float32."""
        norms = ExactNorms(acoustic.gain, acoustic.beta, self.offsets, self.kernels)
        return self._decode(acoustic.x, acoustic.har, norms, self.blocks)[0]

    def whole(self, acoustic: Acoustic) -> Tensor:
        """A whole utterance with its own norms, as fast as windows: [300 T] float32."""
        norms = ExactNorms(acoustic.gain, acoustic.beta, self.offsets, self.kernels)
        return self._decode(acoustic.x, acoustic.har, norms, self.quick_blocks)[0]

    def measure(self, acoustic: Acoustic) -> tuple[Tensor, Tensor, Tensor]:
        """As `exact`, with the norms' statistics, means [S] and variances [S], before the sound.

        Those of a decode in eight bits differ by a hundredth, and windows that are given them by 2.7 instead of 1.5 dB.
        """
        norms = ExactNorms(acoustic.gain, acoustic.beta, self.offsets, self.kernels, keep=True)
        audio = self._decode(acoustic.x, acoustic.har, norms, self.blocks)[0]
        mean, variance = (torch.cat([site[part] for site in norms.seen], 1)[0] for part in (0, 1))
        return mean, variance, audio

    def source_moments(self, acoustic: Acoustic) -> Tensor:
        """Means and log variances of what the noise branch takes at both stages: [768] float32.

        What it takes are products with the source, so theirs follow from those of the source, without any product.
        """
        halves = _halves(acoustic.har)[0]
        count, first, last = len(halves) - 1, halves[0], halves[-1]
        total, squares, across = halves.sum(0), halves.T @ halves, halves[:-1].T @ halves[1:]
        # Stage 0 takes each half with the next. Stage 1 takes the steps, each of which is in one half.
        mean = torch.cat([total - last, total - first])
        square = torch.cat(
            [
                torch.cat([squares - torch.outer(last, last), across], 1),
                torch.cat([across.T, squares - torch.outer(first, first)], 1),
            ]
        )
        steps, channels = acoustic.har.shape[1:]
        of_steps = squares.view(STAGE1_STEPS, channels, STAGE1_STEPS, channels).diagonal(0, 0, 2).sum(2)
        return torch.cat(
            [
                _moments_of_product(mean / count, square / count, *self._noise0),
                _moments_of_product(total.view(STAGE1_STEPS, channels).sum(0) / steps, of_steps / steps, *self._noise1),
            ]
        )

    def fixed(self, acoustic: Acoustic) -> Tensor:
        """A whole utterance with the statistics in `acoustic`: what its windows add up to. [300 T] float32."""
        assert acoustic.scale is not None
        assert acoustic.shift is not None
        norms = FixedNorms(acoustic.scale, acoustic.shift, self.offsets)
        return self._decode(acoustic.x, acoustic.har, norms, self.quick_blocks)[0]

    def windows(self, start: int, end: int, frames: int) -> Sequence[tuple[int, int]]:
        """Windows (start, length) in which to decode frames [start, end) of an utterance of `frames` frames."""
        return stretched(start, end) if self._stretches else schedule(start, end, frames)

    def window(self, acoustics: Sequence[Acoustic], starts: Sequence[int], frames: int) -> Tensor:
        """Frames [start, start + frames) of each utterance, exactly as `fixed` would give them.

        Every utterance needs at least `frames` + 2 * NOISE_CONTEXT frames, and its statistics. Returns [B, 300 frames]
        float32; what lies behind the end of an utterance is zero.

        The three levels of the network (noise branch, stage 0, stage 1) get slices of their own, each of a length that
        depends on `frames` alone, each shifted to lie inside the utterance: a slice begins either at a true edge, where
        zero padding is what the reference has, or a full context before what is needed.
        """
        if self._stretches:
            return torch.cat(
                [self._decode_stretch(a, start, frames) for a, start in zip(acoustics, starts, strict=True)]
            )
        audio = self._network(*self._slice(acoustics, starts, frames))
        wanted = audio.new_zeros(len(starts), FRAME_SAMPLES * frames)
        stage1_at = _begins(acoustics, starts, frames, STAGE1_CONTEXT)
        for row, (a, start, at) in enumerate(zip(acoustics, starts, stage1_at, strict=True)):
            count = FRAME_SAMPLES * min(frames, a.frames - start)
            offset = FRAME_SAMPLES * (start - at)
            wanted[row, :count] = audio[row, offset : offset + count]
        return wanted

    def capture(self, capture: Capture, acoustic: Acoustic, frames: int, batch: int) -> None:
        """Captures a graph for windows of so many frames in batches of this size (one of `graphs.BATCHES`).

        `acoustic` is an example: any utterance that has such a window, and its statistics.
        """
        self._network.capture(capture, *self._slice([acoustic] * batch, [0] * batch, frames))

    @property
    def graphs_captured(self) -> int:
        """How many shapes of windows have a graph."""
        return len(self._network)

    def _quantised(self, sources: Sequence[Parameters], styles: Tensor) -> nn.ModuleList:
        """The residual blocks in eight bits, their steps wide enough for all of these styles."""
        gain, beta = self.style(styles)

        def reach(site: int, alpha: Tensor) -> Tensor:
            low, high = self.offsets[site], self.offsets[site + 1]
            return largest(gain[:, low:high], beta[:, low:high], alpha.flatten())

        def layer(convolution: Parameters, alpha: Tensor, dilation: int, site: int) -> nn.Module:
            return QuantisedSnakeConv(
                convolution, alpha, dilation, reach(site, alpha), self.dtype, self.kernels, _LENGTHS
            )

        def block(source: Parameters, first_site: int) -> nn.Module:
            reaches = [reach(site, alpha) for site, (_, alpha, _) in enumerate(layers_of(source), first_site)]
            return self.kernels.block(source, first_site, reaches) or ResBlock(source, first_site, layer)

        first_sites = range(0, self.sites, self.sites // len(sources))
        return nn.ModuleList(block(*each) for each in zip(sources, first_sites, strict=True))

    def _slice(self, acoustics: Sequence[Acoustic], starts: Sequence[int], frames: int) -> tuple[Tensor, ...]:
        """What `_decode_slices` takes for a window."""
        noise_at, stage0_at, stage1_at = (
            _begins(acoustics, starts, frames, context) for context in (NOISE_CONTEXT, STAGE0_CONTEXT, STAGE1_CONTEXT)
        )
        har = [a.har for a in acoustics]
        shifts = [(b - a, c - b) for a, b, c in zip(noise_at, stage0_at, stage1_at, strict=True)]
        return (
            _slices([a.x for a in acoustics], stage0_at, frames + 2 * STAGE0_CONTEXT),
            _slices(har, noise_at, frames + 2 * NOISE_CONTEXT, per_frame=60, extra=1),
            _slices(har, stage1_at, frames + 2 * STAGE1_CONTEXT, per_frame=60, extra=1),
            torch.cat([a.scale for a in acoustics if a.scale is not None]),
            torch.cat([a.shift for a in acoustics if a.shift is not None]),
            torch.tensor(shifts, device=har[0].device),
        )

    def _decode_stretch(self, acoustic: Acoustic, start: int, frames: int) -> Tensor:
        """A window of one utterance, each level of which makes no more than the next one takes: [1, 300 frames]."""
        assert acoustic.scale is not None
        assert acoustic.shift is not None
        norms, kernels = FixedNorms(acoustic.scale, acoustic.shift, self.offsets), self.kernels
        noise0, noise1 = self._stretches[0], self._stretches[4]
        blocks0, blocks1 = self._stretches[1:4], self._stretches[5:]
        end = min(start + frames, acoustic.frames)
        steps0, steps1 = STAGE0_STEPS * acoustic.frames, acoustic.har.shape[1]
        # From the sound back to what it is made of. Every sample lies in four transforms.
        spectra = Stretch(_FRAME_STEPS * start - 1, _FRAME_STEPS * end + 2).within(steps1)
        merged1 = spectra.wider(self.post.pad).within(steps1)
        x1 = merged1.wider(max(block.reach for block in blocks1)).within(steps1)
        merged0 = Stretch((x1.first - 1) // STAGE1_STEPS - 1, (x1.last - 2) // STAGE1_STEPS + 2).within(steps0)
        x0 = merged0.wider(max(block.reach for block in blocks0)).within(steps0)
        of_frames = Stretch(x0.first // STAGE0_STEPS, -(-x0.last // STAGE0_STEPS)).wider(1)

        taken = x0.wider(noise0.reach).within(steps0)
        source = noise0.stretch(self._noise_stage0(acoustic.har, taken), norms, taken, x0, steps0)
        x = self.ups[0](F.leaky_relu(of_frames.of(acoustic.x).to(self.dtype), 0.1))
        x = x0.of(x, STAGE0_STEPS * of_frames.first).add_(source)
        p, q, r = (block.stretch(x, norms, x0, merged0, steps0) for block in blocks0)
        x = kernels.merge3(p, q, r, 0.1)
        taken = x1.wider(noise1.reach).within(steps1)
        source = noise1.stretch(self._noise_stage1(taken.of(acoustic.har)), norms, taken, x1, steps1)
        x = _behind_its_reflection(self.ups[1](x), STAGE1_STEPS * merged0.first, x1).add_(source)
        p, q, r = (block.stretch(x, norms, x1, merged1, steps1) for block in blocks1)
        x = kernels.merge3(p, q, r, 0.01)
        x = self._inverse_transform(spectra.of(self.post(x.float()), merged1.first))
        samples = Stretch(FRAME_SAMPLES * start, FRAME_SAMPLES * (start + frames))
        return samples.of(x[:, : FRAME_SAMPLES * end - HOP_SAMPLES * spectra.first], HOP_SAMPLES * spectra.first)

    def _decode_slices(  # noqa: PLR0917
        self, x: Tensor, har0: Tensor, har1: Tensor, scale: Tensor, shift: Tensor, shifts: Tensor
    ) -> Tensor:
        """The network over slices of three levels: work that depends on shapes alone, for a graph.

        Args:
            x: [B, T0, 512], stage 0's.
            har0, har1: [B, 60 T + 1, 22], the noise branch's and stage 1's.
            scale, shift: [B, S], the norms'.
            shifts: [B, 2] long, frames from the beginning of the noise branch to stage 0's, from there to stage 1's.

        Returns:
            [B, 300 T1] float32.
        """
        kernels, blocks, norms = self.kernels, self.quick_blocks, FixedNorms(scale, shift, self.offsets)
        stage1_frames = har1.shape[1] // _FRAME_STEPS
        source = blocks[0](self._noise_stage0(har0), norms)
        source = _realign(source, STAGE0_STEPS * shifts[:, 0], STAGE0_STEPS * x.shape[1])
        x = self.ups[0](F.leaky_relu(x.to(self.dtype), 0.1)).add_(source)
        x = kernels.merge3(blocks[1](x, norms), blocks[2](x, norms), blocks[3](x, norms), 0.1)
        x = self.ups[1](_realign(x, STAGE0_STEPS * shifts[:, 1], STAGE0_STEPS * stage1_frames))
        return self._finish(x, blocks[4](self._noise_stage1(har1), norms), norms, blocks)

    def _decode(self, x: Tensor, har: Tensor, norms: Norms, blocks: nn.ModuleList) -> Tensor:
        """x [B, T, 512], har [B, 60 T + 1, 22] -> [B, 300 T]. Zero padding at both ends, as the reference has it."""
        kernels = self.kernels
        x = self.ups[0](F.leaky_relu(x.to(self.dtype), 0.1)).add_(blocks[0](self._noise_stage0(har), norms))
        x = kernels.merge3(blocks[1](x, norms), blocks[2](x, norms), blocks[3](x, norms), 0.1)
        return self._finish(self.ups[1](x), blocks[4](self._noise_stage1(har), norms), norms, blocks)

    def _finish(self, x: Tensor, source: Tensor, norms: Norms, blocks: nn.ModuleList) -> Tensor:
        """Stage 1 and the inverse transform: x [B, 60 T, 128] -> [B, 300 T]."""
        x = _behind_its_reflection(x, 0, Stretch(0, x.shape[1] + 1)).add_(source)
        x = self.kernels.merge3(blocks[5](x, norms), blocks[6](x, norms), blocks[7](x, norms), 0.01)
        return self._inverse_transform(self.post(x.float()))

    def _noise_stage0(self, har: Tensor, wanted: Stretch | None = None) -> Tensor:
        """Strided convolution (kernel 12, stride 6, padding 3): [B, 60 T + 1, 22] -> a stretch of [B, 10 T, 256]."""
        halves = _halves(har, wanted)
        source: Tensor = (torch.cat([halves[:, :-1], halves[:, 1:]], 2) @ self._noise0[0]).add_(self._noise0[1])
        return source.to(self.dtype)

    def _noise_stage1(self, har: Tensor) -> Tensor:
        source: Tensor = (har @ self._noise1[0]).add_(self._noise1[1])
        return source.to(self.dtype)

    def _inverse_transform(self, x: Tensor) -> Tensor:
        """[B, F, 22] float32 -> [B, 5 (F - 1)] by overlap-add, as torch.istft with center=True."""
        magnitude, phase = torch.exp(x[..., :BINS]), torch.sin(x[..., BINS:])
        frames = torch.cat([magnitude * phase.cos(), magnitude * phase.sin()], -1) @ self._synthesis
        batch, count, _ = frames.shape
        # Sample 5 q + r lies in frames q - 3 .. q at offsets r + 15 .. r: four shifted sums.
        out = frames.new_zeros(batch, count + 3, HOP_SAMPLES)
        for hop in range(FFT_SAMPLES // HOP_SAMPLES):
            out[:, hop : hop + count] += frames[..., hop * HOP_SAMPLES : (hop + 1) * HOP_SAMPLES]
        out = out / self._envelope(count)
        return out.reshape(batch, -1)[:, FFT_SAMPLES // 2 : FFT_SAMPLES // 2 + HOP_SAMPLES * (count - 1)]

    def _envelope(self, count: int) -> Tensor:
        """Sum of squared windows [count + 3, 5]: constant but for three hops at either end."""
        power = self._window_power.view(-1, HOP_SAMPLES)
        head, tail = torch.cumsum(power, 0)[:3], torch.cumsum(power.flip(0), 0)[:3].flip(0)
        body = power.sum(0, keepdim=True).expand(count - 3, HOP_SAMPLES)
        return torch.cat([head, body, tail]).clamp_min(1e-11)


def _behind_its_reflection(x: Tensor, begin: int, wanted: Stretch) -> Tensor:
    """What is wanted of x [B, T, C] behind a copy of its second step: the reference's reflection padding by one step.

    x begins at the step `begin`, and is left as it is.
    """
    if wanted.first > 0:
        return x[:, wanted.first - 1 - begin : wanted.last - 1 - begin].clone()
    return torch.cat([x[:, 1:2], x[:, : wanted.last - 1]], 1)


def _halves(har: Tensor, wanted: Stretch | None = None) -> Tensor:
    """[B, 60 T + 1, 22] -> [B, N + 1, 6 * 22]: each with the next is what a step of stage 0 takes of the source.

    N steps are wanted; 10 T without.
    """
    batch, steps, channels = har.shape
    first, last = wanted or Stretch(0, (steps - 1) // STAGE1_STEPS)
    padded = Stretch(STAGE1_STEPS * first - 3, STAGE1_STEPS * last + 3).of(har)
    return padded.reshape(batch, last - first + 1, STAGE1_STEPS * channels)


def _moments_of_product(mean: Tensor, square: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Means and log variances [2 N] of x weight + bias, from the means of x [K] and of x times x [K, K]."""
    covariance = square - torch.outer(mean, mean)
    variance = ((covariance @ weight) * weight).sum(0)
    return torch.cat([mean @ weight + bias, (variance.clamp_min(0) + 1e-6).log()])


def _side_by_side(layers: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Linear layers of one input as one: weight [128, S], bias [S]."""
    return torch.cat([weight for weight, _ in layers]).T.contiguous(), torch.cat([bias for _, bias in layers])


def _slices(rows: Sequence[Tensor], starts: Sequence[int], span: int, per_frame: int = 1, extra: int = 0) -> Tensor:
    """Frames [start, start + span) of each row [1, per_frame * T + extra, C], as one batch."""
    pieces = zip(rows, starts, strict=True)
    return torch.cat([row[:, per_frame * at : per_frame * (at + span) + extra] for row, at in pieces])


def _begins(acoustics: Sequence[Acoustic], starts: Sequence[int], frames: int, context: int) -> list[int]:
    """Where the slices begin that have `context` frames around a window, as far as that lies inside the utterance."""
    span = frames + 2 * context
    return [max(0, min(start - context, a.frames - span)) for a, start in zip(acoustics, starts, strict=True)]


def _realign(x: Tensor, starts: Tensor, steps: int) -> Tensor:
    """Cuts `steps` steps out of each row of x [B, T, C], beginning at starts [B]: a contiguous batch."""
    batch, length, channels = x.shape
    rows = length * torch.arange(batch, device=x.device) + starts
    index = rows[:, None] + torch.arange(steps, device=x.device)
    return x.reshape(-1, channels).index_select(0, index.view(-1)).view(batch, steps, channels)
