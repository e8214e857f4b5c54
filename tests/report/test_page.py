"""What a person reads: the sentences, and that no state of a sweep breaks the page."""

import dataclasses
import math
import re
import sys

import pytest

from harness import report
from harness.analysis.cells import exit_code
from harness.analysis.statistics import Interval
from harness.journal.read import read_journal
from harness.journal.write import Journal
from harness.report.text import decimals, duration, number
from harness.spec import HarnessError, Objective, Reference
from harness.sweep.question import Sweep
from harness.system import atomic_files
from harness.system.markdown import code
from harness.trial import Failure, TrialResult
from tests.answered import markdown
from tests.synthetic import ENVIRONMENT, write_journal


def record_of(folder, **options):
    write_journal(folder, **options)
    return read_journal(folder)


def with_scores(record, scores):
    """The record with the test accuracies of each space set, in order of the seeds."""

    def edit(entry):
        if not isinstance(entry, TrialResult) or entry.phase == "search":
            return entry
        value = scores[entry.space][entry.number]
        cost = dataclasses.replace(entry.cost, seconds=20.0 if entry.space == "cnn" else 10.0)
        return dataclasses.replace(entry, metrics={"test_accuracy": value}, cost=cost)

    return dataclasses.replace(record, history=tuple(map(edit, record.history)))


def only_digits(tmp_path, cnn, mlp):
    record = record_of(tmp_path, tasks=("digits",), seeds=tuple(range(len(cnn))), failures=False)
    return markdown(with_scores(record, {"cnn": cnn, "mlp": mlp}))


def test_a_clear_winner_is_named_with_its_lead_and_its_cost(tmp_path):
    page = only_digits(tmp_path, (0.981, 0.987, 0.984), (0.941, 0.945, 0.943))
    assert (
        "On `digits` `cnn` is best: accuracy 0.984 (95 % interval 0.977 to 0.991, 3 seeds), "
        "0.041 above `mlp` (0.035 to 0.047), at 2.0 times its training cost (20 s a run)."
    ) in page


def test_a_close_race_is_called_not_distinguishable(tmp_path):
    page = only_digits(tmp_path, (0.97, 0.98, 0.99), (0.96, 0.98, 0.98))
    assert "`cnn` has the highest mean" in page
    assert "is not distinguishable from `mlp`" in page
    assert "is best" not in page.split("## ")[1]


def test_one_seed_claims_nothing(tmp_path):
    page = only_digits(tmp_path, (0.98,), (0.93,))
    assert "accuracy 0.980 (one seed, so no interval)" in page
    assert "whether it differs from `mlp` cannot be said" in page
    assert "With one seed there is no interval" in page


def test_lower_is_better_reads_below(tmp_path):
    record = record_of(tmp_path, tasks=("digits",), failures=False)
    task = dataclasses.replace(record.tasks["digits"], objective=Objective("accuracy", "min"))
    record = dataclasses.replace(record, tasks={"digits": task})
    page = markdown(with_scores(record, {"cnn": (20.1, 20.2, 20.0), "mlp": (31.0, 31.3, 30.9)}))
    assert "`cnn` is best: accuracy 20.1" in page
    assert "11.0 below `mlp` (" in page


def test_the_page_says_all_it_rests_on(tmp_path):
    page = markdown(record_of(tmp_path))
    for text in (
        "Trivial baseline: 0.100. Published reference: 0.990 (A published paper, 2020).",
        "`ValueError: kernel larger than the image`",
        "killed after 60 s",
        "CC BY 4.0",
        "git_commit: 0123456789abcdef0123456789abcdef01234567",
        "keras 3.15.1",
        "harness run quick\n",
        "4 of 4",
        "![Test score of each architecture with its interval](leaderboard.png)",
        "layers 1",
    ):
        assert text in page
    cautions = page.split("## Read with care\n\n")[1].split("\n\n")[0]
    assert "runs were still improving at their end" in cautions  # of four epochs
    assert len(cautions.splitlines()) == 1


