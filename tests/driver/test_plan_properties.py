"""Sweeps of any kind, stopped at any event, as often as you like: what holds of all of them."""

import contextlib
import dataclasses
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.driver import preflight
from harness.spec import HarnessError
from harness.sweep.pairs import pretraining
from harness.sweep.question import Budget, Sweep, Tuner
from harness.trial import Asked, Cost, TrialResult
from tests.rehearsal import SPACES, TINY, Blow, Fates, Rehearsal, cells, counts

THOROUGH = ("random", "hyperband", "asha+tpe")
"""Tuners that are looked at the most: between them they have all that others are made of."""
EXAMPLES = [25, pytest.param(2_000, marks=pytest.mark.long)]


@st.composite
def sweeps(draw, tuners, seconds=(None,), looked_at=(False, True)):
    tasks = draw(st.sampled_from([("first",), ("first", "second"), ("second", "first")]))
    spaces = draw(st.lists(st.sampled_from(sorted(SPACES)), min_size=1, unique=True))
    budget = Budget(
        trials=draw(st.integers(1, 6) | st.just(14)),
        epochs=draw(st.integers(1, 9)),
        seconds=draw(st.sampled_from(seconds)),
        train_fraction=draw(st.sampled_from([1.0, 0.5])),
    )
    own = dataclasses.replace(budget, trials=2, epochs=3, seeds=1)
    seeds = tuple(range(draw(st.integers(1, 3))))
    return Sweep(
        name="played",
        tasks=tasks,
        spaces=tuple(spaces),
        budget=budget,
        budgets=draw(st.sampled_from([{}, {"first": own}])),
        tuner=draw(st.sampled_from(tuners)),
        seeds=seeds,
        looks=tuple(n + 1 for n in seeds) if draw(st.sampled_from(looked_at)) else (),
        search_seed=draw(st.integers(0, 3)),
        searches=draw(st.integers(1, 3)),
        backend="jax",
    )


fates = st.builds(
    Fates, st.integers(0, 2**16), st.integers(0, 3), st.sampled_from([0.0, 0.3, 0.8, 1.0])
)
blows = st.lists(
    st.builds(
        Blow, st.integers(1, 25), st.sampled_from(["killed", "torn", "SIGINT", "SIGTERM"])
    ),
    max_size=6,
)  # fmt: skip


@pytest.fixture(scope="module")
def rehearse(tmp_path_factory):
    """Rehearses a sweep to its end, each blow in a run of its own; returns the rehearsal."""
    root = tmp_path_factory.mktemp("rehearsals")

    def rehearse(sweep, fates, workers=1, blows=()):
        rehearsal = Rehearsal(Path(tempfile.mkdtemp(dir=root)), sweep, fates, workers)
        for blow in (*blows, None):
            rehearsal.run(blow)
        return rehearsal

    yield rehearse
    shutil.rmtree(root)


def searches_of(sweep):
    """Every search as its cell and its number."""
    return [(cell, n) for cell in cells(sweep) for n in range(sweep.searches_of(cell.task.name))]


def search_of(sweep, trial):
    """The search that a trial belongs to."""
    return trial.task, trial.space, trial.number % sweep.searches_of(trial.task)


def asked(rehearsal):
    """Suggestions by search, in order."""
    found = {(*cell.key, number): [] for cell, number in searches_of(rehearsal.sweep)}
    for entry in rehearsal.record().history:
        if isinstance(entry, Asked):
            found[search_of(rehearsal.sweep, entry)].append(entry)
    return found


def sound(rehearsal):
    """Asserts what holds of every sweep that has come to its end."""
    record, sweep = rehearsal.record(), rehearsal.sweep
    assert rehearsal.complete()
    assert not rehearsal.gone
    assert not list((rehearsal.folder / sweep.name).glob("checkpoints/*"))
    found = counts(rehearsal.results())
    assert set(found.values()) <= {1}, "no trial has ended twice"
    suggestions = asked(rehearsal)
    for cell, number in searches_of(sweep):
        key = (*cell.key, number)
        results = [result for result in record.results if search_of(sweep, result) == key]
        search = [result for result in results if result.phase == "search"]
        _check_search(cell, search, suggestions[key], record.ended_searches[key], sweep)
        _check_confirmation(cell, number, results, record)
    _check_looks(record)
    _check_attempts(record)


