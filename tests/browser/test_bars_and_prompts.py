"""The Barcodes page in a real Chromium: the map, the bars and the words agree, whatever is clicked."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from phcore import Study
from phcore.formatting import count, three
from phcore.topology import complexes
from tests.browser.conftest import ROOT

pytestmark = pytest.mark.browser

CELL = "/barcodes?b_series=harmless&b_step=8&b_layer=18"
BARS, MAP, TREE = (
    f'.st-key-{key} [data-testid="stVegaLiteChart"]' for key in ("bars-first", "cloud-map", "dendrogram")
)
VIOLET = (124, 58, 237)


def archived(step: int) -> list[np.ndarray]:
    bars = Study.open("smollm2-135m-instruct", ROOT / "cache").bars("harmless", step, 18)
    bars = bars[bars["subsample"] == 0]
    return [bars.loc[bars["degree"] == degree, ["birth", "death"]].to_numpy() for degree in (0, 1)]


def opened(visit, url: str):
    one = visit()
    page = one.open(url)
    for chart in (BARS, MAP, TREE):
        page.wait_for_selector(f"{chart} :is(canvas, svg.marks)")
    one.settle()
    return one, page


def click(page, chart: str, across: float, down: float) -> None:
    marks = page.locator(f"{chart} :is(canvas, svg.marks)")
    marks.scroll_into_view_if_needed()
    box = marks.bounding_box()
    page.mouse.click(box["x"] + across * box["width"], box["y"] + down * box["height"])


def picture(page, chart: str) -> np.ndarray:
    """(height, width, 3) pixels of a chart, with the pointer elsewhere."""
    page.mouse.move(5, 5)
    page.wait_for_timeout(300)
    marks = page.locator(f"{chart} :is(canvas, svg.marks)")
    return np.asarray(Image.open(io.BytesIO(marks.screenshot())).convert("RGB")).astype(int)


def violet(page, chart: str) -> int:
    """Pixels in the colour of the selected bar."""
    return int((np.abs(picture(page, chart) - VIOLET).max(axis=2) < 12).sum())


def crimson(page, chart: str) -> int:
    """Pixels in the colour of what is chosen on the map, whatever lies below it: nothing else is so red."""
    red, green, blue = np.moveaxis(picture(page, chart), 2, 0)
    return int(((red - green > 90) & (red - blue > 40) & (blue > green)).sum())


def selected(page) -> str:
    return page.locator(".st-key-b_bar input").input_value()


def told(page) -> str:
    return page.inner_text("[data-testid=stMain]")


def agrees(page, step: int, at: float) -> None:
    """What is said of the selected bar and of the distance is what the archive holds."""
    diagrams, words = archived(step), told(page)
    pieces, loops = complexes.betti(diagrams, at)
    assert f"{count(pieces, 'component')} and {count(loops, 'loop')} (Betti numbers {pieces} and {loops})" in words
    kind, rank = re.fullmatch(r"H([01]) \w+ (\d+)", selected(page)).groups()
    diagram = diagrams[int(kind)]
    birth, death = diagram[np.argsort(-(diagram[:, 1] - diagram[:, 0]), kind="stable")[int(rank) - 1]]
    if kind == "1":
        assert f"A loop that appears at {three(birth)} and is filled at {three(death)}" in words
        number = int(re.search(r"A cycle of (\d+) prompts", words).group(1))
        assert len(re.findall(r"^\d+ [●■]", page.inner_text(".prompts >> nth=0"), re.M)) == number
    else:
        assert f"merges into another one at {three(death)}" in words
        assert "Group A" in words
    assert violet(page, MAP) > 60
    assert violet(page, BARS) > 20


def test_a_bar_a_distance_and_another_checkpoint(server, visit):
    one, page = opened(visit, server.url + CELL)
    assert selected(page) == "H1 loop 1"
    click(page, BARS, 0.6, 0.35)  # among the loops of the barcode, where an exact hit is unlikely
    page.wait_for_url(re.compile("b_bar="))
    one.settle()
    first = selected(page)
    assert first != "H1 loop 1"
    at = float(page.locator(".st-key-b_at input[type=range]").input_value())
    agrees(page, 8, at)

    page.locator(".st-key-b_at input[type=range]").focus()
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    page.wait_for_url(re.compile("b_at="))
    one.settle()
    moved = float(page.locator(".st-key-b_at input[type=range]").input_value())
    assert moved < at
    agrees(page, 8, moved)

    page.locator(".st-key-b_step input[type=range]").focus()
    page.keyboard.press("ArrowRight")  # step 10, whose hidden states do not ship
    page.wait_for_selector("text=hidden states of this cell are not in the archive")
    page.keyboard.press("End")
    page.wait_for_selector(f"{MAP} :is(canvas, svg.marks)")
    one.settle()
    assert "b_step" not in page.url  # the last is the default
    agrees(page, 128, moved)
    one.assert_clean()


def test_a_link_restores_bar_distance_and_filters(server, visit):
    one, page = opened(visit, server.url + CELL + "&b_bar=H0+merge+3&b_at=41&b_sub=2&b_points=60&b_cat=careful")
    assert selected(page) == "H0 merge 3"
    assert "At 41.0:" in told(page)
    assert re.search(r"Live: .* 60 of 320 prompts, from subsample 2", told(page))
    one.assert_clean()


def test_a_frame_on_the_map_marks_the_bars_of_its_prompts_and_a_merge_of_the_tree_is_a_bar(server, visit):
    one, page = opened(visit, server.url + CELL)
    assert crimson(page, BARS) == 0
    marks = page.locator(f"{MAP} :is(canvas, svg.marks)")
    marks.scroll_into_view_if_needed()
    box = marks.bounding_box()
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.4 * box["height"])
    page.mouse.down()
    for part in (0.45, 0.5, 0.55, 0.6):
        page.mouse.move(box["x"] + part * box["width"], box["y"] + part * box["height"])
    page.mouse.up()
    page.wait_for_selector("text=Chosen on the map")
    one.settle()
    assert int(re.search(r"Chosen on the map: (\d+) prompt", told(page)).group(1)) > 1
    assert "b_bar" not in page.url  # choosing prompts takes no bar
    assert crimson(page, BARS) > 100
    click(page, TREE, 0.7, 0.5)
    page.wait_for_selector("text=/merges into another one at/")
    one.settle()
    assert selected(page).startswith("H0 merge")
    assert violet(page, TREE) > 20
    one.assert_clean()


def test_playing_walks_the_checkpoints(server, visit):
    one, page = opened(visit, server.url + CELL)
    page.locator(".st-key-b_play").get_by_text("steps").click()
    page.wait_for_url(re.compile(r"barcodes\?(?!.*b_step=8\b)"), timeout=20_000)
    page.locator(".st-key-b_play").get_by_text("steps").click()
    one.settle()
    one.assert_clean()


def test_the_tour_in_the_dark(server, visit):
    one = visit(scheme="dark")
    page = one.open(server.url + CELL)
    page.wait_for_selector(f"{MAP} :is(canvas, svg.marks)")
    page.locator(".st-key-tour-start button").click()
    page.wait_for_selector("text=1 of 5")
    for number in range(2, 6):
        page.locator(".st-key-tour-next button").click()
        page.wait_for_selector(f"text={number} of 5")
        one.settle()
    page.locator(".st-key-tour-close button").click()
    page.wait_for_selector("text=5 of 5", state="detached")
    one.assert_clean()


def test_measuring_can_be_cancelled(server, visit):
    one = visit()
    page = one.open(server.url + CELL + "&b_view=What+changed&c_subsamples=16")
    page.locator(".st-key-c_measure button").click()
    page.wait_for_selector("text=/subsample \\d+ of 16/")
    page.locator(".st-key-c_cancel button").click()
    page.wait_for_selector("text=Not measured yet for this choice", timeout=15_000)
    one.settle()
    assert "Without its most influential prompt" not in told(page)
    one.assert_clean()
