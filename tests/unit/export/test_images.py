"""Figures on paper: their size, their letters, their data."""

import io
import re

import altair as alt
import pandas as pd
import pytest
from PIL import Image

from phcore.errors import Fault
from phcore.export import images
from phcore.figures.charts.standing import plain
from phcore.figures.charts.theme import LABEL_SIZE

TABLE = pd.DataFrame({"x": [1.0, 2.0, float("nan")], "y": [3.0, 1.0, 2.0], "name": ["a", "b", "<script>"]})


@pytest.fixture(scope="module")
def chart():
    def build():
        return alt.Chart(TABLE, width=900, height=400).mark_point().encode(x="x:Q", y="y:Q", tooltip="name:N")

    return plain(build)


def lengths(svg: str) -> tuple[float, float, float, float]:
    """Width and height in mm, and of the view box."""
    found = re.search(r'width="([\d.]+)mm" height="([\d.]+)mm" viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    return tuple(float(one) for one in found.groups())


@pytest.mark.parametrize("width", [85.0, 174.0])
@pytest.mark.parametrize("points", [6.0, 8.0])
def test_a_figure_has_the_width_and_letters_that_were_asked_for(chart, width, points):
    svg = images.export(*chart, "svg", width=width, points=points).decode()
    across, down, box_across, box_down = lengths(svg)
    assert across == width
    assert down / across == pytest.approx(box_down / box_across, rel=0.01)
    size = float(re.search(r'font-size="([\d.]+)px"', svg).group(1))
    # Larger letters make the figure a little wider, and so a little smaller at a given width.
    assert size * width / box_across / 25.4 * 72 == pytest.approx(points, rel=0.05)


def test_letters_stay_in_bounds_where_the_width_asks_for_giants(chart):
    svg = images.export(*chart, "svg", width=20, points=14).decode()
    assert float(re.search(r'font-size="([\d.]+)px"', svg).group(1)) <= 3 * LABEL_SIZE + 0.01


def test_a_png_is_twice_as_sharp_as_the_screen(chart):
    image = Image.open(io.BytesIO(images.export(*chart, "png")))
    assert 1800 < image.width < 2000
    assert image.getpixel((0, 0))[:3] == (255, 255, 255)


def test_a_pdf_is_a_page_of_that_width(chart):
    pdf = images.export(*chart, "pdf", width=85)
    assert pdf.startswith(b"%PDF")
    width = float(re.search(rb"/MediaBox\s*\[\s*0 0 ([\d.]+)", pdf).group(1))
    assert width == pytest.approx(85 / 25.4 * 72, rel=0.34)  # points, or CSS pixels of 3/4 of one


def test_what_is_not_known_is_not_drawn_and_words_stay_words(chart):
    svg = images.export(*chart, "svg").decode()
    points = re.search(r'<g class="mark-symbol role-mark marks".*?</g>', svg, flags=re.S).group(0)
    assert points.count("<path") == 2  # of three rows, one has no place
    assert "<script>" not in svg
    assert "NaN" not in svg


@pytest.mark.parametrize("wrong", [{"kind": "gif"}, {"kind": "svg", "width": 0}, {"kind": "pdf", "points": -1}])
def test_what_cannot_be_drawn_is_said(chart, wrong):
    with pytest.raises(Fault):
        images.export(*chart, **wrong)
