"""From phonemes to what the vocoder needs, for whole utterances at once, one or several in a pass.

The encoders, durations, pitch and the harmonic source run in float32, the decoder's blocks in the device's fast type.
The source cannot be made in pieces: its phase is a running sum.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from telephony.engines.kokoro.dense import MakeDense
from telephony.engines.kokoro.harmonic_source import FRAME_SAMPLES, HOP_SAMPLES
from telephony.engines.kokoro.intonation import intoned
from telephony.engines.kokoro.kernels import Kernels
from telephony.engines.kokoro.layers import EPS, GemmConv
from telephony.engines.kokoro.parameters import Parameters
from telephony.engines.kokoro.ragged import Lengths, moments, own_steps, zeroed
from telephony.speech import Intonation

SOUND_STYLE = 128
"""Of a style vector, so many figures are the sound's, and the rest the prosody's."""

# Of the phoneme encoder: config.json's `plbert`, and transformers.AlbertConfig's default.
_ALBERT_LAYERS, _ALBERT_HEADS, _ALBERT_EPS = 12, 12, 1e-12
_F32 = torch.float32


@dataclass
class Acoustic:
    """One utterance, ready for the vocoder: T frames of 300 samples.

    Attributes:
        x: [1, T, 512] the vocoder's input, in its dtype.
        har: [1, 60 T + 1, 22] float32, magnitude and angle of the harmonic source.
        gain, beta: [1, S] float32, 1 + gamma and beta of every norm, from the style.
        durations: [N] long, half-frame pairs (600 samples) of each phoneme.
        f0: [1, T] pitch in Hz; energy: [1, T].
        style: [1, 256] float32, the voice's style vector.
        scale, shift: [1, S] float32, the norms' fixed multiply-adds, once statistics are chosen.
    """

    x: Tensor
    har: Tensor
    gain: Tensor
    beta: Tensor
    durations: Tensor
    f0: Tensor
    energy: Tensor
    style: Tensor
    scale: Tensor | None = None
    shift: Tensor | None = None

    @property
    def frames(self) -> int:
        """T."""
        return self.x.shape[1]


class PhonemeEncoder(nn.Module):
    """The phoneme encoder (ALBERT: one layer's weights, used 12 times) in float32."""

    def __init__(self, bert: Parameters, make_dense: MakeDense) -> None:
        super().__init__()
        embeddings, encoder = bert.under("embeddings"), bert.under("encoder")
        layer = encoder.under("albert_layer_groups.0.albert_layers.0")
        attention = layer.under("attention")
        # Every text is of one kind to ALBERT, so this embedding is a part of the positions'.
        self.symbols = embeddings["word_embeddings.weight"]
        self.positions = embeddings["position_embeddings.weight"] + embeddings["token_type_embeddings.weight"][0]
        self.embedding_norm = _layer_norm(embeddings.under("LayerNorm"))
        self.widen = _dense(encoder.under("embedding_hidden_mapping_in"), make_dense)
        projections = [attention.under(name) for name in ("query", "key", "value")]
        self.qkv = make_dense(
            torch.cat([part.weight for part in projections]), torch.cat([part.bias for part in projections]), _F32
        )
        self.out = _dense(attention.under("dense"), make_dense)
        ffn = layer.under("ffn")
        self.ffn = make_dense(ffn.weight, ffn.bias, _F32, gelu=True)
        self.ffn_out = _dense(layer.under("ffn_output"), make_dense)
        self.attention_norm = _layer_norm(attention.under("LayerNorm"))
        self.layer_norm = _layer_norm(layer.under("full_layer_layer_norm"))

    def forward(self, ids: Tensor, lengths: Lengths) -> Tensor:
        """ids [B, N] long -> [B, N, 768]"""
        embedded = F.embedding(ids, self.symbols) + self.positions[: ids.shape[1]]
        x: Tensor = self.widen(F.layer_norm(embedded, *self.embedding_norm))
        batch, count, channels = x.shape
        mask = None if lengths is None else own_steps(lengths, count)[:, None, None]
        for _ in range(_ALBERT_LAYERS):
            split = self.qkv(x).view(batch, count, 3, _ALBERT_HEADS, channels // _ALBERT_HEADS)
            q, k, v = split.permute(2, 0, 3, 1, 4).unbind(0)
            heard = F.scaled_dot_product_attention(q, k, v, mask).transpose(1, 2).reshape(batch, count, channels)
            x = F.layer_norm(x + self.out(heard), *self.attention_norm)
            x = F.layer_norm(self.ffn_out(self.ffn(x)) + x, *self.layer_norm)
        return x


def _dense(linear: Parameters, make_dense: MakeDense) -> nn.Module:
    return make_dense(linear.weight, linear.bias, _F32)


def _layer_norm(norm: Parameters) -> tuple[list[int], Tensor, Tensor, float]:
    """What `F.layer_norm` takes of ALBERT's."""
    return [len(norm.bias)], norm.weight, norm.bias, _ALBERT_EPS


class AdainBlock(nn.Module):
    """AdainResBlk1d with exact instance norms: [B, T, Cin] -> [B, T or 2T, Cout]."""

    def __init__(self, block: Parameters, kernels: Kernels, dtype: torch.dtype) -> None:
        super().__init__()
        self.kernels = kernels
        self.conv1, self.conv2 = (GemmConv.of(block.under(name), dtype, kernels.dense) for name in ("conv1", "conv2"))
        shortcut, pool = block.under("conv1x1"), block.under("pool")
        self.shortcut = GemmConv.of(shortcut, dtype, kernels.dense) if shortcut else None
        self.up = bool(pool)
        if self.up:
            w = pool.weight[:, 0]  # [C, 3]
            self.pool_w = w.T.reshape(3, 1, 1, -1).to(dtype).contiguous()
            self.pool_b = pool.bias.to(dtype).view(1, 1, -1)
        self.style = [_linear(block.under(norm).under("fc")) for norm in ("norm1", "norm2")]

    def _norm(self, i: int, x: Tensor, s: Tensor, lengths: Lengths) -> Tensor:
        gamma, beta = F.linear(s, *self.style[i]).unsqueeze(1).chunk(2, 2)
        mean, square = moments(self.kernels.moments, x, lengths)
        a = (1 + gamma) * torch.rsqrt((square - mean * mean).clamp_min_(0) + EPS)
        return zeroed(self.kernels.leaky(x, a, beta - mean * a), lengths)

    def forward(self, x: Tensor, s: Tensor, lengths: Lengths) -> Tensor:
        """x [B, T, Cin], s [B, 128], lengths of x -> [B, T or 2T, Cout]; behind a row's end is anything."""
        h = self._norm(0, x, s, lengths)
        if self.up:  # depthwise transposed convolution, kernel 3, stride 2, padding 1, output padding 1
            after = F.pad(h[:, 1:], (0, 0, 0, 1))
            even = h * self.pool_w[1] + self.pool_b
            odd = h * self.pool_w[2] + after * self.pool_w[0] + self.pool_b
            lengths = _doubled(lengths)
            h = zeroed(torch.stack([even, odd], 2).flatten(1, 2), lengths)
        h = self._norm(1, self.conv1(h), s, lengths)
        if self.shortcut is not None:
            x = self.shortcut(x)  # 1x1, so it commutes with repeating
        if self.up:
            x = x.repeat_interleave(2, 1)
        y: Tensor = self.conv2(h)
        return y.add_(x).mul_(math.sqrt(0.5))


class AcousticModel(nn.Module):
    """Phoneme ids and style to `Acoustic`s, in one pass of one row or of several.

    Args:
        model: all of the model's parameters.
        style: gains and shifts [1, S] of the vocoder's norms for a style vector [1, 128].
        kernels: shared with the vocoder.
        dtype: of the decoder's blocks.
    """

    def __init__(
        self,
        model: Parameters,
        style: Callable[[Tensor], tuple[Tensor, Tensor]],
        kernels: Kernels,
        dtype: torch.dtype,
    ) -> None:
        super().__init__()
        self.dtype, self.style = dtype, style
        predictor, decoder, text = (model.under(name) for name in ("predictor", "decoder", "text_encoder"))
        self.encoder = PhonemeEncoder(model.under("bert"), kernels.dense)
        self.bert_encoder = _dense(model.under("bert_encoder"), kernels.dense)
        stack = predictor.under("text_encoder.lstms")
        self.lstms = nn.ModuleList(kernels.lstm(stack.under(index)) for index in (0, 2, 4))
        self.adaptive_norms = [_linear(stack.under(index).under("fc")) for index in (1, 3, 5)]
        self.duration_lstm = kernels.lstm(predictor.under("lstm"))
        self.shared_lstm = kernels.lstm(predictor.under("shared"))
        self.duration = _linear(predictor.under("duration_proj.linear_layer"))
        self.pitch_blocks, self.energy_blocks = (
            nn.ModuleList(AdainBlock(predictor.under(curve).under(index), kernels, of_curve) for index in range(3))
            for curve, of_curve in (("F0", _F32), ("N", dtype))
        )
        self.pitch_out, self.energy_out = _pointwise(predictor.under("F0_proj")), _pointwise(predictor.under("N_proj"))
        self.embedding, self.text_lstm = text["embedding.weight"], kernels.lstm(text.under("lstm"))
        convolutions = [text.under("cnn").under(index) for index in range(3)]
        self.text_convs = nn.ModuleList(GemmConv.of(layer.under(0), dtype) for layer in convolutions)
        self.text_norms = [(layer["1.gamma"].to(dtype), layer["1.beta"].to(dtype), EPS) for layer in convolutions]
        self.pitch_conv, self.energy_conv = _linear(decoder.under("F0_conv")), _linear(decoder.under("N_conv"))
        self.text_shortcut = _pointwise(decoder.under("asr_res.0"))
        self.encode = AdainBlock(decoder.under("encode"), kernels, dtype)
        self.decode = nn.ModuleList(AdainBlock(decoder.under(f"decode.{i}"), kernels, dtype) for i in range(4))
        self.source = kernels.source(decoder.under("generator"))

    def forward(
        self,
        ids: Sequence[Tensor],
        style: Tensor,
        speed: Tensor,
        seeds: Sequence[int] | None = None,
        intonations: Sequence[Intonation] | None = None,
        *,
        reference_noise: bool = False,
    ) -> list[Acoustic]:
        """Each utterance as if it were alone.

        Args:
            ids: [N] long of each utterance, with the pad symbol at both ends.
            style: [B, 256], 128 for the sound, 128 for the prosody.
            speed: [B] float32.
            seeds, reference_noise: see `HarmonicSource`; the latter is of use for one utterance only.
            intonations: how each one's pitch is changed; None: none is.
        """
        sound, prosody = style[:, :SOUND_STYLE], style[:, SOUND_STYLE:]
        counts = _lengths([len(row) for row in ids], style.device)
        padded = pad_sequence(list(ids), batch_first=True)
        features, durations = self._durations(padded, prosody, speed, counts)
        totals: list[int] = durations.sum(1).tolist()
        units = _lengths(totals, style.device)
        f0, energy = self._curves(_lasting(features, durations, totals), prosody, units)
        if intonations is not None:
            f0 = intoned(f0, energy, intonations)
        x = self._features(_lasting(self._text(padded, counts), durations, totals), f0, energy, sound, units)
        har = self.source(f0, _doubled(units), seeds, reference_noise=reference_noise)
        gain, beta = self.style(sound)
        return [
            Acoustic(
                x[row, None, :count],
                har[row, None, : har_steps(count)],
                gain[row, None],
                beta[row, None],
                durations[row, : len(ids[row])],
                f0[row, None, :count],
                energy[row, None, :count],
                style[row, None],
            )
            for row, count in enumerate(2 * total for total in totals)
        ]

    def _durations(self, ids: Tensor, prosody: Tensor, speed: Tensor, counts: Lengths) -> tuple[Tensor, Tensor]:
        """ids [B, N] -> phoneme features [B, N, 640], durations [B, N] long, 0 behind a row's end"""
        x = self.bert_encoder(self.encoder(ids, counts))
        wide = prosody[:, None].expand(-1, x.shape[1], -1)
        x = torch.cat([x, wide], 2)
        for lstm, (weight, bias) in zip(self.lstms, self.adaptive_norms, strict=True):
            x = lstm(x, counts)
            gamma, beta = F.linear(prosody, weight, bias)[:, None].chunk(2, 2)
            x = torch.cat([(1 + gamma) * F.layer_norm(x, x.shape[-1:], eps=EPS) + beta, wide], 2)
        h = self.duration_lstm(x, counts)
        units = torch.sigmoid(F.linear(h, *self.duration)).sum(-1) / speed[:, None]
        return x, zeroed(torch.round(units).clamp(min=1).long(), counts)

    def _text(self, ids: Tensor, counts: Lengths) -> Tensor:
        """ids [B, N] -> [B, N, 512]"""
        x = zeroed(F.embedding(ids, self.embedding).to(self.dtype), counts)
        for conv, (gamma, beta, eps) in zip(self.text_convs, self.text_norms, strict=True):
            x = zeroed(F.leaky_relu(F.layer_norm(conv(x), x.shape[-1:], gamma, beta, eps), 0.2), counts)
        text: Tensor = self.text_lstm(x.float(), counts)
        return text

    def _curves(self, features: Tensor, prosody: Tensor, units: Lengths) -> tuple[Tensor, Tensor]:
        """[B, T/2, 640] -> pitch in Hz and energy, each [B, T], 0 behind a row's end"""
        pitch = self.shared_lstm(features, units)
        energy = pitch.to(self.dtype)
        lengths = units
        for pitch_block, energy_block in zip(self.pitch_blocks, self.energy_blocks, strict=True):
            pitch, energy = pitch_block(pitch, prosody, lengths), energy_block(energy, prosody, lengths)
            lengths = _doubled(lengths) if pitch_block.up else lengths
        f0, loudness = F.linear(pitch, *self.pitch_out)[..., 0], F.linear(energy.float(), *self.energy_out)[..., 0]
        return zeroed(f0, lengths), zeroed(loudness, lengths)

    def _features(self, text: Tensor, f0: Tensor, energy: Tensor, sound: Tensor, units: Lengths) -> Tensor:
        """text [B, T/2, 512], curves [B, T] -> the vocoder's input [B, T, 512]"""
        pitch = F.conv1d(f0[:, None], *self.pitch_conv, stride=2, padding=1).transpose(1, 2)
        loudness = F.conv1d(energy[:, None], *self.energy_conv, stride=2, padding=1).transpose(1, 2)
        extra = torch.cat([F.linear(text, *self.text_shortcut), pitch, loudness], 2).to(self.dtype)
        x: Tensor = self.encode(torch.cat([text, pitch, loudness], 2).to(self.dtype), sound, units)
        for block in self.decode:
            x = block(torch.cat([x, extra], 2), sound, units)
        return x


def har_steps(frames: int) -> int:
    """Steps of the harmonic source's transform over so many frames."""
    return frames * FRAME_SAMPLES // HOP_SAMPLES + 1


def _lasting(x: Tensor, durations: Tensor, totals: Sequence[int]) -> Tensor:
    """x [B, N, C], each step repeated as often as durations [B, N], which sum up to totals, say: [B, T/2, C]."""
    rows = zip(x, durations, totals, strict=True)
    return pad_sequence([row.repeat_interleave(counts, 0, output_size=n) for row, counts, n in rows], batch_first=True)


def _lengths(counts: Sequence[int], device: torch.device) -> Lengths:
    """A row alone is not padded."""
    return None if len(counts) == 1 else torch.tensor(counts, device=device)


def _doubled(lengths: Lengths) -> Lengths:
    return None if lengths is None else 2 * lengths


def _linear(layer: Parameters) -> tuple[Tensor, Tensor]:
    return layer.weight, layer.bias


def _pointwise(convolution: Parameters) -> tuple[Tensor, Tensor]:
    """A convolution of kernel 1 as the weight and bias of a linear layer."""
    return convolution.weight[:, :, 0], convolution.bias
