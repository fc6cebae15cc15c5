import re

import numpy as np
import pandas as pd
import pytest

from phcore.figures.charts.cloud_map import cloud_map, map_plane, map_tables, shortened
from phcore.figures.charts.plane import NOTHING, Plane, one_path
from phcore.figures.charts.standing import with_tables
from phcore.figures.charts.theme import category_marks
from tests.unit.figures.charts.test_moving import taken_apart

POINTS = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [-2.0, 0.5]])
PROMPTS = pd.DataFrame(
    {
        "prompt": [3, 5, 8, 9, 11],
        "text": ["a", "<b>b</b>", "c" * 200, "d\nd", "e"],
        "category": ["x", "y", "x", None, "y"],
    }
)
HELD = {"cycle": [0, 1, 2, 3], "edge": (0, 3), "triangle": (0, 1, 2), "cut": [(0, 1), (2, 4)]}
PLANE = map_plane((2.0, 2.0))


def tables(**options):
    return map_tables(POINTS, PROMPTS, PLANE, **options)


def draw(parts, **options):
    return cloud_map(parts, PLANE, categories=["x", "y"], **options)


# --- the plane --------------------------------------------------------------------------------------


def test_pixels_by_hand():
    plane = Plane((0, 10), (0, 4), 100, 80)
    np.testing.assert_allclose(plane.pixels([[0, 0], [10, 4], [5, 1]]), [[0, 80], [100, 0], [50, 60]])
    assert plane.lines(np.array([[[0, 0], [10, 4]], [[5, 1], [5, 2]]])) == ["M0,80L100,0", "M50,60L50,40"]
    assert plane.lines(np.empty((0, 2, 2))) == []
    assert one_path(["M0,1L2,3", "M4,5L6,7"]) == "M0,1L2,3M4,5L6,7"
    assert one_path([]) == NOTHING


def test_areas_all_turn_the_same_way():
    """Turned against each other, two areas would cancel where they overlap."""
    plane = Plane((0, 1), (0, 1), 10, 10)
    corners = np.array([[[0, 0], [1, 0], [0, 1]], [[0, 0], [0, 1], [1, 0]]], dtype=float)
    turns = []
    for run in plane.areas(corners):
        x, y = np.array([point.split(",") for point in run.strip("MZ").split("L")], dtype=float).T
        turns.append(np.sign((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()))
    assert turns[0] == turns[1] != 0


def test_one_unit_is_as_long_on_both_axes_and_everything_is_inside():
    plane = map_plane((3.0, 0.5))
    assert (plane.x[1] - plane.x[0]) / plane.width == pytest.approx((plane.y[1] - plane.y[0]) / plane.height)
    assert plane.x[1] > 3
    assert plane.y[1] > 0.5
    assert map_plane((0.0, 0.0)).x[1] > 0  # a cloud of one point
    narrow = map_plane((3.0, 0.5), 340)
    assert narrow.width < 340 >= narrow.height
    assert (narrow.x[1] - narrow.x[0]) / narrow.width == pytest.approx((narrow.y[1] - narrow.y[0]) / narrow.height)


# --- the map ----------------------------------------------------------------------------------------


def test_without_a_selected_bar_nothing_is_drawn_over_the_prompts():
    assert set(tables()["paths"]["path"]) == {NOTHING}


def test_the_selected_bar_numbers_its_cycle_and_rings_its_points():
    parts = tables(held=HELD)
    points = parts["points"]
    assert points["order"].tolist() == ["1", "2", "3", "4", ""]
    assert points["held"].tolist() == [True] * 4 + [False]
    paths = parts["paths"].set_index("kind")["path"]
    assert paths["cycle"].endswith("Z")
    assert paths["cycle"].count("L") == 3
    assert paths["cut"].count("M") == 2


def test_groups_of_a_merge_leave_the_others_behind():
    points = tables(held={"edge": (0, 1), "first": [0], "second": [1, 2]})["points"]
    assert points["group"].tolist() == ["first", "second", "second", "other", "other"]


def test_only_tables_change_with_the_bar(render):
    spec, standing = taken_apart(draw(tables()))
    new = tables(held=HELD)
    wanted_spec, wanted = taken_apart(draw(new))
    assert spec == wanted_spec
    moved = with_tables(standing, new.values())
    for name, table in wanted.items():
        pd.testing.assert_frame_equal(moved[name], table)


@pytest.mark.parametrize("dark", [False, True])
def test_the_map_renders(render, dark):
    svg = render(draw(tables(held=HELD)), dark)
    assert "Where are the prompts?" in svg
    assert "component 1 (distance)" in svg
    for words in ("x", "y", "1", "4"):
        assert f">{words}</text>" in svg
    assert re.search(r'aria-roledescription="symbol mark container"|mark-symbol', svg)


def test_without_categories_there_is_no_legend(render):
    parts = map_tables(POINTS, PROMPTS.assign(category=None), map_plane((2.0, 2.0)))
    svg = render(cloud_map(parts, map_plane((2.0, 2.0)), categories=[""]))
    assert "mark-group role-legend" not in svg


def test_long_prompts_are_cut_for_a_tooltip():
    assert shortened("a\n  b") == "a b"
    assert len(shortened("word " * 60)) <= 90
    assert shortened("word " * 60).endswith("…")


def test_categories_are_told_apart_without_colour():
    looks = category_marks(["a", "b", "c", "d", "e", "f", "g"])
    shapes = [shape for _, shape in list(looks.values())[:5]]
    assert len(set(shapes)) == 5
    assert "triangle" not in "".join(shapes)  # triangles are loops
    assert looks["f"] == looks["g"]
