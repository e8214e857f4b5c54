"""MLflow's own page in a browser: what is asked for most is at most three clicks away."""

import contextlib
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from harness.tracking import default_uri, sync
from tests.browsing import opened_browser  # noqa: F401
from tests.synthetic import write_journal
from tests.tracking.test_tracking import database, keep_model  # noqa: F401

SECONDS = 60_000
REPORT = "<html><body><h1>Report of the sweep</h1></body></html>"


@pytest.fixture(scope="module")
def address(tmp_path_factory, database):  # noqa: F811
    """Where `harness ui` shows a synthetic sweep."""
    output = tmp_path_factory.mktemp("page")
    shutil.copy(database, output)
    folder = output / "quick"
    write_journal(folder, tasks=("digits",), trials=6, seeds=(0, 1))
    keep_model(folder, "cnn")
    (folder / "report.html").write_text(REPORT)
    (folder / "confusion-digits.png").write_bytes(b"")
    sync(folder, default_uri(output))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "harness", "ui", "--output", str(output), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            wait_for(f"http://127.0.0.1:{port}/health")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def wait_for(url):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(url, timeout=5).close()
            return
        time.sleep(0.2)
    raise AssertionError(f"{url} does not answer")


@pytest.fixture(scope="module")
def task(browser, address):
    """The page of a task, two clicks after the start page in a browser that never saw it."""
    context = browser.new_context(viewport={"width": 1600, "height": 1000})
    context.set_default_timeout(SECONDS)
    page = context.new_page()
    page.goto(address)
    page.get_by_text("Model training", exact=True).first.click()
    page.get_by_role("link", name="digits", exact=True).first.click()
    page.get_by_role("link", name="quick · cnn").first.wait_for()
    yield page
    context.close()


@pytest.fixture
def third_click(task):
    """Opens a link of the task's description."""
    opened = []

    def click(link):
        with task.expect_popup() as popup:
            task.get_by_role("link", name=link, exact=True).first.click()
        opened.append(popup.value)
        return popup.value

    yield click
    for page in opened:
        page.close()


def test_architectures_stand_in_one_table_sorted_by_test_score(third_click):
    page = third_click("architectures")
    page.get_by_role("link", name="quick · mlp").wait_for()
    runs = page.get_by_role("link", name=re.compile("quick · ")).all_inner_texts()
    assert runs == ["quick · cnn", "quick · mlp"]
    page.get_by_text("test_accuracy", exact=True).first.wait_for()


def test_seeds_are_grouped_by_architecture(third_click):
    page = third_click("grouped seeds")
    for space in ("cnn", "mlp"):
        page.get_by_text(f"Group: {space}").first.wait_for()
    assert page.get_by_text("· seed ").count() == 4


def test_learning_curves_lie_over_each_other(third_click):
    page = third_click("learning curves")
    for space in ("cnn", "mlp"):
        page.get_by_text(f"{space} (val_accuracy)", exact=True).first.wait_for()
    lines = page.locator(".js-plotly-plot").first.locator(".scatterlayer .trace")
    lines.nth(1).wait_for(state="attached")


def test_trials_are_drawn_in_parallel_coordinates(third_click):
    page = third_click("trials")
    page.get_by_text("Parallel Coordinates", exact=True).first.wait_for()
    page.locator("text=architecture").first.wait_for()


def test_the_winner_has_its_model_and_its_figures(third_click):
    page = third_click("winner cnn")
    for name in ("figures", "model"):
        page.get_by_text(name, exact=True).first.wait_for()


def test_the_winner_is_a_registered_model(third_click):
    page = third_click("registered models")
    page.get_by_text("Version 1", exact=True).first.wait_for()
    page.get_by_text("winner", exact=True).first.wait_for()


def test_the_report_is_shown(third_click):
    page = third_click("report of quick")
    frame = page.frame_locator("iframe").first
    frame.get_by_role("heading", name="Report of the sweep").wait_for()


def test_mlflow_lists_the_views(task):
    task.get_by_test_id("saved-views-trigger").click()
    task.get_by_text("quick: learning curves", exact=True).first.wait_for()
    task.keyboard.press("Escape")
