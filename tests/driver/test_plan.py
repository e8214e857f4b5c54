"""What a sweep does next: fair turns, budgets, and carrying on from a journal."""

import dataclasses

import pytest

from harness.check.baseline import Baselines
from harness.driver import opening, preflight, suggestions
from harness.driver import plan as plans
from harness.driver.options import Options
from harness.driver.run import run_sweep
from harness.journal.folder import checkpoint_path
from harness.journal.read import read_journal
from harness.journal.write import Journal
from harness.spec import HarnessError, Training
from harness.sweep.pairs import Cell
from harness.sweep.question import Budget, Sweep
from harness.system.json_values import jsonable
from harness.training.outcome import begun
from harness.trial import Cost, Failure
from tests.hostile.hostile.spaces import Config, good, waiting
from tests.hostile.hostile.tasks import blobs

SWEEP = Sweep(
    name="tests",
    tasks=("blobs",),
    spaces=("good", "waiting"),
    budget=Budget(trials=3),
    seeds=(7, 8),
)


@pytest.fixture(autouse=True)
def _cells(monkeypatch):
    by_name = {"good": good, "waiting": waiting}
    for module in (plans, preflight):
        monkeypatch.setattr(
            module, "cells", lambda sweep: tuple(Cell(blobs, by_name[n]) for n in sweep.spaces)
        )


def ended(job, score=0.5, status="completed", seconds=1.0):
    """The result of a job that a worker would have sent."""
    failure = None if status == "completed" else Failure("code", "broken")
    return dataclasses.replace(
        begun(job, started=0.0),
        status=status,
        score=score if status == "completed" else None,
        cost=Cost(seconds=seconds),
        failure=failure,
    )


def play(plan, outcome=ended, journal=None, most=1000):
    """Runs a plan's trials one after the other, as a driver with one worker does."""
    jobs = []
    while len(jobs) < most:
        for cell, reason in plan.end_searches():
            if journal is not None:
                task, space = cell.cell.key
                journal.append(
                    "search_ended",
                    task=task,
                    space=space,
                    search=cell.numbers.search,
                    reason=reason,
                )
        step = plan.next()
        if step is None:
            break
        if journal is not None and step.asked is not None:
            journal.append("asked", **jsonable(step.asked))
        cell = plan.cell(step.job.task, step.job.space, step.job.number)
        cell.attempts.start(step.job)
        result = outcome(step.job)
        if journal is not None:
            journal.append("finished", result=result)
        cell.finish(result)
        jobs.append(step.job)
    return jobs


def names(jobs):
    return [(job.space, job.phase, job.number) for job in jobs]


def test_cells_take_turns_and_are_confirmed_on_every_seed(tmp_path):
    jobs = play(plans.Plan(SWEEP, tmp_path, None))
    search, confirm = jobs[:6], jobs[6:]
    assert names(search) == [(s, "search", n) for n in range(3) for s in ("good", "waiting")]
    assert sorted((job.space, job.seed) for job in confirm) == [
        (space, seed) for space in ("good", "waiting") for seed in (7, 8)
    ]
    assert {job.seed for job in search} == {1_000_000}, "stays when seeds are added"


def test_the_cell_that_takes_longest_is_confirmed_first(tmp_path):
    def outcome(job):
        seconds = 2.0 if job.space == "good" else 9.0
        return dataclasses.replace(ended(job, seconds=seconds), epochs=2)

    plan = plans.Plan(SWEEP, tmp_path, None)
    confirm = play(plan, outcome)[6:]
    assert [job.space for job in confirm] == ["waiting", "waiting", "good", "good"]
    budget = dataclasses.replace(SWEEP.budget, epochs=2, confirm_epochs=6, train_fraction=0.5)
    plan.cells[0].spending.budget = budget
    assert plan.cells[0].spending.confirm_seconds() == pytest.approx(2.0 / 2 * 6 / 0.5)


def test_the_best_configuration_is_confirmed_on_all_data(tmp_path):
    sweep = dataclasses.replace(
        SWEEP,
        spaces=("good",),
        budget=Budget(trials=4, epochs=5, confirm_epochs=9, train_fraction=0.5),
    )
    scores = [0.1, 0.7, 0.7, 0.2]
    jobs = play(
        plans.Plan(sweep, tmp_path, None),
        lambda job: ended(job, scores[job.number] if job.phase == "search" else 0.9),
    )
    assert [(job.epochs, job.train_fraction) for job in jobs] == [(5, 0.5)] * 4 + [(9, 1.0)] * 2
    assert {job.config for job in jobs[4:]} == {jobs[1].config}
    assert {job.training for job in jobs[4:]} == {jobs[1].training}


