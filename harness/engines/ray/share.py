"""What is asked of a cluster: which, and what one trial takes of a node."""

import math
from dataclasses import dataclass

from harness.spec import HarnessError

_KEYS = ("cpus", "gpus")


@dataclass(frozen=True)
class Share:
    """Processor cores and accelerators of a worker, and so of a trial."""

    cpus: float = 1.0
    gpus: float = 0.0
    """Below one: a part of a device, and of its memory."""
    accelerator: str | None = None
    """The kind that the accelerators must be of, as Ray names it; any if absent."""

    @property
    def threads(self) -> int:
        """Of each pool of a framework."""
        return max(1, int(self.cpus))

    @property
    def sharing(self) -> int:
        """How many such workers share a device."""
        return int(1 / self.gpus + 1e-9) if 0 < self.gpus < 1 else 1

    def fitting(self, cpus: float, gpus: float, accelerator: str | None = None) -> int:
        """How many such workers a node takes, with accelerators of that kind."""
        if self.accelerator not in (None, accelerator):
            return 0
        by_core = int(cpus / self.cpus + 1e-9)
        if not self.gpus:
            return by_core
        # A worker has its part of one device, never two parts of two.
        by_device = int(gpus) * self.sharing if self.gpus < 1 else int(gpus / self.gpus + 1e-9)
        return min(by_core, by_device)

    def __str__(self) -> str:
        return f"cpus={self.cpus:g},gpus={self.gpus:g}"


def parse(text: str) -> Share:
    """Reads `cpus=2,gpus=0.25`; what is not named is one core and no accelerator.

    Raises:
        HarnessError: it is something else.
    """
    found: dict[str, float] = {}
    for part in text.split(","):
        key, equals, value = (word.strip() for word in part.partition("="))
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        whole = number <= 1 or number == int(number) if math.isfinite(number) else False
        sound = whole and (number > 0 or (key == "gpus" and number == 0))
        if not equals or key not in _KEYS or key in found or not sound:
            raise HarnessError(
                f"--per-trial {text}: expected cpus=NUMBER,gpus=NUMBER, each whole or below 1"
            )
        found[key] = number
    return Share(found.get("cpus", 1.0), found.get("gpus", 0.0))


@dataclass(frozen=True)
class ClusterOptions:
    """Which cluster, and what of it; as on the command line."""

    address: str = "auto"
    per_trial: str | None = None
    """`cpus=2,gpus=0.25`."""
    mixed: bool = False
    """Whether accelerators of several kinds will do."""
