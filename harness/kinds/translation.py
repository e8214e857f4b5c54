"""Translation: write a sentence anew in another language, judged by BLEU.

Inputs
    `source`: int32 ids of pieces, a sentence and its end; `target`: a start and the sentence in
    the other language. Both of shape (None,), filled up with 0 at the end.
Outputs
    `next_token`: that sentence and its end, one step ahead of `target`. Models give logits
    (examples, steps, vocabulary), of which those at a step depend on that step of `target` and
    earlier ones only, and on the whole source.
Assets
    `source_vocabulary`, `target_vocabulary`: as `harness.kinds.text.subwords` writes them; the
    same for both where languages share one. `longest`: the most pieces of a sentence with its end.
    `bleu_tokenizer`: that of sacreBLEU, where it is not its default, `13a`.
Architectures
    those of the kind `translation`: `seq2seq`, `attention_seq2seq`, `transformer_seq2seq`, each a
    `harness.blocks.translation.Translator`. Any other model is decoded too, but by reading all
    that it has written anew for each token.
Loss and metrics
    cross-entropy of the real tokens (smoothed where the search asks for it); `token_accuracy`.
Score
    of translations by beam search `bleu` and `chrf` (sacreBLEU, 0 to 100) and `exact_match`; of
    the reference `token_accuracy` and `perplexity`, given the tokens before. Per example
    `hypothesis`, `reference`, `chrf`. The search goes by `token_accuracy`, winners are compared by
    `bleu`.
Baselines
    the source itself; as a rival a dictionary, word by word.
Exhibit
    translations of six sentences, BLEU by length of the source, attention maps.

Example:
    from harness.kinds import translation

    def prepare(files):
        words = {"one": "eins", "two": "zwei", "three": "drei", "four": "vier"}
        numbers = [(a, b, c) for a in words for b in words for c in words]
        return [(" ".join(n), " ".join(words[w] for w in n)) for n in numbers]

    counting = translation.task("counting", prepare, vocabulary=300, longest=16)
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.kinds.constructor import cut_splits, gathered, make_task
from harness.kinds.fitting.translating import (
    BLEU_TOKENIZER,
    LONGEST,
    NEXT_TOKEN,
    SOURCE,
    SOURCE_VOCABULARY,
    TARGET,
    TARGET_VOCABULARY,
    TRANSLATOR,
    padded,
    source_ids,
    texts,
    translate,
)
from harness.kinds.fitting.translation_scores import baseline, compile_args, exhibit, score
from harness.kinds.text import bleu, subwords
from harness.kinds.text.sentence_pairs import Pairs, arrays, checked, columns, paired, sentences
from harness.kinds.text.subwords import START
from harness.spec import (
    DataSpec,
    Kind,
    Objective,
    Prepared,
    Task,
    TensorSpec,
)

__all__ = [
    "BLEU_TOKENIZER",
    "KIND",
    "LONGEST",
    "NEXT_TOKEN",
    "SOURCE",
    "SOURCE_VOCABULARY",
    "TARGET",
    "TARGET_VOCABULARY",
    "TRANSLATOR",
    "baseline",
    "compile_args",
    "decode",
    "encode",
    "exhibit",
    "paired",
    "prepared",
    "score",
    "task",
    "translate",
]

KIND: Kind = "translation"
EXPECTED = "a list of (source, translation)"


def task(
    name: str,
    prepare: Callable[[Mapping[str, Path]], Any],
    *,
    vocabulary: int = 4000,
    joint: bool = False,
    longest: int = 128,
    by_bytes: bool = True,
    bleu_tokenizer: str | None = None,
    **parts: Any,
) -> Task:
    """A task from pairs of sentences.

    Args:
        name: of the task.
        prepare: receives the path of each source file by name, and returns a list of `(source,
            translation)` by split, or for training alone; `val` and `test` are cut off training
            where they are missing, a tenth for each at random.
        vocabulary: the most pieces of a vocabulary, which SentencePiece learns on training.
        joint: whether both languages have one vocabulary, so that models can share embeddings.
        longest: the most pieces of a sentence, its end included.
        by_bytes: whether characters that training does not have are written byte by byte, which
            takes 256 pieces; they are refused if not.
        bleu_tokenizer: how sacreBLEU cuts translations: `zh`, `ja-mecab`, `ko-mecab`, `char`, ...;
            its default, `13a`, if absent, which needs spaces between words.
        parts: fields of `harness.Task` that replace the defaults.

    Raises:
        HarnessError: a part that there is not. `Task.prepare` raises it for what are no pairs of
            sentences, for sentences that are empty or too long, for a vocabulary smaller than the
            alphabet, and for translations without spaces where `bleu_tokenizer` is absent.
    """
    defaults = {
        "objective": Objective("token_accuracy", "max"),
        "measure": Objective("bleu", "max"),
        "compile_args": compile_args,
        "score": score,
        "baseline": baseline,
        "exhibit": exhibit,
        "batch_sizes": (32, 64),
        "learning_rate": 2e-3,
    }
    options = {
        "vocabulary": vocabulary,
        "joint": joint,
        "longest": longest,
        "by_bytes": by_bytes,
        "bleu_tokenizer": bleu_tokenizer,
    }
    return make_task(KIND, name, prepare, _prepare, options, defaults, parts)


def _prepare(
    files: Mapping[str, Path],
    task: str,
    prepare: Callable[[Mapping[str, Path]], Any],
    **options: Any,
) -> Prepared:
    pairs = cut_splits(task, prepare(files), EXPECTED, read=sentences)
    return prepared(task, pairs, **options)


def prepared(
    task: str,
    pairs: Mapping[str, Pairs],
    vocabulary: int,
    longest: int,
    joint: bool = False,
    by_bytes: bool = True,
    bleu_tokenizer: str | None = None,
) -> Prepared:
    """The data of a task, from source sentences and their translations.

    Spaces are made single ones; nothing else is done to a text. The vocabularies are learned on
    the training pairs.

    Args:
        task: its name, for the errors.
        pairs: sentences of `train`, `val`, `test` and further test splits.
        vocabulary: most pieces of a vocabulary.
        longest: most pieces of a sentence, its end included.
        joint: whether both languages have one vocabulary, so that models can share embeddings.
        by_bytes: see `harness.kinds.text.subwords.learned`.
        bleu_tokenizer: as of `task`.

    Raises:
        HarnessError: as of `task`.
    """
    texts = {split: checked(task, split, *sides) for split, sides in pairs.items()}
    for split, (_, target) in texts.items():
        bleu.check_tokenizer(f"task {task!r}, {split}", target, bleu_tokenizer)
    source, target = texts["train"]
    if joint:
        both = subwords.learned(task, "both languages", [*source, *target], vocabulary, by_bytes)
        vocabularies = both, both
    else:
        vocabularies = (
            subwords.learned(task, SOURCE, source, vocabulary, by_bytes),
            subwords.learned(task, TARGET, target, vocabulary, by_bytes),
        )
    pieces = [subwords.loaded(text) for text in vocabularies]
    splits = {split: arrays(task, split, sides, pieces, longest) for split, sides in texts.items()}
    names = ("both", "both") if joint else (SOURCE, TARGET)
    source_spec, target_spec = (
        TensorSpec((None,), "int32", size=len(part), longest=longest, vocabulary=name)
        for name, part in zip(names, pieces, strict=True)
    )
    return gathered(
        DataSpec({SOURCE: source_spec, TARGET: target_spec}, {NEXT_TOKEN: target_spec}, kind=KIND),
        splits,
        {
            SOURCE_VOCABULARY: vocabularies[0],
            TARGET_VOCABULARY: vocabularies[1],
            LONGEST: longest,
            **({} if bleu_tokenizer is None else {BLEU_TOKENIZER: bleu_tokenizer}),
        },
    )


# --- answers --------------------------------------------------------------------


def encode(raw: Any, spec: DataSpec, assets: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Sentences, or sentences and their translations, as the model's inputs.

    Args:
        raw: source sentences, whose translation is only begun; or pairs with a translation. Of
            what is too long the beginning is read.
        spec: of the task.
        assets: of the task.

    Returns:
        `source`, shape (sentences, longest), and `target`, shape (sentences, 1) or likewise. To
        have a sentence translated, call `translate`.

    Raises:
        HarnessError: something else than texts, or pairs of them.
    """
    alone = all(isinstance(row, str) for row in raw)
    source, target = (raw, [""] * len(raw)) if alone else columns("input", raw)
    longest = 1 if alone else assets[LONGEST]
    pieces = subwords.loaded(assets[TARGET_VOCABULARY])
    ids = pieces.encode([" ".join(text.split()) for text in target])
    return {
        SOURCE: source_ids(source, assets),
        TARGET: padded([[START, *sentence[: longest - 1]] for sentence in ids], longest),
    }


def decode(outputs: Mapping[str, Any], spec: DataSpec, assets: Mapping[str, Any]) -> list[str]:
    """The likeliest token behind each step of the targets, as texts up to their first end."""
    ids = np.asarray(outputs[NEXT_TOKEN]).argmax(axis=-1)
    return texts(ids, assets[TARGET_VOCABULARY])
