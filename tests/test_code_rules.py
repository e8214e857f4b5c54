"""What the code never does, beyond the rules that `ruff check` holds (family S)."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = [path for folder in ("harness", "tasks", "search_spaces")
         for path in sorted((ROOT / folder).rglob("*.py"))]  # fmt: skip
OBJECTS = {"cloudpickle", "dill", "marshal", "pickle", "shelve"}
"""Modules that make objects of bytes."""
READS_OBJECTS = {
    "harness/engines/local/pool.py",
    "harness/engines/local/process.py",
    "harness/engines/local/worker.py",
    "harness/engines/ray/packed.py",
    "harness/engines/ray/pool.py",
    "harness/kinds/files/image_files.py",
}
"""Those who may: a driver and its own workers over a pipe, a reader that knows arrays alone."""
CALLS = {"extract", "extractall", "unpack_archive", "yaml.load", "yaml.unsafe_load", "os.popen",
         "enable_unsafe_deserialization"}  # fmt: skip


def faults(text, name="harness/x.py"):
    """What is against the rules in the text of a module."""
    tree = ast.parse(text)
    prose = {id(body[0].value) for node in ast.walk(tree)
             if (body := getattr(node, "body", None)) and isinstance(body, list)
             and isinstance(body[0], ast.Expr)}  # fmt: skip
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                used = {alias.name.split(".")[0] for alias in names}
            case ast.ImportFrom(module=str(module)):
                used = {module.split(".")[0]}
            case ast.Call(func=func, keywords=keywords):
                used = set()
                called = ast.unparse(func)
                if called in CALLS or called.split(".")[-1] in CALLS:
                    yield called
                for keyword in keywords:
                    given = ast.unparse(keyword.value)
                    if keyword.arg == "allow_pickle" and given != "False":
                        yield "allow_pickle"
                    if keyword.arg == "safe_mode" and given != "True":
                        yield "safe_mode"
                    if keyword.arg == "shell" and given != "False":
                        yield "shell"
                if called.endswith("load_model") and "saving" in called and not any(
                    keyword.arg == "safe_mode" for keyword in keywords
                ):  # fmt: skip
                    yield "a model in a mode that is not said"
                continue
            case ast.Constant(value=str(value)) if id(node) not in prose:
                if value.startswith("http://") and value != "http://":
                    yield value
                continue
            case _:
                continue
        if used & OBJECTS and name not in READS_OBJECTS:
            yield f"import of {', '.join(used & OBJECTS)}"


def test_no_module_does_what_is_never_done():
    names = {path: path.relative_to(ROOT).as_posix() for path in FILES}
    found = {name: [*faults(path.read_text("utf-8"), name)] for path, name in names.items()}
    assert len(found) > 100
    assert {name: what for name, what in found.items() if what} == {}


@pytest.mark.parametrize("text", [
    "import pickle", "from pickle import loads", "import shelve, os", "def f():\n import marshal",
    "np.load(f, allow_pickle=True)", "np.load(f, allow_pickle=x)",
    "keras.saving.load_model(p, safe_mode=False)", "keras.saving.load_model(p)",
    "keras.config.enable_unsafe_deserialization()", "archive.extractall(p)", "tar.extract(m)",
    "shutil.unpack_archive(p)", "yaml.load(f)", "os.popen('x')", "run('x', shell=True)",
    "Source('http://example.org/x', 'sha')",
])  # fmt: skip
def test_the_rules_see_what_they_are_for(text):
    assert len([*faults(text)]) == 1


def test_what_is_allowed_is_allowed():
    text = '"""From http://example.org"""\nimport json\nnp.load(f, allow_pickle=False)\nf"http://{host}"'
    assert [*faults(text)] == []
