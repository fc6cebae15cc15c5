"""The rules by which numbers become verdicts: at their boundaries, by hand, and on courses whose answer is known."""

import itertools
import math

import numpy as np
import pytest

from phcore.analysis import claims as c

FLOOR = 0.01


def course(*values, layers=2, floor=FLOOR):
    value = np.tile(np.asarray(values, float), (layers, 1))
    return value, np.full_like(value, floor)


EARLY = (8.0, 1.0, 1.0, 1.0)
FLAT = (1.0, 1.1, 0.9, 1.0)


# --- an interval over runs ------------------------------------------------------------------------


def test_the_bound_is_students():
    assert c.bound([1.0, 2.0, 3.0], +1) == pytest.approx(2 + 2.91999 / math.sqrt(3), rel=1e-4)
    assert c.bound([1.0, 2.0, 3.0], -1) == pytest.approx(2 - 2.91999 / math.sqrt(3), rel=1e-4)
    assert c.bound([1.0], +1) == math.inf
    assert c.bound([1.0], -1) == -math.inf


def test_at_the_level_nothing_is_said_of_a_late_peak(monkeypatch):
    """19 orders of the windows, none of them as late as the course itself: p is 0.05, and not below it."""
    for orders, verdict in ((19, c.UNKNOWN), (20, c.FAILS)):
        early = np.tile([0.9, *[0.02] * 5], (orders, 1, 1))
        monkeypatch.setattr(c, "_shuffled", lambda courses, early=early: early)
        found = c.peak([course(1, 1, 1, 1, 1, 20)])
        assert (found.values["late"], found.verdict) == (1 / (orders + 1), verdict)


# --- 1: early -------------------------------------------------------------------------------------


def test_an_early_course_of_three_runs_holds_at_the_smallest_p():
    found = c.early([course(*EARLY)] * 3)
    assert (found.verdict, found.p) == (c.HOLDS, 1 / 64)
    assert found.statistic == pytest.approx(8 / 11)
    assert found.values["smallest"] == 1 / 64
    assert found.values["wanted"] == 3


def test_two_runs_can_not_be_early_enough():
    found = c.early([course(*EARLY)] * 2)
    assert (found.verdict, found.p) == (c.UNKNOWN, 1 / 16)


def test_the_p_value_counts_every_way_to_name_a_first_window():
    rng = np.random.default_rng(0)
    runs = [course(*rng.uniform(0.5, 2, 4), layers=1) for _ in range(3)]
    shares = [value[0] / value.sum() for value, _ in runs]
    observed = sum(share[0] for share in shares)
    every = [sum(share[k] for share, k in zip(shares, ways, strict=True)) >= observed - 1e-12
             for ways in itertools.product(range(4), repeat=3)]  # fmt: skip
    assert c.early(runs).p == pytest.approx(np.mean(every))


def test_of_very_many_runs_some_ways_are_drawn():
    """4^9 ways are too many: p is that of the exact count, but for chance."""
    rng = np.random.default_rng(1)
    shares = rng.dirichlet(np.ones(4) * 20, size=9)
    assert 4**9 > c._EXACT > 4**8
    sums = np.zeros(1)
    for own in shares:
        sums = np.add.outer(sums, own).ravel()
    exact = (sums >= shares[:, 0].sum() - 1e-9).mean()
    assert c._namings(shares) == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 1e5) + 1e-5)


def test_early_is_not_said_of_a_displacement_at_its_floor():
    """More than half of the first displacements have to lie beyond their floors: at one half they are too few."""
    half = (course(*EARLY)[0], np.array([[FLOOR] * 4, [9.0] * 4]))
    assert c.early([half] * 4).verdict == c.UNKNOWN
    most = (course(*EARLY, layers=3)[0], np.array([[FLOOR] * 4, [FLOOR] * 4, [9.0] * 4]))
    assert c.early([most] * 4).verdict == c.HOLDS
    exact = (course(*EARLY)[0], course(*EARLY)[0])  # not beyond where it is equal
    assert c.early([exact] * 4).verdict == c.UNKNOWN
    unknown = (course(*EARLY)[0], np.full((2, 4), np.nan))
    assert c.early([unknown] * 4).verdict == c.UNKNOWN


