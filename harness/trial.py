"""One trial: what is asked for, the job that a worker gets, and the record of what became of it."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from harness.spec import Training

Phase = Literal["search", "confirm"]
Status = Literal["completed", "failed", "diverged", "infeasible", "timeout", "interrupted"]
TRAINED = 3.0
"""Forward passes that a step of training costs: the backward pass takes two (Kaplan et al. 2020,
arXiv:2001.08361, section 2.1)."""
CellKey = tuple[str, str]
"""Task and space."""
TrialKey = tuple[str, str, Phase, int]
"""Task, space, phase and number."""


@dataclass(frozen=True)
class Asked:
    """One suggestion of the oracle, in the order they were made."""

    task: str
    space: str
    number: int
    values: Mapping[str, Any]
    """Hyperparameter values, from which `sample` rebuilds the configuration."""
    epochs: int
    initial_epoch: int
    parent: int | None
    """Number of the trial whose weights this one continues from."""


# --- the answer ---------------------------------------------------------------


@dataclass(frozen=True)
class Cost:
    """What a trial cost. Times are wall seconds in the worker."""

    seconds: float = 0.0
    """Everything: building, fitting, validating, scoring, saving."""
    build_seconds: float = 0.0
    first_step_seconds: float = 0.0
    """Up to the end of the first step: tracing and compilation, unless its program was kept."""
    train_seconds: float = 0.0
    """The remaining steps and the validations of `fit`."""
    examples_per_second: float | None = None
    """Training examples per second after the first step, validation left out."""
    parameters: int | None = None
    peak_memory_mb: float | None = None
    """Largest resident memory of the worker at the end of an epoch. Workers are kept over
    several trials, so it holds what earlier ones left behind, programs that are kept among it."""
    latency_ms: float | None = None
    """Median time of one prediction of one example; confirmation runs only."""
    device: str | None = None
    node: str | None = None
    """Name of the node of a cluster that it ran on."""
    device_memory_mb: float | None = None
    """Most memory of an accelerator that the worker has had, as its allocator tells."""
    forward_flops: float | None = None
    """Floating-point operations of the matrix products and convolutions of one forward pass of an
    example of median length, in training. Journals from before tell of none."""
    flops: float | None = None
    """Those of the training: `TRAINED` times as many for each example."""
    compiled: bool | None = None
    """Whether its training step was traced and compiled for it, in `build_seconds` and
    `first_step_seconds`, or another trial of the worker had left it. Journals from before say
    nothing."""
    together: int | None = None
    """How many seeds were one program with it, itself included: its seconds are its share of
    theirs. `None` where it was trained alone."""
    resumed_at: int | None = None
    """Epoch from whose end it went on last, after it had been cut off; `None` if it never was."""
    kept_seconds: float | None = None
    """Of `seconds`, those of earlier attempts that it went on from."""
    kept_flops: float | None = None
    """Of `flops`, likewise."""

    @property
    def own_seconds(self) -> float:
        """Those of its last attempt."""
        return self.seconds - (self.kept_seconds or 0.0)

    @property
    def flops_per_second(self) -> float | None:
        """Floating-point operations a second of steady training, validation left out."""
        if self.forward_flops is None or self.examples_per_second is None:
            return None
        return TRAINED * self.forward_flops * self.examples_per_second

    @property
    def trained_seconds(self) -> float:
        """Those of the trial without building and compiling, which some trials are spared: what
        trainings are compared by. All of them in journals from before programs were kept."""
        if self.compiled is None:
            return self.seconds
        return self.seconds - self.build_seconds - self.first_step_seconds


@dataclass(frozen=True)
class Failure:
    """Why a trial has no score."""

    kind: Literal[
        "code", "diverged", "infeasible", "timeout", "memory", "device_memory", "infrastructure",
        "interrupted", "superseded",
    ]  # fmt: skip
    message: str
    """One line."""
    traceback: str | None = None


@dataclass(frozen=True)
class TrialResult:
    """The record of one trial, whatever became of it."""

    sweep: str
    task: str
    space: str
    phase: Phase
    number: int
    """Counts a cell's trials from 0 within its phase."""
    seed: int
    config: Mapping[str, Any]
    """The architecture's configuration as JSON values."""
    training: Mapping[str, Any]
    """The fields of `Training`."""
    status: Status
    epochs: int = 0
    """Epochs trained in this trial."""
    score: float | None = None
    """Best validation value of the task's objective; what the search compares."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """`val_*` at the best epoch; `test_*` for confirmation runs only."""
    curve: tuple[Mapping[str, float], ...] = ()
    """One entry an epoch: `epoch` (from 1), `seconds` since the start of fitting,
    and the training log (`loss`, `val_loss`, `val_accuracy`, ...)."""
    cost: Cost = Cost()
    failure: Failure | None = None
    started: float = 0.0
    """Unix time."""
    model: str | None = None
    """Saved model, relative to the sweep's folder; confirmation runs only."""
    lost: Mapping[str, Failure] = field(default_factory=dict)
    """What could not be had beside a result, `exhibit`, `latency`, `flops` or `state`, and why.
    Journals from before name none."""

    @property
    def broken(self) -> bool:
        """Whether its worker or the machine failed, not the trial itself, or the memory of a device
        did not hold it beside what else was there."""
        return self.failure is not None and self.failure.kind in ("infrastructure", "device_memory")

    @property
    def key(self) -> tuple[str, str, Phase, int]:
        """What names a trial within its sweep."""
        return (self.task, self.space, self.phase, self.number)


