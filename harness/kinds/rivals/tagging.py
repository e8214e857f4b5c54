"""Words tagged without a network: a linear classifier on how a word and its neighbours look."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

Tags = list[list[int]]
"""Numbers of the tags of the words of each sentence, from 0."""
STRENGTHS = (0.03, 0.1, 0.3)
"""Inverse penalties of the classifier."""
AFFIXES = (2, 3, 4)
"""Letters at the beginning and at the end of a word that are looked at."""
HASHED = 2**20
"""Features that are told apart, about."""
FORBIDDEN = -1e6
"""Added to ways that break the rules of tags."""


def tagged(
    words: Mapping[str, Sequence[Sequence[str]]],
    train: Tags,
    names: Sequence[str],
    goodness: Callable[[Tags], float],
) -> Tags:
    """Tags of the test sentences by linear classifiers on words.

    A support vector machine for each tag against the others, on the word, its affixes and its
    shape, and on the words around; of all ways to tag a sentence, that of the highest sum of
    margins in which no entity goes on that has not begun. A conditional random field would learn
    how tags follow each other as well, and needs a library of its own.

    Args:
        words: of the sentences of `train`, `val` and `test`.
        train: the tags of training, of which there are two or more.
        names: of all tags, in IOB2.
        goodness: of tags of the validation sentences, by which the penalty is chosen.
    """
    from sklearn.svm import LinearSVC

    x = {split: _features(sentences) for split, sentences in words.items()}
    y = np.concatenate([np.asarray(tags, int) for tags in train])
    transitions = _transitions(names)
    best: tuple[float, Tags] | None = None
    for strength in STRENGTHS:
        model = LinearSVC(C=strength, random_state=0).fit(x["train"], y)

        def of(split: str, model: LinearSVC = model) -> Tags:
            return list(_best_ways(model, x[split], words[split], transitions))

        found = goodness(of("val"))
        if best is None or found > best[0]:
            best = found, of("test")
    assert best is not None
    return best[1]


def _features(sentences: Sequence[Sequence[str]]) -> object:
    """How each word looks, those of all sentences in turn, as a sparse matrix."""
    from sklearn.feature_extraction import FeatureHasher

    hasher = FeatureHasher(HASHED, input_type="string", alternate_sign=False, dtype=np.float32)
    return hasher.transform(
        _looks(sentence, place) for sentence in sentences for place in range(len(sentence))
    )


def _looks(sentence: Sequence[str], place: int) -> Iterator[str]:
    for distance in (-2, -1, 0, 1, 2):
        there = place + distance
        word = sentence[there] if 0 <= there < len(sentence) else ""
        yield f"{distance} {word.lower()}"
        if abs(distance) < 2:
            yield f"{distance} shape {shape(word)}"
    word = sentence[place]
    yield f"as it is {word}"
    for length in AFFIXES:
        yield f"begins {word[:length].lower()}"
        yield f"ends {word[-length:].lower()}"


def shape(word: str) -> str:
    """Capital and small letters, digits and others, each run as one: `Xx-d` of `Boeing-747`."""
    kinds = [
        "X" if c.isupper() else "x" if c.isalpha() else "d" if c.isdigit() else c for c in word
    ]
    return "".join(kind for n, kind in enumerate(kinds) if n == 0 or kinds[n - 1] != kind)


def _transitions(names: Sequence[str]) -> np.ndarray:
    """What it costs that a tag follows another; the last row is the beginning of a sentence."""
    costs = np.zeros((len(names) + 1, len(names)))
    for after, name in enumerate(names):
        if name.startswith("I-"):
            allowed = [before in (name, f"B-{name[2:]}") for before in names]
            costs[:, after] = np.where([*allowed, False], 0, FORBIDDEN)
    return costs


def _best_ways(
    model: object, x: object, sentences: Sequence[Sequence[str]], transitions: np.ndarray
) -> Iterator[list[int]]:
    margins = np.asarray(model.decision_function(x))  # type: ignore[attr-defined]
    known = model.classes_  # type: ignore[attr-defined]
    if margins.ndim == 1:
        margins = np.stack([-margins, margins], axis=1)
    scores = np.full((len(margins), transitions.shape[1]), FORBIDDEN)
    scores[:, known] = margins
    first = 0
    for sentence in sentences:
        yield viterbi(scores[first : first + len(sentence)], transitions)
        first += len(sentence)


def viterbi(scores: np.ndarray, transitions: np.ndarray) -> list[int]:
    """The way of the highest sum of scores and transitions.

    Args:
        scores: shape (steps, tags).
        transitions: shape (tags + 1, tags), the last row for the first step.
    """
    if not len(scores):
        return []
    total, origins = scores[0] + transitions[-1], []
    for own in scores[1:]:
        ways = total[:, None] + transitions[:-1]
        origins.append(ways.argmax(axis=0))
        total = ways.max(axis=0) + own
    way = [int(total.argmax())]
    for origin in reversed(origins):
        way.append(int(origin[way[-1]]))
    return way[::-1]