def test_a_task_may_have_a_budget_of_its_own(tmp_path):
    own = Budget(trials=2, epochs=3, train_fraction=0.5, max_parameters=9, seeds=1)
    sweep = dataclasses.replace(SWEEP, spaces=("good",), budgets={"blobs": own})
    jobs = play(plans.Plan(sweep, tmp_path, None))
    assert names(jobs) == [("good", "search", 0), ("good", "search", 1), ("good", "confirm", 0)]
    assert [(job.epochs, job.train_fraction) for job in jobs] == [(3, 0.5)] * 2 + [(3, 1.0)]
    assert {job.max_parameters for job in jobs} == {9}


def test_a_sweep_is_complete_after_the_seeds_of_each_task(monkeypatch, tmp_path):
    monkeypatch.setattr(preflight, "cells", lambda sweep: (Cell(blobs, good),))
    own = {"blobs": Budget(trials=2, seeds=1)}
    sweep = dataclasses.replace(SWEEP, spaces=("good",), budgets=own)
    with Journal(tmp_path) as journal:
        journal.begin(sweep, {}, "")
        play(plans.Plan(sweep, tmp_path, None), journal=journal, most=2)
        assert not preflight.complete(read_journal(tmp_path))
        play(plans.Plan(sweep, tmp_path, read_journal(tmp_path)), journal=journal)
    assert preflight.complete(read_journal(tmp_path))


def test_a_space_is_told_the_kind_of_the_task(tmp_path, monkeypatch):
    kinds = set()
    told = dataclasses.replace(good, sample=lambda hp, kind: kinds.add(kind) or Config(8))
    monkeypatch.setattr(plans, "cells", lambda sweep: (Cell(blobs, told),))
    plans.Plan(dataclasses.replace(SWEEP, spaces=("good",)), tmp_path, None).next()
    assert kinds == {"image_classification"}


def test_failures_count_and_a_cell_without_a_score_is_not_confirmed(tmp_path):
    def outcome(job):
        return ended(job, status="failed" if job.space == "good" else "completed")

    plan = plans.Plan(SWEEP, tmp_path, None)
    jobs = play(plan, outcome)
    assert names(jobs).count(("good", "search", 2)) == 1
    assert {job.space for job in jobs if job.phase == "confirm"} == {"waiting"}
    assert plan.cell("blobs", "good").ended == "all 3 trials are done"


def test_spent_seconds_end_a_search_failed_trials_included(tmp_path):
    budget = Budget(trials=100, seconds=5.0)
    sweep = dataclasses.replace(SWEEP, spaces=("good",), budget=budget)
    plan = plans.Plan(sweep, tmp_path, None)
    left = []

    def outcome(job):
        left.append(job.seconds)
        return ended(job, status="completed" if job.number else "failed", seconds=2.0)

    jobs = play(plan, outcome)
    assert [job.phase for job in jobs] == ["search"] * 3 + ["confirm"] * 2
    assert left == [pytest.approx(5, abs=0.1), pytest.approx(3, abs=0.1), pytest.approx(1, abs=0.1)] + [None] * 2  # fmt: skip  # noqa: E501
    assert plan.cell("blobs", "good").ended == "its 5 seconds are spent"


def test_spent_operations_end_a_search(tmp_path):
    sweep = dataclasses.replace(SWEEP, budget=Budget(trials=50, flops=1e9), spaces=("good",))
    plan = plans.Plan(sweep, tmp_path, None)
    jobs = play(
        plan, lambda job: dataclasses.replace(ended(job), cost=Cost(seconds=1.0, flops=4e8))
    )
    assert [job.flops for job in jobs if job.phase == "search"] == pytest.approx([1e9, 6e8, 2e8])
    assert [job.flops for job in jobs if job.phase == "confirm"] == [None, None]
    assert plan.cell("blobs", "good").ended == "its 1e+09 floating-point operations are spent"


