"""How far apart the runs of different objectives are, and how sure one can be of it.

Three kinds of noise are kept apart. *Resampling* of the prompts at hand has its floors: random halves of a cell's own
subsamples. *Another choice of prompts* has the intervals of `resampling`. *Another training run* can be told only from
several runs per objective: whole runs are permuted. Subsamples overlap and never count as replicates.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist, pdist, squareform

from phcore.analysis.objectives import Standardised, common_steps, objective_distance, summary_distance
from phcore.analysis.resampling import interval
from phcore.errors import Fault

# A spread below this share of a number's size is rounding of a constant.
_CONSTANT = 1e-9
# Sums in another order differ in their last bits; such a tie counts as "as extreme".
_TIE = 1e-10
LABELINGS = 10_000
"""Up to so many ways to label the runs, all are looked at."""
WHOLE = -1
"""The step that stands for the whole run in the table of `runs`."""


def energy_distance(x: np.ndarray, y: np.ndarray, *, unbiased: bool = False) -> float:
    """Energy distance 2E|X-Y| - E|X-X'| - E|Y-Y'| (Székely & Rizzo 2013), in the unit of the points.

    Parameters
    ----------
    x, y : (k, d) and (l, d) points.
    unbiased : False: the V-statistic, means over all pairs, a point and itself included. It is never negative, and
        without any difference about (1/k + 1/l) E|X-X'|, so that it cannot be compared between samples of other sizes.
        True: the U-statistic for paired samples, k = l, row i of x and of y belonging together. It leaves out the
        pairs i = i of all three means; without any difference it is 0 on average, for any size and any correlation
        within the pairs, and so as often below 0 as above.

    Returns
    -------
    NaN where a sample is empty, or for one pair if unbiased.

    Raises
    ------
    Fault : unbiased and k is not l.
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if unbiased and len(x) != len(y):
        raise Fault(f"samples of {len(x)} and {len(y)} points are not paired", "give both the same subsamples")
    pairs = (len(x) * len(y), len(x) ** 2, len(y) ** 2)
    cross, within_x, within_y = cdist(x, y), cdist(x, x), cdist(y, y)
    if unbiased:
        np.fill_diagonal(cross, 0)
        pairs = (len(x) * (len(x) - 1),) * 3
    if not min(pairs):
        return float("nan")
    return float(2 * cross.sum() / pairs[0] - within_x.sum() / pairs[1] - within_y.sum() / pairs[2])


