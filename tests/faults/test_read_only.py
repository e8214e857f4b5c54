"""Folders that may only be read: one line, and what needs no writing works."""

import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys

import pytest

from harness.data import download
from harness.spec import Source
from harness.system.atomic_files import PART
from tests.conftest import environment
from tests.faults.disks import limit_files, read_only
from tests.faults.sweeps import ended, run_words, same

pytestmark = pytest.mark.skipif(os.name != "posix", reason="drivers are forked")

WHY = r"\((Read-only file system|Permission denied)\)"


@pytest.fixture
def cache(cache_root, calm, tmp_path):
    """A cache of one's own that holds the data of the sweep."""
    calm()
    own = tmp_path / "cache"
    shutil.copytree(cache_root / "prepared" / "blobs", own / "prepared" / "blobs")
    return own


def one_line(run, pattern):
    """Whether a command was refused with this line and nothing else."""
    assert (run.code, run.out) == (2, "")
    assert re.fullmatch(rf"harness: {pattern}\n", run.err), run.err


def test_an_output_that_may_only_be_read(forks, calm, tmp_path, toll):
    question, _ = calm()
    output = tmp_path / "results"
    output.mkdir()
    with read_only(output):
        one_line(
            forks.run(*run_words(question, output)), rf"{output}/fake: cannot write there {WHY}"
        )
        toll("read-only output")
        assert not list(output.iterdir())


def test_a_sweep_that_may_only_be_read_is_looked_at_and_carried_on_later(
    forks, calm, tmp_path, toll
):
    question, quiet = calm()
    folder, line = tmp_path / "results" / "fake", run_words(question, tmp_path / "results")
    half = forks.run(*line, fate=functools.partial(limit_files, 9_000))
    assert half.code == 2
    before = ended(folder)
    assert before.total() > 0
    with read_only(tmp_path / "results"):
        content = {path: path.read_bytes() for path in folder.iterdir()}
        one_line(forks.run(*line), rf"{folder}(/\S+)?: cannot (write there|be opened) {WHY}")
        one_line(forks.run("report", folder), rf"{folder}/\S+: cannot be written {WHY}")
        for look in (("status", folder), ("describe", f"{folder}/blobs/good")):
            run = forks.run(*look)
            assert (run.code, run.err) == (0, "")
            assert "fake" in run.out
        assert {path: path.read_bytes() for path in folder.iterdir()} == content
    again = forks.run(*line)
    assert (again.code, again.err) == (0, "")
    lost, found = (before - ended(folder)).total(), ended(folder)
    toll("read-only output", 2, lost, found.total() - len(found))
    same(folder, quiet)


def test_a_report_in_whose_place_a_folder_is(forks, calm, tmp_path, toll):
    folder = shutil.copytree(calm()[1], tmp_path / "fake")
    (folder / "report.html").unlink()
    (folder / "report.html").mkdir()
    one_line(forks.run("report", folder), rf"{folder}/report.html: cannot be written \(.+\)")
    toll("read-only output")
    assert not list(folder.glob(f"{PART}*"))


def test_prepared_data_that_may_only_be_read_is_used(forks, calm, tmp_path, toll, cache):
    question, quiet = calm()
    with read_only(cache):
        run = forks.run(*run_words(question, tmp_path), HARNESS_CACHE=str(cache))
    toll("read-only cache")
    assert (run.code, run.err) == (0, ""), run.out
    same(tmp_path / "fake", quiet)


def test_data_cannot_be_prepared_where_nothing_can_be_written(forks, calm, tmp_path, toll, cache):
    question, _ = calm()
    (meta,) = cache.glob("prepared/blobs/*/meta.json")
    meta.write_bytes(meta.read_bytes()[:-1])
    reason = rf"{cache}/prepared/blobs: cannot write there {WHY}"
    with read_only(cache):
        for line in (run_words(question, tmp_path), ("prepare", "blobs")):
            one_line(forks.run(*line, HARNESS_CACHE=str(cache)), reason)
    toll("read-only cache", 2)
    assert not (tmp_path / "fake").exists(), "nothing was begun"


def test_a_home_that_is_none(forks, calm, tmp_path, toll, cache):
    """Without `HARNESS_CACHE` it is where data would go; with it, nobody needs it."""
    question, quiet = calm()
    home = tmp_path / "home"
    home.write_text("a file, not a folder")
    nowhere = {"HOME": str(home), "XDG_CACHE_HOME": "", "XDG_CONFIG_HOME": ""}
    run = forks.run(*run_words(question, tmp_path), **nowhere, HARNESS_CACHE="")
    one_line(run, rf"{home}/\S+/prepared/blobs: cannot write there \(Not a directory\)")
    assert not (tmp_path / "fake").exists(), "nothing was begun"

    command = [sys.executable, "-m", "tests.faults.fake", question, "--output", tmp_path]
    done = subprocess.run(
        command, env=environment(**nowhere), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    toll("no home", 2)
    same(tmp_path / "fake", quiet)


def test_a_data_directory_that_may_only_be_read(tmp_path, toll):
    content = b"the data"
    path = tmp_path / "data" / "demo" / "data.txt"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    source = Source("demo", "data.txt", None, hashlib.sha256(content).hexdigest())
    with read_only(tmp_path / "data"):
        found = download.fetch([source], tmp_path / "data", offline=True, progress=False)
    toll("read-only data directory")
    assert found == {"data.txt": path}
