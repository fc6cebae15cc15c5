"""The report in a real Chromium without a network, opened from disk."""

import dataclasses
import io
import re

import numpy as np
import pytest
from PIL import Image

from phcore.export.report import Options, render
from phcore.export.results import Results
from phcore.figures.registry import PRINTED
from phcore.stages.registry import assembly
from tests import studies
from tests.browser.conftest import OF_COLOURS, PATIENCE, broken

pytestmark = pytest.mark.browser

EVIL = "<script>alert(1)</script> <img src=x onerror=alert(2)>"
OVER_STEPS = ["velocity", "heatmap", "gaussian", "paths", "separation", "mixture", "behaviour"]


@pytest.fixture(scope="module")
def report(computed, tmp_path_factory):
    """A file with every chart, in which whoever could write something wrote a script."""
    folder = tmp_path_factory.mktemp("report")
    store = studies.copy_archive(computed[1], folder / "cache")
    results = Results.open(computed[0].name, store)
    store.write("probes", results.record.probes_key, results.prompts.assign(text=EVIL))
    series = tuple(dataclasses.replace(one, objective=f"{one.objective} {EVIL}") for one in results.study.series)
    evil = Results(dataclasses.replace(results.record, study=results.study.with_(series=series)), store)
    for name in ("concentration", "effects", "mixture", "lags"):  # other labels, another key
        store.write(*assembly.file_of(evil.record, name), results.table(name))
    notes = dict.fromkeys(PRINTED, EVIL)
    path = folder / "report.html"
    path.write_text(render(evil, Options(title=EVIL, authors=EVIL, notes=notes)), encoding="utf-8")
    return path


@pytest.fixture
def opened(browser, report):
    """Open the report in a context of its own; whatever it asks for, logs or says aloud makes the test fail."""
    contexts, heard = [], []

    def make(**options):
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **options})
        context.set_offline(True)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        contexts.append(context)
        page.on("request", lambda one: heard.append(one.url) if one.url != report.as_uri() else None)
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("console", lambda one: heard.append(one.text))
        page.on("dialog", lambda one: (heard.append(one.message), one.dismiss()))
        page.goto(report.as_uri())
        page.wait_for_selector("html[data-drawn=all]", state="attached")
        return page

    yield make
    for context in contexts:
        context.close()
    assert not heard


def words(page, key: str) -> str:
    return " ".join(page.locator(f"#{key}-chart svg text").all_text_contents())


def says(page, key: str, pattern: str) -> None:
    """Wait until the words of a chart match."""
    while not re.search(pattern, words(page, key)):
        page.wait_for_timeout(100)


def wait_for(page, question: str) -> None:
    page.wait_for_function(question)


def test_every_chart_is_drawn_and_nothing_is_requested(opened):
    page = opened()
    # This study has no equal windows, and no half-way steps that can be told: the report says so.
    drawn = [key for key in PRINTED if key not in ("windows", "halfway")]
    assert [key for key in drawn if not page.locator(f"#{key}-chart svg.marks").count()] == []
    assert page.locator("svg.marks").count() == len(drawn)
    assert "no run of this study falls into four windows" in page.inner_text("body").lower()
    for key in drawn:
        box = page.locator(f"#{key}-chart svg.marks").bounding_box()
        assert box["width"] > 500
        assert box["height"] > 100
    # Scripts of others are words: in the title, the notes, the prompts and the charts.
    assert page.locator("h1").inner_text() == EVIL
    assert page.locator(".own-note").all_inner_texts() == [EVIL] * len(PRINTED)
    assert page.locator("ol.prompts li").first.text_content().startswith(EVIL)
    assert "<script>" in words(page, "velocity")
    assert page.locator("main img").count() == 0


def test_the_slider_moves_every_chart_by_key_click_and_button(opened):
    page = opened()
    for key in OVER_STEPS:
        assert re.search(r"\bstep 4\b", words(page, key)), key
    assert "step 4, layer 1" in page.inner_text("#barcode-question")
    page.focus("#step")
    page.keyboard.press("ArrowLeft")
    assert page.get_attribute("#step", "aria-valuetext") == "step 2"
    for key in OVER_STEPS:
        says(page, key, r"\bstep 2\b")
        assert not re.search(r"\bstep 4\b", words(page, key)), key
    assert "helpful, step 2, layer 1" in page.inner_text("#barcode-question")
    page.click("#earlier")
    assert page.inner_text("#step-words") == "1"
    marks = page.locator("#behaviour-chart svg.marks")
    marks.scroll_into_view_if_needed()
    box = marks.bounding_box()
    page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + 0.3 * box["height"])  # near the last step
    wait_for(page, "document.getElementById('step-words').textContent === '4'")


