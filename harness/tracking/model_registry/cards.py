"""Model cards: what a registered model is, how good, on what, at what cost, and its limits.

After Mitchell et al., "Model Cards for Model Reporting", 2019, as far as a journal can tell.
"""

from collections.abc import Iterator, Sequence

from harness.analysis.cells import interval_of
from harness.journal.record import SweepRecord
from harness.system.markdown import NOTHING, code, narrow_table, plain
from harness.tracking.trials import CellTrials
from harness.trial import CellKey, TrialResult

MOST_CHARACTERS = 4900
"""Characters; MLflow's registry takes 5000."""
_MOST_ROWS = 40


def model_card(record: SweepRecord, cell: CellTrials, chosen: TrialResult) -> str:
    """The card of a cell's confirmed model.

    Args:
        chosen: the confirmation run whose model is kept.
    """
    lines = [
        *_what(record, cell.key, chosen),
        *_data(record, cell.key[0]),
        *_scores(record, cell),
        *_cost(cell, chosen),
        *_limits(record, cell),
        *_configuration(chosen),
        "",
        f"Made by {code(record.command, in_table=False)}, sweep id {code(record.id)}.",
    ]
    return _fitting(lines)


def task_card(record: SweepRecord, task: str) -> str:
    """What the registered model of a task is, whose versions are the winners of sweeps."""
    known = record.tasks.get(task)
    what = f", compared by {code(known.judged_by.metric)} on the test split" if known else ""
    return (
        f"Models for task {code(task)}: each version is the winner of one architecture in one "
        f"sweep{what}. The alias `winner` is the best architecture of the latest sweep; each "
        "architecture has an alias of its own."
    )


def _what(record: SweepRecord, key: CellKey, chosen: TrialResult) -> Iterator[str]:
    task, space = key
    sweep = code(record.sweep.name, in_table=False)
    yield (
        f"**{plain(space)}** for task **{plain(task)}**, found by sweep "
        f"{sweep}: the best of its search, retrained on seed {chosen.seed}."
    )


def _data(record: SweepRecord, task: str) -> Iterator[str]:
    known = record.tasks.get(task)
    if known is None:
        return
    yield ""
    yield "### Data"
    sizes = ", ".join(f"{count:,} {plain(split)}" for split, count in known.sizes.items())
    yield f"- Examples: {sizes}; digest {code(known.digest[:16])}"
    yield f"- Licence: {plain(known.licence) if known.licence else 'not stated'}"


def _scores(record: SweepRecord, cell: CellTrials) -> Iterator[str]:
    confirmed = cell.confirmed()
    names = dict.fromkeys(n for r in confirmed for n in r.metrics if n.startswith("test_"))
    known = record.tasks.get(cell.key[0])
    floor = dict(known.baseline) if known else {}
    rows = []
    for name in names:
        metric = name.removeprefix("test_")
        sample = cell.sample(metric)
        found = interval_of(sample, metric)
        spread = f"{found.low:.4g} to {found.high:.4g}" if len(sample) > 1 else NOTHING
        trivial = f"{floor[metric]:.4g}" if metric in floor else NOTHING
        rows.append((code(metric), f"{found.mean:.4g}", spread, str(len(sample)), trivial))
    if rows:
        yield ""
        yield "### Scores on the test split"
        drawn = "seeds" if cell.searches == 1 else "searches"
        headers = ("metric", f"mean over {drawn}", "95 % interval", drawn, "trivial predictor")
        yield from narrow_table(headers, rows[:_MOST_ROWS])
    if known is not None and known.reference is not None:
        yield ""
        yield f"Published: {known.reference.value:.4g} ({plain(known.reference.source)})"


def _cost(cell: CellTrials, chosen: TrialResult) -> Iterator[str]:
    cost = chosen.cost
    parts = [f"- Search: {len(cell.search)} trials, {cell.seconds:,.0f} s"]
    parts.append(f"- Training of this model: {cost.seconds:,.0f} s, {chosen.epochs} epochs")
    if cost.parameters is not None:
        parts.append(f"- Parameters: {cost.parameters:,}")
    if cost.latency_ms is not None:
        parts.append(f"- One prediction: {cost.latency_ms:.3g} ms ({plain(cost.device or 'cpu')})")
    yield from ("", "### Cost", *parts)


def _limits(record: SweepRecord, cell: CellTrials) -> Iterator[str]:
    yield from ("", "### Limits")
    yield (
        "- Scored on the test split of this data alone: nothing is known of other data, of "
        "shifts over time, or of groups of people."
    )
    failed = len(cell.search) - cell.statuses["completed"]
    budget = record.sweep.budget_of(cell.key[0])
    yield (
        f"- The best of a search of at most {budget.trials} trials of {budget.epochs} epochs"
        f" ({failed} without a score); more search may find better."
    )
    if len(cell.confirmed()) < 2:
        yield "- One seed: how much the score varies from run to run is not known."
    yield "- Probabilities are not calibrated."


def _configuration(chosen: TrialResult) -> Iterator[str]:
    values = {**chosen.config, **{f"training.{n}": v for n, v in chosen.training.items()}}
    rows = [(code(name), code(value, 60)) for name, value in values.items()]
    yield from (
        "",
        "### Configuration",
        *narrow_table(("hyperparameter", "value"), rows[:_MOST_ROWS]),
    )
    if len(rows) > _MOST_ROWS:
        yield from ("", f"and {len(rows) - _MOST_ROWS} more, in the params of the model")


def _fitting(lines: Sequence[str]) -> str:
    """As many lines as there is room for; a line is never cut in the middle."""
    kept: list[str] = []
    room = MOST_CHARACTERS
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            return "\n".join([*kept, "", "…"])
        kept.append(line)
    return "\n".join(kept)
