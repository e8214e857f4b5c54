"""What is wrong with data of one's own is one line that names file, row, column and what was
expected."""

import gzip
import io
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from harness.spec import HarnessError
from tests.documents import PAGES, tables
from tests.own.made import image, made, prepared, reviews, series, write

TEXTS = 'kind = "text_classification"\nfiles = "a.csv"\ntext = "text"\nlabel = "label"\n'
SERIES = (
    'kind = "time_series_forecasting"\nfiles = "a.csv"\ntime = "date"\nlook_back = 8\nhorizon = 4\n'
)
IMAGES = 'kind = "image_classification"\nfiles = "photos"\n'
ARRAYS = IMAGES.replace("photos", "a.npz")
PAIRS = 'kind = "translation"\nfiles = ["a.de", "a.en"]\n'
GRADES = 'kind = "sentence_similarity"\nfiles = "a.csv"\ntext = "a"\nother = "b"\ngrade = "grade"\n'
TAGS = 'kind = "token_classification"\nfiles = "a.conll"\n'


def rows(*lines):
    return "\n".join(["text,label", *lines]) + "\n"


def without(text, row):
    lines = text.splitlines()
    return "\n".join(lines[:row] + lines[row + 1 :]) + "\n"


def swapped(text, row):
    lines = text.splitlines()
    lines[row], lines[row + 1] = lines[row + 1], lines[row]
    return "\n".join(lines) + "\n"


def arrays(images, labels):
    """A file of arrays of images and labels."""
    file = io.BytesIO()
    np.savez(file, images=np.zeros((images, 8, 8), "uint8"), labels=np.zeros(labels, "uint8"))
    return file.getvalue()


