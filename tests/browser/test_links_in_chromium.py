"""Links in a real Chromium: what is copied shows the same picture and numbers on a server that just started."""

import io
import re
import shutil
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image

from pages.parts import links
from tests import studies
from tests.browser.conftest import Server

pytestmark = pytest.mark.browser

CHART = '[data-testid="stVegaLiteChart"] :is(canvas, svg.marks)'
PICTURES = f"{CHART}, canvas.map, canvas.bars"
# Until the page has had nothing to do for a second, however busy the machine is: a picture costs more than this.
RESTED = """async () => {
  for (let k = 0; k < 4; k++)
    await new Promise(done => setTimeout(() => requestIdleCallback(done, {timeout: 2000}), 250))
}"""
CELL = "b_series=harmless&b_step=8&b_layer=18"
# name -> address, and how many charts there are. tests/app/test_links.py compares the charts' own words in many more;
# how a page of charts opens in a browser is seen with a saved view, too.
STATES = {
    "bars": (f"/barcodes?{CELL}&b_sub=3&b_bar=H1+loop+3&b_at=42&b_marked=2,5,12,30", 2),
    "trajectories": ("/trajectories?t_layer=12&t_step=8&t_scale=median&t_way=two+features&t_per=step&t_log=false", 6),
    "evidence": ("/evidence?e_section=Apart%3F&e_layer=12&e_step=16&e_way=energy+distance&e_size=Cliff%27s+delta", 3),
}


def told(page) -> str:
    """All words of the page but the time that a measurement took."""
    return re.sub(r"in \d+ ms", "", page.inner_text("[data-testid=stMain]"))


def chosen(page) -> list[str]:
    """What every field of the page says."""
    return page.eval_on_selector_all("[data-testid=stMain] input", "all => all.map(one => one.value)")


def pictures(page, count: int) -> list[np.ndarray]:
    """Pixels of the charts, with the pointer elsewhere."""
    page.locator(PICTURES).nth(count - 1).wait_for()
    page.mouse.move(5, 5)
    seen: list[bytes] = []
    for _ in range(30):  # until nothing changes any more: charts come one after another on a busy machine
        page.evaluate(RESTED)
        now = [one.screenshot() for one in page.locator(PICTURES).all()]
        if now == seen:
            break
        seen = now
        page.wait_for_timeout(500)
    return [np.asarray(Image.open(io.BytesIO(one)).convert("RGB")).astype(int) for one in seen]


def alike(first: list[np.ndarray], second: list[np.ndarray]) -> bool:
    same = len(first) == len(second) and all(a.shape == b.shape for a, b in zip(first, second, strict=True))
    return same and all(np.abs(a - b).max() <= 8 for a, b in zip(first, second, strict=True))


def becomes(page, count: int, before: list[np.ndarray]) -> bool:
    """Whether the charts come to look as before: on a busy machine they may stand still before they are finished."""
    return any(alike(before, pictures(page, count)) for _ in range(6))


def copied(one, server) -> str:
    one.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
    one.page.locator(".st-key-toolbar").get_by_role("button", name="Copy link").click()
    one.page.wait_for_selector("text=Copied")
    return one.page.evaluate("navigator.clipboard.readText()")


@pytest.fixture(scope="module")
def elsewhere(shipped, computed, tmp_path_factory):
    """Another server, with an archive of its own that holds a second study."""
    place = tmp_path_factory.mktemp("elsewhere")
    store = studies.copy_archive(shipped, place / "cache")
    shutil.copytree(computed[1], store.root, dirs_exist_ok=True)
    one = Server(store.root, place / "roots")
    yield one
    one.stop()


