"""The report as one Markdown page: the answer first, then all it rests on."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from harness.lines import counted
from harness.record import SweepRecord
from harness.report.cells import Cell, by_task, cells
from harness.report.evidence import (
    configurations,
    data,
    environment,
    failures,
    question,
    reproduce,
    spending,
)
from harness.report.examples import Family, families
from harness.report.exhibits import NO_EXHIBITS, Exhibits
from harness.report.judgement import Judgement, judge
from harness.report.looking import figure_name, image, looking
from harness.report.outcomes import NO_OUTCOMES, OutcomesByTask
from harness.report.pretraining import costs, differences, pairs, payoff, started
from harness.report.profiles import speed
from harness.report.ranks import ranking
from harness.report.searching import Searches, read_searches, searching, worth
from harness.report.starts import NO_STARTS, Starts
from harness.report.statistics import Interval, mean_interval
from harness.report.summary import cautions, conclusion, places
from harness.report.sureness import how_sure
from harness.report.words import (
    NOTHING,
    bullets,
    code,
    decimals,
    duration,
    listed,
    milliseconds,
    number,
    plain,
    span,
    table,
)

HOW_TO_READ = """\
Scores are those of the test split, which the search never saw: the best configuration of \
each architecture is trained anew on every seed. Intervals of a score are 95 % Student t \
intervals over seeds; they hold the luck of initialisation and data order, not the choice of the \
test examples nor the luck of the search, and are not cut at the ends of a metric's scale. \
Intervals of a difference hold jointly for all pairs of a task's architectures, and allow for \
other seeds and, where the outcomes of the test examples are kept, for other examples too (see How \
sure); where one holds zero the two are called not distinguishable. Seconds are wall seconds in \
the worker."""

Judged: TypeAlias = Mapping[str, Mapping[str, Judgement]]
"""What is said of the best architecture against each other one, by task and architecture."""


def markdown(
    record: SweepRecord,
    exhibits: Exhibits = NO_EXHIBITS,
    starts: Starts = NO_STARTS,
    outcomes: OutcomesByTask = NO_OUTCOMES,
    searches: Searches | None = None,
) -> str:
    """The page that `report.md` holds.

    Args:
        record: the journal.
        exhibits: what the confirmed models did.
        starts: which cells start from the model of another one.
        outcomes: of the test examples; without them, differences allow for seeds alone.
        searches: what `read_searches` says of the record, if it is known already.

    Returns:
        Markdown that shows the figures of its own folder by name.
    """
    found = cells(record)
    tasks = by_task(found)
    twins = pairs(tasks, starts)
    searches = searches or read_searches(record)
    judged = {task: judge(group, outcomes.get(task)) for task, group in tasks.items()}
    parts = [
        f"# {_title(record)}",
        _summary(tasks, judged, starts, payoff(twins)),
        _section("Read with care", bullets(cautions(record, found))),
        _section("Leaderboard", _leaderboard(tasks, judged, starts) if tasks else ""),
        _section("How sure", how_sure(tasks, judged, outcomes)),
        _section("Does pretraining pay?", differences(twins)),
        _section("What pretraining cost", costs(found, starts)),
        _section("With fewer examples", _fewer_examples(families(record))),
        _section("Across tasks", ranking(record)),
        _section("Score against cost", worth(searches)),
        _section("The search", searching(searches)),
        _section("How fast", speed(record)),
        _section("Looking", looking(tasks, exhibits)),
        _section("Best configurations", configurations(found)),
        _section("Failures", failures(tasks, record)),
        _section("What each cell spent", spending(record, found)),
        _section("The question", question(record)),
        _section("Data", data(record)),
        _section("Environment", environment(record)),
        _section("Reproduce", reproduce(record)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _title(record: SweepRecord) -> str:
    tasks, spaces = record.sweep.tasks, record.sweep.spaces
    which = listed([code(name) for name in spaces])
    which = f"of {which}" if 1 < len(spaces) <= 4 else f"of {counted(len(spaces), 'architecture')}"
    on = listed([code(name) for name in tasks]) if len(tasks) <= 3 else f"{len(tasks)} tasks"
    return f"{plain(record.sweep.name)}: which {which} is best on {on}, at equal cost?"


def _summary(
    tasks: Mapping[str, Sequence[Cell]], judged: Judged, starts: Starts, further: Iterable[str]
) -> str:
    if not tasks:
        return "No trial has been asked for yet."
    sentences = [
        f"{conclusion(task, group, judged[task])} {_started(group, starts)}".rstrip()
        for task, group in tasks.items()
    ]
    sentences += further
    return sentences[0] if len(sentences) == 1 else bullets(sentences)


def _started(group: Sequence[Cell], starts: Starts) -> str:
    return started([cell for cell in group if cell.scores], starts)


def _leaderboard(tasks: Mapping[str, Sequence[Cell]], judged: Judged, starts: Starts) -> str:
    blocks = ["![Test score of each architecture with its interval](leaderboard.png)"]
    for task, group in tasks.items():
        blocks += [f"### {code(task)}", _scores(group, judged[task])]
        blocks.append(_bounds(group[0]))
        blocks += [_started(group, starts), _other_metrics(group), _costs(group)]
    blocks.append(HOW_TO_READ)
    return "\n\n".join(block for block in blocks if block)


def _scores(group: Sequence[Cell], judged: Mapping[str, Judgement]) -> str:
    scored = [cell for cell in group if cell.scores]
    digits = places(group)
    rows = []
    for cell in group:
        interval = mean_interval(cell.scores)
        difference, verdict = NOTHING, "best mean" if cell in scored[:1] else NOTHING
        if judgement := judged.get(cell.space):
            difference, verdict = number(judgement.difference.mean, digits), judgement.verdict
            if verdict != "unknown":
                difference += f" ({span(judgement.difference, digits)})"
        rows.append(
            [code(cell.space), number(cell.mean, digits), span(interval, digits),
             str(len(cell.scores)), difference, verdict]
        )  # fmt: skip
    better = "↑" if group[0].direction == "max" else "↓"
    score = f"{plain(group[0].metric) or 'score'} {better}"
    headers = ["architecture", score, "95 % interval", "seeds", "best minus this", "verdict"]
    return table(headers, rows)


def _costs(group: Sequence[Cell]) -> str:
    rows = [
        [code(cell.space), number(cell.median_cost(lambda cost: cost.parameters), 0),
         duration(cell.median_cost(lambda cost: cost.seconds)),
         number(cell.median_cost(lambda cost: cost.examples_per_second)),
         milliseconds(cell.median_cost(lambda cost: cost.latency_ms)),
         duration(cell.search_seconds), str(len(cell.search)), str(len(cell.unscored))]
        for cell in group
    ]  # fmt: skip
    headers = ["cost", "parameters", "confirmation run", "examples/s", "latency", "search",
               "search trials", "failed"]  # fmt: skip
    return table(headers, rows)


def _bounds(cell: Cell) -> str:
    """The line below a leaderboard: its floor and its ceiling."""
    digits = places([cell]) if cell.scores else None

    def written(value: float) -> str:
        # As finely as the scores, unless it is of another size.
        own = decimals([Interval(value, value, value)]) + 1
        return number(value, None if digits is None else min(digits, own))

    floor = f"Trivial baseline: {written(cell.baseline)}."
    if cell.rivals:
        others = (f"{plain(name)} {written(value)}" for name, value in cell.rivals.items())
        floor += f" Other baselines: {', '.join(others)}."
    if cell.data is None or cell.data.reference is None:
        return f"{floor} No published reference."
    return (
        f"{floor} Published reference: {written(cell.reference)} "
        f"({plain(cell.data.reference.source)})."
    )


def _other_metrics(group: Sequence[Cell]) -> str:
    """Means of the other test metrics of the runs that have a score, if there are any."""
    means = {cell.space: cell.other_metrics for cell in group if cell.scores}
    names = sorted({name for found in means.values() for name in found})
    if not names:
        return ""
    rows = [
        [code(space), *(number(found.get(name, math.nan)) for name in names)]
        for space, found in means.items()
    ]
    return table(["other test metrics", *map(plain, names)], rows)


def _fewer_examples(found: Sequence[Family]) -> str:
    """The figure of each family of tasks, with a line that says what it shows."""
    blocks = []
    for family in found:
        parts = [f"{percent} % ({code(task)})" for percent, task in family.parts.items()]
        blocks += [
            f"### {code(family.name)}",
            image("Score against training examples", figure_name("examples", family.name)),
            f"Mean test {plain(family.metric)} with its 95 % interval after training on "
            f"{listed(parts)} of the labelled examples.",
        ]
    return "\n\n".join(blocks)


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}" if body else ""
