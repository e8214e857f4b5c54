"""Models that were saved before the kinds had encodings still load, and answer as they did."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from harness.models import ASSUMED, read_interface
from harness.tracking import serving
from tests.tracking.test_serving import TEXTS

SAVED = Path(__file__).parents[1] / "saved"


@pytest.fixture
def served(tmp_path):
    """The model that was saved, loaded as MLflow does."""
    import mlflow.pyfunc

    # MLflow writes beside what it loads.
    return mlflow.pyfunc.load_model(str(shutil.copytree(SAVED / "packed", tmp_path / "packed")))


def test_a_packed_text_classifier_answers_as_it_did(served):
    import pandas as pd

    answers = served.predict(pd.DataFrame({"text": TEXTS})).to_dict("records")
    expected = json.loads((SAVED / "served.json").read_text("utf-8"))
    assert [answer["label"] for answer in answers] == [answer["label"] for answer in expected]
    for answer, was in zip(answers, expected, strict=True):
        assert answer["probabilities"] == pytest.approx(was["probabilities"], abs=1e-6)
        assert answer["probability"] == pytest.approx(was["probability"], abs=1e-6)


def test_wordpiece_is_assumed_of_what_was_saved_before_alone():
    """A task of one's own that does not say how its texts are cut is not guessed at."""
    folder = SAVED / "packed" / "data" / "winner"
    interface = read_interface(folder / serving.INTERFACE)
    assets = json.loads((folder / serving.ASSETS).read_text("utf-8"))
    assert interface.format == ASSUMED
    assert serving.text_columns(interface, assets) == ("text",)
    now = serving.Interface(interface.spec, interface.examples)
    assert serving.text_columns(now, assets) == ()
    pairs = {**interface.examples, "segments": np.ones_like(interface.examples["segments"])}
    before = serving.Interface(interface.spec, pairs, ASSUMED)
    assert serving.text_columns(before, assets) == ("text", "text_pair")
