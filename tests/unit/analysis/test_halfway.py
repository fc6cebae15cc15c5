"""Half of the way, in topology and in behaviour: by hand, with what other prompts and the truncation leave open."""

import numpy as np
import pandas as pd
import pytest

from phcore.analysis.displacements import Course
from phcore.analysis.halfway import table

STEPS = np.array([0, 2, 4, 6, 8])


def course(lengths, noise=0.0, count=16, seed=0, factor=1.0, series="a", steps=STEPS):
    """Moves along the first of three features, by ``lengths`` after the base."""
    rng = np.random.default_rng(seed)
    each = np.zeros((len(steps), count, 3))
    each[1:, :, 0] = np.asarray(lengths, float)[:, None]
    each[1:] += noise * rng.normal(size=each[1:].shape)
    return Course(series, 1, "raw", steps, each, np.array([True, False, False]), factor)


def departures(values, slack=0.0, prompts=20, noise=0.0, seed=0, series="a", steps=STEPS[1:]):
    rng = np.random.default_rng(seed)
    rows = [
        (series, step, prompt, value * np.exp(noise * rng.normal()), slack)
        for step, value in zip(steps, values, strict=True) for prompt in range(prompts)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["series", "step", "prompt", "value", "slack"])


def only(*args):
    (row,) = table(*args).itertuples()
    return row


def test_a_straight_course_is_halfway_in_the_middle_of_both():
    """Divergence grows with the square of a distance: its root is what moves evenly."""
    row = only([course([1, 2, 3, 4])], departures([0.01, 0.04, 0.09, 0.16]))
    assert (row.topology, row.behaviour) == (pytest.approx(4), pytest.approx(4))
    assert (row.resolution, row.last, row.checkpoints, row.moved) == (2.0, 8, 4, True)
    assert row.error == pytest.approx(0, abs=1e-9)
    assert row.slack == pytest.approx(0, abs=1e-9)


def test_early_and_late_courses():
    row = only([course([3, 4, 4, 4])], departures([0.0, 0.0, 0.0, 0.25]))
    assert row.topology == pytest.approx(2 * 2 / 3)
    assert row.behaviour == pytest.approx(7)


def test_the_gap_is_the_wider_of_both():
    steps = np.array([0, 1, 2, 4, 12])
    row = only([course([3, 4, 4, 4], steps=steps)], departures([0, 0, 0, 0.25], steps=steps[1:]))
    assert row.resolution == 8.0


def test_slack_opens_the_behaviour():
    """Any divergence may be larger by what is cut off: the crossing may be earlier, and later."""
    row = only([course([1, 2, 3, 4])], departures([0.01, 0.04, 0.09, 0.16], slack=0.01))
    early = np.interp(0.2, np.sqrt([0, 0.02, 0.05, 0.10, 0.17]), STEPS)
    late = np.interp(np.sqrt(0.17) / 2, [0, 0.1, 0.2, 0.3, 0.4], STEPS)
    assert row.slack == pytest.approx(max(4 - early, late - 4))


def test_the_error_is_that_of_other_prompts():
    """Prompts alone, then subsamples alone: by leaving out one in turn; subsamples count as their factor says."""
    given = departures([0.01, 0.04, 0.09, 0.16], noise=0.5)
    own = only([course([1, 2, 3, 4])], given)
    each = given.pivot(index="step", columns="prompt", values="value").to_numpy()

    def half(means):
        values = np.sqrt(np.concatenate([[0], means]))
        return np.interp(values[-1] / 2, values, STEPS)

    without = [half(np.delete(each, k, axis=1).mean(axis=1)) for k in range(20)]
    assert own.error == pytest.approx(np.sqrt(19 * np.var(without)))
    noisy = [course([1, 2, 3, 4], noise=0.3, factor=factor) for factor in (1.0, 4.0)]
    one, four = (only([c], departures([0.01, 0.04, 0.09, 0.16])) for c in noisy)
    assert four.error == pytest.approx(2 * one.error)
    assert one.error > 0


def test_what_has_not_moved_beyond_its_floor_is_said_to_be_so():
    assert not only([course([0.1] * 4, noise=1.0)], departures([0.01, 0.04, 0.09, 0.16])).moved
    still = departures([1e-9] * 4)
    still.loc[still["prompt"] == 0, "value"] = 0.1
    assert not only([course([1, 2, 3, 4])], still).moved


def test_only_steps_that_both_are_known_for_count_and_few_are_none():
    few = departures([0.01, 0.04, 0.09], steps=STEPS[1:4])
    assert table([course([1, 2, 3, 4])], few).empty
    assert table([course([1, 2, 3, 4])], departures([0.01, 0.04, 0.09, 0.16], series="b")).empty
    assert table([course([1, 2, 3, 4], steps=STEPS + 1)], departures([0.01] * 4, steps=STEPS[1:] + 1)).empty
    longer = departures([0.01, 0.04, 0.09, 0.16, 0.2], steps=[2, 4, 6, 8, 10])
    assert only([course([1, 2, 3, 4])], longer).last == 8
    assert table([], departures([0.01] * 4)).empty


def test_the_error_of_subsamples_by_hand():
    """Of five subsamples, the half-way steps without one each; five of them vary as one, times the factor."""
    one = course([1, 2, 3, 4], noise=0.4, count=5, factor=2.5)
    row = only([one], departures([0.01, 0.04, 0.09, 0.16]))
    moved = one.each - one.each[0]

    def half(kept):
        lengths = np.linalg.norm(moved[:, kept].mean(axis=1), axis=1)
        place = np.flatnonzero(lengths >= lengths[-1] / 2)[0]
        return np.interp(lengths[-1] / 2, lengths[place - 1 : place + 1], STEPS[place - 1 : place + 1])

    without = [half([k for k in range(5) if k != left]) for left in range(5)]
    assert row.error == pytest.approx(np.sqrt(4 * np.var(without) * 2.5 * 5))
    assert row.topology == pytest.approx(half(range(5)))


def test_slack_at_the_end_makes_half_of_the_way_later():
    """The root of the last divergence is 0.4 to 0.5: half of it is reached at step 4 at the earliest, at 5 at the
    latest."""
    given = departures([0.01, 0.04, 0.09, 0.16])
    given.loc[given["step"] == 8, "slack"] = 0.09
    assert only([course([1, 2, 3, 4])], given).slack == pytest.approx(1.0)


@pytest.mark.parametrize(("spread", "moved"), [(0.079, True), (0.081, False)])
def test_behaviour_has_moved_where_its_mean_is_two_standard_errors_from_nothing(spread, moved):
    """Two prompts: the standard error of their mean is half of what is between them."""
    given = departures([0.01, 0.04, 0.09, 0.16], prompts=2)
    given.loc[given["step"] == 8, "value"] = [0.16 - spread, 0.16 + spread]
    assert only([course([1, 2, 3, 4])], given).moved == moved


def test_one_prompt_or_subsample_has_no_error():
    assert np.isnan(only([course([1, 2, 3, 4])], departures([0.01, 0.04, 0.09, 0.16], prompts=1)).error)
