"""The hyperparameters of training that are searched, the same for every architecture."""

from harness.spec import HyperParameters, Kind, Task, Training

_SMOOTHED: tuple[Kind, ...] = ("image_classification", "text_classification", "translation")
"""Kinds whose loss takes label smoothing."""


PREFIX = "training."
"""What the names of these hyperparameters begin with."""


def sample_training(hp: HyperParameters, task: Task) -> Training:
    """Draws the training hyperparameters: the same ones for every architecture."""
    default = Training()
    smoothing = 0.0
    if task.kind in _SMOOTHED:
        smoothing = hp.Choice("training.label_smoothing", [0.0, 0.1], default=0.0)
    augment = False
    if task.augment is not None:
        augment = hp.Boolean("training.augment", default=False)
    return Training(
        learning_rate=hp.Float(
            "training.learning_rate",
            0.3 * task.learning_rate,
            10 * task.learning_rate,
            sampling="log",
            default=task.learning_rate,
        ),
        weight_decay=hp.Float(
            "training.weight_decay", 1e-5, 1e-1, sampling="log", default=default.weight_decay
        ),
        batch_size=hp.Choice(
            "training.batch_size",
            list(task.batch_sizes),
            default=task.batch_sizes[(len(task.batch_sizes) - 1) // 2],
        ),
        label_smoothing=smoothing,
        augment=augment,
    )
