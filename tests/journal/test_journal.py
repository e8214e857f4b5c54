"""The journal: what is written is read back, and damage is named."""

import dataclasses
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.journal.events import VERSION, result_from_json
from harness.journal.folder import DRAWN_BY, JOURNAL
from harness.journal.read import read_journal
from harness.journal.write import Journal
from harness.spec import HarnessError
from harness.sweep.load import differences
from harness.sweep.question import Budget, Sweep
from harness.system.json_values import jsonable
from harness.trial import Cost, Failure, TrialResult
from tests.faults.sweeps import files

SWEEP = Sweep(name="s", tasks=("digits",), spaces=("cnn",))

numbers = st.floats(allow_infinity=False, width=64)
results = st.builds(
    TrialResult,
    sweep=st.just("s"),
    task=st.just("digits"),
    space=st.just("cnn"),
    phase=st.sampled_from(["search", "confirm"]),
    number=st.integers(0, 9),
    seed=st.integers(0, 9),
    config=st.dictionaries(st.text(), st.none() | st.integers() | st.text()),
    training=st.just({}),
    status=st.sampled_from(["completed", "failed", "diverged", "timeout"]),
    score=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    metrics=st.dictionaries(st.text(), numbers),
    curve=st.lists(st.dictionaries(st.text(), numbers), max_size=3).map(tuple),
    cost=st.builds(Cost, seconds=st.floats(0, 1e9)),
    failure=st.none() | st.builds(Failure, kind=st.just("code"), message=st.text()),
)


def begin(folder):
    journal = Journal(folder)
    journal.begin(SWEEP, {"python": "3"}, "harness run s")
    return journal


@given(results)
def test_results_survive_the_journal(result):
    again = result_from_json(json.loads(json.dumps(jsonable(result))))
    assert repr(again) == repr(result)  # NaN is equal to itself only in writing


def test_infinite_and_missing_numbers_become_null():
    text = json.dumps(jsonable({"a": math.inf, "b": [math.nan, 1.5]}), allow_nan=False)
    assert text == '{"a": null, "b": [null, 1.5]}'


def test_a_journal_is_read_back(tmp_path):
    with begin(tmp_path) as journal:
        journal.append("search_ended", task="digits", space="cnn", reason="done")
    record = read_journal(tmp_path)
    assert record.sweep == SWEEP
    assert record.ended == {("digits", "cnn"): "done"}
    assert record.command == "harness run s"


def test_the_question_is_read_back_as_it_was_asked(tmp_path):
    budgets = {"digits": Budget(trials=3, seconds=60.0, seeds=1)}
    asked = dataclasses.replace(SWEEP, tasks=("digits", "fashion_mnist"), budgets=budgets)
    with Journal(tmp_path) as journal:
        journal.begin(asked, {}, "")
    assert read_journal(tmp_path).sweep == asked
    assert not differences(read_journal(tmp_path).sweep, asked)


def test_journals_from_before_tasks_had_budgets_are_read(tmp_path):
    with begin(tmp_path):
        pass
    path = tmp_path / JOURNAL
    event = json.loads(path.read_text())
    del event["sweep"]["budgets"], event["sweep"]["budget"]["seeds"]
    path.write_text(json.dumps(event) + "\n")
    assert read_journal(tmp_path).sweep == SWEEP
    kept = Path(__file__).parents[2] / "results"
    assert all(read_journal(path.parent) for path in kept.glob(f"*/{JOURNAL}"))


@given(cut=st.integers(1, 200))
def test_a_torn_last_line_is_as_if_it_had_not_been_written(tmp_path_factory, cut):
    folder = tmp_path_factory.mktemp("torn")
    with begin(folder) as journal:
        journal.append("search_ended", task="digits", space="cnn", reason="x" * 200)
    path = folder / JOURNAL
    path.write_bytes(path.read_bytes()[:-cut])
    assert read_journal(folder).ended == {}
    with Journal(folder) as journal:
        journal.append("search_ended", task="digits", space="cnn", reason="again")
    assert read_journal(folder).ended == {("digits", "cnn"): "again"}


