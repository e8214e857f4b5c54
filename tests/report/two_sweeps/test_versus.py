"""Two sweeps side by side: the verdicts, what changed, the page, and the exit code."""

import dataclasses
import html
import json
import math

import numpy as np
import pytest
from click.testing import CliRunner
from markdown_it import MarkdownIt
from scipy import stats

from harness.cli.main import main
from harness.journal.read import read_journal
from harness.journal.write import Journal
from harness.report.two_sweeps.page import Side, markdown
from harness.report.two_sweeps.per_cell import contrasts, judged, regressions
from harness.spec import Objective
from harness.sweep.question import Budget, Sweep
from harness.trial import Failure, TrialResult
from tests.synthetic import write_journal

CELLS = [(task, space) for task in ("digits", "fashion_mnist") for space in ("mlp", "cnn")]


@pytest.fixture
def record(tmp_path):
    write_journal(tmp_path / "a")
    return read_journal(tmp_path / "a")


def edited(record, edit):
    """Another sweep, with every confirmation run passed through `edit`."""
    history = [
        edit(entry) if isinstance(entry, TrialResult) and entry.phase == "confirm" else entry
        for entry in record.history
    ]
    return dataclasses.replace(record, id="b", history=tuple(e for e in history if e is not None))


def scored(record, space, *scores):
    """The record with these test scores of an architecture on the digits, seed by seed."""

    def edit(result):
        if (result.task, result.space) != ("digits", space):
            return result
        if result.number >= len(scores):
            return None
        metrics = {**result.metrics, "test_accuracy": scores[result.number]}
        return dataclasses.replace(result, metrics=metrics)

    return edited(record, edit)


def outcome(a, b, space="cnn", task="digits"):
    return next(c for c in contrasts(a, b) if (c.task, c.space) == (task, space)).outcome


def page(a, b):
    return markdown(Side("a", a), Side("b", b))


def test_a_cell_that_fell_is_worse_and_one_that_rose_is_better(record):
    a = scored(record, "cnn", 0.90, 0.91, 0.92)
    assert outcome(a, scored(record, "cnn", 0.80, 0.81, 0.82)) == "worse"
    assert outcome(a, scored(record, "cnn", 0.97, 0.98, 0.99)) == "better"
    assert outcome(a, scored(record, "cnn", 0.89, 0.91, 0.93)) == "not distinguishable"


def test_where_smaller_is_better_a_rise_is_worse(record):
    tasks = {
        name: dataclasses.replace(task, objective=Objective("accuracy", "min"))
        for name, task in record.tasks.items()
    }
    record = dataclasses.replace(record, tasks=tasks)
    a, b = scored(record, "cnn", 0.1, 0.11, 0.12), scored(record, "cnn", 0.5, 0.51, 0.52)
    assert (outcome(a, b), outcome(b, a)) == ("worse", "better")


def test_differences_are_b_minus_a_after_welch_and_holm(record):
    """Against SciPy's t test, and the definition of Holm's correction."""
    random = np.random.default_rng(0)

    def edit(result):
        shift = 0.004 * CELLS.index((result.task, result.space))
        value = result.metrics["test_accuracy"] + shift + random.normal(0, 0.004)
        return dataclasses.replace(result, metrics={"test_accuracy": value})

    b = edited(record, edit)
    found = contrasts(record, b)
    assert [(c.task, c.space) for c in found] == CELLS
    raw = []
    for contrast in found:
        expected = stats.ttest_ind(contrast.b.scores, contrast.a.scores, equal_var=False)
        interval = expected.confidence_interval(0.95)
        difference = contrast.comparison.difference
        assert difference.mean == pytest.approx(contrast.b.mean - contrast.a.mean)
        assert (difference.low, difference.high) == pytest.approx((interval.low, interval.high))
        raw.append(expected.pvalue)
    order = np.argsort(raw)
    holm = np.maximum.accumulate([(4 - i) * raw[k] for i, k in enumerate(order)]).clip(max=1)
    assert [found[k].p_value for k in order] == pytest.approx(list(holm))


