"""Sentence similarity: how alike two texts are, as a number.

Inputs
    `tokens`: ids of the vocabulary, int32 of shape (examples, steps), `[CLS] text [SEP] other
    [SEP]`, filled up with 0 at the end; `steps` varies from batch to batch.
    `segments`: int32, as long: 1 where a token belongs to the other text, else 0.
Outputs
    `similarity`: float32 of shape (examples, 1), from 0 to the highest grade there is.
Assets
    `vocabulary`: the tokens, the reserved ones `[PAD] [UNK] [CLS] [SEP] [MASK]` first.
    `encoding`: how texts become ids, see `harness.kinds.text.encoding.Encoding`.
Architectures
    those of the kind `sentence_similarity`: `lstm`, `text_cnn`, `bert_scratch`, and `bert` where
    the task names one in `init_from` to be pretrained on, or a preset (`harness.kinds.presets`).
    They are made of `harness.blocks.text` and `harness.blocks.encoder`.
Loss and metrics
    mean squared error, as loss and as `mse`.
Score
    `spearman`, `pearson`, by the first of which models are compared, and `mse`; per example
    `prediction` and `truth`.
Baseline
    `mse` of the training mean; the words, or characters, that two texts share, or ridge regression
    on what they share.
Exhibit
    none.

Example:
    from harness.kinds import sentence_similarity

    def prepare(files):
        colours = ("red", "blue", "green", "white", "black")
        return [
            (f"a {one} car", f"the {other} car", 5.0 if one == other else 2.5)
            for one in colours
            for other in colours
        ]

    colours = sentence_similarity.task("colours", prepare, tokens="word", highest=5.0)
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.kinds.constructor import cut_splits, gathered, make_task
from harness.kinds.rivals.texts import OVERLAP, similarity_answers
from harness.kinds.text import short_texts
from harness.kinds.text.encoding import ENCODING, SEGMENTS, TOKENS, VOCABULARY, encode
from harness.kinds.text.tokenizer import Tokens
from harness.kinds.text.vocabulary import Vocabulary, check_options
from harness.spec import (
    DataSpec,
    HarnessError,
    Kind,
    Objective,
    Prepared,
    Score,
    Split,
    Task,
    TensorSpec,
    Training,
)

__all__ = [
    "ENCODING",
    "KIND",
    "SEGMENTS",
    "SIMILARITY",
    "TOKENS",
    "VOCABULARY",
    "baseline",
    "compile_args",
    "correlations",
    "decode",
    "encode",
    "score",
    "task",
]

KIND: Kind = "sentence_similarity"
SIMILARITY = "similarity"
"""The output."""
EXPECTED = "(text, other text, grade)"


def task(
    name: str,
    prepare: Callable[[Mapping[str, Path]], Any],
    *,
    tokens: Tokens = "subword",
    vocabulary: Vocabulary = 8000,
    longest: int = 128,
    lower_case: bool = False,
    highest: float = 5.0,
    **parts: Any,
) -> Task:
    """A task from graded pairs of texts.

    Args:
        name: of the task.
        prepare: receives the path of each source file by name, and returns a list of
            `(text, other text, grade)` by split, or for training alone; `val` and `test` are cut
            off training where they are missing, a tenth for each.
        tokens: what texts are cut into: `subword` (WordPiece), `word` or `character`.
        vocabulary: about how many tokens to learn on the training texts; or the tokens; or a
            function that returns them, given the path of each source by name.
        longest: most tokens of a pair, the reserved ones included; longer ones are cut.
        lower_case: whether capital letters are read as small ones.
        highest: the highest grade there is; the lowest is 0.
        parts: fields of `harness.Task` that replace the defaults.

    Raises:
        HarnessError: an option or a part that there is not. `Task.prepare` raises it for examples
            that are not as above, named by split and by row, counted from 0.
    """
    check_options(name, tokens, vocabulary, longest)
    defaults = {
        "objective": Objective("mse", "min"),
        "measure": Objective("spearman", "max"),
        "compile_args": compile_args,
        "score": score,
        "baseline": baseline,
        "batch_sizes": (16, 32),
    }
    options = {
        "tokens": tokens,
        "vocabulary": vocabulary,
        "longest": longest,
        "lower_case": lower_case,
        "highest": highest,
    }
    return make_task(KIND, name, prepare, _prepare, options, defaults, parts)


def _prepare(
    files: Mapping[str, Path],
    task: str,
    prepare: Callable[[Mapping[str, Path]], Any],
    highest: float,
    **reading: Any,
) -> Prepared:
    def read(where: str, examples: Any) -> list[tuple[Any, ...]]:
        found = short_texts.rows(where, examples, (3,), EXPECTED)
        short_texts.check_texts(where, found, pairs=True)
        return [
            (text, other, _grade(f"{where}, row {number}", grade, highest))
            for number, (text, other, grade) in enumerate(found)
        ]

    data = cut_splits(task, prepare(files), f"a list of {EXPECTED}", read=read)
    texts = {split: short_texts.texts_of(found, pairs=True) for split, found in data.items()}
    grades = {split: [row[2] for row in found] for split, found in data.items()}
    specs, x, assets = short_texts.inputs(task, files, texts, kind=KIND, **reading)
    parts = {
        split: Split(x[split], {SIMILARITY: np.array(values, "float32")[:, None]})
        for split, values in grades.items()
    }
    return gathered(
        DataSpec(specs, {SIMILARITY: TensorSpec((1,), "float32")}, KIND),
        parts,
        assets,
    )


def _grade(where: str, value: Any, highest: float) -> float:
    """A grade as a number; a text is read as one."""
    try:
        grade = float(value)
    except (TypeError, ValueError):
        grade = math.nan
    if not 0 <= grade <= highest:
        raise HarnessError(f"{where}: grade {value!r:.40}; expected a number from 0 to {highest:g}")
    return grade


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
    truth = np.asarray(split.y[SIMILARITY], "float64")[:, 0]
    return scored(np.asarray(found, "float64")[:, 0], truth)


def scored(prediction: np.ndarray, truth: np.ndarray) -> Score:
    """What `score` says of any answers, shapes (examples,)."""
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


def baseline(prepared: Prepared) -> dict[str, float | Score]:
    """Test scores: `mse` of the training mean, which has no correlation; and of what two texts
    share, see `harness.kinds.rivals.texts`."""
    truth = np.asarray(prepared.test.y[SIMILARITY], "float64")[:, 0]
    mean = float(np.mean(np.asarray(prepared.train.y[SIMILARITY], "float64")))
    name, answer = similarity_answers(prepared, SIMILARITY)
    rival = scored(answer, truth)
    if name != OVERLAP:  # on no scale of grades
        rival = Score({n: v for n, v in rival.metrics.items() if n != "mse"}, rival.per_example)
    return {"mse": float(np.mean((truth - mean) ** 2)), name: rival}


def decode(outputs: Mapping[str, Any], spec: DataSpec, assets: Mapping[str, Any]) -> list[float]:
    """The similarity of each pair, as a model says; it may lie beyond the grades there are."""
    return [float(value) for value in np.asarray(outputs[SIMILARITY], "float64")[:, 0]]
