"""Loss, exact perplexity, baselines and continuations of language models."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from harness.kinds.text import streams
from harness.kinds.text.ngrams import (
    LONGEST,
    kneser_ney_log_likelihoods,
    unigram_log_likelihoods,
)
from harness.spec import DataSpec, Prepared, Score, Split, Training, Windows

TOKENS = "tokens"
"""The input."""
NEXT_TOKEN = "next_token"  # noqa: S105 - no password
"""The output: the token after each."""
UNKNOWN = "unknown"
"""The asset: the id that stands for tokens which the vocabulary lacks, if some are."""
FEATURES = "features"
"""Name of the layer whose output is multiplied with the vocabulary's matrix."""
MATRIX = "vocabulary"
"""Name of the `Dense` or `ReversibleEmbedding` that has the matrix."""
CONTEXT = 0.5
"""Share of a window that is context alone when a text is scored, but for its beginning."""
PROMPT = 0.25
"""Share of a window that an exhibit begins with."""
PROMPTS = 3
NUCLEUS = 0.9
"""Probability mass that nucleus sampling chooses from: Holtzman et al. 2020."""
LARGE = 10_000
"""Tokens of a vocabulary from which on training computes a part of the softmax only."""
FREQUENT, SAMPLED = 512, 512
"""Of that part: the most frequent tokens, and draws from the others."""


def compile_args(spec: DataSpec, training: Training) -> dict[str, Any]:
    """Cross-entropy of logits and perplexity, over the whole vocabulary."""
    import keras
    import keras_hub

    return {
        "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "metrics": [keras_hub.metrics.Perplexity(from_logits=True, name="perplexity")],
    }


def sampled_softmax(model: Any) -> Any:
    """The model to fit in the place of a language model of a large vocabulary that has layers to
    sample between; else the model itself."""
    size = model.outputs[0].shape[-1]
    if size < LARGE or not {FEATURES, MATRIX} <= {layer.name for layer in model.layers}:
        return model  # every token is computed, as an architecture with a head of its own must
    from harness.kinds.fitting.sampled_softmax import SampledSoftmax

    return SampledSoftmax(model, FREQUENT, SAMPLED)


def score(model: Any, split: Split, assets: Mapping[str, Any]) -> Score:
    """Perplexity over every token of a text, from the exact likelihood of a fitted model.

    Each token counts once. All but those of the first window are predicted from at least half a
    window of context, in windows that overlap by as much.

    Metrics: `perplexity`, `log_loss` in nats, and the `unknown_share` of the text if its vocabulary
    lacks some of it: what is unknown is one token, which is easier than the word itself.
    Per example: `nll`, the mean negative log-likelihood in nats of each stretch of as many
    tokens as a window has; shape (stretches,).
    """
    (windows,) = split.x.values()
    assert isinstance(windows, Windows)
    log_likelihoods = token_log_likelihoods(model, np.asarray(windows.series), windows.length)
    metrics = _metrics(log_likelihoods)
    if (unknown := assets.get(UNKNOWN)) is not None:
        metrics["unknown_share"] = float(np.mean(np.asarray(windows.series)[1:] == unknown))
    return Score(metrics, {"nll": by_stretch(log_likelihoods, windows.length)})


def token_log_likelihoods(model: Any, stream: np.ndarray, window: int) -> np.ndarray:
    """Log-probability of each token of a stream given those before it, in nats.

    Args:
        model: a `keras.Model` from `tokens` (examples, window) to logits of the next token.
        stream: token ids, shape (tokens,), of at least a window and one token.
        window: tokens that the model sees.

    Returns:
        Float64 of shape (tokens - 1,): nothing comes before the first token.
    """
    predicted = len(stream) - 1
    stride = window - int(window * CONTEXT)
    # Where each window after the first begins; the last one ends with the stream.
    starts = np.minimum(np.arange(stride, predicted - window + stride, stride), predicted - window)
    result = np.full(predicted, np.nan)
    for first, count in ((np.array([0]), window), (starts, stride)):
        for places, values in _predicted(model, stream, first, window, count):
            # The last window may hold tokens that the one before it has predicted already,
            # from more context: those stay.
            new = np.isnan(result[places])
            result[places[new]] = values[new]
    return result


