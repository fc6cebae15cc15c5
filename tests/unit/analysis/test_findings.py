"""What verdicts read, and what they say, on tables made by hand for each of them."""

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from phcore.analysis import findings as f
from phcore.analysis import readings
from phcore.analysis.readings import MEANS, Subject
from phcore.stages.registry import tables as documented

SCALE, ORDER = "raw", 2.0
SERIES = ("helpful", "harmless", "mixed")
LAYERS = (1, 2)
STEPS = (0, 1, 2, 4, 8, 12, 16)
EARLY, FLAT = (8.0, 1.0, 1.0, 1.0), (1.0, 1.0, 1.0, 1.0)
BURST, EVEN = (20.0, 1.0, 1.0, 1.0, 1.0, 1.0), (1.0,) * 6
LATE = BURST[::-1]
FLOOR = 0.1


def windows(quarters=EARLY, rates=BURST, velocities=(1.0, 2.0, 3.0, 4.0, 5.0, 6.0), series=SERIES, layers=LAYERS,
            floor=FLOOR, scale=SCALE, order=ORDER, wiggle=0.01):  # fmt: skip
    """The table `windows`: the same displacements in summaries, loops and diagrams, hardly different by run."""
    rows = []
    for number, name in enumerate(series):
        for layer in layers:
            for use, values, length in (("quarters", quarters, 4), ("rates", rates, 2), ("transitions", velocities, 0)):
                ends = STEPS if use == "transitions" else [length * k for k in range(len(values) + 1)]
                for k, value in enumerate(values):
                    for measure, at in (("summaries", 0.0), ("loops", 0.0), ("diagrams", order)):
                        moved = value * (1 + wiggle * number * (k == 0))
                        label = (name, layer, scale, use, "steps", k + 1, ends[k], ends[k + 1])
                        rows.append((*label, measure, at, moved, floor))
    return pd.DataFrame(rows, columns=list(documented()["windows"].columns))


def separation(gap=8.0, each=3, objectives=3, growth=(0.0, 0.2, 0.4, 0.6, 0.8, 1.0), scale=SCALE, seed=0):
    """Distances between runs on a plane, where objectives part as ``growth`` says; and the objective of each run."""
    rng = np.random.default_rng(seed)
    own = {f"o{k % objectives} {k // objectives}": f"o{k % objectives}" for k in range(each * objectives)}
    places = {name: rng.normal(size=12) for name in own}
    rows = []
    names = list(own)
    for share, step in zip(growth, STEPS[1:], strict=True):
        here = {name: places[name] + gap * share * np.eye(12)[int(own[name][1])] for name in own}
        rows += [
            (a, b, step, layer, scale, np.linalg.norm(here[a] - here[b]))
            for i, a in enumerate(names) for b in names[i + 1:] for layer in LAYERS
        ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["series_a", "series_b", "step", "layer", "scale", "distance"])
    return table.reindex(columns=list(documented()["separation"].columns)), own


def halfway(later=(-2.0, 0.0), series=SERIES, layers=LAYERS, scale=SCALE, **columns):
    rows = [
        {"series": name, "layer": layer, "scale": scale, "topology": 8 + move, "behaviour": 8.0, "error": 0.1,
         "slack": 0.0, "resolution": 2.0, "last": 16, "moved": True, "checkpoints": 6} | columns
        for name in series for layer, move in zip(layers, later, strict=True)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(documented()["halfway"].columns))


def subject(tables=None, objectives=None, copies=(), name="base", base="weights", steps=STEPS, n_layers=2):
    """copies : series that have the weights of the first one."""
    own = objectives or {one: one for one in SERIES}
    empty = {one.name: pd.DataFrame(columns=list(one.columns)) for one in documented().values()}
    run_of = {one: next(iter(own)) if one in copies else one for one in own}
    return Subject(name, base, n_layers, dict.fromkeys(own, steps), own, run_of, (empty | (tables or {})).__getitem__)


def found(claim, tables=None, beside=(), **about):
    return f.findings(subject(tables, **about), list(beside), SCALE, ORDER)[claim - 1]


def complete(finding):
    """Never a verdict without n, the null and the interval; none of them where there is nothing to read."""
    read = not finding.sentence.startswith("This study lacks")
    assert (bool(finding.n), bool(finding.null), bool(finding.interval)) == (read, read, read)
    assert (finding.verdict == f.UNKNOWN) == bool(finding.needed)
    assert finding.sentence.endswith(".")
    assert finding.title == f.TITLES[finding.claim]
    for words in (finding.sentence, finding.n, finding.null, finding.interval, finding.needed):
        assert "nan" not in words
        assert "inf" not in words
        assert "{" not in words
    return finding


# --- 1: early -------------------------------------------------------------------------------------


def test_what_is_said_of_an_early_study_by_hand():
    assert complete(found(1, {"windows": windows()})) == f.Finding(
        claim=1,
        title="Most topological change comes early",
        verdict="holds",
        sentence="The first quarter of the steps holds 73 % of the displacement in mean summaries (73 % by run), "
        "25 % if even. Between consecutive checkpoints, as in the paper, the first third of them "
        "holds 14 % of the velocity.",
        n="3 runs, 6 series at layers, 4 windows of 4 steps each",
        null="every way to call one window of each run its first: p = 0.016 (no smaller p than 0.016 is possible)",
        interval="at most 73 % (95 %, over runs; 38 % would be half again an even share)",
    )