def test_a_flat_course_does_not_hold_and_one_run_of_it_can_not_be_told():
    found = c.early([course(*FLAT), course(*FLAT[::-1]), course(1, 1, 1, 1)])
    assert found.verdict == c.FAILS
    assert found.values["hi"] < found.values["limit"] == 0.375
    assert c.early([course(*FLAT)]).verdict == c.UNKNOWN


def test_an_early_part_half_again_as_large_is_where_it_is_ruled_out():
    """Runs without spread: the share alone decides, at 1.5 / 4."""
    below, above = (course(first, *[(1 - first) / 3] * 3) for first in (0.374, 0.376))
    assert c.early([below] * 2).verdict == c.FAILS
    assert c.early([course(3, 2, 2, 1)] * 2).verdict == c.UNKNOWN  # 3 / 8
    assert c.early([above] * 2).verdict == c.UNKNOWN


def test_early_is_not_said_of_one_fast_run_among_even_ones():
    """The p is the smallest there is and the mean share one half, but the interval over runs holds an even share."""
    odd = c.early([course(27.0, 1, 1, 1), course(1.2, 1, 1, 1), course(1.2, 1, 1, 1)])
    assert odd.p == 1 / 64
    assert odd.statistic > 1.5 / 4
    assert odd.values["lo"] < 1 / 4
    assert odd.verdict != c.HOLDS


def test_floors_keep_a_flat_course_from_being_told():
    """Noise is flat: at their floors, later displacements may be nothing, and the first as large as the floor."""
    assert c.early([course(*FLAT, floor=2.0)] * 5).verdict == c.UNKNOWN
    later = (np.array([[1.0, 1.0, 1.0, 1.0]]), np.array([[0.1, 2.0, 0.1, 0.1]]))
    assert c.early([later] * 2).values["hi"] == pytest.approx(1 / 3)
    first = (np.array([[1.0, 4.0, 4.0, 4.0]]), np.array([[3.0, 0.1, 0.1, 0.1]]))
    assert c.early([first] * 2).values["hi"] == pytest.approx(3 / 15)


def test_layers_count_alike_whatever_their_size():
    """The second moves a hundred times as far: the share is the mean of both shares all the same."""
    moved = np.array([[8.0, 1.0, 1.0, 0.0], [200.0, 300.0, 300.0, 200.0]])
    found = c.early([(moved, np.full_like(moved, FLOOR))] * 2)
    assert found.statistic == pytest.approx((0.8 + 0.2) / 2)
    told = {"runs": 2, "windows": 4, "flat": 0.25, "lo": 0.5, "limit": 0.375, "moved": 4, "layers": 4, "least": 0.5,
            "most": 0.5, "hi": (8 / 10 + 0.2) / 2}  # fmt: skip
    assert {name: found.values[name] for name in told} == pytest.approx(told)


def test_the_interval_of_the_share_is_that_of_runs():
    runs = [course(8, 1, 1, 0, layers=1), course(6, 2, 1, 1, layers=1), course(7, 1, 1, 1, layers=1)]
    found = c.early(runs)
    assert found.values["lo"] == pytest.approx(c.bound([0.8, 0.6, 0.7], -1))
    assert found.values["hi"] == pytest.approx(c.bound([0.8, 0.6, 0.7], +1))
    assert (found.values["least"], found.values["most"]) == pytest.approx((0.6, 0.8))


def test_runs_that_can_reach_a_small_p():
    assert [c.runs_for(windows) for windows in (2, 4, 8, 20, 21)] == [5, 3, 2, 2, 1]
    assert [c.runs_for(6, 2), c.runs_for(9, 3)] == [3, 2]


# --- 2: peak and settling -------------------------------------------------------------------------

BURST = (3.0, 20.0, 1.0, 1.1, 0.9, 1.0, 1.0, 1.0, 1.0)


def noisy(values, runs, seed=0, noise=0.1, floor=FLOOR):
    rng = np.random.default_rng(seed)
    return [
        course(*(np.asarray(values) * np.exp(noise * rng.normal(size=len(values)))), floor=floor) for _ in range(runs)
    ]


