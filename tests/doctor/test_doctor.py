"""`harness doctor`: each check in surroundings that are made up, and all of them in these."""

import contextlib
import dataclasses
import errno
import http.server
import importlib.util
import io
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections import namedtuple
from pathlib import Path

import filelock
import numpy as np
import psutil
import pytest
import rich.console

from harness import doctor, registry
from harness.data import cache, download
from harness.data.prepare import digest
from harness.doctor import backends, child, data, machine, mlflow_store, plugins, versions
from harness.doctor.finding import Finding, guarded
from harness.spec import Source
from harness.system import host

ROOT = Path(__file__).parents[2]


def ignore(count):
    """Takes the progress of a check that nobody watches."""


# --- versions -----------------------------------------------------------------------

SOUND = {
    "keras-automl-harness": "0.1.0",
    "tensorflow": "2.21.0",
    "tensorflow-text": "2.21.1",
    "jax": "0.10.2",
    "jaxlib": "0.10.2",
    "keras": "3.15.1",
    "keras-tuner": "1.4.8",
    "six": "1.17.0",
    "tensorboard": "2.21.0",
    "mlflow": "3.17.2",
    "numpy": "2.4.6",
    "sacrebleu": "2.5.0",
}
REQUIRED = {
    "keras-automl-harness": [
        "tensorflow<2.22,>=2.21",
        "tensorflow-text<2.22,>=2.21; sys_platform != 'nowhere'",
        "keras<4,>=3.15",
        "keras-tuner<1.5,>=1.4.8",
        "six",
        "tensorboard",
        "mlflow<4,>=3.5",
        "numpy>=2",
        "sacrebleu>=2.4",
        "ray>=2; extra == 'ray'",
        "pywin32; sys_platform == 'nowhere'",
    ],
    "tensorflow-text": ["tensorflow<2.22,>=2.21.0"],
    "jax": ["jaxlib<=0.10.2,>=0.10.1", "numpy>=2.0"],
}


@pytest.fixture
def packages(monkeypatch):
    """What `versions.packages` finds where these distributions are installed; `None` is not."""

    def find(modules=(), **changes):
        changes = {name.replace("_", "-"): version for name, version in changes.items()}
        there = {name: v for name, v in {**SOUND, **changes}.items() if v is not None}

        def version(name):
            if name not in there:
                raise versions.importlib.metadata.PackageNotFoundError(name)
            return there[name]

        def requires(name):
            version(name)
            return REQUIRED.get(name)

        monkeypatch.setattr(versions.importlib.metadata, "version", version)
        monkeypatch.setattr(versions.importlib.metadata, "requires", requires)
        monkeypatch.setattr(
            versions.importlib.util, "find_spec", lambda name: name in modules or None
        )
        return versions.packages()

    return find


def test_a_sound_set_of_packages_is_one_line_with_the_versions(packages):
    (found,) = packages()
    assert (found.name, found.level, found.remedy) == ("packages", "ok", "")
    assert "tensorflow 2.21.0" in found.message
    assert "torch" not in found.message


@pytest.mark.parametrize(
    "changes, name, level, reason, remedy",
    [
        ({"tensorflow_text": "2.20.1"}, "tensorflow-text", "error", "too old",
         "'tensorflow-text<2.22,>=2.21'"),
        ({"numpy": "1.26.4"}, "numpy", "error", "too old", "'numpy>=2'"),
        ({"keras": "2.15.0"}, "keras", "error", "too old", "'keras<4,>=3.15'"),
        ({"six": None}, "six", "error", "not installed", "pip install 'six'"),
        ({"tensorboard": None}, "tensorboard", "warning", "KerasTuner's own Tuner",
         "pip install 'tensorboard'"),
        ({"mlflow": None}, "mlflow", "warning", "MLflow gets none of it", "'mlflow<4,>=3.5'"),
        ({"keras": "3.14.1"}, "keras", "error", "3.14.1, but keras-automl-harness needs",
         "'keras<4,>=3.15'"),
        ({"keras": "4.0.0"}, "keras", "warning", "nobody has tried", "'keras<4,>=3.15'"),
        ({"jaxlib": "0.9.0"}, "jaxlib", "warning", "0.9.0, but jax needs", "pip install 'jaxlib'"),
        ({"jaxlib": None}, "jaxlib", "warning", "not installed, but jax needs", "'jaxlib'"),
        ({"sacrebleu": None}, "sacrebleu", "error", "not installed", "'sacrebleu>=2.4'"),
        ({"tensorflow": None}, "tensorflow", "error", "not installed", "'tensorflow<2.22"),
        ({"tensorflow": None, "modules": ["jax"]}, "tensorflow", "warning", "another --backend",
         "'tensorflow<2.22"),
        ({"tensorflow": None, "modules": ["tensorflow"]}, "tensorflow", "warning",
         "of no known version", "'tensorflow<2.22"),
        ({"keras_automl_harness": None}, "packages", "warning", "not installed", "pip install -e"),
    ],
)  # fmt: skip
def test_a_bad_package_is_one_finding_with_reason_and_remedy(
    packages, changes, name, level, reason, remedy
):
    found = packages(**changes)
    assert [(f.name, f.level) for f in found if f.name == name] == [(name, level)], found
    (finding,) = (f for f in found if f.name == name)
    assert reason in finding.message
    assert remedy in finding.remedy
    others = [f for f in found if f is not finding and f.level == "error"]
    assert not others


