"""What a sweep ran on: versions, commit and hardware, for the record."""

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

_PACKAGES = (
    "keras-automl-harness",
    "tensorflow",
    "keras",
    "keras-tuner",
    "keras-hub",
    "tensorflow-text",
    "jax",
    "torch",
    "mlflow",
    "numpy",
    "scikit-learn",
)


def describe() -> dict[str, Any]:
    """Versions, git commit and hardware as JSON values; no paths and no variables."""
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
    }


def command() -> str:
    """The command line as typed, with the program's name instead of its path."""
    return " ".join(["harness", *sys.argv[1:]])


def cores() -> int:
    """Processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def accelerators() -> list[str]:
    """NVIDIA devices as their driver names them; none where there is no driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    query = [program, "--query-gpu=name", "--format=csv,noheader"]
    answer = subprocess.run(query, capture_output=True, text=True, timeout=30)
    return answer.stdout.split("\n")[:-1] if answer.returncode == 0 else []


def git_commit() -> str | None:
    """Commit of the checkout the harness runs from, `-dirty` when its code was changed."""
    git = shutil.which("git")
    folder = Path(__file__).resolve().parent.parent
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
