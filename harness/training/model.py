"""The model of a trial: an architecture's own, and the compiled one that is fitted.

Keras is imported inside functions, so that the driver can import this file without loading a
framework.
"""

import contextlib
import json
from pathlib import Path
from typing import Any

from harness import cause, contract, registry
from harness.journal.folder import assets_path
from harness.kinds.image_classification import IMAGE
from harness.models import load_model
from harness.spec import (
    DataSpec,
    HarnessError,
    Infeasible,
    Prepared,
    Preset,
    SearchSpace,
    Task,
)
from harness.training.optimizer import build_optimizer
from harness.trial import Job


def architecture(job: Job, space: SearchSpace, data: Prepared) -> Any:
    """The model that a search space builds of a job's configuration, uncompiled.

    Raises:
        HarnessError: it is to be built around a model that does not know the same words.
        Infeasible: it leaves nothing of the data.
        Exception: whatever `build` raises.
    """
    pretrained = started(registry.task(job.task), space, data)
    if job.encoder is not None:
        pretrained = [_encoder(job, job.folder / job.encoder, data)]
    try:
        return space.build(job.config, contract.speaking(data.spec), *pretrained)
    except Exception as error:
        if cause.shrinks_to_nothing(error):  # other configurations of the space may fit
            raise Infeasible(cause.reason(error)) from error
        raise


def started(task: Task, space: SearchSpace, data: Prepared) -> list[Any]:
    """What `build` gets beside a configuration and the data's specification where a task starts
    from a preset: the encoder, else nothing.

    Raises:
        HarnessError: the preset cannot be had.
    """
    if not space.pretrained or not isinstance(task.init_from, Preset):
        return []
    from harness.blocks import presets

    return [presets.encoder(task.name, task.init_from, data.spec, data.assets)]


def trained_model(job: Job, task: Task, spec: DataSpec, bare: Any) -> Any:
    """The model that is fitted in place of an architecture's own, whose layers it shares.

    It is another wherever Keras can tell what the architecture's own takes and returns, so that
    either is compiled for its own purpose.

    Args:
        job: what is trained.
        task: its task.
        spec: of the data.
        bare: the architecture's own model.
    """
    import keras

    model = bare
    if job.training.augment and task.augment is not None:
        model = augmented(model, task.augment(spec), spec)
    if task.training_model is not None:
        model = task.training_model(model)
    if model is bare:
        with contextlib.suppress(AttributeError, ValueError):  # of one that is no graph of layers
            model = keras.Model(bare.input, bare.output)
    return model


def compiled(
    model: Any,
    bare: Any,
    job: Job,
    task: Task,
    space: SearchSpace,
    spec: DataSpec,
    steps: int,
    jit_compile: bool | str,
) -> None:
    """Compiles the model that is fitted.

    Args:
        model: of `trained_model`.
        bare: the architecture's own model.
        job: what is trained.
        task: its task.
        space: its architecture.
        spec: of the data.
        steps: of the whole run.
        jit_compile: as of `keras.Model.compile`.
    """
    factors = space.rate_factors(job.config, bare) if space.rate_factors else None
    model.compile(
        optimizer=build_optimizer(job.training, steps, factors),
        jit_compile=jit_compile,
        **task.compile_args(spec, job.training),
    )


def augmented(model: Any, layers: list[Any], spec: DataSpec) -> Any:
    """The model behind augmentation layers, which act in training only, and on the image only.

    Args:
        model: of the architecture.
        layers: of `Task.augment`.
        spec: of the data. Of several inputs, the one called `image` is augmented.

    Raises:
        HarnessError: there are several inputs, and none is called so.
    """
    import keras

    augmented_name = next(iter(spec.inputs)) if len(spec.inputs) == 1 else IMAGE
    if augmented_name not in spec.inputs:
        raise HarnessError(
            f"the task has the inputs {', '.join(spec.inputs)}; expected one called {IMAGE!r} "
            "for its augmentation to act on"
        )
    inputs, passed = {}, {}
    for tensor in model.inputs:
        name = tensor.name
        dtype = "float32" if name == augmented_name else tensor.dtype
        inputs[name] = passed[name] = keras.Input(tensor.shape[1:], dtype=dtype, name=name)
        if name == augmented_name:
            for layer in layers:
                passed[name] = layer(passed[name])
    return keras.Model(inputs, model(passed))


def _encoder(job: Job, path: Path, data: Prepared) -> Any:
    """The pretrained model at a path; it must know the same words."""
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
            f"task {job.task!r}: its vocabulary of {len(own or ()):,} pieces is not that "
            f"of the pretrained model {path.name}, of {len(known):,}; expected the same pieces "
            "in the same order"
        )
    return model
