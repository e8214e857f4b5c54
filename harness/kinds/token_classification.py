"""Token classification: a tag for each word of a sentence, such as the name it belongs to.

Inputs
    `tokens`: ids of the vocabulary, int32 of shape (examples, steps): `[CLS]`, the tokens of each
    word, `[SEP]`, filled up with 0 at the end; `steps` varies from batch to batch.
    `segments`: int32, as long, all 0.
    `characters`, where the task has the option: uint8 of shape (examples, steps, letters), at the
    first token of each word its letters, see `harness.kinds.text.encoding.spelled`.
Outputs
    `tags`: int32, as long: at the first token of each word the number of its tag in the asset
    `tags` plus 1, else 0, where nothing is judged. Models give logits (examples, steps, tags + 1),
    of which the first are never asked for.
Assets
    `tags`: their names, `O` first. `vocabulary`: the tokens, the reserved ones `[PAD] [UNK] [CLS]
    [SEP] [MASK]` first. `encoding`: how words become ids, see
    `harness.kinds.text.encoding.Encoding`.
Architectures
    those of the kind `token_classification`: `lstm`, `text_cnn`, `bert_scratch`, and `bert` where
    the task names one in `init_from` to be pretrained on, or a preset (`harness.kinds.presets`).
    They are made of `harness.blocks.text` and `harness.blocks.encoder`.
Loss and metrics
    cross-entropy of the words' tags; `f1_tokens`, F1 of the tags that are not `O`.
Score
    `f1`, `precision` and `recall` of whole entities, by the first of which models are compared;
    `f1_tokens`; `token_accuracy`; per example `prediction` and `truth`, tags between spaces.
Baseline
    each word's commonest tag in training; a linear classifier on how words look.
Exhibit
    sentences whose entities were not all found.

Example:
    from harness.kinds import token_classification

    def prepare(files):
        return [
            ([who, "lives", "in", where, "."], ["B-PER", "O", "O", "B-LOC", "O"])
            for who in ("John", "Mary", "Ann", "Paul")
            for where in ("Paris", "Rome", "Oslo", "York")
        ]

    places = token_classification.task("places", prepare, tokens="word")
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.kinds.constructor import cut_splits, gathered, make_task
from harness.kinds.files.text_files import OUTSIDE, is_tag
from harness.kinds.presets import PRESET
from harness.kinds.text import encoding as encodings
from harness.kinds.text import preset_reading, short_texts
from harness.kinds.text import vocabulary as vocabularies
from harness.kinds.text.encoding import (
    BYTES,
    CHARACTERS,
    ENCODING,
    SEGMENTS,
    TEXT,
    TOKENS,
    VOCABULARY,
    encode,
)
from harness.kinds.text.tags import TAGS, baseline, compile_args, decode, exhibit, score
from harness.kinds.text.tokenizer import Tokens
from harness.kinds.text.vocabulary import Vocabulary, check_options
from harness.spec import (
    DataSpec,
    HarnessError,
    Kind,
    Objective,
    Prepared,
    Preset,
    Split,
    Task,
    TensorSpec,
)

__all__ = [
    "CHARACTERS",
    "ENCODING",
    "KIND",
    "OUTSIDE",
    "SEGMENTS",
    "TAGS",
    "TOKENS",
    "VOCABULARY",
    "baseline",
    "compile_args",
    "decode",
    "encode",
    "exhibit",
    "score",
    "task",
]

KIND: Kind = "token_classification"
EXPECTED = "(words, tags)"
LONGEST_WORD = {"subword": encodings.LONGEST_WORD, "word": encodings.LONGEST_WORD, "character": 32}
"""Tokens that are read of a word."""


def task(
    name: str,
    prepare: Callable[[Mapping[str, Path]], Any],
    *,
    tokens: Tokens = "subword",
    vocabulary: Vocabulary = 8000,
    longest: int = 128,
    lower_case: bool = False,
    characters: int = 0,
    **parts: Any,
) -> Task:
    """A task from sentences whose words have tags.

    Args:
        name: of the task.
        prepare: receives the path of each source file by name, and returns a list of
            `(words, tags)` by split, or for training alone; `val` and `test` are cut off training
            where they are missing, a tenth for each. Words are a list of texts, tags as many, in
            IOB2: `O`, or `B-` and a type where an entity begins, `I-` where it goes on
            (`harness.kinds.files.text_files` reads files of them).
        tokens: what words are cut into: `subword` (WordPiece), `word` or `character`.
        vocabulary: about how many tokens to learn on the training words; or the tokens; or a
            function that returns them, given the path of each source by name.
        longest: most tokens of a sentence, two reserved ones included. Longer ones are cut in
            training and refused elsewhere, as every word is judged.
        lower_case: whether capital letters are read as small ones.
        characters: letters (bytes of UTF-8) that models are given of each word beside its tokens,
            as it is written; 0 for none.
        parts: fields of `harness.Task` that replace the defaults.

    Raises:
        HarnessError: an option or a part that there is not. `Task.prepare` raises it for examples
            that are not as above, named by split and by row, counted from 0.
    """
    check_options(name, tokens, vocabulary, longest)
    defaults = {
        # Of tokens: entities cannot be counted in every epoch on every backend.
        "objective": Objective("f1_tokens", "max"),
        "measure": Objective("f1", "max"),
        "compile_args": compile_args,
        "score": score,
        "baseline": baseline,
        "exhibit": exhibit,
        "batch_sizes": (16, 32),
    }
    options = {
        "tokens": tokens,
        "vocabulary": vocabulary,
        "longest": longest,
        "lower_case": lower_case,
        "characters": characters,
    }
    return make_task(KIND, name, prepare, _prepare, options, defaults, parts)


Sentences = list[tuple[list[str], list[str]]]
"""Words and their tags."""


def _prepare(
    files: Mapping[str, Path],
    task: str,
    prepare: Callable[[Mapping[str, Path]], Any],
    tokens: Tokens,
    vocabulary: Vocabulary,
    longest: int,
    lower_case: bool,
    characters: int,
    preset: Preset | None = None,
) -> Prepared:
    data: dict[str, Sentences] = cut_splits(
        task, prepare(files), f"a list of {EXPECTED}", read=_sentences
    )
    names = _tags(task, data)
    further: dict[str, Any] = {}
    if preset is not None:
        known, lower_case, found = preset_reading.reading(task, preset, KIND, longest, pairs=False)
        further = {PRESET: found}
    else:
        known = vocabularies.had(
            task, vocabulary, files, (word for words, _ in data["train"] for word in words),
            tokens, lower_case,
        )  # fmt: skip
    inputs = (TOKENS, SEGMENTS, CHARACTERS) if characters else (TOKENS, SEGMENTS)
    encoding = encodings.Encoding(
        tokens, longest, (TEXT,), lower_case, LONGEST_WORD[tokens], characters, inputs
    )
    tokenizer = encoding.tokenizer(known)
    ids = {
        split: encodings.word_ids(
            tokenizer, [words for words, _ in sentences], encoding.longest_word
        )
        for split, sentences in data.items()
    }
    _check_lengths(task, data, ids, longest)
    sides = {split: (encodings.joined(words), None) for split, words in ids.items()}
    specs, x, assets = short_texts.packed_inputs(sides, known, encoding)
    length = specs[TOKENS].longest or longest
    if characters:
        shape = (None, characters)
        specs[CHARACTERS] = TensorSpec(shape, "uint8", size=BYTES, longest=length, aligned=TOKENS)
        for split, sentences in data.items():
            words = [words for words, _ in sentences]
            x[split][CHARACTERS] = encodings.spelled(words, ids[split], length, characters)
    parts = {
        split: Split(x[split], {TAGS: _first_tokens(data[split], ids[split], names, length)})
        for split in data
    }
    output = TensorSpec((None,), "int32", size=len(names) + 1, longest=length, aligned=TOKENS)
    return gathered(
        DataSpec(specs, {TAGS: output}, KIND),
        parts,
        {**assets, **further, TAGS: names},
    )


def _sentences(where: str, examples: Any) -> Sentences:
    sentences: Sentences = []
    for number, (words, tags) in enumerate(short_texts.rows(where, examples, (2,), EXPECTED)):
        here = f"{where}, row {number}"
        words = encodings.words(here, words)
        if not isinstance(tags, str | Sequence | np.ndarray):
            raise HarnessError(f"{here}, tags: found {tags!r:.60}; expected a list of tags")
        tags = tags.split() if isinstance(tags, str) else list(tags)
        if len(words) != len(tags):
            raise HarnessError(
                f"{here}: found {len(words)} words and {len(tags)} tags; expected as many of each"
            )
        for tag in tags:
            if not is_tag(tag):
                raise HarnessError(f"{here}: tag {tag!r:.40}; expected O, B-... or I-...")
        sentences.append((words, tags))
    if not any(word.strip() for words, _ in sentences for word in words):
        raise short_texts.no_words(where)
    return sentences


def _tags(task: str, data: Mapping[str, Sentences]) -> list[str]:
    """The tags of training, `O` first."""
    known = {tag for _, tags in data["train"] for tag in tags} - {OUTSIDE}
    names = [OUTSIDE, *sorted(known, key=lambda tag: (tag[2:], tag))]
    for split, sentences in data.items():
        for row, (_, tags) in enumerate(sentences):
            for tag in tags:
                if tag not in names:
                    raise HarnessError(
                        f"task {task!r}, {split}, row {row}: tag {tag!r} does not occur in "
                        f"training; expected one of {', '.join(names)}"
                    )
    return names


def _check_lengths(
    task: str,
    data: Mapping[str, Sentences],
    ids: Mapping[str, Sequence[Sequence[Sequence[int]]]],
    longest: int,
) -> None:
    for split in set(ids) - {"train"}:
        for row, sentence in enumerate(ids[split]):
            found = sum(map(len, sentence)) + 2
            if found > longest:
                raise HarnessError(
                    f"task {task!r}, {split}, row {row}: a sentence of {found} tokens; expected at "
                    f"most {longest}, as every word is judged: raise `longest` (it begins "
                    f"{' '.join(data[split][row][0])!r:.40})"
                )


def _first_tokens(
    sentences: Sentences,
    ids: Sequence[Sequence[Sequence[int]]],
    names: Sequence[str],
    length: int,
) -> np.ndarray:
    """The tags, each at the first token of its word: int32 of shape (examples, length)."""
    number = {tag: index for index, tag in enumerate(names, start=1)}
    y = np.zeros((len(sentences), length), "int32")
    for row, ((_, tags), words) in enumerate(zip(sentences, ids, strict=True)):
        place = 1  # behind [CLS]
        for tag, word in zip(tags, words, strict=True):
            if place < length - 1:  # before [SEP]
                y[row, place] = number[tag]
            place += len(word)
    return y
