"""What tasks that give each example one class share: labels, loss, scores, the floor, the exhibit.

Such a task has one output, `label`: integer classes from 0, of which models give logits (examples,
classes). Its asset `classes` has their names.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from harness.spec import DataSpec, HarnessError, Prepared, Score, Split, TensorSpec, Training

LABEL = "label"
"""The output."""
CLASSES = "classes"
"""The asset: names of the classes, in the order of the logits."""
NAMED = 10
"""Classes that an error names."""

Classes: TypeAlias = Sequence[str] | Mapping[Any, str] | None
"""What a person says of the classes: their names, in the order of integer labels; the name of each
label; or nothing, where the labels of training are the classes."""


# --- labels ---------------------------------------------------------------------


def number_labels(
    task: str, labels: Mapping[str, Any], classes: Classes = None
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Labels as integers from 0, and the names of the classes.

    Args:
        task: its name, for the errors.
        labels: strings or integers of each split, `train` among them.
        classes: names in the order of integer labels (string labels are such names); names by
            label; or, if absent, the labels of training as they are sorted.

    Returns:
        Of each split the numbers, int64 of shape (examples,); the names.

    Raises:
        HarnessError: a label that is neither string nor integer, or is none of the classes (named
            with its split and its row, counted from 0); fewer than two classes; a name twice.
    """
    values = {
        split: label_values(f"task {task!r}, {split}", part) for split, part in labels.items()
    }
    known, names = _known(task, values["train"], classes)
    number = {label: index for index, label in enumerate(known)}
    numbers = {}
    for split, part in values.items():
        for row, label in enumerate(part):
            if label not in number:
                reason = "does not occur in training" if classes is None else "is no class"
                raise HarnessError(
                    f"task {task!r}, {split}, row {row}: label {label!r} {reason}; expected "
                    f"{_listed(known)}"
                )
        numbers[split] = np.array([number[label] for label in part], "int64")
    return numbers, names


def label_values(where: str, labels: Any) -> list[Any]:
    """Labels as values of Python, all strings or all integers.

    Raises:
        HarnessError: there is another one, named by `where` and its row.
    """
    shape = np.shape(labels)
    if len(shape) != 1:
        raise HarnessError(
            f"{where}: labels of shape {shape}; expected one an example (of one-hot labels, "
            "`labels.argmax(-1)`)"
        )
    values = labels.tolist() if hasattr(labels, "tolist") else list(labels)
    values = [value.item() if isinstance(value, np.generic) else value for value in values]
    there = [value for value in values if not _missing(value)]
    first = str if there and isinstance(there[0], str) else int
    # Those that are missing first: of integers with one, pandas makes floats of all.
    for row, value in sorted(enumerate(values), key=lambda pair: not _missing(pair[1])):
        if not isinstance(value, first):
            raise HarnessError(
                f"{where}, row {row}: label {value!r:.80}; expected "
                f"{'a string' if first is str else 'a string or an integer'}, as all of them"
            )
    return values


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _known(task: str, train: Sequence[Any], classes: Classes) -> tuple[list[Any], list[str]]:
    """The labels there may be, in the order of their numbers, and their names."""
    if classes is None:
        known = sorted(set(train))
        names = [str(label) for label in known]
    elif isinstance(classes, Mapping):
        known = sorted(classes)
        names = [str(classes[label]) for label in known]
    elif isinstance(classes, str) or not hasattr(classes, "__iter__"):
        raise HarnessError(
            f"task {task!r}: classes={classes!r:.60}; expected a list of names, or names by label"
        )
    else:
        names = [str(name) for name in classes]
        known = names if train and isinstance(train[0], str) else [*range(len(names))]
    if len(known) < 2:
        raise HarnessError(
            f"task {task!r}: expected two classes or more, found {_listed(known) or 'none'}"
        )
    if twice := [name for name in names if names.count(name) > 1]:
        raise HarnessError(f"task {task!r}: two classes are called {twice[0]!r}")
    return known, names


def _listed(known: Sequence[Any]) -> str:
    if known == [*range(len(known))] and len(known) > 1:
        return f"0 to {len(known) - 1}"
    shown = [str(label) for label in known[:NAMED]]
    more = f" and {len(known) - NAMED:,} others" if len(known) > NAMED else ""
    return ("one of " if len(known) > 1 else "") + ", ".join(shown) + more


def stratified_holdout(labels: np.ndarray, held_out: int) -> tuple[np.ndarray, np.ndarray]:
    """Cuts examples off a data set, with its class shares; always the same ones.

    Args:
        labels: class of each example, shape (examples,).
        held_out: number of examples to cut off.

    Returns:
        Indices kept and indices cut off, both ascending.
    """
    from sklearn.model_selection import train_test_split

    kept, cut = train_test_split(
        np.arange(len(labels)), test_size=held_out, stratify=labels, random_state=0
    )
    return np.sort(kept), np.sort(cut)


