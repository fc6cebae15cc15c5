"""Whether runs of one objective are closer to each other than to those of others: whole runs are permuted.

Another training run can be told only from several runs per objective. Subsamples overlap and never count as replicates.
"""

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
import pandas as pd

from phcore.analysis.objectives import Standardised, common_steps
from phcore.errors import Fault

# Sums in another order differ in their last bits; such a tie counts as "as extreme".
_TIE = 1e-10
LABELINGS = 10_000
"""Up to so many ways to label the runs, all are looked at."""
WHOLE = -1
"""The step that stands for the whole run in the table of `runs`."""


@dataclass(frozen=True)
class Permanova:
    """Whether runs of one objective are closer to each other than to those of others.

    Attributes
    ----------
    pseudo_f : between-objective over within-objective variance; inf where runs of an objective are equal.
    p : share of labelings at least as extreme; NaN where ``words`` says why.
    permutations : labelings looked at: every distinct one, the observed one included, or random ones.
    runs, objectives : how many.
    within, between : mean distance of runs of the same and of different objectives.
    words : why there is no p; empty where there is one.
    """

    pseudo_f: float
    p: float
    permutations: int
    runs: int
    objectives: int
    within: float
    between: float
    words: str = ""


def between_rows(rows: np.ndarray) -> np.ndarray:
    """(R, R) Euclidean distances between the rows (R, F) of an array."""
    from scipy.spatial.distance import pdist, squareform  # half a second to load, which most findings do without

    return squareform(pdist(rows))


def run_distances(means: Mapping[Hashable, np.ndarray]) -> np.ndarray:
    """Distances between whole runs.

    Parameters
    ----------
    means : run -> (T, ...) such as mean standardised summaries, on the same T steps for all.

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
    return between_rows(flat) / math.sqrt(len(arrays[0]))


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
    each = pd.Series(np.sqrt(squares[upper]))
    within, between = float(each[same].mean()), float(each[~same].mean())  # NaN where there are none
    total = squares[upper].sum() / max(runs, 1)
    words = _no_verdict(runs, objectives, total)
    if words:
        return Permanova(math.nan, math.nan, 0, runs, objectives, within, between, words)

    sizes = tuple(sorted(np.bincount(codes).tolist(), reverse=True))
    distinct = _count_labelings(sizes)
    exact = distinct <= LABELINGS
    drawn = _all_labelings(sizes) if exact else np.random.default_rng(seed).permuted(np.tile(codes, (n, 1)), axis=1)
    inside = float(_within_squares(squares, codes[None])[0])
    extreme = int((_within_squares(squares, drawn) <= inside + _TIE * total).sum())
    freedom = runs - objectives
    pseudo_f = ((total - inside) / (objectives - 1)) / (inside / freedom) if inside > _TIE * total else math.inf
    p = extreme / distinct if exact else (1 + extreme) / (1 + n)
    return Permanova(pseudo_f, p, len(drawn), runs, objectives, within, between)


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
    telling = [step for step, cells in rows.groupby(level="step") if step or len(cells.drop_duplicates()) > 1]
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


def _within_squares(squares: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """(L,): sum over objectives of the squared distances within, over its runs. codes (L, R), all of the same sizes."""
    inside = np.zeros(len(codes))
    for code in range(codes.max() + 1):
        members = (codes == code).astype(np.float64)
        inside += ((members @ squares) * members).sum(axis=1) / (2 * members[0].sum())
    return inside


def _count_labelings(sizes: tuple[int, ...]) -> int:
    """Ways to divide the runs into unnamed groups of these sizes."""
    named = math.factorial(sum(sizes)) // math.prod(math.factorial(size) for size in sizes)
    return named // math.prod(math.factorial(sizes.count(size)) for size in set(sizes))


@lru_cache(maxsize=8)
def _all_labelings(sizes: tuple[int, ...]) -> np.ndarray:
    """(L, R) int: each way to divide the runs into unnamed groups of these falling sizes, once."""

    def divisions(free: tuple[int, ...], sizes: tuple[int, ...], after: int) -> Iterator[tuple[int, ...]]:
        """The runs, group by group. Of groups of one size, that with the first run comes first."""
        if not sizes:
            yield ()
        for members in combinations(free, sizes[0]) if sizes else ():
            if members[0] > after:
                rest = tuple(run for run in free if run not in members)
                for others in divisions(rest, sizes[1:], members[0] if sizes[1:2] == sizes[:1] else -1):
                    yield members + others

    runs = np.array(list(divisions(tuple(range(sum(sizes))), sizes, -1)))
    return np.repeat(np.arange(len(sizes)), sizes)[runs.argsort(axis=1)]
