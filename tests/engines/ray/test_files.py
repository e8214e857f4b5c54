"""Files that cross between driver and nodes, without a cluster: a store that holds what is put."""

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness import registry
from harness.engines.ray import files, own_code
from harness.journal.folder import assets_path, checkpoint_path, interface_path, state_path
from harness.spec import Training
from harness.trial import Job


@pytest.fixture
def store(monkeypatch):
    """Ray's object store, in this process: all that was put, in order."""
    kept = []

    def put(value):
        kept.append(value)
        return len(kept) - 1

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(put=put, get=kept.__getitem__))
    return kept


@pytest.fixture
def sweep(tmp_path, store):
    """A sweep's folder with the checkpoint of a trial."""
    folder = tmp_path / "sweep"
    written(checkpoint_path(folder, "blobs", "mlp", 1), b"one")
    return folder


def written(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def job(folder, **given):
    return Job("q", "blobs", "mlp", "search", 2, 2, None, Training(), folder, 1, **given)


def content(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}


def test_a_file_goes_in_parts_and_comes_out_whole(tmp_path, store, monkeypatch):
    monkeypatch.setattr(files, "PART_BYTES", 4)
    path = written(tmp_path / "here" / "models" / "a.keras", b"0123456789")
    sent = files.put(tmp_path / "here", "models/a.keras")
    assert sent.stamp == files.stamp(path)
    assert [store[part] for part in sent.parts] == [b"0123", b"4567", b"89"]
    files.write(sent, tmp_path / "there")
    assert content(tmp_path / "there") == {"models/a.keras": b"0123456789"}
    with pytest.raises(OSError, match="gone"):
        files.put(tmp_path / "here", "gone")


def test_a_file_whose_parts_are_lost_is_not_there(tmp_path, store):
    written(tmp_path / "here" / "models" / "a.keras", b"0123")
    sent = replace(files.put(tmp_path / "here", "models/a.keras"), parts=(0, 7))
    with pytest.raises(IndexError):
        files.write(sent, tmp_path / "there")
    assert content(tmp_path / "there") == {}


def test_a_job_has_what_it_starts_from_once_in_the_store(sweep, store):
    out = files.Outgoing(sweep, {})
    one = job(sweep, parent=1)
    (kept,) = out.needed(one)
    assert kept.name == checkpoint_path(Path(), "blobs", "mlp", 1).as_posix()
    assert out.needed(one) == (kept,)
    assert store == [b"one"]
    written(sweep / kept.name, b"another")
    assert out.needed(one)[0].stamp != kept.stamp
    assert store == [b"one", b"another"]
    (sweep / kept.name).unlink()
    assert out.needed(one) == ()
    written(state_path(sweep, *one.key), b"state")
    assert [sent.name for sent in out.needed(one)] == [
        state_path(sweep, *one.key).relative_to(sweep).as_posix()
    ]


def test_an_encoder_goes_along_with_what_lies_beside_it(sweep):
    model = written(sweep / "models" / "a.keras", b"x")
    beside = [interface_path(model), assets_path(model)]
    for path in (*beside, sweep / "models" / "other.keras"):
        written(path, b"x")
    sent = files.Outgoing(sweep, {}).needed(job(sweep, encoder="models/a.keras"))
    assert {sweep / one.name for one in sent} == {model, *beside}


def test_what_is_no_trial_of_a_folder_needs_nothing(sweep):
    assert files.Outgoing(None, {}).needed(job(sweep, parent=1)) == ()
    assert files.Outgoing(sweep, {}).needed("a rehearsal") == ()


def test_prepared_data_is_brought_to_a_node_once(tmp_path, store, monkeypatch):
    there = written(tmp_path / "data" / "key-sign" / "train.npy", b"numbers").parent
    written(there / files.META, b"{}")
    written(there / "val.npy", b"more")
    out = files.Outgoing(None, {"blobs": there})
    assert out.names == {"blobs": "key-sign"}
    prepared = out.prepared("blobs")
    assert prepared[-1].name == files.META, "by which it is there"
    assert out.prepared("blobs") is prepared
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "node"))
    assert files.lacking(out.names) == ("blobs",)
    with pytest.raises(IndexError):
        files.receive("blobs", "key-sign", [*prepared[:1], replace(prepared[1], parts=(7,))])
    assert files.lacking(out.names) == ("blobs",)
    files.receive("blobs", "key-sign", prepared)
    assert files.lacking(out.names) == ()
    home = tmp_path / "node" / "prepared" / "blobs"
    assert content(home / "key-sign") == content(there)
    files.receive("blobs", "key-sign", ["what another worker has brought is not asked for"])
    assert {path.name for path in home.iterdir()} == {"key-sign", "key-sign.lock"}


