"""Unexplained: the share of velocity that simpler geometric changes do not predict."""

from dataclasses import asdict

import pandas as pd

from phcore.stages.geometry_velocity import curves_and_changes
from phcore.stages.registry.result import DISTANCE_WORDS, Table


def compute(
    velocities: pd.DataFrame, geometry: pd.DataFrame, moves: pd.DataFrame, order: float, scale: str
) -> pd.DataFrame:
    from phcore.analysis.against_geometry import unexplained

    return pd.DataFrame(
        {**curve, **asdict(unexplained(velocity, changed))}
        for curve, velocity, changed in curves_and_changes(velocities, geometry, moves, order, scale)
    )


TABLE = Table(
    name="unexplained",
    needs=("velocities", "geometry", "moves"),
    parameters=("order", "scale"),
    compute=compute,
    evidence=True,
    columns={
        **DISTANCE_WORDS,
        "share": "share of the variance of ln velocity that all geometric changes together do not predict, "
        "each series at each layer left out in turn; 1: no better than the mean",
        "lo": "2.5 % of it over resampled series at layers",
        "hi": "97.5 % of it",
        "position": "the same share where nothing but layer and step is known",
        "beyond": "of what layer and step leave, the share that the geometric changes leave, too",
        "beyond_lo": "2.5 % of it over resampled series at layers",
        "beyond_hi": "97.5 % of it",
        "groups": "series at layers",
        "rows": "transitions at layers it rests on: those in which everything moves",
    },
)
