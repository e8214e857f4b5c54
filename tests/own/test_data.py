"""Data of one's own, of every kind that can be described, is what its constructor is given."""

import gzip
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from harness import registry
from harness.data import cache
from harness.own import guess, images, places
from harness.own.places import Place
from harness.own.series import times
from harness.own.task import FACTS
from harness.spec import HarnessError
from harness.sweep.load import load_sweep, toml
from harness.sweep.own_data import families
from harness.sweep.plugins import recorded
from tests.own.made import image, made, prepared, reviews, series, write

GUESSED = {
    "reviews": ("a.csv", reviews(), {"kind": "text_classification", "text": "text",
                                     "label": "label"}),
    "semicolons": ("a.csv", reviews().replace(",", ";"), {"kind": "text_classification",
                                                          "text": "text", "label": "label"}),
    "pairs with a label": ("a.tsv", "id\tfirst\tsecond\tsame\n" + "".join(
        f"{n}\tthis is text {n % 5}\tthat is text {n}\t{n % 2}\n" for n in range(30)),
        {"kind": "text_classification", "text": "first", "other": "second", "label": "same"}),
    "pairs with a grade": ("a.csv", "one,two,score\n" + "".join(
        f"this is text {n % 5},that is text {n},{n % 41 / 4}\n" for n in range(80)),
        {"kind": "sentence_similarity", "text": "one", "other": "two", "grade": "score",
         "highest": 10.0}),
    "translations": ("a.csv", "de,en\n" + "".join(
        f"das ist Satz {n},this is sentence {n}\n" for n in range(30)),
        {"kind": "translation", "source": "de", "target": "en"}),
    "hours": ("a.csv", series(800), {"kind": "time_series_forecasting", "time": "date",
        "values": ["load", "heat"], "look_back": 40, "horizon": 20, "season": 24}),
    "days": ("a.csv", series(2000, "D"), {"kind": "time_series_forecasting", "time": "date",
        "values": ["load", "heat"], "look_back": 14, "horizon": 7, "season": 7}),
    "months": ("a.csv", series(600, "MS"), {"kind": "time_series_forecasting", "time": "date",
        "values": ["load", "heat"], "look_back": 24, "horizon": 12, "season": 12}),
    "tags": ("a.conll", "John B-PER\nlives O\n\nMary B-PER\n", {"kind": "token_classification"}),
    "prose": ("a.txt", "some words\n" * 9, {"kind": "language_modeling", "tokens": "character"}),
    "a split": ("a.csv", "text,label,fold\n" + "".join(
        f"a good film {n},{n % 2},{'test' if n > 30 else 'train'}\n" for n in range(40)),
        {"kind": "text_classification", "text": "text", "label": "label", "split": "fold"}),
    "paths of images": ("a.csv", "path,label\n" + "".join(
        f"{n}.png,{n % 2}\n" for n in range(30)),
        {"kind": "image_classification", "image": "path", "label": "label"}),
}  # fmt: skip


@pytest.mark.parametrize("name", GUESSED)
def test_kind_and_columns_are_guessed(name, tmp_path):
    file, content, expected = GUESSED[name]
    assert guess.understood(write(tmp_path / file, content)) == expected


def test_what_a_person_has_said_is_not_guessed_against(tmp_path):
    text = write(tmp_path / "a.txt", "some words\n" * 9)
    assert guess.understood(text, {"kind": "masked_language_modeling"}) == {}
    assert guess.understood(text, {"tokens": "subword"})["tokens"] == "word"
    table = write(tmp_path / "a.csv", "one,two,same\n" + "".join(
        f"this is text {n},that is text {n},{n % 2}\n" for n in range(30)))  # fmt: skip
    assert guess.understood(table, {"kind": "masked_language_modeling", "text": "two"}) == {
        "kind": "masked_language_modeling", "text": "two"
    }  # fmt: skip
    with pytest.raises(HarnessError, match="of kind image_classification nothing is understood"):
        guess.understood(table, {"kind": "image_classification"})


def test_folders_are_understood_by_the_names_in_them(tmp_path):
    for name in ("train.csv", "test.csv"):
        write(tmp_path / "one" / name, reviews())
    for name in ("train.de", "train.en", "train.fr", "test.de", "test.en", "val.de"):
        write(tmp_path / "two" / name, "a line\n")
    assert guess.understood(tmp_path / "one")["kind"] == "text_classification"
    assert guess.understood(tmp_path / "two") == {"kind": "translation"}
    assert places.pairs(tmp_path / "two") == {
        "train": ["train.de", "train.en"], "test": ["test.de", "test.en"]
    }  # fmt: skip
    with pytest.raises(HarnessError, match="two: nothing is understood of it; expected a folder"):
        guess.understood(tmp_path / "two", {"kind": "text_classification"})