@pytest.mark.parametrize(
    "version, level",
    [("3.11.0", "ok"), ("3.13.5", "ok"), ("3.10.14", "error"), ("3.14.0", "error")],
)
def test_python_is_one_that_the_dependencies_exist_for(version, level):
    found = versions.python(version)
    assert found.level == level
    assert version in found.message


def test_the_python_versions_are_those_declared():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert declared == versions.PYTHON


def test_nothing_heavy_is_imported_to_learn_versions():
    program = (
        "import sys\nfrom harness import doctor\nfrom harness.doctor import versions\n"
        "versions.python(), versions.packages()\n"
        "print([m for m in ('tensorflow', 'keras', 'keras_tuner', 'jax', 'torch', 'mlflow')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


# --- the machine --------------------------------------------------------------------


def write(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(f"{text}\n")


def group(folder, limit, used, cached=0):
    """A control group of version 2."""
    write(folder, **{"memory.max": limit, "memory.current": used,
                     "memory.stat": f"anon 5\ninactive_file {cached}"})  # fmt: skip


def test_the_strictest_group_above_a_process_counts_and_cached_files_make_room(tmp_path):
    write(tmp_path, membership="0::/outer/inner")
    groups = tmp_path / "groups"
    group(groups / "outer/inner", "max", 300)
    assert machine.memory_left(groups, tmp_path / "membership") is None
    group(groups / "outer", 1000, 400, cached=50)
    assert machine.memory_left(groups, tmp_path / "membership") == 650
    group(groups / "outer/inner", 500, 300)
    assert machine.memory_left(groups, tmp_path / "membership") == 200
    group(groups / "outer/inner", 500, 700)
    assert machine.memory_left(groups, tmp_path / "membership") == 0


def test_a_container_that_shows_the_path_of_its_host(tmp_path):
    write(tmp_path, membership="5:devices:/docker/x\n0::/../../y")
    group(tmp_path / "groups", "max", 10)
    assert machine.memory_left(tmp_path / "groups", tmp_path / "membership") is None
    group(tmp_path / "groups", 100, 10, cached=4)
    assert machine.memory_left(tmp_path / "groups", tmp_path / "membership") == 94


def test_a_system_without_control_groups_sets_no_limit(tmp_path):
    assert machine.memory_left(tmp_path / "groups", tmp_path / "membership") is None


@pytest.mark.parametrize(
    "free, left, level, words",
    [
        (64e9, None, "ok", "64.0 GB free, 4 workers"),
        (64e9, 900e6, "error", "900 MB free by the limit of this control group"),
        (64e9, 9e9, "warning", "--workers 2"),
        (3e9, 64e9, "warning", "--workers 1"),
        (0.5e9, None, "error", "500 MB free: a worker needs 1.0 GB"),
    ],
)
def test_memory_must_hold_the_workers(monkeypatch, free, left, level, words):
    state = namedtuple("State", "available")(free)
    monkeypatch.setattr(machine.psutil, "virtual_memory", lambda: state)
    monkeypatch.setattr(machine, "memory_left", lambda: left)
    monkeypatch.setattr(host, "devices", lambda: ())
    monkeypatch.setattr(host, "cores", lambda: 4)
    found = machine.memory()
    assert found.level == level
    assert words in f"{found.message} {found.remedy}"


@pytest.mark.parametrize(
    "chosen, devices",
    [("0, 2", ("0", "2")), ("", ()), ("-1", ()), ("1,-1,0", ("1",)), ("GPU-8f", ("GPU-8f",))],
)
def test_devices_that_are_hidden_are_no_workers(monkeypatch, chosen, devices):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    assert host.devices() == devices


@pytest.mark.parametrize("free, level", [(1e9 * 50, "ok"), (1.9e9, "warning"), (1e8, "error")])
def test_disk_space_is_that_of_the_nearest_folder_there_is(tmp_path, monkeypatch, free, level):
    asked = []
    usage = namedtuple("Usage", "free")(free)
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda path: asked.append(path) or usage)
    found = machine.space("disk", tmp_path / "not" / "yet")
    assert found.level == level
    assert bool(found.remedy) == (level != "ok")
    assert asked == [tmp_path]
    assert not (tmp_path / "not").exists()


def test_a_disk_that_takes_no_more_files_is_full(tmp_path, monkeypatch):
    usage = namedtuple("Usage", "free")(50e9)
    monkeypatch.setattr(machine.shutil, "disk_usage", lambda path: usage)
    state = namedtuple("State", "f_files f_favail")
    monkeypatch.setattr(machine.os, "statvfs", lambda path: state(10**6, 3), raising=False)
    assert "only 3 more files" in machine.space("disk", tmp_path).message
    monkeypatch.setattr(machine.os, "statvfs", lambda path: state(0, 0))  # no such number
    assert machine.space("disk", tmp_path).level == "ok"


def test_a_folder_that_can_be_written_is_left_as_it_was(tmp_path):
    assert machine.writable("output", tmp_path, "").level == "ok"
    assert machine.writable("output", tmp_path / "a" / "b", "").level == "ok"
    assert list(tmp_path.iterdir()) == []


@contextlib.contextmanager
def unprivileged():
    """As a user whom permissions bind: root may write everywhere."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_a_read_only_folder_is_an_error():
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o555)
        with unprivileged():
            found = machine.writable("output", folder, "choose another")
            below = machine.writable("output", folder / "new", "choose another")
    finally:
        folder.rmdir()
    assert (found.level, found.remedy) == ("error", "choose another")
    assert "cannot be written (Permission denied)" in found.message
    assert below.level == "error"


def test_a_folder_below_a_file_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    found = machine.writable("cache", tmp_path / "file" / "below", "choose another")
    assert found.level == "error"
    assert "is a file, not a folder" in found.message


def test_a_name_that_is_too_long_is_an_error(here, tmp_path):
    output = tmp_path / ("x" * 300) / "results"
    found = mlflow_store.reachable(uri(output))
    assert (found.level, found.message) == (
        "warning", f"{uri(output)}: it cannot be looked at (File name too long)",
    )  # fmt: skip
    code, text = here(output)
    assert code == 1
    assert f"error: output folder: {output}: cannot be written (File name too long)" in text
    assert f"error: output disk: {output}: cannot be looked at (File name too long)" in text
    assert "ok: cache folder: " in text


def test_a_folder_below_one_that_may_not_be_entered_is_an_error():
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o000)
        with unprivileged():
            found = machine.writable("output", folder / "a" / "b", "choose another")
            disk = machine.space("disk", folder / "a" / "b")
    finally:
        folder.rmdir()
    assert found.level == disk.level == "error"
    assert "cannot be written (Permission denied)" in found.message
    assert "cannot be looked at (Permission denied)" in disk.message


def _no_room(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _no_locks(*_, **__):
    raise NotImplementedError("FileSystem does not appear to support flock")


@pytest.mark.parametrize(
    "owner, name, fault, words",
    [
        (machine.os, "fsync", _no_room, "No space left"),
        (machine.filelock, "FileLock", _no_locks, "support flock"),
    ],
)
def test_a_full_disk_or_one_without_locks_is_an_error(
    tmp_path, monkeypatch, owner, name, fault, words
):
    monkeypatch.setattr(owner, name, fault)
    found = machine.writable("output", tmp_path, "choose another")
    assert found.level == "error"
    assert words in found.message
    assert list(tmp_path.iterdir()) == []


# --- data ---------------------------------------------------------------------------


@pytest.fixture
def demo():
    """A task with nothing of its own but its name."""
    return dataclasses.replace(registry.task("digits"), name="demo")


@pytest.fixture
def entry(tmp_path, demo):
    """A cache with one entry of two arrays."""
    folder = tmp_path / "prepared" / "demo" / cache.key(demo)
    folder.mkdir(parents=True)
    meta = {"spec": {}, "assets": {"names": ["a", "b"]}, "arrays": {}}
    for name in ("train.x.x", "train.y.y"):
        path = folder / f"{name}.npy"
        np.save(path, np.arange(100))
        meta["arrays"][name] = {"bytes": path.stat().st_size, "sha256": download.sha256(path)}
    meta["digest"] = digest(meta)
    (folder / "meta.json").write_text(json.dumps(meta))
    return folder


def look(root, check=data.prepared, tasks=(), data_dir=None):
    return list(check(data.stored(root, tasks, data_dir), ignore))


def test_prepared_data_as_recorded_is_one_line_and_all_of_it_is_read(entry, tmp_path):
    (found,) = look(tmp_path)
    assert found.level == "ok"
    assert "1 entries" in found.message
    read = []
    stored = data.stored(tmp_path, (), None)
    list(data.prepared(stored, read.append))
    assert sum(read) == stored.size() == sum(p.stat().st_size for p in entry.glob("*.npy"))


def _truncate(entry):
    path = entry / "train.x.x.npy"
    path.write_bytes(path.read_bytes()[:-8])


def _flip(entry):
    path = entry / "train.y.y.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def _remove(entry):
    (entry / "train.y.y.npy").unlink()


def _cut(entry):
    (entry / "meta.json").write_text('{"arrays": {')


def _alter(entry):
    meta = entry / "meta.json"
    meta.write_text(meta.read_text().replace('"a"', '"z"'))


def _forget(entry):
    (entry / "meta.json").unlink()


@pytest.mark.parametrize(
    "harm, words",
    [
        (_truncate, "train.x.x.npy has 920 bytes instead of 928"),
        (_flip, "train.y.y.npy has changed"),
        (_remove, "train.y.y.npy is missing"),
        (_cut, "meta.json cannot be read"),
        (_alter, "meta.json has changed"),
        (_forget, "meta.json is missing"),
    ],
)
def test_damaged_data_names_task_file_and_command(demo, entry, tmp_path, harm, words):
    harm(entry)
    (found,) = look(tmp_path, tasks=[demo])
    assert found.level == "warning"  # a sweep makes it anew
    assert found.message.startswith(f"demo: {words}")
    assert "harness prepare demo" in found.remedy


def test_damaged_data_that_no_task_uses_any_more_is_to_be_deleted(demo, entry, tmp_path):
    _flip(entry)
    newer = dataclasses.replace(demo, version=demo.version + 1)
    (found,) = look(tmp_path, tasks=[newer])
    assert found.level == "warning"
    assert found.message.endswith(f" in {entry}")
    assert found.remedy.startswith("delete that folder")


def test_what_a_killed_process_left_is_told_and_what_one_is_at_is_not(entry, tmp_path):
    work = entry.with_name(f".{entry.name}.5f5f")
    work.mkdir()
    (work / "train.x.x.npy").write_bytes(bytes(3_000_000))
    killed, sound = look(tmp_path)
    assert killed.message == "3 MB left by processes that were killed"
    assert str(work) in killed.remedy
    assert sound.level == "ok"
    with filelock.FileLock(entry.with_name(f"{entry.name}.lock")):
        (found,) = look(tmp_path)
    assert found.level == "ok"


@pytest.fixture
def task():
    """A task of one source file, `demo/words.txt`."""
    import hashlib

    source = Source("demo", "words.txt", None, hashlib.sha256(b"words").hexdigest())
    return dataclasses.replace(registry.task("digits"), sources=(source,))


@pytest.mark.parametrize("content, level", [(b"words", "ok"), (b"wor", "warning")])
def test_downloads_are_what_tasks_expect(tmp_path, task, content, level):
    path = tmp_path / "downloads" / "demo" / "words.txt"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    (found,) = look(tmp_path, data.downloads, [task])
    assert found.level == level
    assert level == "ok" or str(path) in found.message


@pytest.mark.parametrize("content, level", [(b"words", "ok"), (b"wor", "error")])
def test_a_wrong_file_in_the_data_directory_is_an_error(tmp_path, task, content, level):
    mine = tmp_path / "mine"
    (mine / "demo").mkdir(parents=True)
    (mine / "demo" / "words.txt").write_bytes(content)
    (found,) = data.local(data.stored(tmp_path, [task], mine), mine, ignore)
    assert found.level == level


def test_a_data_directory_that_is_not_there_is_an_error(tmp_path):
    missing = tmp_path / "mine"
    (found,) = data.local(data.stored(tmp_path, (), missing), missing, ignore)
    assert (found.level, found.message) == ("error", f"{missing}: no such directory")


# --- MLflow -------------------------------------------------------------------------


def uri(folder):
    return f"sqlite:///{folder}/mlflow.db"


def test_a_database_that_can_be_created_is_not_created(tmp_path):
    found = mlflow_store.reachable(uri(tmp_path / "results"), 120)
    assert found.level == "ok", found
    assert "can be created" in found.message
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_another_process_holds_is_a_warning(tmp_path):
    file = tmp_path / "mlflow.db"
    with contextlib.closing(sqlite3.connect(file)) as holder:
        holder.execute("CREATE TABLE t (x)")
        assert mlflow_store.damage(file, 0.2) is None
        holder.execute("BEGIN EXCLUSIVE")
        assert "locked" in mlflow_store.damage(file, 0.2)


def test_a_database_that_is_there_is_opened(tmp_path):
    from harness.tracking.client import open_client

    open_client(uri(tmp_path))
    before = sorted(tmp_path.iterdir())
    found = mlflow_store.reachable(uri(tmp_path), 120)
    assert (found.level, found.message) == ("ok", f"{uri(tmp_path)}: experiments: 0")
    assert sorted(tmp_path.iterdir()) == before


def test_a_database_of_a_later_mlflow_is_a_warning(tmp_path):
    """MLflow refuses it; an upgrade of MLflow, or another folder, is the way out."""
    file = tmp_path / "mlflow.db"
    from harness.tracking.client import open_client

    open_client(uri(tmp_path))
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
        connection.commit()
    found = mlflow_store.reachable(uri(tmp_path), 120)
    assert found.level == "warning"
    assert "schema" in found.message or "ffffffffffff" in found.message


def test_a_file_that_is_no_database_is_a_warning_and_stays_as_it_is(tmp_path):
    file = tmp_path / "mlflow.db"
    file.write_bytes(b"something else\n" * 100)
    found = mlflow_store.reachable(uri(tmp_path))
    assert found.level == "warning"
    assert "file is not a database" in found.message
    assert "nothing is lost" in found.remedy
    assert file.read_bytes() == b"something else\n" * 100


def test_pages_that_are_damaged_are_seen(tmp_path):
    file = tmp_path / "mlflow.db"
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.executemany("INSERT INTO t VALUES (?)", [("x" * 500,)] * 200)
        connection.commit()
    content = bytearray(file.read_bytes())
    content[2 * 4096 : 3 * 4096] = b"\xff" * 4096
    file.write_bytes(content)
    assert "damaged" in mlflow_store.damage(file) or "malformed" in mlflow_store.damage(file)


def test_a_database_below_a_file_cannot_be_created(tmp_path):
    (tmp_path / "file").write_text("")
    found = mlflow_store.reachable(uri(tmp_path / "file" / "results"))
    assert found.level == "warning"
    assert "cannot be created" in found.message


@contextlib.contextmanager
def server(answer):
    """An MLflow server that answers every search for experiments that way."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            code, body = answer
            self.send_response(code)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://someone:hush%21@127.0.0.1:{running.server_port}"
        running.shutdown()


def test_a_server_that_answers_is_well_and_its_password_is_not_shown():
    experiments = [{"experiment_id": "1", "name": "digits", "artifact_location": "x",
                    "lifecycle_stage": "active"}]  # fmt: skip
    with server((200, json.dumps({"experiments": experiments}).encode())) as address:
        found = mlflow_store.reachable(address)
    assert found.level == "ok", found
    assert found.message.endswith("experiments: 1")
    assert "hush" not in str(found)


def test_a_server_that_fails_or_is_down_is_a_warning_and_its_password_is_not_shown():
    with server((500, b"something broke")) as address:
        failing = mlflow_store.reachable(address)
    down = mlflow_store.reachable(address)  # nobody listens there any more
    for found in (failing, down):
        assert found.level == "warning"
        assert "nothing is lost" in found.remedy
        assert "hush" not in str(found)
    assert "500" in failing.message


def test_a_server_that_never_answers_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = mlflow_store.reachable(f"http://127.0.0.1:{silent.getsockname()[1]}", seconds=1.0)
    assert found.level == "warning"
    assert "did not answer within 1 s" in found.message


def test_no_tracking_needs_no_mlflow():
    assert mlflow_store.reachable("none") == Finding(
        "MLflow", "ok", "switched off with --tracking none"
    )


# --- plugins ------------------------------------------------------------------------


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Installs a distribution with a task entry point into a module of this text."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def install(name, text):
        (tmp_path / f"{name}.py").write_text(text)
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[harness.tasks]\npoint = {name}\n")

    return install


def test_all_that_is_shipped_loads():
    (found,) = plugins.registered()
    assert found.level == "ok"
    # Plugins installed beside the harness count in both.
    assert found.message.startswith(f"{len(registry.tasks())} tasks, {len(registry.spaces())} ")


def test_every_plugin_that_fails_is_named(plugin):
    plugin("first", "raise ValueError('[bold]bad\\nluck')")
    plugin("second", "import sys; print('noise'); sys.exit('no')")
    *found, well = plugins.registered()
    assert well.level == "ok"  # the others are there
    assert [f.level for f in found] == ["warning", "warning"]
    messages = sorted(f.message for f in found)
    assert messages[0].startswith("first (entry point point = first): cannot be loaded (")
    assert messages[0].endswith("first.py, line 1: ValueError: [bold]bad luck)")
    assert messages[1].startswith("second (entry point point = second): cannot be loaded (")
    assert messages[1].endswith("second.py, line 1: SystemExit: no)")


@pytest.mark.parametrize(
    "text, words",
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "was killed by SIGSEGV"),
        ("import os; os._exit(3)", "ended with exit code 3"),
        ("import time; time.sleep(60)", "did not answer within 8 s"),
    ],
)
def test_a_plugin_that_ends_its_process_or_never_ends_is_named(plugin, text, words):
    plugin("guest", text)
    (found,) = plugins.registered(seconds=8)
    assert found.level == "error"
    assert found.message.startswith("guest (entry point point = guest): ")
    assert words in found.message


