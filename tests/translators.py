"""What a translation architecture must keep to, on whatever backend Keras has.

    KERAS_BACKEND=jax python -m tests.translators CONFIGURATIONS SEARCHED

checks as many configurations of each, searches with the first SEARCHED architectures, and names
the backend and the architectures if all is well.
"""

import sys

import keras
import numpy as np

from harness import registry
from harness.kinds.fitting import decoding
from harness.spec import DataSpec, TensorSpec
from tests.test_contracts import configurations

KIND = "translation"
SPACES = [space for space in registry.spaces().values() if KIND in space.kinds]
SIZE, LONGEST = 30, 24
SOURCE = np.array([[5, 6, 7, 8, 2], [9, 4, 2, 0, 0], [11, 2, 0, 0, 0]], "int32")
TARGET = np.array([[1, 5, 9, 4, 7, 6], [1, 8, 3, 0, 0, 0], [1, 12, 13, 14, 0, 0]], "int32")


def translation_spec(source="both", target="both"):
    """Of vocabularies of these names."""
    tokens = TensorSpec((None,), "int32", SIZE, LONGEST, target)
    inputs = {"source": TensorSpec((None,), "int32", SIZE, LONGEST, source), "target": tokens}
    return DataSpec(inputs, {"next_token": tokens}, KIND)


def models(space, count, spec=None):
    """A model of each of `count` configurations, the default one first."""
    for config in configurations(space, KIND, count):
        keras.utils.set_random_seed(0)
        yield config, space.build(config, spec or translation_spec())


def logits(model, source, target):
    outputs = model.predict_on_batch({"source": source, "target": target})["next_token"]
    return keras.ops.convert_to_numpy(outputs)


def wider(ids, columns):
    return np.pad(ids, ((0, 0), (0, columns)))


def check_padding(config, model):
    """More padding, and what stands behind it, change nothing before it."""
    expected = logits(model, SOURCE, TARGET)
    source, target = wider(SOURCE, 4), wider(TARGET, 3)
    again = logits(model, source, target)[:, : TARGET.shape[1]]
    np.testing.assert_allclose(again, expected, atol=2e-5, err_msg=str(config))
    alone = [
        logits(model, s[None, : (s != 0).sum()], t[None])[0]
        for s, t in zip(SOURCE, TARGET, strict=True)
    ]
    np.testing.assert_allclose(np.stack(alone), expected, atol=2e-5, err_msg=str(config))


def check_causality(config, model):
    """Logits depend on their own token of the target and on no later one."""
    steps = TARGET.shape[1]
    later = np.triu(np.ones((steps, steps), "int32"))
    row = np.array([1, 5, 9, 4, 7, 6], "int32")
    copies = np.concatenate([row[None], 1 + (row - 1 + later) % (SIZE - 1)])
    source = np.repeat(SOURCE[:1], steps + 1, axis=0)
    found = logits(model, source, copies)
    change = np.abs(found[1:] - found[:1]).max(axis=-1)
    np.testing.assert_allclose(np.tril(change, -1), 0, atol=2e-5, err_msg=str(config))
    assert (np.diag(change) > 1e-4).all(), f"{config} does not see its own token"


def check_steps(config, model):
    """One step at a time gives the same logits, also when rows change places on the way."""
    expected = logits(model, SOURCE, TARGET)
    translator = model.get_layer("translator")
    context, state = translator.begin(SOURCE, TARGET.shape[1] + 2)
    order = np.arange(len(SOURCE))
    for index in range(TARGET.shape[1]):
        swap = np.array([2, 0, 1])
        context, state = keras.tree.map_structure(
            lambda tensor, swap=swap: keras.ops.take(tensor, swap, axis=0), (context, state)
        )
        order = order[swap]
        tokens = keras.ops.convert_to_tensor(TARGET[order, index])
        found, state = translator.step(tokens, keras.ops.convert_to_tensor(index), context, state)
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(found),
            expected[order, index],
            atol=1e-4,
            err_msg=str(config),
        )


def check_attention(config, model):
    """Weights sum to one over the real tokens, and are zero on padding."""
    translator = model.get_layer("translator")
    if not translator.attends:
        return
    weights = keras.ops.convert_to_numpy(translator.attention(SOURCE, TARGET))
    assert weights.shape == (*TARGET.shape, SOURCE.shape[1])
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5, err_msg=str(config))
    assert (weights[np.broadcast_to((SOURCE == 0)[:, None, :], weights.shape)] == 0).all()


def check_search(config, model):
    """Greedy and beam search write the same with a cache and without, in compiled graphs."""
    model.compile("sgd")
    for beams in (1, 3):
        cached, uncached = (
            decoding.decoded(model, SOURCE, 6, beams, 0.6, cached) for cached in (True, False)
        )
        np.testing.assert_array_equal(cached, uncached, err_msg=str(config))


def check_built(config, model):
    """No layer is left unbuilt: on JAX Keras would run the model once more in every batch."""
    assert all(layer.built for layer in model._flatten_layers()), config


CHECKS = (check_built, check_padding, check_causality, check_steps, check_attention)


if __name__ == "__main__":
    configurations_each, searched = map(int, sys.argv[1:])
    for number, space in enumerate(SPACES):
        for config, model in models(space, configurations_each):
            for check in (*CHECKS, *([check_search] if number < searched else [])):
                check(config, model)
    print(keras.backend.backend(), *(space.name for space in SPACES))
