import numpy as np
import pandas as pd
import pytest

from phcore.figures.charts.ranks import rank_chart


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
    spec = rank_chart(ranks, answer="It does.").to_dict()
    order = spec["layer"][-1]["encoding"]["y"]["scale"]["domain"]
    assert order == ["1 − linear CKA", "mean norm", "<b>drift</b>"]
    svg = render(rank_chart(ranks, answer="It does."))
    for words in ("What does simple geometry already say?", "It does.", "1 − linear CKA", "mean norm"):
        assert words in svg
    assert "<b>" not in svg
    assert "effective rank" not in svg


def test_every_correlation_has_its_place_on_one_axis(ranks):
    spec = rank_chart(ranks).to_dict()
    for layer in spec["layer"]:
        assert layer["encoding"]["x"]["scale"]["domain"] == [-1, 1]
    whisker = spec["layer"][2]["encoding"]
    assert (whisker["x"]["field"], whisker["x2"]["field"]) == ("lo", "hi")


def test_the_same_chart_for_other_numbers(ranks, shape):
    small = ranks.assign(name="6", shown="0.2")
    shapes = {shape(rank_chart(part, small)) for part in (ranks, ranks.assign(hi=1.0))}
    assert len(shapes) == 1


@pytest.mark.parametrize("others", [False, True])
def test_none_and_one(ranks, render, others):
    small = ranks.assign(name="6", shown="0.2") if others else None
    for part in (ranks.head(0), ranks.head(1), ranks.tail(1)):
        render(rank_chart(part, small), dark=True)
