"""Windows: how far each run goes in windows of equal length, which no grid of checkpoints makes early or late."""

import pandas as pd

from phcore.stages.registry.result import Table, words
from phcore.topology.clouds import subsample_size as size_of


def compute(
    summaries: pd.DataFrame,
    cells: pd.DataFrame,
    distances: pd.DataFrame,
    velocities: pd.DataFrame,
    floors: pd.DataFrame,
    scale: str,
    n_prompts: int,
    subsample_size: int,
    learned: dict[str, dict[int, float]],
) -> pd.DataFrame:
    from phcore.analysis.displacements import courses
    from phcore.analysis.equal_windows import table

    own = courses(summaries, cells, scale, n_prompts, size_of(n_prompts, subsample_size))
    return table(own, distances, velocities, floors, learned=learned)


TABLE = Table(
    name="windows",
    needs=("summaries", "cells", "distances", "velocities", "floors"),
    parameters=("scale", "n_prompts", "subsample_size", "learned"),
    compute=compute,
    order=("layer", "scale", "use", "measure", "order", "window"),
    evidence=True,
    columns={
        **words("series", "layer", "scale"),
        "use": "quarters (of the run), rates (as many equal windows as there are, six or more) or transitions; learned "
        "quarters and learned rates are of equal learning rate",
        "clock": "what windows are of equal length in: steps (empty in studies of before), or learning rate (summed)",
        "window": "number of the window, from 1",
        "step_from": "step at which it begins",
        "step": "step at which it ends",
        "measure": "summaries (mean summaries), loops (those of H1 alone) or diagrams (of H1)",
        "order": "order of the Wasserstein distance; 0 for summaries",
        "value": "net displacement between both ends: in resampling standard deviations, or Wasserstein distance",
        "floor": "95 % of what other prompts make of no displacement; of diagrams, the larger resampling floor",
    },
)
