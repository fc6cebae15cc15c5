"""What a model does, beside what its topology does: how far its next words move, how it answers, what was logged.

Behavioural velocity is the Jensen-Shannon divergence between the next-token distributions of consecutive checkpoints.
Here it is asked which of it and topological velocity peaks first (`lags`); whether early topology tells the final
behaviour is asked in `foretelling`.
"""

from itertools import pairwise

import numpy as np
import pandas as pd

from phcore.analysis.dynamics import PER, Curve, curves, peak_step
from phcore.study.measures import MEASURED

ALL = ""  # the category that stands for all prompts
BEHAVIOUR = ["series", "step", "name", "category", "value", "source"]
MOVES = ["series", "step_from", "step", "name", "category", "value"]
_KEYS = ["series", "name", "category"]
_CURVE = ["series", "layer", "degree", "scale"]
LAGS = [
    *_CURVE, "per", "name", "peak_topology", "peak_lo", "peak_hi", "peak_behaviour", "lag_steps", "lag_checkpoints",
    "resolution_steps", "transitions",
]  # fmt: skip


# --- tables -------------------------------------------------------------------------------------


def by_category(values: np.ndarray, categories: list[str | None]) -> pd.DataFrame:
    """Mean over all prompts (category "") and over those of each category; NaN values are left out.

    Parameters
    ----------
    values : (n,), one per prompt.
    categories : n labels; prompts without one (None or "") count among all prompts only.

    Returns
    -------
    category, value: no row for a category without a single value.
    """
    frame = pd.DataFrame({"category": pd.Series(categories, dtype=object), "value": np.asarray(values, np.float64)})
    frame = frame.dropna(subset="value")
    whole = frame.assign(category=ALL)
    labelled = frame[frame["category"] != ALL]  # where there is none, it makes no group
    return pd.concat([whole, labelled]).groupby("category", as_index=False, sort=True)["value"].mean()


def behaviour_table(scores: pd.DataFrame, scalars: pd.DataFrame) -> pd.DataFrame:
    """The ``behaviour`` table.

    Parameters
    ----------
    scores : series, step, prompt, category, refusal, nll; NaN where there is no score.
    scalars : series, step, name, value, source ("trainer" or "file"). What a file says about a series and a name
        stands in place of what the trainer logged under it.

    Returns
    -------
    series, step, name, category, value, source. Names are "refusal" (mean log-probability) and "nll" (mean nats per
    token), for all prompts and each category, and those of the scalars, for all prompts.

    Raises
    ------
    ValueError : where a scalar has one of the names `MEASURED`.
    """
    taken = sorted(set(scalars["name"]) & set(MEASURED))
    if taken:
        raise ValueError(f"scalars are named {taken}, which the model's own measures are")
    parts = [
        by_category(part[name].to_numpy(), part["category"].tolist()).assign(
            series=series, step=step, name=name, source="model"
        )
        for (series, step), part in scores.groupby(["series", "step"], sort=False, observed=True)
        for name in ("refusal", "nll")
    ]
    filed = pd.MultiIndex.from_frame(scalars.loc[scalars["source"] == "file", ["series", "name"]])
    own = pd.MultiIndex.from_frame(scalars[["series", "name"]]).isin(filed)
    parts.append(scalars[~own | (scalars["source"] == "file")].assign(category=ALL))
    return pd.concat([part[BEHAVIOUR] for part in parts if len(part)] or [pd.DataFrame(columns=BEHAVIOUR)]).reset_index(
        drop=True
    )


def at_checkpoints(behaviour: pd.DataFrame, steps_of: dict[str, list[int]]) -> pd.DataFrame:
    """Each behaviour's value at each checkpoint: the mean of what was logged since the one before.

    Logged losses are noisy, so all values after the previous checkpoint up to this one count, this one included. At
    the first checkpoint only its own step counts, since what was before it is not known.

    Parameters
    ----------
    behaviour : the table of that name.
    steps_of : series -> ascending steps of its checkpoints; other series are left out.

    Returns
    -------
    series, step, name, category, value; no row where nothing was logged.
    """
    parts = []
    for series, rows in behaviour.dropna().groupby("series", sort=False, observed=True):
        steps = np.asarray(steps_of.get(series, ()))
        if not len(steps):
            continue
        place = np.searchsorted(steps, rows["step"])
        fits = (place < len(steps)) & (rows["step"].to_numpy() >= steps[0])
        parts.append(rows[fits].assign(step=steps[place[fits]]))
    if not parts:
        return pd.DataFrame(columns=["series", "step", "name", "category", "value"])
    keys = ["series", "step", "name", "category"]
    return pd.concat(parts).groupby(keys, as_index=False, sort=False, observed=True)["value"].mean()


