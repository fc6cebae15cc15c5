import pandas as pd
import pytest

from phcore.figures.paths import MEANS, TWO, answer
from tests.unit.figures.hand_made import drawn, given

TITLES = ["H0 death, mean (distance)", "number of loops"]


def path(points: pd.DataFrame, floor: float | None = None, layout: str = MEANS, **look):
    return drawn("paths", given({"layout": layout}, points=points, floor=floor, titles=TITLES), **look)


@pytest.mark.parametrize("layout", [MEANS, TWO])
def test_none_one_and_many_points(paths, render, layout):
    for part in (paths.head(0), paths.head(1), paths[paths["step"] == 0], paths[paths["step"] > 0], paths):
        for radius in (None, 0.5):
            chart = path(part, step=4, layout=layout, floor=radius)
            assert "Where does each objective go?" in render(chart)


def test_base_and_ends_are_named(paths, render):
    svg = render(path(paths, step=4, floor=0.3))
    for words in ("base", "helpful", "harmless", "mixed", "step 4", "floor", "number of loops"):
        assert words in svg


def test_several_runs_of_an_objective_are_named_apart(paths, render):
    other = paths[paths["series"] == "helpful"].assign(series="second", x=paths["x"] + 1)
    svg = render(path(pd.concat([paths, other])))
    assert "second" in svg


def test_one_unit_is_as_long_on_both_axes(paths):
    spec = path(paths, width=600, height=300).to_dict()
    line = next(layer for layer in spec["layer"] if layer.get("mark", {}).get("type") == "line")
    (left, right), (bottom, top) = (line["encoding"][c]["scale"]["domain"] for c in "xy")
    assert (right - left) / spec["width"] == pytest.approx((top - bottom) / spec["height"])


def test_everything_lies_inside_the_window(paths):
    radius = 2.0
    spec = path(paths, floor=radius).to_dict()
    line = next(layer for layer in spec["layer"] if "strokeDash" in layer.get("encoding", {}))
    for channel in "xy":
        low, high = line["encoding"][channel]["scale"]["domain"]
        start = paths.loc[paths["step"] == 0, channel].iloc[0]
        assert low < min(paths[channel].min(), start - radius)
        assert high > max(paths[channel].max(), start + radius)


def test_playing_the_steps_changes_data_only(paths, shape):
    shapes = {shape(path(paths, step=step)) for step in (None, 0, 1, 4, 999)}
    assert len(shapes) == 1


def test_marks_grow_with_the_step(paths):
    spec = path(paths).to_dict()
    rows = next(rows for rows in spec["datasets"].values() if rows and "grown" in rows[0])
    own = [row["grown"] for row in rows if row["series"] == "mixed"]
    assert own == sorted(own)
    assert (own[0], own[-1]) == (0, 1)


def test_names_at_the_ends_do_not_cover_each_other(paths):
    close = paths.assign(x=paths["x"] * 0 + paths["step"], y=paths["series"].map(len) * 0.01)
    spec = path(close, layout=TWO, width=500, height=400).to_dict()
    named = next(rows for rows in spec["datasets"].values() if rows and "words" in rows[0] and "x" in rows[0])
    assert len({(row["align"], round(row["x"], 3), round(row["y"], 3)) for row in named}) == 4  # and the base


def test_names_are_text_and_nothing_else(paths, render):
    nasty = paths.replace({"series": {"mixed": "<b>'\"\\"}, "objective": {"mixed": "<b>'\"\\"}})
    svg = render(path(nasty, step=4))
    assert "<b>" not in svg
    assert "&lt;b&gt;" in svg


def test_paths_end_at_their_distance_from_base():
    points = pd.DataFrame(
        {
            "series": ["a", "a", "b", "b", "b"],
            "step": [0, 4, 0, 4, 8],
            "x": [1.0, 4.0, 1.0, 1.0, 1.0],
            "y": [1.0, 5.0, 1.0, 1.0, 3.0],
        }
    )

    def told(points, layout, floor=None):
        return answer(given({"layout": layout}, points=points, floor=floor))

    assert told(points, MEANS, 1.0) == (
        "Distance from base at the last step: a 5.00 (step 4), b 2.00; the floor is 1.00."
    )
    assert told(points, TWO) == "From (1.00, 1.00): a to (4.00, 5.00) (step 4), b to (1.00, 3.00)."
    assert told(points[points["step"] == 0], MEANS) == "No path from the base yet."
    assert told(points.head(0), TWO) == "No path from the base yet."
