"""Whether early topology tells how a run ends, and whether it tells more than what was known before the run began.

Runs of several objectives or learning rates end differently, and move differently from the first step on: both follow
from what was chosen. So the correlation over all runs (`rho`) stands beside that among runs of one objective
(`within`), which differ by their seed alone, and beside what the behaviour itself tells that early (`itself`).
"""

import numpy as np
import pandas as pd

from phcore.analysis.against_behaviour import ALL, at_checkpoints, demand_one
from phcore.analysis.against_geometry import interval, stratified_spearman
from phcore.analysis.dynamics import PER, curves, early

RESAMPLES = 1_000
SHUFFLES = 4_999
FEWEST_RUNS = 3  # below it, resampled runs say nothing about other runs
_CURVE = ["series", "layer", "degree", "scale"]
KEYS = ["degree", "scale", "per", "predictor", "name"]
COLUMNS = [*KEYS, "rho", "lo", "hi", "points", "runs", "within", "p_within", "runs_within", "itself"]


def early_final(
    concentration: pd.DataFrame,
    velocities: pd.DataFrame,
    behaviour: pd.DataFrame,
    steps_of: dict[str, list[int]],
    objective_of: dict[str, str],
    *,
    n: int = RESAMPLES,
    shuffles: int = SHUFFLES,
    seed: int = 0,
) -> pd.DataFrame:
    """The ``early_final`` table: does early topology tell the behaviour at the end?

    Points are (series, layer). All layers of a run share its final behaviour, so the interval resamples whole runs with
    replacement. Layers differ in the level of their velocities, at scale raw above all; that alone pulls rho towards 0.
    Among runs of one objective, ranks are within objective and layer, and whole runs change ends with each other under
    the null: exact where seeds are all that tells them apart.

    Parameters
    ----------
    concentration : the table of that name, of one order and norm; the first third by index counts, with the
        transition from the base model where there is one.
    velocities : the table of that name, of the same order and norm: the mean over the first third of transitions
        by index is the early velocity.
    behaviour : the table of that name; only its rows about all prompts count, at each series' last checkpoint.
    steps_of : series -> ascending steps of its checkpoints.
    objective_of : series -> its objective; others are left out, such as copies of a run.
    n, shuffles, seed : resamples and permutations, the same for all rows of the table with the same runs.

    Returns
    -------
    degree, scale, per, predictor ("concentration" or "early_velocity"), name, rho (Spearman; NaN where one of the two
    is constant), lo, hi (2.5 and 97.5 % of the resamples that have one; NaN below three runs), points, runs, within
    (Spearman among runs of one objective, pooled over objectives and layers; NaN where each has one run), p_within
    (two-sided, by permutation), runs_within (runs whose objective has another), itself (Spearman over runs between the
    behaviour at the end and at the end of the first third).

    Raises
    ------
    ValueError : where there is more than one order or norm.
    """
    every = early_points(concentration, velocities, behaviour, steps_of)
    every = every.assign(objective=every["series"].map(objective_of)).dropna(subset="objective")
    itself = _by_itself(behaviour[behaviour["series"].isin(objective_of.keys())], steps_of)
    rows = [
        {
            **dict(zip(KEYS, key, strict=True)),
            **_correlation(points, n, seed),
            **_among_alike(points, shuffles, seed),
            "itself": itself.get(key[-1], np.nan),
        }
        for key, points in every.groupby(KEYS, sort=True, observed=True)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def early_points(
    concentration: pd.DataFrame, velocities: pd.DataFrame, behaviour: pd.DataFrame, steps_of: dict[str, list[int]]
) -> pd.DataFrame:
    """What `early_final` correlates, parameters and errors as there.

    Returns
    -------
    degree, scale, per, predictor, name, series, layer, x (the predictor), y (the behaviour at the last checkpoint).
    """
    demand_one(velocities, ["order", "norm"])
    demand_one(concentration, ["order", "norm"])
    predictors = pd.concat([_concentrations(concentration), _early_velocities(velocities)])
    here = at_checkpoints(behaviour[behaviour["category"] == ALL], steps_of)
    last = {series: steps[-1] for series, steps in steps_of.items() if len(steps)}
    final = here[here["step"] == here["series"].map(last)]
    points = predictors.merge(final[["series", "name", "value"]], on="series")
    points = points.rename(columns={"early": "x", "value": "y"}).dropna(subset=["x", "y"])
    return points[["degree", "scale", "per", "predictor", "name", "series", "layer", "x", "y"]]


def _concentrations(table: pd.DataFrame) -> pd.DataFrame:
    """series, layer, degree, scale, per, predictor, early."""
    table = table[table["by"] == "index"]
    # A series that does not start at the base model has no value with it. Both nulls repeat the same value.
    table = table.sort_values("with_base", ascending=False, kind="stable").drop_duplicates([*_CURVE, "per"])
    return table[[*_CURVE, "per"]].assign(predictor="concentration", early=table["concentration"].astype(np.float64))


def _early_velocities(table: pd.DataFrame) -> pd.DataFrame:
    """The same columns; per transition, and per step as the mean of the transitions' own velocities."""
    rows = []
    for curve in curves(table, whole_only=True):
        mask = early(curve.steps)
        for per in PER:
            speed = curve.v / curve.gaps_per(per)
            label = [curve.label[name] for name in _CURVE]
            rows.append((*label, per, "early_velocity", speed[mask].mean() if mask.any() else np.nan))
    return pd.DataFrame(rows, columns=[*_CURVE, "per", "predictor", "early"])


def _correlation(points: pd.DataFrame, n: int, seed: int) -> dict[str, float]:
    series, run = np.unique(points["series"], return_inverse=True)
    runs = len(series)
    weights = np.ones((1, len(points)))
    if runs >= FEWEST_RUNS:
        drawn = np.random.default_rng(seed).integers(runs, size=(n, runs))
        times = np.array([np.bincount(row, minlength=runs) for row in drawn])  # (n, runs)
        weights = np.vstack([weights, times[:, run]])
    rho = stratified_spearman(points["x"], points["y"], np.zeros(len(points)), weights)
    lo, hi = interval(rho[1:])
    return {"rho": rho[0], "lo": lo, "hi": hi, "points": len(points), "runs": runs}


def _among_alike(points: pd.DataFrame, shuffles: int, seed: int) -> dict[str, float]:
    """`within`, `p_within` and `runs_within`: see `early_final`."""
    x = points.pivot(index="series", columns="layer", values="x")
    of_run = points.drop_duplicates("series").set_index("series").loc[x.index]
    rng, runs = np.random.default_rng(seed), 0
    squares, products = np.zeros(2), np.zeros(1 + shuffles)
    for _, own in of_run.groupby("objective", sort=True):
        if len(own) == 1:
            continue
        runs += len(own)
        a = _centred(x.loc[own.index].dropna(axis=1))  # (runs, layers): those that all of them have
        b = _centred(own[["y"]])[:, 0]
        orders = rng.permuted(np.tile(np.arange(len(own)), (shuffles, 1)), axis=1)
        squares += [(a * a).sum(), (b * b).sum() * a.shape[1]]
        products += b[np.vstack([np.arange(len(own)), orders])] @ a.sum(axis=1)
    size = np.sqrt(squares.prod())
    if size == 0:
        return {"within": np.nan, "p_within": np.nan, "runs_within": runs}
    at_least = np.abs(products[1:]) >= abs(products[0]) * (1 - 1e-12)
    return {"within": products[0] / size, "p_within": (1 + at_least.sum()) / (1 + shuffles), "runs_within": runs}


def _centred(values: pd.DataFrame) -> np.ndarray:
    """Ranks of each column, ties in the middle, around their mean."""
    ranks = values.rank()
    return (ranks - ranks.mean()).to_numpy(np.float64)


def _by_itself(behaviour: pd.DataFrame, steps_of: dict[str, list[int]]) -> dict[str, float]:
    """name -> Spearman over runs between a behaviour at the end of the first third and at the last checkpoint."""
    here = at_checkpoints(behaviour[behaviour["category"] == ALL], steps_of)
    ends = {series: steps[-1] for series, steps in steps_of.items() if len(steps)}
    thirds = {series: steps[int(early(np.asarray(steps)).sum())] for series, steps in steps_of.items() if len(steps)}
    value = here.set_index(["series", "step", "name"])["value"]
    both = pd.DataFrame(
        {
            part: value[value.index.droplevel("name").isin([*steps.items()])].droplevel("step")
            for part, steps in (("early", thirds), ("end", ends))
        }
    ).dropna()
    return {
        name: stratified_spearman(own["early"], own["end"], np.zeros(len(own)), np.ones((1, len(own))))[0]
        for name, own in both.groupby("name")
    }
