"""What every translation task shares: pairs of sentences, loss, BLEU, baselines, translations.

A translation task has two inputs and one output, ids of pieces: `source`, a sentence and its end;
`target`, a start and the sentence in the other language; `next_token`, that sentence and its end,
one step ahead of `target`. All are filled up with padding (0). Its assets: the vocabularies
`source_vocabulary` and `target_vocabulary`, as `text.subwords` writes them, and `longest`,
the most pieces of a sentence with its end.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.kinds.fitting.translating import attention_maps, padded, texts, translations, trimmed
from harness.kinds.text import subwords
from harness.kinds.text.alignment import dictionary, word_by_word
from harness.kinds.text.bleu import by_length, chrf, signature, text_scores
from harness.kinds.text.subwords import END, PADDING, START
from harness.spec import DataSpec, HarnessError, Prepared, Score, Split, TensorSpec, Training

SOURCE, TARGET, NEXT = "source", "target", "next_token"
SHOWN, MAPPED = 6, 3
"""Sentences of an exhibit: with their translations, and of those with attention maps."""
BATCH = 64
MOST_LOGITS = 2**25
"""Of a batch that is scored: 256 MiB of 64-bit floats."""

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
        by_bytes: see `harness.kinds.text.subwords.learned`.

    Raises:
        HarnessError: files of different line counts, an empty line, a vocabulary smaller than the
            alphabet, a sentence longer than `longest`.
    """
    sentences = {split: _checked(task, split, *sides) for split, sides in pairs.items()}
    source, target = sentences["train"]
    if joint:
        both = subwords.learned(task, "both languages", [*source, *target], vocabulary, by_bytes)
        vocabularies = both, both
    else:
        vocabularies = (
            subwords.learned(task, SOURCE, source, vocabulary, by_bytes),
            subwords.learned(task, TARGET, target, vocabulary, by_bytes),
        )
    pieces = [subwords.loaded(text) for text in vocabularies]
    splits = {
        split: _split(task, split, sides, pieces, longest) for split, sides in sentences.items()
    }
    names = ("both", "both") if joint else (SOURCE, TARGET)
    source_spec, target_spec = (
        TensorSpec((None,), "int32", size=len(part), longest=longest, vocabulary=name)
        for name, part in zip(names, pieces, strict=True)
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
        cleaned = [" ".join(line.split()) for line in lines]
        if "" in cleaned:
            raise HarnessError(
                f"task {task!r}, {split}: line {cleaned.index('') + 1} of the {name} is empty; "
                "expected a sentence in every line"
            )
        sides.append(cleaned)
    return sides[0], sides[1]


def _split(task: str, split: str, sides: Pairs, pieces: Sequence[Any], longest: int) -> Split:
    ids = [part.encode(list(side)) for part, side in zip(pieces, sides, strict=True)]
    for name, part, texts_, sentences in zip((SOURCE, TARGET), pieces, sides, ids, strict=True):
        for line, (text, sentence) in enumerate(zip(texts_, sentences, strict=True), start=1):
            if part.decode(sentence) != text:
                raise HarnessError(
                    f"task {task!r}, {split}: line {line} of the {name} cannot be written in the "
                    f"vocabulary: {text!r:.80} becomes {part.decode(sentence)!r:.80}"
                )
        lengths = [len(sentence) + 1 for sentence in sentences]
        if max(lengths) > longest:
            line = int(np.argmax(lengths))
            raise HarnessError(
                f"task {task!r}, {split}: line {line + 1} of the {name} has {lengths[line]} "
                f"pieces; expected at most {longest}"
            )
    source = padded([[*sentence, END] for sentence in ids[0]], longest)
    target = padded([[START, *sentence] for sentence in ids[1]], longest)
    following = padded([[*sentence, END] for sentence in ids[1]], longest)
    return Split({SOURCE: source, TARGET: target}, {NEXT: following})


# --- training and scoring -------------------------------------------------------


def compile_args(spec: DataSpec, training: Training) -> dict[str, Any]:
    """Cross-entropy of the real tokens; their accuracy, given those before."""
    from harness.kinds.fitting.losses import TokenAccuracy, TokenCrossentropy

    return {
        "loss": TokenCrossentropy(training.label_smoothing, PADDING),
        # Perplexity would take a tenth of the time of training; `score` gives it.
        "metrics": [TokenAccuracy(name="token_accuracy")],
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
        {**text_scores(hypotheses, references), **_token_scores(model, split, assets)},
        {
            "hypothesis": np.array(hypotheses, dtype=np.str_),
            "reference": np.array(references, dtype=np.str_),
            "chrf": np.array(
                [
                    chrf().sentence_score(h, [r]).score
                    for h, r in zip(hypotheses, references, strict=True)
                ],
                "float32",
            ),
        },
    )


def _token_scores(model: Any, split: Split, assets: Mapping[str, Any]) -> dict[str, float]:
    """Accuracy and perplexity of the real tokens, given those before them."""
    from scipy.special import logsumexp

    inputs = {name: np.asarray(split.x[name]) for name in (SOURCE, TARGET)}
    following = np.asarray(split.y[NEXT])
    order = np.argsort((following != PADDING).sum(axis=1), kind="stable")
    right = count = 0
    log_likelihood = 0.0
    size = len(subwords.loaded(assets["target_vocabulary"]))
    batch_size = max(1, min(BATCH, MOST_LOGITS // (size * assets["longest"])))
    for first in range(0, len(order), batch_size):
        chosen = order[first : first + batch_size]
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
