"""Tags of words: how they are fitted, scored and shown.

The output `tags` is as long as `tokens`: 0 where nothing is judged (padding, reserved ids, tokens
that go on a word), else the number of the tag in the asset `tags` plus 1. The first tag is `O`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from harness.kinds.files.text_files import OUTSIDE
from harness.kinds.rivals import tagging
from harness.kinds.text import encoding as encodings
from harness.kinds.text.encoding import TOKENS, VOCABULARY
from harness.kinds.text.tokenizer import PADDING
from harness.spec import DataSpec, Prepared, Score, Split, Training

TAGS = "tags"
"""The output, and the asset that has their names."""
SHOWN = 6
"""Sentences of an exhibit."""


# --- training and scoring ---------------------------------------------------------


def compile_args(spec: DataSpec, training: Training) -> dict[str, Any]:
    """Cross-entropy of the words' tags; F1 of those that are not `O`."""
    from harness.kinds.fitting.losses import TokenCrossentropy
    from harness.kinds.fitting.tag_f1 import TagF1

    return {"loss": TokenCrossentropy(training.label_smoothing, 0), "metrics": [TagF1()]}


def score(model: Any, split: Split, assets: Mapping[str, Any]) -> Score:
    """What seqeval says of the words' tags.

    Metrics: `f1`, `precision` and `recall` of whole entities; `f1_tokens` of the tags but `O`,
    `token_accuracy` of all. Per example: `prediction` and `truth`, the tags of the words between
    spaces.
    """
    logits = np.asarray(model.predict(dict(split.x), batch_size=256, verbose=0)[TAGS])
    predicted = logits[..., 1:].argmax(axis=-1) + 1
    truth = np.asarray(split.y[TAGS])
    return scored(written(truth, truth, assets), written(predicted, truth, assets))


def written(ids: np.ndarray, truth: np.ndarray, assets: Mapping[str, Any]) -> list[list[str]]:
    """The tags of the words of each sentence.

    Args:
        ids: of tags, shape (examples, steps).
        truth: where words begin: above 0, of the same shape.
        assets: of the task.
    """
    tags = assets[TAGS]
    return [
        [tags[number - 1] for number in row[judged]]
        for row, judged in zip(ids, truth > 0, strict=True)
    ]


def scored(truth: list[list[str]], prediction: list[list[str]]) -> Score:
    """What `score` says of tags that are written out."""
    from seqeval.metrics import f1_score, precision_score, recall_score

    pairs = [
        pair for sides in zip(truth, prediction, strict=True) for pair in zip(*sides, strict=True)
    ]
    right = sum(a == b != OUTSIDE for a, b in pairs)
    marked = sum((a != OUTSIDE) + (b != OUTSIDE) for a, b in pairs)
    measures = {"f1": f1_score, "precision": precision_score, "recall": recall_score}
    return Score(
        {
            **{n: float(f(truth, prediction, zero_division=0)) for n, f in measures.items()},
            "f1_tokens": 2 * right / max(marked, 1),
            "token_accuracy": sum(a == b for a, b in pairs) / max(len(pairs), 1),
        },
        {
            "prediction": np.array([" ".join(tags) for tags in prediction], dtype=np.str_),
            "truth": np.array([" ".join(tags) for tags in truth], dtype=np.str_),
        },
    )


def baseline(prepared: Prepared) -> dict[str, float | Score]:
    """Test scores of each word's commonest tag in training, `O` for words it never saw; and of a
    linear classifier on how words look, see `harness.kinds.rivals.tagging`."""
    counts: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
    for words, tags in _words(prepared.train):
        for word, tag in zip(words, tags, strict=True):
            counts[word][tag] += 1
    commonest = {word: count.most_common(1)[0][0] for word, count in counts.items()}
    names = prepared.assets[TAGS]
    truth, prediction = [], []
    for words, tags in _words(prepared.test):
        truth.append([names[tag - 1] for tag in tags])
        prediction.append([names[commonest.get(word, 1) - 1] for word in words])
    return {**scored(truth, prediction).metrics, **_linear(prepared)}


