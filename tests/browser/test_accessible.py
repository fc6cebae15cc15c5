"""Everyone: contrast, names and order of what is on a page, its heading and title, a phone, and the keyboard."""

import pytest

from pages.parts.navigation import PAGES
from phcore.figures.registry import SECTIONS
from tests.browser.conftest import OF_COLOURS, broken

STUDY = "smollm2-135m-instruct"
# The pages with most on them stand for the others, and the first section of Evidence for all that are made alike.
FULLEST = ("overview", "barcodes", "trajectories", "evidence")
MORE = ["barcodes?b_view=What+changed", *(f"evidence?e_section={one}" for one in SECTIONS[1:])]
PLACES = [
    pytest.param(one.name * (one is not PAGES[0]), marks=() if one.name in FULLEST else pytest.mark.long, id=one.name)
    for one in PAGES
] + [pytest.param(one, marks=pytest.mark.long) for one in MORE]
FOCUS = """() => {
  let one = document.activeElement
  while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement
  return one
}"""
DRAWN = ':is([data-testid="stVegaLiteChart"] :is(canvas, svg), canvas.map)'
LOOKS = (("light", "rgb(255, 255, 255)", ()), ("dark", "rgb(15, 19, 25)", OF_COLOURS))
IN_CHART = f"""() => {{
  const one = ({FOCUS})(), inside = one.getRootNode().host?.shadowRoot.querySelector("canvas")
  return !!(inside || one.closest("[class*=st-key-hold-], [data-testid=stVegaLiteChart]"))
}}"""


def stops(page) -> int:
    """How often the tabulator key is pressed from the beginning of a page to its first chart; a link leads there."""
    page.evaluate("document.querySelector('.stMain').focus()")
    for pressed in range(1, 40):
        page.keyboard.press("Tab")
        if page.evaluate(IN_CHART):
            return pressed
    return 40


@pytest.mark.browser
@pytest.mark.parametrize("place", PLACES)
def test_a_page_is_for_everyone(server, visit, place):
    """A cold deep link opens in its frame, turns dark, and leaves nobody out."""
    one = visit()
    page = one.open(f"{server.url}/{place}")
    name = next(one for one in PAGES if one.name == (place.split("?")[0] or PAGES[0].name))
    for scheme, colour, rules in LOOKS:
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(
            "colour => getComputedStyle(document.querySelector('.stApp')).backgroundColor === colour", arg=colour
        )
        one.settle()
        for known in PAGES:
            assert page.get_by_role("link", name=known.name.capitalize()).count()
        if name.name not in ("study", "compare", "share"):  # nothing to compare with, and no report before one is asked
            page.wait_for_selector(DRAWN)
        assert broken(page, *rules) == [], scheme
        one.assert_clean()
    assert page.locator("h1").count() == 1
    assert page.title() == f"{STUDY} · {name.title} · Toposcope"
    if name.slides:
        assert stops(page) < 20
    page.set_viewport_size({"width": 390, "height": 844})
    one.settle()
    assert page.evaluate("document.querySelector('.stMain').scrollWidth") <= 390
    one.assert_clean()


@pytest.mark.browser
def test_what_has_the_focus_is_ringed(server, visit):
    one = visit()
    page = one.open(server.url)
    seen = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        style = page.evaluate(
            f"() => {{ const one = ({FOCUS})(), s = getComputedStyle(one.closest('.stSelectbox') ?? one); "
            "return [one.outerHTML.slice(0, 120), s.outlineStyle, s.boxShadow, one.matches('main, body')] }"
        )
        seen.add(style[0])
        assert style[1] != "none" or style[2] != "none" or style[3], style
    assert len(seen) > 8
    one.assert_clean()
