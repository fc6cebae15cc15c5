import pandas as pd
import pytest

from phcore.figures.charts.paths import path_chart

AXES = {"x_title": "H0 death, mean (distance)", "y_title": "number of loops"}


@pytest.mark.parametrize("equal", [True, False])
def test_none_one_and_many_points(paths, render, equal):
    for part in (paths.head(0), paths.head(1), paths[paths["step"] == 0], paths[paths["step"] > 0], paths):
        for radius in (None, 0.5):
            chart = path_chart(part, selected_step=4, equal=equal, floor_radius=radius, **AXES)
            assert "Where does each objective go?" in render(chart)


def test_base_and_ends_are_named(paths, render):
    svg = render(path_chart(paths, selected_step=4, floor_radius=0.3, **AXES))
    for words in ("base", "helpful", "harmless", "mixed", "step 4", "floor", "number of loops"):
        assert words in svg


def test_several_runs_of_an_objective_are_named_apart(paths, render):
    other = paths[paths["series"] == "helpful"].assign(series="second", x=paths["x"] + 1)
    svg = render(path_chart(pd.concat([paths, other]), **AXES))
    assert "second" in svg


def test_one_unit_is_as_long_on_both_axes(paths):
    spec = path_chart(paths, width=600, height=300, **AXES).to_dict()
    line = next(layer for layer in spec["layer"] if layer.get("mark", {}).get("type") == "line")
    (left, right), (bottom, top) = (line["encoding"][c]["scale"]["domain"] for c in "xy")
    assert (right - left) / spec["width"] == pytest.approx((top - bottom) / spec["height"])


def test_everything_lies_inside_the_window(paths):
    radius = 2.0
    spec = path_chart(paths, floor_radius=radius, **AXES).to_dict()
    line = next(layer for layer in spec["layer"] if "strokeDash" in layer.get("encoding", {}))
    for channel in "xy":
        low, high = line["encoding"][channel]["scale"]["domain"]
        start = paths.loc[paths["step"] == 0, channel].iloc[0]
        assert low < min(paths[channel].min(), start - radius)
        assert high > max(paths[channel].max(), start + radius)


def test_playing_the_steps_changes_data_only(paths, shape):
    shapes = {shape(path_chart(paths, selected_step=step, **AXES)) for step in (None, 0, 1, 4, 999)}
    assert len(shapes) == 1


def test_marks_grow_with_the_step(paths):
    spec = path_chart(paths, **AXES).to_dict()
    rows = next(rows for rows in spec["datasets"].values() if rows and "grown" in rows[0])
    own = [row["grown"] for row in rows if row["series"] == "mixed"]
    assert own == sorted(own)
    assert (own[0], own[-1]) == (0, 1)


def test_names_at_the_ends_do_not_cover_each_other(paths):
    close = paths.assign(x=paths["x"] * 0 + paths["step"], y=paths["series"].map(len) * 0.01)
    spec = path_chart(close, equal=False, width=500, height=400, **AXES).to_dict()
    named = next(rows for rows in spec["datasets"].values() if rows and "words" in rows[0] and "x" in rows[0])
    assert len({(row["align"], round(row["x"], 3), round(row["y"], 3)) for row in named}) == 4  # and the base


def test_names_are_text_and_nothing_else(paths, render):
    nasty = paths.replace({"series": {"mixed": "<b>'\"\\"}, "objective": {"mixed": "<b>'\"\\"}})
    svg = render(path_chart(nasty, selected_step=4, **AXES))
    assert "<b>" not in svg
    assert "&lt;b&gt;" in svg
