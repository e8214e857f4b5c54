"""Downloads that go wrong on the way, from a server on this machine."""

import gc
import hashlib
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pooch
import pytest

from harness.data import download
from harness.spec import HarnessError, Source
from tests.driver.test_resume import until
from tests.faults.servers import make_certificate, serving

# Pooch leaves the connection of a request that failed to the collector of garbage.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")

CONTENT = bytes(range(256)) * 400


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    path = tmp_path_factory.mktemp("certificate") / "server.pem"
    make_certificate(path)
    return path


@pytest.fixture
def server(certificate, tmp_path, monkeypatch):
    """An https server that this machine trusts, and its address."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(pooch.core, "time", SimpleNamespace(sleep=lambda seconds: None))
    with serving(certificate) as (server, address):
        server.answer = whole
        yield server, address
    gc.collect()


def send(request, content, size=None, code=200, **headers):
    """Answers with content of which the header says that it has this size."""
    request.send_response(code)
    headers["Content-Length"] = str(len(content) if size is None else size)
    for name, value in headers.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(content)


def whole(request):
    send(request, CONTENT)


def short(request):
    """The connection is closed before its end."""
    send(request, CONTENT[:1000], len(CONTENT))
    request.close_connection = True


def short_and_proud_of_it(request):
    """It ends early, and its header says that this is all."""
    send(request, CONTENT[:1000])


def flipped(request):
    send(request, CONTENT[:-1] + b"\0")


def page(request):
    """An error page that claims to be no error."""
    send(request, b"<!doctype html><h1>Log in</h1>")


def error(request):
    send(request, b"busy", code=503)


def missing(request):
    send(request, b"gone", code=404)


def nothing(request):
    request.close_connection = True


def redirect(target):
    return lambda request: send(request, b"", code=302, Location=target)


def source(address):
    return Source("demo", "data.bin", f"{address}/data.bin", hashlib.sha256(CONTENT).hexdigest())


def fetch(address):
    return download.fetch([source(address)], None, offline=False, progress=False)["data.bin"]


def left(tmp_path):
    """Files in the cache, but for locks."""
    return [p for p in (tmp_path / "cache").rglob("*") if p.is_file() and p.suffix != ".lock"]


def test_a_download_is_whole(server, tmp_path):
    _, address = server
    path = fetch(address)
    assert path.read_bytes() == CONTENT
    assert left(tmp_path) == [path]


@pytest.mark.parametrize(
    "answer, reason",
    [
        (short, "cannot be downloaded from .+; try again, or put it at DIR/demo/data.bin"),
        (short_and_proud_of_it, "holds is not the expected file"),
        (flipped, "holds is not the expected file"),
        (page, "holds is not the expected file"),
        (error, r"cannot be downloaded from .+503.+try again"),
        (missing, r"cannot be downloaded from .+404"),
        (nothing, "cannot be downloaded from .+try again"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_came_is_not_used(server, tmp_path, toll, answer, reason):
    running, address = server
    running.answer = answer
    with pytest.raises(HarnessError, match=f"^demo/data.bin: .*{reason}") as caught:
        fetch(address)
    assert "\n" not in str(caught.value)
    assert len(running.asked) == 1 + download.RETRIES
    assert left(tmp_path) == []
    running.answer = whole
    assert fetch(address).read_bytes() == CONTENT
    toll(f"download: {answer.__name__}".replace("_", " "))


def test_what_goes_wrong_once_is_tried_again(server, toll):
    running, address = server
    answers = iter([short, error, whole])
    running.answer = lambda request: next(answers)(request)
    assert fetch(address).read_bytes() == CONTENT
    toll("download: short, then busy, then whole")


def test_a_server_that_nobody_vouches_for_is_refused(server, tmp_path, monkeypatch):
    running, address = server
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with pytest.raises(HarnessError, match=r"cannot be downloaded from .+certificate"):
        fetch(address)
    assert running.asked == []
    assert left(tmp_path) == []


def test_no_redirection_leads_out_of_https(server, tmp_path, toll):
    running, address = server
    with serving(None) as (plain, open_address):
        plain.answer = whole
        running.answer = redirect(f"{open_address}/data.bin")
        with pytest.raises(HarnessError, match=rf"redirects to {open_address}/data.bin") as caught:
            fetch(address)
        assert "\n" not in str(caught.value)
        assert (len(running.asked), plain.asked) == (1, [])
        running.answer = lambda request: (
            whole(request) if request.path == "/other" else redirect("/other")(request)
        )
        assert fetch(address).read_bytes() == CONTENT
        assert running.asked[1:] == ["/data.bin", "/other"]
    toll("download: sent to an address without encryption")
    assert [path.name for path in left(tmp_path)] == ["data.bin"]


PROGRAM = """
from harness.data import download
from tests.faults.test_downloads import fetch
import sys
fetch(sys.argv[1])
"""


@pytest.mark.skipif(os.name != "posix", reason="kills")
def test_a_process_that_is_killed_leaves_nothing_to_the_next(server, tmp_path, toll):
    running, address = server

    def stall(request):
        send(request, CONTENT[: len(CONTENT) // 2], len(CONTENT))
        request.wfile.flush()
        time.sleep(5)

    running.answer = stall
    with subprocess.Popen([sys.executable, "-c", PROGRAM, address]) as process:
        until(lambda: any(path.stat().st_size for path in left(tmp_path)))
        process.send_signal(signal.SIGKILL)
    assert left(tmp_path), "a part is there"
    running.answer = whole
    began = time.monotonic()
    path = fetch(address)
    toll("download: process killed", seconds=time.monotonic() - began)
    assert path.read_bytes() == CONTENT
    assert left(tmp_path) == [path]
