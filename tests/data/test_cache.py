"""Prepared data: made once, elsewhere, checked, and rebuilt when it is damaged."""

import json
import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from harness import registry
from harness.data import cache
from harness.spec import HarnessError

PLUGIN = """
import os, sys
from pathlib import Path
import numpy as np
from harness.spec import *

def split(count, **changes):
    x = np.arange(count * 4, dtype="float32").reshape(count, 4)
    y = np.arange(count, dtype="int32") % 3
    if changes.get("nan"): x[0, 0] = np.nan
    if changes.get("label"): y[0] = 3
    if changes.get("dtype"): x = x.astype("float64")
    if changes.get("shape"): x = x[:, :3]
    if changes.get("short"): y = y[1:]
    return Split({"x": x}, {"y": y}, np.ones(count, "float32"))

def prepare(files):
    with open(os.environ["DEMO_LOG"], "a") as log:
        log.write(f"{os.getpid()} {os.environ.get('CUDA_VISIBLE_DEVICES')}\\n")
    how = os.environ.get("DEMO", "")
    if how == "raises": raise ValueError("odd data")
    if how == "refuses": raise HarnessError("the data is from the wrong year")
    if how == "dies": print("no good", flush=True); os._exit(7)
    if how == "empty": val = split(0)
    else: val = split(5, **{how: True})
    spec = DataSpec({"x": TensorSpec((4,), "float32")},
                    {"y": TensorSpec((), "int32", size=3)}, "text_classification")
    further = {"train": split(3)} if how == "twice" else {"later": split(7)}
    return Prepared(spec, split(20), val, split(6), {"names": ["a", "b", "c"]}, further)

demo = Task("demo", "text_classification", Objective("accuracy", "max"), prepare,
            None, None, lambda prepared: {})
"""


@pytest.fixture
def demo(tmp_path, monkeypatch):
    """A task from another distribution; `DEMO` in the environment chooses its defect."""
    site = tmp_path / "site"
    info = site / "demo_tasks-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "demo_tasks.py").write_text(PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: demo-tasks\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[harness.tasks]\ndemo = demo_tasks\n")
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DEMO_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setattr(cache, "_known", {})
    registry.refresh()
    yield registry.task("demo")
    registry.refresh()
    sys.modules.pop("demo_tasks", None)


def preparations(tmp_path):
    log = tmp_path / "log"
    return log.read_text().splitlines() if log.exists() else []


