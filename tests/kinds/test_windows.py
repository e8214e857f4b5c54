"""Windows are read like an array and never copied out: in memory, on disk, and in training."""

import dataclasses
import importlib.util
import json
import os
import subprocess
import sys

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from harness import registry
from harness.data import cache
from harness.data.ingredients import Ingredients
from harness.data.prepare import META, write
from harness.data.validate import validate
from harness.spec import DataSpec, HarnessError, Prepared, Split, TensorSpec, Windows
from harness.training.feed import Feed, evaluation_batch, subset

SERIES = np.arange(40, dtype="float32").reshape(20, 2)


@hypothesis.given(
    starts=st.lists(st.integers(0, 15), min_size=1, max_size=8),
    length=st.integers(1, 5),
    data=st.data(),
)
def test_they_read_like_the_array_that_copying_them_out_would_give(starts, length, data):
    windows = Windows(SERIES, np.array(starts), length)
    copied = np.stack([SERIES[start : start + length] for start in starts])
    assert (windows.shape, windows.ndim, len(windows)) == (copied.shape, 3, len(starts))
    assert windows.dtype == copied.dtype
    np.testing.assert_array_equal(np.asarray(windows), copied)
    index = data.draw(st.integers(-len(starts), len(starts) - 1))
    np.testing.assert_array_equal(windows[index], copied[index])
    chosen = np.array(data.draw(st.lists(st.integers(0, len(starts) - 1), max_size=4)), "int64")
    np.testing.assert_array_equal(windows[chosen], copied[chosen])
    np.testing.assert_array_equal(windows[1:4], copied[1:4])
    part = windows.take(chosen)
    assert part.series is SERIES
    np.testing.assert_array_equal(part[:], copied[chosen])


def prepared(starts=None, length=3):
    starts = np.arange(10) if starts is None else starts
    split = Split(
        {"past": Windows(SERIES, starts, length)},
        {"future": Windows(SERIES, np.asarray(starts) + length, 2)},
    )
    spec = DataSpec(
        {"past": TensorSpec((length, 2), "float32")},
        {"future": TensorSpec((2, 2), "float32")},
        "time_series_forecasting",
    )
    return Prepared(spec, split, split, split)


TASK = dataclasses.replace(registry.task("mackey_glass"), name="windowed")


@pytest.mark.parametrize(
    "starts, length, message",
    [
        (np.array([0, 18]), 3, "within a series of 20 steps, found steps 0 to 20"),
        (np.array([-1, 2]), 3, "within a series of 20 steps, found steps -1 to 4"),
        (np.array([0, 2]), 0, "expected windows of 1 step or more, found 0"),
        (np.array([0, 2], "int32"), 3, "starts of type int64, one a window, found int32"),
    ],
)
def test_windows_that_leave_their_series_are_refused(starts, length, message):
    with pytest.raises(HarnessError, match=message):
        validate(TASK, prepared(starts, length))


def test_a_series_with_nan_is_refused_wherever_its_windows_are():
    data = prepared()
    series = SERIES.copy()
    series[19] = np.nan  # in no window
    split = dataclasses.replace(data.val, x={"past": Windows(series, np.arange(10), 3)})
    with pytest.raises(HarnessError, match=r"val, x\['past'\]: expected finite values"):
        validate(TASK, dataclasses.replace(data, val=split))


def test_on_disk_a_series_is_written_once(tmp_path):
    write(TASK, prepared(), tmp_path, Ingredients())
    meta = json.loads((tmp_path / META).read_text())
    stored = [name for name in meta["arrays"] if name.endswith(".series")]
    assert stored == ["train.x.past.series"]
    assert (tmp_path / f"{stored[0]}.npy").stat().st_size < SERIES.nbytes + 200


def test_the_cache_gives_windows_back_uncut():
    data = cache.load(registry.task("mackey_glass"))
    past, future = data.train.x["past"], data.train.y["future"]
    assert isinstance(past, Windows)
    assert isinstance(past.series, np.memmap)
    assert past.series is future.series
    assert set(data.train.x) == {"past"}
    np.testing.assert_array_equal(
        past.starts + past.length, future.starts, err_msg="the future begins where the past ends"
    )


def test_a_part_of_a_split_stays_uncut():
    part = subset(prepared().train, 0.3)
    assert part.x["past"].series is SERIES
    np.testing.assert_array_equal(part.x["past"].starts + 3, part.y["future"].starts)
    assert len(part) == 3


def batches(split, seed, epochs=2):
    """The inputs and outputs of some epochs, as training would see them."""
    import keras

    fed = Feed(split, split, 4, 4, seed).arguments()["x"]
    seen = []
    for _ in range(epochs):
        uncut = keras.backend.backend() == "tensorflow"
        order = fed if uncut else map(fed.__getitem__, range(len(fed)))
        parts = [(np.asarray(x["past"]), np.asarray(y)) for x, y in order]
        assert [len(x) for x, _ in parts] == ([4, 4, 2] if uncut else [4, 4])
        seen.append([np.concatenate(side) for side in zip(*parts, strict=True)])
        if hasattr(fed, "on_epoch_end"):
            fed.on_epoch_end()
    return seen


def check_feeding():
    split = prepared().train
    first, second = batches(split, seed=3)
    whole, targets = split.x["past"][:], split.y["future"][:]
    for x, y in (first, second):
        order = np.searchsorted(whole[:, 0, 0], x[:, 0, 0])
        assert len({*order}) == len(order), "no window is seen twice"
        np.testing.assert_array_equal(x, whole[order])
        np.testing.assert_array_equal(y, targets[order])
    assert not np.array_equal(first[0], second[0])
    np.testing.assert_array_equal(batches(split, seed=3)[0][0], first[0])


def test_training_sees_every_window_once_an_epoch_with_its_own_target():
    check_feeding()


def test_jax_sees_the_same():
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed")
    script = "from tests.kinds.test_windows import check_feeding; check_feeding()"
    subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        timeout=120,
        env={**os.environ, "KERAS_BACKEND": "jax"},
    )


def test_validation_batches_shrink_where_outputs_are_large():
    logits = TensorSpec((64,), "int32", size=33_278)
    assert evaluation_batch({"next_token": logits}, 64) == 15
    assert evaluation_batch({"label": TensorSpec((), "uint8", size=10)}, 64) == 64
    assert evaluation_batch({"y": TensorSpec((2**13, 2**13), "float32")}, 64) == 1
