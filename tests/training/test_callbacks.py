"""What callbacks hear of a fit, and when."""

import keras
import numpy as np

from harness.training.callbacks import one_step_behind


def test_callbacks_hear_of_every_step_while_the_next_is_under_way():
    heard = []

    class Recorder(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            heard.append(f"begin {batch}")

        def on_train_batch_end(self, batch, logs=None):
            assert np.isfinite(logs["loss"])
            heard.append(f"end {batch}")

        def on_test_begin(self, logs=None):
            heard.append("validation")

        def on_epoch_end(self, epoch, logs=None):
            assert "val_loss" in logs
            heard.append(f"epoch {epoch}")

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.zeros((3, 1), "float32")
    history = model.fit(
        x, x, batch_size=1, epochs=2, validation_data=(x, x),
        callbacks=one_step_behind(model, [Recorder()], 2),
    )  # fmt: skip
    steps = ["begin 0", "begin 1", "end 0", "begin 2", "end 1", "end 2", "validation"]
    assert heard == [*steps, "epoch 0", *steps, "epoch 1"]
    assert len(history.history["loss"]) == 2
