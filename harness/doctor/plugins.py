"""Whether every task and search space file loads, and every plugin; each is tried by itself."""

import importlib
import importlib.metadata
import json
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

from harness import registry
from harness.doctor.child import answering, ask
from harness.doctor.finding import Finding
from harness.failure import describe_error
from harness.spec import HarnessError

NAME = "registry"
SECONDS = 60.0
_GROUPS = ("harness.tasks", "harness.search_spaces")
_REMEDY = "correct it, or uninstall it; until then every command that needs tasks refuses"
_CODE = "from harness.doctor.plugins import answer; answer()"


def registered(seconds: float = SECONDS) -> tuple[Finding, ...]:
    """One finding for each file or plugin that fails, or one that all of them load.

    They run in a process of their own: a plugin can also crash, hang or end the process.
    """
    reply = ask(_CODE, seconds)
    said = [json.loads(line) for line in reply.lines]
    failed = [entry for entry in said if "error" in entry]
    findings = [
        Finding(NAME, "error", f"{entry['origin']}: {entry['error']}", _REMEDY) for entry in failed
    ]
    if reply.fault is not None:
        last = next((entry["origin"] for entry in reversed(said) if "origin" in entry), "Python")
        message = f"{last}: the process that loaded it {reply.fault}"
        return (*findings, Finding(NAME, "error", message, _REMEDY))
    if findings:
        return tuple(findings)
    counts = said[-1]
    return (Finding(NAME, "ok", f"{counts['tasks']} tasks, {counts['spaces']} search spaces"),)


# --- in the child -------------------------------------------------------------------


def answer() -> None:
    """Says on standard output, a JSON object a line, what it loads and what failed of it."""
    answers = answering()

    def say(**fields: Any) -> None:
        answers.write(json.dumps(fields) + "\n")

    failed = False
    for origin, load in (found for names in _GROUPS for found in _origins(names)):
        say(origin=origin)
        try:
            load()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin can fail in any way
            failed = True
            say(origin=origin, error=describe_error(error).message)
    if not failed:  # else it names one of those again
        try:
            say(tasks=len(registry.tasks()), spaces=len(registry.spaces()))
        except HarnessError as error:  # two of one name, or a plugin that holds neither
            say(origin="what was loaded", error=str(error))
    answers.close()


def _origins(group: str) -> Iterator[tuple[str, Callable[[], Any]]]:
    """What the registry would load, each with its name and by itself."""
    for module in pkgutil.iter_modules(importlib.import_module(group).__path__):
        if not module.name.startswith("_"):
            name = f"{group}.{module.name}"
            yield name, lambda name=name: importlib.import_module(name)  # type: ignore[misc]
    for point in importlib.metadata.entry_points(group=group):
        distribution = point.dist.name if point.dist else "an unnamed distribution"
        yield f"{distribution} (entry point {point.name} = {point.value})", point.load
