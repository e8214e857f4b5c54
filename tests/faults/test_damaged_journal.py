"""A damaged journal: refused with its line and a way out, or read as far as it is whole."""

import functools
import json
import os
import re
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from harness.journal.events import VERSION
from harness.journal.folder import JOURNAL
from harness.journal.read import read_journal
from tests.conftest import environment
from tests.faults.disks import limit_files
from tests.faults.sweeps import answer, ended, run_words, same

pytestmark = pytest.mark.skipif(os.name != "posix", reason="drivers are forked")

COMMANDS = ("run", "status", "report", "describe")


@pytest.fixture
def folder(calm, tmp_path):
    """The folder of a sweep that ran to its end, in the surroundings that forked drivers have."""
    folder = shutil.copytree(calm()[1], tmp_path / "fake")
    first, *rest = lines(folder)
    event = json.loads(first)
    event["environment"]["git_commit"] = None
    put(folder, json.dumps(event).encode() + b"\n", *rest)
    return folder


def lines(folder):
    return (folder / JOURNAL).read_bytes().splitlines(keepends=True)


def put(folder, *content):
    (folder / JOURNAL).write_bytes(b"".join(content))


def said(forks, calm, folder, command):
    """What a command says of a sweep's folder."""
    line = {
        "run": run_words(calm()[0], folder.parent),
        "describe": ("describe", f"{folder}/blobs/good"),
    }.get(command, (command, folder))
    return forks.run(*line)


def refused(forks, calm, folder, pattern, commands=COMMANDS):
    """Whether commands refuse a folder with one line, and leave it as it is."""
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    for command in commands:
        run = said(forks, calm, folder, command)
        assert (run.code, run.out) == (2, ""), command
        assert re.fullmatch(rf"harness: {folder}.*{pattern}.*\n", run.err), run.err
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_a_line_of_garbage_is_named(forks, calm, folder, toll):
    content = lines(folder)
    put(folder, *content[:8], b'{"event": "fin\x00\xff garbage\n', *content[9:])
    refused(forks, calm, folder, r"journal\.jsonl, line 9: not a journal event \(.+\);.+--fresh")
    toll("journal damaged in the middle", len(COMMANDS))


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param("é".encode("latin-1") + b"\n", id="not UTF-8"),
        pytest.param(bytes(4096) + b"\n", id="NUL"),
        pytest.param(b"\n", id="empty"),
        pytest.param(b'{"event": "data", "time": 1, "task": "blobs"}\n', id="incomplete"),
        pytest.param(b'{"event": "data", "time": 1, "task": []}\n', id="no name"),
    ],
)
def test_any_garbage_is_named(forks, calm, folder, toll, garbage):
    content = lines(folder)
    put(folder, *content[:8], garbage, *content[8:])
    refused(forks, calm, folder, r"line 9: not a journal event \(.+\);.+--fresh", ("status",))
    toll("journal damaged in the middle")


