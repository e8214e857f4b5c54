"""The actor that keeps a worker on a node, with an engine that does as it is told."""

import os
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.engines.engine import Done, Limits, Told
from harness.engines.ray import files, keeper
from harness.engines.ray.keeper import Keeper, Luggage, Order
from harness.engines.ray.share import Share
from harness.system import host


class Engine:
    """In the place of a local engine: what it tells is what a test has put there."""

    def __init__(self, run, **options):
        self.options, self.told, self.submitted, self.closed = options, [], [], None

    def submit(self, *told):
        self.submitted.append(told)

    def poll(self, timeout):
        found, self.told = self.told, []
        return found

    def close(self, kill=False):
        self.closed = kill


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Makes a keeper on a node of its own, with a store that holds what is put."""
    kept, engines = [], []
    store = SimpleNamespace(
        put=lambda value: kept.append(value) or len(kept) - 1,
        get=kept.__getitem__,
        get_runtime_context=lambda: SimpleNamespace(get_node_id=lambda: "0123456789abcdef"),
    )
    monkeypatch.setitem(sys.modules, "ray", store)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))

    def engine(*told, **options):
        engines.append(Engine(*told, **options))
        return engines[-1]

    monkeypatch.setattr(keeper, "LocalEngine", engine)

    def make(share=None, data=()):
        order = Order(b"setup", {"A": "1"}, share or Share(), 9, 500.0, 1000, dict(data))
        return Keeper(order), engines

    return make


def left(engine, name, content):
    """A file that the worker has left."""
    path = Path(engine.options["environment"][keeper.FOLDER]) / keeper.packed.SWEEP / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_worker_is_set_up_as_the_driver_orders(made, monkeypatch, tmp_path):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    _, (engine,) = made()
    options = engine.options
    assert (options["workers"], options["devices"], options["recycle_jobs"]) == (1, (), 9)
    assert options["environment"]["A"] == "1"
    assert options["environment"][host.NODE].endswith("/01234567")
    assert "JAX_COMPILATION_CACHE_DIR" not in options["environment"]
    _, (_, engine) = made(Share(1, 0.5))
    assert engine.options["devices"] == ("3",)
    cache = engine.options["environment"]["JAX_COMPILATION_CACHE_DIR"]
    assert Path(cache).is_relative_to(tmp_path / "cache")


def test_a_job_finds_its_files_and_the_data_of_its_task(made, tmp_path):
    (tmp_path / "data" / "models").mkdir(parents=True)
    (tmp_path / "data" / "models" / "a.keras").write_bytes(b"one")
    (tmp_path / "data" / files.META).write_bytes(b"{}")
    it, (engine,) = made(data={"blobs": "key"})
    place = it.place()
    assert (place.node, place.lacks) == ("0123456789abcdef", ("blobs",))
    start = files.put(tmp_path / "data", "models/a.keras")
    data = files.put(tmp_path / "data", files.META)
    it.start("a", b"job", Limits(), Luggage((start,), "blobs", (data,)))
    assert engine.submitted == [("a", b"job", Limits())]
    assert left(engine, "other/x", b"").parents[1].joinpath("models/a.keras").read_bytes() == b"one"
    assert it.place().lacks == ()


def test_what_a_worker_says_and_leaves_is_passed_on_once(made):
    it, (engine,) = made()
    log = engine.options["log"]
    log.write_bytes(b"one ")
    told, done = Told("a", {"epoch": 1}), Done("a", value=1)
    model = left(engine, "models/a.keras", b"model")
    assert it.events(0) == keeper.Reply(printed=b"one "), "files go along with what tells of them"
    with log.open("ab") as file:
        file.write(b"two")
    engine.told = [told]
    reply = it.events(60)
    assert (reply.events, reply.printed) == ((told,), b"two")
    assert [sent.name for sent in reply.files] == ["models/a.keras"]
    assert model.exists()
    log.write_bytes(b"cut")
    engine.told = [done]
    assert it.events(60) == keeper.Reply((done,), (), b"cut")
    assert not model.exists(), "the next job finds nothing of it"
    log.unlink()
    assert it.events(0) == keeper.Reply()


def test_a_worker_rests_until_the_next_job(made):
    it, engines = made()
    it.rest()
    it.rest()
    assert engines[0].closed is False
    assert it.events(0.03) == keeper.Reply()
    it.start("a", b"job", Limits(), Luggage())
    assert len(engines) == 2
    assert engines[1].submitted == [("a", b"job", Limits())]


def test_the_end_says_what_is_left_to_say_and_leaves_nothing(made):
    it, (engine,) = made()
    done = Done("a", value=1)
    left(engine, "models/a.keras", b"model")
    engine.told = [done]
    reply = it.close(kill=True)
    assert engine.closed is True
    assert (reply.events, [sent.name for sent in reply.files]) == ((done,), ["models/a.keras"])
    assert it.events(60) == keeper.Reply()
    assert not Path(engine.options["environment"][keeper.FOLDER]).exists()


def test_what_killed_actors_left_is_removed(made, tmp_path):
    names = ("harness-worker-999999999-a", "harness-worker-x-b", f"harness-worker-{os.getpid()}-c",
             "other")  # fmt: skip
    for name in names:
        (tmp_path / "tmp" / name).mkdir()
    _, (engine,) = made()
    own = Path(engine.options["environment"][keeper.FOLDER]).name
    assert {path.name for path in (tmp_path / "tmp").iterdir()} == {*names[2:], own}
