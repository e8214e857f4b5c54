"""Which layers of a saved model keep it from being loaded, and what to do about them."""

import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.check import place, steps
from harness.models import foreign, rebuilt
from harness.spec import SearchSpace


def loading_faults(space: SearchSpace, model: Any) -> list[str]:
    """What would keep a model, once saved, from being loaded, as far as its configuration says.

    Nothing is written. Of a model without layers of a person's own nothing is rebuilt.
    """
    import keras

    where = place.of_function(space.build, space)
    try:
        with steps.blamed(steps.owner(space), "saving its model"):
            saved = json.dumps(keras.saving.serialize_keras_object(model))
    except steps.Fault as told:
        return [steps.at(str(told), where)]
    config = json.loads(saved)
    if not foreign(config):
        return []
    reason = "; ".join(dict.fromkeys(_hidden(config)))
    try:
        rebuilt(json.loads(saved))  # which Keras takes apart
    except Exception as error:  # noqa: BLE001 - Keras raises whatever it comes upon
        reason = of_config(config) or str(error).strip().splitlines()[0]
    if not reason:
        return []
    said = f"{steps.owner(space)}: its saved model could not be loaded: {reason}"
    return [steps.at(said, where)]


def culprits(model: Path) -> str:
    """The layers of a `.keras` file that this process cannot find; empty if there are none.

    Args:
        model: a file that this process has tried to load.
    """
    with zipfile.ZipFile(model) as archive:
        return of_config(json.loads(archive.read("config.json")))


def of_config(config: Any) -> str:
    """The same, of a model's configuration."""
    return "; ".join(dict.fromkeys(_faults(config)))


def _hidden(config: Any) -> Iterator[str]:
    """Classes that are registered here, and would not be in a process that builds nothing."""
    import keras

    if isinstance(config, list):
        for part in config:
            yield from _hidden(part)
    if isinstance(config, dict):
        registered = config.get("registered_name")
        if isinstance(registered, str):
            found = keras.saving.get_registered_object(registered)
            module = sys.modules.get(getattr(found, "__module__", ""))
            kept = any(value is found for value in vars(module or sys).values())
            if "<locals>" in getattr(found, "__qualname__", "") and not kept:
                yield _in_build_only(config.get("class_name"))
        for part in config.values():
            yield from _hidden(part)


def _in_build_only(name: Any) -> str:
    return (
        f"{name} is registered by code that runs in build only; expected its class at the top "
        "level of a module"
    )


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
        yield _in_build_only(name)
    for part in config.values():
        yield from _faults(part)
