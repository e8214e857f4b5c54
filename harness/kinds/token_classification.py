"""What the token classification tasks share: tagged words, loss, entity F1, baseline, errors.

Words are cut into pieces, and a word's tag stands at its first one. The output `tags` is as long
as `tokens`: 0 where nothing is judged (padding, reserved ids, pieces that go on a word), else the
number of the tag in the asset `tags` plus 1. The first tag is `O`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.kinds.text import short_texts, wordpiece
from harness.spec import DataSpec, HarnessError, Prepared, Score, Split, TensorSpec, Training

TAGS = "tags"
OUTSIDE = "O"
MOST_PIECES = 12
"""Of a word; of longer ones, which are web addresses, the others are left out."""
SHOWN = 6
"""Sentences of an exhibit."""


@dataclass(frozen=True)
class Sentence:
    """Words and the tag of each, in IOB2: every entity begins with `B-`."""

    words: Sequence[str]
    tags: Sequence[str]
    lines: Sequence[int]
    """Where each word stands in its file, from 1."""


# --- reading ----------------------------------------------------------------------


def read_conll(
    task: str, split: str, path: Path, count: int, separator: str | None = None
) -> list[Sentence]:
    """Sentences of a file with a word a line, its tag in the last column, blank lines between.

    Args:
        task: its name, for the errors.
        split: name of the split, likewise.
        path: of the file.
        count: of the columns.
        separator: between columns; any space if absent.

    Raises:
        HarnessError: a line has another number of columns, or no tag in the last.
    """
    sentences: list[Sentence] = []
    rows: list[tuple[str, str, int]] = []

    def end() -> None:
        if rows:
            words, tags, numbers = zip(*rows, strict=True)
            sentences.append(Sentence(words, tags, numbers))
            rows.clear()

    for number, line in enumerate(short_texts.lines(task, split, path), start=1):
        if not line.strip() or line.startswith("-DOCSTART-"):
            end()
            continue
        columns = line.split(separator)
        where = f"task {task!r}, {split}: {path.name}, line {number}"
        if len(columns) != count:
            raise HarnessError(f"{where}: found {len(columns)} columns; expected {count}")
        word, tag = columns[0], columns[-1].strip()
        if tag != OUTSIDE and not (tag[:2] in ("B-", "I-") and tag[2:]):
            raise HarnessError(f"{where}: found {tag!r}; expected a tag: O, B-... or I-...")
        rows.append((word, tag, number))
    end()
    return sentences


def iob2(tags: Sequence[str]) -> list[str]:
    """Tags in IOB1, where `B-` only parts an entity from one of its type before it, in IOB2.

    Ramshaw and Marcus 1995; Tjong Kim Sang and Veenstra 1999.
    """
    converted = []
    before = OUTSIDE
    for tag in tags:
        begins = tag.startswith("I-") and before[2:] != tag[2:]
        converted.append(f"B-{tag[2:]}" if begins else tag)
        before = tag
    return converted


# --- data -------------------------------------------------------------------------


def prepared(
    task: str, data: Mapping[str, Sequence[Sentence]], vocabulary: Sequence[str], longest: int
) -> Prepared:
    """A token classification task from tagged sentences.

    Args:
        task: its name, for the errors.
        data: the splits `train`, `val` and `test`; training says which tags there are.
        vocabulary: the pieces.
        longest: most pieces of a sentence; longer ones are cut in training.

    Raises:
        HarnessError: an empty split, a tag that training never saw, or a sentence to judge by
            that would be cut.
    """
    for split, sentences in data.items():
        if not sentences:
            raise HarnessError(f"task {task!r}, {split}: no sentences; expected at least one")
    tags = _tags(task, data)
    pieces = wordpiece.Pieces(vocabulary)
    words = {
        split: [
            [word[:MOST_PIECES] for word in ids]
            for ids in pieces.encode_words([sentence.words for sentence in sentences])
        ]
        for split, sentences in data.items()
    }
    for split in set(data) - {"train"}:
        for sentence, ids in zip(data[split], words[split], strict=True):
            found = sum(map(len, ids)) + 2
            if found > longest:
                raise HarnessError(
                    f"task {task!r}, {split}, line {sentence.lines[0]}: a sentence of {found} "
                    f"pieces; expected at most {longest}, as every word is judged"
                )
    joined = {
        split: ([[n for word in ids for n in word] for ids in sentences], None)
        for split, sentences in words.items()
    }
    specs, x = short_texts.inputs(joined, vocabulary, longest)
    length = specs[short_texts.TOKENS].longest or longest
    splits = {
        split: Split(x[split], {TAGS: _first_pieces(data[split], words[split], tags, length)})
        for split in data
    }
    output = TensorSpec(
        (None,), "int32", size=len(tags) + 1, longest=length, aligned=short_texts.TOKENS
    )
    return Prepared(
        DataSpec(specs, {TAGS: output}, kind="token_classification"),
        **splits,
        assets={short_texts.VOCABULARY: list(vocabulary), TAGS: tags},
    )


def _tags(task: str, data: Mapping[str, Sequence[Sentence]]) -> list[str]:
    """The tags of training, `O` first."""
    known = {tag for sentence in data["train"] for tag in sentence.tags} - {OUTSIDE}
    tags = [OUTSIDE, *sorted(known, key=lambda tag: (tag[2:], tag))]
    for split, sentences in data.items():
        for sentence in sentences:
            for tag, line in zip(sentence.tags, sentence.lines, strict=True):
                if tag not in tags:
                    raise HarnessError(
                        f"task {task!r}, {split}, line {line}: label {tag!r} does not occur in "
                        f"training; expected one of {', '.join(tags)}"
                    )
    return tags


def _first_pieces(
    sentences: Sequence[Sentence],
    words: Sequence[Sequence[Sequence[int]]],
    tags: Sequence[str],
    length: int,
) -> np.ndarray:
    """The tags, each at the first piece of its word: int32 of shape (examples, length)."""
    number = {tag: index for index, tag in enumerate(tags, start=1)}
    y = np.zeros((len(sentences), length), "int32")
    for row, (sentence, ids) in enumerate(zip(sentences, words, strict=True)):
        place = 1  # behind [CLS]
        for tag, word in zip(sentence.tags, ids, strict=True):
            if place < length - 1:  # before [SEP]
                y[row, place] = number[tag]
            place += len(word)
    return y


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
    return _scored(_written(truth, truth, assets), _written(predicted, truth, assets))


def _written(ids: np.ndarray, truth: np.ndarray, assets: Mapping[str, Any]) -> list[list[str]]:
    """The tags of the words of each sentence."""
    tags = assets[TAGS]
    return [
        [tags[number - 1] for number in row[judged]]
        for row, judged in zip(ids, truth > 0, strict=True)
    ]


def _scored(truth: list[list[str]], prediction: list[list[str]]) -> Score:
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


def baseline(prepared: Prepared) -> dict[str, float]:
    """Test scores of each word's commonest tag in training; `O` for words it never saw."""
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
    return dict(_scored(truth, prediction).metrics)


def _words(split: Split) -> Iterator[tuple[list[tuple[int, ...]], list[int]]]:
    """The words of each sentence, as pieces, and the ids of their tags."""
    for ids, tags in zip(
        np.asarray(split.x[short_texts.TOKENS]), np.asarray(split.y[TAGS]), strict=True
    ):
        end = int((ids != wordpiece.PADDING).sum()) - 1  # where [SEP] is
        starts = np.flatnonzero(tags)
        parts = np.split(ids[:end], starts)[1:]
        yield [tuple(part.tolist()) for part in parts], tags[starts].tolist()


# --- looking ----------------------------------------------------------------------


def exhibit(model: Any, prepared: Prepared, score: Score) -> dict[str, Any]:
    """Test sentences whose entities were not all found, or were not there."""
    vocabulary = prepared.assets[short_texts.VOCABULARY]
    sides = (score.per_example["truth"], score.per_example["prediction"])
    wrong = np.flatnonzero(sides[0] != sides[1])
    spread = np.linspace(0, len(wrong) - 1, min(SHOWN, len(wrong))).astype("int64")
    sentences = list(_words(prepared.test))
    shown = []
    for number in wrong[spread]:
        words = [wordpiece.text(word, vocabulary) for word in sentences[number][0]]
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
