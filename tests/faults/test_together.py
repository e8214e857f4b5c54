"""Seeds that are one job: each has its record, is run once, and costs only itself."""

import json
import os
import random

import pytest

from harness.journal.folder import JOURNAL
from harness.journal.read import read_journal
from tests.faults import fake
from tests.faults.storm import storm
from tests.faults.sweeps import ended, files, run_words, same_trials

pytestmark = pytest.mark.skipif(os.name != "posix", reason="drivers are forked")


def words(question, output, together=3):
    return (*run_words(question, output), "--together", together)


def apart(folder):
    """The space, the numbers and the reason of each group that was run one by one."""
    events = map(json.loads, (folder / JOURNAL).read_text().splitlines())
    return [(e["space"], e["numbers"], e["reason"]) for e in events if e["event"] == "apart"]


@pytest.mark.parametrize("together", [2, 9])
def test_seeds_together_are_recorded_each_by_itself(forks, calm, tmp_path, together):
    question, quiet = calm()
    run = forks.run(*words(question, tmp_path, together))
    assert run.code == 0, run.out + run.err
    same_trials(tmp_path / "fake", quiet)
    assert files(tmp_path / "fake") == files(quiet)
    assert apart(tmp_path / "fake") == []


def test_a_worker_that_dies_costs_those_that_had_not_ended_their_company(
    forks, calm, tmp_path, toll
):
    question, quiet = calm()
    (tmp_path / "deaths").mkdir()
    (tmp_path / "deaths" / "good.confirm.1").write_text("1")
    run = forks.run(*words(question, tmp_path), **{fake.DEATHS: str(tmp_path / "deaths")})
    assert run.code == 0, run.out + run.err
    folder = tmp_path / "fake"
    same_trials(folder, quiet)
    ((space, numbers, reason),) = apart(folder)
    assert (space, numbers) == ("good", [1, 2])
    assert "was killed by SIGKILL" in reason
    assert run.out.count("seeds are trained one by one") == 1
    assert not any(result.broken for result in read_journal(folder).results)
    toll("worker killed, seeds together")


def test_what_cannot_be_one_program_is_run_one_by_one_and_said_once(forks, calm, tmp_path):
    question, quiet = calm()
    run = forks.run(*words(question, tmp_path, 2), **{fake.UNMAPPABLE: "1"})
    assert run.code == 0, run.out + run.err
    folder = tmp_path / "fake"
    same_trials(folder, quiet)
    reason = "no program for all of them"
    assert sorted(apart(folder)) == [("good", [0, 1], reason), ("raising", [0, 1], reason)]
    assert read_journal(folder).apart == {
        ("blobs", "good", 0): reason, ("blobs", "raising", 0): reason,
    }  # fmt: skip


def test_a_sweep_killed_in_a_group_runs_each_seed_once(forks, calm, tmp_path, toll):
    question, quiet = calm("random")
    folder, rng, done = tmp_path / "fake", random.Random("together"), 0
    while done < 3:
        damage = storm(
            forks, words(question, tmp_path), folder, len(ended(quiet)), rng, 3 - done,
            fresh=done > 0,
        )  # fmt: skip
        done += len(damage.blows)
        assert (damage.lost, damage.doubled, damage.orphans) == (0, 0, 0)
        same_trials(folder, quiet)
        assert apart(folder) == []
    toll("driver killed (seeds together)", done)


def test_together_is_for_jax_alone(harness, tmp_path):
    question = tmp_path / "question.toml"
    question.write_text('name = "q"\ntasks = ["blobs"]\nspaces = ["good"]\n')
    run = harness("run", question, "--together", 3, "--output", tmp_path / "out")
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == (
        "harness: --together 3: expected the backend jax for seeds that train as one program, "
        "not tensorflow\n"
    )
    assert not (tmp_path / "out").exists()
