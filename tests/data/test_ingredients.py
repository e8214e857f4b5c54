"""Prepared data is of what it is made from now: whatever of it changes, data is prepared anew,
and whatever else changes, it is not."""

import dataclasses
import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import harness
from harness import registry
from harness.data import cache, ingredients
from harness.data.entry import described
from harness.data.ingredients import stated
from harness.data.prepare_function import options
from harness.spec import HarnessError, Source
from tests.conftest import environment

ROOT = Path(harness.__file__).parents[1]
TASKS = """
from pathlib import Path

import numpy as np

import reading
from harness.kinds import image_classification
from harness.spec import Source


def prepare(files):
    return reading.images(files)


mine = image_classification.task("mine", prepare, sources=({sources},))
"""
READING = """
from pathlib import Path

import numpy as np

SHARE = 1


def images(files):
    import late

    rows = np.loadtxt({file}, delimiter=",")[:: SHARE]
    return rows[:, :-1].astype("uint8").reshape(-1, 4, 4, 1) + late.ADDED, rows[:, -1].astype(int)
"""


def rows(path, seed=0):
    random = np.random.default_rng(seed)
    table = random.integers(0, 200, (60, 17))
    table[:, -1] = np.arange(60) % 2
    np.savetxt(path, table, "%d", delimiter=",")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder of a person's own: a task, a helper beside it, another imported late, a table."""
    folder = tmp_path / "project"
    folder.mkdir()
    write(folder, "", 'Path("mine.csv")')
    (folder / "late.py").write_text("ADDED = 1\n")
    (folder / "unused.py").write_text("x = 1\n")
    rows(folder / "mine.csv")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    return folder


def write(folder, sources, file):
    (folder / "tasks_of_mine.py").write_text(TASKS.replace("{sources},", sources))
    (folder / "reading.py").write_text(READING.replace("{file}", file))


PROGRAM = """
import sys
from harness import registry
from harness.data import cache

registry.use(["tasks_of_mine.py"])
found = cache.entry(registry.task("mine"))
print(found.folder, found.digest)
"""


def prepared(folder, **variables):
    """The folder and the digest of the task's data, as another process finds them."""
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True,
                         cwd=folder, env=environment(**variables))  # fmt: skip
    assert run.returncode == 0, run.stderr
    return (*run.stdout.split(), run.stderr)


def test_a_table_that_prepare_reads_by_itself_is_noticed_and_said(project):
    first, digest, said = prepared(project)
    assert said == (
        "harness: task 'mine': prepare reads mine.csv, which its sources do not name "
        "(Source.local does); its data is prepared anew whenever that changes\n"
    )
    assert prepared(project) == (first, digest, "")
    rows(project / "mine.csv", seed=1)
    other, changed, _ = prepared(project)
    assert (other, changed) != (first, digest)
    rows(project / "mine.csv")
    assert prepared(project) == (first, digest, ""), "what was prepared before is found again"


def edit_helper(project):
    path = project / "reading.py"
    path.write_text(path.read_text().replace("SHARE = 1", "SHARE = 3"))


def edit_late_helper(project):
    (project / "late.py").write_text("ADDED = 2\n")


def edit_task(project):
    path = project / "tasks_of_mine.py"
    text = path.read_text()
    path.write_text(text.replace("    return", "    reading.SHARE = 3\n    return"))


@pytest.mark.parametrize("edit", [edit_helper, edit_late_helper, edit_task])
def test_an_edit_of_whatever_prepare_runs_gives_other_data(project, edit):
    first, digest, _ = prepared(project)
    edit(project)
    second, changed, _ = prepared(project)
    assert second != first
    assert changed != digest


def test_an_edit_of_what_it_does_not_run_gives_the_same_entry(project):
    first = prepared(project)[0]
    (project / "unused.py").write_text("x = 2\n")
    (project / "notes.txt").write_text("a file that nobody reads")
    assert prepared(project)[0] == first