def test_a_transient_early_peak_holds():
    found = c.peak(noisy(BURST, 3))
    assert found.verdict == c.HOLDS
    assert found.p < 0.05
    assert found.values["peak"] == 1
    assert found.values["third"] == 3
    assert found.values["hi"] < c.SETTLED


def test_one_run_has_no_interval_and_so_no_verdict():
    assert c.peak(noisy(BURST, 1)).verdict == c.UNKNOWN


def test_an_even_course_does_not_settle_and_a_late_peak_is_late():
    assert c.peak(noisy(np.ones(9), 3)).verdict == c.FAILS
    late = c.peak(noisy(BURST[::-1], 3))
    assert late.verdict == c.FAILS
    assert late.values["late"] < 0.05 < late.p


def test_settled_means_under_a_quarter():
    """No spread between runs: the ratio alone decides. 1 / 5 is settled, 1 / 3 is not."""
    low, high = ((5.0, 1, 1, 1, 1, 1), (3.0, 1, 1, 1, 1, 1))
    assert c.peak([course(*low)] * 3).verdict == c.HOLDS
    assert c.peak([course(*high)] * 3).verdict == c.FAILS
    assert c.peak([course(*low)] * 3).values["ratio"] == pytest.approx(0.2)


def _orders(moved):
    """Every order of the mean course of a run."""
    mean = (moved / moved.sum(axis=1, keepdims=True)).mean(axis=0)
    return [mean[list(one)] for one in itertools.permutations(range(len(mean)))][::7]


def test_a_peak_by_hand():
    """Shares are 6, 1, 1, 1, 1, 0 and 1, 1, 3, 1, 2, 2 tenths: 0.35 at most in the first third, 0.2 after it."""
    moved = np.array([[6.0, 1, 1, 1, 1, 0], [100, 100, 300, 100, 200, 200]])
    found = c.peak([(moved, np.full_like(moved, FLOOR))] * 2)
    assert found.statistic == pytest.approx(0.15)
    told = {"runs": 2, "windows": 6, "third": 2, "peak": 0, "ratio": (0.75 / 6 + 2) / 2, "lo": (0.75 / 6 + 2) / 2,
            "hi": (0.7525 / 6 + 2) / 2, "wanted": 3, "beyond": 22, "all": 24}  # fmt: skip
    assert {name: found.values[name] for name in told} == pytest.approx(told)
    orders = [np.mean(both, axis=0) for both in itertools.product(_orders(moved), repeat=2)]
    early = [one[:2].max() - one[2:].max() for one in orders]
    assert found.p == pytest.approx(np.mean([one > 0.15 - 1e-9 for one in early]), abs=0.02)
    assert found.values["late"] == pytest.approx(np.mean([one < 0.15 + 1e-9 for one in early]), abs=0.02)


def test_a_late_peak_at_its_floor_is_none():
    """Of four layers: two that peak beyond their floors are no majority, three are. Early rates may be large."""
    moved, floor = course(2, 2, 2, 2, 2, 20, layers=4)
    for clear, verdict in ((2, c.UNKNOWN), (3, c.FAILS)):
        floors = floor.copy()
        floors[:, :2], floors[clear:, 5] = 100.0, 100.0
        runs = [(moved, floors)] * 3
        assert c.peak(runs).verdict == verdict


def test_rates_at_their_floor_support_settling_and_never_contradict_it():
    burst = (20.0, 1, 1, 1, 1, 1)
    assert c.peak([course(*burst, floor=2.0)] * 3).verdict == c.HOLDS  # at most 2 of 20
    assert c.peak([course(*burst, floor=6.0)] * 3).verdict == c.UNKNOWN  # may be 6 of 20, may be nothing
    assert c.peak([course(*np.ones(6), floor=2.0)] * 3).verdict == c.UNKNOWN
    assert c.peak([course(*np.ones(6), floor=0.5)] * 3).verdict == c.FAILS


def test_windows_are_permuted_within_runs():
    """One run of six windows: its largest falls into the first two by chance in a third of the orders."""
    found = c.peak([course(9.0, 1, 1, 1, 1, 1, layers=1)])
    assert found.p == pytest.approx(1 / 3, abs=0.02)
    two = c.peak([course(9.0, 1, 1, 1, 1, 1, layers=1)] * 2)
    assert two.p == pytest.approx(2 / 36, abs=0.01)


