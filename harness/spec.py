"""The nouns of the harness: frozen values that every other file speaks in.

Only NumPy is imported here, so that a worker, a report or a plugin can use the
nouns without loading a framework.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np

Direction = Literal["max", "min"]
Kind = Literal[
    "image_classification",
    "image_segmentation",
    "object_detection",
    "language_modeling",
    "time_series_forecasting",
    "sequence_regression",
    "translation",
    "summarization",
    "masked_language_modeling",
    "text_classification",
    "token_classification",
    "sentence_similarity",
    "speech_recognition",
]


class HarnessError(Exception):
    """Bad input from the person at the keyboard: one clear line, exit code 2."""


class Faults(HarnessError):
    """Several things that are wrong with a person's input, a line each."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(self.faults))


class Infeasible(Exception):
    """A configuration that cannot be tried: too large, or wrong for the data.

    `SearchSpace.build` may raise it; the trial is recorded with its message, untrained.
    """


# --- data ---------------------------------------------------------------------


@dataclass(frozen=True)
class TensorSpec:
    """One named array of a data set, without its leading example axis."""

    shape: tuple[int | None, ...]
    """Shape of one example; `None` where the length varies."""
    dtype: str
    """NumPy name of the stored type, such as `uint8`. Models receive integers as they are
    and real values as floats; pixel values arrive unscaled, 0 to 255."""
    size: int | None = None
    """Vocabulary or class count of an integer tensor, `None` for real values."""
    longest: int | None = None
    """Upper bound of a length that varies, of integers among which 0 is nothing but padding, at
    the end. Training batches are cut where their longest example ends."""
    vocabulary: str | None = None
    """Name of what the integers count: tensors of one name may share an embedding."""
    aligned: str | None = None
    """Name of the tensor whose length this one has, if it varies: there zeros may stand within.
    """


@dataclass(frozen=True)
class DataSpec:
    """What a model must accept and return: all that `SearchSpace.build` knows of a task."""

    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]
    kind: Kind


@dataclass(frozen=True)
class Windows:
    """Windows of one series, which are cut when they are asked for and never copied out.

    It is read like an array of shape (windows, length, ...): window i is
    `series[starts[i] : starts[i] + length]`. Windows may overlap, and windows over the same
    series share it: a look-back and the horizon behind it, or tokens and the tokens after them.
    """

    series: np.ndarray
    """Shape (steps, ...)."""
    starts: np.ndarray
    """First step of each window, int64 of shape (windows,)."""
    length: int
    """Steps of a window."""

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.starts), self.length, *self.series.shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.series.dtype

    @property
    def ndim(self) -> int:
        return self.series.ndim + 1

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, chosen: Any) -> np.ndarray:
        """Cuts windows: one for an integer, several for a slice or an array of integers."""
        starts = np.asarray(self.starts[chosen])
        return self.series[starts[..., None] + np.arange(self.length)]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self[:], dtype)

    def take(self, chosen: np.ndarray) -> "Windows":
        """The windows of these numbers, still uncut."""
        return replace(self, starts=self.starts[chosen])


Array: TypeAlias = np.ndarray | Windows
"""What a split is made of: arrays, or windows of one."""


@dataclass(frozen=True)
class Split:
    """Aligned arrays of one split; the leading axis counts examples."""

    x: Mapping[str, Array]
    y: Mapping[str, Array]
    weight: np.ndarray | None = None
    """Weight of each example in the loss, shape (examples,), or `None` for equal weights."""

    def __len__(self) -> int:
        return len(next(iter(self.x.values())))


@dataclass(frozen=True)
class Prepared:
    """A task's data, ready to train on: arrays, never pipelines."""

    spec: DataSpec
    train: Split
    val: Split
    test: Split
    assets: Mapping[str, Any] = field(default_factory=dict)
    """JSON values that travel with the data: class names, vocabulary, scaler."""
    further: Mapping[str, Split] = field(default_factory=dict)
    """Other test splits by name, such as those of later years or other domains. Confirmed
    models are scored on them as on `test`; the metrics carry the name in front."""


