"""What a page will show has its place from the start: nothing jumps while it is drawn, not even at a first visit."""

import pytest

from pages.parts.navigation import PAGES
from tests.browser.conftest import PATIENCE, Visit

MOST = 0.1  # layout shift that is good, by https://web.dev/articles/cls
WATCH = """
window.__shifts = []
new PerformanceObserver(list => {
  for (const one of list.getEntries()) if (!one.hadRecentInput)
    window.__shifts.push([one.value, ...one.sources.map(source => (source.node?.innerText ?? "").slice(0, 40))])
}).observe({type: "layout-shift", buffered: true})
"""
WORST = ("barcodes", "share")  # before their places were kept


@pytest.mark.browser
@pytest.mark.parametrize(
    "name", [pytest.param(one.name, marks=() if one.name in WORST else pytest.mark.long) for one in PAGES]
)
def test_nothing_jumps_on_a_phone_that_comes_first(server, browser, name):
    context = browser.new_context(viewport={"width": 390, "height": 844}, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    context.add_init_script(WATCH)
    try:
        visit = Visit(context.new_page())
        page = visit.open(f"{server.url}/{name * (name != PAGES[0].name)}")
        shifts = page.evaluate("window.__shifts")
        assert sum(one[0] for one in shifts) < MOST, shifts
        visit.assert_clean()
    finally:
        context.close()