def test_a_flat_study_does_not_hold():
    assert complete(found(1, {"windows": windows(quarters=FLAT)})).verdict == f.FAILS


def test_two_runs_are_told_how_many_it_takes():
    two = complete(found(1, {"windows": windows(series=SERIES[:2])}, objectives=dict.fromkeys(SERIES[:2], "one")))
    assert (two.verdict, two.needed) == (f.UNKNOWN, "3 runs; you have 2")


def test_copies_are_no_runs():
    table = {"windows": windows()}
    one = complete(found(1, table, copies=("harmless",)))
    assert one.verdict == f.UNKNOWN
    assert one.n == "2 runs, 4 series at layers, 4 windows of 4 steps each; 1 series with the weights of another"
    both = complete(found(1, table, copies=("harmless", "mixed")))
    assert both.needed == "3 runs; you have 1"
    assert both.n.endswith("; 2 series with the weights of another")
    assert both.interval == "none: it takes two runs or more"


def test_a_grid_without_windows_names_the_steps_it_lacks():
    none = complete(found(1, {"windows": windows(quarters=())}, steps=(0, 1, 2, 4, 8, 16, 32, 64)))
    assert none.verdict == f.UNKNOWN
    assert (
        none.needed
        == "checkpoints at step 48 (one every 16 steps), so that the run falls into four windows of one length"
    )
    two = found(1, {"windows": windows(quarters=(), series=SERIES[:1])}, steps=(0, 3, 8), objectives={"helpful": "x"})
    assert two.needed == (
        "checkpoints at steps 2, 4 and 6 (one every 2 steps), so that the run falls into four windows of one length; "
        "3 runs; you have 1"
    )


def test_velocities_at_their_floor_are_counted_and_not_read():
    table = windows(velocities=(1.0, 2.0, 3.0, 4.0, 5.0, 6.0), floor=2.5)
    said = found(1, {"windows": table}).sentence
    assert "; 12 of 36 velocities are at their resampling floor, and say nothing." in said


def test_where_another_reading_says_something_else_the_sentence_says_so():
    other = windows(quarters=FLAT, scale="median")
    said = complete(found(1, {"windows": pd.concat([windows(), other])}))
    assert said.verdict == f.HOLDS
    assert said.sentence.endswith(
        " Otherwise in mean summaries at scale median: does not hold; in W2 between diagrams at scale median: "
        "does not hold."
    )
    same = found(1, {"windows": pd.concat([windows(), windows(scale="median")])})
    assert "Otherwise" not in same.sentence


def by_run(*quarters, **how):
    """A course of its own for each run."""
    series = [f"run {k}" for k in range(len(quarters))]
    table = pd.concat([windows(quarters=one, series=[name], **how) for one, name in zip(quarters, series, strict=True)])
    return {"windows": table}, dict.fromkeys(series, "one")


def test_runs_that_differ_have_a_range_and_no_interval_beyond_everything():
    tables, own = by_run((9, 1, 0, 0), (1, 3, 3, 3))
    one = complete(found(1, tables, objectives=own))
    assert "holds 50 % of the displacement in mean summaries (10 % to 90 % by run)" in one.sentence
    assert one.interval.startswith("at most 100 % (95 %")
    assert one.null.endswith("p = 0.25 (no smaller p than 0.062 is possible)")


def test_a_run_without_windows_has_no_part_in_their_length():
    one = complete(found(1, {"windows": windows(series=SERIES[:1])}))
    assert one.n == "1 run, 2 series at layers, 4 windows of 4 steps each"


def test_enough_runs_that_cannot_tell_need_more_of_them():
    tables, own = by_run((5, 1, 1, 1), (1, 3, 3, 3), (5, 1, 1, 1), floor=1.5)
    one = complete(found(1, tables, objectives=own))
    assert (one.verdict, one.needed) == (
        f.UNKNOWN, "more runs, or more prompts: 4 of 6 first quarters are beyond what other prompts would change"
    )  # fmt: skip


def test_fewer_than_three_transitions_have_no_first_third():
    said = found(1, {"windows": windows(velocities=(1.0, 2.0))}).sentence
    assert said.endswith("25 % if even.")
    at_floor = found(1, {"windows": windows(velocities=(5.0, 1.0, 0.1, 0.05), wiggle=0.0)}).sentence
    assert "holds 81 % of the velocity; 12 of 24 velocities are at their resampling floor" in at_floor


def test_windows_of_several_lengths_are_told_by_the_smallest_and_the_largest():
    longer = windows(series=SERIES[1:])
    longer[["step_from", "step"]] *= 2
    one = found(1, {"windows": pd.concat([windows(series=SERIES[:1]), longer])})
    assert one.n == "3 runs, 6 series at layers, 4 windows of 4 to 8 steps each"


