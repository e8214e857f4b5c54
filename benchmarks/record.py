"""Records tables of real trainings, on which tuners are compared without training anything.

    python -m benchmarks.record --data-dir DIR
    python -m benchmarks.record lstm --data-dir DIR --configurations 300

Configurations are drawn at random, the default one first, and trained as a search trial is; after
each epoch the test split is looked at, too, which no search ever sees. One line a configuration is
appended to `benchmarks/tables/<space>.jsonl`. A recorder that was stopped carries on where the
file ends.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import click

from harness import registry
from harness.search.ask_tell import Search, Suggestion
from harness.search.training_space import sample_training
from harness.spec import HyperParameters, SearchSpace, Task
from harness.trial import Job

FOLDER = Path(__file__).parent / "tables"
DIGITS = 5
"""Significant digits of what is recorded."""


@dataclass(frozen=True)
class Recorded:
    """What a table is recorded from."""

    task: str
    fraction: float
    """Share of the training split."""
    looked_at: float
    """Share of the validation and the test split that is looked at after each epoch."""
    epochs: int


TABLES = {
    "cnn": Recorded("fashion_mnist", 0.03, 0.2, 6),
    "lstm": Recorded("etth1", 0.2, 0.5, 6),
}
"""By architecture."""


def sampler(task: Task, space: SearchSpace) -> Any:
    """What a cell of the harness samples from: a configuration, and how it is trained."""

    def sample(hp: HyperParameters) -> Any:
        return space.sample(hp, task.kind), sample_training(hp, task)

    return sample


def drawn(task: Task, space: SearchSpace, epochs: int) -> Iterator[Suggestion]:
    """Configurations at random, the default one first, always the same ones."""
    search = Search(sampler(task, space), task.objective, "random", trials=1, epochs=epochs, seed=0)
    while (suggestion := search.ask()) is not None:
        search.tell(suggestion.number, None)
        yield suggestion


def train(suggestion: Suggestion, recorded: Recorded, space: SearchSpace, data: Any) -> Any:
    """Trains a configuration; its validation and test scores and seconds, by epoch."""
    import keras

    from harness.training import programs
    from harness.training.device import device_kind, execution
    from harness.training.feed import Feed, subset
    from harness.training.model import architecture

    task = registry.task(recorded.task)
    config, training = suggestion.sampled
    job = Job(
        "record", task.name, space.name, "search", suggestion.number, 1, config, training,
        FOLDER, recorded.epochs, train_fraction=recorded.fraction,
    )  # fmt: skip
    keras.utils.clear_session()
    keras.utils.set_random_seed(job.seed)
    feed = Feed.of(data, training.batch_size, job.seed, recorded.fraction, task.redraw)
    feed = replace(feed, validation_batch_size=500)
    val, test = (subset(split, recorded.looked_at) for split in (data.val, data.test))
    tested = replace(feed, val=test).arguments()["validation_data"]
    chosen = execution(keras.backend.backend(), device_kind())
    began = time.process_time()
    bare = architecture(job, space, data)
    model = programs.program(job, task, space, data.spec, bare, feed, chosen).model
    monitor = task.objective.metric
    rows: dict[str, list[float]] = {"val": [], "test": [], "seconds": []}

    class Look(keras.callbacks.Callback):  # type: ignore[misc]
        looked = 0.0

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            rows["seconds"].append(time.process_time() - began - self.looked)
            rows["val"].append(float(logs[f"val_{monitor}"]))
            now = time.process_time()
            answer = model.evaluate(tested, verbose=0, return_dict=True)
            rows["test"].append(float(answer[monitor]))
            self.looked += time.process_time() - now

    callbacks = [Look(), keras.callbacks.TerminateOnNaN()]
    model.fit(
        **replace(feed, val=val).arguments(), epochs=recorded.epochs, callbacks=callbacks, verbose=0
    )
    return {name: [float(f"{x:.{DIGITS}g}") for x in row] for name, row in rows.items()}


def record(space: str, configurations: int, data_dir: Path | None) -> Iterator[None]:
    """Appends a configuration to the table of an architecture whenever it is advanced."""
    from harness.data import cache

    recorded = TABLES[space]
    task, architecture = registry.task(recorded.task), registry.space(space)
    data = cache.load(task, data_dir)
    path = FOLDER / f"{space}.jsonl"
    done = whole_lines(path)
    for suggestion in drawn(task, architecture, recorded.epochs):
        if suggestion.number >= configurations:
            return
        if suggestion.number < done:
            continue
        rows = train(suggestion, recorded, architecture, data)
        line = json.dumps({"values": suggestion.values, **rows}, separators=(",", ":"))
        with path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
        yield


@click.command()
@click.argument("spaces", type=click.Choice(sorted(TABLES)), nargs=-1)
@click.option("--configurations", default=400, show_default=True)
@click.option("--data-dir", type=click.Path(path_type=Path))
def main(spaces: tuple[str, ...], configurations: int, data_dir: Path | None) -> None:
    """Record the tables of architectures, of all by default, in turn."""
    FOLDER.mkdir(exist_ok=True)
    for _ in zip_longest(*(record(s, configurations, data_dir) for s in spaces or TABLES)):
        pass


def whole_lines(path: Path) -> int:
    """How many configurations a table holds; a last line that was cut off is removed."""
    if not path.exists():
        return 0
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole, encoding="utf-8")
    return whole.count("\n")


if __name__ == "__main__":
    main()
