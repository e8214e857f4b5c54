"""One cell, tried in a worker: from the build to the exhibit, on a few examples.

What is tried is what a trial and a confirmation run do, with the functions that they use. The test
split is not touched: examples of validation take its place. The saved model is loaded in a worker
that has built none, as whatever uses it later will be one.
"""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harness import registry
from harness.analysis.exhibits import read_exhibits
from harness.check import place, samples, steps
from harness.check.saving import culprits
from harness.data import cache
from harness.data.validate import validate
from harness.engines.local.worker import Tell
from harness.models import load_model
from harness.spec import HarnessError, Kind, Prepared, Task, Training
from harness.training import artifacts, framework_state
from harness.training.device import device_kind, execution
from harness.training.feed import Feed
from harness.training.programs import program
from harness.trial import Job

BATCH = 8
"""Examples of a training step."""
STEPS = 2


@dataclass(frozen=True)
class Trying:
    """A cell to try: small and picklable."""

    task: str | None
    """A registered task; `None` for a small one of the kind that is made for it."""
    kind: Kind
    space: str
    folder: Path
    """Receives the model."""
    plugins: tuple[Path, ...] = ()
    data_dir: Path | None = None
    offline: bool = False


@dataclass(frozen=True)
class Tried:
    """What came of it."""

    faults: tuple[str, ...]
    model: Path | None = None
    """The saved one, if it came so far."""
    inputs: Mapping[str, np.ndarray] = field(default_factory=dict)
    outputs: Mapping[str, np.ndarray] = field(default_factory=dict)
    """What it predicts of them."""


@dataclass(frozen=True)
class Loading:
    """A saved model to load again, in another worker."""

    space: str
    tried: Tried
    plugins: tuple[Path, ...] = ()


def answer(job: Trying | Loading, tell: Tell) -> Tried:
    """What workers of a check call."""
    framework_state.note()  # before plugins are imported, which may change it
    registry.use(job.plugins)
    found: list[str] = []
    tried = Tried(())
    try:
        if isinstance(job, Loading):
            _load(job)
        else:
            tried = _try(job, found)
    except steps.Fault as fault:
        found.append(str(fault))
    return dataclasses.replace(tried, faults=tuple(found))


def _try(job: Trying, found: list[str]) -> Tried:
    """Tries a cell; faults after which more can be looked at are added to those found.

    Raises:
        Fault: one after which nothing more can be looked at.
    """
    import keras

    task, data = _task(job)
    space = registry.space(job.space)
    framework_state.restore()
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    chosen = execution(keras.backend.backend(), device_kind())
    training = Training(batch_size=BATCH, augment=task.augment is not None)
    config = steps.default_configuration(task, space)
    trial = Job("check", task.name, space.name, "confirm", 0, 0, config, training, job.folder, 1)
    bare = steps.built(task, space, config, data)
    found += steps.model_faults(task, space, bare, data.spec)
    if found:
        return Tried(())
    feed = Feed.of(data, BATCH, 0, 1.0, task.redraw)
    cell = f"{task.name} x {space.name}"
    with steps.blamed(cell, "compiling"):
        model = program(trial, task, space, data.spec, bare, feed, chosen).model
    found += steps.log_faults(task, model, data)
    with steps.blamed(cell, "two steps of training and a validation"):
        logs = model.fit(**feed.arguments(), epochs=1, verbose=0).history
    found += [
        steps.at(f"{cell}: {name} is {values[-1]} after two steps of training; expected a number",
                 place.of_function(task.compile_args, task))
        for name, values in logs.items()
        if not math.isfinite(values[-1])
    ]  # fmt: skip
    bare.compile("sgd", jit_compile=chosen.jit_compile)
    score, faults = steps.scored(task, bare, data)
    found += faults
    with steps.blamed(steps.owner(space), "saving its model"):
        path = job.folder / artifacts.keep_model(trial, bare, data)
    inputs = {name: np.asarray(array) for name, array in feed.first_example(data.test).items()}
    tried = Tried((), path, inputs, _outputs(bare, inputs))
    if task.exhibit is not None and not faults:
        found += _exhibit_faults(trial, task, bare, data, score)
    return tried


def _task(job: Trying) -> tuple[Task, Prepared]:
    """The task, and the few examples that it is tried on."""
    if job.task is not None:
        task = registry.task(job.task)
        data = cache.load(task, job.data_dir, job.offline)
    else:
        task = samples.task(job.kind)
        data = task.prepare({})
        validate(task, data)
    return task, steps.few(data, train=STEPS * BATCH)


def _outputs(model: Any, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: np.asarray(value) for name, value in model.predict_on_batch(inputs).items()}


def _exhibit_faults(
    trial: Job, task: Task, model: Any, data: Prepared, score: Any
) -> Iterator[str]:
    """What keeps the exhibit of a task from being shown."""
    assert task.exhibit is not None
    where = place.of_function(task.exhibit, task)
    try:
        with steps.blamed(steps.owner(task), "exhibit"):
            exhibit = task.exhibit(model, data, score)
        artifacts.keep_exhibit(trial, exhibit)
        read_exhibits(trial.folder, [(trial.task, trial.space)])
    except steps.Fault as fault:
        yield str(fault)
    except HarnessError as error:
        yield steps.at(str(error), where)


def _load(job: Loading) -> None:
    """Loads a saved model and has it predict again.

    Raises:
        Fault: it cannot be loaded, or predicts something else.
    """
    space, tried = registry.space(job.space), job.tried
    assert tried.model is not None
    where = place.of_function(space.build, space)
    try:
        model = load_model(tried.model)
    except HarnessError as error:
        reason = culprits(tried.model) or str(error.__cause__ or error).strip().splitlines()[0]
        fault = f"{steps.owner(space)}: its saved model cannot be loaded: {reason}"
        raise steps.Fault(steps.at(fault, where)) from error
    with steps.blamed(steps.owner(space), "its model, once loaded,"):
        outputs = _outputs(model, tried.inputs)
    for name, expected in tried.outputs.items():
        if not np.allclose(outputs[name], expected, rtol=1e-3, atol=1e-4, equal_nan=True):
            gap = float(np.max(np.abs(outputs[name] - expected)))
            raise steps.Fault(
                steps.at(
                    f"{steps.owner(space)}: once loaded its model predicts something else: output "
                    f"{name!r} differs by {gap:.2g}; expected the same",
                    where,
                )
            )
