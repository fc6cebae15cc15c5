"""Concentration: the share of velocity in the first third, with its interval, nulls and corrections."""

import pandas as pd

from phcore.stages.registry.result import DISTANCE_WORDS, Table, words
from phcore.topology.clouds import subsample_size as size_of


def compute(
    velocities: pd.DataFrame, distances: pd.DataFrame, order: float, n_prompts: int, subsample_size: int
) -> pd.DataFrame:
    from phcore.analysis.early_change import concentration_table

    velocities = velocities[velocities["order"] == order]
    if velocities.empty:
        return velocities
    return concentration_table(velocities, distances, n_prompts, size_of(n_prompts, subsample_size))


TABLE = Table(
    name="concentration",
    needs=("velocities", "distances"),
    parameters=("order", "n_prompts", "subsample_size"),
    compute=compute,
    order=("layer", "degree", "scale", "per", "by", "with_base", "null"),
    live=False,
    evidence=True,
    columns={
        **words("series", "layer"),
        **DISTANCE_WORDS,
        "per": "as in dynamics",
        "by": "as in dynamics",
        "with_base": "as in dynamics",
        "concentration": "share of all velocity in the first third",
        "lo": "2.5 % of it for another choice of prompts",
        "hi": "97.5 % of it",
        "null": "what is shuffled for the p-value: see docs/method.md",
        "null_mean": "mean of the concentration under that null",
        "null_lo": "5 % of it",
        "null_hi": "95 % of it",
        "p": "p-value of a concentration as large or larger",
        "p_max": "the same, of the largest of all layers of the series (max-statistic)",
        "p_bh": "p adjusted over all series and layers (Benjamini and Hochberg)",
        "transitions": "transitions of the curve",
        "permutations": "random orders",
    },
)