def test_a_name_taken_twice_is_an_error_and_a_plugin_without_a_task_a_warning(plugin):
    plugin("guest", "x = 1")
    found, _ = plugins.registered()
    assert (found.level, "expected a Task" in found.message) == ("warning", True)
    plugin("twin", "import dataclasses\nfrom harness.tasks.image_classification import digits\n"
                   "other = dataclasses.replace(digits, version=99)\n")  # fmt: skip
    _, found = plugins.registered()
    assert found.level == "error"
    assert "task 'digits' is defined twice" in found.message


def test_plugin_files_are_looked_at_as_well(tmp_path):
    (tmp_path / "broken.py").write_text("\n1 / 0\n")
    (tmp_path / "empty.py").write_text("")
    registry.use([tmp_path / "broken.py", tmp_path / "empty.py"])
    *found, well = plugins.registered()
    registry.use([])
    assert well.level == "ok"
    assert [f.level for f in found] == ["warning", "warning"]
    assert "broken.py, line 2: ZeroDivisionError" in found[0].message
    assert "empty.py: expected a Task or a SearchSpace" in found[1].message


# --- backends -----------------------------------------------------------------------


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Puts a module in the place of a backend."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def place(name, text):
        (tmp_path / f"{name}.py").write_text(text)

    return place


