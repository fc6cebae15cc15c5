"""Whole journeys in a real Chromium."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import TimeoutError

from pages.parts import navigation
from phcore import Study
from phcore.archive.store import Store
from phcore.pipeline import jobs
from tests import models, studies
from tests.browser.conftest import Server
from tests.protocol import Client

pytestmark = pytest.mark.browser

DRAWN = ':is([data-testid="stVegaLiteChart"] :is(canvas, svg), canvas.map)'


def test_the_server_has_not_loaded_torch(server):
    with Client(server.port) as client:
        for page in navigation.PAGES:
            client.run(page.name if page is not navigation.PAGES[0] else "")
            assert not [kind for kind, _ in client.elements if kind == "exception"]
    maps = Path(f"/proc/{server.process.pid}/maps")
    if not maps.exists():
        pytest.skip("there is no /proc here")
    assert "libtorch" not in maps.read_text()


def test_a_choice_is_written_into_the_link_and_playing_moves_the_step_and_nothing_else(server, visit):
    one = visit()
    page = one.open(server.url + "/trajectories?t_step=1")
    page.locator(".st-key-t_layer input").click()
    page.get_by_role("option", name="12", exact=True).click()
    one.settle()
    assert "t_layer=12" in page.url
    page.wait_for_selector("text=How concentrated is the change?")  # the last line of the page
    height = steady_height(page)
    page.locator(".st-key-t_play label").click()
    page.wait_for_url(re.compile(r"t_step=([2-9]|\d\d)"))
    assert abs(steady_height(page) - height) < 40
    one.assert_clean()


def steady_height(page) -> int:
    """Of the page, once it has stopped growing."""
    heights = []
    while len(heights) < 3 or len(set(heights[-3:])) > 1:
        heights.append(page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight"))
        page.wait_for_timeout(400)
    return heights[-1]


def test_tables_can_be_downloaded(server, visit):
    one = visit()
    page = one.open(server.url + "/barcodes")
    fold = page.get_by_text("Table and download").first
    fold.wait_for()
    steady_height(page)  # a page that still grows moves away under a click
    fold.click()  # what is folded is made now
    button = page.locator("[class*=st-key-download-csv] button")
    button.wait_for()
    steady_height(page)  # it opens slowly
    with page.expect_download() as waiting:
        button.click()
    text = Path(waiting.value.path()).read_text()
    assert text.startswith("subsample,degree,birth,death")
    assert text.count("\n") > 100
    one.assert_clean()


def test_from_a_folder_to_barcodes_by_point_and_click(visit, tmp_path):
    """The main job: pick a model and a checkpoint directory, compute, refresh meanwhile, look at a barcode."""
    root = tmp_path / "root"
    shallow = models.build_model(tmp_path / "models" / "shallow", "llama", num_hidden_layers=1)
    studies.build_runs(root / "runs", shallow, "harmless")
    studies.write_probes(root / "probes.jsonl", 30)
    place = tmp_path / "archive" / "cache"
    one = Server(place, root, PHCORE_ROOTS=f"{root}:{shallow.parent}")
    try:
        visitor = visit()
        page = visitor.open(one.url + "/study")
        page.get_by_text("New study", exact=True).click()
        visitor.settle()
        choose(page, "model-choice", "shallow")
        visitor.settle()
        page.locator("[class*=st-key-checkpoints-path] input").fill(str(root / "runs"))
        page.keyboard.press("Enter")
        page.wait_for_selector("text=is left out")
        visitor.settle()
        assert "harmless, step 4" in page.inner_text("body")
        choose(page, "probes", "probes.jsonl")
        visitor.settle()
        page.get_by_text("More: how it is measured", exact=True).click()
        page.get_by_label("Subsamples", exact=True).fill("4")
        page.keyboard.press("Enter")
        visitor.settle()
        page.get_by_role("button", name="Compute").click()
        page.wait_for_selector("text=a point is the last token")
        # Whatever was scrolled to reach the button: progress and Cancel are in view.
        page.wait_for_function("document.querySelector('[data-testid=stMain]').scrollTop === 0")
        assert page.get_by_role("progressbar").bounding_box()["y"] < 600
        page.get_by_role("button", name="Cancel").click()
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("button", name="Cancel").wait_for()
        page.reload()
        page.wait_for_selector("text=A point is")
        page.goto("about:blank")  # what a page shows meanwhile, it shows every second
        while not (job := jobs.status(Store(place), "runs")) or job.active:
            page.wait_for_timeout(500)
        assert job.state == "done", job
        assert Study.open("runs", place).study.subsamples == 4
        page = visitor.open(one.url + "/study?study=runs")
        page.wait_for_selector("text=Every table of this study is finished")
        page = visitor.open(one.url + "/barcodes?study=runs")
        page.wait_for_selector(DRAWN)
        visitor.assert_clean()
    finally:
        one.stop()


def test_a_click_on_a_row_opens_another_study_on_every_page(server, visit):
    one = visit()
    page = one.open(server.url + "/study")
    table = page.locator("[data-testid=stDataFrame]").first
    table.click(position={"x": 16, "y": 35 * 2.5})  # the mark in front of the second row
    page.wait_for_url(re.compile("study=tiny-"))
    one.settle()
    name = re.search("study=([a-z-]+)", page.url)[1]
    assert page.get_by_role("heading", name=name).count() == 1
    page.get_by_role("link", name="Barcodes").click()
    one.settle()
    assert f"study={name}" in page.url
    one.assert_clean()


def choose(page, key: str, option: str) -> None:
    """Pick an option of a selectbox by a part of its words. A rerun may close the list: then open it again."""
    wanted = page.get_by_role("option", name=option).first
    for _ in range(8):
        page.locator(f"[class*=st-key-{key}] input").first.click()
        try:
            wanted.click(timeout=3000)
            return
        except TimeoutError:
            page.keyboard.press("Escape")
    raise AssertionError(f"{option} is not among the options of {key}")
