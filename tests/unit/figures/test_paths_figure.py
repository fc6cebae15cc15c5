import re
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from phcore.errors import NotAsked
from phcore.figures import paths as paths_figure
from phcore.figures.figure import Choice
from phcore.figures.paths import MEANS, TWO, _grown, answer, means, more, numbers
from phcore.figures.registry import FIGURES
from phcore.study.record import ALL
from phcore.topology.summaries import FEATURE_WORDS, FEATURES
from tests.unit.figures import hand_made
from tests.unit.figures.hand_made import PLAIN, Tables, among_others, drawn, given, record_of, rows

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


def test_the_name_of_the_step_leaves_its_corner_to_the_name_of_the_floor(render):
    def corner(x: float) -> tuple[float, float]:
        """Where the names of the floor and of the step are, across, in a plot whose base is at `x` at the top."""
        points = pd.DataFrame({"series": "helpful", "objective": "helpful", "step": [0, 1, 4],
                               "x": [x, 0.5, 1 - x], "y": [1.0, 0.5, 0.0]})  # fmt: skip
        svg = render(path(points, step=4, floor=0.05, width=320, height=230))
        return tuple(float(re.search(rf"translate\(([\d.]+),[^>]*>{words}<", svg)[1]) for words in ("floor", "step 4"))

    (left, elsewhere), (right, here) = corner(0.0), corner(1.0)
    assert elsewhere > 200 > left
    assert here < 50 < 200 < right


def test_several_runs_of_an_objective_are_thin_behind_their_mean(paths, render):
    other = paths[paths["series"] == "helpful"].assign(series="second", x=paths["x"] + 1)
    both = pd.concat([paths, other])
    spec = path(both).to_dict()
    lines = [layer["mark"]["strokeWidth"] for layer in spec["layer"] if layer["mark"]["type"] == "line"]
    assert lines == sorted(lines), lines
    assert len(lines) == 2
    shown = means(both)
    assert set(shown["series"]) == {"helpful", "harmless", "mixed"}
    first = paths[(paths["series"] == "helpful") & (paths["step"] == 4)]["x"].item()
    assert shown[(shown["series"] == "helpful") & (shown["step"] == 4)]["x"].item() == pytest.approx(first + 0.5)
    assert ">second<" not in render(path(both))


def test_each_axis_is_fitted_to_what_it_shows(paths):
    flat = paths.assign(y=paths["y"] / 100)
    line = next(layer for layer in path(flat).to_dict()["layer"] if layer.get("mark", {}).get("type") == "line")
    low, high = line["encoding"]["y"]["scale"]["domain"]
    assert np.ptp(flat["y"]) / (high - low) > 0.7


def test_everything_lies_inside_the_window(paths):
    radius = 2.0
    spec = path(paths, floor=radius).to_dict()
    line = [layer for layer in spec["layer"] if layer["mark"]["type"] == "line"][-1]
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

    assert told(points, MEANS, 1.0) == "a ends 5.0 times the resampling noise away, b 2.0."
    assert told(points, TWO) == "a goes farthest across: from (1.00, 1.00) to (4.00, 5.00)."
    assert told(points[points["step"] == 0], MEANS) == "No path from the base yet."
    assert told(points.head(0), TWO) == "No path from the base yet."


# --- what is read -----------------------------------------------------------------------------------


def measured(**same):
    """Two subsamples of each cell: a feature goes up with the step in a, another one in b; halves differ by 2."""
    steps = [("a", 0), ("a", 1), ("a", 4), ("b", 0), ("b", 4)]
    table = rows("series step subsample", *[(*cell, b) for cell in steps for b in range(4)], **PLAIN | {"layer": 6})
    spread = table["subsample"].map({0: -1.0, 1: 1.0, 2: -1.0, 3: 1.0})
    numbers = pd.DataFrame(dict.fromkeys(FEATURES, 10.0 + spread))
    numbers["h1_count"] += 10 * table["step"] * (table["series"] == "a")
    numbers["h1_persistence_mean"] += 20 * table["step"] * (table["series"] == "b")
    return pd.concat([table, numbers], axis=1).assign(**same)


@pytest.fixture
def results():
    medians = measured()[["series", "step", "layer"]].drop_duplicates().assign(median_distance=2.0)
    table = pd.concat([measured(), measured(layer=12, h1_count=99.0)], ignore_index=True)
    return Tables({"summaries": table, "cells": medians}, record_of({"a": "helpful", "b": "harmless"}))


