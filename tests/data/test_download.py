"""Source files: found in a directory, or downloaded, and never used unchecked."""

import hashlib
from pathlib import Path

import pooch
import pytest
import requests

from harness.data import download
from harness.spec import HarnessError, Source

CONTENT = b"the data"
SHA = hashlib.sha256(CONTENT).hexdigest()
DEMO = Source("demo", "data.txt", "https://example.org/data.txt", SHA)


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def network(monkeypatch):
    """Answers downloads with `content`, or fails with `error`; counts them."""

    class Network:
        content, error, downloads = CONTENT, None, 0

        def __call__(self, url, output_file, store):
            self.downloads += 1
            Path(output_file).write_bytes(self.content)
            if self.error:
                raise self.error

    answer = Network()
    monkeypatch.setattr(pooch, "HTTPDownloader", lambda **_: answer)
    monkeypatch.setattr(pooch.core.time, "sleep", lambda seconds: None)
    return answer


def fetch(*wanted, data_dir=None, offline=False):
    return download.fetch(wanted, data_dir, offline, progress=False)


def leftovers(root):
    return [path for path in root.rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_a_file_in_the_data_directory_is_used_where_it_lies(tmp_path, root):
    path = tmp_path / "mine" / "demo" / "data.txt"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    assert fetch(DEMO, data_dir=tmp_path / "mine", offline=True) == {"data.txt": path}


def test_a_wrong_file_in_the_data_directory_is_refused(tmp_path, root):
    path = tmp_path / "mine" / "demo" / "data.txt"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"other data")
    found = hashlib.sha256(b"other data").hexdigest()
    with pytest.raises(HarnessError, match=f"data.txt: expected SHA-256 {SHA}, found {found}"):
        fetch(DEMO, data_dir=tmp_path / "mine")


def test_a_data_directory_that_does_not_exist_is_refused(tmp_path, root):
    with pytest.raises(HarnessError, match="no such directory"):
        fetch(DEMO, data_dir=tmp_path / "nowhere")


def test_a_download_happens_once(root, network):
    first = fetch(DEMO)["data.txt"]
    assert first.read_bytes() == CONTENT
    assert first.is_relative_to(root)
    assert fetch(DEMO)["data.txt"] == first == fetch(DEMO, offline=True)["data.txt"]
    assert network.downloads == 1


def test_an_altered_download_is_fetched_again(root, network):
    fetch(DEMO)["data.txt"].write_bytes(b"rot")
    assert fetch(DEMO)["data.txt"].read_bytes() == CONTENT


def test_a_download_with_another_checksum_leaves_nothing(root, network):
    network.content = b"something else"
    with pytest.raises(HarnessError, match=r"demo/data.txt: .* not the expected file") as caught:
        fetch(DEMO)
    assert SHA in str(caught.value)
    assert "\n" not in str(caught.value)
    assert leftovers(root) == []


def test_an_unreachable_address_is_tried_again_and_leaves_nothing(root, network):
    network.error = requests.ConnectionError("no route to host")
    with pytest.raises(HarnessError, match=r"cannot be downloaded .*no route to host.*--data-dir"):
        fetch(DEMO)
    assert network.downloads == 1 + download.RETRIES
    assert leftovers(root) == []


def test_offline_never_downloads(root, network):
    with pytest.raises(HarnessError, match="--offline forbids"):
        fetch(DEMO, offline=True)
    assert network.downloads == 0


def test_a_file_users_must_bring_says_where_to_put_it(tmp_path, root):
    licensed = Source("demo", "data.txt", None, SHA)
    with pytest.raises(HarnessError, match=f"bring it; put it at {tmp_path}/demo/data.txt"):
        fetch(licensed, data_dir=tmp_path)


def test_only_https_is_downloaded(root):
    with pytest.raises(HarnessError, match="expected an https address, found 'http://"):
        fetch(Source("demo", "data.txt", "http://example.org/data.txt", SHA))


ADDRESS = "://hush-user:hush-word@example.org/data.txt?token=hush-query"
SHOWN = "://example.org/data.txt?token=***"


def test_no_message_shows_what_opens_an_address(root, network):
    locked = Source("demo", "data.txt", f"https{ADDRESS}", SHA)
    with pytest.raises(HarnessError) as plain:
        fetch(Source("demo", "data.txt", f"http{ADDRESS}", SHA))
    network.content = b"something else"
    with pytest.raises(HarnessError) as other:
        fetch(locked)
    network.error = requests.ConnectionError("hush-word is refused at url: /?token=hush-query")
    with pytest.raises(HarnessError) as failed:
        fetch(locked)
    with pytest.raises(HarnessError) as left:
        download._refuse_to_leave_https(redirection(f"https{ADDRESS}", f"http{ADDRESS}"))
    for caught in (plain, other, failed, left):
        assert SHOWN in str(caught.value)
        assert "hush" not in str(caught.value)
    assert f"redirects to http{SHOWN}" in str(left.value)


def redirection(origin, target):
    response = requests.Response()
    response.url, response.status_code = origin, 302
    response.headers["location"] = target
    return response


def test_a_cache_in_the_home_of_nobody_is_refused(monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", "~nobody-of-this-name/cache")
    with pytest.raises(HarnessError, match="HARNESS_CACHE=~nobody-of-this-name/cache: there is no"):
        download.cache_root()


def test_a_cache_that_cannot_be_written_is_one_line(root, network):
    root.parent.mkdir(exist_ok=True)
    root.write_text("a file, not a folder")
    with pytest.raises(HarnessError, match="cannot be downloaded"):
        fetch(DEMO)
