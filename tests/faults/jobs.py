"""Jobs that misbehave, importable by workers; each is called with `report` and its arguments."""

import ctypes
import gc
import locale
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

DAEMON = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
print(os.getpid(), flush=True)
time.sleep(600)
"""
"""Leaves its parent, its group and its session behind, as a server does that is started once."""


def run(job, report):
    """Calls the function of this module that the job names."""
    name, *arguments = job
    return globals()[name](report, *arguments)


def echo(report, value):
    return value


def daemon(report):
    """Starts a process that nobody's family tree shows, and tells its id."""
    pid = _daemon()
    report({"pids": [os.getpid(), pid]})
    return pid


def hang(report):
    """Refuses to end, as do a child, a grandchild in a session of its own, and a daemon."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    child = subprocess.Popen([sys.executable, "-c", code])
    apart = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    report({"pids": [os.getpid(), child.pid, apart.pid, _daemon()]})
    while True:
        time.sleep(600)


def segfault_with_daemon(report):
    daemon(report)
    ctypes.string_at(0)


def leak(report, megabytes):
    """Keeps more and more, a little at a time."""
    kept = []
    while True:
        kept.append(b"x" * (megabytes * 1_000_000))
        time.sleep(0.02)


def flood(report, rounds, megabytes, limit):
    """Prints a lot, waits until the log is short again, and so on; returns its largest size."""
    largest = 0
    for number in range(rounds):
        for _ in range(megabytes):
            sys.stdout.write(("x" * 999 + "\n") * 1_000)
        largest = max(largest, os.fstat(1).st_size)
        deadline = time.monotonic() + 20
        while os.fstat(1).st_size > limit:
            assert time.monotonic() < deadline, "the log stays long"
            time.sleep(0.01)
        print(f"the last word of round {number}")
    return largest


def close_output(report, how):
    """Leaves no way to print."""
    if how == "streams":
        sys.stdout.close()
        sys.stderr.close()
    elif how == "descriptors":
        os.close(1)
        os.close(2)
    else:
        sys.stdout = sys.stderr = None
    return "quiet"


def speak(report, word):
    print(word)
    print(word, file=sys.stderr)
    os.system(f"echo {word}")  # noqa: S605 - from the tests
    return word


def spoil(report, folder):
    """Changes all that a process has for itself."""
    import resource  # not on Windows

    os.chdir(folder)
    os.umask(0o777)
    os.environ["OMP_NUM_THREADS"] = "99"
    os.environ["LEFT_BEHIND"] = "yes"
    del os.environ["HOME"]
    locale.setlocale(locale.LC_ALL, "C")
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGALRM, lambda *_: os._exit(9))
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    for number, soft in ((resource.RLIMIT_AS, 2**40), (resource.RLIMIT_FSIZE, 1)):
        resource.setrlimit(number, (soft, resource.getrlimit(number)[1]))


def lower_for_good(report):
    """Lowers a limit that nobody but the superuser can raise again, and is not the superuser."""
    import resource  # not on Windows

    resource.setrlimit(resource.RLIMIT_FSIZE, (2**40, 2**40))
    if os.geteuid() == 0:
        os.seteuid(65534)


def surroundings(report, seconds=0.0):
    """What `spoil` changes, as it is found."""
    import resource  # not on Windows

    time.sleep(seconds)
    mask = os.umask(0)
    os.umask(mask)
    return {
        "pid": os.getpid(),
        "folder": str(Path.cwd()),
        "mask": mask,
        "variables": dict(os.environ),
        "locale": locale.setlocale(locale.LC_ALL),
        "limits": [resource.getrlimit(n) for n in (resource.RLIMIT_AS, resource.RLIMIT_FSIZE)],
        "signals": [repr(signal.getsignal(n)) for n in (signal.SIGTERM, signal.SIGINT)],
    }


def leave_thread(report, seconds):
    """Leaves a thread that goes on to print and to report."""

    def go_on():
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            print("from a thread that was left behind")
            report({"late": True})
            time.sleep(0.001)

    threading.Thread(target=go_on, daemon=True).start()


def leave_garbage(report):
    """Leaves objects that raise when they are collected, and collection switched off."""

    class Grudge:
        def __del__(self):
            raise RuntimeError("collected")

    knot = Grudge()
    knot.self = knot
    gc.disable()


def stop(report, error):
    raise error


def leave_at_once(report, way):
    {"sys.exit": sys.exit, "os._exit": os._exit}[way](0)


class Stubborn(BaseException):
    """Is no `Exception`."""


class Speechless(Exception):
    """Cannot say what it is."""

    def __str__(self):
        raise RuntimeError("no words")


def stop_strangely(report, kind):
    """Raises what cannot be pickled, printed, or kept as it is."""
    raise {
        "base": lambda: Stubborn("not an Exception"),
        "speechless": Speechless,
        "long": lambda: ValueError("x" * 10_000_000),
        "lines": lambda: ValueError("first\r\nsecond\nthird"),
        "controls": lambda: ValueError("a\x1b[31mred\x1b[0m \0 \x07 \u202e"),
        "surrogates": lambda: ValueError("half \ud83d of a pair"),
        "markup": lambda: ValueError("[red]x[/red] <script> =1+1 | `code`"),
        "empty": lambda: ValueError(""),
        "deep": _deep,
        "circle": _circle,
    }[kind]()


def _deep():
    error = ValueError("the last of many")
    for number in range(2_000):
        cause, error = error, ValueError(f"{number} " + "y" * 200)
        error.__cause__ = cause
    return error


def _circle():
    """An exception that was raised from one that was raised from it."""
    error, cause = OSError("one"), OSError("other")
    error.__cause__, cause.__cause__ = cause, error
    return error


def _daemon():
    with subprocess.Popen([sys.executable, "-c", DAEMON], stdout=subprocess.PIPE) as process:
        return int(process.stdout.readline())
