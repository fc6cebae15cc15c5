"""Projection moves: how far the means of two categories go along the base's direction between them."""

import pandas as pd

from phcore.stages.registry.result import TRANSITION_WORDS, Table


def compute(directions: pd.DataFrame, series_steps: dict[str, list[int]]) -> pd.DataFrame:
    from phcore.analysis.category_directions import moves

    return moves(directions, series_steps)


TABLE = Table(
    name="projection_moves",
    needs=("directions",),
    parameters=("series_steps",),
    compute=compute,
    order=("layer", "category", "step"),
    published=False,
    columns={
        **TRANSITION_WORDS,
        "first": "the two categories with most prompts, as in directions",
        "second": "the other one",
        "category": "one of them; empty: the prompts of both",
        "value": "change of the mean projection on the base's direction between them, which is 1 long",
    },
)
