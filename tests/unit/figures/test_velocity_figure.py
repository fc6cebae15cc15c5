"""Velocity by step, its floor and its numbers, from tables made by hand; and the same as a map."""

import pandas as pd
import pytest

from phcore.errors import Fault
from phcore.figures import gaussian, heatmap, reading, velocity
from phcore.figures.registry import FIGURES
from tests.unit.figures.hand_made import Tables, among_others, given, read, record_of, rows


def velocities(**same):
    """Eleven subsamples from 0 to twice their mean: 10 % of them lie below 0.2 of it, 10 % above 1.8."""
    moved = {("a", 0, 1): 10.0, ("a", 1, 2): 20.0, ("a", 2, 4): 40.0, ("b", 0, 1): 5.0, ("b", 1, 4): 6.0}
    values = [(*name, b, mean * b / 5) for name, mean in moved.items() for b in range(11)]
    return rows("series step_from step subsample value", *values, **same)


def floors(**same):
    values = [(name, step, b, b / 10 * step) for name in "ab" for step in (1, 2, 4) for b in range(11)]
    return rows("series step subsample value", *values, **same)


@pytest.fixture
def results():
    return Tables({"velocities": among_others(velocities(), "value"), "floors": among_others(floors(), "value")})


def own(table, layer=6):
    return table[table["layer"] == layer]


def test_a_curve_is_the_mean_over_subsamples_and_its_band(results):
    data = read("velocity", results, single=True)
    assert data.curve[["series", "objective", "step_from", "step"]].to_numpy().tolist() == [
        ["a", "helpful", 0, 1], ["a", "helpful", 1, 2], ["a", "helpful", 2, 4], ["b", "harmless", 0, 1],
        ["b", "harmless", 1, 4],
    ]  # fmt: skip
    assert data.curve["mean"].tolist() == pytest.approx([10, 20, 40, 5, 6])
    assert data.curve["lo"].tolist() == pytest.approx([2, 4, 8, 1, 1.2])
    assert data.curve["hi"].tolist() == pytest.approx([18, 36, 72, 9, 10.8])
    assert data.floor[["layer", "step"]].to_numpy().tolist() == [[6, 1], [6, 2], [6, 4]]
    assert data.floor["lo"].tolist() == pytest.approx([0.1, 0.2, 0.4])
    assert data.floor["hi"].tolist() == pytest.approx([0.9, 1.8, 3.6])
    assert data.shared == 0.0
    assert len(FIGURES["velocity"].table(data)) == 5


def test_all_layers_are_read_unless_one_is_asked_for(results):
    assert set(read("velocity", results).curve["layer"]) == {6, 12}
    with pytest.raises(Fault, match="there is no velocity at layer 12 yet"):
        read("velocity", Tables({"velocities": velocities()}), single=True, layer=12)
    with pytest.raises(Fault, match="no two consecutive checkpoints"):
        read("velocity", Tables())


def test_per_step_velocity_and_floor_are_divided_by_the_gap(results):
    """At step 4 end transitions of 2 and of 3 steps: the floor stands beside the shorter one."""
    data = read("velocity", results, single=True, per="step")
    assert data.curve["mean"].tolist() == pytest.approx([10, 20, 20, 5, 2])
    assert data.floor["lo"].tolist() == pytest.approx([0.1, 0.2, 0.2])
    assert data.floor["hi"].tolist() == pytest.approx([0.9, 1.8, 1.8])
    more = Tables({"velocities": velocities(), "floors": pd.concat([floors(), floors().assign(step=9)])})
    assert read("velocity", more, per="step").floor["step"].tolist() == [1, 2, 4]
    assert velocity.named(data) == "H1 velocity (distance per training step)"
    assert velocity.named(read("velocity", results, scale="median")) == "H1 velocity (distance / median distance)"


def test_the_other_layers_and_the_largest_move_of_all():
    """At layer 12 everything moves half as far; where an objective has several runs, their mean counts."""
    deep = velocities(layer=12)
    both = pd.concat([velocities(), deep.assign(value=deep["value"] / 2)])
    noise = pd.concat([floors(), floors(layer=12)])
    data = read("layers", Tables({"velocities": both, "floors": noise}))
    assert set(data.curve["layer"]) == set(data.floor["layer"]) == {12}
    assert list(data.floor) == ["layer", "step", "lo", "hi"]
    assert data.highest.to_dict() == pytest.approx({6: 40, 12: 20})
    assert velocity.layers_answer(data) == "Layer 6 moves most, by 40.0; layer 12 least, by 20.0 at most."
    second = both[both["series"] == "a"].assign(series="a2", value=0.0)
    of_runs = read("layers", Tables({"velocities": pd.concat([both, second]), "floors": noise}), layer=12)
    assert set(of_runs.curve["layer"]) == {6}
    assert of_runs.highest.to_dict() == pytest.approx({6: 20, 12: 10})
    with pytest.raises(Fault, match="this study has one layer"):
        read("layers", Tables({"velocities": velocities(), "floors": floors()}))


