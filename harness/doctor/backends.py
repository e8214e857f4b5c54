"""Each installed backend, asked for its devices and for one small product on them.

A framework may crash or hang while it looks for a device. So each is asked in a process of its
own, which says what it is about to do before it does it.
"""

import importlib
import importlib.util
import json
import os
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from harness.doctor.child import Answer, answering, ask
from harness.doctor.finding import Finding, Level
from harness.failure import describe_error
from harness.sweep.question import Sweep
from harness.system import host

SECONDS = 120.0
"""How long a backend may take; TensorFlow is loaded in 4 to 7 s where the disk is quick."""
TITLES: Mapping[str, str] = MappingProxyType(
    {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "Torch"}
)
_ENVIRONMENT = MappingProxyType(
    {
        "TF_CPP_MIN_LOG_LEVEL": "2",
        # A sweep that runs on the same device keeps its memory.
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }
)
_EXTRAS: Mapping[str, str] = MappingProxyType(
    {
        "tensorflow": "python -m pip install 'keras-automl-harness[gpu]'",
        "jax": "python -m pip install 'jax[cuda12]'",
        "torch": "install a CUDA build of torch, see pytorch.org",
    }
)
"""How each backend is made to see an NVIDIA device."""


def installed() -> Iterator[str]:
    """The backends that can be imported, as far as can be told without importing them."""
    return (name for name in TITLES if importlib.util.find_spec(name) is not None)


def backend(name: str, seconds: float = SECONDS) -> Finding:
    """Whether a backend loads, which devices it sees, and whether Keras computes on it.

    Args:
        name: `tensorflow`, `jax` or `torch`; installed.
        seconds: How long it may take.
    """
    code = f"from harness.doctor.backends import answer; answer({name!r})"
    reply = ask(code, seconds, environment={**_ENVIRONMENT, "KERAS_BACKEND": name})
    said: dict[str, Any] = {}
    for line in reply.lines:
        said |= json.loads(line)
    if reply.fault or "error" in said:
        return _broken(name, said, reply)
    devices = said["devices"]
    message = f"{', '.join(devices)}; Keras {said['keras']} computes on it"
    drivers = host.accelerators()
    if drivers and host.devices() and all(device.startswith("CPU") for device in devices):
        message += f", but the driver knows {', '.join(drivers)}, which it does not see"
        return Finding(TITLES[name], "warning", message, _EXTRAS[name])
    return Finding(TITLES[name], "ok", message)


def _broken(name: str, said: Mapping[str, Any], reply: Answer) -> Finding:
    """A backend that sweeps may name and that would fail them."""
    stage = said.get("stage", "starting Python")
    reason = said.get("error") or f"the process {reply.fault}"
    if "error" not in said and reply.complaint and "did not answer" not in reason:
        reason += f"; its last words: {reply.complaint}"
    # Sweeps that name no backend are those that have to run.
    level: Level = "error" if name == Sweep.backend else "warning"
    remedy = f"python -m pip install --force-reinstall {name} keras keras-tuner"
    if stage in ("finding devices", "computing"):
        remedy = "look at the driver (nvidia-smi), or hide devices with CUDA_VISIBLE_DEVICES=-1"
    message = f"{stage} failed: {reason}; no sweep runs with --backend {name}"
    return Finding(TITLES[name], level, message, remedy)


# --- in the child -------------------------------------------------------------------


def answer(name: str) -> None:
    """Says on standard output, a JSON object a line, what it does and what came of it."""
    answers = answering()

    def say(**fields: Any) -> None:
        answers.write(json.dumps(fields) + "\n")

    try:
        say(stage=f"importing {name}")
        module = importlib.import_module(name)
        say(stage="finding devices")
        say(devices=_DEVICES[name](module))
        say(stage="importing keras")
        say(keras=importlib.import_module("keras").__version__)
        say(stage="computing")
        _compute()
        say(stage="importing keras_tuner")
        importlib.import_module("harness.search.oracles")
    except BaseException as error:  # noqa: BLE001 - whatever a framework raises is the answer
        say(error=describe_error(error).message)
    answers.flush()
    # Some frameworks crash while they are taken down, which does not concern a worker that
    # is killed in the end.
    os._exit(0)


def _tensorflow_devices(tensorflow: Any) -> list[str]:
    def named(device: Any) -> str:
        if device.device_type == "CPU":
            return "CPU"
        details = tensorflow.config.experimental.get_device_details(device)
        return f"{device.device_type} {details.get('device_name', '')}".strip()

    return [named(device) for device in tensorflow.config.list_physical_devices()]


def _jax_devices(jax: Any) -> list[str]:
    return [
        "CPU" if d.platform == "cpu" else f"{d.platform.upper()} {d.device_kind}"
        for d in jax.devices()
    ]


def _torch_devices(torch: Any) -> list[str]:
    cuda = [f"GPU {torch.cuda.get_device_name(i)}" for i in range(torch.cuda.device_count())]
    return ["CPU", *cuda, *(["MPS"] if torch.backends.mps.is_available() else [])]


_DEVICES: Mapping[str, Callable[[Any], list[str]]] = MappingProxyType(
    {"tensorflow": _tensorflow_devices, "jax": _jax_devices, "torch": _torch_devices}
)


def _compute() -> None:
    """Raises `ArithmeticError` when a product of small matrices is not what it must be."""
    import keras
    import numpy as np

    ones = np.ones((64, 64), "float32")
    product = keras.ops.convert_to_numpy(keras.ops.matmul(ones, ones))
    if not np.array_equal(product, 64 * ones):
        raise ArithmeticError("the product of two matrices is wrong")
