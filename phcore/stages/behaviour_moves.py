"""Moves of behaviour: how far each behaviour goes from checkpoint to checkpoint."""

import pandas as pd

from phcore.stages.registry.result import TRANSITION_WORDS, Table


def compute(behaviour: pd.DataFrame, divergence: pd.DataFrame, series_steps: dict[str, list[int]]) -> pd.DataFrame:
    from phcore.analysis.against_behaviour import moves

    return moves(behaviour, divergence, series_steps)


TABLE = Table(
    name="behaviour_moves",
    needs=("behaviour", "divergence"),
    parameters=("series_steps",),
    compute=compute,
    order=("name", "category", "step"),
    published=False,
    columns={
        **{name: TRANSITION_WORDS[name] for name in ("series", "step_from", "step")},
        "name": "js: mean Jensen-Shannon divergence of next-token distributions (nats); others: change of a behaviour",
        "category": "as in behaviour",
        "value": "its value",
    },
)