@dataclass(frozen=True)
class Job:
    """One trial to run: small, picklable, and complete."""

    sweep: str
    task: str
    space: str
    phase: Phase
    number: int
    seed: int
    config: Any
    """The frozen configuration that `SearchSpace.sample` returned."""
    training: Training
    folder: Path
    """The sweep's folder, for checkpoints and models."""
    epochs: int
    """Epoch to train up to, counted from 1."""
    initial_epoch: int = 0
    horizon: int | None = None
    """Epochs over which the learning rate runs its course; `epochs` if absent. Longer than
    `epochs` for a trial that a later one continues."""
    patience: int = 3
    train_fraction: float = 1.0
    max_parameters: int | None = None
    max_flops: float | None = None
    """Floating-point operations of one example."""
    max_latency_ms: float | None = None
    """Milliseconds of predicting one example."""
    precision: str = "float32"
    """What layers but recurrent ones compute in: a policy of Keras."""
    seconds: float | None = None
    """Training stops one step, or one launch of several, after that in which this time is over; its
    score counts."""
    flops: float | None = None
    """Training stops one step after that in which so many operations are spent; its score
    counts."""
    parent: int | None = None
    """Trial whose checkpoint this one continues from."""
    encoder: Path | None = None
    """The model that this one is built around, relative to the folder."""
    keep_checkpoint: bool = False
    keep_seconds: float | None = None
    """Seconds of training after which its state is kept, and is kept anew; never if absent."""
    wanted: tuple[str, ...] = ()
    """Programs that the worker had better keep: those of the best configurations so far."""
    memory_gb: float | None = None
    """Resident memory at which its worker is killed, in 10^9 bytes."""
    digest: str | None = None
    """Of the data that the sweep began with, whatever has changed since."""
    data_dir: Path | None = None
    offline: bool = False
    alone: bool = False
    """Whether nothing else may run meanwhile: the memory of a device did not hold it before."""
    members: tuple[tuple[int, int], ...] = ()
    """Number and seed of each further trial that is trained as one program with this one, from
    which it differs in nothing else. Such a job has no limit of seconds or operations."""

    @property
    def key(self) -> TrialKey:
        """What names the trial within its sweep."""
        return (self.task, self.space, self.phase, self.number)

    @property
    def each(self) -> tuple["Job", ...]:
        """Its trials, one by one."""
        alone = replace(self, members=())
        return alone, *(replace(alone, number=number, seed=seed) for number, seed in self.members)

    @property
    def program(self) -> str:
        """Names what is compiled for it: jobs of one name differ in numbers alone, such as seed,
        learning rate, weight decay and epochs."""
        name = program_name(self.task, self.space, self.config, self.training, self.encoder)
        name += "" if self.precision == "float32" else f" in {self.precision}"
        return f"{name} x {len(self.each)}" if self.members else name


@dataclass(frozen=True)
class Group:
    """The end of a job with members. Their records were told before, each with its `number` as
    `result`; so was, with its `number`, what they reported."""

    failure: Failure | None = None
    """What kept those from their end that were not told."""


def seconds_spent(attempts: Iterable[Cost]) -> float:
    """What attempts at one trial, in order, took together: what another went on from is in the
    seconds of both, and counts once."""
    return _once((cost.seconds, cost.kept_seconds) for cost in attempts)


def flops_spent(attempts: Iterable[Cost]) -> float:
    """Their floating-point operations, likewise."""
    return _once((cost.flops or 0.0, cost.kept_flops) for cost in attempts)


def _once(attempts: Iterable[tuple[float, float | None]]) -> float:
    total = 0.0
    for whole, kept in attempts:
        total += whole - min(kept or 0.0, total)  # what no journal tells of is counted here
    return total


NUMBERS = ("learning_rate", "schedule", "warmup", "weight_decay")
"""Fields of `Training` that are data of a compiled step."""


def program_name(
    task: str, space: str, config: Any, training: Training, encoder: Path | None = None
) -> str:
    """The name of a `Job.program`, a hash."""
    # Here, as `harness doctor` must begin where the package that it needs is missing.
    from harness.system.json_values import jsonable

    fitted = {k: v for k, v in jsonable(training).items() if k not in NUMBERS}
    parts = [task, space, jsonable(config), fitted, encoder and encoder.as_posix()]
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
