"""Runs several seeds of one configuration as one program.

Each has a record of its own, its own patience, best weights and divergence, and is scored by
itself as soon as it has ended; its seconds are its share of what passes. The others then go on,
and its place in the program is computed for nothing until all have ended.
"""

import dataclasses
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness import registry
from harness.data import cache
from harness.failure import describe_error
from harness.spec import HarnessError, Prepared, Task
from harness.training import outcome, programs
from harness.training.callbacks import Tell, watch
from harness.training.launch import Pace, State
from harness.training.mapped import Mapped, joined, metrics_anew, stacked
from harness.training.setup import Setup, patience, set_up
from harness.training.shares import Shares
from harness.training.stacks import Stacks, fits
from harness.training.state import TrialState
from harness.trial import Group, Job, TrialResult


def run_together(job: Job, tell: Tell) -> Group:
    """Runs a job with members.

    Args:
        job: what is run.
        tell: receives what `run_trial` tells of each, and its record, with its number.

    Returns:
        Why some have no record: those are to be run one by one. Nothing is raised.
    """
    try:
        _Together(job, tell).run()
    except Exception as error:  # noqa: BLE001 - it may fail in any way, which is told
        programs.discard(job.program)
        return Group(describe_error(error))
    return Group()


@dataclass
class _Member:
    """One of the trainings."""

    place: int
    """Along the first axis of the state."""
    job: Job
    state: TrialState
    result: TrialResult
    ready: Setup | None = None
    callbacks: Any = None


