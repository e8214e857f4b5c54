import base64
import contextlib
import dataclasses
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from click.testing import CliRunner

from harness.cli.main import main
from harness.journal.read import read_journal
from harness.journal.write import Journal
from harness.models import keep_interface
from harness.spec import DataSpec, HarnessError, Split, TensorSpec
from harness.tracking import Tracker, default_uri, sync, ui
from harness.tracking.cell_run import cell_run
from harness.tracking.client import open_client
from harness.tracking.pages.views import TAG, named
from harness.tracking.trial_run import trial_run
from harness.tracking.trials import SweepTrials
from harness.trial import Failure
from tests.synthetic import trial_result, write_journal


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without experiments: MLflow takes seconds to create one."""
    output = tmp_path_factory.mktemp("mlflow")
    open_client(default_uri(output))
    return output / "mlflow.db"


@pytest.fixture
def folder(tmp_path: Path, database: Path) -> Path:
    """A finished sweep of one task: two architectures of four trials and two seeds."""
    shutil.copy(database, tmp_path)
    write_journal(tmp_path / "quick", tasks=("digits",), trials=4, seeds=(0, 1))
    return tmp_path / "quick"


def client_of(output: Path) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=default_uri(output))


def runs_of(output: Path, experiment: str = "digits") -> dict[str, Any]:
    """All runs of an experiment by name, deleted ones included."""
    client = client_of(output)
    found = client.get_experiment_by_name(experiment)
    runs = client.search_runs([found.experiment_id], run_view_type=3)
    assert max(Counter(run.data.tags["harness.key"] for run in runs).values()) == 1
    return {run.info.run_name: run for run in runs}


def history(output: Path, run: Any) -> set[tuple[Any, ...]]:
    """Every metric row of a run; fails when MLflow holds one twice."""
    client = client_of(output)
    rows = [
        (name, row.step, row.value if row.value == row.value else "nan")
        for name in run.data.metrics
        for row in client.get_metric_history(run.info.run_id, name)
    ]
    assert len(rows) == len(set(rows))
    assert len({row[:2] for row in rows}) == len(rows)
    return set(rows)


def everything(output: Path) -> dict[str, Any]:
    return {
        name: (run.info.status, run.data.params, history(output, run), run.data.tags)
        for name, run in runs_of(output).items()
    }


def files_of(output: Path, run: Any) -> set[str]:
    """All artifacts of a run, by path."""
    client, found, folders = client_of(output), set(), [None]
    while folders:
        for entry in client.list_artifacts(run.info.run_id, folders.pop()):
            if entry.is_dir:
                folders.append(entry.path)
            else:
                found.add(entry.path)
    return found


def state_of(value: str) -> dict[str, Any]:
    """The page's state in the tag of a view, as MLflow's page reads it."""
    packed = json.loads(value)["state"]
    assert packed.startswith("deflate;")
    return json.loads(zlib.decompress(base64.b64decode(packed.removeprefix("deflate;"))))


def keep_model(folder: Path, space: str, interface: bool = True) -> None:
    """Leaves what a confirmation run leaves of its model, as far as no model is loaded."""
    record = read_journal(folder)
    assert record is not None
    confirmed = [r for r in record.results if r.space == space and r.phase == "confirm"]
    winner = max(confirmed, key=lambda result: result.score or 0)
    model = Path("models") / f"{space}.keras"
    (folder / "models").mkdir(exist_ok=True)
    (folder / model).write_bytes(b"weights")
    if interface:
        image, label = TensorSpec((4, 4, 1), "uint8"), TensorSpec((), "uint8", size=3)
        spec = DataSpec({"image": image}, {"label": label}, "image_classification")
        images = np.arange(80, dtype="uint8").reshape(5, 4, 4, 1)
        keep_interface(folder / model, spec, Split({"image": images}, {}))
        (folder / model).with_suffix(".assets.json").write_text('{"classes": ["a", "b", "c"]}')
    with Journal(folder) as journal:
        journal.append("finished", result=dataclasses.replace(winner, model=str(model)))


def test_a_sweep_becomes_studies_over_their_trials(folder: Path) -> None:
    assert sync(folder, default_uri(folder.parent)) == 1 + 2 * (1 + 4 + 2)
    runs = runs_of(folder.parent)
    study = runs["quick · cnn"]
    assert study.info.status == "FINISHED"
    assert study.data.tags["architecture"] == "cnn"
    assert study.data.metrics["trials"] == 4
    assert study.data.metrics["seeds"] == 2
    seeds = [runs[f"cnn · seed {seed}"].data.metrics["test_accuracy"] for seed in (0, 1)]
    assert study.data.metrics["test_accuracy"] == pytest.approx(sum(seeds) / 2)
    assert study.data.metrics["test_accuracy_ci_low"] < min(seeds)
    assert study.data.metrics["score"] == max(
        runs[f"cnn · trial {n}"].data.metrics.get("score", 0) for n in range(4)
    )
    children = [
        name
        for name, run in runs.items()
        if run.data.tags.get("mlflow.parentRunId") == study.info.run_id
    ]
    assert sorted(children) == [f"cnn · seed {n}" for n in (0, 1)] + [
        f"cnn · trial {n}" for n in range(4)
    ]


def test_a_trial_carries_its_configuration_curve_cost_and_data(folder: Path) -> None:
    sync(folder, default_uri(folder.parent))
    result = read_journal(folder).results[0]  # type: ignore[union-attr]
    run = runs_of(folder.parent)["mlp · trial 0"]
    assert run.data.params["architecture"] == "mlp"
    assert run.data.params["units"] == str(result.config["units"])
    assert run.data.params["training.optimizer"] == "adamw"
    assert run.data.metrics["cost.parameters"] == result.cost.parameters
    curve = {(row[1], row[2]) for row in history(folder.parent, run) if row[0] == "val_accuracy"}
    assert curve == {(row["epoch"], row["val_accuracy"]) for row in result.curve}
    assert run.info.end_time - run.info.start_time == round(1000 * result.cost.seconds)
    assert run.inputs.dataset_inputs[0].dataset.name == "digits"
    assert run.data.tags["mlflow.source.git.commit"].startswith("0123456789")


def test_failures_are_failed_runs_with_their_reason(folder: Path) -> None:
    sync(folder, default_uri(folder.parent))
    runs = runs_of(folder.parent)
    failed = [run for run in runs.values() if run.info.status == "FAILED"]
    assert {run.data.tags["status"] for run in failed} == {"diverged", "failed", "timeout"}
    broken = runs["cnn · trial 1"]
    assert broken.data.tags["error"] == "ValueError: kernel larger than the image"
    listed = client_of(folder.parent).list_artifacts(broken.info.run_id)
    assert [file.path for file in listed] == ["traceback.txt"]


def test_sync_twice_changes_nothing(folder: Path) -> None:
    uri = default_uri(folder.parent)
    sync(folder, uri)
    before = everything(folder.parent)
    assert sync(folder, uri) == 0
    assert everything(folder.parent) == before


def test_a_sync_that_was_cut_off_anywhere_is_completed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = default_uri(folder.parent)
    client = type(open_client(uri))
    for call in ("log_inputs", "set_terminated", "log_batch", "set_tag"):
        with monkeypatch.context() as patch:
            real, calls = getattr(client, call), Counter[str]()

            def cut_off(self: Any, *values: Any, real: Any = real, calls: Any = calls) -> Any:
                calls["n"] += 1
                if calls["n"] == 4:
                    raise ConnectionError("gone")
                return real(self, *values)

            patch.setattr(client, call, cut_off)
            with pytest.raises(HarnessError, match="ConnectionError: gone"):
                sync(folder, uri)
    sync(folder, uri)
    assert len(runs_of(folder.parent)) == 14
    interrupted = everything(folder.parent)
    assert all(status != "RUNNING" for status, *_ in interrupted.values())
    assert sync(folder, uri) == 0


def test_a_live_run_and_sync_agree(folder: Path, tmp_path: Path) -> None:
    live = tmp_path / "live"
    live.mkdir()
    lines = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    tracker = Tracker(live, default_uri(tmp_path))
    with (live / "journal.jsonl").open("ab") as journal:
        for line in lines:
            journal.write(line)
            journal.flush()
            tracker.update()
    assert tracker.close(timeout=300) is None
    written = everything(tmp_path)
    assert len(written) == 14
    assert sync(live, default_uri(tmp_path)) == 0
    assert everything(tmp_path) == written


def test_what_is_unfinished_is_running_only_while_someone_works_on_it(folder: Path) -> None:
    journal = folder / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:6]))
    record = read_journal(folder)
    assert record is not None
    trials = SweepTrials()
    trials.take(record)
    cell = trials.shown(record)[0]
    assert cell_run(record, cell, live=True).status == "RUNNING"
    assert cell_run(record, cell, live=False).status == "KILLED"
    uri = default_uri(folder.parent)
    sync(folder, uri)
    journal.write_bytes(b"".join(lines))
    sync(folder, uri)
    assert len(runs_of(folder.parent)) == 14
    study = runs_of(folder.parent)["quick · mlp"]
    assert study.info.status == "FINISHED"
    history(folder.parent, study)


def test_a_retried_trial_stays_one_run(folder: Path) -> None:
    uri = default_uri(folder.parent)
    sweep = read_journal(folder).sweep  # type: ignore[union-attr]
    done = trial_result(sweep, "digits", "cnn", "search", 4)
    stopped = dataclasses.replace(
        done,
        status="interrupted",
        score=None,
        metrics={},
        started=done.started - 100,
        failure=Failure("interrupted", "stopped by the user"),
    )
    for result, status in ((stopped, "KILLED"), (done, "FINISHED")):
        with Journal(folder) as journal:
            journal.append("finished", result=result)
        sync(folder, uri)
        run = runs_of(folder.parent)["cnn · trial 4"]
        assert run.info.status == status
    assert "error" not in run.data.tags
    assert run.data.metrics["score"] == pytest.approx(done.score)
    assert "val_loss" in {row[0] for row in history(folder.parent, run)}


def test_an_experiment_that_was_deleted_by_hand_takes_runs_again(folder: Path) -> None:
    """mlflow#6445: it can be neither used nor made anew."""
    uri = default_uri(folder.parent)
    sync(folder, uri)
    client = open_client(uri)
    digits = client.get_experiment_by_name("digits")
    client.delete_experiment(digits.experiment_id)
    done = trial_result(read_journal(folder).sweep, "digits", "cnn", "search", 5)  # type: ignore[union-attr]
    with Journal(folder) as journal:
        journal.append("finished", result=done)
    sync(folder, uri)
    assert client.get_experiment_by_name("digits").lifecycle_stage == "active"
    assert "cnn · trial 5" in runs_of(folder.parent)


