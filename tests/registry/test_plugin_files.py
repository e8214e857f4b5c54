"""Files of one's own: what they may import, how they are named, and what is refused."""

import importlib
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness import registry
from harness.registry import plugin_files
from harness.spec import HarnessError

SPACE = """
from dataclasses import dataclass

from harness import SearchSpace


@dataclass(frozen=True)
class Config:
    units: int


def sample(hp, kind):
    return Config(hp.Int("units", 1, 9))


{name} = SearchSpace("{name}", ("image_classification",), sample, lambda config, spec: None)
"""


@pytest.fixture(autouse=True)
def _apart(monkeypatch, tmp_path):
    """Each test begins and ends without plugin files, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    registry.use([])
    yield
    registry.use([])


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_file_and_a_folder_are_taken_in_and_say_where_they_are(tmp_path):
    write(tmp_path / "one.py", SPACE.format(name="one"))
    write(tmp_path / "more" / "two.py", SPACE.format(name="two"))
    write(tmp_path / "more" / "three.py", SPACE.format(name="three"))
    write(tmp_path / "more" / "_shared.py", "raise RuntimeError('it is for others to import')")
    registry.use(["one.py", tmp_path / "more"])
    origins = {name: registry.origin(registry.space(name)) for name in ("one", "two", "three")}
    assert {name: origin.short for name, origin in origins.items()} == {
        "one": "one.py",
        "two": str(Path("more/two.py")),
        "three": str(Path("more/three.py")),
    }
    assert origins["two"].path == tmp_path / "more"
    assert registry.faults() == ()
    registry.use([])
    assert "one" not in registry.spaces()


def test_siblings_are_imported_and_the_standard_library_is_not_shadowed(tmp_path):
    write(tmp_path / "random.py", "raise RuntimeError('shadowed')")
    write(tmp_path / "constants.py", "import random\nUNITS = random.Random(0).randint(7, 7)")
    write(tmp_path / "parts" / "__init__.py", "from constants import UNITS")
    write(tmp_path / "parts" / "deep.py", "from . import UNITS\nimport constants")
    write(
        tmp_path / "one.py",
        "import random, parts.deep\nimport parts.deep as deep\nfrom parts import deep as same\n"
        "from . import constants as mine\nimport constants\n"
        "assert deep is same is parts.deep and mine is constants is deep.constants\n"
        "assert deep.UNITS == 7\n" + SPACE.format(name="one"),
    )
    before = list(sys.path)
    registry.use(["one.py"])
    assert registry.faults() == ()
    assert "one" in registry.spaces()
    assert sys.path == before
    assert not list(tmp_path.rglob("__pycache__"))


def test_an_import_within_a_function_finds_the_sibling_of_its_own_file(tmp_path):
    """Two folders have helpers of one name."""
    for name in ("left", "right"):
        write(tmp_path / name / "helper.py", f"WHO = {name!r}")
        text = f"def who():\n    import helper\n    return helper.WHO\n{SPACE.format(name=name)}"
        write(tmp_path / name / "space.py", text)
    registry.use(["left/space.py", "right"])
    spaces = [registry.space(name) for name in ("left", "right")]
    modules = [sys.modules[space.sample.__module__] for space in spaces]
    assert [module.who() for module in modules] == ["left", "right"]
    assert "helper" not in sys.modules


def test_a_file_named_like_a_library_imports_the_library(tmp_path):
    write(tmp_path / "numpy.py", f"import numpy\nnumpy.zeros(1)\n{SPACE.format(name='one')}")
    registry.use(["numpy.py"])
    assert registry.faults() == ()


def test_configurations_are_found_again_in_another_process(tmp_path):
    write(tmp_path / "one.py", SPACE.format(name="one"))
    registry.use(["one.py"])
    module = sys.modules[registry.space("one").sample.__module__]
    content = pickle.dumps(module.Config(3))
    program = (
        "import pickle, sys\nfrom harness import registry\nregistry.use([sys.argv[1]])\n"
        "config = pickle.loads(sys.stdin.buffer.read())\n"
        "assert type(config) is sys.modules[registry.space('one').sample.__module__].Config\n"
        "print(config)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "one.py")],
        input=content, capture_output=True, cwd="/",
    )  # fmt: skip
    assert answer.stdout.decode() == "Config(units=3)\n", answer.stderr.decode()


def test_digests_are_of_all_that_was_imported(tmp_path):
    write(tmp_path / "helper.py", "")
    write(tmp_path / "one.py", f"import helper\n{SPACE.format(name='one')}")
    registry.use(["one.py"])
    registry.spaces()
    found = {path.name: sha for path, sha in plugin_files.digests().items()
             if path.parent == tmp_path}  # fmt: skip
    assert set(found) == {"one.py", "helper.py"}
    assert found["helper.py"].startswith("e3b0c44298fc1c14")  # SHA-256 of nothing


@pytest.mark.parametrize(
    "text, reason",
    [
        ("\nimport json\njson.loads('{')", "one.py, line 3: JSONDecodeError"),
        ("import nowhere_to_be_found", "one.py, line 1: ModuleNotFoundError"),
        ("x = (", "one.py, line 1: SyntaxError"),
        ("import helper", "helper.py, line 2: NameError: name 'y' is not defined"),
        ("x = 1", "one.py: expected a Task or a SearchSpace at the top level of it, found none"),
        (
            SPACE.format(name="one").replace('"one"', '"o/e"'),
            "one.py: search space 'o/e': expected a name of letters",
        ),
    ],
)
def test_a_broken_file_is_left_out_with_its_line(tmp_path, capsys, text, reason):
    write(tmp_path / "helper.py", "x = 1\ny")
    write(tmp_path / "one.py", text)
    registry.use(["one.py"])
    assert "digits" in registry.tasks()
    (fault,) = registry.faults()
    assert reason in str(fault)
    assert capsys.readouterr().err == f"harness: warning: {fault}; left out\n"
    with pytest.raises(HarnessError, match=r"unknown search space 'one'.*; not loaded: one\.py: "):
        registry.space("one")


def test_a_broken_file_of_a_folder_costs_itself_alone(tmp_path):
    write(tmp_path / "more" / "two.py", SPACE.format(name="two"))
    write(tmp_path / "more" / "bad.py", "1 / 0")
    registry.use(["more"])
    assert "two" in registry.spaces()
    assert [fault.origin.name for fault in registry.faults()] == [str(Path("more/bad.py"))]


def test_a_name_taken_twice_names_both_files(tmp_path):
    for folder in ("left", "right"):
        write(tmp_path / folder / "one.py", SPACE.format(name="one"))
    registry.use(["left/one.py", "right/one.py"])
    with pytest.raises(HarnessError) as caught:
        registry.spaces()
    left, right = Path("left/one.py"), Path("right/one.py")
    assert str(caught.value) == f"search space 'one' is defined twice: in {left} and in {right}"
    write(tmp_path / "mine.py", SPACE.format(name="cnn"))
    registry.use(["mine.py"])
    with pytest.raises(HarnessError, match=r"in harness\.search_spaces\.cnn and in mine\.py"):
        registry.spaces()


def test_what_is_imported_from_another_module_is_no_second_definition(tmp_path):
    write(tmp_path / "one.py", SPACE.format(name="one"))
    write(tmp_path / "two.py", "from one import one\nfrom harness.search_spaces.cnn import cnn\n"
                               + SPACE.format(name="two"))  # fmt: skip
    registry.use(["one.py", "two.py"])
    assert registry.origin(registry.space("one")).short == "one.py"
    assert registry.origin(registry.space("cnn")).short == "shipped"


@pytest.mark.parametrize(
    "path, message",
    [
        ("nowhere.py", "plugin nowhere.py: no such file or folder"),
        ("notes.txt", "plugin notes.txt: expected a Python file, NAME.py, or a folder"),
        ("a.b.py", r"plugin a\.b\.py: expected a Python file"),
        ("x" * 300 + ".py", "no path"),
        ("a\0b", "no path"),
    ],
)
def test_what_cannot_be_a_plugin_is_refused(tmp_path, path, message):
    write(tmp_path / "notes.txt", "")
    write(tmp_path / "a.b.py", "")
    with pytest.raises(HarnessError, match=message):
        registry.use([path])


def test_a_folder_is_a_package_whose_own_file_counts(tmp_path):
    write(tmp_path / "mine" / "__init__.py", "from .two import two\n" + SPACE.format(name="one"))
    write(tmp_path / "mine" / "two.py", SPACE.format(name="two"))
    registry.use(["mine/"])
    assert {"one", "two"} <= set(registry.spaces())


def test_modules_of_plugins_outlive_their_use(tmp_path):
    """A second sweep of one process has other plugins; what the first one pickled stays whole."""
    write(tmp_path / "one.py", SPACE.format(name="one"))
    registry.use(["one.py"])
    name = registry.space("one").sample.__module__
    registry.use([])
    assert importlib.import_module(name).one.name == "one"
    shutil.rmtree(tmp_path / "__pycache__", ignore_errors=True)
