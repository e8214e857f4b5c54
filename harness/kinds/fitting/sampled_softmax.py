"""A softmax over a large vocabulary that is trained on a part of it at a time.

Imports keras at once: import it inside functions only.
"""

from typing import Any

import keras
import numpy as np

from harness.kinds.fitting.language_models import FEATURES, MATRIX


class SampledSoftmax(keras.Model):  # type: ignore[misc]
    """Trains a language model without computing the logits of every word.

    The partition function of the softmax is estimated by importance sampling, as in Bengio and
    Senécal 2008 and Jean et al. 2015 (arXiv:1412.2007): each step takes the most frequent words
    and one word drawn from each of many ranges of the rarer ones, which stands for its range.
    Ranges grow in proportion to the rank, so that by Zipf's law all weigh about the same. The
    target's own logit is always exact. All positions of a step share the words, so that two
    matrix products of fixed shape do the work, on any backend.

    Evaluation and prediction are those of the model itself, over the whole vocabulary.

    Args:
        model: a causal language model whose ids are sorted by falling frequency, which has a
            layer `features` (examples, steps, width) before a layer `vocabulary`: a `Dense` or
            a `ReversibleEmbedding`. Its layers are shared, not copied.
        frequent: number of the most frequent words that take part in every step.
        sampled: number of words drawn from the others.
    """

    def __init__(self, model: Any, frequent: int, sampled: int) -> None:
        super().__init__()
        self.model = model
        self.body = keras.Model(model.inputs, model.get_layer(FEATURES).output)
        self.vocabulary = model.get_layer(MATRIX)
        (logits,) = model.outputs
        edges = np.geomspace(frequent, logits.shape[-1], sampled + 1)
        self.frequent = np.arange(frequent, dtype="int32")
        self.first, self.width = edges[:-1].astype("float32"), np.diff(edges).astype("float32")
        self.log_weight = np.log(np.concatenate([np.ones(frequent), self.width])).astype("float32")
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, inputs: Any, training: bool = False) -> Any:
        """In training the features, which only `compute_loss` can use; else the logits."""
        if not training:
            return self.model(inputs, training=False)
        return {FEATURES: self.body(inputs, training=True)}

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The mean loss of a step in nats a token: estimated in training, exact otherwise."""
        if FEATURES not in y_pred:
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        losses = self.model.losses  # of regularisers, if there are any
        return keras.ops.mean(self._estimate(y_pred[FEATURES], y)) + sum(losses)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """In training only the loss, Keras's first metric: the features have no other score."""
        if FEATURES not in y_pred:
            return super().compute_metrics(x, y, y_pred, sample_weight)
        return {"loss": self.metrics[0].result()}

    def get_metrics_result(self) -> Any:
        """What has been measured: before the first evaluation, the loss alone."""
        measured = all(getattr(metric, "built", True) for metric in self.metrics)
        return super().get_metrics_result() if measured else {"loss": self.metrics[0].result()}

    def _estimate(self, features: Any, targets: Any) -> Any:
        """The loss of each token, from features (..., width) and targets (...)."""
        ops = keras.ops
        rows, bias = self._rows()
        features = ops.reshape(features, (-1, rows.shape[-1]))
        targets = ops.cast(ops.reshape(targets, (-1,)), "int32")
        within = keras.random.uniform(self.first.shape, seed=self.seed_generator)
        drawn = ops.cast(ops.floor(self.first + within * self.width), "int32")
        words = ops.concatenate([self.frequent, ops.minimum(drawn, rows.shape[0] - 1)])
        logits = ops.matmul(features, ops.transpose(ops.take(rows, words, axis=0)))
        logits = logits + self.log_weight
        target = ops.sum(features * ops.take(rows, targets, axis=0), axis=-1)
        if bias is not None:
            logits = logits + ops.take(bias, words)
            target = target + ops.take(bias, targets)
        # The target counts once, with its own logit.
        logits = ops.where(words[None, :] == targets[:, None], -1e9, logits)
        return ops.logaddexp(ops.logsumexp(logits, axis=-1), target) - target

    def _rows(self) -> tuple[Any, Any]:
        """One row of weights for each word, and the biases if there are any."""
        if isinstance(self.vocabulary, keras.layers.Dense):
            return keras.ops.transpose(self.vocabulary.kernel), self.vocabulary.bias
        return self.vocabulary.embeddings, None
