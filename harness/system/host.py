"""What a sweep ran on: versions, commit and hardware, for the record."""

import functools
import importlib.metadata
import itertools
import os
import platform
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from harness.system import isolation, keras_settings
from harness.system.redact import masked

_PACKAGES = (
    "keras-automl-harness",
    "tensorflow",
    "keras",
    "keras-tuner",
    "keras-hub",
    "optuna",
    "tensorflow-text",
    "jax",
    "torch",
    "mlflow",
    "numpy",
    "scikit-learn",
)


NODE = "HARNESS_NODE"
"""Variable that names the node of a cluster to the workers there."""
FRACTION = "HARNESS_DEVICE_FRACTION"
"""Variable of a worker that says which part of its device's memory it may take, where it shares it
with others."""
_ONCE = ("--fresh", "--retry-failed")
"""Options that are not meant again when a sweep is carried on."""


def describe() -> dict[str, Any]:
    """Versions, git commit, hardware and settings as JSON values; no paths, and of variables only
    those that the numbers of a framework may depend on."""
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": {name: v for name in _PACKAGES if (v := _version(name)) is not None},
        "git_commit": git_commit(),
        "hardware": {
            "processor": _processor(),
            "cores": cores(),
            "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
            "accelerators": accelerators(),
        },
        "keras": dict(keras_settings.SETTINGS),
        "variables": isolation.recorded(),
    }


def command(once: bool = False) -> str:
    """The command line as typed, with the program's name instead of its path.

    Without `--fresh`: who repeats the command to carry on would lose what there is. Nor with
    `--retry-failed`, which has been done then; with both if `once`. Without the user name,
    password or token of an address: the command is written to the journal. A name that is no
    text, as file names may be, is shown as far as it is.
    """
    words = map(masked, sys.argv[1:])
    line = shlex.join(["harness", *(word for word in words if once or word not in _ONCE)])
    return line.encode(errors="surrogateescape").decode(errors="replace")


def cores() -> int:
    """Processor cores this process may use, by its affinity and the quota of its container."""
    import joblib

    return int(joblib.cpu_count())


@functools.cache
def accelerators() -> tuple[str, ...]:
    """NVIDIA devices as their driver names them; none where there is no driver."""
    return _asked("name")


def _asked(what: str) -> tuple[str, ...]:
    """What the driver of NVIDIA devices says of each."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    query = [program, f"--query-gpu={what}", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=30)
    except subprocess.TimeoutExpired:  # a driver that hangs has no device to offer
        return ()
    return tuple(answer.stdout.splitlines()) if answer.returncode == 0 else ()


def devices() -> tuple[str, ...]:
    """Ids of the accelerators this process may use; the user's choice stands."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        ids = (part.strip() for part in chosen.split(","))
        # CUDA hides what follows an id that is none, such as the -1 that hides all.
        seen = itertools.takewhile(lambda name: not name.startswith("-"), ids)
        return tuple(name for name in seen if name)
    return tuple(str(index) for index in range(len(accelerators())))


@functools.cache
def device_memory_mb() -> float | None:
    """Memory of the smallest NVIDIA device, in 2^20 bytes; `None` without one."""
    told = [float(line) for line in _asked("memory.total") if line.strip().isdigit()]
    return min(told, default=None)


def git_commit() -> str | None:
    """Commit of the checkout the harness runs from, `-dirty` when its code was changed."""
    git = shutil.which("git")
    folder = Path(__file__).resolve().parents[2]
    if git is None or not (folder / ".git").exists():
        return None
    commit = _git(git, folder, "rev-parse", "HEAD")
    code = _git(git, folder, "status", "--porcelain", "--", "harness", "tasks", "search_spaces")
    if not commit:
        return None
    return commit + ("-dirty" if code else "")


def _git(git: str, folder: Path, *words: str) -> str:
    answer = subprocess.run([git, "-C", str(folder), *words], capture_output=True, text=True)
    return answer.stdout.strip() if answer.returncode == 0 else ""


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    """Model of the processor; the standard library knows only its family on Linux."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
