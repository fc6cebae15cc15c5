"""Mixture: where one series lies between two others."""

from collections.abc import Iterator

import pandas as pd

from phcore.stages.registry.result import words
from phcore.stages.separation import comparison, together


def _each(one, floors: pd.DataFrame, objectives: dict[str, str]) -> Iterator[pd.DataFrame]:
    from phcore.analysis.effect_sizes import mixture

    for three in together(objectives, 3):
        for name in reversed(three):
            a, b = (other for other in three if other != name)
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
