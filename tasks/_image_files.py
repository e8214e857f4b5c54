"""Readers of the file formats image data sets come in."""

import gzip
import io
import pickle
import tarfile
from pathlib import Path
from typing import Any

import numpy as np

from harness.spec import HarnessError


def read_idx(path: Path) -> np.ndarray:
    """Reads a gzip-compressed idx file of bytes, as MNIST and Fashion-MNIST use.

    The header is big-endian: two zero bytes, the type (8: uint8), the number of axes, then
    the length of each axis. Format: http://yann.lecun.com/exdb/mnist/

    Raises:
        HarnessError: the file is not such a file.
    """
    with gzip.open(path, "rb") as file:
        content = file.read()
    axes = content[3] if content[:3] == b"\0\0\x08" and len(content) > 3 else 0
    header = 4 + 4 * axes
    shape = tuple(int(n) for n in np.frombuffer(content[4:header], ">u4"))
    if not axes or len(content) - header != np.prod(shape):
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
    batches = {}
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:  # one pass: the archive is compressed as a whole
            name = Path(member.name).name
            file = archive.extractfile(member) if name in names and member.isfile() else None
            if file is not None:
                batches[name] = _BatchUnpickler(io.BytesIO(file.read()), encoding="bytes").load()
    missing = [name for name in names if name not in batches]
    if missing:
        raise HarnessError(f"{path}: no batch {missing[0]!r} in it")
    images = np.concatenate([batches[name][b"data"] for name in names])
    labels = np.concatenate([np.asarray(batches[name][b"labels"], "uint8") for name in names])
    if images.dtype != np.uint8 or images.shape != (len(labels), 3072):
        raise HarnessError(f"{path}: expected rows of 3,072 bytes, found {images.shape}")
    return images.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).copy(), labels


class _BatchUnpickler(pickle.Unpickler):
    """Unpickles dicts of lists and NumPy arrays; refuses to name anything else."""

    def find_class(self, module: str, name: str) -> Any:
        if module in ("numpy", "numpy.core.multiarray", "numpy._core.multiarray"):
            allowed = {
                "ndarray": np.ndarray,
                "dtype": np.dtype,
                "_reconstruct": np.empty(0).__reduce__()[0],
            }
            if name in allowed:
                return allowed[name]
        raise HarnessError(f"CIFAR-10 batch: refuses to load {module}.{name} from a pickle")
