"""What a process says of a framework that it tries."""

import io
import json
import os
import sys
from types import SimpleNamespace

import keras
import pytest

from harness.doctor import backends
from harness.search import oracles  # noqa: F401 - which must not see a framework that is made up


@pytest.fixture
def said(monkeypatch):
    """What is said of a framework that is made up, stage by stage, to the end of the process."""

    def ask(name, module):
        out = io.StringIO()
        monkeypatch.setattr(backends, "answering", lambda: out)
        monkeypatch.setitem(sys.modules, name, module)
        ended = []
        monkeypatch.setattr(os, "_exit", ended.append)
        backends.answer(name)
        assert ended == [0]
        return [json.loads(line) for line in out.getvalue().splitlines()]

    return ask


def device(platform, kind):
    return SimpleNamespace(platform=platform, device_kind=kind)


def torch(count, mps=False):
    cuda = SimpleNamespace(get_device_name=lambda n: f"H{n}", device_count=count)
    there = SimpleNamespace(mps=SimpleNamespace(is_available=lambda: mps))
    return SimpleNamespace(cuda=cuda, backends=there)


def test_stages_and_versions_are_said(said):
    lines = said("torch", torch(lambda: 0))
    assert [line["stage"] for line in lines if "stage" in line] == [
        "importing torch", "finding devices", "importing keras", "computing",
        "importing keras_tuner",
    ]  # fmt: skip
    assert {"keras": keras.__version__} in lines


def test_what_a_framework_raises_is_said_behind_its_stage(said):
    def refuse():
        raise RuntimeError("no driver")

    *_, stage, error = said("torch", torch(refuse))
    assert stage == {"stage": "finding devices"}
    assert error["error"].startswith("RuntimeError: no driver")


def test_a_product_that_is_wrong_is_said(said, monkeypatch):
    monkeypatch.setattr(keras.ops, "matmul", lambda a, b: a)
    *_, stage, error = said("torch", torch(lambda: 0))
    assert stage == {"stage": "computing"}
    assert error["error"].startswith("ArithmeticError: the product of two matrices is wrong")


@pytest.mark.parametrize("mps", [False, True])
def test_devices_of_torch_have_their_names(said, mps):
    lines = said("torch", torch(lambda: 2, mps))
    assert {"devices": ["CPU", "GPU H0", "GPU H1", *(["MPS"] if mps else [])]} in lines


def test_devices_of_jax_have_their_names(said):
    jax = SimpleNamespace(devices=lambda: [device("cpu", "cpu"), device("gpu", "NVIDIA H100")])
    assert {"devices": ["CPU", "GPU NVIDIA H100"]} in said("jax", jax)


def test_devices_of_tensorflow_have_their_names(said):
    details = {"one": {"device_name": "NVIDIA H100"}, "two": {}}
    devices = [SimpleNamespace(device_type="CPU", name="cpu"),
               SimpleNamespace(device_type="GPU", name="one"),
               SimpleNamespace(device_type="TPU", name="two")]  # fmt: skip
    config = SimpleNamespace(
        list_physical_devices=lambda: devices,
        experimental=SimpleNamespace(get_device_details=lambda found: details[found.name]),
    )
    assert {"devices": ["CPU", "GPU NVIDIA H100", "TPU"]} in said(
        "tensorflow", SimpleNamespace(config=config)
    )