def test_what_another_reading_cannot_tell_is_said_and_what_it_lacks_is_not():
    few = windows(scale="median", floor=99.0)
    assert found(1, {"windows": pd.concat([windows(), few])}).sentence.endswith(
        " Otherwise in mean summaries at scale median: cannot be told; in W2 between diagrams at scale median: cannot "
        "be told."
    )
    own = windows()
    own.loc[own["measure"] == "diagrams", "floor"] = 99.0
    assert found(1, {"windows": own}).sentence.endswith(
        " Otherwise in W2 between diagrams at scale raw: cannot be told."
    )


# --- 2: peak --------------------------------------------------------------------------------------


def test_what_is_said_of_a_peak_by_hand():
    one = complete(found(2, {"windows": windows()}))
    assert one.verdict == f.HOLDS
    assert one.sentence == (
        "H1 summaries move fastest between steps 0 and 2 of equal windows; after the first third of training they move "
        "at 5 % of the rate of the early peak."
    )
    assert one.n == "3 runs, 6 windows of 2 steps each"
    assert one.null.startswith("windows of each run in any order: p = 0.00")
    assert one.interval == (
        "the ratio lies between 5 % and 5 % (95 % each, over runs; settled is under 25 %); 36 of 36 rates are beyond "
        "their floors"
    )


@pytest.mark.parametrize("rates", [EVEN, LATE], ids=["even", "late"])
def test_an_even_and_a_late_course_do_not_hold(rates):
    assert complete(found(2, {"windows": windows(rates=rates)})).verdict == f.FAILS


def test_runs_that_lack_windows_of_different_lengths_name_all_that_they_lack():
    study = subject({"windows": windows(quarters=())}, steps=(0, 1, 2, 4, 8, 16, 32, 64))
    study = replace(study, steps={**study.steps, SERIES[1]: (0, 1, 2, 4, 8, 16), SERIES[2]: (0, 4, 8, 12, 16)})
    none = f.findings(study, [], SCALE, ORDER)[0]
    assert none.needed.startswith("checkpoints at steps 12 and 48 (one every 4 or 16 steps), so that")


def test_a_grid_without_rates_names_the_steps_it_lacks():
    none = complete(found(2, {"windows": windows(rates=())}))
    assert none.needed == (
        "checkpoints at steps 6 and 10 (one every 2 steps), so that the run falls into six windows of one length or "
        "more"
    )


def test_one_run_is_told_how_many_it_takes():
    one = complete(found(2, {"windows": windows(series=SERIES[:1])}, objectives={"helpful": "x"}))
    assert (one.verdict, one.needed) == (f.UNKNOWN, "3 runs; you have 1")


def test_rates_at_their_floors_are_said_to_be_so():
    one = complete(found(2, {"windows": windows(rates=EVEN, floor=3.0)}))
    assert one.verdict == f.UNKNOWN
    assert one.needed == "more runs, or more prompts: 0 of 36 rates are beyond what other prompts would change"


def test_rates_that_may_be_nothing_are_told_as_such():
    one = complete(found(2, {"windows": windows(rates=(20, 1, 1, 1, 1, 1), floor=6.0)}))
    assert one.verdict == f.UNKNOWN
    assert "the ratio lies between 0 % and 30 %" in one.interval
    assert one.interval.endswith("6 of 36 rates are beyond their floors")
    spread = pd.concat([windows(rates=(20, 1, 1, 1, 1, 1), series=SERIES[:1]), windows(rates=EVEN, series=SERIES[1:2])])
    two = complete(found(2, {"windows": spread}, objectives=dict.fromkeys(SERIES[:2], "one")))
    assert "the ratio lies between 0 % and " in two.interval
    assert two.needed == "3 runs; you have 2"


def test_one_run_has_a_peak_and_no_interval():
    one = complete(found(2, {"windows": windows(series=SERIES[:1])}, objectives={"helpful": "x"}))
    assert one.interval == "none: it takes two runs or more"
    assert one.null.endswith("for an early peak, 1 for a late one")


@pytest.mark.parametrize(("cut", "chosen"), [((6, 6, 4), 6), ((4, 6, 4), 4), ((4, 6), 6), ((6, 4), 6)])
def test_of_several_numbers_of_windows_the_most_common_is_read_and_else_the_larger(cut, chosen):
    series = [f"run {k}" for k in range(len(cut))]
    rates = [(9.0, *[1.0] * (count - 1)) for count in cut]
    table = pd.concat([windows(rates=one, series=[name]) for one, name in zip(rates, series, strict=True)])
    values = readings.peak(subject({"windows": table}, objectives=dict.fromkeys(series, "x")), SCALE, MEANS).values
    assert (values["windows"], values["runs"]) == (chosen, cut.count(chosen))
    assert (values["from"], values["to"], values["length"]) == (0, 2, 2)


