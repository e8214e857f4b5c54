"""Image classification from raw images: told apart, scaled, refused in one line."""

import json
from dataclasses import replace

import numpy as np
import pytest

from harness import kinds
from harness.data.validate import validate
from harness.kinds import image_classification
from harness.spec import HarnessError, Objective, TensorSpec

CLASSES = ["low", "high"]


def images(count=40, shape=(6, 5), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape)).astype("uint8")


def labels(count=40):
    return np.arange(count) % 2


def data(pixels, of=None, **options):
    of = labels(len(pixels)) if of is None else of
    task = image_classification.task("t", lambda files: (pixels, of), **options)
    prepared = task.prepare({})
    validate(task, prepared)
    return prepared


def refusal(pixels, of=None, **options):
    with pytest.raises(HarnessError) as error:
        data(pixels, of, **options)
    return str(error.value)


def test_a_task_is_made_of_images_and_labels():
    def prepare(files):
        return images(), labels()

    task = image_classification.task("t", prepare, classes=CLASSES)
    assert (task.kind, task.objective) == ("image_classification", Objective("accuracy", "max"))
    assert task.augment is image_classification.shift
    assert kinds.author(task.prepare) is prepare
    prepared = task.prepare({})
    validate(task, prepared)
    assert prepared.spec.inputs == {"image": TensorSpec((6, 5, 1), "uint8")}
    assert prepared.spec.outputs == {"label": TensorSpec((), "uint8", size=2)}
    assert prepared.assets == {"classes": CLASSES}
    assert [len(part) for part in (prepared.train, prepared.val, prepared.test)] == [32, 4, 4]
    assert prepared.val.y["label"].sum() == 2
    assert 0 <= task.baseline(prepared)["accuracy"] <= 1


def test_each_part_can_be_replaced():
    made = image_classification.task(
        "t", len, augment=None, batch_sizes=(8,), objective=Objective("loss", "min"), version=3
    )
    assert (made.augment, made.batch_sizes, made.version) == (None, (8,), 3)
    assert made.objective == Objective("loss", "min")
    with pytest.raises(HarnessError, match="has no 'augmnt'; did you mean 'augment'"):
        image_classification.task("t", len, augmnt=None)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_images_have_any_size_and_one_three_or_four_channels(channels):
    pixels = images(shape=(7, 4, channels))
    prepared = data(pixels)
    assert prepared.spec.inputs["image"].shape == (7, 4, channels)
    assert prepared.train.x["image"].dtype == np.uint8
    whole = [part.x["image"] for part in (prepared.train, prepared.val, prepared.test)]
    assert sorted(map(bytes, np.concatenate(whole))) == sorted(map(bytes, pixels))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_floats_become_the_levels_they_came_from(dtype):
    pixels = images()
    np.testing.assert_array_equal(
        data((pixels / 255).astype(dtype)).train.x["image"], data(pixels).train.x["image"]
    )


def test_bytes_and_floats_may_stand_in_different_splits():
    pixels = images()
    splits = {"train": (pixels, labels()), "later": (list(pixels[:4] / 255.0), [0, 1, 1, 0])}
    prepared = image_classification.task("t", lambda files: splits).prepare({})
    np.testing.assert_array_equal(prepared.further["later"].x["image"][..., 0], pixels[:4])


def test_labels_may_be_names():
    names = np.array(["b", "a"])[labels()]
    assert data(images(), names).assets["classes"] == ["a", "b"]
    ordered = data(images(), names, classes=["b", "a"])
    assert ordered.assets["classes"] == ["b", "a"]


def test_more_than_256_classes_need_more_than_a_byte():
    of = np.arange(900) % 300
    assert data(images(900), of).spec.outputs["label"] == TensorSpec((), "int32", size=300)


