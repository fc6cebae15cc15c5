"""Behaviour tables and lags."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phcore.analysis import against_behaviour as b

STEPS = [0, 1, 2, 4, 8]


# --- tables -------------------------------------------------------------------------------------


def test_means_by_category():
    found = b.by_category([1.0, 3.0, np.nan, 8.0], ["x", "x", "y", None])
    assert found.to_dict("list") == {"category": ["", "x"], "value": [4.0, 2.0]}
    assert b.by_category([np.nan], ["x"]).empty


SCALARS = ["series", "step", "name", "value", "source"]


def scalar_frame(*rows):
    return pd.DataFrame(rows, columns=SCALARS)


def test_behaviour_table():
    scores = pd.DataFrame(
        [
            ("s", 0, 0, "x", -1.0, np.nan),
            ("s", 0, 1, None, -3.0, np.nan),
            ("s", 4, 0, "x", -2.0, 1.5),
            ("s", 4, 1, None, -6.0, np.nan),
        ],
        columns=["series", "step", "prompt", "category", "refusal", "nll"],
    )
    scalars = scalar_frame(
        ("s", 1, "loss", 2.0, "trainer"),
        ("s", 1, "acc", 9.0, "trainer"),
        ("s", 4, "acc", 0.5, "file"),
        ("t", 1, "acc", 7.0, "trainer"),
    )
    found = b.behaviour_table(scores, scalars)
    assert list(found) == b.BEHAVIOUR
    assert set(found.itertuples(index=False, name=None)) == {
        ("s", 0, "refusal", "", -2.0, "model"),
        ("s", 0, "refusal", "x", -1.0, "model"),
        ("s", 4, "refusal", "", -4.0, "model"),
        ("s", 4, "refusal", "x", -2.0, "model"),
        ("s", 4, "nll", "", 1.5, "model"),
        ("s", 4, "nll", "x", 1.5, "model"),
        ("s", 1, "loss", "", 2.0, "trainer"),
        ("s", 4, "acc", "", 0.5, "file"),
        ("t", 1, "acc", "", 7.0, "trainer"),
    }
    assert len(found) == 9
    with pytest.raises(ValueError, match="nll"):
        b.behaviour_table(scores, scalar_frame(("s", 1, "nll", 2.0, "file")))
    empty = b.behaviour_table(scores[:0], scalars[:0])
    assert list(empty) == b.BEHAVIOUR
    assert empty.empty


def behaviour_rows(*rows):
    """(series, step, name, value) -> behaviour rows about all prompts."""
    return pd.DataFrame([(*row[:3], "", row[3], "trainer") for row in rows], columns=b.BEHAVIOUR)


NO_JS = pd.DataFrame(columns=["series", "step_from", "step", "category", "value"])


def test_logged_values_since_the_checkpoint_before():
    logged = [("s", step, "loss", float(step)) for step in range(1, 12)]
    found = b.at_checkpoints(behaviour_rows(*logged, ("other", 1, "loss", 1.0)), {"s": [0, 1, 4, 8]})
    # 1; 2 to 4; 5 to 8. Nothing at 0, and what comes after the last checkpoint counts for none.
    assert list(zip(found["step"], found["value"], strict=True)) == [(1, 1.0), (4, 3.0), (8, 6.5)]
    late = b.at_checkpoints(behaviour_rows(*logged), {"s": [4, 8]})
    assert late["value"].tolist() == [4.0, 6.5]


def test_moves():
    js = pd.DataFrame([("s", 0, 1, "", 0.1), ("s", 0, 1, "x", 0.2)], columns=list(NO_JS))
    known = behaviour_rows(
        *[("s", step, "loss", value) for step, value in ((1, 5.0), (2, 3.0), (3, 2.0), (4, 1.0), (8, 4.0))],
        *[("s", step, "acc", value) for step, value in ((0, 0.5), (1, 0.75), (4, 0.0), (8, 1.0))],
    )
    found = b.moves(known, js, {"s": STEPS})
    assert list(found) == b.MOVES
    rows = {(r.name, r.category, r.step_from, r.step): r.value for r in found.itertuples(index=False)}
    assert rows == {
        ("js", "", 0, 1): 0.1,
        ("js", "x", 0, 1): 0.2,
        ("loss", "", 1, 2): 2.0,
        ("loss", "", 2, 4): 1.5,  # 3 to the mean of 2 and 1
        ("loss", "", 4, 8): 2.5,
        ("acc", "", 0, 1): 0.25,  # unknown at 2: no move there, nor from there
        ("acc", "", 4, 8): 1.0,
    }
    assert len(found) == len(rows)
    for rows, steps in ((known[:0], {}), (known[:0], {"s": STEPS}), (known, {"s": [0]})):
        none = b.moves(rows, NO_JS, steps)
        assert (len(none), list(none)) == (0, b.MOVES)


# --- lags ---------------------------------------------------------------------------------------


def velocities(values, steps=STEPS, series="s", layer=6, degree=1, scale="raw"):
    """A velocities table from (transitions, subsamples) values."""
    return pd.DataFrame(
        [
            (series, start, end, layer, k, degree, 2.0, 2.0, scale, value)
            for (start, end), row in zip(itertools.pairwise(steps), values, strict=True)
            for k, value in enumerate(row)
        ],
        columns=["series", "step_from", "step", "layer", "subsample", "degree", "order", "norm", "scale", "value"],
    )


def move_rows(name, values, steps=STEPS, series="s", category=""):
    pairs = itertools.pairwise(steps)
    rows = [(series, i, j, name, category, v) for (i, j), v in zip(pairs, values, strict=True) if not np.isnan(v)]
    return pd.DataFrame(rows, columns=b.MOVES)


def test_lag_by_hand():
    # Means 2, 5, 3, 4: the peak ends at step 2. The subsamples' own peaks end at 2, 2 and 8.
    v = velocities([[1, 2, 3], [6, 7, 2], [3, 3, 3], [1, 1, 10]])
    found = b.lags(v, pd.concat([move_rows("js", [0.1, 0.2, 0.3, 0.4]), move_rows("js", [9, 0, 0, 0], category="x")]))
    once = found[found["per"] == "transition"].iloc[0]
    assert (once["peak_topology"], once["peak_behaviour"]) == (2, 8)
    assert (once["peak_lo"], once["peak_hi"]) == (2, 8)
    assert (once["lag_steps"], once["lag_checkpoints"], once["resolution_steps"]) == (6, 2, 4)
    assert once["transitions"] == 4
    # Per step: 2, 5, 1.5, 1 against 0.1, 0.2, 0.15, 0.1.
    step = found[found["per"] == "step"].iloc[0]
    assert (step["peak_topology"], step["peak_behaviour"], step["lag_steps"]) == (2, 2, 0)
    assert step["resolution_steps"] == 1
    assert len(found) == 2


def test_peaks_are_sought_where_both_are_known():
    v = velocities([[9.0], [1.0], [4.0], [2.0]])
    found = b.lags(v, move_rows("loss", [np.nan, 1.0, 0.5, 0.2])).iloc[0]
    assert (found["peak_topology"], found["peak_behaviour"]) == (4, 2)
    assert (found["lag_steps"], found["lag_checkpoints"], found["transitions"]) == (-2, -1, 3)


def test_what_does_not_move_has_no_lag():
    v = pd.concat([velocities([[1.0], [2.0], [1.0], [1.0]]), velocities([[0.0]] * 4, layer=12)])
    found = b.lags(v, pd.concat([move_rows("rate", [0.0] * 4), move_rows("js", [1.0, 0, 0, 0])]))
    lag = found[found["per"] == "step"].set_index(["layer", "name"])["lag_steps"]
    assert lag[6, "js"] == -1
    assert lag[[(6, "rate"), (12, "js"), (12, "rate")]].isna().all()
    none = b.lags(v, move_rows("js", [1.0] * 4, series="another"))
    assert (len(none), list(none)) == (0, b.LAGS)
    assert b.lags(v[:0], move_rows("js", [1.0] * 4)).empty


def test_missing_velocities_are_left_out():
    v = velocities([[1, np.nan], [np.nan, np.nan], [3, 5], [2, 2]])
    found = b.lags(v, move_rows("js", [1.0, 9.0, 2.0, 1.0])).iloc[0]
    assert (found["transitions"], found["peak_topology"], found["peak_behaviour"]) == (3, 4, 4)


def test_a_subsample_that_does_not_move_has_no_peak():
    v = velocities([[0.0, 1.0, 1.0], [0.0, 5.0, 2.0], [0.0, 1.0, 1.0], [0.0, 1.0, 9.0]])
    found = b.lags(v, move_rows("js", [1.0, 9.0, 2.0, 1.0])).iloc[0]
    assert (found["peak_lo"], found["peak_hi"]) == (2, 8)


def test_lags_take_one_order():
    v = velocities([[1.0]] * 4)
    with pytest.raises(ValueError, match="2 values of order"):
        b.lags(pd.concat([v, v.assign(order=1.0)]), move_rows("js", [1.0] * 4))


@given(st.lists(st.floats(0.01, 100), min_size=4, max_size=4))
def test_behaviour_that_is_topology_has_no_lag(values):
    found = b.lags(velocities([[v, v] for v in values]), move_rows("js", values))
    assert (found[["lag_steps", "lag_checkpoints"]] == 0).all(axis=None)
