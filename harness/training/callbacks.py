"""Callbacks of a fit."""

from typing import Any


def one_step_behind(model: Any, callbacks: list[Any], epochs: int) -> Any:
    """Callbacks of a fit that hear of a training step when the next one is under way.

    Keras hands a step's loss over as a number, and so waits for the step before it prepares the
    next: an accelerator then idles meanwhile. Here one step is always queued. Every step is heard
    of, in order, before validation or the end of the epoch.
    """
    import keras

    class OneStepBehind(keras.callbacks.CallbackList):  # type: ignore[misc]
        held: tuple[int, Any] | None = None

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.hand_over()
            self.held = batch, logs

        def on_test_begin(self, logs: Any = None) -> None:
            self.hand_over()
            super().on_test_begin(logs)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.hand_over()
            super().on_epoch_end(epoch, logs)

        def hand_over(self) -> None:
            held, self.held = self.held, None
            if held is not None:
                super().on_train_batch_end(*held)

    return OneStepBehind(callbacks, add_history=True, model=model, epochs=epochs, verbose=0)
