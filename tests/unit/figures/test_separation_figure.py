import numpy as np
import pandas as pd
import pytest

from phcore.analysis.objectives import objective_distance, split_half_floor, standardise
from phcore.errors import Fault
from phcore.figures import replicates
from phcore.figures.charts.channels import BREAK
from phcore.figures.registry import FIGURES
from phcore.figures.separation import (
    ENERGY,
    MEANS,
    PAIRED,
    SAME,
    _two_lines,
    answer,
    between,
    caption,
    more,
    numbers,
    quantity,
)
from tests.unit.figures import hand_made
from tests.unit.figures.hand_made import PLAIN, Tables, among_others, drawn, given, record_of, rows

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
        "helpful and harmless end farthest apart, 8.00: beyond resampling noise since step 2 (1.00)."
    )
    assert more(read(pairs, floor)) == (
        "At step 4 helpful and harmless are 8.00 apart (beyond the floor since step 2); "
        "mixed and harmless are 0.700 apart (no farther than resampling)."
    )
    low = floor.assign(hi=np.where(floor["series_a"] == "mixed", 0.6, 9.0))
    assert told(pairs, low).endswith("8.00: no farther than resampling alone (9.00).")
    other = more(read(pairs, low))
    assert "8.00 apart (no farther than resampling)" in other
    assert "0.700 apart (beyond the floor since step 2)" in other
    part = more(read(pairs, floor[floor["step"] > 0]))  # where a step has no floor, the others have
    assert "8.00 apart (beyond the floor since step 2)" in part
    assert told(pairs) == "helpful and harmless end farthest apart, 8.00."
    assert more(read(pairs)).endswith("8.00 apart; mixed and harmless are 0.700 apart.")
    assert told(pairs[pairs["series_a"] == "mixed"]) == "mixed and harmless end 0.700 apart."
    assert "apart at step 1." in more(read(pairs[(pairs["series_a"] == "mixed") | (pairs["step"] < 2)]))
    assert "yet" in told(pairs.head(0), floor)


def test_of_many_pairs_the_farthest_and_the_nearest(pairs, floor):
    many = pd.concat([pairs.assign(series_b=f"run {k}", value=pairs["value"] * k) for k in (1, 2)])
    answer = more(read(many))
    assert answer.startswith("Of 4 pairs at step 4, the farthest: helpful and run 2 are 16.0 apart")
    assert answer.endswith("the nearest: mixed and run 1 are 0.700 apart.")


def of_runs(pairs):
    """Two runs of harmless, 0.25 apart, one twice as far from the others."""
    many = pd.concat([pairs.assign(series_b=f"run {k}", value=pairs["value"] * k) for k in (1, 2)])
    within = pairs.head(4).assign(series_a="run 1", series_b="run 2", objective_a="harmless", value=0.25)
    return pd.concat([many, within], ignore_index=True)


def test_of_several_runs_objectives_are_told_apart_beside_runs_of_one(pairs):
    every = of_runs(pairs)
    within = every.tail(4)
    assert told(every) == "helpful and harmless end farthest apart, 12.0; runs of one objective 0.250."
    assert told(within) == "Runs of one objective end 0.250 apart."
    curve = between(read(every).rows)
    assert set(curve["series"]) == {"helpful – harmless", "mixed – harmless", SAME}
    last = curve[(curve["series"] == "helpful – harmless") & (curve["step"] == 4)].iloc[0]
    assert (last["mean"], last["lo"], last["hi"]) == (12.0, 8.0, 16.0)
    same = curve[curve["series"] == SAME].iloc[0]
    assert (same["series_a"], same["series_b"]) == (SAME, SAME)
    assert set(_two_lines(curve, 900)["series"]) == {"helpful – harmless", "mixed – harmless", SAME}
    narrow = {f"helpful –{BREAK}harmless", f"mixed –{BREAK}harmless", f"runs of one{BREAK}objective"}
    assert set(_two_lines(curve, 80)["series"]) == narrow


def test_runs_of_one_objective_are_drawn_by_their_name(pairs, render):
    svg = render(separation(of_runs(pairs)))
    assert SAME in svg
    assert ">helpful – run 1<" not in svg


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
    many = pd.concat([pairs.assign(series_b=f"run {k}", objective_b=f"run {k}") for k in range(5)])
    assert ">helpful – run 1<" not in render(separation(many, answer="."))
    few = pd.concat([pairs.assign(series_b=f"run {k}", objective_b=f"run {k}") for k in range(4)])
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


