"""The work units of a study: one function per stage, each reading and writing whole archive files.

They take plain values (so that any `concurrent.futures` executor can carry them), are idempotent, and write the
same bytes whoever runs them.

    cloud -> measure_cell -> diagrams, floors, summaries
    diagrams of two cells -> measure_velocity
    diagrams of a cell and of all earlier ones -> measure_distances

The units of the evidence are in `evidence`.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from phcore.archive.store import Store
from phcore.errors import Fault
from phcore.topology import clouds, distances, persistence, summaries

WHOLE = -1  # the subsample number of the whole cloud
DEGREES = (0, 1)
SCALES = ("raw", "median")

Diagrams = list[np.ndarray]  # one (bars, 2) array per degree


class Missing(Fault):
    """A result this unit needs is not in the archive, or was damaged and set aside just now."""


def index_sets(n_prompts: int, count: int, size: int, seed: int) -> dict[int, np.ndarray]:
    """subsample number -> indices of its prompts. `count` 0 means the whole cloud, numbered -1."""
    if count == 0:
        return {WHOLE: np.arange(n_prompts)}
    return dict(enumerate(clouds.subsamples(n_prompts, count=count, size=size, seed=seed)))


def measure_cell(root: str, cloud_key: str, cell_key: str, floor_key: str, how: dict) -> None:
    """Diagrams, summaries and resampling floors of one cell, from its cloud.

    A cloud with non-finite values, or whose points all coincide, gets a row that says so instead of diagrams.
    `summaries` is written last: where it is, the cell is done.
    """
    store = Store(root)
    cloud = needed_cloud(store, cloud_key)
    sets = index_sets(len(cloud), how["subsamples"], how["subsample_size"], how["seed"])
    if not np.isfinite(cloud).all():
        bad = int((~np.isfinite(cloud).all(axis=1)).sum())
        words = f"{bad} of {len(cloud)} hidden states are not finite, so this cell has no topology."
        _write_empty(store, cell_key, floor_key, _about(len(cloud), 0, float("nan"), "nonfinite", words))
        return

    indices = np.stack(list(sets.values()))
    try:
        matrix = clouds.distance_matrix(cloud, metric=how["metric"])
        diagrams = dict(zip(sets, persistence.cell_diagrams(matrix, indices, engine=how["engine"]), strict=True))
        partners = []
        if WHOLE not in sets:
            rows = clouds.partners(indices, len(cloud), seed=how["seed"])
            partners = persistence.cell_diagrams(matrix, rows, engine=how["engine"])
    except Fault as fault:  # a zero vector has no angle, for instance: this cell is marked, the rest goes on
        words = f"This cell has no topology: {fault.fault}."
        _write_empty(store, cell_key, floor_key, _about(len(cloud), 0, float("nan"), "nonfinite", words))
        return
    unit = clouds.median_distance(matrix)
    floors = [
        (number, *value)
        for number, other in enumerate(partners)
        for value in values(diagrams[number], other, unit, unit, how["orders"], how["norm"])
    ]
    cell = _about(len(cloud), clouds.distinct_points(cloud), unit)
    store.write("diagrams", cell_key, bars_table(diagrams))
    store.write("floors", floor_key, values_table(floors))
    store.write("summaries", cell_key, _summaries_table(diagrams, cell))


def _write_empty(store: Store, cell_key: str, floor_key: str, about: dict) -> None:
    """A cell without topology: a row that says why."""
    store.write("diagrams", cell_key, bars_table({}))
    store.write("floors", floor_key, values_table([]))
    store.write("summaries", cell_key, _summaries_table({}, about))


def measure_velocity(root: str, keys: tuple[str, str], velocity_key: str, how: dict) -> None:
    """Distances between the diagrams of two cells, subsample by subsample: every order, degree and scale."""
    store = Store(root)
    earlier, later = (read_cell(store, key) for key in keys)
    rows = [
        (number, *value)
        for number in earlier.diagrams.keys() & later.diagrams.keys()
        for value in values(
            earlier.diagrams[number],
            later.diagrams[number],
            earlier.unit,
            later.unit,
            how["orders"],
            how["norm"],
        )
    ]
    store.write("velocities", velocity_key, values_table(sorted(rows)))


def measure_distances(root: str, cell_key: str, others: list[str], distance_key: str, how: dict) -> None:
    """Mean distance over subsamples between one cell and each of `others` (one row of the distance matrix)."""
    store = Store(root)
    here = read_cell(store, cell_key)
    rows = []
    for position, key in enumerate(others):
        there = read_cell(store, key)
        numbers = sorted(here.diagrams.keys() & there.diagrams.keys())
        if not numbers:
            continue
        pairs = [
            values(here.diagrams[n], there.diagrams[n], here.unit, there.unit, [how["order"]], how["norm"])
            for n in numbers
        ]
        labels = [value[:-1] for value in pairs[0]]
        means = np.mean([[value[-1] for value in values] for values in pairs], axis=0)
        rows += [(position, *label, mean) for label, mean in zip(labels, means, strict=True)]
    store.write("distances", distance_key, values_table(rows, first="other"))


def values(a: Diagrams, b: Diagrams, unit_a: float, unit_b: float, orders: list[float], norm: float) -> list[tuple]:
    """(degree, order, norm, scale, value) for every order, degree and scale."""
    return [
        (
            degree,
            order,
            norm,
            scale,
            distances.wasserstein(a[degree] / ua, b[degree] / ub, order=order, norm=norm),
        )
        for scale, ua, ub in (("raw", 1.0, 1.0), ("median", unit_a or np.nan, unit_b or np.nan))
        # A median distance of zero leaves no unit to measure in; empty diagrams need none.
        if np.isfinite(ua * ub) or not any(len(d) for d in (*a, *b))
        for degree in DEGREES
        for order in orders
    ]


# --- archive files <-> arrays -------------------------------------------------------------------


class Cell:
    """Diagrams of one cell by subsample, and the cloud's median pairwise distance (`unit`)."""

    def __init__(self, diagrams: dict[int, Diagrams], unit: float, status: str):
        self.diagrams, self.unit, self.status = diagrams, unit, status