def test_one_of_many_cells_that_is_off_by_chance_is_not_called_worse(record):
    """Alone it would be: its own interval leaves out zero."""

    def spread(result):
        """Seeds 0, 1 and 2 around 0.9, all cells alike."""
        metrics = {"test_accuracy": 0.9 + 0.01 * (result.number - 1)}
        return dataclasses.replace(result, metrics=metrics)

    a = edited(record, spread)
    b = scored(a, "cnn", 0.867, 0.877, 0.887)
    contrast = next(c for c in contrasts(a, b) if c.space == "cnn")
    assert not contrast.comparison.difference.holds_zero
    assert contrast.comparison.p_value < 0.05 < contrast.p_value
    assert contrast.outcome == "not distinguishable"


def test_unchanged_sweeps_are_seldom_called_different(record):
    """In the long run any of the four cells in at most 5 % of the pairs of sweeps."""
    random = np.random.default_rng(1)

    def drawn(result):
        value = random.normal(0.9, 0.01)
        return dataclasses.replace(result, metrics={"test_accuracy": value})

    pairs = [(edited(record, drawn), edited(record, drawn)) for _ in range(40)]
    wrong = [
        pair for pair in pairs if any(c.outcome != "not distinguishable" for c in contrasts(*pair))
    ]
    assert len(wrong) <= 5


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_seeds_without_a_finite_score_are_left_out(record, value):
    b = scored(record, "cnn", 0.9, value, value)
    assert outcome(record, b) == "unknown"
    assert "3 → 1" in page(record, b)
    assert "B has scores of fewer seeds than A of `cnn` on `digits`." in page(record, b)
    none = scored(record, "cnn", value, value, value)
    assert outcome(record, none) == "lost"


def test_one_seed_tells_nothing(record):
    a, b = scored(record, "cnn", 0.9), scored(record, "cnn", 0.1)
    assert outcome(a, b) == "unknown"
    said = "Unknown, as a difference takes two seeds of each, with scores that vary: `cnn`"
    assert said in page(a, b)
    (row,) = [line for line in page(a, b).splitlines() if line.endswith("unknown |")]
    assert "-0.800 |" in row
    assert " to " not in row


def test_scores_that_do_not_vary_are_no_evidence(record):
    a, b = scored(record, "cnn", 0.9, 0.9, 0.9), scored(record, "cnn", 0.8, 0.8, 0.8)
    assert outcome(a, a) == "not distinguishable"
    assert outcome(a, b) == "unknown"


def test_a_result_that_is_gone_is_lost_and_one_that_was_left_out_is_not(record):
    gone = scored(record, "cnn")
    assert outcome(record, gone) == "lost"
    assert outcome(gone, record) == "gained"
    assert outcome(gone, gone) == "no result"
    fewer = dataclasses.replace(
        record,
        sweep=dataclasses.replace(record.sweep, spaces=("mlp",)),
        history=tuple(entry for entry in record.history if entry.space == "mlp"),
        ended_searches={k: why for k, why in record.ended_searches.items() if k[1] == "mlp"},
    )
    assert outcome(record, fewer) == "only in A"
    assert outcome(fewer, record) == "only in B"
    assert regressions(contrasts(record, fewer)) == []
    assert "Asked for in A only: `cnn` on `digits` and `cnn` on `fashion_mnist`." in page(
        record, fewer
    )


@pytest.mark.parametrize(
    "field, value, why",
    [
        ("digest", "f" * 64, "other data"),
        ("objective", Objective("f1", "max"), "another measure"),
        ("objective", Objective("accuracy", "min"), "another direction"),
        ("measure", Objective("f1", "max"), "another measure"),
    ],
)
def test_other_data_or_another_measure_cannot_be_compared(record, field, value, why):
    digits = dataclasses.replace(record.tasks["digits"], **{field: value})
    b = dataclasses.replace(record, tasks={**record.tasks, "digits": digits})
    b = edited(
        b,
        lambda r: dataclasses.replace(
            r, metrics={**r.metrics, "test_f1": r.metrics["test_accuracy"] - 0.5}
        ),
    )
    found = contrasts(record, b)
    assert {c.outcome for c in found if c.task == "digits"} == {"not comparable"}
    assert {c.outcome for c in found if c.task != "digits"} == {"not distinguishable"}
    text = page(record, b)
    first = text.partition("\n\n")[2]
    assert first.startswith(f"- **The scores on `digits` cannot be compared: {why}.**")
    assert "### Data\n\n|" in text
    changed = "A: test " in text.partition("## Scores")[2]
    assert changed == (field != "digest")


