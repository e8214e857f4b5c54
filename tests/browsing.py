"""A real browser for tests, where Chromium is installed.

A test module imports the fixture by its function (`from tests.browsing import
opened_browser  # noqa: F401`) and asks for it as `browser`.
"""

import shutil
from dataclasses import dataclass, field

import pytest

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


def chromium():
    """Path of an installed Chromium, `None` without one."""
    return next(filter(None, map(shutil.which, CHROMIUM)), None)


@pytest.fixture(scope="module", name="browser")
def opened_browser():
    """Headless Chromium; the test is skipped where there is none."""
    path = chromium()
    if path is None:
        pytest.skip(f"no browser installed: looked for {', '.join(CHROMIUM)}")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    # One module long, as its event loop would stand in the way of tests that run their own.
    with api.sync_playwright() as playwright:
        # A container has neither the user namespaces nor the /dev/shm that Chromium wants.
        flags = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        yield browser
        browser.close()


@dataclass
class Watch:
    """What a page did while it was open."""

    faults: list[str] = field(default_factory=list)
    """Errors of the console and of scripts."""
    requests: list[str] = field(default_factory=list)
    """Addresses of all it asked for, itself included."""


def watched(page):
    """Starts to note the faults and the requests of a page; to be called before it loads."""
    watch = Watch()

    def on_console(message):
        if message.type == "error":
            watch.faults.append(f"console: {message.text}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: watch.faults.append(f"script: {error}"))
    page.on("request", lambda request: watch.requests.append(request.url))
    return watch
