"""What other settings would show: one course, measured with one thing at a time changed."""

import numpy as np
import pandas as pd

from phcore.analysis.dynamics import concentration

ORDER = ("subsample size", "subsamples", "prompts", "metric", "order", "scale", "prompt length")
"""What is varied, in the order in which it is shown."""


def settings(table: pd.DataFrame, scale: str, order: float = 2.0) -> pd.DataFrame:
    """The curves of one series at one layer, by what is varied and its setting; scale is one of them.

    Parameters
    ----------
    table : rows of the ``sensitivity`` table of one series at one layer.
    scale : of all settings but those of the scale itself.
    order : the study's own.

    Returns
    -------
    varied, setting, step_from, step, value; settings in their own order, numbers by size.
    """
    own = table[table["scale"] == scale]
    # The study's own setting stands among the orders, too.
    both = table[(table["varied"] == "order") & (table["setting"] == f"{order:g}")]
    rows = pd.concat([own, both.assign(varied="scale", setting=both["scale"])], ignore_index=True)
    place = {name: k for k, name in enumerate(ORDER)}
    size = pd.to_numeric(rows["setting"], errors="coerce")  # numbers before words
    rows = rows.assign(_varied=rows["varied"].map(place), _size=size)
    rows = rows.sort_values(["_varied", "_size", "setting", "step"], kind="stable", ignore_index=True)
    return rows[["varied", "setting", "step_from", "step", "value"]]


def concentrations(rows: pd.DataFrame) -> pd.DataFrame:
    """Share of velocity in the first third of the checkpoints, for each curve of `settings`: varied, setting, value."""
    found = [
        (*name, concentration(curve["value"].to_numpy(np.float64)))
        for name, curve in rows.groupby(["varied", "setting"], sort=False)
    ]
    return pd.DataFrame(found, columns=["varied", "setting", "value"])
