"""What an accelerator could compute: the figures of vendors' data sheets, which shares are of."""

import re
from collections.abc import Mapping
from typing import Any

from harness.trial import TrialResult

PEAKS: Mapping[str, tuple[float, float]] = {
    "NVIDIA H200": (494.5e12, 989.5e12),
    "NVIDIA H200 NVL": (417.5e12, 835.5e12),
    "NVIDIA H100": (494.5e12, 989.5e12),
    "NVIDIA H100 NVL": (417.5e12, 835.5e12),
    "NVIDIA H100 PCIe": (378e12, 756.5e12),
    "NVIDIA A100": (156e12, 312e12),
    "NVIDIA A10": (62.5e12, 125e12),
    "NVIDIA L40S": (183e12, 362e12),
    "NVIDIA L4": (60e12, 121e12),
}
"""Floating-point operations a second, by the beginning of the name that the driver tells: those of
`float32`, for which TensorFlow and JAX use TensorFloat-32 on these, and of `mixed_bfloat16`; dense,
summed in 32 bits. Source: NVIDIA's data sheets."""
_PRECISIONS = ("float32", "mixed_bfloat16")


def peak(environment: Mapping[str, Any], precision: str, backend: str) -> float | None:
    """Operations a second of the accelerator of a sweep; `None` if it is not known, or if it has
    accelerators of several kinds.

    Args:
        environment: as written in the journal; its hardware names the accelerators.
        precision: `float32` or `mixed_bfloat16`.
        backend: of Keras; Torch computes `float32` otherwise, and slower.
    """
    names = {*environment.get("hardware", {}).get("accelerators", ())}
    slower = (backend, precision) == ("torch", "float32")
    if len(names) != 1 or precision not in _PRECISIONS or slower:
        return None
    name = str(names.pop())
    # Whole words, the longest beginning: an A10G is no A10, and an H100 PCIe not any H100.
    begun = [start for start in PEAKS if re.match(rf"{re.escape(start)}\b", name)]
    known = max(begun, key=len, default=None)
    return None if known is None else PEAKS[known][_PRECISIONS.index(precision)]


def share_of_peak(result: TrialResult, device: float | None) -> float | None:
    """How much of what its device could compute a trial computed in steady training, from 0 to 1.

    Trials beside it on the device had the rest, so shares of those that ran at once add up. Of a
    trial on a node of a cluster it is not known, as the journal names the driver's devices.

    Args:
        result: the trial.
        device: operations a second of the device, as of `peak`.
    """
    rate = result.cost.flops_per_second
    elsewhere = result.cost.device != "gpu" or result.cost.node is not None
    if device is None or rate is None or elsewhere:
        return None
    return rate / device
