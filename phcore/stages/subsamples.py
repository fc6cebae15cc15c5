"""Subsamples: which prompts each of them holds."""

import numpy as np
import pandas as pd

from phcore.stages.registry.result import Table
from phcore.topology.clouds import index_sets


def compute(n_prompts: int, subsamples: int, subsample_size: int, seed: int) -> pd.DataFrame:
    sets = index_sets(n_prompts, subsamples, subsample_size, seed)
    size = len(next(iter(sets.values())))
    return pd.DataFrame(
        {
            "subsample": np.repeat(list(sets), size),
            "position": np.tile(np.arange(size), len(sets)),
            "prompt": np.concatenate(list(sets.values())),
        }
    )


TABLE = Table(
    name="subsamples",
    parameters=("n_prompts", "subsamples", "subsample_size", "seed"),
    compute=compute,
    published=False,
    columns={
        "subsample": "number of the index set",
        "position": "row of the subsample's cloud",
        "prompt": "number of the prompt in the probe set, from 0",
    },
)
