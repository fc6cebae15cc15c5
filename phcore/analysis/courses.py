"""Models against models: where in training, and at which depth, each of them does its moving.

Hidden states of two models share neither width nor axes, so nothing is measured between them. What can be compared is
the course of a run: which share of its velocity has passed at which share of its training.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

DEPTHS = (0.2, 0.4, 0.6, 0.8, 1.0)  # relative depths at which models are compared: those of the default layers
GRID = np.linspace(0, 1, 21)  # shares of the training at which courses are compared


@dataclass(frozen=True)
class Model:
    """One study as this file sees it.

    Attributes
    ----------
    name : of its base model.
    n_layers : of the model, for relative depth.
    velocities : the ``velocities`` table, one degree, order and scale.
    """

    name: str
    n_layers: int
    velocities: pd.DataFrame


def courses(model: Model, depths: Sequence[float]) -> pd.DataFrame:
    """How velocity accumulates over training.

    Parameters
    ----------
    depths : relative depths, 0 to 1; the layer nearest to each is taken.

    Returns
    -------
    model, series, depth, layer, progress (step over the last step), step, value (velocity of the transition that ends
    there, over the mean of its curve), passed (share of all velocity up to there). Curves in which nothing moves are
    left out.
    """
    known = model.velocities.astype({"value": np.float64}).dropna(subset="value")
    columns = ["model", "series", "depth", "layer", "progress", "step", "value", "passed"]
    layers = sorted(known["layer"].unique())
    if not layers:
        return pd.DataFrame(columns=columns)
    nearest = {depth: min(layers, key=lambda layer: abs(layer / model.n_layers - depth)) for depth in depths}
    mean = known.groupby(["series", "layer", "step"], sort=True)["value"].mean()
    rows = []
    for depth, layer in nearest.items():
        for series in known["series"].unique():
            if (series, layer) not in mean.index.droplevel("step"):
                continue
            curve = mean.loc[series, layer]
            if not curve.sum() > 0:
                continue
            steps = curve.index.to_numpy(np.float64)
            rows.append(
                pd.DataFrame(
                    {
                        "model": model.name,
                        "series": series,
                        "depth": depth,
                        "layer": layer,
                        "progress": steps / steps[-1],
                        "step": curve.index,
                        "value": curve.to_numpy() / curve.mean(),
                        "passed": curve.cumsum().to_numpy() / curve.sum(),
                    }
                )
            )
    return pd.concat(rows, ignore_index=True)[columns] if rows else pd.DataFrame(columns=columns)


def course_distances(table: pd.DataFrame) -> tuple[list[tuple[str, str]], np.ndarray]:
    """Distances between runs: root mean square of the difference of their courses over `GRID` and all depths.

    Parameters
    ----------
    table : rows of `courses` of several models, at the same depths.

    Returns
    -------
    runs (model, series) and (runs, runs) distances, from 0 to 1. Runs that lack a depth are left out.
    """
    depths = sorted(table["depth"].unique())
    runs, vectors = [], []
    for run, rows in table.groupby(["model", "series"], sort=False):
        own = dict(iter(rows.groupby("depth")))
        if len(own) == len(depths):
            runs.append(run)
            vectors.append(
                np.concatenate([np.interp(GRID, [0, *own[d]["progress"]], [0, *own[d]["passed"]]) for d in depths])
            )
    courses_of = np.array(vectors).reshape(len(runs), -1)
    apart = courses_of[:, None] - courses_of[None]
    return runs, np.sqrt(np.square(apart).mean(axis=2)) if len(runs) else np.empty((0, 0))