@dataclass(frozen=True)
class Source:
    """One file of a data set, known by its SHA-256 before it is used; or one of your own.

    A file of your own has no SHA-256 to be held to, as you may change it. Its digest is taken
    each time, and data is prepared anew when it is another. `Source.local("mine.csv")` is one
    that lies beside the file of the task.

    Raises:
        HarnessError: it is to be downloaded, and has no SHA-256.
    """

    dataset: str
    """Folder of the file below a `--data-dir`."""
    file: str
    """Its name, by which `prepare` gets its path."""
    url: str | None = None
    """Where it is downloaded from; `None` when the licence asks users to bring it."""
    sha256: str | None = None
    """`None` for a file of your own, that may change."""
    path: str | None = None
    """Where a file of your own lies: absolute, or relative to the file that defines the task."""

    def __post_init__(self) -> None:
        if self.sha256 is None and self.url is not None:
            raise HarnessError(
                f"source {self.file!r}: expected the SHA-256 of what is downloaded, found none"
            )

    @classmethod
    def local(cls, path: str | os.PathLike[str]) -> "Source":
        """A file of your own.

        Args:
            path: absolute, or relative to the file that defines the task. `prepare` gets it by
                the name of the file, without folders.
        """
        place = Path(path)
        return cls("", place.name, path=str(place))


# --- tasks --------------------------------------------------------------------


@dataclass(frozen=True)
class Objective:
    """What the search optimises: a metric of the validation split, and its direction."""

    metric: str
    """Name of the Keras metric, as in the training log without its `val_` prefix."""
    direction: Direction

    def better(self, a: float, b: float) -> bool:
        """Whether score `a` is strictly better than score `b`."""
        return a > b if self.direction == "max" else a < b


@dataclass(frozen=True)
class Reference:
    """A published figure on the same test split: the ceiling column of the tables."""

    value: float
    source: str


@dataclass(frozen=True)
class Preset:
    """A model that others have pretrained, as KerasHub keeps it."""

    name: str
    """The path of a folder, a name of KerasHub's such as `bert_tiny_en_uncased`, or an address
    such as `hf://google-bert/bert-base-uncased`."""


