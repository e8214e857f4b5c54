"""What MLflow's page of a task says first."""

import dataclasses

import pytest

from harness.journal.read import read_journal
from harness.tracking.pages import notes
from harness.tracking.trials import SweepTrials
from harness.trial import TrialResult
from tests.synthetic import write_journal


def first_line(folder, rival):
    """Of a task on which `cnn` reaches 0.981 to 0.987, beside a simple method."""

    def edit(entry):
        if not isinstance(entry, TrialResult) or entry.phase == "search":
            return entry
        score = (0.981, 0.984, 0.987)[entry.number] - 0.04 * (entry.space == "mlp")
        return dataclasses.replace(entry, metrics={"test_accuracy": score})

    write_journal(folder, tasks=("digits",), failures=False)
    record = read_journal(folder)
    baseline = {"accuracy": 0.1, "accuracy_nearest_mean": rival}
    task = dataclasses.replace(record.tasks["digits"], baseline=baseline)
    history = tuple(map(edit, record.history))
    record = dataclasses.replace(record, tasks={"digits": task}, history=history)
    trials = SweepTrials()
    trials.take(record)
    best = trials.best_space(record, "digits")
    return notes.experiment(record, "digits", trials.cell("digits", best)).splitlines()[0]


@pytest.mark.parametrize(
    ("rival", "line"),
    [
        (0.99, "**Nothing beats a nearest mean** on `digits` (accuracy 0.99; best `cnn` 0.984)."),
        (0.983, "**No architecture can be told from a nearest mean** on `digits` (accuracy 0.983; "
                "best `cnn` 0.984)."),
        (0.5, "Task `digits`"),
    ],
)  # fmt: skip
def test_a_simple_method_that_is_unbeaten_comes_first(tmp_path, rival, line):
    assert first_line(tmp_path, rival) == line


def test_a_task_without_results_is_told_as_it_is(tmp_path):
    write_journal(tmp_path, tasks=("digits",), failures=False)
    text = notes.experiment(read_journal(tmp_path), "digits")
    assert text.startswith("Task `digits`")
    assert "- Trivial predictor and simple methods: `accuracy` 0.1" in text