@pytest.mark.parametrize(
    ("rates", "runs", "told", "at"),
    [(BURST, 3, True, (0, 2)), (LATE, 3, True, (10, 12)), (BURST, 1, False, (0, 2)), (LATE, 1, False, (10, 12))],
)
def test_a_peak_is_told_where_it_is_early_or_late_beyond_chance(rates, runs, told, at):
    own = SERIES[:runs]
    study = subject({"windows": windows(rates=rates, series=own)}, objectives=dict.fromkeys(own, "x"))
    values = readings.peak(study, SCALE, MEANS).values
    assert (values["told"], (values["from"], values["to"])) == (told, at)


# --- 3: objectives --------------------------------------------------------------------------------


def of_objectives(peak=BURST, wiggle=0.01, **how):
    table, own = separation(**how)
    of_windows = windows(rates=peak, series=tuple(own), wiggle=wiggle)
    return found(3, {"separation": table, "windows": of_windows}, objectives=own)


def test_objectives_that_part_after_an_early_peak_hold():
    one = complete(of_objectives(gap=30.0))
    assert one.verdict == f.HOLDS
    assert ". At the peak (step 2) they are 21 % of the way apart that they are at step 16." in one.sentence
    assert one.n == "9 runs of 3 objectives"
    assert "p = 0.0036 of 280 labelings" in one.null
    assert "the share at the peak lies between 19 % and 23 %" in one.interval


def runs_apart(**changed):
    """Four runs at two steps: 3 apart within, 4 across at step 1 and 12 at step 2; at layer 2 three times as far."""
    own = {"a 1": "a", "b 1": "b", "a 2": "a", "b 2": "b"}
    rows = [
        (one, other, step, layer, SCALE, layer_factor * (3.0 if own[one] == own[other] else far))
        for one, other in itertools.combinations(own, 2)
        for step, far in ((1, 4.0), (2, 12.0)) for layer, layer_factor in ((1, 1), (2, 3))
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["series_a", "series_b", "step", "layer", "scale", "distance"])
    return table.assign(**changed), own


def test_distances_between_runs_by_hand():
    """Mean over layers: twice those of the first; over steps the root of the mean square."""
    table, own = runs_apart()
    base = table[table["step"] == 1].assign(step=0, distance=99.0)
    partial = table[table["step"] == 1].assign(step=3, distance=99.0).iloc[2:]
    unknown = table[table["step"] == 1].assign(step=4, distance=np.nan)
    strange = table.assign(series_b="somebody else", distance=99.0)
    tables = {"separation": pd.concat([base, table, partial, unknown, strange])}
    one = readings.apart(subject(tables, objectives=own), SCALE, MEANS)
    told = {"runs": 4, "groups": 2, "fewest": 2, "last": 2, "within": 6.0, "between": 2 * 80**0.5, "permutations": 3}
    assert {name: one.values[name] for name in told} == pytest.approx(told)
    assert (one.values["first"], one.values["second"]) == (f.UNKNOWN, f.UNKNOWN)
    squares = readings._between_runs(subject(tables, objectives=own), SCALE, MEANS)
    assert list(squares) == [1, 2]
    assert squares[2].tolist() == [[0, 24, 6, 24], [24, 0, 24, 6], [6, 24, 0, 24], [24, 6, 24, 0]]


def test_objectives_that_are_not_apart_are_not_asked_when_they_part():
    one = complete(of_objectives(gap=0.0, each=4))
    assert "At the peak" not in one.sentence
    few = complete(of_objectives(gap=30.0, each=2))
    assert few.needed == (
        "3 runs per objective; you have 2; in the study file, each a series with its objective and a seed of its own: "
        'objective = "o0", seed = 1'
    )
    assert few.interval.startswith("between over within is 5.50, at most 7.20 (95 %, jackknife over runs); ")
    assert "under 1.25 counts as not apart" in few.interval
    enough = complete(of_objectives(gap=2.5, each=4, objectives=2, seed=1, peak=EVEN, wiggle=0.0))
    assert (enough.verdict, enough.needed) == (f.UNKNOWN, "more runs per objective")
    assert "At the peak" not in enough.sentence
    assert "No peak" not in enough.sentence


def test_two_runs_of_one_objective_have_no_interval():
    table, own = separation(each=1, objectives=2)
    one = complete(found(3, {"separation": table, "windows": windows(series=tuple(own))}, objectives=own))
    assert one.interval == "none: it takes two runs or more of an objective"


def test_objectives_apart_before_the_peak_refute_the_second_half():
    one = complete(of_objectives(gap=30.0, growth=(0.9, 0.95, 1, 1, 1, 1)))
    assert one.verdict == f.FAILS


def test_without_a_peak_there_is_no_after():
    one = complete(of_objectives(gap=30.0, peak=EVEN, wiggle=0.0))
    assert (one.verdict, one.needed) == (f.UNKNOWN, "an established peak: see claim 2")
    assert one.sentence.endswith("No peak is established (claim 2), so there is no after.")


def test_seeds_alone_do_not_tell_objectives_apart():
    one = complete(of_objectives(gap=0.0, each=4))
    assert one.verdict == f.FAILS
    assert complete(of_objectives(gap=0.0, each=2, seed=3)).verdict != f.HOLDS


