"""Readers of the file formats image data sets come in."""

import gzip
import io
import math
import pickle
import struct
import tarfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from harness.kinds.files.compressed import LARGEST, unpacked
from harness.spec import HarnessError

_NO_BATCH = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OverflowError,
    EOFError,
    MemoryError,
    AssertionError,
    pickle.UnpicklingError,
    struct.error,
)
"""What reading raises of a pickle that is none, or is one of something else."""


def read_idx(path: Path) -> np.ndarray:
    """Reads a gzip-compressed idx file of bytes, as MNIST and Fashion-MNIST use.

    The header is big-endian: two zero bytes, the type (8: uint8), the number of axes, then
    the length of each axis. Format: http://yann.lecun.com/exdb/mnist/

    Raises:
        HarnessError: the file is not such a file.
    """
    content = unpacked(path, "an idx file of bytes")
    axes = content[3] if content[:3] == b"\0\0\x08" and len(content) > 3 else 0
    header = 4 + 4 * axes
    lengths = content[4:header]
    shape = tuple(int(n) for n in np.frombuffer(lengths, ">u4", len(lengths) // 4))
    if not axes or len(shape) != axes or len(content) - header != math.prod(shape):
        raise HarnessError(f"{path}: not an idx file of bytes")
    return np.frombuffer(content, "uint8", offset=header).reshape(shape)


def read_cifar_batches(path: Path, names: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Reads batches of the python version of CIFAR-10 without unpacking the archive.

    Format: https://www.cs.toronto.edu/~kriz/cifar.html

    Args:
        path: the `.tar.gz` archive.
        names: batches to read, such as `test_batch`, joined in this order.

    Returns:
        Images, uint8 (examples, 32, 32, 3), and labels, uint8 (examples,).

    Raises:
        HarnessError: a batch is missing or is not what the format says.
    """
    batches: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:  # one pass: the archive is compressed as a whole
                name = Path(member.name).name
                if name in names and member.isfile():
                    batches[name] = _batch(path, name, _content(path, archive, member))
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise HarnessError(f"{path}: not a .tar.gz archive ({error})") from None
    missing = [name for name in names if name not in batches]
    if missing:
        raise HarnessError(f"{path}: no batch {missing[0]!r} in it")
    images, labels = map(np.concatenate, zip(*(batches[name] for name in names), strict=True))
    return images.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy(), labels


def _content(path: Path, archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    if member.size > LARGEST:
        raise HarnessError(f"{path}: {member.name} has more than {LARGEST:,} bytes")
    file = archive.extractfile(member)
    assert file is not None, "asked for files alone"
    return file.read()


def _batch(path: Path, name: str, content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """The rows of pixels of a batch and their labels."""
    try:
        batch = _BatchUnpickler(io.BytesIO(content), encoding="bytes").load()
        images, labels = batch[b"data"].array, batch[b"labels"]
        if not isinstance(labels, list):
            raise TypeError(f"labels are a {type(labels).__name__}")
        labels = np.frombuffer(bytes(labels), "uint8")
    except _NO_BATCH as error:
        reason = f"{type(error).__name__}: {error}"
        raise HarnessError(f"{path}: {name} is not a batch of CIFAR-10 ({reason})") from None
    if images.shape != (len(labels), 3072):
        raise HarnessError(f"{path}: expected rows of 3,072 bytes, found {images.shape}")
    return images, labels


class _Kind:
    """Stands for `numpy.dtype` in a pickle."""

    def __init__(self, name: Any, *_: Any) -> None:
        self.name = name

    def __setstate__(self, state: Any) -> None:
        """The order of bytes, of which there is one each."""


class _Rows:
    """Stands for `numpy.ndarray` in a pickle, of bytes alone: NumPy's own crashes on odd ones."""

    array: np.ndarray

    def __init__(self, *_: Any) -> None:
        """An array is made empty, and filled by the state."""

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, by_columns, content = state
        if not isinstance(kind, _Kind) or kind.name not in (b"u1", "u1"):
            raise TypeError("expected an array of bytes")
        array = np.frombuffer(content, "uint8")
        self.array = array.reshape(shape, order="F" if by_columns else "C")


# Not `pickle.Unpickler`, which a few bytes can make take all memory: it counts what it is told
# to remember in an array.
class _BatchUnpickler(pickle._Unpickler):
    """Unpickles dicts of lists and arrays of bytes; refuses to name anything else."""

    def find_class(self, module: str, name: str) -> Any:
        if module in ("numpy", "numpy.core.multiarray", "numpy._core.multiarray"):
            allowed = {"ndarray": _Rows, "dtype": _Kind, "_reconstruct": _Rows}
            if name in allowed:
                return allowed[name]
        raise HarnessError(f"CIFAR-10 batch: refuses to load {module}.{name} from a pickle")
