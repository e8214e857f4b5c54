"""One file knows where things lie in a sweep's folder."""

import ast
from pathlib import Path

import pytest

from harness.journal import folder

HARNESS = Path(folder.__file__).parents[1]
NAMES = {value for name, value in vars(folder).items()
         if name.isupper() and isinstance(value, str)} | {*folder.FOLDERS}  # fmt: skip
FOLDERS = {*folder.FOLDERS, folder.ARTIFACTS}
FILES = NAMES - FOLDERS - {folder.SHOWN, folder.PRINTED, folder.DRAWN_BY}
ENDINGS = (folder.SHOWN, folder.PRINTED, ".keras", ".npz", ".h5")


def guesses(text):
    """Where a module says by itself where something lies."""
    tree = ast.parse(text)
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)
             for part in node.values}  # fmt: skip
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(value)) if value in FILES and id(node) not in parts:
                yield value
            case ast.BinOp(op=ast.Div(), right=ast.Constant(value=str(value))):
                if value.split("/")[0] in FOLDERS:
                    yield value
            case ast.BinOp(op=ast.Div(), right=ast.JoinedStr(values=[*_, ast.Constant() as end])):
                if str(end.value).endswith(ENDINGS):
                    yield end.value


def test_no_other_module_knows_where_things_lie():
    found = {path.relative_to(HARNESS).as_posix(): [*guesses(path.read_text("utf-8"))]
             for path in HARNESS.rglob("*.py") if path != Path(folder.__file__)}  # fmt: skip
    assert len(found) > 100
    assert {name: what for name, what in found.items() if what} == {}


@pytest.mark.parametrize("text", [
    "folder / 'sweep.toml'", "open(f'{a}/' 'b') or 'journal.jsonl'", "f / 'models' / name",
    "f / 'failures/x.txt'", "FileLock(f / '.lock')", "f / f'{name}.png'", "x = ('mlflow.db',)",
    "m / f'{task}.{space}.keras'",
])  # fmt: skip
def test_a_module_that_does_is_seen(text):
    assert len([*guesses(text)]) == 1


def test_models_and_checkpoints_of_two_trials_never_share_a_name():
    trials = [("a", "b", 0), ("a", "b", 1), ("a", "c", 0), ("b", "b", 0)]
    for path in (folder.model_path, folder.outcomes_path):
        assert len({path(*trial) for trial in trials}) == len(trials)
    assert len({folder.checkpoint_path(Path("f"), *trial) for trial in trials}) == len(trials)
    kinds = [folder.failure_path("a", "b", phase, 0) for phase in ("search", "confirm")]
    assert len({*kinds}) == 2
