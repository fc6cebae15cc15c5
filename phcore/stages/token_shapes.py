"""Token shapes: of each chosen prompt's own cloud how many tokens, how much persistence, and of which dimension."""

from contextlib import suppress

import numpy as np
import pandas as pd
import pyarrow as pa

from phcore.errors import Fault
from phcore.stages.registry.result import CELL_WORDS, TOKEN_CELL, Result, Table
from phcore.topology.clouds import distance_matrix, distinct_points, median_distance
from phcore.topology.persistence import EMPTY
from phcore.topology.simple_geometry import two_nn

NUMBERS = {
    "median_distance": "median distance between two of its tokens: what scale median divides by",
    "h0_total": "sum of all persistences of degree 0, at raw scale",
    "h1_total": "sum of all persistences of degree 1, at raw scale",
    "h1_count": "bars of degree 1",
    "two_nn": "intrinsic dimension around a token, from its two nearest neighbours (TwoNN, highest tenth discarded); "
    "always Euclidean",
}


def compute(token_clouds: dict[int, np.ndarray], token_bars: dict[int, list[np.ndarray]], metric: str) -> pa.Table:
    """A row per prompt. NaN for what a cloud has no number for: one token, or states that are not finite."""
    rows = [
        {"prompt": number, "tokens": len(cloud), "n_distinct": distinct_points(cloud)}
        | _measured(cloud, token_bars.get(number, EMPTY), metric)
        for number, cloud in token_clouds.items()
    ]
    types = {"prompt": pa.int32(), "tokens": pa.int32(), "n_distinct": pa.int32()} | dict.fromkeys(
        NUMBERS, pa.float64()
    )
    return pa.table({name: pa.array([row[name] for row in rows], kind) for name, kind in types.items()})


def _measured(cloud: np.ndarray, bars: list[np.ndarray], metric: str) -> dict[str, float]:
    found = dict.fromkeys(NUMBERS, float("nan"))
    with suppress(Fault):
        distances = distance_matrix(cloud, metric=metric)
        if len(cloud) > 1:
            totals = [float((some[:, 1] - some[:, 0]).sum()) for some in bars]
            found |= {"median_distance": median_distance(distances), "h0_total": totals[0], "h1_total": totals[1]}
            found |= {"h1_count": float(len(bars[1])), "two_nn": two_nn(distance_matrix(cloud))}
    return found


RESULT = Result(
    name="token_shapes",
    label="Geometry",
    per=TOKEN_CELL,
    needs=("token_clouds", "token_bars"),
    parameters=("metric",),
    compute=compute,
)


def by_prompt(rows: pd.DataFrame, categories: dict[int, str]) -> pd.DataFrame:
    return rows if rows.empty else rows.assign(category=rows["prompt"].map(categories).fillna(""))


TABLE = Table(
    name="token_shapes",
    gathers="token_shapes",
    parameters=("categories",),
    compute=by_prompt,
    order=("prompt", "step", "layer"),
    published=False,
    columns={
        **CELL_WORDS,
        "prompt": "number of the prompt in the probe set, from 0",
        "category": "its category; empty where the probe set names none",
        "tokens": "tokens of its own text, the points of its cloud; without the first token of what is read",
        "n_distinct": "those that differ from all others before them",
        **NUMBERS,
    },
)
