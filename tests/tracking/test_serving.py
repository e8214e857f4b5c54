"""Winners as MLflow serves them: packed, loaded in MLflow's own scoring server, and asked."""

import contextlib
import json
import socket
import threading
import time
import urllib.error
import urllib.request

import keras_tuner
import numpy as np
import pytest

from harness import registry
from harness.journal.folder import assets_path, interface_path
from harness.kinds.text import short_texts, wordpiece
from harness.models import keep_interface, read_interface
from harness.spec import DataSpec, HarnessError, Split, TensorSpec
from harness.tracking import serving
from harness.tracking.model_registry.pyfunc import pack

RESERVED = list(wordpiece.RESERVED)
WORDS = ["good", "bad", "film", "##s", "##ing", "a", "the", "was", ".", ",", "not", "中"]
VOCABULARY = RESERVED + WORDS
LONGEST = 12
TEXTS = ["the film was good .", "a bad film", "films , not good"]
OTHERS = ["good", "the film was not a good film . the film was bad", ""]
HOSTILE = [
    *("", " ", "[CLS] good [SEP] [MASK] [PAD]", "a\tb\nc\r\nd", "zero\x00byte\x01", "\u200bgood"),
    *(
        "cafe\u0301 中 good中film",
        "\U0001f600 film",
        "a" * 300,
        "don't good_film x=1;y",
        "\u2028bad",
    ),
    *("\ufffd \ue000", "\xa0film\u3000bad", "good—film…", "\ufeffgood", "goods filming badness"),
]


def built(name, spec):
    """A model of a search space with its default configuration, untrained."""
    space = registry.space(name)
    return space.build(space.sample(keras_tuner.HyperParameters(), spec.kind), spec)


def packed(folder, model, spec, test, assets):
    """What a confirmation run leaves of a model, as an MLflow model."""
    file = folder / "winner.keras"
    model.save(file)
    keep_interface(file, spec, test)
    assets_path(file).write_text(json.dumps(assets), encoding="utf-8")
    pack(folder / "packed", file, "# card", ["keras"], {"task": "tiny"}, "tensorflow")
    for part in (file, interface_path(file), assets_path(file)):
        part.unlink()  # the model must not lean on them
    return folder / "packed"


def image_task():
    spec = DataSpec(
        {"image": TensorSpec((8, 8, 1), "uint8")},
        {"label": TensorSpec((), "uint8", size=3)},
        "image_classification",
    )
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1), "uint8")
    return spec, Split({"image": images}, {}), {"classes": ["ant", "bee", "cat"]}


def text_task(pairs):
    texts = TEXTS, OTHERS if pairs else None
    ids = short_texts.encoded(wordpiece.Pieces(VOCABULARY), texts)
    tokens, segments = wordpiece.packed(*ids, LONGEST)
    spec = DataSpec(
        {
            "tokens": TensorSpec(
                (None,), "int32", size=len(VOCABULARY), longest=LONGEST, vocabulary="pieces"
            ),
            "segments": TensorSpec((None,), "int32", size=2, longest=LONGEST, aligned="tokens"),
        },
        {"label": TensorSpec((), "int32", size=2)},
        "text_classification",
    )
    split = Split({"tokens": tokens, "segments": segments}, {})
    return spec, split, {"vocabulary": VOCABULARY, "classes": ["poor", "fine"]}


@contextlib.contextmanager
def server(model):
    """MLflow's scoring server over a model, on a free port of this machine."""
    import mlflow.pyfunc
    import uvicorn
    from mlflow.pyfunc import scoring_server

    app = scoring_server.init(mlflow.pyfunc.load_model(str(model)))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", port, log_level="error"))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 60
    while not running.started and time.monotonic() < deadline:
        time.sleep(0.05)
    yield lambda request: asked(port, request)
    running.should_exit = True
    thread.join(60)


def asked(port, request):
    """The predictions, or the status and the message of an error."""
    call = urllib.request.Request(
        f"http://127.0.0.1:{port}/invocations",
        json.dumps(request).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(call, timeout=60) as answer:
            return json.load(answer)["predictions"]
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)["message"]


def expected(model, x, names):
    logits = np.asarray(model.predict(dict(x), verbose=0)["label"], "float64")
    rows = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    return [dict(zip(names, row, strict=True)) for row in rows]


def agree(answers, expectations):
    assert len(answers) == len(expectations)
    for answer, probabilities in zip(answers, expectations, strict=True):
        assert answer["probabilities"] == pytest.approx(probabilities, abs=1e-5)
        assert answer["label"] == max(probabilities, key=probabilities.get)
        assert answer["probability"] == pytest.approx(max(probabilities.values()), abs=1e-5)


