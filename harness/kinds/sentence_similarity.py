"""What the sentence similarity tasks share: graded pairs, loss, correlations, word overlap.

The output `similarity` is a number, 0 to 5.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.kinds.text import short_texts
from harness.kinds.text.wordpiece import Pieces
from harness.spec import DataSpec, HarnessError, Prepared, Score, Split, TensorSpec, Training

SIMILARITY = "similarity"
HIGHEST = 5.0


@dataclass(frozen=True)
class Graded:
    """Pairs of sentences and how alike they are, 0 to 5."""

    first: Sequence[str]
    second: Sequence[str]
    similarity: Sequence[float]


def prepared(
    task: str, data: Mapping[str, Graded], vocabulary: Sequence[str], longest: int
) -> Prepared:
    """A sentence similarity task from graded pairs.

    Args:
        task: its name, for the errors.
        data: the splits `train`, `val` and `test`.
        vocabulary: the pieces.
        longest: most pieces of a pair; longer ones are cut.

    Raises:
        HarnessError: an empty split.
    """
    for split, part in data.items():
        if not part.similarity:
            raise HarnessError(f"task {task!r}, {split}: no pairs; expected at least one")
    pieces = Pieces(vocabulary)
    ids = {
        split: short_texts.encoded(pieces, (part.first, part.second))
        for split, part in data.items()
    }
    specs, x = short_texts.inputs(ids, vocabulary, longest)
    splits = {
        split: Split(x[split], {SIMILARITY: np.array(part.similarity, "float32")[:, None]})
        for split, part in data.items()
    }
    return Prepared(
        DataSpec(specs, {SIMILARITY: TensorSpec((1,), "float32")}, kind="sentence_similarity"),
        **splits,
        assets={short_texts.VOCABULARY: list(vocabulary)},
    )


def compile_args(spec: DataSpec, training: Training) -> dict[str, Any]:
    """Mean squared error."""
    import keras

    return {
        "loss": keras.losses.MeanSquaredError(),
        "metrics": [keras.metrics.MeanSquaredError(name="mse")],
    }


def score(model: Any, split: Split, assets: Mapping[str, Any]) -> Score:
    """Correlations with the true similarities, -1 to 1, and the mean squared error.

    Metrics: `spearman`, `pearson` and `mse`. A prediction that is the same for all pairs has no
    correlation: 0 then. Per example: `prediction` and `truth`.
    """
    found = model.predict(dict(split.x), batch_size=256, verbose=0)[SIMILARITY]
    prediction = np.asarray(found, "float64")[:, 0]
    truth = np.asarray(split.y[SIMILARITY], "float64")[:, 0]
    return Score(
        {**correlations(prediction, truth), "mse": float(np.mean((prediction - truth) ** 2))},
        {"prediction": prediction, "truth": truth},
    )


def correlations(prediction: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Spearman's and Pearson's; 0 where one side is constant."""
    from scipy.stats import pearsonr, spearmanr

    if np.ptp(prediction) == 0 or np.ptp(truth) == 0:
        return {"spearman": 0.0, "pearson": 0.0}
    return {
        "spearman": float(spearmanr(prediction, truth).statistic),
        "pearson": float(pearsonr(prediction, truth).statistic),
    }


def baseline(prepared: Prepared) -> dict[str, float]:
    """Test scores of two predictors: `mse` of the training mean, and the correlations of the
    pieces two sentences share: the cosine of their TF-IDF, weighted by the training texts."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    truth = np.asarray(prepared.test.y[SIMILARITY], "float64")[:, 0]
    mean = float(np.mean(np.asarray(prepared.train.y[SIMILARITY], "float64")))
    vectorizer = TfidfVectorizer(token_pattern=r"\S+", lowercase=False)
    vectorizer.fit([text for side in short_texts.as_pairs(prepared.train) for text in side])
    first, second = (vectorizer.transform(side) for side in short_texts.as_pairs(prepared.test))
    cosine = np.asarray(first.multiply(second).sum(axis=1)).ravel()  # of vectors of length 1
    return {"mse": float(np.mean((truth - mean) ** 2)), **correlations(cosine, truth)}
