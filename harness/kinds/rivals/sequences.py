"""Sequences answered without a network: ridge regression on their values and on summaries."""

from collections.abc import Mapping

import numpy as np

from harness.kinds.rivals.linear import ridge_regression

WIDEST = 2_000
"""Values of a sequence that are looked at one by one at most."""


def sequence_answers(
    x: Mapping[str, np.ndarray], y: Mapping[str, np.ndarray]
) -> tuple[str, np.ndarray]:
    """Answers for the test split by the better of two, by squared error on validation.

    Args:
        x: sequences by split, shape (examples, steps, channels).
        y: values of `train` and `val`, shape (examples, count).

    Returns:
        The name, `ridge_regression_on_summaries` or, of no more than `WIDEST` values,
        `ridge_regression_on_the_sequence`, which has the summaries, too; answers of shape
        (examples, count).
    """
    told = {split: summaries(part) for split, part in x.items()}
    found = {"ridge_regression_on_summaries": ridge_regression(told, y)}
    if np.prod(x["train"].shape[1:]) <= WIDEST:
        whole = {
            split: np.concatenate([part.reshape(len(part), -1), told[split]], axis=1)
            for split, part in x.items()
        }
        found["ridge_regression_on_the_sequence"] = ridge_regression(whole, y)
    name = min(found, key=lambda name: np.mean((found[name]["val"] - y["val"]) ** 2))
    return name, found[name]["test"]


def summaries(sequences: np.ndarray) -> np.ndarray:
    """Of each channel the mean, the deviation, the least and the largest value, the first and the
    last one, the slope, and the mean change from step to step: (examples, 8 x channels)."""
    values = np.asarray(sequences, "float64")
    steps = np.linspace(-1, 1, values.shape[1]) if values.shape[1] > 1 else np.zeros(1)
    changes = np.abs(np.diff(values, axis=1)) if values.shape[1] > 1 else np.zeros_like(values)
    parts = [
        values.mean(axis=1), values.std(axis=1), values.min(axis=1), values.max(axis=1),
        values[:, 0], values[:, -1], np.einsum("nsc,s->nc", values, steps) / len(steps),
        changes.mean(axis=1),
    ]  # fmt: skip
    return np.concatenate(parts, axis=1)