def test_only_installed_backends_are_asked(monkeypatch):
    monkeypatch.setattr(
        backends.importlib.util, "find_spec", lambda name: True if name == "torch" else None
    )
    assert list(backends.installed()) == ["torch"]


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs JAX")
def test_a_backend_that_works_says_its_devices():
    found = backends.backend("jax")
    assert found.level in ("ok", "warning")
    assert "CPU" in found.message or "GPU" in found.message or "CUDA" in found.message
    assert "computes on it" in found.message


@pytest.mark.parametrize(
    "text, words",
    [
        ("raise ImportError('libcuda.so.1:\\nno such file')",
         "importing jax failed: ImportError: libcuda.so.1: (jax.py:1);"),
        ("print('[]')\ndef devices(): raise RuntimeError('no driver')",
         "finding devices failed: RuntimeError: no driver (jax.py:2);"),
        ("import os, signal\ndef devices(): os.kill(os.getpid(), signal.SIGSEGV)",
         "finding devices failed: the process was killed by SIGSEGV;"),
        ("import os, sys\nprint('out of luck', file=sys.stderr, flush=True)\nos._exit(3)",
         "importing jax failed: the process ended with exit code 3; its last words: out of luck;"),
        ("def devices(): return []", "importing keras failed: "),
    ],
)  # fmt: skip
def test_a_backend_that_fails_says_where_and_why(fake, text, words):
    fake("jax", text)
    found = backends.backend("jax")
    assert (found.name, found.level) == ("JAX", "warning")
    assert words in found.message
    assert found.message.endswith("no sweep runs with --backend jax")
    assert found.remedy


