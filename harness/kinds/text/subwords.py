"""Subword vocabularies that lose nothing: SentencePiece, learned on training text alone.

SentencePiece (Kudo and Richardson 2018, arXiv:1808.06226) keeps spaces as a part of the pieces,
so that pieces give back the very text they were made from, and no rules are needed to join them.
"""

import base64
import io
from collections.abc import Sequence
from typing import Any

from harness.spec import HarnessError

PADDING, START, END, UNKNOWN = range(4)
"""Ids of what is no piece of text, in every vocabulary."""
BYTES = 256
"""Pieces that stand for a byte: what has no piece of its own is written in them."""


def learned(task: str, name: str, texts: Sequence[str], size: int, by_bytes: bool) -> str:
    """A vocabulary, as the base64 text that `loaded` reads.

    Args:
        task: name of the task, for the errors.
        name: what is written in it, such as `source`, for the errors.
        texts: training text, a sentence each.
        size: most pieces.
        by_bytes: whether characters that training text does not have are written byte by byte;
            they are unknown if not.

    Raises:
        HarnessError: the vocabulary is smaller than the alphabet.
    """
    import sentencepiece

    alphabet = {character for text in texts for character in text if not character.isspace()}
    # The space and the four ids that are no text are pieces, too.
    least = len(alphabet) + 1 + 4 + BYTES * by_bytes
    if size < least:
        raise HarnessError(
            f"task {task!r}, {name}: a vocabulary of {size} pieces is smaller than the alphabet; "
            f"expected at least {least}, for {len(alphabet)} characters"
        )
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=model,
        model_type="unigram",
        vocab_size=size,
        hard_vocab_limit=False,
        character_coverage=1.0,
        byte_fallback=by_bytes,
        normalization_rule_name="identity",
        pad_id=PADDING,
        bos_id=START,
        eos_id=END,
        unk_id=UNKNOWN,
        num_threads=1,
        minloglevel=2,
    )
    return base64.b64encode(model.getvalue()).decode()


def loaded(vocabulary: str) -> Any:
    """The `sentencepiece.SentencePieceProcessor` of a vocabulary."""
    import sentencepiece

    return sentencepiece.SentencePieceProcessor(model_proto=base64.b64decode(vocabulary))