def test_several_searches_are_those_of_several_sweeps_and_confirm_a_winner_each(tmp_path):
    sweep = dataclasses.replace(SWEEP, spaces=("good",), budget=Budget(trials=4))

    def outcome(job):
        return ended(job, score=job.training.learning_rate)

    found = play(plans.Plan(dataclasses.replace(sweep, searches=3), tmp_path, None), outcome)
    for search in range(3):
        own = [job for job in found if job.number % 3 == search]
        alone = dataclasses.replace(sweep, search_seed=search)
        one = play(plans.Plan(alone, tmp_path, None), outcome)
        assert (
            [job.phase for job in own]
            == [job.phase for job in one]
            == ["search"] * 4 + ["confirm"] * 2
        )
        assert [(job.config, job.training) for job in own] == [
            (job.config, job.training) for job in one
        ]
    assert len({job.seed for job in found if job.phase == "confirm"}) == 6, "no run twice"
    trained = {job.number % 3: job.seed for job in found if job.phase == "search"}
    assert len({*trained.values()}) == 3
    assert not {*trained.values()} & {job.seed for job in found if job.phase == "confirm"}
    assert len({(job.phase, job.number) for job in found}) == len(found) == 3 * 6


def test_a_search_without_a_winner_holds_up_no_other(tmp_path):
    sweep = dataclasses.replace(SWEEP, spaces=("good",), searches=2)

    def outcome(job):
        return ended(job, status="failed" if job.number % 2 else "completed")

    with Journal(tmp_path) as journal:
        journal.begin(sweep, {}, "")
        plan = plans.Plan(sweep, tmp_path, None)
        jobs = play(plan, outcome, journal)
    assert [job.number for job in jobs if job.phase == "confirm"] == [0, 2]
    record = read_journal(tmp_path)
    assert [(*key, why) for key, why in record.ended.items()] == [
        ("blobs", "good", "all 3 trials are done")
    ]


@pytest.mark.parametrize("searches", [1, 2])
@pytest.mark.parametrize(
    "tuner, stop",
    [
        *(
            (tuner, stop)
            for tuner in ("random", "hyperband", "grid", "tpe", "asha+tpe")
            for stop in (0, 1, 4, 9, 13)
        ),
        ("bayesian", 9),
    ],
)
def test_a_plan_from_a_journal_goes_on_as_if_it_had_not_stopped(tmp_path, tuner, stop, searches):
    budget = Budget(trials=6, epochs=4)
    sweep = dataclasses.replace(SWEEP, tuner=tuner, budget=budget, searches=searches)

    def outcome(job):
        return ended(job, score=job.training.learning_rate)

    whole = play(plans.Plan(sweep, tmp_path, None), outcome)
    with Journal(tmp_path) as journal:
        journal.begin(sweep, {}, "")
        first = play(plans.Plan(sweep, tmp_path, None), outcome, journal, most=stop)
        cut_off = plans.Plan(sweep, tmp_path, read_journal(tmp_path)).next()
        if cut_off is not None and cut_off.asked is not None:
            journal.append("asked", **jsonable(cut_off.asked))
        rest = play(plans.Plan(sweep, tmp_path, read_journal(tmp_path)), outcome, journal)
    assert names(first + rest) == names(whole)
    assert [job.training for job in first + rest] == [job.training for job in whole]
    assert [job.parent for job in first + rest] == [job.parent for job in whole]


def test_an_interrupted_trial_is_run_again_with_the_same_configuration(tmp_path):
    with Journal(tmp_path) as journal:
        journal.begin(SWEEP, {}, "")
        interrupted = play(
            plans.Plan(SWEEP, tmp_path, None),
            lambda job: ended(job, status="interrupted"),
            journal,
            most=1,
        )
        jobs = play(plans.Plan(SWEEP, tmp_path, read_journal(tmp_path)), ended, journal)
    assert interrupted[0] in jobs
    assert len(jobs) == len(set(names(jobs))) == 2 * (3 + 2)


def test_hyperband_keeps_the_checkpoints_it_may_need_and_no_other(tmp_path):
    sweep = dataclasses.replace(
        SWEEP, spaces=("good",), tuner="hyperband", budget=Budget(trials=9, epochs=4)
    )
    plan = plans.Plan(sweep, tmp_path, None)
    most = 0

    def outcome(job):
        nonlocal most
        if job.parent is not None:
            assert checkpoint_path(tmp_path, job.task, job.space, job.parent).is_file()
        if job.keep_checkpoint:
            path = checkpoint_path(tmp_path, job.task, job.space, job.number)
            path.parent.mkdir(exist_ok=True)
            path.touch()
        most = max(most, len(list(tmp_path.glob("checkpoints/*"))))
        return ended(job, score=job.training.learning_rate)

    jobs = play(plan, outcome)
    assert any(job.parent is not None for job in jobs)
    assert {job.horizon for job in jobs if job.phase == "search"} == {4}
    assert 0 < most < len(jobs)
    assert not list(tmp_path.glob("checkpoints/*"))


