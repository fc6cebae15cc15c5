"""Separation: how far two series are apart in their summaries, beside the same between halves of one cell."""

from __future__ import annotations

from itertools import combinations

import pandas as pd

from phcore.stages.registry.columns import CELL as CELL_WORDS
from phcore.stages.registry.columns import DISTANCE, PAIR
from phcore.stages.registry.result import Table

# What every comparison of objectives is made from.
NEEDS = ("summaries", "cells")
PARAMETERS = ("scale", "layers", "subsamples", "objectives")


def compute(
    summaries: pd.DataFrame,
    cells: pd.DataFrame,
    scale: str,
    layers: tuple[int, ...],
    subsamples: int,
    objectives: dict[str, str],
) -> pd.DataFrame:
    from phcore.analysis.objectives import standardised_layers
    from phcore.analysis.separation import separation

    return joined(
        separation(one, floors, a, b).assign(series_a=a, series_b=b, **labels)
        for labels, one, floors in standardised_layers(summaries, cells, scale, layers, subsamples)
        for a, b in combinations(objectives, 2)
    )


def joined(parts) -> pd.DataFrame:
    """One table of several; empty where all of them are."""
    parts = [part for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


TABLE = Table(
    name="separation",
    needs=NEEDS,
    parameters=PARAMETERS,
    compute=compute,
    live=False,
    evidence=True,
    columns={
        **PAIR,
        "step": "training step of both",
        "layer": CELL_WORDS["layer"],
        "scale": DISTANCE["scale"],
        "energy": "energy distance between the two clouds of standardised summaries",
        "energy_floor": "median of it between two random halves of one cell's subsamples, the larger of both cells",
        "energy_floor_hi": "95 % of it",
        "distance": "distance between the mean summaries, in resampling standard deviations",
        "distance_floor": "median of it between two random halves of one cell's subsamples, the larger of both cells",
        "distance_floor_hi": "95 % of it",
    },
)
