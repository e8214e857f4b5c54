"""Readers of text files that any task may use."""

import pytest

from harness.kinds.files.text_files import read_columns, read_conll, read_lines
from harness.spec import HarnessError


@pytest.fixture
def file(tmp_path):
    """A function that writes a file."""

    def written(content):
        path = tmp_path / "file.txt"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return written


def test_lines_are_those_between_line_feeds(file):
    assert read_lines(file("\ufeffa b\n\nc\u2028d\n")) == ["a b", "", "c\u2028d"]
    assert read_lines(file("a")) == ["a"]
    with pytest.raises(HarnessError, match=r"^file\.txt: expected UTF-8 \("):
        read_lines(file(b"caf\xe9"))


def test_columns_are_as_they_stand(file):
    path = file('x\ty\n"a\tb\tc\n')
    assert read_columns(path, 2) == [["x", "y"], ['"a', "b", "c"]]
    assert read_columns(path, 2, header=True) == [['"a', "b", "c"]]
    assert read_columns(file("a,b"), 2, ",") == [["a", "b"]]
    with pytest.raises(HarnessError) as caught:
        read_columns(file("a\tb\tc\nd\te\n"), 3)
    assert str(caught.value) == "file.txt, line 2: found 2 columns; expected at least 3"


def test_sentences_are_parted_by_lines_without_a_word(file):
    path = file("-DOCSTART- O\n\nJohn B-PER\nlives O\n \nParis B-LOC\n\n\n")
    assert read_conll(path, 2) == [
        (["John", "lives"], ["B-PER", "O"]), (["Paris"], ["B-LOC"]),
    ]  # fmt: skip
    assert read_conll(file("a b\tO\n"), 2, "\t") == [(["a b"], ["O"])]
    for content, fault in (("a B\n", "line 1: found 'B'; expected a tag: O, B-"),
                           ("a O\nb c O\n", "line 2: found 3 columns; expected 2")):  # fmt: skip
        with pytest.raises(HarnessError, match=rf"^file\.txt, {fault}"):
            read_conll(file(content), 2)
