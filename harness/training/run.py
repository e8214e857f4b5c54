"""Runs one trial: from a configuration to a fitted model and its metrics.

Runs in a worker; a `Job`, the code and the data cache are all it needs.
"""

import contextlib
import dataclasses
import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from harness import cause, registry
from harness.data import cache
from harness.failure import describe_error
from harness.journal.folder import (
    assets_path,
    checkpoint_path,
    exhibit_path,
    model_path,
    outcomes_path,
)
from harness.models import keep_interface, load_model
from harness.spec import (
    HarnessError,
    Infeasible,
    Prepared,
    Split,
)
from harness.system import atomic_files
from harness.system.json_values import jsonable, why
from harness.training import batches, framework_state
from harness.training.callbacks import one_step_behind
from harness.training.device import device_kind, execution, latency
from harness.training.optimizer import build_optimizer
from harness.trial import Cost, Failure, Job, TrialResult

Report = Callable[[Mapping[str, Any]], None]


class Diverged(Exception):
    """The loss is no longer a number."""


def begun(job: Job, started: float) -> TrialResult:
    """The record of a trial as far as its job tells it; `started` in Unix seconds."""
    return TrialResult(
        sweep=job.sweep,
        task=job.task,
        space=job.space,
        phase=job.phase,
        number=job.number,
        seed=job.seed,
        config=jsonable(job.config),
        training=jsonable(job.training),
        status="completed",
        started=started,
    )


def run_trial(job: Job, report: Report) -> TrialResult:
    """Runs a trial to its end, whatever that is.

    Args:
        job: What to run.
        report: Receives `{"epoch", "epochs", "score"}` after each epoch.

    Returns:
        The record of the trial. Failures are part of it; none is raised.
    """
    trial = _Trial(job, report)
    began = time.monotonic()  # the clock may be put back meanwhile, or forward by years
    result = begun(job, time.time())
    try:
        trial.run()
    except Infeasible as error:
        failure = Failure("infeasible", str(error))
        result = dataclasses.replace(result, status="infeasible", failure=failure)
    except Diverged as error:
        failure = Failure("diverged", str(error))
        result = dataclasses.replace(result, status="diverged", failure=failure)
    except Exception as error:  # noqa: BLE001 - a trial may fail in any way; it is recorded
        result = dataclasses.replace(result, status="failed", failure=describe_error(error))
    trial.cost = dataclasses.replace(trial.cost, seconds=time.monotonic() - began)
    return trial.fill(result)


def _continuable(job: Job) -> Job:
    """The job, from its first epoch where the checkpoint that it continues from is gone: so it is
    when a trial is tried again after its search has ended."""
    if job.parent is None or checkpoint_path(job.folder, job.task, job.space, job.parent).exists():
        return job
    return dataclasses.replace(job, parent=None, initial_epoch=0)