def test_one_run_per_objective_cannot_tell_and_says_how_many_could():
    one = complete(of_objectives(each=1))
    assert one.verdict == f.UNKNOWN
    assert one.needed == (
        "3 runs per objective; you have 1; in the study file, each a series with its objective and a seed of its own: "
        'objective = "o0", seed = 1'
    )
    assert "no p-value" in one.null
    assert "not how two objectives do" in one.sentence
    two = complete(of_objectives(each=1, objectives=2))
    assert two.needed.startswith("4 runs per objective; you have 1; ")


def test_copied_runs_make_no_p_value():
    """Two runs copied four times would be a p of 1/35."""
    table, own = separation(each=1, objectives=2)
    copies = {"o0 0": "o0", "o1 0": "o1"} | {f"o{k} {n}": f"o{k}" for n in (1, 2, 3) for k in (0, 1)}
    run_of = {name: f"{name[:2]} 0" for name in copies}
    study = subject({"separation": table, "windows": windows(series=tuple(own))}, objectives=copies)
    study = Subject(study.name, study.base, 2, study.steps, copies, run_of, study.read)
    one = complete(f.findings(study, [], SCALE, ORDER)[2])
    assert one.verdict == f.UNKNOWN
    assert one.n == "2 runs of 2 objectives; 6 series with the weights of another"
    assert one.needed.startswith("4 runs per objective; you have 1; ")


def test_two_seeds_of_one_objective_are_no_comparison():
    one = complete(found(3, {"separation": separation()[0]}, objectives=dict.fromkeys(separation()[1], "one")))
    assert (one.verdict, one.n) == (f.UNKNOWN, "")


# --- equal learning rate ----------------------------------------------------------------------------


def test_where_windows_of_equal_learning_rate_say_something_else_the_sentence_says_so_and_why():
    decayed = windows(quarters=FLAT).replace({"quarters": "learned quarters", "steps": "learning rate"})
    study = subject({"windows": pd.concat([windows(quarters=EARLY), decayed])})
    known = {series: {0: 0.0, 4: 1e-3, 16: 2e-3} for series in SERIES}
    one = complete(f.findings(replace(study, learned=known), [], SCALE, ORDER)[0])
    assert one.verdict == f.HOLDS
    assert (
        "In windows of equal learning rate instead of equal steps: does not hold (3 runs); "
        "the first quarter of the steps has 50 % of all learning rate."
    ) in one.sentence
    agreed = windows(quarters=EARLY).replace({"quarters": "learned quarters", "steps": "learning rate"})
    study = subject({"windows": pd.concat([windows(quarters=EARLY), agreed])})
    assert "learning rate" not in f.findings(replace(study, learned=known), [], SCALE, ORDER)[0].sentence


def test_a_peak_that_is_another_in_windows_of_equal_learning_rate_is_said_to_be_so():
    even = windows(rates=EVEN).replace({"rates": "learned rates", "steps": "learning rate"})
    study = subject({"windows": pd.concat([windows(), even])})
    known = {series: {0: 0.0, 4: 1e-3, 8: 1.5e-3, 16: 2e-3} for series in SERIES}
    said = complete(f.findings(replace(study, learned=known), [], SCALE, ORDER)[1]).sentence
    assert "In windows of equal learning rate instead of equal steps: does not hold (3 runs); " in said
    assert "the first third of the steps has 58 % of all learning rate." in said


def learning_alone(**about):
    """Runs of a log grid, whose windows are of equal learning rate alone."""
    table = windows(**about)
    table = table[table["use"] != "transitions"]
    renamed = {"quarters": "learned quarters", "rates": "learned rates", "steps": "learning rate"}
    return subject({"windows": table.replace(renamed)}, steps=(0, 1, 2, 4, 8, 16))


def test_where_steps_have_no_windows_those_of_equal_learning_rate_decide_and_the_sentence_says_so():
    early, peak = map(complete, f.findings(learning_alone(), [], SCALE, ORDER)[:2])
    assert (early.verdict, peak.verdict) == (f.HOLDS, f.HOLDS)
    assert early.sentence == (
        "Its checkpoints cut the steps into no windows of one length, but the learning rate: the first quarter of that "
        "holds 73 % of the displacement in mean summaries (73 % by run), 25 % if even. A verdict "
        "about steps takes checkpoints at step 12 (one every 4 steps)."
    )
    assert early.n == "3 runs, 6 series at layers, 4 windows of equal learning rate, the first of 4 steps"
    assert peak.sentence.startswith(
        "Its checkpoints cut the steps into no windows of one length, but the learning rate: H1 summaries move fastest "
        "between steps 0 and 2, and after the first third of all learning rate at 5 % of the rate of the early peak. "
        "A verdict about steps takes checkpoints at steps "
    )
    assert peak.n == "3 runs, 6 windows of equal learning rate, the first of 2 steps"
    table = f.verdicts(learning_alone(), [], (ORDER,)).set_index(["claim", "scale", "order"])["verdict"]
    assert table[1, SCALE, MEANS] == early.verdict
    assert table[2, SCALE, MEANS] == peak.verdict


