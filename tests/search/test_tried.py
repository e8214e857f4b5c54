"""Which configurations an oracle has suggested."""

from dataclasses import dataclass

from harness.search.tried import Seen
from tests.search.test_search import play, search


@dataclass(frozen=True)
class Config:
    units: object


@dataclass(frozen=True)
class Other:
    units: object


def test_what_is_equal_was_seen_and_nothing_else():
    seen = Seen()
    values = [1, -1, -2, 0.5, "1", None, (1, 2), (1, (2,)), Other(1), frozenset({1, 2})]
    for value in values:  # -1 and -2 have the same hash
        assert Config(value) not in seen
        seen.add(Config(value))
    assert len(seen) == len(values)
    for value in (True, 1.0, -1.0, 0.5, (1.0, 2), Other(True), frozenset({2, 1})):
        assert Config(value) in seen
    assert Config(float("inf")) not in seen
    assert Other(1) not in seen


def test_a_search_at_random_keeps_no_trial_that_has_ended():
    running = search("random")
    play(running, 20)
    oracle = running._oracle
    assert (len(oracle.trials), len(oracle.ongoing_trials), oracle.begun) == (0, 0, 20)
    assert running.ask().number == 20
    assert [*oracle.trials] == [*oracle.ongoing_trials] == ["0020"]
    asha = search("asha")
    play(asha, 20)
    assert len(asha._oracle.trials) == 20
