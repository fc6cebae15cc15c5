"""Runs: whole runs within and between objectives, where there are several of each."""

from collections.abc import Iterator

import pandas as pd

from phcore.stages.registry.result import words
from phcore.stages.separation import comparison


def _each(one, floors: pd.DataFrame, objectives: dict[str, str], run_of: dict[str, str]) -> Iterator[pd.DataFrame]:
    """Copies of a run are no further runs."""
    from phcore.analysis.permanova import runs

    yield runs(one, {series: objectives[series] for series, run in run_of.items() if series == run})


TABLE = comparison(
    "runs",
    _each,
    columns={
        **words("layer", "scale"),
        "step": "training step; -1: the whole run",
        "objectives": "number of objectives",
        "runs": "number of runs",
        "within": "mean distance between runs of the same objective",
        "between": "mean distance between runs of different objectives",
        "pseudo_f": "pseudo-F of the PERMANOVA",
        "p": "p-value, whole runs permuted",
        "permutations": "orders it rests on",
    },
    parameters=("run_of",),
)