def test_sync_names_it_as_well(calm, folder, tmp_path):
    put(folder, *lines(folder)[:3], b"{}\n")
    run = subprocess.run(
        [sys.executable, "-m", "harness", "sync", folder, "--tracking", f"sqlite:///{tmp_path}/m.db"],
        env=environment(), capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (run.returncode, run.stdout) == (2, "")
    assert re.fullmatch(rf"harness: {folder}/journal\.jsonl, line 4: .+\n", run.stderr)


@pytest.mark.parametrize("cut", [9, pytest.param(20, marks=pytest.mark.long)])
def test_what_stands_before_the_damage_is_kept(forks, calm, folder, toll, cut):
    """The way out that costs the least: the sweep carries on from there."""
    quiet = calm()[1]
    content = lines(folder)
    put(folder, *content[: cut - 1], b"garbage\n", *content[cut:])
    way = "delete it and all below it and carry on from there, or start anew with --fresh"
    refused(forks, calm, folder, f"line {cut}: .+{way}", ("run",))
    put(folder, *content[: cut - 1])
    before = ended(folder)
    assert 0 < before.total() < ended(quiet).total()
    run = said(forks, calm, folder, "run")
    assert (run.code, run.err) == (0, ""), run.out
    found = ended(folder)
    toll("journal cut at a damaged line", 1, (before - found).total(), found.total() - len(found))
    same(folder, quiet)


def test_fresh_is_the_other_way_out(forks, calm, folder, toll):
    put(folder, b"garbage\n")
    refused(forks, calm, folder, "line 1", ("run", "status"))
    run = forks.run(*run_words(calm()[0], folder.parent), "--fresh")
    assert (run.code, run.err) == (0, ""), run.out
    toll("journal damaged in its first line")
    same(folder, calm()[1])


def test_a_newer_journal_is_left_alone(forks, calm, folder, toll):
    first, *rest = lines(folder)
    newer = first.replace(b'"version": %d' % VERSION, b'"version": %d' % (VERSION + 1))
    put(folder, newer, *rest)
    refused(forks, calm, folder, "written by a newer harness .+ upgrade keras-automl-harness")
    toll("journal of a newer version", len(COMMANDS))


def test_a_folder_in_its_place(forks, calm, folder, toll):
    (folder / JOURNAL).unlink()
    (folder / JOURNAL).mkdir()
    refused(forks, calm, folder, "")
    fresh = forks.run(*run_words(calm()[0], folder.parent), "--fresh")
    assert (fresh.code, fresh.err.count("\n")) == (2, 1)
    assert fresh.err.startswith(f"harness: {folder / JOURNAL}: cannot be opened (")
    toll("journal that is a folder", len(COMMANDS) + 1)


def test_an_empty_journal_is_one_that_nothing_was_written_to(forks, calm, folder, toll):
    put(folder)
    assert "nothing recorded yet" in said(forks, calm, folder, "status").out
    refused(forks, calm, folder, "", ("report", "describe"))
    run = said(forks, calm, folder, "run")
    assert (run.code, run.err) == (0, ""), run.out
    toll("journal that is empty")
    same(folder, calm()[1])


@pytest.mark.parametrize(
    "tail",
    [
        pytest.param(lambda line: bytes(3000), id="NUL"),
        pytest.param(lambda line: line[:40] + bytes(3000), id="half a line and NUL"),
        pytest.param(lambda line: line[: len(line) // 2], id="half a line"),
        pytest.param(lambda line: line[:-1], id="all but the newline"),
        pytest.param(lambda line: b"\xff\xfe" * 50, id="not UTF-8"),
    ],
)
def test_a_last_line_that_is_torn_was_not_written(forks, calm, folder, toll, tail):
    """NUL bytes are what some file systems leave of a file that grew before a power cut."""
    quiet, content = calm()[1], lines(folder)
    put(folder, *content[:14], tail(content[14]))
    assert said(forks, calm, folder, "status").code == 0
    before = ended(folder)
    run = said(forks, calm, folder, "run")
    assert (run.code, run.err) == (0, ""), run.out
    found = ended(folder)
    toll("journal torn in its last line", 1, (before - found).total(), found.total() - len(found))
    same(folder, quiet)


def test_carriage_returns_are_no_damage(forks, calm, folder, toll):
    """An editor, or a copy by way of another system, may leave them."""
    put(folder, *(line.replace(b"\n", b"\r\n") for line in lines(folder)[:14]))
    run = said(forks, calm, folder, "run")
    assert (run.code, run.err) == (0, ""), run.out
    toll("journal with carriage returns")
    same(folder, calm()[1])


def test_a_result_that_is_there_twice_counts_once(forks, calm, folder, toll):
    quiet, content = calm()[1], lines(folder)
    twice = [line for line in content for _ in range(1 + (b'"finished"' in line))]
    put(folder, *twice[:17])
    assert ended(folder).total() > len(ended(folder))
    run = said(forks, calm, folder, "run")
    assert (run.code, run.err) == (0, ""), run.out
    toll("journal that names results twice", 17)
    assert set(ended(folder)) == set(ended(quiet))
    for found, expected in zip(answer(folder), answer(quiet), strict=True):
        pd.testing.assert_frame_equal(found, expected)


def test_a_line_may_be_long(forks, calm, folder):
    first, *rest = lines(folder)
    event = json.loads(first)
    event["environment"]["notes"] = "x" * (8 << 20)
    put(folder, json.dumps(event).encode() + b"\n", *rest)
    assert len(read_journal(folder).environment["notes"]) == 8 << 20
    run = said(forks, calm, folder, "status")
    assert (run.code, run.err) == (0, "")


def test_a_full_disk_and_a_driver_that_is_gone_leave_a_torn_line(forks, calm, tmp_path, toll):
    question, quiet = calm()
    folder, line = tmp_path / "fake", run_words(question, tmp_path)
    size = (quiet / JOURNAL).stat().st_size // 2
    assert forks.run(*line, fate=functools.partial(limit_files, size)).code == 2
    torn = (folder / JOURNAL).read_bytes()
    assert (len(torn), torn.endswith(b"\n")) == (size, False)
    before = ended(folder)
    for command in COMMANDS[1:]:
        run = said(forks, calm, folder, command)
        assert (run.code, run.err) == (0, ""), command
    assert (folder / JOURNAL).read_bytes() == torn, "only a driver cuts it"
    run = forks.run(*line)
    assert (run.code, run.err) == (0, ""), run.out
    found = ended(folder)
    toll("journal torn by a full disk", 1, (before - found).total(), found.total() - len(found))
    same(folder, quiet)


def test_a_result_of_which_nothing_tells_how_it_began(forks, calm, folder, toll):
    content = lines(folder)
    first = next(n for n, line in enumerate(content) if b'"asked"' in line)
    ended_first = next(line for line in content if b'"finished"' in line)
    put(folder, *content[:first], ended_first)
    run = said(forks, calm, folder, "run")
    assert (run.code, run.err.count("\n")) == (2, 1), run.err
    assert "restore the missing line from a copy, or start anew with --fresh" in run.err
    toll("journal with a line gone")
