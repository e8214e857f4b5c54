"""Mistakes in networks, which raise what `test_cause.py` knows.

Run as a program it prints, as a JSON object, what is said of each on the backend that
`KERAS_BACKEND` names.
"""

import json
import os

import keras
import numpy as np
from keras import layers, ops

from harness import cause

IMAGES, LABELS = np.zeros((8, 8, 8, 1), "float32"), np.arange(8)


class Product(layers.Layer):
    def call(self, x):
        return ops.matmul(x, ops.ones((7, 8)))


class Outer(layers.Layer):
    def __init__(self):
        super().__init__()
        self.inner = Product()

    def call(self, x):
        return self.inner(x)


class Unknown(layers.Layer):
    def call(self, x):
        return x * {}["units"]


class Branching(layers.Layer):
    def call(self, x):
        return x if ops.sum(x) > 0 else -x


class Sum(keras.Model):
    def __init__(self):
        super().__init__()
        self.one, self.other = layers.Dense(10), layers.Dense(3)

    def call(self, x):
        x = ops.reshape(x, (-1, 64))
        return self.one(x) + self.other(x)


class Metric(keras.metrics.Metric):
    def update_state(self, y_true, y_pred, sample_weight=None):
        return y_true.no_such_thing

    def result(self):
        return 0.0


def network(*inner, classes=10):
    inputs = x = keras.Input((8, 8, 1))
    for layer in inner:
        x = layer(x)
    return keras.Model(inputs, layers.Dense(classes)(layers.Flatten()(x)))


def fitted(model, loss=None, metrics=(), labels=LABELS):
    loss = loss or keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=list(metrics))
    model.fit(IMAGES, labels, verbose=0)


CASES = {
    "pool": lambda: network(layers.MaxPooling2D(4), layers.MaxPooling2D(4)),
    "convolution": lambda: network(layers.Conv2D(4, 9)),
    "cropping": lambda: network(layers.Cropping2D(5)),
    "product": lambda: network(layers.Flatten(), Product()),
    "layer in a layer": lambda: network(layers.Flatten(), Outer()),
    "key": lambda: network(Unknown()),
    "branch": lambda: network(Branching()),
    "labels": lambda: fitted(network(classes=7)),
    "sum": lambda: fitted(Sum()),
    "metric": lambda: fitted(network(), metrics=[Metric()]),
    "loss": lambda: fitted(network(), loss="mse", labels=np.zeros((8, 3))),
    "input": lambda: network()(IMAGES[:, :5]),
}


def told(name):
    """What is said of a mistake, and whether it is that nothing is left of an image."""
    keras.utils.clear_session()
    try:
        CASES[name]()
    except Exception as error:  # noqa: BLE001 - it is what is looked at
        return cause.reason(error), cause.shrinks_to_nothing(error)
    return "nothing", False


if __name__ == "__main__":
    print(json.dumps({name: told(name) for name in CASES}), flush=True)
    os._exit(0)
