"""Where tasks and search spaces come from, and what to say of one that cannot be loaded."""

import importlib
import importlib.metadata
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness import cause, own
from harness.registry import plugin_files
from harness.spec import HarnessError
from harness.system.redact import masked
from harness.system.text import one_line

LONGEST_REASON = 1_000
"""Characters that are said of why something cannot be loaded."""

_MACHINERY = (Path(__file__).parent, Path(own.__file__).parent)
"""What loads others, and makes tasks of tables, is at fault for none of them."""


@dataclass(frozen=True)
class Origin:
    """Where a task or a search space comes from."""

    kind: Literal["shipped", "package", "file"]
    module: str
    """The module that is imported for it."""
    name: str = ""
    """The distribution, or the file as it is shown: relative to the current folder if it is in it.
    Empty for what is shipped."""
    version: str = ""
    """Of the distribution."""
    entry_point: str = ""
    """How the distribution names it: `name = module:attribute`."""
    attribute: tuple[str, ...] = ()
    """Where in the module it is, if the entry point says so."""
    path: Path | None = None
    """The plugin file, or the plugin folder the file is in, as it was given: absolute."""

    @property
    def short(self) -> str:
        """For a column of a table: `shipped`, the distribution, or the file."""
        return self.name or "shipped"

    @property
    def long(self) -> str:
        """For a person who looks for it: with the version or the module."""
        match self.kind:
            case "package":
                return f"{self.name} {self.version} (entry point {self.entry_point})"
            case "file":
                return self.name
        return f"shipped ({self.module})"

    def __str__(self) -> str:
        match self.kind:
            case "package":
                return f"{self.name} (entry point {self.entry_point})"
            case "file":
                return self.name
        return self.module


@dataclass(frozen=True)
class Fault:
    """A file or a plugin that was left out, as it cannot be loaded."""

    origin: Origin
    reason: str
    """One line, with the file and the line of the person's own code where there is one."""

    def __str__(self) -> str:
        return f"{self.origin}: {self.reason}"


def shipped(module: str) -> Origin:
    """The origin of what a module of the harness defines."""
    return Origin("shipped", module)


def installed(point: importlib.metadata.EntryPoint) -> Origin:
    """The origin of what an entry point names."""
    module, _, attribute = point.value.partition(":")
    return Origin(
        "package",
        module.strip(),
        point.dist.name if point.dist else "an unnamed distribution",
        point.dist.version if point.dist else "",
        f"{point.name} = {point.value}",
        tuple(filter(None, attribute.strip().split("."))),
    )


def in_file(module: str, plugin: Path) -> Origin:
    """The origin of what a module of a plugin file or folder defines."""
    source = plugin_files.source_of(module)
    return Origin("file", module, shown(source or plugin), path=plugin)


def shown(path: Path) -> str:
    """A path as a person reads it: relative to the current folder if it is in it."""
    here = Path.cwd()
    return one_line(str(path.relative_to(here) if path.is_relative_to(here) else path))


def reason(error: BaseException) -> str:
    """Why something cannot be loaded, with the line of the person's own code that is at fault."""
    frame = _own_frame(error)
    where = f"{shown(Path(frame.filename))}, line {frame.lineno}: " if frame else ""
    if isinstance(error, HarnessError):
        return f"{where}{one_line(str(error))}"
    said = masked(cause.told(error))
    if len(said) > LONGEST_REASON:
        said = f"{said[:LONGEST_REASON]} ..."
    if isinstance(error, SyntaxError) and error.filename:
        where = f"{shown(Path(error.filename))}, line {error.lineno}: "
    return f"cannot be loaded ({where}{said})"


def _own_frame(error: BaseException) -> traceback.FrameSummary | None:
    """The innermost line within the folder of the module that was to be loaded."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<frozen ")
        and not any(map(Path(frame.filename).is_relative_to, _MACHINERY))
        and Path(frame.filename) != Path(importlib.__file__)
    ]
    if not frames:
        return None
    folder = Path(frames[0].filename).parent
    return next(frame for frame in reversed(frames) if Path(frame.filename).is_relative_to(folder))
