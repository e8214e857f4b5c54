"""Whether a language model sees the future, on whatever backend Keras has.

    KERAS_BACKEND=jax python -m tests.causality [CONFIGURATIONS]

tries as many configurations of every body, and names the backend and the bodies if all is well.
"""

import sys

import keras
import numpy as np

from harness import registry
from harness.spec import DataSpec, TensorSpec
from tests.test_contracts import configurations

KIND = "language_modeling"
BODIES = [space for space in registry.spaces().values() if KIND in space.kinds]


def text_spec(steps, vocabulary):
    tokens = TensorSpec((steps,), "int32", vocabulary)
    return DataSpec({"tokens": tokens}, {"next_token": tokens}, KIND)


def check(space, count=3, steps=21, vocabulary=50):
    """Asserts that logits depend on their own token and on no later one.

    Tries the default configuration and `count - 1` random ones. In copy t of a text, token t
    and all after it are others: logits before t must be those of the text, those at t must not.
    """
    tokens = np.random.default_rng(0).integers(0, vocabulary, steps, dtype="int32")
    later = np.triu(np.ones((steps, steps), "int32"))
    copies = np.concatenate([tokens[None], (tokens + later) % vocabulary])
    for config in configurations(space, KIND, count):
        keras.utils.set_random_seed(0)
        model = space.build(config, text_spec(steps, vocabulary))
        (logits,) = model.predict_on_batch({"tokens": copies}).values()
        logits = keras.ops.convert_to_numpy(logits)
        change = np.abs(logits[1:] - logits[:1]).max(axis=-1)
        np.testing.assert_allclose(np.tril(change, -1), 0, atol=1e-5, err_msg=str(config))
        assert (np.diag(change) > 1e-3).all(), f"{config} does not see its own token"


if __name__ == "__main__":
    for body in BODIES:
        check(body, *map(int, sys.argv[1:]))
    print(keras.backend.backend(), *(body.name for body in BODIES))
