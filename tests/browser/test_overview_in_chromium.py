"""The first page in a real Chromium: on one screen, moving, and leading on."""

import pytest

pytestmark = pytest.mark.browser

SCREEN = 800  # pixels
PICTURE = """() => {
  const found = []
  const look = root => root.querySelectorAll("*").forEach(one => {
    if (one.tagName === "CANVAS" && one.closest(".map")) found.push(one)
    if (one.shadowRoot) look(one.shadowRoot)
  })
  look(document)
  return found.map(one => one.toDataURL())
}"""


@pytest.fixture
def opened(server, visit):
    one = visit()
    page = one.open(server.url + "/")
    page.locator(".map").first.wait_for()
    return one, page


def test_the_headline_the_maps_and_the_verdicts_fit_on_one_screen(opened):
    one, page = opened
    assert page.locator("h1").count() == 1
    assert page.locator("h1").evaluate("node => getComputedStyle(node).fontSize") == "32px"
    assert page.locator(".map").count() == 4
    for what in ("h1", ".map", "[data-testid=stPageLink]"):
        for place in page.locator(what).all():
            box = place.bounding_box()
            assert box["y"] + box["height"] <= SCREEN
    one.assert_clean()


def test_play_walks_from_the_base_to_the_last_step_without_the_server(opened):
    one, page = opened
    last = page.evaluate(PICTURE)
    slider = page.locator("input.at")
    slider.evaluate("node => { node.value = 0; node.dispatchEvent(new Event('input')) }")
    assert page.locator("output.step").inner_text() == "step 0"
    first = page.evaluate(PICTURE)
    assert first[0] == last[0]  # the base stands still
    assert all(a != b for a, b in zip(first[1:], last[1:], strict=True))
    assert page.locator(".change").all_inner_texts() == ["", "0 %", "0 %", "0 %"]
    page.locator("button.play").click()
    page.wait_for_function("() => document.querySelector('.st-key-o_maps') !== null")
    page.locator("button.play", has_text="Play").wait_for()
    assert page.evaluate(PICTURE) == last
    assert page.url.endswith("/") or "?" in page.url
    one.assert_clean()


def test_size_divided_out_makes_other_pictures_and_hides_the_change(opened):
    one, page = opened
    before = page.evaluate(PICTURE)
    page.locator("input.scaled").check()
    after = page.evaluate(PICTURE)
    assert before[2] != after[2]
    assert page.locator(".change").all_inner_texts() == [""] * 4
    one.assert_clean()


def test_a_map_opens_its_barcode_and_a_chip_its_evidence(opened, server):
    one, page = opened
    page.locator(".map").nth(2).click()
    page.wait_for_url("**/barcodes*")
    one.settle()
    assert page.locator(".st-key-b_series input").input_value() == "harmless"
    assert page.locator(".st-key-b_step [data-testid=stSliderThumbValue]").inner_text() == "128"
    one.open(server.url + "/")
    page.get_by_role("link", name="Part after peak").click()
    page.wait_for_url("**/evidence*")
    one.settle()
    assert "e_section=Apart" in page.url
    one.assert_clean()
