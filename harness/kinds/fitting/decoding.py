"""How a translation model writes: greedy and beam search, one token at a time.

Any `keras.Model` from `source` and `target` to logits of `next_token` can be decoded. A model
that has a layer `translator` with methods `begin` and `step` reads the source once and computes
one position a step from what it kept of the others; any other model reads all that was written
so far again and again, which is also the reference that tests compare with.

Imports keras at once: import it inside functions only.
"""

import functools
from typing import Any

import keras
import keras_hub
import numpy as np

from harness.kinds.fitting.translating import NEXT_TOKEN, SOURCE, TARGET, TRANSLATOR
from harness.kinds.text.subwords import END, PADDING, START

NEVER = -1e9
"""Log-probability of what must not be chosen."""
ROOM = 2
"""Steps that are tried first, in source lengths."""


class Cached:
    """Writes with the layer `translator` of a model.

    Everything below works on rows: one hypothesis each.
    """

    def __init__(self, model: Any) -> None:
        self.translator = model.get_layer(TRANSLATOR)

    def begin(self, source: Any, steps: int) -> tuple[Any, Any]:
        """What stays the same while rows (rows, source length) are translated, and what changes."""
        context, state = self.translator.begin(source, steps)
        return context, state

    def step(self, tokens: Any, index: Any, context: Any, state: Any) -> tuple[Any, Any]:
        """Logits (rows, vocabulary) of what follows tokens (rows,) at `index`; the next state."""
        logits, state = self.translator.step(tokens, index, context, state)
        return logits, state


