"""What a trial may set in Keras, NumPy and the backend, and the next must find as it was.

Seeds and what `keras.utils.clear_session` takes back are not among it.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from harness.system import keras_settings

Setting = tuple[Callable[[], Any], Callable[[Any], Any]]
"""The functions that tell and that change it."""


@functools.cache
def note() -> tuple[tuple[Setting, Any], ...]:
    """The harness's own settings, and all others as they are when this is called first: before a
    trial imports any plugin."""
    keras_settings.settle()
    return tuple((setting, setting[0]()) for setting in _settings())


def restore() -> None:
    """Sets back what is no longer as it was noted."""
    for (tell, change), noted in note():
        if tell() != noted:
            change(noted)


def _settings() -> Iterator[Setting]:
    import keras

    config = keras.config
    yield config.floatx, config.set_floatx
    yield config.epsilon, config.set_epsilon
    yield config.image_data_format, config.set_image_data_format
    yield config.max_epochs, config.set_max_epochs
    yield config.max_steps_per_epoch, config.set_max_steps_per_epoch
    yield np.geterr, lambda noted: np.seterr(**noted)
    if config.backend() == "jax":
        import jax

        yield lambda: jax.config.values, _update_jax
    if config.backend() == "tensorflow":
        from tensorflow import config as tensorflow

        tf32 = tensorflow.experimental
        yield tensorflow.functions_run_eagerly, tensorflow.run_functions_eagerly
        yield tensorflow.optimizer.get_jit, tensorflow.optimizer.set_jit
        yield tf32.tensor_float_32_execution_enabled, tf32.enable_tensor_float_32_execution


def _update_jax(noted: Mapping[str, Any]) -> None:
    import jax

    found = jax.config.values
    for name, value in noted.items():
        if found[name] != value:
            jax.config.update(name, value)  # type: ignore[no-untyped-call]
