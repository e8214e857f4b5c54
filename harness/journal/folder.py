"""Where things lie in a sweep's folder, and beside it: the only file that knows.

Names are relative to the sweep's folder; the journal and MLflow keep them like that, so that a
folder can be moved.
"""

from pathlib import Path

# --- of the sweep ---------------------------------------------------------------

JOURNAL = "journal.jsonl"
QUESTION = "sweep.toml"
ENVIRONMENT = "environment.json"
TRIALS = "trials.csv"
LEADERBOARD = "leaderboard.csv"
REPORT = "report.md"
PAGE = "report.html"
"""The report as one file for a browser."""
WORKERS_LOG = "workers.log"
"""What workers print."""
FILES = (QUESTION, ENVIRONMENT, TRIALS, LEADERBOARD, REPORT, PAGE)
"""What driver and report write anew each time."""

LOCK = ".lock"
"""Held by the driver."""
TRACKING_LOCK = ".tracking.lock"
"""Held by who writes the sweep to MLflow."""
DISCARDING = ".discarding"
"""There while `--fresh` removes what there was."""

# --- of its trials --------------------------------------------------------------

_CHECKPOINTS, _EXHIBITS, _MODELS, _OUTCOMES = "checkpoints", "exhibits", "models", "outcomes"
_STATES = "states"
FAILURES = "failures"
"""Folder of the tracebacks, one file a trial."""
FOLDERS = (_MODELS, _OUTCOMES, _EXHIBITS, _CHECKPOINTS, _STATES, FAILURES)


def checkpoint_path(folder: Path, task: str, space: str, number: int) -> Path:
    """Where a search trial leaves its weights and optimizer state for a continuation."""
    return folder / _CHECKPOINTS / f"{task}.{space}.{number}.weights.h5"


def state_path(folder: Path, task: str, space: str, phase: str, number: int) -> Path:
    """Where a long training keeps its state as it goes, to go on from it once it was cut off."""
    return folder / _STATES / f"{task}.{space}.{phase}.{number}.npz"


def is_state(name: str) -> bool:
    """Whether a file is one of those, by its name relative to the sweep's folder."""
    return name.startswith(f"{_STATES}/")


def states(folder: Path) -> list[Path]:
    """The states that are there."""
    return sorted((folder / _STATES).glob("*.npz"))


def failure_path(task: str, space: str, phase: str, number: int, what: str = "") -> Path:
    """The traceback of a trial that raised, or of a part of it (`what`) that was lost alone."""
    trial = f"{task}.{space}.{phase}.{number}"
    return Path(FAILURES, f"{trial}.{what}.txt" if what else f"{trial}.txt")


def model_path(task: str, space: str, seed: int) -> Path:
    """A confirmed model."""
    return Path(_MODELS, f"{task}.{space}.seed{seed}.keras")


def interface_path(model: Path) -> Path:
    """The interface of a saved model, beside its file."""
    return model.with_suffix(".interface.json")


def assets_path(model: Path) -> Path:
    """The assets of the task that a model was trained on, beside its file."""
    return model.with_suffix(".assets.json")


def outcomes_path(task: str, space: str, seed: int) -> Path:
    """The outcome of each test example of a confirmed model."""
    return Path(_OUTCOMES, f"{task}.{space}.seed{seed}.npz")


def rival_path(task: str, rival: str) -> Path:
    """The outcome of each test example of a simple method."""
    return Path(_OUTCOMES, f"{task}.{rival.replace(' ', '_')}.baseline.npz")


def exhibit_path(task: str, space: str) -> Path:
    """What a person should see of an architecture's first confirmed model."""
    return Path(_EXHIBITS, f"{task}.{space}.json")


# --- figures of the report ------------------------------------------------------

SHOWN, PRINTED = ".png", ".svg"
"""How the name of a figure ends; earlier versions drew each as SVG as well."""
DRAWN_BY = "keras-automl-harness"
"""What the PNG of a figure says of its origin (`Software`)."""


def figure_path(name: str) -> Path:
    """The file of a figure."""
    return Path(f"{name}{SHOWN}")


def figures(folder: Path) -> list[str]:
    """Names of the figures that are there, sorted, without their endings."""
    # One that is being written begins with a dot.
    return sorted(path.stem for path in folder.glob(f"[!.]*{SHOWN}"))


def drawn_files(folder: Path) -> list[Path]:
    """The files of the figures that a report has drawn; other pictures are somebody's own."""
    found = []
    for name in figures(folder):
        shown, printed = folder / f"{name}{SHOWN}", folder / f"{name}{PRINTED}"
        with shown.open("rb") as file:
            marked = DRAWN_BY.encode() in file.read(512)
        found += [path for path, ours in ((shown, marked or printed.exists()),
                                          (printed, printed.exists())) if ours]  # fmt: skip
    return found


# --- beside the folders of sweeps -----------------------------------------------

DATABASE = "mlflow.db"
ARTIFACTS = "mlartifacts"
