"""The rules by which numbers become verdicts, one function for each claim, on arrays alone.

Whole runs are what is permuted and what intervals go over. A displacement at its floor is censored: it is anything from
nothing to that floor, so that it can keep a verdict from being reached and never brings one about.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product

import numpy as np
from scipy.special import ndtri, stdtrit  # scipy.stats, which gives the same quantiles, takes a second to load

from phcore.analysis.permanova import between_rows, permanova

HOLDS, FAILS, UNKNOWN = "holds", "does not hold", "cannot be told"
LEVEL = 0.05
EARLY_ENOUGH = 1.5  # times the share of an even course: an early part less than half again as large is none
SETTLED = 0.25  # of the peak, as in the paper
ALIKE = 1.25  # between over within: runs of different groups that are less than so much farther apart are not apart
HALF = 0.5  # of the final distance between objectives
COARSE = 1 / 8  # of the run: a grid whose gaps are wider does not date what happens in them
_ORDERS = 9_999
_EXACT = 100_000
_TIE = 1e-9


@dataclass(frozen=True)
class Judged:
    """A verdict, the statistic and the p-value that it rests on (NaN: none), and the numbers that words are made of."""

    verdict: str = UNKNOWN
    statistic: float = math.nan
    p: float = math.nan
    values: dict[str, float] = field(default_factory=dict)


Moves = tuple[np.ndarray, np.ndarray]
"""Displacements (L, K) of one run, by layer and window, and their floors."""


def bound(values: Sequence[float], side: int) -> float:
    """One end of the interval that holds the mean over runs, 95 % one-sided (Student); infinite for a single run.

    Parameters
    ----------
    side : +1 for the upper end, -1 for the lower.
    """
    known = np.asarray(values, np.float64)
    if len(known) < 2:
        return side * math.inf
    reach = stdtrit(len(known) - 1, 1 - LEVEL) * known.std(ddof=1) / math.sqrt(len(known))
    return float(known.mean() + side * reach)


def clear(moves: Moves) -> np.ndarray:
    """(L, K) bool: which displacements lie beyond their floors. One without a floor never does."""
    value, floor = moves
    return value > np.nan_to_num(floor, nan=np.inf)


def at_most(moves: Moves) -> np.ndarray:
    """(L, K) each displacement, or its floor where it lies below; as it is where the floor is unknown."""
    return np.fmax(*moves)


# --- 1: early -------------------------------------------------------------------------------------


def early(runs: Sequence[Moves]) -> Judged:
    """Claim 1, from the displacements of each run in K windows of equal length.

    Statistic: the share of the first window, mean over layers, then over runs. p: the share of the K^R ways to name one
    window of each run the first whose mean share is as large. Holds: p < 0.05, the share is 1.5 / K or more, the lower
    end of its 95 % interval over runs lies above 1 / K (one run alone makes no claim), and more than half of the first
    displacements lie beyond their floors. Does not hold: the upper end of the 95 % interval over runs lies below 1.5 /
    K, with displacements at their floors taken against it: the first as large as its floor, later ones as nothing.
    """
    shares = np.array([(value / value.sum(axis=1, keepdims=True)).mean(axis=0) for value, _ in runs])  # (R, K)
    windows = shares.shape[1]
    most = [_largest_share(moves) for moves in runs]
    beyond = np.concatenate([clear(moves) for moves in runs])
    share, p, upper = float(shares[:, 0].mean()), _namings(shares), bound(most, +1)
    values = {
        "runs": len(runs), "windows": windows, "flat": 1 / windows, "share": share, "lo": bound(shares[:, 0], -1),
        "hi": upper, "limit": EARLY_ENOUGH / windows, "smallest": windows ** -len(runs),
        "wanted": runs_for(windows), "moved": int(beyond[:, 0].sum()), "layers": len(beyond),
        "least": shares[:, 0].min(), "most": shares[:, 0].max(),
    }  # fmt: skip
    sure = p < LEVEL and share >= EARLY_ENOUGH / windows and values["lo"] > 1 / windows
    held = sure and 2 * values["moved"] > values["layers"]
    return Judged(HOLDS if held else FAILS if upper < EARLY_ENOUGH / windows else UNKNOWN, share, p, values)


def _largest_share(moves: Moves) -> float:
    """Of the first window, mean over layers: the largest that floors leave possible."""
    first, rest = at_most(moves)[:, 0], np.where(clear(moves), moves[0], 0)[:, 1:].sum(axis=1)
    return float((first / (first + rest)).mean())


def _namings(shares: np.ndarray) -> float:
    """p of the first of K shares being that large in the mean over runs; shares (R, K)."""
    runs, windows = shares.shape
    observed = shares[:, 0].sum() - _TIE
    if windows**runs <= _EXACT:
        sums = np.zeros(1)
        for own in shares:
            sums = np.add.outer(sums, own).ravel()
        return float((sums >= observed).mean())
    drawn = np.random.default_rng(0).integers(windows, size=(_EXACT, runs))
    sums = np.take_along_axis(shares, drawn.T, axis=1).sum(axis=0)
    return float((1 + (sums >= observed).sum()) / (1 + len(sums)))


def runs_for(windows: int, ways: int = 1) -> int:
    """The fewest runs whose smallest p-value, ``ways`` / windows^R, lies below 0.05."""
    return next(runs for runs in range(1, 64) if ways * windows**-runs < LEVEL)


# --- 2: a peak, and settling ----------------------------------------------------------------------


def peak(runs: Sequence[Moves]) -> Judged:
    """Claim 2, from the displacements of each run in K windows of equal length, K the same for all.

    Statistic: the mean over runs and layers of the course (each divided by its sum), its largest value in the first
    third less its largest value after it. p: windows permuted within each run. Settling: the mean rate after the first
    third over that of the peak. Holds: p < 0.05 and the upper end of the ratio's 95 % interval over runs lies below
    1/4, with rates at their floors as large as these. Does not hold: the lower end lies above 1/4 with such rates as
    nothing, or the peak is late by the same test, and mostly beyond its floors.
    """
    courses = np.array([(value / value.sum(axis=1, keepdims=True)).mean(axis=0) for value, _ in runs])  # (R, K)
    windows = courses.shape[1]
    third = round(windows / 3)
    mean = courses.mean(axis=0)
    top = int(mean[:third].argmax())
    high = [float((at_most(m)[:, third:].mean(axis=1) / np.fmax(m[0][:, top], _TIE)).mean()) for m in runs]
    low = [float((np.where(clear(m), m[0], 0)[:, third:].mean(axis=1) / at_most(m)[:, top]).mean()) for m in runs]
    statistic, drawn = _early_peak(courses, third), _early_peak(_shuffled(courses), third)
    p, late = ((1 + (side * drawn >= side * statistic - _TIE).sum()) / (1 + len(drawn)) for side in (1, -1))
    upper, lower = bound(high, +1), bound(low, -1)
    beyond = np.concatenate([clear(m) for m in runs])
    values = {
        "runs": len(runs), "windows": windows, "third": third, "peak": int(mean.argmax()), "late": float(late),
        "ratio": float(np.mean([(m[0][:, third:].mean(axis=1) / np.fmax(m[0][:, top], _TIE)).mean() for m in runs])),
        "lo": lower, "hi": upper, "wanted": runs_for(windows, third), "beyond": int(beyond.sum()),
        "all": beyond.size,
    }  # fmt: skip
    fastest = np.concatenate([clear(m)[:, values["peak"]] for m in runs])
    held = p < LEVEL and upper < SETTLED
    failed = lower > SETTLED or (late < LEVEL and 2 * fastest.sum() > len(fastest))
    return Judged(HOLDS if held else FAILS if failed else UNKNOWN, float(statistic), float(p), values)


def _early_peak(courses: np.ndarray, third: int) -> np.ndarray:
    """(...): the mean over runs at its largest in the first third, less that after it; courses (..., R, K)."""
    mean = courses.mean(axis=-2)
    return mean[..., :third].max(axis=-1) - mean[..., third:].max(axis=-1)


def _shuffled(courses: np.ndarray) -> np.ndarray:
    """(N, R, K) with the windows of each run in random orders."""
    return np.random.default_rng(0).permuted(np.broadcast_to(courses, (_ORDERS, *courses.shape)).copy(), axis=2)


# --- groups of whole runs: objectives, base models ------------------------------------------------


def groups(distances: np.ndarray, labels: Sequence[str]) -> Judged:
    """Whether runs of one group are nearer to each other than to those of others.

    PERMANOVA over whole runs. Holds: p < 0.05, and between over within is 1.25 or more: a difference that is sure and
    too small to matter is none. Does not hold: the upper end of the 95 % interval of that ratio, each run left out in
    turn (jackknife, Student), lies below 1.25.

    Parameters
    ----------
    distances : (R, R) between runs.
    labels : (R,) the group of each.
    """
    test = permanova(distances, labels)
    ratio, upper = test.between / test.within if test.within > 0 else math.inf, math.inf
    if np.isfinite(ratio) and len(labels) > 3:
        upper = ratio + jackknife(lambda kept: _ratio(distances[np.ix_(kept, kept)], np.asarray(labels)[kept]), labels)
    values = {
        "runs": len(labels), "groups": len(set(labels)), "between": test.between, "within": test.within,
        "ratio": ratio, "hi": upper, "permutations": test.permutations,
        "smallest": 1 / test.permutations if test.permutations else math.nan,
    }  # fmt: skip
    held = test.p < LEVEL and ratio >= ALIKE
    return Judged(HOLDS if held else FAILS if upper < ALIKE else UNKNOWN, test.pseudo_f, test.p, values)


def models(runs: Sequence[Moves], labels: Sequence[str]) -> Judged:
    """Claim 4: `groups` of whole runs by base model, from the displacements of each in K windows of the same shares of
    its training, at the same relative depths.

    A run is the shares of its windows. Noise makes shares alike, and a study with fewer prompts has more of it: so a
    depth counts where every run has moved beyond its floor, and the verdict has to be the same whether the squared
    floors of any of the models are taken off its squared displacements or not, with differences in one direction. The
    statistic is of what was measured, p the largest.

    Parameters
    ----------
    runs : displacements and floors, (depths, K) each.
    labels : (R,) the base model of each.
    """
    values, floors = (np.array(one, np.float64) for one in zip(*runs, strict=True))  # (R, depths, K)
    moved = (values > np.nan_to_num(floors, nan=np.inf)).any(axis=2).all(axis=0)
    if not moved.any():
        return Judged(values={"depths": 0, "runs": len(labels)})
    values, floors = values[:, moved], floors[:, moved]
    names, group = np.unique(labels, return_inverse=True)
    found, directions = [], []
    for taken_off in product((0, 1), repeat=len(names)):
        left = np.sqrt(np.clip(values**2 - np.array(taken_off)[group][:, None, None] * floors**2, 0, None))
        shares = (left / left.sum(axis=2, keepdims=True)).reshape(len(labels), -1)
        found.append(groups(between_rows(shares) / math.sqrt(shares.shape[1]), labels))
        means = np.array([shares[group == one].mean(axis=0) for one in range(len(names))])
        directions.append((means - means.mean(axis=0)).ravel())
    first, said = found[0], {one.verdict for one in found}
    turned = (np.array(directions) @ np.transpose(directions) <= 0).any()  # somewhere between there is no difference
    told = len(said) == 1 and not (first.verdict == HOLDS and turned)
    counts = {"depths": int(moved.sum()), "hi": max(one.values["hi"] for one in found)}
    p = max(one.p for one in found)
    return Judged(first.verdict if told else UNKNOWN, first.statistic, p, first.values | counts)


def _ratio(distances: np.ndarray, labels: np.ndarray) -> float:
    upper = np.triu_indices(len(labels), 1)
    same = labels[upper[0]] == labels[upper[1]]
    each = distances[upper]
    return float(each[~same].mean() / each[same].mean()) if same.any() and not same.all() else math.nan


def jackknife(statistic, labels: Sequence[str]) -> float:
    """How far a one-sided 95 % interval reaches, each run left out in turn; infinite where one cannot be.

    Parameters
    ----------
    statistic : places of the runs that are kept -> number.
    """
    runs = np.arange(len(labels))
    values = np.array([statistic(np.delete(runs, run)) for run in runs])
    if not np.isfinite(values).all():
        return math.inf
    error = math.sqrt((len(runs) - 1) / len(runs) * ((values - values.mean()) ** 2).sum())
    return float(stdtrit(len(runs) - 1, 1 - LEVEL) * error)


def parted(at_peak: np.ndarray, at_end: np.ndarray, labels: Sequence[str]) -> Judged:
    """The second half of claim 3, from the distances (R, R) between runs at the peak and at the last step.

    Statistic: how much farther runs of different objectives are apart than runs of one, at the peak as a share of the
    end. Holds: the upper end of its 95 % interval (jackknife over runs) lies below one half, so that most of the
    parting comes after the peak. Does not hold: the lower end lies above one half.
    """

    def share(kept: np.ndarray) -> float:
        peak, end = (_excess(one[np.ix_(kept, kept)], np.asarray(labels)[kept]) for one in (at_peak, at_end))
        return peak / end if end > 0 else math.nan

    found, reach = share(np.arange(len(labels))), jackknife(share, labels)
    low, high = found - reach, found + reach
    verdict = HOLDS if high < HALF else FAILS if low > HALF else UNKNOWN
    return Judged(verdict, found, math.nan, {"share": found, "lo": low, "hi": high})


def _excess(distances: np.ndarray, labels: np.ndarray) -> float:
    upper = np.triu_indices(len(labels), 1)
    same = labels[upper[0]] == labels[upper[1]]
    each = distances[upper] ** 2  # squares of what runs of one objective share with all others cancel
    return math.sqrt(max(0.0, each[~same].mean() - each[same].mean())) if same.any() and not same.all() else math.nan


# --- 5: lag ---------------------------------------------------------------------------------------


def lag(
    topology: np.ndarray, behaviour: np.ndarray, error: np.ndarray, slack: np.ndarray, resolution: np.ndarray,
    last: np.ndarray, moved: np.ndarray,
) -> Judged:  # fmt: skip
    """Claim 5, for each of n series at layers: the step at which half of the displacement is done, in both.

    Intervals (`later`): 95 % for all of them together (Bonferroni), for other prompts, widened by what the truncated
    divergence leaves open. The tolerance of each is the wider gap of the grid around its two steps. Does not hold:
    somewhere topology is later by more than that, by the lower end. Holds: it is so nowhere, by the upper ends, no gap
    is wider than an eighth of the run, and all have moved beyond their floors.

    Parameters
    ----------
    topology, behaviour, error, slack, resolution, last : (n,) steps; ``error`` is the standard error of the difference.
    moved : (n,) bool: whether both have moved beyond their floors. Others bring about no verdict.
    """
    difference, low, high = later(topology, behaviour, error, slack)
    surely, never = (low > resolution) & moved, (high <= resolution) & moved & (resolution <= COARSE * last)
    values = {
        "n": len(topology), "surely": int(surely.sum()), "never": int(never.sum()), "moved": int(moved.sum()),
        "least": float(difference.min()), "most": float(difference.max()), "lo": float(low.min()),
        "hi": float(high.max()), "resolution": float(resolution.max()),
        "coarse": int((resolution > COARSE * last).sum()),
        "open": int((slack > np.abs(difference) / 10).sum()), "first": int((difference <= resolution).sum()),
    }  # fmt: skip
    verdict = FAILS if surely.any() else HOLDS if never.all() else UNKNOWN
    return Judged(verdict, float(difference.max()), math.nan, values)


def later(
    topology: np.ndarray, behaviour: np.ndarray, error: np.ndarray, slack: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """By how many steps topology is halfway later than behaviour, and the ends of the intervals, as in `lag`."""
    difference, reach = topology - behaviour, ndtri(1 - LEVEL / len(topology)) * error + slack
    return difference, difference - reach, difference + reach


def crossing(steps: np.ndarray, values: np.ndarray, level: float) -> tuple[float, float]:
    """The step at which a curve first reaches a level, straight between checkpoints, and the gap it falls into.

    Parameters
    ----------
    steps, values : (S,) ascending steps from the base on; the first value is 0.

    Returns
    -------
    NaN, NaN where it never does.
    """
    reached = np.flatnonzero(values >= level)
    if not len(reached) or reached[0] == 0:
        return math.nan, math.nan
    place = reached[0]
    (a, b), (low, high) = (next(pairwise(one[place - 1 : place + 1])) for one in (steps, values))
    return float(a + (b - a) * (level - low) / (high - low)), float(b - a)
