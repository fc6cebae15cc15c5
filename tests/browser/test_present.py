"""Present mode and embedded pages in a real Chromium."""

import re

import pytest
from streamlit.proto.Navigation_pb2 import Navigation

from pages.parts import navigation
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
    assert float(page.evaluate(f"document.querySelector('{CHART}').getBoundingClientRect().width")) > 1600
    for key, address in (
        ("ArrowRight", "t_step=10"),
        ("p", "t_step=8"),
        ("PageDown", "/evidence.*present=true"),
        ("Shift+ArrowLeft", "/trajectories.*t_step=8"),
        ("Escape", "^((?!present).)*$"),
    ):
        page.keyboard.press(key)
        page.wait_for_url(re.compile(address))
        one.settle()
    assert page.locator("header").first.is_visible()
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
    page = one.open(server.url + "/trajectories?t_step=64&present=1")
    marks = page.locator(f".st-key-chart-apart {CHART}")
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