def test_data_comes_back_as_prepared_and_read_only(demo, tmp_path):
    data = cache.load(demo)
    expected = demo.prepare({})
    assert data.spec == expected.spec
    assert data.assets == {"names": ["a", "b", "c"]}
    assert len(data.further["later"]) == 7
    np.testing.assert_array_equal(data.further["later"].y["y"], expected.further["later"].y["y"])
    for name in ("train", "val", "test"):
        ours, theirs = getattr(data, name), getattr(expected, name)
        np.testing.assert_array_equal(ours.x["x"], theirs.x["x"])
        np.testing.assert_array_equal(ours.y["y"], theirs.y["y"])
        np.testing.assert_array_equal(ours.weight, theirs.weight)
        assert isinstance(ours.x["x"], np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        data.train.x["x"][0] = 0


def test_it_is_prepared_once_in_a_child_without_a_gpu(demo, tmp_path):
    cache.load(demo)
    cache.load(demo)
    ((pid, devices),) = (line.split() for line in preparations(tmp_path))
    assert int(pid) != os.getpid()
    assert devices == "-1"


def test_two_processes_end_with_one_good_copy(demo, tmp_path):
    script = (
        "from harness import registry\nfrom harness.data import cache\n"
        "print(cache.entry(registry.task('demo')))"
    )
    command = [sys.executable, "-c", script]
    with ThreadPoolExecutor() as pool:
        calls = [pool.submit(subprocess.run, command, capture_output=True, text=True, check=True)
                 for _ in range(3)]  # fmt: skip
        answers = {call.result().stdout for call in calls}
    assert len(answers) == 1
    assert len(preparations(tmp_path)) == 1


def _truncate(folder):
    path = folder / "train.x.x.npy"
    path.write_bytes(path.read_bytes()[:-8])


def _alter(folder):
    path = folder / "test.y.y.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def _remove(folder):
    (folder / "val.weight.npy").unlink()


def _alter_assets(folder):
    meta = folder / "meta.json"
    meta.write_text(meta.read_text().replace('"a"', '"z"'))


def _cut_meta(folder):
    (folder / "meta.json").write_text('{"arrays": {')


@pytest.mark.parametrize("damage", [_truncate, _alter, _remove, _alter_assets, _cut_meta])
def test_a_damaged_copy_is_rebuilt(demo, tmp_path, monkeypatch, damage):
    good = cache.entry(demo)
    damage(good.folder)
    monkeypatch.setattr(cache, "_known", {})  # as in the next process
    assert cache.entry(demo) == good
    assert len(preparations(tmp_path)) == 2
    assert sorted(path.suffix for path in good.folder.parent.iterdir()) == ["", ".lock"]
    np.testing.assert_array_equal(cache.load(demo).test.y["y"], np.arange(6) % 3)


def test_what_a_killed_process_left_is_cleared(demo):
    entry = cache.entry(demo)
    leftover = entry.folder.with_name(f".{cache.key(demo)}.killed")
    leftover.mkdir()
    _remove(entry.folder)
    cache._known.clear()
    cache.entry(demo)
    assert not leftover.exists()


def test_the_digest_is_of_the_data_not_of_the_code(demo, monkeypatch):
    before = cache.entry(demo)
    module = Path(sys.modules["demo_tasks"].__file__)
    module.write_text(module.read_text() + "\n# a remark\n")
    after = cache.entry(demo)
    assert after.folder != before.folder
    assert after.digest == before.digest


@pytest.mark.parametrize(
    "defect, message",
    [
        ("nan", r"task 'demo', val, x\['x'\]: expected finite values"),
        ("label", r"task 'demo', val, y\['y'\]: expected values from 0 to 2, found 0 to 3"),
        ("dtype", r"task 'demo', val, x\['x'\]: expected dtype float32, found float64"),
        ("shape", r"task 'demo', val, x\['x'\]: expected examples of shape \(4,\), found \(3,\)"),
        ("short", r"task 'demo', val, y\['y'\]: expected 5 examples, found shape \(4,\)"),
        ("empty", r"task 'demo', val: expected at least one example"),
        ("twice", r"task 'demo': expected another identifier for a further split, found 'train'"),
        ("refuses", "^the data is from the wrong year$"),
        (
            "raises",
            r"task 'demo': its prepare function failed: ValueError: odd data \(demo_t",
        ),
        ("dies", "task 'demo': preparing it ended with exit code 7"),
    ],
)
def test_unsound_data_is_one_clear_line_and_leaves_nothing(demo, monkeypatch, defect, message):
    monkeypatch.setenv("DEMO", defect)
    with pytest.raises(HarnessError, match=message) as caught:
        cache.entry(demo)
    assert "\n" not in str(caught.value)
    kept = Path(cache.download.cache_root(), "prepared", "demo")
    told = {"raises": "ValueError: odd data", "dies": "no good"}.get(defect)
    if told is not None:
        assert str(caught.value).endswith(f"; traceback: {kept / 'failed.txt'}")
        assert told in (kept / "failed.txt").read_text()
    names = [path.name for path in kept.iterdir() if path.suffix != ".lock"]
    assert names == (["failed.txt"] if told else [])


def test_a_traceback_is_there_until_it_goes_well(demo, monkeypatch):
    monkeypatch.setenv("DEMO", "raises")
    with pytest.raises(HarnessError, match="traceback: ") as caught:
        cache.entry(demo)
    file = Path(str(caught.value).rpartition("traceback: ")[2])
    assert "Traceback (most recent call last)" in file.read_text()
    assert "in prepare\n" in file.read_text()
    monkeypatch.setenv("DEMO", "")
    cache.entry(demo)
    assert not file.exists()


def test_a_cache_that_cannot_be_written_is_one_line(demo, tmp_path):
    (tmp_path / "cache").write_text("a file, not a folder")
    with pytest.raises(HarnessError, match="cannot write there"):
        cache.entry(demo)


def test_a_full_disk_is_one_line(demo, tmp_path, monkeypatch):
    # A limit on the size of files stands in for the disk: both fail the same call.
    script = textwrap.dedent("""
        import resource, signal
        from harness import registry, spec
        from harness.data import cache
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (256, 256))
        try:
            cache.entry(registry.task("demo"))
        except spec.HarnessError as error:
            print(error)
    """)
    pytest.importorskip("resource")
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "task 'demo': its data cannot be prepared" in done.stdout, done.stderr
    assert done.stdout.count("\n") == 1


def test_fields_that_say_nothing_do_not_change_a_digest(demo):
    """Sweeps of before such a field can still be carried on."""
    meta = json.loads((cache.entry(demo).folder / "meta.json").read_text())
    assert meta["spec"]["inputs"] == {"x": {"shape": [4], "dtype": "float32", "size": None}}
