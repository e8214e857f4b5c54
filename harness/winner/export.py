"""A sweep's model in other formats, by Keras: read back, each must answer as the model does."""

import contextlib
import importlib.util
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from harness import cause
from harness.journal.folder import assets_path, interface_path
from harness.models import load_model
from harness.spec import HarnessError
from harness.winner.fitted import Fitted
from harness.winner.predictions import outputs_of

Format = Literal["keras", "onnx", "litert", "saved_model"]
TOLERANCE = 1e-4
"""Most by which outputs may differ, of their size where that is above 1."""
Arrays = Mapping[str, np.ndarray]
Ask = Callable[[Arrays], Arrays]


@dataclass(frozen=True)
class _Way:
    """How a format is written and read back."""

    suffix: str
    keras: str
    """What Keras calls it."""
    needs: tuple[str, ...]
    """Packages beside those of the harness."""
    read: Callable[[Path], Ask]


def export(fitted: Fitted, format: Format, path: Path | None = None) -> tuple[Path, float]:
    """Writes a model in a format, and compares its answers to those of the model.

    Args:
        fitted: the model.
        format: which.
        path: of the file, or of the folder of a SavedModel; `TASK.SPACE` in the current folder,
            with the ending of the format, if absent.

    Returns:
        The path, and the largest difference of an output on the examples that were kept with the
        model.

    Raises:
        HarnessError: the format cannot hold the model, its answers differ, what it needs is not
            installed, or there is something at that path already.
    """
    way = _WAYS[format]
    place = path or Path(f"{fitted.task}.{fitted.space}{way.suffix}")
    if place.exists():
        raise HarnessError(f"{place}: exists already; expected another path, --output")
    missing = [name for name in way.needs if importlib.util.find_spec(name) is None]
    if missing:
        raise HarnessError(
            f"format {format} needs {' and '.join(missing)}; python -m pip install "
            f"{' '.join(missing)}"
        )
    if not place.parent.is_dir():
        raise HarnessError(f"{place.parent}: no such folder")
    model = fitted.load()
    examples = fitted.interface.examples
    expected = outputs_of(fitted, model, examples)  # once asked, it can be written as ONNX
    with _beside(place) as work:
        written = work / place.name
        try:
            _write(fitted, model, format, written)
            found = way.read(written)(examples)
        except HarnessError:
            raise
        except Exception as error:  # whatever a converter comes upon
            raise HarnessError(
                f"format {format} cannot hold {fitted.task} x {fitted.space} "
                f"({cause.reason(error)})"
            ) from error
        apart = _apart(expected, found)
        if not apart <= TOLERANCE:
            raise HarnessError(
                f"format {format}: its outputs are {apart:.2g} from those of {fitted.file.name}; "
                f"expected at most {TOLERANCE:g}, so it is not kept"
            )
        for part in work.iterdir():
            part.replace(place.with_name(part.name))
    return place, apart


def _write(fitted: Fitted, model: Any, format: Format, path: Path) -> None:
    if format == "keras":
        for source, target in ((fitted.file, path),
                               (interface_path(fitted.file), interface_path(path)),
                               (assets_path(fitted.file), assets_path(path))):  # fmt: skip
            shutil.copyfile(source, target)
        return
    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # of converters, about libraries they have not followed
        model.export(str(path), format=_WAYS[format].keras, verbose=False)


@contextlib.contextmanager
def _beside(place: Path) -> Iterator[Path]:
    """A folder on the same disk, which is gone afterwards."""
    try:
        work = Path(tempfile.mkdtemp(prefix=".part.", dir=place.parent))
    except OSError as error:
        raise HarnessError(f"{place}: cannot be written ({error.strerror})") from None
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _apart(expected: Mapping[str, Any], found: Arrays) -> float:
    """The largest difference; infinite where a shape differs. Outputs that the format calls
    otherwise are taken in their order."""
    if set(found) != set(expected) and len(found) == len(expected):
        found = dict(zip(expected, found.values(), strict=True))
    worst = 0.0
    for name, output in expected.items():
        known, other = np.asarray(output, "float64"), np.asarray(found[name], "float64")
        if known.shape != other.shape:
            return float("inf")
        differences = np.abs(known - other) / np.maximum(1, np.abs(known))
        worst = max(worst, float(differences.max(initial=0.0)))
    return worst


# --- reading back ---------------------------------------------------------------


def _keras(path: Path) -> Ask:
    model = load_model(path)

    def ask(x: Arrays) -> Arrays:
        outputs = model.predict(dict(x), verbose=0)
        return outputs if isinstance(outputs, Mapping) else {"": outputs}

    return ask


def _saved_model(path: Path) -> Ask:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    signature = loaded.signatures["serving_default"]
    known = signature.structured_input_signature[1]

    def ask(x: Arrays) -> Arrays:
        given = {n: tf.constant(a, known[n].dtype) for n, a in _named(x, list(known)).items()}
        return {name: output.numpy() for name, output in signature(**given).items()}

    return ask


def _litert(path: Path) -> Ask:
    import tensorflow as tf

    with warnings.catch_warnings():  # that the interpreter will move to a package of its own
        warnings.filterwarnings("ignore", ".*tf.lite.Interpreter is deprecated", UserWarning)
        interpreter = tf.lite.Interpreter(model_path=str(path))
    runner = interpreter.get_signature_runner()
    details = runner.get_input_details()

    def ask(x: Arrays) -> Arrays:
        rows = []
        for row in range(len(next(iter(x.values())))):
            one = {name: array[row : row + 1] for name, array in _named(x, list(details)).items()}
            given = {name: array.astype(details[name]["dtype"]) for name, array in one.items()}
            rows.append(runner(**given))
        return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}

    return ask


def _onnx(path: Path) -> Ask:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    types = {entry.name: _TYPES[entry.type] for entry in session.get_inputs()}
    outputs = [entry.name for entry in session.get_outputs()]

    def ask(x: Arrays) -> Arrays:
        given = {n: a.astype(types[n]) for n, a in _named(x, list(types)).items()}
        found = session.run(outputs, given)
        return dict(zip(outputs, found, strict=True))

    return ask


_TYPES = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(int32)": "int32",
          "tensor(int64)": "int64", "tensor(uint8)": "uint8"}  # fmt: skip
"""What ONNX calls them."""


def _named(x: Arrays, names: list[str]) -> dict[str, np.ndarray]:
    """Inputs by the names of a format: those of the model, or ones that begin so."""
    found = {}
    for name in names:
        own = next((n for n in x if name == n or name.split(":")[0] == n), None)
        own = own or next(
            (n for n in x if name.startswith((f"{n}_", f"serving_default_{n}"))), None
        )
        if own is None:
            raise HarnessError(f"its input {name!r} is none of {', '.join(x)}")
        found[name] = x[own]
    return found


_WAYS: Mapping[Format, _Way] = {
    "keras": _Way(".keras", "keras", (), _keras),
    "saved_model": _Way("", "tf_saved_model", ("tensorflow",), _saved_model),
    "litert": _Way(".tflite", "litert", ("tensorflow",), _litert),
    "onnx": _Way(".onnx", "onnx", ("tf2onnx", "onnxruntime"), _onnx),
}
