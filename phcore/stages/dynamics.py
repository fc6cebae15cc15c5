"""Dynamics: how concentrated velocity is, when it peaks and when it settles, for every way of counting."""

import pandas as pd

from phcore.stages.registry.result import CELL_WORDS, DISTANCE_WORDS, Table


def compute(velocities: pd.DataFrame, distances: pd.DataFrame, order: float, scale: str) -> pd.DataFrame:
    from phcore.analysis import dynamics

    # The distances that the second null walks are known for the study's own order only.
    velocities = velocities[velocities["order"] == order]
    if velocities.empty:
        return velocities
    frame = dynamics.dynamics(velocities, distances)
    # The defaults come first among the variants of a curve.
    variant = (
        (frame["scale"] != scale) * 8
        + (frame["per"] != "transition") * 4
        + (frame["by"] != "index") * 2
        + (~frame["with_base"].astype(bool)) * 1
    )
    return frame.assign(_variant=variant)


TABLE = Table(
    name="dynamics",
    needs=("velocities", "distances"),
    parameters=("order", "scale"),
    compute=compute,
    order=("layer", "degree", "_variant"),
    columns={
        "series": "name of the series",
        "layer": CELL_WORDS["layer"],
        **DISTANCE_WORDS,
        "per": "velocity per transition, or per training step between the two checkpoints",
        "by": "first third counted by checkpoint index, or by training step",
        "with_base": "whether the transition from step 0 (the base model) to the first checkpoint is counted",
        "concentration": "share of all velocity in the first third; the study's own order of the distance only",
        "p_velocities": "p-value against shuffled velocities",
        "p_checkpoints": "p-value against checkpoints in random order; of a series of more than 12 only where the "
        "distances between all of them were asked for",
        "peak_step": "step with the largest velocity",
        "stable_step": "first step after which velocity stays under 25 % of the peak; empty if never",
    },
)
