"""The file in which a long training keeps its state, for an attempt that goes on from there.

The driver reads how far the training had come, the worker all of it: no framework is imported here.
"""

import dataclasses
import hashlib
import importlib.metadata
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness import registry
from harness.journal.folder import state_path
from harness.system import atomic_files
from harness.system.json_values import jsonable
from harness.trial import Job

_OF_JOB = (
    "task", "space", "phase", "number", "seed", "config", "training", "epochs", "initial_epoch",
    "horizon", "patience", "train_fraction", "precision", "parent", "encoder", "keep_checkpoint",
    "digest",
)  # fmt: skip
"""What a training follows from. Limits are not among it: they may be others by now."""
_PACKAGES = ("keras-automl-harness", "keras", "numpy")
_OF_BACKEND = {"tensorflow": ("tensorflow",), "jax": ("jax", "jaxlib"), "torch": ("torch",)}
_VARIABLE, _BEST = "variable", "best"


@dataclass(frozen=True)
class Progress:
    """How far a training had come, at the end of an epoch."""

    fingerprint: str
    """Of its job, see `fingerprint`."""
    epoch: int
    """That epoch, counted from 1."""
    over: bool
    """Whether it was the last one, by patience or number."""
    seconds: float
    """What the trial had taken by then, earlier attempts included as far as they were kept."""
    cost: Mapping[str, Any]
    """Fields of `Cost`."""
    curve: Sequence[Mapping[str, float]]
    counts: Mapping[str, Any]
    """What `harness.training.callbacks.watch` counts."""
    patience: Mapping[str, Any]
    """Attributes of Keras's `EarlyStopping`."""
    random: Sequence[Any]
    """States of the generators of Python and NumPy."""


@dataclass(frozen=True)
class Kept:
    """All that was kept of a training."""

    progress: Progress
    variables: Sequence[np.ndarray]
    """The values of `Program.state`."""
    best: Sequence[np.ndarray] | None
    """The weights of the best epoch, where they are to be restored."""


def fingerprint(job: Job, backend: str) -> str:
    """What tells the training of a job, by a backend of some version, from any other."""
    packages = (*_PACKAGES, *_OF_BACKEND[backend])
    parts = [
        {name: getattr(job, name) for name in _OF_JOB},
        {p: _version(p) for p in packages},
        [_source(registry.tasks, job.task), _source(registry.spaces, job.space)],
    ]
    text = json.dumps(jsonable(parts), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:  # it goes by another name on this machine
        return None


def _source(found: Callable[[], Mapping[str, Any]], name: str) -> str | None:
    """SHA-256 of the file that a task or an architecture is defined in; `None` where it has none,
    as data that a sweep file describes."""
    noun = found().get(name)
    module = sys.modules.get(registry.origin(noun).module) if noun is not None else None
    file = getattr(module, "__file__", None)
    if file is None or not Path(file).is_file():
        return None
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def write(job: Job, kept: Kept) -> None:
    """Keeps a state in the place of the one before; that stays whole until it is replaced.

    Raises:
        OSError: it cannot be written.
    """
    header = json.dumps(dataclasses.asdict(kept.progress)).encode()
    arrays: dict[str, Any] = {"progress": np.frombuffer(header, np.uint8)}
    arrays |= {f"{_VARIABLE}{n}": value for n, value in enumerate(kept.variables)}
    arrays |= {f"{_BEST}{n}": value for n, value in enumerate(kept.best or ())}
    with atomic_files.whole(_path(job)) as part:
        np.savez(part, **arrays)


def look(job: Job, backend: str) -> Progress | None:
    """How far an earlier attempt at a job had come, if its state is there and fits.

    Args:
        job: with the digest of its data.
        backend: of Keras.
    """
    found = None if job.members else _look(_path(job))
    return found if found and found.fingerprint == fingerprint(job, backend) else None


def epoch_of(path: Path) -> int | None:
    """The epoch, counted from 1, at whose end a state was kept; `None` where none can be read."""
    found = _look(path)
    return None if found is None else found.epoch


def _look(path: Path) -> Progress | None:
    if not path.is_file():
        return None
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            return _progress(file)
    except Exception:  # noqa: BLE001 - it may be damaged in any way, which `read` tells
        return None


def read(job: Job, backend: str) -> Kept | None:
    """What was kept of an earlier attempt at a job; `None` if nothing was.

    A state that is damaged, or of another job, is removed, and a line says so.
    """
    path = _path(job)
    if not path.is_file():
        return None
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            progress = _progress(file)
            kept = Kept(progress, _arrays(file, _VARIABLE), _arrays(file, _BEST) or None)
    except Exception as error:  # noqa: BLE001 - it may be damaged in any way
        discard(job, f"it is damaged ({type(error).__name__})")
        return None
    if progress.fingerprint != fingerprint(job, backend):
        discard(job, "it is of another configuration, other data or other versions")
        return None
    return kept


def discard(job: Job, reason: str) -> None:
    """Removes a state that cannot be gone on from, and says why in the log of the worker."""
    path = _path(job)
    path.unlink(missing_ok=True)
    print(f"{path.name}: not used, training begins anew: {reason}", flush=True)


def _path(job: Job) -> Path:
    return state_path(job.folder, *job.key)


def _progress(file: Any) -> Progress:
    found = json.loads(file["progress"].tobytes())
    return Progress(**{field.name: found[field.name] for field in dataclasses.fields(Progress)})


def _arrays(file: Any, noun: str) -> list[np.ndarray]:
    count = sum(name.startswith(noun) for name in file.files)
    return [file[f"{noun}{n}"] for n in range(count)]
