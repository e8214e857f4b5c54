"""What prepared data is made from, and whether that is still so.

Known beforehand are a task's name, its version, its sources, and the options its author has bound
into `prepare`: they make the key under which data is looked for. Which code runs is known only
when it has run: the modules of the task's own package, file or folder, the modules of
`harness.kinds` that it uses, the libraries that both import, and the files they read beside the
declared sources. An entry of the cache names them, and counts while all are as they were.
"""

import dataclasses
import hashlib
import importlib.metadata
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.data.download import sha256
from harness.data.reads import module_file


@dataclass(frozen=True)
class Ingredients:
    """What an entry was made from, as far as running `prepare` has shown."""

    modules: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of the source of each module, by name."""
    packages: Mapping[str, str] = field(default_factory=dict)
    """Versions of libraries, by the name of their distribution."""
    files: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of what `prepare` read beside its sources, by the path it named."""
    folders: Mapping[str, str] = field(default_factory=dict)
    """Likewise SHA-256 of the names that a listed folder holds."""

    def sign(self) -> str:
        """A short name of exactly these."""
        content = json.dumps(dataclasses.asdict(self), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def hold(self) -> bool:
        """Whether all are now as they were then."""
        return (
            all(installed_version(name) == version for name, version in self.packages.items())
            and all(module_digest(name) == known for name, known in self.modules.items())
            and all(file_digest(Path(name)) == known for name, known in self.files.items())
            and all(folder_digest(Path(name)) == known for name, known in self.folders.items())
        )


def stated(meta: Any) -> Ingredients:
    """The ingredients that the description of an entry names.

    Raises:
        Exception: one of `harness.data.entry.UNREADABLE` where it names none as it should.
    """
    content = meta["made_from"]
    names = [field.name for field in dataclasses.fields(Ingredients)]
    if sorted(content) != sorted(names) or not all(isinstance(content[n], dict) for n in names):
        raise ValueError("not what data is made from")
    return Ingredients(**content)


def installed_version(distribution: str) -> str | None:
    """The version of a distribution, `None` where it is not installed."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def module_digest(name: str) -> str | None:
    """SHA-256 of the file of a module, `None` where there is none."""
    path = module_file(name)
    if path is None:
        try:
            spec = importlib.util.find_spec(name)
        except Exception:  # noqa: BLE001 - what contains it is run for that, and can fail in any way
            return None
        path = spec.origin if spec and spec.has_location else None
    return file_digest(Path(path)) if path else None


def file_digest(path: Path) -> str | None:
    """SHA-256 of a file, `None` where there is none that can be read."""
    try:
        return sha256(path)
    except OSError:
        return None


def folder_digest(path: Path) -> str | None:
    """SHA-256 of the names in a folder but hidden ones, `None` where there is none."""
    try:
        found = [within.name for within in path.iterdir()]
    except OSError:
        return None
    names = sorted(name for name in found if not name.startswith((".", "__pycache__")))
    return hashlib.sha256(json.dumps(names).encode()).hexdigest()
