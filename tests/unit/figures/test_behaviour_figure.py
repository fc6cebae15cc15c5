import numpy as np
import pandas as pd
import pytest

from phcore.errors import Fault
from phcore.figures.behaviour import answer, caption, in_order, more, numbers
from phcore.figures.figure import Choice
from phcore.figures.registry import FIGURES
from tests.unit.figures import hand_made
from tests.unit.figures.hand_made import PLAIN, STEPS, Tables, among_others, drawn, given, record_of, rows


def behaviour(moves: pd.DataFrame, velocity: pd.DataFrame, **look):
    return drawn("behaviour", given(moves=moves, velocity=velocity, name="js"), **look)


def told(moves: pd.DataFrame, velocity: pd.DataFrame) -> str:
    return answer(given(moves=moves, velocity=velocity))


def table(column: str, **by_series) -> pd.DataFrame:
    rows = [
        (name, name, step, value)
        for name, values in by_series.items()
        for step, value in zip(STEPS[1:], values, strict=True)
    ]
    return pd.DataFrame(rows, columns=["series", "objective", "step", column])


@pytest.fixture
def velocity():
    return table("mean", helpful=[1, 5, 3, 2], harmless=[1, 5, 3, 2], mixed=[1, 2, 3, 5])


@pytest.fixture
def moves():
    """Topology peaks before behaviour in helpful, with it in harmless, after it in mixed."""
    return table("value", helpful=[0.1, 0.2, 0.5, 0.1], harmless=[0.1, 0.5, 0.2, 0.1], mixed=[0.5, 0.2, 0.1, 0.1])


def test_the_answer_counts_which_peak_is_first(moves, velocity):
    assert told(moves, velocity) == "Topology peaks first in 1 of 3 runs, last in 1."
    assert more(given(moves=moves, velocity=velocity)) == (
        "Steps of the two peaks: harmless 2 against 2, helpful 2 against 4, mixed 8 against 1."
    )
    many = [pd.concat([t.assign(series=t["series"] + f" {k}") for k in (1, 2)]) for t in (moves, velocity)]
    assert told(*many) == "Topology peaks first in 2 of 6 runs, last in 2."
    assert more(given(moves=many[0], velocity=many[1])) == "Median step of the peaks: 2 against 2."
    assert told(moves[moves["series"] == "helpful"], velocity) == "Topology peaks first in 1 of 1 runs, last in 0."
    for part in (moves.head(0), moves.assign(value=0.0), moves.assign(value=np.nan)):
        assert "yet" in told(part, velocity)


def test_the_lines_from_the_peaks_of_topology_reach_both_panels_and_take_turns(moves, velocity):
    spec = behaviour(moves, velocity).to_dict()
    upper, lower = (panel["layer"][0] for panel in spec["vconcat"])
    assert upper["mark"]["type"] == lower["mark"]["type"] == "rule"
    rows = spec["datasets"][lower["data"]["name"]]
    found = {row["series"]: (row["step"], row["before"], row["pause"]) for row in rows}
    assert found == {"harmless": (2, 0, 6), "helpful": (2, 6, 6), "mixed": (8, 0, 6)}
    assert upper["data"] == lower["data"]


def test_both_panels_share_the_step_and_playing_changes_data_only(moves, velocity, shape):
    spec = behaviour(moves, velocity, step=2).to_dict()
    params = {param["name"]: param for param in spec["params"]}
    names = [layer["name"] for panel in spec["vconcat"] for layer in panel["layer"] if "name" in layer]
    assert params["step"]["views"] == names
    assert len(set(names)) == 2
    shapes = {shape(behaviour(moves, velocity, step=step)) for step in (None, *STEPS)}
    assert len(shapes) == 1


def test_behaviour_of_none_one_seeds_and_nasty_names(moves, velocity, render):
    seeds = [pd.concat([t, t.assign(series=t["series"] + " 2")]) for t in (moves, velocity)]
    for a, b in (
        (moves.head(0), velocity.head(0)),
        (moves.head(0), velocity),
        (moves.head(1), velocity.head(1)),
        (moves.set_axis([0] * len(moves)), velocity.set_axis([0] * len(velocity))),
        (moves.assign(series="<b>", objective="<b>"), velocity.assign(lo=velocity["mean"] - 1, hi=np.nan)),
        seeds,
    ):
        svg = render(behaviour(a, b), dark=True)
        assert "<b>" not in svg
        assert "next tokens (Jensen-Shannon divergence, nats)" in svg
    lines = [layer for layer in behaviour(*seeds).to_dict()["vconcat"][0]["layer"] if layer["mark"]["type"] == "line"]
    assert len(lines) == 2  # single runs behind their mean


# --- what is read -----------------------------------------------------------------------------------


