"""What is wrong with a declaration, a model or a score is one line: found, and expected."""

import dataclasses

import numpy as np
import pytest

from harness import contract
from harness.spec import DataSpec, Objective, Score, TensorSpec
from tests.hostile.hostile.spaces import good
from tests.hostile.hostile.tasks import blobs

SPEC = blobs.prepare({}).spec


@pytest.mark.parametrize(
    "change, said",
    [
        ({"objective": Objective("accuracy", "maximize")},
         "objective 'accuracy' has the direction 'maximize'; expected 'max' or 'min'"),
        ({"objective": Objective("val_accuracy", "max")},
         "objective is 'val_accuracy'; expected the name alone, 'accuracy'"),
        ({"measure": Objective("test_f1", "max")},
         "measure is 'test_f1'; expected the name alone, 'f1'"),
        ({"objective": "accuracy"},
         "objective is 'accuracy'; expected an Objective(metric, direction)"),
        ({"kind": "images"}, "kind is 'images'; expected one of image_classification, "),
        ({"score": None}, "score is None; expected a function"),
        ({"batch_sizes": 32}, "batch_sizes is 32; expected a tuple of positive integers"),
        ({"learning_rate": 0}, "learning_rate is 0; expected a positive number"),
    ],
)  # fmt: skip
def test_a_task_is_looked_at_as_it_stands(change, said):
    (fault,) = contract.task_faults(dataclasses.replace(blobs, **change))
    assert fault.startswith(f"task 'blobs': {said}")


def test_a_sound_task_and_a_sound_space_have_no_fault():
    assert [*contract.task_faults(blobs), *contract.space_faults(good)] == []


@pytest.mark.parametrize(
    "change, said",
    [
        ({"kinds": "image_classification"},
         "kinds is 'image_classification'; expected a tuple of kinds"),
        ({"kinds": ("images",)}, "a kind is 'images'; expected one of image_classification, "),
        ({"build": 3}, "build is 3; expected a function"),
    ],
)  # fmt: skip
def test_a_space_is_looked_at_as_it_stands(change, said):
    (fault,) = contract.space_faults(dataclasses.replace(good, **change))
    assert fault.startswith(f"search space 'good': {said}")


@pytest.mark.parametrize(
    "value, said",
    [
        ({"accuracy": 1.0}, "returned a dict; expected harness.Score(metrics)"),
        (Score({"f1": 0.5}), "gives 'f1'; expected 'accuracy' among them"),
        (Score({"accuracy": "0.5"}), "gives 'accuracy' as '0.5'; expected a number"),
        (Score({"accuracy": np.zeros(3)}), "gives 'accuracy' as an array of shape (3,); expected"),
        (Score({"accuracy": 1.0}, {"correct": 1}), "gives 'correct' per example as 1; expected an"),
    ],
)
def test_a_score_is_numbers_by_name(value, said):
    (fault,) = contract.score_faults(blobs, value)
    assert fault.startswith(f"task 'blobs': score {said}")


@pytest.mark.parametrize("value", [1, 0.5, np.float32(0.5), np.zeros(()), float("nan")])
def test_what_is_a_number_is_one(value):
    assert [*contract.score_faults(blobs, Score({"accuracy": value}))] == []


def test_an_objective_is_one_of_what_is_reported():
    (fault,) = contract.log_faults("blobs", Objective("acc", "max"), ["loss", "accuracy"])
    assert fault == (
        "task 'blobs': its objective is 'acc'; expected one of what its models report, "
        "'accuracy', 'loss'"
    )
    assert [*contract.log_faults("blobs", blobs.objective, ["loss", "accuracy"])] == []


def test_an_input_that_is_not_there_is_named_with_those_that_are():
    spec = contract.speaking(SPEC)
    assert spec.inputs["image"] == SPEC.inputs["image"]
    assert dict(spec.outputs) == dict(SPEC.outputs)
    with pytest.raises(KeyError) as caught:
        spec.inputs["tokens"]
    assert str(caught.value) == "the task has no input 'tokens'; it has 'image'"
    assert spec.inputs.get("tokens") is None


def models():
    import keras

    image = keras.Input((4, 4, 1), name="image")
    x = keras.layers.Flatten()(image)
    two, three, one = (keras.layers.Dense(width)(x) for width in (2, 3, 1))
    other = keras.Input((4, 4, 1), name="picture")
    return [
        (keras.Model({"image": image}, {"label": two}), None),
        (keras.Model({"image": image}, {"label": one}), None),  # one logit for two classes
        (keras.Model(image, two), "its model returns one tensor; expected its outputs by name"),
        (keras.Model(image, [two, one]), "its model returns a list; expected its outputs by name"),
        (keras.Model(image, {"class": two}), "its model returns 'class'; expected {'label': ...}"),
        (keras.Model(image, {"label": three}), "output 'label' has the shape (None, 3); expected"),
        (keras.Model({"picture": other}, {"label": keras.layers.Flatten()(other)}),
         "its model asks for 'picture'; expected no inputs but 'image'"),
    ]  # fmt: skip


def test_a_model_takes_and_gives_by_name():
    for model, said in models():
        found = [*contract.model_faults(good, "blobs", model, SPEC)]
        expected = [] if said is None else [f"search space 'good', on task 'blobs': {said}"]
        assert [fault[: len(e)] for fault, e in zip(found, expected, strict=True)] == expected


def test_kinds_without_a_contract_have_shapes_of_their_own():
    import keras

    boxes = TensorSpec((5, 4), "float32")
    spec = DataSpec(SPEC.inputs, {"boxes": boxes}, "object_detection")
    image = keras.Input((4, 4, 1), name="image")
    model = keras.Model(image, {"boxes": keras.layers.Flatten()(image)})
    assert [*contract.model_faults(good, "blobs", model, spec)] == []