def instant(job, report):
    """What workers call below: a trial that is over at once."""
    return ended(job)


def test_a_space_with_fewer_configurations_than_trials_is_confirmed(monkeypatch, tmp_path):
    """The driver learns by asking that there is nothing more to ask for."""
    tiny = dataclasses.replace(
        good, name="tiny", sample=lambda hp, kind: Config(hp.Choice("u", [4, 8]))
    )
    sweep = dataclasses.replace(SWEEP, spaces=("tiny",), budget=Budget(trials=9))
    data = {
        "digest": "",
        "sizes": {"train": 1, "val": 1, "test": 1},
        "objective": blobs.objective,
        "reference": None,
        "licence": "",
    }
    for module in (plans, opening, preflight):
        monkeypatch.setattr(module, "cells", lambda sweep: (Cell(blobs, tiny),))
    monkeypatch.setattr(suggestions, "sample_training", lambda hp, task: Training())
    monkeypatch.setattr(preflight, "data_event", lambda *_: data)
    monkeypatch.setattr(preflight, "baselines_of", lambda *_: Baselines({}, {}))
    monkeypatch.setattr(opening.plugins, "provenance", lambda *_: {})  # none of it is registered
    options = Options(output=tmp_path, workers=1, tracking="none")
    run_sweep(sweep, options, run_trial=instant, rehearse=False)
    record = read_journal(tmp_path / "tests")
    assert [r.phase for r in record.results] == ["search", "search", "confirm", "confirm"]
    assert record.ended == {("blobs", "tiny"): "the space is exhausted: 2 different configurations"}


# --- pretraining ----------------------------------------------------------------

PRETRAIN = dataclasses.replace(blobs, name="pretrain")
TUNE = dataclasses.replace(blobs, name="tune", init_from="pretrain")
ENCODER = dataclasses.replace(good, name="encoder", pretrained=True)
CHAIN = dataclasses.replace(SWEEP, tasks=("tune", "pretrain"), spaces=("encoder", "good"))


@pytest.fixture
def chain(monkeypatch):
    """A sweep in which `encoder` starts from what it learned on `pretrain`; `good` does not."""
    for module in (plans, preflight):
        monkeypatch.setattr(
            module,
            "cells",
            lambda sweep: tuple(Cell(t, s) for t in (TUNE, PRETRAIN) for s in (ENCODER, good)),
        )
    return CHAIN


def modelled(job):
    """As a worker that keeps the models it confirms, the second of which is the better one."""
    result = ended(job, score=0.5 + 0.1 * job.number if job.phase == "confirm" else 0.5)
    if job.phase == "confirm":
        result = dataclasses.replace(result, model=f"models/{job.task}.{job.space}.{job.seed}")
    return result


def test_pretraining_comes_first_and_its_best_model_is_gone_on_with(chain, tmp_path):
    jobs = play(plans.Plan(chain, tmp_path, None), modelled)
    cells = [(job.task, job.space, job.phase) for job in jobs]
    assert (
        cells[:5]
        == [("pretrain", "encoder", "search")] * 3 + [("pretrain", "encoder", "confirm")] * 2
    )
    assert len(jobs) == 4 * 5
    starts = {(job.task, job.space): job.encoder for job in jobs}
    assert str(starts.pop(("tune", "encoder"))) == "models/pretrain.encoder.8"
    assert set(starts.values()) == {None}


def test_what_waits_for_pretraining_holds_up_nothing_else(chain, tmp_path):
    plan = plans.Plan(chain, tmp_path, None)
    for _ in range(3):  # all of pretraining's search, which runs
        step = plan.next()
        assert (step.job.task, step.job.space) == ("pretrain", "encoder")
        plan.cell(step.job.task, step.job.space, step.job.number).attempts.start(step.job)
    assert plan.next().job.space == "good"


def test_without_a_pretrained_model_the_cells_that_need_it_end_and_others_go_on(chain, tmp_path):
    def outcome(job):
        failed = (job.task, job.space) == ("pretrain", "encoder")
        return ended(job, status="failed") if failed else modelled(job)

    with Journal(tmp_path) as journal:
        journal.begin(chain, {}, "")
        jobs = play(plans.Plan(chain, tmp_path, None), outcome, journal)
    assert not [job for job in jobs if (job.task, job.space) == ("tune", "encoder")]
    assert len([job for job in jobs if job.space == "good"]) == 10
    reason = read_journal(tmp_path).ended[("tune", "encoder")]
    assert reason == ("there is no model to start from: pretrain x encoder has no confirmed result")


