"""Suggestions: seeded, never twice, bounded in time, and sound when trials fail."""

from dataclasses import dataclass
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.search.ask_tell import Search
from harness.search.halving import rungs_of
from harness.search.tpe import MOST_BEST, MOST_LATEST, Observation, Parzen
from harness.spec import HarnessError, Objective
from harness.sweep.question import Tuner
from harness.system.json_values import jsonable
from harness.trial import Asked

TUNERS = get_args(Tuner)
HALVING = ("asha", "asha+tpe", "one-epoch", "one-epoch+tpe")


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


@pytest.mark.parametrize("tuner", [tuner for tuner in TUNERS if tuner != "grid"])
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


# --- suggestions by a tree-structured Parzen estimator --------------------------------


def better_by_rate(suggestion):
    config = suggestion.sampled
    return config.rate + (0.2 if config.kind == "attention" else 0.0)


def test_tpe_uses_what_it_was_told():
    """It ends nearer to the best configurations than random search with the same seeds."""
    late = {
        tuner: sum(
            better_by_rate(s)
            for seed in range(3)
            for s in play(search(tuner, seed), 24, better_by_rate)[12:]
        )
        for tuner in ("random", "tpe")
    }
    assert late["tpe"] > late["random"] + 6


def test_tpe_minimises_where_less_is_better():
    rates = []
    for seed in range(3):
        running = Search(sample, Objective("loss", "min"), "tpe", trials=30, epochs=9, seed=seed)
        rates += [s.sampled.rate for s in play(running, 30)[15:]]
    assert sum(rates) / len(rates) < 0.35


def test_tpe_leaves_what_fails():
    """Half of the space fails; a third of the later suggestions at most lie there."""
    running = search("tpe")
    made = play(running, 40, lambda s: None if s.sampled.rate < 0.5 else 0.1 * s.sampled.depth)
    assert sum(s.sampled.rate < 0.5 for s in made[20:]) < 7


def test_what_runs_is_not_suggested_once_more():
    """Eight at once are as far apart as one after the other; without a guess at what runs, they
    would crowd around the best."""
    running = search("tpe", trials=40)
    play(running, 16)
    open_trials = [running.ask() for _ in range(8)]
    assert len({s.sampled for s in open_trials}) == 8
    rates = sorted(s.sampled.rate for s in open_trials)
    assert rates[-1] - rates[0] > 0.05


def test_many_trials_do_not_make_suggestions_slow():
    running = search("tpe")
    for number in range(400):
        if number < 10 or running.ended:
            suggestion = running.ask()
        else:
            values = {"kind": "dense", "depth": 1, "rate": number / 400}
            suggestion = running.replay(Asked("task", "space", number, values, 9, 0, None))
        running.tell(suggestion.number, suggestion.sampled.rate)
    parzen = Parzen({}, "max")
    observed = [Observation({}, "scored", n * 7 % 400) for n in range(400)]
    running_too = [*observed, Observation({}, "running")]
    kept = parzen._chosen(running_too)
    assert len(kept) == MOST_BEST + MOST_LATEST + 1
    assert {one.score for one in kept} >= set(range(400 - MOST_BEST, 400))
    assert running.ask() is not None


