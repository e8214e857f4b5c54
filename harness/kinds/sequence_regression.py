"""What every sequence regression task shares: loss, scores and the trivial predictor."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.spec import DataSpec, Kind, Prepared, Score, Split, Training

KIND: Kind = "sequence_regression"
SEQUENCE, VALUE = "sequence", "value"


def compile_args(spec: DataSpec, training: Training) -> dict[str, Any]:
    """Mean squared error, as loss and as metric."""
    import keras

    metrics = [keras.metrics.MeanSquaredError(name="mse")]
    return {"loss": keras.losses.MeanSquaredError(), "metrics": metrics}


def score(model: Any, split: Split, assets: Mapping[str, Any]) -> Score:
    """Mean squared error of a fitted model, and the share of sequences it has `solved`.

    Per example: `squared_error`, float32 of shape (examples,).
    """
    answer = np.asarray(model.predict(dict(split.x), batch_size=256, verbose=0)[VALUE], "float64")
    return _score(answer, split, assets)


def baseline(prepared: Prepared) -> dict[str, float]:
    """Test scores of always answering the mean of the training targets."""
    mean = np.asarray(prepared.train.y[VALUE], "float64").mean()
    answer = np.full((len(prepared.test), 1), mean)
    return dict(_score(answer, prepared.test, prepared.assets).metrics)


def _score(answer: np.ndarray, split: Split, assets: Mapping[str, Any]) -> Score:
    truth = np.asarray(split.y[VALUE], "float64")
    if answer.shape != truth.shape:  # NumPy would stretch one to fit the other
        raise ValueError(f"expected answers of shape {truth.shape}, found {answer.shape}")
    error = np.abs(answer - truth)[:, 0]
    return Score(
        metrics={
            "mse": float(np.square(error).mean()),
            "solved": float((error < assets["tolerance"]).mean()),
        },
        per_example={"squared_error": np.square(error).astype("float32")},
    )