def opening(width, height):
    """How a PNG begins: as much as is read to know its size."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n\0\0\0\x0d"
        + header
        + struct.pack(">I", zlib.crc32(header))
        + b"\0\0\0\x08IDAT"
    )


CASES = {
    "missing column": (TEXTS, reviews(header="review,label"),
        "a.csv: no column 'text'; its columns are review, label"),
    "empty file": (TEXTS, "", "a.csv: an empty file; expected examples"),
    "a header alone": (TEXTS, "text,label\n", "a.csv: no rows; expected examples below the header"),
    "one class": (TEXTS, rows(*[f"text {n},yes" for n in range(20)]),
        "a.csv, column 'label': one class alone, 'yes'; expected two or more"),
    "a class with one example": (TEXTS, reviews() + "odd one,7\n",
        "a.csv, row 41, column 'label': the only example of class 7; expected 2 or more of each"),
    "mixed encodings": (TEXTS, reviews().encode() + "gr\u00fcn,1\n".encode("latin-1"),
        "a.csv, line 42: byte 0xfc is not UTF-8; expected one encoding in all of the file"),
    "an encoding that is none": (TEXTS + 'encoding = "utf-9"\n', reviews(),
        "a.csv: encoding 'utf-9': there is none of that name"),
    "NaN in labels": (TEXTS, reviews() + "odd one,NaN\n",
        "a.csv, row 41, column 'label': found NaN; expected a label"),
    "no label": (TEXTS, reviews() + "odd one,\n",
        "a.csv, row 41, column 'label': found nothing; expected a label"),
    "texts all empty": (TEXTS, rows(*[f",{n % 2}" for n in range(20)]),
        "a.csv, column 'text': all of its texts are empty"),
    "too many columns": (TEXTS, reviews() + "one, two,1\n",
        "a.csv, line 42: 3 values; expected 2, one for each column"),
    "too many columns throughout": (TEXTS, rows(*["a b,1,x"] * 9),
        "a.csv: rows of more values than columns; expected a name for each column in the header"),
    "a column twice": (TEXTS, reviews(header="text,text"),
        "a.csv: two columns are called 'text'; expected one"),
    "a quote that never closes": (TEXTS, reviews() + '"odd one,1\n',
        "a.csv, row 41: a quotation mark that never closes"),
    "no such split": (TEXTS + 'split = "fold"\n', "text,label,fold\na b,1,train\nc d,0,tst\n",
        "a.csv, row 2: split 'tst'; expected train, val or test"),
    "no group": (TEXTS + 'group = "who"\n', "text,label,who\na b,1,x\nc d,0,\n",
        "a.csv, row 2, column 'who': found nothing; expected a group"),
    "one group": (TEXTS + 'group = "who"\n', "text,label,who\n" + "a b,1,x\nc d,0,x\n" * 9,
        "a.csv, row 1: 1 groups; expected more, of which to cut off val and test"),
    "too few": (TEXTS, rows("a b,1", "c d,0"), "a.csv, row 1: 2 examples in all; expected more"),
    "a series with a gap": (SERIES, without(series(), 50),
        "a.csv, row 50, column 'date': a gap from 2024-01-03 00:00:00 to 2024-01-03 02:00:00; "
        "expected steps of 01:00:00"),
    "unsorted times": (SERIES, swapped(series(), 50),
        "a.csv, row 51, column 'date': 2024-01-03 01:00:00 is earlier than in the row before"),
    "a time twice": (SERIES, series() + series().splitlines()[-1] + "\n",
        "a.csv, row 201, column 'date': 2024-01-09 07:00:00 is the same as in the row before"),
    "no time": (SERIES, series() + "soon,1,1\n",
        "a.csv, row 201, column 'date': found 'soon'; expected a date or a number"),
    "no number": (SERIES, series() + "2024-01-09 08:00:00,n/a,1\n",
        "a.csv, row 201, column 'load': found 'n/a'; expected a number"),
    "a number missing": (SERIES, series() + "2024-01-09 08:00:00,,1\n",
        "a.csv, row 201, column 'load': found nothing; expected a number"),
    "a grade too high": (GRADES, "a,b,grade\n" + "x y,x z,3\n" * 9 + "x y,x z,7\n",
        "a.csv, row 10, column 'grade': grade 7; expected a number from 0 to 5"),
    "a character that is none": (TEXTS, reviews().encode("utf-16-le"),
        "a.csv, line 1: a character of number 0; expected text (of UTF-16 without a mark"),
    "a gap of centuries": (SERIES + 'gaps = "interpolate"\n',
        series() + "2524-01-01 00:00:00,1,1\n",
        "a.csv: 4,382,704 of 4,382,905 steps are missing; expected fewer than there are"),
    "a step too short": (SERIES + 'gaps = "interpolate"\n', series() + "2024-01-09 07:10:00,1,1\n",
        "a.csv: steps shorter than 01:00:00; expected none"),
    "no number at all": (SERIES + 'gaps = "interpolate"\nvalues = ["load", "none"]\n',
        re.sub(r",\d+\n", ",\n", series().replace("heat", "none")),
        "a.csv, column 'none': no number in it; expected some"),
    "a gap of numbers": (SERIES, "date,load\n" + "".join(f"{n},1\n" for n in range(99) if n != 49),
        "a.csv, row 50, column 'date': a gap from 48 to 50; expected steps of 1"),
    "a number too large": (SERIES, series() + "2024-01-09 08:00:00,1e300,1\n",
        "a.csv, row 201, column 'load': found '1e300'; expected a number of at most 3.4e+38"),
    "no grade": (GRADES, "a,b,grade\nx y,x z,good\n",
        "a.csv, row 1, column 'grade': found 'good'; expected a number"),
}  # fmt: skip


def line_of(folder, table, content):
    """The one line that is said of a file."""
    if content is not None:
        write(folder / "a.csv", content)
    with pytest.raises(HarnessError) as raised:
        prepared(made(folder, table))
    text = str(raised.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize("name", CASES)
def test_a_table_that_is_not_sound_is_one_line(name, tmp_path):
    table, content, expected = CASES[name]
    assert line_of(tmp_path, table, content).startswith(expected)


LINES = {
    "different numbers of lines": (PAIRS, {"a.de": "eins\nzwei\n", "a.en": "one\n"},
        "a.de has 2 lines and a.en 1; expected as many in both"),
    "an empty line": (PAIRS, {"a.de": "eins\n\ndrei\n", "a.en": "one\ntwo\nthree\n"},
        "a.de, line 2: an empty line; expected a sentence"),
    "no tag": (TAGS, {"a.conll": "John B-PER\nlives lives\n"},
        "a.conll, line 2: found 'lives'; expected a tag: O, B-... or I-..."),
    "columns missing": (TAGS, {"a.conll": "John NN B-PER\nlives O\n"},
        "a.conll, line 2: 2 columns; expected 3, as in the lines before"),
    "no words": (TAGS, {"a.conll": "-DOCSTART- O\n"}, "a.conll: no words; expected a word and"),
    "a label only in test": (TEXTS.replace('"a.csv"', '{train = "a.csv", test = "b.csv"}'),
        {"a.csv": reviews(), "b.csv": reviews(4) + "odd one,7\n"},
        "b.csv, row 5, column 'label': label 7 is of test alone; expected one that occurs in"),
    "a list in JSON": (TEXTS.replace("a.csv", "a.jsonl"),
        {"a.jsonl": '{"text": "a", "label": 1}\n{"text": ["b", "c"], "label": 1}\n'},
        "a.jsonl, row 2, column 'text': found ['b', 'c']; expected a text or a number"),
    "one JSON value": (TEXTS.replace("a.csv", "a.json"), {"a.json": "[]"},
        "a.json: one JSON value; expected JSON lines (.jsonl), an object a line"),
    "an archive": (TEXTS.replace("a.csv", "a.zip"), {"a.zip": "PK"},
        "a.zip: an archive; expected what is in it, or .gz of one table"),
    "a group of images": (IMAGES + 'group = "patient"\n', {},
        "data.mine.group: images in files, without columns; expected a table"),
    "a label of images": (IMAGES + 'label = "class"\n', {},
        "data.mine.label: images in files, without columns; expected a table"),
    "a group of tags": (TAGS + 'group = "document"\n', {"a.conll": "John B-PER\n"},
        "data.mine.group: sentences of words with tags, without columns; expected a table"),
    "a class without images": (IMAGES, {"photos/bird/.hidden": ""}, "bird: no images in it"),
    "no JSON": (TEXTS.replace("a.csv", "a.jsonl"), {"a.jsonl": '{"text": "a"}\n{"text": \n'},
        "a.jsonl, line 2: no JSON"),
    "no object": (TEXTS.replace("a.csv", "a.jsonl"), {"a.jsonl": '["a", 1]\n'},
        "a.jsonl, line 1: found '[\"a\", 1]'; expected an object"),
    "no gzip": (TEXTS.replace("a.csv", "a.csv.gz"), {"a.csv.gz": "text,label\n"},
        "a.csv.gz: cannot be read (Not a gzipped file"),
    "gzip cut short": (TEXTS.replace("a.csv", "a.csv.gz"),
        {"a.csv.gz": gzip.compress(reviews().encode())[:-20]}, "a.csv.gz: not a whole gzip file"),
    "no Parquet": (TEXTS.replace("a.csv", "a.parquet"), {"a.parquet": "text,label\n"},
        "a.parquet: not a Parquet file"),
    "an image that is none": (IMAGES, {"photos/cat/1.png": "no image"},
        "cat/1.png: cannot be read as an image; expected one"),
    "no image by its name": (IMAGES, {"photos/cat/notes.txt": "no image"},
        "cat/notes.txt: no image by its name; expected one of .png"),
    "no arrays": (ARRAYS, {"a.npz": "no arrays"}, "a.npz: not arrays of images and labels ("),
    "other arrays": (ARRAYS, {"a.npz": arrays(3, 3).replace(b"labels", b"classs")},
        "a.npz: not arrays of images and labels ("),
    "a label missing": (ARRAYS, {"a.npz": arrays(3, 2)},
        "a.npz: 3 images and 2 labels; expected as many of each"),
    "arrays of nothing": (ARRAYS, {"a.npz": arrays(0, 0)}, "a.npz: no images; expected some"),
    "an image too long": (IMAGES, {"photos/cat/1.png": opening(300_000, 1)},
        "cat/1.png: an image of 300000 x 1; expected at most 65536 pixels a side"),
    "an image that would fill the memory": (IMAGES, {"photos/cat/1.png": opening(30_000, 30_000)},
        "cat/1.png: cannot be read as an image ("),
    "an image of no class": (IMAGES, {"photos/1.png": "any"},
        "1.png: an image beside the folders of classes; expected a folder for each class"),
    "no columns of translations": ('kind = "translation"\nfiles = ["a.csv"]\n', {"a.csv": "a,b\n"},
        "data.mine.source: missing; expected the name of a column of a.csv"),
    "a column of words beyond the last": (TAGS + 'word = "5"\n', {"a.conll": "John B-PER\n"},
        "a.conll, line 1: 2 columns; expected 5 or more"),
    "a column of words by name": (TAGS + 'word = "word"\n', {"a.conll": "John B-PER\n"},
        "data.mine.word = 'word': expected the number of a column, from 1"),
    "an image that a table lacks": (IMAGES.replace("photos", "a.csv") + 'image="i"\nlabel="l"\n',
        {"a.csv": "i,l\ngone.png,1\n"}, "a.csv, row 1, column 'i': "),
}  # fmt: skip


@pytest.mark.parametrize("name", LINES)
def test_files_that_are_not_sound_are_one_line(name, tmp_path):
    table, files, expected = LINES[name]
    for file, content in files.items():
        write(tmp_path / file, content)
    for number in range(9):  # beside the one that is wrong
        image(tmp_path / "photos" / "cat" / f"{number}{number}.png")
        image(tmp_path / "photos" / "dog" / f"{number}{number}.png")
    assert line_of(tmp_path, table, None).removeprefix(f"{tmp_path}/photos/").startswith(expected)


def test_an_image_that_is_cut_short_is_named(tmp_path):
    for number in range(9):
        for label in ("cat", "dog"):
            path = image(tmp_path / "photos" / label / f"{number}.png", 40, 40)
    path.write_bytes(path.read_bytes()[:-300])
    line = line_of(tmp_path, IMAGES, None)
    assert line.startswith("dog/8.png: cannot be read as an image (")


def test_a_file_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    task = made(tmp_path, TEXTS) if write(tmp_path / "a.csv", reviews()) else None

    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(HarnessError, match=re.escape("a.csv: cannot be read (Permission denied)")):
        prepared(task)


TABLES = {
    "kind": ('kind = "images"\nfiles = "a.csv"\n', "data.mine.kind = 'images': expected one of"),
    "key": (TEXTS + "labels = 3\n", "data.mine.labels: unknown key for text_classification; did"),
    "share": (TEXTS + "test = 1.5\n", "data.mine.test = 1.5: expected a share, such as 0.1"),
    "shares": (TEXTS + "test = 0.5\nval = 0.5\n", "data.mine: val = 0.5 and test = 0.5: expected"),
    "column": (TEXTS.replace('"label"', "[1]"), "data.mine.label = [1]: expected the name of a"),
    "two ways to split": (TEXTS + 'group = "a"\nsplit = "b"\n', "data.mine: group and split both"),
    "file": (TEXTS.replace("a.csv", "b.csv"), "data.mine.files: "),
    "files": (TEXTS.replace('"a.csv"', "3"), "data.mine.files = 3: expected the path of a file"),
    "files of one split": (
        TEXTS.replace('"a.csv"', '["a.csv", "c.csv"]'),
        "data.mine.files: 2 files; expected one file",
    ),
    "files of translations": (
        PAIRS.replace("]", ', "a.fr"]'),
        "data.mine.files: 3 files; expected one file, or two of as many lines",
    ),
    "a split": (
        TEXTS.replace('"a.csv"', '{train = "a.csv", "my test" = "c.csv"}'),
        "data.mine.files: my test: expected train, val, test, or another name of letters",
    ),
    "a folder of two of train": (
        TEXTS.replace("a.csv", "twice"),
        "data.mine.files: train.csv, train.tsv are all of train; expected one file",
    ),
    "no train": (TEXTS.replace('"a.csv"', '{test = "a.csv"}'), "data.mine.files: expected 'train'"),
    "splits": (TEXTS + "splits = 1\n", "data.mine.splits = 1: expected 2 to 50"),
    "no splits": (TEXTS + 'splits = "all"\n', "data.mine.splits = 'all': expected 2 to 50"),
    "splits of a column": (
        TEXTS + 'splits = 3\nsplit = "text"\n',
        "data.mine.splits: its column says which examples are for the test; expected data of",
    ),
    "splits of files": (
        TEXTS.replace('"a.csv"', '{train = "a.csv", test = "c.csv"}') + "splits = 3\n",
        "data.mine.splits: its files say which examples are for the test",
    ),
    "a type": (TEXTS + "classes = 3\n", "data.mine.classes = 3: expected a list, each a text or a"),
    "a truth": (TEXTS + 'lower_case = "no"\n', "data.mine.lower_case = 'no': expected true or"),
    "a number": (SERIES.replace("8", '"x"'), "data.mine.look_back = 'x': expected a whole number"),
    "a season": (SERIES + "season = 1.5\n", "data.mine.season = 1.5: expected a whole number"),
    "a licence": (TEXTS + "licence = 3\n", "data.mine.licence = 3: expected a text"),
    "a choice": (TEXTS + 'tokens = "bpe"\n', "data.mine.tokens = 'bpe': expected one of 'subword'"),
    "sizes": (
        TEXTS + 'batch_sizes = ["a"]\n',
        "data.mine.batch_sizes = ['a']: expected a list, each",
    ),
    "separator": (
        TEXTS + 'separator = ";;"\n',
        "data.mine.separator = ';;': expected the character",
    ),
    "a column for two": (TEXTS + 'other = "text"\n', "data.mine: text and other are column 'text'"),
    "a column twice": (
        SERIES + 'values = ["load", "load"]\n',
        "data.mine: values, twice, are column",
    ),
    "a file for two": (
        TEXTS.replace('"a.csv"', '{train = "a.csv", test = "./a.csv"}'),
        "data.mine.files: a.csv is of train and of test; expected different files",
    ),
    "a file twice": (
        PAIRS.replace("a.en", "a.de").replace("a.de", "a.csv"),
        "data.mine.files: a.csv is named twice; expected different files",
    ),
    "size": (IMAGES + "size = [8]\n", "data.mine.size = [8]: expected [height, width] in pixels"),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_says_what_cannot_be_is_one_line(name, tmp_path):
    table, expected = TABLES[name]
    for file in ("a.csv", "c.csv", "twice/train.csv", "twice/train.tsv"):
        write(tmp_path / file, reviews())
    image(tmp_path / "photos" / "cat" / "1.png")
    assert line_of(tmp_path, table, None).startswith(f"mine.toml: {expected}")


def test_a_home_that_there_is_not_is_one_line(tmp_path):
    line = line_of(tmp_path, TEXTS.replace("a.csv", "~nobody_at_all/a.csv"), None)
    assert line == "~nobody_at_all/a.csv: there is no such home"


def test_images_to_be_judged_alone_are_one_line(tmp_path):
    for split in ("test", "val"):
        image(tmp_path / "photos" / split / "cat" / "1.png")
    assert "photos: it has test and val, and no folder train; expected" in line_of(
        tmp_path, IMAGES, None
    )


def test_a_folder_without_what_is_learned_from_is_one_line(tmp_path):
    for file in ("texts/test.csv", "photos/cat.txt"):
        write(tmp_path / file, reviews())
    folder = f"mine.toml: data.mine.files: {tmp_path / 'texts'} has no file called train; expected"
    assert line_of(tmp_path, TEXTS.replace("a.csv", "texts"), None).startswith(folder)
    assert line_of(tmp_path, IMAGES, None) == (
        f"mine.toml: data.mine.files: no images in {tmp_path / 'photos'} (all)"
    )


def test_a_header_of_any_length_is_read(tmp_path):
    write(tmp_path / "a.csv", reviews(header=f'text,label,"{"x" * 200_000}"').replace("\n", ",1\n"))
    assert len(prepared(made(tmp_path, TEXTS)).train) == 32


def test_the_lines_of_the_page_are_those_that_are_said():
    page = PAGES / "data.md"
    (table,) = [found for found in tables(page) if "line" in found[0]]
    said = [expected for _, _, expected in (*CASES.values(), *LINES.values())]
    said.append("a.csv: cannot be read (Permission denied)")
    for row in table:
        line = row["line"].strip("`")
        assert any(line.startswith(e) or e.startswith(line) for e in said), line
