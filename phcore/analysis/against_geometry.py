"""What simple geometry already says about topological velocity, and what it leaves unexplained.

Neighbouring transitions share a checkpoint and the layers of a checkpoint share its weights, so rows are not
independent. Intervals resample short blocks of consecutive transitions of one series, all layers together; they
cover the choice of transitions, not another training run, and carry no p-value.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from phcore.topology.simple_geometry import LENGTH_DEGREE
from phcore.topology.words import WORDS

CHANGES = WORDS["change"]
"""Quantity -> its name on screen. Those of a cell stand for their change between two checkpoints."""

TRANSITION = ["series", "step_from", "step"]
ALL_LAYERS = -1
RESAMPLES = 1_000
FEW = 10  # transitions: below, a rank correlation says next to nothing
_PENALTIES = 10.0 ** np.arange(-3, 4)  # of the ridge, per row: from none to almost all


def changes(geometry: pd.DataFrame, moves: pd.DataFrame, scale: str = "raw") -> pd.DataFrame:
    """How far each quantity of `CHANGES` moves in each transition.

    Parameters
    ----------
    geometry, moves : the tables of those names.
    scale : "raw"; or "median": every cloud divided by its own median distance first, as its bars are (the drift of
        the centroid, which belongs to two clouds, by the mean of their medians).

    Returns
    -------
    series, step_from, step, layer and one column per quantity, all >= 0: absolute differences, and drift and CKA
    as they are. NaN where a cloud has no such number.
    """
    cell = ["series", "step", "layer"]
    earlier = geometry.rename(columns={"step": "step_from"})
    both = moves.merge(earlier, "left", on=["series", "step_from", "layer"])
    both = both.merge(geometry, "left", on=cell, suffixes=("_from", "_to"))
    before, after = 1.0, 1.0
    if scale != "raw":
        before, after = (both[f"median_distance_{side}"].where(lambda median: median > 0) for side in ("from", "to"))

    def change(name: str) -> pd.Series:
        degree = LENGTH_DEGREE[name]
        if name in moves:
            return both[name] / ((before + after) / 2) ** degree
        return (both[f"{name}_to"] / after**degree - both[f"{name}_from"] / before**degree).abs()

    return both[[*TRANSITION, "layer"]].assign(**{name: change(name) for name in CHANGES})


def against_velocity(
    velocity: pd.DataFrame, changed: pd.DataFrame, *, resamples: int = RESAMPLES, seed: int = 0
) -> pd.DataFrame:
    """Rank correlation of each geometric change with topological velocity, by layer and over all of them.

    Over all layers (layer -1) the ranks are those within each layer: distances grow with depth, and a correlation
    between layers would say no more than that.

    Parameters
    ----------
    velocity : series, step_from, step, layer, value: one velocity per transition and layer.
    changed : `changes` at the same scale.
    resamples : of the bootstrap; see `block_weights` for what is resampled.

    Returns
    -------
    layer, quantity, rho (Spearman), lo, hi (2.5 and 97.5 % of the resamples), transitions (of all series, each
    counted once whatever its layers). NaN where a side does not vary.
    """
    rows = []
    table = velocity.merge(changed, on=[*TRANSITION, "layer"])
    layers = sorted(table["layer"].unique())
    for layer in [ALL_LAYERS, *layers]:
        part = table if layer == ALL_LAYERS else table[table["layer"] == layer]
        for name in CHANGES:
            known = part[np.isfinite(part["value"]) & np.isfinite(part[name])]
            transitions = known.groupby(["series", "step", "step_from"], observed=True)
            weights = block_weights(transitions.size().index.get_level_values("series"), resamples, seed)
            weights = np.vstack([np.ones(len(known)), weights[:, transitions.ngroup()]])
            rho = stratified_spearman(known["value"], known[name], known["layer"], weights)
            lo, hi = interval(rho[1:])
            rows.append((layer, name, rho[0], lo, hi, len(transitions)))
    return pd.DataFrame(rows, columns=["layer", "quantity", "rho", "lo", "hi", "transitions"])


def block_weights(series: np.ndarray, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """How often each transition is drawn in each resample of the circular block bootstrap (Politis & Romano 1992).

    Within each series, blocks of round(T^(1/3)) consecutive transitions (the rate of Hall, Horowitz and Jing 1995,
    doi:10.1093/biomet/82.3.561) are drawn with replacement until the series has its T transitions again; the first
    follows the last. Series are kept as they are: there are too few of them to draw from.

    Parameters
    ----------
    series : (n,) the series of each transition, in order of step within a series.

    Returns
    -------
    (resamples, n) whole numbers.
    """
    rng = np.random.default_rng(seed)
    weights = np.zeros((resamples, len(series)))
    for name in dict.fromkeys(series):
        own = np.flatnonzero(series == name)
        length = len(own)
        block = max(1, round(length ** (1 / 3)))
        starts = rng.integers(length, size=(resamples, -(-length // block)))
        drawn = (starts[:, :, None] + np.arange(block)).reshape(resamples, -1)[:, :length] % length
        np.add.at(weights, (np.arange(resamples)[:, None], own[drawn]), 1)
    return weights


def stratified_spearman(x: np.ndarray, y: np.ndarray, strata: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation of weighted rows, with ranks within strata and their covariances pooled.

    Parameters
    ----------
    x, y, strata : (n,); with a single stratum it is the usual Spearman correlation.
    weights : (r, n) how often each row counts, one row per resample.

    Returns
    -------
    (r,), NaN where x or y has a single rank in every stratum.
    """
    x, y, strata = np.asarray(x, np.float64), np.asarray(y, np.float64), np.asarray(strata)
    weights = np.asarray(weights, np.float64)
    sums = np.zeros((3, len(weights)))  # of squares of x, of squares of y, of products
    for stratum in np.unique(strata):
        here = strata == stratum
        w = weights[:, here]
        a, b = (_midranks(values[here], w) for values in (x, y))
        middle = (w.sum(axis=1, keepdims=True) + 1) / 2
        a, b = a - middle, b - middle
        sums += [(w * a * a).sum(axis=1), (w * b * b).sum(axis=1), (w * a * b).sum(axis=1)]
    with np.errstate(invalid="ignore", divide="ignore"):
        return sums[2] / np.sqrt(sums[0] * sums[1])


