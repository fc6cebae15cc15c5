"""What a study will cost on this machine, from measurements made on this machine.

The measurement is the first piece of the study itself (the base model's results), so nothing is computed for the
estimate alone but what two checkpoints are needed for: there the base stands in for the second one.
"""

import json
import shutil
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from phcore.archive.store import Store, digest
from phcore.archive.typed import from_json
from phcore.errors import Fault
from phcore.formatting import count
from phcore.pipeline import reading
from phcore.pipeline.plan import Unit, all_units, plan
from phcore.pipeline.run import Progress, Run
from phcore.stages.registry import Place, Result, files, results
from phcore.stages.registry.places import ends
from phcore.stages.registry.result import (
    ANSWERED,
    CELL,
    CHECKPOINT,
    SECOND_READING,
    TOKEN_CELL,
    TRANSITION,
)
from phcore.study.record import BATCHES, Record

_TABLE_SECONDS = 3.0  # of a table that was never put together here: few take none, those with permutations more
_TABLE_BYTES = 50_000  # of a table that is put together: most are smaller, summaries and floors larger
_OF_ONE_CHECKPOINT = (CHECKPOINT, CELL, SECOND_READING, TOKEN_CELL, ANSWERED)


@dataclass(frozen=True)
class Estimate:
    """Cost of what is missing.

    Attributes
    ----------
    checkpoints : models to read; those that are read twice count twice.
    results : archive files to compute.
    seconds : None until this machine has been measured.
    """

    checkpoints: int
    results: int
    bytes: int
    seconds: float | None
    free_bytes: int

    @property
    def nothing(self) -> bool:
        return not (self.checkpoints or self.results)


def in_words(cost: Estimate, where: str = "this machine") -> str:
    """The estimate as a sentence or two."""
    if cost.nothing:
        return "Everything is computed already."
    minutes = (cost.seconds or 0) / 60
    duration = (
        f"about {minutes:.0f} minutes" if minutes >= 1.5 else f"about {count(max(1, round(minutes * 60)), 'second')}"
    )
    return (
        f"{count(cost.checkpoints, 'checkpoint')} to read, {count(cost.results, 'result')} to compute: {duration} on "
        f"{where}, {cost.bytes / 1e6:.0f} MB of disk ({cost.free_bytes / 1e9:.1f} GB free)."
    )


def speeds(record: Record, store: Store) -> dict[str, float]:
    """Seconds per unit of each result, as last measured here for this model and these parameters."""
    return _remembered(store).get(_like(record), {})


def remember(record: Record, store: Store, measured: dict[str, float]) -> None:
    """Keep measured speeds; newer figures replace older ones."""
    known = _remembered(store)
    known[_like(record)] = {**known.get(_like(record), {}), **measured}
    store.write_file(store.root / "speeds.json", json.dumps(known, indent=1).encode())


def estimate(record: Record, store: Store, workers: int = 1, readers: int = 1) -> Estimate:
    """Time and disk for everything the archive lacks.

    Disk is reckoned from the sizes of arrays.

    Parameters
    ----------
    workers, readers : how many results are computed, and how many models are read, at once.
    """
    store.refuse_writing("compute")
    todo = plan(record, store)
    known = speeds(record, store)
    units = [unit for unit in todo.units if unit.place]
    seconds = None
    if all(unit.kind in known for unit in units):
        reading = sum(known[unit.kind] for unit in units if unit.reads_a_model)
        rest = sum(known.get(unit.kind, _TABLE_SECONDS) for unit in todo.units if not unit.reads_a_model)
        seconds = reading / max(1, readers) + rest / max(1, workers)
    store.root.mkdir(parents=True, exist_ok=True)
    return Estimate(
        checkpoints=len({(unit.place.nodes, unit.place.reading) for unit in todo.readings}),
        results=len(todo.units) - len(todo.readings),
        bytes=sum(_bytes(unit, record) for unit in todo.units),
        seconds=seconds,
        free_bytes=shutil.disk_usage(store.root).free,
    )


def _bytes(unit: Unit, record: Record) -> int:
    return results()[unit.name].size(record) if unit.place else _TABLE_BYTES


def measure(
    record: Record,
    store: Store,
    executor: Executor,
    on_event: Callable[[Progress], None] = lambda event: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, float]:
    """Compute the base model's part of the study and time it. Returns seconds per unit of what is missing."""
    run = Run(record, store, executor, on_event, cancelled, speeds(record, store), of=record.base)
    run.run()
    measured = run.speeds
    lacking = {unit.name for unit in plan(record, store).units if unit.place} - measured.keys()
    for one in results().values():
        if one.name in lacking and not one.reads_a_model:
            measured[one.name] = _seconds(one, record, store)
    measured |= _readings(record, store, lacking, cancelled)
    remember(record, store, measured)
    return measured


def _seconds(one: Result, record: Record, store: Store) -> float:
    """Of a result made from those of the base. Where it takes several checkpoints, the base stands in for each."""
    several = one.per not in _OF_ONE_CHECKPOINT
    layer = None if one.per in (CHECKPOINT, TRANSITION) else record.layers[-1]
    again = BATCHES if one.per == SECOND_READING else ""
    place = Place((record.base,) * (1 + several), layer, again)
    values = {}
    for need in one.needs:
        base, *_ = ends(place, results()[need].per)
        value = files.read(record, store, need, base)
        if value is None:  # a result of the base that was left behind, or damaged just now
            return 0.0
        values[need] = (value, results()[need].stands_in(value)) if several else value
    started = time.perf_counter()
    one.compute(**values, **files.from_archive(files.given(record, place, one), store))
    return time.perf_counter() - started


def _readings(record: Record, store: Store, lacking: set[str], cancelled: Callable[[], bool]) -> dict[str, float]:
    """Of what is read of a model and was there already: the base is read once more, and nothing of it is kept."""
    units = [unit for unit in all_units(record) if unit.reads_a_model and unit.place.nodes == (record.base,)]
    wanted = reading.checkpoints(record, [unit for unit in units if unit.name in lacking])
    if not wanted:
        return {}
    found = {}
    with reading.Readings(record, store) as readings:
        for one in wanted:
            seconds = readings.take(one, cancelled=cancelled).seconds / len(one.units)
            found |= dict.fromkeys([unit.name for unit in one.units], seconds)
    return found


def _like(record: Record) -> str:
    """What a unit's cost depends on: the base model, the reading and the topology parameters."""
    s = record.study
    how = (s.dtype, s.chat, record.pooling, s.metric, s.engine, s.subsamples, record.subsample_size, s.orders, s.norm)
    versions = [(one.name, one.version) for one in results().values()]
    return digest(record.base.fingerprint, record.probe_digest, how, s.tokens, s.answers, len(record.layers), versions)


def _remembered(store: Store) -> dict:
    try:
        return from_json((store.root / "speeds.json").read_bytes(), dict[str, dict[str, float]])
    except (OSError, Fault):  # it only costs a measurement
        return {}
