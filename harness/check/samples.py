"""A small task of each kind, made in a moment, on which an architecture is tried."""

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness import kinds
from harness.spec import Kind, Task

_WORDS = np.array(
    ["the", "small", "large", "red", "bird", "fish", "sings", "swims", "today", "Paris"]
)
_OPTIONS: Mapping[Kind, Mapping[str, Any]] = {
    "language_modeling": {"tokens": "word", "window": 12},
    "masked_language_modeling": {"vocabulary": 60, "longest": 16},
    "sentence_similarity": {"vocabulary": 60, "longest": 16},
    "text_classification": {"vocabulary": 60, "longest": 16},
    "time_series_forecasting": {"look_back": 16, "horizon": 4},
    "token_classification": {"vocabulary": 60, "longest": 16},
    "translation": {"vocabulary": 80, "longest": 16, "by_bytes": False},
}


def task(kind: Kind) -> Task:
    """A task of a kind, of made-up examples that are the same each time.

    Raises:
        HarnessError: there is no contract of that kind.
    """
    module = kinds.of(kind)
    made: Task = module.task(f"made_up_{kind}", _EXAMPLES[kind], **_OPTIONS.get(kind, {}))
    return made


def _sentences(random: np.random.Generator, count: int) -> list[str]:
    return [" ".join(random.choice(_WORDS, random.integers(3, 9))) for _ in range(count)]


def _images(files: Mapping[str, Path]) -> Any:
    random = np.random.default_rng(0)
    return random.integers(0, 256, (120, 16, 16, 3)).astype("uint8"), np.arange(120) % 3


def _labelled_texts(files: Mapping[str, Path]) -> Any:
    texts = _sentences(np.random.default_rng(0), 120)
    return [(text, ("no", "yes")[number % 2]) for number, text in enumerate(texts)]


def _tagged_words(files: Mapping[str, Path]) -> Any:
    sentences = [text.split() for text in _sentences(np.random.default_rng(0), 120)]
    return [(words, ["B-place" if word.istitle() else "O" for word in words])
            for words in sentences]  # fmt: skip


def _graded_pairs(files: Mapping[str, Path]) -> Any:
    texts = _sentences(np.random.default_rng(0), 121)
    pairs = itertools.pairwise(texts)
    return [(one, other, float(number % 6)) for number, (one, other) in enumerate(pairs)]


def _documents(files: Mapping[str, Path]) -> Any:
    texts = _sentences(np.random.default_rng(0), 400)
    return [texts[start : start + 5] for start in range(0, 400, 5)]


def _text(files: Mapping[str, Path]) -> Any:
    return " ".join(_sentences(np.random.default_rng(0), 400))


def _translations(files: Mapping[str, Path]) -> Any:
    texts = _sentences(np.random.default_rng(0), 120)
    return [(text, " ".join(reversed(text.split()))) for text in texts]


def _table(files: Mapping[str, Path]) -> Any:
    steps = np.arange(400)
    return np.stack([np.sin(steps / 5), np.cos(steps / 7)], axis=1)


def _sequences(files: Mapping[str, Path]) -> Any:
    sequences = np.random.default_rng(0).normal(size=(120, 12, 2)).astype("float32")
    return sequences, sequences[:, :, 0].sum(axis=1)


_EXAMPLES: Mapping[Kind, Callable[[Mapping[str, Path]], Any]] = {
    "image_classification": _images,
    "language_modeling": _text,
    "masked_language_modeling": _documents,
    "sentence_similarity": _graded_pairs,
    "sequence_regression": _sequences,
    "text_classification": _labelled_texts,
    "time_series_forecasting": _table,
    "token_classification": _tagged_words,
    "translation": _translations,
}
"""What `prepare` of each returns, as the constructor of its kind wants it."""
