"""Journals of sweeps that never ran, for measuring what is made from them.

Scores depend on the hyperparameters, some of which are drawn only where another one has a certain
value, and on two of them together, so that every part of a report has something to show. One trial
in twelve has no score.
"""

import dataclasses
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from harness.journal.events import VERSION
from harness.journal.folder import JOURNAL
from harness.spec import Objective
from harness.sweep.question import Sweep
from harness.system.json_values import jsonable
from harness.trial import Cost, Failure, Status, TrialResult

STARTED = 1_760_000_000.0
ENVIRONMENT = {"python": "3.11.9", "platform": "Linux", "git_commit": "0" * 40,
               "packages": {"keras": "3.15.1"}, "hardware": {"cpu_count": 2}}  # fmt: skip
FAILURES: dict[Status, Failure] = {
    "diverged": Failure("diverged", "loss became NaN in epoch 2"),
    "failed": Failure("code", "ValueError: kernel larger than the image", "Traceback\n" * 20),
    "timeout": Failure("timeout", "killed after 60 s (trial_seconds = 60)"),
}


def write_journal(folder: Path, sweep: Sweep) -> int:
    """Writes the journal at once, as a driver that waits for the disk takes minutes.

    Returns:
        Its size in bytes.
    """
    path = folder / JOURNAL
    with path.open("wb") as file:
        file.writelines(lines(sweep))
    return path.stat().st_size


def lines(sweep: Sweep) -> Iterator[bytes]:
    """The journal of a sweep line by line, the searches of all cells side by side."""
    for name, fields in _events(sweep):
        event = {"event": name, "time": STARTED, **jsonable(fields)}
        yield json.dumps(event).encode() + b"\n"


def _events(sweep: Sweep) -> Iterator[tuple[str, dict[str, Any]]]:
    cells = [(task, space) for task in sweep.tasks for space in sweep.spaces]
    yield "sweep", {"version": VERSION, "id": "0" * 32, "sweep": sweep,
                    "environment": ENVIRONMENT, "command": "harness run large"}  # fmt: skip
    for task in sweep.tasks:
        yield "data", {"task": task, "digest": "0" * 64, "reference": None, "licence": "CC0",
                       "sizes": {"train": 50_000, "val": 10_000, "test": 10_000},
                       "objective": Objective("accuracy", "max"),
                       "baseline": {"accuracy": 0.1}}  # fmt: skip
    for number in range(sweep.budget.trials):
        for task, space in cells:
            random = np.random.default_rng([number, *map(ord, task + space)])
            values = _values(random)
            yield "asked", {"task": task, "space": space, "number": number, "values": values,
                            "epochs": sweep.budget.epochs, "initial_epoch": 0,
                            "parent": None}  # fmt: skip
            yield "finished", {"result": _result(random, sweep, task, space, number, values)}
    for task, space in cells:
        yield "search_ended", {"task": task, "space": space, "reason": "trials"}
        for number, seed in enumerate(sweep.seeds):
            random = np.random.default_rng([seed, *map(ord, space + task)])
            result = _result(random, sweep, task, space, number, _values(random))
            metrics = {**result.metrics, "test_accuracy": ceiling(sweep, space) - 0.01 * number}
            cost = dataclasses.replace(result.cost, latency_ms=float(random.uniform(1, 9)))
            yield "finished", {
                "result": dataclasses.replace(
                    result, phase="confirm", seed=seed, status="completed", metrics=metrics,
                    cost=cost, failure=None,
                )
            }  # fmt: skip


def _values(random: np.random.Generator) -> dict[str, Any]:
    values = {
        "layers": int(random.integers(1, 6)),
        "units": int(random.choice([64, 128, 256, 512])),
        "pooling": str(random.choice(["max", "average", "none"])),
        "batch_norm": bool(random.integers(2)),
        "dropout": round(float(random.uniform(0, 0.5)), 1),
        "head": str(random.choice(["dense", "pooled"])),
        "training.learning_rate": float(10 ** random.uniform(-4, -2)),
        "training.weight_decay": float(10 ** random.uniform(-5, -3)),
        "training.batch_size": int(random.choice([64, 128, 256])),
    }
    if values["head"] == "dense":
        values["head_units"] = int(random.choice([32, 64, 128]))
    return values


def ceiling(sweep: Sweep, space: str) -> float:
    """About the best validation score that a space reaches; later spaces reach more."""
    return 0.8 + 0.15 * (1 + sweep.spaces.index(space)) / len(sweep.spaces)


def _result(random: np.random.Generator, sweep: Sweep, task: str, space: str, number: int,
            values: dict[str, Any]) -> TrialResult:  # fmt: skip
    rate = 1 + math.log10(values["training.learning_rate"] / 1e-2) / 2
    loss = 0.1 * rate * values["layers"] / 5 + 0.03 * values["dropout"]
    loss += 0.02 * (values["pooling"] == "none")
    status: Status = "completed"
    if random.uniform() < 1 / 12:
        status = list(FAILURES)[int(random.integers(3))]
    trained = 1 if status != "completed" else sweep.budget.epochs
    top = ceiling(sweep, space) - loss + random.normal(0, 0.01)
    curve = tuple(
        {"epoch": epoch, "seconds": 1.5 * epoch, "loss": 1 - top, "accuracy": top,
         "val_loss": 1.1 - top, "val_accuracy": float(top - 0.4 * math.exp(-epoch))}
        for epoch in range(1, trained + 1)
    )  # fmt: skip
    score = curve[-1]["val_accuracy"] if status == "completed" else None
    training = {name.removeprefix("training."): value for name, value in values.items()
                if name.startswith("training.")}  # fmt: skip
    config = {name: value for name, value in values.items() if not name.startswith("training.")}
    seconds = 1.5 * trained + float(random.uniform(1, 5))
    return TrialResult(
        sweep=sweep.name, task=task, space=space, phase="search", number=number, seed=number,
        config=config, training=training, status=status, epochs=trained, score=score,
        metrics={} if score is None else {"val_accuracy": score, "val_loss": 1 - score},
        curve=curve, cost=Cost(seconds=seconds, build_seconds=0.4, first_step_seconds=1.6,
                               train_seconds=seconds - 2, examples_per_second=9e3,
                               parameters=int(random.integers(20_000, 400_000)),
                               peak_memory_mb=900.0, device="cpu"),
        failure=FAILURES.get(status), started=STARTED + number,
    )  # fmt: skip