def hedges_g(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Difference of means in pooled standard deviations, with Hedges' (1981) correction for small samples.

    ``g = J (mean x - mean y) / s``, s the pooled standard deviation (ddof 1) and J = 1 - 3 / (4 (k + l) - 9).

    Parameters
    ----------
    x, y : (k, f) and (l, f).

    Returns
    -------
    (f,), without unit. Equal constants are 0 apart; NaN where constants differ, a value is missing or k + l < 3.
    """
    return _in_deviations(x, y, np.mean(x, axis=0) - np.mean(y, axis=0))


def cliffs_delta(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """P(X > Y) - P(X < Y) over all pairs (Cliff 1993), from -1 to 1.

    Parameters
    ----------
    x, y : (k, f) and (l, f).

    Returns
    -------
    (f,); NaN where a value is missing.
    """
    return np.sign(np.asarray(x)[:, None] - np.asarray(y)).mean(axis=(0, 1))


def effects(standardised: Standardised, a: str, b: str, n: int, m: int) -> pd.DataFrame:
    """Hedges' g and Cliff's delta of each feature between two series, by step.

    The standard deviation of g is that over the subsamples of a cell: an effect size in units of resampling noise,
    larger for larger subsamples. The intervals do not take subsamples for replicates. Both series are measured on the
    same prompts, so what varies with the prompts is the paired difference d_b = x_b - y_b: its interval for another
    choice of prompts (`resampling.interval`) over the same pooled deviation, times J, is that of g. That of delta is
    delta recomputed with all x moved so that the mean difference is at either end (delta grows with such a shift).
    The intervals are wide: bars are far from linear in the prompts. On simulated pairs of clouds (100 of n = 320,
    m = 160, B = 64, six clusters in 20 dimensions) those of the mean and total H0 death held the truth in 98 %, all
    others every time, SE being 1.5 times the actual error for the mean H0 death, 1.6 to 4 times for other births and
    deaths, 3 to 5 times for H1 persistences and ratios. An interval that holds 0 does not say that there is no
    difference. Nothing here covers another training run.

    Parameters
    ----------
    n, m : number of prompts in all, and in a subsample.

    Returns
    -------
    step (those both series have, but not one where both are the same base model), feature, g, g_lo, g_hi, delta,
    delta_lo, delta_hi: positive where a is larger. NaN as in `hedges_g`; no interval where m >= n or with one
    subsample.
    """
    features = standardised.means.columns
    frames = []
    for step, x, y in _paired(standardised, a, b):
        if _same_base(step, x, y):
            continue
        lo, hi = interval(x - y, n, m)
        middle = (x - y).mean(axis=0)
        numbers = {
            "g": hedges_g(x, y),
            "g_lo": _in_deviations(x, y, lo),
            "g_hi": _in_deviations(x, y, hi),
            "delta": cliffs_delta(x, y),
            "delta_lo": cliffs_delta(x + (lo - middle), y),
            "delta_hi": cliffs_delta(x + (hi - middle), y),
        }
        frames.append(pd.DataFrame({"step": step, "feature": features, **numbers}))
    columns = ["step", "feature", "g", "g_lo", "g_hi", "delta", "delta_lo", "delta_hi"]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)


def separation(
    standardised: Standardised, floors: pd.DataFrame, a: str, b: str, repeats: int = 200, seed: int = 0
) -> pd.DataFrame:
    """Energy distance and distance of means between two series by step, each with its split-half floor.

    The energy distance is the unbiased one (`energy_distance`), and so is that of two random halves of one cell:
    without any difference both lie around 0, and halves, which have half as many subsamples, scatter twice as far. So
    the floor errs on the high side, by a factor of about two for the energy and sqrt(2) for the distance: of 135 pairs
    of independent sets of 64 subsamples (45 of each of three clouds), one exceeded ``energy_floor_hi`` and none
    ``distance_floor_hi``. (The V-statistic exceeds that quantile by its bias alone, in three of four pairs.) Two cells
    share their subsamples, which halves do not: what both inherit from the prompts of a subsample cancels, and cells
    that hardly differ lie below the floor. Exceeding ``energy_floor_hi`` says that the difference is more than
    resampling of these prompts, not that it would be there in another training run.

    Parameters
    ----------
    floors : `objectives.split_half_floor` of the same summaries.
    repeats, seed : random halves per cell for the energy floor; the same halves for every cell of one size.

    Returns
    -------
    step (those both series have), energy, energy_floor, energy_floor_hi (the larger of the two cells' median and 95 %
    quantile), distance, distance_floor, distance_floor_hi. In resampling standard deviations. NaN for the energy of
    cells with one common subsample, and for the floor of cells with fewer than four.
    """
    table = objective_distance(standardised, floors, a, b).rename(
        columns={"value": "distance", "floor": "distance_floor", "floor_q95": "distance_floor_hi"}
    )
    energy = [energy_distance(x, y, unbiased=True) for _, x, y in _paired(standardised, a, b)]
    floor = np.full((len(table), 2), np.nan)
    for row, step in enumerate(table["step"]):
        both = [_energy_floor(_cell(standardised, name, step).to_numpy(), repeats, seed) for name in (a, b)]
        floor[row] = np.fmax(*both)
    table.insert(1, "energy", np.asarray(energy, dtype=np.float64))
    table.insert(2, "energy_floor", floor[:, 0])
    table.insert(3, "energy_floor_hi", floor[:, 1])
    return table


def mixture(standardised: Standardised, floors: pd.DataFrame, series: str, a: str, b: str) -> pd.DataFrame:
    """Where a series lies between two others that it may be a mixture of, in mean standardised summaries, by step.

    Parameters
    ----------
    floors : `objectives.split_half_floor` of the same summaries.

    Returns
    -------
    step (those all three have), to_a, to_b, a_to_b (distances), floor (the largest of the three cells' split-half
    medians), along (0 at a, 1 at b: place on the line through both) and off (distance from that line). All but along
    in resampling standard deviations. Where a and b are one place there is no line: along and off are NaN.
    """
    means, rows = standardised.means, []
    for step in common_steps(means.index, series, a, b):
        own, first, second = ((name, step) for name in (series, a, b))
        line, place = means.loc[second] - means.loc[first], means.loc[own] - means.loc[first]
        length = float(np.linalg.norm(line))
        along = float(place @ line) / length**2 if length else float("nan")
        rows.append(
            {
                "step": step,
                "to_a": summary_distance(standardised, own, first),
                "to_b": summary_distance(standardised, own, second),
                "a_to_b": length,
                "floor": floors.loc[[own, first, second], "median"].max(),
                "along": along,
                "off": float(np.linalg.norm(place - along * line)) if length else float("nan"),
            }
        )
    return pd.DataFrame(rows, columns=["step", "to_a", "to_b", "a_to_b", "floor", "along", "off"])


@dataclass(frozen=True)
class Permanova:
    """Whether runs of one objective are closer to each other than to those of others.

    Attributes
    ----------
    pseudo_f : between-objective over within-objective variance; inf where runs of an objective are equal.
    p : share of labelings at least as extreme; NaN where ``words`` says why.
    permutations : labelings looked at, the observed one included if ``exact``.
    runs, objectives : how many.
    exact : whether every distinct labeling was looked at.
    within, between : mean distance of runs of the same and of different objectives.
    smallest_p : the smallest p that so many runs can give.
    words : why there is no p; empty where there is one.
    """

    pseudo_f: float
    p: float
    permutations: int
    runs: int
    objectives: int
    exact: bool
    within: float
    between: float
    smallest_p: float
    words: str = ""


def run_distances(means: Mapping[str, np.ndarray]) -> np.ndarray:
    """Distances between whole runs.

    Parameters
    ----------
    means : series -> (T, F) mean standardised summaries, on the same T steps for all.

    Returns
    -------
    (R, R) root of the mean over steps of the squared Euclidean distance, in the order of the mapping.

    Raises
    ------
    Fault : there is no step, or the runs do not have the same ones.
    """
    arrays = [np.asarray(values, dtype=np.float64) for values in means.values()]
    if not arrays or not arrays[0].size or len({values.shape for values in arrays}) > 1:
        raise Fault("the runs do not share their steps", "compare them on the steps that all of them have")
    flat = np.stack(arrays).reshape(len(arrays), -1)
    return squareform(pdist(flat)) / math.sqrt(len(arrays[0]))


def permanova(distances: np.ndarray, labels: Sequence[str], n: int = 9999, seed: int = 0) -> Permanova:
    """Permutational analysis of variance of whole runs (Anderson 2001, doi:10.1111/j.1442-9993.2001.01070.pp.x).

    With SS_T the sum of all squared distances over R, and SS_W those within each objective over its number of runs,
    pseudo-F = ((SS_T - SS_W) / (a - 1)) / (SS_W / (R - a)). SS_T does not depend on the labels, so labelings are
    ordered by SS_W. If there are at most `LABELINGS` distinct ones (those that only swap the names of equally large
    objectives are one), all are looked at and p is the share at least as extreme, the observed one included; else
    p = (1 + #) / (1 + n) over n random ones.

    Parameters
    ----------
    distances : (R, R), symmetric, between runs.
    labels : (R,) the objective of each.

    Returns
    -------
    Permanova, with words and without p where the runs cannot tell: one objective, one run per objective, a missing
    distance, or all distances zero.

    Raises
    ------
    Fault : the labels are not one per run.
    """
    squares = np.asarray(distances, dtype=np.float64) ** 2
    names, codes = np.unique(np.asarray(labels), return_inverse=True)
    if squares.shape != (len(codes), len(codes)):
        raise Fault(f"{len(codes)} labels do not fit distances of shape {squares.shape}", "give one label per run")
    runs, objectives = len(codes), len(names)
    upper = np.triu_indices(runs, 1)
    same = codes[upper[0]] == codes[upper[1]]
    within, between = (_mean(np.sqrt(squares[upper][chosen])) for chosen in (same, ~same))
    total = squares[upper].sum() / max(runs, 1)
    words = _no_verdict(runs, objectives, total)
    if words:
        return Permanova(math.nan, math.nan, 0, runs, objectives, False, within, between, math.nan, words)

    sizes = np.bincount(codes)
    distinct = _count_labelings(tuple(sizes.tolist()))
    exact = distinct <= LABELINGS
    if exact:
        drawn = _all_labelings(tuple(sorted(sizes.tolist(), reverse=True)))
        sizes_drawn = np.sort(sizes)[::-1]
    else:
        drawn = np.random.default_rng(seed).permuted(np.tile(codes, (n, 1)), axis=1)
        sizes_drawn = sizes
    inside = float(_within_squares(squares, codes[None], sizes)[0])
    extreme = int((_within_squares(squares, drawn, sizes_drawn) <= inside + _TIE * total).sum())
    freedom = runs - objectives
    pseudo_f = ((total - inside) / (objectives - 1)) / (inside / freedom) if inside > _TIE * total else math.inf
    p = extreme / distinct if exact else (1 + extreme) / (1 + n)
    smallest = 1 / distinct if exact else 1 / (1 + n)
    return Permanova(pseudo_f, p, len(drawn), runs, objectives, exact, within, between, smallest)


def runs(standardised: Standardised, objective_of: Mapping[str, str]) -> pd.DataFrame:
    """Within-objective against between-objective distances of whole runs, step by step and over all steps.

    Parameters
    ----------
    objective_of : series -> objective. Series without a cell here are left out.

    Returns
    -------
    step (`WHOLE` for all steps that every run has, in one distance), objectives, runs (how many have that step),
    within, between (mean distances, in resampling standard deviations), pseudo_f, p, permutations: see `permanova`. A
    step where all runs are the same base model is left out, and so is one whose runs cannot tell. p-values of the
    steps belong to the same runs: they are not independent. Empty where no two runs share an objective or there is one
    objective only, for then nothing says how far apart two runs of one objective are.
    """
    columns = ["step", "objectives", "runs", "within", "between", "pseudo_f", "p", "permutations"]
    means = standardised.means
    present = means.index.unique("series")
    chosen = [name for name in objective_of if name in present]
    labels = {name: objective_of[name] for name in chosen}
    if _no_verdict(len(chosen), len(set(labels.values())), 1.0):
        return pd.DataFrame(columns=columns)
    rows = means[means.index.get_level_values("series").isin(chosen)]
    telling = [step for step, cells in rows.groupby(level="step") if step != 0 or not _all_equal(cells.to_numpy())]
    shared = np.intersect1d(common_steps(means.index, *chosen), telling)
    blocks = [(WHOLE, rows[rows.index.isin(shared, level="step")])] if len(shared) else []
    blocks += [(step, rows.xs(step, level="step", drop_level=False)) for step in telling]
    table = []
    for step, cells in blocks:
        of_run = {name: own.to_numpy() for name, own in cells.groupby(level="series", sort=False, observed=True)}
        found = permanova(run_distances(of_run), [labels[name] for name in of_run])
        if not found.words:
            table.append({"step": step} | {name: getattr(found, name) for name in columns[1:]})
    return pd.DataFrame(table, columns=columns)


def _in_deviations(x: np.ndarray, y: np.ndarray, difference: np.ndarray) -> np.ndarray:
    """Differences (f,) over the pooled standard deviation of x (k, f) and y (l, f), times Hedges' J."""
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    freedom = len(x) + len(y) - 2
    if freedom < 1:
        return np.full(x.shape[1:], np.nan)
    squares = ((x - x.mean(axis=0)) ** 2).sum(axis=0) + ((y - y.mean(axis=0)) ** 2).sum(axis=0)
    deviation = np.sqrt(squares / freedom)
    rounding = _CONSTANT * np.maximum(np.abs(x).max(axis=0), np.abs(y).max(axis=0))
    correction = 1 - 3 / (4 * freedom - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        g = correction * difference / deviation
    apart = np.where(np.abs(difference) <= rounding, 0 * difference, np.nan)
    return np.where(deviation <= rounding, apart, g)


def _cell(standardised: Standardised, series: str, step: int) -> pd.DataFrame:
    """Index subsample -> standardised features of one cell."""
    return standardised.subsamples.loc[(series, step)]


def _paired(standardised: Standardised, a: str, b: str) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Each step that both series have, with their cells (B, F) on the subsamples that both have."""
    for step in common_steps(standardised.means.index, a, b):
        x, y = (_cell(standardised, name, step) for name in (a, b))
        both = x.index.intersection(y.index)
        yield step, x.loc[both].to_numpy(), y.loc[both].to_numpy()


def _same_base(step: int, x: np.ndarray, y: np.ndarray) -> bool:
    return step == 0 and np.array_equal(x, y)


def _all_equal(rows: np.ndarray) -> bool:
    return len(rows) > 1 and bool((rows == rows[0]).all())


@lru_cache(maxsize=8)
def _halves(count: int, repeats: int, seed: int) -> np.ndarray:
    """(repeats, count) of 0 and 1: random halves, the ones being ``count // 2``."""
    first = np.arange(count) < count // 2
    return np.random.default_rng(seed).permuted(np.tile(first.astype(np.float64), (repeats, 1)), axis=1)


def _energy_floor(x: np.ndarray, repeats: int, seed: int) -> tuple[float, float]:
    """Median and 95 % quantile of the unbiased energy distance between two random halves of x (B, F)."""
    count, half = len(x), len(x) // 2
    if half < 2:
        return math.nan, math.nan
    rest = count - half
    distances, halves = cdist(x, x), _halves(count, repeats, seed)
    # All three sums of each split come from one product: rows of a half, then within it and to everything.
    of_half = halves @ distances
    within, to_all = (of_half * halves).sum(axis=1), of_half.sum(axis=1)
    within_rest = distances.sum() - 2 * to_all + within
    energy = 2 * (to_all - within) / (half * rest)
    energy -= within / (half * (half - 1)) + within_rest / (rest * (rest - 1))
    return float(np.median(energy)), float(np.quantile(energy, 0.95))


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else math.nan


def _no_verdict(runs: int, objectives: int, total: float) -> str:
    """Why whole runs cannot tell objectives apart; empty where they can."""
    if objectives < 2:
        return "there is one objective only"
    if runs == objectives:
        return "there is one run per objective, so nothing says how far apart two runs of one objective are"
    if not math.isfinite(total):
        return "a distance between two runs is missing"
    if total == 0:
        return "all runs are equal"
    return ""


def _within_squares(squares: np.ndarray, codes: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """(L,): sum over objectives of the squared distances within, over its runs. codes (L, R), sizes (objectives,)."""
    inside = np.zeros(len(codes))
    for code, size in enumerate(sizes):
        members = (codes == code).astype(np.float64)
        inside += ((members @ squares) * members).sum(axis=1) / (2 * size)
    return inside


def _count_labelings(sizes: tuple[int, ...]) -> int:
    """Ways to divide the runs into unnamed groups of these sizes."""
    named = math.factorial(sum(sizes)) // math.prod(math.factorial(size) for size in sizes)
    return named // math.prod(math.factorial(sizes.count(size)) for size in set(sizes))


@lru_cache(maxsize=8)
def _all_labelings(sizes: tuple[int, ...]) -> np.ndarray:
    """(L, R) int: each way to divide the runs into unnamed groups of these sizes, once."""
    found: list[list[int]] = []

    def place(labels: list[int], room: list[int]) -> None:
        if len(labels) == sum(sizes):
            found.append(labels)
        opened = set()
        for group, left in enumerate(room):
            fresh = left == sizes[group]
            if left == 0 or (fresh and left in opened):  # another empty group of this size is the same group
                continue
            if fresh:
                opened.add(left)
            place([*labels, group], [*room[:group], left - 1, *room[group + 1 :]])

    place([], list(sizes))
    return np.array(found)
