"""Where things lie in a sweep's folder: the only file that knows."""

from pathlib import Path

JOURNAL = "journal.jsonl"
FAILURES = "failures"
"""Folder of the tracebacks, one file a trial, beside the journal."""
FILES = ("sweep.toml", "environment.json", "trials.csv", "leaderboard.csv", "report.md",
          "report.html")  # fmt: skip


def interface_path(model: Path) -> Path:
    """The interface of a saved model, beside its file."""
    return model.with_suffix(".interface.json")


def checkpoint_path(folder: Path, task: str, space: str, number: int) -> Path:
    """Where a search trial leaves its weights and optimizer state for a continuation."""
    return folder / "checkpoints" / f"{task}.{space}.{number}.weights.h5"


def model_path(task: str, space: str, seed: int) -> Path:
    """A confirmed model, relative to the sweep's folder."""
    return Path("models") / f"{task}.{space}.seed{seed}.keras"


def assets_path(model: Path) -> Path:
    """The assets of the task that a model was trained on, beside its file."""
    return model.with_suffix(".assets.json")


def outcomes_path(task: str, space: str, seed: int) -> Path:
    """The outcome of each test example of a confirmed model, relative to the sweep's folder."""
    return Path("outcomes") / f"{task}.{space}.seed{seed}.npz"


def exhibit_path(task: str, space: str) -> Path:
    """What a person should see of an architecture's first confirmed model, relative to the
    sweep's folder."""
    return Path("exhibits") / f"{task}.{space}.json"
