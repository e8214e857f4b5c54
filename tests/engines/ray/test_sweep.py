"""Sweeps on a cluster, as a person starts them: killed and carried on, refused in one line."""

import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from benchmarks.kills import answer, finished
from harness.cli.main import main
from tests.conftest import environment
from tests.faults.fake import QUESTION

pytest.importorskip("ray", reason="Ray is not installed")

from tests.engines.clusters import simulated


def test_a_sweep_whose_driver_is_killed_is_carried_on_with_the_scores_of_one_machine(tmp_path):
    question = tmp_path / "fake.toml"
    question.write_text(QUESTION.format(tuner="random", trials=4))
    words = [sys.executable, "-m", "tests.faults.fake", str(question), "--output"]
    quiet = {"stdout": subprocess.DEVNULL, "env": environment(FAKE_SECONDS="0.3")}
    alone = subprocess.Popen([*words, str(tmp_path / "alone")], **quiet)
    with simulated(cpus=0) as cluster:
        for _ in range(2):
            cluster.add_node(num_cpus=1, env_vars={"FAKE_SECONDS": "0.3"})
        on_nodes = [*words, str(tmp_path / "nodes"), "--workers", "2", "--address", cluster.address]
        folder = tmp_path / "nodes" / "fake"
        driver = subprocess.Popen(on_nodes, **quiet)
        deadline = time.monotonic() + 300
        while finished(folder).total() < 3:
            assert time.monotonic() < deadline
            assert driver.poll() is None
            time.sleep(0.05)
        driver.send_signal(signal.SIGKILL)
        driver.wait()
        before = finished(folder)
        assert subprocess.run(on_nodes, timeout=120, **quiet).returncode == 0
    assert alone.wait(300) == 0
    counts = finished(folder)
    assert counts.total() == len(counts) == 14
    assert before <= counts
    ours, theirs = answer(folder), answer(tmp_path / "alone" / "fake")
    assert all(one.equals(other) for one, other in zip(ours, theirs, strict=True))


@pytest.mark.parametrize(
    "words, said",
    [
        (["--address", "auto"], "--address auto: expected --engine ray beside it"),
        (["--mixed"], "--mixed: expected --engine ray beside it"),
        (["--engine", "ray", "--address", "there:1x"],
         "--address there:1x: expected auto, local, HOST:PORT or ray://HOST:PORT"),
        (["--engine", "ray", "--per-device", "2"],
         "--per-device 2: on a cluster --per-trial gpus=PART says it"),
    ],
)  # fmt: skip
def test_options_that_do_not_fit_together_are_one_line(words, said, tmp_path):
    run = CliRunner().invoke(main, ["run", "quick", "--output", str(tmp_path), *words])
    assert (run.exit_code, run.output) == (2, f"harness: {said}\n")
    assert not any(tmp_path.iterdir())
