"""One architecture that works, one that waits to be let through, and five that go wrong."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.spec import SearchSpace


@dataclass(frozen=True)
class Config:
    units: int


def _sample(hp, kind):
    return Config(hp.Int("units", 4, 64))


def _model(config, spec, factor=1.0):
    import keras

    (name, tensor), (output, label) = *spec.inputs.items(), *spec.outputs.items()
    image = keras.Input(tensor.shape, name=name, dtype="float32")
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(image))
    x = keras.layers.Dense(config.units, activation="relu")(x)
    logits = keras.layers.Dense(label.size)(x)
    return keras.Model({name: image}, {output: keras.layers.Rescaling(factor, name=output)(logits)})


def _waits(config, model):
    """Says that it is here, and waits until the file that `HOSTILE_GATE` names exists.

    That is asked of a model that is compiled for a trial, and of none before.
    """
    gate = Path(os.environ["HOSTILE_GATE"])
    gate.with_suffix(".reached").touch()
    while not gate.exists():
        time.sleep(0.05)
    return {}


def _raises(config, spec):
    raise ArithmeticError("this architecture cannot be built")


def _hangs(config, spec):
    time.sleep(3600)


def _exits(config, spec):
    os._exit(7)


def _eats(config, spec):
    eaten = []
    while True:
        eaten.append(np.ones(1 << 27, "uint8"))
        time.sleep(0.01)


def _space(name, build):
    return SearchSpace(name, ("image_classification",), _sample, build)


good = _space("good", _model)
waiting = SearchSpace("waiting", ("image_classification",), _sample, _model, rate_factors=_waits)
raising = _space("raising", _raises)
diverging = _space("diverging", lambda config, spec: _model(config, spec, float("nan")))
hanging = _space("hanging", _hangs)
exiting = _space("exiting", _exits)
eating = _space("eating", _eats)
unhashable = SearchSpace(
    "unhashable", ("image_classification",), lambda hp, kind: [hp.Int("units", 4, 64)], _model
)
