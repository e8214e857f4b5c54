"""In how many bits the layers of a network compute.

Keras is imported inside functions, so that the driver can import this file without loading a
framework.
"""

from collections.abc import Callable
from typing import Any


def computing_in(policy: str, build: Callable[[], Any]) -> Any:
    """Builds a model whose layers have a policy of Keras.

    Recurrent layers compute in 32 bits all the same: a state that is carried over hundreds of
    steps in 16 loses what it holds (Micikevicius et al. 2018, arXiv:1710.03740, keep what
    accumulates in 32), and on JAX some of them fail.

    Args:
        policy: `float32` or `mixed_bfloat16`.
        build: what builds the model; layers for which it names a policy keep that.
    """
    import keras

    usual = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = build()
    finally:
        keras.config.set_dtype_policy(usual)
    return model if policy == "float32" else _with_recurrent_layers_in_32_bits(model)


def _with_recurrent_layers_in_32_bits(model: Any) -> Any:
    import keras

    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.RNN):
            for part in layer._flatten_layers():
                part.dtype_policy = "float32"
    return model
