"""Descriptions that MLflow shows on experiments and on runs, in Markdown."""

import math
from collections.abc import Iterator, Mapping, Sequence

from harness.analysis.cells import interval_of
from harness.analysis.rivals import rivals_of, standing, strongest
from harness.analysis.statistics import distance_from
from harness.journal.record import SweepRecord, TaskRecord
from harness.system.markdown import NOTHING, code, narrow_table, plain
from harness.system.text import counted
from harness.tracking.pages.links import Link
from harness.tracking.trials import CellTrials, SweepTrials


def experiment(
    record: SweepRecord, task: str, best: CellTrials | None = None, links: Sequence[Link] = ()
) -> str:
    """Links to what is asked for most; whether a simple method is unbeaten; what the task is, its
    data, its floor and its ceiling.

    Args:
        record: the journal.
        task: its name.
        best: trials of the architecture with the best mean test score, if there is one.
        links: to what is asked for most.
    """
    known = record.tasks.get(task)
    if known is None:
        return f"Task {code(task)}."
    better = "higher" if known.judged_by.direction == "max" else "lower"
    sizes = ", ".join(f"{n:,} {plain(split)}" for split, n in known.sizes.items())
    licence = f", {plain(known.licence)}" if known.licence else ""
    unbeaten = _unbeaten(known, best)
    lines = [
        *([unbeaten, ""] if unbeaten else []),
        " · ".join(map(str, links)) or f"Task {code(task)}",
        "",
        f"Task {code(task)}: architectures compared by {code(known.judged_by.metric)} "
        f"({better} is better).",
        "",
        f"- Examples: {sizes}",
        f"- Data digest: {code(known.digest[:16])}{licence}",
    ]
    if known.baseline:
        floor = ", ".join(f"{code(name)} {value:.4g}" for name, value in known.baseline.items())
        lines.append(f"- Trivial predictor and simple methods: {floor}")
    if known.reference is not None:
        lines.append(f"- Published: {known.reference.value:.4g} ({plain(known.reference.source)})")
    lines += [
        "",
        "Runs of kind `study` stand for an architecture; their trials and confirmation runs "
        "are nested below them. Each sweep has views of its own, under *Views*.",
    ]
    return "\n".join(lines)


def _unbeaten(known: TaskRecord, best: CellTrials | None) -> str:
    """That no architecture beats the best of the simple methods, where none does."""
    measure = known.judged_by
    if best is None or not (sample := best.sample(measure.metric)):
        return ""
    metrics = {name for result in best.confirmed() for name in result.metrics}
    rivals = rivals_of(known.baseline, measure.metric, metrics)
    rival = strongest(known.baseline.get(measure.metric, math.nan), rivals, measure)
    if rival is None:
        return ""
    found = distance_from(rival.value, sample)
    how = standing(found, measure)
    if how in ("beaten", "ahead of"):
        return ""
    verdict = "Nothing beats" if how == "unbeaten" else "No architecture can be told from"
    task, space = best.key
    return (
        f"**{verdict} {rival.described}** on {code(task, in_table=False)} "
        f"({plain(measure.metric)} {rival.value:.4g}; best {code(space, in_table=False)} "
        f"{found.mean + rival.value:.4g})."
    )


def sweeps(links: Sequence[Link] = ()) -> str:
    """What the experiment of the sweeps' own runs is."""
    return "\n".join(
        [
            " · ".join(map(str, links)) or "One run a sweep",
            "",
            "One run a sweep. Its artifacts are the report, the tables, the question and the "
            "figures. The architectures of each task are in an experiment of the task's name.",
        ]
    )


def cell(record: SweepRecord, trials: CellTrials) -> str:
    """How far a cell is, what won, and how sure that is."""
    task, space = key = trials.key
    winner = trials.best
    lines = [
        f"**{plain(space)}** on **{plain(task)}**, sweep {code(record.sweep.name, in_table=False)}",
        "",
    ]
    lines += _test_metrics(trials)
    if winner is not None and task in record.tasks:
        metric = record.tasks[task].objective.metric
        lines.append(
            f"- {code(metric)} on validation, best trial ({winner.number}): {winner.score:.4g}"
        )
    ended = f" Search ended: {plain(record.ended[key])}." if key in record.ended else ""
    lines += [f"- {_searched(trials)}{ended}"]
    if winner is not None:
        values = {**winner.config, **winner.training}
        rows = [(code(name), code(value)) for name, value in values.items()]
        lines += ["", *narrow_table(("hyperparameter", "best trial"), rows)]
    lines += ["", f"Made by {code(record.command, in_table=False)}, sweep id {code(record.id)}"]
    return "\n".join(lines)


def sweep(record: SweepRecord, trials: SweepTrials, links: Mapping[str, Link]) -> str:
    """The best architecture of each task so far, with a link to all of them."""
    rows = [
        (code(task), *row, str(links[task]) if task in links else "")
        for task, *row in _best_rows(record, trials)
    ]
    lines = [f"Sweep {code(record.sweep.name, in_table=False)}: {len(record.sweep.tasks)} tasks, "
             f"{len(record.sweep.spaces)} architectures.", ""]  # fmt: skip
    if rows:
        headers = ("task", "best", "metric", "test score", "95 % interval", "all")
        lines += narrow_table(headers, rows)
        lines.append("")
    lines += [
        "The report is among the artifacts: `report.html`.",
        "",
        f"Made by {code(record.command, in_table=False)}, sweep id {code(record.id)}",
    ]
    return "\n".join(lines)


def _best_rows(record: SweepRecord, trials: SweepTrials) -> Iterator[tuple[str, ...]]:
    for task in record.sweep.tasks:
        known, kept = record.tasks.get(task), trials.best_space(record, task)
        best = trials.cell(task, kept) if kept is not None else None
        if known is None or kept is None or best is None:
            continue
        metric = known.judged_by.metric
        sample = best.sample(metric)
        found = interval_of(sample, metric)
        spread = f"{found.low:.4g} to {found.high:.4g}" if len(sample) > 1 else NOTHING
        yield task, code(kept), code(metric), f"{found.mean:.4g}", spread


def _searched(trials: CellTrials) -> str:
    if not trials.search:
        return "No trials yet."
    counts = ", ".join(f"{count} {status}" for status, count in trials.statuses.items())
    return f"{len(trials.search)} trials ({counts}) in {trials.seconds:.0f} s."


def _test_metrics(trials: CellTrials) -> list[str]:
    confirmed = trials.confirmed()
    names = dict.fromkeys(n for r in confirmed for n in r.metrics if n.startswith("test_"))
    lines = []
    for metric in (name.removeprefix("test_") for name in names):
        sample = trials.sample(metric)
        if not sample:
            continue
        found = interval_of(sample, metric)
        between = f"{found.low:.4g} to {found.high:.4g}"
        spread = f", 95 % interval {between}" if len(sample) > 1 else ""
        drawn = counted(len(sample), "seed")
        if trials.searches > 1:
            drawn = f"{len(sample)} of {trials.searches} searches"
        lines.append(f"- {code(metric)} on the test split: **{found.mean:.4g}**{spread} ({drawn})")
    return lines
