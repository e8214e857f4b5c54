"""Whether pretraining pays, what it cost, and how scores depend on the labelled examples."""

import dataclasses

import pytest
import scipy.stats

from harness import registry, report
from harness.analysis.cells import exit_code
from harness.journal.read import read_journal
from harness.journal.write import Journal
from harness.report.across_tasks.pretraining import read_starts
from harness.report.figure_style import image
from harness.spec import Objective, SearchSpace, Task
from harness.sweep.question import Sweep
from harness.trial import Cost, TrialResult
from tests.answered import examples_figures, families, markdown
from tests.synthetic import ENVIRONMENT, write_journal

TASKS = ("mlm", "sst2", "sst2_10", "sst2_30")
SPACES = ("bert", "bert_scratch", "lstm")
TUNED = TASKS[1:]
STARTS = {(task, "bert"): ("mlm", "bert") for task in TUNED}
SIZES = {"mlm": 5000, "sst2": 1000, "sst2_10": 100, "sst2_30": 300}
CLEAR = {"bert": (0.90, 0.91, 0.92), "bert_scratch": (0.80, 0.81, 0.82), "lstm": (0.7, 0.71, 0.72)}
REASON = "there is no model to start from: mlm x bert has no confirmed result"


def edited(record, edit):
    """The record with every trial passed through `edit`; `None` leaves a trial out."""
    history = [edit(entry) if isinstance(entry, TrialResult) else entry for entry in record.history]
    return dataclasses.replace(record, history=tuple(e for e in history if e is not None))


@pytest.fixture
def record(tmp_path):
    """Pretraining of one architecture, and three sizes of a task; a trial takes ten seconds."""
    write_journal(tmp_path, tasks=TASKS, spaces=SPACES, trials=2, failures=False)
    record = read_journal(tmp_path)
    tasks = {
        name: dataclasses.replace(task, sizes={**task.sizes, "train": SIZES[name]})
        for name, task in record.tasks.items()
    }
    record = edited(
        dataclasses.replace(record, tasks=tasks),
        lambda r: dataclasses.replace(r, cost=dataclasses.replace(r.cost, seconds=10.0))
        if r.task != "mlm" or r.space == "bert" else None,
    )  # fmt: skip
    history = tuple(e for e in record.history if e.task != "mlm" or e.space == "bert")
    ended = {
        cell: why
        for cell, why in record.ended_searches.items()
        if cell[0] != "mlm" or cell[1] == "bert"
    }
    return with_scores(
        dataclasses.replace(record, history=history, ended_searches=ended),
        dict.fromkeys(TUNED, CLEAR),
    )


def with_scores(record, scores):
    """The record with the test scores of these tasks set, by space, in order of the seeds."""

    def edit(result):
        if result.phase == "search" or result.task not in scores:
            return result
        values = scores[result.task][result.space]
        if result.number >= len(values):
            return None
        return dataclasses.replace(result, metrics={"test_accuracy": values[result.number]})

    return edited(record, edit)


def section(page, title):
    body = page.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return [" ".join(line.split()) for line in body.splitlines() if line]


def rows(page, title):
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in section(page, title)
            if line.startswith("|")]  # fmt: skip


def test_the_difference_of_each_task_has_welchs_interval(record):
    page = markdown(record, starts=STARTS)
    table = rows(page, "Does pretraining pay?")
    assert [row[0] for row in table[2:]] == ["`sst2`", "`sst2_10`", "`sst2_30`"]
    test = scipy.stats.ttest_ind(CLEAR["bert"], CLEAR["bert_scratch"], equal_var=False)
    low, high = test.confidence_interval()
    assert table[2] == ["`sst2`", "accuracy ↑", "`bert`", "0.910", "`bert_scratch`", "0.810",
                        f"0.100 ({low:.3f} to {high:.3f})", "`bert` pays"]  # fmt: skip


def test_the_summary_says_on_which_tasks_it_pays(record):
    worse = {**CLEAR, "bert": (0.5, 0.51, 0.52)}
    same = {**CLEAR, "bert": (0.805, 0.81, 0.82)}
    page = markdown(with_scores(record, {"sst2_10": worse, "sst2_30": same}), starts=STARTS)
    assert (
        "- Pretraining of `bert`, against `bert_scratch`: it pays on `sst2`; it makes things worse "
        "on `sst2_10`; it makes no distinguishable difference on `sst2_30`.\n"
    ) in page
    verdicts = [row[-1] for row in rows(page, "Does pretraining pay?")[2:]]
    assert verdicts == ["`bert` pays", "`bert` costs", "not distinguishable"]


