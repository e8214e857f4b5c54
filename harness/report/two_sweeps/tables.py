"""Two sweeps cell by cell as tables in Markdown."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from harness.analysis.cells import CellResults, by_task
from harness.report.text import duration, flat, milliseconds, number, places, span
from harness.report.two_sweeps.per_cell import JUDGED, LEVEL, Contrast
from harness.system.markdown import NOTHING, code, plain, table
from harness.system.text import counted
from harness.trial import Cost

HOW_TO_READ = f"""\
Means of the test scores over seeds. Differences are B minus A with the 95 % interval of that \
cell alone (Welch's t test over the seeds). As many cells are compared, p values are corrected \
after Holm, and a cell is called better or worse below {LEVEL}: its interval may leave out zero \
and the cell still not be distinguishable. Each sweep searched for itself, so that a difference \
holds the luck of two searches as well."""
REASONS = 5
"""Reasons of failures that are told apart for each cell."""


def _by_task(found: Sequence[Contrast]) -> dict[str, list[Contrast]]:
    """Contrasts of each task, in the order of the leaderboard of B, those of A alone last."""
    rank: dict[tuple[str, str], int] = {}
    for side in ([c.b for c in found], [c.a for c in found]):
        for group in by_task([cell for cell in side if cell]).values():
            for cell in group:
                rank.setdefault((cell.task, cell.space), len(rank))
    groups: dict[str, list[Contrast]] = {}
    for contrast in found:
        groups.setdefault(contrast.task, []).append(contrast)
    return {
        task: sorted(group, key=lambda c: rank[c.task, c.space]) for task, group in groups.items()
    }


def scores(found: Sequence[Contrast]) -> str:
    """The means of both, their differences and the verdicts, task by task."""
    blocks = []
    for task, group in _by_task(found).items():
        headers = ["architecture", "A", "B", "B minus A", "p", "seeds", "verdict"]
        rows = [_score_row(contrast, _places(group)) for contrast in group]
        blocks += [f"### {code(task)}", _measured(group), table(headers, rows), _best(group)]
    return "\n\n".join([*filter(None, blocks), HOW_TO_READ]) if blocks else ""


def _measured(group: Sequence[Contrast]) -> str:
    """What the scores are, and of each where that changed."""
    named = []
    for side in ([c.a for c in group], [c.b for c in group]):
        cell = next((cell for cell in side if cell and cell.data), None)
        better = "higher" if cell and cell.direction == "max" else "lower"
        named.append(f"{plain(cell.metric)} ({better} is better)" if cell else "")
    if len(known := dict.fromkeys(filter(None, named))) < 2:
        return f"Test {next(iter(known))}." if known else ""
    return f"A: test {named[0]}; B: test {named[1]}."


def _places(group: Sequence[Contrast]) -> int:
    scored = [cell for c in group for cell in (c.b, c.a) if cell and cell.scores]
    return places(scored) if scored else 3


def _score_row(contrast: Contrast, digits: int) -> list[str]:
    difference, p_value = NOTHING, NOTHING
    if contrast.comparison is not None:
        difference = number(contrast.comparison.difference.mean, digits)
        if contrast.outcome in JUDGED:
            difference += f" ({span(contrast.comparison.difference, digits)})"
            small = contrast.p_value < 0.001
            p_value = "< 0.001" if small else number(contrast.p_value, 3)
    means = (number(cell.mean, digits) if cell else NOTHING for cell in _both(contrast))
    seeds = (len(cell.scores) if cell else 0 for cell in _both(contrast))
    verdict = f"**{contrast.outcome}**" if contrast.outcome in _LOUD else contrast.outcome
    return [code(contrast.space), *means, difference, p_value, _arrow(*map(str, seeds)), verdict]


_LOUD = ("worse", "lost", "better")


def _best(group: Sequence[Contrast]) -> str:
    """Which architecture has the best mean in each."""
    first: list[str] = []
    for side in ([c.a for c in group], [c.b for c in group]):
        scored = [cell for cell in side if cell and cell.scores]
        ranked = next(iter(by_task(scored).values()), [])
        first.append(code(ranked[0].space) if ranked else "none")
    if first[0] == first[1]:
        return f"Best mean in both: {first[0]}."
    return f"Best mean in A: {first[0]}; in B: {first[1]}."


def costs(found: Sequence[Contrast], same_machine: bool) -> str:
    """What a run costs in both, task by task; times without a ratio unless on one machine."""
    blocks = []
    for task, group in _by_task(found).items():
        rows = [
            [
                code(c.space),
                _cost(c, lambda cost: cost.trained_seconds, duration, same_machine),
                _cost(c, lambda cost: cost.parameters, lambda value: number(value, 0), True),
                _cost(c, lambda cost: cost.latency_ms, milliseconds, same_machine),
                _arrow(*(duration(cell.search_seconds) if cell else NOTHING for cell in _both(c))),
            ]
            for c in group
        ]
        headers = ["architecture", "confirmation run", "parameters", "latency", "search"]
        blocks += [f"### {code(task)}", table(headers, rows)]
    return "\n\n".join(blocks)


def _cost(
    contrast: Contrast,
    of: Callable[[Cost], float | None],
    written: Callable[[float], str],
    comparable: bool,
) -> str:
    """`7.3 min → 8.8 min (1.2 times)`; without the ratio where it would mislead."""
    a, b = (cell.median_cost(of) if cell else math.nan for cell in _both(contrast))
    text = _arrow(written(a), written(b))
    if comparable and a > 0 and b > 0 and written(a) != written(b):
        text += f" ({number(b / a)} times)"
    return text


def _arrow(a: str, b: str) -> str:
    return a if a == b else f"{a} → {b}"


def configurations(found: Sequence[Contrast]) -> str:
    """What differs between the configurations that were found for the cells of both."""
    rows = []
    for contrast in found:
        best = [cell.best if cell else None for cell in _both(contrast)]
        if best[0] is None or best[1] is None:
            continue
        a, b = ({**result.config, **result.training} for result in best if result)
        changed = [
            f"{plain(name)} {plain(_value(a, name))} → {plain(_value(b, name))}"
            for name in dict.fromkeys((*a, *b))
            if _value(a, name) != _value(b, name)
        ]
        if changed:
            rows.append([code(contrast.task), code(contrast.space), ", ".join(changed)])
    if not rows:
        return ""
    return table(["task", "architecture", "changed from A to B"], rows, left=3)


def _value(config: Mapping[str, object], name: str) -> str:
    value = config.get(name, NOTHING)
    return f"{value:.3g}" if isinstance(value, float) else flat(value)


def failures(found: Sequence[Contrast]) -> str:
    """Why trials have no score, and how often in each."""
    rows = []
    for contrast in found:
        a, b = (_reasons(cell) for cell in _both(contrast))
        reasons = (a + b).most_common()
        for reason, _ in reasons[:REASONS]:
            row = [code(contrast.task), code(contrast.space), code(reason)]
            rows.append([*row, str(a[reason]), str(b[reason])])
        if rest := reasons[REASONS:]:
            more = f"{counted(len(rest), 'other reason')}, see trials.csv"
            sums = (str(sum(side[reason] for reason, _ in rest)) for side in (a, b))
            rows.append([code(contrast.task), code(contrast.space), more, *sums])
    if not rows:
        return "None in either."
    return table(["task", "architecture", "reason", "A", "B"], rows, left=3)


def _reasons(cell: CellResults | None) -> Counter[str]:
    """How often each reason left a trial without a score."""
    return Counter(
        f"{result.status}: {result.failure.message.strip().partition(chr(10))[0]}"
        if result.failure
        else f"{result.status}: a score that is not a number"
        for result in (cell.unscored if cell else ())
    )


def _both(contrast: Contrast) -> tuple[CellResults | None, CellResults | None]:
    return contrast.a, contrast.b
