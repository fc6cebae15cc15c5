"""The links between marks, driven by a mouse in a real browser."""

import json

import pytest
import vl_convert

from phcore.figures.charts.barcode import barcode_and_diagram
from phcore.figures.charts.bars import bars_domain, cap_bars
from phcore.figures.charts.theme import export_config
from tests.unit.figures.hand_made import velocities

pytestmark = pytest.mark.browser

# What a page can tell: names selected, the words of the tooltip, and where the plots are.
STORE = "name => view.data(name + '_store').map(row => row.values[0])"
TOOLTIP = "() => { const t = document.querySelector('#vg-tooltip-element.visible'); return t ? t.innerText : '' }"
PLOTS = """() => [...document.querySelectorAll('svg path.background')].map(e => e.getBoundingClientRect())
    .filter(r => r.width > 50 && r.height > 50).map(r => [r.x, r.y, r.width, r.height])"""


@pytest.fixture(scope="module")
def library() -> str:
    return vl_convert.javascript_bundle()


@pytest.fixture
def shown(browser, library):
    """Open a chart; returns the page. An error on it fails the test."""
    errors, pages = [], []

    def open_chart(chart):
        # As SVG, whose parts can be found, whatever the chart prefers.
        spec = json.dumps(chart.to_dict() | {"config": export_config(), "usermeta": {}}).replace("</", "<\\/")
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        pages.append(page)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.set_content("<div id=chart></div>")
        page.add_script_tag(content=library)
        page.evaluate(
            "async spec => { const r = await vegaEmbed('#chart', spec, {renderer: 'svg', actions: false});"
            " window.view = r.view }",
            json.loads(spec),
        )
        return page

    yield open_chart
    for page in pages:
        page.close()
    assert errors == []


def point(page, plot, across, down, click=False):
    x, y, width, height = plot
    page.mouse.move(x + across * width, y + down * height)
    page.mouse.move(x + across * width, y + down * height + 0.5)
    if click:
        page.mouse.click(x + across * width, y + down * height + 0.5)
    page.wait_for_timeout(60)


def test_the_nearest_bar_answers_in_both_plots(bars, shown):
    one = bars[bars["subsample"] == 0]
    page = shown(barcode_and_diagram(one, domain=bars_domain(one)))
    barcode, diagram = page.evaluate(PLOTS)[:2]
    names = set(cap_bars(one)[0]["bar"]) | {"H0-endless"}

    at_one_height = set()
    for across in (0.02, 0.5, 0.98):  # along a row it is the same bar, drawn there or not
        point(page, barcode, across, 0.3)
        at_one_height |= set(page.evaluate(STORE, "near_bar"))
    assert len(at_one_height) == 1
    assert at_one_height <= names
    words = page.evaluate(TOOLTIP)
    assert "death" in words
    assert "undefined" not in words

    found = set()
    for across, down in ((0.1, 0.9), (0.5, 0.5), (0.9, 0.9), (0.05, 0.05)):  # nowhere near a mark
        point(page, diagram, across, down)
        (name,) = page.evaluate(STORE, "near_bar")
        found.add(name)
        assert "undefined" not in page.evaluate(TOOLTIP)
    assert len(found) > 1
    assert found <= names

    page.mouse.move(1279, 799)
    page.wait_for_timeout(60)
    assert page.evaluate(STORE, "near_bar") == []


def test_a_click_in_either_plot_keeps_its_bar(bars, shown):
    one = bars[bars["subsample"] == 0]
    page = shown(barcode_and_diagram(one, domain=bars_domain(one), at=5.0))
    assert page.evaluate(STORE, "bar") == []
    chosen = []
    for plot in page.evaluate(PLOTS)[:2]:
        point(page, plot, 0.4, 0.4, click=True)
        (name,) = page.evaluate(STORE, "bar")
        chosen.append(name)
        point(page, plot, 0.9, 0.95)
        assert page.evaluate(STORE, "bar") == [name]
    assert len(set(chosen)) == 2


@pytest.mark.parametrize("layers", [1, 2])
def test_the_nearest_step_answers_in_every_panel(curve, floor, shown, steps, layers):
    part = curve[curve["layer"].isin(sorted(curve["layer"].unique())[:layers])]
    named = part.replace({"series": {"mixed": 'm"<b>\\'}})
    page = shown(velocities(named, floor, steps=steps, step=4))
    plots = page.evaluate(PLOTS)
    panels = [plot for plot in plots if plot[3] == 260]
    assert len(panels) >= layers
    for panel in panels[:layers]:
        chosen = []
        for across in (0.01, 0.5, 0.99):
            point(page, panel, across, 0.15, click=True)
            chosen += page.evaluate(STORE, "step")
            words = page.evaluate(TOOLTIP)
            assert 'm"<b>\\' in words
            assert "undefined" not in words
        assert chosen == sorted(chosen)
        assert (chosen[0], chosen[-1]) == (1, 8)