@pytest.mark.parametrize("name", [pytest.param(one, marks=[pytest.mark.long] * (one != "bars")) for one in STATES])
def test_a_copied_link_shows_the_same_elsewhere(server, elsewhere, visit, name):
    address, count = STATES[name]
    one = visit()
    page = one.open(server.url + address)
    before, said, fields, link = pictures(page, count), told(page), chosen(page), copied(one, server)
    query = parse_qs(urlsplit(link).query)
    asked = parse_qs(urlsplit(address).query)
    assert {key: query[key] for key in asked} == asked
    assert query["v"] == [str(links.VERSION)]
    assert query["study"] == ["smollm2-135m-instruct"]
    one.assert_clean()

    one.forget()  # whoever is sent the link has not been here
    page = one.open(link.replace(server.url, elsewhere.url))
    assert becomes(page, count, before)
    assert told(page) == said
    assert chosen(page) == fields
    # The link of the link is the link.
    again = parse_qs(urlsplit(copied(one, elsewhere)).query)
    assert again == query
    one.assert_clean()


def test_what_the_hand_did_is_in_the_link(server, visit):
    """A step moved by hand, and a way back to the default, which the address leaves out and the link must not."""
    one = visit()
    page = one.open(server.url + "/trajectories?t_step=8&t_layer=12")
    page.wait_for_selector(CHART)
    page.locator(".st-key-t_step input[type=range]").focus()
    page.keyboard.press("End")
    page.wait_for_function("!location.search.includes('t_step')")
    one.settle()
    query = parse_qs(urlsplit(copied(one, server)).query)
    assert query["t_step"] == ["128"]
    assert query["t_layer"] == ["12"]
    one.assert_clean()


def test_what_a_link_asks_in_vain_is_said(server, visit):
    one = visit(scheme="dark")
    page = one.open(server.url + "/barcodes?b_series=nobody&b_step=8&b_layer=99&b_two=perhaps&v=9")
    words = page.inner_text(".st-key-link-said")
    for part in ("newer version", "series “nobody”", "layer “99”", "second cell “perhaps”"):
        assert part in words
    assert "b_step=8" in page.url
    one.assert_clean()


@pytest.mark.long
def test_a_saved_view_opens_as_it_was_saved(elsewhere, visit):
    one = visit()
    study = "study=smollm2-135m-instruct"
    address = elsewhere.url + f"/trajectories?{study}&t_layer=12&t_step=8&t_scale=median"
    page = one.open(address)
    drawn, said, fields = page.locator(CHART).count(), told(page), chosen(page)
    page.locator(".st-key-views button").first.click()
    page.locator(".st-key-view_name input").fill("Layer 12 at step 8")
    page.locator(".st-key-view_note textarea").fill("The orange one leaves first.")
    page.get_by_role("button", name="Save this view").click()
    page.wait_for_selector("text=The orange one leaves first.")
    page = one.open(elsewhere.url + f"/share?{study}")
    page.locator(".st-key-views button").first.click()
    page.get_by_role("button", name="Layer 12 at step 8").click()
    page.wait_for_url(re.compile("/trajectories"))
    one.settle()
    for asked in ("t_layer=12", "t_step=8", "t_scale=median"):
        assert asked in page.url
    page.wait_for_function("([chart, count]) => document.querySelectorAll(chart).length >= count", arg=[CHART, drawn])
    # That the same words and fields come with the same picture is what the copied links show.
    assert drawn
    assert told(page) == said
    assert chosen(page) == fields
    one.assert_clean()


@pytest.mark.long
def test_two_studies_side_by_side(elsewhere, visit):
    one = visit()
    page = one.open(elsewhere.url + "/compare?study=smollm2-135m-instruct&p_with=tiny&p_depth=40%25&v=1")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        one.settle()
        drawn = pictures(page, 2)
        assert all(len(np.unique(picture.reshape(-1, 3), axis=0)) > 50 for picture in drawn)
        assert all((picture[2, 2].mean() > 128) == (scheme == "light") for picture in drawn)
    words = told(page)
    assert "(SmolLM2-135M-Instruct): 30 layers, 320 prompts" in words
    assert "The two studies agree on" in words
    one.assert_clean()
