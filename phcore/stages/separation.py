"""Separation: how far two series are apart in their summaries, beside the same between halves of one cell."""

from collections.abc import Callable, Iterator
from itertools import combinations

import pandas as pd

from phcore.stages.registry.result import PAIR_WORDS, Table, words


def comparison(
    name: str, each: Callable[..., Iterator[pd.DataFrame]], columns: dict[str, str], parameters: tuple[str, ...] = ()
) -> Table:
    """A table that compares series at each layer and scale.

    Parameters
    ----------
    each : (standardised summaries, split-half floors, series -> objective, further parameters) -> tables, which get
        layer and scale.
    """

    def compute(summaries, cells, scale, layers, subsamples, objectives, **more) -> pd.DataFrame:
        from phcore.analysis.objectives import standardised_layers

        parts = [
            table.assign(**labels)
            for labels, one, floors in standardised_layers(summaries, cells, scale, layers, subsamples)
            for table in each(one, floors, objectives, **more)
            if len(table)
        ]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    return Table(
        name=name,
        needs=("summaries", "cells"),
        parameters=("scale", "layers", "subsamples", "objectives", *parameters),
        compute=compute,
        live=False,
        evidence=True,
        columns=columns,
    )


def rounds(objectives: dict[str, str]) -> list[list[str]]:
    """Series to compare in detail: the first run of every objective, the second of every one, and so on.

    Objectives with fewer runs keep their last one. Where there is one objective, all its runs are compared. Nine
    series have 36 pairs, and nobody reads those of one seed with another.

    Parameters
    ----------
    objectives : series -> objective, in the order of the study.
    """
    runs: dict[str, list[str]] = {}
    for name, objective in objectives.items():
        runs.setdefault(objective, []).append(name)
    if len(runs) == 1:
        return list(runs.values())
    return [[own[min(k, len(own) - 1)] for own in runs.values()] for k in range(max(map(len, runs.values())))]


def together(objectives: dict[str, str], size: int) -> list[tuple[str, ...]]:
    """Each pair, triple, ... of a round once."""
    return list(dict.fromkeys(few for group in rounds(objectives) for few in combinations(group, size)))


def _each(one, floors: pd.DataFrame, objectives: dict[str, str]) -> Iterator[pd.DataFrame]:
    from phcore.analysis.effect_sizes import separation

    for a, b in combinations(objectives, 2):
        yield separation(one, floors, a, b).assign(series_a=a, series_b=b)


TABLE = comparison(
    "separation",
    _each,
    columns={
        **PAIR_WORDS,
        "step": "training step of both",
        **words("layer", "scale"),
        "energy": "energy distance between the two clouds of standardised summaries",
        "energy_floor": "median of it between two random halves of one cell's subsamples, the larger of both cells",
        "energy_floor_hi": "95 % of it",
        "distance": "distance between the mean summaries, in resampling standard deviations",
        "distance_floor": "median of it between two random halves of one cell's subsamples, the larger of both cells",
        "distance_floor_hi": "95 % of it",
    },
)
