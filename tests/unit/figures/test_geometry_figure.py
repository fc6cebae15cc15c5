import numpy as np
import pandas as pd
import pytest

from phcore.analysis.against_geometry import ALL_LAYERS
from phcore.errors import Fault
from phcore.figures.geometry import answer, caption, more, numbers, rest, warning
from phcore.figures.registry import FIGURES
from phcore.formatting import percent
from tests.unit.figures import hand_made
from tests.unit.figures.hand_made import Tables, drawn, given, rows

NO_SHARES = pd.DataFrame({"share": []})


def geometry(pooled: pd.DataFrame, single: pd.DataFrame | None = None):
    both = [pooled.assign(layer=ALL_LAYERS)] if single is None else [pooled.assign(layer=ALL_LAYERS), single]
    return drawn("geometry", given(pooled=pooled, ranks=pd.concat(both), shares=NO_SHARES))


@pytest.fixture
def ranks():
    return pd.DataFrame(
        {
            "words": ["mean norm", "1 − linear CKA", "<b>drift</b>", "effective rank"],
            "rho": [0.2, 0.93, -0.4, np.nan],
            "lo": [-0.1, 0.84, -0.7, np.nan],
            "hi": [0.5, 0.97, 0.0, np.nan],
            "transitions": 30,
        }
    )


def test_the_strongest_stands_on_top_and_the_unknown_nowhere(ranks, render):
    spec = geometry(ranks).to_dict()
    order = spec["layer"][-1]["encoding"]["y"]["scale"]["domain"]
    assert order == ["1 − linear CKA", "mean norm", "<b>drift</b>"]
    svg = render(geometry(ranks))
    for words in ("What does simple geometry already say?", "goes most closely with", "1 − linear CKA", "mean norm"):
        assert words in svg
    assert "<b>" not in svg
    assert "effective rank" not in svg


def test_every_correlation_has_its_place_on_one_axis(ranks):
    spec = geometry(ranks).to_dict()
    for layer in spec["layer"]:
        assert layer["encoding"]["x"]["scale"]["domain"] == [-1, 1]
    whisker = spec["layer"][2]["encoding"]
    assert (whisker["x"]["field"], whisker["x2"]["field"]) == ("lo", "hi")


def test_the_same_chart_for_other_numbers(ranks, shape):
    small = ranks.assign(layer=6)
    shapes = {
        shape(geometry(part, small)) for part in (ranks, ranks.assign(hi=ranks["hi"].where(ranks["rho"] > 0.5, 1.0)))
    }
    assert len(shapes) == 1


@pytest.mark.parametrize("others", [False, True])
def test_one(ranks, render, others):
    small = ranks.assign(layer=6) if others else None
    for part in (ranks.head(1), ranks.tail(2)):
        render(geometry(part, small), dark=True)


@pytest.mark.parametrize(
    ("lo", "hi", "words"),
    [
        (0.03, 0.1, "almost all"),
        (0.1, 0.25, "partly"),
        (0.5, 0.9, "partly"),
        (0.75, 0.9, "partly"),
        (0.76, 1.1, "hardly"),
    ],
)
def test_geometry_in_words(lo, hi, words):
    """What topology adds follows from where the whole interval lies, not from the share alone."""
    ranks = pd.DataFrame(
        {"words": ["a", "b", "c"], "rho": [0.5, -0.9, float("nan")], "lo": [0.1, -1.0, 0], "hi": [0.7, -0.8, 0],
         "transitions": 30}
    )  # fmt: skip
    shares = pd.DataFrame(
        {"scale": ["median", "raw"], "share": [0.05, 0.5], "lo": [0.01, 0.4], "hi": [0.1, 0.6], "position": [0.3, 9],
         "beyond": [lo + 0.01, 9], "beyond_lo": [lo, 9], "beyond_hi": [hi, 9], "groups": [15, 9]}
    )  # fmt: skip
    data = given(pooled=ranks, shares=shares)
    assert answer(data) == (
        "Velocity goes most closely with b: rank correlation -0.90 (-1.00 to -0.80), where 1 would be the same."
    )
    told = more(data)
    assert "all seven leave 5 % (1 % to 10 %) at scale median and 50 % (40 % to 60 %) at scale raw unexplained" in told
    assert "15 groups" in told
    assert "layer and step alone leave 30 %" in told
    left = f"it leaves {percent(lo + 0.01)} ({percent(lo)} to {percent(hi)}) of what layer and step do not tell."
    assert rest(data) == f"{words.capitalize()}: {left}"
    exact = given(pooled=ranks, shares=shares.assign(beyond=float("nan")))  # layer and step leave nothing
    assert (more(exact), rest(exact)) == (told, "")


def test_geometry_without_enough_to_go_by():
    ranks = pd.DataFrame({"words": ["a"], "rho": [0.5], "lo": [0.1], "hi": [0.7], "transitions": [4]})
    none = pd.DataFrame({"scale": ["raw"], "share": [float("nan")], "lo": [0.0], "hi": [0.0], "groups": [2]})
    assert "Too few series and layers" in more(given(pooled=ranks, shares=none))
    assert rest(given(pooled=ranks, shares=none)) == ""
    assert answer(given(pooled=ranks.assign(rho=float("nan")), shares=none)).startswith("No geometric quantity")


# --- what is read -----------------------------------------------------------------------------------


def test_correlations_of_all_layers_and_of_single_ones():
    """The layer is not among what is asked for: all of them are."""
    names = ("cka_distance", "mean_norm")
    quantities = [(layer, name, 0.1 * layer + k) for layer in (ALL_LAYERS, 6) for k, name in enumerate(names)]
    table = rows("layer quantity rho", *quantities, lo=0.0, hi=0.5, transitions=9)
    share = rows("scale share lo hi position beyond beyond_lo beyond_hi groups", *[
        (scale, value, 0.0, 1.0, 0.3, 0.2, 0.1, 0.3, 6) for scale, value in (("median", 0.4), ("raw", 0.5))
    ], rows=9)  # fmt: skip
    wrong = [share.assign(degree=0, share=9.0), share.assign(order=1.0, share=9.0)]
    results = Tables({
        "geometry_velocity": pd.concat([table.assign(**one, rho=9.0) for one in ({"degree": 0}, {"order": 1.0},
                                        {"scale": "median"})] + [table], ignore_index=True),
        "unexplained": pd.concat([*wrong, share], ignore_index=True),
    })  # fmt: skip
    data = hand_made.read("geometry", results)
    assert data.ranks["rho"].tolist() == pytest.approx([-0.1, 0.9, 0.6, 1.6])
    assert data.pooled["rho"].tolist() == pytest.approx([-0.1, 0.9])
    assert data.shares[["scale", "share"]].to_numpy().tolist() == [["raw", 0.5], ["median", 0.4]]
    assert "at scale raw, all layers" in caption(data).replace("velocity at scale", "at scale")
    assert FIGURES["unexplained"].table(data).columns.tolist()[:2] == ["scale", "share"]
    unknown = table.assign(rho=table["rho"].where(table["layer"] == 6))
    with pytest.raises(Fault, match="no geometric quantity can be compared"):
        hand_made.read("geometry", Tables({"geometry_velocity": unknown}))


def test_few_transitions_are_warned_of(ranks):
    assert warning(given(pooled=ranks.assign(transitions=[9, 10, 3, 3]))) == ""
    assert warning(given(pooled=ranks.assign(transitions=[9, 3, 3, 3]))).startswith("Only 9 transitions: ")


def test_correlations_in_numbers(ranks):
    assert numbers(given(pooled=ranks)).rows[0] == ["mean norm", "0.20", "-0.10 to 0.50"]
