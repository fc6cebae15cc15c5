"""Courses of velocity, and how far apart those of two runs are."""

import numpy as np
import pandas as pd

from phcore.analysis.courses import Model, courses

DEPTHS = (0.5, 1.0)


def model(name="m", layers=4, curves=None):
    """curves : (series, layer) -> velocities at steps 1, 2, 3 ..., twice over (two subsamples)."""
    rows = [
        (series, layer, step - 1, step, subsample, value)
        for (series, layer), values in (curves or {}).items()
        for step, value in enumerate(values, 1)
        for subsample in (0, 1)
    ]
    columns = ["series", "layer", "step_from", "step", "subsample", "value"]
    return Model(name, layers, pd.DataFrame(rows, columns=columns))


def test_a_course_is_the_share_of_velocity_behind_it():
    one = model(curves={("a", 2): [1, 1, 2], ("a", 4): [4, 0, 0]})
    table = courses(one, DEPTHS)
    by_depth = dict(iter(table.groupby("depth")))
    assert by_depth[0.5]["passed"].tolist() == [0.25, 0.5, 1.0]
    assert by_depth[1.0]["passed"].tolist() == [1.0, 1.0, 1.0]
    assert by_depth[0.5]["value"].tolist() == [0.75, 0.75, 1.5]  # over the mean of the curve
    np.testing.assert_allclose(by_depth[0.5]["progress"], [1 / 3, 2 / 3, 1])
    assert set(by_depth[0.5]["layer"]) == {2}


def test_runs_come_as_they_appear():
    one = model(curves={("b", 4): [1, 2], ("c", 4): [1, 1], ("a", 4): [2, 1]})
    found = courses(one, (1.0,))["series"]
    assert found.unique().tolist() == ["b", "c", "a"]
    assert found.dtype == one.velocities["series"].dtype


def test_a_velocity_counts_whatever_else_of_its_row_is_unknown():
    one = model(curves={("a", 4): [1, 3]})
    known = Model("m", 4, one.velocities.assign(subsample=np.nan))
    assert courses(known, (1.0,))["passed"].tolist() == [0.25, 1.0]


def test_layers_are_matched_by_relative_depth():
    large = model("large", 40, {("a", 21): [1, 2], ("a", 40): [1, 2]})
    assert courses(large, DEPTHS).groupby("depth")["layer"].first().to_dict() == {0.5: 21, 1.0: 40}


def test_what_does_not_move_or_lacks_a_depth_has_no_course():
    still = model(curves={("a", 2): [0, 0], ("b", 2): [1, np.nan]})
    table = courses(still, (1.0,))
    assert table["series"].tolist() == ["b"]
    assert courses(model(), DEPTHS).empty
