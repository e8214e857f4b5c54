"""Saved models, loaded again in any process, and what must be known to ask them something."""

import contextlib
import dataclasses
import importlib
import json
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydantic

from harness import registry
from harness.journal.folder import interface_path
from harness.registry import plugin_files
from harness.spec import DataSpec, HarnessError, Split
from harness.sweep.plugins import remember
from harness.system import atomic_files, keras_settings
from harness.system.text import quoted

_LARGEST_CONFIG = 1 << 26
"""Bytes that are read of a model's configuration, which compressed may be a thousandth of them."""
_MOVED = {
    "search_spaces._bert": "harness.blocks.encoder",
    "search_spaces._recurrent_translator": "harness.blocks.recurrent_translator",
    "search_spaces._transformer_translator": "harness.blocks.transformer_translator",
}
"""Where the layers are now whose modules the files of models of version 0.1 name. The names they
are registered with, by which Keras finds them once they are imported, have not changed."""
ASSUMED, FORMAT = 1, 2
"""Of the files beside models. Of the first, how models read texts is assumed; since the second,
the asset `encoding` says it."""
EXAMPLES = 2
"""Test examples that are kept beside a saved model."""


@dataclass(frozen=True)
class Interface:
    """What a saved model accepts and returns."""

    spec: DataSpec
    examples: Mapping[str, np.ndarray]
    """Inputs of the first test examples, by name."""
    format: int = FORMAT


def keep_interface(model: Path, spec: DataSpec, test: Split) -> None:
    """Writes what a model accepts and returns beside its file, with a few test examples."""
    content = {
        "format": FORMAT,
        "spec": dataclasses.asdict(spec),
        "examples": {name: np.asarray(a[:EXAMPLES]).tolist() for name, a in test.x.items()},
    }
    with atomic_files.whole(interface_path(model)) as part:
        part.write_text(json.dumps(content), encoding="utf-8")


def read_interface(path: Path) -> Interface:
    """Reads a file that `keep_interface` wrote.

    Raises:
        HarnessError: it is missing or damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        spec = pydantic.TypeAdapter(DataSpec).validate_python(content["spec"])
        examples = {
            name: np.array(content["examples"][name], tensor.dtype)
            for name, tensor in spec.inputs.items()
        }
        format = int(content.get("format", ASSUMED))
    except (OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        reason = quoted(str(error))
        raise HarnessError(
            f"{path}: not the interface of a saved model ({type(error).__name__}: {reason})"
        ) from None
    return Interface(spec, examples, format)


def load_model(path: str | Path) -> Any:
    """The `keras.Model` that a confirmation run left in a sweep's `models` folder.

    Some architectures have layers of their own. Keras imports no module that a file names, in
    safe mode or without, and finds a layer by its registered name once its module is imported.
    That is done here for modules of the packages that tasks and search spaces come from, for the
    plugin files in use and for those that the sweep was run with; for no other. So plain
    `keras.models.load_model` loads models without such layers, and the others after an import of
    the module that defines them, such as `harness.blocks.encoder`.

    The settings of Keras in this process become those that the model was trained with, where
    `keras.json` or a variable says otherwise: they would change its answers. A warning names them.

    Args:
        path: a `.keras` file.

    Raises:
        HarnessError: the file is missing, is no saved model, or needs what is not installed.
    """
    import keras

    if others := keras_settings.differences():
        keras_settings.settle()
        named = ", ".join(f"{name} {value!r}" for name, value in others.items())
        warnings.warn(
            f"of Keras, {named} are set back to what models of the harness are trained with",
            stacklevel=2,
        )
    path = Path(path)
    classes = _classes(path)
    if any(module.startswith(f"{plugin_files.PACKAGE}.") for module, _, _ in classes):
        remember([path.absolute().parent.parent])
    own = _own_classes(classes)
    try:
        return keras.saving.load_model(path, custom_objects=own, compile=False, safe_mode=True)
    except Exception as error:
        # Damaged weights, classes that are gone: Keras raises whatever it comes upon.
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise HarnessError(f"{path}: cannot be loaded ({reason})") from error


def foreign(config: Any) -> bool:
    """Whether a model's configuration names classes of others than Keras and the harness, or
    holds code."""
    return any(
        name == "Lambda" or module.split(".")[0] not in ("keras", "keras_hub", "harness")
        for module, name, _ in _named(config)
    )


def rebuilt(config: Any) -> Any:
    """The model that a configuration describes, as `load_model` would build it, without weights.

    Raises:
        Exception: whatever Keras comes upon.
    """
    import keras

    own = _own_classes(set(_named(config)))
    return keras.saving.deserialize_keras_object(config, custom_objects=own, safe_mode=True)


def _package(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__module__", "")).split(".")[0]


def _own_classes(classes: Iterable[tuple[str, str, str]]) -> dict[str, Any]:
    """What Keras does not find by itself, by the name it asks for: classes that are not registered
    with it. The modules of the others are imported, as that registers them."""
    known = {_package(space.build) for space in registry.spaces().values()}
    known |= {_package(task.score) for task in registry.tasks().values()}
    own = {}
    for module, name, registered in classes:
        place = plugin_files.relocated(module, registry.plugins())
        if place.split(".")[0] in known:
            with contextlib.suppress(ModuleNotFoundError):  # Keras names what it then lacks
                found = getattr(importlib.import_module(place), name, None)
                if isinstance(found, type):
                    own[registered] = found
    return own


def _classes(path: Path) -> set[tuple[str, str, str]]:
    """Module, by the name that it has now, name and registered name of each class whose objects a
    saved model holds."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open("config.json") as file:
            content = file.read(_LARGEST_CONFIG + 1)
        if len(content) > _LARGEST_CONFIG:
            raise ValueError(f"its config.json has more than {_LARGEST_CONFIG:,} bytes")
        found = _named(json.loads(content))
        return {(_MOVED.get(module, module), name, known) for module, name, known in found}
    except (OSError, KeyError, ValueError, RuntimeError, EOFError, NotImplementedError,
            zipfile.BadZipFile, zlib.error) as error:  # fmt: skip
        # What zipfile and json raise over bytes that are no such archive.
        raise HarnessError(f"{path}: not a saved Keras model ({error})") from None


def _named(config: Any) -> Iterator[tuple[str, str, str]]:
    """Module, name and registered name of each class in a configuration."""
    if isinstance(config, dict):
        names = config.get("module"), config.get("class_name"), config.get("registered_name")
        if isinstance(names[0], str) and isinstance(names[1], str):
            yield names[0], names[1], str(names[2] or names[1])
        for value in config.values():
            yield from _named(value)
    elif isinstance(config, list):
        for value in config:
            yield from _named(value)
