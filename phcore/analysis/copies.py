"""Which series are runs of their own: a copy of a run is no second run."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

Series = TypeVar("Series", bound=Hashable)


def distinct(weights: Mapping[Series, Mapping[int, str]]) -> dict[Series, Series]:
    """Each series with the run it belongs to, which has the name of its first series.

    Two series are one run where they have the same weights at a step after the base, directly or through others: a
    copy, or a run that was continued in two ways.

    Parameters
    ----------
    weights : series -> step -> fingerprint of the checkpoint; an empty one is known to equal none.
    """
    run_of: dict[Series, Series] = {}
    owner: dict[tuple[int, str], Series] = {}
    for series, checkpoints in weights.items():
        seen = [(step, mark) for step, mark in checkpoints.items() if step > 0 and mark]
        met = dict.fromkeys(run_of[owner[one]] for one in seen if one in owner)
        run = next(iter(met), series)
        run_of = {name: run if other in met else other for name, other in run_of.items()} | {series: run}
        owner |= dict.fromkeys(seen, series)
    return run_of