def _midranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(r, n) ranks of rows that count `weights` times; equal values share the mean of their ranks."""
    _, group = np.unique(values, return_inverse=True)
    sizes = weights @ np.eye(group.max(initial=-1) + 1)[group]  # (r, groups)
    return (np.cumsum(sizes, axis=1) - sizes / 2 + 0.5)[:, group]


@dataclass(frozen=True)
class Unexplained:
    """What all geometric changes together leave of velocity.

    Attributes
    ----------
    share : squared error of the prediction over that of the mean of the training rows; 1: no better than the mean.
    lo, hi : 2.5 and 97.5 % of it as whole groups are drawn with replacement, their predictions kept.
    position : the same share where nothing but the layer and the step is known.
    beyond : of what layer and step leave, the share that the changes leave, too.
    beyond_lo, beyond_hi : its interval.
    groups, rows : how many there were.
    """

    share: float
    lo: float
    hi: float
    position: float
    beyond: float
    beyond_lo: float
    beyond_hi: float
    groups: int
    rows: int


def unexplained(
    velocity: pd.DataFrame, changed: pd.DataFrame, *, resamples: int = RESAMPLES, seed: int = 0
) -> Unexplained:
    """The share of the variance of ln velocity that ridge regression on the ln changes does not predict.

    Each group, one series at one layer, is left out in turn and predicted from all others. Logarithms, because
    changes act as factors (a cloud twice as large moves twice as far) and span orders of magnitude; every column
    is standardised on the training rows; the penalty (Hoerl & Kennard 1970, doi:10.1080/00401706.1970.10488634) is
    chosen by leaving out training groups in turn, so that no group has a say in its own prediction (Varma & Simon
    2006, doi:10.1186/1471-2105-7-91). A group left out still has its series at other layers and its layer in other
    series among the training rows: this is no prediction for another run.

    Much of a velocity is told by where and when alone: deep layers are large, early steps small. So the same is asked
    of an effect of the layer plus one of the transition, both from the training rows, and then of the changes beyond
    them: both sides less their own effects (Frisch & Waugh 1933), again by ridge.

    Parameters
    ----------
    velocity, changed : as in `against_velocity`. Rows with a change or velocity that is 0 or unknown have no
        logarithm and are left out.

    Returns
    -------
    NaN with fewer than three groups.
    """
    table = velocity.merge(changed, on=[*TRANSITION, "layer"])
    names = list(CHANGES)
    values = table[["value", *names]].to_numpy(np.float64)
    usable = np.isfinite(values).all(axis=1) & (values > 0).all(axis=1)
    logs, table = np.log(values[usable]), table[usable]
    group = table.groupby(["series", "layer"], sort=True).ngroup().to_numpy()
    count = len(np.unique(group))
    if count < 3:
        return Unexplained(*[float("nan")] * 7, count, len(table))
    errors = _left_out_errors(logs, group, _effects(table))
    mean, ridge, position, beyond = np.stack([np.bincount(group, column) for column in errors.T])  # (groups,) each
    drawn = np.random.default_rng(seed).integers(count, size=(resamples, count))

    def share(of: np.ndarray, over: np.ndarray) -> tuple[float, float, float]:
        with np.errstate(invalid="ignore", divide="ignore"):
            return float(of.sum() / over.sum()), *interval(of[drawn].sum(axis=1) / over[drawn].sum(axis=1))

    return Unexplained(*share(ridge, mean), share(position, mean)[0], *share(beyond, position), count, len(table))


def _effects(table: pd.DataFrame) -> np.ndarray:
    """(n, layers + transitions) ones and zeros: the layer of each row, and its transition whatever the series."""
    of = (table["layer"], table.groupby(["step_from", "step"]).ngroup())
    return np.hstack([pd.get_dummies(one, dtype=np.float64) for one in of])


def _left_out_errors(logs: np.ndarray, group: np.ndarray, effects: np.ndarray) -> np.ndarray:
    """(n, 4) squared errors of each row, predicted without its group.

    By the mean of the rest; by ridge on the changes; by layer and step; by ridge beyond these.

    Parameters
    ----------
    logs : (n, 1 + changes), ln velocity first.
    """
    errors = np.zeros((len(logs), 4))
    for one in np.unique(group):
        out = group == one
        about = logs - logs[~out].mean(axis=0)
        # The least of all solutions: a layer or transition that no training row has is without effect.
        left = about - effects @ np.linalg.lstsq(effects[~out], about[~out], rcond=None)[0]
        by_ridge, by_ridge_beyond = (_ridge_without(table, out, group) - table[out, 0] for table in (about, left))
        errors[out] = np.column_stack([about[out, 0], by_ridge, left[out, 0], by_ridge_beyond]) ** 2
    return errors


def _ridge_without(table: np.ndarray, out: np.ndarray, group: np.ndarray) -> np.ndarray:
    """The first column where `out`, predicted from all others by the rest; the penalty by leaving out its groups."""
    y, x, rest = table[~out, 0], table[~out, 1:], group[~out]
    inner = np.zeros(len(_PENALTIES))
    for other in np.unique(rest):
        held = rest == other
        inner += np.square(_ridge(x[~held], y[~held], x[held]) - y[held]).sum(axis=1)
    return _ridge(x, y, table[out, 1:])[inner.argmin()]


def _ridge(x: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(penalties, len(at)) predictions of the ridge regression of y on the standardised x."""
    centre, spread = x.mean(axis=0), x.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    z, new = (x - centre) / spread, (at - centre) / spread
    values, axes = np.linalg.eigh(z.T @ z / len(z))
    slopes = (axes.T @ (z.T @ (y - y.mean())) / len(z)) / (np.maximum(values, 0) + _PENALTIES[:, None])
    return y.mean() + slopes @ (new @ axes).T


def interval(values: np.ndarray) -> tuple[float, float]:
    """2.5 and 97.5 % of what is finite; NaN where nothing is."""
    known = values[np.isfinite(values)]
    return tuple(np.quantile(known, [0.025, 0.975]).tolist()) if len(known) else (float("nan"), float("nan"))