def test_an_image_winner_is_served(tmp_path):
    spec, test, assets = image_task()
    model = built("cnn", spec)
    folder = packed(tmp_path, model, spec, test, assets)
    with server(folder) as ask:
        agree(ask({"inputs": {"image": test.x["image"].tolist()}}),
              expected(model, test.x, assets["classes"]))  # fmt: skip
        example = json.loads((folder / "serving_input_example.json").read_text())
        assert len(ask(example)) == 2
        status, message = ask({"inputs": {"image": [[1, 2]]}})
        assert status == 400
        assert "(-1, 8, 8, 1)" in message


@pytest.mark.parametrize("pairs", [False, True])
def test_a_text_winner_takes_texts(tmp_path, pairs):
    """Of an architecture that has layers of its own."""
    spec, test, assets = text_task(pairs)
    model = built("bert_scratch", spec)
    folder = packed(tmp_path, model, spec, test, assets)
    columns = ["text", "text_pair"] if pairs else ["text"]
    rows = [list(row) for row in zip(TEXTS, OTHERS, strict=True)] if pairs else [[t] for t in TEXTS]
    with server(folder) as ask:
        agree(ask({"dataframe_split": {"columns": columns, "data": rows}}),
              expected(model, test.x, assets["classes"]))  # fmt: skip
        example = json.loads((folder / "serving_input_example.json").read_text())
        agree(
            ask(example), expected(model, {k: v[:2] for k, v in test.x.items()}, ["poor", "fine"])
        )
        hostile = [[text] * len(columns) for text in HOSTILE]
        assert len(ask({"dataframe_split": {"columns": columns, "data": hostile}})) == len(HOSTILE)


def test_texts_are_cut_as_their_task_did():
    """Without the framework the task was prepared with."""
    texts = [*TEXTS, *HOSTILE]
    others = texts[1:] + texts[:1]
    pieces = wordpiece.Pieces(VOCABULARY)
    for columns in ([texts], [texts, others]):
        for longest in (5, 8, 9, 40):
            ids = short_texts.encoded(
                pieces, (columns[0], columns[1] if len(columns) > 1 else None)
            )
            tokens, segments = wordpiece.packed(*ids, longest)
            found = serving.encoded(serving.wordpiece(VOCABULARY, longest), columns)
            np.testing.assert_array_equal(found["tokens"], tokens)
            np.testing.assert_array_equal(found["segments"], segments)


def test_tokens_are_tagged_and_an_unknown_one_is_refused(tmp_path):
    spec, test, assets = text_task(False)
    tags = TensorSpec((None,), "int32", size=4, longest=LONGEST, aligned="tokens")
    spec = DataSpec(spec.inputs, {"tags": tags}, "token_classification")
    model = built("bert_scratch", spec)
    folder = packed(tmp_path, model, spec, test, assets)
    request = {name: array.tolist() for name, array in test.x.items()}
    with server(folder) as ask:
        answer = ask({"inputs": request})
        logits = np.asarray(model.predict(dict(test.x), verbose=0)["tags"])
        assert answer["tags"] == logits.argmax(axis=-1).tolist()
        assert np.shape(answer["tags_probability"]) == (3, LONGEST)
        request["tokens"][0][0] = len(VOCABULARY)
        status, message = ask({"inputs": request})
        assert status == 400
        assert f"expected 0 to {len(VOCABULARY) - 1}" in message


def test_other_outputs_are_arrays_by_name():
    """Of real values as they are, of classes along a sequence the likeliest and how sure."""

    class Model:
        def predict(self, x, **_):
            logits = np.zeros((2, 3, 4))
            logits[:, :, 1] = np.log(3)
            return {"word": logits, "level": np.ones((2, 1))}

    spec = DataSpec(
        {"past": TensorSpec((3,), "float32")},
        {"word": TensorSpec((3,), "int32", size=4), "level": TensorSpec((1,), "float32")},
        "language_modeling",
    )
    served = serving.Served(Model(), serving.Interface(spec, {"past": np.ones((2, 3))}), {})
    answer = served.predict({"past": np.ones((2, 3))})
    assert answer["word"].tolist() == [[1, 1, 1], [1, 1, 1]]
    np.testing.assert_allclose(answer["word_probability"], 0.5)
    np.testing.assert_array_equal(answer["level"], [[1], [1]])


@pytest.mark.parametrize("names", [None, "ant", ["a", "a", "b"], ["a", "b"]])
def test_classes_without_names_apart_are_numbers(names):
    output = TensorSpec((), "int32", size=3)
    assert serving.class_names(output, {"classes": names}) == ["0", "1", "2"]


def test_an_interface_that_is_damaged_is_named(tmp_path):
    file = tmp_path / "winner.interface.json"
    with pytest.raises(HarnessError, match="not the interface of a saved model"):
        read_interface(file)
    for content in ("", "{}", "[1]", '{"spec": {}, "examples": {}}'):
        file.write_text(content)
        with pytest.raises(HarnessError, match="not the interface of a saved model"):
            read_interface(file)
