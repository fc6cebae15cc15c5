"""The evidence of a study: its units of work, and which of them are still to be done.

Like the units of `cells`, these read and write whole archive files and write the same bytes whoever runs them.

    cloud -> measure_geometry;  clouds of two cells -> measure_move
    cloud -> measure_null -> null_diagrams, nulls;  nulls of two cells -> measure_control
    clouds of a series at one layer -> measure_sensitivity
    next tokens of two checkpoints -> measure_divergence
    cloud, and the cloud of another reading of the same checkpoint -> measure_numerics
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from phcore.archive.store import Store
from phcore.errors import Fault
from phcore.stages import cells
from phcore.stages.cells import Diagrams, Missing, needed_cloud, values, values_table
from phcore.study.record import NULL_REPLICATES, Node, Record
from phcore.topology import clouds, geometry, persistence
from phcore.topology import gaussian_null as controls
from phcore.topology.distances import wasserstein

FEW_SUBSAMPLES = 16  # of the sensitivity variants: a quarter of the usual work, and enough for a mean
BATCHES = "batches"  # the kind of numerical floor that reads the prompts in other batches


# --- what is to be done -------------------------------------------------------------------------


@dataclass(frozen=True)
class Unit:
    """One call of a function of this file.

    Attributes
    ----------
    stage : of `pipeline.STAGES`, for the progress.
    writes : archive stages and keys of its files.
    needs : archive stages and keys of what other units or the reading write first.
    clouds : the cells whose clouds it reads.
    """

    stage: str
    label: str
    function: Callable
    arguments: tuple
    writes: tuple[tuple[str, str], ...]
    needs: tuple[tuple[str, str], ...]
    clouds: tuple[tuple[Node, int], ...] = ()

    def done(self, store: Store) -> bool:
        return all(store.has(*one) for one in self.writes)

    def ready(self, store: Store) -> bool:
        return all(store.has(*one) for one in self.needs)


def units(record: Record, root: str) -> Iterator[Unit]:
    """Every unit of a study's evidence, once each: series that share checkpoints share their units."""
    yield from _of_clouds(record, root)
    yield from _of_moves(record, root)
    yield from _of_series(record, root)
    yield from _of_behaviour(record, root)


def _of_clouds(record: Record, root: str) -> Iterator[Unit]:
    for node in record.ready:
        for layer in record.layers:
            cloud, label = record.cloud_key(node, layer), _label(node, layer)
            one, null = record.geometry_key(node, layer), record.null_key(node, layer)
            reads = ((("clouds", cloud),), ((node, layer),))
            yield Unit("geometry", label, measure_geometry, (root, cloud, one), (("geometry", one),), *reads)
            draw = (root, cloud, null, parameters(record))
            yield Unit("controls", label, measure_null, draw, (("nulls", null), ("null_diagrams", null)), *reads)


def _of_moves(record: Record, root: str) -> Iterator[Unit]:
    moves = {record.move_key(a, b, k): (a, b, k) for _, a, b in record.transitions() for k in record.layers}
    for key, (a, b, layer) in moves.items():
        both, label = tuple(record.cloud_key(one, layer) for one in (a, b)), _label(b, layer)
        reads = (tuple(("clouds", one) for one in both), ((a, layer), (b, layer)))
        yield Unit("geometry", label, measure_move, (root, both, key), (("moves", key),), *reads)
        nulls, control = tuple(record.null_key(one, layer) for one in (a, b)), record.control_key(a, b, layer)
        needs = tuple((stage, one) for one in nulls for stage in ("nulls", "null_diagrams"))
        compare = (root, nulls, control, parameters(record))
        yield Unit("controls", label, measure_control, compare, (("controls", control),), needs)


def _of_series(record: Record, root: str) -> Iterator[Unit]:
    paths = ((one.name, record.path_of(one.name)) for one in record.series)
    found = {record.sensitivity_key(path, k): (name, path, k) for name, path in paths for k in record.layers}
    for key, (name, path, layer) in found.items():
        if len(path) < 2:
            continue
        keys = tuple(record.cloud_key(node, layer) for node in path)
        vary = (root, keys, tuple(node.step for node in path), key, parameters(record))
        reads = (tuple(("clouds", one) for one in keys), tuple((node, layer) for node in path))
        label = f"{name}, layer {layer}"
        yield Unit("sensitivity", label, measure_sensitivity, vary, (("sensitivity", key),), *reads)


