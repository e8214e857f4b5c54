"""Whether pretraining paid, and what it cost."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

from harness import registry
from harness.analysis.cells import CellResults
from harness.analysis.sequential import confidence_at
from harness.analysis.statistics import Comparison, compare
from harness.report.text import duration, listed, number, places, span
from harness.spec import HarnessError
from harness.sweep.pairs import Cell, pretraining
from harness.sweep.question import Sweep
from harness.system.markdown import NOTHING, code, plain, table
from harness.system.text import counted

SCRATCH = "_scratch"
"""The architecture that is another one without its pretraining is named like it, with this."""

Starts: TypeAlias = Mapping[tuple[str, str], tuple[str, str]]
"""From a cell (task, space) to the one whose model it starts from; others are left out."""
NO_STARTS: Starts = MappingProxyType({})

Outcome: TypeAlias = Literal["pays", "costs", "not distinguishable", "unknown"]

HOW_TO_READ = """\
Each row is one comparison that was planned before the scores were seen, so its 95 % interval is \
Welch's and allows for no other pair. All seeds start from the same pretrained model: the interval \
holds the luck of what comes after pretraining, not that of pretraining itself. The measure with ↑ \
is better when higher, with ↓ when lower."""
SHARED_OUT = """\
The seconds of pretraining, in the worker, are shared out equally among the cells that start from \
it. Budgets do not count them: a cell that starts from a pretrained model has had its own budget \
and its share."""


@dataclass(frozen=True)
class Pair:
    """A pretrained architecture and the same one from scratch, on one task."""

    pretrained: CellResults
    scratch: CellResults

    @property
    def comparison(self) -> Comparison:
        """Pretrained minus from scratch, with Welch's interval."""
        seeds = max(self.pretrained.seeds, self.scratch.seeds)
        confidence = confidence_at(seeds, self.scratch.looks)
        return compare(self.pretrained.scores, self.scratch.scores, confidence=confidence)

    @property
    def outcome(self) -> Outcome:
        """Whether the pretrained one is better, in the direction of the measure."""
        comparison = self.comparison
        if comparison.verdict != "different":
            return comparison.verdict
        higher = comparison.difference.mean > 0
        return "pays" if higher == (self.pretrained.direction == "max") else "costs"


def pairs(tasks: Mapping[str, Sequence[CellResults]], starts: Starts) -> list[Pair]:
    """Every cell that starts from a pretrained model and has a twin that does not."""
    cells = {(task, cell.space): cell for task, group in tasks.items() for cell in group}
    return [
        Pair(cells[task, space], cells[task, space + SCRATCH])
        for task, space in starts
        if (task, space) in cells and (task, space + SCRATCH) in cells
    ]


def payoff(found: Sequence[Pair]) -> Iterator[str]:
    """A sentence for each pretrained architecture: on which tasks that pays."""
    for space in dict.fromkeys(pair.pretrained.space for pair in found):
        own = [pair for pair in found if pair.pretrained.space == space]
        parts = [
            f"{phrase} on {listed([code(p.pretrained.task) for p in own if p.outcome == outcome])}"
            for outcome, phrase in _PHRASES.items()
            if any(pair.outcome == outcome for pair in own)
        ]
        yield f"Pretraining of {code(space)}, against {code(space + SCRATCH)}: {'; '.join(parts)}."


_PHRASES: dict[Outcome, str] = {
    "pays": "it pays",
    "costs": "it makes things worse",
    "not distinguishable": "it makes no distinguishable difference",
    "unknown": "it cannot be judged",
}


def pretraining_section(found: Sequence[Pair]) -> str:
    """A table of pretrained minus from scratch, a row a task; empty without a pair."""
    if not found:
        return ""
    headers = ["task", "measure", "pretrained", "mean", "from scratch", "mean", "difference",
               "verdict"]  # fmt: skip
    rows = [_row(pair) for pair in found]
    return "\n\n".join([table(headers, rows, left=3), HOW_TO_READ])


