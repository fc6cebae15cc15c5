import pandas as pd

from phcore.charts.answers import (
    distance_answer,
    feature_answer,
    heatmap_answer,
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
