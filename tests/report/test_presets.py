"""What the report says of what others have pretrained."""

import dataclasses

import pytest

from harness.journal.read import read_journal
from harness.report.answer import work_out
from harness.report.page import markdown
from tests.synthetic import write_journal

PRESET = {"name": "tiny", "backbone": "BertBackbone", "parameters": 1234, "pretrained_on": None}


@pytest.fixture
def record(tmp_path):
    write_journal(tmp_path)
    return read_journal(tmp_path)


def page(record, **preset):
    event = {**record.data["digits"], "preset": {**PRESET, **preset}}
    return markdown(work_out(dataclasses.replace(record, data={**record.data, "digits": event})))


def test_it_says_what_was_pretrained_on_and_that_its_cost_is_not_counted(record):
    space = record.sweep.spaces[0]
    told = page(record, started=[space], pretrained_on="Trained on all of the web.")
    assert (
        f"On `digits`, `{space}` starts from `tiny` (BertBackbone, 1,234 parameters), which others "
        "have pretrained. It says of itself: Trained on all of the web. What that cost is in no "
        "budget here."
    ) in told
    assert "On what is not known here. What that cost" in page(record, started=[space])


def test_architectures_that_are_not_asked_about_start_nowhere(record):
    assert "What that cost" not in page(record, started=["another"])
