"""How often the data's own luck misleads: differences over several splits of drawn data sets.

    python -m benchmarks.splits [--sweeps 400]

Two learners (ridge regression on the labels, of two different halves of the features) see a data
set of 200 examples that is drawn from a known distribution, in which both halves tell as much of
the label, or the first more. What they are worth on average over data sets is so equal by
construction, or known. The data is split at random, a tenth for the test, as `splits` in a
`[data.NAME]` table does, and the difference is judged in three ways:

- over the examples of the first split alone, in pairs: what one task says
- over the splits, as if they were independent
- over the splits, corrected by Nadeau and Bengio (2003): what the report says

For each: in how many sweeps the learners are called different, with Wilson's interval.
"""

import argparse
import time
from collections.abc import Iterator

import numpy as np

from benchmarks.luck import share
from harness.analysis.statistics import corrected_interval

EXAMPLES, FEATURES, HELD_OUT = 200, 10, 20
SPLITS = (3, 5, 10)
AHEAD = (0.0, 0.2, 0.5)
"""How much more the first half tells: its weights are so many times larger."""


def drawn(ahead: float, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A data set: features of shape (examples, 2, features), labels -1 and 1."""
    features = random.normal(size=(EXAMPLES, 2, FEATURES))
    weights = np.array([1 + ahead, 1.0])[:, None] / np.sqrt(2 * FEATURES)
    label = np.sign((features * weights).sum(axis=(1, 2)) + 0.5 * random.normal(size=EXAMPLES))
    return features, label


def right(features: np.ndarray, label: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Whether each learner is right on each test example: shape (2, examples)."""
    train = np.setdiff1d(np.arange(len(label)), test)
    found = []
    for half in range(2):
        x = features[train, half]
        fitted = np.linalg.solve(x.T @ x + np.eye(FEATURES), x.T @ label[train])
        found.append(np.sign(features[test, half] @ fitted) == label[test])
    return np.stack(found) * 1.0


def called(ahead: float, splits: int, seed: int) -> tuple[bool, bool, bool]:
    """Whether the learners are called different, in the three ways."""
    random = np.random.default_rng(seed)
    features, label = drawn(ahead, random)
    each = [
        right(features, label, random.permutation(EXAMPLES)[:HELD_OUT]) for _ in range(splits)
    ]  # fmt: skip
    first = each[0][0] - each[0][1]
    differences = [float((one[0] - one[1]).mean()) for one in each]
    ratio = HELD_OUT / (EXAMPLES - HELD_OUT)
    intervals = (
        corrected_interval(first, 0.0),
        corrected_interval(differences, 0.0),
        corrected_interval(differences, ratio),
    )
    one, naive, corrected = (not interval.holds_zero for interval in intervals)
    return one, naive, corrected


def rows(sweeps: int) -> Iterator[str]:
    """Of the table, as Markdown."""
    yield "| first half ahead | splits | examples of one split | splits, uncorrected | corrected |"
    yield "|---|---|---|---|---|"
    for ahead in AHEAD:
        for splits in SPLITS:
            found = np.array([called(ahead, splits, seed) for seed in range(sweeps)])
            shares = (share(int(hits), sweeps) for hits in found.sum(axis=0))
            yield f"| {ahead:g} | {splits} | {' | '.join(shares)} |"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sweeps", type=int, default=400)
    options = parser.parse_args()
    began = time.monotonic()
    for row in rows(options.sweeps):
        print(row, flush=True)
    print(f"\n{options.sweeps} sweeps each, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
