import pandas as pd
import pytest

from phcore.figures.charts.answers import (
    distance_answer,
    feature_answer,
    geometry_answer,
    heatmap_answer,
    null_answer,
    path_answer,
    velocity_answer,
)

CURVE = pd.DataFrame(
    {
        "series": ["a", "a", "b", "b"],
        "layer": [6, 12, 6, 12],
        "step": [4, 4, 8, 8],
        "mean": [0.1, 0.2, 0.5, float("nan")],
    }
)
FLOOR = pd.DataFrame({"layer": [6, 12, 6], "step": [4, 4, 8], "lo": [0.05, 0.2, 0.3], "hi": [0.09, 0.3, 0.4]})


def test_velocity_names_the_largest_move_and_its_floor():
    assert velocity_answer(CURVE) == "b moves most at step 8, layer 6: 0.500."
    assert velocity_answer(CURVE, FLOOR) == (
        "b moves most at step 8, layer 6: 0.500 (floor 0.300 to 0.400); 2 of 3 moves exceed the floor."
    )
    low = CURVE.assign(mean=0.01)
    assert velocity_answer(low, FLOOR).endswith("no move exceeds the floor.")
    assert velocity_answer(CURVE.head(0)) == "No transition has a velocity yet."


def test_a_move_without_a_floor_does_not_exceed_it():
    assert "1 of 3 moves" in velocity_answer(CURVE, FLOOR[FLOOR["step"] == 8])


def test_distance_says_since_when_it_is_beyond_its_floor():
    distance = pd.DataFrame({"step": [1, 2, 4, 8], "value": [3.0, 1.0, 4.0, 5.0]})
    floor = pd.DataFrame({"step": [1, 2, 4, 8], "lo": 1.0, "hi": 2.0})
    assert distance_answer(distance, floor) == (
        "At step 8 they are 5.00 apart (floor 1.00 to 2.00), beyond the floor since step 4."
    )
    assert distance_answer(distance, floor.assign(hi=9.0)).endswith("no farther than resampling alone.")
    assert distance_answer(distance.tail(1), floor).endswith("beyond the floor since step 8.")
    assert distance_answer(distance) == "At step 8 they are 5.00 apart."
    assert distance_answer(distance.head(0)) == "No step has both objectives."


def test_heatmap_names_the_largest_cell():
    cells = CURVE.rename(columns={"mean": "value"})
    assert heatmap_answer(cells) == "Largest: 0.500 at layer 6, step 8 (b)."
    assert heatmap_answer(cells.head(0)) == "No cell has a value yet."


def test_paths_end_at_their_distance_from_base():
    paths = pd.DataFrame(
        {
            "series": ["a", "a", "b", "b", "b"],
            "step": [0, 4, 0, 4, 8],
            "x": [1.0, 4.0, 1.0, 1.0, 1.0],
            "y": [1.0, 5.0, 1.0, 1.0, 3.0],
        }
    )
    assert path_answer(paths, 1.0) == (
        "Distance from base at the last step: a 5.00 (step 4), b 2.00; the floor is 1.00."
    )
    assert feature_answer(paths) == "From (1.00, 1.00): a to (4.00, 5.00) (step 4), b to (1.00, 3.00)."
    assert path_answer(paths[paths["step"] == 0]) == "No path from the base yet."
    assert feature_answer(paths.head(0)) == "No path from the base yet."


def test_null_in_words():
    rows = [(6, 3.0, 2.0, "above"), (6, 1.0, 2.0, "below"), (12, 1.0, 2.0, "within"), (12, 5.0, 2.0, "above")]
    table = pd.DataFrame(rows, columns=["layer", "mean", "floor_hi", "place"])
    assert null_answer(table, 6) == (
        "At layer 6, 1 of 2 moves exceed their Gaussian null, 1 stay below; over all layers 2 of 4 moves exceed it, 1 "
        "stay below. 2 of 4 exceed the resampling floor."
    )
    assert null_answer(table.assign(floor_hi=float("nan")), 6).endswith("it, 1 stay below.")
    assert null_answer(table, 18) == "No transition has a velocity and a null at layer 18 yet."


@pytest.mark.parametrize(
    ("lo", "hi", "words"),
    [(0.03, 0.1, "almost all"), (0.1, 0.25, "partly"), (0.5, 0.9, "partly"), (0.76, 1.1, "hardly")],
)
def test_geometry_in_words(lo, hi, words):
    """What topology adds follows from where the whole interval lies, not from the share alone."""
    ranks = pd.DataFrame(
        {"words": ["a", "b", "c"], "rho": [0.5, -0.9, float("nan")], "lo": [0.1, -1.0, 0], "hi": [0.7, -0.8, 0],
         "transitions": 30}
    )  # fmt: skip
    shares = pd.DataFrame(
        {"scale": ["median", "raw"], "share": [0.05, 0.5], "lo": [0.01, 0.4], "hi": [0.1, 0.6], "position": 0.3,
         "beyond": lo + 0.01, "beyond_lo": lo, "beyond_hi": hi, "groups": 15}
    )  # fmt: skip
    told = geometry_answer(ranks, shares)
    assert told.startswith("Closest to velocity: b, rank correlation -0.90 (-1.00 to -0.80, n = 30 transitions).")
    assert "all seven leave 5% (1% to 10%) at scale median and 50% (40% to 60%) at scale raw unexplained" in told
    assert "15 groups" in told
    assert "layer and step alone leave 30%" in told
    assert f"geometry leaves {lo + 0.01:.0%} ({lo:.0%} to {hi:.0%}): what sets a move apart is {words} in" in told


def test_geometry_without_enough_to_go_by():
    ranks = pd.DataFrame({"words": ["a"], "rho": [0.5], "lo": [0.1], "hi": [0.7], "transitions": [4]})
    none = pd.DataFrame({"scale": ["raw"], "share": [float("nan")], "lo": [0.0], "hi": [0.0], "groups": [2]})
    assert "Too few series and layers" in geometry_answer(ranks, none)
    assert geometry_answer(ranks.assign(rho=float("nan")), none).startswith("No geometric quantity")