def test_odd_values_do_not_stop_it(folder: Path) -> None:
    sweep = read_journal(folder).sweep  # type: ignore[union-attr]
    odd = dataclasses.replace(
        trial_result(sweep, "digits", "cnn", "search", 5),
        config={"note": "x" * 9000, "blocks": [1, {"a": None}], "deep": {"rate": 0.5}, "é?": 1},
        metrics={"val_f1@0.5": 0.5, "val_accuracy": float("inf")},
        failure=Failure("code", "y" * 9000, "z" * 9000),
    )
    with Journal(folder) as journal:
        journal.append("finished", result=odd)
    sync(folder, default_uri(folder.parent))
    run = runs_of(folder.parent)["cnn · trial 5"]
    assert len(run.data.params["note"]) == 6000
    assert run.data.params["deep.rate"] == "0.5"
    assert run.data.metrics["best_val_f1_0.5"] == 0.5


def test_the_winners_model_is_an_artifact_of_its_study(folder: Path) -> None:
    """Also that of a sweep which kept no interface, so that it cannot be registered."""
    keep_model(folder, "cnn", interface=False)
    sync(folder, default_uri(folder.parent))
    study = runs_of(folder.parent)["quick · cnn"]
    listed = client_of(folder.parent).list_artifacts(study.info.run_id, "model")
    assert [(file.path, file.file_size) for file in listed] == [("model/cnn.keras", 7)]
    assert client_of(folder.parent).search_registered_models() == []


