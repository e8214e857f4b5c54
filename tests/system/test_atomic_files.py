"""A file is whole or absent, whatever happens to who writes it."""

import os
import signal

import h5py
import pytest

from harness.system import atomic_files
from tests.faults.disks import limited_files, small_disk

posix = pytest.mark.skipif(os.name != "posix", reason="forks, and limits the size of files")


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.txt")}


def test_it_replaces_what_was_there(tmp_path):
    path = tmp_path / "deep" / "er" / "a.txt"
    for text in ("first", "second"):
        with atomic_files.whole(path) as part:
            assert part.suffix == ".txt"
            part.write_text(text)
            assert not path.exists() or path.read_text() == "first"
        assert content(tmp_path) == {"deep/er/a.txt": text.encode()}


@pytest.mark.parametrize("before", [{}, {"a.txt": b"before"}])
def test_an_error_leaves_what_was_there(tmp_path, before):
    for name, text in before.items():
        (tmp_path / name).write_bytes(text)
    with (
        pytest.raises(ZeroDivisionError),
        atomic_files.whole(tmp_path / "a.txt") as part,
        part.open("w") as file,
    ):
        file.write("half" + str(1 / 0))
    assert content(tmp_path) == before


@posix
@pytest.mark.parametrize("before", [{}, {"models/a.txt": b"before"}])
def test_a_writer_that_is_killed_leaves_what_was_there(tmp_path, before):
    for name, text in before.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(text)
    child = os.fork()
    if child == 0:
        with atomic_files.whole(tmp_path / "models" / "a.txt") as part:
            part.write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    part = tmp_path / "models" / f"{atomic_files.PART}{child}.a.txt"
    assert part.exists()
    atomic_files.remove_parts(tmp_path)
    assert content(tmp_path) == before


@posix
def test_what_a_killed_writer_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path):
    path = tmp_path / "a.txt"
    child = os.fork()
    if child == 0:
        with atomic_files.whole(path) as part:
            part.write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert list(tmp_path.iterdir()) == [tmp_path / f"{atomic_files.PART}{child}.a.txt"]
    with atomic_files.whole(path) as part:
        part.write_text("whole")
        atomic_files.remove_parts(tmp_path)
        assert list(tmp_path.iterdir()) == [part]
    assert content(tmp_path) == {"a.txt": b"whole"}


@posix
@pytest.mark.parametrize("size", [0, 5000], ids=["while it writes", "before it writes"])
def test_a_full_disk_leaves_what_was_there(tmp_path, size):
    (tmp_path / "a.txt").write_bytes(b"before")
    with limited_files(1000), pytest.raises(OSError, match=r"File too large") as caught:
        write(tmp_path / "a.txt", size)
    assert not size or caught.value.filename == str(
        tmp_path / f"{atomic_files.PART}{os.getpid()}.a.txt"
    )
    assert content(tmp_path) == {"a.txt": b"before"}


def write(path, size):
    with atomic_files.whole(path, size) as part:
        assert not size, "there is no room"
        part.write_bytes(b"x" * 5000)


@posix
@pytest.mark.parametrize("room", [0, 50_000, 100_000])
def test_hdf5_is_not_called_where_there_is_no_room(tmp_path, room):
    """It brings the process down where the disk is full when it closes a file."""
    with small_disk(tmp_path / "disk", 1 << 20) as disk:
        disk.leave(room)
        with pytest.raises(OSError, match="No space left"):
            write_hdf5(disk.folder / "a.h5")
        assert [path.name for path in disk.folder.iterdir()] == ["ballast"]
        disk.leave(150_000)
        write_hdf5(disk.folder / "a.h5")
        with h5py.File(disk.folder / "a.h5") as file:
            assert file["x"][-1] == 0.5


def write_hdf5(path):
    with atomic_files.whole(path, 110_000) as part, h5py.File(part, "w") as file:
        file["x"] = [0.5] * 12_500