# --- what is read -----------------------------------------------------------------------------------


def separated():
    """Three pairs at two steps: ten times the step in summaries, the step in energy."""
    pairs = [("a", "a2", 1.0), ("a", "b", 2.0), ("a2", "b", 3.0)]
    names = "series_a series_b step distance distance_floor distance_floor_hi energy energy_floor energy_floor_hi"
    table = [(a, b, step, 10 * step * k, 5.0, 6.0, step * k, 0.5, 0.6) for a, b, k in pairs for step in (1, 2)]
    return rows(names, *table, degree=None, order=None, norm=None)


@pytest.fixture
def results():
    numbers = [name for name in separated() if "distance" in name or "energy" in name]
    return Tables({"separation": among_others(separated(), *numbers)})


@pytest.mark.parametrize(("distance", "value", "lo", "hi"), [(MEANS, 20.0, 5.0, 6.0), (ENERGY, 2.0, 0.5, 0.6)])
def test_distances_of_summaries_come_from_their_table(results, distance, value, lo, hi):
    data = hand_made.read("separation", results, distance=distance)
    one = data.rows[(data.rows["series_b"] == "a2") & (data.rows["step"] == 2)].iloc[0]
    assert (one["value"], one["lo"], one["hi"]) == (value, lo, hi)
    assert (one["objective_a"], one["objective_b"]) == ("helpful", "helpful")
    assert len(data.rows) == 6
    assert not data.one_run
    assert FIGURES["separation"].table(data).columns.tolist() == [
        "series_a", "series_b", "step", "value", "floor_lo", "floor_hi"
    ]  # fmt: skip


def test_a_distance_without_a_floor_is_shown():
    """Of fewer than four subsamples no halves can be made."""
    alone = separated().assign(distance_floor=np.nan, distance_floor_hi=np.nan)
    assert hand_made.read("separation", Tables({"separation": alone})).rows["value"].notna().sum() == 6


def test_until_the_table_is_there_distances_are_made_of_the_summaries():
    from phcore.topology.summaries import FEATURES

    cells = [(series, step, b) for series in ("a", "b") for step in (1, 2) for b in range(8)]
    table = rows("series step subsample", *cells, **PLAIN | {"layer": 6})
    rng = np.random.default_rng(0)
    numbers = {name: rng.normal(size=len(table)) + 9 * (table["series"] == "b") * table["step"] for name in FEATURES}
    table = table.assign(**numbers)
    results = Tables({"summaries": table}, record_of({"a": "helpful", "b": "harmless"}))
    one = standardise(table, 6)
    wanted = objective_distance(one, split_half_floor(one), "a", "b")
    found = hand_made.read("separation", results).rows
    assert found[["series_a", "series_b", "step"]].to_numpy().tolist() == [["a", "b", 1], ["a", "b", 2]]
    np.testing.assert_allclose(found[["value", "lo", "hi"]], wanted[["value", "floor", "floor_q95"]])


def diagrams():
    """Distances between the diagrams of series, of which some are of two steps, of the base, or unknown."""
    pairs = [("a", 1, "b", 1, 4.0), ("a", 2, "b", 2, 8.0), ("b", 2, "a", 1, 99.0), ("a", 1, "a2", 1, 2.0),
             ("base", 0, "a", 1, 1.0), ("a2", 1, "b", 1, 6.0), ("a", 4, "b", 4, float("nan"))]  # fmt: skip
    return rows("series_a step_a series_b step_b value", *pairs)


def test_distances_of_diagrams_are_those_of_the_same_step_and_order():
    noise = rows("series step subsample value", *[(name, 1, b, b / 10) for name in ("a", "b") for b in range(11)])
    tables = {"distances": among_others(diagrams(), "value"), "floors": among_others(noise, "value")}
    found = hand_made.read("separation", Tables(tables), distance=PAIRED).rows
    assert found[["series_a", "series_b", "step", "value"]].to_numpy().tolist() == [
        ["a", "a2", 1, 2.0], ["a", "b", 1, 4.0], ["a", "b", 2, 8.0], ["a2", "b", 1, 6.0]
    ]  # fmt: skip
    assert found["lo"].tolist()[:2] == pytest.approx([0.1, 0.1])
    assert found["hi"].tolist()[:2] == pytest.approx([0.9, 0.9])


