"""Nodes with disks of their own, that come and go: simulated, each with a cache of its own."""

import contextlib
import dataclasses
import socket
import time
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="Ray is not installed")

from harness.doctor import cluster
from harness.engines.engine import Limits
from harness.engines.ray import connection, files, own_code, versions
from harness.engines.ray import nodes as cluster_nodes
from harness.engines.ray.pool import RayEngine
from harness.engines.ray.share import ClusterOptions, Share
from harness.journal.folder import checkpoint_path, state_path
from harness.registry import plugin_files
from harness.spec import HarnessError, Training
from harness.trial import Job
from tests.engines import jobs
from tests.engines.clusters import simulated
from tests.engines.driving import answer, ready, until_done, vanished
from tests.engines.ray import trials


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    """A cluster whose head runs nothing, and one node with a fake accelerator."""
    home = tmp_path_factory.mktemp("nodes")
    with simulated(cpus=0) as it:
        it.home = home
        it.add_node(
            num_cpus=2,
            num_gpus=1,
            resources={"accelerator_type:H100": 1},
            env_vars={"HARNESS_CACHE": str(home / "first")},
        )
        with connection.connected(it.address):
            yield it


@pytest.fixture
def sweep(tmp_path):
    """A sweep's folder, and prepared data in the driver's cache."""
    data = tmp_path / "driver" / "prepared" / "blobs" / "key-sign"
    data.mkdir(parents=True)
    (data / "meta.json").write_text("{}")
    (data / "train.npy").write_bytes(bytes(3_000_000))
    folder = tmp_path / "sweep"
    folder.mkdir()
    return folder, {"blobs": data}


def job(folder, number, config=None, **given):
    return Job(
        "q", "blobs", "mlp", "search", number, number, config, Training(), folder, 1, **given
    )


def test_data_goes_to_a_node_once_and_files_come_back(nodes, sweep, monkeypatch):
    folder, data = sweep
    monkeypatch.setattr(files, "PART_BYTES", 1_000_000)
    kept = checkpoint_path(folder, "blobs", "mlp", 1)
    kept.parent.mkdir()
    kept.write_text("one")
    it = RayEngine(trials.run, 2, {}, folder=folder, data=data)
    try:
        ready(it, 2)
        it.submit("a", job(folder, 1), Limits())
        it.submit("b", job(folder, 2, parent=1), Limits())
        told = until_done(it, 2)
        values = [event.value for event in told if hasattr(event, "value")]
        whole = {path.name: path.read_bytes() for path in data["blobs"].iterdir()}
        assert all(value["data"] == whole for value in values)
        assert all(Path(value["folder"]) != folder for value in values)
        there = nodes.home / "first" / "prepared" / "blobs"
        assert {path.name for path in there.iterdir()} == {"key-sign.lock", "key-sign"}
        models = {path.name: path.read_text() for path in (folder / "models").iterdir()}
        assert models == {
            "blobs.mlp.seed1.keras": "from nothing",
            "blobs.mlp.seed2.keras": "from one",
        }
        kept.write_text("another")
        _, done = answer_of(it, job(folder, 3, parent=1))
        assert (folder / "models" / "blobs.mlp.seed3.keras").read_text() == "from another"
        assert done.value["left by others"] == [], "a worker's folder is empty for the next job"
        _, done = answer_of(it, job(folder, 13))
        assert done.failure.message == "the worker process ended with exit code 13"
        state = state_path(folder, "blobs", "mlp", "search", 13)
        assert state.read_text() == "kept behind nothing", "it came when it was written"
        answer_of(it, job(folder, 13))
        assert state.read_text() == "kept behind kept behind nothing", (
            "and went to the next attempt"
        )
        state.unlink()
        answer_of(it, job(folder, 13))
        assert state.read_text() == "kept behind nothing", "no node holds it longer than its trial"
    finally:
        it.close(kill=True)


def answer_of(it, one):
    it.submit("job", one, Limits())
    *progress, done = until_done(it)
    return progress, done


