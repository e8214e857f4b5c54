"""Saved models: those of before modules moved load, and what plain Keras needs to load one."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.models import load_model
from tests.conftest import environment
from tests.tracking.test_serving import TEXTS, text_task
from tests.translators import SOURCE, TARGET

SAVED = Path(__file__).parent / "saved"
"""Models of version 0.1, whose files name modules that are no longer there, and their answers."""
TRANSLATORS = ("attention_seq2seq", "seq2seq", "transformer_seq2seq")


def expected(name):
    with np.load(SAVED / "answers.npz") as answers:
        return answers[name]


@pytest.mark.parametrize("name", TRANSLATORS)
def test_a_translator_saved_before_its_module_moved_answers_as_it_did(name):
    model = load_model(SAVED / f"{name}.keras")
    answer = model.predict_on_batch({"source": SOURCE, "target": TARGET})["next_token"]
    np.testing.assert_allclose(answer, expected(name), atol=1e-5)


def test_a_pretrained_model_saved_before_its_module_moved_answers_as_it_did():
    _, test, _ = text_task(pairs=False)
    model = load_model(SAVED / "bert.keras")
    answer = model.predict_on_batch({**test.x, "positions": np.zeros((len(test), 4), "int32")})
    found = np.concatenate([np.ravel(answer[name]) for name in sorted(answer)])
    np.testing.assert_allclose(found, expected("bert"), atol=1e-5)


@pytest.mark.filterwarnings("ignore:.*Any type hint:UserWarning")  # of MLflow's own classes
def test_a_winner_packed_for_mlflow_before_the_move_answers_as_it_did():
    import mlflow.pyfunc
    import pandas as pd

    served = mlflow.pyfunc.load_model(str(SAVED / "packed"))
    answers = served.predict(pd.DataFrame({"text": TEXTS})).to_dict("records")
    known = json.loads((SAVED / "served.json").read_text())
    assert [answer["label"] for answer in answers] == [answer["label"] for answer in known]
    for answer, before in zip(answers, known, strict=True):
        assert answer["probabilities"] == pytest.approx(before["probabilities"], abs=1e-5)


HOSTILE = """
import json, sys, warnings

import keras
import numpy as np

from harness.models import load_model
from tests.tracking.test_serving import text_task

_, test, _ = text_task(pairs=False)
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    model = load_model(sys.argv[1])
x = {**test.x, "positions": np.zeros((len(test), 4), "int32")}
answer = model.predict(x, batch_size=1, verbose=0)
np.savez(sys.argv[2], **answer)
print([str(one.message) for one in said if "of Keras" in str(one.message)])
"""


def test_settings_of_keras_change_no_answer_of_a_loaded_model(tmp_path):
    """A limit on steps would cut the answers, half precision would change them."""
    (tmp_path / "keras.json").write_text(json.dumps(
        {"floatx": "float16", "epsilon": 0.01, "image_data_format": "channels_first"}))  # fmt: skip
    hostile = {"KERAS_HOME": str(tmp_path), "KERAS_MAX_STEPS_PER_EPOCH": "1"}
    run = subprocess.run([sys.executable, "-c", HOSTILE, SAVED / "bert.keras", tmp_path / "a.npz"],
                         capture_output=True, text=True, env=environment(**hostile))  # fmt: skip
    assert run.returncode == 0, run.stderr
    with np.load(tmp_path / "a.npz") as answer:
        found = np.concatenate([np.ravel(answer[name]) for name in sorted(answer)])
    np.testing.assert_allclose(found, expected("bert"), atol=1e-5)
    assert run.stdout.strip() == (
        "[\"of Keras, floatx 'float16', epsilon 0.01, image_data_format 'channels_first', "
        'max_steps_per_epoch 1 are set back to what models of the harness are trained with"]'
    )


PLAIN = """
import sys
import keras

try:
    keras.models.load_model(sys.argv[1])
    print("without")
except TypeError as error:
    assert "make sure they are all imported" in str(error), error
    import harness.blocks.recurrent_translator

    keras.models.load_model(sys.argv[1])
    print("with")
"""


def test_plain_keras_loads_a_model_once_the_module_of_its_layers_is_imported(tmp_path):
    """Keras imports no module that a file names, in safe mode or without."""
    load_model(SAVED / "seq2seq.keras").save(tmp_path / "new.keras")
    run = subprocess.run([sys.executable, "-c", PLAIN, tmp_path / "new.keras"],
                         capture_output=True, text=True, env=environment())  # fmt: skip
    assert run.stdout.strip() == "with", run.stderr
