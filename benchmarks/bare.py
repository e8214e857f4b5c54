"""A search as one writes it with KerasTuner alone: one process, arrays in memory, no records.

It is what `overhead.py` compares the harness with, and is started by it. The models, their
training and their configurations are the harness's; everything else is plain Keras and
KerasTuner.
"""

import json
import sys
import time
from pathlib import Path

import keras
import keras_tuner
import numpy as np

from harness import registry
from harness.spec import DataSpec, TensorSpec, Training
from harness.training.model import augmented
from harness.training.optimizer import build_optimizer


class Configurations(keras_tuner.HyperModel):
    """The given configurations of one architecture, by number."""

    def __init__(self, work, name, spec):
        super().__init__(name)
        self.work, self.spec = work, spec
        self.space, self.task = registry.space(name), registry.task(work["task"])
        self.values, self.training = work["values"][name], work["training"][name]
        self.seeds = work["search_seeds"][name]

    def build(self, hp, examples=None, seed=None):
        number = hp.Choice("number", list(range(len(self.values))))
        keras.utils.set_random_seed(self.seeds[number] if seed is None else seed)
        training = Training(**self.training[number])
        values = keras_tuner.HyperParameters()
        values.values = self.values[number]
        model = self.space.build(self.space.sample(values, self.spec.kind), self.spec)
        if training.augment:
            model = augmented(model, self.task.augment(self.spec))
        steps = -(-(examples or self.work["examples"]) // training.batch_size) * self.work["epochs"]
        model.compile(
            optimizer=build_optimizer(training, steps),
            **self.task.compile_args(self.spec, training),
        )
        return model

    def fit(self, hp, model, *args, **options):
        batch_size = self.training[hp.get("number")]["batch_size"]
        return model.fit(*args, batch_size=batch_size, **options)


def main(work_file: Path) -> None:
    work = json.loads(work_file.read_text())
    with np.load(work_file.with_suffix(".npz")) as data:
        x, y, x_search, y_search, x_val, y_val, x_test, y_test = (data[k] for k in data.files)
    val, test = ({"image": x_val}, y_val), ({"image": x_test}, y_test)
    spec = DataSpec(
        {"image": TensorSpec(x.shape[1:], "uint8")},
        {"label": TensorSpec((), "uint8", int(y.max()) + 1)},
        "image_classification",
    )
    began = time.time()
    tuners, scores = {}, {}
    options = {"epochs": work["epochs"], "verbose": 0, "validation_data": val}
    for name in work["values"]:
        tuner = keras_tuner.GridSearch(
            Configurations(work, name, spec),
            objective="val_accuracy",
            directory=work_file.parent / "bare",
            project_name=name,
            overwrite=True,
        )
        stop = keras.callbacks.EarlyStopping("val_accuracy", patience=work["patience"])
        tuner.search({"image": x_search}, y_search, callbacks=[stop], **options)
        trials = tuner.oracle.trials.values()
        scores[name] = {t.hyperparameters.get("number"): t.score for t in trials}
        tuners[name] = tuner
    searched = time.time()
    tests, winners = {}, {}
    for name, tuner in tuners.items():
        (best,) = tuner.get_best_hyperparameters()
        winners[name] = best.get("number")
        tests[name] = []
        for seed in work["confirm_seeds"]:
            model = tuner.hypermodel.build(best, len(x), seed)
            stop = keras.callbacks.EarlyStopping(
                "val_accuracy", patience=work["patience"], restore_best_weights=True
            )
            tuner.hypermodel.fit(best, model, {"image": x}, y, callbacks=[stop], **options)
            tests[name].append(model.evaluate(*test, verbose=0)[1])
            model.save(work_file.parent / "bare" / f"{name}.keras")
    answer = {"began": began, "searched": searched, "scores": scores, "winners": winners}
    work_file.with_name("bare.json").write_text(json.dumps({**answer, "tests": tests}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
