"""A fresh run that is killed while it discards the old answer."""

import os
import shutil
import signal

import pytest

from harness.driver.loop import Driver
from harness.journal.folder import JOURNAL
from harness.journal.write import Journal
from harness.spec import HarnessError
from harness.sweep.question import Sweep
from tests.faults.forks import CONTEXT
from tests.faults.sweeps import files, run_words

pytestmark = pytest.mark.skipif(os.name != "posix", reason="drivers are forked")

SWEEP = Sweep(name="fake", tasks=("blobs",), spaces=("good",))


def test_what_a_killed_fresh_run_left_is_not_taken_for_the_new_answer(tmp_path):
    left = ["models/a.keras", "outcomes/a.npz", "exhibits/a.json", "trials.csv", "report.html"]
    for removed in range(len(left) + 2):
        folder = tmp_path / str(removed)
        with Journal(folder) as journal:
            journal.begin(SWEEP, {}, "")
        for name in left:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).touch()
        process = CONTEXT.Process(target=clear_and_die, args=(folder, removed))
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        with Journal(folder) as journal:
            assert journal.read() is None
            assert files(folder) == {JOURNAL}


def interrupt_opening():
    """Has a driver be interrupted when nothing has been done yet."""
    Driver.__init__ = interrupted


def refuse_opening():
    Driver.__init__ = refused


def interrupted(*_):
    raise KeyboardInterrupt


def refused(*_):
    raise HarnessError("a search space that cannot be sampled")


@pytest.mark.parametrize("fate, code", [(interrupt_opening, 130), (refuse_opening, 2)])
def test_the_old_answer_is_there_until_the_new_one_begins(forks, calm, tmp_path, fate, code):
    question, quiet = calm()
    folder = shutil.copytree(quiet, tmp_path / "fake")
    before = {name: (folder / name).read_bytes() for name in files(folder)}
    run = forks.run(*run_words(question, tmp_path), "--fresh", fate=fate)
    assert run.code == code
    assert {name: (folder / name).read_bytes() for name in files(folder)} == before
    if code == 130:  # what was asked for has not been done: it is asked for again
        assert run.out.splitlines()[-1].endswith("--fresh")


def clear_and_die(folder, removed):
    """Begins anew and is killed after a number of removals."""
    remove, count = os.unlink, [0]

    def unlink(*arguments, **options):
        if count[0] == removed:
            os.kill(os.getpid(), signal.SIGKILL)
        count[0] += 1
        remove(*arguments, **options)

    os.unlink = unlink
    Journal(folder, fresh=True).begin(SWEEP, {}, "")