def read_cloud(store: Store, key: str) -> np.ndarray | None:
    """(n_prompts, hidden_size) float32, or None."""
    table = store.read("clouds", key)
    if table is None:
        return None
    column = table["state"].combine_chunks()
    return column.values.to_numpy(zero_copy_only=False).reshape(len(table), column.type.list_size)


def needed_cloud(store: Store, key: str) -> np.ndarray:
    cloud = read_cloud(store, key)
    if cloud is None:
        raise Missing(
            "the cloud of this cell is missing or was damaged", "Compute the study again", store.path("clouds", key)
        )
    return cloud


def write_cloud(store: Store, key: str, cloud: np.ndarray) -> None:
    flat = pa.array(np.ascontiguousarray(cloud, dtype=np.float32).ravel())
    store.write("clouds", key, pa.table({"state": pa.FixedSizeListArray.from_arrays(flat, cloud.shape[1])}))


def read_cell(store: Store, key: str) -> Cell:
    """Raises Missing where the cell has not been computed, or its file was damaged and set aside."""
    bars, about = store.read("diagrams", key), store.read("summaries", key, ["subsample", "unit", "status"])
    if bars is None or about is None:
        raise Missing(
            "the diagrams of this cell are missing or were damaged",
            "Compute the study again",
            store.path("diagrams", key),
        )
    numbers = [] if about["status"][0].as_py() == "nonfinite" else about["subsample"].to_pylist()
    return Cell(diagrams_of(bars, numbers), float(about["unit"][0].as_py() or 0.0), about["status"][0].as_py())


def diagrams_of(bars: pa.Table, numbers: list[int]) -> dict[int, Diagrams]:
    """subsample -> its diagrams, of a table as from `bars_table`."""
    columns = {name: bars[name].to_numpy() for name in ("subsample", "degree", "birth", "death")}
    points = np.column_stack([columns["birth"], columns["death"]])
    result = {int(number): [np.empty((0, 2)), np.empty((0, 2))] for number in numbers}
    # Bars are stored sorted by (subsample, degree): each diagram is one run of rows.
    label = columns["subsample"].astype(int) * 2 + columns["degree"]
    cuts = np.flatnonzero(np.diff(label)) + 1
    for rows in np.split(np.arange(len(label)), cuts) if len(label) else []:
        result[int(columns["subsample"][rows[0]])][int(columns["degree"][rows[0]])] = points[rows]
    return result


def bars_table(diagrams: dict[int, Diagrams]) -> pa.Table:
    parts = [
        (number, degree, diagram) for number in sorted(diagrams) for degree, diagram in enumerate(diagrams[number])
    ]
    lengths = [len(diagram) for *_, diagram in parts]
    points = np.concatenate([diagram for *_, diagram in parts]) if parts else np.empty((0, 2))
    return pa.table(
        {
            "subsample": pa.array(np.repeat([n for n, *_ in parts], lengths), pa.int16()),
            "degree": pa.array(np.repeat([d for _, d, _ in parts], lengths), pa.int8()),
            "birth": pa.array(points[:, 0], pa.float64()),
            "death": pa.array(points[:, 1], pa.float64()),
        }
    )


def values_table(rows: list[tuple], first: str = "subsample") -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [[]] * 6
    types = (pa.int16(), pa.int8(), pa.float64(), pa.float64(), pa.string(), pa.float64())
    names = (first, "degree", "order", "norm", "scale", "value")
    arrays = [pa.array(list(column), kind) for column, kind in zip(columns, types, strict=True)]
    return pa.table(dict(zip(names, arrays, strict=True)))


def _about(n_prompts: int, n_distinct: int, unit: float, status: str = "ok", words: str = "") -> dict:
    if status == "ok" and n_distinct == 1:
        status = "degenerate"
        words = (
            f"All {n_prompts} prompts have the same hidden state here, so the cloud is one point: no bars. "
            "This is expected at layer 0, where prompts that end in the same token share its embedding."
        )
    elif status == "ok" and n_distinct < n_prompts:
        words = f"{n_prompts - n_distinct} of {n_prompts} hidden states repeat another one exactly."
    return {"n_prompts": n_prompts, "n_distinct": n_distinct, "unit": unit, "status": status, "words": words}


def _summaries_table(diagrams: dict[int, Diagrams], about: dict) -> pa.Table:
    numbers = sorted(diagrams)
    values = np.array([summaries.summary(diagrams[number]) for number in numbers])
    if not numbers:  # one row keeps what is known about a cell without diagrams
        numbers, values = [WHOLE], np.full((1, len(summaries.FEATURES)), np.nan)
    table = {"subsample": pa.array(numbers, pa.int16())}
    table |= {name: pa.array(values[:, k]) for k, name in enumerate(summaries.FEATURES)}
    table |= {name: pa.array([value] * len(numbers)) for name, value in about.items()}
    return pa.table(table)