def test_what_a_job_leaves_on_a_node_goes_back_once(sweep, tmp_path, store):
    desk = files.Desk(tmp_path / "desk")
    (start,) = files.Outgoing(sweep, {}).needed(job(sweep, parent=1))
    desk.receive([start])
    assert content(desk.folder) == content(sweep)
    assert desk.new() == (), "the driver has it"
    written(desk.folder / "models" / "new.keras", b"new")
    written(desk.folder / "models" / f"{files.atomic_files.PART}half", b"half")
    assert [sent.name for sent in desk.new()] == ["models/new.keras"]
    assert desk.new() == ()
    written(desk.folder / start.name, b"changed")
    assert [sent.name for sent in desk.new()] == [start.name]


def test_a_desk_is_cleared_but_for_what_may_be_needed_again(sweep, tmp_path, store):
    desk = files.Desk(tmp_path / "desk")
    state = written(state_path(sweep, *job(sweep).key), b"state").relative_to(sweep).as_posix()
    start, kept = files.Outgoing(sweep, {}).needed(job(sweep, parent=1))
    desk.receive([start, kept])
    written(desk.folder / "models" / "new.keras", b"new")
    desk.clear()
    assert [*content(desk.folder)] == [start.name]
    store.clear()
    desk.receive([start])  # which it has: the store is not asked
    store.extend([b"one", b"state"])
    desk.receive([kept])
    assert content(desk.folder)[state] == b"state"


def test_a_job_has_the_folder_of_its_worker(sweep, tmp_path):
    assert files.moved(job(sweep), tmp_path).folder == tmp_path
    assert files.moved("a rehearsal", tmp_path) == "a rehearsal"


def test_plugins_go_along_with_what_they_may_import(tmp_path):
    own, package = tmp_path / "own", tmp_path / "package"
    for name in ("mine.py", "beside.py", "data.csv", "helpers/__init__.py", "helpers/deep/a.py",
                 "no_package/b.py"):  # fmt: skip
        written(own / name, b"x = 1\n")
    written(package / "tasks.py", b"y = 1\n")
    found = own_code.gathered((own / "mine.py", package, tmp_path / "s.toml"))
    assert found.plugins == tuple(map(str, (own / "mine.py", package, tmp_path / "s.toml")))
    assert found.folders == (str(own), str(package))
    assert {(number, name) for number, name, _ in found.files} == {
        (0, "mine.py"), (0, "beside.py"), (0, "helpers/__init__.py"), (0, "helpers/deep/a.py"),
        (1, "tasks.py"),
    }  # fmt: skip


def test_a_worker_on_a_node_knows_plugins_before_it_initialises(tmp_path, monkeypatch):
    own, package = tmp_path / "own", tmp_path / "package"
    written(own / "mine.py", b"import beside\n")
    written(own / "beside.py", b"found = 1\n")
    written(package / "tasks.py", b"")
    table = written(tmp_path / "s.toml", b"")
    code = own_code.gathered((own / "mine.py", package, table))
    monkeypatch.setenv(own_code.FOLDER, str(tmp_path / "node"))
    moved, used = {}, []
    monkeypatch.setattr(own_code.plugin_files, "move", lambda old, new: moved.update({old: new}))
    monkeypatch.setattr(registry, "use", lambda plugins: used.extend(plugins))
    seen = []
    own_code.begin(code, lambda: seen.append([*used]))
    home = tmp_path / "node" / "plugins"
    assert moved == {own: home / "0", package: home / "1"}
    assert seen == [[home / "0" / "mine.py", home / "1", table]]
    assert content(home) == {"0/mine.py": b"import beside\n", "0/beside.py": b"found = 1\n",
                             "1/tasks.py": b""}  # fmt: skip
