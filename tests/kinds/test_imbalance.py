"""Weights of classes, and measures that count every class, against scikit-learn."""

import keras
import numpy as np
import pytest
from sklearn import metrics
from sklearn.utils.class_weight import compute_sample_weight

from harness.kinds import image_classification, imbalance, text_classification
from harness.kinds.fitting.class_metrics import ClassScore, Ranking
from harness.report.verdicts.contributions import contributions
from harness.spec import HarnessError, Objective, Training

TEXTS = [(f"a {'rare' if n % 10 == 0 else 'usual'} text {n}", "b" if n % 10 == 0 else "a")
         for n in range(200)]  # fmt: skip


def made(**options):
    return text_classification.task("films", lambda files: TEXTS, tokens="word", **options)


def batches(classes, count=1000):
    random = np.random.default_rng(0)
    truth = random.choice(classes, count, p=[0.9, *[0.1 / (classes - 1)] * (classes - 1)])
    logits = random.normal(size=(count, classes)).astype("float32")
    logits[np.arange(count), truth] += 1
    return truth, logits


def updated(metric, truth, logits):
    for start in range(0, len(truth), 128):
        metric.update_state(truth[start : start + 128], logits[start : start + 128])
    return float(metric.result())


@pytest.mark.parametrize("classes", [2, 5])
def test_measures_of_classes_are_those_of_scikit_learn(classes):
    truth, logits = batches(classes)
    told = logits.argmax(-1)
    f1 = metrics.f1_score(truth, told, average="macro")
    balanced = metrics.balanced_accuracy_score(truth, told)
    assert updated(ClassScore(classes, "f1_macro"), truth, logits) == pytest.approx(f1, 1e-5)
    found = updated(ClassScore(classes, "balanced_accuracy"), truth, logits)
    assert found == pytest.approx(balanced, 1e-5)
    measured = imbalance.measured(truth, told, logits[:, 0], imbalance.OF_CLASSES)
    assert measured == pytest.approx({"f1_macro": f1, "balanced_accuracy": balanced})


@pytest.mark.parametrize("scale", [1e-2, 1.0, 10.0])
def test_rankings_are_those_of_scikit_learn(scale):
    truth, logits = batches(2)
    logits *= scale
    margin = logits[:, 1] - logits[:, 0]
    area = metrics.roc_auc_score(truth, margin)
    precision = metrics.average_precision_score(truth, margin)
    assert updated(Ranking("roc_auc"), truth, logits) == pytest.approx(area, abs=1e-3)
    found = updated(Ranking("average_precision"), truth, logits)
    assert found == pytest.approx(precision, abs=5e-3)
    measured = imbalance.measured(truth, truth, margin, imbalance.OF_TWO)
    assert measured == pytest.approx({"roc_auc": area, "average_precision": precision})


def test_balanced_weights_are_those_of_scikit_learn_and_of_training_alone():
    data = made(class_weight="balanced").prepare({})
    labels = np.asarray(data.train.y["label"])
    expected = compute_sample_weight("balanced", labels)
    np.testing.assert_allclose(data.train.weight, expected, rtol=1e-6)
    assert data.val.weight is None
    assert data.test.weight is None


def test_a_weight_for_each_class_by_its_name():
    data = made(class_weight={"a": 1, "b": 4}).prepare({})
    labels = np.asarray(data.train.y["label"])
    weight = np.asarray(data.train.weight)
    assert weight[labels == 1][0] == pytest.approx(4 * weight[labels == 0][0])
    assert weight.mean() == pytest.approx(1)
    with pytest.raises(HarnessError, match="class_weight of a; expected a number for each of a, b"):
        made(class_weight={"a": 1}).prepare({})


@pytest.mark.parametrize("weight", ["even", {}, {"a": 0}, {"a": "x"}, 3])
def test_weights_that_are_none_are_refused(weight):
    with pytest.raises(HarnessError, match="class_weight"):
        made(class_weight=weight)


@pytest.mark.parametrize("measure", imbalance.MEASURES)
def test_an_objective_is_reported_scored_and_has_a_floor(measure):
    task = made(objective=measure)
    assert task.objective == Objective(measure, "max")
    data = task.prepare({})
    arguments = task.compile_args(data.spec, Training())
    assert [metric.name for metric in arguments["metrics"]] == ["accuracy", measure]
    assert measure in task.baseline(data)

    tokens = keras.Input((None,), dtype="int32", name="tokens")
    segments = keras.Input((None,), dtype="int32", name="segments")
    known = keras.ops.cast(keras.ops.any(keras.ops.equal(tokens, 7), axis=1), "float32")[:, None]
    label = keras.ops.concatenate([1 - known, known], axis=1)
    model = keras.Model([tokens, segments], {"label": label})
    model.compile(loss=arguments["loss"], metrics={"label": arguments["metrics"]})
    found = task.score(model, data.test, data.assets)
    assert 0 <= found.metrics[measure] <= 1
    told = model.evaluate(dict(data.test.x), dict(data.test.y), verbose=0, return_dict=True)
    (name,) = [name for name in told if name.endswith(measure)]
    assert told[name] == pytest.approx(found.metrics[measure], abs=5e-3)
    # What is kept of each example adds up to it, so that the examples can be resampled.
    kept = found.per_example
    made_of = [float(way.measure(way.parts(kept).mean(axis=0))) for way in contributions(kept)]
    assert found.metrics[measure] in [pytest.approx(value, abs=1e-6) for value in made_of]


def test_an_objective_that_there_is_not_is_refused():
    with pytest.raises(HarnessError, match="objective 'f2'; expected one of accuracy, f1_macro"):
        made(objective="f2")
    task = image_classification.task("x", lambda files: None, objective="roc_auc")
    assert task.objective.metric == "roc_auc"
