"""How often verdicts mislead, and find what there is, where seeds are added until they are clear.

    python -m benchmarks.looks [--sweeps 400]

Sweeps are drawn from a known truth, of one search each: an architecture has an expected score, each
of its seeds varies about that, and each test example is easier or harder, in part for all models,
in part for one architecture and in part for one model. Each sweep is carried through as the driver
does with `seeds = "auto"`: the report's verdict, `harness.report.verdicts.verdict.judge`, is looked
at, and `harness.report.verdicts.more_seeds` says who gets more. It is also played with fixed
numbers of seeds, and by a rule that is wrong: to look as often, and each time with 95 %.

For each: in how many sweeps a pair is called different (with Wilson's interval), in how many one
wrongly (the worse one as better), and how many seeds an architecture was given on average.
"""

import argparse
import dataclasses
import functools
import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import scipy.interpolate
import scipy.stats
import threadpoolctl  # type: ignore[import-untyped]

from benchmarks.luck import DATA, OVER_SEEDS, REPLICATES, share
from harness.analysis import statistics
from harness.analysis.cells import CellResults, by_task
from harness.report.verdicts import verdict
from harness.report.verdicts.bootstrap import compare_examples
from harness.report.verdicts.more_seeds import more_seeds
from harness.report.verdicts.per_example import Outcomes
from harness.sweep.question import AUTO_LOOKS
from harness.trial import TrialResult

RULES = {
    "auto": AUTO_LOOKS,
    "3 seeds": (3,),
    "5 seeds": (5,),
    "12 seeds": (12,),
    "95 % at each look": AUTO_LOOKS,
}
WRONG = "95 % at each look"


@dataclasses.dataclass(frozen=True)
class Truth:
    """What sweeps are drawn from; numbers in standard deviations of a score over seeds."""

    architectures: int
    ahead: float
    """Of the first one."""
    by_examples: float
    """Standard deviation of a difference over choices of the test examples."""

    def told(self) -> str:
        """As a row is called."""
        what = f"{self.ahead:g} apart" if self.ahead else "equal"
        return f"{self.architectures} {what}, examples {self.by_examples:g}"


TRUTHS = tuple(
    Truth(architectures, ahead, by_examples)
    for architectures in (2, 4)
    for ahead in (0.0, 1.0, 2.0, 3.0)
    for by_examples in (0.2, 0.5)
)
EXAMPLES = 200


class Drawn:
    """All runs that a sweep could come to: what each model has on each example."""

    def __init__(self, truth: Truth, seed: int) -> None:
        random = np.random.default_rng(seed)
        ease = random.normal(size=EXAMPLES)
        own = truth.by_examples * math.sqrt(EXAMPLES / 2)
        self.right: dict[str, np.ndarray] = {}
        for n in range(truth.architectures):
            scores = truth.ahead * (n == 0) + random.normal(size=(12, 1))
            of_one = own * (random.normal(size=EXAMPLES) + 0.5 * random.normal(size=(12, EXAMPLES)))
            self.right[f"a{n}"] = 0.9 + OVER_SEEDS * (scores + ease + of_one)

    def cell(self, space: str, seeds: int, looks: tuple[int, ...]) -> CellResults:
        """An architecture with so many runs."""
        runs = tuple(
            TrialResult("s", "t", space, "confirm", n, n, {}, {}, "completed",
                        metrics={"test_accuracy": float(row.mean())})
            for n, row in enumerate(self.right[space][:seeds])
        )  # fmt: skip
        return CellResults("t", space, DATA, (), runs, 0, "done", seeds=seeds, looks=looks)

    def judged(
        self, seeds: dict[str, int], looks: tuple[int, ...]
    ) -> tuple[list[CellResults], dict[str, verdict.Judgement]]:
        """The cells with so many seeds each, best first, and the verdicts on them."""
        group = by_task([self.cell(space, n, looks) for space, n in seeds.items()])["t"]
        values = {s: self.right[s][:n, :, None] for s, n in seeds.items()}
        return group, verdict.judge(group, Outcomes(values))


def played(truth: Truth, rule: str, seed: int) -> tuple[bool, bool, float]:
    """One sweep: whether a pair is called different, whether wrongly, and seeds on average."""
    drawn, looks = Drawn(truth, seed), RULES[rule]
    seeds = dict.fromkeys(drawn.right, looks[0])
    if rule == WRONG:
        for n in looks:
            seeds = dict.fromkeys(drawn.right, n)
            group, judged = drawn.judged(seeds, ())
            if any(found.verdict == "different" for found in judged.values()):
                break
    else:
        planned = looks if len(looks) > 1 else ()
        group, judged = drawn.judged(seeds, planned)
        while planned and (more := more_seeds("t", group, judged).seeds):
            seeds |= more
            group, judged = drawn.judged(seeds, planned)
    called = any(found.verdict == "different" for found in judged.values())
    return called, called and group[0].space != "a0", sum(seeds.values()) / len(seeds)


@functools.cache
def _quantiles(confidence: float, groups: int) -> Any:
    """The studentized range by degrees of freedom: SciPy takes a tenth of a second each."""
    inverse = np.linspace(1e-4, 1.0, 16)
    values = scipy.stats.studentized_range.ppf(confidence, groups, 1 / inverse)
    return scipy.interpolate.CubicSpline(inverse, np.log(values))


def quantile(confidence: float, groups: int, freedom: float) -> float:
    """Stands for the one that a report works out exactly, which takes longer."""
    if groups == 2:
        return float(scipy.stats.t.ppf((1 + confidence) / 2, freedom) * math.sqrt(2))
    return math.exp(_quantiles(confidence, groups)(1 / freedom))


def row(truth: Truth, rules: Sequence[str], sweeps: int) -> Iterator[str]:
    """The cells of a row of Markdown."""
    yield truth.told()
    for rule in rules:
        called, wrong, seeds = zip(*(played(truth, rule, n) for n in range(sweeps)), strict=True)
        text = f"{share(sum(called), sweeps)}, {np.mean(seeds):.1f} seeds"
        yield f"{text}, wrong {100 * np.mean(wrong):.1f} %" if truth.ahead else text


def main() -> None:
    """Prints the table, row by row."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sweeps", type=int, default=400)
    options = parser.parse_args()
    # What makes a verdict cheap and changes none.
    verdict.compare_examples = functools.partial(compare_examples, replicates=REPLICATES)
    statistics._studentized_tail = lambda *_: math.nan  # no verdict rests on a p-value
    statistics._studentized_quantile = quantile
    # Its matrices are small: threads that share them take ten times as long.
    threadpoolctl.threadpool_limits(1)
    began = time.monotonic()
    print("| sweeps | " + " | ".join(RULES) + " |")
    print("|---|" + "---|" * len(RULES))
    for truth in TRUTHS:
        print("| " + " | ".join(row(truth, [*RULES], options.sweeps)) + " |", flush=True)
    print(f"\n{options.sweeps} sweeps each, {(time.monotonic() - began) / 60:.0f} min")


if __name__ == "__main__":
    main()
