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
BARS, MAP = "canvas.bars", "canvas.map"
TREE = '.st-key-dendrogram [data-testid="stVegaLiteChart"] :is(canvas, svg.marks)'
VIOLET = (124, 58, 237)
ROOT_OF = """(() => {
  let found = null
  const look = root => root.querySelectorAll("*").forEach(one => {
    if (one.matches("canvas.map")) found = root
    if (one.shadowRoot) look(one.shadowRoot)
  })
  look(document)
  return found
})()"""
FRAMES = f"{ROOT_OF}.cellFrames"
# Keep every text that a part of the page shows from now on: whoever asks now and then may miss all of them.
WATCH = f"""part => {{
  const one = {ROOT_OF}.querySelector(part), seen = window.seenThere = new Set()
  const kinds = {{ childList: true, characterData: true, subtree: true }}
  new MutationObserver(() => seen.add(one.textContent)).observe(one, kinds)
}}"""
DRAWN = f"() => {ROOT_OF}?.cellFrames > 0"


def archived(step: int) -> list[np.ndarray]:
    bars = Study.open("smollm2-135m-instruct", ROOT / "cache").bars("harmless", step, 18)
    bars = bars[bars["subsample"] == 0]
    return [bars.loc[bars["degree"] == degree, ["birth", "death"]].to_numpy() for degree in (0, 1)]


def opened(visit, url: str, **look):
    one = visit(**look)
    page = one.open(url)
    page.wait_for_function(DRAWN)
    one.settle()
    return one, page


def click(page, chart: str, across: float, down: float) -> None:
    marks = page.locator(chart)
    marks.scroll_into_view_if_needed()
    box = marks.bounding_box()
    page.mouse.click(box["x"] + across * box["width"], box["y"] + down * box["height"])


def picture(page, chart: str) -> np.ndarray:
    """(height, width, 3) pixels of a chart, with the pointer elsewhere."""
    page.mouse.move(5, 5)
    page.wait_for_timeout(100)
    return np.asarray(Image.open(io.BytesIO(page.locator(chart).screenshot())).convert("RGB")).astype(int)


def violet(page, chart: str, more: int) -> None:
    """Wait until more pixels than this are in the colour of the selected bar."""
    while (np.abs(picture(page, chart) - VIOLET).max(axis=2) < 12).sum() <= more:
        page.wait_for_timeout(100)


def crimson(page, chart: str) -> int:
    """Pixels in the colour of what is chosen on the map, whatever lies below it: nothing else is so red."""
    red, green, blue = np.moveaxis(picture(page, chart), 2, 0)
    return int(((red - green > 90) & (red - blue > 40) & (blue > green)).sum())


def selected(page) -> str:
    return page.locator("select.bar").input_value()


def distance(page) -> float:
    return page.evaluate(f"{ROOT_OF}.cellState.at")


def told(page) -> str:
    return page.inner_text("[data-testid=stMain]") + page.locator(".cell").inner_text()


def agrees(page, step: int, at: float) -> None:
    """What is said of the selected bar and of the distance is what the archive holds."""
    diagrams, words = archived(step), told(page)
    pieces, loops = complexes.betti(diagrams, at)
    assert f"At {three(at)}: {count(pieces, 'component')}, {count(loops, 'loop')}" in words
    kind, rank = re.fullmatch(r"H([01]) \w+ (\d+)", selected(page)).groups()
    diagram = diagrams[int(kind)]
    birth, death = diagram[np.argsort(-(diagram[:, 1] - diagram[:, 0]), kind="stable")[int(rank) - 1]]
    if kind == "1":
        assert f"A loop that appears at {three(birth)} and is filled at {three(death)}" in words
        number = int(re.search(r"A cycle of (\d+) prompts", words).group(1))
        assert len(re.findall(r"^\d+ [●■]", page.locator(".said ol").first.inner_text(), re.M)) == number
    else:
        assert f"merges into another one at {three(death)}" in words
        assert "Group A" in words
    violet(page, MAP, 60)
    violet(page, BARS, 20)


def test_a_bar_a_distance_and_another_checkpoint(server, visit):
    one, page = opened(visit, server.url + CELL)
    assert selected(page) == "H1 loop 1"
    agrees(page, 8, distance(page))  # it opens where the bar is alive
    click(page, BARS, 0.6, 0.9)  # among the loops of the barcode, where an exact hit is unlikely
    page.wait_for_url(re.compile("b_bar="))
    one.settle()
    assert selected(page) != "H1 loop 1"
    at = distance(page)
    agrees(page, 8, at)

    page.locator("input.at").focus()
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    page.wait_for_url(re.compile("b_at="))
    one.settle()
    moved = distance(page)
    assert moved < at
    agrees(page, 8, moved)

    page.locator(".st-key-b_step input[type=range]").focus()
    page.keyboard.press("ArrowRight")  # step 10, whose hidden states do not ship
    page.locator(".said", has_text="which are not in the archive").wait_for()
    assert page.locator(".when").inner_text() == "step 10"
    assert len(np.unique(picture(page, MAP).reshape(-1, 3), axis=0)) > 20  # and is not blank
    page.keyboard.press("End")
    page.locator(".said", has_text="A cycle of").wait_for()
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
    box = page.locator(MAP).bounding_box()
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.4 * box["height"])
    page.mouse.down()
    for part in (0.45, 0.5, 0.55, 0.6):
        page.mouse.move(box["x"] + part * box["width"], box["y"] + part * box["height"])
    page.mouse.up()
    page.locator(".said", has_text="Chosen on the map").wait_for()
    page.wait_for_url(re.compile("b_marked="))
    one.settle()
    assert int(re.search(r"Chosen on the map: (\d+) prompt", told(page)).group(1)) > 1
    assert "b_bar" not in page.url  # choosing prompts takes no bar
    while crimson(page, BARS) <= 100:
        page.wait_for_timeout(100)
    page.get_by_text("Which prompts merge with which?", exact=True).click()
    page.wait_for_selector(TREE)
    one.settle()
    click(page, TREE, 0.7, 0.5)
    page.locator(".said", has_text="merges into another one at").wait_for()
    one.settle()
    assert selected(page).startswith("H0 merge")
    violet(page, TREE, 20)
    one.assert_clean()


