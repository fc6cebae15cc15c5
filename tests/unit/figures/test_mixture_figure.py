import numpy as np
import pandas as pd
import pytest

from phcore.figures.mixture import answer
from tests.unit.figures.hand_made import drawn, given

STEPS = [0, 1, 2, 4]


def between(rows: pd.DataFrame, **look):
    return drawn("mixture", given(rows=rows), **{"steps": STEPS} | look)


@pytest.fixture
def mixture():
    """Parts that cannot be told apart at step 1; then between them, then beyond part b."""
    return pd.DataFrame(
        {
            "series": "both", "part_a": "run a", "part_b": "run b",
            "objective": "mixed", "objective_a": "helpful", "objective_b": "harmless",
            "step": STEPS,
            "along": [np.nan, -7.0, 0.25, 1.5],
            "off": [np.nan, 0.1, 1.0, 2.0],
            "to_a": [0.0, 0.7, 2.7, 15.1],
            "to_b": [0.0, 0.8, 7.6, 5.4],
            "a_to_b": [0.0, 0.1, 10.0, 10.0],
            "floor": [1.0, 1.0, 1.0, 1.0],
        }
    )  # fmt: skip


def test_the_answer_counts_only_steps_at_which_the_parts_are_apart(mixture):
    assert answer(given(rows=mixture)) == (
        "At step 4 both lies 150% of the way from run a to run b, 2.00 off the line between them, which is 10.0 long "
        "(floor 1.00). It lies between them at 1 of the 2 steps at which they are farther apart than their floor (the "
        "filled dots)."
    )
    far_off = mixture.assign(off=30.0, to_a=30.1, to_b=30.9)
    assert "at 0 of the 2 steps" in answer(given(rows=far_off))
    assert "cannot be told" in answer(given(rows=mixture.assign(floor=99.0)))


def test_both_panels_share_the_step_and_its_selection(mixture, shape):
    spec = between(mixture, step=2).to_dict()
    params = {param["name"]: param for param in spec["params"]}
    names = [layer["name"] for panel in spec["hconcat"] for layer in panel["layer"] if "name" in layer]
    assert params["step"]["views"] == names
    assert len(set(names)) == 2
    shapes = {shape(between(mixture, step=step)) for step in (None, *STEPS)}
    assert len(shapes) == 1


def test_parts_and_distances_have_their_names(mixture, render):
    svg = render(between(mixture, step=2))
    for words in ("Does both lie between run a and run b?", ">run a<", ">run b<", ">to run a<", ">off the line<",
                  ">floor<", ">run a to run b<"):  # fmt: skip
        assert words in svg
    assert "NaN" not in svg


def test_mixture_of_one_and_nasty_names(mixture, render):
    for part in (
        mixture.set_axis([0] * len(mixture)),
        mixture.tail(1),
        mixture.assign(series="<b>", part_a="a'\"\\"),
    ):
        assert "<b>" not in render(between(part), dark=True)
