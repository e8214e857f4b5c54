"""The example that the contract of a kind ends with is one: it makes a task, and its data."""

import textwrap

import pytest

from harness import kinds
from harness.data.validate import validate
from harness.spec import Task


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_the_example_of_a_contract_makes_a_task(kind):
    example = textwrap.dedent(kinds.of(kind).__doc__.split("\nExample:\n")[1])
    names = {}
    exec(compile(example, kind, "exec"), names)  # noqa: S102 (what the docstring shows)
    (task,) = (value for value in names.values() if isinstance(value, Task))
    assert task.kind == kind
    data = task.prepare({})
    validate(task, data)
    assert task.objective.metric in task.baseline(data)
