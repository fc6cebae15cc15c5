"""The table of windows: displacements against courses, distances between diagrams against their tables, and floors."""

import numpy as np
import pandas as pd
import pytest

from phcore.analysis.displacements import LOOPS, Course
from phcore.analysis.equal_windows import COLUMNS, shares, table

STEPS = np.array([0, 1, 2, 3, 4, 5, 6])


def course(series="a", layer=1, scale="raw", steps=STEPS, seed=0):
    rng = np.random.default_rng(seed)
    return Course(series, layer, scale, steps, rng.normal(size=(len(steps), 8, 3)), np.array([True, False, True]), 0.5)


def distances(series="a", base="base", order=2.0, **changed):
    """|i - j| between steps, a tenth more for each step that the later one is at."""
    rows = [
        (base if i == 0 else series, i, series, j, 1, 1, order, 2.0, "raw", (j - i) + 0.1 * j)
        for j in range(1, 7) for i in range(j)
    ]  # fmt: skip
    columns = ["series_a", "step_a", "series_b", "step_b", "layer", "degree", "order", "norm", "scale", "value"]
    return pd.DataFrame(rows, columns=columns).assign(**changed)


def velocities(series="a", order=1.0, **changed):
    rows = [(series, k, k + 1, 1, b, 1, order, 2.0, "raw", 10.0 * k + more)
            for k in range(6) for b, more in enumerate((0, 0, 3))]  # fmt: skip
    columns = ["series", "step_from", "step", "layer", "subsample", "degree", "order", "norm", "scale", "value"]
    return pd.DataFrame(rows, columns=columns).assign(**changed)


def floors(series="a", order=2.0, **changed):
    rows = [(series, k, 1, b, 1, order, 2.0, "raw", k + more)
            for k in range(7) for b, more in enumerate((0.0, 0.0, 1.5))]  # fmt: skip
    columns = ["series", "step", "layer", "subsample", "degree", "order", "norm", "scale", "value"]
    return pd.DataFrame(rows, columns=columns).assign(**changed)


def made(*courses, of=None, moves=None, noise=None):
    of, moves, noise = (one if one is not None else own().head(0)
                        for one, own in ((of, distances), (moves, velocities), (noise, floors)))  # fmt: skip
    return table(list(courses), of, moves, noise)


def rows(found, use, measure, order=0.0):
    return found[(found["use"] == use) & (found["measure"] == measure) & (found["order"] == order)]


def test_displacements_are_those_of_the_course_between_the_ends_of_each_window():
    one = course()
    found = made(one)
    assert list(found.columns) == COLUMNS
    assert set(found["measure"]) == {"summaries", "loops"}
    for use in ("rates", "transitions"):
        own = rows(found, use, "summaries")
        assert own["window"].tolist() == [1, 2, 3, 4, 5, 6]
        assert own["step_from"].tolist() == [0, 1, 2, 3, 4, 5]
        for row in own.itertuples():
            assert (row.value, row.floor) == one.moved(row.step_from, row.step)
        for row in rows(found, use, "loops").itertuples():
            assert (row.value, row.floor) == one.moved(row.step_from, row.step, LOOPS)


def test_quarters_may_be_of_several_checkpoints():
    one = course(steps=np.arange(9))
    own = rows(made(one), "quarters", "summaries")
    assert own[["step_from", "step"]].to_numpy().tolist() == [[0, 2], [2, 4], [4, 6], [6, 8]]
    assert own["value"].tolist() == [one.moved(a, a + 2)[0] for a in (0, 2, 4, 6)]


def test_distances_between_diagrams_are_those_of_the_pair_and_start_at_the_base():
    longer = course(steps=np.array([0, 2, 4, 6, 8]))
    wide = distances()
    found = rows(made(longer, of=wide, noise=floors()), "transitions", "diagrams", 2.0)
    assert found["step"].tolist() == [2, 4, 6]  # of step 8 there is no distance
    assert found["value"].tolist() == pytest.approx([2.2, 2.4, 2.6])
    assert found["floor"].tolist() == [2.5, 4.5, 6.5]  # the larger mean of both ends
    own_start = rows(made(longer, of=distances(base="a")), "transitions", "diagrams", 2.0)
    assert own_start["value"].tolist() == pytest.approx([2.2, 2.4, 2.6])
    assert own_start["floor"].isna().all()


def test_of_other_orders_only_consecutive_checkpoints_are_known():
    found = made(course(), moves=velocities(), noise=floors(order=1.0))
    assert rows(found, "rates", "diagrams", 1.0)["value"].tolist() == [1.0, 11.0, 21.0, 31.0, 41.0, 51.0]
    assert rows(found, "rates", "diagrams", 2.0).empty
    wider = made(course(steps=np.array([0, 2, 4, 6])), moves=velocities())
    assert rows(wider, "transitions", "diagrams", 1.0).empty


def test_between_consecutive_checkpoints_the_velocity_is_read():
    found = rows(made(course(), of=distances(), moves=velocities(order=2.0)), "rates", "diagrams", 2.0)
    assert found["value"].tolist() == [1.0, 11.0, 21.0, 31.0, 41.0, 51.0]


@pytest.mark.parametrize("changed", [{"degree": 0}, {"scale": "median"}, {"layer": 2}])
def test_rows_of_another_degree_scale_or_layer_are_not_read(changed):
    found = made(course(), of=distances(**changed), moves=velocities(**changed), noise=floors(**changed))
    assert "diagrams" not in set(found["measure"])
    both = [pd.concat([make(**changed).assign(value=99.0), make()]) for make in (distances, velocities, floors)]
    plain = made(course(), of=distances(), moves=velocities(), noise=floors())
    pd.testing.assert_frame_equal(made(course(), of=both[0], moves=both[1], noise=both[2]), plain)


def test_another_series_has_windows_of_its_own():
    found = made(course(), course("b", steps=np.array([0, 4])), of=distances(), moves=velocities())
    assert set(found.loc[found["series"] == "b", "use"]) == {"transitions"}
    assert found.loc[found["series"] == "b", "measure"].tolist() == ["summaries", "loops"]


def test_no_course_is_no_window():
    assert made().empty
    assert list(made().columns) == COLUMNS


def test_shares_are_means_over_layers_of_shares():
    """Two layers: 8, 1, 1, 0 and 2, 2, 2, 2; floors of 1. A layer that does not move has no share."""
    values = {6: (8.0, 1.0, 1.0, 0.0), 12: (2.0, 2.0, 2.0, 2.0), 18: (0.0,) * 4}
    each = [("b", at, k + 1, 4 * k, 4 * k + 4, one, 1.0) for at, moved in values.items() for k, one in enumerate(moved)]
    made = pd.DataFrame(each, columns=["series", "layer", "window", "step_from", "step", "value", "floor"])
    found = shares(pd.concat([made, made.assign(series="a")], ignore_index=True))
    assert found["series"].tolist() == ["b"] * 4 + ["a"] * 4
    own = found.head(4)
    assert own[["window", "step_from", "step"]].to_numpy().tolist() == [[1, 0, 4], [2, 4, 8], [3, 8, 12], [4, 12, 16]]
    assert own["share"].tolist() == pytest.approx([(0.8 + 0.25) / 2, (0.1 + 0.25) / 2, (0.1 + 0.25) / 2, 0.125])
    assert own["floor"].tolist() == pytest.approx([(0.1 + 0.125) / 2] * 4)
    assert own["value"].tolist() == [5.0, 1.5, 1.5, 1.0]
    assert own["beyond"].tolist() == [2, 1, 1, 1]
    assert own["layers"].tolist() == [2] * 4