def test_windows_of_steps_of_any_run_come_before_those_of_learning_rate():
    own = windows(quarters=FLAT, rates=EVEN, series=SERIES[:1])
    renamed = {"quarters": "learned quarters", "rates": "learned rates", "steps": "learning rate"}
    study = subject({"windows": pd.concat([own, windows().replace(renamed)])})
    assert readings.early(study, SCALE, MEANS).values["runs"] == 1
    assert readings.peak(study, SCALE, MEANS).values["runs"] == 1
    copied = subject({"windows": pd.concat([own, windows().replace(renamed)])}, copies=SERIES[1:])
    assert readings.early(copied, SCALE, MEANS).values["share"] == 0.25
    others = subject({"windows": own.replace({SERIES[0]: "copy"})})  # windows of what is no run of the study
    assert readings.by_clock(others, "quarters") == "quarters"


# --- 4: models ------------------------------------------------------------------------------------


def study_of(base, quarters, runs=4, name="base", wiggle=0.01, steps=STEPS, seed=0):
    names = tuple(f"run {k}" for k in range(runs))
    table = windows(quarters=quarters, series=names, wiggle=wiggle)
    return subject({"windows": table}, objectives=dict.fromkeys(names, "one"), base=base, name=name, steps=steps)


def test_models_are_told_apart_by_their_weights_and_never_by_their_names():
    one = study_of("a", EARLY)
    other = study_of("b", FLAT)
    held = complete(f.findings(one, [other], SCALE, ORDER)[3])
    assert held.verdict == f.HOLDS
    assert held.n == "8 runs of 2 base models, told apart by their weights, at 4 relative depths"
    assert "p = 0.029 of 35 labelings" in held.null
    copy = complete(f.findings(one, [study_of("a", FLAT, name="a copy")], SCALE, ORDER)[3])
    assert copy.verdict == f.UNKNOWN
    assert copy.sentence == (
        "This study has one base model, base, and so have the studies beside it: its weights are the same."
    )


def test_one_base_model_is_told_what_it_takes():
    one = complete(f.findings(study_of("a", EARLY), [], SCALE, ORDER)[3])
    assert one.sentence == "This study has one base model, base."
    assert "beside" in one.needed


def test_few_runs_of_models_are_told_how_many_it_takes():
    two = complete(f.findings(study_of("a", EARLY, runs=2), [study_of("b", FLAT, runs=2)], SCALE, ORDER)[3])
    assert (two.verdict, two.needed) == (f.UNKNOWN, "4 runs of each of two base models; you have 2")
    one = complete(f.findings(study_of("a", EARLY, runs=1), [study_of("b", FLAT, runs=1)], SCALE, ORDER)[3])
    assert "no p-value" in one.null
    assert "of one model" not in one.sentence


def test_quarters_of_another_part_of_the_training_are_not_compared():
    """Windows that end at step 16 of 16, against step 16 of 21."""
    longer = study_of("b", FLAT, steps=(*STEPS, 21))
    one = complete(f.findings(study_of("a", EARLY), [longer], SCALE, ORDER)[3])
    assert one.verdict == f.UNKNOWN
    assert "the same shares of their training" in one.needed
    nearly = study_of("b", FLAT, steps=(*STEPS, 16.1))
    assert f.findings(study_of("a", EARLY), [nearly], SCALE, ORDER)[3].verdict == f.HOLDS
    nearly = study_of("b", FLAT, steps=(*STEPS, 16.5))
    assert f.findings(study_of("a", EARLY), [nearly], SCALE, ORDER)[3].verdict == f.UNKNOWN


def test_the_part_of_the_training_that_most_models_share_is_compared():
    """Two runs of another length in the middle of the others decide nothing."""
    studies = [study_of("a", EARLY), study_of("b", FLAT), study_of("a", FLAT, steps=(*STEPS, 21), name="longer")]
    for order in (studies, studies[::-1], [studies[0], studies[2], studies[1]]):
        one = f.findings(order[0], order[1:], SCALE, ORDER)[3]
        assert (one.verdict, one.n.split(",")[0]) == (f.HOLDS, "8 runs of 2 base models")


def test_models_without_layers_at_the_same_depths_are_not_compared():
    deep = replace(study_of("b", FLAT), n_layers=200)
    one = complete(f.findings(study_of("a", EARLY), [deep], SCALE, ORDER)[3])
    assert one.verdict == f.UNKNOWN
    assert "relative depths" in one.sentence


def test_models_that_stand_still_are_not_compared():
    table = windows(quarters=FLAT, series=tuple(f"run {k}" for k in range(4)), wiggle=0.01)
    still = replace(study_of("b", FLAT), read=lambda name: table.assign(floor=table["value"] * 2))
    one = complete(f.findings(study_of("a", EARLY), [still], SCALE, ORDER)[3])
    assert one.verdict == f.UNKNOWN
    assert one.needed == "more prompts or longer training, so that all runs move beyond their floors"


def test_a_base_model_without_a_fingerprint_is_no_other_model():
    one = f.findings(study_of("a", EARLY), [study_of("", FLAT)], SCALE, ORDER)[3]
    assert one.verdict == f.UNKNOWN