def test_the_barcode_changes_with_step_and_series_and_hover_marks_a_bar_on_both_sides(opened):
    page = opened()
    chart = "#barcode-chart svg.marks"

    table = {
        row[0]: [int(cell.split()[0]) if cell != "–" else None for cell in row[1:]]
        for row in page.evaluate(
            "[...document.querySelectorAll('#barcode tbody tr')].map(r => [...r.cells].map(c => c.textContent))"
        )
    }
    # The series full has steps 0 and 2 alone: at step 4 its last one before is shown.
    for series, step, column in (("helpful", 3, 3), ("harmless", 1, 1), ("full", 3, 2), ("helpful", 0, 0)):
        page.select_option("#barcode-series", series)
        page.evaluate(
            f"s => {{ s.value = {step}; s.dispatchEvent(new Event('input')); }}", page.query_selector("#step")
        )
        says(page, "barcode", f"H1: {table[series][column]} loop")
        assert page.inner_text("#barcode-question").startswith(f"What shape is this cloud? ({series}, ")
    page.locator(chart).scroll_into_view_if_needed()
    box = page.locator(chart).bounding_box()
    page.mouse.move(box["x"] + 0.15 * box["width"], box["y"] + 0.4 * box["height"])
    page.wait_for_selector("#vg-tooltip-element.visible")
    assert "H0 component" in page.inner_text("#vg-tooltip-element")
    violet = page.locator(f"{chart} [fill='#7c3aed'], {chart} [stroke='#7c3aed']").count()
    assert violet >= 2  # the bar, and its point


def picture(page, chart: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(page.locator(chart).screenshot())).convert("RGB")).astype(int)


def becomes(page, chart: str, colour: tuple[int, int, int]) -> None:
    """Wait until a chart's background is of a colour."""
    while tuple(picture(page, chart)[2, 2]) != colour:
        page.wait_for_timeout(100)


def test_colours_follow_the_system_and_paper_is_light(opened):
    page = opened(color_scheme="dark")
    chart = "#separation-chart svg.marks"
    assert tuple(picture(page, chart)[2, 2]) == (15, 19, 25)
    page.emulate_media(color_scheme="light")
    becomes(page, chart, (255, 255, 255))
    page.emulate_media(color_scheme="dark")
    becomes(page, chart, (15, 19, 25))
    page.emulate_media(color_scheme="dark", media="print")
    becomes(page, chart, (255, 255, 255))
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_printing_opens_what_is_folded_and_folds_it_again(opened):
    page = opened()
    page.evaluate(
        "addEventListener('beforeprint',"
        " () => { window.seen = document.querySelectorAll('details:not([open])').length; })"
    )
    pdf = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) >= 5
    assert page.evaluate("window.seen") == 0
    assert page.locator("details[open]").count() == 0


def test_on_a_phone_only_charts_and_tables_scroll_sideways(opened):
    page = opened(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("#velocity .hint").is_visible()
    region = page.locator("#velocity .scroll").first
    assert region.evaluate("part => part.scrollWidth > part.clientWidth")
    assert page.locator("#step").bounding_box()["width"] > 120
    page.locator("#later").scroll_into_view_if_needed()
    assert min(page.locator("#later").bounding_box()[side] for side in ("width", "height")) >= 32


def test_charts_can_be_saved(opened):
    page = opened()
    for kind, head in (("svg", b"<svg"), ("png", b"\x89PNG")):
        with page.expect_download() as download:
            page.click(f"[data-chart=paths][data-save={kind}]")
        assert download.value.suggested_filename == f"paths.{kind}"
        with open(download.value.path(), "rb") as file:
            assert file.read(len(head)) == head


@pytest.mark.long
def test_the_report_is_for_everyone(opened):
    page = opened(color_scheme="light")
    assert broken(page) == []
    page.emulate_media(color_scheme="dark")
    becomes(page, "#separation-chart svg.marks", (15, 19, 25))
    assert broken(page, *OF_COLOURS) == []
    assert page.locator("h1").count() == 1
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
