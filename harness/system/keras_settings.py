"""The settings of Keras that the harness computes with, whatever a person's `keras.json` says.

Keras reads that file when it is imported, from `KERAS_HOME` or `~/.keras`: the type of floats, the
order of an image's axes and a small number decide scores.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

SETTINGS: Mapping[str, str | float] = MappingProxyType(
    {"floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last"}
)
"""As Keras is delivered."""


def differences() -> dict[str, Any]:
    """What this process has set otherwise, by name; Keras is imported for it."""
    import keras

    config = keras.config
    found = {name: getattr(config, name)() for name in SETTINGS}
    limits = {
        "max_epochs": config.max_epochs(),
        "max_steps_per_epoch": config.max_steps_per_epoch(),
    }
    return {
        **{name: value for name, value in found.items() if value != SETTINGS[name]},
        **{name: value for name, value in limits.items() if value is not None},
    }


def settle() -> None:
    """Imports Keras and gives it these settings, and no limit on epochs or steps."""
    import keras

    config = keras.config
    config.set_floatx(SETTINGS["floatx"])
    config.set_epsilon(SETTINGS["epsilon"])
    config.set_image_data_format(SETTINGS["image_data_format"])
    config.set_max_epochs(None)
    config.set_max_steps_per_epoch(None)


def file_differs() -> bool:
    """Whether the file that Keras would read has other settings, or none that can be read."""
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    try:
        content = json.loads((Path(home).expanduser() / "keras.json").read_text(encoding="utf-8"))
        return any(content.get(name, value) != value for name, value in SETTINGS.items())
    except FileNotFoundError:
        return False
    except (OSError, ValueError, AttributeError, RuntimeError):
        return True
