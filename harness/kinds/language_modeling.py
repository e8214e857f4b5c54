r"""Language modeling: predict the next token of running text, judged by perplexity.

Inputs
    `tokens`: int32 ids of shape (window,), of words, characters or pieces of words.
Outputs
    `next_token`: the same stream one token later, shape (window,). Models give logits (examples,
    window, vocabulary), of which those at a step depend on that step and earlier ones only.
Assets
    `vocabulary`: the token of each id, by falling frequency in training.
    `spelling`: how tokens become text: `words`, joined by spaces; `characters`; `pieces`, where
    `##` continues a word.
    `unknown`, `unknown_shares`: the id that stands for tokens which the vocabulary lacks, and how
    much of each split is such, if there are any.
Architectures
    those of the kind `language_modeling`: `simple_rnn`, `gru`, `lstm`, `tcn`, `transformer`, by
    `harness.blocks.sequence`. Where a model has the layers `FEATURES` and `MATRIX`, training on a
    large vocabulary computes a part of the logits only.
Loss and metrics
    cross-entropy of logits; `perplexity`, per token.
Score
    exact `perplexity` and `log_loss` in nats a token, over every token of the text; the
    `unknown_share` of it. Per stretch of a window `nll`. Perplexities of different vocabularies are
    not comparable: fewer tokens, or more unknown ones, are easier.
Baselines
    word frequencies; as a rival Kneser-Ney n-grams, as long as is best.
Exhibit
    how the model goes on from three places of the test text.

Example:
    from harness.kinds import language_modeling

    def prepare(files):
        from pydoc_data.topics import topics

        return "\\n".join(topics[name] for name in sorted(topics))

    manual = language_modeling.task("manual", prepare, tokens="character", window=128)
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.kinds.constructor import cut_splits, gathered, make_task
from harness.kinds.fitting.language_models import (
    FEATURES,
    MATRIX,
    NEXT_TOKEN,
    TOKENS,
    UNKNOWN,
    baseline,
    compile_args,
    exhibit,
    sampled_softmax,
    score,
)
from harness.kinds.fitting.windows import adjoining_windows, shifted
from harness.kinds.text import streams
from harness.kinds.text.streams import ENDS, SPELLINGS, UNKNOWNS, Tokens, Vocabulary
from harness.spec import (
    DataSpec,
    HarnessError,
    Kind,
    Objective,
    Prepared,
    Split,
    Task,
    TensorSpec,
    Windows,
)

__all__ = [
    "FEATURES",
    "KIND",
    "MATRIX",
    "NEXT_TOKEN",
    "SPELLING",
    "TOKENS",
    "UNKNOWN",
    "VOCABULARY",
    "baseline",
    "compile_args",
    "decode",
    "encode",
    "exhibit",
    "prepared",
    "sampled_softmax",
    "score",
    "task",
]

KIND: Kind = "language_modeling"
VOCABULARY = "vocabulary"
"""The asset: the token of each id."""
SPELLING = "spelling"
"""The asset: how tokens become text."""
EXPECTED = "a text, or a list of texts or words"
LIKELIEST = 5
"""Next tokens that an answer names."""


def task(
    name: str,
    prepare: Callable[[Mapping[str, Path]], Any],
    *,
    tokens: Tokens = "word",
    vocabulary: Vocabulary | None = None,
    window: int = 64,
    validation_windows: int | None = None,
    **parts: Any,
) -> Task:
    """A task from a text.

    Args:
        name: of the task.
        prepare: receives the path of each source file by name, and returns a text by split, or of
            training alone; the last tenth is the test split and the one before it validation,
            where they are missing. A text is one `str`, or a list of texts, or of words.
        tokens: what is predicted. `word`: what stands between spaces, and `<eos>` at the end of a
            line. `character`: each as it is. `subword`: WordPiece, learned on the training text.
        vocabulary: the most tokens, learned on the training text (words and characters that occur
            there twice, pieces ten times); a list of them, or a function of the files that returns
            one; `all` of all splits, for texts whose rare words are replaced already.
        window: tokens that a model sees at once.
        validation_windows: windows that validation is done on, evenly spread over the text; all
            of them if absent.
        parts: fields of `harness.Task` that replace the defaults.

    Raises:
        HarnessError: a part or a choice of `tokens` that there is not. `Task.prepare` raises it
            for texts shorter than a window, and for those that are mostly unknown.
    """
    streams.check_choices(name, tokens, vocabulary)
    defaults = {
        "objective": Objective("perplexity", "min"),
        "compile_args": compile_args,
        "score": score,
        "baseline": baseline,
        "exhibit": exhibit,
        "training_model": sampled_softmax,
        "batch_sizes": (32, 64),
        "learning_rate": 2e-3,
    }
    options = {
        "tokens": tokens,
        "vocabulary": vocabulary,
        "window": window,
        "validation_windows": validation_windows,
    }
    return make_task(KIND, name, prepare, _prepare, options, defaults, parts)


def _prepare(
    files: Mapping[str, Path],
    task: str,
    prepare: Callable[[Mapping[str, Path]], Any],
    tokens: Tokens,
    vocabulary: Vocabulary | None,
    window: int,
    validation_windows: int | None,
) -> Prepared:
    texts = cut_splits(task, prepare(files), EXPECTED, read=streams.with_words, in_order=True)
    if callable(vocabulary):
        vocabulary = vocabulary(files)
    found = streams.streams(task, texts, tokens, vocabulary)
    data = prepared(task, found, window, SPELLINGS[tokens], validation_windows)
    unknown = UNKNOWNS[SPELLINGS[tokens]]
    if vocabulary == "all" or unknown not in data.assets[VOCABULARY]:
        return data
    said = {
        UNKNOWN: data.assets[VOCABULARY].index(unknown),
        "unknown_shares": streams.unknown_shares(found, SPELLINGS[tokens]),
    }
    return replace(data, assets={**data.assets, **said})


def prepared(
    task: str,
    texts: Mapping[str, Sequence[str]],
    window: int,
    spelling: str,
    validation_windows: int | None = None,
) -> Prepared:
    """The data of a task, from the tokens of its splits.

    Each text is read as one stream behind one end, so that its first token is predicted, too.
    Windows adjoin: window i + 1 begins where window i ended, as a state carried over would need
    it. What is left of a text when no whole window fits is not trained on.

    Args:
        task: its name, for the errors.
        texts: tokens of `train`, `val`, `test` and further splits, in order; ids go to all
            tokens of all of them.
        window: tokens that a model sees at once.
        spelling: `words`, `characters` or `pieces`.
        validation_windows: as of `task`.

    Raises:
        HarnessError: a text is empty, or shorter than one window.
    """
    end = ENDS[spelling]
    for split, text in texts.items():
        if not text:
            raise HarnessError(f"task {task!r}, {split}: an empty text, of 0 tokens")
    vocabulary = _by_frequency(texts, end)
    ids = {token: number for number, token in enumerate(vocabulary)}
    splits = {
        split: _split(
            task, split, np.array([ids[token] for token in [end, *text]], "int32"), window
        )
        for split, text in texts.items()
    }
    if validation_windows is not None:
        splits["val"] = _spread(splits["val"], validation_windows)
    tensor = TensorSpec((window,), "int32", size=len(vocabulary))
    return gathered(
        DataSpec({TOKENS: tensor}, {NEXT_TOKEN: tensor}, kind=KIND),
        splits,
        {VOCABULARY: vocabulary, SPELLING: spelling},
    )


def _by_frequency(texts: Mapping[str, Sequence[str]], end: str) -> list[str]:
    """Every token: those of training by falling frequency, then those it does not have."""
    counts = Counter(texts["train"])
    others = {end}.union(*texts.values()) - counts.keys()
    return [*sorted(counts, key=lambda token: (-counts[token], token)), *sorted(others)]


def _split(task: str, split: str, stream: np.ndarray, window: int) -> Split:
    windows = adjoining_windows(task, split, stream, window, ahead=1)
    return Split({TOKENS: windows}, {NEXT_TOKEN: shifted(windows, 1)})


def _spread(split: Split, count: int) -> Split:
    chosen = np.unique(np.linspace(0, len(split) - 1, count).astype("int64"))
    (x,), (y,) = split.x.values(), split.y.values()
    assert isinstance(x, Windows)
    assert isinstance(y, Windows)
    return Split({TOKENS: x.take(chosen)}, {NEXT_TOKEN: y.take(chosen)})


# --- answers --------------------------------------------------------------------


def encode(raw: Any, spec: DataSpec, assets: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The beginnings of texts as the model's input.

    Args:
        raw: texts to go on with; of long ones the last tokens are read.
        spec: of the task.
        assets: of the task.

    Returns:
        `tokens`, shape (texts, window): what is asked about is what follows the last step. Short
        texts stand behind ends.

    Raises:
        HarnessError: a text that the vocabulary cannot spell.
    """
    (window,) = spec.inputs[TOKENS].shape
    assert window is not None
    end = assets[VOCABULARY].index(ENDS[assets[SPELLING]])
    rows = np.full((len(raw), window), end, "int32")
    for number, text in enumerate(raw):
        (text,) = streams.checked(f"input {number}", [text])
        ids = streams.read(f"input {number}", text, assets)[-window:]
        rows[number, window - len(ids) :] = ids
    return {TOKENS: rows}


def decode(
    outputs: Mapping[str, Any], spec: DataSpec, assets: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """What follows each text: the likeliest token as `next_token`, its `probability`, those of the
    five likeliest as `probabilities`."""
    from scipy.special import softmax

    rows = softmax(np.asarray(outputs[NEXT_TOKEN], "float64")[:, -1], axis=-1)
    answers = []
    for row in rows:
        best = np.argsort(-row, kind="stable")[:LIKELIEST]
        likeliest = {assets[VOCABULARY][number]: float(row[number]) for number in best}
        token = next(iter(likeliest))
        answers.append(
            {"next_token": token, "probability": likeliest[token], "probabilities": likeliest}
        )
    return answers