def test_a_declared_file_of_ones_own_is_no_line_and_its_digest_is_taken_each_time(project):
    write(project, 'Source.local("mine.csv"),', 'files["mine.csv"]')
    first, digest, said = prepared(project)
    assert said == ""
    rows(project / "mine.csv", seed=1)
    second, changed, _ = prepared(project)
    assert (second, changed) != (first, digest)
    (project / "mine.csv").unlink()
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True,
                         cwd=project, env=environment())  # fmt: skip
    said = f"{project / 'mine.csv'}: no such file; a task names it as one of its sources"
    assert run.stderr.splitlines()[-1].endswith(said)


def test_files_of_a_listed_folder_may_be_added(project):
    (project / "tables").mkdir()
    rows(project / "tables" / "a.csv")
    write(project, "", 'sorted(Path("tables").iterdir())[-1]')
    first, digest, said = prepared(project)
    assert "prepare reads tables/a.csv, tables, which" in said
    rows(project / "tables" / "b.csv", seed=1)
    second, changed, _ = prepared(project)
    assert (second, changed) != (first, digest)


def test_what_was_prepared_is_what_a_sweep_goes_on_with(project, monkeypatch):
    """A worker asks for the data its sweep began with, whatever has been edited meanwhile."""
    registry.use(["tasks_of_mine.py"])
    try:
        task = registry.task("mine")
        first = cache.entry(task)
        rows(project / "mine.csv", seed=1)
        second = cache.entry(task)
        assert second.digest != first.digest
        monkeypatch.setattr(cache, "_known", {})  # as in another process
        assert cache.entry(task, digest=first.digest) == first
        assert cache.entry(task, digest=first.digest) == first
        shutil.rmtree(first.folder)
        with pytest.raises(HarnessError, match=r"task 'mine': its data of digest .* is gone"):
            cache.entry(task, digest=first.digest)
    finally:
        registry.use([])


# --- shipped tasks ----------------------------------------------------------------


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the harness laid out as installed, to edit."""
    folder = tmp_path_factory.mktemp("installed")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "harness", folder / "harness", ignore=ignored)
    for part in (registry.tasks()["digits"], registry.spaces()["mlp"]):
        module = sys.modules[registry.origin(part).module]
        room = Path(module.__file__).parent
        shutil.copytree(room, folder / "harness" / room.name, ignore=ignored, dirs_exist_ok=True)
    return folder


SHIPPED = """
import sys
from harness import registry
from harness.data import cache

