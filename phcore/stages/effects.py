"""Effects: in which summaries two series differ, and by how much of their spread."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from phcore.stages.registry.result import PAIR_WORDS, words
from phcore.stages.separation import comparison, together
from phcore.topology.clouds import subsample_size as size_of

NUMBERS = ("g", "g_lo", "g_hi", "delta", "delta_lo", "delta_hi")


def _each(
    one, floors: pd.DataFrame, objectives: dict[str, str], n_prompts: int, subsample_size: int
) -> Iterator[pd.DataFrame]:
    from phcore.analysis.effect_sizes import effects

    size = size_of(n_prompts, subsample_size)
    for a, b in together(objectives, 2):
        table = effects(one, a, b, n_prompts, size).assign(series_a=a, series_b=b)
        yield table.astype(dict.fromkeys(NUMBERS, np.float32))  # one row a feature: half the size, enough digits


TABLE = comparison(
    "effects",
    _each,
    parameters=("n_prompts", "subsample_size"),
    columns={
        **PAIR_WORDS,
        "step": "training step of both",
        **words("layer", "scale"),
        "feature": "one of the summaries",
        "g": "Hedges' g: difference of the means of a and b in resampling standard deviations",
        "g_lo": "2.5 % of it for another choice of prompts",
        "g_hi": "97.5 % of it",
        "delta": "Cliff's delta: how much more often a is above b than below",
        "delta_lo": "2.5 % of it for another choice of prompts",
        "delta_hi": "97.5 % of it",
    },
)
