"""What is installed is all that is in the checkout, no more and no less."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = {"harness": "harness", "tasks": "harness/tasks", "search_spaces": "harness/search_spaces"}
"""Where the files of a folder of the checkout are when installed."""


def files():
    """The files of the checkout that belong to the package, as they are named when installed."""
    for folder, installed in FOLDERS.items():
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield f"{installed}/{path.relative_to(ROOT / folder).as_posix()}"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Names of the files of a wheel that is built from a copy of the checkout."""
    copy = tmp_path_factory.mktemp("checkout")
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, copy)
    program = "from setuptools import build_meta; build_meta.build_wheel('.')"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=copy, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    (built,) = copy.glob("*.whl")
    return set(zipfile.ZipFile(built).namelist())


def test_every_folder_with_modules_is_a_package():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = settings["tool"]["setuptools"]["packages"]
    found = {name.rpartition("/")[0].replace("/", ".") for name in files()
             if name.endswith("/__init__.py")}  # fmt: skip
    modules = {name.rpartition("/")[0].replace("/", ".") for name in files()
               if name.endswith(".py")}  # fmt: skip
    assert len(listed) == len({*listed})
    assert {*listed} == found == modules


def test_a_wheel_holds_all_of_the_package(wheel):
    expected = {*files()}
    assert any(name.startswith("harness/cli/templates/") for name in expected)
    assert any(name.startswith("harness/sweep/shipped/") for name in expected)
    assert {"harness/report/html/report.js", "harness/report/html/report.css"} <= expected
    assert {name for name in wheel if ".dist-info/" not in name} == expected
