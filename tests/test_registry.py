"""Plugins: found by being installed, and named when they are at fault."""

import pytest

BROKEN = {
    "missing": ("nowhere.module", "ModuleNotFoundError"),
    "empty": ("json", "expected a Task"),
    "wrong": ("json:loads", "expected a Task"),
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
def test_a_broken_plugin_is_named(harness, plugin, fault):
    target, reason = BROKEN[fault]
    answer = harness("list", "tasks", **plugin(target))
    assert answer.returncode == 2
    assert answer.stderr.startswith(f"harness: guest (entry point point = {target}): ")
    assert reason in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_a_name_taken_twice_names_both(harness, plugin):
    module = (
        "import dataclasses\n"
        "from tasks.image_classification import digits\n"
        "other = dataclasses.replace(digits, version=99)\n"
    )
    answer = harness("list", "tasks", **plugin("guest_module:other", module))
    assert answer.returncode == 2
    assert "task 'digits' is defined twice" in answer.stderr
    assert "tasks.image_classification" in answer.stderr
    assert "guest" in answer.stderr


def test_listing_loads_no_framework(harness):
    """The lists come up at once because nothing heavy is imported for them."""
    import subprocess
    import sys

    program = (
        "import sys\nfrom harness import registry\nregistry.tasks(), registry.spaces()\n"
        "print([m for m in ('tensorflow', 'keras', 'jax', 'torch', 'mlflow', 'pandas')"
        " if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert answer.stdout.strip() == "[]"