# --- groups of runs -------------------------------------------------------------------------------


def apart(gap, each=4, groups=2, seed=0, dimension=20):
    rng = np.random.default_rng(seed)
    labels = [str(k % groups) for k in range(each * groups)]
    places = rng.normal(size=(len(labels), dimension))
    for k, name in enumerate(labels):
        places[k, int(name)] += gap
    return np.linalg.norm(places[:, None] - places[None], axis=-1), labels


def test_groups_that_are_apart_hold_and_alike_ones_do_not():
    assert c.groups(*apart(12.0)).verdict == c.HOLDS
    alike = c.groups(*apart(0.0))
    assert alike.verdict == c.FAILS
    assert alike.values["hi"] < c.ALIKE
    assert alike.values["smallest"] == pytest.approx(1 / 35)


def test_few_runs_never_say_alike():
    """Three runs leave no interval, one per group no p either; two and two no small p."""
    assert c.groups(*apart(0.0, each=1)).verdict == c.UNKNOWN
    two, labels = apart(0.0, each=2)
    assert c.groups(two, labels).p >= 1 / 3
    assert c.groups(two[:3, :3], labels[:3]).values["hi"] == math.inf


def test_the_ratio_is_between_over_within():
    distances = np.array([[0, 1, 4, 4], [1, 0, 4, 4], [4, 4, 0, 1], [4, 4, 1, 0]], float)
    found = c.groups(distances, ["a", "a", "b", "b"])
    assert found.values["ratio"] == 4.0
    assert (found.values["between"], found.values["within"]) == (4.0, 1.0)


def test_groups_in_numbers():
    """Four runs are enough for an interval: the ratios without one run each are 9 / 2, 9 / 2, 4 and 4.5."""
    distances = np.array([[0, 1, 4, 4], [1, 0, 4, 5], [4, 4, 0, 2], [4, 5, 2, 0]], float)
    found = c.groups(distances, ["a", "a", "b", "b"])
    without = np.array([4.5 / 2, 4 / 2, 4.5, 4.0])
    reach = 2.353363 * math.sqrt(3 / 4 * ((without - without.mean()) ** 2).sum())
    told = {"runs": 4, "groups": 2, "between": 4.25, "within": 1.5, "ratio": 4.25 / 1.5, "permutations": 3,
            "smallest": 1 / 3, "hi": 4.25 / 1.5 + reach}  # fmt: skip
    assert {name: found.values[name] for name in told} == pytest.approx(told)


@pytest.mark.parametrize(("across", "verdict"), [(1.2, c.FAILS), (1.25, c.UNKNOWN)])
def test_alike_is_nearer_than_a_quarter_more(across, verdict):
    same = np.equal.outer(list("aabb"), list("aabb"))
    found = c.groups(np.where(same, 1.0, across), list("aabb"))
    assert (found.verdict, found.values["hi"]) == (verdict, across)


def test_groups_without_a_spread_or_a_second_run():
    same = np.array([[0, 0, 3, 3], [0, 0, 3, 3], [3, 3, 0, 0], [3, 3, 0, 0]], float)
    assert c.groups(same, ["a", "a", "b", "b"]).values["ratio"] == math.inf
    alone = c.groups(same[1:3, 1:3], ["a", "b"])
    assert (alone.verdict, alone.values["permutations"]) == (c.UNKNOWN, 0)
    assert math.isnan(alone.values["smallest"])


def test_the_jackknife_of_a_mean_is_its_standard_error():
    values = np.array([1.0, 2.0, 4.0, 9.0])
    reach = c.jackknife(lambda kept: values[kept].mean(), list("abcd"))
    assert reach == pytest.approx(2.353363 * values.std(ddof=1) / 2)
    assert c.jackknife(lambda kept: math.nan, list("ab")) == math.inf


