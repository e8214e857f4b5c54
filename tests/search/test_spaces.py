"""Spaces as ordinary code writes them: scopes, loops, shared names, dependent ranges."""

import itertools
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import get_args

import hypothesis
import pytest
from hypothesis import strategies as st

from harness.search.ask_tell import Search
from harness.search.space import MOST_RANGES, Space
from harness.spec import HarnessError, Objective
from harness.sweep.question import Tuner
from harness.trial import Asked

BEST = Objective("accuracy", "max")
NAMES = "abc"


# --- programs that draw, and every way through them -----------------------------------


@dataclass(frozen=True)
class Number:
    """Draws a whole number, or one of the values up to it where `of` names a number before."""

    name: str
    low: int
    high: int


@dataclass(frozen=True)
class Kind:
    """Draws a word, and goes on differently for each; with KerasTuner's scopes or with `if`."""

    name: str
    branches: tuple[tuple, ...]
    scoped: bool


@dataclass(frozen=True)
class Loop:
    """Draws how often, then as many numbers, whose range grows with their place."""

    name: str
    most: int


def run(program, hp, way=()):
    """What a program draws, as one flat value."""
    drawn = []
    for step in program:
        match step:
            case Number(name, low, high):
                drawn.append((name, hp.Int(name, low, high)))
            case Loop(name, most):
                count = hp.Int(name, 1, most)
                drawn.append((name, count))
                drawn += [(i, hp.Int(f"{name}_{i}", 0, i)) for i in range(count)]
            case Kind(name, branches, scoped):
                words = [f"w{number}" for number in range(len(branches))]
                word = hp.Choice(name, words)
                drawn.append((name, word))
                for known, branch in zip(words, branches, strict=True):
                    if scoped:
                        with hp.conditional_scope(name, [known]):
                            if word == known:
                                drawn += run(branch, hp)
                    elif word == known:
                        drawn += run(branch, hp)
    return tuple(drawn)


def ways(program):
    """Everything a program can draw, counted out without any hyperparameters."""
    if not program:
        return {()}
    first, rest = program[0], ways(program[1:])
    match first:
        case Number(name, low, high):
            heads = {((name, value),) for value in range(low, high + 1)}
        case Loop(name, most):
            heads = {
                ((name, count), *enumerate(values))
                for count in range(1, most + 1)
                for values in itertools.product(*(range(i + 1) for i in range(count)))
            }
        case Kind(name, branches, _):
            heads = {
                ((name, f"w{number}"), *tail)
                for number, branch in enumerate(branches)
                for tail in ways(branch)
            }
    return {head + tail for head in heads for tail in rest}


def programs(depth=2):
    """Programs without one name twice on one way, but in as many branches as you like."""

    def steps(names, depth):
        if not names:
            return st.just(())
        name, others = names[0], names[1:]
        number = st.builds(
            lambda low, more: Number(name, low, low + more), st.integers(0, 3), st.integers(0, 2)
        )
        choices = [number, st.builds(lambda most: Loop(name, most), st.integers(1, 3))]
        if depth:
            branch = steps(others, depth - 1)
            choices.append(
                st.builds(
                    lambda branches, scoped: Kind(name, tuple(branches), scoped),
                    st.lists(branch, min_size=2, max_size=3),
                    st.booleans(),
                )
            )
        first = st.one_of(choices)
        return st.tuples(first) | st.builds(
            lambda head, tail: tail if isinstance(head, Kind) else (head, *tail),
            first,
            steps(others, depth),
        )

    return steps(NAMES, depth)


def search(program, tuner, trials=12):
    return Search(
        lambda hp: run(program, hp), BEST, tuner, trials=trials, epochs=3, seed=1
    )  # fmt: skip


def asked(suggestion):
    return Asked("t", "s", suggestion.number, json.loads(json.dumps(suggestion.values)),
                 suggestion.epochs, suggestion.initial_epoch, suggestion.parent)  # fmt: skip


def played(of, trials):
    """Suggestions with their outcomes: each third fails."""
    found = []
    while len(found) < trials and (suggestion := of.ask()) is not None:
        found.append(suggestion)
        of.tell(suggestion.number, None if suggestion.number % 3 == 2 else hash_free(suggestion))
    return found


def hash_free(suggestion):
    """A score that is the same in every process."""
    return sum(map(ord, repr(suggestion.sampled))) % 97 / 97


# --- what holds of all of them ------------------------------------------------------


@hypothesis.settings(max_examples=30, deadline=None)
@hypothesis.given(programs())
def test_a_grid_is_every_way_through_a_space_once(program):
    expected = ways(program)
    hypothesis.assume(len(expected) <= 150)
    found = [s.sampled for s in played(search(program, "grid", 1000), 1000)]
    assert len(found) == len(set(found))
    assert set(found) == expected


