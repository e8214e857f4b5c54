"""The section of the report that shows what each verdict rests on."""

import math
from collections.abc import Iterable, Mapping, Sequence

from harness.analysis.cells import CellResults
from harness.analysis.sequential import confidence_at
from harness.analysis.statistics import Comparison
from harness.journal.record import Look
from harness.report.text import listed, number, places, span
from harness.report.verdicts.beside_rivals import NONE_BESIDE, Beside, BesideByTask
from harness.report.verdicts.more_seeds import seeds_of_pairs
from harness.report.verdicts.per_example import NO_OUTCOMES, Outcomes, OutcomesByTask
from harness.report.verdicts.verdict import Judgement
from harness.system.markdown import NOTHING, bullets, code, plain, table
from harness.system.text import counted

HOW_TO_READ = """\
Each difference is judged for the luck of the models and of the test examples. *Other seeds*: the \
configurations found would be trained anew, and scored on the same test examples (Games-Howell). \
*Other searches*, where there were several: the configurations would be searched for anew, too, so \
that the means of the searches are compared. *Other examples*: the same models would be scored on \
other test examples of the same kind (paired bootstrap). *Both*: new models on other examples; the \
variances of the two are added, and the interval is at least as wide as either. All are 95 % \
intervals that hold jointly for all pairs of a task's architectures. Two architectures are called \
different only if none of the intervals holds zero: one that leaves a source of luck out finds \
differences that are not there. Where one cannot be judged, nothing is said (*unknown*)."""
LOOKED_AGAIN = """\
Where seeds were added until the verdict was clear, intervals of differences have the confidence \
that is said there, not 95 %. Those of single scores stay as they are, and do not allow for the \
looks."""
ONE_SEARCH = """\
**The luck of the search is not included{where}**: each architecture was searched once, and what \
is said holds for the configurations that were found. Another search finds others, and may turn \
the order round. `searches = 3` in the sweep file judges it, at three times the cost."""


def how_sure(
    tasks: Mapping[str, Sequence[CellResults]],
    judged: Mapping[str, Mapping[str, Judgement]],
    outcomes: OutcomesByTask = NO_OUTCOMES,
    beside: BesideByTask = NONE_BESIDE,
    looks: Sequence[Look] = (),
) -> str:
    """The section that shows all intervals of each difference; empty without a difference.

    Args:
        tasks: cells by task, as `by_task` gives them.
        judged: what `judge` says of each of these tasks.
        outcomes: what it was judged with.
        beside: the best architectures beside the best simple methods.
        looks: at verdicts, where seeds were added until they were clear.
    """
    blocks = []
    for task, group in tasks.items():
        scored = [cell for cell in group if cell.scores]
        if len(scored) > 1:
            blocks += [f"### {code(task)}", _differences(scored, judged[task])]
            blocks.append(_notes(outcomes.get(task), seeds_of_pairs(group, looks)))
        if scored and task in beside and beside[task].rival.name:
            if len(scored) == 1:
                blocks.append(f"### {code(task)}")
            blocks.append(_beside(scored, beside[task]))
    if not blocks:
        return ""
    once = [code(task) for task, group in tasks.items() if group[0].searches == 1]
    luck = ""
    if once:
        luck = ONE_SEARCH.format(where="" if len(once) == len(tasks) else f" on {listed(once)}")
    again = LOOKED_AGAIN if any(group[0].looks for group in tasks.values()) else ""
    return "\n\n".join(filter(None, [*blocks, HOW_TO_READ, again, luck]))


def _differences(scored: Sequence[CellResults], judged: Mapping[str, Judgement]) -> str:
    digits = places(scored)

    def written(comparison: Comparison | None) -> str:
        return NOTHING if comparison is None else span(comparison.difference, digits)

    rows = [
        [code(space), number(found.difference.mean, digits), written(found.runs),
         written(found.examples), written(found.both and Comparison(found.difference)),
         found.verdict]
        for space, found in judged.items()
    ]  # fmt: skip
    models = "other seeds" if scored[0].searches == 1 else "other searches"
    headers = [f"{code(scored[0].space)} minus", "difference", models, "other examples",
               "both", "verdict"]  # fmt: skip
    return table(headers, rows)


def _beside(scored: Sequence[CellResults], found: Beside) -> str:
    """How sure it is that the best architecture beats the best simple method."""
    digits, interval = places(scored), found.difference
    text = f"{code(found.space)} minus {found.rival.described}: {number(interval.mean, digits)}"
    if math.isnan(interval.low):
        return f"{text} (no interval)."
    luck = "other models, the same test examples"
    if found.paired:
        luck = "other models on other test examples, drawn in pairs"
    level = 100 * confidence_at(scored[0].seeds, scored[0].looks)
    return f"{text} ({level:.3g} % interval {span(interval, digits)}; {luck})."


def _notes(outcomes: Outcomes | None, seeds: Iterable[str]) -> str:
    """How many seeds there are and why; by what the examples were compared, and what was not."""
    notes = [f"{note[0].upper()}{note[1:]}." for note in seeds]
    if outcomes is None:
        return bullets(notes)
    if outcomes.values:
        examples = next(iter(outcomes.values.values())).shape[1]
        note = f"{counted(examples, 'test example')}, by the {plain(outcomes.what)}"
        if outcomes.block > 1:
            note += (
                f"; they follow each other in a series and are drawn in blocks of {outcomes.block}"
            )
        notes.append(f"{note}.")
    notes += [f"Not compared on the same examples: {plain(why)}." for why in outcomes.reasons]
    return bullets(notes)
