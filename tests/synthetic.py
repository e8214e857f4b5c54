"""Plausible sweeps without training anything, for tests of what is made from a journal."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from harness.journal.write import Journal
from harness.spec import Objective, Reference
from harness.sweep.question import Budget, Sweep
from harness.trial import Cost, Failure, Status, TrialResult

STARTED = 1_760_000_000.0
ENVIRONMENT = {
    "python": "3.11.9",
    "platform": "Linux-x86_64",
    "git_commit": "0123456789abcdef0123456789abcdef01234567",
    "packages": {"keras": "3.15.1", "keras-tuner": "1.4.8", "tensorflow": "2.21.0"},
    "hardware": {"cpu_count": 2, "memory_gb": 8.0, "gpus": []},
}
_FAILURES: dict[Status, Failure] = {
    "diverged": Failure("diverged", "loss became NaN in epoch 2"),
    "failed": Failure(
        "code",
        "ValueError: kernel larger than the image",
        'Traceback (most recent call last):\n  File "cnn.py", line 3, in build\n'
        "ValueError: kernel larger than the image\n",
    ),
    "timeout": Failure("timeout", "killed after 60 s (trial_seconds = 60)"),
}


def write_journal(
    folder: Path,
    *,
    tasks: tuple[str, ...] = ("digits", "fashion_mnist"),
    spaces: tuple[str, ...] = ("mlp", "cnn"),
    trials: int = 4,
    seeds: tuple[int, ...] = (0, 1, 2),
    failures: bool = True,
    searches: int = 1,
) -> None:
    """Writes the journal of a finished sweep named `quick` to `folder`, the same every time.

    Later spaces score higher. With `failures`, trial 1 of the first cells diverged, failed
    and timed out, in this order; a single cell takes them as its trials 1, 2 and 3.
    """
    budget = Budget(trials=trials, epochs=4)
    sweep = Sweep("quick", tasks, spaces, budget, seeds=seeds, searches=searches)
    cells = [(task, space) for task in tasks for space in spaces]
    slots = [(cells[i % len(cells)], 1 + i // len(cells)) for i in range(3)]
    bad = dict(zip(slots, _FAILURES, strict=True)) if failures else {}
    with Journal(folder) as journal:
        journal.begin(sweep, ENVIRONMENT, "harness run quick")
        for task in tasks:
            _append_data(journal, task)
        for number in range(trials * searches):
            for task, space in cells:
                _append_search(journal, sweep, task, space, number,
                               bad.get(((task, space), number), "completed"))  # fmt: skip
        for task, space in cells:
            for search in range(searches):
                journal.append(
                    "search_ended", task=task, space=space, search=search, reason="trials"
                )
            for number, seed in enumerate(sweep.runs_of(task)):
                journal.append(
                    "finished", result=trial_result(sweep, task, space, "confirm", number, seed)
                )


def trial_result(
    sweep: Sweep,
    task: str,
    space: str,
    phase: Any,
    number: int,
    seed: int = 0,
    status: Status = "completed",
    epochs: int = 4,
) -> TrialResult:
    """One plausible result, a function of its arguments alone."""
    rank = sweep.tasks.index(task) * len(sweep.spaces) + sweep.spaces.index(space)
    order = 1000 * rank + 100 * (phase == "confirm") + number
    random = np.random.default_rng(order)
    curve = _curve(random, 0.9 + 0.03 * sweep.spaces.index(space), epochs)
    if status != "completed":
        curve = curve[:1] if status != "failed" else ()
    if status == "diverged":
        curve += ({"epoch": 2, "seconds": 3.0, "loss": math.nan},)
    best = max(curve, key=lambda row: row["val_accuracy"]) if status == "completed" else {}
    metrics = {name: value for name, value in best.items() if name.startswith("val_")}
    if metrics and phase == "confirm":
        metrics["test_accuracy"] = metrics["val_accuracy"] - 0.005 + random.normal(0, 0.002)
    return TrialResult(
        sweep=sweep.name,
        task=task,
        space=space,
        phase=phase,
        number=number,
        seed=seed,
        config={"units": int(random.choice([64, 128, 256])), "layers": 1 + number % 3,
                "dropout": round(float(random.uniform(0, 0.5)), 2)},
        training={"optimizer": "adamw", "learning_rate": float(10 ** random.uniform(-4, -2)),
                  "schedule": "cosine", "batch_size": 128, "clip_norm": 1.0},
        status=status,
        epochs=len(curve),
        score=metrics.get("val_accuracy"),
        metrics=metrics,
        curve=curve,
        cost=_cost(random, status, phase),
        failure=_FAILURES.get(status),
        started=STARTED + 20 * order,
    )  # fmt: skip


def _curve(random: np.random.Generator, ceiling: float, epochs: int) -> tuple[dict[str, Any], ...]:
    rows = []
    ceiling -= float(random.uniform(0, 0.05))
    for epoch in range(1, epochs + 1):
        accuracy = ceiling - 0.4 * math.exp(-epoch) + float(random.normal(0, 0.003))
        rows.append(
            {"epoch": epoch, "seconds": 1.5 * epoch, "loss": -math.log(accuracy) + 0.02,
             "accuracy": accuracy + 0.01, "val_loss": -math.log(accuracy) + 0.05,
             "val_accuracy": accuracy}
        )  # fmt: skip
    return tuple(rows)


def _cost(random: np.random.Generator, status: Status, phase: str) -> Cost:
    seconds = 60.0 if status == "timeout" else float(random.uniform(6, 12))
    if status != "completed":
        return Cost(seconds=seconds)
    return Cost(
        seconds=seconds,
        build_seconds=0.4,
        first_step_seconds=1.6,
        train_seconds=seconds - 3,
        examples_per_second=float(random.uniform(8_000, 12_000)),
        parameters=int(random.integers(20_000, 400_000)),
        peak_memory_mb=900.0,
        latency_ms=float(random.uniform(1, 4)) if phase == "confirm" else None,
        device="cpu",
    )


def _append_data(journal: Journal, task: str) -> None:
    journal.append(
        "data",
        task=task,
        digest=f"{len(task):02x}" * 32,
        sizes={"train": 1200, "val": 300, "test": 297},
        objective=Objective("accuracy", "max"),
        baseline={"accuracy": 0.1},
        reference=Reference(0.99, "A published paper, 2020"),
        licence="CC BY 4.0",
    )


def _append_search(
    journal: Journal, sweep: Sweep, task: str, space: str, number: int, status: Status
) -> None:
    result = trial_result(sweep, task, space, "search", number, status=status)
    journal.append("asked", task=task, space=space, number=number, values=dict(result.config),
                   epochs=sweep.budget.epochs, initial_epoch=0, parent=None)  # fmt: skip
    journal.append("finished", result=result)
