"""What architectures are tried on where no task is named can be prepared, whatever the kind."""

import pytest

from harness.check import samples
from harness.data.validate import validate
from harness.kinds import KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_there_is_sound_data_for_every_kind(kind):
    task = samples.task(kind)
    data = task.prepare({})
    validate(task, data)
    assert len(data.train) > 0
