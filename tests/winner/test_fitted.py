"""Which model a path stands for."""

import json
from types import SimpleNamespace

import keras
import pytest

from harness.spec import HarnessError
from harness.winner import fitted
from harness.winner.fitted import Fitted, find


def test_a_path_that_stands_for_no_model_is_one_line(tmp_path):
    with pytest.raises(
        HarnessError, match=r"no folder of a sweep; expected DIR/TASK or DIR/TASK/SPA"
    ):
        find(str(tmp_path / "blobs"))
    (tmp_path / fitted.JOURNAL).write_text("")
    with pytest.raises(HarnessError, match=r"expected a task behind it, .*/TASK or .*/TASK/SPACE"):
        find(str(tmp_path))
    for names in ("blobs", "blobs/cnn"):
        with pytest.raises(HarnessError, match=f"^{tmp_path}: nothing recorded yet"):
            find(str(tmp_path / names))


@pytest.mark.parametrize("cells, said", [
    ({}, "no model of blobs x cnn is kept yet"),
    ({"blobs": [SimpleNamespace(task="blobs", space="cnn")]}, "cnn.assets.json: cannot be read"),
    ({"blobs": [SimpleNamespace(task="blobs", space="mlp")]}, "no model of blobs x cnn is kept"),
])  # fmt: skip
def test_a_model_that_is_not_there_is_one_line(tmp_path, monkeypatch, cells, said):
    (tmp_path / fitted.JOURNAL).write_text("")
    sweep = SimpleNamespace(tasks=("blobs",), spaces=("cnn", "mlp"))
    monkeypatch.setattr(fitted, "read_journal", lambda folder: SimpleNamespace(sweep=sweep))
    monkeypatch.setattr(fitted, "cell_results", lambda record: ())
    monkeypatch.setattr(fitted, "by_task", lambda results: cells)
    monkeypatch.setattr(fitted, "_kept", lambda cell: f"models/{cell.space}.keras")
    monkeypatch.setattr(fitted, "assets_path", lambda model: model.with_suffix(".assets.json"))
    with pytest.raises(HarnessError, match=said):
        find(str(tmp_path / "blobs" / "cnn"))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "cnn.assets.json").write_text(json.dumps({})[:1])
    with pytest.raises(HarnessError, match=said):
        find(str(tmp_path / "blobs" / "cnn"))


def test_a_model_of_another_backend_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", keras.backend.backend())
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    model = Fitted("blobs", "cnn", tmp_path / "a.keras", None, {}, "torch", {})
    with pytest.raises(HarnessError, match="trained on torch, and this process has Keras on jax"):
        model.load()
