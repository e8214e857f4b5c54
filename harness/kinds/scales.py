"""The scales of the metrics that kinds of tasks have: the ends between which a score can lie."""

import math
from collections.abc import Iterable

ANY = (-math.inf, math.inf)
SHARE, PERCENT, CORRELATION = (0.0, 1.0), (0.0, 100.0), (-1.0, 1.0)
ERROR, PERPLEXITY = (0.0, math.inf), (1.0, math.inf)
SCALES = {
    **dict.fromkeys(("accuracy", "f1", "f1_macro", "f1_tokens", "precision", "recall"), SHARE),
    **dict.fromkeys(("token_accuracy", "exact_match"), SHARE),
    **dict.fromkeys(("bleu", "chrf"), PERCENT),
    **dict.fromkeys(("spearman", "pearson"), CORRELATION),
    **dict.fromkeys(("mse", "mae", "rmse", "loss", "log_loss"), ERROR),
    "perplexity": PERPLEXITY,
}
"""By name of metric."""


def ends(metric: str, scores: Iterable[float]) -> tuple[float, float]:
    """The lowest and the highest value that a score of a metric can have.

    Args:
        metric: its name; of one on a further test split or of a part of a model, such as
            `masked_token_accuracy`, the last words count.
        scores: some that it has. Where they lie elsewhere, a task means another thing by the name,
            and nothing is known of its scale.
    """
    known = [name for name in SCALES if metric == name or metric.endswith(f"_{name}")]
    low, high = SCALES[max(known, key=len)] if known else ANY
    return (low, high) if all(low <= score <= high for score in scores) else ANY
