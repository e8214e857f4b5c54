"""WordPiece: text as pieces of words, of a vocabulary learned on a training text.

Schuster and Nakajima 2012; Devlin et al. 2019, section 3. Learned and applied by tensorflow-text,
while a task is prepared; models and scores work with ids alone. Case is kept.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from harness.spec import HarnessError

PADDING, UNKNOWN, CLASSIFICATION, SEPARATOR, MASK = range(5)
RESERVED = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
"""The first ids of every vocabulary."""
CONTINUATION = "##"
"""What a piece begins with that goes on a word."""
UNSPEAKABLE = "\ue000"
"""A character that no vocabulary has: where it stands in a text, `[UNK]` comes out."""
CHUNK = 2000
"""Texts that are cut together."""


def learned(task: str, texts: Iterable[str], size: int) -> list[str]:
    """A vocabulary of pieces, the reserved ones first; those that go on a word begin with `##`.

    Args:
        task: its name, for the errors.
        texts: of the training split.
        size: about as many pieces as there will be, at most.

    Raises:
        HarnessError: the size is too small for the characters of the texts.
    """
    from tensorflow_text.tools.wordpiece_vocab import wordpiece_tokenizer_learner_lib as learner

    counts = _words(texts)
    characters = {character for word in counts for character in word}
    least = len(RESERVED) + 2 * len(characters)
    if size < least:
        raise HarnessError(
            f"task {task!r}: a vocabulary of {size:,} pieces; expected at least {least:,}, for "
            f"{len(characters):,} characters"
        )
    # All words at least as frequent as the threshold become pieces, so it is not below the
    # count of the word of this rank. The learner would look for it up to ten million.
    ranked = sorted(counts.values(), reverse=True)
    lowest = ranked[min(size, len(ranked)) - 1]
    return list(
        learner.learn(
            counts,
            vocab_size=size,
            reserved_tokens=list(RESERVED),
            lower_thresh=lowest,
            upper_thresh=16 * lowest,
        )
    )


def _words(texts: Iterable[str]) -> Counter[str]:
    """How often each word and punctuation mark occurs."""
    from tensorflow_text.python.ops.bert_tokenizer import BasicTokenizer

    basic = BasicTokenizer(lower_case=False)
    counts: Counter[bytes] = Counter()
    for chunk in _chunks([text.replace(UNSPEAKABLE, " ") for text in texts]):
        counts.update(basic.tokenize(chunk).flat_values.numpy().tolist())
    return Counter({word.decode(): count for word, count in counts.items()})


def _chunks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    return (texts[first : first + CHUNK] for first in range(0, len(texts), CHUNK))


class Pieces:
    """Cuts texts into the pieces of a vocabulary.

    Args:
        vocabulary: as `learned` returns it.
    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        import tensorflow as tf
        import tensorflow_text

        table = tf.lookup.StaticVocabularyTable(
            tf.lookup.KeyValueTensorInitializer(
                list(vocabulary), tf.range(len(vocabulary), dtype=tf.int64), tf.string, tf.int64
            ),
            num_oov_buckets=1,
        )
        self._tokenizer = tensorflow_text.BertTokenizer(table, lower_case=False)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text, without reserved ones but for `[UNK]`."""
        return [
            ids
            for chunk in _chunks(texts)
            for ids in self._tokenizer.tokenize(chunk).merge_dims(-2, -1).to_list()
        ]

    def encode_words(self, sentences: Sequence[Sequence[str]]) -> list[list[list[int]]]:
        """The ids of each word of each sentence, at least one a word."""
        ids = self.encode([word for sentence in sentences for word in sentence])
        words = iter([word or [UNKNOWN] for word in ids])
        return [[next(words) for _ in sentence] for sentence in sentences]


def packed(
    first: Sequence[Sequence[int]],
    second: Sequence[Sequence[int]] | None,
    longest: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Texts or pairs of them as a BERT reads them: `[CLS] first [SEP] second [SEP]`.

    Of a pair that is too long, pieces are taken from the end of the longer text, one by one.

    Args:
        first: ids of each text.
        second: of the other text of each pair, if there are pairs.
        longest: most ids of an example.

    Returns:
        `tokens` and `segments`, int32 of shape (examples, longest): ids, filled up with padding,
        and 1 where a token belongs to a second text (its separator included), else 0.
    """
    tokens = np.full((len(first), longest), PADDING, "int32")
    segments = np.zeros_like(tokens)
    pairs: Any = zip(first, second, strict=True) if second is not None else ((a, []) for a in first)
    for row, (a, b) in enumerate(pairs):
        room = longest - (2 if second is None else 3)
        a, b = list(a), list(b)
        shorter = min(len(a), len(b), room // 2)
        a, b = (a[: room - shorter], b[:shorter]) if len(a) > len(b) else (
            a[:shorter], b[: room - shorter])  # fmt: skip
        ids = [CLASSIFICATION, *a, SEPARATOR]
        if second is not None:
            segments[row, len(ids) : len(ids) + len(b) + 1] = 1
            ids += [*b, SEPARATOR]
        tokens[row, : len(ids)] = ids
    return tokens, segments


def text(ids: Iterable[int], vocabulary: Sequence[str]) -> str:
    """Ids as text, without padding."""
    pieces = [vocabulary[number] for number in ids if number != PADDING]
    return " ".join(pieces).replace(f" {CONTINUATION}", "")