def _check_search(cell, search, suggestions, reason, sweep):
    budget = sweep.budget_of(cell.task.name)
    assert [suggestion.number for suggestion in suggestions] == sorted(
        result.number for result in search
    ), "none is left out"
    assert len(search) <= budget.trials
    if reason == f"all {budget.trials} trials are done":
        assert len(search) == budget.trials, "failures count, interruptions do not"
    elif reason.startswith("the space is exhausted"):
        assert cell.space.name == "tiny"
        assert len([s for s in suggestions if s.parent is None]) == TINY
    elif reason.startswith("there is no model to start from"):
        assert (cell.space.pretrained, cell.task.init_from) == (True, "first")
        assert not search
    else:
        assert reason == f"its {budget.seconds:g} seconds are spent"
        return
    assert "interrupted" not in {result.status for result in search}


def _winner(cell, search):
    """The earliest of the best."""
    sign = 1 if cell.task.objective.direction == "min" else -1
    scores = [(sign * r.score, r.number, r) for r in search if r.status == "completed"]
    return min(scores)[2] if scores else None


def _check_confirmation(cell, number, results, record):
    confirmed = [result for result in results if result.phase == "confirm"]
    search = [result for result in results if result.phase == "search"]
    winner = _winner(cell, search)
    if winner is None:
        assert not confirmed
        return
    count = record.sweep.searches_of(cell.task.name)
    seeds = len(record.seeds_of(*cell.key))
    runs = enumerate(record.sweep.runs_of(cell.task.name)[: seeds * count])
    assert {result.number: result.seed for result in confirmed} == {
        run: seed for run, seed in runs if run % count == number
    }
    for result in confirmed:
        assert (result.config, result.training) == (winner.config, winner.training)
        assert result.status != "interrupted"


def _check_looks(record):
    """Each task was looked at until no more seeds were spent on it, and not again."""
    for task in record.sweep.tasks:
        looks = [look for look in record.looks if look.task == task]
        if not record.sweep.looks:
            assert not looks
            continue
        assert [bool(look.seeds) for look in looks] == [True] * (len(looks) - 1) + [False]


def _check_attempts(record):
    """What failed with its worker was tried twice, and nothing more often than that."""
    attempts = {}
    for entry in record.history:
        if not isinstance(entry, TrialResult):
            continue
        match entry.failure.kind if entry.failure else None:
            case "superseded":
                del attempts[entry.key]
            case "interrupted":
                pass
            case _:
                attempts.setdefault(entry.key, []).append(entry)
    for entries in attempts.values():
        first, *others = entries
        if first.broken:
            assert first.status == "interrupted"
            assert len(others) <= 1
        else:
            assert not others
        assert all(entry.status == "failed" for entry in others if entry.broken)


def job_key(job):
    return (job.task, job.space, job.phase, job.number)


# --- stopped ------------------------------------------------------------------------


