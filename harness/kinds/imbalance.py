"""Classes of which some are rare: weights of training examples, measures that count every class.

A weight belongs to the data, so it is the same for every architecture and every trial. Weighted is
the loss of training alone: validation and test are as they are.
"""

import functools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeAlias

import numpy as np

from harness.spec import DataSpec, HarnessError, Objective, Prepared, Score, Split, Training

BALANCED = "balanced"
ClassWeight: TypeAlias = Literal["balanced"] | Mapping[str, float] | None
"""`balanced`: the rarer a class, the heavier its examples, so that all classes weigh alike; or the
weight of each class by its name; or nothing, all examples alike."""
OF_CLASSES = ("f1_macro", "balanced_accuracy")
OF_TWO = ("roc_auc", "average_precision")
MEASURES = (*OF_CLASSES, *OF_TWO)
"""What may be the objective in place of accuracy; the latter two of two classes, the second one the
positive."""
USUAL = "accuracy"
MARGIN = "margin"
"""What is kept of each test example where the latter two are asked for: how much the second of two
classes is likelier than the first, by logits."""


def applied(
    name: str, output: str, defaults: Mapping[str, Any], parts: Mapping[str, Any],
    class_weight: ClassWeight,
) -> tuple[dict[str, Any], dict[str, Any]]:  # fmt: skip
    """A kind's defaults and a person's parts, with the measures that these ask for.

    Args:
        name: of the task.
        output: of the models, logits of classes.
        defaults: fields of `Task`, `compile_args`, `score` and `baseline` among them.
        parts: what a person replaces. `objective` may be the name of a measure.
        class_weight: as given; with one, the measures of classes are reported, too.

    Raises:
        HarnessError: no such objective or no such weight.
    """
    parts = dict(parts)
    if isinstance(parts.get("objective"), str):
        if parts["objective"] not in (USUAL, *MEASURES):
            raise HarnessError(
                f"task {name!r}: objective {parts['objective']!r}; expected one of "
                f"{', '.join((USUAL, *MEASURES))}"
            )
        parts["objective"] = Objective(parts["objective"], "max")
    check_weight(name, class_weight)
    named = [o.metric for o in map(parts.get, ("objective", "measure")) if isinstance(o, Objective)]
    wanted = (*named, *(OF_CLASSES if class_weight is not None else ()))
    measures = tuple(measure for measure in MEASURES if measure in wanted)
    if not measures:
        return dict(defaults), parts
    own: Mapping[str, Callable[..., Any]] = {
        "compile_args": _compile_args, "score": _score, "baseline": _baseline,
    }  # fmt: skip
    extended = {
        part: functools.partial(function, usual=defaults[part], output=output, measures=measures)
        for part, function in own.items()
    }
    return {**defaults, **extended}, parts


def check_weight(name: str, class_weight: Any) -> None:
    """Raises `HarnessError` where a weight is none."""
    if class_weight is None or class_weight == BALANCED:
        return
    if not isinstance(class_weight, Mapping) or not class_weight:
        raise HarnessError(f"task {name!r}: class_weight {class_weight!r:.60}; expected 'balanced' "
                           "or a number for each class")  # fmt: skip
    for label, weight in class_weight.items():
        number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not number or not 0 < weight < float("inf"):
            raise HarnessError(f"task {name!r}: class_weight of {label!r} is {weight!r}; expected "
                               "a number above 0")  # fmt: skip


def weighted(
    name: str, split: Split, labels: np.ndarray, classes: Sequence[str], class_weight: ClassWeight
) -> Split:
    """Training examples with the weights of their classes, whose mean is 1.

    Args:
        name: of the task.
        split: of training.
        labels: numbers of its classes, shape (examples,).
        classes: names by number.
        class_weight: as of `ClassWeight`.

    Raises:
        HarnessError: a class is not named, or one is that there is not.
    """
    if class_weight is None:
        return split
    if class_weight == BALANCED:
        counts = Counter(labels.tolist())
        of = [1 / counts[number] if counts[number] else 0.0 for number in range(len(classes))]
    else:
        assert isinstance(class_weight, Mapping)
        given = {str(label): float(weight) for label, weight in class_weight.items()}
        if set(given) != set(classes):
            raise HarnessError(
                f"task {name!r}: class_weight of {', '.join(given)}; expected a number for each of "
                f"{', '.join(classes)}"
            )
        of = [given[label] for label in classes]
    weight = np.asarray(of)[labels]
    return replace(split, weight=(weight / weight.mean()).astype("float32"))