def test_a_journal_torn_in_its_first_line_begins_anew(tmp_path):
    (tmp_path / JOURNAL).write_bytes(b'{"event": "swe')
    with begin(tmp_path):
        pass
    assert read_journal(tmp_path).sweep == SWEEP


@pytest.mark.parametrize("garbage", [b"\x00\xff\n", b"[]\n", b'{"event": "unheard of"}\n', b"{}\n"])
def test_a_damaged_line_is_named(tmp_path, garbage):
    with begin(tmp_path) as journal:
        journal.append("resumed", environment={}, command="")
    path = tmp_path / JOURNAL
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + garbage + second)
    with pytest.raises(HarnessError, match=r"line 2: .* --fresh"):
        Journal(tmp_path)


def test_a_newer_journal_is_not_touched(tmp_path):
    with begin(tmp_path):
        pass
    path = tmp_path / JOURNAL
    path.write_text(path.read_text().replace(f'"version": {VERSION}', f'"version": {VERSION + 1}'))
    with pytest.raises(HarnessError, match=f"journal version {VERSION + 1}"):
        Journal(tmp_path)


def test_a_second_driver_is_refused(tmp_path):
    program = (
        "import pathlib, sys; from harness.journal.write import Journal\n"
        "from harness.spec import HarnessError\n"
        "try: Journal(pathlib.Path(sys.argv[1]))\n"
        "except HarnessError as error: print(error)"
    )
    with begin(tmp_path):
        answer = subprocess.run(
            [sys.executable, "-c", program, tmp_path], capture_output=True, text=True
        )
    assert "another run is writing" in answer.stdout
    with Journal(tmp_path) as journal:  # the lock was given back
        assert journal.read().sweep == SWEEP


def test_fresh_discards_the_answer_and_nothing_else(tmp_path):
    with begin(tmp_path):
        pass
    old = {"report.md", "trials.csv", "models/a.keras", "profile.png", "profile.svg"}
    mine = {"notes.txt", "survey.csv", "photo.png", "drawing.svg", "report.docx", "report.tex"}
    old |= {"ranks.png"}
    for name in old | mine:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(DRAWN_BY if name == "ranks.png" else name)
    with Journal(tmp_path, fresh=True) as journal:
        assert journal.read() is None
    assert read_journal(tmp_path).sweep == SWEEP, "it was not begun"
    assert old | mine <= files(tmp_path)
    with Journal(tmp_path, fresh=True) as journal:
        journal.begin(dataclasses.replace(SWEEP, search_seed=9), {}, "")
    assert files(tmp_path) == {JOURNAL} | mine
    assert read_journal(tmp_path).sweep.search_seed == 9


def test_fresh_discards_nothing_where_there_was_no_sweep(tmp_path):
    for name in ("models/my.pt", "trials.csv", "photo.png", "photo.svg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    before = files(tmp_path)
    with Journal(tmp_path, fresh=True) as journal:
        journal.begin(SWEEP, {}, "")
    assert files(tmp_path) == before | {JOURNAL}


@pytest.mark.parametrize("value", ["0.5", True, 2**70, {1}, b"x", 1j, [0.5]], ids=repr)
def test_what_cannot_be_recorded_is_a_failure_of_the_trial(tmp_path, value):
    result = TrialResult("s", "digits", "cnn", "search", 0, 0, {}, {}, "completed", score=0.5,
                         metrics={"val_accuracy": 0.5, "val_odd": value})  # fmt: skip
    sound = dataclasses.replace(result, metrics={"val_accuracy": np.float32(0.5), "x": math.nan})
    with begin(tmp_path) as journal:
        kept = journal.finish(result)
        assert (kept.status, kept.failure.kind, kept.score) == ("failed", "code", None)
        assert kept.failure.message.startswith("what it gave cannot be recorded (")
        assert journal.finish(sound) is sound
    first, second = read_journal(tmp_path).history
    assert first == kept
    assert repr(second.metrics) == repr({"val_accuracy": 0.5, "x": math.nan})


def test_passwords_of_addresses_are_not_read(tmp_path):
    typed = "harness run s --tracking postgresql://me:secret@host/db"
    with Journal(tmp_path) as journal:
        journal.begin(SWEEP, {}, typed)
    record = read_journal(tmp_path)
    assert record.command == "harness run s --tracking postgresql://host/db"