def test_a_sweep_has_a_run_of_its_own_with_the_report(folder: Path) -> None:
    uri = default_uri(folder.parent)
    for name in ("report.html", "leaderboard.csv", "leaderboard.png", "confusion-digits.png"):
        (folder / name).write_text("old")
    assert sync(folder, uri) == 15
    run = runs_of(folder.parent, "sweeps")["quick"]
    assert run.info.status == "FINISHED"
    assert run.data.params["budget.trials"] == "4"
    best = max(s.data.metrics["test_accuracy"] for s in runs_of(folder.parent).values()
               if s.data.tags["kind"] == "study")  # fmt: skip
    assert run.data.metrics["best/digits"] == pytest.approx(best)
    assert files_of(folder.parent, run) == {
        "report.html", "leaderboard.csv", "figures/leaderboard.png", "figures/confusion-digits.png",
    }  # fmt: skip
    assert sync(folder, uri) == 0
    (folder / "report.html").write_text("new")
    (folder / "leaderboard.csv").write_text("old")  # written again, with the same content
    assert sync(folder, uri) == 1
    written = Path(run.info.artifact_uri.removeprefix("file://")) / "report.html"
    assert written.read_text() == "new"
    assert len(files_of(folder.parent, run)) == 4


def test_the_run_of_a_sweep_grows_while_the_sweep_does(folder: Path) -> None:
    journal = folder / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    for count, status in ((len(lines) - 1, "KILLED"), (len(lines), "FINISHED")):
        journal.write_bytes(b"".join(lines[:count]))
        sync(folder, default_uri(folder.parent))
        run = runs_of(folder.parent, "sweeps")["quick"]
        assert run.info.status == status
    assert run.data.metrics["confirmed"] == 2
    assert {row[1] for row in history(folder.parent, run)} == {1, 2}


