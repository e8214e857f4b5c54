"""What the answer rests on: configurations, failures, spending, data and environment."""

import datetime
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import starmap
from typing import Any

from harness.analysis.cells import CellResults
from harness.journal.folder import FAILURES
from harness.journal.record import SweepRecord
from harness.report import own_data
from harness.report.text import duration, flat, listed
from harness.sweep.question import AS_MANY_AS_THERE_IS_TIME_FOR, SEEDS_APART, Budget, Sweep
from harness.system.markdown import NOTHING, bullets, code, plain, table
from harness.system.text import counted
from harness.trial import Cost, Failure, TrialKey, TrialResult, seconds_spent


def configurations(found: Sequence[CellResults]) -> str:
    """The configuration each cell found best, confirmed or not; empty without any."""
    rows = [
        [code(cell.task), code(cell.space), _fields(best.config), _fields(best.training)]
        for cell in found
        if (best := cell.best) is not None
    ]
    if not rows:
        return ""
    return table(["task", "architecture", "configuration", "training"], rows, left=4)


def failures(tasks: Mapping[str, Sequence[CellResults]], record: SweepRecord) -> str:
    """Trials without a score, those with the same reason counted together; then attempts that
    were made again, what confirmed models could not show, and where tracebacks are."""
    unscored = [result for group in tasks.values() for cell in group for result in cell.unscored]
    lost = [
        (result, what, failure)
        for group in tasks.values()
        for cell in group
        for result in cell.confirm
        for what, failure in result.lost.items()
    ]
    failed = [result.failure for result in unscored] + [failure for *_, failure in lost]
    traced = any(failure and failure.traceback for failure in failed)
    where = f"Whole tracebacks are in the folder {code(FAILURES, in_table=False)}, a file a trial."
    parts = [_unscored(tasks), _attempts(record), bullets(starmap(_lost, lost))]
    parts.append(where if traced else "")
    return "\n\n".join(part for part in parts if part)


def _lost(result: TrialResult, what: str, failure: Failure) -> str:
    """What a confirmed model could not show, which leaves its result as it is."""
    cell = f"{code(result.task, in_table=False)} x {code(result.space, in_table=False)}"
    reason = code(_reason(failure)[1], in_table=False)
    return f"no {plain(what)} of {cell}, seed {result.seed}, whose result stands: {reason}"


def _attempts(record: SweepRecord) -> str:
    """Attempts that count no more, as the trial was run again, by who was at fault."""
    found = [
        entry
        for entry in record.history
        if isinstance(entry, TrialResult) and entry.status == "interrupted" and entry.failure
    ]
    broken = [entry for entry in found if entry.broken]
    by_code = [entry for entry in found if entry.failure and entry.failure.kind == "code"]
    parts = [
        _again(
            "Tried again, as the worker or the machine had failed and not the trial, or a device "
            "did not hold it beside what else was there",
            broken,
            record,
        ),
        _again("Confirmed again, once the code was corrected that had failed", by_code, record),
    ]
    return "\n\n".join(part for part in parts if part)


def _again(what: str, found: Sequence[TrialResult], record: SweepRecord) -> str:
    if not found:
        return ""
    rows = [
        [code(task), code(space), phase, code(message), str(count)]
        for (task, space, phase, message), count in Counter(
            (entry.task, entry.space, entry.phase, _reason(entry.failure)[1]) for entry in found
        ).items()
    ]
    lost = duration(_seconds_lost(found, record))
    headers = ["task", "architecture", "phase", "reason", "attempts"]
    return f"{what} ({lost} lost):\n\n{table(headers, rows, left=4)}"


def _seconds_lost(found: Sequence[TrialResult], record: SweepRecord) -> float:
    """What attempts took that was of no use: another may have gone on from a part of it."""
    ends = {result.key: result.cost for result in record.results if result.status != "interrupted"}
    attempts: dict[TrialKey, list[Cost]] = {}
    for entry in found:
        attempts.setdefault(entry.key, []).append(entry.cost)
    return math.fsum(
        seconds_spent((*costs, ends.get(key, Cost()))) - ends.get(key, Cost()).seconds
        for key, costs in attempts.items()
    )


