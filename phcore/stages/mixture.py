"""Mixture: where one series lies between two others."""

from collections.abc import Iterator
from itertools import combinations

import pandas as pd

from phcore.stages.registry.result import words
from phcore.stages.separation import comparison


def _each(one, floors: pd.DataFrame, objectives: dict[str, str]) -> Iterator[pd.DataFrame]:
    from phcore.analysis.effect_sizes import mixture

    for a, b in combinations(objectives, 2):
        for name in [name for name in objectives if name not in (a, b)]:
            yield mixture(one, floors, name, a, b).assign(series=name, part_a=a, part_b=b)


TABLE = comparison(
    "mixture",
    _each,
    columns={
        "series": "series that may lie between two others",
        "part_a": "one of them",
        "part_b": "the other",
        "step": "training step of all three",
        **words("layer", "scale"),
        "to_a": "distance of its mean summaries to those of a, in resampling standard deviations",
        "to_b": "to those of b",
        "a_to_b": "between the two",
        "floor": "split-half floor: the largest of the three cells",
        "along": "place on the line between them: 0 at a, 1 at b",
        "off": "distance from that line",
    },
)
