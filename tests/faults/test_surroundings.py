"""Time zones, locales and encodings of other people: the answer is the same file."""

import functools
import json
import locale
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import HARNESS, environment
from tests.faults import fake
from tests.faults.sweeps import files, report, run_words

ASCII = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": "utf-8"}
"""Files that nobody named an encoding for are ASCII."""
ODD = [
    {**ASCII, "TZ": "Asia/Kathmandu", "PYTHONHASHSEED": "1"},
    *(
        pytest.param(variables, marks=pytest.mark.long)
        for variables in (
            {"TZ": "America/St_Johns", "LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "2"},
            {"TZ": "Pacific/Kiritimati", "LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de"},
            {"TZ": "Antarctica/Troll", "LANG": "nowhere", "PYTHONIOENCODING": "ascii"},
        )
    ),
]


@pytest.fixture(scope="session")
def locales(tmp_path_factory):
    """A folder with a locale in which the upper case of `i` is not `I`, and one in which numbers
    have a comma; empty where they cannot be made."""
    root = tmp_path_factory.mktemp("locales")
    for name in ("tr_TR", "de_DE") if shutil.which("localedef") else ():
        words = ["localedef", "-i", name, "-f", "UTF-8", root / f"{name}.UTF-8"]
        subprocess.run(words, capture_output=True, timeout=300)
    return root


def called(variables):
    return f"{variables['TZ']} {variables.get('LC_ALL', '')}"


def timeless(folder):
    """The events of a sweep without their moments, and without what it ran on."""
    lines = (folder / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    for event in events:
        for name in ("time", "id", "environment", "command"):
            event.pop(name, None)
        event.get("result", {}).pop("started", None)
    return events


@pytest.mark.parametrize("variables", ODD, ids=called)
def test_a_sweep_in_odd_surroundings_finds_the_same(calm, tmp_path, toll, locales, variables):
    question, quiet = calm()
    run = subprocess.run(
        [sys.executable, "-m", "tests.faults.fake", question, "--output", tmp_path],
        capture_output=True, timeout=120, cwd=Path(__file__).parents[2],
        env=environment(LOCPATH=str(locales), **variables),
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, b"")
    toll("odd time zone, locale or encoding")
    folder = tmp_path / "fake"
    assert files(folder) == files(quiet)
    assert timeless(folder) == timeless(quiet)
    for name in ("trials.csv", "leaderboard.csv", "sweep.toml"):
        assert (folder / name).read_bytes() == (quiet / name).read_bytes()
    assert report(folder) == report(quiet)


@pytest.mark.parametrize("variables", ODD, ids=called)
def test_a_report_in_odd_surroundings_is_the_same_to_the_byte(calm, tmp_path, locales, variables):
    quiet = calm()[1]
    folder = tmp_path / "fake"
    folder.mkdir()
    shutil.copy(quiet / "journal.jsonl", folder)
    run = subprocess.run(
        [*HARNESS, "report", folder], capture_output=True, timeout=120,
        env=environment(LOCPATH=str(locales), **variables),
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, b"")
    written = files(folder)
    assert {"trials.csv", "leaderboard.csv", "report.md", "report.html", "anytime.png"} <= written
    for name in written:
        assert (folder / name).read_bytes() == (quiet / name).read_bytes(), name


@pytest.mark.skipif(os.name != "posix", reason="drivers are forked")
@pytest.mark.parametrize(
    "name", ["de_DE.UTF-8", pytest.param("tr_TR.UTF-8", marks=pytest.mark.long)]
)
def test_a_locale_that_code_sets_changes_no_number(forks, calm, tmp_path, toll, locales, name):
    if not (locales / name).is_dir():
        pytest.skip(f"the locale {name} cannot be made here")
    question, quiet = calm()
    words = run_words(question, tmp_path)
    run = forks.run(*words, fate=functools.partial(speak, name), LOCPATH=str(locales))
    assert run.code == 0, run.err
    toll("locale set by code")
    folder = tmp_path / "fake"
    assert timeless(folder) == timeless(quiet)
    for csv in ("trials.csv", "leaderboard.csv"):
        assert (folder / csv).read_bytes() == (quiet / csv).read_bytes()
    assert report(folder) == report(quiet)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="file names are text there")
def test_a_folder_whose_name_is_no_text(forks, calm, tmp_path):
    question, quiet = calm()
    output = tmp_path / os.fsdecode(b"gr\xf6\xdfe")
    run = forks.run(*run_words(question, output))
    assert run.code == 0, run.err
    assert files(output / "fake") == files(quiet)
    assert report(output / "fake") == report(quiet)
    for command in ("status", "report"):
        look = forks.run(command, output / "fake")
        assert (look.code, look.err) == (0, "")
        assert "gr\\udcf6\\udcdfe" in look.out


def speak(name):
    """Has a driver and its workers speak a language, as a plugin may by `setlocale`."""
    os.environ["FAULTS_LOCALE"] = name
    listen()
    fake.nothing = listen


def listen():
    locale.setlocale(locale.LC_ALL, os.environ["FAULTS_LOCALE"])
    assert locale.str(0.5) == "0,5"
