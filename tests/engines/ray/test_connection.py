"""How this process connects to a cluster, with a Ray that is made up."""

import contextlib
import signal
import sys
from types import SimpleNamespace

import pytest

from harness.engines.ray import connection
from harness.spec import HarnessError


@pytest.fixture
def ray(monkeypatch):
    """A Ray that does as it is told, behind an address at which something listens."""
    told = []

    def init(**options):
        told.append(options)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as Ray's own do
        if "error" in options["address"]:
            raise RuntimeError("versions differ\nand more")
        if options["address"] == "auto":
            raise ConnectionError("nothing found")

    def listen(place, timeout):
        told.append(place)
        return contextlib.nullcontext()

    module = SimpleNamespace(init=init, shutdown=lambda: told.append("shut down"))
    monkeypatch.setitem(sys.modules, "ray", module)
    monkeypatch.setattr(connection.socket, "create_connection", listen)
    return told


def test_a_connection_ends_and_leaves_the_handlers_of_the_driver(ray):
    before = signal.getsignal(signal.SIGTERM)
    with connection.connected("host:6379"):
        assert signal.getsignal(signal.SIGTERM) == before
    place, options, end = ray
    assert place == ("host", 6379)
    assert (options["address"], options["namespace"]) == ("host:6379", connection.NAMESPACE)
    assert "include_dashboard" not in options
    assert end == "shut down"


def test_an_address_may_leave_out_what_is_usual(ray):
    with connection.connected("local"):
        pass
    assert ray[0]["include_dashboard"] is False, "and nothing need listen before"
    ray.clear()
    with connection.connected("ray://host"):
        pass
    assert ray[0] == ("host", 10001)


@pytest.mark.parametrize("address, said", [
    ("auto", "no cluster runs on this machine; ray start --head starts one"),
    ("error:1", "Ray cannot connect (RuntimeError: versions differ"),
])  # fmt: skip
def test_a_cluster_that_cannot_be_had_is_one_line(ray, address, said):
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(HarnessError) as raised, connection.connected(address):
        pass
    assert str(raised.value).startswith(f"--address {address}: {said}")
    assert "\n" not in str(raised.value)
    assert signal.getsignal(signal.SIGTERM) == before
    assert "shut down" not in ray


def test_ray_that_is_not_installed_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    said = "--engine ray: Ray is not installed; python -m pip"
    with pytest.raises(HarnessError, match=said), connection.connected("auto"):
        pass


@pytest.mark.parametrize("address, mode, warned", [
    ("8.8.8.8:6379", "", True), ("ray://8.8.8.8:10001", "", True), ("8.8.8.8:6379", "token", False),
    ("10.0.0.1:6379", "", False), ("host:6379", "", False), ("local", "", False),
])  # fmt: skip
def test_a_cluster_that_is_open_to_all_is_warned_of(
    ray, monkeypatch, capsys, address, mode, warned
):
    monkeypatch.setenv("RAY_AUTH_MODE", mode)
    with connection.connected(address):
        pass
    line = f"harness: warning: --address {address} is public, and Ray asks nobody who they are"
    assert (line in capsys.readouterr().err) is warned


@pytest.mark.parametrize("text, line", [
    ("Traceback\n  File a\nValueError: this\n\n", "ValueError: this"), ("", "RuntimeError"),
])  # fmt: skip
def test_an_error_of_ray_is_its_last_line(text, line):
    assert connection.last_line(RuntimeError(text)) == line