def test_a_study_holds_the_figures_of_its_task(folder: Path, tmp_path: Path) -> None:
    tasks = ("digits", "deep-digits")
    (tmp_path / "two").mkdir()
    write_journal(tmp_path / "two", tasks=tasks, spaces=("cnn",), trials=1, seeds=(0,))
    for name in ("confusion-digits.png", "forecast-deep-digits.png", "leaderboard.png"):
        (tmp_path / "two" / name).write_text("figure")
    sync(tmp_path / "two", default_uri(tmp_path))
    for task, figure in zip(tasks, ("confusion-digits", "forecast-deep-digits"), strict=True):
        study = runs_of(tmp_path, task)["quick · cnn"]
        assert files_of(tmp_path, study) == {"environment.json", f"figures/{figure}.png"}


def test_views_find_what_they_promise(folder: Path) -> None:
    sync(folder, default_uri(folder.parent))
    client = client_of(folder.parent)
    found = client.get_experiment_by_name("digits")
    names = dict(named(found.tags))
    assert list(names) == [
        "quick: architectures by test score",
        "quick: seeds grouped by architecture",
        "quick: learning curves",
        "quick: trials in parallel coordinates",
    ]
    states = {key.removeprefix(TAG): state_of(value)
              for key, value in found.tags.items() if key.startswith(TAG)}  # fmt: skip
    expected = {"architectures": 2, "groups": 4, "curves": 4, "trials": 5}
    for view, count in expected.items():
        state = states[f"quick-{view}"]
        order = f"{state['orderByKey']} {'ASC' if state['orderByAsc'] else 'DESC'}"
        runs = client.search_runs([found.experiment_id], state["searchFilter"], order_by=[order])
        assert len(runs) == count
        assert f"viewStateShareKey=quick-{view}" in found.tags["mlflow.note.content"]
        shown = {c.split("`")[1] for c in state["selectedColumns"] if c.startswith("metrics.")}
        shown |= {card["metricKey"] for card in state["compareRunCharts"] if "metricKey" in card}
        assert shown <= {name for run in runs for name in run.data.metrics}
        for card in state["compareRunCharts"]:
            params = set(card.get("selectedParams", ()))
            assert any(params <= set(run.data.params) for run in runs)
    names_by_score = [r.data.tags["architecture"] for r in client.search_runs(
        [found.experiment_id], states["quick-architectures"]["searchFilter"],
        order_by=[f"{states['quick-architectures']['orderByKey']} DESC"])]  # fmt: skip
    assert names_by_score == ["cnn", "mlp"]