@pytest.mark.parametrize("files, said", [
    ({"test": "a.csv"}, "data.mine.files = .*: expected the path of a file or a folder"),
    ([], r"data.mine.files = \[\]: expected the path of a file or a folder"),
    ("gone.csv", "data.mine.files: .*gone.csv: no such file"),
    ("a" * 300, "data.mine.files: .*: File name too long"),
])  # fmt: skip
def test_files_to_guess_by_that_there_are_not_are_one_line(files, said, tmp_path):
    with pytest.raises(HarnessError, match=f"^s.toml: {said}"):
        guess.completed("mine", {"files": files}, tmp_path, "s.toml")


def test_what_is_not_understood_says_what_there_is(tmp_path):
    write(tmp_path / "a.csv", "a,b\n" + "1,2.5\n2,3.25\n" * 20)
    with pytest.raises(HarnessError, match=r"its columns are a \(numbers\), b \(numbers\)"):
        guess.understood(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("a.xlsx", "a.xlsx: a spreadsheet; expected CSV, as which it can be saved"),
        ("a.png", "one image; expected a folder, with one for each class in it"),
    ],
)
def test_files_that_hold_no_examples_are_refused_by_their_name(file, line, tmp_path):
    with pytest.raises(HarnessError, match=line):
        guess.understood(write(tmp_path / file, "x"))


def formats(folder):
    table = pd.DataFrame({"text": [f"film {n} was {'good' if n % 2 else 'bad'}" for n in range(40)],
                          "label": [n % 2 for n in range(40)]})  # fmt: skip
    csv = table.to_csv(index=False)
    table.to_parquet(folder / "a.parquet")
    write(folder / "a.csv", csv)
    write(folder / "a.csv.gz", gzip.compress(csv.encode()))
    write(folder / "a.tsv", table.to_csv(index=False, sep="\t"))
    write(folder / "crlf.csv", csv.replace("\n", "\r\n"))
    write(folder / "mark.csv", b"\xef\xbb\xbf" + csv.encode())
    write(folder / "wide.csv", csv.encode("utf-16"))
    lines = (json.dumps(row) for row in table.to_dict("records"))
    write(folder / "a.jsonl", "\n".join(lines))


def test_every_format_gives_the_same_data(tmp_path):
    formats(tmp_path)
    found = []
    for file in sorted(path.name for path in tmp_path.iterdir()):
        table = f'kind = "text_classification"\nfiles = "{file}"\ntext = "text"\nlabel = "label"\n'
        data = prepared(made(tmp_path, table + 'tokens = "word"\n'))
        assert data.assets["classes"] == ["0", "1"]
        found.append(np.asarray(data.train.x["tokens"]))
    assert len(found) == 8
    for other in found[1:]:
        np.testing.assert_array_equal(found[0], other)


def test_images_are_of_one_size_and_keep_their_aspect(tmp_path):
    for number in range(10):
        image(tmp_path / "photos" / "cat" / f"{number}.png", 16, 16)
        image(tmp_path / "photos" / "dog" / f"{number}.png", 16, 16)
    image(tmp_path / "photos" / "dog" / "wide.png", 16, 64, value=255)
    write(tmp_path / "photos" / "dog" / "Thumbs.db", "litter")
    write(tmp_path / "photos" / ".hidden" / "x.txt", "litter")
    data = prepared(made(tmp_path, 'kind = "image_classification"\nfiles = "photos"\n'))
    assert data.assets["classes"] == ["cat", "dog"]
    assert data.assets[FACTS]["resized"] == {"to": [16, 16], "images": 1, "of": 21}
    every = [np.asarray(part.x["image"]) for part in (data.train, data.val, data.test)]
    images = np.concatenate(every)[..., 0]
    assert images.shape == (21, 16, 16)
    (wide,) = [one for one in images if (one[6:10] == 255).all()]
    assert (wide[:6] == 0).all()
    assert (wide[10:] == 0).all()
    table = 'kind = "image_classification"\nfiles = "photos"\nsize = [8, 4]\n'
    assert prepared(made(tmp_path, table)).spec.inputs["image"].shape == (8, 4, 1)