def test_files_that_cannot_be_kept_fail_their_trial(nodes, sweep):
    folder, data = sweep
    log = folder / "workers.log"
    (folder / "states").write_text("in the way")
    it = RayEngine(trials.run, 1, {}, folder=folder, data=data, log=log)
    try:
        _, done = answer_of(it, job(folder, 1))
        assert done.failure is None, "a trial needs no state to come to its end"
        assert "states/blobs.mlp.search.1.npz: " in log.read_text()
    finally:
        it.close(kill=True)
    (folder / "models" / "blobs.mlp.seed1.keras").unlink()
    (folder / "models").rmdir()
    (folder / "models").write_text("in the way")
    it = RayEngine(trials.run, 1, {}, folder=folder, data=data)
    try:
        _, done = answer_of(it, job(folder, 1))
        assert done.value is None
        assert "models" in done.failure.message
    finally:
        it.close(kill=True)


def test_plugins_have_the_names_that_they_have_with_the_driver(nodes, sweep, tmp_path):
    folder, data = sweep
    own = tmp_path / "own"
    own.mkdir()
    (own / "mine.py").write_text("import beside\n\nclass Config(beside.Base):\n    pass\n")
    (own / "beside.py").write_text("class Base:\n    pass\n")
    from importlib import import_module

    package = plugin_files.announce(own / "mine.py")
    config = import_module(f"{package}.mine").Config()
    begin = partial(own_code.begin, own_code.gathered((own / "mine.py",)), trials.nothing)
    (own / "mine.py").unlink()
    it = RayEngine(trials.run, 1, {}, initialize=begin, folder=folder, data=data)
    try:
        _, done = answer_of(it, job(folder, 1, config))
        assert done.value["config"] == f"{package}.mine"
        (plugin,) = done.value["plugins"]
        assert (Path(plugin).name, Path(plugin).parent == own) == ("mine.py", False)
    finally:
        it.close(kill=True)


def test_workers_share_a_device_and_one_alone_has_all(nodes):
    names = ("CUDA_VISIBLE_DEVICES", "HARNESS_DEVICE_FRACTION", "OMP_NUM_THREADS")
    it = RayEngine(jobs.run, None, {}, share=Share(1, 0.5, "H100"))
    try:
        ready(it, 2)
        _, done = answer(it, "environment", *names)
        assert [*done.value[1].values()] == ["0", "0.450", "1"]
        _, done = answer(it, "environment", *names, limits=Limits(alone=True))
        assert [*done.value[1].values()] == ["0", None, "1"]
        assert done.worker is None
    finally:
        it.close(kill=True)
    it = RayEngine(jobs.run, 1, {})
    try:
        found = answer(it, "environment", names[0], "HARNESS_NODE")[1].value[1]
        assert found.pop("HARNESS_NODE").startswith(f"{socket.gethostname()}/")
        assert found == {names[0]: ""}
    finally:
        it.close(kill=True)


def test_a_new_node_is_used_and_a_lost_one_costs_its_trials_alone(nodes):
    it = RayEngine(jobs.run, None, {})
    try:
        ready(it, 2)
        it._look = 0.0
        second = nodes.add_node(num_cpus=1, env_vars={"HARNESS_CACHE": str(nodes.home / "second")})
        ready(it, 3)
        for name in "abc":
            it.submit(name, ("work", 60), Limits())
        pids = {}
        while len(pids) < 3:
            pids |= {event.job_id: event.info["pid"] for event in it.poll(10)}
        nodes.remove_node(second, allow_graceful=False)
        (done,) = until_done(it)
        assert done.failure.kind == "infrastructure"
        assert done.failure.message.startswith(f"the worker on node {socket.gethostname()} is gone")
        assert done.seconds > 0
        assert vanished(pids[done.job_id])
        deadline = time.monotonic() + 10
        while it.free() and time.monotonic() < deadline:
            it.poll(0.1)
        assert it.free() == 0
        it.close(kill=True)
        assert {event.failure.kind for event in it.poll(0)} == {"interrupted"}
    finally:
        it.close(kill=True)