@pytest.mark.parametrize(("share", "verdict"), [(0.1, c.HOLDS), (0.5, c.UNKNOWN), (0.9, c.FAILS)])
def test_objectives_part_after_the_peak_where_they_are_less_than_half_apart_at_it(share, verdict):
    end, labels = apart(40.0, seed=1)
    peak, _ = apart(40.0 * share, seed=1)
    found = c.parted(peak, end, labels)
    assert found.verdict == verdict
    assert found.values["lo"] < found.statistic < found.values["hi"]


@pytest.mark.parametrize(
    ("alike", "across", "share", "verdict"),
    [(4, 24**0.5, 0.5**0.5, c.FAILS), (0, 2, 0.5, c.UNKNOWN), (4, 17**0.5, 0.25, c.HOLDS), (4, 3, 0, c.HOLDS)],
)
def test_the_share_at_the_peak_by_hand(alike, across, share, verdict):
    """Runs of one objective are 3 apart at the end, those of two 5; at the peak `alike` and `across`."""
    labels = ["a", "a", "b", "b"]
    same = np.equal.outer(labels, labels)
    peak, end = np.where(same, float(alike), across), np.where(same, 3.0, 5.0)
    found = c.parted(peak, end, labels)
    assert (found.verdict, found.statistic) == (verdict, pytest.approx(share))
    assert math.isnan(found.p)
    assert (found.values["share"], found.values["lo"], found.values["hi"]) == pytest.approx((share,) * 3, abs=1e-6)
    assert c.parted(peak, np.full((4, 4), 5.0), labels).verdict == c.UNKNOWN  # not apart at the end: a share of nothing


# --- 5: lag ---------------------------------------------------------------------------------------


def lag(later=(-5.0, 0.0, 1.0), error=0.1, slack=0.0, resolution=2.0, last=64.0, moved=True):
    later = np.asarray(later, float)
    same = np.ones(len(later))
    return c.lag(20 + later, 20 * same, error * same, slack * same, resolution * same, last * same, moved & (same > 0))


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, c.HOLDS),
        ({"later": (-5.0, 0.0, 9.0)}, c.FAILS),  # one is enough
        ({"later": (-5.0, 0.0, 9.0), "error": 5.0}, c.UNKNOWN),
        ({"later": (-5.0, 0.0, 9.0), "slack": 8.0}, c.UNKNOWN),
        ({"later": (-5.0, 0.0, 9.0), "resolution": 10.0, "last": 90.0}, c.HOLDS),  # within a gap of the grid
        ({"slack": 3.0}, c.UNKNOWN),
        ({"resolution": 8.0}, c.HOLDS),
        ({"resolution": 8.1}, c.UNKNOWN),  # wider than an eighth of the run
        ({"moved": False}, c.UNKNOWN),
        ({"later": (-5.0, 0.0, 9.0), "moved": False}, c.UNKNOWN),
    ],
)
def test_lags(changed, verdict):
    assert lag(**changed).verdict == verdict


def test_the_interval_is_for_all_together():
    """Three at once: the normal quantile of 1 - 0.05 / 3."""
    found = lag(later=(0.0, 0.0, 0.0), error=1.0)
    assert found.values["hi"] == pytest.approx(2.128045, rel=1e-5)
    assert found.values["lo"] == -found.values["hi"]
    assert lag(later=(0.0,), error=1.0).values["hi"] == pytest.approx(1.644854, rel=1e-5)


def test_what_lags_count():
    found = lag(later=(-5.0, 3.0, 9.0), resolution=4.0, slack=1.0)
    assert {name: found.values[name] for name in ("n", "surely", "first", "open", "least", "most")} == {
        "n": 3, "surely": 1, "first": 2, "open": 3, "least": -5.0, "most": 9.0
    }  # fmt: skip
    assert found.statistic == 9.0


def test_each_lag_is_counted_by_its_own_numbers():
    found = c.lag(
        topology=np.array([15.0, 23.0, 29.0, 40.0]), behaviour=np.full(4, 20.0), error=np.zeros(4),
        slack=np.array([0.4, 0.4, 0.4, 0.4]), resolution=np.array([8.0, 8.1, 9.0, 2.0]), last=np.full(4, 64.0),
        moved=np.array([True, True, True, False]),
    )  # fmt: skip
    told = {"n": 4, "surely": 0, "never": 1, "moved": 3, "least": -5.0, "most": 20.0, "lo": -5.4, "hi": 20.4,
            "resolution": 9.0, "coarse": 2, "open": 1, "first": 3}  # fmt: skip
    assert found.values == pytest.approx(told)
    assert found.verdict == c.UNKNOWN