def test_tpe_writes_and_logs_nothing(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    play(search("asha+tpe"), 20)
    assert capfd.readouterr() == ("", "")
    assert not list(tmp_path.iterdir())


# --- asynchronous successive halving --------------------------------------------------


@pytest.mark.parametrize(
    "epochs, rungs", [(1, (1,)), (2, (1, 2)), (4, (1, 4)), (9, (1, 3, 9)), (20, (1, 2, 7, 20))]
)
def test_rungs_are_thirds_of_the_epochs(epochs, rungs):
    assert rungs_of(epochs) == rungs


@pytest.mark.parametrize("tuner", HALVING)
def test_the_better_third_goes_on_where_it_ended(tuner):
    made = play(search(tuner, trials=40), 40)
    levels = (1, 3, 9) if tuner.startswith("asha") else (1, 9)
    by_epochs = {n: [s for s in made if s.epochs == n] for n in levels}
    assert sum(map(len, by_epochs.values())) == 40
    for below, above in pairwise(levels):
        assert len(by_epochs[above]) in (len(by_epochs[below]) // 3, len(by_epochs[below]) // 3 - 1)
    for s in made:
        if s.parent is not None:
            parent = made[s.parent]
            assert (parent.sampled, parent.epochs) == (s.sampled, s.initial_epoch)
            ended = [t for t in made[: s.number] if t.epochs == parent.epochs]
            better = [t for t in ended if t.sampled.rate > s.sampled.rate]
            assert len(better) < len(ended) / 3
    parents = [s.parent for s in made if s.parent is not None]
    assert len(parents) == len(set(parents))


@pytest.mark.parametrize("tuner", HALVING)
def test_equal_trials_are_equal_epochs_whatever_the_scores(tuner):
    spent = {
        sum(s.epochs - s.initial_epoch for s in play(search(tuner, seed, trials=20), 20, score))
        for seed in range(2)
        for score in (lambda s: s.sampled.rate, lambda s: s.number, lambda s: -s.number)
    }
    assert len(spent) == 1


@pytest.mark.parametrize("tuner", HALVING)
@pytest.mark.parametrize("failing", [1, 3, 9])
def test_a_failure_costs_no_place_on_a_rung(tuner, failing):
    """Where one fails on its way up, the next best goes on."""
    running = search(tuner, trials=60)
    failed, above = set(), []
    while len(above) < 6 and (suggestion := running.ask()) is not None:
        fails = suggestion.epochs == failing and len(failed) < 2
        failed |= {suggestion.number} if fails else set()
        above += [suggestion] if suggestion.epochs == 9 and not fails else []
        running.tell(suggestion.number, None if fails else suggestion.sampled.rate)
        assert suggestion.number < 100
    assert len(above) == 6
    assert not failed & {suggestion.parent for suggestion in above}


def test_nothing_waits_for_a_rung_to_be_complete():
    running = search("asha")
    slow = running.ask()
    assert {s.epochs for s in play(running, 12)} == {1, 3}
    running.tell(slow.number, 1.0)
    assert slow.number in {s.parent for s in play(running, 4)}


def test_scores_are_compared_on_the_highest_rung_that_has_enough():
    """The first epoch prefers what learns fast; here it says the opposite of the third."""
    running = search("asha+tpe", trials=60)
    made = play(running, 60, lambda s: s.sampled.rate if s.epochs > 1 else 0.5 - s.sampled.rate)
    tried = running._oracle.comparable(6)
    assert [made[int(t.trial_id)].epochs for t in tried].count(3) == len(tried) >= 6
    assert len({made[int(t.trial_id)].sampled for t in tried}) == len(tried)
    assert [int(t.trial_id) for t in tried] == sorted(int(t.trial_id) for t in tried)
    lowest = running._oracle.comparable(1000)
    assert [int(t.trial_id) for t in lowest] == [s.number for s in made if s.epochs == 1]


@pytest.mark.parametrize("tuner", HALVING)
def test_a_small_space_ends_with_its_best_fully_trained(tuner):
    running = search(tuner, sampler=small)
    made = play(running, 100, lambda s: s.sampled[1])
    assert running.ended == "the space is exhausted: 6 different configurations"
    assert made[-1].epochs == 9
    assert made[-1].sampled[1] == 2


@pytest.mark.parametrize("tuner", HALVING)
def test_checkpoints_are_kept_as_long_as_one_may_go_on(tuner):
    running = search(tuner, trials=30)
    used = {}
    kept = []
    while len(kept) < 30:
        suggestion = running.ask()
        if suggestion.parent is not None:
            assert suggestion.parent in kept[-1]
            used[suggestion.number] = suggestion.parent
        kept.append(running.continuable())
        if suggestion.parent is not None:
            assert suggestion.parent in kept[-1], "it may have to begin again"
        running.tell(suggestion.number, suggestion.sampled.rate)
    assert max(map(len, kept)) <= 2 * (30 // 3 + 1) + 1


# --- configurations to begin with -----------------------------------------------------

OWN = {"one": {"kind": "attention", "heads": 5}, "two": {"rate": 0.25}}


def beginning(tuner, first):
    return Search(
        sample, Objective("accuracy", "max"), tuner, trials=30, epochs=9, seed=0, first=first
    )


@pytest.mark.parametrize("tuner", TUNERS)
def test_ones_own_configurations_come_after_the_defaults(tuner):
    running = beginning(tuner, {**OWN, "three": {}})
    made = play(running, 6)
    fresh = [s.sampled for s in made if s.parent is None]
    assert fresh[:3] == [
        Config("dense", 1, 0.0, None), Config("attention", 1, 0.0, 5),
        Config("dense", 1, 0.25, None),
    ]  # fmt: skip
    assert len(set(fresh)) == len(fresh)


@pytest.mark.parametrize("tuner", TUNERS)
def test_they_are_replayed(tuner):
    made = play(beginning(tuner, OWN), 12)
    again = beginning(tuner, OWN)
    for s in made:
        asked = Asked("t", "s", s.number, jsonable(s.values), s.epochs, s.initial_epoch, s.parent)
        assert again.replay(asked) == s
        again.tell(s.number, s.sampled.rate)
    if tuner != "bayesian":
        assert again.ask() == beginning_on(tuner, made).ask()


def beginning_on(tuner, made):
    running = beginning(tuner, OWN)
    assert play(running, len(made)) == made
    return running


@pytest.mark.parametrize(
    "values, message",
    [
        ({"rte": 1}, "first: unknown hyperparameter 'rte'; known: kind, heads, depth, rate"),
        (
            {"heads": 3},
            "first.heads = 3: expected none, as it is not active beside the others",
        ),
        ({"kind": "conv"}, "first.kind = 'conv': expected one of 'dense', 'attention'"),
        ({"depth": 5}, "first.depth = 5: expected one of 1, 2, 3, 4"),
        ({"depth": "2"}, "first.depth = '2': expected one of 1, 2, 3, 4"),
        ({"depth": True}, "first.depth = True: expected one of 1, 2, 3, 4"),
        ({"rate": 1.5}, "first.rate = 1.5: expected a number from 0 to 1"),
    ],
)
def test_values_that_cannot_be_tried_are_refused_by_name(values, message):
    with pytest.raises(HarnessError) as error:
        beginning("random", {"first": values})
    assert str(error.value) == message