def test_workers_of_an_earlier_driver_are_ended_first(nodes):
    with contextlib.ExitStack() as stack:

        def started(owner):
            it = RayEngine(jobs.run, 1, {}, owner=owner)
            stack.callback(it.close, kill=True)
            return it

        first, other = started("host:/sweep"), started("host:/sweep2")
        first.submit("a", ("work", 60), Limits())
        (told,) = first.poll(60)
        second = started("host:/sweep")
        assert vanished(told.info["pid"])
        assert answer(second, "echo", 1)[1].value == 1
        assert answer(other, "echo", 1)[1].value == 1


def test_a_node_that_is_not_like_the_driver_is_one_line(nodes, monkeypatch):
    here = versions.here()
    assert [node.gpus for node in cluster_nodes.check("there", Share(), mixed=False)][:1] == [1]
    monkeypatch.setattr(versions, "here", lambda: {**here, "keras": "1.0"})
    with pytest.raises(HarnessError) as raised:
        cluster_nodes.check("there", Share(), mixed=False)
    host = socket.gethostname()
    assert str(raised.value) == (
        f"node {host}: keras {here['keras']}, and 1.0 with the driver; expected the same"
    )


def test_the_doctor_knows_nodes(nodes, monkeypatch):
    monkeypatch.setattr(connection, "connected", lambda address: contextlib.nullcontext())
    found = [*cluster.cluster(ClusterOptions("HOST:1", "cpus=1"))]
    assert {finding.level for finding in found} == {"ok"}
    here = socket.gethostname()
    assert (f"node {here}", "2 cpus, 1 gpus (H100), 2 trials at once") in [
        (finding.name, finding.message) for finding in found
    ]
    assert found[-1].message.startswith("HOST:1: ")
    assert " trials of cpus=1,gpus=0 at once on " in found[-1].message
    (finding,) = cluster.cluster(ClusterOptions("HOST:1", "gpus=4"))
    assert finding.level == "error"
    assert "no node of the cluster at HOST:1 has that" in finding.message
    told = versions.here()
    monkeypatch.setattr(versions, "here", lambda: {**told, "keras": "1.0"})
    found = [*cluster.cluster(ClusterOptions("HOST:1", "cpus=1"))]
    assert any(f.level == "error" and "and 1.0 with the driver" in f.message for f in found)


def test_what_no_node_has_is_one_line(nodes):
    with pytest.raises(HarnessError) as raised:
        cluster_nodes.check("HOST:1", Share(1, 8), mixed=False)
    assert str(raised.value) == (
        "--per-trial cpus=1,gpus=8: no node of the cluster at HOST:1 has that; the largest, of 2, "
        "has 2 cpus and 1 gpus"
    )
    missing = nodes.home / "nowhere.toml"
    with pytest.raises(HarnessError, match=r"nowhere\.toml is not there; expected a sweep file"):
        cluster_nodes.check_seen(cluster_nodes.alive(), [missing])


def test_accelerators_of_several_kinds_are_refused(monkeypatch):
    node = cluster_nodes.Node("1", "one", 8, 1, "H100")
    found = [node, dataclasses.replace(node, id="2", accelerator="A100")]
    monkeypatch.setattr(cluster_nodes, "alive", lambda: found)
    monkeypatch.setattr(cluster_nodes, "faults", lambda fitting: {})
    with pytest.raises(HarnessError, match=r"of several kinds \(A100, H100\), .* --mixed"):
        cluster_nodes.check("there", Share(1, 1), mixed=False)
    assert cluster_nodes.check("there", Share(1, 1), mixed=True) == found
    assert cluster_nodes.check("there", Share(), mixed=False) == found


@pytest.mark.parametrize(
    "address, said",
    [
        (
            "127.0.0.1:1",
            "cannot be reached (ConnectionRefusedError: [Errno 111] Connection refused)",
        ),
        (
            "ray://127.0.0.1:1",
            "cannot be reached (ConnectionRefusedError: [Errno 111] Connection refused)",
        ),
        ("cluster", "expected auto, local, HOST:PORT or ray://HOST:PORT"),
        ("127.0.0.1:port", "expected auto, local, HOST:PORT or ray://HOST:PORT"),
    ],
)
def test_an_address_that_is_none_is_one_line(address, said):
    with pytest.raises(HarnessError) as raised, connection.connected(address):
        pass
    assert str(raised.value) == f"--address {address}: {said}"
