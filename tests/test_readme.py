"""The README does what it says: its commands are the ones that are run."""

from tests.documents import ROOT, blocks

README = ROOT / "README.md"
COMMANDS = [block.text for block in blocks(README)]


def test_the_test_command_is_the_one_that_is_checked():
    command = "python -m pip install -e '.[test]' && pytest\n"
    assert command in COMMANDS
    assert command in (ROOT / ".ci/run").read_text(encoding="utf-8")


def test_the_first_command_runs_a_shipped_sweep():
    from harness.sweep.load import load_sweep

    assert "python -m pip install -e . && harness run quick\n" in COMMANDS
    assert load_sweep("quick").name == "quick"


def test_it_is_read_in_two_minutes():
    assert len(README.read_text(encoding="utf-8").splitlines()) < 80
