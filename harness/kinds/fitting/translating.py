"""From sentences to sentences with a fitted translation model, and where it looks meanwhile."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.kinds.text import subwords
from harness.kinds.text.subwords import END, PADDING, START

SOURCE = "source"
"""The input: a sentence."""
TARGET = "target"
"""The input: its translation, behind a start."""
NEXT_TOKEN = "next_token"  # noqa: S105 - no password
"""The output: the translation, one step ahead."""
SOURCE_VOCABULARY = "source_vocabulary"
"""The asset: pieces of the source's language."""
TARGET_VOCABULARY = "target_vocabulary"
"""The asset: pieces of the other language."""
LONGEST = "longest"
"""The asset: the most pieces of a sentence, with its end."""
BLEU_TOKENIZER = "bleu_tokenizer"
"""The asset: that of sacreBLEU, where it is not its default."""
TRANSLATOR = "translator"
"""The layer of a model that can go on from what it kept."""
BEAMS = 4
ALPHA = 0.6
"""Length normalisation of beam search, as in Vaswani et al. 2017, section 6.1."""


def translations(
    model: Any, source: np.ndarray, assets: Mapping[str, Any], beams: int = BEAMS
) -> list[str]:
    """What a model makes of sources (examples, length), as texts."""
    from harness.kinds.fitting import decoding

    ids = decoding.decoded(model, source, assets[LONGEST], beams, ALPHA)
    return texts(ids, assets[TARGET_VOCABULARY])


def translate(
    model: Any, sentences: Sequence[str], assets: Mapping[str, Any], beams: int = BEAMS
) -> list[str]:
    """What a model makes of any sentences; of one that is too long, of its beginning.

    Args:
        model: a fitted or loaded translation model.
        sentences: in the source language; may be empty texts.
        assets: those of the task the model was trained on.
        beams: hypotheses that beam search keeps; 1 for greedy search.
    """
    return translations(model, source_ids(sentences, assets), assets, beams)


def source_ids(sentences: Sequence[str], assets: Mapping[str, Any]) -> np.ndarray:
    """What a model reads of source sentences, int32 of shape (sentences, longest); of one that is
    too long, its beginning."""
    longest = assets[LONGEST]
    ids = subwords.loaded(assets[SOURCE_VOCABULARY]).encode(
        [" ".join(sentence.split()) for sentence in sentences]
    )
    return padded([[*sentence[: longest - 1], END] for sentence in ids], longest)


def texts(ids: np.ndarray, vocabulary: str) -> list[str]:
    """The text of each row of ids, up to its first end."""
    pieces = subwords.loaded(vocabulary)
    # A model may write the bytes of a line break.
    return [" ".join(pieces.decode(sentence).split()) for sentence in _sentences(ids)]


def _sentences(ids: np.ndarray) -> list[list[int]]:
    """Each row up to its first end or padding, as integers of Python."""
    stops = np.logical_or(ids == END, ids == PADDING)
    ends = np.where(stops.any(axis=1), stops.argmax(axis=1), ids.shape[1])
    return [row[:end].tolist() for row, end in zip(ids, ends, strict=True)]


def attention_maps(model: Any, source: np.ndarray, assets: Mapping[str, Any]) -> list[Any]:
    """Where a model looks in the source for each token of its own translation; empty for a
    model that does not attend.

    Args:
        model: a translation model.
        source: ids, shape (examples, length).
        assets: those of its task.

    Returns:
        For each source its tokens, those of the translation, and weights (target, source).
    """
    import keras

    from harness.kinds.fitting import decoding

    if not decoding.cacheable(model):
        return []
    translator = model.get_layer(TRANSLATOR)
    if not getattr(translator, "attends", hasattr(translator, "attention")):
        return []
    pieces = [subwords.loaded(assets[name]) for name in (SOURCE_VOCABULARY, TARGET_VOCABULARY)]
    hypotheses = decoding.decoded(model, source, assets[LONGEST], BEAMS, ALPHA)
    maps = []
    for sentence, hypothesis in zip(source, hypotheses, strict=True):
        read = sentence[sentence != PADDING]
        written = hypothesis[hypothesis != PADDING]
        target = np.concatenate([[START], written[:-1]]).astype("int32")
        weights = translator.attention(read[None], target[None])
        maps.append(
            {
                "source": pieces[0].id_to_piece(read.tolist()),
                "target": pieces[1].id_to_piece(written.tolist()),
                "weights": keras.ops.convert_to_numpy(weights)[0].astype("float64").tolist(),
            }
        )
    return maps


def padded(sentences: Sequence[Sequence[int]], longest: int) -> np.ndarray:
    """Ids filled up to one length, int32 of shape (sentences, longest)."""
    result = np.full((len(sentences), longest), PADDING, "int32")
    for row, sentence in zip(result, sentences, strict=True):
        row[: len(sentence)] = sentence
    return result


def trimmed(ids: np.ndarray) -> np.ndarray:
    """A batch without the columns that are padding alone, to a multiple of 8."""
    return ids[:, : -(-int((ids != PADDING).sum(axis=1).max()) // 8) * 8]
