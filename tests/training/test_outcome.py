"""What a failure is called."""

import sys
import types

import pytest

from harness.training import device, outcome
from harness.training.outcome import failed
from harness.trial import TrialResult

RESULT = TrialResult("tests", "blobs", "good", "search", 0, 0, {}, {}, "completed")
FULL = RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 9 bytes.")


@pytest.mark.parametrize(
    "error, ran_on, kind",
    [
        (FULL, "gpu", "device_memory"),
        (FULL, "tpu", "device_memory"),
        (FULL, "cpu", "memory"),
        (FULL, None, "memory"),
        (MemoryError("no room"), "gpu", "memory"),
        (ValueError("wrong"), "gpu", "code"),
        (outcome.Diverged("the loss is nan"), "gpu", "diverged"),
    ],
)
def test_memory_of_a_device_is_told_from_that_of_the_machine(error, ran_on, kind):
    result = failed(RESULT, error, ran_on)
    assert result.failure.kind == kind
    assert result.broken is (kind == "device_memory")


def test_tensorflow_is_kept_to_its_share(monkeypatch):
    import keras
    import tensorflow as tf

    if keras.backend.backend() != "tensorflow":
        pytest.skip("of TensorFlow")
    found = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["the device"])
    monkeypatch.setattr(
        tf.config, "set_logical_device_configuration", lambda *given: found.append(given)
    )
    monkeypatch.setattr(device.host, "device_memory_mb", lambda: 80_000.0)
    monkeypatch.delenv("HARNESS_DEVICE_FRACTION", raising=False)
    device.limit_memory()
    assert found == []
    monkeypatch.setenv("HARNESS_DEVICE_FRACTION", "0.450")
    device.limit_memory()
    ((limited, (share,)),) = found
    assert (limited, share.memory_limit) == ("the device", 36_000)


def test_torch_is_kept_to_its_share(monkeypatch):
    import keras

    found = []
    cuda = types.SimpleNamespace(
        is_available=lambda: True, set_per_process_memory_fraction=found.append
    )
    monkeypatch.setitem(sys.modules, "torch", types.SimpleNamespace(cuda=cuda))
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    monkeypatch.setenv("HARNESS_DEVICE_FRACTION", "0.300")
    device.limit_memory()
    assert found == [0.3]
