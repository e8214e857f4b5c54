"""Any byte of a journal altered: its line is named, or it is read; never a traceback."""

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.analysis.cells import cell_results, exit_code
from harness.cli.status import show
from harness.journal.folder import JOURNAL
from harness.journal.read import read_journal
from harness.spec import HarnessError
from tests.answered import leaderboard, trials_table
from tests.synthetic import write_journal


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("journal")
    write_journal(folder, tasks=("digits",), trials=4)
    return folder


@pytest.fixture(scope="module")
def content(folder):
    return (folder / JOURNAL).read_bytes().splitlines(keepends=True)


def look(folder, capsys):
    """Reads a journal as commands do; the error, if it is refused."""
    try:
        record = read_journal(folder)
    except HarnessError as error:
        text = str(error)
        assert re.search(r"line \d+: not a journal event|written by a newer", text), text
        assert "\n" not in text
        return text
    if record is not None:
        cell_results(record), leaderboard(record), trials_table(record), exit_code(record)
        show(folder)
        capsys.readouterr()
    return None


@pytest.mark.parametrize("examples", [200, pytest.param(10_000, marks=pytest.mark.long)])
def test_any_byte_altered(folder, content, capsys, toll, examples):
    @settings(max_examples=examples, deadline=None, derandomize=True,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(st.integers(0, len(content) - 1), st.floats(0, 1, exclude_max=True),
           st.sampled_from(b'0123456789-eE."{}[],:nta \x00\xff\n\\'))  # fmt: skip
    def check(number, share, byte):
        line = bytearray(content[number])
        line[int(share * len(line))] = byte
        (folder / JOURNAL).write_bytes(
            b"".join((*content[:number], bytes(line), *content[number + 1 :]))
        )
        look(folder, capsys)

    check()
    toll("journal altered by a byte", examples)


@pytest.mark.parametrize("examples", [200, pytest.param(10_000, marks=pytest.mark.long)])
def test_any_value_altered(folder, content, capsys, toll, examples):
    values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    values |= st.just([]) | st.just({}) | st.sampled_from([-1, 1e308, 10**30, "1", [1], {"a": 1}])

    @settings(max_examples=examples, deadline=None, derandomize=True,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(st.integers(0, len(content) - 1), st.data(), values)
    def check(number, data, value):
        event = json.loads(content[number])
        place, key = event, None
        while key is None or (
            isinstance(place[key], dict) and place[key] and data.draw(st.booleans())
        ):
            place = event if key is None else place[key]
            key = data.draw(st.sampled_from(sorted(place)))
        if value == {"a": 1}:
            del place[key]
        else:
            place[key] = value
        (folder / JOURNAL).write_bytes(
            b"".join(
                (*content[:number], json.dumps(event).encode() + b"\n", *content[number + 1 :])
            )
        )
        look(folder, capsys)

    check()
    toll("journal altered in a value", examples)


@pytest.mark.parametrize("examples", [100, pytest.param(2_000, marks=pytest.mark.long)])
def test_lines_lost_doubled_and_out_of_order(folder, content, capsys, examples):
    @settings(max_examples=examples, deadline=None, derandomize=True,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(st.lists(st.integers(0, len(content) - 1), max_size=len(content)), st.booleans())
    def check(order, first):
        chosen = [content[0]] * first + [content[number] for number in order]
        (folder / JOURNAL).write_bytes(b"".join(chosen))
        look(folder, capsys)

    check()


@pytest.mark.parametrize(
    "change, reason",
    [
        (lambda e: e["result"].update(score=float("nan")), "NaN is no finite number"),
        (lambda e: e["result"].update(task="letters"), "task 'letters' is none of this sweep"),
        (lambda e: e["result"].update(status="won"), "status"),
        (lambda e: e["result"].update(number=-1), "trial -1"),
        (lambda e: e["result"].update(number=9, phase="confirm"), "more than there are seeds"),
        (lambda e: e.update(time=1e99), "no time: 1e+99"),
        (lambda e: e.pop("result"), "result"),
    ],
)
def test_what_cannot_be_is_named(folder, content, capsys, change, reason):
    number = next(i for i, line in enumerate(content) if b'"finished"' in line)
    event = json.loads(content[number])
    change(event)
    (folder / JOURNAL).write_bytes(
        b"".join((*content[:number], json.dumps(event).encode() + b"\n", *content[number + 1 :]))
    )
    error = look(folder, capsys)
    assert f"line {number + 1}: " in error
    assert reason in error
    assert "delete it and all below it" in error


@pytest.mark.parametrize("line", [b"[" * 200_000 + b"\n", b"1e999\n", b"9" * 5000 + b"\n"])
def test_lines_that_are_hard_to_read(folder, content, capsys, line):
    (folder / JOURNAL).write_bytes(content[0] + line)
    assert "line 2: " in look(folder, capsys)


def test_a_second_beginning_is_named(folder, content, capsys):
    (folder / JOURNAL).write_bytes(content[0] + content[1] + content[0])
    assert "line 3: " in look(folder, capsys)
    (folder / JOURNAL).write_bytes(content[1])
    assert "line 1: " in look(folder, capsys)


def test_half_a_surrogate_pair_is_read(folder, content, capsys):
    """Messages of early versions may hold them; they are no JSON to everybody."""
    number = next(i for i, line in enumerate(content) if b"ValueError: kernel" in line)
    line = content[number].replace(b"ValueError: kernel", b"ValueError: \\ud800")
    (folder / JOURNAL).write_bytes(b"".join((*content[:number], line, *content[number + 1 :])))
    assert look(folder, capsys) is None
    assert any(
        "ValueError: ?" in r.failure.message for r in read_journal(folder).results if r.failure
    )
