"""What outcomes of examples add up to, against the libraries that score models by it."""

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr
from seqeval.metrics import f1_score as entity_f1
from sklearn.metrics import balanced_accuracy_score, f1_score

from harness.report.verdicts.contributions import contributions


def measured(arrays, rows=slice(None)):
    """What each way makes of some of the examples, by its name."""
    return {
        way.what: float(way.measure(way.parts(arrays)[rows].mean(axis=0)))
        for way in contributions(arrays)
    }


def test_entities():
    truth = ["O B-person I-person O", "B-place O", "O O", "B-person B-place I-place"]
    said = ["O B-person I-person B-place", "B-person O", "O O", "B-person B-place O"]
    arrays = {"prediction": np.array(said), "truth": np.array(truth)}
    for rows in ([0, 1, 2, 3], [0, 0, 3], [1, 2]):
        expected = entity_f1(
            [truth[row].split() for row in rows], [said[row].split() for row in rows],
            zero_division=0,
        )  # fmt: skip
        found = measured(arrays, rows)["F1 of the entities drawn"]
        assert found == pytest.approx(expected)


def test_sentences_are_no_tags():
    """Seqeval would warn of each word, and a warning is an error here."""
    arrays = {"hypothesis": np.array(["ein Hund", "B-person"]), "reference": np.array(["O B", "Z"])}
    assert "F1 of the entities drawn" not in measured(arrays)
    assert "BLEU of the sentences drawn" in measured(arrays)


def test_classes():
    random = np.random.default_rng(0)
    truth = random.integers(0, 4, 300)
    arrays = {"prediction": np.where(random.random(300) < 0.7, truth, 3 - truth), "truth": truth}
    for rows in (slice(None), random.integers(0, 300, 300), np.flatnonzero(truth < 2)):
        expected = f1_score(truth[rows], arrays["prediction"][rows], average="macro")
        assert measured(arrays, rows)["F1 of the classes drawn"] == pytest.approx(expected)


def test_correlations():
    random = np.random.default_rng(0)
    truth = random.normal(size=200)
    said = np.exp(truth) + random.normal(size=200)
    arrays = {"prediction": said, "truth": truth}
    found = measured(arrays)
    assert found["correlation of ranks"] == pytest.approx(spearmanr(said, truth).statistic)
    assert found["correlation"] == pytest.approx(pearsonr(said, truth).statistic)
    drawn = random.integers(0, 200, 200)
    anew = spearmanr(said[drawn], truth[drawn]).statistic
    assert measured(arrays, drawn)["correlation of ranks"] == pytest.approx(anew, abs=0.01)


def test_a_side_that_is_constant_has_no_correlation():
    found = measured({"prediction": np.ones(9), "truth": np.arange(9.0)})
    assert found["correlation"] == found["correlation of ranks"] == 0


def test_balanced_accuracy():
    random = np.random.default_rng(1)
    truth, said = random.integers(0, 4, 60), random.integers(0, 4, 60)
    arrays = {"prediction": said, "truth": truth}
    for rows in (slice(None), random.integers(0, 60, 60)):
        expected = balanced_accuracy_score(truth[rows], said[rows])
        assert measured(arrays, rows)["recall of the classes drawn"] == pytest.approx(expected)