def test_folders_of_splits_are_respected(tmp_path):
    for split, count in (("train", 8), ("valid", 2), ("test", 3)):
        for label in ("cat", "dog"):
            for number in range(count):
                image(tmp_path / "photos" / split / label / f"{number}.png", mode="RGB")
    task = made(tmp_path, 'kind = "image_classification"\nfiles = "photos"\n')
    data = prepared(task)
    assert (len(data.train), len(data.val), len(data.test)) == (16, 4, 6)
    assert data.spec.inputs["image"].shape == (8, 8, 3)
    assert "train/cat/0.png" in [source.file for source in task.sources]


def test_a_table_names_images_whose_contents_count(tmp_path):
    for number in range(20):
        image(tmp_path / "photos" / f"{number}.png")
    names = "".join(f"photos/{n}.png,{'ab'[n % 2]}\n" for n in range(20))
    write(tmp_path / "a.csv", f"path,kind\n{names}")
    table = 'kind = "image_classification"\nfiles = "a.csv"\nimage = "path"\nlabel = "kind"\n'
    task = made(tmp_path, table)
    assert len(task.sources) == 21
    assert len(prepared(task).train) == 16


def test_splits_of_a_series_end_earlier(tmp_path):
    write(tmp_path / "a.csv", series(300))
    table = ('kind = "time_series_forecasting"\nfiles = "a.csv"\ntime = "date"\nlook_back = 8\n'
             'horizon = 4\ntest = 0.2\n')  # fmt: skip
    whole, shorter = (prepared(made(tmp_path, f"{table}fold = {n}\n")) for n in range(2))
    assert len(whole.train) - len(shorter.train) == 60
    assert len(whole.test) == len(shorter.test)


def test_splits_of_a_text_end_earlier(tmp_path):
    write(tmp_path / "a.txt", "".join(f"line number {n}\n" for n in range(400)))
    table = 'kind = "language_modeling"\nfiles = "a.txt"\ntokens = "word"\nwindow = 8\n'
    whole, shorter = (prepared(made(tmp_path, f"{table}fold = {n}\n")) for n in range(2))
    assert len(whole.train) > len(shorter.train) > 0


def test_a_table_with_splits_stands_for_a_task_each(tmp_path):
    write(tmp_path / "a.csv", "text,label\n" + "".join(f"word {n},{n % 2}\n" for n in range(60)))
    file = tmp_path / "mine.toml"
    text = (
        'name = "mine"\nspaces = ["lstm"]\n[data.mine]\nkind = "text_classification"\n'
        'files = "a.csv"\ntext = "text"\nlabel = "label"\nsplits = 3\n'
    )
    write(file, text)
    sweep = load_sweep(str(file))
    assert sweep.tasks == ("mine", "mine-2", "mine-3")
    assert families(sweep) == {"mine": sweep.tasks}
    tests = [prepared(registry.task(name)).test for name in sweep.tasks]
    assert len({np.asarray(test.y["label"]).tobytes() + np.asarray(test.x["tokens"]).tobytes()
                for test in tests}) == 3  # fmt: skip
    write(file, text.replace("[data", 'tasks = ["mine"]\n[data', 1))
    assert load_sweep(str(file)).tasks == sweep.tasks
    write(file, text + '[data."mine-2"]\nfiles = "a.csv"\n')
    with pytest.raises(HarnessError, match=r"data\.mine\.splits: mine-2 is a table, too"):
        load_sweep(str(file))


def test_a_series_is_cut_in_order(tmp_path):
    write(tmp_path / "a.csv", series(300))
    table = ('kind = "time_series_forecasting"\nfiles = "a.csv"\ntime = "date"\nlook_back = 8\n'
             'horizon = 4\ntest = 0.2\n')  # fmt: skip
    data = prepared(made(tmp_path, table))
    assert data.assets["channels"] == ["load", "heat"]
    assert len(data.test) == 60 - 3
    assert len(data.val) == 30 - 3


def test_gaps_are_filled_where_that_is_asked_for(tmp_path):
    lines = series(300).splitlines()
    write(tmp_path / "a.csv", "\n".join(lines[:50] + lines[53:]) + "\n")
    table = ('kind = "time_series_forecasting"\nfiles = "a.csv"\ntime = "date"\nlook_back = 8\n'
             'horizon = 4\ngaps = "interpolate"\n')  # fmt: skip
    data = prepared(made(tmp_path, table))
    assert data.assets[FACTS] == {"filled": 3}


SERIES = 'kind = "time_series_forecasting"\ntime = "date"\nlook_back = 8\nhorizon = 4\n'


