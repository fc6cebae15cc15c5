import pandas as pd

from phcore.figures import gaussian
from phcore.figures.charts.curves import distance_answer, velocity_answer
from tests.unit.figures.hand_made import given

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


def test_null_in_words():
    rows = [(6, 3.0, 2.0, "above"), (6, 1.0, 2.0, "below"), (12, 1.0, 2.0, "within"), (12, 5.0, 2.0, "above")]
    table = pd.DataFrame(rows, columns=["layer", "mean", "floor_hi", "place"])
    assert gaussian.answer(given({"layer": 6}, every=table)) == (
        "At layer 6, 1 of 2 moves exceed their Gaussian null, 1 stay below; over all layers 2 of 4 moves exceed it, 1 "
        "stay below. 2 of 4 exceed the resampling floor."
    )
    assert gaussian.answer(given({"layer": 6}, every=table.assign(floor_hi=float("nan")))).endswith("it, 1 stay below.")
    none = gaussian.answer(given({"layer": 18}, every=table))
    assert none == "No transition has a velocity and a null at layer 18 yet."