def test_lower_is_better_where_the_measure_says_so(record):
    known = dataclasses.replace(record.tasks["sst2"], measure=Objective("accuracy", "min"))
    turned = dataclasses.replace(record, tasks={**record.tasks, "sst2": known})
    row = rows(markdown(turned, starts=STARTS), "Does pretraining pay?")[2]
    assert row[1] == "accuracy ↓"
    assert row[-1] == "`bert` costs"


def test_one_seed_or_none_claims_nothing(record):
    one = {**CLEAR, "bert": (0.9,)}
    none = {**CLEAR, "bert_scratch": ()}
    page = markdown(with_scores(record, {"sst2": one, "sst2_10": none}), starts=STARTS)
    table = rows(page, "Does pretraining pay?")
    assert table[2][-2:] == ["0.090", "unknown, takes two seeds of each"]
    assert table[3][-3:] == ["–", "–", "no confirmed result of `bert_scratch`"]
    assert "it cannot be judged on `sst2` and `sst2_10`" in page


def test_the_cost_of_pretraining_is_shared_out_among_the_cells_that_start_from_it(record):
    table = rows(markdown(record, starts=STARTS), "What pretraining cost")
    # Two search trials and three confirmation runs of ten seconds.
    assert table[2] == ["`mlm`", "`bert`", "20 s", "30 s", "50 s", "3 cells", "16.7 s"]
    assert table[5:] == [
        [f"`{task}`", "`bert`", "`mlm`", "50 s", "16.7 s", "66.7 s"] for task in TUNED
    ]


def test_it_is_visible_which_architectures_start_from_what(record):
    page = markdown(record, starts=STARTS)
    summary, _, rest = page.partition("\n## ")
    assert summary.count("`bert` starts from its model of `mlm`.") == 3
    for task in TUNED:
        block = rest.partition(f"### `{task}`\n")[2].partition("\n### ")[0]
        assert "`bert` starts from its model of `mlm`." in block
    assert "starts from" not in rest.partition("### `mlm`\n")[2].partition("\n### ")[0]


def test_after_failed_pretraining_its_dependants_are_named_with_the_reason(record):
    failed = edited(
        record,
        lambda r: None if r.space == "bert" and (r.task != "mlm" or r.phase == "confirm")
        else dataclasses.replace(r, status="failed", score=None) if r.space == "bert" else r,
    )  # fmt: skip
    history = tuple(
        e for e in failed.history if isinstance(e, TrialResult) or (e.task, e.space) not in STARTS
    )
    ended = {**failed.ended_searches, **dict.fromkeys(((*key, 0) for key in STARTS), REASON)}
    failed = dataclasses.replace(failed, history=history, ended_searches=ended)
    page = markdown(failed, starts=STARTS)
    cautions = section(page, "Read with care")
    assert "- On `mlm` `bert` has no confirmed result." in cautions
    for task in TUNED:
        assert f"- On `{task}` `bert` has no confirmed result: {REASON}." in cautions
    assert not [line for line in cautions if "unfinished" in line]
    assert "`bert` starts from" not in page
    assert rows(page, "Does pretraining pay?")[2][-1] == "no confirmed result of `bert`"
    assert exit_code(failed) == 1


def test_without_pretraining_nothing_is_said_of_it(record):
    page = markdown(record)
    assert "retraining" not in page
    assert "starts from" not in page


def test_a_sweep_that_has_only_pretrained_so_far_has_a_page(record):
    history = tuple(e for e in record.history if e.task == "mlm")
    ended = {("mlm", "bert", 0): "trials"}
    page = markdown(
        dataclasses.replace(record, history=history, ended_searches=ended), starts=STARTS
    )
    assert "Does pretraining pay?" not in page
    assert rows(page, "What pretraining cost")[2][-2:] == ["3 cells", "16.7 s"]


