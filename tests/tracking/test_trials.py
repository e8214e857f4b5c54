"""What the tracker keeps of a journal: the same however often it looks, and no work twice."""

import dataclasses
from collections import Counter

import pytest

from benchmarks.tracker import Client
from harness.journal.folder import JOURNAL
from harness.journal.read import read_journal
from harness.journal.write import Journal
from harness.tracking import store
from harness.tracking.metrics import Point, Points
from harness.tracking.sync import SweepSync
from harness.tracking.trials import SweepTrials, Tried
from harness.trial import Failure, TrialResult
from tests.synthetic import trial_result, write_journal


@pytest.fixture
def record(tmp_path):
    """Of a sweep some of whose trials were interrupted, tried again, or failed and corrected."""
    folder = tmp_path / "quick"
    write_journal(folder, trials=4, seeds=(0, 1))
    sweep = read_journal(folder).sweep
    lost = Failure("infrastructure", "the worker process was killed by SIGKILL")
    with Journal(folder) as journal:
        for number in (3, 1, 3):
            result = trial_result(sweep, "digits", "cnn", "search", number)
            journal.finish(dataclasses.replace(result, status="interrupted", failure=lost))
            journal.finish(dataclasses.replace(result, score=0.1 * number, started=2e9 + number))
        result = trial_result(sweep, "digits", "cnn", "confirm", 1, 1)
        journal.finish(dataclasses.replace(result, metrics={"test_accuracy": 0.5}))
        result = trial_result(sweep, "digits", "mlp", "search", 0, status="failed")
        journal.finish(result)
    return read_journal(folder)


def until(record, count):
    """A journal of so many entries."""
    return dataclasses.replace(record, history=record.history[:count])


def said(trials, record):
    """All that is kept, as values."""
    cells = [
        (c.key, c.attempts, c.started, c.ended, c.statuses, c.best, c.kept(), c.done(record),
         c.configs.varied(), c.trainings.varied(), [*c.search], [*c.confirm],
         [*c.metrics.points], c.metrics.points.digest())
        for c in trials.shown(record)
    ]  # fmt: skip
    return cells, [*trials.metrics.points], trials.metrics.points.digest()


@pytest.mark.parametrize("step", [1, 3, 7])
def test_a_journal_followed_is_a_journal_read_at_once(record, step):
    followed, once = SweepTrials(), SweepTrials()
    results = []
    for count in (*range(0, len(record.history), step), len(record.history)):
        part = until(record, count)
        assert followed.follows(part)
        results += followed.take(part)
    once.take(record)
    assert said(followed, record) == said(once, record)
    assert results == [entry for entry in record.history if isinstance(entry, TrialResult)]
    assert followed.take(record) == []


def test_points_that_were_written_stay(record):
    trials, seen = SweepTrials(), {}
    for count in range(len(record.history) + 1):
        trials.take(until(record, count))
        for cell in trials.begun(record):
            points = [*cell.metrics.points]
            assert points[: len(seen.get(cell.key, []))] == seen.get(cell.key, [])
            seen[cell.key] = points
    assert all(seen.values())


def test_the_last_result_of_a_trial_is_what_counts(record):
    trials = SweepTrials()
    trials.take(record)
    for cell in trials.begun(record):
        mine = [r for r in record.results if r.key[:2] == cell.key]
        search = [r for r in mine if r.phase == "search"]
        assert [*cell.search.values()] == search
        assert [*cell.confirm.values()] == [r for r in mine if r.phase == "confirm"]
        assert cell.statuses == Counter(r.status for r in search)
        assert cell.seconds == pytest.approx(sum(r.cost.seconds for r in search))
        scores = [r.score for r in search if r.status == "completed"]
        assert cell.best.score == max(scores)
        assert cell.attempts == sum(
            isinstance(e, TrialResult) and e.key[:2] == cell.key for e in record.history
        )


