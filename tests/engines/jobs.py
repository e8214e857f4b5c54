"""Job functions for the engine's tests, importable by its workers."""

import ctypes
import errno
import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.failure import describe_error
from harness.trial import Failure

AT_IMPORT = os.environ.get("HARNESS_TEST", "")
"""The variable as it was when this module was imported."""


def run(job: Any, report: Any) -> Any:
    """Calls the function of this module that the job names."""
    name, *arguments = job
    return globals()[name](report, *arguments)


def fail_to_start() -> None:
    raise ImportError("no such framework")


def die_at_start() -> None:
    os._exit(7)


def echo(report, value):
    return value


def pid(report):
    return os.getpid()


def environment(report, *names):
    return AT_IMPORT, {name: os.environ.get(name) for name in names}


def work(report, seconds):
    """Reports that it began, then sleeps."""
    report({"pid": os.getpid()})
    time.sleep(seconds)


def spin(report):
    report({"pid": os.getpid()})
    while True:
        pass


def divide(report):
    report({"epoch": 1})
    return 1 / 0


def run_out_of_memory(report):
    raise MemoryError


def fail_with_pid(report, kind, way):
    """Fails and says in which process, by an exception or, as a trial does, by its value."""
    message = str(os.getpid())
    error = {
        "memory": MemoryError(message),
        "infrastructure": OSError(errno.ENOSPC, message),
        "code": ValueError(message),
    }[kind]
    if way == "raised":
        raise error
    return Recorded(describe_error(error))


@dataclass(frozen=True)
class Recorded:
    """A value that holds its failure."""

    failure: Failure


def hang(report):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    report({"pids": [os.getpid(), child.pid]})
    time.sleep(60)


def exit_at_once(report, code):
    report({"epoch": 1})
    os._exit(code)


def segfault(report):
    ctypes.string_at(0)


def eat_memory(report):
    blocks = []
    while True:
        blocks.append(b"x" * 20_000_000)
        time.sleep(0.01)


def grow(report, megabytes):
    """Leaves the worker larger than it was."""
    globals()["LEAK"] = b"x" * (megabytes * 1_000_000)
    return os.getpid()


def leave_child(report, code):
    """Dies while a forked child keeps every descriptor open."""
    child = os.fork()
    if child == 0:
        time.sleep(60)
    report({"pids": [child]})
    os._exit(code)


def return_from_fork(report):
    """A job whose forked child comes back as if it were the worker."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
    return "parent" if child else "child"


def flood(report, count):
    for number in range(count):
        report({"number": number})
    return count


def print_much(report, lines):
    for number in range(lines):
        print(f"line {number} " + "x" * 80)
    os.system("echo from a subprocess")  # noqa: S605 - a constant
    print("to stderr", file=sys.stderr)
    return lines


def lambda_value(report):
    return lambda: 1


class Unreadable:
    """Pickles well and fails to unpickle."""

    def __reduce__(self):
        return (int, ("not a number",))


def unreadable_value(report):
    return Unreadable()


def die_in_message(report):
    """Dies with half a message written to the driver."""
    events = max(int(fd.name) for fd in Path("/proc/self/fd").iterdir() if _is_pipe(fd))
    os.write(events, pickle.dumps(("value", 1, b"x" * 1000))[:500])
    os.kill(os.getpid(), signal.SIGKILL)


def _is_pipe(path: Path) -> bool:
    return path.exists() and str(path.readlink()).startswith("pipe:")