@pytest.mark.parametrize("tuner", get_args(Tuner))
@pytest.mark.parametrize("examples", EXAMPLES)
def test_with_one_worker_a_stopped_sweep_ends_as_if_it_had_not_been(rehearse, tuner, examples):
    @settings(max_examples=examples // (1 if tuner in THOROUGH else 5))
    @given(sweeps([tuner], seconds=[None, None, 2.75]), fates, blows)
    def check(sweep, fates, blows):
        calm, stopped = rehearse(sweep, fates), rehearse(sweep, fates, blows=blows)
        sound(calm)
        sound(stopped)
        assert asked(stopped) == asked(calm)
        assert stopped.results() == calm.results(), "in the same order"
        assert stopped.record().ended == calm.record().ended

    check()


@pytest.mark.parametrize("examples", EXAMPLES)
def test_with_several_the_same_but_for_the_order(rehearse, examples):
    @settings(max_examples=examples)
    @given(sweeps(["random", "grid"], seconds=[None, None, 2.75]), fates, blows, st.integers(2, 3))
    def check(sweep, fates, blows, workers):
        calm, stopped = rehearse(sweep, fates), rehearse(sweep, fates, workers, blows)
        sound(stopped)
        assert asked(stopped) == asked(calm)
        ours, theirs = (sorted(r.results(), key=lambda r: r.key) for r in (stopped, calm))
        assert ours == theirs

    check()


@pytest.mark.parametrize("tuner", ["hyperband", "bayesian", "tpe", "asha+tpe"])
@pytest.mark.parametrize("examples", EXAMPLES)
def test_whatever_is_suggested_nothing_is_lost_or_doubled(rehearse, tuner, examples):
    @settings(max_examples=examples // (1 if tuner in THOROUGH else 5))
    @given(sweeps([tuner], seconds=[None, None, 2.75]), fates, blows, st.integers(2, 3))
    def check(sweep, fates, blows, workers):
        sound(rehearse(sweep, fates, workers, blows))

    check()


# --- tried again ----------------------------------------------------------------------


@pytest.mark.parametrize("examples", EXAMPLES)
def test_only_what_the_machine_failed_or_code_at_the_end_is_tried_again_later(rehearse, examples):
    @settings(max_examples=examples)
    @given(
        sweeps(["random", "hyperband"], seconds=[None, None, 6.0]),
        fates, blows, st.integers(1, 3), st.booleans(),
    )  # fmt: skip
    def check(sweep, fates, blows, workers, at_last):
        rehearsal = rehearse(sweep, dataclasses.replace(fates, deaths=4), workers)
        before = {result.key: result for result in rehearsal.record().results}
        failed = {result.key for result in before.values() if preflight.retriable(result)}
        begun = {name[:2] for name, made in asked(rehearsal).items() if made}
        started_from = {pretraining(cell) for cell in cells(sweep) if cell.key in begun}
        rehearsal.submitted.clear()
        for blow in blows:
            rehearsal.run(blow, retry_failed=True)
        rehearsal.run(retry_failed=at_last)
        after = {result.key: result for result in rehearsal.record().results}
        assert rehearsal.complete()
        assert all(after[key] == before[key] for key in before.keys() - failed)
        again = {job_key(job) for job in rehearsal.submitted}
        assert again.isdisjoint(before.keys() - failed)
        assert after.keys() - before.keys() <= again
        assert all(after[key].status != "interrupted" for key in failed), "it says what it was"
        if at_last and sweep.budget.seconds is None:
            own = {key: search_of(sweep, result) for key, result in before.items()}
            counting = {own[key] for key in before.keys() - failed if key[2] == "confirm"}
            left = {key for key in failed if key[:2] in started_from or own[key] in counting}
            assert again >= failed - left
        for cell, number in searches_of(sweep):
            key = (*cell.key, number)
            results = [r for r in after.values() if search_of(sweep, r) == key]
            _check_confirmation(cell, number, results, rehearsal.record())

    check()


# --- turns ----------------------------------------------------------------------------


@pytest.mark.parametrize("examples", EXAMPLES)
def test_cells_take_turns_and_the_longest_are_confirmed_first(tmp_path, examples):
    @settings(max_examples=examples)
    @given(sweeps(["random"]), fates, st.integers(1, 3))
    def check(sweep, fates, workers):
        sweep = dataclasses.replace(sweep, tasks=("first", "second"), spaces=("wide", "tuned"))
        fates = dataclasses.replace(fates, deaths=0)
        rehearsal = Rehearsal(Path(tempfile.mkdtemp(dir=tmp_path)), sweep, fates, workers)
        rehearsal.watch = lambda job, running: watch(rehearsal, job, running)
        rehearsal.run()
        sound(rehearsal)

    check()


def watch(rehearsal, job, running):
    """Asserts that it is this trial's turn."""
    sweep, key = rehearsal.sweep, search_of(rehearsal.sweep, job)
    if key[:2] == ("first", "tuned"):
        return  # others wait for it: it goes first
    begun = Counter((*search_of(sweep, other), other.phase) for other in rehearsal.submitted)
    busy = Counter(search_of(sweep, other) for other in running)
    every = {(*cell.key, number): cell for cell, number in searches_of(sweep)}
    searched = {name: [] for name in every}
    for result in rehearsal.record().results:
        if result.phase == "search":
            searched[search_of(sweep, result)].append(result)
    trials = {name: sweep.budget_of(name[0]).trials for name in every}
    able = [name for name in every if name[1] == "wide" and begun[*name, "search"] < trials[name]]
    if job.phase == "search":
        turns = {name: len(searched[name]) + busy[name] for name in searched}
        assert all(turns[key] <= turns[other] for other in able)
        return
    assert not able
    lengths = {
        name: _length(cell, searched[name], sweep)
        for name, cell in every.items()
        if name[:2] != ("first", "tuned")
        and len(searched[name]) == trials[name]
        and begun[*name, "confirm"] < len(rehearsal.record().seeds_of(*name[:2]))
    }
    assert lengths[key] == max(lengths.values()), "Graham 1969"


def _length(cell, search, sweep):
    """About how long a confirmation run takes; 0 if there will be none."""
    best = _winner(cell, search)
    budget = sweep.budget_of(cell.task.name)
    return (
        0.0
        if best is None
        else best.cost.seconds / best.epochs * budget.epochs / (budget.train_fraction)
    )


# --- grown --------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class More:
    """What a question grows by."""

    trials: int
    seeds: int
    epochs: int
    """Of confirmation runs."""
    whole: bool
    """Whether the first question has all architectures already."""

    def before(self, sweep):
        return sweep if self.whole else dataclasses.replace(sweep, spaces=sweep.spaces[:1])

    def after(self, sweep):
        budget = self._budget(sweep.budget)
        return dataclasses.replace(
            sweep,
            seeds=tuple(range(len(sweep.seeds) + self.seeds)),
            budget=budget,
            budgets={task: self._budget(own) for task, own in sweep.budgets.items()},
        )

    def _budget(self, budget):
        epochs = budget.epochs + self.epochs if self.epochs else None
        return dataclasses.replace(
            budget, trials=budget.trials + self.trials, confirm_epochs=epochs
        )


growths = st.builds(
    More, st.integers(0, 6), st.integers(0, 2), st.sampled_from([0, 0, 3]), st.booleans()
)


@pytest.mark.parametrize("tuner", ["random", "grid", "tpe"])
@pytest.mark.parametrize("examples", EXAMPLES)
def test_a_question_that_grew_is_answered_as_if_asked_at_once(rehearse, tuner, examples):
    @settings(max_examples=examples // (2 if tuner == "random" else 5))
    @given(sweeps([tuner], looked_at=[False]), growths, fates, blows)
    def check(sweep, more, fates, blows):
        grown = more.after(sweep)
        at_once, steps = rehearse(grown, fates), rehearse(more.before(sweep), fates, blows=blows)
        first = steps.record()
        steps.sweep = grown
        if any(pretraining(cell) is not None for cell in cells(sweep)) and first.sweep != grown:
            with contextlib.suppress(HarnessError):
                steps.run()
                sound(steps)
                return
            assert steps.record() == first, "nothing is written"
            return
        for blow in (*blows, None):
            steps.run(blow)
        sound(steps)
        assert asked(steps) == asked(at_once)
        assert last(steps) == last(at_once)
        for result, times in Counter(
            (*r.key, str(r.config), r.epochs) for r in steps.results(superseded=True)
        ).items():
            assert times == 1, f"{result} was run twice"

    check()


@pytest.mark.parametrize("examples", EXAMPLES)
def test_where_seeds_are_added_a_grown_question_is_looked_at_anew(rehearse, examples):
    @settings(max_examples=examples // 5)
    @given(sweeps(["random"], looked_at=[True]), st.integers(1, 6), fates, blows)
    def check(sweep, trials, fates, blows):
        played = rehearse(sweep, fates, blows=blows)
        looks = played.record().looks
        played.sweep = More(trials, 0, 0, True).after(sweep)
        if any(pretraining(cell) is not None for cell in cells(sweep)):
            return  # refused
        for blow in (*blows, None):
            played.run(blow)
        record = played.record()
        assert played.complete()
        assert record.looks[: len(looks)] == looks
        assert {look.task for look in record.looks[len(looks) :]} == {*sweep.tasks}

    check()


def last(rehearsal):
    """The last result of each trial, without moments and times."""
    return {
        result.key: dataclasses.replace(result, started=0.0, cost=Cost())
        for result in rehearsal.record().results
    }


@pytest.mark.parametrize(
    "changes, refused",
    [
        ({"tuner": "grid"}, "tuner: 'random', now 'grid'"),
        ({"search_seed": 1}, "search_seed: 0, now 1"),
        ({"seeds": (0,)}, "seeds: (0, 1), now (0,)"),
        ({"seeds": (1, 0, 2)}, "seeds: (0, 1), now (1, 0, 2)"),
        ({"spaces": ("tiny",)}, "spaces: ('wide',), now ('tiny',)"),
        ({"budget": Budget(trials=2)}, "budget.trials: 3, now 2"),
        ({"budget": Budget(trials=4, epochs=11)}, "budget.epochs: 10, now 11"),
        ({"budget": Budget(trials=3, seconds=5.0)}, "budget.seconds: None, now 5.0"),
        ({"searches": 2}, "searches: 1, now 2"),
        ({"seeds": (0, 1, 2), "looks": (2, 3)}, r"looks: (), now (2, 3)"),
    ],
)
def test_what_cannot_grow_is_refused_in_one_line(rehearse, changes, refused):
    sweep = Sweep(
        "played", ("first",), ("wide",), Budget(trials=3), seeds=(0, 1), backend="jax"
    )  # fmt: skip
    rehearsal = rehearse(sweep, Fates(0, 0, 0.0))
    before = (rehearsal.folder / "played" / "journal.jsonl").read_bytes()
    rehearsal.sweep = dataclasses.replace(sweep, **changes)
    with pytest.raises(HarnessError, match="can grow there") as caught:
        rehearsal.run()
    assert f"another question ({refused})" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert (rehearsal.folder / "played" / "journal.jsonl").read_bytes() == before


def test_trials_of_tuners_that_continue_cannot_grow(rehearse):
    sweep = Sweep("played", ("first",), ("wide",), Budget(trials=3), tuner="asha", backend="jax")
    rehearsal = rehearse(sweep, Fates(0, 0, 0.0))
    rehearsal.sweep = dataclasses.replace(sweep, budget=Budget(trials=4))
    with pytest.raises(HarnessError, match=r"budget\.trials: 3, now 4"):
        rehearsal.run()


def test_seeds_cannot_grow_where_looks_at_them_were_planned(rehearse):
    sweep = Sweep("played", ("first",), ("wide",), Budget(trials=3), looks=(2, 3), backend="jax")
    rehearsal = rehearse(sweep, Fates(0, 0, 0.0))
    rehearsal.sweep = dataclasses.replace(sweep, seeds=(0, 1, 2, 3), looks=(2, 4))
    with pytest.raises(HarnessError, match=r"seeds: \(0, 1, 2\), now .*looks: \(2, 3\), now"):
        rehearsal.run()


def test_no_seed_is_added_that_a_search_was_trained_with(rehearse):
    sweep = Sweep("played", ("first",), ("wide",), Budget(trials=2), backend="jax")
    rehearsal = rehearse(sweep, Fates(0, 0, 0.0))
    seed = rehearsal.record().results[0].seed
    rehearsal.sweep = dataclasses.replace(sweep, seeds=(0, 1, 2, seed))
    with pytest.raises(HarnessError, match=f"was trained with seed {seed}; expected others"):
        rehearsal.run()