def test_further_baselines_are_told_and_metrics_that_begin_likewise_are_not(tmp_path):
    record = record_of(tmp_path, tasks=("digits",), failures=False)
    floor = {"accuracy": 0.1, "accuracy_nearest_mean": 0.8123, "accuracy_top5": 0.5}
    task = dataclasses.replace(record.tasks["digits"], baseline=floor)
    history = tuple(
        dataclasses.replace(e, metrics={**e.metrics, "test_accuracy_top5": 0.99})
        if isinstance(e, TrialResult) and e.phase == "confirm" else e
        for e in record.history
    )  # fmt: skip
    page = markdown(dataclasses.replace(record, tasks={"digits": task}, history=history))
    assert "Trivial baseline: 0.100. Other baselines: nearest mean 0.812. Published" in page


@pytest.mark.parametrize(
    ("rival", "begins", "ends"),
    [
        (0.99, "nothing beats a nearest mean (accuracy 0.99; best `cnn` 0.984). Of the "
               "architectures `cnn` is best: accuracy 0.984", None),
        (0.985, "nothing beats a nearest mean (accuracy 0.985; best `cnn` 0.984). Of the ", None),
        (0.983, "no architecture can be told from a nearest mean (accuracy 0.983; best "
                "`cnn` 0.984). Of the architectures `cnn` is best", None),
        (0.9, "`cnn` is best: accuracy 0.984", "It beats a nearest mean (accuracy 0.9)."),
        (0.05, "`cnn` is best: accuracy 0.984", "It beats the trivial baseline (accuracy 0.1)."),
        (None, "`cnn` is best: accuracy 0.984", None),
    ],
)  # fmt: skip
def test_the_first_sentence_says_where_a_simple_method_is_best(tmp_path, rival, begins, ends):
    record = record_of(tmp_path, tasks=("digits",), failures=False)
    floor = {"accuracy": 0.1} | ({} if rival is None else {"accuracy_nearest_mean": rival})
    task = dataclasses.replace(record.tasks["digits"], baseline=floor)
    record = dataclasses.replace(record, tasks={"digits": task})
    scores = {"cnn": (0.981, 0.987, 0.984), "mlp": (0.941, 0.945, 0.943)}
    answer = markdown(with_scores(record, scores)).split("\n\n")[1]
    assert answer.startswith(f"On `digits` {begins}")
    assert (
        answer.endswith(ends)
        if ends
        else "beats" not in answer.removeprefix(f"On `digits` {begins}")
    )


def test_an_architecture_that_is_the_only_one_is_of_no_others(tmp_path):
    record = record_of(tmp_path, tasks=("digits",), failures=False)
    task = dataclasses.replace(
        record.tasks["digits"], baseline={"accuracy": 0.1, "accuracy_nearest_mean": 0.99}
    )
    history = tuple(entry for entry in record.history if entry.space == "cnn")
    record = dataclasses.replace(
        record,
        sweep=dataclasses.replace(record.sweep, spaces=("cnn",)),
        tasks={"digits": task},
        history=history,
        ended_searches={("digits", "cnn", 0): "all trials are done"},
    )
    answer = markdown(with_scores(record, {"cnn": (0.981, 0.987, 0.984)})).split("\n\n")[1]
    assert "; best `cnn` 0.984). `cnn` is the only architecture: accuracy 0.984" in answer


def test_a_difference_that_rounds_to_none_is_told_finer(tmp_path):
    page = only_digits(tmp_path, (0.98000,), (0.97996,))
    assert "The difference to `mlp` is 4e-05" in page


def test_a_model_below_the_baseline_is_pointed_out(tmp_path):
    page = only_digits(tmp_path, (0.981, 0.987, 0.984), (0.05, 0.06, 0.07))
    assert "On `digits` `mlp` does not beat the trivial baseline (accuracy 0.1)" in page
    page = only_digits(tmp_path / "b", (0.981, 0.987, 0.984), (0.09, 0.10, 0.14))
    assert "`mlp` is not distinguishable from the trivial baseline" in page


