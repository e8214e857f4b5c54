"""Images as arrays of one type: bytes and floats are told apart, anything else is refused."""

from typing import Any

import numpy as np

from harness.spec import HarnessError

CHANNELS = (1, 3, 4)
"""Grey, red-green-blue, and that with transparency."""


def levels(where: str, images: Any) -> np.ndarray:
    """Images as uint8 0 to 255 of shape (examples, height, width, channels).

    Args:
        where: task and split, for the errors.
        images: uint8 0 to 255 or floats 0 to 1, of one size; without channels if there is one.

    Raises:
        HarnessError: they are not.
    """
    images = _stacked(where, images)
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[-1] not in CHANNELS:
        hint = ""
        if images.ndim == 4 and images.shape[1] in CHANNELS:
            hint = " (where channels come first, `images.transpose(0, 2, 3, 1)`)"
        raise HarnessError(
            f"{where}: images of shape {images.shape}; expected (examples, height, width) or "
            f"(examples, height, width, channels) with 1, 3 or 4 channels{hint}"
        )
    if images.dtype.kind == "f":
        _check_unit(where, images)
        images = _levels(images)
    if images.dtype != np.uint8:
        raise HarnessError(
            f"{where}: images of type {images.dtype.name}, {_range(images)}; expected uint8 0 to "
            "255 or floats 0 to 1"
        )
    if images.max() == 1:
        raise HarnessError(
            f"{where}: images of no other value than 0 and 1 of 255; expected uint8 0 to 255 or "
            "floats 0 to 1"
        )
    return np.asarray(images)


def converted(where: str, images: Any, shape: tuple[int | None, ...], dtype: str) -> np.ndarray:
    """Images as a fitted model takes them.

    Args:
        where: for the errors.
        images: integers 0 to 255 or floats 0 to 1, of one size.
        shape: (height, width, channels) of the model's input.
        dtype: of the model's data: `uint8`, or a type of floats 0 to 1.

    Raises:
        HarnessError: images of another size or range.
    """
    images = _stacked(where, images)
    if images.ndim == 3:
        images = images[..., None]
    if images.shape[1:] != shape:
        raise HarnessError(f"{where}: images of {size(images.shape[1:])}; expected {size(shape)}")
    if images.dtype.kind == "f":
        _check_unit(where, images)
    elif images.min() < 0 or images.max() > 255:  # integers of JSON have no bytes
        raise HarnessError(f"{where}: images of {_range(images)}; expected 0 to 255")
    if dtype == "uint8":
        return _levels(images) if images.dtype.kind == "f" else images.astype("uint8")
    unit = images if images.dtype.kind == "f" else images / 255
    return np.asarray(unit, dtype)


def check_contrast(where: str, images: np.ndarray) -> None:
    """Checks that images are not all of one colour each: there would be nothing to learn.

    Raises:
        HarnessError: they are.
    """
    if (images.max(axis=(1, 2, 3)) == images.min(axis=(1, 2, 3))).all():
        raise HarnessError(
            f"{where}: within each image all pixels are the same; expected images to tell apart"
        )


def size(shape: tuple[int | None, ...]) -> str:
    """A shape in words."""
    return " x ".join(map(str, shape))


def _stacked(where: str, images: Any) -> np.ndarray:
    if not isinstance(images, np.ndarray) or images.dtype.kind == "O":
        parts = [np.asarray(image) for image in images]
        if not parts:
            raise HarnessError(f"{where}: no images; expected at least one")
        for row, part in enumerate(parts):
            if part.dtype.kind not in "buif":
                raise HarnessError(
                    f"{where}, row {row}: found {images[row]!r:.60}; expected an image, an array "
                    "of numbers"
                )
            if part.shape != parts[0].shape:
                raise HarnessError(
                    f"{where}, row {row}: an image of {size(part.shape)}; expected "
                    f"{size(parts[0].shape)}, as in row 0"
                )
        images = np.stack(parts)
    if images.dtype.kind not in "buif":
        raise HarnessError(f"{where}: images of type {images.dtype}; expected arrays of numbers")
    return np.asarray(images)


def _check_unit(where: str, images: np.ndarray) -> None:
    """Floats must be finite and within 0 to 1."""
    finite = np.isfinite(images).all(axis=(1, 2, 3))
    if not finite.all():
        raise HarnessError(
            f"{where}, row {int(finite.argmin())}: an image with NaN or infinity; expected floats "
            "0 to 1"
        )
    if images.min() < 0 or images.max() > 1:
        raise HarnessError(
            f"{where}: images of floats, {_range(images)}; expected floats 0 to 1 or uint8 0 to 255"
        )


def _levels(images: np.ndarray) -> np.ndarray:
    """Floats 0 to 1 as the nearest of 256 levels."""
    return np.rint(images * 255.0).astype("uint8")


def _range(images: np.ndarray) -> str:
    return f"{float(images.min()):.6g} to {float(images.max()):.6g}"