def test_nothing_changed_is_said(record):
    text = page(record, record)
    assert "Nothing changed: A and B are the same record." in text
    assert "B has 4 not distinguishable." in text
    assert text.count("Nothing.") == 3
    assert "→" not in text


def test_the_page_says_what_changed_beside_the_scores(record):
    environment = {
        **record.environment,
        "packages": {**record.environment["packages"], "keras": "3.16.0"},
    }
    sweep = dataclasses.replace(
        record.sweep,
        tuner="bayesian",
        backend="jax",
        seeds=(0, 1, 2, 3),
        budgets={"digits": Budget(trials=9, epochs=4)},
    )
    b = dataclasses.replace(record, id="b", sweep=sweep, environments=(environment,), command="x")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page(record, b).splitlines()
        if line.startswith("|")
    ]
    assert ["tuner", "`random`", "`bayesian`"] in rows
    assert ["backend", "`tensorflow`", "`jax`"] in rows
    assert ["seeds", "`0, 1, 2`", "`0, 1, 2, 3`"] in rows
    assert ["budgets.digits.trials", "`4`", "`9`"] in rows
    assert ["packages.keras", "`3.15.1`", "`3.16.0`"] in rows
    assert ["command", "`harness run quick`", "`x`"] in rows
    assert not any("budget.epochs" in row for row in rows)
    assert "The budgets differ on `digits`" in page(record, b)


def test_a_sweep_that_was_carried_on_elsewhere_names_both(record):
    later = {**record.environment, "python": "3.12.0"}
    b = dataclasses.replace(record, environments=(record.environment, later))
    assert "| python | `3.11.9` | `3.11.9, then 3.12.0` |" in squeezed(page(record, b))


def test_a_commit_is_cut_but_not_that_its_code_was_changed(record):
    commit = record.environment["git_commit"]
    b = {**record.environment, "git_commit": f"{commit}-dirty"}
    text = page(record, dataclasses.replace(record, environments=(b,)))
    assert f"| git_commit | `{commit[:12]}` | `{commit[:12]}-dirty` |" in squeezed(text)


def squeezed(text):
    return "\n".join(" ".join(line.split()) for line in text.splitlines())


def test_seconds_are_put_in_proportion_on_one_machine_only(record):
    def slower(result):
        cost = dataclasses.replace(result.cost, seconds=2 * result.cost.seconds)
        return dataclasses.replace(result, cost=cost)

    b = edited(record, slower)
    assert page(record, b).count("(2 times)") == 4
    hardware = {**record.environment["hardware"], "gpus": ["fast"]}
    b = dataclasses.replace(b, environments=({**record.environment, "hardware": hardware},))
    assert "times)" not in page(record, b)
    assert "seconds and latencies say nothing of the architectures" in page(record, b)
    more = {**record.environment["hardware"], "memory_gb": 8.1}
    b = dataclasses.replace(b, environments=({**record.environment, "hardware": more},))
    assert page(record, b).count("(2 times)") == 4


def test_failures_are_counted_by_reason_and_configurations_by_change(record):
    broken = Failure("code", "ValueError: no such layer\nmore")

    def edit(result):
        if result.space != "cnn" or result.task != "digits":
            return dataclasses.replace(result, config={**result.config, "units": 7})
        return dataclasses.replace(result, status="failed", failure=broken, metrics={})

    text = squeezed(page(record, edited(record, edit)))
    assert "| `digits` | `cnn` | `failed: ValueError: no such layer` | 0 | 3 |" in text
    assert "| `digits` | `mlp` | `diverged: loss became NaN in epoch 2` | 1 | 1 |" in text
    assert "→ 7 |" in text
    assert "Confirmed in A, without a confirmed result in B: `cnn` on `digits`." in text


