"""Why something failed: the line that says it, out of all that libraries wrap around it.

Keras covers the exception of a layer with another, TensorFlow tells the reason of a graph's failure
after the stack of where it was built, JAX hangs shortened tracebacks on its exceptions as their
causes. What a person reads in a table is the innermost line that says something, the layer it was
said of, and the place in the person's own code.
"""

import functools
import importlib.metadata
import re
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path

from harness.spec import HarnessError
from harness.system.text import one_line

_PACKAGE = Path(__file__).parent
_STANDARD_LIBRARY = Path(sysconfig.get_paths()["stdlib"])
_INSTALLED = ("site-packages", "dist-packages")
_OWN_ROOMS = ("tasks", "search_spaces")
"""Rooms of the harness that are written as a person's own tasks and architectures are."""
_GROUPS = ("harness.tasks", "harness.search_spaces")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_KERAS = re.compile(r"Exception encountered when calling (?:layer '[^']*' \(type )?(\w+)[^\n]*\n+")
"""How Keras begins what it says of an exception that came out of a layer."""
_KERAS_END = re.compile(r"\n+(?:Arguments received by|Call arguments received by) ")
_INFERRING = re.compile(r"Could not automatically infer .*?Error encountered:\n+", re.DOTALL)
"""What Keras puts before what came out of a layer's `call`."""
_WRAPPED = re.compile(r"(?<=[\w,])\n(?=[a-z`])")
"""Where a sentence goes on in another line."""
_CALCULATION = re.compile(r"'\{\{node [^{}]*\}\} = (\w+)(?:\[[^\]]*\])?\([^()]*\)'")
"""A node of a graph with all its attributes: the name of the calculation says enough."""
_NODE = re.compile(r"\{\{[^{}]*\}\}\s*")
"""Names of nodes and devices in messages of TensorFlow."""
_LABELS = re.compile(r"\s*Label values:[ \d]+$")
"""The labels of the whole batch, in the order that a trial happened to draw."""
_OPERATION = re.compile(r"\s*\[Op:[^\]]*\](?: name: ?)?")
_STATUS = re.compile(r"^(?:\(\d+\) )?[A-Z_]{6,}:\s+")
"""`(0) INVALID_ARGUMENT: `, as TensorFlow numbers what failed at once."""
_PLACE = re.compile(r'^\s*File "(.+)", line (\d+), in ', re.MULTILINE)
_WRAPPERS = (
    "Graph execution error:",
    "in user code:",
    "Detected at",
    "Stack trace for op definition",
    "Function call stack",
    "root error(s) found",
)
"""Lines of TensorFlow that only say that others follow."""
_SHORTENED = ("SimplifiedTraceback", "UnfilteredStackTrace", "JaxStackTraceBeforeTransformation")
"""Causes that JAX gives its exceptions, which hold stacks and no reason."""
_NOT_MADE = "'str' object has no attribute '_error_repr'"
"""What JAX says where Keras tries to make one of its exceptions anew, of a text."""
_TOO_SMALL = (
    "Computed output size would be",
    "Negative dimension size caused by",
    "should be smaller than the corresponding spatial dimension",
)
"""What Keras and TensorFlow say where nothing of a tensor would be left."""


def reason(error: BaseException) -> str:
    """Why, in one line: `ValueError in MaxPooling2D: Computed output size ... (mine.py:25)`.

    The place is that of the last frame in the person's own code, if there is one; a `HarnessError`
    has said what there is to say.
    """
    place = None if isinstance(error, HarnessError) else own_place(_meant(error))
    return told(error) if place is None else f"{told(error)} ({place})"


def told(error: BaseException) -> str:
    """Why, in one line, without the place: what an exception says with its type and its layer.

    Where it was raised `from` another, both are said.
    """
    return ", from ".join(dict.fromkeys(map(_line, _stated(_meant(error)))))


def own_place(error: BaseException) -> str | None:
    """File and line of the last frame in the person's own code, such as `mine.py:25`.

    That is code of no library and not of the harness; tasks and architectures, shipped or
    plugged in, count as own.
    """
    for cause in reversed([*_stated(error), *_covered(error)]):
        frames = [(f.filename, f.lineno) for f in traceback.extract_tb(cause.__traceback__)]
        # TensorFlow knows where the failed part of a graph was written; the frames do not.
        frames += [(file, int(line)) for file, line in _PLACE.findall(said(cause))]
        for file, line in reversed(frames):
            if own_file(file):
                return f"{short(Path(file))}:{line}"
    return None


