"""Image classification: its data, its scores, its loss, its architectures."""

import gzip
import io
import pickle
import struct
import tarfile
from typing import ClassVar

import keras
import keras_tuner
import numpy as np
import pytest
from harness.tasks.image_classification import cifar10, digits, fashion_mnist, shifted_digits
from sklearn.metrics import log_loss

from harness import registry
from harness.data import cache
from harness.kinds import classification
from harness.kinds.files import image_files
from harness.spec import DataSpec, HarnessError, Split, TensorSpec, Training

SPACES = ["cnn", "mlp", "resnet", "vit"]
SHAPES = [(8, 8, 1), (28, 28, 1), (32, 32, 3)]


def image_spec(shape, classes=10):
    return DataSpec(
        {"image": TensorSpec(shape, "uint8")},
        {"label": TensorSpec((), "uint8", size=classes)},
        "image_classification",
    )


# --- data -------------------------------------------------------------------------


def test_digits_are_three_stratified_parts_of_the_whole():
    data = cache.load(digits)
    assert [len(data.train), len(data.val), len(data.test)] == [1077, 360, 360]
    assert data.train.x["image"].shape[1:] == (8, 8, 1)
    assert data.train.x["image"].min() == 0
    assert data.train.x["image"].max() == 255
    for split in (data.train, data.val, data.test):
        shares = np.bincount(split.y["label"]) / len(split)
        np.testing.assert_allclose(shares, 0.1, atol=0.01)


def test_shifted_digits_are_the_same_digits_anywhere():
    whole, shifted = cache.load(digits), cache.load(shifted_digits)
    for name, times in (("train", 4), ("val", 1), ("test", 1)):
        before, after = getattr(whole, name), getattr(shifted, name)
        np.testing.assert_array_equal(after.y["label"], np.repeat(before.y["label"], times))
        places = set()
        for old, new in zip(before.x["image"], after.x["image"][::times], strict=True):
            (rows, columns), (ink_rows, ink_columns) = (
                np.nonzero(image[..., 0]) for image in (new, old)
            )
            place = rows.min() - ink_rows.min(), columns.min() - ink_columns.min()
            moved = np.zeros_like(new)
            moved[ink_rows + place[0], ink_columns + place[1]] = old[ink_rows, ink_columns]
            np.testing.assert_array_equal(new, moved)
            places.add(place)
        assert len(places) > 70, "81 places are possible"


def idx(array):
    header = b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(header + array.astype("uint8").tobytes())


def test_fashion_mnist_keeps_the_official_test_split(tmp_path):
    rng = np.random.default_rng(0)
    files = {}
    for split, count in {"train": 6000, "t10k": 40}.items():
        labels = np.arange(count) % 10
        images = rng.integers(0, 256, (count, 28, 28))
        for kind, array in {"images-idx3": images, "labels-idx1": labels}.items():
            files[f"{split}-{kind}-ubyte.gz"] = tmp_path / f"{split}-{kind}"
            files[f"{split}-{kind}-ubyte.gz"].write_bytes(idx(array))
    assert set(files) == {source.file for source in fashion_mnist.sources}
    data = fashion_mnist.prepare(files)
    assert [len(data.train), len(data.val), len(data.test)] == [1000, 5000, 40]
    np.testing.assert_array_equal(data.test.y["label"], np.arange(40) % 10)
    np.testing.assert_array_equal(np.bincount(data.val.y["label"]), [500] * 10)


def test_a_file_that_is_not_idx_is_refused(tmp_path):
    path = tmp_path / "labels.gz"
    path.write_bytes(gzip.compress(b"\0\0\x08\x01" + struct.pack(">I", 5) + b"four"))
    with pytest.raises(HarnessError, match="not an idx file"):
        image_files.read_idx(path)


class Python2Pickler(pickle._Pickler):
    """Writes pickles as Python 2 wrote the archive: byte strings and the old NumPy names."""

    def _save_bytes(self, value):
        self.write(pickle.BINSTRING + struct.pack("<i", len(value)) + value)

    dispatch: ClassVar = {**pickle._Pickler.dispatch, bytes: _save_bytes}


def cifar_archive(path, batches):
    with tarfile.open(path, "w:gz") as archive:
        for name, batch in batches.items():
            stream = io.BytesIO()
            Python2Pickler(stream, protocol=2).dump(batch)
            content = stream.getvalue().replace(b"numpy._core.multi", b"numpy.core.multi")
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def cifar_batch(count, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (count, 3072)).astype("uint8")
    return {b"data": pixels, b"labels": [i % 10 for i in range(count)], b"batch_label": b"demo"}


def test_cifar10_is_read_from_its_archive(tmp_path):
    batches = {f"data_batch_{i}": cifar_batch(1200, i) for i in range(1, 6)}
    batches["test_batch"] = cifar_batch(30, 6)
    path = cifar_archive(tmp_path / "cifar.tar.gz", batches)
    data = cifar10.prepare({cifar10.sources[0].file: path})
    assert [len(data.train), len(data.val), len(data.test)] == [1000, 5000, 30]
    assert data.assets["classes"][3] == "cat"
    # A row holds the red, then the green, then the blue plane.
    row = batches["test_batch"][b"data"][7]
    image = data.test.x["image"][7]
    assert image[0, 1].tolist() == [row[1], row[1024 + 1], row[2048 + 1]]
    assert image[2, 0, 0] == row[64]