def _unscored(tasks: Mapping[str, Sequence[CellResults]]) -> str:
    rows = []
    for task, group in tasks.items():
        for cell in group:
            reasons = Counter(
                (r.phase, r.status, *_reason(r.failure)) for r in cell.unscored
            ).most_common()
            rows += [
                [code(task), code(cell.space), phase, status, kind, code(message), str(count)]
                for (phase, status, kind, message), count in reasons[:5]
            ]
            if rest := reasons[5:]:
                many = f"{counted(len(rest), 'other reason')}, see trials.csv"
                count = sum(n for _, n in rest)
                rows.append(
                    [code(task), code(cell.space), NOTHING, NOTHING, NOTHING, many, str(count)]
                )
    if not rows:
        return "None." if tasks else ""
    headers = ["task", "architecture", "phase", "status", "kind", "reason", "trials"]
    return table(headers, rows, left=6)


def _reason(failure: Failure | None) -> tuple[str, str]:
    if failure is None:
        return NOTHING, "completed with a score that is not a number"
    return failure.kind, failure.message.strip().partition("\n")[0]


def spending(record: SweepRecord, found: Sequence[CellResults]) -> str:
    """What each cell used of its budget, and why its search ended."""
    if not found:
        return ""
    sweep = record.sweep
    rows = [
        [code(cell.task), code(cell.space), plain(cell.ended) if cell.ended else "not ended",
         _trials(sweep, cell),
         str(sum(result.epochs for result in cell.search)), duration(cell.search_seconds),
         f"{len(cell.scores)} of {cell.seeds * cell.searches}", duration(cell.confirm_seconds),
         duration(cell.search_seconds + cell.confirm_seconds)]
        for cell in found
    ]  # fmt: skip
    headers = ["task", "architecture", "search ended by", "search trials", "epochs", "search",
               "seeds", "confirmation", "together"]  # fmt: skip
    return "\n\n".join([table(headers, rows, left=3), *_one_program(found)])


def _one_program(found: Sequence[CellResults]) -> Iterator[str]:
    """Which seed runs were trained together, where any were."""
    parts = []
    for cell in found:
        sizes = sorted({run.cost.together for run in cell.confirm if run.cost.together})
        if sizes:
            times = " or ".join(str(size) for size in sizes)
            parts.append(f"{code(cell.space)} on {code(cell.task)} ({times} at once)")
    if parts:
        yield (
            f"Trained as one program: the seeds of {listed(parts)}. The seconds of each are its "
            "share."
        )


def _trials(sweep: Sweep, cell: CellResults) -> str:
    """How many the search had, and of how many, unless a time ended it."""
    most = sweep.budget_of(cell.task).trials
    had = str(len(cell.search))
    return had if most == AS_MANY_AS_THERE_IS_TIME_FOR else f"{had} of {cell.searches * most}"


def question(record: SweepRecord) -> str:
    """What was asked, and under which budget."""
    begun = datetime.datetime.fromtimestamp(record.started, datetime.UTC)
    sweep = record.sweep
    budget = {name: value for name, value in _spent(sweep.budget).items() if value is not None}
    if budget["trials"] == AS_MANY_AS_THERE_IS_TIME_FOR:
        budget["trials"] = "as many as there was time for"
    return bullets(
        [
            f"tasks: {listed([code(name) for name in sweep.tasks])}",
            f"architectures: {listed([code(name) for name in sweep.spaces])}",
            *_minutes(record),
            f"budget of each cell: {_fields(budget)}",
            *_own_budgets(sweep),
            f"tuner: {code(sweep.tuner)}, search seed {sweep.search_seed}",
            *_searches(sweep),
            _seeds(sweep),
            f"backend: {code(sweep.backend)}, computing in {code(sweep.precision)}",
            f"begun: {begun:%Y-%m-%d %H:%M} UTC",
        ]
    )


