"""Net change: how far each run is from where it began, beside what other prompts would make of no change."""

import pandas as pd

from phcore.stages.registry.result import Table, words
from phcore.topology.clouds import subsample_size as size_of


def compute(
    summaries: pd.DataFrame, cells: pd.DataFrame, scale: str, n_prompts: int, subsample_size: int
) -> pd.DataFrame:
    from phcore.analysis.displacements import courses
    from phcore.analysis.size_and_shape import net_change

    return net_change(courses(summaries, cells, scale, n_prompts, size_of(n_prompts, subsample_size)), cells)


_FLOOR = "95 % of what other prompts make of no displacement"
TABLE = Table(
    name="net_change",
    needs=("summaries", "cells"),
    parameters=("scale", "n_prompts", "subsample_size"),
    compute=compute,
    order=("layer", "step"),
    evidence=True,
    later=True,
    columns={
        **words("series", "step", "layer"),
        "size": "median distance between prompts, over that at the first step of the series",
        "moved": "displacement of the mean summaries since then, in resampling standard deviations",
        "moved_floor": _FLOOR,
        "shape": "the same with every distance divided by the median one: what no change of size explains",
        "shape_floor": _FLOOR,
        "groups": "of that, in the summaries of H0 alone",
        "groups_floor": _FLOOR,
        "loops": "in those of H1 alone",
        "loops_floor": _FLOOR,
    },
)
