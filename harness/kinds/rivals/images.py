"""Images classified without a network: logistic regression on pixels, or on their gradients."""

import numpy as np

from harness.kinds.classification import LABEL
from harness.kinds.rivals.linear import answered, logistic_regression
from harness.spec import Prepared, Score

PIXELS = 32
"""Pixels along a side at most that are told one by one: larger images are averaged down."""
SIDE = 64
"""Likewise of images whose gradients are taken."""
CELLS, ANGLES = 7, 9
"""Cells along a side of a histogram of gradients, about; directions that are told apart."""
CHUNK = 1000
"""Images that are worked on at once."""


def image_rival(prepared: Prepared) -> dict[str, Score]:
    """Test scores of the better of two, by accuracy on validation; none of a single class.

    `logistic_regression_on_pixels`: on the pixels as they are. `logistic_regression_on_gradients`:
    on histograms of oriented gradients (Dalal and Triggs 2005, "Histograms of oriented gradients
    for human detection", CVPR).
    """
    splits = {"train": prepared.train, "val": prepared.val, "test": prepared.test}
    labels = {name: np.asarray(split.y[LABEL], "int64") for name, split in splits.items()}
    if len(np.unique(labels["train"])) < 2:
        return {}
    (image,) = prepared.spec.inputs
    classes = prepared.spec.outputs[LABEL].size or int(labels["train"].max()) + 1
    features = {
        "logistic_regression_on_pixels": pixel_values,
        "logistic_regression_on_gradients": gradient_histograms,
    }
    fitted = {
        name: logistic_regression(
            {split: function(np.asarray(part.x[image])) for split, part in splits.items()},
            labels,
            classes,
            weight=prepared.train.weight,
        )
        for name, function in features.items()
    }
    best = max(fitted, key=lambda name: fitted[name])
    return {best: answered(labels["test"], fitted[best])}


def pixel_values(images: np.ndarray) -> np.ndarray:
    """Pixels of images (examples, height, width, channels), float32 about 0, one row each."""
    parts = [
        _averaged(images[first : first + CHUNK], PIXELS) for first in range(0, len(images), CHUNK)
    ]
    values = np.concatenate(parts)
    return values.reshape(len(values), -1) - np.float32(0.5)


def gradient_histograms(images: np.ndarray) -> np.ndarray:
    """Histograms of oriented gradients of images (examples, height, width, channels).

    Of every pixel the gradient of the channel that changes most counts, by its length, for the two
    nearest of nine directions without sign; cells are normalised in blocks of two by two, cut at
    0.2 and normalised again.

    Returns:
        Float32 of shape (examples, features).
    """
    parts = [_histograms(images[first : first + CHUNK]) for first in range(0, len(images), CHUNK)]
    return np.concatenate(parts)


def _averaged(images: np.ndarray, side: int) -> np.ndarray:
    """Values 0 to 1, averaged over squares of pixels so that no side is longer than `side`."""
    array = np.asarray(images)
    scale = np.float32(255 if array.dtype.kind in "iu" else 1)
    array = array.astype("float32") / scale
    step = -(-max(array.shape[1:3]) // side)
    if step == 1:
        return array
    height, width = (max(1, size // step) for size in array.shape[1:3])
    rows = np.add.reduceat(array, np.arange(height) * step, axis=1)
    found = np.add.reduceat(rows, np.arange(width) * step, axis=2)
    return found / np.float32(step * step)


def _histograms(images: np.ndarray) -> np.ndarray:
    values = _averaged(images, SIDE)
    examples, height, width, _ = values.shape
    down, across = np.zeros_like(values), np.zeros_like(values)
    down[:, 1:-1] = values[:, 2:] - values[:, :-2]
    across[:, :, 1:-1] = values[:, :, 2:] - values[:, :, :-2]
    strongest = (down**2 + across**2).argmax(axis=-1)[..., None]
    down, across = (np.take_along_axis(g, strongest, axis=-1)[..., 0] for g in (down, across))
    length = np.hypot(down, across)
    place = np.mod(np.arctan2(down, across), np.pi) / np.pi * ANGLES
    lower = np.floor(place).astype(int) % ANGLES
    share = (place - np.floor(place)).astype("float32")
    edges = [_edges(size) for size in (height, width)]
    cells = np.empty((examples, len(edges[0]), len(edges[1]), ANGLES), "float32")
    for angle in range(ANGLES):
        weight = length * ((lower == angle) * (1 - share) + ((lower + 1) % ANGLES == angle) * share)
        rows = np.add.reduceat(weight, edges[0], axis=1)
        cells[..., angle] = np.add.reduceat(rows, edges[1], axis=2)
    return _normalised(cells).reshape(examples, -1)


def _edges(size: int) -> np.ndarray:
    """Where the cells along a side begin, each of two pixels or more."""
    count = max(1, min(CELLS, size // 2))
    return np.arange(count) * size // count


def _normalised(cells: np.ndarray) -> np.ndarray:
    """Blocks of two by two cells; of a single row or column, of fewer."""
    down, across = (min(2, size) for size in cells.shape[1:3])
    views = np.lib.stride_tricks.sliding_window_view(cells, (down, across), axis=(1, 2))
    blocks = views.reshape(*views.shape[:3], -1)
    for cut in (0.2, 1.0):
        size = np.sqrt((blocks**2).sum(axis=-1, keepdims=True) + 1e-6)
        blocks = np.minimum(blocks / size, cut)
    return np.asarray(blocks, "float32")
