"""The question: tasks, architectures, one shared budget, and the seeds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

Backend = Literal["tensorflow", "jax", "torch"]
Precision = Literal["float32", "mixed_bfloat16"]
Tuner = Literal[
    "random", "grid", "bayesian", "tpe",
    "hyperband", "asha", "asha+tpe", "one-epoch", "one-epoch+tpe",
]  # fmt: skip
CONTINUING: frozenset[Tuner] = frozenset(
    {"hyperband", "asha", "asha+tpe", "one-epoch", "one-epoch+tpe"}
)
"""Tuners that train few epochs first and go on with what looks good."""


AS_MANY_AS_THERE_IS_TIME_FOR = 10_000
"""Trials of a search that a time ends."""
AUTO_LOOKS = (3, 5, 8, 12)
"""After how many seeds a verdict is looked at with `seeds = "auto"`."""
SEEDS_APART = 1000
"""Between the seeds of a winner and those of the next search's winner."""

# --- the question -------------------------------------------------------------


@dataclass(frozen=True)
class Budget:
    """What each cell may spend, counted the same for every architecture."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    trials: int = 10
    """Search trials of a cell, failed ones included."""
    epochs: int = 10
    """Most epochs of one trial."""
    seconds: float | None = None
    """Training time of a cell's search, summed over its trials."""
    flops: float | None = None
    """Floating-point operations of a cell's search, summed over its trials: equal arithmetic."""
    trial_seconds: float | None = None
    """A trial that runs longer is killed and recorded as a timeout."""
    memory_gb: float | None = None
    """A trial whose process grows beyond this is killed and recorded as failed."""
    max_parameters: int | None = None
    """A larger model is recorded as infeasible and not trained."""
    max_flops: float | None = None
    """A model that does more floating-point operations on one example of median length, in a
    forward pass, is infeasible, too."""
    max_latency_ms: float | None = None
    """A model that takes longer to predict one example, as a median of 30 times on the machine of
    the search, is infeasible, too."""
    train_fraction: float = 1.0
    """Share of the training split the search sees; confirmation uses all of it."""
    confirm_epochs: int | None = None
    """Most epochs of a confirmation run; the search's `epochs` if absent."""
    patience: int = 3
    """Epochs without a better validation score after which training stops."""
    seeds: int | None = None
    """Confirmation runs of a winner, on the first so many of the sweep's seeds; on all of them if
    absent."""
    searches: int | None = None
    """Searches of each cell; the sweep's `searches` if absent."""

    @property
    def epochs_of_runs(self) -> int:
        """Most epochs of a confirmation run."""
        return self.confirm_epochs or self.epochs


@dataclass(frozen=True)
class Start:
    """A configuration that searches begin with, after the default one."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    space: str
    values: Mapping[str, bool | int | float | str]
    """Values by name of hyperparameter; what they lack is as by default."""
    task: str | None = None
    """The one task for which it is meant; all if absent."""


@dataclass(frozen=True)
class Sweep:
    """The question: tasks, architectures, one shared budget, and the seeds."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    name: str
    tasks: tuple[str, ...]
    spaces: tuple[str, ...]
    budget: Budget = field(default_factory=Budget)
    budgets: Mapping[str, Budget] = field(default_factory=dict)
    """Tasks that have a budget of their own: one for all architectures of the task."""
    tuner: Tuner = "random"
    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds of the confirmation runs."""
    looks: tuple[int, ...] = ()
    """After how many seeds the verdict is looked at, the last for all of them: runs begin with the
    first so many, and two architectures that are not told apart get as many as the next look has.
    All seeds at once if empty. `seeds = "auto"` is `AUTO_LOOKS` and as many seeds."""
    search_seed: int = 0
    """Seed of the suggestions. Search trials are trained with a seed of their own, which no
    confirmation run repeats."""
    first: tuple[Start, ...] | str = ()
    """What searches begin with after the default configurations: configurations, or the folder of
    an earlier sweep whose winners they are, absolute or relative to the file that asks."""
    searches: int = 1
    """Independent searches of each cell: each has the whole budget, suggestions, a winner and
    confirmation runs of its own. How far their winners differ is the luck of the search."""
    minutes: float | None = None
    """For the whole sweep, divided so that every architecture gets the same. `trials` is then, if
    absent, as many as there is time for."""
    keep_minutes: float = 10.0
    """A training that takes longer keeps its state, and keeps it anew each time that so many
    minutes have gone by: cut off, it goes on from there. 0 for never. It is no part of the
    question, and may be another when a sweep is carried on."""
    backend: Backend = "tensorflow"
    precision: Precision = "float32"
    """What layers compute in; variables are of 32 bits either way. With `mixed_bfloat16` all but
    recurrent layers compute in 16 bits, which some devices do faster."""
    plugins: tuple[str, ...] = ()
    """Python files, and folders of some, with tasks and architectures beside those that are
    installed: absolute, or relative to the file that asks the question."""
    data: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Data of one's own by the name of its task, as `harness.own` describes it; files absolute, or
    relative to the file that asks the question."""

    @property
    def order(self) -> Tuner:
        """The tuner, by what may be said of the order of its trials: where a random search begins
        with given configurations, that is not left to chance, as it is not in a grid."""
        return "grid" if self.first and self.tuner == "random" else self.tuner

    def budget_of(self, task: str) -> Budget:
        """What each architecture may spend on a task."""
        return self.budgets.get(task, self.budget)

    def seeds_of(self, task: str) -> tuple[int, ...]:
        """Seeds of the confirmation runs of each winner on a task."""
        return self.seeds[: self.budget_of(task).seeds]

    def looks_of(self, task: str) -> tuple[int, ...]:
        """After how many seeds the verdict on a task is looked at; empty where all run at once."""
        most = len(self.seeds_of(task))
        return (*(look for look in self.looks if look < most), most) if self.looks else ()

    def first_seeds_of(self, task: str) -> tuple[int, ...]:
        """Seeds of the confirmation runs that each winner on a task has whatever they say."""
        looks = self.looks_of(task)
        return self.seeds_of(task)[: looks[0]] if looks else self.seeds_of(task)

    def searches_of(self, task: str) -> int:
        """How many independent searches each architecture has on a task.

        They take turns in the numbers of a cell's trials, those of the search and those of
        confirmation: trial `number` belongs to the search `number % searches`, counted from 0.
        """
        own = self.budget_of(task).searches
        return self.searches if own is None else own

    def runs_of(self, task: str) -> tuple[int, ...]:
        """Seed of each confirmation run of a cell, by the number of the run.

        No two are the same: were two searches to find one configuration, the runs of the second
        would else be those of the first again, and no luck would be seen.
        """
        searches = range(self.searches_of(task))
        return tuple(seed + SEEDS_APART * n for seed in self.seeds_of(task) for n in searches)