# --- training and scoring -------------------------------------------------------


def compile_args(spec: DataSpec, training: Training) -> dict[str, Any]:
    """Cross-entropy of logits (smoothed if asked for) and accuracy."""
    import keras

    classes = spec.outputs[LABEL].size
    assert classes is not None
    loss: Any = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    if training.label_smoothing > 0:
        from harness.kinds.fitting.losses import SmoothedCrossentropy

        loss = SmoothedCrossentropy(classes, training.label_smoothing)
    accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    return {"loss": loss, "metrics": [accuracy]}


def score(model: Any, split: Split, assets: Mapping[str, Any]) -> Score:
    """Accuracy, log loss in nats and macro-averaged F1 of a fitted model.

    Per example: `correct` (bool), `prediction` and `truth` (classes), each of shape (examples,).
    """
    from scipy.special import log_softmax

    logits = np.asarray(model.predict(dict(split.x), batch_size=256, verbose=0)[LABEL])
    log_probabilities = log_softmax(logits.astype("float64"), axis=-1)
    return scored(np.asarray(split.y[LABEL], "int64"), log_probabilities)


def scored(labels: np.ndarray, log_probabilities: np.ndarray) -> Score:
    """What `score` says of any classifier.

    Args:
        labels: true classes, shape (examples,).
        log_probabilities: of the classes, shape (examples, classes).
    """
    prediction = log_probabilities.argmax(axis=-1)
    return Score(
        metrics=_metrics(labels, prediction, log_probabilities),
        per_example={
            "correct": prediction == labels,
            "prediction": prediction.astype("int32"),
            "truth": labels.astype("int32"),
        },
    )


def baseline(prepared: Prepared) -> dict[str, float]:
    """Test scores of predicting the commonest training class, with the training frequencies
    of the classes as its probabilities."""
    classes = prepared.spec.outputs[LABEL].size
    train = np.asarray(prepared.train.y[LABEL], "int64")
    labels = np.asarray(prepared.test.y[LABEL], "int64")
    counts = np.bincount(train, minlength=classes or 0)
    # A class that training never saw would have an infinite loss: one example is added to each.
    log_frequencies = np.log((counts + 1) / (counts + 1).sum())
    prediction = np.full_like(labels, counts.argmax())
    return _metrics(
        labels, prediction, np.broadcast_to(log_frequencies, (len(labels), len(counts)))
    )


def _metrics(
    labels: np.ndarray, prediction: np.ndarray, log_probabilities: np.ndarray
) -> dict[str, float]:
    from sklearn.metrics import accuracy_score, f1_score

    return {
        "accuracy": float(accuracy_score(labels, prediction)),
        "log_loss": float(-np.take_along_axis(log_probabilities, labels[:, None], axis=1).mean()),
        "f1_macro": float(f1_score(labels, prediction, average="macro", zero_division=0)),
    }


# --- answers --------------------------------------------------------------------


def decode(
    outputs: Mapping[str, Any], spec: DataSpec, assets: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The class of each example: its name as `label`, its `probability`, those of all classes by
    name as `probabilities`."""
    from scipy.special import softmax

    (output,) = spec.outputs
    names = class_names(spec.outputs[output], assets)
    rows = softmax(np.asarray(outputs[output], "float64"), axis=-1)
    return [
        {
            "label": names[int(row.argmax())],
            "probability": float(row.max()),
            "probabilities": dict(zip(names, row.tolist(), strict=True)),
        }
        for row in rows
    ]


def class_names(output: TensorSpec, assets: Mapping[str, Any]) -> list[str]:
    """Names of the classes; their numbers where the assets do not name each apart."""
    names = assets.get(CLASSES)
    numbers = [str(number) for number in range(output.size or 0)]
    if not isinstance(names, list) or len(names) != len(numbers) or len(set(names)) != len(names):
        return numbers
    return [str(name) for name in names]


def exhibit(model: Any, prepared: Prepared, score: Score) -> dict[str, Any]:
    """The confusion matrix: a row for each true class, a column for each predicted one."""
    from sklearn.metrics import confusion_matrix

    classes = list(prepared.assets[CLASSES])
    counts = confusion_matrix(
        np.asarray(prepared.test.y[LABEL]),
        score.per_example["prediction"],
        labels=np.arange(len(classes)),
    )
    return {"confusion": {"classes": classes, "counts": counts.tolist()}}