class _Together:
    def __init__(self, job: Job, tell: Tell) -> None:
        self.job, self.tell = job, tell
        self.task: Task = registry.task(job.task)
        self.shares = Shares(len(job.each))
        started = time.time()
        self.members = [
            _Member(place, one, TrialState(self.task.objective), outcome.begun(one, started))
            for place, one in enumerate(job.each)
        ]
        self.live = list(self.members)
        """Those that have not ended."""

    def run(self) -> None:
        """Trains and scores all; what is raised is no fault of one alone."""
        job = self.job
        self.data: Prepared = cache.load(self.task, job.data_dir, job.offline, job.digest)
        state = joined([self._set_up(member) for member in self.members])
        for member in self.members:
            self._begin(member)
        self._fit(state)
        programs.keep(self.program, job.wanted, job.memory_gb)

    @property
    def ready(self) -> Setup:
        """The setup of the first."""
        ready = self.members[0].ready
        assert ready is not None
        return ready

    @property
    def program(self) -> programs.Program:
        """The one of all."""
        return self.ready.program

    def _set_up(self, member: _Member) -> State:
        """Builds a member from its seed, in the program of the first; returns what it begins
        with."""
        named = dataclasses.replace(member.job, members=self.job.members)
        member.ready = ready = set_up(named, self.task, self.data, member.state)
        if ready.program is not self.program or not ready.program.keepable:
            raise HarnessError("it holds what is no variable of its model")
        if ready.feed.varying:
            raise HarnessError("its examples vary in length, and so do the batches of each seed")
        loop = ready.program.loop
        if loop is None:
            raise HarnessError("its steps cannot be taken several in one launch")
        if not isinstance(loop, Mapped):
            ready.program.loop = Mapped(ready.program.model)
        programs.keep(ready.program, self.job.wanted, self.job.memory_gb)
        return loop.state()

    def _begin(self, member: _Member) -> None:
        import keras

        state, place = member.state, member.place
        seconds = self.shares.of(place)
        state.spend(build_seconds=seconds, together=len(self.members))
        # Those that were built after the first found its program: they have their share of it.
        state.spend(compiled=self.members[0].state.cost.compiled)

        def tell(info: Mapping[str, Any]) -> None:
            self.tell({**info, "number": member.job.number})

        def now() -> float:
            return self.shares.of(place)

        examples = len(self.ready.feed.train)
        member.callbacks = keras.callbacks.CallbackList(
            [watch(member.job, examples, tell, state, now), patience(member.job, state)],
            add_history=True,
            model=self.program.model,
            epochs=self.job.epochs,
            verbose=0,
        )
        member.callbacks.on_train_begin()

    def _fit(self, state: State) -> None:
        """Fits all as `harness.training.launch.fit` does one."""
        loop, feed = self.program.loop, self.ready.feed
        assert isinstance(loop, Mapped)
        resident = feed.redraw is None and fits(feed.train)
        first = Stacks(feed.batches(), resident)
        feeds = [member.ready.feed for member in self.members[1:] if member.ready]
        trains = [first, *(Stacks(own.batches(), resident, first) for own in feeds)]
        val = Stacks(feed.validation_batches())
        pace = Pace(math.inf)
        for epoch in range(self.job.initial_epoch, self.job.epochs):
            for train in trains:
                train.begin_epoch()
            self._each("on_epoch_begin", epoch)
            drawn = programs.Drawn()
            logs, state = self._train(loop, trains, pace, metrics_anew(loop, state, len(trains)))
            told, state = self._evaluate(loop, val, metrics_anew(loop, state, len(trains)))
            if drawn.any() or not self.program.keepable:  # it was seen when steps were traced
                raise HarnessError("its steps read what is no variable of its model")
            logs |= {f"val_{name}": value for name, value in told.items()}
            for member in tuple(self.live):
                loop.stand_for(state, member.place)
                self._end_epoch(member, epoch, logs)
            if not self.live:
                return

    def _train(
        self, loop: Mapped, trains: list[Stacks], pace: Pace, state: State
    ) -> tuple[dict[str, np.ndarray], State]:
        """Trains an epoch; returns the logs of its end, a value for each member, and the state."""
        done, before = 0, None
        logs: Any = {}
        pace.begin()
        while done < len(trains[0]):
            count = trains[0].alike(done, pace.steps())
            logs, state = loop.train(state, stacked(trains, done, count), count)
            done += count
            if before is not None:
                self._heard(*before)  # waits for the launch before
            before = done - 1, logs
            pace.took(count)
        if before is not None:
            self._heard(*before)
        return {name: np.asarray(values) for name, values in logs.items()}, state

    def _heard(self, batch: int, logs: Mapping[str, Any]) -> None:
        told = {name: np.asarray(values) for name, values in logs.items()}
        self._each("on_train_batch_end", batch, told)

    def _evaluate(
        self, loop: Mapped, val: Stacks, state: State
    ) -> tuple[dict[str, np.ndarray], State]:
        """The metrics on the validation split, likewise."""
        *kept, optimizer, metrics = state
        tested: State = (*kept, metrics)
        logs: Any = {}
        done = 0
        while done < len(val):
            count = val.alike(done, len(val))
            logs, tested = loop.test(tested, val.stack(done, count), count)
            done += count
        *kept, metrics = tested
        return {name: np.asarray(v) for name, v in logs.items()}, (*kept, optimizer, metrics)

    def _each(self, event: str, number: int, logs: Mapping[str, np.ndarray] | None = None) -> None:
        """Tells every member's callbacks of an event; one that fails ends that member."""
        for member in tuple(self.live):
            try:
                getattr(member.callbacks, event)(number, _own(member, logs))
            except Exception as error:  # noqa: BLE001 - as in `run_trial`
                self._fail(member, error)

    def _end_epoch(self, member: _Member, epoch: int, logs: Mapping[str, np.ndarray]) -> None:
        """Ends an epoch of a member that the model stands for now, and its training if it is over:
        then it is scored."""
        model = self.program.model
        model.stop_training = False
        try:
            own = _own(member, logs)
            member.callbacks.on_epoch_end(epoch, own)
            if not model.stop_training and epoch + 1 < self.job.epochs:
                return
            model.optimizer.finalize_variable_values(model.trainable_weights)
            member.callbacks.on_train_end(own)
            if self.job.phase == "confirm":
                self._confirm(member)
        except Exception as error:  # noqa: BLE001 - as in `run_trial`
            self._fail(member, error)
            return
        self._end(member, member.result)

    def _confirm(self, member: _Member) -> None:
        import keras

        assert member.ready is not None
        with self.shares.alone(member.place):
            keras.utils.set_random_seed(member.job.seed)  # whatever others have drawn
            outcome.confirm(member.ready, self.data, member.job, self.task, member.state)

    def _fail(self, member: _Member, error: Exception) -> None:
        self._end(member, outcome.failed(member.result, error, member.state.cost.device))

    def _end(self, member: _Member, result: TrialResult) -> None:
        self.live.remove(member)
        member.state.spend(seconds=self.shares.of(member.place))
        self.shares.end(member.place)
        self.tell({"number": member.job.number, "result": member.state.fill(result)})


def _own(member: _Member, logs: Mapping[str, np.ndarray] | None) -> dict[str, float]:
    """A member's part of the logs of all."""
    return {name: float(values[member.place]) for name, values in (logs or {}).items()}
