"""The report as one Markdown page: the answer first, then all it rests on."""

from collections.abc import Iterable, Mapping, Sequence

from harness.analysis.cells import CellResults, by_task, cell_results
from harness.analysis.exhibits import NO_EXHIBITS, Exhibits
from harness.journal.record import SweepRecord
from harness.report.across_tasks.pretraining import (
    NO_STARTS,
    Starts,
    costs,
    differences,
    pairs,
    payoff,
)
from harness.report.across_tasks.profiles import speed
from harness.report.across_tasks.ranks import ranking
from harness.report.across_tasks.training_size import families, fewer_examples
from harness.report.appendix import (
    configurations,
    data,
    environment,
    failures,
    question,
    reproduce,
    spending,
)
from harness.report.samples.section import looking
from harness.report.searches.section import Searches, read_searches, searching, worth
from harness.report.text import listed
from harness.report.verdicts.how_sure import how_sure
from harness.report.verdicts.leaderboard import how_started, leaderboard_section
from harness.report.verdicts.per_example import NO_OUTCOMES, OutcomesByTask
from harness.report.verdicts.summary import cautions, conclusion
from harness.report.verdicts.verdict import Judged, judge
from harness.system.markdown import bullets, code, plain
from harness.system.text import counted


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
    found = cell_results(record)
    tasks = by_task(found)
    twins = pairs(tasks, starts)
    searches = searches or read_searches(record)
    judged = {task: judge(group, outcomes.get(task)) for task, group in tasks.items()}
    parts = [
        f"# {_title(record)}",
        _summary(tasks, judged, starts, payoff(twins)),
        _section("Read with care", bullets(cautions(record, found))),
        _section("Leaderboard", leaderboard_section(tasks, judged, starts) if tasks else ""),
        _section("How sure", how_sure(tasks, judged, outcomes)),
        _section("Does pretraining pay?", differences(twins)),
        _section("What pretraining cost", costs(found, starts)),
        _section("With fewer examples", fewer_examples(families(record))),
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
    tasks: Mapping[str, Sequence[CellResults]],
    judged: Judged,
    starts: Starts,
    further: Iterable[str],
) -> str:
    if not tasks:
        return "No trial has been asked for yet."
    sentences = [
        f"{conclusion(task, group, judged[task])} {how_started(group, starts)}".rstrip()
        for task, group in tasks.items()
    ]
    sentences += further
    return sentences[0] if len(sentences) == 1 else bullets(sentences)


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}" if body else ""
