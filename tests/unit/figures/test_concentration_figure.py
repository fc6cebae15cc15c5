import re

import numpy as np
import pandas as pd
import pytest

from phcore.errors import Fault
from phcore.figures.concentration import CORRECTIONS, answer, caption, more, numbers, warning
from phcore.figures.registry import FIGURES
from phcore.study.pairs import WALKED
from tests.unit.figures import hand_made
from tests.unit.figures.hand_made import Tables, among_others, drawn, given, record_of


def told(rows: pd.DataFrame, correction: str = "none") -> str:
    return answer(given({"correction": correction}, rows=rows))


def concentration(rows: pd.DataFrame, **look):
    return drawn("concentration", given({"correction": "none"}, rows=rows), **look)


@pytest.fixture
def rows():
    """Two runs at three layers: one exceeds its null at layers 12 and 18, the other nowhere."""
    table = pd.DataFrame(
        {
            "series": ["late"] * 3 + ['<b>"burst"</b>'] * 3,
            "objective": ["harmless"] * 3 + ["helpful"] * 3,
            "layer": [6, 12, 18] * 2,
            "concentration": [0.2, 0.25, 0.3, 0.4, 0.6, 0.812],
            "p": [0.9, 0.8, 0.4, 0.05, 0.0312, 0.00011],
        }
    )
    around = {"lo": -0.05, "hi": 0.05, "null_lo": -0.1, "null_hi": 0.1}
    table["null_mean"] = 0.33
    for name, by in around.items():
        table[name] = table["null_mean" if "null" in name else "concentration"] + by
    return table


def test_the_answer_counts_those_beyond_chance_and_names_the_largest(rows):
    assert told(rows) == (
        "In 2 of 6 courses (a run at a layer) more movement comes early than by chance: 81 % at most (33 % by chance) "
        "in the first third."
    )
    assert told(rows.assign(p=1.0)) == (
        "Nowhere does more movement come early than by chance: the first third holds 81 % at most (33 % by chance)."
    )
    correction = "Benjamini-Hochberg over series and layers"
    assert more(given({"correction": correction}, rows=rows)) == (
        "2 of 6 (series, layer) exceed the null at 5 % (Benjamini-Hochberg over series and layers): the filled dots. "
        'Largest: 81 % (76 % to 86 %), <b>"burst"</b>, layer 18; null 33 % (23 % to 43 %), p\u00a0=\u00a00.00011.'
    )
    alone = more(given({"correction": correction}, rows=rows.assign(lo=np.nan, hi=np.nan)))
    assert "Largest: 81 %, " in alone
    assert more(given({"correction": correction}, rows=rows.assign(p=np.nan))) == ""
    assert "yet" in told(rows.assign(p=np.nan))


def test_a_panel_per_objective_in_the_order_of_the_colours_deep_layers_on_top(rows):
    spec = concentration(rows).to_dict()
    assert spec["facet"]["sort"] == ["helpful", "harmless"]
    for layer in spec["spec"]["layer"]:
        assert layer["encoding"]["y"]["scale"]["domain"] == [18, 12, 6]
        assert layer["encoding"]["x"]["scale"]["domain"] == [0, 1]


def test_runs_of_an_objective_share_a_panel_beside_each_other(rows):
    runs = pd.concat([rows.head(3).assign(series=f"run {k}") for k in range(3)])
    spec = concentration(runs).to_dict()
    assert spec["facet"]["sort"] == ["harmless"]
    assert spec["columns"] == 1
    table = next(rows for rows in spec["datasets"].values() if "run" in rows[0])
    assert {row["run"] for row in table} == {1, 2, 3}
    assert all("yOffset" in layer["encoding"] for layer in spec["spec"]["layer"])


def test_panels_stand_below_each_other_where_there_is_no_room(rows):
    assert concentration(rows, width=900).to_dict()["columns"] == 2
    assert concentration(rows, width=300).to_dict()["columns"] == 1


def test_only_what_exceeds_its_null_is_filled(rows, render):
    """Each ring is a small disc on a full one; rows without p are never filled."""

    def discs(part):
        svg = render(concentration(part))
        return [len(re.findall(rf'd="M{radius}\d*,0A', svg)) for radius in (r"2\.9", r"4\.8")]  # pixels

    assert discs(rows) == [4, 6]
    assert discs(rows.assign(p=np.nan)) == [6, 6]
    assert discs(rows.assign(p=0.01)) == [0, 6]


def test_names_are_text_and_the_null_has_its_name(rows, render):
    svg = render(concentration(rows), dark=True)
    assert "<b>" not in svg
    assert svg.count(">chance<") == 2
    for words in ("Does most of the movement come early?", "helpful", "share of H1 velocity"):
        assert words in svg


def test_other_numbers_change_data_only(rows, shape):
    shapes = {shape(concentration(part, answer="It does.")) for part in (rows, rows.assign(concentration=0.9))}
    assert len(shapes) == 1