def test_the_backend_of_sweeps_that_name_none_is_an_error(fake):
    fake("tensorflow", "raise ImportError('undefined symbol')")
    found = backends.backend("tensorflow")
    assert (found.name, found.level) == ("TensorFlow", "error")


def test_a_backend_that_hangs_is_ended_with_all_it_started(fake, tmp_path):
    fake("jax", "import subprocess, sys, time, pathlib\ndef devices():\n"
                "    sleep = 'import time; time.sleep(99)'\n"
                "    child = subprocess.Popen([sys.executable, '-c', sleep])\n"
                f"    pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(child.pid))\n"
                "    time.sleep(99)\n")  # fmt: skip
    found = backends.backend("jax", seconds=8)
    assert "finding devices failed: the process did not answer within 8 s" in found.message
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 5  # a process that was killed may take a moment to end
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(pid)


def _runs(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    "devices, chosen, level",
    [
        (["CPU"], "0", "warning"),
        (["CPU"], "-1", "ok"),
        (["CPU"], "", "ok"),
        (["CPU", "GPU NVIDIA H100"], "0", "ok"),
    ],
)
def test_a_device_that_only_its_driver_knows_is_a_warning(monkeypatch, devices, chosen, level):
    said = (json.dumps({"devices": devices}), json.dumps({"keras": "3.15.1"}))
    reply = child.Answer(said, None, "")
    monkeypatch.setattr(backends, "ask", lambda *_, **__: reply)
    monkeypatch.setattr(host, "accelerators", lambda: ("NVIDIA H100",))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    found = backends.backend("jax")
    assert found.level == level
    assert ("jax[cuda12]" in found.remedy) == (level == "warning")


