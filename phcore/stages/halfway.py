"""Halfway: when half of the way from the base is done, in topology and in behaviour."""

import pandas as pd

from phcore.stages.registry.result import Table, words
from phcore.topology.clouds import subsample_size as size_of


def compute(
    summaries: pd.DataFrame,
    cells: pd.DataFrame,
    departures: pd.DataFrame,
    scale: str,
    n_prompts: int,
    subsample_size: int,
) -> pd.DataFrame:
    from phcore.analysis.displacements import courses
    from phcore.analysis.halfway import table

    known = summaries if len(departures) else summaries.head(0)
    return table(courses(known, cells, scale, n_prompts, size_of(n_prompts, subsample_size)), departures)


TABLE = Table(
    name="halfway",
    needs=("summaries", "cells", "departures"),
    parameters=("scale", "n_prompts", "subsample_size"),
    compute=compute,
    order=("layer", "scale"),
    evidence=True,
    later=True,
    columns={
        **words("series", "layer", "scale"),
        "topology": "step at which half of the final displacement in mean summaries is first reached",
        "behaviour": "the same of the Jensen-Shannon distance from the base (root of the mean divergence)",
        "error": "standard error of the difference for another choice of prompts, in steps",
        "slack": "how many steps more the truncated divergence leaves open",
        "resolution": "the wider of the two gaps between checkpoints that they fall into",
        "last": "last step that both are known for",
        "moved": "whether both have moved beyond their floors by then",
        "checkpoints": "checkpoints after the base",
    },
)