def _of_behaviour(record: Record, root: str) -> Iterator[Unit]:
    for a, b in dict.fromkeys((a, b) for _, a, b in record.transitions()):
        both, key = (record.next_key(a), record.next_key(b)), record.divergence_key(a, b)
        needs = tuple(("next_tokens", one) for one in both)
        label = f"{b.label}, step {b.step}"
        yield Unit("behaviour", label, measure_divergence, (root, both, key), (("divergences", key),), needs)


def _label(node: Node, layer: int) -> str:
    return f"{node.label}, step {node.step}, layer {layer}"


def parameters(record: Record) -> dict:
    """The parameters of the topology stages, as plain values."""
    s = record.study
    return {
        "metric": s.metric,
        "engine": s.engine,
        "subsamples": s.subsamples,
        "subsample_size": s.subsample_size,
        "seed": s.seed,
        "orders": list(s.orders),
        "order": s.order,
        "norm": s.norm,
        "nulls": NULL_REPLICATES,
    }


# --- geometry -----------------------------------------------------------------------------------


def measure_geometry(root: str, cloud_key: str, key: str) -> None:
    """What is known of a cloud without any homology: one row, NaN for a cloud that is not finite."""
    store = Store(root)
    try:
        row = geometry.describe(needed_cloud(store, cloud_key))
    except Missing:
        raise
    except Fault:
        row = dict.fromkeys(geometry.CELL_WORDS, float("nan"))
    store.write("geometry", key, pa.table({name: pa.array([value], pa.float64()) for name, value in row.items()}))


def measure_move(root: str, cloud_keys: tuple[str, str], key: str) -> None:
    """How the geometry of two clouds differs, prompt by prompt: one row, NaN where one of them is not finite."""
    store = Store(root)
    try:
        row = geometry.compare(*(needed_cloud(store, one) for one in cloud_keys))
    except Missing:
        raise
    except Fault:
        row = dict.fromkeys(geometry.MOVE_WORDS, float("nan"))
    store.write("moves", key, pa.table({name: pa.array([value], pa.float64()) for name, value in row.items()}))


# --- Gaussian controls --------------------------------------------------------------------------


def measure_null(root: str, cloud_key: str, key: str, how: dict) -> None:
    """Diagrams of Gaussian clouds that match a cell, `how["nulls"]` of each kind, as large as its subsamples.

    Nothing for a cloud without topology of its own. `nulls` is written last: where it is, both are.
    """
    store = Store(root)
    cloud = needed_cloud(store, cloud_key)
    size = clouds.subsample_size(len(cloud), how["subsample_size"]) if how["subsamples"] else len(cloud)
    diagrams, rows = {}, []
    try:
        for kind in controls.KINDS:
            for number in range(how["nulls"]):
                drawn = controls.gaussian(cloud, kind, size, replicate=number, seed=how["seed"])
                matrix = clouds.distance_matrix(drawn, metric=how["metric"])
                found = persistence.diagrams(matrix, engine=how["engine"])
                diagrams[kind, number] = found
                rows.append((kind, number, clouds.median_distance(matrix), *map(len, found)))
    except Fault:
        diagrams, rows = {}, []
    parts = [
        cells.bars_table({number: diagrams[kind, number] for number in range(how["nulls"])}).add_column(
            0, "kind", pa.array([kind] * sum(len(d) for n in range(how["nulls"]) for d in diagrams[kind, n]))
        )
        for kind in controls.KINDS
        if diagrams
    ]
    empty = cells.bars_table({}).add_column(0, "kind", pa.array([], pa.string()))
    store.write("null_diagrams", key, pa.concat_tables(parts) if parts else empty)
    columns = list(zip(*rows, strict=True)) if rows else [[]] * 5
    types = (pa.string(), pa.int16(), pa.float64(), pa.int32(), pa.int32())
    names = ("kind", "replicate", "unit", "h0_count", "h1_count")
    arrays = [pa.array(list(column), kind) for column, kind in zip(columns, types, strict=True)]
    store.write("nulls", key, pa.table(dict(zip(names, arrays, strict=True))))


def measure_control(root: str, keys: tuple[str, str], control_key: str, how: dict) -> None:
    """Distances between the nulls of two cells, replicate by replicate: the study's order, every degree and scale."""
    store = Store(root)
    earlier, later = (read_nulls(store, key) for key in keys)
    parts = []
    for kind in controls.KINDS:
        rows = [
            (number, *value)
            for number in sorted(earlier[kind].keys() & later[kind].keys())
            for (a, unit_a), (b, unit_b) in [(earlier[kind][number], later[kind][number])]
            for value in values(a, b, unit_a, unit_b, [how["order"]], how["norm"])
        ]
        part = values_table(rows, first="replicate")
        parts.append(part.add_column(0, "kind", pa.array([kind] * len(rows), pa.string())))
    store.write("controls", control_key, pa.concat_tables(parts))


