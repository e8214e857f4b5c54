"""What every language-modeling task shares: windows, loss, exact perplexity, baselines, samples.

A language-modeling task has one input, `tokens`, and one output, `next_token`, both of shape
(window,): the same stream of token ids, the output one token later. Ids are sorted by falling
frequency in the training text. Its assets: `vocabulary`, the word of each id, and `spelling`,
how words become text again: `words`, joined by spaces, or `pieces`, where `##` continues one.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from harness.kinds.fitting.windows import adjoining_windows, shifted
from harness.kinds.text.ngrams import kneser_ney_log_likelihoods, unigram_log_likelihoods
from harness.spec import (
    DataSpec,
    HarnessError,
    Prepared,
    Score,
    Split,
    TensorSpec,
    Training,
    Windows,
)

TOKENS, NEXT = "tokens", "next_token"
CONTEXT = 0.5
"""Share of a window that is context alone when a text is scored, but for its beginning."""
FEATURES, VOCABULARY = "features", "vocabulary"
"""Layers of a model that is taken apart: what goes into the product with the vocabulary's matrix,
and the `Dense` or `ReversibleEmbedding` that has the matrix."""
PROMPT_TOKENS = 16
PROMPTS = 3
NUCLEUS = 0.9
"""Probability mass that nucleus sampling chooses from: Holtzman et al. 2020."""


def prepared(
    task: str,
    texts: Mapping[str, Iterable[str]],
    window: int,
    end: str,
    spelling: str,
    validation_windows: int | None = None,
) -> Prepared:
    """A language-modeling task from the words of its splits.

    Each text is read as one stream behind one `end`, so that its first word is predicted, too.
    Windows adjoin: window i + 1 begins where window i ended, as a state carried over would need
    it. What is left of a text when no whole window fits is not trained on.

    Args:
        task: its name, for the errors.
        texts: words of `train`, `val` and `test`, in order; ids go to all words of all three.
        window: tokens that a model sees at once.
        end: the word that ends a line or a section.
        spelling: `words` or `pieces`.
        validation_windows: windows that validation is done on, evenly spread over the text;
            all of them if absent.

    Raises:
        HarnessError: a text is empty, or shorter than one window.
    """
    words = {split: list(text) for split, text in texts.items()}
    for split, text in words.items():
        if not text:
            raise HarnessError(f"task {task!r}, {split}: an empty text, of 0 tokens")
    vocabulary = _by_frequency(words, end)
    ids = {word: number for number, word in enumerate(vocabulary)}
    splits = {
        split: _split(task, split, np.array([ids[word] for word in [end, *text]], "int32"), window)
        for split, text in words.items()
    }
    if validation_windows is not None:
        splits["val"] = _spread(splits["val"], validation_windows)
    tensor = TensorSpec((window,), "int32", size=len(vocabulary))
    spec = DataSpec({TOKENS: tensor}, {NEXT: tensor}, kind="language_modeling")
    return Prepared(spec, **splits, assets={"vocabulary": vocabulary, "spelling": spelling})


def _by_frequency(words: Mapping[str, Sequence[str]], end: str) -> list[str]:
    """Every word: those of training by falling frequency, then those it does not have."""
    counts = Counter(words["train"])
    others = {end}.union(*words.values()) - counts.keys()
    return [*sorted(counts, key=lambda word: (-counts[word], word)), *sorted(others)]


def _split(task: str, split: str, stream: np.ndarray, window: int) -> Split:
    windows = adjoining_windows(task, split, stream, window, ahead=1)
    return Split({TOKENS: windows}, {NEXT: shifted(windows, 1)})


def _spread(split: Split, count: int) -> Split:
    chosen = np.unique(np.linspace(0, len(split) - 1, count).astype("int64"))
    (x,), (y,) = split.x.values(), split.y.values()
    assert isinstance(x, Windows)
    assert isinstance(y, Windows)
    return Split({TOKENS: x.take(chosen)}, {NEXT: y.take(chosen)})


# --- training and scoring -------------------------------------------------------


def compile_args(spec: DataSpec, training: Training) -> dict[str, Any]:
    """Cross-entropy of logits and perplexity, over the whole vocabulary."""
    import keras
    import keras_hub

    return {
        "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "metrics": [keras_hub.metrics.Perplexity(from_logits=True, name="perplexity")],
    }


def score(model: Any, split: Split, assets: Mapping[str, Any]) -> Score:
    """Perplexity over every token of a text, from the exact likelihood of a fitted model.

    Each token counts once. All but those of the first window are predicted from at least half a
    window of context, in windows that overlap by as much.

    Per example: `nll`, the mean negative log-likelihood in nats of each stretch of as many
    tokens as a window has; shape (stretches,).
    """
    (windows,) = split.x.values()
    assert isinstance(windows, Windows)
    log_likelihoods = token_log_likelihoods(model, np.asarray(windows.series), windows.length)
    stretches = np.arange(0, len(log_likelihoods), windows.length)
    lengths = np.diff(np.append(stretches, len(log_likelihoods)))
    nll = -np.add.reduceat(log_likelihoods, stretches) / lengths
    return Score(_metrics(log_likelihoods), {"nll": nll.astype("float32")})


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
    targets = keras.Input((count,), dtype="int32", name=NEXT)
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

    if not {FEATURES, VOCABULARY} <= {layer.name for layer in model.layers}:
        return model({TOKENS: tokens})[NEXT][:, -count:]
    features = keras.Model(model.inputs, model.get_layer(FEATURES).output)({TOKENS: tokens})
    vocabulary = model.get_layer(VOCABULARY)
    if isinstance(vocabulary, keras.layers.Dense):
        return vocabulary(features[:, -count:])
    return vocabulary(features[:, -count:], reverse=True)


def baseline(prepared: Prepared) -> dict[str, float]:
    """Test scores of the word frequencies, and the perplexity of a Kneser-Ney trigram."""
    streams = [
        np.asarray(next(iter(split.x.values())).series)  # type: ignore[union-attr]
        for split in (prepared.train, prepared.test)
    ]
    train, test = streams
    size = prepared.spec.outputs[NEXT].size
    assert size is not None
    # The first token of a stream is the end of nothing: it is given, not predicted.
    unigram = unigram_log_likelihoods(train, test, size)[1:]
    trigram = kneser_ney_log_likelihoods(train, test, size)[1:]
    return {**_metrics(unigram), "perplexity_trigram": _metrics(trigram)["perplexity"]}


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
    tokens = windows[places]
    greedy = continued(model, tokens, keras_hub.samplers.GreedySampler())
    nucleus = continued(model, tokens, keras_hub.samplers.TopPSampler(p=NUCLEUS, seed=0))
    return {
        "continuations": [
            {
                "prompt": text(window[:PROMPT_TOKENS], prepared.assets),
                "greedy": text(sure[PROMPT_TOKENS:], prepared.assets),
                "nucleus": text(drawn[PROMPT_TOKENS:], prepared.assets),
            }
            for window, sure, drawn in zip(tokens, greedy, nucleus, strict=True)
        ]
    }


def continued(model: Any, tokens: np.ndarray, sampler: Any) -> np.ndarray:
    """Windows whose tokens after the prompt are the model's own.

    Args:
        model: a causal `keras.Model` from `tokens` (examples, window) to logits.
        tokens: shape (examples, window); the first `PROMPT_TOKENS` of each are the prompt.
        sampler: a `keras_hub.samplers.Sampler`.

    Returns:
        Shape (examples, window).
    """
    import keras

    def next_token(prompt: Any, cache: Any, index: Any) -> tuple[Any, None, Any]:
        # What stands after the last known token does not matter to a causal model.
        logits = model({TOKENS: prompt}, training=False)[NEXT]
        return keras.ops.take(logits, index - 1, axis=1), None, cache

    class Continuation(keras.Model):  # type: ignore[misc]
        """The loop over the tokens as one graph: step by step, a recurrent model takes long."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model
            self.random = getattr(sampler, "seed_generator", None)

        def call(self, prompt: Any) -> Any:
            return sampler(next_token, prompt, index=PROMPT_TOKENS, model=model)

    continuation = Continuation()
    continuation.compile(jit_compile=model.jit_compile)
    return np.asarray(continuation.predict_on_batch(np.asarray(tokens, "int32")))


def text(ids: Iterable[int], assets: Mapping[str, Any]) -> str:
    """Token ids as text."""
    joined = " ".join(assets["vocabulary"][number] for number in ids)
    return joined.replace(" ##", "") if assets["spelling"] == "pieces" else joined
