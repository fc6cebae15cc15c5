"""Courses of velocity, and how far apart those of two runs are."""

import numpy as np
import pandas as pd
import pytest

from phcore.analysis.courses import GRID, Model, course_distances, courses

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


def test_layers_are_matched_by_relative_depth():
    small = model("small", 4, {("a", 2): [1, 2], ("a", 4): [1, 2]})
    large = model("large", 40, {("a", 21): [1, 2], ("a", 40): [1, 2]})
    assert courses(large, DEPTHS).groupby("depth")["layer"].first().to_dict() == {0.5: 21, 1.0: 40}
    _, distances = course_distances(pd.concat([courses(one, DEPTHS) for one in (small, large)]))
    np.testing.assert_allclose(distances, 0, atol=1e-12)


def test_size_and_length_of_a_run_do_not_matter():
    one = model("one", 4, {("a", 2): [1, 3], ("a", 4): [2, 2]})
    times = model("two", 4, {("a", 2): [10, 30], ("a", 4): [0.2, 0.2]})
    times.velocities[["step_from", "step"]] *= 100
    _, distances = course_distances(pd.concat([courses(each, DEPTHS) for each in (one, times)]))
    np.testing.assert_allclose(distances, 0, atol=1e-12)


def test_the_distance_of_two_courses_by_hand():
    early = model("early", 2, {("a", 2): [1, 0]})
    late = model("late", 2, {("a", 2): [0, 1]})
    runs, distances = course_distances(pd.concat([courses(one, (1.0,)) for one in (early, late)]))
    assert runs == [("early", "a"), ("late", "a")]
    a, b = np.minimum(1, 2 * GRID), np.maximum(0, 2 * GRID - 1)
    assert distances[0, 1] == pytest.approx(np.sqrt(np.mean((a - b) ** 2)))
    assert distances[0, 1] == distances[1, 0]
    assert (np.diag(distances) == 0).all()


def test_what_does_not_move_or_lacks_a_depth_has_no_course():
    still = model(curves={("a", 2): [0, 0], ("b", 2): [1, np.nan]})
    table = courses(still, (1.0,))
    assert table["series"].tolist() == ["b"]
    assert courses(model(), DEPTHS).empty
    partly = pd.concat([courses(model("x", 4, {("a", 2): [1, 2], ("a", 4): [1, 2], ("b", 4): [1, 2]}), DEPTHS)])
    runs, distances = course_distances(partly)
    assert runs == [("x", "a")]
    assert distances.shape == (1, 1)