def test_colours_do_not_depend_on_the_choice(rows):
    study = ["helpful", "harmless", "other"]
    for part in (rows.head(3), rows.tail(3)):
        spec = concentration(part, objectives=study).to_dict()
        scale = spec["spec"]["layer"][-2]["encoding"]["color"]["scale"]
        colours = dict(zip(scale["domain"], scale["range"], strict=True))
        assert (colours["harmless"], colours["helpful"]) == ("#D55E00", "#0072B2")


def test_one_and_nothing_known(rows, render):
    for part in (rows.head(1), rows.assign(p=np.nan), rows.assign(lo=np.nan, hi=np.nan)):
        render(concentration(part))


# --- what is read -----------------------------------------------------------------------------------


def table():
    """Series b has no transition from the base; in a it makes 0.9 of 0.5."""
    values = [("a", True, 0.9), ("a", False, 0.5), ("b", False, 0.3), ("a2", True, np.nan)]
    numbers = {"lo": 0.2, "hi": 0.6, "null_mean": 0.3, "null_lo": 0.25, "null_hi": 0.4, "p": 0.01, "p_max": 0.02,
               "p_bh": 0.03, "transitions": 4, "permutations": 1000}  # fmt: skip
    found = hand_made.rows("series with_base concentration", *values, by="index", per="transition", null="studentised")
    return found.assign(**numbers)


@pytest.fixture
def results():
    other = {"by": "step", "per": "step", "null": "velocities"}
    both = among_others(table(), "concentration", **other)
    return Tables({"concentration": both[both["layer"] == 6]})


def test_the_base_counts_where_a_series_has_it_and_unless_it_is_left_out(results):
    data = hand_made.read("concentration", results)
    assert data.rows[["series", "objective", "concentration"]].to_numpy().tolist() == [
        ["a", "helpful", 0.9], ["b", "harmless", 0.3]
    ]  # fmt: skip
    without = hand_made.read("concentration", results, with_base=False).rows
    assert without[["series", "concentration"]].to_numpy().tolist() == [["a", 0.5], ["b", 0.3]]
    assert "with_base" not in FIGURES["concentration"].table(data)


def test_without_an_interval_or_a_null_there_is_a_concentration_all_the_same():
    alone = table().assign(lo=np.nan, hi=np.nan, p=np.nan)
    assert len(hand_made.read("concentration", Tables({"concentration": alone})).rows) == 2


@pytest.mark.parametrize(("correction", "p"), zip(CORRECTIONS, (0.02, 0.03, 0.01), strict=True))
def test_p_is_the_one_that_is_chosen(results, correction, p):
    data = hand_made.read("concentration", results, correction=correction)
    assert set(data.rows["p"]) == {p}
    assert f"p ({'no correction' if correction == 'none' else correction})" in numbers(data).header
    assert numbers(data).rows[0] == ["a", "6", "0.900", "0.200 to 0.600", "0.250 to 0.400", f"{p:.4f}"]


def test_what_is_missing_is_said():
    with pytest.raises(Fault, match="computed at the end"):
        hand_made.read("concentration", Tables())
    with pytest.raises(Fault, match="fewer than three transitions"):
        hand_made.read("concentration", Tables({"concentration": table().assign(concentration=np.nan)}))


def test_the_caption_and_what_to_beware_of(results):
    data = hand_made.read("concentration", results)
    assert caption(data) == (
        "Dots: concentration, whiskers: 95 % for another choice of prompts (n = 40 prompts, m = 12 in a subsample; not "
        "another training run). Grey: 5 to 95 % under the studentised null, moves in random order, neighbours may "
        "correlate, 1,000 times; 4 transitions per series. Filled: p below 0.05 (max-statistic over layers)."
    )
    assert warning(data) == ""
    long = [f"run {k}" for k in range(2)]
    for steps, series in ((WALKED, []), (WALKED + 1, long)):
        record = record_of(dict.fromkeys(long, "x"), range(1, steps + 1))
        beside = Tables({"concentration": table().assign(series=long[0], null="checkpoints")}, record)
        said = warning(hand_made.read("concentration", beside, null="checkpoints"))
        assert said.startswith("Where training drifts")
        assert (f"asked for ({', '.join(long)}): python -m phcore compute x --pairs all" in said) == bool(series)
    quick = given({"null": "velocities", "per": "step"}, rows=table(), longer=long)
    assert warning(quick).startswith("Per training step, with checkpoints unevenly apart")
    assert "This null walks" not in warning(quick)
    for transitions, warned in ((2, False), (3, True), ([2, 4, 2, 2], True)):
        few = table().assign(transitions=transitions)
        assert bool(warning(given({"null": "velocities", "per": "step"}, rows=few, longer=[]))) == warned


def test_at_the_level_nothing_is_beyond_chance(rows):
    said = more(given({"correction": "none"}, rows=rows.assign(p=0.05)))
    assert said.startswith("0 of 6 (series, layer) exceed the null at 5 % (no correction)")
    assert told(rows.assign(p=0.05)).startswith("Nowhere")
    assert caption(given({"correction": "none"}, rows=table().assign(transitions=[4, 3, 4, 3]))).endswith(
        "; 3, 4 transitions per series. Filled: p below 0.05 (no correction)."
    )