def test_what_starts_from_what_is_said_by_tasks_and_architectures(monkeypatch):
    def task(name, **options):
        return Task(name, options.pop("kind", "text_classification"), Objective("accuracy", "max"),
                    *[lambda *_: {}] * 4, **options)  # fmt: skip

    def space(name, **options):
        kinds = ("text_classification", "masked_language_modeling")
        return SearchSpace(name, kinds, lambda *_: None, lambda *_: None, **options)

    tasks = {
        "mlm": task("mlm", kind="masked_language_modeling"),
        "sst2": task("sst2", init_from="mlm"),
        "stsb": task("stsb", kind="sentence_similarity", init_from="mlm"),
        "lost": task("lost", init_from="elsewhere"),
    }
    spaces = {"bert": space("bert", pretrained=True), "bert_scratch": space("bert_scratch")}
    monkeypatch.setattr(registry, "tasks", lambda: tasks)
    monkeypatch.setattr(registry, "spaces", lambda: spaces)
    asked = Sweep("s", (*tasks, "uninstalled"), (*spaces, "gone"))
    # stsb is of a kind that the architecture is not for; where `lost` starts is not asked about.
    assert read_starts(asked) == {("sst2", "bert"): ("mlm", "bert")}


def test_sizes_of_a_task_make_a_figure_with_a_line_an_architecture(record):
    (drawn,) = examples_figures(record).values()
    (axes,) = drawn.axes
    assert axes.get_xscale() == "log"
    ticks = [tick.get_text() for tick in axes.get_xticklabels()]
    assert ticks == ["10 %\n100", "30 %\n300", "100 %\n1,000"]
    assert axes.get_ylabel() == "test accuracy"
    lines = [line for line in axes.lines if len(line.get_xdata()) == 3]
    assert [line.get_ydata()[0] for line in lines] == pytest.approx([0.91, 0.81, 0.71])
    assert lines[1].get_xdata() == pytest.approx([10, 30, 100])
    low, high = scipy.stats.t.interval(0.95, 2, 0.91, 0.01 / 3**0.5)
    assert axes.lines[1].get_ydata() == pytest.approx([low, high])
    assert [text.get_text() for text in drawn.legends[0].get_texts()] == list(SPACES)
    assert image(drawn) == image(examples_figures(record)["examples-sst2"])


def test_the_page_shows_the_figure_and_says_what_it_is(record):
    assert section(markdown(record), "With fewer examples") == [
        "### `sst2`",
        "![Score against training examples](examples-sst2.png)",
        "Mean test accuracy with its 95 % interval after training on 10 % (`sst2_10`), "
        "30 % (`sst2_30`) and 100 % (`sst2`) of the labelled examples.",
    ]


def test_an_architecture_without_a_result_at_a_size_has_a_shorter_line(record):
    gap = with_scores(
        record, {"sst2_10": {**CLEAR, "lstm": ()}, "sst2_30": {**CLEAR, "lstm": (0.7,)}}
    )
    (family,) = families(gap)
    assert list(family.cells["lstm"]) == [30, 100]
    assert image(examples_figures(gap)["examples-sst2"])
    alone = with_scores(record, dict.fromkeys(("sst2_10", "sst2_30"), dict.fromkeys(SPACES, ())))
    assert families(alone) == []
    assert "With fewer examples" not in markdown(alone)


def test_numbers_in_names_that_are_no_shares_make_no_figure(record):
    same = {
        name: dataclasses.replace(task, sizes={"train": 1000})
        for name, task in record.tasks.items()
    }
    assert families(dataclasses.replace(record, tasks=same)) == []


def test_tasks_that_are_judged_by_different_measures_make_no_figure(record):
    both = edited(
        record,
        lambda r: dataclasses.replace(r, metrics={**r.metrics, "test_f1": 0.5}),
    )
    assert len(families(both)) == 1
    other = dataclasses.replace(record.tasks["sst2_10"], measure=Objective("f1", "max"))
    assert families(dataclasses.replace(both, tasks={**record.tasks, "sst2_10": other})) == []


def test_write_leaves_the_figure(tmp_path):
    with Journal(tmp_path) as opened:
        opened.begin(Sweep("mine", ("a", "a_50"), ("mlp",), seeds=(0,)), ENVIRONMENT, "harness")
        for task, size in (("a", 100), ("a_50", 50)):
            opened.append("data", task=task, digest="0" * 64, sizes={"train": size},
                          objective=Objective("accuracy", "max"), baseline={}, reference=None,
                          licence="")  # fmt: skip
            result = TrialResult("mine", task, "mlp", "confirm", 0, 0, {}, {}, "completed",
                                 metrics={"test_accuracy": 0.5}, cost=Cost(1.0))  # fmt: skip
            opened.append("finished", result=result)
    report.write(tmp_path)
    assert [path.name for path in tmp_path.glob("examples-*")] == ["examples-a.png"]
