"""The adding problem: its sequences, its targets, its scores."""

import numpy as np
import pytest
from harness.tasks.sequence_regression import adding_long, adding_problem, adding_short

from harness.kinds.sequence_regression import score
from harness.spec import Split, Training

TASKS = [adding_short, adding_long]
each_task = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)


@each_task
def test_targets_are_the_sum_of_the_two_marked_numbers(task):
    data = task.prepare({})
    for split in (data.train, data.val, data.test):
        number, marker = np.moveaxis(split.x["sequence"], -1, 0)
        half = number.shape[1] // 2
        assert set(np.unique(marker)) == {0, 1}
        np.testing.assert_array_equal(marker[:, :half].sum(axis=1), 1)
        np.testing.assert_array_equal(marker[:, half:].sum(axis=1), 1)
        expected = (number.astype("float64") * marker).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(split.y["value"], expected, atol=1e-6)
        assert 0 <= number.min() < 0.01
        assert 0.99 < number.max() < 1
        # Every step is marked as often as any other of its half.
        share = marker.mean(axis=0) * half
        np.testing.assert_allclose(share, 1, atol=8 * np.sqrt(half / len(split)))


@each_task
def test_the_data_is_the_same_every_time_and_no_split_is_like_another(task):
    data, again = task.prepare({}), task.prepare({})
    seen = set()
    for split in ("train", "val", "test"):
        ours, theirs = getattr(data, split), getattr(again, split)
        np.testing.assert_array_equal(ours.x["sequence"], theirs.x["sequence"])
        np.testing.assert_array_equal(ours.y["value"], theirs.y["value"])
        rows = {row.tobytes() for row in ours.x["sequence"]}
        assert len(rows) == len(ours)
        assert not rows & seen
        seen |= rows


def test_the_long_problem_is_longer():
    assert adding_long.prepare({}).assets["length"] > adding_short.prepare({}).assets["length"]


def test_an_odd_length_has_its_middle_in_the_second_half():
    marker = adding_problem(500, length=3, seed=0)[0][:, :, 1]
    assert marker[:, 0].all()
    assert 0 < marker[:, 1].mean() < 1


@each_task
def test_the_baseline_remembers_nothing(task):
    metrics = task.baseline(task.prepare({}))
    assert metrics["mse"] == pytest.approx(1 / 6, abs=0.015)
    assert metrics["solved"] == pytest.approx(0.08, abs=0.03)


class Fixed:
    """A model that always gives the same answers."""

    def __init__(self, answers):
        self.answers = np.asarray(answers, "float32")

    def predict(self, x, **options):
        return {"value": self.answers}


def test_scores_of_a_worked_example():
    split = Split({"sequence": np.zeros((4, 2, 2))}, {"value": np.array([[1], [1], [1], [1.5]])})
    model = Fixed([[1], [1.03], [0.95], [0.5]])
    found = score(model, split, {"tolerance": 0.04})
    assert found.metrics["mse"] == pytest.approx((0 + 0.03**2 + 0.05**2 + 1) / 4, rel=1e-5)
    assert found.metrics["solved"] == 0.5
    outcome = found.per_example["squared_error"]
    np.testing.assert_allclose(outcome, [0, 9e-4, 2.5e-3, 1], atol=1e-6)
    assert outcome.dtype == np.float32
    with pytest.raises(ValueError, match=r"expected answers of shape \(4, 1\)"):
        score(Fixed([1, 1, 1, 1]), split, {"tolerance": 0.04})


@each_task
def test_training_logs_the_objective(task):
    import keras

    data = task.prepare({})
    sequence = keras.Input(data.spec.inputs["sequence"].shape, name="sequence")
    summary = keras.layers.GlobalMaxPooling1D()(sequence)
    model = keras.Model({"sequence": sequence}, {"value": keras.layers.Dense(1)(summary)})
    model.compile("adam", jit_compile=False, **task.compile_args(data.spec, Training()))
    x, y = dict(data.val.x), dict(data.val.y)
    logs = model.fit(x, y, validation_data=(x, y), epochs=1, batch_size=250, verbose=0).history
    assert set(logs) == {"loss", "mse", "val_loss", "val_mse"}
    found = task.score(model, data.val, data.assets)
    assert found.metrics["mse"] == pytest.approx(logs["val_mse"][0], rel=1e-4)