def test_each_winner_is_registered_once(folder: Path) -> None:
    uri = default_uri(folder.parent)
    for space in ("mlp", "cnn"):
        keep_model(folder, space)
    for _ in range(2):
        sync(folder, uri)
    client = client_of(folder.parent)
    (registered,) = client.search_registered_models()
    assert registered.name == "digits"
    versions = {v.tags["architecture"]: v for v in client.search_model_versions("name='digits'")}
    assert set(versions) == {"mlp", "cnn"}
    assert registered.aliases == {
        "mlp": versions["mlp"].version, "cnn": versions["cnn"].version,
        "winner": versions["cnn"].version,
    }  # fmt: skip
    winner = versions["cnn"]
    assert winner.tags["sweep.id"] == read_journal(folder).id  # type: ignore[union-attr]
    study = runs_of(folder.parent)["quick · cnn"]
    assert winner.run_id == study.info.run_id
    assert winner.tags["test_accuracy"] == f"{study.data.metrics['test_accuracy']:.4g}"
    for said in ("CC BY 4.0", "95 % interval", "trivial predictor", "Limits", "`units`"):
        assert said in winner.description
    (output,) = study.outputs.model_outputs
    model = client.get_logged_model(output.model_id)
    assert winner.source == f"models:/{output.model_id}"
    assert model.status == "READY"
    (metric,) = model.metrics
    assert metric.value == study.data.metrics["test_accuracy"]
    assert (metric.key, metric.dataset_name) == ("test_accuracy", "digits")
    history(folder.parent, study)


def test_a_registered_winner_needs_nothing_of_the_results_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.artifacts import download_artifacts
    from mlflow.models import Model

    keep_model(folder, "cnn")
    sync(folder, default_uri(folder.parent))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", default_uri(folder.parent))
    local = Path(download_artifacts("models:/digits@winner"))
    assert (local / "data" / "winner" / "model.keras").read_bytes() == b"weights"
    assert "keras==3.15.1" in (local / "requirements.txt").read_text().split()
    described = Model.load(local)
    assert described.signature.inputs.input_names() == ["image"]
    assert described.load_input_example(str(local))["image"].shape == (2, 4, 4, 1)
    for file in local.rglob("*"):
        assert file.is_dir() or str(folder).encode() not in file.read_bytes()


def test_registering_that_was_cut_off_anywhere_is_completed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = default_uri(folder.parent)
    keep_model(folder, "cnn")
    client = type(open_client(uri))
    calls = ("log_model_artifacts", "finalize_logged_model", "create_model_version",
             "set_registered_model_alias")  # fmt: skip
    for call in calls:
        with monkeypatch.context() as patch:
            patch.setattr(client, call, lambda *_, **__: 1 / 0)
            with pytest.raises(HarnessError, match="ZeroDivisionError"):
                sync(folder, uri)
    sync(folder, uri)
    (version,) = client_of(folder.parent).search_model_versions("name='digits'")
    (registered,) = client_of(folder.parent).search_registered_models()
    assert registered.aliases == {"cnn": version.version, "winner": version.version}
    study = runs_of(folder.parent)["quick · cnn"]
    models = client_of(folder.parent).search_logged_models([study.info.experiment_id])
    assert [f"models:/{model.model_id}" for model in models] == [version.source]
    assert [output.model_id for output in study.outputs.model_outputs] == [models[0].model_id]


def test_the_aliases_belong_to_the_later_sweep(folder: Path, tmp_path: Path) -> None:
    uri = default_uri(tmp_path)
    write_journal(tmp_path / "later", tasks=("digits",), spaces=("vit", "cnn"), seeds=(0,))
    for sweep, space in (("quick", "cnn"), ("later", "cnn")):
        keep_model(tmp_path / sweep, space)
        sync(tmp_path / sweep, uri)
    client = client_of(tmp_path)
    holder = client.get_model_version_by_alias("digits", "cnn")
    assert holder.tags["sweep.id"] == read_journal(tmp_path / "later").id  # type: ignore[union-attr]
    sync(folder, uri)
    assert client.get_model_version_by_alias("digits", "cnn").version == holder.version
    assert len(client.search_model_versions("name='digits'")) == 2


