"""Variant loops: the H1 bars of a cell under other settings than the study's, one thing varied at a time.

Kept by cell, so that a new checkpoint of a series costs its own bars and no other's.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from phcore.errors import Fault
from phcore.stages.diagrams import SAMPLING
from phcore.stages.registry.result import CELL, Result
from phcore.study import METRICS
from phcore.topology import clouds as points_of
from phcore.topology.explained import without
from phcore.topology.persistence import cell_diagrams

FEW_SUBSAMPLES = 16  # of a variant: a quarter of the usual work, and enough for a mean


class Drawing(NamedTuple):
    """What bars are computed of.

    Attributes
    ----------
    prompts : how many of the cloud's points, drawn at random.
    size : points of a subsample.
    metric : between them.
    freed : whether the length of the prompts is regressed out of the cloud.
    """

    prompts: int
    size: int
    metric: str
    freed: bool = False


class Loops(NamedTuple):
    """bars : H1 diagrams (k, 2) of the subsamples. median : pairwise distance of the cloud."""

    bars: list[np.ndarray]
    median: float


def own_size(n_prompts: int, subsamples: int, subsample_size: int) -> int:
    """Points of a subsample of the study; a study of whole clouds is varied about four fifths of its prompts."""
    return points_of.subsample_size(n_prompts, subsample_size) if subsamples else int(0.8 * n_prompts)


def sizes(n_prompts: int, size: int) -> list[int]:
    """Subsample sizes that are tried, the study's own among them: none needs more than four fifths of the prompts."""
    most = int(0.8 * n_prompts)
    return sorted({m for m in (size // 4, size // 2, size, 3 * size // 2) if 4 <= m <= most} | {size})


def numbers_of_prompts(n_prompts: int, size: int) -> list[int]:
    """Of prompts that are tried, all of them among these: a subsample is at most four fifths of them."""
    fewest = -(-5 * size // 4)
    return sorted({n for n in (fewest, (fewest + n_prompts) // 2) if size < n < n_prompts} | {n_prompts})


def drawings(n_prompts: int, size: int, metric: str) -> list[Drawing]:
    """Each once; the study's own comes first."""
    own = Drawing(n_prompts, size, metric)
    varied = [
        own,
        *(own._replace(size=m) for m in sizes(n_prompts, size)),
        *(own._replace(prompts=n) for n in numbers_of_prompts(n_prompts, size)),
        *(own._replace(metric=one) for one in METRICS),
        own._replace(freed=True),
    ]
    return list(dict.fromkeys(varied))


def compute(
    clouds: np.ndarray,
    prompt_lengths: np.ndarray,
    metric: str,
    engine: str,
    subsamples: int,
    subsample_size: int,
    seed: int,
    few: int,
) -> pa.Table:
    """One row for each drawing and subsample of it, at most `few`. None of a cloud that has no topology.

    Subsamples are drawn from the study's seed, so that those of its own size are its own first ones.
    """
    n = len(clouds)
    size, count = own_size(n, subsamples, subsample_size), min(few, subsamples or few)
    shuffled = np.random.default_rng([seed, 1]).permutation(n)
    rows = []
    for one in drawings(n, size, metric):
        chosen = np.sort(shuffled[: one.prompts])
        sets = points_of.subsamples(one.prompts, count=count, size=one.size, seed=seed)
        cloud = _freed(clouds, prompt_lengths) if one.freed else clouds
        if found := loops_of(cloud[chosen], sets, one.metric, engine):
            rows += [(*one, found.median, bars[:, 0], bars[:, 1]) for bars in found.bars]
    columns = list(zip(*rows, strict=True)) or [[]] * len(SCHEMA)
    return pa.table([pa.array(one, kind.type) for one, kind in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)


SCHEMA = pa.schema(
    {
        "prompts": pa.int32(),
        "size": pa.int32(),
        "metric": pa.string(),
        "freed": pa.bool_(),
        "median_distance": pa.float64(),
        "births": pa.list_(pa.float64()),
        "deaths": pa.list_(pa.float64()),
    }
)


def _freed(cloud: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Without what the logarithm of the length explains: from 10 to 20 tokens is as far as from 20 to 40."""
    return without(cloud, np.log(np.maximum(1, lengths))) if np.isfinite(cloud).all() else cloud


def loops_of(cloud: np.ndarray, sets: np.ndarray, metric: str, engine: str) -> Loops | None:
    """Of the subsamples; None for a cloud without topology."""
    if not np.isfinite(cloud).all():
        return None
    try:
        matrix = points_of.distance_matrix(cloud, metric=metric)
    except Fault:
        return None
    return Loops([h1 for _, h1 in cell_diagrams(matrix, sets, engine=engine)], points_of.median_distance(matrix))


def decode(table: pa.Table) -> dict[Drawing, Loops]:
    """drawing -> its loops; none of a cloud without topology."""
    found: dict[Drawing, Loops] = {}
    for one, median, births, deaths in _rows(table):
        found.setdefault(one, Loops([], median)).bars.append(np.column_stack([births, deaths]))
    return found


def _rows(table: pa.Table) -> Iterator[tuple[Drawing, float, np.ndarray, np.ndarray]]:
    drawn = [table[name].to_pylist() for name in Drawing._fields]
    bars = ([one.values.to_numpy() for one in table[name]] for name in ("births", "deaths"))
    for *one, median, births, deaths in zip(*drawn, table["median_distance"].to_pylist(), *bars, strict=True):
        yield Drawing(*one), median, births, deaths


RESULT = Result(
    name="variant_loops",
    label="Sensitivity",
    per=CELL,
    needs=("clouds", "prompt_lengths"),
    parameters=("metric", "engine", *SAMPLING),
    inputs=("metrics_offered",),
    settings={"few": FEW_SUBSAMPLES},
    compute=compute,
    decode=decode,
    intermediate=True,
    size=lambda record: 2_000 + 100 * FEW_SUBSAMPLES * record.subsample_size,  # a bar for each point, of ten drawings
)