def _linear(prepared: Prepared) -> dict[str, Score]:
    names = prepared.assets[TAGS]
    cut = encodings.of(prepared.spec, prepared.assets).tokenizer(prepared.assets[VOCABULARY])
    words: dict[str, list[list[str]]] = {}
    truth: dict[str, list[list[int]]] = {}
    for split, part in (
        ("train", prepared.train), ("val", prepared.val), ("test", prepared.test)
    ):  # fmt: skip
        sentences = list(_words(part))
        words[split] = [[cut.decode(word) for word in found] for found, _ in sentences]
        truth[split] = [[tag - 1 for tag in tags] for _, tags in sentences]
    if len({tag for tags in truth["train"] for tag in tags}) < 2:
        return {}

    def spelled(tags: list[list[int]]) -> list[list[str]]:
        return [[names[tag] for tag in own] for own in tags]

    def goodness(tags: list[list[int]]) -> float:
        return scored(spelled(truth["val"]), spelled(tags)).metrics["f1"]

    found = tagging.tagged(words, truth["train"], names, goodness)
    return {"linear_classifier_on_words": scored(spelled(truth["test"]), spelled(found))}


def _words(split: Split) -> Iterator[tuple[list[tuple[int, ...]], list[int]]]:
    """The words of each sentence, as pieces, and the ids of their tags."""
    for ids, tags in zip(np.asarray(split.x[TOKENS]), np.asarray(split.y[TAGS]), strict=True):
        end = int((ids != PADDING).sum()) - 1  # where [SEP] is
        starts = np.flatnonzero(tags)
        parts = np.split(ids[:end], starts)[1:]
        yield [tuple(part.tolist()) for part in parts], tags[starts].tolist()


# --- looking ----------------------------------------------------------------------


def exhibit(model: Any, prepared: Prepared, score: Score) -> dict[str, Any]:
    """Test sentences whose entities were not all found, or were not there."""
    cut = encodings.of(prepared.spec, prepared.assets).tokenizer(prepared.assets[VOCABULARY])
    sides = (score.per_example["truth"], score.per_example["prediction"])
    wrong = np.flatnonzero(sides[0] != sides[1])
    spread = np.linspace(0, len(wrong) - 1, min(SHOWN, len(wrong))).astype("int64")
    sentences = list(_words(prepared.test))
    shown = []
    for number in wrong[spread]:
        words = [cut.decode(word) for word in sentences[number][0]]
        truth, prediction = (_entities(words, str(side[number]).split(" ")) for side in sides)
        shown.append({"text": " ".join(words), "truth": truth, "prediction": prediction})
    return {"entities": shown}


def _entities(words: Sequence[str], tags: Sequence[str]) -> list[str]:
    """Entities with their types, such as `Paris (LOC)`."""
    from seqeval.metrics.sequence_labeling import get_entities

    return [
        f"{' '.join(words[first : last + 1])} ({kind})"
        for kind, first, last in get_entities(list(tags))
    ]


# --- asking -----------------------------------------------------------------------


def decode(
    outputs: Mapping[str, Any], spec: DataSpec, assets: Mapping[str, Any], raw: Any = None
) -> list[dict[str, Any]]:
    """What a model says of each sentence.

    Args:
        outputs: logits by name.
        spec: of the task.
        assets: of the task.
        raw: the sentences that were asked about, see `encode`.

    Returns:
        Of each sentence its `words`, the `tags` and the `probabilities` of the words that were
        read; without `raw`, tags and probabilities of each step, and no words.
    """
    from scipy.special import softmax

    probabilities = softmax(np.asarray(outputs[TAGS], "float64")[..., 1:], axis=-1)
    names = assets[TAGS]

    def answer(rows: np.ndarray) -> dict[str, Any]:
        return {
            "tags": [names[number] for number in rows.argmax(axis=-1)],
            "probabilities": rows.max(axis=-1).tolist(),
        }

    if raw is None:
        return [answer(rows) for rows in probabilities]
    return [
        {"words": words, **answer(rows[places])}
        for rows, (words, places) in zip(probabilities, _places(raw, spec, assets), strict=True)
    ]


def _places(
    raw: Any, spec: DataSpec, assets: Mapping[str, Any]
) -> Iterator[tuple[list[str], np.ndarray]]:
    """Of each sentence the words that were read, and where the first token of each stands."""
    encoding = encodings.of(spec, assets)
    sentences = encodings.sentences(raw)
    tokenizer = encoding.tokenizer(assets[VOCABULARY])
    ids = encodings.word_ids(tokenizer, sentences, encoding.longest_word)
    for words, parts in zip(sentences, ids, strict=True):
        places = np.cumsum([1, *map(len, parts)])[:-1]  # behind [CLS]
        places = places[places < encoding.longest - 1]  # before [SEP]
        yield words[: len(places)], places
