import numpy as np
import pandas as pd
import pytest

from phcore.figures.early_final import answer
from tests.unit.figures.hand_made import drawn, given

RHO = pd.Series({"rho": 0.5, "lo": -0.25, "hi": 0.75, "points": 6, "runs": 2})


def early_final(points: pd.DataFrame):
    return drawn("early_final", given(points=points, correlation=RHO, metric="nll"))


@pytest.fixture
def points():
    return pd.DataFrame(
        {
            "series": ["a"] * 3 + ["b"] * 3,
            "objective": ["helpful"] * 3 + ["harmless"] * 3,
            "layer": [6, 12, 18] * 2,
            "x": [0.2, 0.2, 0.21, 0.3, 0.5, 0.4],
            "y": [1.5] * 3 + [2.5] * 3,
        }
    )


def test_colour_is_the_objective_and_shape_the_layer(points, render):
    mark = early_final(points).to_dict()["layer"][0]["encoding"]
    assert mark["shape"]["scale"]["domain"] == [6, 12, 18]
    assert len(set(mark["shape"]["scale"]["range"])) == 3
    assert mark["color"]["scale"]["domain"] == ["helpful", "harmless"]
    svg = render(early_final(points))
    for words in (">helpful<", ">layer<", ">18<"):
        assert words in svg


def test_the_answer_tells_how_many_runs():
    assert answer(given(correlation=RHO)) == (
        "Spearman's rho 0.50 (-0.25 to 0.75), n = 6 layers of 2 runs; the layers of a run share its end."
    )
    assert "no interval" in answer(given(correlation=RHO.replace({-0.25: np.nan})))
    unknown = RHO.replace({0.5: np.nan})
    assert answer(given(correlation=unknown)) == "Too few runs end with a known behaviour."


def test_early_final_of_none_one_and_nasty_names(points, render):
    for part in (points.head(0), points.set_axis([0] * 6), points.assign(y=np.nan), points.assign(objective="<b>")):
        svg = render(early_final(part), dark=True)
        assert "<b>" not in svg
        assert "reference answers" in svg or part["y"].isna().all()
