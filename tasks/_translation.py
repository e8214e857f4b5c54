"""What every translation task shares: pairs of sentences, loss, BLEU, baselines, translations.

A translation task has two inputs and one output, ids of pieces: `source`, a sentence and its end;
`target`, a start and the sentence in the other language; `next_token`, that sentence and its end,
one step ahead of `target`. All are filled up with padding (0). Its assets: the vocabularies
`source_vocabulary` and `target_vocabulary`, as `tasks._subwords` writes them, and `longest`, the
most pieces of a sentence with its end.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.spec import (
    DataSpec,
    HarnessError,
    Prepared,
    Score,
    Split,
    TensorSpec,
    Training,
)
from tasks import _subwords
from tasks._alignment import dictionary, word_by_word
from tasks._subwords import END, PADDING, START

SOURCE, TARGET, NEXT = "source", "target", "next_token"
BEAMS = 4
ALPHA = 0.6
"""Length normalisation of beam search, as in Vaswani et al. 2017, section 6.1."""
SHOWN, MAPPED = 6, 3
"""Sentences of an exhibit: with their translations, and of those with attention maps."""
BATCH = 64

Pairs = tuple[Sequence[str], Sequence[str]]
"""Source sentences, and their translations."""


def prepared(
    task: str,
    pairs: Mapping[str, Pairs],
    vocabulary: int,
    longest: int,
    joint: bool = False,
    by_bytes: bool = True,
) -> Prepared:
    """A translation task from pairs of sentences.

    Spaces are made single ones; nothing else is done to a text. The vocabularies are learned on
    the training pairs.

    Args:
        task: its name, for the errors.
        pairs: sentences of `train`, `val`, `test` and further test splits.
        vocabulary: most pieces of a vocabulary.
        longest: most pieces of a sentence, its end included.
        joint: whether both languages have one vocabulary, so that models can share embeddings.
        by_bytes: see `tasks._subwords.learned`.

    Raises:
        HarnessError: files of different line counts, an empty line, a vocabulary smaller than the
            alphabet, a sentence longer than `longest`.
    """
    texts = {split: _checked(task, split, *sides) for split, sides in pairs.items()}
    source, target = texts["train"]
    if joint:
        both = _subwords.learned(task, "both languages", [*source, *target], vocabulary, by_bytes)
        vocabularies = both, both
    else:
        vocabularies = (
            _subwords.learned(task, SOURCE, source, vocabulary, by_bytes),
            _subwords.learned(task, TARGET, target, vocabulary, by_bytes),
        )
    pieces = [_subwords.loaded(text) for text in vocabularies]
    splits = {split: _split(task, split, sides, pieces, longest) for split, sides in texts.items()}
    source_spec, target_spec = (
        TensorSpec((None,), "int32", size=len(part), longest=longest) for part in pieces
    )
    return Prepared(
        DataSpec(
            {SOURCE: source_spec, TARGET: target_spec}, {NEXT: target_spec}, kind="translation"
        ),
        train=splits.pop("train"),
        val=splits.pop("val"),
        test=splits.pop("test"),
        further=splits,
        assets={
            "source_vocabulary": vocabularies[0],
            "target_vocabulary": vocabularies[1],
            "longest": longest,
        },
    )


def _checked(task: str, split: str, source: Sequence[str], target: Sequence[str]) -> Pairs:
    if len(source) != len(target):
        raise HarnessError(
            f"task {task!r}, {split}: {len(source):,} source sentences and {len(target):,} "
            "translations; expected as many lines in both files"
        )
    if not source:
        raise HarnessError(f"task {task!r}, {split}: no sentences; expected at least one")
    sides = []
    for name, lines in (("source", source), ("target", target)):
        texts = [" ".join(line.split()) for line in lines]
        if "" in texts:
            raise HarnessError(
                f"task {task!r}, {split}: line {texts.index('') + 1} of the {name} is empty; "
                "expected a sentence in every line"
            )
        sides.append(texts)
    return sides[0], sides[1]


def _split(task: str, split: str, texts: Pairs, pieces: Sequence[Any], longest: int) -> Split:
    ids = [part.encode(list(side)) for part, side in zip(pieces, texts, strict=True)]
    for name, sentences in zip((SOURCE, TARGET), ids, strict=True):
        lengths = [len(sentence) + 1 for sentence in sentences]
        if max(lengths) > longest:
            line = int(np.argmax(lengths))
            raise HarnessError(
                f"task {task!r}, {split}: line {line + 1} of the {name} has {lengths[line]} "
                f"pieces; expected at most {longest}"
            )
    source = _padded([[*sentence, END] for sentence in ids[0]], longest)
    target = _padded([[START, *sentence] for sentence in ids[1]], longest)
    following = _padded([[*sentence, END] for sentence in ids[1]], longest)
    return Split({SOURCE: source, TARGET: target}, {NEXT: following})


def _padded(sentences: Sequence[Sequence[int]], longest: int) -> np.ndarray:
    result = np.full((len(sentences), longest), PADDING, "int32")
    for row, sentence in zip(result, sentences, strict=True):
        row[: len(sentence)] = sentence
    return result


# --- training and scoring -------------------------------------------------------


def compile_args(spec: DataSpec, training: Training) -> dict[str, Any]:
    """Cross-entropy of the real tokens; their accuracy and perplexity, given those before."""
    import keras_hub

    from tasks._losses import TokenAccuracy, TokenCrossentropy

    return {
        "loss": TokenCrossentropy(training.label_smoothing, PADDING),
        "metrics": [
            TokenAccuracy(name="token_accuracy"),
            keras_hub.metrics.Perplexity(
                from_logits=True, mask_token_id=PADDING, name="perplexity"
            ),
        ],
    }


def score(model: Any, split: Split, assets: Mapping[str, Any]) -> Score:
    """BLEU and chrF of translations by beam search, and what is known of the reference's tokens.

    Metrics: `bleu` and `chrf` (sacreBLEU, 0 to 100), `exact_match` of whole sentences,
    `token_accuracy` and `perplexity` of each token given those before it in the reference.
    Per example: `hypothesis` and `reference`, texts; `chrf` of the sentence.
    """
    hypotheses = translations(model, np.asarray(split.x[SOURCE]), assets)
    references = texts(np.asarray(split.y[NEXT]), assets["target_vocabulary"])
    return Score(
        {**text_scores(hypotheses, references), **_token_scores(model, split)},
        {
            "hypothesis": np.array(hypotheses, dtype=np.str_),
            "reference": np.array(references, dtype=np.str_),
            "chrf": np.array(
                [chrf().sentence_score(h, [r]).score for h, r in _zip(hypotheses, references)],
                "float32",
            ),
        },
    )


def _zip(a: Sequence[str], b: Sequence[str]) -> Any:
    return zip(a, b, strict=True)


def bleu() -> Any:
    """The BLEU of all tables: sacreBLEU's own defaults (Post 2018, arXiv:1804.08771)."""
    import sacrebleu

    return sacrebleu.metrics.BLEU()