def test_a_fraction_of_the_training_split_is_pointed_out(tmp_path):
    record = record_of(tmp_path)
    budget = dataclasses.replace(record.sweep.budget, train_fraction=0.2)
    sweep = dataclasses.replace(record.sweep, budget=budget)
    assert "trained on 20 % of the training" in markdown(dataclasses.replace(record, sweep=sweep))


def test_a_budget_of_a_task_is_told_and_its_trials_are_counted_by_it(tmp_path):
    record = record_of(tmp_path, failures=False)
    own = dataclasses.replace(record.sweep.budget, trials=5, train_fraction=0.2, seeds=1)
    sweep = dataclasses.replace(record.sweep, budgets={"digits": own})
    history = tuple(
        e for e in record.history if not isinstance(e, TrialResult) or e.task != "digits"
        or e.phase == "search" or e.number == 0
    )  # fmt: skip
    page = markdown(dataclasses.replace(record, sweep=sweep, history=history))
    for text in (
        "- on `digits` instead: trials 5, train_fraction 0.2\n",
        "- confirmation seeds: 0, 1 and 2; on `digits` 0\n",
        "- On `digits` the search trained on 20 % of the training split",
        "- On `digits` with one seed there is no interval",
        "4 of 5",
        "1 of 1",
        "3 of 3",
    ):
        assert text in page
    assert "unfinished" not in page


def test_scores_that_do_not_vary_are_pointed_out(tmp_path):
    page = only_digits(tmp_path, (0.98, 0.98, 0.98), (0.91, 0.92, 0.93))
    assert "`cnn` reached the same score with every seed" in page


def test_the_luck_of_the_search_is_left_out_or_judged(tmp_path):
    once = markdown(record_of(tmp_path / "once", failures=False))
    assert "The luck of the search is not included: each architecture was searched once" in once
    assert "other searches" not in once
    thrice = markdown(record_of(tmp_path / "thrice", failures=False, searches=3))
    assert "luck of the search is not included" not in thrice
    assert "other searches" in thrice
    assert "9 runs of 3 searches" in thrice
    assert "3 x 3 |" in thrice
    assert "- searches of each cell: 3\n" in thrice
    assert "12 of 12" in thrice, "search trials of the three"


def test_of_a_search_that_stands_alone_nothing_is_said(tmp_path):
    record = record_of(tmp_path, tasks=("digits",), failures=False, searches=2)
    alone = tuple(
        e for e in record.history
        if not isinstance(e, TrialResult) or e.phase == "search" or e.number % 2 == 0
    )  # fmt: skip
    page = markdown(dataclasses.replace(record, history=alone))
    assert "cannot be said, as that takes two searches of each" in page


