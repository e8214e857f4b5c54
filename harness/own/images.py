"""Images in files, read by Pillow: in a folder for each class, or named by a table."""

import statistics
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.own import tables
from harness.own.description import LARGEST_IMAGE, Data
from harness.own.places import IMAGES, Place
from harness.own.rows import labelled, no_columns, table_rows
from harness.own.splits import Rows
from harness.spec import HarnessError

ARRAYS = ".npz"
"""A file of the arrays `images` and `labels`."""
LARGEST_MEDIAN = 224
"""Pixels of a side; where the median is larger, images are made as small as this."""
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Pillow's names for numbers of channels."""


def read(data: Data, places: Sequence[Place]) -> Rows:
    """The images of a split, or of all, as places of files, with their labels.

    Raises:
        HarnessError: a file is no image by its name, or a table names one that is not there.
    """
    if len(places) == 1 and tables.suffix(places[0].name) in tables.SUFFIXES:
        return _of_table(data, places[0])
    no_columns(data, "images in files")
    if data.columns:
        raise HarnessError(f"data.{data.name}.{next(iter(data.columns))}: images in files, without "
                           "columns; expected a table")  # fmt: skip
    if len(places) == 1 and tables.suffix(places[0].name) == ARRAYS:
        return _of_arrays(places[0])
    labels = []
    for place in places:
        if tables.suffix(place.name) not in IMAGES:
            raise HarnessError(f"{place.name}: no image by its name; expected one of "
                               f"{', '.join(IMAGES)}")  # fmt: skip
        labels.append(place.path.parent.name)
    names = [place.name for place in places]
    return Rows(list(places), names, label=labels, label_place="")


def _of_arrays(place: Place) -> Rows:
    """Arrays as NumPy has written them."""
    try:
        with np.load(place.path, allow_pickle=False) as archive:
            images, labels = archive["images"], archive["labels"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise HarnessError(f"{place.name}: not arrays of images and labels ({error})") from None
    if len(images) != len(labels):
        raise HarnessError(f"{place.name}: {len(images):,} images and {len(labels):,} labels; "
                           "expected as many of each")  # fmt: skip
    if not len(images):
        raise HarnessError(f"{place.name}: no images; expected some")
    where = [f"{place.name}, row {row}" for row in range(1, len(images) + 1)]
    names = tables.labels([str(label) for label in labels.tolist()])
    return Rows(list(images), where, label=names)


def _of_table(data: Data, place: Place) -> Rows:
    table, by = table_rows(data, place, ("image", "label"))
    by |= labelled(data, place, table)
    column = data.columns["image"]
    found = []
    for row, name in enumerate(tables.given(place.name, table, column, "the path of an image"), 1):
        path = place.path.parent / name
        if not path.is_file():
            raise HarnessError(
                f"{place.name}, row {row}, column {column!r}: {path}: no such file; expected an "
                "image, by a path relative to the table"
            )
        found.append(Place(f"{place.name}, row {row}: {name}", path))
    return Rows(found, **by)


def listed(data: Data, place: Place) -> list[Path]:
    """The files that a table of images names, those of a task's sources that are its images."""
    return [image.path for image in _of_table(data, place).examples]


def loaded(data: Data, splits: dict[str, Rows]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The images of all splits as arrays of one size, with their labels; and what is to be said.

    Images keep their aspect: what is left of the size is filled with black.

    Raises:
        HarnessError: an image cannot be read.
    """
    if not all(isinstance(one, Place) for rows in splits.values() for one in rows.examples):
        return {
            split: (np.stack(list(rows.examples)), rows.label) for split, rows in splits.items()
        }, {}
    sizes, channels = _looked_at(splits)
    size = data.size or _median(sizes)
    facts: dict[str, Any] = {}
    resized = sum(count for found, count in sizes.items() if found != size)
    if resized:
        facts["resized"] = {"to": list(size), "images": resized, "of": sum(sizes.values())}
    arrays = {
        split: (np.stack([array(place, size, channels) for place in rows.examples]), rows.label)
        for split, rows in splits.items()
    }
    return arrays, facts


def _looked_at(splits: dict[str, Rows]) -> tuple[Counter[tuple[int, int]], int]:
    """How many images are of each size (height, width), and the channels that all can have."""
    sizes: Counter[tuple[int, int]] = Counter()
    channels = 1
    for rows in splits.values():
        for place in rows.examples:
            with _opened(place) as image:
                sizes[image.height, image.width] += 1
                if image.has_transparency_data:
                    channels = 4
                elif image.mode not in ("1", "L", "I;16", "I", "F"):
                    channels = max(channels, 3)
    return sizes, channels


def _median(sizes: Counter[tuple[int, int]]) -> tuple[int, int]:
    """The median height and width, made smaller where that is larger than models here take."""
    sides = [list(values) for values in zip(*sizes.elements(), strict=True)]
    height, width = (statistics.median(values) for values in sides)
    shrink = min(1.0, LARGEST_MEDIAN / max(height, width))
    return max(1, round(height * shrink)), max(1, round(width * shrink))


def array(place: Place, size: tuple[int, int], channels: int) -> np.ndarray:
    """An image as uint8 of shape (height, width, channels), its aspect kept.

    Raises:
        HarnessError: it cannot be read.
    """
    from PIL import ImageOps

    height, width = size
    with _opened(place) as image:
        try:
            whole = ImageOps.exif_transpose(image) or image
            if whole.mode in ("I;16", "I", "F"):
                whole = _as_bytes(whole)
            whole = whole.convert(_MODES[channels])
            if whole.size != (width, height):
                whole = ImageOps.pad(whole, (width, height))
        except (OSError, ValueError, SyntaxError) as error:
            raise _unreadable(place, error) from None
        return np.asarray(whole, "uint8").reshape(height, width, channels)


def _as_bytes(image: Any) -> Any:
    """An image of 16 bits or of floats with 256 levels."""
    from PIL import Image

    values = np.asarray(image, "float64")
    highest = 1.0 if image.mode == "F" and values.max() <= 1 else max(255.0, values.max())
    top = 65535.0 if highest > 255 else highest
    return Image.fromarray(np.rint(values.clip(0) / top * 255).clip(0, 255).astype("uint8"))


def _opened(place: Place) -> Any:
    from PIL import Image, UnidentifiedImageError

    try:
        image = Image.open(place.path)
    except UnidentifiedImageError:
        raise HarnessError(f"{place.name}: cannot be read as an image; expected one") from None
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise _unreadable(place, error) from None
    if max(image.size) > 64 * LARGEST_IMAGE:
        image.close()
        raise HarnessError(f"{place.name}: an image of {image.width} x {image.height}; expected "
                           f"at most {64 * LARGEST_IMAGE} pixels a side")  # fmt: skip
    return image


def _unreadable(place: Place, error: Exception) -> HarnessError:
    reason = getattr(error, "strerror", None) or str(error)
    return HarnessError(f"{place.name}: cannot be read as an image ({reason})")