def chrf() -> Any:
    """The chrF of all tables: sacreBLEU's own defaults (Popović 2015)."""
    import sacrebleu

    return sacrebleu.metrics.CHRF()


def signature() -> str:
    """How BLEU is computed, such that others can compute the same: sacreBLEU's signature."""
    metric = bleu()
    metric.corpus_score(["a"], [["a"]])  # only then it knows the number of references
    return str(metric.get_signature())


def text_scores(hypotheses: Sequence[str], references: Sequence[str]) -> dict[str, float]:
    """BLEU, chrF, and the share of sentences that are their reference."""
    matches = [hypothesis == reference for hypothesis, reference in _zip(hypotheses, references)]
    return {
        "bleu": bleu().corpus_score(list(hypotheses), [list(references)]).score,
        "chrf": chrf().corpus_score(list(hypotheses), [list(references)]).score,
        "exact_match": float(np.mean(matches)),
    }


def _token_scores(model: Any, split: Split) -> dict[str, float]:
    """Accuracy and perplexity of the real tokens, given those before them."""
    from scipy.special import logsumexp

    inputs = {name: np.asarray(split.x[name]) for name in (SOURCE, TARGET)}
    following = np.asarray(split.y[NEXT])
    order = np.argsort((following != PADDING).sum(axis=1), kind="stable")
    right = count = 0
    log_likelihood = 0.0
    for first in range(0, len(order), BATCH):
        chosen = order[first : first + BATCH]
        batch = {name: trimmed(array[chosen]) for name, array in inputs.items()}
        tokens = trimmed(following[chosen])
        logits = np.asarray(model.predict_on_batch(batch)[NEXT], "float64")
        real = tokens != PADDING
        own = np.take_along_axis(logits, tokens[..., None], axis=-1)[..., 0]
        right += int((logits.argmax(axis=-1) == tokens)[real].sum())
        count += int(real.sum())
        log_likelihood += float((own - logsumexp(logits, axis=-1))[real].sum())
    return {
        "token_accuracy": right / count,
        "perplexity": float(np.exp(min(-log_likelihood / count, 700.0))),
    }