GREY = (
    "Grey: the resampling floor, 10 to 90 % of the distances between two subsamples of different prompts in one cloud "
    "(n = 40 prompts, m = 12 in a subsample); inside it, a velocity cannot be told from another choice of prompts."
)


def test_the_caption_says_what_the_floor_is_of(results):
    start = (
        "W2, ground norm 2 between the H1 diagrams of consecutive checkpoints, mean over subsamples; bands from 10 to "
        "90 % of them. "
    )
    assert velocity.caption(read("velocity", results)) == start + GREY
    bare = Tables({"velocities": velocities()})
    whole = "This study uses whole clouds, so there is no resampling floor to compare with."
    assert velocity.caption(read("velocity", bare)) == start + whole
    overlapping = Tables(results.given, record_of(subsample_size=30))
    assert velocity.caption(read("velocity", overlapping)).endswith(
        " With 40 prompts the two share 67 %, so this floor is too low."
    )
    assert read("velocity", Tables(results.given, record_of(subsamples=0))).shared == 0.0


def test_numbers_by_step(results):
    found = velocity.numbers(read("velocity", results, single=True))
    assert found.caption == "H1 velocity by the step that ends the transition"
    assert found.header == ["series", "layer", "1", "2", "4"]
    assert found.rows == [["a", "6", "10.0", "20.0", "40.0"], ["b", "6", "5.00", "–", "6.00"]]


def test_the_largest_field_of_the_map(results):
    data = read("heatmap", results)
    table = data.curve.assign(mean=data.curve["mean"].where(data.curve["layer"] == 6))
    assert heatmap.answer(given(curve=table.assign(lo=float("nan")))) == heatmap.answer(given(curve=table))
    assert heatmap.answer(given(curve=table)) == "The largest move is 40.0, at layer 6, step 4 (a)."
    assert heatmap.answer(given(curve=table.assign(mean=float("nan")))) == "No cell has a value yet."
    assert FIGURES["heatmap"].table(data).columns.tolist() == ["series", "layer", "step_from", "step", "mean"]


# --- what several figures read ----------------------------------------------------------------------


def test_series_and_pairs_have_their_objectives_in_the_order_of_the_study():
    table = pd.DataFrame({"series": ["b", "a2", "a", "b"], "step": [1, 2, 3, 0]})
    found = reading.labelled(Tables(), table)
    assert found.to_numpy().tolist() == [["a", 3, "helpful"], ["a2", 2, "helpful"], ["b", 1, "harmless"],
                                         ["b", 0, "harmless"]]  # fmt: skip
    pairs = reading.labelled_pairs(Tables(), pd.DataFrame({"series_a": ["a"], "series_b": ["b"]}))
    assert pairs[["objective_a", "objective_b"]].to_numpy().tolist() == [["helpful", "harmless"]]
    assert reading.distinct(table, "series") == ["b", "a2", "a"]
    assert reading.distinct(pd.concat([table, table]), "series", "step") == [("b", 1), ("a2", 2), ("a", 3), ("b", 0)]


def test_one_run_is_one_for_each_objective_and_a_copy_is_none():
    assert not reading.one_run(Tables())
    assert reading.one_run(Tables(record=record_of({"a": "helpful", "b": "harmless"})))
    record = record_of()
    for node in record.nodes:
        if node.label == "a2":
            object.__setattr__(node, "fingerprint", f"a{node.step}")
    assert reading.one_run(Tables(record=record))


def test_summaries_at_the_other_scale_are_divided_by_the_medians_of_their_cells():
    from phcore.topology.summaries import FEATURES, SCALE_DEGREE

    cells = pd.DataFrame({"series": ["a", "a"], "step": [1, 2], "layer": 6, "median_distance": [2.0, 4.0]})
    table = pd.DataFrame({"series": "a", "step": [2, 1], "layer": 6, "subsample": 0} | dict.fromkeys(FEATURES, 8.0))
    results = Tables({"summaries": table, "cells": cells})
    pd.testing.assert_frame_equal(reading.summaries(results, "raw"), table)
    other = reading.summaries(results, "median")
    for name in FEATURES:
        assert other[name].tolist() == ([2.0, 4.0] if SCALE_DEGREE[name] == 1 else [8.0, 8.0])
    assert reading.summaries(Tables(), "median").empty
    assert reading.summaries(Tables({"cells": cells}), "median").empty