def test_what_cannot_be_compared_says_why():
    with pytest.raises(Fault, match="from two series on"):
        hand_made.read("separation", Tables(record=record_of({"a": "helpful"})))
    with pytest.raises(Fault, match="no two series have this distance at layer 6, scale raw"):
        hand_made.read("separation", Tables(), distance=ENERGY)
    two = Tables({"separation": separated()}, record_of({"a": "helpful", "b": "harmless"}))
    assert hand_made.read("separation", two).one_run


def test_one_pair_of_them(results):
    first = hand_made.read("apart", results)
    assert first.rows[["series_a", "series_b", "step", "value"]].to_numpy().tolist() == [
        ["a", "a2", 1, 10.0], ["a", "a2", 2, 20.0]
    ]  # fmt: skip
    assert not first.one_run
    other = hand_made.read("apart", results, first="b", second="a")
    assert other.rows[["series_a", "series_b", "value"]].to_numpy().tolist() == [["b", "a", 20.0], ["b", "a", 40.0]]
    with pytest.raises(Fault, match="not apart from itself"):
        hand_made.read("apart", results, second="a")
    lone = separated()
    with pytest.raises(Fault, match="a and b have no finished step in common"):
        hand_made.read("apart", Tables({"separation": lone[lone["series_b"] == "a2"]}), second="b")


def test_runs_of_objectives_in_a_sentence():
    names = "step objectives runs within between pseudo_f p permutations"
    table = rows(names, (1, 2, 6, 9.0, 9.0, 9.0, 0.9, 10), (-1, 2, 6, 2.0, 4.0, 3.456, 0.1, 10_000))
    unknown = rows(names, (-1, 2, 6, 1.0, 1.0, 1.0, float("nan"), 0), layer=12)
    first = rows(names, (-1, 2, 6, 5.0, 6.0, 1.0, 0.5, 10), layer=1)
    data = hand_made.read(
        "replicates", Tables({"runs": pd.concat([first, unknown, table, table.assign(scale="median")])})
    )
    assert data.runs["layer"].tolist() == [6, 6, 1, 12]
    assert replicates.sentence(data) == (
        "Over whole runs, different objectives are 4.00 apart, runs of one objective 2.00 (p = 0.1)."
    )
    deep = hand_made.read("replicates", Tables({"runs": pd.concat([unknown, table])}), layer=12)
    assert replicates.sentence(deep) == replicates.sentence(data)  # at the layer in view nothing can be told
    assert replicates.caption(data) == (
        "Root mean square over all steps, layer 6. PERMANOVA pseudo-F 3.46, p = 0.1 (10,000 orders of 6 runs)."
    )
    with pytest.raises(Fault, match=r"one run per objective \(2 objectives\): no p-value"):
        hand_made.read("replicates", Tables({"runs": unknown}))
    with pytest.raises(Fault, match=r"one run per objective \(2 objectives\)"):
        hand_made.read("replicates", Tables({"runs": table.head(1)}))
    with pytest.raises(Fault, match="from two series on"):
        hand_made.read("replicates", Tables(record=record_of({"a": "helpful"})))
    with pytest.raises(Fault, match="no p-value"):
        hand_made.read("replicates", Tables(record=record_of({"a": "helpful", "b": "harmless"})))


@pytest.mark.parametrize(
    ("distance", "named", "said"),
    [
        (MEANS, "distance of mean summaries (resampling SDs)",
         "Euclidean distance of the 41 mean summaries, each in units of its resampling standard deviation. Grey: the "
         "same between two random halves of one cell's subsamples (n = 48, m = 24), median to 95 %. "),
        (ENERGY, "energy distance of summaries (resampling SDs)",
         "2 E|X - Y| - E|X - X'| - E|Y - Y'| of the two clouds of standardised summaries. Grey: the same between two "
         "random halves of one cell's subsamples (n = 48, m = 24), median to 95 %. "),
        (PAIRED, "H1 distance (distance)",
         "W2, ground norm 2, paired by subsample, mean. Grey: the resampling floor (n = 48, m = 24); paired distances "
         "saturate at it. "),
    ],
)  # fmt: skip
def test_each_distance_has_its_name_caption_and_numbers(pairs, distance, named, said):
    one, more = (given({"distance": distance}, rows=pairs, one_run=one) for one in (True, False))
    assert quantity(one) == named
    assert caption(one) == said + "One run per objective: an effect size, not a p-value."
    assert caption(more) == said + (
        "Subsamples overlap: they are never counted as replicates, and there is no p-value of them."
    )
    found = numbers(one)
    assert found.caption == f"{named[0].upper()}{named[1:]} by step"
    assert found.rows[0] == ["helpful – harmless", "0", "0.500", "3.00", "8.00"]
