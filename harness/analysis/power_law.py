"""How a validation curve would go on: a power law, where it tells what is known already."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

EXPONENTS = tuple(np.geomspace(0.05, 3.0, 60))
FEWEST = 6
"""Epochs without which no law is tried: four to fit three numbers to, two to tell."""
HELD_OUT = 1 / 3
"""Share of a curve, its end, that a law must tell from what came before."""
OFF = 0.25
"""How far off it may be there, as a share of how far the curve moves in it."""


@dataclass(frozen=True)
class PowerLaw:
    """`limit + size * time ** -exponent`.

    Learning curves over time follow such laws over wide ranges: Domhan et al. 2015, "Speeding up
    automatic hyperparameter optimization of deep neural networks by extrapolation of learning
    curves", IJCAI; Kaplan et al. 2020, "Scaling laws for neural language models".
    """

    limit: float
    size: float
    exponent: float

    def at(self, time: float) -> float:
        """The score after so many epochs."""
        return float(self.limit + self.size * time**-self.exponent)


def fit(scores: Sequence[float]) -> PowerLaw:
    """The law nearest to scores after 1, 2, ... epochs, by least squares."""
    values = np.asarray(scores, np.float64)
    times = np.arange(1.0, len(values) + 1)
    best, nearest = PowerLaw(float(values.mean()), 0.0, 1.0), math.inf
    for exponent in EXPONENTS:
        design = np.stack([np.ones_like(times), times**-exponent], axis=1)
        (limit, size), *_ = np.linalg.lstsq(design, values, rcond=None)
        off = float(((design @ [limit, size] - values) ** 2).sum())
        if off < nearest:
            best, nearest = PowerLaw(float(limit), float(size), float(exponent)), off
    return best


def trusted(scores: Sequence[float], noise: float = 0.0) -> PowerLaw | None:
    """The law of a curve; `None` where the law of its beginning does not tell its end. One that
    has not moved at all in its last third stays where it is.

    Args:
        scores: after 1, 2, ... epochs, best so far.
        noise: how far a point may be off by luck.
    """
    if len(scores) < FEWEST or not all(map(math.isfinite, scores)):
        return None
    known = len(scores) - max(2, round(HELD_OUT * len(scores)))
    if min(scores[known - 1 :]) == max(scores[known - 1 :]):
        return PowerLaw(float(scores[-1]), 0.0, 1.0)  # it has stopped moving
    before = fit(scores[:known])
    moved = abs(scores[-1] - scores[known - 1])
    off = max(abs(before.at(t + 1) - scores[t]) for t in range(known, len(scores)))
    return fit(scores) if off <= max(noise, OFF * moved) else None