# --- children -----------------------------------------------------------------------


def test_a_child_gets_its_words_where_nobody_else_reads_them_and_may_say_anything():
    code = (
        "import sys\nfrom harness.doctor.child import answering\nanswers = answering()\n"
        "print('noise')\nanswers.write(sys.stdin.read()[::-1] + '\\udc80\\n')"
    )
    reply = child.ask(code, 60, "terces")
    assert reply == child.Answer(("secret\\udc80",), None, "noise")


def test_what_a_child_started_does_not_keep_its_answer_back():
    code = (
        "import subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)'])\n"
        "print('done')"
    )
    assert child.ask(code, 30).lines == ("done",)


# --- all of it ----------------------------------------------------------------------


def test_a_check_that_fails_is_a_finding_and_what_it_found_before_is_kept():
    def check():
        yield Finding("x", "ok", "fine")
        raise KeyError("odd")

    first, second = guarded("x", check)
    assert first.level == "ok"
    assert second.level == "error"
    assert second.message.startswith("could not be checked (KeyError: 'odd' (test_doctor.py:")


@pytest.fixture
def told(monkeypatch):
    """What is printed of these findings, and the exit code."""

    def tell(*findings, terminal=False):
        def examine(*_):
            for finding in findings:
                if isinstance(finding, Exception):
                    raise finding
                yield finding

        monkeypatch.setattr(doctor, "examine", examine)
        console = rich.console.Console(
            file=io.StringIO(), force_terminal=terminal, highlight=False, width=300
        )
        code = doctor.diagnose(Path("results"), console=console)
        return code, console.file.getvalue()

    return tell


