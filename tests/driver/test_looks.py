"""Looks at the verdict of a sweep whose seeds are added until it is clear."""

import dataclasses

import numpy as np

from harness.driver import looks
from harness.journal.folder import outcomes_path
from harness.journal.read import read_journal
from harness.journal.write import Journal
from harness.tracking.metrics import CellMetrics
from tests.synthetic import write_journal


def begun(folder, apart):
    """A sweep whose first three seeds have run, with the outcomes of its test examples."""
    write_journal(folder, tasks=("digits",), spaces=("mlp", "cnn"), trials=1, failures=False)
    found = read_journal(folder)
    sweep = dataclasses.replace(found.sweep, seeds=tuple(range(5)), looks=(3, 5))
    history = []
    for result in found.history:
        if getattr(result, "phase", "") == "confirm":
            score = 0.9 + 0.01 * (result.number - 1) + apart * (result.space == "cnn")
            result = dataclasses.replace(result, metrics={"test_accuracy": score})
            path = folder / outcomes_path("digits", result.space, result.seed)
            path.parent.mkdir(exist_ok=True)
            np.savez(path, correct=np.full(20, score))
        history.append(result)
    return dataclasses.replace(found, sweep=sweep, history=tuple(history))


def test_what_is_decided_hangs_on_what_is_in_the_folder(tmp_path):
    record = begun(tmp_path, apart=0.02)
    found = looks.look(tmp_path, record, "digits")
    assert found.seeds == {"cnn": 5, "mlp": 5}
    assert found == looks.look(tmp_path, record, "digits")
    clear = looks.look(tmp_path / "b", begun(tmp_path / "b", apart=0.2), "digits")
    assert (clear.seeds, clear.why) == ({}, {"mlp": "clear after 3 seeds"})
    (tmp_path / outcomes_path("digits", "cnn", 0)).unlink()
    assert "not judged" in looks.look(tmp_path, record, "digits").why["mlp"]


def test_a_journal_knows_who_gets_more_and_when_it_is_settled(tmp_path):
    record = begun(tmp_path / "made", apart=0.02)
    with Journal(tmp_path) as journal:
        journal.begin(record.sweep, {}, "harness run")
        assert journal.read().seeds_of("digits", "mlp") == (0, 1, 2)
        journal.append("looked", task="digits", seeds={"mlp": 5}, why={})
        assert journal.read().seeds_of("digits", "mlp") == (0, 1, 2, 3, 4)
        assert journal.read().seeds_of("digits", "cnn") == (0, 1, 2)
        assert not journal.read().is_settled("digits")
        journal.append("looked", task="digits", seeds={}, why={"mlp": "clear"})
        assert journal.read().is_settled("digits")
        longer = dataclasses.replace(
            record.sweep, budget=dataclasses.replace(record.sweep.budget, trials=9)
        )
        journal.append("grown", sweep=longer)
        assert not journal.read().is_settled("digits"), "other winners may be found"


def test_metrics_of_a_cell_do_not_hang_on_seeds_that_are_added_later(tmp_path):
    record = begun(tmp_path, apart=0.02)
    first = CellMetrics(record, ("digits", "mlp"))
    runs = [r for r in record.results if r.key[:3] == ("digits", "mlp", "confirm")]
    for result in runs:
        first.take(result)
    assert {p.name for p in first.points} > {"test_accuracy"}
    before = len(first.points)
    first.take(dataclasses.replace(runs[0], number=3, seed=3))
    assert len(first.points) > before
