"""A disk that is full, or a kill, when MLflow makes its database: it is made whole later."""

import os
import signal
import subprocess
import sys

import pytest

from harness.tracking.client import default_uri, open_client
from tests.faults.disks import KILOBYTE, limited_files, small_disk
from tests.faults.sweeps import same

pytestmark = pytest.mark.skipif(os.name != "posix", reason="limits the size of files")


def test_a_database_for_which_there_was_no_room_is_made_later(tmp_path, toll):
    """MLflow alters its tables in dozens of steps, of which SQLite takes none back."""
    uri = default_uri(tmp_path)
    for room in (60, 120, 240):
        with limited_files(room * KILOBYTE), pytest.raises(Exception, match=r"full|disk"):
            open_client(uri)
        assert not (tmp_path / "mlflow.db").exists()
    (tmp_path / "mlflow.db").touch()  # what SQLite leaves where it cannot write a byte
    assert len(open_client(uri).search_experiments()) == 1
    assert {path.name for path in tmp_path.iterdir()} <= {"mlflow.db", "mlflow.db.lock"}
    toll("disk full (MLflow)", 3)


MAKE = """
import os, signal, sys
from mlflow.store.db import utils
from harness.tracking.client import open_client
upgrade = utils._upgrade_db
def killed(engine):
    os.kill(os.getpid(), signal.SIGKILL)
utils._upgrade_db = killed
open_client(sys.argv[1])
"""


def test_a_database_in_whose_making_the_driver_was_killed_is_made_later(tmp_path, toll):
    uri = default_uri(tmp_path)
    run = subprocess.run([sys.executable, "-c", MAKE, uri], capture_output=True, timeout=120)
    assert run.returncode == -signal.SIGKILL, run.stderr
    assert not (tmp_path / "mlflow.db").exists()
    assert len(open_client(uri).search_experiments()) == 1
    assert {path.name for path in tmp_path.iterdir()} <= {"mlflow.db", "mlflow.db.lock"}
    toll("driver killed (MLflow's database)")


@pytest.mark.long
@pytest.mark.parametrize("room", [120, 400, 900])
def test_mlflow_finds_no_room(forks, calm, tmp_path, toll, room):
    """The journal fits, its projections do not; they are made when there is room again."""
    question, quiet = calm()
    with small_disk(tmp_path / "disk", 64 << 20) as disk:
        disk.leave(room * KILOBYTE)
        folder = disk.folder / "fake"
        run = forks.run("run", question, "--workers", 1, "--output", disk.folder)
        assert run.code == 0, run.out + run.err
        assert "harness sync" in run.out
        assert "Traceback" not in run.out + run.err
        disk.free()
        for command in (("report", folder), ("sync", folder)):
            done = forks.run(*command)
            assert (done.code, done.err) == (0, ""), command
        assert forks.run("sync", folder).out.startswith("0 runs written")
        left = {path.name for path in disk.folder.iterdir()} - {"fake", "mlflow.db", "mlartifacts"}
        assert left <= {"mlflow.db.lock"}
        toll("disk full (MLflow)")
        (folder / ".tracking.lock").unlink()
        same(folder, quiet)
