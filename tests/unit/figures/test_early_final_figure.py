import numpy as np
import pandas as pd
import pytest

from phcore.errors import Fault
from phcore.figures.early_final import _room, answer, conclusions, more, warning
from phcore.figures.figure import Choice
from phcore.figures.registry import FIGURES
from tests.unit.figures import hand_made
from tests.unit.figures.hand_made import PLAIN, Tables, among_others, drawn, given, rows

RHO = pd.Series({"rho": 0.5, "lo": -0.25, "hi": 0.75, "points": 6, "runs": 2,
                 "within": np.nan, "p_within": np.nan, "runs_within": 0, "itself": np.nan})  # fmt: skip


def early_final(points: pd.DataFrame):
    return drawn("early_final", given(points=points, correlation=RHO, metric="nll"))


@pytest.fixture
def points():
    return pd.DataFrame(
        {
            "series": ["a"] * 3 + ["b"] * 3,
            "objective": ["helpful"] * 3 + ["harmless"] * 3,
            "layer": [6, 12, 18] * 2,
            "x": [0.2, 0.2, 0.21, 0.3, 0.5, 0.4],
            "y": [1.5] * 3 + [2.5] * 3,
        }
    )


def test_colour_is_the_objective_and_shape_the_layer(points, render):
    mark = early_final(points).to_dict()["layer"][0]["encoding"]
    assert mark["shape"]["scale"]["domain"] == [6, 12, 18]
    assert len(set(mark["shape"]["scale"]["range"])) == 3
    assert mark["color"]["scale"]["domain"] == ["helpful", "harmless"]
    svg = render(early_final(points))
    for words in (">helpful<", ">layer<", ">18<"):
        assert words in svg


def changed(**values):
    """What `RHO` is with other values."""
    return pd.Series({**RHO, **values})


def test_the_answer_tells_how_many_runs():
    assert answer(given(correlation=RHO)) == (
        "Whether early movement tells the end cannot be told: rank correlation 0.50 (-0.25 to 0.75), 2 runs."
    )
    for sure in ({"lo": 0.25}, {"rho": -0.5, "lo": -0.7, "hi": -0.1}):
        assert answer(given(correlation=changed(**sure, runs=10))).startswith("Early movement goes with the end: ")
        few = answer(given(correlation=changed(**sure, runs=9)))
        assert few.startswith("Whether early movement tells the end cannot be told: ")
    assert "no interval" in answer(given(correlation=changed(lo=np.nan, hi=np.nan)))
    assert answer(given(correlation=changed(rho=np.nan))) == "Too few runs end with a known behaviour."


def test_runs_of_one_objective_decide_where_there_are_enough():
    sure = {"rho": 0.8, "lo": 0.6, "hi": 0.9, "runs": 24}
    told = changed(**sure, within=0.62, p_within=0.004, runs_within=24)
    assert answer(given(correlation=told)).replace("\u00a0", " ") == (
        "Early movement tells the end, also among runs of one objective: rank correlation 0.62, p = 0.004, 24 runs."
    )
    unseen = changed(**sure, within=0.1, p_within=0.7, runs_within=24)
    assert answer(given(correlation=unseen)).replace("\u00a0", " ") == (
        "Early movement goes with the end over all runs (rank correlation 0.80); among runs of one objective that is "
        "not seen (0.10, p = 0.7, 24 runs)."
    )
    # Neither over all runs nor among those of one objective; and too few of one objective to go by.
    neither = changed(within=0.1, p_within=0.7, runs_within=24, runs=24)
    assert answer(given(correlation=neither)).startswith("Whether early movement tells the end cannot be told")
    few = changed(**sure, within=0.9, p_within=0.01, runs_within=9)
    assert answer(given(correlation=few)).startswith("Early movement goes with the end: rank correlation 0.80 (")


def test_more_tells_of_how_many_points_and_what_the_behaviour_tells_itself():
    told = more(given(correlation=RHO, metric="nll"))
    assert told == "6 points, one per run and layer; the layers of a run share its end."
    told = more(given(correlation=changed(itself=0.934), metric="nll"))
    assert told.endswith(" itself, after the first third, goes with its end at 0.93.")
    assert told[len("6 points, one per run and layer; the layers of a run share its end. ")].isupper()


def test_early_final_of_none_one_and_nasty_names(points, render):
    for part in (points.head(0), points.set_axis([0] * 6), points.assign(y=np.nan), points.assign(objective="<b>")):
        svg = render(early_final(part), dark=True)
        assert "<b>" not in svg
        assert "reference answers" in svg or part["y"].isna().all()


# --- what is read -----------------------------------------------------------------------------------


