"""Text classification: one class for each text, or for each pair of texts.

Inputs
    `tokens`: ids of the vocabulary, int32 of shape (examples, steps), `[CLS] text [SEP]` or
    `[CLS] text [SEP] other [SEP]`, filled up with 0 at the end; `steps` varies from batch to batch.
    `segments`: int32, as long: 1 where a token belongs to the other text, else 0.
Outputs
    `label`: class numbers from 0, shape (). Models give logits (examples, classes).
Assets
    `classes`: the name of each class, in the order of the logits. `vocabulary`: the tokens, the
    reserved ones `[PAD] [UNK] [CLS] [SEP] [MASK]` first. `encoding`: how texts become ids, see
    `harness.kinds.text.encoding.Encoding`.
Architectures
    those of the kind `text_classification`: `lstm`, `text_cnn`, `bert_scratch`, and `bert` where
    the task names one in `init_from` to be pretrained on, or a preset (`harness.kinds.presets`).
    They are made of `harness.blocks.text` and `harness.blocks.encoder`.
Loss and metrics
    cross-entropy of logits (smoothed where the search asks for it); `accuracy`.
Score
    `accuracy`, `log_loss` in nats, `f1_macro`; per example `correct`, `prediction`
    and `truth`.
Baseline
    the commonest class of training; logistic regression on the TF-IDF of words or of characters,
    for pairs also on what both texts share.
Exhibit
    the confusion matrix.

Example:
    from harness.kinds import text_classification

    def prepare(files):
        surnames = {
            "Italian": "Rossi Bianchi Ferrari Russo Esposito Romano Colombo Ricci Marino Greco",
            "Scottish": "Campbell Stewart Reid Murray Ross Fraser Gordon Grant Duncan Kerr",
        }
        return [(name, origin) for origin, names in surnames.items() for name in names.split()]

    surnames = text_classification.task("surnames", prepare, tokens="character", longest=24)
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.kinds import classification, imbalance
from harness.kinds.classification import (
    CLASSES,
    LABEL,
    Classes,
    compile_args,
    decode,
    exhibit,
    label_values,
    number_labels,
    score,
    stratified_holdout,
)
from harness.kinds.constructor import cut_splits, gathered, make_task
from harness.kinds.imbalance import ClassWeight
from harness.kinds.rivals.texts import text_rival
from harness.kinds.text import short_texts
from harness.kinds.text.encoding import ENCODING, SEGMENTS, TOKENS, VOCABULARY, encode
from harness.kinds.text.tokenizer import Tokens
from harness.kinds.text.vocabulary import Vocabulary, check_options
from harness.spec import DataSpec, Kind, Objective, Prepared, Score, Split, Task, TensorSpec

__all__ = [
    "CLASSES",
    "ENCODING",
    "KIND",
    "LABEL",
    "SEGMENTS",
    "TOKENS",
    "VOCABULARY",
    "baseline",
    "compile_args",
    "decode",
    "encode",
    "exhibit",
    "score",
    "stratified_holdout",
    "task",
]

KIND: Kind = "text_classification"
EXPECTED = "(text, label) or (text, other text, label)"


def task(
    name: str,
    prepare: Callable[[Mapping[str, Path]], Any],
    *,
    tokens: Tokens = "subword",
    vocabulary: Vocabulary = 8000,
    longest: int = 128,
    lower_case: bool = False,
    classes: Classes = None,
    class_weight: ClassWeight = None,
    **parts: Any,
) -> Task:
    """A task from labelled texts.

    Args:
        name: of the task.
        prepare: receives the path of each source file by name, and returns a list of
            `(text, label)` or of `(text, other text, label)` by split, or for training alone;
            `val` and `test` are cut off training where they are missing, a tenth for each, with
            the shares of the classes. Labels are strings or integers.
        tokens: what texts are cut into: `subword` (WordPiece), `word` or `character`.
        vocabulary: about how many tokens to learn on the training texts; or the tokens; or a
            function that returns them, given the path of each source by name.
        longest: most tokens of an example, the reserved ones included; longer ones are cut.
        lower_case: whether capital letters are read as small ones.
        classes: their names, in the order of integer labels, or by label; the sorted labels of
            training if absent.
        class_weight: of training examples: `balanced`, or by the name of their class; see
            `harness.kinds.imbalance`.
        parts: fields of `harness.Task` that replace the defaults. `objective` may be the name of a
            measure: `f1_macro`, `balanced_accuracy`, and of two classes `roc_auc` and
            `average_precision`.

    Raises:
        HarnessError: an option or a part that there is not. `Task.prepare` raises it for examples
            that are not as above, named by split and by row, counted from 0.
    """
    check_options(name, tokens, vocabulary, longest)
    defaults = {
        "objective": Objective("accuracy", "max"),
        "compile_args": compile_args,
        "score": score,
        "baseline": baseline,
        "exhibit": exhibit,
        "batch_sizes": (16, 32),
    }
    defaults, parts = imbalance.applied(name, LABEL, defaults, parts, class_weight)
    options = {
        "tokens": tokens,
        "vocabulary": vocabulary,
        "longest": longest,
        "lower_case": lower_case,
        "classes": classes,
        "class_weight": class_weight,
    }
    return make_task(KIND, name, prepare, _prepare, options, defaults, parts)


def _prepare(
    files: Mapping[str, Path],
    task: str,
    prepare: Callable[[Mapping[str, Path]], Any],
    classes: Classes,
    class_weight: ClassWeight,
    **reading: Any,
) -> Prepared:
    data = cut_splits(
        task, prepare(files), f"a list of {EXPECTED}", read=_rows,
        strata=lambda rows: [row[-1] for row in rows],
    )  # fmt: skip
    pairs = short_texts.same_width(task, data) == 3
    texts = {split: short_texts.texts_of(found, pairs) for split, found in data.items()}
    labels = {split: [row[-1] for row in found] for split, found in data.items()}
    numbers, names = number_labels(task, labels, classes)
    specs, x, assets = short_texts.inputs(task, files, texts, kind=KIND, **reading)
    parts = {split: Split(x[split], {LABEL: numbers[split].astype("int32")}) for split in data}
    parts["train"] = imbalance.weighted(task, parts["train"], numbers["train"], names, class_weight)
    outputs = {LABEL: TensorSpec((), "int32", size=len(names))}
    return gathered(
        DataSpec(specs, outputs, KIND),
        parts,
        {**assets, CLASSES: names},
    )


def _rows(where: str, examples: Any) -> list[tuple[Any, ...]]:
    """Texts with their labels, which are values of Python."""
    found = short_texts.rows(where, examples, (2, 3), EXPECTED)
    short_texts.check_texts(where, found, pairs=len(found[0]) == 3)
    labels = label_values(where, [row[-1] for row in found])
    return [(*row[:-1], label) for row, label in zip(found, labels, strict=True)]


def baseline(prepared: Prepared) -> dict[str, float | Score]:
    """Test scores of the commonest training class, and of logistic regression on words or on
    characters, of pairs also on what both share; see `harness.kinds.rivals.texts`."""
    return {**classification.baseline(prepared), **text_rival(prepared)}