@hypothesis.settings(max_examples=20, deadline=None)
@hypothesis.given(programs(), st.sampled_from(get_args(Tuner)))
def test_a_journal_is_replayed_whatever_the_space(program, tuner):
    suggestions = played(search(program, tuner), 12)
    again = search(program, tuner)
    for suggestion in suggestions:
        assert again.replay(asked(suggestion)) == suggestion
        score = None if suggestion.number % 3 == 2 else hash_free(suggestion)
        again.tell(suggestion.number, score)
    assert again.ask() == search_on(program, tuner, suggestions).ask()


def search_on(program, tuner, suggestions):
    same = search(program, tuner)
    assert played(same, len(suggestions)) == suggestions
    return same


@hypothesis.settings(max_examples=15, deadline=None)
@hypothesis.given(programs())
def test_suggestions_at_random_are_ways_through_the_space(program):
    expected = ways(program)
    for suggestion in played(search(program, "random"), 12):
        assert suggestion.sampled in expected
        # What is recorded is what the configuration is made of, and nothing else.
        own = search(program, "random")._oracle.space.drawn(suggestion.values)
        assert own.used == suggestion.values


TWO_PROCESSES = """
import json
import os
from typing import get_args
from harness.sweep.question import Tuner
from tests.search.test_spaces import Kind, Loop, Number, played, search
programs = [
    (Kind("body", ((Number("units", 4, 8),), (Number("units", 64, 128),)), True),),
    (Kind("body", ((Number("units", 4, 8),), (Number("units", 64, 128),)), False),),
    (Loop("layers", 3), Kind("a", ((Loop("b", 2),), (Number("b", 0, 9), Number("c", 0, 9))), True)),
]
print(json.dumps([
    [s.values for s in played(search(program, tuner), 12)]
    for program in programs for tuner in get_args(Tuner)
]))
"""


def test_two_processes_suggest_the_same():
    answers = [
        subprocess.run(
            [sys.executable, "-c", TWO_PROCESSES], capture_output=True, text=True, check=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "KERAS_BACKEND": "jax"},  # starts sooner
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert answers[0] == answers[1]


# --- by example ---------------------------------------------------------------------


def scopes(hp):
    body = hp.Choice("body", ["small", "large"])
    with hp.conditional_scope("body", ["small"]):
        if body == "small":
            units = hp.Int("units", 4, 8)
    with hp.conditional_scope("body", ["large"]):
        if body == "large":
            units = hp.Int("units", 64, 128)
    return body, units


def test_one_name_in_two_scopes_has_both_ranges():
    space = Space(scopes)
    assert [(p.name, len(p.conditions)) for p in space.known.space] == [
        ("body", 0), ("units", 1), ("units:2", 1)]  # fmt: skip
    found = {s.sampled for s in played(Search(scopes, BEST, "random", trials=30, epochs=1, seed=0),
                                       30)}  # fmt: skip
    assert all(units <= 8 if body == "small" else units >= 64 for body, units in found)
    assert len({units for body, units in found if body == "large"}) > 5


def test_a_range_that_depends_on_a_value_is_kept():
    def sample(hp):
        first = hp.Int("first", 10, 100, step=10)
        return first, hp.Int("second", int(0.6 * first), first)

    found = played(Search(sample, BEST, "random", trials=40, epochs=1, seed=0), 40)
    assert all(0.6 * first <= second <= first for first, second in (s.sampled for s in found))


def test_a_range_that_depends_on_a_continuous_value_is_refused_by_name():
    def sample(hp):
        share = hp.Float("share", 0.1, 1.0)
        return hp.Float("rate", 0.0, share)

    with pytest.raises(HarnessError, match=f"'rate' has another range.*at most {MOST_RANGES}"):
        Space(sample)


def test_what_hides_behind_two_choices_at_once_is_found():
    def sample(hp):
        a, b = hp.Choice("a", ["x", "y", "z"]), hp.Choice("b", ["x", "y", "z"])
        return a, b, hp.Int("hidden", 1, 3) if a == b == "y" else 0

    assert "hidden" in [p.name for p in Space(sample).known.space]


def test_a_grid_tries_architectures_before_other_ways_to_train_them():
    def sample(hp):
        layers = hp.Int("layers", 1, 2)
        units = tuple(hp.Int(f"units_{i}", 32, 64, step=32) for i in range(layers))
        return units, hp.Float("training.learning_rate", 1e-4, 1e-2, sampling="log", default=1e-3)

    found = [s.sampled for s in played(Search(sample, BEST, "grid", trials=99, epochs=1, seed=0),
                                       7)]  # fmt: skip
    assert [units for units, _ in found[:6]] == [
        (32,), (64,), (32, 32), (32, 64), (64, 32), (64, 64)]  # fmt: skip
    assert {rate for _, rate in found[:6]} == {1e-3}
    assert found[6][0] == (32,)
    assert found[6][1] != 1e-3