def trimmed(ids: np.ndarray) -> np.ndarray:
    """A batch without the columns that are padding alone, to a multiple of 8."""
    return ids[:, : -(-int((ids != PADDING).sum(axis=1).max()) // 8) * 8]


# --- translating ----------------------------------------------------------------


def translations(
    model: Any, source: np.ndarray, assets: Mapping[str, Any], beams: int = BEAMS
) -> list[str]:
    """What a model makes of sources (examples, length), as texts."""
    from tasks import _decoding

    ids = _decoding.decoded(model, source, assets["longest"], beams, ALPHA)
    return texts(ids, assets["target_vocabulary"])


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
    longest = assets["longest"]
    ids = _subwords.loaded(assets["source_vocabulary"]).encode(
        [" ".join(sentence.split()) for sentence in sentences]
    )
    source = _padded([[*sentence[: longest - 1], END] for sentence in ids], longest)
    return translations(model, source, assets, beams)


def texts(ids: np.ndarray, vocabulary: str) -> list[str]:
    """The text of each row of ids, up to its first end."""
    pieces = _subwords.loaded(vocabulary)
    return [pieces.decode(sentence) for sentence in _sentences(ids)]


def _sentences(ids: np.ndarray) -> list[list[int]]:
    """Each row up to its first end or padding, as integers of Python."""
    stops = np.logical_or(ids == END, ids == PADDING)
    ends = np.where(stops.any(axis=1), stops.argmax(axis=1), ids.shape[1])
    return [row[:end].tolist() for row, end in zip(ids, ends, strict=True)]


# --- baselines ------------------------------------------------------------------


def baseline(prepared: Prepared) -> dict[str, float]:
    """Test scores of the source itself, of a dictionary word by word, and of one token."""
    vocabularies = prepared.assets["source_vocabulary"], prepared.assets["target_vocabulary"]

    def sides(split: Split) -> tuple[list[str], list[str]]:
        return (
            texts(np.asarray(split.x[SOURCE]), vocabularies[0]),
            texts(np.asarray(split.y[NEXT]), vocabularies[1]),
        )

    source, references = sides(prepared.test)
    known = dictionary(*sides(prepared.train))
    translated = [word_by_word(sentence, known) for sentence in source]
    return {
        **text_scores(source, references),
        "bleu_dictionary": text_scores(translated, references)["bleu"],
        "token_accuracy": _commonest(prepared),
    }


def _commonest(prepared: Prepared) -> float:
    """Accuracy of always taking the commonest token of the training text."""
    train, test = (np.asarray(split.y[NEXT]) for split in (prepared.train, prepared.test))
    token = np.bincount(train[train != PADDING]).argmax()
    return float(np.mean(test[test != PADDING] == token))


# --- looking --------------------------------------------------------------------


def exhibit(model: Any, prepared: Prepared, score: Score) -> dict[str, Any]:
    """Translations of a few test sentences, BLEU by length of the source, attention maps."""
    assets = prepared.assets
    source = np.asarray(prepared.test.x[SOURCE])
    sources = texts(source, assets["source_vocabulary"])
    hypotheses, references = (
        [str(text) for text in score.per_example[name]] for name in ("hypothesis", "reference")
    )
    shown = np.linspace(0, len(sources) - 1, SHOWN + 2).astype("int64")[1:-1]
    return {
        "signature": signature(),
        "translations": [
            {"source": sources[n], "reference": references[n], "hypothesis": hypotheses[n]}
            for n in shown
        ],
        "scores_by_length": by_length(sources, hypotheses, references),
        "attention": attention_maps(model, source[shown[:MAPPED]], assets),
    }


def by_length(
    sources: Sequence[str], hypotheses: Sequence[str], references: Sequence[str]
) -> dict[str, Any]:
    """BLEU of four buckets of the test sentences, of about as many each, by words of the source."""
    words = np.array([len(source.split()) for source in sources])
    edges = np.unique([words.min(), *(np.quantile(words, [0.25, 0.5, 0.75]).astype(int) + 1)])
    edges = edges[edges <= words.max()]
    buckets = []
    for first, following in zip(edges, [*edges[1:], None], strict=True):
        last = None if following is None else int(following) - 1
        inside = (words >= first) & (True if last is None else words <= last)
        chosen = np.flatnonzero(inside)
        if len(chosen):
            scores = text_scores([hypotheses[n] for n in chosen], [references[n] for n in chosen])
            buckets.append(
                {
                    "first": int(first),
                    "last": last,
                    "examples": len(chosen),
                    "score": scores["bleu"],
                }
            )
    return {"metric": "bleu", "unit": "words of the source", "buckets": buckets}


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

    from tasks import _decoding

    if not _decoding.cacheable(model):
        return []
    translator = model.get_layer(_decoding.TRANSLATOR)
    if not translator.attends:
        return []
    pieces = [_subwords.loaded(assets[f"{side}_vocabulary"]) for side in (SOURCE, TARGET)]
    hypotheses = _decoding.decoded(model, source, assets["longest"], BEAMS, ALPHA)
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
