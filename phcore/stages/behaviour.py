"""Behaviour: what the model was measured to do, and what training logs and the user's file say."""

import pandas as pd

from phcore.stages.registry.result import Table, words


def compute(scores: pd.DataFrame, scalars: pd.DataFrame | None) -> pd.DataFrame:
    from phcore.analysis.against_behaviour import behaviour_table

    measured = scores.assign(source="model")
    if scalars is None:
        return measured
    nothing_said = pd.DataFrame(columns=["series", "step", "prompt", "category", "refusal", "nll"])
    return pd.concat([measured, behaviour_table(nothing_said, scalars)], ignore_index=True)


TABLE = Table(
    name="behaviour",
    needs=("scores",),
    parameters=("scalars",),
    compute=compute,
    order=("source", "name", "category", "step"),
    published=False,
    columns={
        **words("series", "step"),
        "name": "as in scores, or as logged",
        "category": "as in scores",
        "value": "its value",
        "source": "model (measured here), trainer (training log) or file (added by hand)",
    },
)