def test_two_features_against_each_other(results):
    data = hand_made.read("paths", results, layout=TWO)
    assert data.points.to_numpy().tolist() == [
        ["a", 0, 10.0, 10.0, "helpful"], ["a", 1, 20.0, 10.0, "helpful"], ["a", 4, 50.0, 10.0, "helpful"],
        ["b", 0, 10.0, 10.0, "harmless"], ["b", 4, 10.0, 90.0, "harmless"],
    ]  # fmt: skip
    assert data.floor is None
    assert data.titles == [FEATURE_WORDS["h1_count"], f"{FEATURE_WORDS['h1_persistence_mean']} (distance)"]
    assert data.note == "Means over the subsamples of each checkpoint."
    median = hand_made.read("paths", results, layout=TWO, scale="median", up="h1_count")
    assert median.points.query("series == 'a' and step == 4")[["x", "y"]].to_numpy().tolist() == [[50.0, 50.0]]
    other = hand_made.read("paths", results, layout=TWO, scale="median")
    assert other.points["y"].max() == 45.0
    assert other.titles[1].endswith("(distance / median distance)")


def test_no_name_stands_on_that_of_the_floor():
    """A path that ends right below the name of the disc, on whose right its own name would cover least."""
    points = pd.DataFrame(
        [("a", "helpful", step, x, y) for step, x, y in ((0, 0.0, 0.0), (1, -8.0, -3.0), (2, -1.2, 1.15))],
        columns=["series", "objective", "step", "x", "y"],
    )  # fmt: skip
    frame = paths_figure._frame((-9.0, 2.0, -3.0, 3.0), 400, 230)
    table = paths_figure._grown(points)
    (floor,) = paths_figure._floor_name(table, 1.0, frame)
    end = frame.pixels((-1.2, 1.15))
    marks = paths_figure._along(table, frame)
    *_, before = paths_figure._free_place("a name", end, marks, [], frame)
    *_, after = paths_figure._free_place("a name", end, marks, [floor], frame)

    def meet(one, other) -> bool:
        return one[0] < other[2] and one[2] > other[0] and one[1] < other[3] and one[3] > other[1]

    assert meet(before, floor)
    assert not meet(after, floor)


def test_mean_summaries_in_units_of_their_floor(results):
    data = hand_made.read("paths", results)
    assert data.floor == 1.0
    assert data.points.query("step == 0")[["x", "y"]].to_numpy().tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert [title.split(" (")[0] for title in data.titles] == ["component 1", "component 2"]
    first, second = data.titles
    assert first.endswith(" % of variance), in units of noise")
    assert second.endswith(" % of variance)")
    assert data.note.startswith("Principal components of the 41 mean summaries, each divided by its resampling")
    assert data.note.endswith("Marks grow with the step.")
    gap = measured()
    gap.loc[(gap["series"] == "a") & (gap["step"] == 1), list(FEATURES)] = np.nan
    lacking = hand_made.read("paths", Tables({"summaries": gap}, results.record))
    assert lacking.note.endswith(" 1 checkpoint without a usable cloud have no place here.")


def test_landscapes_of_one_degree_and_layer_at_either_scale(results):
    bars = [(series, step, b, 1.0, 2.0 + step * (series == "a") + 0.1 * b) for series in "ab" for step in (0, 1, 4)
            for b in range(4)]  # fmt: skip
    table = rows("series step subsample birth death", *bars, **PLAIN | {"layer": 6, "degree": 1})
    tables = {"bars": among_others(table, "death"), "cells": results.given["cells"].assign(median_distance=2.0)}
    tables["cells"] = pd.concat([tables["cells"], tables["cells"].query("series == 'b'").head(1).assign(step=1)])
    tables["cells"] = pd.concat([tables["cells"], tables["cells"].assign(layer=12, median_distance=-5.0)])
    both = [hand_made.read("paths", Tables(tables, results.record), layout="mean landscapes", scale=scale)
            for scale in ("raw", "median")]  # fmt: skip
    assert both[0].note.startswith("Principal components of the mean landscapes of H1. One unit")
    assert both[0].titles[0].endswith("of variance), in units of noise")
    one, other = (data.points[["x", "y"]].to_numpy() for data in both)
    assert np.abs(one).max() > 1
    np.testing.assert_allclose(one, other, rtol=0.02)  # half as large, and so is their floor
    still = both[0].points.query("series == 'b'")
    assert np.ptp(still[["x", "y"]].to_numpy(), axis=0).max() < 1e-6


