"""Installed plugins: found by being there; one that is broken costs itself alone, and is named."""

import subprocess
import sys

import pytest

BROKEN = {
    "missing": ("nowhere.module", "ModuleNotFoundError: No module named 'nowhere'"),
    "empty": ("json", "expected a Task or a module with some, found module without any task"),
    "wrong": ("json:loads", "expected a Task or a module with some, found function"),
    "named": ("guest_module", "task '../up': expected a name of letters, digits, '_' and '-'"),
    "raises": ("guest_module:x", "guest_module.py, line 3: ZeroDivisionError: division by zero"),
    "exits": ("guest_module:y", "guest_module.py, line 1: SystemExit: no"),
    "syntax": ("guest_module:z", "guest_module.py, line 2: SyntaxError: "),
}
MODULES = {
    "named": "import dataclasses\nfrom harness.tasks.image_classification import digits\n"
    "other = dataclasses.replace(digits, name='../up')\n",
    "raises": "\n\nx = 1 / 0\n",
    "exits": "raise SystemExit('no')\n",
    "syntax": "\nx = (\n",
}


@pytest.fixture
def plugin(tmp_path):
    """Installs a distribution `guest` whose task entry point has this target."""

    def install(target, module=""):
        (tmp_path / "guest_module.py").write_text(module)
        info = tmp_path / "guest-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: guest\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[harness.tasks]\npoint = {target}\n")
        return {"PYTHONPATH": str(tmp_path)}

    return install


def test_plugins_stand_beside_what_is_shipped(harness):
    tasks = harness("list", "tasks").stdout
    assert "digits" in tasks
    assert "blobs" in tasks
    assert "diverging" in harness("list", "spaces").stdout


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_plugin_is_left_out_and_named(harness, plugin, fault):
    target, reason = BROKEN[fault]
    answer = harness("list", "tasks", **plugin(target, MODULES.get(fault, "")))
    assert answer.returncode == 0
    assert "digits" in answer.stdout
    assert answer.stderr.startswith(f"harness: warning: guest (entry point point = {target}): ")
    assert reason in answer.stderr
    assert answer.stderr.endswith("; left out\n")
    assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [("describe", "guests"), ("prepare", "guests")])
def test_who_asks_for_what_a_broken_plugin_may_hold_is_told_why_it_is_not_there(
    harness, plugin, words
):
    answer = harness(*words, **plugin("guest_module", "\n\nx = 1 / 0\n"))
    assert answer.returncode == 2
    assert "not loaded: guest (entry point point = guest_module): " in answer.stderr
    assert "guest_module.py, line 3: ZeroDivisionError" in answer.stderr.splitlines()[-1]


def test_a_name_taken_twice_names_both(harness, plugin):
    module = (
        "import dataclasses\n"
        "from harness.tasks.image_classification import digits\n"
        "other = dataclasses.replace(digits, version=99)\n"
    )
    answer = harness("list", "tasks", **plugin("guest_module:other", module))
    assert answer.returncode == 2
    assert "task 'digits' is defined twice" in answer.stderr
    assert "harness.tasks.image_classification" in answer.stderr
    assert "guest" in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_listing_loads_no_framework():
    """The lists come up at once because nothing heavy is imported for them."""
    program = (
        "import sys\nfrom harness import registry\nregistry.tasks(), registry.spaces()\n"
        "print([m for m in ('tensorflow', 'keras', 'jax', 'torch', 'mlflow', 'pandas')"
        " if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert answer.stdout.strip() == "[]"
