"""A disk that is full, wherever the driver writes: one line, and the next run carries on."""

import functools
import os
import re
import shutil
import time

import pytest

from harness.journal.folder import JOURNAL
from tests.faults.disks import KILOBYTE, limit_files, small_disk
from tests.faults.sweeps import ended, files, run_words, same

pytestmark = pytest.mark.skipif(os.name != "posix", reason="drivers are forked")

FULL = r"harness: \S+: cannot be written \((File too large|No space left on device)\)\n"


def survive(forks, line, folder, disks):
    """Runs a sweep on one full disk after the other, while they are full before its end; each is a
    function that fills or limits it and returns what befalls the driver. Returns how often it was
    full, the seconds to the next trial of each next run, and the trials lost."""
    times, seconds, lost, since = 0, [], 0, None
    for disk in disks:
        before = ended(folder)
        began = time.monotonic()
        run = forks.run(*line, fate=disk())
        if run.code == 0:
            assert run.err.startswith("no report: ") or not run.err
            break
        times += 1
        assert (run.code, bool(re.fullmatch(FULL, run.err))) == (2, True), run.out + run.err
        after = ended(folder)
        lost += (before - after).total()
        if since is not None and after != before:
            seconds.append(time.monotonic() - began)
        since = began
    return times, seconds, lost


@pytest.mark.parametrize(
    "tuner, sizes",
    [
        ("hyperband", (600, 9_000, 20_003)),
        *(
            pytest.param(tuner, tuple(range(600, 32_000, 797)), marks=pytest.mark.long)
            for tuner in ("hyperband", "bayesian")
        ),
    ],
)
def test_the_journal_ends_anywhere(forks, calm, tmp_path, toll, tuner, sizes):
    """Every few bytes the disk is full again, in the middle of whatever line that is."""
    question, quiet = calm(tuner)
    folder, line = tmp_path / "fake", run_words(question, tmp_path)
    sizes = [size for size in sizes if size < (quiet / JOURNAL).stat().st_size]
    limits = [functools.partial(functools.partial, limit_files, size) for size in sizes]
    times, seconds, lost = survive(forks, line, folder, limits)
    assert times >= 3
    run = forks.run(*line)
    assert (run.code, run.err) == (0, ""), run.out
    found = ended(folder)
    doubled = found.total() - len(found)
    toll("disk full (files cannot grow)", times, lost, doubled, seconds)
    assert (lost, doubled) == (0, 0)
    same(folder, quiet)


@pytest.mark.parametrize(
    "rooms", [(0, 8, 16), pytest.param(tuple(range(0, 60, 3)), marks=pytest.mark.long)], ids=len
)
def test_a_small_disk_fills_up(forks, calm, tmp_path, toll, rooms):
    question, quiet = calm()
    with small_disk(tmp_path / "disk", 16 << 20) as disk:
        folder, line = disk.folder / "fake", run_words(question, disk.folder)

        def leave(kilobytes):
            disk.leave(kilobytes * KILOBYTE)

        rooms = [functools.partial(leave, room) for room in rooms]
        times, seconds, lost = survive(forks, line, folder, rooms)
        assert (lost, times >= 3) == (0, True)
        disk.free()
        run = forks.run(*line)
        assert (run.code, run.err) == (0, ""), run.out
        found = ended(folder)
        toll("disk full (no space left)", times, lost, found.total() - len(found), seconds)
        same(folder, quiet)


def test_a_report_that_finds_no_room_costs_no_sweep(forks, calm, tmp_path, toll):
    question, quiet = calm()
    folder, line = tmp_path / "fake", run_words(question, tmp_path)
    journal, page = (quiet / name for name in (JOURNAL, "report.html"))
    room = 2 * journal.stat().st_size
    assert room < page.stat().st_size, "the journal fits, the page does not"
    run = forks.run(*line, fate=functools.partial(limit_files, room))
    assert run.code == 0, run.err
    assert re.fullmatch(
        rf"no report: \S+: cannot be written \(File too large\); then: harness report {folder}\n",
        run.err,
    )
    assert ended(folder) == ended(quiet)
    kept = files(folder)
    assert kept < files(quiet), "what is there is whole"
    refused = forks.run("report", folder, fate=functools.partial(limit_files, room))
    assert (refused.code, bool(re.fullmatch(FULL, refused.err))) == (2, True)
    assert files(folder) == kept
    again = forks.run("report", folder)
    assert (again.code, again.err) == (0, "")
    toll("disk full (report)", 2)
    same(folder, quiet)


def test_a_report_that_finds_no_room_leaves_the_old_one(forks, calm, tmp_path, toll):
    folder = shutil.copytree(calm()[1], tmp_path / "fake")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    run = forks.run("report", folder, fate=functools.partial(limit_files, 1_000))
    assert (run.code, bool(re.fullmatch(FULL, run.err))) == (2, True)
    toll("disk full (report)")
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
