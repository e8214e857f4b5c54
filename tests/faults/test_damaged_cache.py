"""Prepared data that is damaged, between sweeps and in the middle of one."""

import dataclasses
import json
import os
import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.data import cache, child
from harness.data.ingredients import Ingredients, module_digest
from harness.data.prepare import FORMAT, SPLITS
from harness.data.prepare import write as write_entry
from harness.journal.read import read_journal
from harness.spec import DataSpec, Prepared, Split, TensorSpec
from tests.faults import loading
from tests.faults.sweeps import ended, run_words, same
from tests.hostile.hostile.tasks import blobs


def prepare(files):
    """Little data that has all an entry can hold."""
    rng = np.random.default_rng(0)

    def split(count):
        x, y = rng.normal(size=(count, 3)).astype("float32"), np.arange(count, dtype="int32") % 2
        return Split({"x": x}, {"y": y}, np.ones(count, "float32"))

    spec = DataSpec(
        {"x": TensorSpec((3,), "float32")},
        {"y": TensorSpec((), "int32", size=2)},
        "text_classification",
    )
    return Prepared(spec, split(8), split(4), split(4), {"names": ["ä", "b"]}, {"later": split(2)})


LITTLE = dataclasses.replace(blobs, name="little", kind="text_classification", prepare=prepare)


@pytest.fixture
def entry(tmp_path, monkeypatch):
    """The folder of good data, and a function that brings it back."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    monkeypatch.setattr(child, "prepare", write)
    folder = cache.entry(LITTLE).folder
    good = shutil.copytree(folder, tmp_path / "good")

    def restore():
        cache._known.clear()
        shutil.rmtree(folder)
        shutil.copytree(good, folder)

    return folder, restore


def write(task, folder, files):
    """What the child does."""
    made_from = Ingredients(modules={__name__: module_digest(__name__)})
    write_entry(LITTLE, prepare(files), folder, made_from)


def whole():
    """Whether the cache gives out the data as it was prepared."""
    cache._known.clear()  # as in the next process
    found, expected = cache.load(LITTLE), prepare({})
    assert (found.spec, found.assets) == (expected.spec, expected.assets)
    splits = [(getattr(found, n), getattr(expected, n)) for n in SPLITS]
    for ours, theirs in (*splits, (found.further["later"], expected.further["later"])):
        np.testing.assert_array_equal(ours.x["x"], theirs.x["x"])
        np.testing.assert_array_equal(ours.y["y"], theirs.y["y"])
        np.testing.assert_array_equal(ours.weight, theirs.weight)


@pytest.mark.parametrize("examples", [150, pytest.param(5000, marks=pytest.mark.long)])
def test_any_byte_altered_in_any_file_is_repaired(entry, toll, examples):
    folder, restore = entry
    names = sorted(path.name for path in folder.iterdir())

    @settings(max_examples=examples, deadline=None, derandomize=True,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(st.sampled_from(names), st.data())
    def check(name, data):
        restore()
        path = folder / name
        content = bytearray(path.read_bytes())
        where = data.draw(st.integers(0, len(content) - 1))
        content[where] = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[where]))
        path.write_bytes(content)
        whole()

    check()
    toll("cache file altered by a byte", examples)


@pytest.mark.parametrize("examples", [100, pytest.param(2000, marks=pytest.mark.long)])
def test_any_file_that_ends_early_is_repaired(entry, toll, examples):
    folder, restore = entry
    names = sorted(path.name for path in folder.iterdir())

    @settings(max_examples=examples, deadline=None, derandomize=True,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(st.sampled_from(names), st.floats(0, 1, exclude_max=True))
    def check(name, share):
        restore()
        os.truncate(folder / name, int(share * (folder / name).stat().st_size))
        whole()

    check()
    toll("cache file truncated", examples)


META = {
    "empty": lambda meta: b"",
    "not text": lambda meta: b"\x00\xff\xfe" * 40,
    "nested": lambda meta: b"[" * 200_000,
    "list": lambda meta: b"[]",
    "null": lambda meta: b"null",
    "no arrays": lambda meta: json.dumps({k: v for k, v in meta.items() if k != "arrays"}).encode(),
    "no digest": lambda meta: json.dumps({k: v for k, v in meta.items() if k != "digest"}).encode(),
    "arrays of text": lambda meta: json.dumps(meta | {"arrays": "x"}).encode(),
    "arrays of numbers": lambda meta: json.dumps(meta | {"arrays": {"train.x.x": 3}}).encode(),
    "newer": lambda meta: json.dumps(meta | {"format": FORMAT + 1}).encode(),
    "of another task": lambda meta: json.dumps(meta | {"task": "digits"}).encode(),
}


@pytest.mark.parametrize("damage", META.values(), ids=META)
def test_a_description_that_is_none_is_made_anew(entry, toll, damage):
    folder, _ = entry
    path = folder / "meta.json"
    path.write_bytes(damage(json.loads(path.read_text())))
    whole()
    assert json.loads(path.read_text())["format"] == FORMAT
    toll("cache description damaged")


def remove(folder):
    shutil.rmtree(folder)


def remove_array(folder):
    (folder / "val.y.y.npy").unlink()


def cut_array(folder):
    os.truncate(folder / "val.y.y.npy", 100)


def remove_description(folder):
    (folder / "meta.json").unlink()


def cut_description(folder):
    os.truncate(folder / "meta.json", 100)


@pytest.mark.parametrize(
    "damage", [remove, remove_array, cut_array, remove_description, cut_description]
)
def test_what_this_process_has_verified_may_vanish(entry, damage):
    folder, _ = entry
    before = cache.load(LITTLE)
    damage(folder)
    after = cache.load(LITTLE)
    np.testing.assert_array_equal(after.val.y["y"], prepare({}).val.y["y"])
    if damage is remove:
        np.testing.assert_array_equal(before.val.y["y"], after.val.y["y"])


@pytest.mark.skipif(os.name != "posix", reason="drivers are forked")
def test_data_is_damaged_while_a_sweep_reads_it(forks, calm, tmp_path, toll, cache_root):
    question, quiet = calm()
    own, flags = tmp_path / "cache", tmp_path / "flags"
    flags.mkdir()
    shutil.copytree(cache_root / "prepared" / "blobs", own / "prepared" / "blobs")
    run = forks.run(
        *run_words(question, tmp_path), fate=loading.befall,
        HARNESS_CACHE=str(own), FAKE_FLAGS=str(flags),
    )  # fmt: skip
    assert (run.code, run.err) == (0, ""), run.out
    done = {path.name for path in flags.iterdir()}
    assert done == {damage.__name__ for damage in loading.DAMAGES.values()}
    found = ended(tmp_path / "fake")
    lost = (ended(quiet) - found).total()
    toll("cache damaged while a sweep reads it", len(done), lost, found.total() - len(found))
    same(tmp_path / "fake", quiet, tried_again=True)
    (broken,) = (
        entry for entry in read_journal(tmp_path / "fake").history
        if getattr(entry, "failure", None) is not None
    )  # fmt: skip
    assert broken.status == "interrupted"
    assert broken.failure.message == "the worker process was killed by SIGBUS"
