"""Whether what the search compares ranks translation models as BLEU does.

    python -m benchmarks.translation_objective --data-dir DIR
    python -m benchmarks.translation_objective --configurations 4 --fraction 0.5 --epochs 3

Trains random configurations of every translation architecture, the way a search trial does, and
scores each on the validation split: token accuracy and loss, which the search can
have for nothing, and BLEU of greedy translations. Prints them, and the rank correlation (Spearman)
of each with BLEU, over all models and within each architecture.
"""

import dataclasses
from pathlib import Path
from typing import Any

import click
import numpy as np
from tabulate import tabulate

CHEAP = {"token_accuracy": 1, "loss": -1}
"""What the search could compare, and the sign that makes more of it better."""


@click.command()
@click.option("--task", "name", default="multi30k_en_de", show_default=True)
@click.option("--configurations", default=3, show_default=True, help="Of each architecture.")
@click.option("--fraction", default=0.25, show_default=True, help="Of the training split.")
@click.option("--epochs", default=2, show_default=True)
@click.option("--data-dir", type=click.Path(path_type=Path))
def main(
    name: str, configurations: int, fraction: float, epochs: int, data_dir: Path | None
) -> None:
    """Correlate cheap validation measures with validation BLEU."""
    from scipy import stats

    from harness import registry
    from harness.data import cache

    task = registry.task(name)
    data = cache.load(task, data_dir)
    rows: list[list[Any]] = []
    for space in registry.spaces_for(task):
        for number in range(configurations):
            scores = _scores(task, space, data, number, fraction, epochs)
            rows.append([space.name, number, *(scores[key] for key in (*CHEAP, "bleu"))])
            click.echo(" ".join(map(str, rows[-1])), err=True)
    click.echo(tabulate(rows, ["space", "configuration", *CHEAP, "bleu"], "github", floatfmt=".3f"))
    table = np.array([row[2:] for row in rows], "float64")
    names = np.array([row[0] for row in rows])
    for column, (key, sign) in enumerate(CHEAP.items()):
        ranks = [stats.spearmanr(sign * table[:, column], table[:, -1]).statistic]
        for space_name in dict.fromkeys(names):
            part = table[names == space_name]
            ranks.append(stats.spearmanr(sign * part[:, column], part[:, -1]).statistic)
        among = ", ".join(f"{rank:.2f}" for rank in ranks[1:])
        click.echo(f"{key}: {ranks[0]:.2f} over all, within the architectures {among}")


def _scores(
    task: Any, space: Any, data: Any, number: int, fraction: float, epochs: int
) -> dict[str, float]:
    """Validation scores of one configuration: the default one first, then random ones."""
    import keras
    import keras_tuner

    from harness.kinds.fitting import translating
    from harness.kinds.text import bleu
    from harness.search.training_space import sample_training
    from harness.training.device import device_kind, execution
    from harness.training.feed import Feed
    from harness.training.optimizer import build_optimizer

    hp = keras_tuner.HyperParameters()
    space.sample(hp, task.kind)
    sample_training(hp, task)
    if number:
        for place, parameter in enumerate(hp.space):
            hp.values[parameter.name] = parameter.random_sample(100 * number + place)
    config, training = space.sample(hp, task.kind), sample_training(hp, task)
    keras.utils.clear_session()
    keras.utils.set_random_seed(number)
    model = space.build(config, data.spec)
    fed = dataclasses.replace(
        Feed.of(data, training.batch_size, number, fraction), validation_batch_size=64
    )
    model.compile(
        build_optimizer(training, epochs * fed.steps),
        jit_compile=execution(keras.backend.backend(), device_kind()).jit_compile,
        **task.compile_args(data.spec, training),
    )
    log = model.fit(**fed.arguments(), epochs=epochs, verbose=0).history
    hypotheses = translating.translations(
        model, np.asarray(data.val.x["source"]), data.assets, beams=1
    )
    references = translating.texts(
        np.asarray(data.val.y["next_token"]), data.assets["target_vocabulary"]
    )
    cheap = {key: log[f"val_{key}"][-1] for key in CHEAP}
    return {**cheap, "bleu": bleu.text_scores(hypotheses, references)["bleu"]}


if __name__ == "__main__":
    main()
