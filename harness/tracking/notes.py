"""Descriptions that MLflow shows on an experiment and on a study run, in Markdown."""

from collections import Counter
from collections.abc import Sequence

from harness.journal import SweepRecord
from harness.spec import TrialResult
from harness.tracking import summary


def experiment(record: SweepRecord, task: str) -> str:
    """What the task is, its data, its floor and its ceiling."""
    known = record.tasks.get(task)
    if known is None:
        return f"Task `{task}`."
    better = "higher" if known.judged_by.direction == "max" else "lower"
    lines = [
        f"Task `{task}`: architectures compared by **{known.judged_by.metric}** "
        f"({better} is better).",
        "",
        "- Examples: " + ", ".join(f"{n:,} {split}" for split, n in known.sizes.items()),
        f"- Data digest: `{known.digest[:16]}`" + (f", {known.licence}" if known.licence else ""),
    ]
    if known.baseline:
        floor = ", ".join(f"{name} {value:.4g}" for name, value in known.baseline.items())
        lines.append(f"- Trivial predictor: {floor}")
    if known.reference is not None:
        lines.append(f"- Published: {known.reference.value:.4g} ({known.reference.source})")
    lines += [
        "",
        "Runs of kind `study` stand for an architecture; their trials and confirmation runs "
        "are nested below them. To compare architectures: `tags.kind = 'study'`.",
    ]
    return "\n".join(lines)


def study(record: SweepRecord, cell: tuple[str, str], latest: Sequence[TrialResult]) -> str:
    """How far a cell is, what won, and how sure that is."""
    task, space = cell
    search = [r for r in latest if r.phase == "search"]
    confirmed = [r for r in latest if r.phase == "confirm" and r.status == "completed"]
    winner = summary.best(record, search)
    lines = [f"**{space}** on **{task}**, sweep *{record.sweep.name}*", ""]
    lines += _test_metrics(confirmed)
    if winner is not None:
        metric = record.tasks[task].objective.metric
        lines.append(f"- {metric} on validation, best trial ({winner.number}): {winner.score:.4g}")
    ended = f" Search ended: {record.ended[cell]}." if cell in record.ended else ""
    lines += [f"- {_trials(search)}{ended}"]
    if winner is not None:
        lines += ["", "| hyperparameter | best trial |", "|---|---|"]
        values = {**winner.config, **winner.training}
        lines += [f"| {name} | {value} |" for name, value in values.items()]
    lines += ["", f"Made by `{record.command}`, sweep id `{record.id}`"]
    return "\n".join(lines)


def _trials(search: Sequence[TrialResult]) -> str:
    seconds = sum(result.cost.seconds for result in search)
    statuses = Counter(result.status for result in search)
    counts = ", ".join(f"{count} {status}" for status, count in statuses.items())
    return f"{len(search)} trials ({counts}) in {seconds:.0f} s." if search else "No trials yet."


def _test_metrics(confirmed: Sequence[TrialResult]) -> list[str]:
    names = dict.fromkeys(n for r in confirmed for n in r.metrics if n.startswith("test_"))
    lines = []
    for name in names:
        sample = [r.metrics[name] for r in confirmed if name in r.metrics]
        mean, low, high = summary.interval(sample)
        spread = f", 95 % interval {low:.4g} to {high:.4g}" if len(sample) > 1 else ""
        seeds = f"{len(sample)} seeds" if len(sample) > 1 else "1 seed"
        lines.append(f"- {name.removeprefix('test_')} on the test split: **{mean:.4g}**"
                     f"{spread} ({seeds})")  # fmt: skip
    return lines
