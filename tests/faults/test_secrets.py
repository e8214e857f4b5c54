"""Nothing that opens a door is in what a sweep leaves behind, or in what it says."""

import functools
import os
import socket
import sqlite3
import zipfile

import pytest

from tests.faults import fake
from tests.faults.test_mlflow_down import QUICK, hurried

pytestmark = pytest.mark.skipif(os.name != "posix", reason="drivers are forked")

VARIABLES = {
    name: f"hush-{number}-{name.lower()}"
    for number, name in enumerate((
        "AWS_SECRET_ACCESS_KEY", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "HF_TOKEN",
        "WANDB_API_KEY", "GITHUB_TOKEN", "DATABASE_URL", "KAGGLE_KEY",
    ))
}  # fmt: skip
ADDRESS = "http://hush-user:hush-word@{host}/api?token=hush-query"


_rest = fake.run


def contents(folder):
    """Every file below a folder, and every member of its archives."""
    for path in folder.rglob("*"):
        if path.is_file():
            yield path, path.read_bytes()
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as archive:
                    yield from ((path / name, archive.read(name)) for name in archive.namelist())


def in_trials():
    """Has trials of one architecture fail over an address that opens something."""
    fake.run = failing


def failing(job, report):
    from harness.training import run as training

    if job.space == "raising":
        training.train = refuse
        return training.run_trial(job, report)
    return _rest(job, report)


def refuse(job, task, report, state):
    raise ConnectionError(f"no answer from {ADDRESS.format(host='data.example')}")


def after(first, second):
    first()
    second()


@pytest.mark.parametrize("tracking", ["store", "nobody", "database"])
def test_no_file_and_no_line_holds_a_secret(forks, calm, tmp_path, toll, tracking):
    question, _ = calm()
    with socket.socket() as probe:  # taken, and nobody listens
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
        uri = {
            "store": f"sqlite:///{tmp_path}/out/mlflow.db",
            "nobody": ADDRESS.format(host=host),
            "database": f"mysql+pymysql://hush-user:1234/hush-word@{host}/runs",
        }[tracking]
        output = tmp_path / "out"
        words = ("run", question, "--workers", 1, "--output", output, "--tracking", uri)
        fate = functools.partial(after, functools.partial(hurried, 5), in_trials)
        run = forks.run(*words, fate=fate, **QUICK, **VARIABLES)
    assert run.code == 1, run.out + run.err  # one architecture has no result
    said = run.out + run.err
    commands = [("status",), ("report",)]
    if tracking == "store":  # for which a busy machine may have had no time
        commands.append(("sync", "--tracking", uri))
    for command, *options in commands:
        more = forks.run(command, output / "fake", *options, **VARIABLES)
        said += more.out + more.err
    assert "no answer from http://data.example/api?token=***" in said
    assert "hush" not in said
    files = dict(contents(output))
    assert {path.name for path in files} >= {
        "journal.jsonl", "environment.json", "report.html", "trials.csv", "sweep.toml",
    }  # fmt: skip
    assert any(b"data.example" in content for content in files.values())
    assert [path for path, content in files.items() if b"hush" in content] == []
    if tracking == "store":
        database = sqlite3.connect(output / "mlflow.db")
        text = "\n".join(database.iterdump())
        database.close()
        assert "data.example" in text
        assert "hush" not in text
    toll("secrets in variables and addresses")