@dataclass(frozen=True)
class Score:
    """What a fitted model reached on one split."""

    metrics: Mapping[str, float]
    """Field-standard names and scales; holds the task's objective metric."""
    per_example: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Outcome of each example, shape (examples, ...), for paired comparisons."""


@dataclass(frozen=True)
class Task:
    """A question with data: what to predict, how it is scored, and its floor and ceiling."""

    name: str
    kind: Kind
    objective: Objective
    prepare: Callable[[Mapping[str, Path]], Prepared]
    """Receives the path of each source file by name; TensorFlow is allowed here."""
    compile_args: Callable[[DataSpec, "Training"], Mapping[str, Any]]
    """Returns `loss` and `metrics` for `keras.Model.compile`; must work on every backend. They hold
    for all trials of a program, whatever their `harness.trial.NUMBERS` are."""
    score: Callable[[Any, Split, Mapping[str, Any]], Score]
    """Scores a fitted `keras.Model` on a split, given the assets."""
    baseline: Callable[[Prepared], Mapping[str, "float | Score"]]
    """Test metrics of the trivial predictor: the floor of every table. A `Score` is that of a
    simple method which an architecture has to beat, under its name in words with `_` between."""
    sources: tuple[Source, ...] = ()
    measure: Objective | None = None
    """What confirmed models are compared by, a test metric of `score`; the objective if absent.
    For a measure that takes too long for every epoch, as BLEU of translations does."""
    augment: Callable[[DataSpec], list[Any]] | None = None
    """Keras layers put before the model, active in training only; a searched choice."""
    batch_sizes: tuple[int, ...] = (64, 128, 256)
    """Examples of a training step: what the search may choose, the middle one first."""
    learning_rate: float = 1e-3
    """The one tried first; the search ranges from 0.3 to 10 times it."""
    training_model: Callable[[Any], Any] | None = None
    """Receives the architecture's `keras.Model` and returns the one that is fitted in its
    place, which shares its layers: a way to a loss that need not compute every output."""
    redraw: Callable[[Split, Mapping[str, Any], np.random.Generator], Split] | None = None
    """Receives the training split, the assets and a source of randomness before each epoch, and
    returns what the epoch is trained on: arrays of the same shapes, such as a text under other
    masks. NumPy only."""
    exhibit: Callable[[Any, Prepared, Score], Mapping[str, Any]] | None = None
    """What a person should see of a fitted `keras.Model` and its test score, as JSON values;
    called once, on the first confirmed model of an architecture. `harness.report` draws
    the exhibits it knows: see `harness/analysis/exhibits.py`."""
    init_from: str | Preset | None = None
    """Name of the task on which architectures that can be are pretrained for this one: see
    `SearchSpace.pretrained`; both tasks have the same asset `vocabulary`. Or what others have
    pretrained, by which this task's texts are then read: see `harness.kinds.presets`."""
    licence: str = ""
    reference: Reference | None = None
    version: int = 1
    """Raise it when `prepare` gives other data, so that old cached copies are not used."""

    @property
    def judged_by(self) -> Objective:
        """What confirmed models are compared by on the test split."""
        return self.measure or self.objective


# --- architectures ------------------------------------------------------------


class HyperParameters(Protocol):
    """The part of `keras_tuner.HyperParameters` a search space may use."""

    def Int(self, name: str, min_value: int, max_value: int, **options: Any) -> int: ...
    def Float(self, name: str, min_value: float, max_value: float, **options: Any) -> float: ...
    def Boolean(self, name: str, default: bool = False, **options: Any) -> bool: ...
    def Choice(self, name: str, values: list[Any], **options: Any) -> Any: ...
    def conditional_scope(self, parent_name: str, parent_values: list[Any]) -> Any: ...


@dataclass(frozen=True)
class SearchSpace:
    """One architecture: which configurations exist, and the model each one stands for."""

    name: str
    kinds: tuple[Kind, ...]
    sample: Callable[[HyperParameters, Kind], Any]
    """Returns a frozen dataclass for a kind of task (one body can have different heads);
    builds nothing and imports no framework."""
    build: Callable[..., Any]
    """Receives a configuration and a `DataSpec` and returns an uncompiled `keras.Model`; sees no
    hyperparameters. Classifiers return logits. Inputs and outputs carry the names of the
    `DataSpec`."""
    pretrained: bool = False
    """Whether `build` takes a third argument, `encoder`: where a task names another in
    `init_from`, the `keras.Model` this architecture got there, whose layers the model goes on
    with; where it names a preset, what `harness.blocks.presets` makes of it; else `None`."""
    fine_tuned: tuple[Kind, ...] = ()
    """Kinds of task on which it is nothing without a model to go on from: it fits none of them that
    has no `init_from`. For an architecture that has a twin without pretraining."""
    rate_factors: Callable[[Any, Any], Mapping[str, float]] | None = None
    """Receives a configuration and its model, and returns what the learning rate of a variable
    is multiplied by, by the variable's path; 1 for those left out."""


@dataclass(frozen=True)
class Training:
    """How a model is fitted: the same hyperparameters for every architecture."""

    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = 1e-3
    schedule: Literal["constant", "cosine"] = "cosine"
    warmup: float = 0.05
    """Share of all steps over which the learning rate rises from zero."""
    weight_decay: float = 1e-4
    batch_size: int = 128
    clip_norm: float | None = 1.0
    label_smoothing: float = 0.0
    augment: bool = False