def moves(behaviour: pd.DataFrame, js: pd.DataFrame, steps_of: dict[str, list[int]]) -> pd.DataFrame:
    """The ``behaviour_moves`` table: how far each behaviour moves between consecutive checkpoints.

    Parameters
    ----------
    behaviour : the table of that name.
    js : series, step_from, step, category, value: mean Jensen-Shannon divergence, nats; taken as it is.
    steps_of : series -> ascending steps of its checkpoints.

    Returns
    -------
    series, step_from, step, name, category, value: "js", and for any other name the absolute difference of
    `at_checkpoints`, where both ends are known.
    """
    here = at_checkpoints(behaviour, steps_of)
    pairs = [(series, a, b) for series, steps in steps_of.items() for a, b in pairwise(steps)]
    parts = [js.assign(name="js")[MOVES]]
    if pairs and len(here):
        grid = pd.DataFrame(pairs, columns=["series", "step_from", "step"])
        ends = grid.merge(here, on=["series", "step"])
        starts = here.rename(columns={"step": "step_from", "value": "before"})
        both = ends.merge(starts, on=[*_KEYS, "step_from"])
        both = both.assign(value=(both["value"] - both["before"]).abs())
        parts.append(both.sort_values([*_KEYS, "step"], kind="stable")[MOVES])
    return pd.concat([part for part in parts if len(part)] or parts[:1]).reset_index(drop=True)


# --- which peaks first --------------------------------------------------------------------------


def lags(velocities: pd.DataFrame, moves: pd.DataFrame) -> pd.DataFrame:
    """The ``lags`` table: peak of each behaviour against the peak of topological velocity.

    Both peaks are sought among the transitions where both are known (nothing is logged at step 0, so a logged loss
    first moves in the second transition), and both per transition or both per training step.

    Parameters
    ----------
    velocities : the table of that name, of one order and norm.
    moves : the ``behaviour_moves`` table; only its rows about all prompts count.

    Returns
    -------
    series, layer, degree, scale, per, name, peak_topology, peak_lo, peak_hi, peak_behaviour, lag_steps,
    lag_checkpoints, resolution_steps, transitions. Steps are those at which the fastest transition ends; the lag is
    behaviour minus topology, positive where topology comes first; peak_lo and peak_hi are the 10 and 90 % quantiles
    of the subsamples' own peaks; resolution_steps is the wider of the two gaps that end at the peaks: a lag below it
    is none. NaN where one of the two does not move at all.

    Raises
    ------
    ValueError : where there is more than one order or norm.
    """
    demand_one(velocities, ["order", "norm"])
    behaviours = moves[moves["category"] == ALL].dropna()
    grids = {
        series: sorted({*rows["step_from"], *rows["step"]})
        for series, rows in velocities.groupby("series", observed=True)
    }
    rows = []
    for curve in curves(velocities, whole_only=True):
        label = {name: curve.label[name] for name in _CURVE}
        transitions = list(zip(curve.steps[1:] - curve.gaps, curve.steps[1:], strict=True))
        for name, move in behaviours[behaviours["series"] == label["series"]].groupby("name", observed=True):
            moved = move.set_index(["step_from", "step"])["value"].reindex(transitions).to_numpy()
            if np.isfinite(moved).any():
                rows += [
                    {**label, "per": per, "name": name, **_lag(curve, moved, grids[label["series"]], per)}
                    for per in PER
                ]
    return pd.DataFrame(rows, columns=LAGS)


def _lag(curve: Curve, moved: np.ndarray, grid: list[int], per: str) -> dict[str, float]:
    """moved (T,) by the behaviour in the transitions of the curve, NaN where unknown: these do not count."""
    known, gaps = np.isfinite(moved), curve.gaps.astype(np.float64)
    divisor = curve.gaps_per(per)[known]
    v, move = curve.own[known] / divisor[:, None], moved[known] / divisor
    steps = np.append(curve.steps[0], curve.steps[1:][known])
    topology, behaviour = peak_step(np.nanmean(v, axis=1), steps), peak_step(move, steps)
    own = [one for one in (peak_step(column, steps) for column in v.T) if np.isfinite(one)]
    # Quantiles that are steps of the grid, not steps between them.
    lo, hi = np.quantile(own, [0.1, 0.9], method="inverted_cdf") if own else (np.nan, np.nan)
    gap_of, place = dict(zip(curve.steps[1:], gaps, strict=True)), {step: number for number, step in enumerate(grid)}
    return {
        "peak_topology": topology,
        "peak_lo": lo,
        "peak_hi": hi,
        "peak_behaviour": behaviour,
        "lag_steps": behaviour - topology,
        "lag_checkpoints": float(place.get(behaviour, np.nan) - place.get(topology, np.nan)),
        "resolution_steps": np.maximum(gap_of.get(topology, np.nan), gap_of.get(behaviour, np.nan)),
        "transitions": len(move),
    }


def demand_one(table: pd.DataFrame, columns: list[str]) -> None:
    """Raise a ValueError where a column holds more than one value."""
    for column in columns:
        if table[column].nunique() > 1:
            raise ValueError(f"the table holds {table[column].nunique()} values of {column}, not one")
