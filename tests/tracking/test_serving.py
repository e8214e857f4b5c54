"""Winners as MLflow serves them: packed, loaded in MLflow's own scoring server, and asked."""

import contextlib
import json
import socket
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import keras
import keras_tuner
import numpy as np
import pytest

from harness import registry
from harness.journal.folder import assets_path, interface_path
from harness.kinds import text_classification
from harness.kinds.classification import class_names
from harness.kinds.text import encoding as encodings
from harness.kinds.text.tokenizer import RESERVED
from harness.models import ASSUMED, keep_interface, read_interface
from harness.spec import DataSpec, HarnessError, Split, TensorSpec, Training
from harness.tracking import serving
from harness.tracking.model_registry.pyfunc import pack

WORDS = ["good", "bad", "film", "##s", "##ing", "a", "the", "was", ".", ",", "not", "中"]
VOCABULARY = [*RESERVED, *WORDS]
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
    columns = ("text", "text_pair") if pairs else ("text",)
    encoding = encodings.Encoding("subword", LONGEST, columns)
    assets = {"vocabulary": VOCABULARY, "classes": ["poor", "fine"], "encoding": encoding.asset()}
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
    raw = [*zip(TEXTS, OTHERS, strict=True)] if pairs else TEXTS
    return spec, Split(encodings.encode(raw, spec, assets), {}), assets


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
    deadline = time.monotonic() + 300
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
        with urllib.request.urlopen(call, timeout=300) as answer:
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


def spelled(count, seed):
    """Words of letters of one half of the alphabet, and which half that is."""
    random = np.random.default_rng(seed)
    halves = {"first": "abcdefghijklm", "second": "nopqrstuvwxyz"}
    return [
        ("".join(random.choice(list(halves[half]), random.integers(3, 9))), half)
        for half in random.choice(list(halves), count)
    ]


def test_a_classifier_of_characters_reads_characters(tmp_path):
    """Of the whole of them, not of pieces of words: every text was one unknown word, once."""
    import mlflow.pyfunc
    import pandas as pd

    asked = spelled(60, seed=1)
    data = {"train": spelled(300, seed=0), "val": asked, "test": asked}
    task = text_classification.task(
        "halves", lambda files: data, tokens="character", vocabulary=40, longest=12
    )
    prepared = task.prepare({})
    keras.utils.set_random_seed(0)
    model = built("text_cnn", prepared.spec)
    model.compile("adam", jit_compile=False, **task.compile_args(prepared.spec, Training()))
    model.fit(dict(prepared.train.x), dict(prepared.train.y), batch_size=16, epochs=5, verbose=0)
    folder = packed(tmp_path, model, prepared.spec, prepared.test, prepared.assets)
    served = mlflow.pyfunc.load_model(str(folder))
    frame = pd.DataFrame({"text": [text for text, _ in asked]})
    assert served.predict(frame)["label"].tolist() == [half for _, half in asked]
    example = json.loads((folder / "serving_input_example.json").read_text())
    assert example["dataframe_split"]["data"] == [[text] for text, _ in asked[:2]]


def test_a_task_that_does_not_say_how_it_reads_texts_takes_tensors(tmp_path):
    spec, test, assets = text_task(False)
    del assets["encoding"]
    folder = packed(tmp_path, built("text_cnn", spec), spec, test, assets)
    example = json.loads((folder / "serving_input_example.json").read_text())
    assert set(example["inputs"]) == {"tokens", "segments"}


def test_wordpiece_is_assumed_of_what_was_saved_before_alone():
    """A task of one's own that does not say how its texts are cut is not guessed at."""
    folder = Path(__file__).parents[1] / "saved" / "packed" / "data" / "winner"
    interface = read_interface(folder / serving.INTERFACE)
    assets = json.loads((folder / serving.ASSETS).read_text("utf-8"))
    assert interface.format == ASSUMED
    assert serving.text_columns(interface, assets) == ("text",)
    now = serving.Interface(interface.spec, interface.examples)
    assert serving.text_columns(now, assets) == ()
    pairs = {**interface.examples, "segments": np.ones_like(interface.examples["segments"])}
    before = serving.Interface(interface.spec, pairs, ASSUMED)
    assert serving.text_columns(before, assets) == ("text", "text_pair")


def tagging_task():
    """Of a model saved before there was an encoding, which takes tensors."""
    spec, test, assets = text_task(False)
    tags = TensorSpec((None,), "int32", size=4, longest=LONGEST, aligned="tokens")
    spec = DataSpec(spec.inputs, {"tags": tags}, "token_classification")
    return spec, test, {"vocabulary": assets["vocabulary"], "tags": ["O", "B-LOC", "I-LOC"]}


def test_tokens_are_tagged_and_an_unknown_one_is_refused(tmp_path):
    spec, test, assets = tagging_task()
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


def test_words_are_tagged(tmp_path):
    spec, test, assets = tagging_task()
    encoding = encodings.Encoding("subword", LONGEST, ("text",), longest_word=2)
    assets |= {"encoding": encoding.asset()}
    model = built("bert_scratch", spec)
    folder = packed(tmp_path, model, spec, test, assets)
    with server(folder) as ask:
        texts = ["the filmsings was good", "bad", ""]
        answer = ask({"dataframe_split": {"columns": ["text"], "data": [[t] for t in texts]}})
        assert [row["words"] for row in answer] == [text.split() for text in texts]
        x = encodings.encode(texts, spec, assets)
        logits = np.asarray(model.predict(x, verbose=0)["tags"])[0, :, 1:]
        # [CLS] the film ##s was good [SEP]: ##ing is the third piece of its word.
        expected = logits[[1, 2, 4, 5]].argmax(axis=-1)
        assert answer[0]["tags"] == [assets["tags"][number] for number in expected]
        assert answer[2] == {"words": [], "tags": [], "probabilities": []}


def test_similarity_is_a_number(tmp_path):
    spec, test, assets = text_task(True)
    spec = DataSpec(spec.inputs, {"similarity": TensorSpec((1,), "float32")}, "sentence_similarity")
    model = built("text_cnn", spec)
    folder = packed(tmp_path, model, spec, test, assets)
    with server(folder) as ask:
        data = [list(row) for row in zip(TEXTS, OTHERS, strict=True)]
        answer = ask({"dataframe_split": {"columns": ["text", "text_pair"], "data": data}})
        expected = np.asarray(model.predict(dict(test.x), verbose=0)["similarity"])
        np.testing.assert_allclose(answer["similarity"], expected, atol=1e-5)
        status, message = ask(
            {"dataframe_split": {"columns": ["text", "text_pair"], "data": [["a", None]]}}
        )
        assert status == 400
        assert "None" in message


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
    assert class_names(output, {"classes": names}) == ["0", "1", "2"]


def test_an_interface_that_is_damaged_is_named(tmp_path):
    file = tmp_path / "winner.interface.json"
    with pytest.raises(HarnessError, match="not the interface of a saved model"):
        read_interface(file)
    for content in ("", "{}", "[1]", '{"spec": {}, "examples": {}}'):
        file.write_text(content)
        with pytest.raises(HarnessError, match="not the interface of a saved model"):
            read_interface(file)
