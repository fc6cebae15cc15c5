"""Present mode and embedded pages in a real Chromium."""

import re

import pytest
from streamlit.proto.Navigation_pb2 import Navigation

from pages.parts import navigation
from phcore.archive.store import Store
from phcore.study import saved_views
from phcore.study.saved_views import View
from tests.protocol import Client

CHART = '[data-testid="stVegaLiteChart"] :is(canvas, svg.marks)'


@pytest.mark.browser
def test_present_mode_is_driven_by_keys(server, visit):
    one = visit(width=1920)
    page = one.open(server.url + "/trajectories?t_step=8&present=1")
    page.wait_for_selector(CHART)
    one.settle()
    assert not page.locator("header").first.is_visible()
    assert not page.locator(".st-key-toolbar").is_visible()
    assert float(page.evaluate(f"document.querySelector('{CHART}').getBoundingClientRect().width")) > 1200
    for key, address in (
        ("ArrowRight", "t_step=10"),
        ("p", "t_step=8"),
        ("PageDown", "slide=2"),
        ("Shift+ArrowLeft", "^((?!slide=).)*$"),
        ("ArrowUp", "/barcodes.*present=true"),
        ("Escape", "^((?!present).)*$"),
    ):
        page.keyboard.press(key)
        page.wait_for_url(re.compile(address))
        one.settle()
    assert page.locator("header").first.is_visible()
    one.assert_clean()


@pytest.mark.browser
@pytest.mark.parametrize("place", ["/?present=1", "/barcodes?present=1"])
def test_what_is_as_wide_as_it_may_be_fills_the_screen(server, visit, place):
    """Where the cell is as high as the enlarged screen, its height must not make it smaller and smaller."""
    one = visit(width=1920)
    page = one.page
    page.goto(server.url + place)  # where a finding stands for the heading, which is not shown
    page.locator("canvas").first.wait_for()
    one.settle()
    box = page.locator("[data-testid=stMainBlockContainer]")
    assert box.evaluate("box => +getComputedStyle(box).zoom") > 1.2
    assert page.evaluate("document.querySelector('.stMain').scrollHeight") <= 900 + 2
    one.assert_clean()


@pytest.mark.browser
def test_keys_in_a_field_are_text(server, visit):
    one = visit()
    page = one.open(server.url + "/trajectories?t_step=8")
    page.locator(".st-key-views button").first.click()
    page.locator(".st-key-view_name input").press_sequentially("fnp")
    one.settle()
    assert "present" not in page.url
    assert "t_step=8" in page.url
    assert page.locator(".st-key-view_name input").input_value() == "fnp"
    one.assert_clean()


@pytest.mark.browser
def test_a_click_hits_its_step_when_charts_are_large(server, visit):
    one = visit(width=1920)
    page = one.open(server.url + "/trajectories?t_step=64&present=1&slide=6")
    assert page.locator(".finding").bounding_box()["y"] < 200  # nothing keeps a place above it
    marks = page.locator(f".st-key-chart-separation {CHART}")
    marks.scroll_into_view_if_needed()
    one.settle()
    box = marks.evaluate("one => { const r = one.getBoundingClientRect(); return [r.x, r.y, r.width, r.height] }")
    page.mouse.click(box[0] + 0.17 * box[2], box[1] + 0.5 * box[3])  # near the left end of the axis: an early step
    page.wait_for_url(re.compile(r"t_step=[012](&|$)"))
    one.settle()
    one.assert_clean()


@pytest.mark.browser
@pytest.mark.parametrize("page_name", ["", "barcodes"])
def test_an_embedded_page_can_be_presented(server, visit, page_name):
    one = visit()
    page = one.open(f"{server.url}/{page_name}?embed=true")
    assert page.get_by_role("link", name="Barcodes").count() == 0
    assert page.locator(".st-key-present-leave").count() == 0
    page.keyboard.press("f")
    page.wait_for_selector(".st-key-present-leave")
    one.settle()
    assert page.locator(".st-key-present-leave").count() == 1
    assert page.get_by_role("link", name="Barcodes").count() == 0
    one.assert_clean()


@pytest.mark.browser
def test_a_slide_can_be_embedded(server, visit):
    one = visit()
    page = one.open(f"{server.url}/share?embed=true&present=1")
    assert page.get_by_role("link", name="Barcodes").count() == 0
    assert page.locator(".st-key-present-leave").count() == 1
    one.assert_clean()


@pytest.mark.parametrize("page_name", ["", *(one.name for one in navigation.PAGES[1:])])
@pytest.mark.parametrize("present", [False, True])
@pytest.mark.parametrize("embedded", [False, True])
def test_every_page_can_be_embedded(server, page_name, present, embedded):
    with Client(server.port) as client:
        client.run(page_name, "present=1" * present, embedded=embedded)
        (shown,) = [one.navigation for one in client.messages if one.WhichOneof("type") == "navigation"]
        assert (shown.position == Navigation.Position.HIDDEN) == embedded
        assert any(one.endswith("-present-leave") for one in client.ids("button").values()) == present
        assert "exception" not in {kind for kind, _ in client.elements}


@pytest.fixture
def viewed(shipped):
    """Two saved views of the study that ships, in place of its own."""
    store, file = Store(shipped), shipped / "studies" / "smollm2-135m-instruct" / "views.json"
    own = file.read_bytes()
    file.unlink()
    for layer, degree in ((12, "H0+components"), (24, "H1+loops")):
        query = f"study=smollm2-135m-instruct&t_layer={layer}&t_degree={degree}&t_step=8"
        saved_views.save(View(f"Layer {layer}", "trajectories", query), "smollm2-135m-instruct", store)
    yield
    file.write_bytes(own)


@pytest.mark.browser
def test_saved_views_open_in_the_same_visit_and_are_slides(server, visit, viewed):
    one = visit()
    page = one.open(server.url + "/evidence?e_layer=6")
    page.locator(".st-key-views button").first.click()
    page.get_by_role("button", name="Layer 12").click()
    page.wait_for_url(re.compile(r"/trajectories\?(?=.*t_layer=12)(?=.*t_degree=H0)(?=.*t_step=8)"))
    one.settle()
    page.locator(".st-key-views button").first.click()
    page.get_by_role("button", name="Present these views").click()
    page.wait_for_url(re.compile(r"present=true"))
    for key, address, words in (
        ("", r"t_layer=12", "1 of 2: Layer 12"),
        ("ArrowDown", r"t_layer=24", "2 of 2: Layer 24"),
        ("ArrowLeft", r"t_step=6", "2 of 2: Layer 24"),
        ("ArrowUp", r"(?=.*t_layer=12)(?=.*t_step=8)", "1 of 2: Layer 12"),
    ):
        if key:
            page.keyboard.press(key)
        page.wait_for_url(re.compile(address))
        page.locator(".slide", has_text=words).wait_for(state="visible")
        one.settle()
    page.keyboard.press("Escape")
    page.wait_for_url(re.compile("^((?!present).)*$"))
    one.assert_clean()
