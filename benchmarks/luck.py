"""How often a verdict misleads by the luck of the search: sweeps drawn from a known truth.

    python -m benchmarks.luck [--sweeps 1000] [--jobs 2]

Each architecture of a sweep has `searches` searches; the winner of each has an expected score that
varies from search to search, each of its seeds varies about that, and each test example is right or
wrong by its own difficulty, shared by all models. The verdict is that of the report,
`harness.report.verdicts.verdict.judge`. Two tables are printed:

- architectures that are equally good: how often any pair is called different (the error level)
- two architectures a true difference apart: how often it is found, and found in the wrong direction

The spread over searches is given in units of that over seeds; on `mackey_glass`, with four random
trials of three epochs, it was measured at ten to twenty.
"""

import argparse
import functools
import math
from collections.abc import Iterator
from typing import Any

import joblib
import numpy as np
import scipy.interpolate
import scipy.stats
import threadpoolctl  # type: ignore[import-untyped]

from harness.analysis import statistics
from harness.analysis.cells import CellResults, by_task
from harness.journal.record import TaskRecord
from harness.report.verdicts import verdict
from harness.report.verdicts.bootstrap import compare_examples
from harness.report.verdicts.per_example import Outcomes
from harness.spec import Objective
from harness.trial import TrialResult

DATA = TaskRecord("t", "", {}, Objective("accuracy", "max"), {}, None, "")
SEEDS = 3
OVER_SEEDS = 0.004
"""Standard deviation of a score over seeds."""
EXAMPLES = 1000
REPLICATES = 500
SPREADS = (0.0, 1.0, 3.0, 10.0)
"""Standard deviation over searches, in that over seeds."""
SEARCHES = (1, 2, 3, 5, 8)


def cell(
    space: str, expected: float, searches: int, spread: float, ease: np.ndarray,
    random: np.random.Generator,
) -> tuple[CellResults, np.ndarray]:  # fmt: skip
    """An architecture's confirmation runs, and which test examples each is right on.

    Args:
        space: its name.
        expected: its score over all searches, seeds and examples.
        searches: independent ones.
        spread: of the expected scores of their winners.
        ease: of each test example, standard normal, shape (examples,).
        random: draws.
    """
    winners = expected + spread * random.normal(size=searches)
    # Runs take turns between the searches, as those of a sweep do.
    scores = np.tile(winners, SEEDS) + OVER_SEEDS * random.normal(size=SEEDS * searches)
    # A model is right where ease, in part its own, is below the quantile of its expected score.
    own = math.sqrt(0.7) * ease + math.sqrt(0.3) * random.normal(size=(len(scores), len(ease)))
    right = own < scipy.stats.norm.ppf(np.clip(scores, 0.01, 0.99))[:, None]
    runs = tuple(
        TrialResult("s", "t", space, "confirm", number, number, {}, {}, "completed",
                    metrics={"test_accuracy": float(row.mean())})
        for number, row in enumerate(right)
    )  # fmt: skip
    return CellResults("t", space, DATA, (), runs, 0, "done", searches), right[..., None] * 1.0


def called(
    seed: int, architectures: int, searches: int, spread: float, ahead: float
) -> list[tuple[bool, bool]]:
    """Of each pair that a report judges: whether it is called different, and wrongly so.

    Args:
        seed: of the draw.
        architectures: of the sweep; the first is `ahead` of all others.
        searches: of each.
        spread: over searches.
        ahead: true difference of the scores.
    """
    random = np.random.default_rng(seed)
    ease = random.normal(size=EXAMPLES)
    found = [
        cell(f"a{n}", 0.9 + ahead * (n == 0), searches, spread, ease, random)
        for n in range(architectures)
    ]
    group = by_task([one for one, _ in found])["t"]
    outcomes = Outcomes({one.space: right for one, right in found})
    judged = verdict.judge(group, outcomes)
    first = group[0].space
    different = {space: one.verdict == "different" for space, one in judged.items()}
    return [(told, told and first != "a0") for told in different.values()]


@functools.cache
def _quantiles(groups: int) -> Any:
    """The studentized range at 95 % by degrees of freedom: SciPy takes a tenth of a second each."""
    inverse = np.linspace(1e-4, 1.0, 16)
    values = scipy.stats.studentized_range.ppf(0.95, groups, 1 / inverse)
    return scipy.interpolate.CubicSpline(inverse, np.log(values))


def quantile(confidence: float, groups: int, freedom: float) -> float:
    """Stands for the one that a report works out exactly, which takes longer."""
    if groups == 2:
        return float(scipy.stats.t.ppf(0.975, freedom) * math.sqrt(2))
    return math.exp(_quantiles(groups)(1 / freedom))


def _all(draw: Any, seeds: np.ndarray) -> list[list[tuple[bool, bool]]]:
    """Draws, in a process of their own, with what makes a verdict cheap and changes none."""
    threadpoolctl.threadpool_limits(1)  # matrices are small
    verdict.compare_examples = functools.partial(compare_examples, replicates=REPLICATES)
    statistics._studentized_tail = lambda *_: math.nan  # no verdict rests on a p-value
    statistics._studentized_quantile = quantile
    return [draw(int(seed)) for seed in seeds]


def share(hits: int, count: int) -> str:
    """`6.2 % (4.9 to 7.9)`, with Wilson's interval."""
    told = scipy.stats.binomtest(hits, count).proportion_ci(method="wilson")
    return f"{100 * hits / count:.1f} % ({100 * told.low:.1f} to {100 * told.high:.1f})"


def table(sweeps: int, jobs: int, architectures: int, ahead: float) -> Iterator[str]:
    """Rows of Markdown: searches down, their spread across."""
    yield "| searches | " + " | ".join(f"spread {s:g}" for s in SPREADS) + " |"
    yield "|---|" + "---|" * len(SPREADS)
    for searches in SEARCHES:
        cells = []
        for spread in SPREADS:
            draw = functools.partial(
                called, architectures=architectures, searches=searches,
                spread=spread * OVER_SEEDS, ahead=ahead,
            )  # fmt: skip
            parts = np.array_split(np.arange(sweeps), jobs)
            done = joblib.Parallel(jobs)(joblib.delayed(_all)(draw, part) for part in parts)
            found = [pairs for part in done for pairs in part]
            hits = sum(any(told for told, _ in pairs) for pairs in found)
            wrong = sum(any(w for _, w in pairs) for pairs in found)
            text = share(hits, sweeps)
            cells.append(text if ahead == 0 else f"{text}, wrong {100 * wrong / sweeps:.1f} %")
        yield f"| {searches} | " + " | ".join(cells) + " |"


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sweeps", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    for architectures in (2, 4):
        print(f"\n{architectures} equal architectures: any pair called different\n")
        print(*table(options.sweeps, options.jobs, architectures, 0.0), sep="\n", flush=True)
    for ahead in (0.02, 0.05):
        print(f"\n2 architectures {ahead:g} apart: called different, and in the wrong direction\n")
        print(*table(options.sweeps, options.jobs, 2, ahead), sep="\n", flush=True)


if __name__ == "__main__":
    main()