def test_an_archive_that_names_other_objects_is_refused(tmp_path):
    path = cifar_archive(tmp_path / "cifar.tar.gz", {"test_batch": {b"data": io.BytesIO}})
    with pytest.raises(HarnessError, match=r"refuses to load .*io\.BytesIO"):
        image_files.read_cifar_batches(path, ["test_batch"])


def test_an_archive_without_a_batch_is_refused(tmp_path):
    path = cifar_archive(tmp_path / "cifar.tar.gz", {"test_batch": cifar_batch(3, 0)})
    with pytest.raises(HarnessError, match="no batch 'data_batch_1'"):
        image_files.read_cifar_batches(path, ["data_batch_1"])


# --- scores -----------------------------------------------------------------------


class Fixed:
    """A model that always answers with the same logits."""

    def __init__(self, logits):
        self.logits = np.asarray(logits, "float32")

    def predict(self, x, **options):
        return {"label": self.logits}


def test_scores_are_scikit_learns():
    logits = np.random.default_rng(0).normal(size=(50, 3))
    labels = np.arange(50, dtype="uint8") % 3
    split = Split({"image": np.zeros((50, 2, 2, 1), "uint8")}, {"label": labels})
    score = classification.score(Fixed(logits), split, {})
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    assert score.metrics["log_loss"] == pytest.approx(log_loss(labels, probabilities), rel=1e-5)
    assert score.metrics["accuracy"] == np.mean(logits.argmax(-1) == labels)
    assert score.metrics["accuracy"] == score.per_example["correct"].mean()
    np.testing.assert_array_equal(score.per_example["prediction"], logits.argmax(-1))


def test_the_baseline_is_the_commonest_class():
    metrics = digits.baseline(cache.load(digits))
    assert metrics["accuracy"] == pytest.approx(0.1, abs=0.005)
    assert metrics["log_loss"] == pytest.approx(np.log(10), abs=0.01)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_label_smoothing_is_the_one_of_one_hot_labels(smoothing):
    loss = classification.compile_args(
        image_spec((8, 8, 1), classes=3), Training(label_smoothing=smoothing)
    )["loss"]
    logits = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    labels = np.array([0, 1, 2, 1, 0], "uint8")
    expected = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)
    wanted = float(expected(keras.ops.one_hot(labels, 3), logits))
    assert float(loss(labels, logits)) == pytest.approx(wanted, rel=1e-5)
    assert float(loss(labels[:, None], logits)) == pytest.approx(wanted, rel=1e-5)
    rebuilt = type(loss).from_config(loss.get_config())
    assert float(rebuilt(labels, logits)) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("task", [digits, fashion_mnist, cifar10], ids=lambda task: task.name)
def test_augmentation_changes_training_images_only(task):
    keras.utils.set_random_seed(0)
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 1)).astype("float32")
    trained = images
    for layer in task.augment(image_spec((32, 32, 1))):
        np.testing.assert_array_equal(layer(images, training=False), images)
        trained = layer(trained, training=True)
    assert trained.shape == images.shape
    assert not np.array_equal(trained, images)


def test_digits_are_never_mirrored():
    names = [type(layer).__name__ for layer in digits.augment(image_spec((8, 8, 1)))]
    assert names == ["RandomTranslation"]


# --- architectures ----------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", SPACES)
def test_architectures_fit_every_image_size(name, shape):
    space = registry.space(name)
    config = space.sample(keras_tuner.HyperParameters(), "image_classification")
    model = space.build(config, image_spec(shape, classes=7))
    images = np.zeros((2, *shape), "uint8")
    assert model({"image": images})["label"].shape == (2, 7)
    assert model.count_params() < 2_000_000


def test_conditional_hyperparameters_have_no_value_when_they_do_not_apply():
    hp = keras_tuner.HyperParameters()
    hp.values["head"] = "average"
    assert registry.space("cnn").sample(hp, "image_classification").units is None


def test_a_cnn_learns_the_digits():
    data = cache.load(digits)
    space = registry.space("cnn")
    keras.utils.set_random_seed(0)
    config = space.sample(keras_tuner.HyperParameters(), "image_classification")
    model = space.build(config, data.spec)
    compile_args = digits.compile_args(data.spec, Training())
    model.compile(keras.optimizers.AdamW(2e-3), jit_compile=False, **compile_args)
    logs = model.fit(
        dict(data.train.x),
        dict(data.train.y),
        validation_data=(dict(data.val.x), dict(data.val.y)),
        epochs=5,
        batch_size=32,
        verbose=0,
    ).history
    assert set(logs) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    score = digits.score(model, data.test, data.assets)
    assert score.metrics["accuracy"] > 0.93