@pytest.mark.parametrize("given, lengths", [
    ("train", (199, 57, 27)),  # which stands for all that there is
    ("train test", (229, 57, 289)), ("train val test", (289, 289, 289)),
])  # fmt: skip
def test_splits_of_a_series_that_there_are_not_are_cut_off(given, lengths, tmp_path):
    write(tmp_path / "a.csv", series(300))
    for name in given.split():
        write(tmp_path / f"{name}.csv", series(300))
    files = ", ".join(f'{name} = "{name}.csv"' for name in given.split())
    data = prepared(made(tmp_path, f"{SERIES}val = 0.2\nfiles = {{{files}}}\n"))
    assert (len(data.train), len(data.val), len(data.test)) == lengths


def test_a_step_may_be_a_number(tmp_path):
    write(tmp_path / "a.csv", "date,load\n" + "".join(f"{n / 4},{n}\n" for n in range(100)))
    data = prepared(made(tmp_path, SERIES + 'files = "a.csv"\n'))
    assert len(data.test) == 10 - 3


def test_the_latest_rows_are_for_the_test(tmp_path):
    months = [(n, n % 12 + 1) for n in range(48)]
    rows = [f"month{month} {n},{n // 12 % 2},2024-{month:02}-01\n" for n, month in months]
    write(tmp_path / "a.csv", "text,label,day\n" + "".join(rows))
    table = 'kind = "text_classification"\nfiles = "a.csv"\ntext = "text"\nlabel = "label"\n'
    known = prepared(made(tmp_path, table + 'time = "day"\ntokens = "word"\n')).assets["vocabulary"]
    assert {"month1", "month8"} <= {*known}
    assert not {"month9", "month12"} & {*known}


def test_texts_and_translations_of_a_table(tmp_path):
    pairs = [{"de": f"Satz {n}", "en": f"sentence {n}\nand more of it"} for n in range(60)]
    write(tmp_path / "a.jsonl", "".join(json.dumps(pair) + "\n" for pair in pairs))
    table = 'kind = "translation"\nfiles = "a.jsonl"\nsource = "de"\ntarget = "en"\n'
    data = prepared(made(tmp_path, table + "vocabulary = 300\n"))
    assert (len(data.train), len(data.val), len(data.test)) == (48, 6, 6)
    table = 'files = "a.jsonl"\ntext = "en"\n'
    running = 'kind = "language_modeling"\ntokens = "word"\nwindow = 16\n'
    assert {"sentence", "more"} < {*prepared(made(tmp_path, table + running)).assets["vocabulary"]}
    masked = 'kind = "masked_language_modeling"\nlongest = 32\nvocabulary = 60\n'
    data = prepared(made(tmp_path, table + masked))
    assert (len(data.train), len(data.val), len(data.test)) == (48, 6, 6)


@pytest.mark.parametrize("mode, values, seen", [
    ("I;16", (0, 32768, 65535), [0, 128, 255]), ("I;16", (0, 100, 255), [0, 100, 255]),
    ("F", (0, 0.5, 1), [0, 128, 255]), ("F", (0, 100, 255), [0, 100, 255]),
])  # fmt: skip
def test_images_of_other_numbers_have_256_levels(mode, values, seen, tmp_path):
    pixels = np.array([values], "float32" if mode == "F" else "uint16")
    path = tmp_path / ("a.tiff" if mode == "F" else "a.png")
    Image.fromarray(pixels).save(path)
    found = images.array(Place("a", path), pixels.shape, 1)
    assert found.dtype == "uint8"
    assert found[0, :, 0].tolist() == seen


def test_transparency_is_a_channel_of_all_images(tmp_path):
    for number in range(9):
        for label in ("cat", "dog"):
            path = image(tmp_path / "photos" / label / f"{number}.png")
    image(path, mode="RGBA")
    data = prepared(made(tmp_path, 'kind = "image_classification"\nfiles = "photos"\n'))
    assert data.spec.inputs["image"].shape == (8, 8, 4)


def test_translations_of_two_files_and_tags_of_a_column(tmp_path):
    for name, word in (("a.de", "Satz"), ("a.en", "sentence")):
        write(tmp_path / name, "".join(f"{word} {n}\n" for n in range(60)))
    table = 'kind = "translation"\nfiles = ["a.de", "a.en"]\nvocabulary = 300\n'
    data = prepared(made(tmp_path, table))
    assert (len(data.train), len(data.val), len(data.test)) == (48, 6, 6)
    write(tmp_path / "a.conll", "John NNP I-PER x\nlives VB O x\n\n" * 20)
    table = 'kind = "token_classification"\nfiles = "a.conll"\ntag = 3\ntokens = "word"\n'
    assert prepared(made(tmp_path, table)).assets["tags"] == ["O", "B-PER"]