OK = Finding("Python", "ok", "3.11.7")
WARNING = Finding("MLflow", "warning", "down", "start it")
ERROR = Finding("six", "error", "missing", "python -m pip install six")


def test_only_what_would_fail_a_sweep_is_a_failure(told):
    assert told(OK, WARNING) == (
        0,
        "ok: Python: 3.11.7\nwarning: MLflow: down; start it\n"
        "a sweep would run: 0 errors, 1 warning\n",
    )
    code, text = told(OK, WARNING, ERROR)
    assert code == 1
    assert text.endswith("a sweep would fail: 1 error, 1 warning\n")


def test_a_terminal_gets_a_table(told):
    code, text = told(OK, ERROR, terminal=True)
    assert code == 1
    assert "─" in text
    assert "remedy" in text


@pytest.mark.parametrize("terminal", [False, True])
def test_text_from_outside_is_one_line_and_never_markup_or_control(told, terminal):
    hostile = Finding("x", "warning", "[bold]a[/bold]\n\x1b]0;owned\x07 \udc80b[/nothing]")
    _, text = told(hostile, terminal=terminal)
    assert "[bold]a[/bold] �]0;owned� �b[/nothing]" in text


def test_there_is_never_a_traceback(told):
    code, text = told(OK, RuntimeError("unforeseen"))
    assert code == 1
    assert "error: doctor: could not be checked (RuntimeError: unforeseen (test_doctor.py:" in text


