"""What the text classification tasks share: labels, the bag of words, the confusion matrix."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.kinds import classification
from harness.kinds.classification import LABEL
from harness.kinds.text import short_texts
from harness.kinds.text.wordpiece import Pieces
from harness.spec import DataSpec, HarnessError, Prepared, Score, Split, TensorSpec


@dataclass(frozen=True)
class Labelled:
    """Texts or pairs of them, with what they are."""

    first: Sequence[str]
    second: Sequence[str] | None
    labels: Sequence[str]
    lines: Sequence[int]
    """Where each example stands in its file, from 1."""

    def chosen(self, examples: np.ndarray) -> "Labelled":
        """The examples of these numbers."""

        def part(values: Sequence[Any]) -> list[Any]:
            return [values[number] for number in examples]

        second = None if self.second is None else part(self.second)
        return replace(
            self, first=part(self.first), second=second, labels=part(self.labels),
            lines=part(self.lines),
        )  # fmt: skip

    def numbers(self) -> np.ndarray:
        """The labels as numbers, to keep their shares when the data are cut."""
        return np.unique(np.array(self.labels, dtype=np.str_), return_inverse=True)[1]


def prepared(
    task: str,
    data: Mapping[str, Labelled],
    vocabulary: Sequence[str],
    longest: int,
    names: Mapping[str, str] | None = None,
) -> Prepared:
    """A text classification task from labelled texts.

    Args:
        task: its name, for the errors.
        data: the splits `train`, `val` and `test`; training says which classes there are.
        vocabulary: the pieces.
        longest: most pieces of an example; longer ones are cut.
        names: of the classes, by label; the labels themselves if absent.

    Raises:
        HarnessError: an empty split, or a label that training never saw.
    """
    for split, part in data.items():
        if not part.labels:
            raise HarnessError(f"task {task!r}, {split}: no examples; expected at least one")
    classes = sorted(set(data["train"].labels))
    number = {label: index for index, label in enumerate(classes)}
    for split, part in data.items():
        for line, label in zip(part.lines, part.labels, strict=True):
            if label not in number:
                raise HarnessError(
                    f"task {task!r}, {split}, line {line}: label {label!r} does not occur in "
                    f"training; expected one of {', '.join(classes)}"
                )
    pieces = Pieces(vocabulary)
    ids = {
        split: short_texts.encoded(pieces, (part.first, part.second))
        for split, part in data.items()
    }
    specs, x = short_texts.inputs(ids, vocabulary, longest)
    splits = {
        split: Split(x[split], {LABEL: np.array([number[label] for label in part.labels], "int32")})
        for split, part in data.items()
    }
    return Prepared(
        DataSpec(
            specs, {LABEL: TensorSpec((), "int32", size=len(classes))}, kind="text_classification"
        ),
        **splits,
        assets={
            short_texts.VOCABULARY: list(vocabulary),
            "classes": [(names or {}).get(label, label) for label in classes],
        },
    )


def baseline(prepared: Prepared) -> dict[str, float]:
    """Test scores of the commonest training class; `accuracy_bag_of_words` is that of logistic
    regression on the TF-IDF of pieces and of two in a row, each text of a pair by its own."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    linear = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\S+", lowercase=False),
        LogisticRegression(max_iter=1000),
    )
    linear.fit(short_texts.as_words(prepared.train), np.asarray(prepared.train.y[LABEL]))
    accuracy = linear.score(short_texts.as_words(prepared.test), np.asarray(prepared.test.y[LABEL]))
    return {**classification.baseline(prepared), "accuracy_bag_of_words": float(accuracy)}


def exhibit(model: Any, prepared: Prepared, score: Score) -> dict[str, Any]:
    """The confusion matrix: a row for each true class, a column for each predicted one."""
    from sklearn.metrics import confusion_matrix

    classes = list(prepared.assets["classes"])
    counts = confusion_matrix(
        np.asarray(prepared.test.y[LABEL]),
        score.per_example["prediction"],
        labels=np.arange(len(classes)),
    )
    return {"confusion": {"classes": classes, "counts": counts.tolist()}}