class _Trial:
    """The state of a trial while it runs: what is known survives a failure half-way."""

    def __init__(self, job: Job, report: Report) -> None:
        self.job = job
        self.report = report
        framework_state.note()  # before the first trial has plugins imported, which may change them
        self.task = registry.task(job.task)
        self.cost = Cost()
        self.curve: list[dict[str, float]] = []
        self.test: dict[str, float] = {}
        self.model_file: Path | None = None
        self.lost: dict[str, Failure] = {}

    def run(self) -> None:
        import keras

        self.job = job = _continuable(self.job)
        task = self.task
        data = cache.load(task, job.data_dir, job.offline)
        began = time.perf_counter()
        self.space = registry.space(job.space)
        framework_state.restore()
        keras.utils.clear_session()  # collects garbage as well
        keras.utils.set_random_seed(self._seed)
        device = device_kind()
        self.execution = execution(keras.backend.backend(), device)
        keras.config.set_dtype_policy(self.execution.precision)
        self._cost(device=device)
        train = batches.subset(data.train, job.train_fraction)
        self.outputs = data.spec.outputs
        self.varying = batches.varying({**data.spec.inputs, **data.spec.outputs})
        bare, model = self._build(data, len(train))
        self._cost(build_seconds=time.perf_counter() - began)
        self._fit(model, data, train)
        if job.phase == "confirm":
            self._score(bare, data)

    def fill(self, result: TrialResult) -> TrialResult:
        """The result with all that became known."""
        metrics: dict[str, float] = {}
        score = None
        if self.curve and result.status == "completed":
            best = self._best()
            metrics = {k: v for k, v in best.items() if k.startswith("val_")}
            metrics |= {f"test_{name}": value for name, value in self.test.items()}
            score = best[self._objective]
        return dataclasses.replace(
            result,
            epochs=len(self.curve),
            score=score,
            metrics=metrics,
            curve=tuple(self.curve),
            cost=self.cost,
            model=str(self.model_file) if self.model_file else None,
            lost=self.lost,
        )

    @property
    def _seed(self) -> int:
        # A continuation must not see the data in the order of its parent's first epochs again.
        return self.job.seed + self.job.initial_epoch

    @property
    def _objective(self) -> str:
        return f"val_{self.task.objective.metric}"

    def _best(self) -> dict[str, float]:
        best = self.curve[0]
        for epoch in self.curve[1:]:
            if self.task.objective.better(epoch[self._objective], best[self._objective]):
                best = epoch
        return best

    def _cost(self, **fields: Any) -> None:
        self.cost = dataclasses.replace(self.cost, **fields)

    def _build(self, data: Prepared, examples: int) -> tuple[Any, Any]:
        """The architecture's own model, and the compiled one that is fitted."""

        job, space = self.job, self.space
        pretrained = [] if job.encoder is None else [self._encoder(job.encoder, data)]
        try:
            bare = space.build(job.config, data.spec, *pretrained)
        except Exception as error:
            if cause.shrinks_to_nothing(error):  # other configurations of the space may fit
                raise Infeasible(cause.reason(error)) from error
            raise
        parameters = bare.count_params()
        self._cost(parameters=parameters)
        if job.max_parameters is not None and parameters > job.max_parameters:
            raise Infeasible(f"{parameters:,} parameters; at most {job.max_parameters:,} allowed")
        model = bare
        if job.training.augment and self.task.augment is not None:
            model = augmented(model, self.task.augment(data.spec))
        if self.task.training_model is not None:
            model = self.task.training_model(model)
        steps = batches.training_steps(examples, job.training.batch_size)
        factors = space.rate_factors(job.config, bare) if space.rate_factors else None
        model.compile(
            optimizer=build_optimizer(job.training, steps * (job.horizon or job.epochs), factors),
            jit_compile=self.execution.jit_compile,
            **self.task.compile_args(data.spec, job.training),
        )
        if job.parent is not None:
            model.optimizer.build(model.trainable_variables)
            path = checkpoint_path(job.folder, job.task, job.space, job.parent)
            model.load_weights(path)
        return bare, model

    def _encoder(self, path: Path, data: Prepared) -> Any:
        """The pretrained model at a path; it must know the same words."""
        path = self.job.folder / path
        model = load_model(path)
        try:
            known = json.loads(assets_path(path).read_text(encoding="utf-8"))["vocabulary"]
        except (OSError, ValueError, KeyError) as error:
            raise HarnessError(
                f"{assets_path(path)}: expected the vocabulary of the pretrained model beside it "
                f"({type(error).__name__})"
            ) from None
        own = data.assets.get("vocabulary")
        if known != own:
            raise HarnessError(
                f"task {self.job.task!r}: its vocabulary of {len(own or ()):,} pieces is not that "
                f"of the pretrained model {path.name}, of {len(known):,}; expected the same pieces "
                "in the same order"
            )
        return model

    def _redraw(self, assets: Mapping[str, Any]) -> batches.Redraw | None:
        redraw = self.task.redraw
        if redraw is None:
            return None
        return lambda split, random: redraw(split, assets, random)

    def _fit(self, model: Any, data: Prepared, train: Split) -> None:
        import keras

        job = self.job
        watch = _watch(self, len(train))
        patience = keras.callbacks.EarlyStopping(
            self._objective,
            mode=self.task.objective.direction,
            # A trial that is continued must reach the epoch from which the next goes on.
            patience=job.epochs if job.keep_checkpoint else job.patience,
            # A continuation goes on from the last epoch, a confirmed model is the best one.
            restore_best_weights=job.phase == "confirm",
        )
        model.fit(
            **batches.data_arguments(
                train,
                data.val,
                job.training.batch_size,
                batches.evaluation_batch(self.outputs, job.training.batch_size),
                self._seed,
                self.varying,
                self._redraw(data.assets),
            ),
            epochs=job.epochs,
            initial_epoch=job.initial_epoch,
            callbacks=one_step_behind(model, [watch, patience], job.epochs),
            verbose=0,
        )
        if job.keep_checkpoint:
            path = checkpoint_path(job.folder, job.task, job.space, job.number)
            state = [*model.variables, *model.optimizer.variables]
            with atomic_files.whole(path, file_size(state)) as part:
                model.save_weights(part)

    def _score(self, bare: Any, data: Prepared) -> None:
        """Scores the test split, once, and keeps the model and the outcome of each example.

        What is worth having beside them comes last: where it fails, they stand.
        """
        job = self.job
        # The model is kept to predict: its loss may be a class that only the task knows, and
        # of all optimizers plain SGD alone has no state that a copy would lack.
        bare.compile("sgd", jit_compile=self.execution.jit_compile)
        score = self.task.score(bare, data.test, data.assets)
        self.test = dict(score.metrics)
        for name, split in data.further.items():
            metrics = self.task.score(bare, split, data.assets).metrics
            self.test |= {f"{name}_{metric}": value for metric, value in metrics.items()}
        path = job.folder / model_path(job.task, job.space, job.seed)
        with atomic_files.whole(path, file_size(bare.variables)) as part:
            bare.save(part)
        with atomic_files.whole(assets_path(path)) as part:
            part.write_text(json.dumps(jsonable(data.assets)), encoding="utf-8")
        keep_interface(path, data.spec, data.test)
        self.model_file = model_path(job.task, job.space, job.seed)
        if score.per_example:
            outcomes: dict[str, Any] = dict(score.per_example)
            with atomic_files.whole(
                job.folder / outcomes_path(job.task, job.space, job.seed)
            ) as part:
                np.savez_compressed(part, **outcomes)
        with self._worth_having("latency"):
            example = batches.first_example(data.test, self.varying)
            self._cost(latency_ms=latency(bare, example))
        if job.number == 0 and self.task.exhibit is not None:
            with self._worth_having("exhibit"):
                self._show(self.task.exhibit(bare, data, score))

    @contextlib.contextmanager
    def _worth_having(self, what: str) -> Iterator[None]:
        """Notes why something could not be had without which the result is as good."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - it may fail in any way; it is recorded
            self.lost[what] = describe_error(error)

    def _show(self, exhibit: Mapping[str, Any]) -> None:
        """Keeps an exhibit; a report that is written meanwhile sees all of it or none."""
        try:
            text = json.dumps(jsonable(exhibit), ensure_ascii=False, indent=1)
        except (TypeError, ValueError) as error:
            raise HarnessError(
                f"task {self.job.task!r}: expected JSON values from exhibit, arrays as lists "
                f"({why(error)})"
            ) from error
        with atomic_files.whole(
            self.job.folder / exhibit_path(self.job.task, self.job.space)
        ) as part:
            part.write_text(text + "\n", encoding="utf-8")


def _watch(trial: _Trial, examples: int) -> Any:
    """A callback that measures, reports, and stops on time or on a loss that is no number.

    `examples` are those of the training split, of which the last batch of an epoch may hold
    fewer than the others.
    """
    import keras

    job = trial.job
    process = psutil.Process()

    class Watch(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_begin(self, logs: Any = None) -> None:
            self.began = time.perf_counter()
            self.steady_from: float | None = None
            self.steady_examples = self.steps = 0
            self.steady_seconds = 0.0

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.epoch_steps = 0
            if self.steps:
                self.steady_from = time.perf_counter()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.steps += 1
            self.epoch_steps += 1
            if not np.isfinite(float(logs["loss"])):
                raise Diverged(
                    f"the loss is {float(logs['loss'])} in step {self.epoch_steps} of epoch "
                    f"{job.initial_epoch + len(trial.curve) + 1}"
                )
            now = time.perf_counter()
            if self.steps == 1:
                trial._cost(first_step_seconds=now - self.began)
                self.steady_from = now
            else:
                size = job.training.batch_size
                self.steady_examples += min(size, examples - batch * size)
            self.last_step = now
            if job.seconds is not None and now - self.began > job.seconds:
                self.model.stop_training = True

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            assert self.steady_from is not None
            self.steady_seconds += self.last_step - self.steady_from
            logs = {name: float(value) for name, value in logs.items()}
            seconds = time.perf_counter() - self.began
            trial.curve.append({"epoch": epoch + 1, "seconds": seconds, **logs})
            trial._cost(
                train_seconds=seconds - trial.cost.first_step_seconds,
                examples_per_second=(
                    self.steady_examples / self.steady_seconds if self.steady_examples else None
                ),
                peak_memory_mb=max(
                    process.memory_info().rss / 2**20, trial.cost.peak_memory_mb or 0.0
                ),
            )
            if not np.isfinite(logs[trial._objective]):
                raise Diverged(f"{trial._objective} is {logs[trial._objective]}")
            score = trial._best()[trial._objective]
            trial.report({"epoch": epoch + 1, "epochs": job.epochs, "score": score})

    return Watch()


def augmented(model: Any, layers: list[Any]) -> Any:
    """The model behind augmentation layers, which act in training only."""
    import keras

    (name,) = model.input_names if hasattr(model, "input_names") else [model.inputs[0].name]
    shape = model.inputs[0].shape[1:]
    image = keras.Input(shape, dtype="float32", name=name)
    x = image
    for layer in layers:
        x = layer(x)
    return keras.Model({name: image}, model({name: x}))


def file_size(variables: Iterable[Any]) -> int:
    """About how many bytes a file takes that holds these variables, rather too many."""
    return sum(4 * math.prod(variable.shape) + 4096 for variable in variables)
