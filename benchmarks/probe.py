"""What a pretrained encoder knows, before any fine-tuning is paid for.

    python -m benchmarks.probe FOLDER sst2_10 sst2 --data-dir DIR

FOLDER is that of a sweep whose `bert` was pretrained on the task that the others name in
`init_from`. A text is the mean of what the frozen encoder makes of its tokens, and a linear
classifier (its penalty chosen on validation) is fitted to these means; likewise with an encoder of
the same size whose weights are those it would begin with, from several seeds.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from harness import registry
from harness.data import cache
from harness.journal.folder import model_path
from harness.kinds import text_classification
from harness.kinds.classification import LABEL
from harness.kinds.rivals.linear import logistic_regression
from harness.kinds.text.encoding import SEGMENTS, TOKENS
from harness.kinds.text.tokenizer import PADDING
from harness.models import load_model
from harness.spec import HarnessError, Prepared, Split, Task

BATCH = 128
"""Texts that are read at a time."""
SPLITS = ("train", "val", "test")


def means(encoder: Any, split: Split) -> np.ndarray:
    """The mean vector of each text of a split: float32 of shape (examples, width)."""
    from harness.blocks.encoder import encoder_inputs

    found = []
    for first in range(0, len(split), BATCH):
        x = {name: np.asarray(split.x[name][first : first + BATCH]) for name in (TOKENS, SEGMENTS)}
        length = max(1, int((x[TOKENS] != PADDING).sum(axis=1).max()))
        x = {name: array[:, :length] for name, array in x.items()}
        sequence = encoder.predict_on_batch(encoder_inputs(x))["sequence_output"]
        real = (x[TOKENS] != PADDING)[..., None]
        found.append((sequence * real).sum(axis=1) / np.maximum(1, real.sum(axis=1)))
    return np.concatenate(found).astype("float32")


def accuracy(encoder: Any, data: Prepared) -> float:
    """Share of the test texts that the linear classifier tells."""
    splits = {name: getattr(data, name) for name in SPLITS}
    x = {name: means(encoder, split) for name, split in splits.items()}
    centre, spread = x["train"].mean(axis=0), x["train"].std(axis=0) + 1e-6
    x = {name: (part - centre) / spread for name, part in x.items()}
    y = {name: np.asarray(split.y[LABEL], "int64") for name, split in splits.items()}
    fitted = logistic_regression(x, y, data.spec.outputs[LABEL].size or 0)
    return float(np.mean(fitted.log_probabilities.argmax(axis=1) == y["test"]))


def pretrained(folder: Path, task: Task, seed: int) -> Any:
    """The encoder that `bert` has in a sweep's folder for a task.

    Raises:
        HarnessError: the task starts from none, or it is not there.
    """
    from harness.blocks.encoder import pretrained_encoder

    if task.init_from is None or task.kind != text_classification.KIND:
        raise HarnessError(
            f"task {task.name!r} ({task.kind}): expected text classification with `init_from`"
        )
    return pretrained_encoder(load_model(folder / model_path(task.init_from, "bert", seed)))


def main() -> None:
    """Prints a table, a row for each task."""
    import keras

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("tasks", nargs="+")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--seed", type=int, default=0, help="of the pretrained model")
    parser.add_argument("--random", type=int, default=3, help="encoders of random weights")
    options = parser.parse_args()
    print("| task | pretrained | random weights, mean | each |\n|---|---:|---:|---|")
    for task in map(registry.task, options.tasks):
        data = cache.load(task, options.data_dir)
        known = pretrained(options.folder, task, options.seed)
        told, guessed = accuracy(known, data), []
        for seed in range(options.random):
            keras.utils.set_random_seed(seed)
            guessed.append(accuracy(type(known).from_config(known.get_config()), data))
        each = ", ".join(f"{value:.3f}" for value in guessed)
        print(f"| `{task.name}` | {told:.3f} | {np.mean(guessed):.3f} | {each} |")


if __name__ == "__main__":
    main()
