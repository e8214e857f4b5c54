"""What must be the same on every node: the code, and what numbers come from."""

import functools
import hashlib
import importlib.metadata
import importlib.util
import platform
from collections.abc import Mapping
from pathlib import Path

_PACKAGES = ("keras", "tensorflow", "jax", "torch", "keras-hub", "numpy")
_ABSENT = "not installed"


def here() -> dict[str, str]:
    """Versions of this process by name."""
    code = "source code of keras-automl-harness"
    return {"Python": platform.python_version(), code: _code(), **_installed(), "ray": _of("ray")}


def difference(node: str, there: Mapping[str, str], driver: Mapping[str, str]) -> str | None:
    """The first difference of a node, as one line."""
    for name in driver:
        if driver[name] != there.get(name, _ABSENT):
            return (
                f"node {node}: {name} {there.get(name, _ABSENT)}, and {driver[name]} with the "
                "driver; expected the same"
            )
    return None


def _installed() -> dict[str, str]:
    return {name: _of(name) for name in _PACKAGES}


def _of(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return _ABSENT


@functools.cache
def _code() -> str:
    """A digest of the harness's own files, tasks and search spaces among them."""
    digest = hashlib.sha256()
    # The last two lie elsewhere where the harness is installed to be edited.
    specs = map(importlib.util.find_spec, ("harness", "harness.tasks", "harness.search_spaces"))
    places = [place for spec in specs if spec for place in spec.submodule_search_locations or ()]
    folders = {Path(place) for place in places}
    for folder in sorted(folders, key=lambda folder: folder.name):
        others = folders - {folder}
        files = [file for file in folder.rglob("*.py") if others.isdisjoint(file.parents)]
        for file in sorted(files, key=lambda file: file.relative_to(folder).parts):
            digest.update("/".join(file.relative_to(folder).parts).encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
