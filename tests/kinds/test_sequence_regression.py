"""Sequence regression from sequences and values: shapes, scales, what is refused."""

import keras
import keras_tuner
import numpy as np
import pytest

from harness import kinds, registry
from harness.data.validate import validate
from harness.kinds import sequence_regression
from harness.spec import HarnessError, Objective, TensorSpec, Training

RNG = np.random.default_rng(0)
SEQUENCES = RNG.normal(50, 9, (60, 8))
VALUES = SEQUENCES.max(axis=1) * 10


def made(sequences=SEQUENCES, values=VALUES, **options):
    return sequence_regression.task("t", lambda files: (sequences, values), **options)


def data(*parts, **options):
    task = made(*parts, **options)
    prepared = task.prepare({})
    validate(task, prepared)
    return prepared


def test_a_task_is_made_of_sequences_and_values():
    def prepare(files):
        return SEQUENCES, VALUES

    task = sequence_regression.task("t", prepare)
    assert (task.kind, task.objective) == ("sequence_regression", Objective("mse", "min"))
    assert kinds.author(task.prepare) is prepare
    prepared = task.prepare({})
    validate(task, prepared)
    assert prepared.spec.inputs == {"sequence": TensorSpec((8, 1), "float32")}
    assert prepared.spec.outputs == {"value": TensorSpec((1,), "float32")}
    assert [len(part) for part in (prepared.train, prepared.val, prepared.test)] == [48, 6, 6]


def test_sequences_and_values_are_standardised_by_training():
    prepared = data()
    for array in (prepared.train.x["sequence"], prepared.train.y["value"]):
        assert array.mean() == pytest.approx(0, abs=1e-5)
        assert array.std() == pytest.approx(1, abs=1e-5)
    # The mean of training is 0.
    expected = np.square(prepared.test.y["value"]).mean()
    assert made().baseline(prepared)["mse"] == pytest.approx(expected, rel=1e-5)


def test_the_scale_can_stay_as_it_is():
    prepared = data(standardise=False)
    whole = np.concatenate([p.y["value"] for p in (prepared.train, prepared.val, prepared.test)])
    np.testing.assert_allclose(sorted(whole[:, 0]), sorted(VALUES), rtol=1e-6)
    assert prepared.assets == {"length": 8}


def test_there_may_be_several_channels_and_values():
    sequences = RNG.normal(size=(60, 8, 3))
    sequences[:, :, 2] = 7  # a channel that says nothing
    prepared = data(sequences, sequences.mean(axis=1)[:, :2].tolist())
    assert prepared.spec.inputs["sequence"].shape == (8, 3)
    assert prepared.spec.outputs["value"].shape == (2,)
    assert not prepared.train.x["sequence"][:, :, 2].any()
    answers = sequence_regression.decode(
        {"value": prepared.test.y["value"]}, prepared.spec, prepared.assets
    )
    assert np.shape(answers) == (6, 2)


@pytest.mark.parametrize(
    "sequences, values, said",
    [
        ([[1, 2], [3]] * 30, VALUES, "train, sequences, row 1: found numbers of shape (1,); expec"),
        ([*SEQUENCES.tolist()[:-1], None], VALUES, "sequences, row 59: found None; expected numb"),
        (SEQUENCES, [*VALUES[:-1], None], "train, values, row 59: found None; expected numbers"),
        (SEQUENCES[0], VALUES[:8], "train, sequences: of type float64 and shape (8,); expected"),
        (SEQUENCES, [str(value) for value in VALUES], "train, values, row 0: found '"),
        (np.where(SEQUENCES > 70, np.nan, SEQUENCES), VALUES, "NaN or infinite; expected finite"),
        (SEQUENCES, np.where(np.arange(60) == 3, np.inf, VALUES), "values, row 3: NaN or infinite"),
        (SEQUENCES, np.ones(60), "train: all values are [1.0]; expected values to tell apart"),
        (SEQUENCES, VALUES[:-1], "train: 60 sequences and 59 values; expected as many of each"),
        (np.zeros((60, 0)), VALUES, "shape (60, 0, 1); expected at least one step and channel"),
    ],
)
def test_what_is_no_sequence_is_one_line(sequences, values, said):
    task = sequence_regression.task("t", lambda files: (sequences, values))
    with pytest.raises(HarnessError) as error:
        task.prepare({})
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_splits_must_have_sequences_of_one_shape():
    splits = {"train": (SEQUENCES, VALUES), "test": (SEQUENCES[:, :5], VALUES)}
    with pytest.raises(HarnessError, match=r"'t', test: sequences of shape \(5, 1\); expected \(8"):
        sequence_regression.task("t", lambda files: splits).prepare({})


def test_raw_sequences_are_encoded_as_in_training_and_answers_are_on_their_scale():
    splits = {"train": (SEQUENCES, VALUES), "val": (SEQUENCES, VALUES), "test": (SEQUENCES, VALUES)}
    prepared = sequence_regression.task("t", lambda files: splits).prepare({})
    encoded = sequence_regression.encode(SEQUENCES.tolist(), prepared.spec, prepared.assets)
    np.testing.assert_array_equal(encoded["sequence"], prepared.train.x["sequence"])
    answers = sequence_regression.decode(
        {"value": prepared.train.y["value"]}, prepared.spec, prepared.assets
    )
    np.testing.assert_allclose(answers, VALUES, rtol=1e-6)
    with pytest.raises(HarnessError, match=r"input: sequences of \(5, 1\); expected \(8, 1\)"):
        sequence_regression.encode(SEQUENCES[:, :5], prepared.spec, prepared.assets)


def test_the_tolerance_is_on_the_scale_of_the_data():
    prepared = data(tolerance=2.0)
    scale = prepared.assets["encoding"]["value"]["scale"][0]

    class Off:
        """A model that is wrong by as much each time, on the data's own scale."""

        def __init__(self, error):
            self.error = error

        def predict(self, x, **options):
            return {"value": prepared.test.y["value"] + np.float32(self.error / scale)}

    near = sequence_regression.score(Off(1.9), prepared.test, prepared.assets)
    far = sequence_regression.score(Off(2.1), prepared.test, prepared.assets)
    assert (near.metrics["solved"], far.metrics["solved"]) == (1.0, 0.0)
    assert "solved" not in made().baseline(data())


def test_an_architecture_trains_on_it():
    task = made()
    prepared = task.prepare({})
    space = registry.space("gru")
    keras.utils.set_random_seed(0)
    model = space.build(space.sample(keras_tuner.HyperParameters(), task.kind), prepared.spec)
    model.compile("adam", jit_compile=False, **task.compile_args(prepared.spec, Training()))
    model.fit(dict(prepared.train.x), dict(prepared.train.y), epochs=1, verbose=0)
    assert np.isfinite(task.score(model, prepared.test, prepared.assets).metrics["mse"])