def test_models_by_hand():
    """Layers at 0.5 and 1 stand for four depths, two each: shares differ at the second alone."""

    def study(base, second):
        table = windows(quarters=(4.0, 4.0, 1.0, 1.0), series=("run 0", "run 1"), wiggle=0.0)
        deep = windows(quarters=second, series=("run 0", "run 1"), layers=(2,), wiggle=0.0)
        table = pd.concat([table[table["layer"] == 1], deep])
        return subject({"windows": table}, objectives={"run 0": "x", "run 1": "x"}, base=base)

    one = readings.models([study("a", (5.0, 1.0, 2.0, 2.0)), study("b", (1.0, 5.0, 2.0, 2.0))], SCALE, MEANS)
    told = {"runs": 4, "groups": 2, "studies": 2, "fewest": 2, "within": 0.0, "between": (2 * 2 * 0.4**2 / 16) ** 0.5}
    assert {name: one.values[name] for name in told} == pytest.approx(told)
    same = readings.models([study("a", (5.0, 1.0, 2.0, 2.0)), study("a", (1.0, 5.0, 2.0, 2.0))], SCALE, MEANS)
    assert same.values == {"runs": 4, "groups": 1, "studies": 2}


def test_models_that_cannot_be_told_apart_need_more_runs():
    many = complete(
        f.findings(study_of("a", EARLY, wiggle=1.0), [study_of("b", (8.0, 2, 1, 1), wiggle=1.0)], SCALE, ORDER)[3]
    )
    assert (many.verdict, many.needed) == (f.UNKNOWN, "more runs per base model")
    few = complete(f.findings(study_of("a", EARLY, runs=1), [study_of("b", FLAT, runs=1)], SCALE, ORDER)[3])
    assert few.interval.startswith("none")
    lacking = complete(f.findings(study_of("a", (), runs=2, steps=(0, 3, 8)), [study_of("b", FLAT)], SCALE, ORDER)[3])
    assert lacking.needed.startswith(
        "checkpoints at steps 2, 4 and 6 (one every 2 steps), so that runs fall into four windows"
    )


def test_the_finding_of_models_alone_is_the_same():
    studies = [study_of("a", EARLY), study_of("b", FLAT)]
    assert f.of_models(studies, SCALE, ORDER) == f.findings(studies[0], studies[1:], SCALE, ORDER)[3]


# --- 5: lag ---------------------------------------------------------------------------------------


def test_what_is_said_of_lags_by_hand():
    one = complete(found(5, {"halfway": halfway()}))
    assert one == f.Finding(
        claim=5,
        title="Topological peaks never lag behavioural peaks",
        verdict="holds",
        sentence="Half of the topological displacement is done no later than half of the behavioural one in 6 of 6 "
        "series at layers, and surely later in 0; topology comes -2 to 0 steps after behaviour.",
        n="6 series at layers, 6 checkpoints each, 3 runs",
        null="half of the Jensen-Shannon distance from the base, same prompts and checkpoints; later by more than the "
        "gap between checkpoints counts",
        interval="-2.2 to 0.2 steps (95 % for all together, other prompts, truncation of the divergence included); "
        "the widest gap is 2 steps",
    )


@pytest.mark.parametrize(
    ("changed", "verdict", "needed"),
    [
        ({"later": (-2.0, 6.0)}, f.FAILS, ""),
        ({"later": (-2.0, 3.0), "error": 2.0}, f.UNKNOWN, "more prompts: the intervals hold both answers"),
        ({"resolution": 4.0}, f.UNKNOWN, "denser checkpoints around half of the way: 6 of 6 fall into gaps "
         "wider than an eighth of the run"),
        ({"moved": False}, f.UNKNOWN, "more prompts or longer training: 6 of 6 have not moved beyond their floors"),
        ({"slack": 5.0}, f.UNKNOWN, "all next tokens, where this study kept the 512 most probable, which leaves "
         "more than a tenth of the difference open in 6 of 6: compute its study file again where its checkpoints are, "
         "and they are read once more, and divergences and what is made of them are computed anew"),
    ],
)  # fmt: skip
def test_lags(changed, verdict, needed):
    one = complete(found(5, {"halfway": halfway(**changed)}))
    assert (one.verdict, one.needed) == (verdict, needed)


def test_lags_are_of_mean_summaries_and_of_rows_that_are_known():
    table = halfway(later=(-2.0, 0.0))
    assert readings.lag(subject({"halfway": table}), SCALE, ORDER).values == {}
    for column in ("topology", "behaviour", "error"):
        part = table.assign(checkpoints=9)
        part.loc[0, [column, "checkpoints"]] = np.nan, 5
        values = readings.lag(subject({"halfway": part}), SCALE, MEANS).values
        assert (values["n"], values["checkpoints"]) == (5, 9)


def test_copies_do_not_lag():
    table = halfway()
    table.loc[table["series"] == "mixed", "topology"] = 16.0
    assert found(5, {"halfway": table}).verdict == f.FAILS
    assert found(5, {"halfway": table}, copies=("mixed",)).verdict == f.HOLDS


# --- all ------------------------------------------------------------------------------------------