class Uncached:
    """Writes with a whole model, which reads everything anew for each token."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def begin(self, source: Any, steps: int) -> tuple[Any, Any]:
        """The source, and the empty target."""
        return source, keras.ops.zeros((keras.ops.shape(source)[0], steps), "int32")

    def step(self, tokens: Any, index: Any, context: Any, state: Any) -> tuple[Any, Any]:
        """As of `Cached`; the state is what was written so far."""
        target = keras.ops.slice_update(state, (0, index), tokens[:, None])
        logits = self.model({SOURCE: context, TARGET: target}, training=False)[NEXT_TOKEN]
        return keras.ops.take(logits, index, axis=1), target


def cacheable(model: Any) -> bool:
    """Whether a model can go on from what it kept."""
    return any(
        layer.name == TRANSLATOR and hasattr(layer, "begin") and hasattr(layer, "step")
        for layer in model.layers
    )


class _Search(keras.Model):  # type: ignore[misc]
    """What both searches share: a graph from `source` to hypotheses, compiled by Keras."""

    def __init__(self, model: Any, steps: int, cached: bool) -> None:
        super().__init__()
        self.model = model  # its weights are those of this model
        self.writer = Cached(model) if cached else Uncached(model)
        self.steps = steps

    def _log_probabilities(
        self, tokens: Any, index: Any, context: Any, state: Any
    ) -> tuple[Any, Any]:
        """Of every next token, (rows, vocabulary), and the state behind it."""
        logits, state = self.writer.step(tokens, index, context, state)
        logits = keras.ops.cast(logits, "float32")
        numbers = keras.ops.arange(keras.ops.shape(logits)[-1])
        forbidden = keras.ops.logical_or(numbers == PADDING, numbers == START)
        return keras.ops.log_softmax(keras.ops.where(forbidden, NEVER, logits)), state


class GreedySearch(_Search):
    """Takes the likeliest token each time, by KerasHub's sampler.

    Args:
        model: a translation model.
        steps: most tokens of a hypothesis, its end included.
        cached: whether to go on from what was kept.
    """

    def call(self, source: Any) -> tuple[Any, Any]:
        """As of `BeamSearch`."""
        ops = keras.ops
        context, state = self.writer.begin(source, self.steps)

        def following(prompt: Any, cache: Any, index: Any) -> tuple[Any, None, Any]:
            token = ops.take(prompt, index - 1, axis=1)
            logits, cache = self._log_probabilities(token, index - 1, context, cache)
            return logits, None, cache

        rows = ops.shape(source)[0]
        prompt = ops.concatenate(
            [ops.full((rows, 1), START, "int32"), ops.zeros((rows, self.steps), "int32")], axis=1
        )
        written = keras_hub.samplers.GreedySampler()(
            following, prompt, cache=state, index=1, stop_token_ids=[END]
        )
        hypotheses = ended(written[:, 1:])
        return hypotheses, ops.any(hypotheses == END, axis=1)


class BeamSearch(_Search):
    """Keeps the best hypotheses while they grow, and compares them at equal length.

    A hypothesis scores its log-probability divided by ((5 + length) / 6) ** alpha (Wu et al.
    2016, arXiv:1609.08144, equation 14). One that has ended stays, unchanged, as long as it is
    among the best; the search is over when all of the best have ended.

    Args:
        model: a translation model.
        steps: most tokens of a hypothesis, its end included.
        beams: hypotheses that are kept.
        alpha: how much length is made up for, 0 for not at all.
        cached: whether to go on from what was kept.
    """

    def __init__(self, model: Any, steps: int, beams: int, alpha: float, cached: bool) -> None:
        super().__init__(model, steps, cached)
        self.beams, self.alpha = beams, alpha

    def call(self, source: Any) -> tuple[Any, Any]:
        """The best hypotheses of sources (examples, length): int32 of shape (examples, steps);
        and for which examples the search was over, so that more steps would change nothing."""
        ops = keras.ops
        examples, beams = ops.shape(source)[0], self.beams
        context, state = keras.tree.map_structure(
            lambda tensor: ops.repeat(tensor, beams, axis=0),
            self.writer.begin(source, self.steps),
        )
        written = ops.zeros((examples, beams, self.steps), "int32")
        tokens = ops.full((examples, beams), START, "int32")
        # All beams begin alike: the first step is that of the first one.
        total = ops.tile(ops.array([[0.0] + [NEVER] * (beams - 1)], "float32"), (examples, 1))
        lengths = ops.zeros((examples, beams), "int32")
        done = ops.zeros((examples, beams), "bool")
        first_rows = ops.arange(examples)[:, None] * beams

        def going_on(
            index: Any, written: Any, tokens: Any, total: Any, lengths: Any, done: Any, state: Any
        ) -> Any:
            return ops.logical_not(ops.all(done))

        def advance(
            index: Any, written: Any, tokens: Any, total: Any, lengths: Any, done: Any, state: Any
        ) -> Any:
            following, state = self._log_probabilities(
                ops.reshape(tokens, (-1,)), index, context, state
            )
            size = following.shape[-1]
            following = ops.reshape(following, (-1, beams, size))
            # What has ended goes on with padding alone, at no cost.
            still = ops.where(ops.arange(size) == PADDING, 0.0, NEVER)
            totals = total[..., None] + ops.where(done[..., None], still, following)
            lengths = ops.where(done, lengths, lengths + 1)
            scores = self._normalized(totals, lengths[..., None])
            _, best = ops.top_k(ops.reshape(scores, (-1, beams * size)), beams)
            best = ops.cast(best, "int32")
            beam, token = best // size, best % size

            def kept(values: Any) -> Any:
                return ops.take_along_axis(values, beam, axis=1)

            total = ops.take_along_axis(ops.reshape(totals, (-1, beams * size)), best, axis=1)
            written = ops.take_along_axis(written, beam[..., None], axis=1)
            written = ops.slice_update(written, (0, 0, index), token[..., None])
            done = ops.logical_or(kept(done), token == END)
            rows = ops.reshape(first_rows + beam, (-1,))
            state = keras.tree.map_structure(lambda tensor: ops.take(tensor, rows, axis=0), state)
            return index + 1, written, token, total, kept(lengths), done, state

        _, written, _, total, lengths, done, _ = ops.while_loop(
            going_on,
            advance,
            (ops.array(0, "int32"), written, tokens, total, lengths, done, state),
            maximum_iterations=self.steps,
        )
        best = ops.argmax(self._normalized(total, lengths), axis=1)
        hypotheses = ops.take_along_axis(written, best[:, None, None], axis=1)[:, 0]
        return hypotheses, ops.all(done, axis=1)

    def _normalized(self, total: Any, lengths: Any) -> Any:
        return total / ((5.0 + keras.ops.cast(lengths, "float32")) / 6.0) ** self.alpha


def ended(hypotheses: Any) -> Any:
    """Hypotheses (examples, steps) with padding behind their first end."""
    ends = keras.ops.cast(hypotheses == END, "int32")
    before = keras.ops.cumsum(ends, axis=1) - ends
    return keras.ops.where(before > 0, PADDING, hypotheses)


def decoded(
    model: Any,
    source: np.ndarray,
    steps: int,
    beams: int = 1,
    alpha: float = 0.0,
    cached: bool | None = None,
    batch: int = 64,
) -> np.ndarray:
    """The hypotheses of a model, those of about the same length in one batch.

    Args:
        model: a translation model.
        source: ids, each source with its end, shape (examples, length).
        steps: most tokens of a hypothesis, its end included.
        beams: 1 for greedy search.
        alpha: length normalisation, see `BeamSearch`.
        cached: whether to go on from what was kept; where that can be done if absent.
        batch: sources that are translated together; fewer where nothing is kept.

    Returns:
        Ids, each hypothesis with its end if it came to one, int32 of shape (examples, steps).
    """
    cached = cacheable(model) if cached is None else cached
    batch = batch if cached else max(1, batch // beams)
    jit_compile = model.jit_compile if model.compiled else "auto"

    @functools.cache
    def searching(room: int) -> _Search:
        search = (
            GreedySearch(model, room, cached)
            if beams == 1
            else BeamSearch(model, room, beams, alpha, cached)
        )
        search.compile(jit_compile=jit_compile)
        return search

    lengths = (source != PADDING).sum(axis=1)
    order = np.argsort(lengths, kind="stable")
    result = np.zeros((len(source), steps), "int32")
    for first in range(0, len(source), batch):
        chosen = order[first : first + batch]
        width = -(-int(lengths[chosen].max()) // 8) * 8
        # A step costs as much as there is room for all steps. Few sentences need all of it.
        for room in sorted({min(steps, int(ROOM * width)), steps}):
            hypotheses, over = searching(room).predict_on_batch(source[chosen, :width])
            result[chosen, :room] = np.asarray(hypotheses)
            chosen = chosen[~np.asarray(over)]
            if not len(chosen):
                break
    return result
