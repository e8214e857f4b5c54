"""Suggestions: seeded, never twice, bounded in time, and sound when trials fail."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.search.ask_tell import Search
from harness.spec import HarnessError, Objective
from harness.system.json_values import jsonable
from harness.trial import Asked

TUNERS = ("random", "bayesian", "hyperband", "grid")


@dataclass(frozen=True)
class Config:
    kind: str
    depth: int
    rate: float
    heads: int | None


def sample(hp):
    kind = hp.Choice("kind", ["dense", "attention"])
    with hp.conditional_scope("kind", ["attention"]):
        heads = hp.Int("heads", 1, 8, default=2)
    return Config(kind, hp.Int("depth", 1, 4), hp.Float("rate", 0.0, 1.0), heads)


def search(tuner, seed=0, sampler=sample, trials=30, epochs=9):
    return Search(
        sampler, Objective("accuracy", "max"), tuner, trials=trials, epochs=epochs, seed=seed
    )


def play(running, count, score=lambda suggestion: suggestion.sampled.rate):
    """Asks and tells in turn; returns what was suggested."""
    made = []
    while len(made) < count and (suggestion := running.ask()) is not None:
        made.append(suggestion)
        running.tell(suggestion.number, score(suggestion))
    return made


@pytest.mark.parametrize("tuner", TUNERS)
def test_the_same_seed_suggests_the_same(tuner):
    assert play(search(tuner), 13) == play(search(tuner), 13)


@pytest.mark.parametrize("tuner", ["random", "bayesian", "hyperband"])
def test_zero_is_a_seed_of_its_own(tuner):
    assert play(search(tuner, seed=0), 8) == play(search(tuner, seed=0), 8)
    assert play(search(tuner, seed=0), 8) != play(search(tuner, seed=1), 8)


@pytest.mark.parametrize("tuner", TUNERS)
def test_the_defaults_come_first(tuner):
    assert search(tuner).ask().sampled == Config("dense", 1, 0.0, None)


@pytest.mark.parametrize("tuner", TUNERS)
def test_conditional_hyperparameters_hold_only_where_they_apply(tuner):
    made = play(search(tuner), 14 if tuner == "bayesian" else 40)
    assert all((s.sampled.heads is None) == (s.sampled.kind == "dense") for s in made)
    if tuner != "grid":
        assert {s.sampled.kind for s in made} == {"dense", "attention"}
        assert len({s.sampled.heads for s in made}) > 2


def small(hp):
    return (hp.Boolean("a"), hp.Int("b", 0, 2))


@pytest.mark.parametrize("tuner", TUNERS)
def test_nothing_is_tried_twice_and_an_exhausted_space_says_so(tuner):
    running = search(tuner, sampler=small)
    fresh = [s for s in play(running, 100, score=lambda s: s.number) if s.parent is None]
    assert sorted(s.sampled for s in fresh) == [(a, b) for a in (False, True) for b in range(3)]
    assert running.ended == "the space is exhausted: 6 different configurations"


@pytest.mark.parametrize("tuner", TUNERS)
def test_values_that_change_nothing_are_no_new_configuration(tuner):
    """`width_1` means nothing while there is one layer; KerasTuner tells them apart."""

    def nested(hp):
        return tuple(hp.Int(f"width_{i}", 1, 2) for i in range(hp.Int("layers", 1, 2)))

    made = [
        s.sampled
        for s in play(search(tuner, sampler=nested), 200, lambda s: s.number)
        if s.parent is None
    ]
    assert sorted(made) == [(1,), (1, 1), (1, 2), (2,), (2, 1), (2, 2)]


@pytest.mark.parametrize("tuner", TUNERS)
@settings(max_examples=10, deadline=None)
@given(st.lists(st.sampled_from(["asked", "told", "failed"]), max_size=40))
def test_a_journal_rebuilds_the_search(tuner, events):
    """Any history, with any number of trials running at once, leads to the same next step."""
    # Bayesian: mostly its random phase, since every fit takes half a second.
    running, history, open_trials = search(tuner, trials=48), [], []
    for event in events:
        if event == "asked":
            if (suggestion := running.ask()) is not None:
                history.append(("asked", suggestion))
                open_trials.append(suggestion)
        elif open_trials:
            trial = open_trials.pop(0)
            score = trial.sampled.rate if event == "told" else None
            running.tell(trial.number, score)
            history.append(("told", trial.number, score))
    rebuilt = search(tuner, trials=48)
    for event, *what in history:
        if event == "told":
            rebuilt.tell(*what)
        else:
            asked = {**vars(what[0]), "values": jsonable(what[0].values)}
            asked.pop("sampled")
            assert rebuilt.replay(Asked("task", "space", **asked)) == what[0]
    # A Gaussian process is not fitted while replaying, so running trials are guessed anew.
    if tuner != "bayesian" or not open_trials:
        assert rebuilt.ask() == running.ask()


def test_a_changed_space_is_noticed():
    asked = Asked("digits", "cnn", 0, {"kind": "dense", "depth": 99}, 9, 0, None)
    with pytest.raises(HarnessError, match=r"digits x cnn: trial 0 .* has changed"):
        search("random").replay(asked)


def test_a_space_that_changed_under_bayesian_is_noticed():
    running = search("bayesian", trials=9)
    first, second = (running.ask() for _ in range(2))
    rebuilt = search("bayesian", trials=9)
    for suggestion, values in ((first, first.values), (second, {**second.values, "rate": 0.123})):
        asked = Asked("task", "space", suggestion.number, jsonable(values), 9, 0, None)
        if suggestion is first:
            assert rebuilt.replay(asked) == first
        else:
            with pytest.raises(HarnessError, match=r"trial 1 .* has changed"):
                rebuilt.replay(asked)


def test_bayesian_uses_what_it_was_told():
    """It ends nearer to the best rate than random search with the same seed."""
    best = {
        tuner: sum(s.sampled.rate for s in play(search(tuner, trials=15), 15)[7:])
        for tuner in ["random", "bayesian"]
    }
    assert best["bayesian"] > best["random"] + 1


def test_bayesian_looks_at_a_bounded_number_of_trials():
    running = search("bayesian")
    begun = len(play(running, running._oracle.num_initial_points))
    for number in range(begun, 150):
        values = {"kind": "dense", "depth": 1, "rate": number * 7 % 150 / 150}
        running.replay(Asked("task", "space", number, values, 9, 0, None))
        running.tell(number, values["rate"])
    observed = running._oracle._observed(running._oracle.trials)
    scores = sorted(t.score for t in running._oracle.trials.values())
    assert len(observed) == 100
    assert set(scores[-50:]) <= {trial.score for trial in observed.values()}


def bracket(running, failing=frozenset()):
    """Plays the first bracket of 9 epochs (9, 3 and 1 trials); returns it by rung."""
    rungs = {1: [], 3: [], 9: []}
    while True:
        suggestion = running.ask()
        if suggestion is None or (suggestion.epochs == 3 and suggestion.parent is None):
            return rungs
        rungs[suggestion.epochs].append(suggestion)
        failed = (suggestion.epochs, len(rungs[suggestion.epochs]) - 1) in failing
        running.tell(suggestion.number, None if failed else suggestion.sampled.rate)


def test_hyperband_promotes_the_best_and_continues_them():
    rungs = bracket(search("hyperband"))
    assert [len(rung) for rung in rungs.values()] == [9, 3, 1]
    best = sorted(rungs[1], key=lambda s: -s.sampled.rate)
    assert [s.parent for s in rungs[3]] == [s.number for s in best[:3]]
    assert [(s.initial_epoch, s.sampled) for s in rungs[3]] == [(1, s.sampled) for s in best[:3]]
    assert [s.parent for s in rungs[9]] == [s.number for s in rungs[3][:1]]


@pytest.mark.parametrize(
    "failing",
    [{(1, i) for i in range(n)} for n in (1, 3, 8)]
    + [{(3, i) for i in range(n)} for n in (1, 3)]
    + [{(1, 2), (3, 0), (9, 0)}],
)
def test_hyperband_failures_never_cost_the_final_run(failing):
    rungs = bracket(search("hyperband"), failing)
    survivors = [i for i in range(len(rungs[9])) if (9, i) not in failing]
    assert survivors, "the bracket has a completed final run"


def test_hyperband_keeps_the_checkpoints_it_may_continue():
    running = search("hyperband")
    made = play(running, 9)
    assert running.continuable() == {s.number for s in made}
    bracket(running)
    assert not running.continuable() & {s.number for s in made}
