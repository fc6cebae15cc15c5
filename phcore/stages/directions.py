"""Directions: from the mean of one category of prompts to that of another, and how it turns in training."""

import numpy as np
import pandas as pd
import pyarrow as pa

from phcore.stages.registry.arrow import vectors
from phcore.stages.registry.result import CELL, CELL_WORDS, Result, Table


def compute(clouds: np.ndarray, categories: dict[int, str]) -> pa.Table:
    """The mean of either half of each category's prompts, by turns in their order; categories of one prompt have none.

    clouds : (n, d).
    """
    labels = np.array([categories.get(number, "") for number in range(len(clouds))])
    halves = [
        (category, half, own[half::2])
        for category in sorted({*labels} - {""})
        if len(own := np.flatnonzero(labels == category)) > 1
        for half in (0, 1)
    ]
    means = [clouds[rows].mean(axis=0, dtype=np.float64) for _, _, rows in halves]
    return pa.table(
        {
            "category": pa.array([category for category, _, _ in halves], pa.string()),
            "half": pa.array([half for _, half, _ in halves], pa.int8()),
            "n": pa.array([len(rows) for _, _, rows in halves], pa.int32()),
            "mean": vectors(np.array(means, np.float32).reshape(len(halves), clouds.shape[1])),
        }
    )


RESULT = Result(
    name="category_means",
    label="Geometry",
    per=CELL,
    needs=("clouds",),
    parameters=("categories",),
    compute=compute,
    size=lambda record: 4_000 + 2 * 2 * 4 * record.hidden_size,
)


def turning(rows: pd.DataFrame, series_steps: dict[str, list[int]]) -> pd.DataFrame:
    from phcore.analysis.category_directions import directions

    return directions(rows, series_steps) if len(rows) else pd.DataFrame()


TABLE = Table(
    name="directions",
    gathers="category_means",
    parameters=("series_steps",),
    compute=turning,
    order=("first", "second", "layer", "step"),
    evidence=True,
    later=True,
    columns={
        **CELL_WORDS,
        "first": "a category; at most four are compared, those with most prompts",
        "second": "another one",
        "first_at": "where the first one's mean lies along the base's direction: there it is -1/2",
        "second_at": "where the second one's lies: at the base +1/2",
        "gap": "second_at - first_at: 1 at the base",
        "cosine_base": "cosine of the direction between their means and that of the base",
        "cosine_before": "the same against the checkpoint before",
        "halves": "the same between the directions of either half of the prompts: what another choice of them gives",
        "n_first": "prompts of the first",
        "n_second": "prompts of the second",
    },
)