def _compile_args(
    spec: DataSpec, training: Training, usual: Callable[..., Any], output: str,
    measures: Sequence[str],
) -> dict[str, Any]:  # fmt: skip
    from harness.kinds.fitting.class_metrics import ClassScore, Ranking

    arguments = dict(usual(spec, training))
    classes = spec.outputs[output].size or 0
    if classes != 2 and (two := [m for m in measures if m in OF_TWO]):
        raise HarnessError(f"{two[0]} is for two classes; expected another objective for {classes}")
    further: list[Any] = [
        ClassScore(classes, measure) if measure in OF_CLASSES else Ranking(measure)  # type: ignore[arg-type]
        for measure in measures
    ]
    return {**arguments, "metrics": [*arguments["metrics"], *further]}


def _score(
    model: Any, split: Split, assets: Mapping[str, Any], usual: Callable[..., Score], output: str,
    measures: Sequence[str],
) -> Score:  # fmt: skip
    """The usual score with further measures; a ranking is of logits, which are asked for again, and
    kept for each example."""
    score = usual(model, split, assets)
    truth, prediction = score.per_example["truth"], score.per_example["prediction"]
    margin = np.zeros(len(truth))
    if set(measures) & set(OF_TWO):
        logits = model.predict(dict(split.x), batch_size=256, verbose=0)[output]
        margin = np.asarray(logits[:, 1], "float64") - np.asarray(logits[:, 0], "float64")
        score = replace(score, per_example={**score.per_example, MARGIN: margin})
    metrics = measured(truth, prediction, margin, measures)
    return replace(score, metrics={**score.metrics, **metrics})


def _baseline(
    prepared: Prepared, usual: Callable[..., Mapping[str, float | Score]], output: str,
    measures: Sequence[str],
) -> dict[str, float | Score]:  # fmt: skip
    """The usual floor, with the measures of the commonest class and of each simple method."""
    train, truth = (np.asarray(part.y[output], "int64") for part in (prepared.train, prepared.test))
    common = np.full_like(truth, np.bincount(train).argmax())
    found = dict(usual(prepared))
    for name, rival in found.items():
        if isinstance(rival, Score) and "prediction" in rival.per_example:
            own = rival.per_example
            margin = own.get(MARGIN, np.zeros(len(truth)))
            further = measured(truth, own["prediction"], margin, measures)
            found[name] = replace(rival, metrics={**rival.metrics, **further})
    return {**found, **measured(truth, common, np.zeros(len(truth)), measures)}


def measured(
    truth: np.ndarray, prediction: np.ndarray, margin: np.ndarray, measures: Sequence[str]
) -> dict[str, float]:
    """Measures by scikit-learn.

    Args:
        truth, prediction: classes, shape (examples,).
        margin: how much the second of two classes is likelier than the first, by logits.
        measures: which of `MEASURES`.
    """
    from sklearn import metrics

    recalls = [float(np.mean(prediction[truth == label] == label)) for label in np.unique(truth)]
    found: Mapping[str, Callable[[], Any]] = {
        "f1_macro": lambda: metrics.f1_score(truth, prediction, average="macro", zero_division=0),
        "balanced_accuracy": lambda: np.mean(recalls),
        "roc_auc": lambda: metrics.roc_auc_score(truth, margin) if len(recalls) == 2 else 0.5,
        "average_precision": lambda: metrics.average_precision_score(truth, margin),
    }
    return {measure: float(found[measure]()) for measure in measures}
