"""A journal that is followed: new lines alone are read, and all of them count."""

import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.journal import lines
from harness.journal.folder import JOURNAL
from harness.journal.read import JournalReader, read_journal
from harness.spec import HarnessError
from tests.synthetic import write_journal


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    write_journal(folder, trials=3)
    return (folder / JOURNAL).read_bytes()


@pytest.fixture
def parsed(monkeypatch):
    """The lines that are parsed."""
    seen = []
    real = lines.loaded
    monkeypatch.setattr(lines, "loaded", lambda line: seen.append(line) or real(line))
    return seen


def same(followed, read):
    """Whether two records say the same; NaN is equal to itself only in writing."""
    return repr(followed) == repr(read)


@settings(max_examples=40, deadline=None)
@given(cuts=st.lists(st.floats(0, 1), max_size=6))
def test_a_journal_that_grows_is_followed(tmp_path_factory, content, cuts):
    folder = tmp_path_factory.mktemp("grows")
    reader = JournalReader(folder)
    for cut in (*sorted(int(share * len(content)) for share in cuts), len(content)):
        (folder / JOURNAL).touch()
        with (folder / JOURNAL).open("ab") as file:  # by the bytes that are missing
            file.write(content[file.tell() : cut])
        assert same(reader.read(), read_journal(folder))


def test_each_line_is_parsed_once(tmp_path, content, parsed):
    reader = JournalReader(tmp_path)
    whole = content.splitlines(keepends=True)
    for line in whole:
        with (tmp_path / JOURNAL).open("ab") as file:
            file.write(line)
        reader.read()
        reader.read()
    assert parsed == whole


def test_what_was_read_is_not_changed_by_what_follows(tmp_path, content):
    half = content[: content.index(b"\n", len(content) // 2) + 1]
    (tmp_path / JOURNAL).write_bytes(half)
    reader = JournalReader(tmp_path)
    before = reader.read()
    said = repr(before)
    (tmp_path / JOURNAL).write_bytes(content)
    assert len(reader.read().history) > len(before.history)
    assert repr(before) == said


def test_a_journal_in_the_place_of_another_is_read_from_its_beginning(tmp_path, content):
    (tmp_path / JOURNAL).write_bytes(content)
    reader = JournalReader(tmp_path)
    assert same(reader.read(), read_journal(tmp_path))
    other = tmp_path / "other"
    other.mkdir()
    write_journal(other, tasks=("digits",), trials=9, seeds=(0,))
    shutil.copy(other / JOURNAL, tmp_path / JOURNAL)  # written over: the same file, another text
    assert same(reader.read(), read_journal(other))
    (other / JOURNAL).write_bytes(content + content.splitlines(keepends=True)[-1])
    (other / JOURNAL).replace(tmp_path / JOURNAL)  # another file
    assert same(reader.read(), read_journal(tmp_path))
    (tmp_path / JOURNAL).write_bytes(content[: content.index(b"\n") + 1])  # cut
    assert reader.read().history == ()
    (tmp_path / JOURNAL).write_bytes(b"")
    assert reader.read() is None


def test_a_journal_that_is_gone_is_told_and_found_again(tmp_path, content):
    (tmp_path / JOURNAL).write_bytes(content)
    reader = JournalReader(tmp_path)
    reader.read()
    (tmp_path / JOURNAL).rename(tmp_path / "elsewhere")
    with pytest.raises(HarnessError, match=f"no {JOURNAL} there"):
        reader.read()
    (tmp_path / "elsewhere").rename(tmp_path / JOURNAL)
    assert same(reader.read(), read_journal(tmp_path))


@pytest.mark.parametrize("bad", [b"garbage\n", b'{"event": "asked", "time": 1}\n', b"[]\n"])
def test_a_damaged_line_is_named_until_it_is_gone(tmp_path, content, bad):
    whole = content.splitlines(keepends=True)
    (tmp_path / JOURNAL).write_bytes(b"".join(whole[:8]))
    reader = JournalReader(tmp_path)
    reader.read()
    (tmp_path / JOURNAL).write_bytes(b"".join((*whole[:9], bad, *whole[9:])))
    for _ in range(2):
        with pytest.raises(HarnessError, match="line 10: not a journal event"):
            reader.read()
    (tmp_path / JOURNAL).write_bytes(content)
    assert same(reader.read(), read_journal(tmp_path))