def test_an_alias_that_was_moved_by_hand_stays_until_a_later_sweep(folder: Path) -> None:
    uri = default_uri(folder.parent)
    for space in ("mlp", "cnn"):
        keep_model(folder, space)
    sync(folder, uri)
    client = client_of(folder.parent)
    crowned = client.get_model_version_by_alias("digits", "winner").version
    versions = [v.version for v in client.search_model_versions("name='digits'")]
    (other,) = [version for version in versions if version != crowned]
    client.set_registered_model_alias("digits", "winner", other)
    sync(folder, uri)
    assert client.get_model_version_by_alias("digits", "winner").version == other


def test_a_test_metric_that_is_no_number_is_left_out(folder: Path) -> None:
    path = folder / "journal.jsonl"
    lines = []
    for line in path.read_text().splitlines():
        event = json.loads(line)
        if event["event"] == "finished" and event["result"]["phase"] == "confirm":
            event["result"]["metrics"]["test_auc"] = None
            if event["result"]["seed"] == 0:
                event["result"]["metrics"]["test_accuracy"] = None
        lines.append(json.dumps(event) + "\n")
    path.write_text("".join(lines))
    sync(folder, default_uri(folder.parent))
    study = runs_of(folder.parent, "digits")["quick · cnn"]
    assert "test_auc" not in study.data.metrics
    assert study.data.metrics["test_accuracy"] > 0
    assert "test_accuracy_ci_low" not in study.data.metrics


def test_hostile_names_format_nothing_and_reach_the_store(tmp_path: Path, database: Path) -> None:
    shutil.copy(database, tmp_path)
    task, space = "a|b`c<script>\n[x](http://evil)", "latest"
    write_journal(tmp_path / "quick", tasks=(task,), spaces=(space,), trials=1, seeds=(0,))
    (tmp_path / "quick" / f"confusion-{task.replace('/', '_')}.png").write_text("figure")
    keep_model(tmp_path / "quick", space)
    uri = default_uri(tmp_path)
    sync(tmp_path / "quick", uri)
    assert sync(tmp_path / "quick", uri) == 0
    client = client_of(tmp_path)
    (registered,) = client.search_registered_models()
    assert set(registered.aliases) == {"winner"}
    (version,) = client.search_model_versions("")
    study = runs_of(tmp_path, task)["quick · latest"]
    sweep = runs_of(tmp_path, "sweeps")["quick"]
    notes = [run.data.tags["mlflow.note.content"] for run in (study, sweep)]
    notes += [client.get_experiment_by_name(task).tags["mlflow.note.content"]]
    for text in (*notes, version.description, registered.description):
        assert "[x](http" not in text.replace("'c<script> [x](http://evil)`", "")
        assert not any(line.startswith("[x]") for line in text.splitlines())


def test_no_password_of_a_command_line_reaches_mlflow(folder: Path) -> None:
    journal = folder / "journal.jsonl"
    text = journal.read_text().replace(
        '"harness run quick"', '"harness run quick --tracking https://me:pa@ss@host/x"'
    )
    journal.write_text(text)
    keep_model(folder, "cnn")
    sync(folder, default_uri(folder.parent))
    stored = (folder.parent / "mlflow.db").read_bytes()
    assert b"https://host/x" in stored
    assert b"pa@ss" not in stored
    for file in (folder.parent / "mlartifacts").rglob("*"):
        assert file.is_dir() or b"pa@ss" not in file.read_bytes()


def test_registering_loads_no_framework(folder: Path) -> None:
    keep_model(folder, "cnn")
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from harness.tracking import default_uri, sync\n"
        f"folder = Path({str(folder)!r})\n"
        "sync(folder, default_uri(folder.parent))\n"
        "print({'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=300
    )
    assert run.stdout.splitlines()[-1] == "set()"
    assert len(client_of(folder.parent).search_model_versions("name='digits'")) == 1


def test_two_sweeps_share_the_experiment_of_their_task(folder: Path, tmp_path: Path) -> None:
    """In a database that has yet to be created."""
    (tmp_path / "mlflow.db").unlink()
    write_journal(tmp_path / "again", tasks=("digits",), spaces=("vit",), trials=1, seeds=(0,))
    sync(folder, default_uri(tmp_path))
    sync(tmp_path / "again", default_uri(tmp_path))
    assert {"quick · cnn", "quick · mlp", "quick · vit"} <= set(runs_of(tmp_path))


