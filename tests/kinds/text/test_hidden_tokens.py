"""What is shown of a model that fills gaps in sentences."""

from types import SimpleNamespace

import numpy as np
import pytest

from harness.kinds.masked_language_modeling import MASKED_TOKEN, POSITIONS, TOKENS, VOCABULARY
from harness.kinds.text import hidden_tokens
from harness.spec import Score
from tests.own.made import made, prepared, write


def test_a_gap_its_truth_and_what_the_model_would_put_there(tmp_path):
    write(tmp_path / "a.txt", "one line here\nand another one\n\n" * 40)
    kind = 'kind = "masked_language_modeling"\nfiles = "a.txt"\n'
    data = prepared(made(tmp_path, kind + "longest = 32\nvocabulary = 60\n"))
    vocabulary = data.assets[VOCABULARY]
    likeliest, second = vocabulary.index("line"), vocabulary.index("another")
    asked = []

    def predict(x):
        asked.append(x)
        logits = np.full((*x[POSITIONS].shape, len(vocabulary)), -30.0)
        logits[..., likeliest], logits[..., second] = np.log(3), 0.0
        return {MASKED_TOKEN: logits}

    before = {name: array.copy() for name, array in data.test.x.items()}
    shown = hidden_tokens.exhibit(SimpleNamespace(predict_on_batch=predict), data, Score({}))
    (x,) = asked
    gaps = [(row == hidden_tokens.MASK).sum() for row in x[TOKENS]]
    assert gaps == [1] * len(shown["fill_mask"])
    assert all(np.array_equal(before[name], data.test.x[name]) for name in before)
    for one in shown["fill_mask"]:
        assert one["truth"] in vocabulary
        assert one["text"].count("[MASK]") == 1
        found = [(guess["piece"], guess["probability"]) for guess in one["guesses"][:2]]
        assert found == [("line", pytest.approx(0.75)), ("another", pytest.approx(0.25))]
