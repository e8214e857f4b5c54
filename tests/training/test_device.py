"""What a worker knows of its device, and how it keeps to its share of it, by backend."""

import sys
from types import SimpleNamespace

import keras
import pytest

from harness.system import host
from harness.training import device


@pytest.fixture
def on(monkeypatch):
    """Has Keras compute on a backend, and a device, that are made up."""

    def place(backend, *devices, **modules):
        monkeypatch.setattr(keras.backend, "backend", lambda: backend)
        monkeypatch.setattr(keras.distribution, "list_devices", lambda: [*devices])
        for name, module in modules.items():
            monkeypatch.setitem(sys.modules, name, module)

    return place


def torch(calls, most=3 << 20, there=True):
    return SimpleNamespace(cuda=SimpleNamespace(
        is_available=lambda: there, max_memory_allocated=lambda: most,
        set_per_process_memory_fraction=calls.append,
    ))  # fmt: skip


def tensorflow(calls, count=2):
    experimental = SimpleNamespace(get_memory_info=lambda name: {"peak": 5 << 20, "name": name})
    return SimpleNamespace(config=SimpleNamespace(
        experimental=experimental,
        list_physical_devices=lambda kind: [f"{kind}{n}" for n in range(count)],
        LogicalDeviceConfiguration=lambda memory_limit: memory_limit,
        set_logical_device_configuration=lambda *told: calls.append(told),
    ))  # fmt: skip


@pytest.mark.parametrize(
    "devices, kind",
    [(("gpu:0", "gpu:1"), "gpu"), (("TPU:0",), "tpu"), (("cpu:0",), "cpu"), ((), "cpu")],
)  # fmt: skip
def test_a_device_is_of_a_kind(on, devices, kind):
    on("jax", *devices)
    assert device.device_kind() == kind


@pytest.mark.parametrize("name, kind", [("cpu", "cpu"), ("cuda:0", "gpu"), ("mps", "gpu")])
def test_torch_is_asked_by_a_tensor(on, monkeypatch, name, kind):
    on("torch")
    monkeypatch.setattr(keras.ops, "zeros", lambda shape: SimpleNamespace(device=name))
    assert device.device_kind() == kind


def test_a_worker_keeps_to_its_share_of_the_memory(on, monkeypatch):
    calls = []
    monkeypatch.setenv(host.FRACTION, "0.25")
    monkeypatch.setattr(host, "device_memory_mb", lambda: 8000.0)
    on("tensorflow", tensorflow=tensorflow(calls))
    device.limit_memory()
    assert calls == [("GPU0", [2000]), ("GPU1", [2000])]
    monkeypatch.setattr(host, "device_memory_mb", lambda: None)
    device.limit_memory()
    assert len(calls) == 2, "nothing is known of the device"
    for there, expected in ((False, []), (True, [0.25])):
        calls.clear()
        on("torch", torch=torch(calls, there=there))
        device.limit_memory()
        assert calls == expected
    monkeypatch.delenv(host.FRACTION)
    device.limit_memory()
    assert calls == [0.25], "a worker alone has all of it"


def test_the_most_memory_is_told_in_megabytes(on, monkeypatch):
    on("jax", "cpu:0")
    assert device.device_memory() is None
    for stats, most in (({"peak_bytes_in_use": 7 << 20}, 7.0), (None, None), ({}, None)):
        jax = SimpleNamespace(
            local_devices=lambda s=stats: [SimpleNamespace(memory_stats=lambda: s)]
        )
        on("jax", "gpu:0", jax=jax)
        assert device.device_memory() == most
    on("tensorflow", "gpu:0", tensorflow=tensorflow([]))
    assert device.device_memory() == 5.0
    monkeypatch.setattr(keras.ops, "zeros", lambda shape: SimpleNamespace(device="cuda:0"))
    on("torch", torch=torch([]))
    assert device.device_memory() == 3.0
    on("torch", torch=torch([], there=False))
    assert device.device_memory() is None


@pytest.mark.parametrize("answer, megabytes", [
    ("81559\n16384\n", 16384.0), ("[N/A]\n81559\n", 81559.0), ("[N/A]\n", None), (None, None),
])  # fmt: skip
def test_the_smallest_device_counts(monkeypatch, answer, megabytes):
    monkeypatch.setattr(host.shutil, "which", lambda name: f"/bin/{name}")

    def run(words, **options):
        assert "--query-gpu=memory.total" in words
        if answer is None:
            raise host.subprocess.TimeoutExpired(words, options["timeout"])
        return SimpleNamespace(returncode=0, stdout=answer)

    monkeypatch.setattr(host.subprocess, "run", run)
    assert host.device_memory_mb.__wrapped__() == megabytes
