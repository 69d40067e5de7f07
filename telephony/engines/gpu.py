"""How busy the GPU is, as far as anybody can tell."""

from __future__ import annotations

import math
import sys


def utilization_percent() -> float:
    """The share of the last moments in which the CUDA device of this process worked, in percent. Any thread.

    0 where no CUDA device is in use, not a number where there is nothing to ask it with (package nvidia-ml-py).
    """
    torch = sys.modules.get("torch")  # an engine that has no use for it has not loaded it
    if torch is None or not torch.cuda.is_initialized():
        return 0.0
    try:
        return float(torch.cuda.utilization())
    except Exception:  # noqa: BLE001 - package, driver or permission is missing: each in an exception of its own
        return math.nan