def _row(pair: Pair) -> list[str]:
    ours, theirs = pair.pretrained, pair.scratch
    digits = places([ours, theirs])
    arrow = "↑" if ours.direction == "max" else "↓"
    difference = pair.comparison.difference
    written = number(difference.mean, digits)
    if pair.outcome != "unknown":
        written += f" ({span(difference, digits)})"
    return [
        code(ours.task),
        f"{plain(ours.metric)} {arrow}" if ours.metric else NOTHING,
        code(ours.space),
        number(ours.mean, digits),
        code(theirs.space),
        number(theirs.mean, digits),
        written,
        _verdict(pair),
    ]


def _verdict(pair: Pair) -> str:
    missing = [cell for cell in (pair.pretrained, pair.scratch) if not cell.scores]
    if missing:
        return f"no confirmed result of {listed([code(cell.space) for cell in missing])}"
    if pair.outcome == "unknown":
        return "unknown, takes two seeds of each"
    if pair.outcome == "not distinguishable":
        return pair.outcome
    return f"{code(pair.pretrained.space)} {pair.outcome}"


def pretraining_costs(found: Sequence[CellResults], starts: Starts) -> str:
    """What pretraining cost beside the cells that start from it; empty without any begun."""
    cells = {(cell.task, cell.space): cell for cell in found}
    dependants = Counter(starts.values())
    begun = [key for key in cells if key in dependants]
    if not begun:
        return ""
    pretraining = [
        [code(key[0]), code(key[1]), duration(cells[key].search_seconds),
         duration(cells[key].confirm_seconds), duration(_seconds(cells[key])),
         counted(dependants[key], "cell"), duration(_seconds(cells[key]) / dependants[key])]
        for key in begun
    ]  # fmt: skip
    headers = ["pretraining", "architecture", "search", "confirmation", "together",
               "start from it", "share of each"]  # fmt: skip
    blocks = [table(headers, pretraining, left=2)]
    rows = []
    for key in cells:
        if (before := starts.get(key)) in begun:
            own, share = _seconds(cells[key]), _seconds(cells[before]) / dependants[before]
            rows.append([code(key[0]), code(key[1]), code(before[0]), duration(own),
                         duration(share), duration(own + share)])  # fmt: skip
    if rows:
        headers = ["task", "architecture", "starts from", "search and confirmation",
                   "share of pretraining", "together"]  # fmt: skip
        blocks.append(table(headers, rows, left=3))
    return "\n\n".join([*blocks, SHARED_OUT])


def _seconds(cell: CellResults) -> float:
    return cell.search_seconds + cell.confirm_seconds


def started(group: Sequence[CellResults], starts: Starts) -> str:
    """Which architectures of a task start from a pretrained model, in a sentence, if any."""
    sources: dict[str, list[str]] = {}
    for cell in group:
        if before := starts.get((cell.task, cell.space)):
            sources.setdefault(before[0], []).append(code(cell.space))
    return " ".join(
        f"{listed(spaces)} {'starts from its model' if len(spaces) == 1 else 'start from theirs'} "
        f"of {code(source)}."
        for source, spaces in sources.items()
    )


def read_starts(sweep: Sweep) -> Starts:
    """What the installed tasks and architectures say of it, as the journal does not.

    Those that are not installed any more start from nothing: a report can still be written.
    """
    pairs = [(task, space) for task in sweep.tasks for space in sweep.spaces]
    found = {pair: before for pair in pairs if (before := _before(*pair)) is not None}
    return {pair: before for pair, before in found.items() if before in pairs}


def _before(task: str, space: str) -> tuple[str, str] | None:
    try:
        cell = Cell(registry.task(task), registry.space(space))
    except HarnessError:
        return None
    return pretraining(cell) if cell.task.kind in cell.space.kinds else None
