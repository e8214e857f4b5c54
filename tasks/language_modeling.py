"""Language modeling: predict the next word, judged by perplexity."""

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.tasks.pretraining_texts import (
    DOCS_SHARES,
    DOCS_VOCABULARY,
    WIKITEXT_TEST,
    WIKITEXT_TRAIN,
    WIKITEXT_VALID,
    unrepeated,
)

from harness.kinds.language_modeling import (
    FEATURES,
    VOCABULARY,
    baseline,
    compile_args,
    exhibit,
    prepared,
    score,
)
from harness.spec import HarnessError, Objective, Prepared, Reference, Task

END = "<eos>"
WIKITEXT_TOKENS = {"train": 2_088_628, "val": 217_646, "test": 245_569}
WIKITEXT_VOCABULARY = 33_278
WIKITEXT_FILES = {"train": "train.txt", "val": "valid.txt", "test": "test.txt"}
WINDOW = 64
FREQUENT, SAMPLED = 512, 512
"""Words of a step's softmax on WikiText-2: the most frequent ones, and draws from the others."""


def prepare_wikitext2(files: Mapping[str, Path]) -> Prepared:
    """WikiText-2, word level, official splits; `<eos>` ends each line, empty ones included.

    Validation is done on 128 windows (8,192 tokens) spread evenly over the official text, as
    the exact likelihood over 33,278 words takes long; the test text is scored whole.

    Raises:
        HarnessError: a file does not hold the tokens that it is known to hold.
    """
    words = {}
    for split, file in WIKITEXT_FILES.items():
        words[split] = list(_words(files[file]))
        if len(words[split]) != WIKITEXT_TOKENS[split]:
            raise HarnessError(
                f"task 'wikitext2', {split}: expected {WIKITEXT_TOKENS[split]:,} tokens, "
                f"found {len(words[split]):,}"
            )
    return prepared("wikitext2", words, WINDOW, END, "words", validation_windows=128)


def _words(path: Path) -> Iterator[str]:
    """The words of a file, `<eos>` after each line."""
    import tensorflow_text

    lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    for words in tensorflow_text.WhitespaceTokenizer().tokenize(lines).to_list():
        yield from (word.decode() for word in words)
        yield END


def prepare_python_docs(files: Mapping[str, Path]) -> Prepared:
    """The reference manual that comes with Python (`pydoc_data.topics`), in word pieces.

    Topics are taken in the order of the alphabet: the first 80 % of the text to train, 10 % to
    validate, 10 % to test. The text is that of the Python that runs, so that figures of two
    versions are not comparable. Sections that appear in several topics stay in the longest.
    The vocabulary, at most 2,000 pieces, is learned on the training topics alone.
    """
    from pydoc_data.topics import topics

    texts = split_topics(unrepeated(topics))
    tokenize = _piece_tokenizer(texts["train"])
    words = {split: [piece for topic in part for piece in [*tokenize(topic), END]]
             for split, part in texts.items()}  # fmt: skip
    return prepared("python_docs", words, WINDOW, END, "pieces")


def split_topics(topics: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Texts of whole topics for each split, cut where the shares of the text are reached."""
    total = sum(len(paragraph) for paragraphs in topics.values() for paragraph in paragraphs)
    texts: dict[str, list[str]] = {split: [] for split in DOCS_SHARES}
    done = 0
    for name in sorted(topics):
        reached, ends = done / total, 0.0
        for split, share in DOCS_SHARES.items():
            ends += share
            if reached < ends:
                texts[split].append("\n".join(topics[name]))
                break
        done += sum(map(len, topics[name]))
    return texts


def _piece_tokenizer(texts: list[str]) -> Any:
    """A function from a text to its pieces, with a WordPiece vocabulary learned on texts."""
    import tensorflow as tf
    import tensorflow_text
    from tensorflow_text.tools.wordpiece_vocab import bert_vocab_from_dataset

    vocabulary = bert_vocab_from_dataset.bert_vocab_from_dataset(
        tf.data.Dataset.from_tensor_slices(texts).batch(16),
        vocab_size=DOCS_VOCABULARY,
        reserved_tokens=["[UNK]"],
        bert_tokenizer_params={"lower_case": False},
    )
    table = tf.lookup.StaticVocabularyTable(
        tf.lookup.KeyValueTensorInitializer(
            vocabulary, tf.range(len(vocabulary), dtype=tf.int64), tf.string, tf.int64
        ),
        num_oov_buckets=1,
    )
    tokenizer = tensorflow_text.BertTokenizer(table, token_out_type=tf.string, lower_case=False)

    def tokenize(text: str) -> list[str]:
        pieces = tokenizer.tokenize([text]).merge_dims(-2, -1).to_list()[0]
        return [piece.decode() for piece in pieces]

    return tokenize


def sampled_softmax(model: Any) -> Any:
    """The model to fit in the place of a language model that has layers to sample between."""
    from harness.kinds.fitting.sampled_softmax import SampledSoftmax

    if not {FEATURES, VOCABULARY} <= {layer.name for layer in model.layers}:
        return model  # an architecture with a head of its own is trained on every word
    return SampledSoftmax(model, FREQUENT, SAMPLED)


_language_model = functools.partial(
    Task,
    kind="language_modeling",
    objective=Objective("perplexity", "min"),
    compile_args=compile_args,
    score=score,
    baseline=baseline,
    exhibit=exhibit,
    batch_sizes=(32, 64),
    learning_rate=2e-3,
)

wikitext2 = _language_model(
    name="wikitext2",
    prepare=prepare_wikitext2,
    training_model=sampled_softmax,
    sources=(WIKITEXT_TRAIN, WIKITEXT_VALID, WIKITEXT_TEST),
    licence="CC BY-SA 3.0",
    reference=Reference(65.8, "AWD-LSTM, Merity et al. 2017, arXiv:1708.02182, table 2"),
)

python_docs = _language_model(
    name="python_docs",
    prepare=prepare_python_docs,
    licence="PSF License Version 2",
    # No figure is published on this text.
    reference=None,
)
