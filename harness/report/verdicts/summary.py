"""The answer in sentences: who is best, how sure that is, and what to mistrust."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from harness import registry
from harness.analysis.cells import CellResults
from harness.journal.record import SweepRecord
from harness.report.across_tasks.pretraining import Starts
from harness.report.text import duration, listed, number, places, score_of, span
from harness.report.verdicts.beside_rivals import Beside, BesideByTask
from harness.report.verdicts.leaderboard import how_started
from harness.report.verdicts.verdict import Judged, Judgement
from harness.sweep.question import Sweep
from harness.system.markdown import bullets, code, plain
from harness.system.text import counted


def title(sweep: Sweep) -> str:
    """The question as the heading of a page."""
    tasks, spaces = sweep.tasks, sweep.spaces
    which = listed([code(name) for name in spaces])
    which = f"of {which}" if 1 < len(spaces) <= 4 else f"of {counted(len(spaces), 'architecture')}"
    on = listed([code(name) for name in tasks]) if len(tasks) <= 3 else f"{len(tasks)} tasks"
    return f"{plain(sweep.name)}: which {which} is best on {on}, at equal cost?"


def summary(
    tasks: Mapping[str, Sequence[CellResults]],
    judged: Judged,
    beside: BesideByTask,
    starts: Starts,
    further: Iterable[str],
    first: Iterable[str] = (),
) -> str:
    """The answer in a few sentences: the `first` ones, one or two a task, the `further` ones."""
    if not tasks:
        return "No trial has been asked for yet."
    sentences = [
        f"{conclusion(task, group, judged[task], beside.get(task))} "
        f"{how_started(group, starts)}".rstrip()
        for task, group in tasks.items()
    ]
    sentences = [*first, *sentences, *further]
    text = sentences[0] if len(sentences) == 1 else bullets(sentences)
    compared = [group for group in tasks.values() if sum(bool(cell.scores) for cell in group) > 1]
    if any(group[0].searches == 1 for group in compared):
        text += (
            "\n\nThe luck of the search is not included: each architecture was searched once, and "
            "what is said of differences holds for the configurations that were found."
        )
    return text


def conclusion(
    task: str,
    group: Sequence[CellResults],
    judged: Mapping[str, Judgement],
    beside: Beside | None = None,
) -> str:
    """What the scores of one task allow to say, in a few sentences.

    Args:
        task: its name.
        group: the task's cells, best first, as `by_task` gives them.
        judged: what `judge` says of them.
        beside: the best one beside the best simple method.
    """
    text = _with_the_simple(task, group, beside, _of_the_scored(task, group, judged))
    missing = [cell for cell in group if not cell.scores]
    if missing and len(missing) < len(group):
        verb = "has" if len(missing) == 1 else "have"
        text += f" {_names(missing)} {verb} no confirmed result."
    return text


def _with_the_simple(
    task: str, group: Sequence[CellResults], found: Beside | None, text: str
) -> str:
    """What is said of the architectures, behind what matters more: that none of them beats the
    best of the simple methods. Where one does, that comes last."""
    if found is None:
        return text
    scored, rival = [cell for cell in group if cell.scores], found.rival
    best = scored[0]
    simple = f"{rival.described} ({plain(best.metric)} {number(rival.value)}"
    if found.standing in ("beaten", "ahead of"):
        verb = "beats" if found.standing == "beaten" else "is ahead of"
        return f"{text} It {verb} {simple})." if best.rivals else text
    verdict = "nothing beats"
    if found.standing == "not told from":
        verdict = "no architecture can be told from"
    rest = text.removeprefix(f"On {code(task)} ")
    beside = f"best {code(best.space)} {number(best.mean)}"
    among = "Of the architectures " if len(scored) > 1 else ""
    return f"On {code(task)} {verdict} {simple}; {beside}). {among}{rest}"


def _of_the_scored(task: str, group: Sequence[CellResults], judged: Mapping[str, Judgement]) -> str:
    scored = [cell for cell in group if cell.scores]
    if not scored:
        trials = sum(len(cell.search) for cell in group)
        failed = sum(result.phase == "search" for cell in group for result in cell.unscored)
        return (
            f"On {code(task)} no architecture has a confirmed result "
            f"({counted(trials, 'search trial')}, {failed} without a score)."
        )
    best, others = scored[0], scored[1:]
    score = score_of(best, places(scored))
    if not others:
        rest = " with a confirmed result" if len(group) > 1 else ""
        return f"On {code(task)} {code(best.space)} is the only architecture{rest}: {score}."
    unclear = [c for c in others if judged[c.space].verdict == "not distinguishable"]
    unknown = [c for c in others if judged[c.space].verdict == "unknown"]
    if not unclear and not unknown:
        return (
            f"On {code(task)} {code(best.space)} is best: {score}, "
            f"{_ahead(best, others[0], judged[others[0].space], places(scored))}."
        )
    most = "highest" if best.direction == "max" else "lowest"
    text = f"On {code(task)} {code(best.space)} has the {most} mean: {score}"
    if unclear:
        text += f", but is not distinguishable from {_names(unclear)}"
    for reason in dict.fromkeys(judged[cell.space].ungrounded for cell in unknown):
        those = [cell for cell in unknown if judged[cell.space].ungrounded == reason]
        text += f"; whether it differs from {_names(those)} cannot be said, as {reason}"
    next_best = judged[others[0].space]
    return f"{text}. {_next(best, others[0], next_best, places(scored))}"


def cautions(record: SweepRecord, tasks: Mapping[str, Sequence[CellResults]]) -> list[str]:
    """What a reader must know before believing the table, one sentence each."""
    sentences = [*_of_the_sweep(record, [cell for group in tasks.values() for cell in group])]
    for task, group in tasks.items():
        for cell in group:
            sentences += _of_a_cell(f"On {code(task)} {code(cell.space)}", record, cell)
    return sentences


def _of_the_sweep(record: SweepRecord, found: Sequence[CellResults]) -> Iterator[str]:
    sweep = record.sweep
    open_cells = [cell for cell in found if not cell.finished]
    begun = {(cell.task, cell.space) for cell in found}
    missing = [task for task in sweep.tasks if all(cell.task != task for cell in found)]
    waiting = sum(
        task not in missing and (task, space) not in begun and registry.fit(task, space)
        for task in sweep.tasks
        for space in sweep.spaces
    )
    if open_cells or missing or waiting:
        parts = []
        if open_cells:
            parts.append(f"{len(open_cells)} of {counted(len(found), 'cell')} still at work")
        if waiting:
            parts.append(f"{counted(waiting, 'cell')} not begun")
        if missing:
            parts.append(f"nothing begun on {listed([code(task) for task in missing])}")
        yield f"The sweep is unfinished: {', '.join(parts)}. Running it again carries on."
    if any(
        _ran_on(environment) != _ran_on(record.environment) for environment in record.environments
    ):
        yield (
            "The sweep was carried on with other versions of the packages or of the code than it "
            "began with: its trials are not all comparable."
        )
    for changes in record.growth:
        yield (
            f"The question grew after it was first asked ({code('; '.join(changes))}): whoever saw "
            "test scores before may have decided by them how much more to ask."
        )
    yield from _of_the_budgets(sweep)


def _of_the_budgets(sweep: Sweep) -> Iterator[str]:
    parts: dict[float, list[str]] = {}
    for task in sweep.tasks:
        parts.setdefault(sweep.budget_of(task).train_fraction, []).append(task)
    for fraction, tasks in parts.items():
        if fraction < 1:
            yield (
                f"{_on(tasks, sweep, 'The')} search trained on {number(100 * fraction)} % "
                "of the training split, confirmation on all of it: an architecture that gains "
                "from more data may have been given another configuration than it would find on "
                "all of it."
            )
    single = [task for task in sweep.tasks if len(sweep.seeds_of(task)) < 2]
    if single:
        yield (
            f"{_on(single, sweep, 'With')} one seed there is no interval, and no "
            "difference can be told from luck."
        )


def _on(tasks: Sequence[str], sweep: Sweep, first: str) -> str:
    """The first word of a sentence that holds for these tasks, which are named if not all."""
    if len(tasks) == len(sweep.tasks):
        return first
    return f"On {listed([code(task) for task in tasks])} {first.lower()}"


def _ran_on(environment: Mapping[str, Any]) -> tuple[Any, ...]:
    """What makes trials comparable: the versions and the code."""
    return tuple(environment.get(key) for key in ("python", "packages", "plugins", "git_commit"))


def _of_a_cell(where: str, record: SweepRecord, cell: CellResults) -> Iterator[str]:
    runs = cell.seeds * cell.searches
    search_failed = sum(not math.isfinite(cell.score(result)) for result in cell.search)
    if 2 * search_failed >= len(cell.search) > 0:
        yield f"{where} has no score in {search_failed} of {len(cell.search)} search trials."
    if not cell.scores:
        if cell.finished:
            # A search that never began did so for a reason, such as that pretraining failed.
            reason = f": {plain(cell.ended)}" if cell.ended and not cell.search else ""
            yield f"{where} has no confirmed result{reason}."
        return
    if cell.finished and len(cell.scores) < runs:
        yield (
            f"{where} has a score on {len(cell.scores)} of {runs} seeds only; "
            "the mean leaves the others out."
        )
    interval = cell.interval
    if math.isfinite(cell.baseline):
        metric, floor = cell.metric, number(cell.baseline)
        gain = cell.mean - cell.baseline if cell.direction == "max" else cell.baseline - cell.mean
        if gain <= 0:
            yield f"{where} does not beat the trivial baseline ({metric} {floor})."
        elif interval.low <= cell.baseline <= interval.high:
            yield f"{where} is not distinguishable from the trivial baseline ({metric} {floor})."
    if interval.low == interval.high:
        yield (
            f"{where} reached the same score with every seed: either the seed does not matter, "
            "or the test split is too small to show that it does."
        )


def _ahead(best: CellResults, other: CellResults, judgement: Judgement, digits: int) -> str:
    """`0.012 above `mlp` (0.004 to 0.020), at 2.1 times its training cost`."""
    side = "above" if best.direction == "max" else "below"
    text = f"{number(abs(judgement.difference.mean), digits)} {side} {code(other.space)}"
    if not math.isnan(judgement.difference.low):
        ends = sorted(abs(end) for end in (judgement.difference.low, judgement.difference.high))
        text += f" ({number(ends[0], digits)} to {number(ends[1], digits)})"
    return text + _cost(best, other)


def _next(best: CellResults, other: CellResults, judgement: Judgement, digits: int) -> str:
    """A sentence on the runner-up that names the difference with its sign."""
    difference = judgement.difference
    alone = math.isnan(difference.low) and not round(difference.mean, digits)
    shown = None if alone else digits  # rather than no difference at all
    text = f"The difference to {code(other.space)} is {number(difference.mean, shown)}"
    if not math.isnan(difference.low):
        text += f" ({span(difference, digits)})"
    return f"{text}{_cost(best, other)}."


def _cost(best: CellResults, other: CellResults) -> str:
    ours, theirs = (c.median_cost(lambda cost: cost.trained_seconds) for c in (best, other))
    if not (ours > 0 and theirs > 0):
        return ""
    if ours > 1.05 * theirs:
        return f", at {number(ours / theirs, 1)} times its training cost ({duration(ours)} a run)"
    if theirs > 1.05 * ours:
        return f", at {number(100 * ours / theirs, 0)} % of its training cost"
    return ", at the same training cost"


def _names(group: Iterable[CellResults]) -> str:
    return listed([code(cell.space) for cell in group])