def read_nulls(store: Store, key: str) -> dict[str, dict[int, tuple[Diagrams, float]]]:
    """kind -> replicate -> diagrams and median distance of a Gaussian cloud. Raises Missing like `read_cell`."""
    bars, about = store.read("null_diagrams", key), store.read("nulls", key)
    if bars is None or about is None:
        raise Missing(
            "the controls of this cell are missing or were damaged",
            "Compute the study again",
            store.path("null_diagrams", key),
        )
    found = {}
    for kind in controls.KINDS:
        own = about.filter(pc.equal(about["kind"], kind))
        numbers, units = own["replicate"].to_pylist(), own["unit"].to_pylist()
        diagrams = cells.diagrams_of(bars.filter(pc.equal(bars["kind"], kind)), numbers)
        found[kind] = {number: (diagrams[number], unit) for number, unit in zip(numbers, units, strict=True)}
    return found


# --- sensitivity --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Variant:
    """A way to measure the velocities of a series that differs from the study's in one thing."""

    varied: str
    setting: str
    prompts: int
    size: int
    metric: str
    order: float


def variants(n_prompts: int, how: dict) -> list[Variant]:
    """What `measure_sensitivity` varies: subsample size, number of prompts, metric and order of the distance.

    The study's own setting is among each of them. Sizes that need more than four fifths of the prompts are left out.
    """
    size = clouds.subsample_size(n_prompts, how["subsample_size"]) if how["subsamples"] else int(0.8 * n_prompts)
    own = Variant("", "", n_prompts, size, how["metric"], how["order"])
    most = int(0.8 * n_prompts)
    sizes = sorted({m for m in (size // 4, size // 2, size, 3 * size // 2) if 4 <= m <= most} | {size})
    fewest = -(-5 * size // 4)  # a subsample is at most four fifths of them, as everywhere
    prompts = sorted({n for n in (fewest, (fewest + n_prompts) // 2) if size < n < n_prompts} | {n_prompts})

    def vary(what: str, setting: object, **change: object) -> Variant:
        return Variant(**{**own.__dict__, "varied": what, "setting": str(setting), **change})

    return [
        *(vary("subsample size", m, size=m) for m in sizes),
        *(vary("prompts", n, prompts=n) for n in prompts),
        *(vary("metric", one, metric=one) for one in ("euclidean", "cosine")),
        *(vary("order", f"{p:g}", order=p) for p in (1.0, 2.0, float("inf"))),
    ]


def measure_sensitivity(root: str, cloud_keys: tuple[str, ...], steps: tuple[int, ...], key: str, how: dict) -> None:
    """H1 velocities of one series at one layer under each of `variants`."""
    store = Store(root)
    rows = sensitivity([needed_cloud(store, one) for one in cloud_keys], steps, how)
    names = ("step_from", "step", "varied", "setting", "scale", "value")
    types = (pa.int64(), pa.int64(), pa.string(), pa.string(), pa.string(), pa.float64())
    columns = list(zip(*rows, strict=True)) if rows else [[]] * len(names)
    arrays = [pa.array(list(column), kind) for column, kind in zip(columns, types, strict=True)]
    store.write("sensitivity", key, pa.table(dict(zip(names, arrays, strict=True))))


def sensitivity(points: list[np.ndarray], steps: tuple[int, ...], how: dict) -> list[tuple]:
    """Rows step_from, step, varied, setting, scale, value: mean H1 velocity over at most 16 subsamples.

    The subsamples of a variant are drawn from the study's seed, so that those of its own size are its own first ones.

    Parameters
    ----------
    points : the (n, d) clouds of a series at one layer, in order of step.
    """
    n = len(points[0])
    shuffled = np.random.default_rng([how["seed"], 1]).permutation(n)
    count = min(FEW_SUBSAMPLES, how["subsamples"] or FEW_SUBSAMPLES)
    seen: dict[tuple, list] = {}  # variants that differ in the order of the distance alone share their diagrams
    rows = []
    for one in variants(n, how):
        diagrams = (one.prompts, one.size, one.metric)
        if diagrams not in seen:
            chosen = np.sort(shuffled[: one.prompts])
            sets = np.stack(clouds.subsamples(one.prompts, count=count, size=one.size, seed=how["seed"]))
            seen[diagrams] = [_loops_of(cloud[chosen], sets, one.metric, how["engine"]) for cloud in points]
        found = seen[diagrams]
        rows += [
            (step_from, step, one.varied, one.setting, scale, _mean_distance(*pair, scale, one.order, how["norm"]))
            for step_from, step, *pair in zip(steps, steps[1:], found, found[1:], strict=False)
            for scale in cells.SCALES
        ]
    return rows


def _loops_of(cloud: np.ndarray, sets: np.ndarray, metric: str, engine: str) -> tuple[list[np.ndarray], float] | None:
    """H1 diagrams of the subsamples and the median distance; None for a cloud without topology."""
    if not np.isfinite(cloud).all():
        return None
    try:
        matrix = clouds.distance_matrix(cloud, metric=metric)
    except Fault:
        return None
    return [pair[1] for pair in persistence.cell_diagrams(matrix, sets, engine=engine)], clouds.median_distance(matrix)


def _mean_distance(earlier, later, scale: str, order: float, norm: float) -> float:
    if earlier is None or later is None:
        return float("nan")
    (a, unit_a), (b, unit_b) = earlier, later
    if scale == "raw":
        unit_a = unit_b = 1.0
    elif not (unit_a > 0 and unit_b > 0):
        return float("nan")
    pairs = zip(a, b, strict=True)
    return float(np.mean([wasserstein(x / unit_a, y / unit_b, order=order, norm=norm) for x, y in pairs]))


# --- behaviour ----------------------------------------------------------------------------------


def measure_divergence(root: str, next_keys: tuple[str, str], key: str) -> None:
    """Jensen-Shannon divergence of the next-token distributions of two checkpoints, prompt by prompt."""
    from phcore.analysis.next_tokens import jensen_shannon, jensen_shannon_slack

    store = Store(root)
    a, b = (read_next(store, one) for one in next_keys)
    value, slack = jensen_shannon(*a, *b), jensen_shannon_slack(*a, *b)
    table = {"prompt": pa.array(range(len(value)), pa.int32())}
    table |= {"value": pa.array(value, pa.float64()), "slack": pa.array(slack, pa.float64())}
    store.write("divergences", key, pa.table(table))


def next_table(taken) -> pa.Table:
    """Next-token distributions: the most probable tokens by prompt, and the probability of all the rest."""

    def lists(array: np.ndarray) -> pa.Array:
        return pa.FixedSizeListArray.from_arrays(pa.array(array.ravel()), array.shape[1])

    return pa.table(
        {
            "token": lists(np.asarray(taken.next_ids, np.int32)),
            "logprob": lists(np.asarray(taken.next_logprobs, np.float32)),
            "rest": pa.array(np.asarray(taken.rest_mass, np.float32)),
        }
    )


def read_next(store: Store, key: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tokens (n, k), logarithms of their probabilities (n, k) and the probability of the rest (n,), as written."""
    table = store.read("next_tokens", key)
    if table is None:
        raise Missing(
            "the next-token distributions of this checkpoint are missing or were damaged",
            "Compute the study again",
            store.path("next_tokens", key),
        )

    def matrix(name: str) -> np.ndarray:
        column = table[name].combine_chunks()
        return column.values.to_numpy(zero_copy_only=False).reshape(len(table), column.type.list_size)

    return matrix("token"), matrix("logprob"), table["rest"].to_numpy()


# --- the numerical floor ------------------------------------------------------------------------


def measure_numerics(store: Store, cloud_key: str, again: np.ndarray, key: str, how: dict) -> None:
    """Distances between the diagrams of a cell and those of another reading of the same checkpoint.

    Parameters
    ----------
    again : (n, d) the other reading of the cloud.
    """
    sets = cells.index_sets(len(again), how["subsamples"], how["subsample_size"], how["seed"])
    rows = []
    both = (needed_cloud(store, cloud_key), again)
    if all(np.isfinite(cloud).all() for cloud in both):
        try:
            matrices = [clouds.distance_matrix(cloud, metric=how["metric"]) for cloud in both]
            units = [clouds.median_distance(matrix) for matrix in matrices]
            indices = np.stack(list(sets.values()))
            a, b = (persistence.cell_diagrams(matrix, indices, engine=how["engine"]) for matrix in matrices)
            rows = [
                (number, *value)
                for number, x, y in zip(sets, a, b, strict=True)
                for value in values(x, y, *units, [how["order"]], how["norm"])
            ]
        except Fault:
            rows = []
    store.write("numerics", key, values_table(rows))