def test_a_dead_mlflow_costs_a_warning(folder: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    tracker = Tracker(folder, f"http://user:secret@127.0.0.1:{port}")
    tracker.update()
    message = tracker.close(timeout=0.5)
    assert message is not None
    assert f"harness sync {folder}" in message
    assert "\n" not in message
    assert "secret" not in message


def test_sync_does_not_interfere_with_a_live_run(folder: Path) -> None:
    tracker = Tracker(folder, default_uri(folder.parent))
    while not runs_started(folder.parent):
        threading.Event().wait(0.1)
    with pytest.raises(HarnessError, match="another process is writing this sweep to MLflow"):
        sync(folder, default_uri(folder.parent))
    assert tracker.close(timeout=300) is None


def runs_started(output: Path) -> bool:
    return (output / "mlartifacts").exists()


def test_sync_of_nothing_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"no journal\.jsonl there"):
        sync(tmp_path, default_uri(tmp_path))
    with pytest.raises(HarnessError, match="no such folder"):
        sync(tmp_path / "nowhere", default_uri(tmp_path))


def test_without_mlflow_one_line_names_the_remedy(folder: Path) -> None:
    script = (
        "import sys; sys.modules['mlflow'] = None\n"
        "from pathlib import Path\n"
        "from harness.spec import HarnessError\n"
        "from harness.tracking import Tracker, sync\n"
        f"folder = Path({str(folder)!r})\n"
        "try: sync(folder, 'sqlite:///x.db')\n"
        "except HarnessError as error: print(error)\n"
        "print(Tracker(folder, 'sqlite:///x.db').close())\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=300
    )
    refused, warned = run.stdout.splitlines()
    assert "--tracking none" in refused
    assert "harness sync" in warned


def test_importing_the_package_does_not_load_mlflow() -> None:
    script = "import sys, harness.tracking; print('mlflow' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=300
    )
    assert run.stdout.strip() == "False"


def test_catching_up_says_where_without_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.tracking.sync", lambda folder, uri: 3)
    answer = CliRunner().invoke(main, ["sync", ".", "--tracking", "http://me:hush@host/"])
    assert answer.output == "3 runs written to http://host/\n"


def test_the_page_needs_a_database_and_a_free_port(folder: Path) -> None:
    with pytest.raises(HarnessError, match=r"no mlflow\.db there"):
        ui(folder, 5000)
    with pytest.raises(HarnessError, match="expected 1 to 65535"):
        ui(folder.parent, 70000)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(HarnessError, match="choose another --port"):
            ui(folder.parent, taken.getsockname()[1])


def test_the_page_of_a_damaged_database_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mlflow.db").write_text("not a database\n" * 100)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(HarnessError, match=r"mlflow\.db: MLflow cannot open it \(Data") as caught:
        ui(tmp_path, port)
    assert "\n" not in str(caught.value)
    assert capsys.readouterr().out == ""


def test_the_page_is_for_this_machine_alone(database: Path, tmp_path: Path) -> None:
    """Served from a folder whose files are called as modules are, none of which is imported."""
    shutil.copy(database, tmp_path)
    for name in ("random", "queue", "tasks", "harness", "mlflow", "flask", "uvicorn"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('a file of the person')\n")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-P", "-m", "harness", "ui", "--output", ".", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          cwd=tmp_path) as server:  # fmt: skip
        try:
            deadline, heard = time.monotonic() + 120, set[tuple[str, int]]()
            while not heard and time.monotonic() < deadline:
                time.sleep(0.1)
                heard = set(listening(psutil.Process(server.pid)))
        finally:
            server.terminate()
    assert heard == {("127.0.0.1", port)}


def listening(process: psutil.Process) -> Iterator[tuple[str, int]]:
    """Addresses and ports on which a process and its children listen."""
    for member in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            for connection in member.net_connections():
                if connection.status == psutil.CONN_LISTEN:
                    yield connection.laddr.ip, connection.laddr.port


def test_the_same_journal_gives_the_same_projection(folder: Path) -> None:
    first, second = read_journal(folder), read_journal(folder)
    assert first is not None
    assert second is not None
    for a, b in zip(first.results, second.results, strict=True):
        assert trial_run(first, a).digest("parent", {}) == trial_run(second, b).digest("parent", {})
