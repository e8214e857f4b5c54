"""Image classification: one label for each image, judged by accuracy.

Images are stored as uint8, height x width x channels, 0 to 255.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from harness.kinds.classification import LABEL, baseline, compile_args, score, stratified_holdout
from harness.kinds.files.image_files import read_cifar_batches, read_idx
from harness.kinds.image_classification import IMAGE, flip_and_shift, shift
from harness.spec import DataSpec, Objective, Prepared, Reference, Source, Split, Task, TensorSpec

FASHION_CLASSES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt",
                   "Sneaker", "Bag", "Ankle boot"]  # fmt: skip
CIFAR_CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship",
                 "truck"]  # fmt: skip
CIFAR_FILE = "cifar-10-python.tar.gz"
VALIDATION_IMAGES = 5_000


def prepare_digits(files: Mapping[str, Path]) -> Prepared:
    """scikit-learn's 1,797 digits: 60 % to train, 20 % to validate, 20 % to test, stratified.

    The 17 grey levels 0 to 16 become the nearest of 256, as `round(15.9375 * level)`.
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.rint(digits.images * 15.9375).astype("uint8")[..., None]
    rest, test = stratified_holdout(digits.target, held_out=360)
    train, val = stratified_holdout(digits.target[rest], held_out=360)
    cuts = {"train": rest[train], "val": rest[val], "test": test}
    splits = {name: _split(images[cut], digits.target[cut]) for name, cut in cuts.items()}
    return _prepared([str(digit) for digit in range(10)], **splits)


def prepare_fashion_mnist(files: Mapping[str, Path]) -> Prepared:
    """Fashion-MNIST, 28 x 28 grey: 5,000 training images validate; the official test split."""
    images = read_idx(files["train-images-idx3-ubyte.gz"])[..., None]
    labels = read_idx(files["train-labels-idx1-ubyte.gz"])
    test = _split(
        read_idx(files["t10k-images-idx3-ubyte.gz"])[..., None],
        read_idx(files["t10k-labels-idx1-ubyte.gz"]),
    )
    return _with_validation(FASHION_CLASSES, images, labels, test)


def prepare_cifar10(files: Mapping[str, Path]) -> Prepared:
    """CIFAR-10, 32 x 32 colour: 5,000 training images validate; the official test split."""
    archive = files[CIFAR_FILE]
    batches = [f"data_batch_{number}" for number in range(1, 6)]
    images, labels = read_cifar_batches(archive, batches)
    test = _split(*read_cifar_batches(archive, ["test_batch"]))
    return _with_validation(CIFAR_CLASSES, images, labels, test)


def _with_validation(
    classes: list[str], images: np.ndarray, labels: np.ndarray, test: Split
) -> Prepared:
    train, val = stratified_holdout(labels, VALIDATION_IMAGES)
    return _prepared(
        classes,
        train=_split(images[train], labels[train]),
        val=_split(images[val], labels[val]),
        test=test,
    )


def _split(images: np.ndarray, labels: np.ndarray) -> Split:
    return Split(x={IMAGE: images}, y={LABEL: labels.astype("uint8")})


def _prepared(classes: list[str], train: Split, val: Split, test: Split) -> Prepared:
    images = train.x[IMAGE]
    spec = DataSpec(
        inputs={IMAGE: TensorSpec(images.shape[1:], "uint8")},
        outputs={LABEL: TensorSpec((), "uint8", size=len(classes))},
        kind="image_classification",
    )
    return Prepared(spec, train, val, test, assets={"classes": classes})


def _fashion_source(file: str, sha256: str) -> Source:
    address = f"https://storage.googleapis.com/tensorflow/tf-keras-datasets/{file}"
    return Source("fashion-mnist", file, address, sha256)


digits = Task(
    name="digits",
    kind="image_classification",
    objective=Objective("accuracy", "max"),
    prepare=prepare_digits,
    compile_args=compile_args,
    score=score,
    baseline=baseline,
    augment=shift,
    licence="CC BY 4.0 (UCI Optical Recognition of Handwritten Digits)",
    # No figure is published on this split.
    reference=None,
)

fashion_mnist = Task(
    name="fashion_mnist",
    kind="image_classification",
    objective=Objective("accuracy", "max"),
    prepare=prepare_fashion_mnist,
    compile_args=compile_args,
    score=score,
    baseline=baseline,
    augment=flip_and_shift,
    sources=(
        _fashion_source(
            "train-images-idx3-ubyte.gz",
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
        _fashion_source(
            "train-labels-idx1-ubyte.gz",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        ),
        _fashion_source(
            "t10k-images-idx3-ubyte.gz",
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        ),
        _fashion_source(
            "t10k-labels-idx1-ubyte.gz",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    ),
    licence="MIT",
    reference=Reference(0.949, "ResNet-18, README of zalandoresearch/fashion-mnist"),
)

cifar10 = Task(
    name="cifar10",
    kind="image_classification",
    objective=Objective("accuracy", "max"),
    prepare=prepare_cifar10,
    compile_args=compile_args,
    score=score,
    baseline=baseline,
    augment=flip_and_shift,
    sources=(
        Source(
            "cifar-10",
            CIFAR_FILE,
            f"https://www.cs.toronto.edu/~kriz/{CIFAR_FILE}",
            "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
        ),
    ),
    licence="none stated; its authors ask to cite Krizhevsky 2009",
    reference=Reference(0.9125, "ResNet-20, He et al. 2016, arXiv:1512.03385, table 6"),
)
