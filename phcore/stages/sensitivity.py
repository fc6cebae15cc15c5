"""Sensitivity: H1 velocities under other settings than the study's, one thing varied at a time."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from phcore.stages.cells import Cell
from phcore.stages.registry.arrow import from_rows
from phcore.stages.registry.result import TRANSITION_LAYER, TRANSITION_WORDS, Result, Table, words
from phcore.stages.variant_loops import Drawing, Loops, numbers_of_prompts, own_size, sizes
from phcore.study import METRICS, ORDERS, SCALES
from phcore.topology.distances import of_each

NAMES = ("varied", "setting", "scale", "value")


class Variant(NamedTuple):
    """A way to measure velocities that differs from the study's in one thing."""

    varied: str
    setting: str
    drawing: Drawing
    order: float


def variants(n_prompts: int, size: int, metric: str, order: float) -> list[Variant]:
    """What is varied: subsample size, number of prompts, metric and order of the distance.

    The study's own setting is among each of them.

    Parameters
    ----------
    size : prompts in a subsample of the study.
    """
    own = Drawing(n_prompts, size, metric)
    return [
        *(Variant("subsample size", str(m), own._replace(size=m), order) for m in sizes(n_prompts, size)),
        *(Variant("prompts", str(n), own._replace(prompts=n), order) for n in numbers_of_prompts(n_prompts, size)),
        *(Variant("metric", one, own._replace(metric=one), order) for one in METRICS),
        *(Variant("order", f"{p:g}", own, p) for p in ORDERS),
    ]


def compute(
    variant_loops: tuple[dict[Drawing, Loops], dict[Drawing, Loops]], cells: tuple[Cell, Cell], metric: str,
    subsamples: int, subsample_size: int, order: float, norm: float,
) -> pa.Table:  # fmt: skip
    """Mean H1 velocity over the subsamples of each of `variants`; NaN where a cell has no topology."""
    n = cells[0].n_prompts
    return velocities(variants(n, own_size(n, subsamples, subsample_size), metric, order), variant_loops, norm)


def velocities(
    variants: Iterable[Variant], loops: tuple[dict[Drawing, Loops], dict[Drawing, Loops]], norm: float
) -> pa.Table:
    """One row for each variant and scale.

    Parameters
    ----------
    loops : of the earlier and of the later cell.
    """
    rows = []
    for one in variants:
        both = [some.get(one.drawing) for some in loops]
        rows += [(one.varied, one.setting, scale, mean_distance(*both, scale, one.order, norm)) for scale in SCALES]
    return from_rows(rows, NAMES)


def mean_distance(earlier: Loops | None, later: Loops | None, scale: str, order: float, norm: float) -> float:
    if earlier is None or later is None:
        return float("nan")
    medians = (1.0, 1.0) if scale == "raw" else (earlier.median, later.median)
    if not all(median > 0 for median in medians):
        return float("nan")
    both = ([bars / median for bars in one.bars] for one, median in zip((earlier, later), medians, strict=True))
    return float(np.mean(of_each(*both, order=order, norm=norm)))


RESULT = Result(
    name="sensitivity",
    label="Sensitivity",
    per=TRANSITION_LAYER,
    needs=("variant_loops", "cells"),
    parameters=("metric", "subsamples", "subsample_size", "order", "norm"),
    inputs=("orders_offered", "metrics_offered"),
    compute=compute,
)


def with_fewer_subsamples(rows: pd.DataFrame, velocities: pd.DataFrame, order: float, subsamples: int) -> pd.DataFrame:
    """Beside the gathered variants, the study's own H1 velocities over its first 4, 16, 64 ... subsamples."""
    if rows.empty:
        return rows
    own = velocities[(velocities["degree"] == 1) & (velocities["order"] == order)]
    counts = [count for count in (4, 16, 64, 256) if count < subsamples] + [subsamples]
    move = [*TRANSITION_WORDS, "scale"]
    parts = [
        own[own["subsample"] < count].groupby(move, as_index=False)["value"].mean().assign(setting=str(count))
        for count in (counts if subsamples else ())
    ]
    fewer = pd.concat(parts).assign(varied="subsamples") if parts else own.head(0)
    return pd.concat([rows, fewer], ignore_index=True)


TABLE = Table(
    name="sensitivity",
    gathers="sensitivity",
    needs=("velocities",),
    parameters=("order", "subsamples"),
    compute=with_fewer_subsamples,
    order=("layer", "varied", "setting", "scale", "step"),
    evidence=True,
    columns={
        **words("series", "layer"),
        "step_from": TRANSITION_WORDS["step_from"],
        "step": TRANSITION_WORDS["step"],
        "varied": "what differs from the study: subsample size, subsamples, prompts, metric or order",
        "setting": "its value",
        **words("scale"),
        "value": "H1 velocity, mean over subsamples",
    },
)