@pytest.mark.parametrize("done", [5, 7])
def test_a_resumed_sweep_does_not_pretrain_again(chain, tmp_path, done):
    whole = play(plans.Plan(chain, tmp_path / "whole", None), modelled)
    with Journal(tmp_path) as journal:
        journal.begin(chain, {}, "")
        first = play(plans.Plan(chain, tmp_path, None), modelled, journal, most=done)
    rest = play(plans.Plan(chain, tmp_path, read_journal(tmp_path)), modelled)
    assert not [job for job in rest if (job.task, job.space) == ("pretrain", "encoder")]
    ours = [(job.task, job.space, job.phase, job.number, job.encoder) for job in first + rest]
    theirs = [(job.task, job.space, job.phase, job.number, job.encoder) for job in whole]
    assert sorted(ours, key=str) == sorted(theirs, key=str)


def broken(job, seconds=1.0):
    """The end of an attempt whose worker died; `interrupted` is what the driver makes of it."""
    result = ended(job, status="interrupted", seconds=seconds)
    return dataclasses.replace(result, failure=Failure("infrastructure", "killed"))


def test_an_attempt_that_its_worker_ended_is_made_again_once_and_counts_in_the_time(tmp_path):
    budget = Budget(trials=2, seconds=10.0)
    sweep = dataclasses.replace(SWEEP, spaces=("good",), budget=budget, seeds=(7,))
    plan = plans.Plan(sweep, tmp_path, None)
    (cell,) = plan.cells
    seen = []

    def outcome(job):
        again = (job.phase, job.number) in seen
        seen.append((job.phase, job.number))
        lost = broken(job, seconds=4.0)
        assert cell.deserves_another(lost) is not again
        return ended(job) if again or job.number else lost

    jobs = play(plan, outcome)
    assert (
        names(jobs)
        == [("good", "search", 0)] * 2 + [("good", "search", 1)] + [("good", "confirm", 0)] * 2
    )
    assert jobs[0] == dataclasses.replace(jobs[1], seconds=jobs[0].seconds)
    assert [job.seconds for job in jobs[:3]] == [
        pytest.approx(left, abs=0.5) for left in (10.0, 6.0, 5.0)
    ]
    assert not cell.deserves_another(dataclasses.replace(ended(jobs[2], status="failed")))


def test_what_was_taken_back_is_run_again_and_nothing_else(tmp_path):
    sweep = dataclasses.replace(SWEEP, spaces=("good",), seeds=(7,))

    def outcome(job):
        failed = job.phase == "confirm" or job.number == 1
        result = dataclasses.replace(broken(job), status="failed")
        return result if failed else ended(job, 0.2)

    with Journal(tmp_path) as journal:
        journal.begin(sweep, {}, "harness run tests")
        play(plans.Plan(sweep, tmp_path, None), outcome, journal)
        record = read_journal(tmp_path)
        assert [result.key[2:] for result in preflight.reopened(record)] == [
            ("confirm", 0), ("search", 1),
        ]  # fmt: skip
        for result in preflight.reopened(record):
            journal.append("finished", result=dataclasses.replace(result, status="interrupted"))
        reread = read_journal(tmp_path)
        assert (record.ended.keys(), reread.ended) == ({("blobs", "good")}, {})
        plan = plans.Plan(sweep, tmp_path, reread)
        jobs = play(plan, lambda job: ended(job, 0.9), journal)
    assert names(jobs) == [("good", "search", 1), ("good", "confirm", 0)]
    assert plan.cells[0].best().number == 1, "its score counts"
    assert preflight.reopened(read_journal(tmp_path)) == []


def test_a_confirmed_winner_keeps_its_search(tmp_path):
    def outcome(job):
        failed = (job.phase, job.number) in (("search", 1), ("confirm", 1))
        return dataclasses.replace(broken(job), status="failed") if failed else ended(job)

    with Journal(tmp_path) as journal:
        journal.begin(SWEEP, {}, "harness run tests")
        play(plans.Plan(SWEEP, tmp_path, None), outcome, journal)
    reopened = preflight.reopened(read_journal(tmp_path))
    assert {result.key[2:] for result in reopened} == {("confirm", 1)}


