"""What is heard of the files that code reads by itself."""

import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.data.reads import Reads


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with some files."""
    (tmp_path / "tables").mkdir()
    for name in ("a.csv", "b.csv", "tables/c.csv", "declared.csv", ".hidden", "x.pyc", "x.bin"):
        (tmp_path / name).write_text("x,y\n1,2\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def heard(folder, *but):
    return Reads([folder], [folder / name for name in but])


def test_whatever_opens_a_file_is_heard(folder):
    with heard(folder) as reads:
        Path("a.csv").read_text()
        pd.read_csv(folder / "b.csv")
        np.loadtxt("tables/c.csv", delimiter=",", skiprows=1)
        with open(os.fsencode("x.bin"), "rb"):  # noqa: PTH123 - a name of bytes
            pass
    assert dict(reads.files()) == {
        "a.csv": folder / "a.csv",
        str(folder / "b.csv"): folder / "b.csv",
        "tables/c.csv": folder / "tables" / "c.csv",
        "x.bin": folder / "x.bin",
    }


def test_what_is_not_of_the_person_is_not_noted(folder):
    with heard(folder, "declared.csv") as reads:
        for name in ("declared.csv", ".hidden", "x.pyc", os.devnull, __file__, io.__file__):
            Path(name).read_bytes()
        with tempfile.TemporaryFile() as file:
            file.write(b"x")
        os.close(os.dup(0))
    Path("a.csv").read_text()  # afterwards
    assert [*reads.files(), *reads.folders()] == []


def test_what_was_written_before_it_was_read_is_no_source(folder):
    with heard(folder) as reads:
        Path("scratch.txt").write_text("x")
        Path("scratch.txt").read_text()
        with pytest.raises(FileNotFoundError):
            Path("gone.txt").read_text()
    assert list(reads.files()) == []


def test_folders_are_heard_by_whatever_way_they_are_listed(folder):
    for listing in (
        os.listdir,
        lambda path: [*os.scandir(path)],
        lambda path: [*Path(path).glob("*.csv")],
    ):
        with heard(folder) as reads:
            listing("tables")
        assert dict(reads.folders()) == {"tables": folder / "tables"}
    with heard(folder) as reads:
        os.listdir()  # noqa: PTH208 - it is what is heard
    assert dict(reads.folders()) == {".": folder}


def test_links_are_followed_and_what_leads_into_the_folder_counts(folder, tmp_path_factory):
    outside = tmp_path_factory.mktemp("elsewhere")
    (outside / "big.csv").write_text("1")
    (folder / "big.csv").symlink_to(outside / "big.csv")
    (outside / "back.csv").symlink_to(folder / "a.csv")
    with heard(folder) as reads:
        Path("big.csv").read_text()
        (outside / "back.csv").read_text()
    assert [name for name, _ in reads.files()] == ["big.csv", str(outside / "back.csv")]


IMPORTS = """
import sys
from pathlib import Path
from harness.data.reads import Reads

sys.path.insert(0, "")
with Reads([Path.cwd()]) as reads:
    import importlib.metadata
    import helper
    list(importlib.metadata.entry_points())
print([*reads.files(), *reads.folders()])
"""


def test_an_import_is_no_read(folder):
    (folder / "helper.py").write_text("x = 1")
    run = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True)
    assert run.stdout == "[]\n", run.stderr


@pytest.fixture
def told(folder, monkeypatch):
    """What was read, by the events that Python tells of; no trace is kept of a hook it calls."""
    hooks = []
    monkeypatch.setattr(sys, "addaudithook", hooks.append)
    reads = heard(folder)
    with reads:
        yield hooks[0], reads


def test_numbers_of_open_files_and_other_events_are_not_heard(folder, told):
    hook, reads = told
    hook("open", (3, "r", 0))
    hook("import", ("a.csv", None, None, None, None))
    hook("open", ("a.csv", None, os.O_RDONLY))
    hook("open", ("b.csv", "rb", 0))
    assert [name for name, _ in reads.files()] == ["a.csv", "b.csv"]


@pytest.mark.parametrize("mode, flags", [("w", 0), ("ab", 0), ("x+", 0), (None, os.O_WRONLY),
                                         (None, os.O_RDWR), (None, os.O_CREAT)])  # fmt: skip
def test_each_way_to_write_is_none_to_read(folder, told, mode, flags):
    hook, reads = told
    hook("open", ("a.csv", mode, flags))
    hook("open", ("a.csv", "r", 0))
    assert list(reads.files()) == []


def test_folders_are_told_of_by_name_or_not_at_all(folder, told):
    hook, reads = told
    hook("os.listdir", (None,))
    hook("os.scandir", (b"tables",))
    hook("os.listdir", ("gone",))
    assert dict(reads.folders()) == {".": folder, "tables": folder / "tables"}
