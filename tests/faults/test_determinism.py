"""What is the same when a sweep is run again: same file, same seeds, same machine and backend.

=============================  =====================================  ==========================
tuner                          one worker                             several workers
=============================  =====================================  ==========================
random, grid                   bit for bit: suggestions, scores,      the same but for the order
                               curves, outcomes, weights              in which trials end
the others                     likewise                               not promised
=============================  =====================================  ==========================

With several workers, a suggestion of the others follows from the results that are
there when it is asked for, and so from which trial was faster. What was suggested stays: it is
in the journal, and a sweep that is carried on suggests it again.

Times are never the same, and with them what a budget of seconds allows. Another machine, another
number of threads and another backend add numbers up in another order: scores differ in the last
digits, and training can make much of them.
"""

import dataclasses
import io
import shutil
import zipfile

import h5py
import numpy as np
import pandas as pd
import pytest

from harness.journal.read import read_journal
from harness.trial import Asked
from tests.faults.sweeps import answer, report


def suggestions(folder):
    """What was asked for, in order."""
    return [entry for entry in read_journal(folder).history if isinstance(entry, Asked)]


def results(folder):
    """What came of it, in order, without times and costs."""
    return [
        dataclasses.replace(
            result,
            started=0.0,
            cost=dataclasses.replace(type(result.cost)(), parameters=result.cost.parameters),
            curve=tuple(
                {name: value for name, value in row.items() if name != "seconds"}
                for row in result.curve
            ),
        )
        for result in read_journal(folder).results
    ]


def sorted_by_key(entries):
    return sorted(entries, key=lambda e: (e.task, e.space, getattr(e, "phase", ""), e.number))


@pytest.mark.parametrize(
    "tuner",
    [
        "hyperband",
        *(
            pytest.param(t, marks=pytest.mark.long)
            for t in ("random", "bayesian", "grid", "tpe", "asha+tpe")
        ),
    ],
)
def test_one_worker_gives_the_same_suggestions_and_scores(forks, calm, tmp_path, tuner):
    question, quiet = calm(tuner)
    where = ("--workers", 1, "--tracking", "none", "--output", tmp_path)
    assert forks.run("run", question, *where, PYTHONHASHSEED="1").code == 0
    assert suggestions(tmp_path / "fake") == suggestions(quiet)
    assert results(tmp_path / "fake") == results(quiet)
    assert report(tmp_path / "fake") == report(quiet)


@pytest.mark.parametrize("tuner", ["random", pytest.param("grid", marks=pytest.mark.long)])
def test_several_workers_give_the_same_but_for_the_order(forks, calm, tmp_path, tuner):
    question, quiet = calm(tuner)
    where = ("--workers", 3, "--tracking", "none", "--output", tmp_path)
    assert forks.run("run", question, *where).code == 0
    for entries in (suggestions, results):
        found, expected = entries(tmp_path / "fake"), entries(quiet)
        assert sorted_by_key(found) == sorted_by_key(expected)


@pytest.mark.long
@pytest.mark.parametrize("tuner", ["bayesian", "hyperband"])
def test_several_workers_give_as_many_of_what_follows_from_results(forks, calm, tmp_path, tuner):
    question, quiet = calm(tuner)
    where = ("--workers", 3, "--tracking", "none", "--output", tmp_path)
    assert forks.run("run", question, *where).code == 0
    found, expected = (
        sorted(result.key for result in results(folder)) for folder in (tmp_path / "fake", quiet)
    )
    assert found == expected


@pytest.mark.parametrize("backend", ["tensorflow", pytest.param("jax", marks=pytest.mark.long)])
def test_training_again_gives_the_same_bits(finished, harness, tmp_path, backend):
    """Whatever was there before, where that is asked for with `--fresh`."""
    question, output = finished
    words = ("run", question, "--workers", 1, "--tracking", "none", "--backend", backend)
    first, second = output, shutil.copytree(output, tmp_path / "second")
    if backend != "tensorflow":
        first = tmp_path / "first"
        run = harness(*words, "--output", first)
        assert run.returncode == 0, run.stdout + run.stderr
    run = harness(*words, "--output", second, "--fresh")
    assert run.returncode == 0, run.stdout + run.stderr
    first, second = first / "band", second / "band"
    assert read_journal(first).id != read_journal(second).id
    for one, other in zip(answer(first), answer(second), strict=True):
        pd.testing.assert_frame_equal(one, other)
    assert suggestions(first) == suggestions(second)
    assert results(first) == results(second)
    confirmed = [result for result in read_journal(first).results if result.phase == "confirm"]
    assert len(confirmed) == 2
    for result in confirmed:
        one, other = (weights(folder / result.model) for folder in (first, second))
        assert one.keys() == other.keys()
        assert all(np.array_equal(one[name], other[name]) for name in one)
        outcomes = f"outcomes/blobs.good.seed{result.seed}.npz"
        assert np.array_equal(
            np.load(first / outcomes)["correct"], np.load(second / outcomes)["correct"]
        )


def weights(path):
    """The arrays of a saved model by name."""
    arrays = {}
    with zipfile.ZipFile(path) as model:
        content = io.BytesIO(model.read("model.weights.h5"))
    with h5py.File(content) as file:
        file.visititems(
            lambda name, node: (
                arrays.update({name: node[()]}) if isinstance(node, h5py.Dataset) else None
            )
        )
    assert arrays
    return arrays
