"""The report as a person sees it: opened in a real browser, where one is installed."""

import dataclasses
import re

import pytest

from harness.journal.read import read_journal
from harness.report.figure_style import image
from harness.report.html.document import html
from harness.trial import TrialResult
from tests.answered import leaderboard_figure, markdown, plots
from tests.browsing import DESKTOP, PHONE, opened_browser, watched  # noqa: F401
from tests.synthetic import write_journal

EVIL = '<img src=x onerror="document.title=1">'


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    write_journal(folder, spaces=("mlp", "cnn", "resnet"), trials=12)
    return read_journal(folder)


def written(folder, record, with_plots=True):
    """The address of the report of a record, with one figure in place of each."""
    figure = leaderboard_figure(record)
    page = markdown(record)
    images = {
        f"{name}.png": image(figure)
        for name in set(re.findall(r"^!\[.*\]\((.+)\.png\)$", page, re.MULTILINE))
    }
    path = folder / "report.html"
    path.write_text(html(page, images, plots(record) if with_plots else ()), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def address(record, tmp_path_factory):
    return written(tmp_path_factory.mktemp("report"), record)


@pytest.fixture
def opened(browser):
    """Opens a page in a window of its own; nothing may have gone wrong in it by the end."""
    contexts, watches = [], []

    def open_page(address, size=DESKTOP, scheme="light", **options):
        context = browser.new_context(viewport=size, color_scheme=scheme, **options)
        contexts.append(context)
        page = context.new_page()
        watches.append(watched(page))
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    for watch in watches:
        assert watch.faults == []
        assert {url.partition(":")[0] for url in watch.requests} <= {"file", "data", "blob"}


def read_through(page):
    """Scrolls to each plot, as those out of sight are not drawn, and waits for it."""
    for box in page.locator(".canvas").all():
        box.scroll_into_view_if_needed()
        box.locator("svg").first.wait_for(state="attached")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_opens_without_a_fault_and_fits(opened, address, size, scheme):
    page = opened(address, size, scheme)
    read_through(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator(".canvas svg").count() >= 2
    for picture in page.locator("img").all():
        picture.scroll_into_view_if_needed()
        page.wait_for_function("image => image.complete", arg=picture.element_handle())
        assert picture.evaluate("image => image.naturalWidth") > 0
    # The first look holds the answer.
    assert page.locator("#summary").bounding_box()["y"] < size["height"] / 2


def test_a_click_sorts_the_leaderboard_and_another_turns_it_about(opened, address):
    page = opened(address)
    sheet = page.locator("table").first
    score = sheet.locator("th", has_text="accuracy")

    def scores():
        return [float(text) for text in sheet.locator("tbody td:nth-child(2)").all_inner_texts()]

    before = scores()
    assert before == sorted(before, reverse=True)
    score.locator("button").click()
    assert score.get_attribute("aria-sort") == "descending"
    score.locator("button").click()
    assert score.get_attribute("aria-sort") == "ascending"
    assert scores() == sorted(before)
    name = sheet.locator("th", has_text="architecture")
    name.locator("button").press("Enter")
    assert score.get_attribute("aria-sort") is None
    assert sheet.locator("tbody td:first-child").all_inner_texts() == ["cnn", "mlp", "resnet"]
    # The best has no difference to itself: nothing stands last, whichever way.
    difference = sheet.locator("th", has_text="best minus this").locator("button")
    for _ in range(2):
        difference.click()
        assert sheet.locator("tbody tr:last-child td:nth-child(5)").inner_text() == "–"


def test_an_architecture_can_be_hidden_from_a_plot(opened, address):
    page = opened(address)
    read_through(page)
    key = page.locator(".keys button").first
    shown = page.locator("#plot-0 [data-name=space-0]")
    assert shown.count() == 1
    key.click()
    assert key.get_attribute("aria-pressed") == "false"
    assert shown.count() == 0
    key.click()
    assert shown.count() == 1


def test_a_box_drawn_with_the_mouse_is_looked_into(opened, address):
    page = opened(address)
    read_through(page)
    plot = page.locator("#plot-0")
    plot.scroll_into_view_if_needed()

    def labels():
        return plot.locator(".axis text").all_inner_texts()

    whole, place = labels(), plot.bounding_box()
    page.mouse.move(place["x"] + 200, place["y"] + 60)
    page.mouse.down()
    page.mouse.move(place["x"] + 400, place["y"] + 160, steps=4)
    assert plot.locator(".band").count() == 1
    page.mouse.up()
    assert labels() != whole
    assert plot.locator(".band").count() == 0
    plot.dblclick(position={"x": 300, "y": 100})
    assert labels() == whole


def test_what_is_told_of_a_trial_is_text(opened, record, tmp_path):
    history = tuple(
        dataclasses.replace(e, config={"units": EVIL}) if isinstance(e, TrialResult) else e
        for e in record.history
    )
    page = opened(written(tmp_path, dataclasses.replace(record, history=history)))
    read_through(page)
    dot = page.locator("#plot-0 circle").first
    dot.scroll_into_view_if_needed()
    dot.hover(force=True)
    told = page.locator(".told").first
    told.get_by_text("trial").first.wait_for()
    assert f"units {EVIL}" in told.inner_text()
    assert page.locator(".told img").count() == 0
    assert page.title().startswith("quick: which")


def test_a_page_without_plots_works_as_well(opened, record, tmp_path):
    page = opened(written(tmp_path, record, with_plots=False), scheme="dark")
    page.locator("th button").first.click()
    assert page.locator(".canvas").count() == 0
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(20, 23, 27)"


def test_on_paper_there_are_no_controls_and_nothing_is_cut(opened, address):
    page = opened(address, {"width": 718, "height": 1000})
    page.emulate_media(media="print")
    for selector in ("nav", ".plots"):
        assert not page.locator(selector).first.is_visible()
    cut = page.evaluate("""() => [...document.querySelectorAll(".scroll")]
        .filter((box) => getComputedStyle(box).overflowX !== "visible" ||
                         box.scrollWidth > document.body.clientWidth).length""")
    assert cut == 0
