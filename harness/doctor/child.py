"""Questions put to a process of their own, so that what crashes or hangs there stays there."""

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import IO, TextIO

from harness.engines.local.process import GRACE_SECONDS, describe_exit
from harness.engines.local.worker import kill_tree
from harness.system import isolation

_TAIL = 65536
"""Bytes that are read of what a child complained about; the end says why it died."""


@dataclass(frozen=True)
class Answer:
    """What is known of a child that has ended."""

    lines: tuple[str, ...]
    """What it said, also when it did not live to say all of it."""
    fault: str | None
    """How it ended, if not well: `did not answer within 5 s`, `was killed by SIGSEGV`."""
    complaint: str
    """Last line of its standard error; often the only reason there is."""


@contextlib.contextmanager
def asked(
    code: str,
    seconds: float,
    words: str = "",
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Callable[[], Answer]]:
    """Starts Python on `code` and yields the function that waits for its answer.

    On leaving, whatever is left of the child is killed, with all it has started.

    Args:
        code: A program, which speaks through `answering`.
        seconds: How long `code` may take before it is killed.
        words: Its standard input; nobody else can read it, as they can a command line.
        environment: Variables set before anything is imported there.
    """
    variables = {**isolation.variables(), "PYTHONIOENCODING": "utf-8", **environment}
    # Files, not pipes: a pipe stays open while any process the child has started lives on.
    with (
        tempfile.TemporaryFile() as questions,
        tempfile.TemporaryFile() as answers,
        tempfile.TemporaryFile() as complaints,
    ):
        questions.write(words.encode())
        questions.seek(0)
        process = subprocess.Popen(
            [*isolation.PYTHON, "-c", code],
            stdin=questions,
            stdout=answers,
            stderr=complaints,
            env=variables,
            start_new_session=True,
        )

        def answer() -> Answer:
            fault = None
            try:
                ended = process.wait(seconds)
                if ended != 0:
                    fault = describe_exit(ended).message.removeprefix("the worker process ")
            except subprocess.TimeoutExpired:
                fault = f"did not answer within {seconds:g} s"
            kill_tree(process.pid)
            said, complained = _text(answers).splitlines(), _text(complaints).splitlines()
            complaint = next((line.strip() for line in reversed(complained) if line.strip()), "")
            return Answer(tuple(said), fault, complaint)

        try:
            yield answer
        finally:
            kill_tree(process.pid)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_SECONDS)


def ask(
    code: str,
    seconds: float,
    words: str = "",
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Answer:
    """The answer of a child that is started and waited for; arguments as of `asked`."""
    with asked(code, seconds, words, environment) as answer:
        return answer()


def answering() -> TextIO:
    """The child's side: a stream that takes answers, each line at once.

    What libraries print goes to standard error from now on.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8", errors="backslashreplace")
    os.dup2(2, 1)
    return answers


def _text(file: IO[bytes]) -> str:
    file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
    return file.read().decode("utf-8", errors="replace")
