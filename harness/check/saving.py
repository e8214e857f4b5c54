"""Which layers of a saved model keep it from being loaded, and what to do about them."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def culprits(model: Path) -> str:
    """The layers of a `.keras` file that this process cannot find; empty if there are none.

    Args:
        model: a file that this process has tried to load.
    """
    with zipfile.ZipFile(model) as archive:
        config = json.loads(archive.read("config.json"))
    said = dict.fromkeys(_faults(config))
    return "; ".join(said)


def _faults(config: Any) -> Iterator[str]:
    import keras

    if isinstance(config, list):
        for part in config:
            yield from _faults(part)
    if not isinstance(config, dict):
        return
    name, registered = config.get("class_name"), config.get("registered_name")
    if str(config.get("module")).startswith("keras.") and name != "Lambda":
        registered = None
    if name == "Lambda":
        yield "a Lambda layer holds code, which is not loaded; expected a layer class of one's own"
    elif isinstance(registered, str) and ">" not in registered:
        yield (
            f"{name} is not registered; expected @keras.saving.register_keras_serializable() on "
            "its class, at the top level of a module"
        )
    elif isinstance(registered, str) and keras.saving.get_registered_object(registered) is None:
        yield (
            f"{name} is registered by code that runs in build only; expected its class at the top "
            "level of a module"
        )
    for part in config.values():
        yield from _faults(part)