@pytest.mark.parametrize(
    ("values", "level", "found"),
    [
        ([0, 1, 2, 4], 2.0, (2.0, 1.0)),
        ([0, 1, 2, 4], 3.0, (4.0, 4.0)),
        ([0, 4, 1, 4], 2.0, (0.5, 1.0)),  # the first time
        ([0, 1, 2, 4], 5.0, (math.nan, math.nan)),
        ([0, 0, 0, 0], 0.0, (math.nan, math.nan)),
    ],
)
def test_crossings_by_hand(values, level, found):
    np.testing.assert_equal(c.crossing(np.array([0, 1, 2, 6]), np.array(values, float), level), found)


# --- 4: models --------------------------------------------------------------------------------------


def runs_of(course_, count=5, floor=FLOOR, noise=0.0, seed=0):
    """Runs whose displacements are those of a course with noise of this size, and its floor."""
    rng = np.random.default_rng(seed)
    jitter = 0.02 * np.asarray(course_) * rng.normal(size=(count, 2, 4))
    value = np.sqrt((np.asarray(course_) + jitter) ** 2 + noise**2)
    return [(one, np.full((2, 4), floor)) for one in value]


LABELS = ["a"] * 5 + ["b"] * 5


def test_models_that_move_at_other_times_differ():
    found = c.models(runs_of(EARLY) + runs_of(FLAT, seed=1), LABELS)
    assert (found.verdict, found.values["depths"]) == (c.HOLDS, 2)
    assert found.p == pytest.approx(1 / 126)


def test_noise_that_makes_shares_alike_is_no_difference_between_models():
    """The same course, measured with few prompts: shares differ as measured, and nothing is said."""
    quiet, noisy = runs_of(EARLY), runs_of(EARLY, floor=2.0, noise=1.5, seed=1)
    still = [(value, np.zeros_like(value)) for value, _ in quiet + noisy]
    assert c.models(still, LABELS).verdict == c.HOLDS
    assert c.models(quiet + noisy, LABELS).verdict == c.UNKNOWN


def test_a_difference_that_is_gone_when_floors_are_taken_off_is_none():
    """The second is less early as measured, and as early as the first without what its noise adds."""
    quiet, noisy = runs_of((4.0, 1, 1, 1)), runs_of((3.0, 1, 1, 1), floor=0.66, seed=1)
    exact = [(value, np.zeros_like(value)) for value, _ in quiet + noisy]
    assert c.models(exact, LABELS).verdict == c.HOLDS
    assert c.models(quiet + noisy, LABELS).verdict == c.UNKNOWN
    less = [(value, floor / 3) for value, floor in quiet + noisy]
    assert c.models(less, LABELS).verdict == c.HOLDS


def test_a_depth_at_which_a_run_stands_still_does_not_count():
    still = (np.array([EARLY, FLAT]), np.array([[FLOOR] * 4, [2.0] * 4]))
    found = c.models([*runs_of(EARLY)[:4], still, *runs_of(FLAT, seed=1)], LABELS)
    assert found.values["depths"] == 1
    nowhere = (np.array([FLAT, FLAT]), np.full((2, 4), 2.0))
    assert c.models([*runs_of(EARLY)[:4], nowhere, *runs_of(FLAT, seed=1)], LABELS).verdict == c.UNKNOWN


def test_a_difference_that_is_sure_and_small_is_none():
    distances = np.array([[0, 1, 1.2, 1.2], [1, 0, 1.2, 1.2], [1.2, 1.2, 0, 1], [1.2, 1.2, 1, 0]])
    big = np.kron(distances + np.eye(4), np.ones((3, 3))) * (1 - np.eye(12))
    found = c.groups(big, ["a"] * 6 + ["b"] * 6)
    assert found.p < 0.05
    assert found.verdict != c.HOLDS