def _spent(budget: Budget) -> dict[str, Any]:
    """The fields of a budget but `seeds` and `searches`, which are told by themselves."""
    told = ("seeds", "searches")
    return {name: value for name, value in vars(budget).items() if name not in told}


def _minutes(record: SweepRecord) -> Iterator[str]:
    """What was asked for as a time for the whole sweep, and used of it."""
    if record.sweep.minutes is not None:
        yield (
            f"time for the whole: {record.sweep.minutes:g} minutes, of which "
            f"{record.active / 60:.1f} were used up to here, divided so that each search got about "
            "the same; what each got stands under Cost"
        )


def _own_budgets(sweep: Sweep) -> Iterator[str]:
    """Where the cells of a task have another budget than the rest, how it differs."""
    shared = _spent(sweep.budget)
    for task, budget in sweep.budgets.items():
        own = {name: v for name, v in _spent(budget).items() if v != shared[name]}
        if own:
            yield f"on {code(task)} instead: {_fields(own)}"


def _searches(sweep: Sweep) -> Iterator[str]:
    """How many independent searches cells have, where any has several."""
    counts = {task: sweep.searches_of(task) for task in sweep.tasks}
    if max(counts.values()) == 1:
        return
    told = f"searches of each cell: {sweep.searches}"
    own = [f"on {code(task)} {n}" for task, n in counts.items() if n != sweep.searches]
    yield "; ".join([told, *own])
    yield (
        "seeds of the winner of a cell's second search: those below, each plus "
        f"{SEEDS_APART:,}; of its third plus {2 * SEEDS_APART:,}; and so on"
    )


def _seeds(sweep: Sweep) -> str:
    shared = sweep.seeds[: sweep.budget.seeds]
    parts = [f"confirmation seeds: {listed([str(seed) for seed in shared])}"]
    for task in sweep.budgets:
        if (own := sweep.seeds_of(task)) != shared:
            parts.append(f"on {code(task)} {listed([str(seed) for seed in own])}")
    if sweep.looks:
        looks = listed([str(look) for look in sweep.looks])
        parts.append(f"added until the verdict is clear, after looks at {looks} of them")
    return "; ".join(parts)


def data(record: SweepRecord) -> str:
    """Licence, digest and sizes of each task's data; empty while none is known."""
    if not record.tasks:
        return ""
    rows = [
        [code(task.name), plain(task.licence) or "not stated", f"`{task.digest[:16]}`",
         *(f"{task.sizes[split]:,}" if split in task.sizes else NOTHING
           for split in ("train", "val", "test"))]
        for task in record.tasks.values()
    ]  # fmt: skip
    shown = table(["task", "licence", "SHA-256 begins", "train", "val", "test"], rows, left=3)
    notes = own_data.notes(record)
    return f"{shown}\n\n{bullets(notes)}" if notes else shown


def environment(record: SweepRecord) -> str:
    """Versions, hardware and commit, as the driver noted them when the sweep began."""
    return bullets(
        f"{plain(name)}: {plain(flat(value)) or NOTHING}"
        for name, value in record.environment.items()
    )


def reproduce(record: SweepRecord) -> str:
    """The command that asks the same question again."""
    command = record.command.strip()
    fence = "```" if "```" not in command else "````"
    return (
        f"{fence}\n{command}\n{fence}\n\nThe question with every default spelled out is in "
        "`sweep.toml`, every trial in `trials.csv`, every event in `journal.jsonl`."
    )


def _fields(values: Mapping[str, Any]) -> str:
    """Fields as a person reads them: `units 64, dropout 0.2`."""
    return ", ".join(f"{plain(name)} {_value(value)}" for name, value in values.items()) or NOTHING


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}" if math.isfinite(value) else NOTHING
    return plain(flat(value))
