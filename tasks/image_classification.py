"""Image classification: one label for each image, judged by accuracy.

Images are stored as uint8, height x width x channels, 0 to 255.
"""

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np

from harness.kinds import image_classification
from harness.kinds.files.image_files import read_cifar_batches, read_idx
from harness.kinds.image_classification import flip_and_shift, stratified_holdout
from harness.spec import Reference, Source

Splits: TypeAlias = Mapping[str, tuple[np.ndarray, np.ndarray]]
FASHION_CLASSES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt",
                   "Sneaker", "Bag", "Ankle boot"]  # fmt: skip
CIFAR_CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship",
                 "truck"]  # fmt: skip
FASHION_FILES = {
    "train-images-idx3": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}
CIFAR_FILE = "cifar-10-python.tar.gz"
VALIDATION_IMAGES = 5_000
CANVAS = 16
"""Pixels on a side of an image of `shifted_digits`."""
PLACES = 4
"""Images of each training digit there."""


def prepare_digits(files: Mapping[str, Path]) -> Splits:
    """scikit-learn's 1,797 digits: 60 % to train, 20 % to validate, 20 % to test, stratified.

    The 17 grey levels 0 to 16 become the nearest of 256.
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    rest, test = stratified_holdout(digits.target, held_out=360)
    train, val = stratified_holdout(digits.target[rest], held_out=360)
    cuts = {"train": rest[train], "val": rest[val], "test": test}
    return {name: (digits.images[cut] / 16, digits.target[cut]) for name, cut in cuts.items()}


def prepare_shifted_digits(files: Mapping[str, Path]) -> Splits:
    """The digits of `digits`, each somewhere on an empty image of twice its height and width.

    Where it stands is drawn anew for every image, so that a network has to know a digit wherever it
    is: a small form of the translated MNIST of Jaderberg et al. 2015, arXiv:1506.02025.
    Each training digit is there at several places, those of validation and test at one.
    """
    random = np.random.default_rng(0)
    splits = {}
    for name, (images, labels) in prepare_digits(files).items():
        times = PLACES if name == "train" else 1
        images, labels = np.repeat(images, times, axis=0), np.repeat(labels, times)
        height, width = images.shape[1:]
        canvases = np.zeros((len(images), CANVAS, CANVAS))
        tops = random.integers(0, CANVAS - height, len(images), endpoint=True)
        lefts = random.integers(0, CANVAS - width, len(images), endpoint=True)
        for canvas, image, top, left in zip(canvases, images, tops, lefts, strict=True):
            canvas[top : top + height, left : left + width] = image
        splits[name] = (canvases, labels)
    return splits


def prepare_fashion_mnist(files: Mapping[str, Path]) -> Splits:
    """Fashion-MNIST, 28 x 28 grey: 5,000 training images validate; the official test split."""

    def read(split: str) -> tuple[np.ndarray, np.ndarray]:
        images, labels = (f"{split}-{kind}-ubyte.gz" for kind in ("images-idx3", "labels-idx1"))
        return read_idx(files[images]), read_idx(files[labels])

    train, test = read("train"), read("t10k")
    return {**_with_validation(*train), "test": test}


def prepare_cifar10(files: Mapping[str, Path]) -> Splits:
    """CIFAR-10, 32 x 32 colour: 5,000 training images validate; the official test split."""
    archive = files[CIFAR_FILE]
    batches = [f"data_batch_{number}" for number in range(1, 6)]
    train = read_cifar_batches(archive, batches)
    return {**_with_validation(*train), "test": read_cifar_batches(archive, ["test_batch"])}


def _with_validation(images: np.ndarray, labels: np.ndarray) -> Splits:
    train, val = stratified_holdout(labels, VALIDATION_IMAGES)
    return {"train": (images[train], labels[train]), "val": (images[val], labels[val])}


def _fashion_source(name: str, sha256: str) -> Source:
    file = f"{name}-ubyte.gz"
    address = f"https://storage.googleapis.com/tensorflow/tf-keras-datasets/{file}"
    return Source("fashion-mnist", file, address, sha256)


digits = image_classification.task(
    "digits",
    prepare_digits,
    licence="CC BY 4.0 (UCI Optical Recognition of Handwritten Digits)",
    # No figure is published on this split.
    reference=None,
)

shifted_digits = image_classification.task(
    "shifted_digits",
    prepare_shifted_digits,
    licence=digits.licence,
    # No figure is published on these images.
    reference=None,
)

fashion_mnist = image_classification.task(
    "fashion_mnist",
    prepare_fashion_mnist,
    classes=FASHION_CLASSES,
    augment=flip_and_shift,
    sources=tuple(itertools.starmap(_fashion_source, FASHION_FILES.items())),
    licence="MIT",
    reference=Reference(0.949, "ResNet-18, README of zalandoresearch/fashion-mnist"),
)

cifar10 = image_classification.task(
    "cifar10",
    prepare_cifar10,
    classes=CIFAR_CLASSES,
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
