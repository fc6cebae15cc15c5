"""The direction between two categories, on means that are moved and turned by hand."""

import numpy as np
import pandas as pd
import pytest

from phcore.analysis.category_directions import COLUMNS, MOST, MOVES, cosine, directions, moves


def rows(step: int, means: dict[str, list[float]], n: int = 10, off: float = 0.0) -> pd.DataFrame:
    """Halves of n prompts each, `off` the mean to either side of it along the last axis."""
    found = []
    for category, mean in means.items():
        for half, sign in enumerate((-1, 1)):
            at = np.array(mean, np.float32)
            at[-1] += sign * off
            found.append(("helpful", step, 6, category, half, n, at))
    return pd.DataFrame(found, columns=["series", "step", "layer", "category", "half", "n", "mean"])


def test_places_gap_and_cosines():
    table = pd.concat([
        rows(0, {"a": [1, 0, 0], "b": [3, 0, 0]}),
        rows(1, {"a": [1, 5, 0], "b": [5, 5, 0]}),
        rows(2, {"a": [2, 0, 0], "b": [2, 3, 0]}),
    ])  # fmt: skip
    found = directions(table, {"helpful": [0, 1, 2]})
    assert list(found) == COLUMNS
    assert found["first_at"].tolist() == pytest.approx([-0.5, -0.5, 0])
    assert found["second_at"].tolist() == pytest.approx([0.5, 1.5, 0])
    assert found["gap"].tolist() == pytest.approx([1, 2, 0])
    assert found["cosine_base"].tolist() == pytest.approx([1, 1, 0])
    assert found["cosine_before"].tolist() == pytest.approx([np.nan, 1, 0], nan_ok=True)
    assert set(found["n_first"]) == {20}


def test_a_checkpoint_by_hand():
    """Halves of unlike sizes, one series among others: every number from its definition."""
    rng = np.random.default_rng(0)
    means = {(step, name, half): rng.normal(size=3) for step in (1, 4) for name in "ab" for half in (1, 0)}
    sizes = {("a", 0): 3, ("a", 1): 5, ("b", 0): 2, ("b", 1): 7}
    values = [("x", step, 6, name, half, sizes[name, half], mean) for (step, name, half), mean in means.items()]
    values += [("y", step, 6, name, half, 1, -mean) for (step, name, half), mean in means.items()]
    table = pd.DataFrame(values, columns=["series", "step", "layer", "category", "half", "n", "mean"])
    found = directions(table, {"x": [1, 4], "y": [1, 4]})
    assert found[["series", "step"]].to_numpy().tolist() == [["x", 1], ["x", 4], ["y", 1], ["y", 4]]

    def mean(step, name):
        return sum(sizes[name, half] * means[step, name, half] for half in (0, 1)) / sum(sizes[name, h] for h in (0, 1))

    def angle(a, b):
        return a @ b / np.sqrt(a @ a * (b @ b))

    base, now = mean(1, "b") - mean(1, "a"), mean(4, "b") - mean(4, "a")
    middle = (mean(1, "a") + mean(1, "b")) / 2
    halves = [means[4, "b", half] - means[4, "a", half] for half in (0, 1)]
    row = found.iloc[1]
    told = {"first_at": (mean(4, "a") - middle) @ base / (base @ base), "gap": now @ base / (base @ base),
            "second_at": (mean(4, "b") - middle) @ base / (base @ base), "cosine_base": angle(now, base),
            "cosine_before": angle(now, base), "halves": angle(*halves), "n_first": 8, "n_second": 9}  # fmt: skip
    assert row[list(told)].to_dict() == pytest.approx(told)
    assert np.isnan(found.loc[0, "cosine_before"])


def test_halves_tell_how_sure_a_direction_is():
    sure = directions(rows(0, {"a": [0, 0], "b": [2, 0]}), {"helpful": [0]})
    assert sure["halves"].item() == pytest.approx(1)
    unlike = pd.concat([rows(0, {"a": [0, 0]}, off=1), rows(0, {"b": [2, 0]}, off=-1)])
    assert directions(unlike, {"helpful": [0]})["halves"].item() == pytest.approx(0)


