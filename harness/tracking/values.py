"""Values of a journal as MLflow takes them (pure)."""

import json
import posixpath
import re
from collections.abc import Mapping
from typing import Any

from harness.trial import TrialResult

MAX_PARAM = 6000
MAX_TAG = 5000
MAX_DIGEST = 36
"""Characters that MLflow takes."""


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested mappings as one, keys joined by dots, values as text."""
    flat: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            text = json.dumps(value) if isinstance(value, list) else str(value)
            flat[valid_name(f"{prefix}{key}")] = text
    return flat


def valid_name(name: str, slash: str = "/") -> str:
    """The name in the characters that MLflow accepts, and no longer than it accepts.

    A slash opens a section of charts; a name that would be no sound path loses its slashes.
    """
    name = re.sub(r"[^\w./ -]", "_", name)[:250].replace("/", slash)
    if posixpath.normpath(name) != name or name.startswith((".", "/")):
        name = "_" + name.replace("/", "_").lstrip("./")
    return name


def cut(text: str, limit: int) -> str:
    """The text, its end replaced by an ellipsis where it is longer than `limit`."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def milliseconds(seconds: float) -> int:
    """Unix seconds as MLflow's integer milliseconds."""
    return round(seconds * 1000)


def ended(result: TrialResult) -> int:
    """When a trial ended, in Unix milliseconds."""
    return milliseconds(result.started + result.cost.own_seconds)
