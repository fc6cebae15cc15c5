"""Sensitivity: the H1 velocities of a series under other settings than the study's, one thing varied at a time."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from phcore.errors import Fault
from phcore.stages.registry.arrow import from_rows
from phcore.stages.registry.result import SERIES_LAYER, TRANSITION_WORDS, Result, Table, words
from phcore.study import METRICS, ORDERS, SCALES
from phcore.topology import clouds as points_of
from phcore.topology.distances import wasserstein
from phcore.topology.persistence import cell_diagrams

FEW_SUBSAMPLES = 16  # of a variant: a quarter of the usual work, and enough for a mean
NAMES = ("step_from", "step", "varied", "setting", "scale", "value")


class Variant(NamedTuple):
    """A way to measure the velocities of a series that differs from the study's in one thing."""

    varied: str
    setting: str
    prompts: int
    size: int
    metric: str
    order: float


def variants(n_prompts: int, size: int, metric: str, order: float) -> list[Variant]:
    """What is varied: subsample size, number of prompts, metric and order of the distance.

    The study's own setting is among each of them. Sizes that need more than four fifths of the prompts are left out.

    Parameters
    ----------
    size : prompts in a subsample of the study.
    """
    own = Variant("", "", n_prompts, size, metric, order)
    most = int(0.8 * n_prompts)
    sizes = sorted({m for m in (size // 4, size // 2, size, 3 * size // 2) if 4 <= m <= most} | {size})
    fewest = -(-5 * size // 4)  # a subsample is at most four fifths of them, as everywhere
    prompts = sorted({n for n in (fewest, (fewest + n_prompts) // 2) if size < n < n_prompts} | {n_prompts})

    def vary(what: str, setting: object, **change: object) -> Variant:
        return own._replace(varied=what, setting=str(setting), **change)

    return [
        *(vary("subsample size", m, size=m) for m in sizes),
        *(vary("prompts", n, prompts=n) for n in prompts),
        *(vary("metric", one, metric=one) for one in METRICS),
        *(vary("order", f"{p:g}", order=p) for p in ORDERS),
    ]


def compute(
    clouds: tuple[np.ndarray, ...], steps: tuple[int, ...], metric: str, engine: str, subsamples: int,
    subsample_size: int, seed: int, order: float, norm: float, few: int,
) -> pa.Table:  # fmt: skip
    """Mean H1 velocity over at most `few` subsamples under each of `variants`.

    The subsamples of a variant are drawn from the study's seed, so that those of its own size are its own first ones.

    Parameters
    ----------
    clouds : the (n, d) clouds of a series at one layer, in order of step.
    """
    n = len(clouds[0])
    size = points_of.subsample_size(n, subsample_size) if subsamples else int(0.8 * n)
    shuffled = np.random.default_rng([seed, 1]).permutation(n)
    count = min(few, subsamples or few)
    seen: dict[tuple, list] = {}  # variants that differ in the order of the distance alone share their diagrams
    rows = []
    for one in variants(n, size, metric, order):
        drawn = (one.prompts, one.size, one.metric)
        if drawn not in seen:
            chosen = np.sort(shuffled[: one.prompts])
            sets = points_of.subsamples(one.prompts, count=count, size=one.size, seed=seed)
            seen[drawn] = [loops_of(cloud[chosen], sets, one.metric, engine) for cloud in clouds]
        found = seen[drawn]
        rows += [
            (step_from, step, one.varied, one.setting, scale, mean_distance(*pair, scale, one.order, norm))
            for step_from, step, *pair in zip(steps, steps[1:], found, found[1:], strict=False)
            for scale in SCALES
        ]
    return from_rows(rows, NAMES)


def loops_of(cloud: np.ndarray, sets: np.ndarray, metric: str, engine: str) -> tuple[list[np.ndarray], float] | None:
    """H1 diagrams of the subsamples and the median distance; None for a cloud without topology."""
    if not np.isfinite(cloud).all():
        return None
    try:
        matrix = points_of.distance_matrix(cloud, metric=metric)
    except Fault:
        return None
    return [pair[1] for pair in cell_diagrams(matrix, sets, engine=engine)], points_of.median_distance(matrix)


def mean_distance(earlier, later, scale: str, order: float, norm: float) -> float:
    if earlier is None or later is None:
        return float("nan")
    (a, median_a), (b, median_b) = earlier, later
    if scale == "raw":
        median_a = median_b = 1.0
    elif not (median_a > 0 and median_b > 0):
        return float("nan")
    pairs = zip(a, b, strict=True)
    return float(np.mean([wasserstein(x / median_a, y / median_b, order=order, norm=norm) for x, y in pairs]))


RESULT = Result(
    name="sensitivity",
    label="Sensitivity",
    per=SERIES_LAYER,
    needs=("clouds",),
    parameters=("steps", "metric", "engine", "subsamples", "subsample_size", "seed", "order", "norm"),
    settings={"few": FEW_SUBSAMPLES},
    compute=compute,
    size=lambda record: 400 * max((len(record.path_of(one.name)) for one in record.series), default=1),
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
