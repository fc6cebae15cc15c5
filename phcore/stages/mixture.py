"""Mixture: where one series lies between two others."""

from __future__ import annotations

from itertools import combinations

import pandas as pd

from phcore.stages.registry.columns import CELL as CELL_WORDS
from phcore.stages.registry.columns import DISTANCE
from phcore.stages.registry.result import Table
from phcore.stages.separation import NEEDS, PARAMETERS, joined


def compute(
    summaries: pd.DataFrame,
    cells: pd.DataFrame,
    scale: str,
    layers: tuple[int, ...],
    subsamples: int,
    objectives: dict[str, str],
) -> pd.DataFrame:
    from phcore.analysis.objectives import standardised_layers
    from phcore.analysis.separation import mixture

    return joined(
        mixture(one, floors, name, a, b).assign(series=name, part_a=a, part_b=b, **labels)
        for labels, one, floors in standardised_layers(summaries, cells, scale, layers, subsamples)
        for a, b in combinations(objectives, 2)
        for name in objectives
        if name not in (a, b)
    )


TABLE = Table(
    name="mixture",
    needs=NEEDS,
    parameters=PARAMETERS,
    compute=compute,
    live=False,
    evidence=True,
    columns={
        "series": "series that may lie between two others",
        "part_a": "one of them",
        "part_b": "the other",
        "step": "training step of all three",
        "layer": CELL_WORDS["layer"],
        "scale": DISTANCE["scale"],
        "to_a": "distance of its mean summaries to those of a, in resampling standard deviations",
        "to_b": "to those of b",
        "a_to_b": "between the two",
        "floor": "split-half floor: the largest of the three cells",
        "along": "place on the line between them: 0 at a, 1 at b",
        "off": "distance from that line",
    },
)