@pytest.mark.parametrize(
    "pixels, said",
    [
        (images() / 1.0, "task 't', train: images of floats, 0 to 255; expected floats"),
        (images() / 127.5 - 1, "train: images of floats, -1 to 1; expected floats 0 to 1"),
        (images() / 200.0, "train: images of floats, 0 to 1.275; expected floats 0 to 1"),
        (np.where(images() > 254, np.nan, 0.5), "an image with NaN or infinity"),
        (np.full((40, 6, 5), 9, "uint8"), "within each image all pixels are the same"),
        (np.zeros((40, 6, 5)), "within each image all pixels are the same"),
        ((images() / 255).astype("uint8"), "no other value than 0 and 1 of 255"),
        (images() / 255.0 / 255.0, "no other value than 0 and 1 of 255"),
        (images().astype("int64"), "images of type int64, 0 to 255; expected uint8"),
        (images() > 100, "images of type bool, 0 to 1; expected uint8"),
        (images(shape=(3, 8, 8)), "channels come first"),
        (images(shape=(8, 8, 2)), "(40, 8, 8, 2); expected (examples, height, width)"),
        (images(shape=(8,)), "images of shape (40, 8); expected (examples, height, width)"),
        ([*images(39), np.zeros((9, 9), "uint8")], "an image of 9 x 9; expected 6 x 5"),
        (np.array([["a"]] * 40), "images of type <U1; expected arrays of numbers"),
        ([*images(39), None], "row 39: found None; expected an image, an array of numbers"),
        (["a.png"] * 40, "row 0: found 'a.png'; expected an image, an array of numbers"),
    ],
)  # fmt: skip
def test_images_that_would_be_misread_are_one_line(pixels, said):
    task = image_classification.task("t", lambda files: (pixels, labels(len(pixels))))
    with pytest.raises(HarnessError) as error:
        task.prepare({})
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_splits_must_have_one_size():
    splits = {"train": (images(), labels()), "test": (images(4, (5, 5)), labels(4))}
    with pytest.raises(HarnessError, match="test: images of 5 x 5 x 1; expected 6 x 5 x 1, as in"):
        image_classification.task("t", lambda files: splits).prepare({})


def test_a_label_out_of_range_is_named_with_its_split_and_row():
    of = labels()
    of[7] = 2
    splits = {"train": (images(), labels()), "test": (images(), of)}
    task = image_classification.task("t", lambda files: splits, classes=CLASSES)
    with pytest.raises(HarnessError, match="'t', test, row 7: label 2 is no class; expected 0 to"):
        task.prepare({})
    assert "labels of shape (40, 2)" in refusal(images(), np.eye(2)[labels()])


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_a_label_that_is_missing_is_named_with_its_row(missing):
    of = [*map(float, labels()[:-1]), missing]  # as pandas makes of integers with a gap
    assert refusal(images(), of) == (
        f"task 't', train, row 39: label {missing}; expected a string or an integer, as all of them"
    )


def test_raw_images_are_encoded_as_in_training():
    pixels = images()
    prepared = data(pixels)
    encode = image_classification.encode
    for raw in (pixels, list(pixels), pixels[..., None], pixels / 255, pixels.tolist()):
        found = encode(raw, prepared.spec, prepared.assets)
        assert found["image"].dtype == np.uint8
        np.testing.assert_array_equal(found["image"], pixels[..., None])
    # A dark image of JSON is one of bytes, too.
    dark = encode(np.ones((1, 6, 5), "int64"), prepared.spec, prepared.assets)
    assert dark["image"].max() == 1


@pytest.mark.parametrize(
    "raw, said",
    [
        (images(shape=(5, 5)), "input: images of 5 x 5 x 1; expected 6 x 5 x 1"),
        (images().astype("int32") * 2, "input: images of 0 to 510; expected 0 to 255"),
        (
            images().astype("float32"),
            "input: images of floats, 0 to 255; expected floats 0 to 1 or uint8 0 to 255",
        ),
        ([], "input: no images; expected at least one"),
    ],
)
def test_other_images_are_not_encoded(raw, said):
    prepared = data(images())
    with pytest.raises(HarnessError) as error:
        image_classification.encode(raw, prepared.spec, prepared.assets)
    assert str(error.value) == said


def test_floats_of_a_task_of_ones_own_stay_floats():
    prepared = data(images())
    spec = replace(prepared.spec, inputs={"image": TensorSpec((6, 5, 1), "float32")})
    found = image_classification.encode(images() / 255, spec, {})["image"]
    np.testing.assert_allclose(found[..., 0], images() / 255, rtol=1e-6)
    np.testing.assert_allclose(image_classification.encode(images(), spec, {})["image"], found)


def test_an_answer_can_be_written_as_json():
    prepared = data(images(), classes=CLASSES)
    answers = image_classification.decode(
        {"label": np.array([[0.0, 1.0]], "float32")}, prepared.spec, prepared.assets
    )
    assert json.loads(json.dumps(answers))[0]["label"] == "high"
