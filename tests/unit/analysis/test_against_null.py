"""Velocities and bar counts beside their nulls."""

import numpy as np
import pandas as pd
import pytest

from phcore.analysis.against_null import against_null, bar_counts, beside_controls, numerical_floor


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


def test_the_null_is_the_mean_of_its_draws():
    assert against_null(curve(1.0), draws([0, 0, 0, 0, 10]))["null"].tolist() == [2.0]


def test_a_velocity_beside_both_controls_and_its_floor():
    band = pd.DataFrame({"layer": [6, 12], "step": 1, "lo": [0.5, 9.0], "hi": [1.5, 9.0]})
    controls = pd.concat([draws([5, 9, 10]).assign(kind="covariance"), draws([1, 1, 7]).assign(kind="isotropic"),
                          draws([99], layer=12).assign(kind="isotropic")])  # fmt: skip
    (row,) = beside_controls(curve(10.5).assign(lo=9.0, hi=12.0), controls, band).to_dict("records")
    assert row == {
        "series": "helpful", "step_from": 0, "step": 1, "layer": 6, "mean": 10.5, "lo": 9.0, "hi": 12.0,
        "floor_lo": 0.5, "floor_hi": 1.5, "null": 8.0, "null_lo": 5.8, "null_hi": pytest.approx(9.8), "place": "above",
        "size_alone": 3.0,
    }  # fmt: skip
    (alone,) = beside_controls(
        curve(10.5).assign(lo=9.0, hi=12.0), controls[controls["kind"] == "covariance"], band.head(0)
    ).to_dict("records")
    assert np.isnan(alone["size_alone"])
    assert np.isnan(alone["floor_hi"])


def test_the_numerical_floor_is_the_largest_mean_and_counts_a_shared_base_once():
    base = [("other", series, 0, value) for series in "ab" for value in (0.0, 1.0, 5.0)]
    values = [*base,
              ("other", "a", 4, 5.0), ("batches", "a", 4, 0.5), ("other", "b", 4, 2.0)]  # fmt: skip
    found = numerical_floor(pd.DataFrame(values, columns=["kind", "series", "step", "value"]))
    assert found.to_numpy().tolist() == [["other", 5.0, 3], ["batches", 0.5, 1]]


def test_what_has_no_null_or_no_velocity_is_left_out():
    assert against_null(curve(1.0, layer=12), draws(range(11))).empty
    assert against_null(curve(np.nan), draws(range(11))).empty
    assert against_null(curve(1.0).head(0), draws([])).empty


def test_a_velocity_without_an_interval_stands_beside_its_null_all_the_same():
    """Whole clouds have one velocity each, and no band."""
    alone = curve(9.5).assign(lo=np.nan, hi=np.nan)
    assert against_null(alone, draws(range(11)))["place"].tolist() == ["above"]


def test_bars_are_counted_by_their_mean():
    three = pd.DataFrame({"series": "a", "step": 1, "layer": 6, "subsample": range(3), "h1_count": [0, 0, 9]})
    none = pd.DataFrame(columns=["series", "step", "layer", "kind", "h1_count"])
    assert bar_counts(three, none)["bars"].tolist() == [3]


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
