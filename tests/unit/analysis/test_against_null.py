"""Velocities and bar counts beside their nulls."""

import numpy as np
import pandas as pd
import pytest

from phcore.analysis.against_null import against_null, bar_counts


def draws(values, series="helpful", layer=6, steps=(0, 1)):
    rows = [(series, *steps, layer, number, value) for number, value in enumerate(values)]
    return pd.DataFrame(rows, columns=["series", "step_from", "step", "layer", "replicate", "value"])


def curve(mean, series="helpful", layer=6, steps=(0, 1)):
    return pd.DataFrame([{"series": series, "layer": layer, "step_from": steps[0], "step": steps[1], "mean": mean}])


@pytest.mark.parametrize(
    ("mean", "place"), [(9.5, "above"), (9.0, "within"), (5.0, "within"), (1.0, "within"), (0.5, "below")]
)
def test_a_velocity_is_read_against_the_null_of_its_own_transition(mean, place):
    other = draws([100.0] * 11, "mixed")
    table = against_null(curve(mean), pd.concat([draws(range(11)), other]))
    assert table["place"].tolist() == [place]
    assert table.loc[0, ["null", "null_lo", "null_hi"]].tolist() == [5, 1, 9]


def test_what_has_no_null_or_no_velocity_is_left_out():
    assert against_null(curve(1.0, layer=12), draws(range(11))).empty
    assert against_null(curve(np.nan), draws(range(11))).empty
    assert against_null(curve(1.0).head(0), draws([])).empty


def test_bars_beside_those_of_both_nulls():
    summaries = pd.DataFrame(
        {
            "series": "helpful",
            "step": 0,
            "layer": [6, 6, 12],
            "subsample": [0, 1, 0],
            "h0_count": 9,
            "h1_count": [4, 6, 3],
        }
    )
    nulls = pd.DataFrame(
        {"series": "helpful", "step": 0, "layer": 6, "kind": ["isotropic", "isotropic", "covariance"],
         "h0_count": 9, "h1_count": [20, 30, 8]}
    )  # fmt: skip
    table = bar_counts(summaries, nulls).set_index("layer")
    assert table.loc[6, ["bars", "isotropic", "isotropic_lo", "isotropic_hi", "covariance"]].tolist() == [
        5,
        25,
        21,
        29,
        8,
    ]
    assert table.loc[12, "bars"] == 3
    assert table.loc[12, ["isotropic", "covariance"]].isna().all()
    assert bar_counts(summaries, nulls, degree=0)["bars"].tolist() == [9, 9]
