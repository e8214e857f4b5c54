"""Two sweeps side by side as one Markdown page: what changed, and whether it matters."""

import datetime
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from harness.analysis.cells import by_task
from harness.journal.record import SweepRecord
from harness.report.text import listed, number, places
from harness.report.two_sweeps.changes import (
    Change,
    data_changes,
    environment_changes,
    question_changes,
    same_hardware,
)
from harness.report.two_sweeps.per_cell import JUDGED, Contrast, contrasts, obstacle
from harness.report.two_sweeps.tables import configurations, costs, failures, scores
from harness.report.verdicts.summary import cautions
from harness.system.markdown import bullets, code, plain, table
from harness.system.text import counted


@dataclass(frozen=True)
class Side:
    """One of the two sweeps, and what the person called it: its folder."""

    name: str
    record: SweepRecord


def markdown(a: Side, b: Side, found: Sequence[Contrast] | None = None) -> str:
    """The page that `harness report A B` prints.

    Args:
        found: the contrasts of both records, if they are at hand.
    """
    found = contrasts(a.record, b.record) if found is None else found
    parts = [
        f"# {plain(a.name)} (A) against {plain(b.name)} (B)",
        bullets([*_of_the_data(found), *_summary(a, b, found)]),
        f"{_introduced('A', a)}. {_introduced('B', b)}.",
        _section("Read with care", bullets(_cautions(a, b, found))),
        _section("What changed", _changed(a.record, b.record)),
        _section("Scores", scores(found)),
        _section("Cost", costs(found, same_hardware(a.record, b.record))),
        _section("Configurations found", configurations(found)),
        _section("Trials without a score", failures(found)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _introduced(letter: str, side: Side) -> str:
    record = side.record
    begun = datetime.datetime.fromtimestamp(record.started, datetime.UTC)
    return (
        f"{letter} is {code(side.name, in_table=False)}, sweep "
        f"{code(record.sweep.name, in_table=False)}, begun {begun:%Y-%m-%d %H:%M} UTC, "
        f"{counted(len(record.cells), 'cell')}, {counted(len(record.results), 'trial')}"
    )


# --- in words -----------------------------------------------------------------


def _summary(a: Side, b: Side, found: Sequence[Contrast]) -> Iterator[str]:
    if a.record == b.record:
        yield "Nothing changed: A and B are the same record."
    elif a.record.id == b.record.id:
        yield "A and B are records of one and the same sweep at two moments."
    if not found:
        yield "Neither sweep has begun a cell."
        return
    counts = Counter(contrast.outcome for contrast in found)
    compared = [contrast for contrast in found if contrast.outcome in JUDGED]
    parts = [f"{counts[outcome]} {outcome}" for outcome in JUDGED if counts[outcome]]
    if compared:
        yield f"Of {counted(len(compared), 'cell')} that can be judged, B has {listed(parts)}."
    else:
        yield "No cell can be judged."
    for outcome, sentence in _SENTENCES.items():
        named = [_named(contrast) for contrast in found if contrast.outcome == outcome]
        if named:
            yield f"{sentence}: {listed(named)}."


_SENTENCES = {
    "worse": "Worse in B",
    "lost": "Confirmed in A, without a confirmed result in B",
    "better": "Better in B",
    "gained": "Confirmed in B, without a confirmed result in A",
    "unknown": "Unknown, as a difference takes two seeds of each, with scores that vary",
    "only in A": "Asked for in A only",
    "only in B": "Asked for in B only",
    "no result": "Without a confirmed result in either",
}


def _of_the_data(found: Sequence[Contrast]) -> Iterator[str]:
    reasons = {
        contrast.task: why
        for contrast in found
        if contrast.a and contrast.b and (why := obstacle(contrast.a, contrast.b))
    }
    for task, why in reasons.items():
        yield f"**The scores on {code(task)} cannot be compared: {why}.**"


def _named(contrast: Contrast) -> str:
    text = f"{code(contrast.space)} on {code(contrast.task)}"
    if contrast.outcome not in ("worse", "better") or contrast.a is None or contrast.b is None:
        return text
    digits = places([contrast.a, contrast.b])
    scores = f"{number(contrast.a.mean, digits)} to {number(contrast.b.mean, digits)}"
    return f"{text} ({plain(contrast.b.metric)} {scores})"


def _cautions(a: Side, b: Side, found: Sequence[Contrast]) -> Iterator[str]:
    one, other = a.record.sweep, b.record.sweep
    shared = [task for task in other.tasks if task in one.tasks]
    if uneven := [task for task in shared if one.budget_of(task) != other.budget_of(task)]:
        yield f"The budgets differ on {listed([code(task) for task in uneven])}: see below."
    if not same_hardware(a.record, b.record):
        yield (
            "The hardware is not the same, or changed in the course of a sweep: seconds and "
            "latencies say nothing of the architectures."
        )
    seeds = [c for c in found if c.a and c.b and c.a.scores and c.b.scores]
    if few := [_named_plainly(c) for c in seeds if len(c.b.scores) < len(c.a.scores)]:  # type: ignore[union-attr]
        yield f"B has scores of fewer seeds than A of {listed(few)}."
    of_a = cautions(a.record, by_task([c.a for c in found if c.a]))
    of_b = cautions(b.record, by_task([c.b for c in found if c.b]))
    for text in dict.fromkeys((*of_a, *of_b)):
        both = text in of_a and text in of_b
        yield f"{'Both' if both else 'A' if text in of_a else 'B'}: {text}"


def _named_plainly(contrast: Contrast) -> str:
    return f"{code(contrast.space)} on {code(contrast.task)}"


# --- what changed -------------------------------------------------------------


def _changed(a: SweepRecord, b: SweepRecord) -> str:
    data = [
        [code(task), *row] for task, changes in data_changes(a, b).items() for row in _rows(changes)
    ]
    parts = [
        "### Data\n\n" + (table(["task", "", "A", "B"], data, 4) if data else "Nothing."),
        "### The question\n\n" + _change_table(question_changes(a.sweep, b.sweep)),
        "### The environment\n\n" + _change_table(environment_changes(a, b)),
    ]
    return "\n\n".join(parts)


def _change_table(changes: Sequence[Change]) -> str:
    return table(["", "A", "B"], _rows(changes), left=3) if changes else "Nothing."


def _rows(changes: Iterable[Change]) -> list[list[str]]:
    return [[plain(change.name), code(change.a), code(change.b)] for change in changes]


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}" if body else ""
