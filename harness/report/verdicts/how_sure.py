"""The section of the report that shows what each verdict rests on."""

from collections.abc import Mapping, Sequence

from harness.analysis.cells import CellResults
from harness.analysis.statistics import Comparison
from harness.report.text import number, places, span
from harness.report.verdicts.per_example import NO_OUTCOMES, Outcomes, OutcomesByTask
from harness.report.verdicts.verdict import Judgement
from harness.system.markdown import NOTHING, bullets, code, plain, table
from harness.system.text import counted

HOW_TO_READ = """\
Each difference is judged for three kinds of luck. *Other seeds*: the models would be trained \
anew, and scored on the same test examples (Games-Howell). *Other examples*: the same models \
would be scored on other test examples of the same kind (paired bootstrap). *Both*: new models \
on other examples; the variances of the two are added. All are 95 % intervals that hold jointly \
for all pairs of a task's architectures. Two architectures are called different only if none of \
the intervals holds zero: one that leaves a source of luck out finds differences that are not \
there. The luck of the search is in none of them."""


def how_sure(
    tasks: Mapping[str, Sequence[CellResults]],
    judged: Mapping[str, Mapping[str, Judgement]],
    outcomes: OutcomesByTask = NO_OUTCOMES,
) -> str:
    """The section that shows all intervals of each difference; empty without a difference.

    Args:
        tasks: cells by task, as `by_task` gives them.
        judged: what `judge` says of each of these tasks.
        outcomes: what it was judged with.
    """
    blocks = []
    for task, group in tasks.items():
        scored = [cell for cell in group if cell.scores]
        if len(scored) > 1:
            blocks += [f"### {code(task)}", _differences(scored, judged[task])]
            blocks.append(_notes(outcomes.get(task)))
    return "\n\n".join(filter(None, [*blocks, HOW_TO_READ])) if blocks else ""


def _differences(scored: Sequence[CellResults], judged: Mapping[str, Judgement]) -> str:
    digits = places(scored)

    def written(comparison: Comparison | None) -> str:
        return NOTHING if comparison is None else span(comparison.difference, digits)

    rows = [
        [code(space), number(found.difference.mean, digits), written(found.seeds),
         written(found.examples), written(found.both), found.verdict]
        for space, found in judged.items()
    ]  # fmt: skip
    headers = [f"{code(scored[0].space)} minus", "difference", "other seeds", "other examples",
               "both", "verdict"]  # fmt: skip
    return table(headers, rows)


def _notes(outcomes: Outcomes | None) -> str:
    """By what the examples were compared, and what was not compared."""
    if outcomes is None:
        return ""
    notes = []
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