def test_what_is_not_there_yet():
    later = rows(2, {"a": [0, 0], "b": [2, 0]})
    assert directions(later, {"helpful": [0, 1, 2]}).empty  # no base to be measured against
    both = pd.concat([rows(0, {"a": [0, 0], "b": [2, 0]}), later])
    found = directions(both, {"helpful": [0, 1, 2]})
    assert found["step"].tolist() == [0, 2]
    assert np.isnan(found["cosine_before"].iloc[1])
    same = directions(rows(0, {"a": [1, 1], "b": [1, 1]}), {"helpful": [0]})
    assert same[["gap", "cosine_base"]].isna().all(axis=None)
    assert directions(rows(0, {"a": [1, 1]}), {"helpful": [0]}).empty


def test_the_largest_categories_are_compared():
    parts = [rows(0, {name: [k, 1]}, n=4 + k) for k, name in enumerate("uvwxyz")]
    found = directions(pd.concat(parts), {"helpful": [0]})
    assert len(found) == MOST * (MOST - 1) // 2
    assert {*found["first"], *found["second"]} == set("wxyz")
    assert (found["first"] < found["second"]).all()


def test_a_zero_has_no_angle():
    assert np.isnan(cosine(np.zeros(2), np.ones(2)))
    assert cosine(np.array([0.1, 0]), np.array([0.1, 0.1])) == pytest.approx(0.5**0.5)


def test_moves_of_the_projection_are_those_of_the_two_largest_categories():
    table = pd.concat([
        rows(0, {"a": [0, 0, 0], "b": [2, 0, 0]}, n=10), rows(0, {"c": [0, 4, 0]}, n=3),
        rows(1, {"a": [0, 9, 0], "b": [4, 0, 0]}, n=10), rows(1, {"c": [0, 9, 0]}, n=3),
        rows(4, {"a": [-2, 0, 0], "b": [4, 0, 0]}, n=10), rows(4, {"c": [0, 9, 0]}, n=3),
    ])  # fmt: skip
    found = moves(directions(table, {"helpful": [0, 1, 4]}), {"helpful": [0, 1, 4]})
    assert list(found) == MOVES
    assert set(zip(found["first"], found["second"], strict=True)) == {("a", "b")}
    assert set(zip(found["step_from"], found["step"], strict=True)) == {(0, 1), (1, 4)}
    values = {(step, category): value for step, category, value in found[["step", "category", "value"]].to_numpy()}
    # The base's direction is 2 long: b goes from +1/2 to +3/2, a stays, and then a goes from -1/2 to -3/2.
    assert values == pytest.approx({(1, "a"): 0, (1, "b"): 1, (1, ""): 0.5, (4, "a"): 1, (4, "b"): 0, (4, ""): 0.5})
    assert moves(directions(table, {"helpful": [0, 1, 4]}), {"helpful": [0, 4]})["step"].unique().tolist() == [4]
    assert moves(pd.DataFrame(columns=COLUMNS), {"helpful": [0, 1]}).empty


def test_the_two_largest_categories_are_those_with_most_prompts_at_any_checkpoint():
    table = pd.concat([
        rows(0, {"a": [0, 0], "b": [2, 0]}, n=5), rows(0, {"c": [0, 4]}, n=4),
        rows(1, {"a": [0, 9], "b": [4, 0]}, n=2), rows(1, {"c": [0, 9]}, n=4),
    ])  # fmt: skip
    found = moves(directions(table, {"helpful": [0, 1]}), {"helpful": [0, 1]})
    assert set(zip(found["first"], found["second"], strict=True)) == {("a", "b")}


def test_the_move_of_all_prompts_weighs_categories_by_their_prompts():
    table = pd.concat([
        rows(0, {"a": [0, 0]}, n=30), rows(0, {"b": [1, 0]}, n=10), rows(1, {"a": [0, 0]}, n=30),
        rows(1, {"b": [3, 0]}, n=10),
    ])  # fmt: skip
    found = moves(directions(table, {"helpful": [0, 1]}), {"helpful": [0, 1]}).set_index("category")["value"]
    assert found.to_dict() == pytest.approx({"": 0.5, "a": 0, "b": 2})
