"""Studies of known answer at the level of summaries: what they are, and what is counted of their verdicts."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from phcore.analysis import equal_windows, readings
from phcore.analysis.claims import FAILS, HOLDS, UNKNOWN
from phcore.analysis.windows import quarters, rates
from scripts import calibrate_verdicts as c
from scripts.simulate_courses import GRIDS, KINDS, LAYERS, LENGTH, SPEED, path, simulate, verdict

EVEN = np.array(GRIDS["even"])


def lengths(kind, steps=EVEN, runs=400):
    """(T,) root mean square displacement of each transition."""
    paths = np.array([path(kind, steps, np.random.default_rng(seed)) for seed in range(runs)])
    assert paths.shape == (runs, len(steps), 20)
    assert (paths[:, 0] == 0).all()
    return np.sqrt((np.diff(paths, axis=1) ** 2).sum(axis=-1).mean(axis=0))


def test_grids_reach_over_one_run_and_some_lack_windows():
    for steps in GRIDS.values():
        assert (steps[0], steps[-1]) == (0, LENGTH)
        assert all(a < b for a, b in pairwise(steps))
    assert {name for name, steps in GRIDS.items() if not quarters(steps)} == {"log"}
    assert {name for name, steps in GRIDS.items() if not rates(steps)} == {"log", "irregular"}


def test_a_walk_goes_as_far_in_every_step():
    for steps in (EVEN, np.array(GRIDS["dense late"])):
        gaps = np.diff(steps) / LENGTH
        np.testing.assert_allclose(lengths("walk", steps), SPEED * np.sqrt(gaps), rtol=0.1)


@pytest.mark.parametrize(
    ("kind", "fast", "times"),
    [("early burst", slice(0, 3), 5), ("late burst", slice(9, 12), 5), ("index burst", slice(0, 4), 5),
     ("transient", slice(0, 2), 20)],
)  # fmt: skip
def test_a_burst_is_where_it_says(kind, fast, times):
    expected = np.full(12, SPEED * np.sqrt(1 / 12))
    expected[fast] *= times
    np.testing.assert_allclose(lengths(kind), expected, rtol=0.1)


def test_a_burst_by_step_is_where_it_is_whatever_the_grid():
    """A gap that is half in the first quarter moves as half of its variance does."""
    steps = np.array([0, 80, 160, 320, 480])
    fast = np.sqrt([1, (1 + 25) / 2 / 25]) * 5
    found = lengths("early burst", steps) / (SPEED * np.sqrt(np.diff(steps) / LENGTH))
    np.testing.assert_allclose(found, [*fast, 1, 1], rtol=0.1)


def test_still_even_and_slowing_courses():
    assert (lengths("jitter", runs=2) == 0).all()
    drift = lengths("drift")
    np.testing.assert_allclose(drift, drift.mean(), rtol=0.15)
    slowing = lengths("relaxation")
    assert slowing[0] > 5 * slowing[5]
    forgets = lengths("saturation")
    np.testing.assert_allclose(forgets, forgets.mean(), rtol=0.1)


def test_a_study_has_its_runs_layers_and_objectives():
    study = simulate("walk", "even", 2, 0, objectives=2)
    assert study.subject.objectives == {"o0 0": "o0", "o1 0": "o1", "o0 1": "o0", "o1 1": "o1"}
    assert len(study.courses) == 4 * LAYERS
    again = simulate("walk", "even", 2, 0, objectives=2)
    np.testing.assert_array_equal(study.courses[0].each, again.courses[0].each)


@pytest.mark.parametrize(
    ("claim", "kind", "how", "expected"),
    [
        (1, "early burst", {}, HOLDS),
        (1, "late burst", {}, FAILS),
        (1, "jitter", {}, UNKNOWN),
        (2, "transient", {}, HOLDS),
        (2, "walk", {}, FAILS),
        (2, "jitter", {}, UNKNOWN),
        (3, "transient", {"objectives": 2, "effect": 400.0, "grown": (0.5, 1.0)}, HOLDS),
        (3, "transient", {"objectives": 2, "effect": 400.0, "grown": (0.0, 1 / 12)}, FAILS),
        (5, "drift", {"behaviour": "later"}, HOLDS),
        (5, "drift", {"behaviour": "earlier"}, FAILS),
        (5, "jitter", {}, UNKNOWN),
    ],
)
def test_what_is_planted_is_found(claim, kind, how, expected):
    assert verdict(claim, simulate(kind, "even", 5, 1, **how)) == expected


def test_base_models_are_told_apart_on_whatever_grid():
    one = simulate("walk", "even", 5, 0, base="a")
    assert verdict(4, one, simulate("early burst", "even", 5, 1, base="b")) == HOLDS
    assert verdict(4, one, simulate("walk", "dense early", 5, 1, base="b")) != HOLDS
    assert verdict(4, one, simulate("early burst", "even", 5, 1, base="a")) == UNKNOWN


def test_what_is_counted_and_how_it_is_said():
    found = Counter({HOLDS: 3, FAILS: 1, UNKNOWN: 6})
    assert c.words(found) == "30 / 10 / 60"
    assert [c.mistakes(found, truth) for truth in (HOLDS, FAILS, None)] == [1, 3, 4]
    assert c.interval(0, 100) == "0.0 (0.0 to 3.6)"
    assert c.interval(5, 100) == "5.0 (1.6 to 11.3)"


def test_every_kind_of_course_has_words_and_a_truth_where_grids_allow_one():
    assert set(c.TRUTHS[1]) == set(KINDS) - {"index burst"}  # early by index is no answer by step
    assert set(c.TRUTHS[2]) < set(KINDS)


# --- equal learning rate ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "by_steps", "by_rate"),
    [
        (lambda t: np.ones_like(t), FAILS, FAILS),
        (lambda t: np.maximum(0, 1 - t) ** 2, HOLDS, FAILS),  # decay: early in steps, even in learning rate
        (lambda t: np.minimum(1, 3 * t), FAILS, FAILS),  # warm-up
    ],
    ids=["constant", "decay", "warm-up"],
)
def test_what_a_schedule_alone_makes_early_is_even_in_windows_of_equal_learning_rate(schedule, by_steps, by_rate):
    """Runs that walk with the learning rate: the variance of a step is its rate, and so is their drift."""
    sums = np.concatenate([[0], schedule((np.arange(LENGTH) + 0.5) / LENGTH).cumsum()])
    sums /= sums[-1]

    def process(steps, rng):
        toward = 3 * rng.normal(size=20) / np.sqrt(20)
        each = rng.normal(size=(LENGTH, 20)) * np.sqrt(np.diff(sums) / 20)[:, None] + toward * np.diff(sums)[:, None]
        return SPEED * np.vstack([np.zeros(20), each.cumsum(axis=0)])[np.round(steps).astype(int)]

    steps = range(0, LENGTH + 1, 4)
    study = simulate(process, steps, 5, 0)
    learned = {series: {step: sums[step] for step in steps} for series in study.subject.objectives}
    nothing = study.subject.read("windows").head(0).assign(
        degree=[], norm=[], series_a=[], step_a=[], series_b=[], step_b=[]
    )  # fmt: skip
    table = equal_windows.table(study.courses, nothing, nothing, nothing, ("quarters",), learned)
    assert set(table["clock"]) == {"steps", "learning rate"}
    subject = replace(study.subject, read=lambda name: table, learned=learned)
    assert readings.early(subject, "raw", 0.0).verdict == by_steps
    assert readings.early(subject, "raw", 0.0, "learned quarters").verdict == by_rate