@pytest.fixture
def results():
    """Refusal moves by 0.3 and 0.6, next tokens by 0.1 and 0.2; velocity of 10 and 40, the second over three steps."""
    steps = [("b", 0, 1, 1.0), ("a", 0, 1, 1.0), ("a", 1, 4, 2.0)]
    of = (("refusal", "", 0.3), ("js", "harmful", 9.0), ("js", "", 0.1), ("acc", "", 7.0))
    moved = [(*one[:3], name, category, size * one[3]) for name, category, size in of for one in steps]
    moved += [("a", 4, 8, "js", "", np.nan), ("a", 4, 8, "strange", "", np.nan), ("a", 4, 8, "js", "rare", np.nan)]
    velocities = rows("series step_from step subsample value", ("a", 0, 1, 0, 10.0), ("a", 1, 4, 0, 40.0))
    slack = rows("series step_from step category value slack", ("a", 0, 1, "", 0.1, 0.001),
                 ("a", 1, 4, "", 0.1, 0.002), ("a", 0, 1, "harmful", 0.1, 9.0), **PLAIN)  # fmt: skip
    return Tables({
        "velocities": among_others(velocities, "value"), "divergence": slack,
        "behaviour_moves": rows("series step_from step name category value", *moved, **PLAIN),
    })  # fmt: skip


def test_next_tokens_of_all_prompts_are_read_unless_others_are_chosen(results):
    data = hand_made.read("behaviour", results)
    assert (data.name, data.slack) == ("js", 0.002)
    assert data.moves[["series", "step", "value"]].to_numpy().tolist() == [["a", 1, 0.1], ["a", 4, 0.2], ["b", 1, 0.1]]
    assert data.velocity["mean"].tolist() == [10.0, 40.0]
    other = hand_made.read("behaviour", results, behaviour="refusal", per="step")
    assert np.isnan(other.slack)
    assert other.moves["value"].tolist() == pytest.approx([0.3, 0.2, 0.3])
    assert other.velocity["mean"].tolist() == pytest.approx([10.0, 40 / 3])
    harmful = hand_made.read("behaviour", results, category="harmful")
    assert (harmful.slack, harmful.moves["value"].tolist()) == (9.0, [9.0, 18.0, 9.0])


def test_behaviour_that_is_missing_is_said_to_be_so(results):
    with pytest.raises(Fault, match="has not been measured for this study"):
        hand_made.read("behaviour", Tables())
    with pytest.raises(Fault, match="no transition has both"):
        hand_made.read("behaviour", results, behaviour="other")
    deep = results.given["velocities"].query("layer == 12").assign(order=2.0, degree=1, scale="raw")
    with pytest.raises(Fault, match="no transition has both"):
        hand_made.read("behaviour", Tables(results.given | {"velocities": deep}))


def test_behaviours_and_categories_that_can_be_chosen(results):
    name, category, _ = FIGURES["behaviour"].controls
    choice = Choice.of(results, behaviour="js")
    assert name.options(results, choice) == ["js", "refusal", "acc"]
    assert category.options(results, choice) == ["", "harmful"]
    assert category.options(results, Choice.of(results, behaviour="refusal")) == [""]
    assert (category.words(""), category.words("harmful")) == ("all", "harmful")
    assert in_order(pd.Series(["learning_rate", "zeal", "nll", "acc", "refusal", "nll"])) == [
        "refusal", "nll", "acc", "zeal", "learning_rate"
    ]  # fmt: skip


def test_projections_at_the_layer_are_a_behaviour_beside_the_others(results):
    moved = rows("series step_from step category value", ("a", 0, 1, "", 0.25), ("a", 1, 4, "", np.nan),
                 **PLAIN | {"layer": 6})  # fmt: skip
    moved = pd.concat([moved.assign(layer=12, value=9.0), moved])
    both = Tables(results.given | {"projection_moves": moved})
    name, *_ = FIGURES["behaviour"].controls
    assert name.options(both, Choice.of(both, layer=6)) == ["js", "refusal", "projection", "acc"]
    assert hand_made.read("behaviour", both, behaviour="projection").moves["value"].tolist() == [0.25]


def test_both_quantities_in_words(results):
    assert caption(hand_made.read("behaviour", results)) == (
        "Above: H1 velocity (distance), layer 6; below: next tokens (Jensen-Shannon divergence, nats), between "
        "consecutive checkpoints. Lines are means over an objective's runs; rings: their largest moves. From the 512 "
        "most probable tokens; all others could add 0.002 nats at most. Behaviour is read at the last token of the "
        "prompt, as the hidden states are."
    )
    mean = Tables(results.given, record_of(pooling="mean"))
    per_step = caption(hand_made.read("behaviour", mean, behaviour="refusal", per="step"))
    assert "(distance) per step, layer 6; below: refusal score (ln probability) per step, between" in per_step
    assert "512" not in per_step
    assert per_step.endswith("a hidden state is the mean over the prompt's own text.")
    found = numbers(hand_made.read("behaviour", results))
    assert found.caption == "Next tokens (Jensen-Shannon divergence, nats), by step"
    assert found.rows == [["a", "0.100", "0.200"], ["b", "0.100", "–"]]


def test_four_series_are_named_and_five_are_summed_up(moves, velocity):
    one = [t[t["series"] == "helpful"] for t in (moves, velocity)]
    four, five = ([pd.concat([t.assign(series=f"run {k}") for k in range(n)]) for t in one] for n in (4, 5))
    assert "run 3 2 against 4." in more(given(moves=four[0], velocity=four[1]))
    assert more(given(moves=five[0], velocity=five[1])) == "Median step of the peaks: 2 against 4."
