"""What the report says of data of one's own: first of all, that the test is not new."""

import dataclasses

import pytest

from harness.journal.read import read_journal
from harness.report import own_data
from harness.report.answer import work_out
from harness.report.page import markdown
from tests.synthetic import write_journal


@pytest.fixture
def record(tmp_path):
    write_journal(tmp_path)
    return read_journal(tmp_path)


def with_facts(record, **facts):
    event = {**record.data["digits"], "facts": facts}
    return dataclasses.replace(record, data={**record.data, "digits": event})


def counts(same, near, of=500):
    return {"same": same, "near": near, "of": of}


def test_more_than_a_hundredth_of_the_test_is_said_first(record):
    page = markdown(work_out(with_facts(record, duplicates={"test": counts(4, 3)})))
    _, first, *_ = page.split("\n\n")
    assert first == (
        "On `digits`, 7 of 500 (1.4%) of the texts of `test` are in training as well, 4 the same, "
        "3 nearly: scores are higher than they would be on new texts."
    )


@pytest.mark.parametrize("split, found", [("test", counts(5, 0)), ("val", counts(90, 90))])
def test_less_and_other_splits_are_said_with_the_data(record, split, found):
    told = with_facts(record, duplicates={split: found})
    assert [*own_data.first_of_all(told)] == []
    page = markdown(work_out(told))
    assert (
        f"`digits`: texts that are in training as well: {found['same'] + found['near']} of" in page
    )


def test_what_was_done_to_data_is_said(record):
    told = with_facts(record, resized={"to": [8, 16], "images": 3, "of": 1200}, filled=2)
    notes = own_data.notes(told)
    assert notes[0].startswith("`digits`: 3 of 1,200 images were resized to 8 x 16 pixels")
    assert notes[1] == "`digits`: 2 steps missing, filled in by straight lines."
    clean = with_facts(record, duplicates={"test": counts(0, 0)})
    assert own_data.notes(clean) == [
        "`digits`: no text of validation or test is in training as well."
    ]


def test_of_other_data_nothing_is_said(record):
    assert own_data.notes(record) == []
    assert [*own_data.first_of_all(record)] == []