def shrinks_to_nothing(error: BaseException) -> bool:
    """Whether a network could not be built as one of its layers leaves nothing of its input."""
    return any(words in said(error) for words in _TOO_SMALL)


def said(error: BaseException) -> str:
    """The text of an exception, which is made by its own code."""
    try:
        # The text of a KeyError is that of a string within quotes.
        text = error.args[0] if isinstance(error, KeyError) and error.args else None
        return text if isinstance(text, str) and "\n" in text else str(error)
    except Exception as fault:  # noqa: BLE001 - told in its place
        return f"its text cannot be had ({type(fault).__name__})"


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it was raised from; a library may cover the one with another."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:  # they may go in a circle
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _meant(error: BaseException) -> BaseException:
    """The exception that was to be told where telling it has failed."""
    told: BaseException | None = error
    while told is not None and _NOT_MADE in said(told):
        told = told.__context__
    return told or error


def _stated(error: BaseException) -> Iterator[BaseException]:
    """The error, and those that it says it was raised from, or that alone say something."""
    every = [e for e in causes(error) if type(e).__name__ not in _SHORTENED]
    for number, cause in enumerate(every):
        yield cause
        if number + 1 == len(every):
            return
        # What was being handled meanwhile is mostly no cause: only where nothing else is said.
        if cause.__cause__ is None and said(cause).strip():
            return


def _covered(error: BaseException) -> Iterator[BaseException]:
    """What Keras took the text from and hid: its frames reach deeper."""
    if _KERAS.search(_ANSI.sub("", said(error))) and error.__context__ is not None:
        yield error.__context__


def _line(error: BaseException) -> str:
    """What one exception says, with its type and with the layer if Keras names one."""
    if isinstance(error, HarnessError):
        return one_line(said(error))
    text, layer = _ANSI.sub("", said(error)), ""
    if found := list(_KERAS.finditer(text)):
        layer = found[-1][1]
        text = text[found[-1].end() :].rstrip("'")
        text = _KERAS_END.split(text, maxsplit=1)[0]
    text = _WRAPPED.sub(" ", _INFERRING.sub("", text))
    name = type(error).__name__ + (f" in {layer}" if layer else "")
    line = next(_informative(text), "")
    return one_line(f"{name}: {line}" if line else name)


def _informative(text: str) -> Iterator[str]:
    """The lines that say why; of a traceback within a text, the last."""
    lines = text.strip().splitlines()
    if lines and lines[0].startswith("in user code:"):
        lines = lines[-1:]
    within = False
    for line in lines:
        for noise, what_matters in (
            (_CALCULATION, r"\1"),
            (_NODE, ""),
            (_OPERATION, ""),
            (_LABELS, ""),
        ):
            line = noise.sub(what_matters, line)
        line = line.strip()
        line = _STATUS.sub("", line) if within else line
        wrapper = any(words in line for words in _WRAPPERS)
        within = within or wrapper
        if line and not wrapper and not line.startswith('File "') and line != "[[]]":
            yield line


@functools.cache
def own_file(file: str) -> bool:
    """Whether a file holds a person's own code."""
    path = Path(file)
    if not path.is_absolute():  # `<string>`
        return False
    if path.is_relative_to(_PACKAGE):
        return path.relative_to(_PACKAGE).parts[0] in _OWN_ROOMS
    places = [number for number, part in enumerate(path.parts) if part in _INSTALLED]
    if places:
        inside = path.parts[places[-1] + 1 :]
        return bool(inside) and inside[0].removesuffix(".py") in _plugins()
    return not path.is_relative_to(_STANDARD_LIBRARY)


@functools.cache
def _plugins() -> frozenset[str]:
    """Top-level modules of the plugins that are installed."""
    points = (point for group in _GROUPS for point in importlib.metadata.entry_points(group=group))
    return frozenset(point.module.split(".")[0] for point in points)


def short(path: Path) -> str:
    """A file as a person knows it; what many folders have is named with its folder."""
    return "/".join(path.parts[-2:]) if path.name.startswith("__") else path.name