def test_an_interrupted_sweep_says_so(tmp_path):
    record = record_of(tmp_path)
    half = record.history[: len(record.history) // 2]
    page = markdown(dataclasses.replace(record, history=half, ended_searches={}))
    assert "The sweep is unfinished: 4 of 4 cells still at work." in page
    assert "On `digits` no architecture has a confirmed result" in page
    assert "not ended" in page


def test_a_task_not_begun_is_named(tmp_path):
    record = record_of(tmp_path)
    sweep = dataclasses.replace(record.sweep, tasks=(*record.sweep.tasks, "cifar10"))
    page = markdown(dataclasses.replace(record, sweep=sweep))
    assert "The sweep is unfinished: nothing begun on `cifar10`." in page


def test_a_sweep_where_everything_failed(tmp_path):
    record = record_of(tmp_path)
    failed = tuple(
        dataclasses.replace(e, status="failed", score=None, metrics={}, curve=(),
                            failure=Failure("code", "no luck"))
        if isinstance(e, TrialResult) else e
        for e in record.history
        if not isinstance(e, TrialResult) or e.phase == "search"
    )  # fmt: skip
    page = markdown(dataclasses.replace(record, history=failed))
    assert "no architecture has a confirmed result (8 search trials, 8 without a score)" in page
    assert "has no score in 4 of 4 search trials" in page
    assert "unfinished" not in page


def test_what_a_confirmed_model_could_not_show_is_said_beside_its_result(tmp_path):
    record = record_of(tmp_path, tasks=("digits",), failures=False)
    lost = {"exhibit": Failure("code", "TypeError: no | list (mine.py:3)", "Traceback")}
    shown = markdown(record)
    history = tuple(
        dataclasses.replace(e, lost=lost)
        if isinstance(e, TrialResult) and e.key == ("digits", "cnn", "confirm", 0)
        else e
        for e in record.history
    )
    page = markdown(dataclasses.replace(record, history=history))
    line = "- no exhibit of `digits` x `cnn`, seed 0, whose result stands: `TypeError: no |"
    assert line in page
    assert "Whole tracebacks are in the folder `failures`" in page
    assert page.split("## Failures")[0] == shown.split("## Failures")[0]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_scores_that_are_not_numbers_are_left_out_and_said_so(tmp_path, bad):
    page = only_digits(tmp_path, (0.981, bad, 0.984), (0.941, 0.945, 0.943))
    assert "`cnn` has a score on 2 of 3 seeds only" in page
    assert "completed with a score that is not a number" in page
    assert not re.search(r"\b(nan|inf)\b", page)


def test_text_from_data_cannot_break_the_page(tmp_path):
    record = record_of(tmp_path, tasks=("digits",))
    task = dataclasses.replace(
        record.tasks["digits"],
        reference=Reference(0.9, "A | *paper*\n# by <b>us</b>"),
        licence="[free](http://x)",
    )
    failure = Failure("code", "a | b `c`\n## not a heading <script>")
    history = tuple(
        dataclasses.replace(e, failure=failure) if isinstance(e, TrialResult) and e.failure else e
        for e in record.history
    )
    page = markdown(dataclasses.replace(record, tasks={"digits": task}, history=history))
    assert "`a \\| b 'c'`" in page
    assert "A &#124; &#42;paper&#42; # by &#60;b&#62;us&#60;/b&#62;" in page
    assert "&#91;free&#93;(http://x)" in page
    assert "\n## not a heading" not in page


@pytest.mark.parametrize("options", [{}, {"seeds": (3,), "spaces": ("mlp",), "trials": 1}])
def test_write_leaves_the_report_and_nothing_else(tmp_path, options):
    write_journal(tmp_path, **options)
    before = {path.name for path in tmp_path.iterdir()}
    report.write(tmp_path)
    report.write(tmp_path)
    page = (tmp_path / "report.md").read_text(encoding="utf-8")
    shown = re.findall(r"\]\(([\w-]+)\.png\)", page)
    assert {"leaderboard", "anytime"} <= set(shown)
    assert {path.name for path in tmp_path.iterdir()} - before == {
        *("trials.csv", "leaderboard.csv", "report.md", "report.html"),
        *(f"{name}.png" for name in shown),
    }
    assert page.startswith("# quick: which")


def test_write_of_a_sweep_that_has_only_begun(tmp_path):
    with Journal(tmp_path) as opened:
        opened.begin(Sweep("mine", ("digits",), ("mlp", "cnn")), ENVIRONMENT, "harness run mine")
    report.write(tmp_path)
    page = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "No trial has been asked for yet." in page
    assert exit_code(read_journal(tmp_path)) == 1
    assert (tmp_path / "leaderboard.csv").read_text().startswith("task,space,metric,direction,")


def test_write_without_a_journal_is_one_clear_line(tmp_path):
    with pytest.raises(HarnessError, match=r"no journal\.jsonl there"):
        report.write(tmp_path)
    (tmp_path / "journal.jsonl").touch()
    with pytest.raises(HarnessError, match="the journal is empty"):
        report.write(tmp_path)


def test_write_that_cannot_is_one_clear_line_and_leaves_no_part(tmp_path):
    write_journal(tmp_path)
    (tmp_path / "report.md").mkdir()
    with pytest.raises(HarnessError, match=r"report\.md: cannot be written"):
        report.write(tmp_path)
    assert not list(tmp_path.glob(f"{atomic_files.PART}*"))


@pytest.mark.parametrize(
    "mean, half, expected",
    [(0.987, 0.006, 3), (0.987, 0.0004, 4), (1, 0.01, 3), (36.2, 0.8, 1), (121.4, 9, 0), (0, 0, 3)],
)  # fmt: skip
def test_scores_have_sensible_digits(mean, half, expected):
    assert decimals([Interval(mean, mean - half, mean + half)]) == expected


def test_numbers_and_times_read_well():
    assert [number(v) for v in (0.00012345, 3.14159, 12345.6, math.nan)] == [
        "0.000123", "3.14", "12,346", "–",
    ]  # fmt: skip
    assert number(-0.0001, 2) == "-0.00"  # an interval that ends here holds zero
    assert [duration(v) for v in (1.234, 119, 750, 86400)] == [
        "1.23 s",
        "119 s",
        "12.5 min",
        "24 h",
    ]
    assert code("x" * 400) == f"`{'x' * 299}…`"


def test_trials_are_grouped_into_cells_once_for_a_report(tmp_path, monkeypatch):
    from harness.analysis import cells

    write_journal(tmp_path)
    calls = []
    real = cells.cell_results

    def counted(record):
        calls.append(record.id)
        return real(record)

    # Wherever it was imported by name, as well as where it is written.
    for name, module in list(sys.modules.items()):
        if name.startswith("harness.") and getattr(module, "cell_results", None) is real:
            monkeypatch.setattr(module, "cell_results", counted)
    report.write(tmp_path)
    assert len(calls) == 1


FAILING = {
    "harness.report.searches.section.anytime_figure": {"anytime"},
    "harness.report.searches.pareto.pareto_figure": {"pareto-digits", "pareto-fashion_mnist"},
    "harness.report.figures.leaderboard_figure": {"leaderboard"},
    "harness.report.figures.plots": {"interactive plots"},
}


def test_figures_that_cannot_be_drawn_cost_themselves(tmp_path, monkeypatch):
    names = set().union(*FAILING.values())
    write_journal(tmp_path)
    report.write(tmp_path)
    before = {path.stem for path in tmp_path.glob("*.png")}

    def fails(*arguments):
        raise ValueError("cannot be |drawn|\nat all")

    for drawn in FAILING:
        monkeypatch.setattr(drawn, fails)
    report.write(tmp_path)
    assert {path.stem for path in tmp_path.glob("*.png")} == before - names
    page = (tmp_path / "report.md").read_text(encoding="utf-8")
    shown = (tmp_path / "report.html").read_text(encoding="utf-8")
    for name in names:
        assert f"- `{name}` could not be drawn: `ValueError: cannot be |drawn| at all`." in page
        assert f"]({name}.png)" not in page
        assert f"{name}</code> could not be drawn" in shown
    assert page.count("could not be drawn, see above.") == len(names & before)
    for name in before - names:
        assert f"]({name}.png)" in page
    assert (tmp_path / "leaderboard.csv").is_file()


def test_a_figure_that_fails_on_one_task_is_drawn_of_the_others(tmp_path, monkeypatch):
    from harness.report.searches import pareto

    drawing = pareto.pareto_figure

    def fails_on_digits(task, *arguments):
        if task == "digits":
            raise ZeroDivisionError("digits")
        return drawing(task, *arguments)

    monkeypatch.setattr(pareto, "pareto_figure", fails_on_digits)
    write_journal(tmp_path)
    report.write(tmp_path)
    assert not (tmp_path / "pareto-digits.png").exists()
    assert (tmp_path / "pareto-fashion_mnist.png").is_file()