def test_a_winner_that_failed_by_itself_keeps_its_search_too(tmp_path):
    """Else another would win, and its seed would count as one that had failed already."""

    def outcome(job):
        if (job.phase, job.number) in (("search", 1), ("confirm", 1)):
            return dataclasses.replace(broken(job), status="failed")
        if job.phase == "search":
            return ended(job)
        late = Failure("timeout", "killed after 9 s")
        return dataclasses.replace(ended(job, status="timeout"), failure=late)

    with Journal(tmp_path) as journal:
        journal.begin(SWEEP, {}, "harness run tests")
        play(plans.Plan(SWEEP, tmp_path, None), outcome, journal)
    reopened = preflight.reopened(read_journal(tmp_path))
    assert {result.key[2:] for result in reopened} == {("confirm", 1)}


def test_a_search_without_seconds_left_is_not_taken_back(tmp_path):
    """There would be none to run it in, and what became of it would be forgotten."""
    budget = Budget(trials=3, seconds=3.0)
    sweep = dataclasses.replace(SWEEP, spaces=("good",), budget=budget, seeds=(7,))
    for seconds, left in ((1.0, 0), (0.4, 1)):
        died, folder = [], tmp_path / str(seconds)

        def outcome(job, died=died, seconds=seconds):
            if (job.phase, job.number) != ("search", 1):
                return ended(job)
            died.append(job)
            status = "failed" if len(died) > 1 else "interrupted"
            return dataclasses.replace(broken(job, seconds=seconds), status=status)

        with Journal(folder) as journal:
            journal.begin(sweep, {}, "harness run tests")
            play(plans.Plan(sweep, folder, None), outcome, journal, most=4)
        assert len(died) == 2
        assert len(preflight.reopened(read_journal(folder))) == left


@pytest.mark.parametrize("stopped", [False, True])
def test_what_had_no_model_to_start_from_goes_on_once_there_is_one(chain, tmp_path, stopped):
    def outcome(job):
        failed = (job.task, job.space, job.phase) == ("pretrain", "encoder", "search")
        return dataclasses.replace(broken(job), status="failed") if failed else modelled(job)

    with Journal(tmp_path) as journal:
        journal.begin(chain, {}, "")
        play(plans.Plan(chain, tmp_path, None), outcome, journal)
        again = preflight.reopened(read_journal(tmp_path))
        assert {result.key[:2] for result in again} == {("pretrain", "encoder")}
        for result in again:
            journal.append("finished", result=dataclasses.replace(result, status="interrupted"))
        plan = plans.Plan(chain, tmp_path, read_journal(tmp_path))
        jobs = play(plan, modelled, journal, most=5)
        assert {(job.task, job.space) for job in jobs} == {("pretrain", "encoder")}
        assert not preflight.complete(read_journal(tmp_path))
        if stopped:
            plan = plans.Plan(chain, tmp_path, read_journal(tmp_path))
        jobs = play(plan, modelled, journal, most=1)
        assert ("tune", "encoder") not in read_journal(tmp_path).ended
        if stopped:
            plan = plans.Plan(chain, tmp_path, read_journal(tmp_path))
        jobs += play(plan, modelled, journal)
    assert [(job.task, job.space, job.phase) for job in jobs] == [
        ("tune", "encoder", phase) for phase in ("search",) * 3 + ("confirm",) * 2
    ]
    assert preflight.complete(read_journal(tmp_path))


def test_a_model_that_others_started_from_stays(chain, tmp_path):
    def outcome(job):
        seed = (job.task, job.space, job.phase, job.number) == ("pretrain", "encoder", "confirm", 1)
        return dataclasses.replace(broken(job), status="failed") if seed else modelled(job)

    for done, taken_back in ((5, 1), (6, 0)):
        folder = tmp_path / str(done)
        with Journal(folder) as journal:
            journal.begin(chain, {}, "")
            play(plans.Plan(chain, folder, None), outcome, journal, most=done)
        assert len(preflight.reopened(read_journal(folder))) == taken_back


@pytest.mark.parametrize(
    "config",
    [(1, 2), Training, 3, Config({1}), Config(b"x"), Config(2**64), Config(print)],
    ids=repr,
)
def test_a_configuration_that_cannot_be_recorded_is_refused(tmp_path, monkeypatch, config):
    monkeypatch.setattr(plans, "cells", lambda sweep: (
        Cell(blobs, dataclasses.replace(good, sample=lambda hp, kind: config)),))  # fmt: skip
    with pytest.raises(HarnessError, match="'good': sample must return a frozen dataclass") as why:
        plans.Plan(SWEEP, tmp_path, None)
    assert "\n" not in str(why.value)