def test_text_from_data_breaks_no_table(record):
    nasty = "<script>alert(1)</script> | `code` **bold** [x](javascript:y)\n# title"
    hostile = Failure("code", nasty)
    b = edited(record, lambda r: dataclasses.replace(r, status="failed", failure=hostile))
    environment = {**record.environment, nasty: nasty}
    b = dataclasses.replace(b, environments=(environment,), command=nasty)
    text = markdown(Side(nasty, record), Side(nasty, b))
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    inline = [child for token in tokens for child in token.children or ()]
    assert not {"html_block"} & {token.type for token in tokens}
    assert not {"html_inline", "link_open"} & {child.type for child in inline}
    assert not any(t.type == "inline" and t.content == "title" for t in tokens)
    assert html.unescape(text).count("<script>") == sum(c.content.count("<script>") for c in inline)


# --- the command --------------------------------------------------------------


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *words: CliRunner().invoke(main, ["report", *words])


@pytest.fixture
def changed(tmp_path):
    """Writes a copy of the sweep of folder `a`, its confirmation runs passed through `edit`."""

    def changed(name, edit):
        write_journal(tmp_path / "a")
        (tmp_path / name).mkdir()
        lines = []
        for line in (tmp_path / "a" / "journal.jsonl").read_text().splitlines():
            event = json.loads(line)
            if event["event"] == "finished" and event["result"]["phase"] == "confirm":
                edit(event["result"])
            lines.append(json.dumps(event) + "\n")
        (tmp_path / name / "journal.jsonl").write_text("".join(lines))

    return changed


def fall(result):
    result["metrics"]["test_accuracy"] -= 0.5 * (result["space"] == "cnn")


def rise(result):
    result["metrics"]["test_accuracy"] += 0.5


def lose(result):
    if result["space"] == "cnn":
        result.update(status="failed", metrics={}, score=None)


@pytest.mark.parametrize("edit, code", [(fall, 1), (lose, 1), (rise, 0), (lambda r: None, 0)])
def test_the_exit_code_tells_a_regression_where_asked(call, changed, edit, code):
    changed("b", edit)
    answer = call("a", "b", "--fail-on-regression")
    assert answer.exit_code == code, answer.output
    assert answer.stdout.startswith("# a (A) against b (B)")
    assert call("a", "b").exit_code == 0


def test_the_page_is_printed_and_written_and_the_folders_are_left_alone(call, changed, tmp_path):
    changed("b", fall)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    answer = call("a", "b", "--output", "both.md")
    assert answer.exit_code == 0
    assert (tmp_path / "both.md").read_text() == answer.stdout
    (tmp_path / "both.md").unlink()
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert {p: t for p, t in after.items() if p.is_file()} == {
        p: t for p, t in before.items() if p.is_file()
    }


def test_what_can_never_fail_is_refused_as_a_guard(call, changed, tmp_path):
    """A check that compares nothing must not look like one that passed."""

    def keep_one(result):
        if result["seed"] > 0:
            result.update(status="failed", metrics={}, score=None)

    changed("b", keep_one)
    answer = call("a", "b", "--fail-on-regression")
    assert answer.exit_code == 2
    assert "a and b: no cell can be judged" in answer.stderr
    assert call("a", "b").exit_code == 0
    a, b = (read_journal(tmp_path / name) for name in ("a", "b"))
    assert not judged(contrasts(a, b))


@pytest.mark.parametrize(
    "words, message",
    [
        (("a", "nowhere"), "nowhere: no journal.jsonl there"),
        (("a", "empty"), "empty: the journal is empty"),
        (("a", "--fail-on-regression"), "take two folders, A and B"),
        (("a", "--output", "x.md"), "take two folders, A and B"),
        (("a", "a", "--output", "no/x.md"), "no/x.md: cannot be written"),
    ],
)
def test_bad_input_is_explained(call, tmp_path, words, message):
    write_journal(tmp_path / "a")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "journal.jsonl").write_text("")
    answer = call(*words)
    assert answer.exit_code == 2
    assert answer.stdout == ""
    assert message in answer.stderr


def test_sweeps_that_have_only_begun_are_compared(call, tmp_path):
    for name in ("a", "b"):
        with Journal(tmp_path / name) as kept:
            kept.begin(Sweep(name, ("digits",), ("cnn",)), {}, "harness run")
    answer = call("a", "b")
    assert answer.exit_code == 0, answer.output
    assert "Neither sweep has begun a cell." in answer.stdout
