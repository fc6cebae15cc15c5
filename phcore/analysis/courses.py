"""Models against models: where in training, and at which depth, each of them does its moving.

Hidden states of two models share neither width nor axes, so nothing is measured between them. What can be compared is
the course of a run: which share of its velocity has passed at which share of its training.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

DEPTHS = (0.2, 0.4, 0.6, 0.8, 1.0)  # relative depths at which models are compared: those of the default layers


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
    known = model.velocities.astype({"value": np.float64})[["series", "layer", "step", "value"]].dropna()
    columns = ["model", "series", "depth", "layer", "progress", "step", "value", "passed"]
    if known.empty:
        return pd.DataFrame(columns=columns)
    layers = sorted(known["layer"].unique())
    nearest = [min(layers, key=lambda layer: abs(layer / model.n_layers - depth)) for depth in depths]
    series = known["series"]
    in_order = known.assign(series=pd.Categorical(series, series.unique()))  # of appearance, not of the alphabet
    table = in_order.groupby(["series", "layer", "step"], observed=True)["value"].mean().reset_index()
    curves = table.groupby(["series", "layer"], observed=True)
    value, total = curves["value"], curves["value"].transform("sum")
    table = table.assign(
        model=model.name,
        series=table["series"].astype(series.dtype),
        progress=table["step"] / curves["step"].transform("last"),
        value=table["value"] / value.transform("mean"),
        passed=value.cumsum() / total,
    )[total > 0]
    return pd.DataFrame({"depth": depths, "layer": nearest}).merge(table, on="layer")[columns]
