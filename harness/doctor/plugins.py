"""Whether every task and search space file loads, and every plugin; each is tried by itself."""

import json
import sys
from typing import Any

from harness import registry
from harness.doctor.child import answering, ask
from harness.doctor.finding import Finding
from harness.registry import Fault
from harness.registry.catalogue import candidates, collect
from harness.spec import HarnessError

NAME = "registry"
SECONDS = 60.0
_LEFT_OUT = "correct it, or uninstall it; until then it is left out"
_REFUSED = "correct it, or uninstall it; until then every command that needs tasks refuses"
_CODE = "from harness.doctor.plugins import answer; answer()"


def registered(seconds: float = SECONDS) -> tuple[Finding, ...]:
    """How many tasks and spaces load, and one finding for each file or plugin that does not.

    They run in a process of their own: a plugin can also crash, hang or end the process.
    """
    words = json.dumps([str(path) for path in registry.plugins()])
    reply = ask(_CODE, seconds, words)
    said = [json.loads(line) for line in reply.lines]
    findings = [
        Finding(NAME, "warning", f"{entry['origin']}: {entry['error']}", _LEFT_OUT)
        for entry in said
        if "error" in entry
    ]
    if reply.fault is not None:
        last = next((entry["origin"] for entry in reversed(said) if "origin" in entry), "Python")
        message = f"{last}: the process that loaded it {reply.fault}"
        return (*findings, Finding(NAME, "error", message, _REFUSED))
    last_said = said[-1]
    if "refused" in last_said:
        return (*findings, Finding(NAME, "error", last_said["refused"], _REFUSED))
    counts = f"{last_said['tasks']} tasks, {last_said['spaces']} search spaces"
    return (*findings, Finding(NAME, "ok", counts))


# --- in the child -------------------------------------------------------------------


def answer() -> None:
    """Says on standard output, a JSON object a line, what it loads and what came of it."""
    answers = answering()

    def say(**fields: Any) -> None:
        answers.write(json.dumps(fields) + "\n")

    registry.use(json.load(sys.stdin))
    told = set()
    for candidate in candidates(registry.plugins()):
        say(origin=str(candidate.origin))
        found = candidate.load()
        if isinstance(found, Fault):
            told.add(str(candidate.origin))
            say(origin=str(candidate.origin), error=found.reason)
    try:
        every = collect(registry.plugins())
    except HarnessError as error:  # two of one name
        say(refused=str(error))
    else:
        for fault in every.faults:
            if str(fault.origin) not in told:  # a plugin file that holds nothing
                say(origin=str(fault.origin), error=fault.reason)
        say(tasks=len(every.tasks), spaces=len(every.spaces))
    answers.close()