def test_prompts_are_reached_by_keyboard(server, visit):
    one, page = opened(visit, server.url + CELL)
    page.locator(MAP).focus()
    page.keyboard.press("ArrowRight")
    first = page.locator(".tip").inner_text()
    page.keyboard.press("ArrowRight")
    assert page.locator(".tip").inner_text() not in ("", first)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("b_marked="))
    one.settle()
    page.keyboard.press("Escape")
    page.wait_for_url(re.compile("^((?!b_marked=[0-9]).)*$"))
    one.assert_clean()


def test_the_distance_sweeps_without_the_server(server, visit):
    """Frames are drawn, and the server is told once: where it rests at the end."""
    one = visit()
    sent = []
    one.page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    one.page.emulate_media(reduced_motion="no-preference")
    page = one.open(server.url + CELL)
    page.wait_for_function(DRAWN)
    one.settle()
    before, frames = len(sent), page.evaluate(FRAMES)
    page.evaluate(WATCH, ".counts")
    page.locator("button.grow").click()
    page.wait_for_url(re.compile("b_at="))
    assert float(re.search("b_at=([0-9.]+)", page.url)[1]) == distance(page)
    assert page.evaluate(FRAMES) - frames > 5  # how many more is a question of the machine
    assert page.evaluate("window.seenThere.size") > 1
    one.settle()
    assert len(sent) - before == 1
    one.assert_clean()


@pytest.mark.parametrize("motion", ["no-preference", pytest.param("reduce", marks=pytest.mark.long)])
def test_the_steps_play_without_the_server_and_the_page_follows(server, visit, motion):
    one = visit()
    sent = []
    one.page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    one.page.emulate_media(reduced_motion=motion)
    page = one.open(server.url + CELL)
    page.wait_for_function(DRAWN)
    one.settle()
    before, frames = len(sent), page.evaluate(FRAMES)
    page.evaluate(WATCH, ".when")
    page.locator("button.walk").click()
    page.wait_for_url(re.compile(r"barcodes\?(?!.*b_step=)"))  # the last is the default
    assert page.evaluate(FRAMES) - frames > 5
    assert page.evaluate("window.seenThere.size") > 1
    one.settle()
    assert len(sent) - before == 1
    assert page.locator(".st-key-b_step [data-testid=stSliderThumbValue]").inner_text() == "128"
    agrees(page, 128, distance(page))
    one.assert_clean()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_first_screen(server, visit, width):
    """The picture is on the first screen, the prompts of the bar beside it, and nothing scrolls to the side."""
    one, page = opened(visit, server.url + CELL, width=width)
    main = "document.querySelector('[data-testid=stMain]')"
    assert page.evaluate(f"{main}.scrollWidth <= {main}.clientWidth")
    top, bars = (page.locator(chart).bounding_box() for chart in (MAP, BARS))
    if width == 1280:
        assert top["y"] <= 220
        assert 0.52 < top["width"] / 1120 < 0.68
        assert bars["x"] > top["x"] + top["width"]
        said = page.locator(".said").bounding_box()
        assert said["y"] + said["height"] <= 900
        assert page.evaluate(f"{main}.scrollHeight") <= 2 * 900
    else:
        assert bars["y"] > top["y"] + top["height"]
    one.assert_clean()


def test_options_cover_no_picture(server, visit):
    one, page = opened(visit, server.url + CELL)
    wide = page.locator(MAP).bounding_box()["width"]
    page.locator(".st-key-b-options button").first.click()
    page.locator(".st-key-cell-options:visible").wait_for()
    one.settle()
    picture, bars, panel = (page.locator(one).bounding_box() for one in (MAP, BARS, ".st-key-cell-options:visible"))
    assert picture["width"] < wide
    assert bars["x"] + bars["width"] <= panel["x"]
    page.locator(".st-key-b-options button").first.click()
    page.locator(".st-key-cell-options:visible").wait_for(state="detached")
    one.assert_clean()


@pytest.mark.long
def test_the_tour_in_the_dark(server, visit):
    one = visit(scheme="dark")
    page = one.open(server.url + CELL)
    page.wait_for_function(DRAWN)
    page.locator(".st-key-tour-start button").click()
    page.wait_for_selector("text=1 of 5")
    for number in range(2, 6):
        page.locator(".st-key-tour-next button").click()
        page.wait_for_selector(f"text={number} of 5")
        one.settle()
    ringed = page.locator(".walking").bounding_box()  # what the last step speaks of, in view
    assert ringed["y"] + ringed["height"] < page.viewport_size["height"]
    page.locator(".st-key-tour-close button").click()
    page.wait_for_selector("text=5 of 5", state="detached")
    one.assert_clean()


@pytest.mark.long
def test_measuring_can_be_cancelled(server, visit):
    one = visit()
    page = one.open(server.url + CELL + "&b_view=What+changed&c_subsamples=16")
    page.locator(".st-key-c_measure button").click()
    page.wait_for_selector("text=/subsample \\d+ of 16/")
    page.locator(".st-key-c_cancel button").click()
    page.wait_for_selector("text=Not measured yet for this choice")
    one.settle()
    assert "Without its most influential prompt" not in page.inner_text("[data-testid=stMain]")
    one.assert_clean()
