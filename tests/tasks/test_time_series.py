"""Time series: windows, the two forecasting tasks, their scores and their naive forecasts."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from harness.tasks.time_series_forecasting import (
    ETT_CHANNELS,
    etth1,
    mackey_glass,
    mackey_glass_series,
)
from scipy.integrate import solve_ivp
from sklearn.metrics import mean_absolute_error, mean_squared_error

from harness.kinds import time_series_forecasting
from harness.kinds.fitting import forecasts
from harness.kinds.fitting.windows import adjoining_windows, forecasting_split, shifted
from harness.spec import HarnessError, Prepared, Score, Split, Training

TASKS = [etth1, mackey_glass]


def ett_table(rows=17_420):
    """A file in the layout of ETTh1: a daily wave, a trend, some noise; no row like another."""
    rng = np.random.default_rng(0)
    hours = np.arange(rows)[:, None]
    phase = np.arange(7)
    values = 5 * phase + np.sin(hours / 24 * 2 * np.pi + phase) + hours / 1e4
    values = values + rng.normal(0, 0.1, values.shape)
    table = pd.DataFrame(values, columns=ETT_CHANNELS)
    dates = pd.date_range("2016-07-01", periods=rows, freq="h")
    table.insert(0, "date", dates.strftime("%Y-%m-%d %H:%M:%S"))
    return table


def prepare_ett(tmp_path, table):
    path = tmp_path / "ETTh1.csv"
    table.to_csv(path, index=False)
    return etth1.prepare({"ETTh1.csv": path})


@pytest.fixture(scope="module")
def ett(tmp_path_factory):
    return prepare_ett(tmp_path_factory.mktemp("ett"), ett_table())


@pytest.fixture(scope="module")
def chaos():
    return mackey_glass.prepare({})


# --- windows ----------------------------------------------------------------------


def counting(steps, channels=2):
    return np.arange(steps * channels, dtype="float32").reshape(steps, channels)


def test_a_look_back_is_followed_by_its_horizon():
    series = counting(10)
    split = forecasting_split("demo", "train", series, look_back=3, horizon=2)
    assert split.x["past"].shape == (6, 3, 2)
    assert split.y["future"].shape == (6, 2, 2)
    np.testing.assert_array_equal(split.x["past"][5], series[5:8])
    np.testing.assert_array_equal(split.y["future"][5], series[8:10])


def test_a_series_of_one_window_is_long_enough():
    assert len(forecasting_split("demo", "train", counting(5), look_back=3, horizon=2)) == 1


def test_windows_are_views_of_their_stretch_alone():
    series = counting(20)
    split = forecasting_split("demo", "val", series, look_back=3, horizon=2, first=4, last=12)
    past, future = split.x["past"], split.y["future"]
    assert past.series is future.series
    assert np.shares_memory(past.series, series)
    assert len(past.series) == 8
    np.testing.assert_array_equal(past[0], series[4:7])
    np.testing.assert_array_equal(future[-1], series[10:12])


def holed(value, step=17, channel=1):
    series = counting(300)
    series[step, channel] = series[40, 0] = value
    return series


@pytest.mark.parametrize(
    "series, lengths, message",
    [
        (counting(0), (96, 96), "an empty series"),
        (
            counting(100),
            (96, 96),
            "100 steps; expected at least 192, for a look-back of 96 and a horizon of 96",
        ),
        (counting(100), (96, 200), "a horizon of 200 is longer than its 100 steps"),
        (counting(100), (96, 0), "a horizon of 0; expected at least 1"),
        (counting(100), (-1, 96), "a look-back of -1; expected at least 1"),
        (
            holed(np.nan),
            (96, 96),
            "2 of 600 values are NaN or infinite, the first at step 17, channel 1",
        ),
        (
            holed(-np.inf),
            (96, 96),
            "2 of 600 values are NaN or infinite, the first at step 17, channel 1",
        ),
        (
            counting(100),
            (3, 2, 50, 101),
            "steps 50 to 101 are not within its 100 steps",
        ),
    ],
)
def test_series_that_cannot_be_cut_are_refused(series, lengths, message):
    with pytest.raises(HarnessError) as error:
        forecasting_split("etth1", "train", series, *lengths)
    assert str(error.value) == f"task 'etth1', train: {message}"


def test_adjoining_windows_meet_and_leave_the_rest_out():
    tokens = np.arange(12, dtype="int32")
    windows = adjoining_windows("demo", "train", tokens, length=4, ahead=1)
    np.testing.assert_array_equal(windows[:], [[0, 1, 2, 3], [4, 5, 6, 7]])
    np.testing.assert_array_equal(shifted(windows, 1)[:], [[1, 2, 3, 4], [5, 6, 7, 8]])
    assert shifted(windows, 1).series is tokens
    assert len(adjoining_windows("demo", "train", tokens, length=4)) == 3


@pytest.mark.parametrize(
    "series, length, ahead, message",
    [
        (np.zeros(0, "int32"), 4, 0, "an empty series"),
        (np.zeros(3, "int32"), 4, 0, "3 steps; expected at least 4, for a window of 4"),
        (np.zeros(4, "int32"), 4, 1, "4 steps; expected at least 5, for a window of 4 and 1 ahead"),
        (np.zeros(4, "int32"), 0, 0, "a window of 0; expected at least 1"),
        (np.zeros(4, "int32"), 2, -1, "-1 steps ahead; expected at least 0"),
        (np.array([1, np.nan]), 2, 0, "1 of 2 values are NaN or infinite, the first at step 1"),
    ],
)
def test_series_that_cannot_be_cut_into_adjoining_windows_are_refused(
    series, length, ahead, message
):
    with pytest.raises(HarnessError) as error:
        adjoining_windows("wikitext", "val", series, length, ahead)
    assert str(error.value) == f"task 'wikitext', val: {message}"


# --- ETTh1 ------------------------------------------------------------------------


def test_etth1_has_the_usual_windows(ett):
    assert [len(ett.train), len(ett.val), len(ett.test)] == [8449, 2785, 2785]
    assert ett.train.x["past"].shape[1:] == ett.train.y["future"].shape[1:] == (96, 7)
    assert ett.assets["channels"] == ETT_CHANNELS


def steps_of(windows):
    """Rows that windows hold, each as bytes: the synthetic file has no row twice."""
    used = np.unique(windows.starts[:, None] + np.arange(windows.length))
    return {row.tobytes() for row in windows.series[used]}


def test_no_target_of_one_split_is_a_row_of_an_earlier_one(ett):
    targets = {name: steps_of(getattr(ett, name).y["future"]) for name in ("train", "val", "test")}
    assert [len(rows) for rows in targets.values()] == [8640 - 96, 2880, 2880]
    assert not targets["train"] & targets["val"]
    assert not targets["val"] & targets["test"]
    assert not targets["train"] & targets["test"]
    for later in ("val", "test"):
        assert not targets[later] & steps_of(ett.train.x["past"])
    # A validation or test window may look back into the rows before its split.
    assert steps_of(ett.val.x["past"]) & targets["train"]


def test_etth1_is_standardised_by_training_rows_only(tmp_path, ett):
    table = ett_table()
    rows = table[ETT_CHANNELS].to_numpy()
    mean, deviation = rows[:8640].mean(0), rows[:8640].std(0)
    np.testing.assert_allclose(ett.assets["mean"], mean)
    np.testing.assert_allclose(ett.assets["scale"], deviation)
    expected = (rows[11520 - 96 : 14400] - mean) / deviation
    np.testing.assert_allclose(ett.test.x["past"].series, expected, rtol=1e-5, atol=1e-5)

    table.loc[8640:, ETT_CHANNELS] *= 3
    other = prepare_ett(tmp_path, table)
    assert other.assets == ett.assets
    np.testing.assert_array_equal(other.train.x["past"].series, ett.train.x["past"].series)


def without_a_column(table):
    return table.drop(columns="MULL")


def without_a_row(table):
    return table.iloc[:-1]


def with_holes(table):
    table.loc[[7, 900], "LUFL"] = np.nan
    return table


def with_words(table):
    table["OT"] = table["OT"].astype(object)
    table.loc[5, "OT"] = "warm"
    return table


def with_an_infinity(table):
    table.loc[0, "HUFL"] = np.inf
    return table


@pytest.mark.parametrize(
    "damage, message",
    [
        (
            without_a_column,
            ": no column 'MULL'; expected date, HUFL, HULL, MUFL, MULL, LUFL, LULL, OT",
        ),
        (without_a_row, ": 17419 rows; expected 17420"),
        (
            with_holes,
            ", column 'LUFL': no finite number in 2 of 17420 rows, the first in row 7",
        ),
        (with_words, ", column 'OT': no finite number in 1 of 17420 rows, the first in row 5"),
        (
            with_an_infinity,
            ", column 'HUFL': no finite number in 1 of 17420 rows, the first in row 0",
        ),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, damage, message):
    with pytest.raises(HarnessError) as error:
        prepare_ett(tmp_path, damage(ett_table()))
    assert str(error.value) == f"task 'etth1', ETTh1.csv{message}"


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2,3\n4\n1,2,3,4,5\n", b"\xff\xfe\x00"])
def test_a_file_that_is_no_csv_is_refused(tmp_path, content):
    path = tmp_path / "ETTh1.csv"
    path.write_bytes(content)
    with pytest.raises(HarnessError, match=r"task 'etth1', ETTh1\.csv: not a CSV file \("):
        etth1.prepare({"ETTh1.csv": path})


def test_a_channel_that_never_changes_is_refused(tmp_path):
    with pytest.raises(HarnessError, match="task 'etth1': channel 'OT' repeats itself exactly"):
        prepare_ett(tmp_path, ett_table().assign(OT=3.0))


# --- Mackey-Glass -----------------------------------------------------------------


def method_of_steps(until, start=1.2, delay=17):
    """An independent solution: between multiples of the delay it is an ordinary equation."""
    pieces = []

    def before(t):
        return start if t <= 0 else pieces[min(int(t // delay), len(pieces) - 1)](t)[0]

    value = start
    for begin in range(0, until, delay):

        def slope(t, x):
            late = before(t - delay)
            return 0.2 * late / (1 + late**10) - 0.1 * x

        span = (begin, begin + delay)
        solution = solve_ivp(slope, span, [value], rtol=1e-9, atol=1e-11, dense_output=True)
        pieces.append(solution.sol)
        value = solution.y[0, -1]
    return np.array([before(t) for t in range(until)])


def test_mackey_glass_agrees_with_the_method_of_steps():
    np.testing.assert_allclose(mackey_glass_series(102), method_of_steps(102), atol=1e-3)


def test_mackey_glass_agrees_with_finer_steps():
    coarse, fine = mackey_glass_series(150), mackey_glass_series(150, steps_per_unit=40)
    np.testing.assert_allclose(coarse, fine, atol=1e-3)


def test_mackey_glass_splits_are_stretches_of_their_own(chaos):
    assert [len(chaos.train), len(chaos.val), len(chaos.test)] == [2905, 505, 505]
    splits = [chaos.train, chaos.val, chaos.test]
    series = [split.x["past"].series for split in splits]
    assert [len(rows) for rows in series] == [3000, 600, 600]
    x = np.concatenate(series)[:, 0] * chaos.assets["scale"][0] + chaos.assets["mean"][0]
    np.testing.assert_allclose(x, mackey_glass_series(5200)[1000:], rtol=1e-5)
    np.testing.assert_allclose([series[0].mean(), series[0].std()], [0, 1], atol=1e-6)


def test_mackey_glass_is_beyond_the_naive_forecasts(chaos):
    metrics = mackey_glass.baseline(chaos)
    assert metrics["nrmse"] > 1
    assert metrics["training_mean"].metrics["nrmse"] == pytest.approx(1, abs=0.01)


def test_mackey_glass_is_the_same_every_time(chaos):
    again = mackey_glass.prepare({})
    assert again.assets == chaos.assets
    for split in ("train", "val", "test"):
        ours, theirs = getattr(again, split).x["past"], getattr(chaos, split).x["past"]
        np.testing.assert_array_equal(ours.series, theirs.series)


# --- scores -----------------------------------------------------------------------


class Fixed:
    """A model that answers each window with forecasts given beforehand, in order."""

    def __init__(self, forecasts):
        self.forecasts = forecasts
        self.seen = 0

    def predict_on_batch(self, x):
        begin, self.seen = self.seen, self.seen + len(x["past"])
        return {"future": self.forecasts[begin : self.seen]}


def test_scores_are_scikit_learns():
    rng = np.random.default_rng(0)
    series = rng.normal(1, 2, (600, 3)).astype("float32")
    split = forecasting_split("demo", "test", series, look_back=8, horizon=5)
    forecasts = rng.normal(size=split.y["future"].shape).astype("float32")
    mase_scale = [0.5, 1.0, 2.0]
    score = time_series_forecasting.score(Fixed(forecasts), split, {"mase_scale": mase_scale})
    truth = split.y["future"][:].reshape(-1, 3)
    flat = forecasts.reshape(-1, 3)
    squared = mean_squared_error(truth, flat, multioutput="raw_values")
    absolute = mean_absolute_error(truth, flat, multioutput="raw_values")
    assert score.metrics == {
        "mse": pytest.approx(squared.mean(), rel=1e-6),
        "mae": pytest.approx(absolute.mean(), rel=1e-6),
        "mase": pytest.approx((absolute / mase_scale).mean(), rel=1e-6),
        "nrmse": pytest.approx((np.sqrt(squared) / truth.std(0)).mean(), rel=1e-5),
    }
    outcome = score.per_example["squared_error"]
    assert outcome.shape == (len(split),)
    assert outcome.dtype == np.float32
    assert outcome.mean() == pytest.approx(score.metrics["mse"], rel=1e-5)
    assert outcome[300] == pytest.approx(np.square(split.y["future"][300] - forecasts[300]).mean())


def test_forecasts_of_another_shape_are_not_stretched():
    split = forecasting_split("demo", "test", counting(20), look_back=3, horizon=2)
    with pytest.raises(ValueError, match=r"expected forecasts of shape \(16, 2, 2\)"):
        time_series_forecasting.score(Fixed(np.zeros((16, 2, 1))), split, {"mase_scale": [1, 1]})


def worked_example(season):
    """Training rows 1 4 2 6, and one test window: 3 5 9 behind 1 4 2 6."""
    assets = {"horizon": 3, "season": season, "mase_scale": []}
    series = np.array([1, 4, 2, 6, 3, 5, 9], "float32")[:, None]
    assets["mase_scale"] = forecasts.naive_scale(series[:4], season or 1).tolist()
    test = forecasting_split("demo", "test", series, look_back=4, horizon=3)
    return time_series_forecasting.baseline(Prepared(None, test, test, test, assets))


def test_naive_forecasts_of_a_worked_example():
    metrics = worked_example(season=2)
    # The last value is 6 6 6: errors 3 1 3. The last season is 2 6 2: errors 1 1 7.
    assert metrics["mse"] == pytest.approx(19 / 3)
    assert metrics["mae"] == pytest.approx(7 / 3)
    assert metrics["seasonal_naive"].metrics["mse"] == pytest.approx(51 / 3)
    assert metrics["seasonal_naive"].metrics["mae"] == pytest.approx(9 / 3)
    # In training, a season ago was wrong by 1 and 2.
    assert metrics["mase"] == pytest.approx(7 / 3 / 1.5)
    assert metrics["seasonal_naive"].metrics["mase"] == pytest.approx(9 / 3 / 1.5)
    # Targets 3 5 9 have a variance of 56 / 9.
    assert metrics["nrmse"] == pytest.approx(np.sqrt(19 / 3 / (56 / 9)))


def test_without_a_season_mase_is_relative_to_the_last_value():
    metrics = worked_example(season=None)
    # In training, the value before was wrong by 3, 2 and 4.
    assert metrics["mase"] == pytest.approx(7 / 3 / 3)
    assert metrics["training_mean"].metrics["mse"] == pytest.approx((9 + 25 + 81) / 3)
    assert not any("seasonal" in name for name in metrics)


def test_the_scale_of_mase_is_that_of_the_training_rows(ett):
    series = ett.train.x["past"].series.astype("float64")
    expected = np.abs(series[24:] - series[:-24]).mean(axis=0)
    np.testing.assert_allclose(ett.assets["mase_scale"], expected, rtol=1e-5)


def test_the_season_of_etth1_is_a_better_guess_than_the_last_value(ett):
    metrics = etth1.baseline(ett)
    assert metrics["seasonal_naive"].metrics["mse"] < 0.1 * metrics["mse"]
    assert metrics["seasonal_naive"].metrics["mae"] < metrics["mae"]


@pytest.mark.parametrize("name", ["ett", "chaos"])
def test_an_exhibit_shows_windows_chosen_by_place(name, request):
    data = request.getfixturevalue(name)
    horizon, channels = data.spec.outputs["future"].shape
    model = Fixed(np.full((3, horizon, channels), 0.123456))
    shown = json.loads(
        json.dumps(time_series_forecasting.exhibit(model, data, Score({})), allow_nan=False)
    )
    assert shown["standardised"] is True
    forecasts = shown["forecasts"]
    windows = len(data.test)
    assert [f["window"] for f in forecasts] == [windows // 6, windows // 2, windows * 5 // 6]
    target = {"ett": "OT", "chaos": "x"}[name]
    for forecast in forecasts:
        window = forecast["window"]
        assert forecast["channel"] == target
        past, truth = data.test.x["past"][window], data.test.y["future"][window]
        np.testing.assert_allclose(forecast["past"], past[:, -1], atol=6e-5)
        np.testing.assert_allclose(forecast["truth"], truth[:, -1], atol=6e-5)
        assert forecast["forecast"] == [0.1235] * horizon
        assert forecast["baseline"] == [forecast["past"][-1]] * horizon


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_training_logs_the_objective_and_scoring_agrees_with_it(task, ett, chaos):
    import keras

    data = {"etth1": ett, "mackey_glass": chaos}[task.name]
    keras.utils.set_random_seed(0)
    past = keras.Input(data.spec.inputs["past"].shape, name="past")
    steps = keras.ops.transpose(past, (0, 2, 1))
    future = keras.layers.Dense(data.spec.outputs["future"].shape[0])(steps)
    model = keras.Model({"past": past}, {"future": keras.ops.transpose(future, (0, 2, 1))})
    model.compile("adam", jit_compile=False, **task.compile_args(data.spec, Training()))
    few = slice(0, 300)  # more than one batch of scoring
    split = Split(
        {"past": data.test.x["past"].take(np.arange(300))},
        {"future": data.test.y["future"].take(np.arange(300))},
    )
    x, y = {"past": data.test.x["past"][few]}, {"future": data.test.y["future"][few]}
    logs = model.fit(x, y, validation_data=(x, y), epochs=1, verbose=0).history
    assert set(logs) == {"loss", "mse", "mae", "val_loss", "val_mse", "val_mae"}
    score = task.score(model, split, data.assets)
    assert score.metrics["mse"] == pytest.approx(logs["val_mse"][0], rel=1e-4)
    assert score.metrics["mae"] == pytest.approx(logs["val_mae"][0], rel=1e-4)


def test_listing_the_tasks_loads_no_framework():
    script = (
        "import sys, harness.tasks.time_series_forecasting, harness.tasks.sequence_regression;"
        "sys.exit(str({'keras', 'tensorflow', 'pandas', 'sklearn', 'scipy'} & set(sys.modules)"
        " or ''))"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300
    )
    assert run.stderr.strip() == ""