def _predicted(
    model: Any, stream: np.ndarray, starts: np.ndarray, window: int, count: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Places and log-likelihoods of the last `count` tokens of some windows, batch by batch."""
    import keras

    tokens = keras.Input((window,), dtype="int32", name=TOKENS)
    targets = keras.Input((count,), dtype="int32", name=NEXT_TOKEN)
    logits = keras.ops.cast(_last_logits(model, tokens, count), "float32")
    chosen = keras.ops.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
    likelihood = keras.Model([tokens, targets], chosen - keras.ops.logsumexp(logits, axis=-1))
    likelihood.compile(jit_compile=model.jit_compile)
    batch = max(1, 2**25 // (count * logits.shape[-1]))
    for first in range(0, len(starts), batch):
        begin = starts[first : first + batch, None]
        places = begin + np.arange(window - count, window)
        inputs = [stream[begin + np.arange(window)], stream[places + 1]]
        yield places, np.asarray(likelihood.predict_on_batch(inputs), "float64")


def _last_logits(model: Any, tokens: Any, count: int) -> Any:
    """The logits of the last `count` tokens; of no others, where the model can be taken apart."""
    import keras

    if not {FEATURES, MATRIX} <= {layer.name for layer in model.layers}:
        return model({TOKENS: tokens})[NEXT_TOKEN][:, -count:]
    features = keras.Model(model.inputs, model.get_layer(FEATURES).output)({TOKENS: tokens})
    vocabulary = model.get_layer(MATRIX)
    if isinstance(vocabulary, keras.layers.Dense):
        return vocabulary(features[:, -count:])
    return vocabulary(features[:, -count:], reverse=True)


def baseline(prepared: Prepared) -> dict[str, float | Score]:
    """Test scores of the word frequencies, and of Kneser-Ney n-grams as long as is best on
    validation."""
    found: list[Windows] = [
        next(iter(split.x.values()))  # type: ignore[misc]
        for split in (prepared.train, prepared.val, prepared.test)
    ]
    train, val, test = (np.asarray(windows.series) for windows in found)
    size = prepared.spec.outputs[NEXT_TOKEN].size
    assert size is not None
    # The first token of a stream is the end of nothing: it is given, not predicted.
    unigram = unigram_log_likelihoods(train, test, size)[1:]
    chosen = kneser_ney_log_likelihoods(train, val, size, LONGEST)
    length = 1 + int(np.argmax([own[1:].mean() for own in chosen]))
    own = kneser_ney_log_likelihoods(train, test, size, length)[-1][1:]
    rival = Score(_metrics(own), {"nll": by_stretch(own, found[-1].length)})
    return {**_metrics(unigram), f"Kneser-Ney_{length}-gram": rival}


def by_stretch(log_likelihoods: np.ndarray, window: int) -> np.ndarray:
    """The mean negative log-likelihood of each stretch of as many tokens as a window has."""
    stretches = np.arange(0, len(log_likelihoods), window)
    lengths = np.diff(np.append(stretches, len(log_likelihoods)))
    nll = -np.add.reduceat(log_likelihoods, stretches) / lengths
    return np.asarray(nll, "float32")


def _metrics(log_likelihoods: np.ndarray) -> dict[str, float]:
    log_loss = -math.fsum(log_likelihoods) / len(log_likelihoods)
    # A model that calls a token impossible has no perplexity.
    return {
        "perplexity": math.exp(log_loss) if log_loss < 700 else math.inf,
        "log_loss": log_loss,
    }


# --- looking --------------------------------------------------------------------


def exhibit(model: Any, prepared: Prepared, score: Score) -> dict[str, Any]:
    """How the model goes on from a few places of the test text, greedy and by nucleus sampling.

    Returns:
        `continuations`, each with the texts `prompt`, `greedy` and `nucleus`.
    """
    import keras_hub

    (windows,) = prepared.test.x.values()
    places = np.linspace(0, len(windows) - 1, PROMPTS + 2).astype("int64")[1:-1]
    tokens = np.asarray(windows[places])
    prompt = max(1, int(PROMPT * tokens.shape[1]))
    greedy = continued(model, tokens, keras_hub.samplers.GreedySampler(), prompt)
    nucleus = continued(model, tokens, keras_hub.samplers.TopPSampler(p=NUCLEUS, seed=0), prompt)
    return {
        "continuations": [
            {
                "prompt": streams.spelled(window[:prompt], prepared.assets),
                "greedy": streams.spelled(sure[prompt:], prepared.assets),
                "nucleus": streams.spelled(drawn[prompt:], prepared.assets),
            }
            for window, sure, drawn in zip(tokens, greedy, nucleus, strict=True)
        ]
    }


def continued(model: Any, tokens: np.ndarray, sampler: Any, prompt: int) -> np.ndarray:
    """Windows whose tokens after the prompt are the model's own.

    Args:
        model: a causal `keras.Model` from `tokens` (examples, window) to logits.
        tokens: shape (examples, window).
        sampler: a `keras_hub.samplers.Sampler`.
        prompt: tokens at the beginning of each window that stay.

    Returns:
        Shape (examples, window).
    """
    import keras

    def next_token(known: Any, cache: Any, index: Any) -> tuple[Any, None, Any]:
        # What stands after the last known token does not matter to a causal model.
        logits = model({TOKENS: known}, training=False)[NEXT_TOKEN]
        return keras.ops.take(logits, index - 1, axis=1), None, cache

    class Continuation(keras.Model):  # type: ignore[misc]
        """The loop over the tokens as one graph: step by step, a recurrent model takes long."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model
            self.random = getattr(sampler, "seed_generator", None)

        def call(self, windows: Any) -> Any:
            return sampler(next_token, windows, index=prompt, model=model)

    continuation = Continuation()
    continuation.compile(jit_compile=model.jit_compile)
    return np.asarray(continuation.predict_on_batch(np.asarray(tokens, "int32")))
