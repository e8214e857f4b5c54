"""Two tasks that are learned in a second."""

import dataclasses

import numpy as np

from harness.spec import DataSpec, Objective, Prepared, Score, Split, Task, TensorSpec


def _split(seed, count):
    """Images of 4x4 whose class is their brighter half."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, count).astype("int32")
    image = rng.integers(0, 100, (count, 4, 4, 1)).astype("uint8")
    image[label == 1, :2] += 60
    image[label == 0, 2:] += 60
    return Split({"image": image}, {"label": label})


def _prepare(files):
    spec = DataSpec(
        {"image": TensorSpec((4, 4, 1), "uint8")},
        {"label": TensorSpec((), "int32", size=2)},
        "image_classification",
    )
    return Prepared(spec, _split(0, 128), _split(1, 64), _split(2, 64))


def _compile_args(spec, training):
    import keras

    return {
        "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "metrics": ["accuracy"],
    }


def _score(model, split, assets):
    output = model.predict(dict(split.x), verbose=0)
    logits = output["label"] if isinstance(output, dict) else output
    correct = logits.argmax(-1) == split.y["label"]
    return Score({"accuracy": float(correct.mean())}, {"correct": correct})


blobs = Task(
    name="blobs",
    kind="image_classification",
    objective=Objective("accuracy", "max"),
    prepare=_prepare,
    compile_args=_compile_args,
    score=_score,
    baseline=lambda data: {"accuracy": 0.5},
    licence="CC0",
)

plain = dataclasses.replace(blobs, name="plain")