found = cache.entry(registry.task(sys.argv[1]))
print(found.folder, found.digest)
"""


def entry_of(copy, tmp_path, name):
    run = subprocess.run(
        [sys.executable, "-c", SHIPPED, name], capture_output=True, text=True, cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy), "HARNESS_CACHE": str(tmp_path)},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return run.stdout.split()


def test_an_edit_of_the_harness_concerns_the_tasks_that_use_it(copy, tmp_path):
    others = (
        "kinds/text/bleu.py", "kinds/translation.py", "tasks/translation.py", "blocks/image.py",
        "data/validate.py",
    )  # fmt: skip
    folder, digest = entry_of(copy, tmp_path, "digits")
    for edited, concerned in (
        (others, False),
        (["kinds/pixels.py"], True),
        (["tasks/image_classification.py"], True),
    ):
        before = {path: path.read_text() for path in (copy / "harness" / name for name in edited)}
        for path, text in before.items():
            path.write_text(f"{text}\n# a remark\n")
        after, again = entry_of(copy, tmp_path, "digits")
        for path, text in before.items():
            path.write_text(text)
        assert again == digest
        assert (after != folder) == concerned, edited


def test_what_an_entry_is_made_from_is_told_beside_it():
    made_from = described(cache.entry(registry.task("digits")).folder)["made_from"]
    assert "harness.tasks.image_classification" in made_from["modules"]
    assert "harness.kinds.image_classification" in made_from["modules"]
    assert not any("translation" in name for name in made_from["modules"])
    assert {"numpy", "scikit-learn"} <= made_from["packages"].keys()
    assert "tensorflow" not in made_from["packages"]
    assert made_from["files"] == made_from["folders"] == {}


def test_another_version_of_a_library_gives_another_entry():
    known = stated(described(cache.entry(registry.task("digits")).folder))
    assert known.hold()
    assert not dataclasses.replace(known, packages=known.packages | {"numpy": "1.0"}).hold()
    assert not dataclasses.replace(known, modules=known.modules | {"harness.gone": "0"}).hold()


# --- what is bound ------------------------------------------------------------------


def reader(files, *bound, **options):
    return bound, options


def within(bound):
    def prepare(files):
        return bound

    return prepare


@dataclasses.dataclass(frozen=True)
class Recipe:
    words: tuple[str, ...]
    table: np.ndarray


class Opaque:
    def __init__(self, value):
        self.value = value


BOUND = [
    *(1, 2, "1", None, True, (1, 2), [2, 1], {"a": 1}, {"a": 2}, frozenset("ab"), b"x", b"y"),
    *(Path("x"), np.zeros(2), np.ones(2), np.zeros(2, "float32"), np.zeros((1, 2))),
    *(Recipe(("a",), np.zeros(1)), Recipe(("b",), np.zeros(1)), Recipe(("a",), np.ones(1))),
    *(len, reader, Recipe, Opaque(1), Opaque(2), within(1), within(2), within(within(2))),
]  # fmt: skip


def test_every_value_that_is_bound_tells_data_apart():
    for bind in (
        lambda value: functools.partial(reader, option=value),
        lambda value: functools.partial(reader, value),
        within,
    ):
        told = [options(bind(value)) for value in BOUND]
        assert len(set(told)) == len(BOUND)
        assert told == [options(bind(value)) for value in BOUND]


def test_functions_that_know_each_other_come_to_an_end():
    def first(files):
        return second

    def second(files):
        return first

    assert options(first) != options(second)


BOUND_PROGRAM = """
import functools
from harness.data.entry import described
from harness.data.ingredients import stated
from harness.data.prepare_function import options

def read(files): ...
print(options(functools.partial(read, words={"b", "a", "c"}, by={"x": frozenset("abc")})))
"""


def test_what_is_bound_is_told_alike_in_every_process():
    told = {
        subprocess.run(
            [sys.executable, "-c", BOUND_PROGRAM], capture_output=True, text=True, check=True,
            env={**environment(), "PYTHONHASHSEED": seed},
        ).stdout
        for seed in "123"
    }  # fmt: skip
    assert len(told) == 1


def test_a_download_needs_a_checksum():
    with pytest.raises(HarnessError, match=r"source 'x\.csv': expected the SHA-256"):
        Source("mine", "x.csv", "https://example.org/x.csv")


def test_what_there_is_not_has_no_digest(tmp_path):
    assert ingredients.file_digest(tmp_path / "gone") is None
    assert ingredients.folder_digest(tmp_path / "gone") is None
    assert ingredients.module_digest("no_such_package_at_all.part") is None
    assert ingredients.module_digest("no_such_module_at_all") is None
    assert ingredients.installed_version("no-such-distribution-at-all") is None
    assert ingredients.installed_version("numpy") == np.__version__


def test_a_folder_is_known_by_its_names_but_hidden_ones(tmp_path):
    (tmp_path / "a.csv").write_text("1")
    before = ingredients.folder_digest(tmp_path)
    (tmp_path / ".hidden").write_text("1")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "a.csv").write_text("2")
    assert ingredients.folder_digest(tmp_path) == before
    (tmp_path / "b.csv").write_text("1")
    assert ingredients.folder_digest(tmp_path) != before


@pytest.mark.parametrize("content", [{}, {"sources": []}])
def test_a_description_that_names_no_ingredients_is_unreadable(content):
    with pytest.raises(ValueError, match="not what data is made from"):
        ingredients.stated({"made_from": content})
