"""A journal as read: what is known of a sweep at one moment.

Everything else (resuming, the report, MLflow) is made from these values.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.spec import Objective, Reference
from harness.sweep.question import Sweep
from harness.trial import Asked, TrialKey, TrialResult


@dataclass(frozen=True)
class TaskRecord:
    """What the journal says of a task: its data, its floor and its ceiling."""

    name: str
    digest: str
    """SHA-256 over the prepared arrays."""
    sizes: Mapping[str, int]
    """Examples in `train`, `val` and `test`."""
    objective: Objective
    baseline: Mapping[str, float]
    """Test metrics of the trivial predictor, by name without prefix."""
    reference: Reference | None
    licence: str
    measure: Objective | None = None
    """What confirmed models are compared by, where it is not the objective."""

    @property
    def judged_by(self) -> Objective:
        """What confirmed models are compared by on the test split."""
        return self.measure or self.objective


@dataclass(frozen=True)
class Look:
    """What a look at the verdict on a task decided, where seeds are added until it is clear."""

    task: str
    seeds: Mapping[str, int]
    """How many seeds architectures get from now on, of those that get more; none where no more are
    spent on the task."""
    why: Mapping[str, str]
    """What was found, by architecture that the best one was compared with."""


@dataclass(frozen=True)
class SweepRecord:
    """The state of a sweep."""

    id: str
    sweep: Sweep
    environments: tuple[Mapping[str, Any], ...]
    """What the sweep ran on: at its start, and at each time it was carried on."""
    command: str
    started: float
    tasks: Mapping[str, TaskRecord]
    history: tuple[Asked | TrialResult, ...]
    """Suggestions and results in the order of the journal."""
    ended_searches: Mapping[tuple[str, str, int], str]
    """Why a search of a cell (task, space, search from 0) ended, for those that have."""
    apart: Mapping[tuple[str, str, int], str] = field(default_factory=dict)
    """Why the seeds of a search's winner, named likewise, could not be trained as one program, for
    those that were tried."""
    data: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The `data` events as written, by task."""
    time_over: bool = False
    """Whether the sweep's `minutes` are spent, so that no more is run of what was asked for."""
    active: float = 0.0
    """Seconds in which a driver was at work, from the first event of each to its last."""
    growth: tuple[tuple[str, ...], ...] = ()
    """What more was asked for each time that the question grew, `key: old, now new` each."""
    looks: tuple[Look, ...] = ()
    """At verdicts, in order, where seeds are added until they are clear."""
    settled: frozenset[str] = frozenset()
    """Tasks whose last look found that no more are to be spent, since the question last grew."""

    @property
    def environment(self) -> Mapping[str, Any]:
        """What the sweep ran on when it began."""
        return self.environments[0]

    def seeds_of(self, task: str, space: str) -> tuple[int, ...]:
        """Seeds of the confirmation runs of each winner of a cell, as far as they are decided."""
        first = self.sweep.first_seeds_of(task)
        found = [look.seeds.get(space, 0) for look in self.looks if look.task == task]
        return self.sweep.seeds_of(task)[: max([len(first), *found])]

    def is_settled(self, task: str) -> bool:
        """Whether no more seeds may be added to the cells of a task."""
        return not self.sweep.looks or task in self.settled

    @functools.cached_property
    def ended(self) -> Mapping[tuple[str, str], str]:
        """Why the search of a cell (task, space) ended, for those that have; of several searches,
        each reason once, when all have."""
        reasons: dict[tuple[str, str], list[str]] = {}
        for (task, space, _), reason in self.ended_searches.items():
            reasons.setdefault((task, space), []).append(reason)
        return {
            (task, space): "; ".join(dict.fromkeys(own))
            for (task, space), own in reasons.items()
            if len(own) == self.sweep.searches_of(task)
        }

    @functools.cached_property
    def results(self) -> tuple[TrialResult, ...]:
        """The last result of every trial, in order of first appearance."""
        latest: dict[TrialKey, TrialResult] = {}
        for entry in self.history:
            if isinstance(entry, TrialResult):
                latest[entry.key] = entry
        return tuple(latest.values())

    @functools.cached_property
    def cells(self) -> tuple[tuple[str, str], ...]:
        """Every (task, space) pair that was asked about, in the order of the question."""
        pairs = dict.fromkeys((entry.task, entry.space) for entry in self.history)
        pairs.update(dict.fromkeys((task, space) for task, space, _ in self.ended_searches))
        order = {name: i for i, name in enumerate((*self.sweep.tasks, *self.sweep.spaces))}
        return tuple(sorted(pairs, key=lambda cell: (order[cell[0]], order[cell[1]])))
