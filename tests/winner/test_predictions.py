"""A model asked about raw input answers as it does about arrays, and in other formats alike."""

import dataclasses
import importlib.util
import json

import keras
import keras_tuner
import numpy as np
import pandas as pd
import pytest

from harness import kinds, registry
from harness.journal.folder import assets_path, interface_path
from harness.models import keep_interface, read_interface
from harness.own import images
from harness.own.places import Place
from harness.spec import HarnessError
from harness.winner import export as exports
from harness.winner import inputs, predictions
from harness.winner.fitted import Fitted, find
from tests.own.made import image, made, prepared, reviews, series, write

TABLES = {
    "text_classification": ("text_cnn", 'files = "a.csv"\ntext = "text"\nlabel = "label"\n'),
    "sentence_similarity": ("lstm", 'files = "b.csv"\ntext = "a"\nother = "b"\ngrade = "c"\n'),
    "token_classification": ("lstm", 'files = "a.conll"\ntokens = "word"\n'),
    "language_modeling": ("gru", 'files = "a.txt"\ntokens = "character"\nwindow = 16\n'),
    "translation": ("seq2seq", 'files = ["a.de", "a.en"]\nvocabulary = 300\nlongest = 16\n'),
    "image_classification": ("cnn", 'files = "photos"\n'),
    "time_series_forecasting": ("gru", 'files = "s.csv"\ntime = "date"\nlook_back = 8\n'
                                       'horizon = 4\n'),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Data of every kind that has raw input."""
    folder = tmp_path_factory.mktemp("own")
    write(folder / "a.csv", reviews())
    rows = "".join(f"one text {n},other text {n % 7},{n % 5}\n" for n in range(40))
    write(folder / "b.csv", f"a,b,c\n{rows}")
    write(folder / "a.conll", "John B-PER\nlives O\nhere O\n\n" * 20)
    write(folder / "a.txt", "".join(f"line {n} of it\n" for n in range(200)))
    for name, word in (("a.de", "Satz"), ("a.en", "sentence")):
        write(folder / name, "".join(f"{word} {n}\n" for n in range(60)))
    for number in range(20):
        image(folder / "photos" / "ab"[number % 2] / f"{number}.png")
    image(folder / "other" / "wide.png", 10, 30, mode="RGB")
    write(folder / "s.csv", series(300))
    return folder


def fitted(folder, kind):
    """A model of the default configuration, as a sweep would leave it."""
    space, table = TABLES[kind]
    task = made(folder, f'kind = "{kind}"\n{table}')
    data = prepared(task)
    config = registry.space(space).sample(keras_tuner.HyperParameters(), kind)
    keras.utils.set_random_seed(0)
    model = registry.space(space).build(config, data.spec)
    file = folder / "models" / f"{kind}.keras"
    file.parent.mkdir(exist_ok=True)
    model.save(file)
    keep_interface(file, data.spec, data.test)
    assets_path(file).write_text(json.dumps(dict(data.assets)))
    interface = read_interface(interface_path(file))
    own = {"text": "text"} if kind == "text_classification" else {}
    return Fitted("mine", space, file, interface, data.assets, "tensorflow", own)


def asked(model, *names, text=""):
    return inputs.read(model, [str(name) for name in names], lambda: text)


def outputs(model, x):
    return predictions.outputs_of(model, model.load(), x)


def test_texts_of_a_table_lines_and_standard_input(folder):
    model = fitted(folder, "text_classification")
    texts = ["a good film", "a bad film"]
    table = write(folder / "new.csv", "label,text\nx,a good film\ny,a bad film\n")
    kind = kinds.of("text_classification")
    x = kind.encode(texts, model.interface.spec, model.assets)
    expected = kind.decode(outputs(model, x), model.interface.spec, model.assets)
    of_table = predictions.predictions(model, asked(model, table))
    assert list(of_table[0]) == ["label", "text", "model_label", "probability"]
    assert [row["label"] for row in of_table] == ["x", "y"]
    assert [row["model_label"] for row in of_table] == [row["label"] for row in expected]
    of_lines = predictions.predictions(model, asked(model, "-", text="a good film\na bad film\n"))
    for rows in (of_table, of_lines):
        found = [row["probability"] for row in rows]
        assert found == pytest.approx([row["probability"] for row in expected])
    text = predictions.as_csv(of_lines)
    assert text.splitlines()[0] == "text,label,probability"
    with pytest.raises(HarnessError, match="no column 'text'; its columns are a, b"):
        asked(model, write(folder / "odd.csv", "a,b\n1,2\n"))
    with pytest.raises(HarnessError, match="no lines; expected a text in each"):
        asked(model, "-", text="\n")


def test_images_of_any_size_as_training_reads_them(folder):
    model = fitted(folder, "image_classification")
    kind = kinds.of("image_classification")
    wide, known = folder / "other" / "wide.png", folder / "photos" / "a" / "0.png"
    arrays = [images.array(Place("x", path), (8, 8), 1) for path in (wide, known)]
    x = kind.encode(np.stack(arrays), model.interface.spec, model.assets)
    expected = kind.decode(outputs(model, x), model.interface.spec, model.assets)
    rows = predictions.predictions(model, asked(model, folder / "other", known))
    assert [row["image"] for row in rows] == [str(wide), str(known)]
    assert [r["probability"] for r in rows] == pytest.approx([r["probability"] for r in expected])
    with pytest.raises(HarnessError, match="cannot be read as an image"):
        asked(model, folder / "a.csv.png" if write(folder / "a.csv.png", "x") else "")


def test_the_end_of_a_series_on_its_own_scale(folder):
    model = fitted(folder, "time_series_forecasting")
    kind = kinds.of("time_series_forecasting")
    table = pd.read_csv(folder / "s.csv")[["load", "heat"]]
    x = kind.encode([table], model.interface.spec, model.assets)
    (expected,) = kind.decode(outputs(model, x), model.interface.spec, model.assets)
    rows = predictions.predictions(model, asked(model, folder / "s.csv"))
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    assert [row["load"] for row in rows] == pytest.approx(expected["load"])
    with pytest.raises(HarnessError, match="no column 'heat'"):
        asked(model, write(folder / "short.csv", "date,load\n1,2\n"))
    known = dataclasses.replace(model, data={"time": "date"})
    asked(known, folder / "s.csv")
    first, *lines = series(20).splitlines()
    text = "\n".join([first, *lines[:9], lines[12], *lines[9:]])
    with pytest.raises(HarnessError, match=r"row 11, column 'date': .* is earlier than in the row"):
        asked(known, write(folder / "shuffled.csv", text))


@pytest.mark.parametrize(
    ("kind", "text", "column"),
    [
        ("sentence_similarity", "one text\tother text\n", "similarity"),
        ("token_classification", "John lives here\n", "tags"),
        ("language_modeling", "line 7 o\n", "next_token"),
        ("translation", "Satz 3\n", "translation"),
    ],
)
def test_every_kind_that_has_raw_input_answers(folder, kind, text, column):
    model = fitted(folder, kind)
    rows = predictions.predictions(model, asked(model, "-", text=text))
    assert len(rows) == 1
    assert column in rows[0]
    assert not isinstance(rows[0][column], list | dict)


@pytest.mark.parametrize("format", ["keras", "saved_model", "litert", "onnx"])
@pytest.mark.parametrize("kind", ["image_classification", "text_classification"])
def test_other_formats_answer_alike(folder, tmp_path, format, kind):
    model = fitted(folder, kind)
    path = tmp_path / "exported"
    path = path.with_suffix(
        {"keras": ".keras", "litert": ".tflite", "onnx": ".onnx"}.get(format, "")
    )
    if format == "onnx" and importlib.util.find_spec("tf2onnx") is None:
        with pytest.raises(HarnessError, match="format onnx needs tf2onnx and onnxruntime; python"):
            exports.export(model, format, path)
        assert not any(tmp_path.iterdir())
        return
    place, apart = exports.export(model, format, path)
    assert place.exists()
    assert apart <= exports.TOLERANCE
    with pytest.raises(HarnessError, match="exists already"):
        exports.export(model, format, path)


def test_what_a_format_cannot_hold_is_one_line_and_leaves_nothing(folder, tmp_path, monkeypatch):
    model = fitted(folder, "image_classification")

    def refuse(self, *args, **options):
        raise ValueError("an operation that there is not\nand more")

    monkeypatch.setattr(keras.Model, "export", refuse)
    with pytest.raises(HarnessError, match="format litert cannot hold mine x cnn") as raised:
        exports.export(model, "litert", tmp_path / "x.tflite")
    assert "\n" not in str(raised.value)
    assert not any(tmp_path.iterdir())


def test_other_answers_are_not_kept(folder, tmp_path, monkeypatch):
    model = fitted(folder, "image_classification")

    def write_other(self, path, **options):
        for weight in self.weights:
            weight.assign(weight * 2)
        exported(self, path, **options)

    exported = keras.Model.export
    monkeypatch.setattr(keras.Model, "export", write_other)
    with pytest.raises(HarnessError, match=r"expected at most 0\.0001, so it is not kept"):
        exports.export(model, "saved_model", tmp_path / "x")
    assert not any(tmp_path.iterdir())


def test_what_is_no_sweep_is_one_line(tmp_path):
    with pytest.raises(HarnessError, match="no folder of a sweep; expected DIR/TASK"):
        find(str(tmp_path / "task" / "space"))
