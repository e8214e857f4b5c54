"""Image classification: one class for each image, judged by accuracy.

Inputs
    `image`: uint8 of shape (height, width, channels), pixels 0 to 255, of any one size; 1, 3 or 4
    channels. A `harness.Task` of one's own may declare float32 instead, of values 0 to 1.
Outputs
    `label`: class numbers from 0, shape (). Models give logits (examples, classes).
Assets
    `classes`: the name of each class, in the order of the logits.
Architectures
    those of the kind `image_classification`: `mlp`, `cnn`, `resnet`, `vit`, which begin
    with `harness.blocks.image.image_input`, that scales pixels to -1 to 1; and `backbone` where
    the task names a preset in `init_from` (`harness.kinds.presets`).
Loss and metrics
    cross-entropy of logits (smoothed where the search asks for it); `accuracy`.
Score
    `accuracy`, `log_loss` in nats, `f1_macro`; per example `correct`, `prediction`
    and `truth`.
Baseline
    the commonest class of training; logistic regression on pixels, or on their gradients.
Exhibit
    the confusion matrix.

Example:
    from harness.kinds import image_classification

    def prepare(files):
        from sklearn.datasets import load_digits

        digits = load_digits()
        return digits.images / 16, digits.target  # floats 0 to 1, of shape (examples, 8, 8)

    my_digits = image_classification.task("my_digits", prepare, batch_sizes=(32, 64))
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.kinds import classification, imbalance, pixels, presets
from harness.kinds.classification import (
    CLASSES,
    LABEL,
    Classes,
    compile_args,
    decode,
    exhibit,
    label_values,
    number_labels,
    score,
    stratified_holdout,
)
from harness.kinds.constructor import cut_splits, gathered, make_task
from harness.kinds.imbalance import ClassWeight
from harness.kinds.rivals.images import image_rival
from harness.spec import (
    DataSpec,
    HarnessError,
    Kind,
    Objective,
    Prepared,
    Preset,
    Score,
    Split,
    Task,
    TensorSpec,
)

__all__ = [
    "CLASSES",
    "IMAGE",
    "KIND",
    "LABEL",
    "baseline",
    "compile_args",
    "decode",
    "encode",
    "exhibit",
    "flip_and_shift",
    "prepared",
    "score",
    "shift",
    "stratified_holdout",
    "task",
]

KIND: Kind = "image_classification"
IMAGE = "image"
"""The input."""
EXPECTED = "(images, labels)"


def task(
    name: str,
    prepare: Callable[[Mapping[str, Path]], Any],
    *,
    classes: Classes = None,
    class_weight: ClassWeight = None,
    **parts: Any,
) -> Task:
    """A task from images and their labels.

    Args:
        name: of the task.
        prepare: receives the path of each source file by name, and returns `(images, labels)` by
            split, or for training alone; `val` and `test` are cut off training where they are
            missing, a tenth for each, with the shares of the classes. Images are uint8 0 to 255
            or floats 0 to 1, which become the nearest of 256 levels, of shape (examples, height,
            width) or (examples, height, width, channels). Labels are strings or integers.
        classes: their names, in the order of integer labels, or by label; the sorted labels of
            training if absent.
        class_weight: of training examples: `balanced`, or by the name of their class; see
            `harness.kinds.imbalance`.
        parts: fields of `harness.Task` that replace the defaults. `objective` may be the name of a
            measure: `f1_macro`, `balanced_accuracy`, and of two classes `roc_auc` and
            `average_precision`. `augment`: `shift` (the
            default), `flip_and_shift` where mirror images are of the same class, or Keras layers
            of one's own.

    Raises:
        HarnessError: a part that there is not. `Task.prepare` raises it for images and labels
            that are not as above, named by split and row.
    """
    defaults = {
        "objective": Objective("accuracy", "max"),
        "compile_args": compile_args,
        "score": score,
        "baseline": baseline,
        "exhibit": exhibit,
        "augment": shift,
    }
    defaults, parts = imbalance.applied(name, LABEL, defaults, parts, class_weight)
    options = {"classes": classes, "class_weight": class_weight}
    return make_task(KIND, name, prepare, _prepare, options, defaults, parts)


def _prepare(
    files: Mapping[str, Path],
    task: str,
    prepare: Callable[[Mapping[str, Path]], Any],
    classes: Classes,
    class_weight: ClassWeight,
    preset: Preset | None = None,
) -> Prepared:
    data = cut_splits(
        task, prepare(files), EXPECTED, columns=("images", "labels"), read=_read,
        strata=lambda part: part[1],
    )  # fmt: skip
    found = prepared(task, data, classes, class_weight)
    if preset is None:
        return found
    seen = presets.seeing(task, preset, found.spec.inputs[IMAGE].shape)
    return replace(found, assets={**found.assets, presets.PRESET: seen})


def _read(where: str, part: tuple[Any, Any]) -> tuple[np.ndarray, list[Any]]:
    """Images as bytes, and labels as values of Python."""
    return pixels.levels(where, part[0]), label_values(where, part[1])


def prepared(
    task: str,
    data: Mapping[str, tuple[Any, Any]],
    classes: Classes = None,
    class_weight: ClassWeight = None,
) -> Prepared:
    """The data of a task, from `(images, labels)` of `train`, `val`, `test` and further splits.

    Args and errors as of `task`.
    """
    images, labels = {}, {}
    for split, part in data.items():
        images[split] = pixels.levels(f"task {task!r}, {split}", part[0])
        labels[split] = part[1]
    pixels.check_contrast(f"task {task!r}, train", images["train"])
    shape = images["train"].shape[1:]
    for split, found in images.items():
        if found.shape[1:] != shape:
            raise HarnessError(
                f"task {task!r}, {split}: images of {pixels.size(found.shape[1:])}; expected "
                f"{pixels.size(shape)}, as in training"
            )
    numbers, names = number_labels(task, labels, classes)
    dtype = "uint8" if len(names) <= 256 else "int32"
    splits = {
        split: Split({IMAGE: images[split]}, {LABEL: numbers[split].astype(dtype)})
        for split in data
    }
    splits["train"] = imbalance.weighted(
        task, splits["train"], numbers["train"], names, class_weight
    )
    return gathered(
        DataSpec(
            inputs={IMAGE: TensorSpec(shape, "uint8")},
            outputs={LABEL: TensorSpec((), dtype, size=len(names))},
            kind=KIND,
        ),
        splits,
        {CLASSES: names},
    )


def baseline(prepared: Prepared) -> dict[str, float | Score]:
    """Test scores of the commonest training class, and of logistic regression on pixels or on
    their gradients; see `harness.kinds.rivals.images`."""
    return {**classification.baseline(prepared), **image_rival(prepared)}


def encode(raw: Any, spec: DataSpec, assets: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Images as the model's input.

    Args:
        raw: images of the size of the task's, in an array or a list, with or without a channel
            axis if there is one channel. Integers 0 to 255, or floats 0 to 1.
        spec: of the task.
        assets: of the task.

    Returns:
        `image`, shape (images, height, width, channels).

    Raises:
        HarnessError: images of another size, or values out of range.
    """
    tensor = spec.inputs[IMAGE]
    return {IMAGE: pixels.converted("input", raw, tensor.shape, tensor.dtype)}


# --- augmentation ---------------------------------------------------------------


def shift(spec: DataSpec) -> list[Any]:
    """Random shifts of up to a tenth of the image, filled with black."""
    import keras

    # Seeds left to Keras are drawn from the global seed.
    return [keras.layers.RandomTranslation(0.1, 0.1, fill_mode="constant")]


def flip_and_shift(spec: DataSpec) -> list[Any]:
    """Random mirror images, left to right, and random shifts."""
    import keras

    return [keras.layers.RandomFlip("horizontal"), *shift(spec)]
