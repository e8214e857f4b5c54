"""What is settled before a sweep runs."""

import dataclasses

import numpy as np
import pytest

from harness.driver import preflight
from harness.spec import HarnessError, Objective
from harness.system.json_values import jsonable
from tests.hostile.hostile.tasks import blobs

EVENT = {"digest": "ab" * 32, "objective": Objective("accuracy", "max"), "measure": None}


@pytest.mark.parametrize(
    "change, message",
    [
        ({"digest": "cd" * 32}, r"data of task 'blobs' has changed .*\(abababababab, now cdcdcdc"),
        ({"objective": Objective("accuracy", "min")}, "objective .*accuracy max, now accuracy min"),
        ({"objective": Objective("loss", "max")}, "objective .*accuracy max, now loss max"),
        ({"measure": Objective("bleu", "max")}, "measure .*none, now bleu max"),
    ],
)
def test_a_sweep_is_carried_on_with_what_it_began_with(tmp_path, change, message):
    known = {"blobs": jsonable(EVENT)}
    preflight.check_same_data(tmp_path, known, {"blobs": EVENT, "new": EVENT})
    with pytest.raises(HarnessError, match=message):
        preflight.check_same_data(tmp_path, known, {"blobs": {**EVENT, **change}})


def test_a_journal_from_before_there_were_measures_is_carried_on(tmp_path):
    known = jsonable(EVENT)
    del known["measure"]
    now = {**EVENT, "measure": Objective("bleu", "max")}
    preflight.check_same_data(tmp_path, {"blobs": known}, {"blobs": now})


@pytest.mark.parametrize("value", ["0.5", True, 2**70, {1}, b"x", 1j, [0.5], np.zeros(2)], ids=repr)
def test_a_baseline_that_cannot_be_recorded_is_refused(value):
    task = dataclasses.replace(blobs, baseline=lambda data: {"accuracy": value})
    with pytest.raises(HarnessError, match=r"'blobs': its baseline cannot be had \(") as caught:
        preflight.baselines(task, None)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [1, 0.5, np.float32(0.5), np.int64(3), float("nan")], ids=repr)
def test_a_baseline_of_numbers_is_what_it_is(value):
    task = dataclasses.replace(blobs, baseline=lambda data: {"accuracy": value})
    assert preflight.baselines(task, None).metrics == {
        "accuracy": pytest.approx(float(value), nan_ok=True)
    }
