"""Views that share their parts make the charts that wholly copied ones make."""

import pytest

from phcore.figures.charts.channels import View
from tests.unit.figures.hand_made import distances, drawn, given, velocities


@pytest.mark.parametrize("name", ["velocity", "heatmap", "path", "distance"])
def test_the_same_chart_as_with_whole_copies(name, curve, floor, paths, steps, monkeypatch):
    distance = curve[curve["series"] == "mixed"].groupby("step", as_index=False)["mean"].max()
    build = {
        "velocity": lambda: velocities(curve, floor, steps=steps, step=4, share_y=False),
        "heatmap": lambda: drawn("heatmap", given(curve=curve), steps=steps, step=4),
        "path": lambda: drawn("paths", given(points=paths, titles=["a", "b"], floor=0.1), step=4),
        "distance": lambda: distances(distance.rename(columns={"mean": "value"}), steps=steps),
    }[name]
    chart = build()
    again = chart.properties(title="other")
    spec = chart.to_dict()
    assert again.to_dict()["title"] == "other"
    assert spec == chart.to_dict()
    monkeypatch.delattr(View, "__deepcopy__")
    assert spec == build().to_dict()