@pytest.fixture
def results():
    """refusal ends alike in all runs; nll does not. Concentrations 0.5 and 0.7 against ends of 1 and 2."""
    table = rows("name rho predictor per", *[
        (name, rho, predictor, per) for predictor in ("concentration", "early_velocity")
        for per in ("transition", "step") for name, rho in (("refusal", np.nan), ("nll", 0.8))
    ], **PLAIN).assign(degree=1, scale="raw", lo=0.1, hi=0.9, points=2, runs=2, within=np.nan, p_within=np.nan,
                       runs_within=0, itself=np.nan)  # fmt: skip
    shares = rows("series concentration", ("b", 0.7), ("a", 0.5), per="transition", by="index", with_base=True)
    ends = rows("series step value", ("a", 1, 9.0), ("a", 4, 1.0), ("b", 4, 2.0), **PLAIN, category="", source="model")
    moved = rows("series step_from step name category value", ("a", 0, 1, "nll", "", 0.5), **PLAIN)
    velocities = rows("series step_from step subsample value", *[("a", k, k + 1, 0, 1.0) for k in range(3)])
    everywhere = shares.rename(columns={"layer": "at"}), velocities.rename(columns={"layer": "at"})
    shares, velocities = (among_others(one, number).rename(columns={"at": "layer"})
                          for one, number in zip(everywhere, ("concentration", "value"), strict=True))  # fmt: skip
    return Tables({
        "early_final": among_others(table, "rho"), "concentration": shares, "velocities": velocities,
        "behaviour": pd.concat([ends.assign(name="nll"), ends.assign(name="refusal", value=0.0)]),
        "behaviour_moves": moved,
    })  # fmt: skip


def test_early_movement_against_the_end_of_each_run(results):
    data = hand_made.read("early_final", results)
    assert data.metric == "nll"
    assert data.points[["series", "objective", "x", "y"]].to_numpy().tolist() == [
        ["a", "helpful", 0.5, 1.0], ["b", "harmless", 0.7, 2.0]
    ]  # fmt: skip
    assert data.correlation[["rho", "predictor", "per"]].tolist() == [0.8, "concentration", "transition"]
    assert len(data.every) == 8
    early = hand_made.read("early_final", results, predictor="early_velocity", per="step", final="refusal")
    assert early.correlation[["predictor", "per", "name"]].tolist() == ["early_velocity", "step", "refusal"]
    assert early.points[["series", "x", "y"]].to_numpy().tolist() == [["a", 1.0, 0.0]]
    with pytest.raises(Fault, match="early movement and a known end"):
        hand_made.read("early_final", results, final="other")
    with pytest.raises(Fault, match="has not been measured"):
        hand_made.read("early_final", Tables())


def test_ends_that_can_be_chosen_differ_between_runs(results):
    final = FIGURES["early_final"].controls[2]
    choice = Choice.of(results, layer=6)
    assert final.options(results, choice) == ["nll"]
    two = results.given["early_final"].assign(lo=np.nan, hi=np.nan)  # two runs have a rho and no interval
    assert final.options(Tables(results.given | {"early_final": two}), choice) == ["nll"]
    alike = results.given["early_final"].assign(rho=np.nan)
    assert final.options(Tables(results.given | {"early_final": alike}), choice) == ["refusal", "nll"]


@pytest.mark.parametrize(
    ("values", "domain"),
    [([1.0, 3.0], [0.8, 3.2]), ([-2.0, -2.0], [-2.2, -1.8]), ([0.0], [-1.0, 1.0]), ([], [-0.1, 1.1])],
)
def test_room_around_the_marks(values, domain):
    assert _room(pd.Series(values, dtype=float)) == pytest.approx(domain)


def test_few_runs_are_warned_of(points):
    def said(**values):
        return warning(given(correlation=changed(**values), points=points))

    assert said() == (
        "6 points, but 2 runs: the layers of a run share its end. Below 10 runs a correlation says next to nothing."
    )
    assert said(runs=9).startswith("6 points, but 9 runs")
    assert said(runs=10, runs_within=10) == ""
    assert said(runs=10, runs_within=8).endswith("needs 10 runs that share theirs with another; there are 8.")
    alone = points.assign(objective="helpful")
    assert warning(given(correlation=changed(runs=10), points=alone)) == ""


def test_conclusions_of_a_study_are_one_line_for_each_end(results):
    heading, line = conclusions(results)
    assert heading.startswith("H1 velocity in the first third")
    assert "Whether early movement tells the end cannot be told" in line  # of two runs
    chosen = results.given["early_final"].replace({"name": {"nll": "learning_rate"}})
    assert conclusions(Tables(results.given | {"early_final": chosen}))[0].startswith("No behaviour")
    alike = results.given["early_final"].iloc[:0]
    assert conclusions(Tables(results.given | {"early_final": alike})) == [
        "No behaviour at the end of the runs is known, so nothing can be told early."
    ]