@pytest.mark.parametrize("package", ["psutil", "filelock", "pydantic"])
def test_a_package_that_the_checks_need_themselves_is_a_finding_when_it_is_missing(package):
    program = f"""
import sys
import time
from pathlib import Path
sys.modules[{package!r}] = None  # as Python marks what cannot be imported
from harness import doctor
sys.exit(doctor.diagnose(Path("results")))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert "error: doctor: could not be checked (ModuleNotFoundError" in done.stdout
    assert package in done.stdout.splitlines()[-2]
    assert "ok: Python" in done.stdout
    assert done.stderr == ""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Diagnoses these surroundings without the backends and MLflow, which take their time."""
    monkeypatch.setattr(backends, "installed", lambda: iter(()))

    def run(output=tmp_path / "results", terminal=False, **options):
        console = rich.console.Console(
            file=io.StringIO(), force_terminal=terminal, highlight=False, width=300
        )
        code = doctor.diagnose(output, tracking="none", console=console, **options)
        return code, console.file.getvalue()

    return run


def test_a_sweep_would_run_here_and_nothing_is_changed(here, tmp_path):
    code, text = here()
    assert code == 0, text
    names = [line.split(": ")[1] for line in text.splitlines()[:-1]]
    # What is said of packages between these two has the names of packages.
    assert [names[0], *names[names.index("registry") :]] == [
        "Python", "registry", "cores", "memory", "output folder", "output disk",
        "cache folder", "cache disk", "prepared data", "downloads", "MLflow",
    ]  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_damage_anywhere_is_told_with_the_rest(here, plugin, entry, tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    _truncate(entry)
    plugin("guest", "import os; os._exit(3)")
    code, text = here(tmp_path / "guest.py" / "results", data_dir=tmp_path / "nowhere")
    assert code == 1
    assert "error: registry: guest" in text
    assert "error: output folder: " in text
    assert "warning: prepared data: demo: train.x.x.npy has 920 bytes" in text
    assert "error: data directory: " in text
    assert "Traceback" not in text


def test_a_cache_folder_that_makes_no_sense_is_a_finding(here, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", "~nobody-of-this-name/cache")
    code, text = here()
    assert code == 1
    assert "error: cache folder: could not be checked (HARNESS_CACHE=~nobody" in text


def test_a_terminal_is_shown_how_far_the_reading_is(here, entry, tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    _, text = here(terminal=True)
    assert "reading cached data" in text
    assert "loading tasks" in text


def test_long_reading_is_announced_in_a_log(here, entry, tmp_path, monkeypatch):
    from harness.doctor import checks

    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    monkeypatch.setattr(checks, "_speed", lambda: 100.0)
    _, text = here()
    assert "reading 0 MB of cached data, 19 s or more\n" in text


@pytest.fixture(autouse=True)
def _cleared():
    """Plugins come and go between these tests."""
    registry.refresh()
    yield
    registry.refresh()