# --- beside Gaussian clouds -------------------------------------------------------------------------


@pytest.fixture
def gaussians(results):
    """At layer 6 series a moves above, within and below its null, b above and within."""
    around = {("a", 0, 1): 5.0, ("a", 1, 2): 20.0, ("a", 2, 4): 90.0, ("b", 0, 1): 1.0, ("b", 1, 4): 6.0}
    null = [(*name, "covariance", k, mean + k) for name, mean in around.items() for k in (-1, 0, 1)]
    size = [(*name, "isotropic", k, 3.0) for name in around for k in (-1, 0, 1)]
    table = rows("series step_from step kind replicate value", *null, *size)
    noise = rows("series step kind subsample value", ("a", 0, "batches", 0, 0.2), ("b", 0, "batches", 0, 0.2),
                 ("a", 4, "batches", 0, 0.5), ("b", 4, "float32", 0, 0.001))  # fmt: skip
    tables = {"gaussian_velocities": among_others(table, "value"), "numerical_noise": among_others(noise, "value")}
    return Tables(results.given | tables)


def test_moves_beside_their_null_are_counted(gaussians):
    data = read("gaussian", gaussians)
    assert data.here[["series", "step", "place"]].to_numpy().tolist() == [
        ["a", 1, "above"], ["a", 2, "within"], ["a", 4, "below"], ["b", 1, "above"], ["b", 4, "within"]
    ]  # fmt: skip
    assert data.panels == {0: "helpful", 1: "harmless"}
    whole = given(every=pd.concat([data.here, data.here.assign(layer=12, place="above")]))
    assert gaussian.answer(whole) == "2 of 5 moves are larger than a Gaussian cloud would make."
    assert gaussian.more(whole) == (
        "1 of 5 moves is smaller. "
        "Over all layers 7 of 10 moves exceed their Gaussian null, 1 stay below. 10 of 10 exceed the resampling floor."
    )
    low = given(every=data.here.assign(floor_hi=10.0))
    assert gaussian.more(low).endswith(" 2 of 5 exceed the resampling floor.")
    assert gaussian.more(given(every=data.here.assign(floor_hi=float("nan")))).endswith("1 stay below.")
    partly = data.here.assign(floor_hi=data.here["floor_hi"].where(data.here["step"] > 1))
    assert gaussian.more(given(every=partly)).endswith(" 3 of 5 exceed the resampling floor.")
    assert "layer 6 yet" in gaussian.answer(given(every=data.here.head(0)))


def test_the_numerical_floor_in_words(gaussians):
    data = read("gaussian", gaussians)
    said = gaussian.caption(data)
    assert said.startswith("W2, ground norm 2 between consecutive checkpoints")
    assert "Grey: the resampling floor (n = 40 prompts, m = 12 in a subsample)." in said
    assert said.endswith(
        "Numerical floor (dotted): reading 2 checkpoints again in other batches moves them by 0.500 at most, 10.0 % of "
        "the smallest velocity here; reading 1 checkpoints again in float32 moves them by 0.00100 at most, far below "
        "any velocity here."
    )
    half = data.noise.assign(largest=0.0025).head(1)  # of 5: one in two thousand is still said
    still = gaussian._numerical(_with(data, noise=half))
    assert "0.1 % of the smallest" in still
    partly = data.here.assign(floor_hi=data.here["floor_hi"].where(data.here["step"] > 1))
    assert "Grey: the resampling floor" in gaussian.caption(_with(data, here=partly))
    none = gaussian.caption(_with(data, noise=data.noise.head(0), here=data.here.assign(floor_hi=float("nan"))))
    assert none.endswith("The numerical floor has not been measured.")
    assert "Whole clouds have no resampling floor." in none
    assert "far below" in gaussian._numerical(_with(data, here=data.here.assign(mean=0.0)))


def _with(data, **changed):
    return type(data)(**vars(data) | changed)


def test_numbers_beside_their_null(gaussians):
    found = gaussian.numbers(read("gaussian", gaussians))
    assert found.rows == [
        ["a", "10.0 (above)", "20.0 (within)", "40.0 (below)"], ["b", "5.00 (above)", "–", "6.00 (within)"]
    ]  # fmt: skip
    assert found.caption == "Velocity at layer 6 by step, and its place beside its Gaussian null"
    with pytest.raises(Fault, match="Gaussian control at layer 12 yet"):
        read("gaussian", Tables({"velocities": velocities()}), layer=12)
