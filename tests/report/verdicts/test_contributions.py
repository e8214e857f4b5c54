"""What outcomes of examples add up to, against the libraries that score models by it."""

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr
from seqeval.metrics import f1_score as entity_f1
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    f1_score,
    roc_auc_score,
)

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


RANKINGS = {"ROC AUC": roc_auc_score, "average precision": average_precision_score}


@pytest.mark.parametrize("name", RANKINGS)
@pytest.mark.parametrize("share", [0.5, 0.05])
def test_rankings_are_those_of_scikit_learn_and_vary_with_the_examples_as_theirs(name, share):
    random = np.random.default_rng(1)
    truth = (random.random(2000) < share).astype(int)
    margin = np.round(random.normal(size=2000) + 1.5 * truth, 1)  # with ties
    arrays = {"prediction": (margin > 0).astype(int), "truth": truth, "margin": margin}
    (way,) = [way for way in contributions(arrays) if way.what.startswith(name)]
    parts = way.parts(arrays)
    measure = RANKINGS[name]
    assert float(way.measure(parts.mean(axis=0))) == pytest.approx(measure(truth, margin), rel=1e-9)
    drawn = [random.integers(0, 2000, 2000) for _ in range(300)]
    anew = [measure(truth[rows], margin[rows]) for rows in drawn]
    linear = [float(way.measure(parts[rows].mean(axis=0))) for rows in drawn]
    assert np.std(linear) == pytest.approx(np.std(anew), rel=0.1)
    assert np.corrcoef(linear, anew)[0, 1] > 0.98


def test_a_ranking_needs_margins_and_both_classes():
    arrays = {"prediction": np.array([1, 1]), "truth": np.array([1, 1]), "margin": np.ones(2)}
    assert not [way for way in contributions(arrays) if way.what.startswith("ROC")]
