"""Time series forecasting from tables of numbers: one series or several, cut, scaled, refused."""

import keras
import keras_tuner
import numpy as np
import pandas as pd
import pytest

from harness import kinds, registry
from harness.data.validate import validate
from harness.kinds import time_series_forecasting
from harness.spec import HarnessError, Objective, TensorSpec, Training

OPTIONS = {"look_back": 12, "horizon": 4}


def wave(steps=400, channels=None):
    rng = np.random.default_rng(0)
    phase = np.arange(channels or 1)
    values = np.sin(np.arange(steps)[:, None] / 3 + phase) * 20 + 100
    values = values + rng.normal(0, 1, values.shape)
    return values if channels else values[:, 0]


def made(table, **options):
    return time_series_forecasting.task("t", lambda files: table, **{**OPTIONS, **options})


def data(table, **options):
    task = made(table, **options)
    prepared = task.prepare({})
    validate(task, prepared)
    return prepared


def refusal(table, **options):
    with pytest.raises(HarnessError) as error:
        data(table, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_task_is_made_of_a_series():
    def prepare(files):
        return wave()

    task = time_series_forecasting.task("t", prepare, look_back=12, horizon=4, season=6)
    assert (task.kind, task.objective) == ("time_series_forecasting", Objective("mse", "min"))
    assert kinds.author(task.prepare) is prepare
    prepared = task.prepare({})
    validate(task, prepared)
    assert prepared.spec.inputs == {"past": TensorSpec((12, 1), "float32")}
    assert prepared.spec.outputs == {"future": TensorSpec((4, 1), "float32")}
    assert (prepared.assets["channels"], prepared.assets["target"]) == (["0"], "0")
    assert set(task.baseline(prepared)) >= {"mse", "mase", "seasonal_naive", "ridge_regression"}


def test_the_end_of_a_series_is_cut_off_and_looks_back_into_what_was_before():
    series = wave()
    prepared = data(series)
    assets = prepared.assets
    assert assets["mean"] == [pytest.approx(series[:320].mean())]
    parts = [part.x["past"].series for part in (prepared.train, prepared.val, prepared.test)]
    assert [len(part) for part in parts] == [320, 40 + 12, 40 + 12]
    own = parts[2][:, 0] * assets["scale"][0] + assets["mean"][0]
    np.testing.assert_allclose(own, series[360 - 12 :], rtol=1e-5)


@pytest.mark.parametrize("steps", [(), (3,)], ids=["one", "three"])
@pytest.mark.parametrize("kind", ["array", "list", "pandas"])
def test_tables_are_arrays_lists_or_of_pandas(steps, kind):
    values = wave(channels=steps[0] if steps else None)
    expected = data(values)
    if kind == "list":
        values = values.tolist()
    if kind == "pandas":
        index = pd.date_range("2020-01-01", periods=len(values), freq="h")
        make = pd.DataFrame if steps else pd.Series
        values = make(values, index=index, **({"columns": list("abc")} if steps else {}))
    found = data(values)
    np.testing.assert_array_equal(found.train.x["past"].series, expected.train.x["past"].series)
    names = {("pandas", ()): ["value"], ("pandas", (3,)): ["a", "b", "c"]}
    default = [str(number) for number in range(len(expected.assets["channels"]))]
    assert found.assets["channels"] == names.get((kind, steps), default)


def test_channels_and_the_one_that_is_shown_can_be_named():
    prepared = data(wave(channels=2), channels=["load", "heat"], target="load")
    assert (prepared.assets["channels"], prepared.assets["target"]) == (["load", "heat"], "load")
    assert data(wave(channels=2), channels=["load", "heat"]).assets["target"] == "heat"


def test_splits_may_be_tables_of_their_own():
    splits = {"train": wave(), "val": wave(60), "test": wave(50), "later": wave(40)}
    prepared = data(splits)
    assert len(prepared.further["later"].x["past"].series) == 40
    assert len(prepared.test) == 50 - 12 - 4 + 1


HOLED = wave(channels=2)
HOLED[17, 1] = np.nan
DATES = pd.DataFrame({"date": pd.date_range("2020-01-01", periods=400), "a": wave()})


@pytest.mark.parametrize(
    "table, options, said",
    [
        (wave(20), {}, "task 't', val: 14 steps; expected at least 16, for a look-back of 12"),
        ({"train": wave(), "val": wave(10), "test": wave()}, {},
         "task 't', val: 10 steps; expected at least 16, for a look-back of 12 and a horizon of 4"),
        ({"train": wave(9), "val": wave(), "test": wave()}, {}, "task 't', train: 9 steps"),
        (wave(), {"horizon": 0}, "a horizon of 0; expected at least 1"),
        (wave(), {"season": 13}, "task 't': a season of 13 steps; expected 1 to 12, the look-back"),
        (wave(), {"season": 0}, "a season of 0 steps"),
        (np.full(400, 7.0), {}, "task 't': channel '0' repeats itself exactly in training"),
        (HOLED, {}, "train: 1 of 800 values are NaN or infinite, the first at step 17, channel 1"),
        (pd.DataFrame(HOLED, columns=["a", "b"]), {}, "at step 17, column 'b'; expected finite"),
        (DATES, {}, "train, column 'date': values of type datetime64"),
        (["a"] * 400, {}, "train, step 0: found 'a'; expected numbers"),
        ([[1, 2], [3]] * 200, {}, "train, step 1: found numbers of shape (1,); expected"),
        ([*range(7), None, *range(392)], {}, "train, step 7: found None; expected numbers"),
        (np.zeros((400, 2, 2)), {}, "expected numbers of shape (steps,) or (steps, channels)"),
        (wave(channels=2), {"channels": ["a"]}, "the channels a; expected 2 different names"),
        (wave(channels=2), {"channels": ["a", "a"]}, "the channels a, a; expected 2 different"),
        (wave(channels=2), {"target": "OT"}, "no channel 'OT' to show; expected one of 0, 1"),
        ({"train": wave(channels=2), "test": wave()}, {},
         "task 't', test: a table of 1 channels; expected 2 channels, as in training"),
        ({"train": pd.DataFrame({"a": wave(), "b": wave()}),
          "test": pd.DataFrame({"b": wave(), "a": wave()})}, {},
         "task 't', test: a table of b, a; expected a, b, as in training"),
    ],
)  # fmt: skip
def test_tables_that_cannot_be_forecast_are_one_line(table, options, said):
    assert said in refusal(table, **options)


def test_a_scale_is_that_of_the_data_again():
    series = wave()
    prepared = data(series)
    encoded = time_series_forecasting.encode(
        [series[:12], series[:30]], prepared.spec, prepared.assets
    )["past"]
    np.testing.assert_allclose(encoded[0], prepared.train.x["past"][0], rtol=1e-5)
    np.testing.assert_allclose(encoded[1], prepared.train.x["past"][18], rtol=1e-5)
    answers = time_series_forecasting.decode(
        {"future": prepared.train.y["future"][:2]}, prepared.spec, prepared.assets
    )
    assert [list(answer) for answer in answers] == [["0"], ["0"]]
    np.testing.assert_allclose(answers[0]["0"], series[12:16], rtol=1e-5)


@pytest.mark.parametrize(
    "raw, said",
    [
        (wave(9), "input 1: 9 steps of 1 channels; expected at least 12 of 0"),
        (wave(20, channels=2), "input 1: 20 steps of 2 channels; expected at least 12 of 0"),
        (["x"] * 20, "input 1, step 0: found 'x'; expected numbers"),
    ],
)
def test_what_cannot_be_encoded_is_one_line(raw, said):
    prepared = data(wave())
    with pytest.raises(HarnessError) as error:
        time_series_forecasting.encode([wave(20), raw], prepared.spec, prepared.assets)
    assert said in str(error.value)


@pytest.mark.parametrize("space", ["simple_rnn", "gru", "lstm", "tcn", "transformer"])
def test_every_sequence_architecture_trains_on_a_single_series(space):
    task = made(wave(), season=6)
    prepared = task.prepare({})
    space = registry.space(space)
    config = space.sample(keras_tuner.HyperParameters(), task.kind)
    keras.utils.set_random_seed(0)
    model = space.build(config, prepared.spec)
    model.compile("adam", jit_compile=False, **task.compile_args(prepared.spec, Training()))
    x, y = {"past": prepared.val.x["past"][:]}, {"future": prepared.val.y["future"][:]}
    logs = model.fit(x, y, epochs=1, verbose=0).history
    assert np.isfinite(logs["loss"][0])
    score = task.score(model, prepared.test, prepared.assets)
    assert np.isfinite(score.metrics["mse"])
    assert len(task.exhibit(model, prepared, score)["forecasts"]) == 3


def test_a_split_of_one_window_is_shown_once():
    splits = {"train": wave(), "test": wave(16)}
    prepared = data(splits)

    class Model:
        def predict_on_batch(self, x):
            return {"future": np.zeros((len(x["past"]), 4, 1))}

    assert len(time_series_forecasting.exhibit(Model(), prepared, None)["forecasts"]) == 1
