"""What a study will cost on this machine, from measurements made on this machine: of earlier runs, or of a sample."""

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from phcore.archive.store import Store, digest
from phcore.archive.typed import from_json
from phcore.archive.writing import read_plain
from phcore.errors import Fault
from phcore.formatting import count
from phcore.pipeline import sample
from phcore.pipeline.plan import Unit, plan
from phcore.pipeline.run import Progress
from phcore.stages.registry import results
from phcore.study.record import Record

_TABLE_SECONDS = 1.5  # of a table that was never put together here: most take less, those with permutations more
_TABLE_BYTES = 50_000  # of a table that is put together: most are smaller, summaries and floors larger


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
    """Keep measured speeds, where they can be kept; newer figures replace older ones."""
    store.refuse_writing("keep speeds")
    known = _remembered(store)
    known[_like(record)] = {**known.get(_like(record), {}), **measured}
    with suppress(Fault):  # what was computed stands, and an estimate measures again
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
    on_event: Callable[[Progress], None] = lambda event: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, float]:
    """Time a sample of the study's work, in some seconds whatever its size. Returns seconds per unit of each result.

    What was measured in a run stays: a sample is no more than a first word.
    """

    def tell(share: float, words: str) -> None:
        on_event(Progress(stage="", done=0, total=0, label=words, share=share))

    known = sample.measured(record, store, tell, cancelled) | speeds(record, store)
    remember(record, store, known)
    return known


def _like(record: Record) -> str:
    """What a unit's cost depends on: the base model, the reading and the topology parameters."""
    s = record.study
    how = (s.dtype, s.chat, record.pooling, s.metric, s.engine, s.subsamples, record.subsample_size, s.orders, s.norm)
    versions = [(one.name, one.version) for one in results().values()]
    return digest(record.base.fingerprint, record.probe_digest, how, s.tokens, s.answers, len(record.layers), versions)


def _remembered(store: Store) -> dict:
    try:
        return from_json(read_plain(store.root / "speeds.json"), dict[str, dict[str, float]])
    except (OSError, Fault):  # it only costs a measurement
        return {}