def test_another_journal_does_not_go_on_from_this_one(record, tmp_path):
    trials = SweepTrials()
    trials.take(record)
    assert not trials.follows(read_journal(tmp_path / "quick"))  # equal, but read from its start
    assert not trials.follows(until(record, 3))


def test_params_that_all_have_and_some_vary():
    tried, other = Tried(), Tried()
    assert tried.varied() == ()
    tried.take({"units": "64", "dropout": "0.1", "layers": "1", "width": "8"})
    assert tried.varied() == ()
    tried.take({"layers": "2", "units": "64", "dropout": "0.1", "depth": "3"})
    assert tried.varied() == ("layers",)
    other.take({"units": "32", "dropout": "0.1", "layers": "1"})
    other.take({"units": "32", "dropout": "0.2", "layers": "1"})
    tried.add(other)
    assert tried.varied() == ("units", "dropout", "layers")
    tried.add(Tried())
    assert tried.varied() == ("units", "dropout", "layers")


def test_a_hash_tells_points_apart():
    first = Point("loss", 1.0, 1, 2)
    digests = {
        Points(some).digest()
        for some in ((), (first,), (first, first), (dataclasses.replace(first, value=1.5),))
    }
    assert len(digests) == 4
    assert [*Points((first, first)).since(1)] == [first]


class Counting(Client):
    """Counts what is asked of MLflow."""

    def __init__(self):
        super().__init__()
        self.made, self.calls, self.points = [], Counter(), 0

    def create_run(self, experiment, started, tags, name):
        self.made.append(name)
        return super().create_run()

    def log_batch(self, run_id, metrics, params, tags):
        self.points += len(metrics)
        self.calls["log_batch"] += 1


@pytest.fixture
def client(monkeypatch):
    client = Counting()
    monkeypatch.setattr(store, "open_client", lambda uri: client)
    return client


@pytest.mark.parametrize("trials", [4, 40])
def test_an_update_writes_what_is_new_and_nothing_else(client, tmp_path, trials):
    folder = tmp_path / "quick"
    write_journal(folder, trials=trials)
    *lines, _, last = (folder / JOURNAL).read_bytes().splitlines(keepends=True)
    (folder / JOURNAL).write_bytes(b"".join(lines))
    with SweepSync(folder, "fake") as link:
        link.update(live=True)
        assert len(client.made) == 1 + 4 + 4 * (trials + 3) - 2
        for _ in range(2):
            client.made, client.calls, client.points = [], Counter(), 0
            assert link.update(live=True) == 0
            assert (client.made, client.calls, client.points) == ([], {}, 0)
        with (folder / JOURNAL).open("ab") as file:
            file.write(last)
        assert link.update(live=True) == 2
        assert client.made == ["cnn · seed 2"]
        assert client.calls == {"log_batch": 2}, "the cell and its trial"
        assert client.points < 40, "of the cell, none of those that it has"


def test_a_journal_in_the_place_of_another_is_written_whole(client, tmp_path):
    folder = tmp_path / "quick"
    write_journal(folder, trials=2)
    with SweepSync(folder, "fake") as link:
        link.update(live=True)
        before = [*client.made]
        (folder / JOURNAL).unlink()
        write_journal(folder, trials=2)  # another sweep of this name
        link.update(live=True)
        assert client.made == before * 2


def test_what_an_error_kept_back_is_written_with_the_next_update(client, tmp_path, monkeypatch):
    folder = tmp_path / "quick"
    write_journal(folder, trials=2)
    create, fails = client.create_run, [True]

    def refuse(experiment, started, tags, name):
        if name == "cnn · trial 1" and fails:
            fails.clear()
            raise ConnectionError("down")
        return create(experiment, started, tags, name)

    monkeypatch.setattr(client, "create_run", refuse)
    with SweepSync(folder, "fake") as link:
        with pytest.raises(ConnectionError):
            link.update(live=True)
        link.update(live=True)
    assert {"cnn · trial 0", "cnn · trial 1", "cnn · seed 2", "quick"} <= {*client.made}
