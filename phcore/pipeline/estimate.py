"""What a study will cost on this machine, from measurements made on this machine.

The measurement is the first piece of the study itself (the base model's clouds and cells), so nothing is
computed for the estimate alone.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace

from phcore.analysis.next_tokens import jensen_shannon
from phcore.archive import permissions
from phcore.archive.store import Store, digest, write_atomically
from phcore.pipeline.run import READ_HERE, Progress, Run, plan
from phcore.stages import cells, evidence
from phcore.study.record import NULL_REPLICATES, Record

_ROWS_BYTES = 5_000  # a few rows of numbers, most of it the file's own footer


@dataclass(frozen=True)
class Estimate:
    """Cost of what is missing. `seconds` is None until this machine has been measured."""

    checkpoints: int
    cells: int
    pairs: int
    judged: int  # units of the evidence
    bytes: int
    seconds: float | None
    free_bytes: int


def speeds(record: Record, store: Store) -> dict[str, float]:
    """Seconds per unit of each stage, as last measured here for this model and these parameters."""
    return _remembered(store).get(_like(record), {})


def remember(record: Record, store: Store, measured: dict[str, float]) -> None:
    """Keep measured speeds; newer figures replace older ones."""
    known = _remembered(store)
    known[_like(record)] = {**known.get(_like(record), {}), **measured}
    write_atomically(store.root / "speeds.json", json.dumps(known, indent=1).encode())


def estimate(record: Record, store: Store, workers: int = 1) -> Estimate:
    """Time and disk for everything the archive lacks.

    Disk is reckoned from the sizes of arrays, and of the base model's cells where they are there.
    """
    import shutil

    permissions.refuse_writing("compute")
    todo = plan(record, store)
    units = todo.totals(record)
    known = speeds(record, store)
    seconds = None
    if all(stage in known or not count for stage, count in units.items()):
        each = {stage: count * known.get(stage, 0.0) for stage, count in units.items()}
        reading = sum(each.pop(stage) for stage in READ_HERE)
        seconds = reading + sum(each.values()) / max(1, workers)
    n, d = record.n_prompts, record.hidden_size
    next_tokens = n * (512 * 8 + 4)
    taken = len(todo.activations) * (next_tokens + len(record.layers) * n * d * 4)
    total = taken + len(todo.cells) * _cell_bytes(record, store) + units["pairs"] * 1_500
    drawn = sum(unit.writes[0][0] == "nulls" for unit in todo.evidence)
    total += (len(todo.evidence) - drawn) * _ROWS_BYTES + drawn * _null_bytes(record, store)
    store.root.mkdir(parents=True, exist_ok=True)
    return Estimate(
        checkpoints=units["activations"],
        cells=units["cells"],
        pairs=units["pairs"],
        judged=len(todo.evidence) + len(todo.numerics),
        bytes=total,
        seconds=seconds,
        free_bytes=shutil.disk_usage(store.root).free,
    )


def measure(
    record: Record,
    store: Store,
    executor: Executor,
    on_event: Callable[[Progress], None] = lambda event: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, float]:
    """Compute the base model's part of the study and time it."""
    alone = replace(record, nodes=(record.base,), study=record.study.with_(series=()))
    running = Run(alone, store, executor, on_event, cancelled, speeds(record, store))
    running.compute()
    measured = {stage: value for stage, value in running.speeds.items() if stage != "pairs"}
    measured["pairs"] = _seconds_per_pair(record, store)
    measured |= _seconds_of_evidence(record, store)
    remember(record, store, measured)
    return measured


def _seconds_per_pair(record: Record, store: Store, repeats: int = 8) -> float:
    """Neighbouring subsamples of the base stand in for two checkpoints: their bars are as many, and as unlike."""
    how = evidence.parameters(record)
    cell = cells.read_cell(store, record.cell_key(record.base, record.layers[-1]))
    numbers = sorted(cell.diagrams)
    pairs = list(itertools.pairwise(numbers))[:repeats] or [(numbers[0], numbers[0])] * bool(numbers)
    started = time.perf_counter()
    for a, b in pairs:
        # One order, as in the matrix of all pairs, which holds most of them.
        cells.values(cell.diagrams[a], cell.diagrams[b], cell.unit, cell.unit, [how["order"]], how["norm"])
    return (time.perf_counter() - started) / max(1, len(pairs)) * max(1, len(numbers))


def _seconds_of_evidence(record: Record, store: Store) -> dict[str, float]:
    """The evidence of the base, once more: its geometry and controls (a pair of clouds takes less of each, so that
    this is on the safe side), and itself as the next checkpoint."""
    how, root, layer = evidence.parameters(record), str(store.root), record.layers[-1]
    key, next_key = record.cloud_key(record.base, layer), record.next_key(record.base)
    cloud, said = cells.needed_cloud(store, key), evidence.read_next(store, next_key)
    steps = max([len(record.path_of(one.name)) for one in record.series], default=2)
    of_two = {
        "geometry": lambda: evidence.measure_geometry(root, key, record.geometry_key(record.base, layer)),
        "controls": lambda: evidence.measure_null(root, key, record.null_key(record.base, layer), how),
        "sensitivity": lambda: evidence.sensitivity([cloud, cloud], (0, 1), how),
        "behaviour": lambda: jensen_shannon(*said, *said),
    }
    seconds = {}
    for stage, work in of_two.items():
        started = time.perf_counter()
        work()
        seconds[stage] = time.perf_counter() - started
    return seconds | {"sensitivity": seconds["sensitivity"] * steps / 2}


def _null_bytes(record: Record, store: Store) -> int:
    key = record.null_key(record.base, record.layers[-1])
    measured = store.size("null_diagrams", [key]) + store.size("nulls", [key])
    size = record.study.subsample_size if record.study.subsamples else record.n_prompts
    return measured or 2 * NULL_REPLICATES * 2 * size * 16  # kinds, draws, about as many loops as points, two numbers


def _cell_bytes(record: Record, store: Store) -> int:
    key, floor = (
        record.cell_key(record.base, record.layers[-1]),
        record.floor_key(record.base, record.layers[-1]),
    )
    measured = store.size("diagrams", [key]) + store.size("summaries", [key]) + store.size("floors", [floor])
    s = record.study
    bars = 1.5 * (min(s.subsample_size, record.n_prompts) if s.subsamples else record.n_prompts)
    return measured or int(max(1, s.subsamples) * (bars * 12 + 41 * 8 + 100))


def _like(record: Record) -> str:
    """What a unit's cost depends on: the base model, the reading and the topology parameters."""
    s = record.study
    how = (s.dtype, s.chat, s.metric, s.engine, s.subsamples, s.subsample_size, s.orders, s.norm)
    return digest(record.base.fingerprint, record.probe_digest, how, len(record.layers))


def _remembered(store: Store) -> dict:
    try:
        return json.loads((store.root / "speeds.json").read_text())
    except (FileNotFoundError, ValueError):
        return {}
