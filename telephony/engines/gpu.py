"""How busy the GPU is, as far as anybody can tell."""

from __future__ import annotations

import sys


def utilization_percent() -> float | None:
    """The share of the last moments in which the CUDA device of this process worked, in percent.

    None where there is no CUDA device in use, or nothing to ask it with (package nvidia-ml-py). Any thread.
    """
    torch = sys.modules.get("torch")  # an engine that has no use for it has not loaded it
    if torch is None or not torch.cuda.is_initialized():
        return None
    try:
        return float(torch.cuda.utilization())
    except Exception:  # noqa: BLE001 - package, driver or permission is missing: each in an exception of its own
        return None
