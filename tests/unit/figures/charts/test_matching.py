"""Two matched diagrams as a chart: where its parts stand."""

import numpy as np
import pytest

from phcore.figures.charts.matching import matching_chart, pair_rows
from phcore.topology.distances import matched

BEFORE, AFTER = np.array([[1.0, 3.0], [2.0, 2.5]]), np.array([[1.0, 4.0]])


@pytest.mark.parametrize(("width", "join"), [(1100, "hconcat"), (820, "hconcat"), (360, "vconcat")])
def test_bars_and_diagram_fit_the_width(width, join):
    """Beside each other where there is room, and the diagram stays a square."""
    rows = pair_rows(BEFORE, AFTER, *matched(BEFORE, AFTER, order=2, norm=2.0))
    spec = matching_chart(rows, domain=(0.0, 5.0), names=("a", "b"), degree=1, width=width).to_dict()
    bars, diagram = spec[join]
    assert diagram["width"] == diagram["height"]
    axis = 76
    parts = [bars["width"], diagram["width"] + axis]
    assert (sum(parts) + 30 if join == "hconcat" else max(parts)) <= width
