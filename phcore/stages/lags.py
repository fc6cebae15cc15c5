"""Lags: whether topology or behaviour peaks first."""

import pandas as pd

from phcore.stages.registry.result import Table, words


def compute(velocities: pd.DataFrame, behaviour_moves: pd.DataFrame, order: float) -> pd.DataFrame:
    from phcore.analysis.against_behaviour import lags

    return lags(velocities[velocities["order"] == order], behaviour_moves)


TABLE = Table(
    name="lags",
    needs=("velocities", "behaviour_moves"),
    parameters=("order",),
    compute=compute,
    order=("name", "layer", "degree", "scale", "per"),
    live=False,
    evidence=True,
    columns={
        **words("series", "layer", "degree", "scale"),
        "per": "as in dynamics",
        "name": "as in behaviour_moves",
        "peak_topology": "step at which the largest velocity ends",
        "peak_lo": "10 % of it over the subsamples",
        "peak_hi": "90 % of it",
        "peak_behaviour": "step at which the largest move of the behaviour ends",
        "lag_steps": "behaviour minus topology: positive where topology moves first",
        "lag_checkpoints": "the same in checkpoints",
        "resolution_steps": "the wider of the two gaps between checkpoints that end at the peaks",
        "transitions": "transitions both are known for",
    },
)
