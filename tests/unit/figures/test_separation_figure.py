import numpy as np
import pandas as pd
import pytest

from phcore.figures.separation import answer
from tests.unit.figures.hand_made import drawn, given

STEPS = [0, 1, 2, 4]
PAIR = ["series_a", "series_b", "step"]


def read(pairs: pd.DataFrame, floor: pd.DataFrame | None = None):
    """As the figure reads them: each pair with its own floor."""
    floor = pairs[PAIR].assign(lo=np.nan, hi=np.nan) if floor is None else floor
    return given(rows=pairs.merge(floor.drop_duplicates(PAIR), "left", on=PAIR))


def told(pairs: pd.DataFrame, floor: pd.DataFrame | None = None) -> str:
    return answer(read(pairs, floor))


def separation(pairs: pd.DataFrame, floor: pd.DataFrame | None = None, **look):
    return drawn("separation", read(pairs, floor), **{"steps": STEPS} | look)


@pytest.fixture
def pairs():
    """helpful and harmless part at step 2, helpful and mixed never."""
    far = {"helpful": [0.0, 0.5, 3.0, 8.0], "mixed": [0.0, 0.5, 0.9, 0.7]}
    rows = [(a, "harmless", a, "harmless", step, far[a][at]) for a in far for at, step in enumerate(STEPS)]
    columns = ["series_a", "series_b", "objective_a", "objective_b", "step", "value"]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture
def floor(pairs):
    return pairs[["series_a", "series_b", "step"]].assign(lo=0.5, hi=1.0)


def test_each_pair_is_judged_by_its_own_floor(pairs, floor):
    assert told(pairs, floor) == (
        "At step 4 helpful and harmless are 8.00 apart (beyond the floor since step 2); "
        "mixed and harmless are 0.700 apart (no farther than resampling)."
    )
    low = floor.assign(hi=np.where(floor["series_a"] == "mixed", 0.6, 9.0))
    other = told(pairs, low)
    assert "8.00 apart (no farther than resampling)" in other
    assert "0.700 apart (beyond the floor since step 2)" in other
    assert "floor" not in told(pairs)
    assert "apart at step 1." in told(pairs[(pairs["series_a"] == "mixed") | (pairs["step"] < 2)])
    assert "yet" in told(pairs.head(0), floor)


def test_of_many_pairs_the_farthest_and_the_nearest(pairs, floor):
    many = pd.concat([pairs.assign(series_b=f"run {k}", value=pairs["value"] * k) for k in (1, 2)])
    answer = told(many)
    assert answer.startswith("Of 4 pairs at step 4, the farthest: helpful and run 2 are 16.0 apart")
    assert answer.endswith("the nearest: mixed and run 1 are 0.700 apart.")


def test_a_line_has_the_colours_of_both_and_its_name(pairs, floor, render):
    chart = separation(pairs, floor, step=2)
    rows = next(rows for rows in chart.to_dict()["datasets"].values() if "kind" in rows[0])
    colours = {(row["colour_a"], row["colour_b"]) for row in rows if row["kind"] == "curve"}
    assert colours == {("#0072B2", "#D55E00"), ("#009E73", "#D55E00")}
    svg = render(chart)
    for words in ("helpful – harmless", "mixed – harmless", ">floor<", "step 2", "resampling SDs", "training step"):
        assert words in svg


def test_long_names_have_two_lines_and_many_pairs_none(pairs, render):
    long = pairs.assign(series_a=pairs["series_a"] + " of a long run", series_b="another long run")
    svg = render(separation(long, answer="."))
    assert ">helpful of a long run –<" in svg
    assert ">another long run<" in svg
    many = pd.concat([pairs.assign(series_b=f"run {k}") for k in range(5)])
    assert ">helpful – run 1<" not in render(separation(many, answer="."))
    few = pd.concat([pairs.assign(series_b=f"run {k}") for k in range(4)])
    assert ">helpful – run 1<" in render(separation(few, answer="."))


def test_the_band_covers_the_floors_of_all_pairs(pairs, floor):
    wide = floor.assign(hi=np.where(floor["series_a"] == "mixed", 2.0, 1.0))
    rows = next(r for r in separation(pairs, wide).to_dict()["datasets"].values() if "kind" in r[0])
    assert {(row["lo"], row["hi"]) for row in rows if row["kind"] == "floor"} == {(0.5, 2.0)}


def test_playing_the_steps_changes_data_only(pairs, floor, shape):
    shapes = {shape(separation(pairs, floor, step=step)) for step in (None, *STEPS)}
    assert len(shapes) == 1


def test_separation_of_none_one_and_nasty_names(pairs, floor, render):
    for part in (
        pairs.head(0),
        pairs.set_axis([0] * len(pairs)),
        pairs.assign(value=np.nan),
        pairs.assign(series_a="<b>&"),
    ):
        for below in (None, floor):
            svg = render(separation(part, below), dark=True)
            assert "<b>" not in svg