def test_the_map_of_all_distances_has_the_mean_floor(results):
    """Two runs that go apart on a line, in steps of their own numbers."""
    own = [(name, step, float(step) * side) for name, side in (("a", 1), ("b", -1)) for step in (1, 2, 4)]
    nodes = [("base", 0, 0.0), *own]
    pairs = [(a, s, b, t, abs(x - y)) for (a, s, x), (b, t, y) in combinations(nodes, 2)]
    table = rows("series_a step_a series_b step_b value", *pairs)
    noise = rows("series step subsample value", ("a", 1, 0, 0.25), ("a", 2, 0, 0.75))
    tables = {"distances": among_others(table, "value"), "floors": among_others(noise, "value")}
    every = replace(results.record, pairs=ALL)
    data = hand_made.read("paths", Tables(tables, every), layout="all distances")
    assert data.floor == 0.5
    assert data.titles == ["axis 1 (100 % of spread), distance", "axis 2 (0 % of spread)"]
    assert data.note == "Classical multidimensional scaling of all pairwise Wasserstein distances."
    ends = data.points.query("step == 4")
    assert sorted(ends["x"].abs().round(6)) == [4.0, 4.0]
    bare = hand_made.read("paths", Tables({"distances": table}, every), layout="all distances")
    assert bare.floor is None
    long = record_of({"a": "helpful"}, range(1, 15))
    with pytest.raises(NotAsked, match=r"needs 78 more at each layer") as asked:
        hand_made.read("paths", Tables(tables, long), layout="all distances")
    assert asked.value.hint == "Its owner computes them with: python -m phcore compute x --pairs all"


def test_where_each_series_ends_in_words_and_numbers():
    """a ends at step 4, 5 from the base; b at step 1, 2 from it."""
    points = pd.DataFrame({"series": ["a", "a", "a", "b", "b"], "objective": "x", "step": [0, 1, 4, 0, 1],
                           "x": [1.0, 1.5, 4.0, 1.0, 1.0], "y": [2.0, 2.0, 6.0, 2.0, -0.001]})  # fmt: skip

    def said(layout, floor=None, table=points):
        return answer(given({"layout": layout}, points=table, floor=floor, titles=TITLES))

    points["objective"] = points["series"]
    assert said(MEANS, 1.0) == "a ends 5.0 times the resampling noise away, b 2.0."
    assert said(MEANS, table=points.query("series == 'a'")) == "a ends 5.00 from the base."
    third = points.tail(2).assign(series="c", objective="c", y=[2.0, 2.5])
    assert said(MEANS, table=pd.concat([third, points], ignore_index=True)) == "a ends 5.00 from the base, c 0.500."
    other = points.assign(x=points["x"].mask(points.index == 0))  # the base is that of all
    assert said(MEANS, table=other) == said(MEANS)
    assert said("all distances", 0.5) == "a ends 5.00 from the base, b 2.00 (resampling noise: 0.500)."
    assert said(TWO) == "a goes farthest across: from (1.00, 2.00) to (4.00, 6.00)."
    runs = given({"layout": MEANS}, points=points.assign(objective="x"))
    assert more(runs) == "Distance from the base at the last step: a 5.00, b 2.00 (step 1)."
    assert more(given({"layout": TWO}, points=points)) == ""
    for table in (points.query("step > 0"), points.query("step == 0"), points.assign(x=np.nan)):
        assert said(MEANS, table=table) == "No path from the base yet."
    found = numbers(given(points=points, titles=TITLES))
    assert found.caption == "Coordinates by step: H0 death, mean (distance); number of loops"
    assert found.rows == [["a", "1.00, 2.00", "1.50, 2.00", "4.00, 6.00"], ["b", "1.00, 2.00", "1.00, 0.00", "–"]]


def test_features_can_be_chosen_for_the_layout_of_two_alone(results):
    _, across, up = FIGURES["paths"].controls
    for control, first in ((across, "h1_count"), (up, "h1_persistence_mean")):
        assert control.options(results, Choice.of(results, layout=TWO)) == tuple(FEATURES)
        assert control.options(results, Choice.of(results)) == ()
        assert control.default(results, None, ()) == first


def test_a_path_grows_from_its_first_step_to_its_last():
    points = pd.DataFrame({
        "series": ["long", "two", "long", "one", "long", "two"], "step": [8, 4, 0, 2, 1, 0],
        "x": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "y": 0.0,
    })  # fmt: skip
    grown = _grown(points).set_index(["series", "step"])["grown"]
    assert grown["long"].to_dict() == {0: 0.0, 1: 0.5, 8: 1.0}
    assert grown["two"].to_dict() == {0: 0.0, 4: 1.0}
    assert grown["one"].to_dict() == {2: 0.0}