def test_texts_of_lines_and_documents(tmp_path):
    write(tmp_path / "a.txt", "".join(f"line {n} of it\n" for n in range(200)))
    table = 'kind = "language_modeling"\nfiles = "a.txt"\ntokens = "character"\nwindow = 16\n'
    data = prepared(made(tmp_path, table))
    assert len(data.train) > len(data.val) > 0
    table = 'kind = "masked_language_modeling"\nfiles = "a.txt"\nlongest = 32\nvocabulary = 60\n'
    write(tmp_path / "a.txt", "one line here\nand another one\n\n" * 40)
    assert len(prepared(made(tmp_path, table)).test) > 0


def test_a_sweep_file_is_enough(tmp_path):
    """Its data is a task like any other, and is written down in the folder of the answer."""
    write(tmp_path / "a.csv", reviews())
    file = write(
        tmp_path / "mine.toml",
        'name = "mine"\nspaces = ["lstm"]\n[data.films]\nfiles = "a.csv"\n',
    )
    sweep = load_sweep(str(file))
    assert sweep.tasks == ("films",)
    assert registry.origin(registry.task("films")).name.endswith("mine.toml")
    assert sweep.data["films"]["files"] == str(tmp_path / "a.csv")
    folder = tmp_path / "results" / "mine"
    written = recorded(sweep, folder)
    assert written.plugins == ()
    assert written.data["films"] == {
        "files": "../../a.csv", "kind": "text_classification", "text": "text", "label": "label",
    }  # fmt: skip
    again = load_sweep(str(write(folder / "sweep.toml", toml(written))))
    assert again.data == sweep.data
    # Both files say the same of the same files: neither stands in the way of the other.
    registry.use([file, folder / "sweep.toml"])
    assert registry.task("films").sources[0].file == "a.csv"


def test_two_tables_of_one_name_are_refused(tmp_path):
    write(tmp_path / "a.csv", reviews())
    table = '[data.films]\nfiles = "a.csv"\n'
    registry.use([write(tmp_path / "a.toml", table),
                  write(tmp_path / "b.toml", table + "seed = 1\n")])  # fmt: skip
    with pytest.raises(HarnessError, match="task 'films' is defined twice"):
        registry.tasks()
    registry.use([])


def test_folders_of_answers_are_no_data(tmp_path):
    for label in ("cat", "dog"):
        for number in range(12):
            image(tmp_path / label / f"{number}.png")
    alone = made(tmp_path, 'files = "."\n').sources
    for folder in ("results/mine", "answer"):  # of several sweeps, of one
        write(tmp_path / folder / "journal.jsonl", "{}\n")
        image(tmp_path / folder / "leaderboard.png")
    write(tmp_path / "mlflow.db", "")
    image(tmp_path / "mlartifacts" / "1" / "a.png")
    assert guess.understood(tmp_path) == {"kind": "image_classification"}
    assert made(tmp_path, 'files = "."\n').sources == alone
    assert {source.file.split("/")[0] for source in alone} == {"cat", "dog"}


def test_of_several_in_a_file_none_is_said_to_read_the_others(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "here"
    write(folder / "a.csv", reviews())
    for label in ("cat", "dog"):
        for number in range(12):
            image(folder / "pictures" / label / f"{number}.png")
    text = '[data.films]\nfiles = "a.csv"\n[data.pets]\nfiles = "pictures"\n'
    monkeypatch.chdir(folder)
    registry.use([write(folder / "both.toml", text)])
    try:
        for name in ("films", "pets"):
            cache.entry(registry.task(name))
    finally:
        registry.use([])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "dates, step",
    [
        ([f"{1 + n:02d}/01/2024" for n in range(28)], 1),
        ([f"{1 + n}.2.24" for n in range(12)], 1),
        ([f"01/{1 + n:02d}/2024" for n in range(12)], None),  # months begin; in order either way
        ([f"{m:02d}/{d:02d}/2024" for d in (1, 2, 3) for m in (5, 6, 7)], None),
        ([f"01/13/{2000 + n}" for n in range(12)], None),
    ],
)
def test_dates_begin_with_the_day_where_they_say_so(dates, step):
    table = pd.DataFrame({"date": dates})
    found = times("a.csv", table, "date")
    assert found.is_monotonic_increasing
    if step is not None:
        assert (found.diff().dropna() == pd.Timedelta(step, "D")).all()
