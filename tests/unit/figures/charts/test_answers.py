import pandas as pd

from phcore.figures import gaussian
from phcore.figures.charts.curves import distance_answer, exceeding, velocity_answer
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
    assert velocity_answer(CURVE) == "b moves most at step 8, layer 6, by 0.500."
    assert velocity_answer(CURVE, FLOOR) == (
        "b moves most at step 8, layer 6, by 0.500: more than other prompts would make it (0.300 to 0.400)."
    )
    low = CURVE.assign(mean=0.01)
    assert velocity_answer(low, FLOOR).endswith(
        "by 0.0100: no more than other prompts would make it (0.0500 to 0.0900)."
    )
    assert velocity_answer(CURVE.head(0)) == "No transition has a velocity yet."


def test_of_several_runs_the_mean_moves():
    runs = pd.DataFrame({"series": ["a", "b", "c"], "objective": ["x", "x", "y"], "layer": 6, "step": 4,
                         "mean": [1.0, 4.0, 3.0]})  # fmt: skip
    assert velocity_answer(runs) == "y moves most at step 4, by 3.00."
    assert velocity_answer(runs.head(2)) == "x moves most at step 4, by 2.50."


def test_a_move_without_a_floor_does_not_exceed_it():
    assert exceeding(CURVE, FLOOR) == "2 of 3 moves of single runs exceed the floor."
    assert exceeding(CURVE, FLOOR[FLOOR["step"] == 8]).startswith("1 of 3 moves")
    assert exceeding(CURVE.assign(mean=0.01), FLOOR).startswith("0 of 4 moves")
    assert exceeding(CURVE) == exceeding(CURVE.head(0), FLOOR) == ""


def test_distance_says_since_when_it_is_beyond_its_floor():
    distance = pd.DataFrame({"step": [1, 2, 4, 8], "value": [3.0, 1.0, 4.0, 5.0]})
    floor = pd.DataFrame({"step": [1, 2, 4, 8], "lo": 1.0, "hi": 2.0})
    assert distance_answer(distance, floor) == (
        "At step 8 they are 5.00 apart, beyond resampling noise (2.00) since step 4."
    )
    assert distance_answer(distance, floor.assign(hi=9.0)).endswith("no farther than resampling alone, 9.00.")
    assert distance_answer(distance.tail(1), floor).endswith("beyond resampling noise (2.00) since step 8.")
    assert distance_answer(distance) == "At step 8 they are 5.00 apart."
    assert distance_answer(distance.head(0)) == "No step has both objectives."


def test_null_in_words():
    rows = [(6, 3.0, 2.0, "above"), (6, 1.0, 2.0, "below"), (12, 1.0, 2.0, "within"), (12, 5.0, 2.0, "above")]
    table = pd.DataFrame(rows, columns=["layer", "mean", "floor_hi", "place"])
    assert gaussian.answer(given({"layer": 6}, every=table)) == (
        "1 of 2 moves is larger than a Gaussian cloud would make."
    )
    assert gaussian.more(given({"layer": 6}, every=table)) == (
        "1 of 2 moves is smaller. "
        "Over all layers 2 of 4 moves exceed their Gaussian null, 1 stay below. 2 of 4 exceed the resampling floor."
    )
    unknown = given({"layer": 6}, every=table.assign(floor_hi=float("nan")))
    assert gaussian.more(unknown).endswith("null, 1 stay below.")
    for places, words in ((["above"] * 4, "All 2 moves are larger"), (["within"] * 4, "None of 2 moves is larger")):
        assert gaussian.answer(given({"layer": 6}, every=table.assign(place=places))).startswith(words)
    none = gaussian.answer(given({"layer": 18}, every=table))
    assert none == "No transition has a velocity and a null at layer 18 yet."