def test_an_empty_study_says_what_it_lacks():
    for one in f.findings(subject(), [], SCALE, ORDER):
        assert complete(one).verdict == f.UNKNOWN
    assert found(5).sentence == "This study lacks the behaviour of its checkpoints against the base model."
    assert found(1, steps=(0, 4, 8, 12, 16)).needed == "Compute the study"


ASKED = {"windows": windows(), "separation": separation(gap=30.0)[0], "halfway": halfway(series=tuple(separation()[1]))}
CONTRARY = {
    "windows": windows(quarters=FLAT, rates=EVEN),
    "separation": separation(gap=0.0)[0],
    "halfway": halfway(later=(9.0, 9.0), series=tuple(separation()[1])),
}
ASKED["windows"] = windows(series=tuple(separation()[1]))
CONTRARY["windows"] = windows(quarters=FLAT, rates=EVEN, series=tuple(separation()[1]))


def judged(tables):
    """Every claim but the fourth, in mean summaries at the study's own scale."""
    one = subject(tables, objectives=separation()[1])
    return [judge(one, SCALE, MEANS) for judge in (readings.early, readings.peak, readings.apart, readings.lag)]


@pytest.mark.parametrize("table", ASKED)
def test_rows_of_another_scale_alone_are_left_out(table):
    """Contrary rows before and after those asked for, which differ from them in their scale alone."""
    other = CONTRARY[table].assign(scale="median")
    mixed = pd.concat([other, ASKED[table], other], ignore_index=True)
    assert str(judged(ASKED | {table: mixed})) == str(judged(ASKED))
    assert str(judged(ASKED | {table: CONTRARY[table]})) != str(judged(ASKED))  # or there would be nothing to see


@pytest.mark.parametrize(("column", "value"), [("order", 1.0), ("measure", "others"), ("use", "others")])
def test_rows_of_another_reading_alone_are_left_out(column, value):
    mixed = pd.concat([CONTRARY["windows"].assign(**{column: value}), ASKED["windows"]], ignore_index=True)
    assert str(judged(ASKED | {"windows": mixed})) == str(judged(ASKED))


def test_loops_decide_of_peaks_and_all_summaries_of_early_change():
    loops = ASKED["windows"]["measure"] == "loops"
    swapped = pd.concat([ASKED["windows"][~loops], CONTRARY["windows"][loops]])
    early, peak, *_ = judged(ASKED | {"windows": swapped})
    assert (early.verdict, peak.verdict) == (f.HOLDS, f.FAILS)


def test_windows_that_are_not_all_known_are_not_read():
    """Of orders other than the study's own, distances are known between consecutive checkpoints alone."""
    table = windows()
    some = table[(table["measure"] != "diagrams") | (table["window"] > 2)]
    assert readings.early(subject({"windows": some}), SCALE, ORDER).values == {}
    assert readings.early(subject({"windows": table}), SCALE, ORDER).verdict == f.HOLDS


def test_a_run_with_a_layer_that_does_not_move_is_not_read():
    """A share of nothing is none."""
    table = windows()
    table.loc[(table["series"] == "mixed") & (table["layer"] == 2), "value"] = 0.0
    assert list(readings.moves(subject({"windows": table}), "quarters", SCALE, MEANS)) == ["helpful", "harmless"]
    table.loc[(table["series"] == "helpful") & (table["window"] == 1), "value"] = np.inf
    assert list(readings.moves(subject({"windows": table}), "quarters", SCALE, MEANS)) == ["harmless"]


def test_distances_between_diagrams_tell_objectives_apart_too():
    table, own = separation(gap=30.0)
    rows = table.rename(columns={"step": "step_a", "distance": "value"})
    rows = rows.assign(step_b=rows["step_a"], degree=1, order=ORDER, norm=2.0)
    other = rows.assign(value=1.0)
    contrary = [other.assign(degree=0), other.assign(order=1.0), other.assign(scale="median"), other.assign(step_b=99)]
    tables = {"distances": pd.concat([*contrary, rows, *contrary]), "windows": windows(series=tuple(own))}
    one = readings.apart(subject(tables, objectives=own), SCALE, ORDER)
    assert one.verdict == f.HOLDS
    assert one.p == pytest.approx(1 / 280)
    alone = readings.apart(subject(tables | {"distances": rows}, objectives=own), SCALE, ORDER)
    assert one.values == alone.values


def test_the_table_of_verdicts_has_every_reading():
    table = f.verdicts(subject({"windows": windows()}), [], (1.0, 2.0))
    assert table[["claim", "scale", "order"]].to_numpy().tolist() == [
        [claim, scale, order] for claim in range(1, 6) for scale in ("median", "raw") for order in (0.0, 1.0, 2.0)
    ]
    own = table.set_index(["claim", "scale", "order"])
    assert own.loc[(1, "raw", 0.0), ["verdict", "p"]].tolist() == [f.HOLDS, 1 / 64]
    assert own.loc[(1, "raw", 2.0), "verdict"] == f.HOLDS
    assert own.loc[(1, "median", 0.0), "verdict"] == f.UNKNOWN
