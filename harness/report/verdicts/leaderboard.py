"""The leaderboard: scores with their intervals, floors, ceilings and costs, in words and drawn."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from harness.analysis.cells import CellResults
from harness.analysis.peaks import peak, share_of_peak
from harness.analysis.statistics import Interval, far_apart
from harness.journal.record import SweepRecord
from harness.report.across_tasks.pretraining import Starts, started
from harness.report.figure_style import FAINT, INK, STYLE, WIDTH, Styles, number_decades
from harness.report.text import decimals, duration, milliseconds, number, places, span
from harness.report.verdicts.verdict import Judged, Judgement
from harness.system.markdown import NOTHING, code, plain, table


def leaderboard_figure(tasks: Mapping[str, Sequence[CellResults]], styles: Styles) -> Figure:
    """One panel a task: mean and 95 % t interval of each architecture, its seeds as dots.

    Baseline and published reference are lines where they are near enough, and otherwise
    an arrow that says where they lie.

    Args:
        tasks: cells by task, the best first.
        styles: of the architectures.
    """
    largest = max((len(group) for group in tasks.values()), default=1)
    with matplotlib.rc_context(STYLE):
        figure, panels = _panels(len(tasks), height=1.25 + 0.36 * largest)
        for axes, (task, group) in zip(panels, tasks.items(), strict=True):
            _leaderboard_panel(axes, task, group, styles)
        keys = [
            Line2D([], [], color=INK, marker="o", label="mean, 95 % interval"),
            Line2D([], [], color=INK, marker=".", alpha=0.5, linestyle="", label="one seed"),
            Line2D([], [], color=FAINT, linestyle="--", label="baseline"),
            Line2D([], [], color=FAINT, linestyle=":", linewidth=1.8, label="published"),
        ]
        figure.legend(handles=keys, loc="outside lower center", ncols=4, frameon=False)
    return figure


def _panels(count: int, height: float) -> tuple[Figure, list[Axes]]:
    """A figure with `count` panels, two a row; a note instead when there is none."""
    columns = 1 if count < 2 else 2
    rows = max(1, math.ceil(count / columns))
    size = (WIDTH * columns + 1.2 * (columns == 1), height * rows + 0.4)
    spacing = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08)
    figure = Figure(figsize=size, layout=spacing, facecolor="white")
    panels = [figure.add_subplot(rows, columns, i + 1) for i in range(count)]
    if not panels:
        figure.text(0.5, 0.5, "No trial has been asked for yet.", ha="center", color=FAINT)
    return figure, panels


def _leaderboard_panel(axes: Axes, task: str, group: Sequence[CellResults], styles: Styles) -> None:
    for row, cell in enumerate(group):
        colour = styles[cell.space]["color"]
        if not cell.scores:
            axes.text(0.02, row, "no confirmed result", color=FAINT, style="italic", va="center",
                      transform=axes.get_yaxis_transform())  # fmt: skip
            continue
        interval = cell.interval
        if not math.isnan(interval.low):
            axes.plot([interval.low, interval.high], [row, row], color=colour, linewidth=2.2)
        offsets = row + 0.24 + np.zeros(len(cell.scores))
        axes.plot(cell.scores, offsets, ".", color=colour, alpha=0.55, markersize=5)
        axes.plot(interval.mean, row, "o", color=colour, markersize=7, markeredgecolor="white")
    axes.set_yticks(range(len(group)), [cell.space for cell in group])
    axes.set_ylim(len(group) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_title(task)
    better = "higher" if group[0].direction == "max" else "lower"
    note = f"{better} is better"
    if far_apart([cell.mean for cell in group if cell.scores], group[0].direction):
        axes.set_xscale("log")
        number_decades(axes.xaxis)
        note += ", logarithmic scale"
    else:
        axes.locator_params(axis="x", nbins=6)
    axes.set_xlabel(f"test {group[0].metric or 'score'} ({note})")
    if any(cell.scores for cell in group):
        _mark_bounds(axes, group[0])
    else:
        axes.set_xticks([])


def _mark_bounds(axes: Axes, cell: CellResults) -> None:
    """Draws baseline and reference where they do not squeeze the scores together."""
    scale, back = _scale(axes)
    low, high = (scale(end) for end in axes.get_xlim())
    bounds = sorted([(cell.baseline, "baseline", "--"), (cell.reference, "published", ":")])
    reach = high - low
    for value, _, style in bounds:
        place = scale(value)
        if low - reach < place < high + reach:
            width = 1.8 if style == ":" else 1.2
            axes.axvline(value, color=FAINT, linestyle=style, linewidth=width, zorder=0)
            low, high = min(low, place - 0.06 * reach), max(high, place + 0.06 * reach)
    axes.set_xlim(back(low), back(high))
    notes = []
    for value, name, _ in bounds:
        if math.isfinite(value) and not low <= scale(value) <= high:
            left = scale(value) < low
            notes.append(f"← {name} {number(value)}" if left else f"{name} {number(value)} →")
    if notes:
        axes.set_xlabel(axes.get_xlabel() + "\n" + "     ".join(notes))


def _scale(axes: Axes) -> tuple[Callable[[float], float], Callable[[float], float]]:
    """From a value to its place along the x axis, and back."""
    if axes.get_xscale() == "linear":
        return float, float
    return lambda value: math.log10(value) if value > 0 else -math.inf, lambda place: 10**place


HOW_TO_READ = """\
Scores are those of the test split, which the search never saw: the best configuration of \
each architecture is trained anew on every seed. Intervals of a score are 95 % Student t \
intervals over the seeds of one winner, or over the means of several searches: they hold the luck \
of initialisation and data order, of several searches that of the search, too, not the choice of \
the test examples, and end where the metric's scale does. Intervals of a difference hold jointly \
for all pairs of a task's architectures, and allow for other models and other test examples (see \
How sure); where one holds zero the two are called not distinguishable. Seconds are wall seconds \
in the worker."""


def how_started(group: Sequence[CellResults], starts: Starts) -> str:
    """Which architectures with a score start from a pretrained model, in a sentence, if any."""
    return started([cell for cell in group if cell.scores], starts)


def leaderboard_section(
    record: SweepRecord,
    tasks: Mapping[str, Sequence[CellResults]],
    judged: Judged,
    starts: Starts,
) -> str:
    """Scores, verdicts, bounds and costs of each task; empty without a task."""
    if not tasks:
        return ""
    device = peak(record.environment, record.sweep.precision, record.sweep.backend)
    blocks = ["![Test score of each architecture with its interval](leaderboard.png)"]
    for task, group in tasks.items():
        blocks += [f"### {code(task)}", _scores(group, judged[task])]
        blocks.append(_bounds(group[0]))
        blocks += [how_started(group, starts), _other_metrics(group), _costs(group, device)]
    blocks.append(HOW_TO_READ)
    return "\n\n".join(block for block in blocks if block)


def _scores(group: Sequence[CellResults], judged: Mapping[str, Judgement]) -> str:
    scored = [cell for cell in group if cell.scores]
    digits = places(group)
    rows = []
    for cell in group:
        interval = cell.interval
        difference, verdict = NOTHING, "best mean" if cell in scored[:1] else NOTHING
        if judgement := judged.get(cell.space):
            difference, verdict = number(judgement.difference.mean, digits), judgement.verdict
            if verdict != "unknown":
                difference += f" ({span(judgement.difference, digits)})"
        rows.append(
            [code(cell.space), number(cell.mean, digits), span(interval, digits),
             _counted(cell), difference, verdict]
        )  # fmt: skip
    better = "↑" if group[0].direction == "max" else "↓"
    score = f"{plain(group[0].metric) or 'score'} {better}"
    counts = "seeds" if group[0].searches == 1 else "searches x seeds"
    headers = ["architecture", score, "95 % interval", counts, "best minus this", "verdict"]
    return table(headers, rows)


def _counted(cell: CellResults) -> str:
    """How many runs a mean is taken over."""
    if cell.searches == 1 or not cell.sample:
        return str(len(cell.scores))
    return f"{len(cell.sample)} x {number(len(cell.scores) / len(cell.sample))}"


def _costs(group: Sequence[CellResults], device: float | None) -> str:
    def share(cell: CellResults) -> str:
        shares = [share_of_peak(run, device) for run in cell.confirm]
        known = [share for share in shares if share is not None]
        return f"{number(100 * statistics.median(known))} %" if known else NOTHING

    operations = [cell.median_cost(lambda cost: cost.flops) / 1e9 for cell in group]
    rates = [cell.median_cost(lambda cost: cost.flops_per_second) / 1e9 for cell in group]
    known = any(map(math.isfinite, operations))  # journals from before tell of none
    rows = [
        [code(cell.space), number(cell.median_cost(lambda cost: cost.parameters), 0),
         duration(cell.median_cost(lambda cost: cost.trained_seconds)),
         *([number(gflop), number(rate)] if known else []),
         *([share(cell)] if known and device else []),
         number(cell.median_cost(lambda cost: cost.examples_per_second)),
         milliseconds(cell.median_cost(lambda cost: cost.latency_ms)),
         duration(cell.search_seconds), str(len(cell.search)), str(len(cell.unscored))]
        for cell, gflop, rate in zip(group, operations, rates, strict=True)
    ]  # fmt: skip
    headers = ["cost", "parameters", "confirmation run", *(["GFLOP", "GFLOP/s"] if known else []),
               *(["of peak"] if known and device else []),
               "examples/s", "latency", "search", "search trials", "failed"]  # fmt: skip
    return table(headers, rows)


def _bounds(cell: CellResults) -> str:
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


def _other_metrics(group: Sequence[CellResults]) -> str:
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
