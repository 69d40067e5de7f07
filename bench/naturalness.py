"""How good speech sounds to listeners, as a network predicts it: DNSMOS P.835 (Reddy, Gopal, Cutler 2022)."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources

import numpy as np

from bench.recogniser import for_recogniser
from telephony.speech import Samples

Predict = Callable[[Samples], float]
"""Samples at 24 kHz -> the mean opinion, from 1 to 5, of all that is heard."""

_SAMPLES = 144_160  # that the network takes: 9.01 s at 16 kHz
_HOP = 16_000
# From its output to opinions, as the package speechmos has it (MIT), whose network this is.
_OPINION = np.poly1d([-0.06766283, 1.11546468, 0.04602535])


def load_predictor() -> Predict:
    """Loads the network, of the package speechmos."""
    import onnxruntime

    network = resources.files("speechmos") / "dnsmos_models" / "sig_bak_ovr.onnx"
    session = onnxruntime.InferenceSession(network.read_bytes())

    def predict(samples: Samples) -> float:
        heard = for_recogniser(samples)
        # What is shorter is repeated, what is longer heard a second on and a second on.
        while len(heard) < _SAMPLES:
            heard = np.concatenate([heard, heard])
        parts = [heard[at : at + _SAMPLES] for at in range(0, len(heard) - _SAMPLES + 1, _HOP)]
        found = [session.run(None, {"input_1": part[None].astype(np.float32)})[0][0][2] for part in parts]
        return float(np.mean([_OPINION(float(value)) for value in found]))

    return predict
