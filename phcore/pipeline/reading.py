"""Readings of models: what is taken of a checkpoint, everything that is missing of it in one pass.

This is where torch is imported, when there is something to read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby

import pyarrow as pa

from phcore.pipeline.plan import File, Unit
from phcore.stages.registry import results
from phcore.study import devices, probes
from phcore.study.record import BATCHES, Node, Record

OTHER_BATCH = 300  # tokens of those


class Cancelled(Exception):
    """The user asked to stop. Everything finished so far is in the archive."""


@dataclass(frozen=True)
class Checkpoint:
    """What is missing of one checkpoint.

    Attributes
    ----------
    reading : empty for the first; see `Record.second_readings`.
    """

    node: Node
    reading: str
    units: tuple[Unit, ...]

    @property
    def words(self) -> str:
        return f"{self.node.label}, step {self.node.step}"


@dataclass(frozen=True)
class Taken:
    """What a reading gave, and how long it took. `notes` are sentences on what had to be done otherwise."""

    files: dict[File, pa.Table]
    notes: list[str]
    seconds: float


def checkpoints(record: Record, units: list[Unit]) -> list[Checkpoint]:
    """The units of readings by checkpoint: first readings first, each kind in the order of the study."""
    order = {node: number for number, node in enumerate(record.nodes)}

    def which(unit: Unit) -> tuple:
        return (unit.place.reading != "", unit.place.reading, order[unit.place.nodes[0]])

    groups = groupby(sorted(units, key=which), key=which)
    return [
        Checkpoint(some[0].place.nodes[0], some[0].place.reading, some) for _, one in groups for some in [tuple(one)]
    ]


def read(
    record: Record, wanted: list[Checkpoint], progress: Callable[[float], None], cancelled: Callable[[], bool]
) -> Iterator[tuple[Checkpoint, Callable[[], Taken]]]:
    """Each checkpoint with what reads it; adapters are swapped on one loaded base.

    The second value raises Fault where the checkpoint cannot be used, and `Cancelled` where `cancelled` returned True.
    """
    if not wanted:
        return
    from phcore import activations

    study = record.study
    probe_set = probes.load(study.probes)
    tokens = activations.encode(study.model, probe_set.prompts, chat=study.chat)
    openings = activations.refusal_tokens(study.model, study.chat)
    references = activations.reference_tokens(study.model, probe_set.references, study.chat)
    how = {"progress": progress, "cancelled": cancelled}

    def take(loader: activations.Loader, one: Checkpoint) -> Taken:
        started = time.monotonic()
        layers = sorted({unit.place.layer for unit in one.units} - {None}) or list(record.layers[:1])
        try:
            model = loader.open(one.node.path, one.node.kind)
            if one.reading:
                batch = {"batch_tokens": OTHER_BATCH} if one.reading == BATCHES else {}
                taken = activations.extract(model, tokens[::-1], layers, **how, **batch)
                parts = {"states": {layer: cloud[::-1] for layer, cloud in taken.clouds.items()}}
                notes = taken.notes
            else:
                # Always all of it, so that the same checkpoint gives the same bytes whatever is missing.
                taken, said = activations.read(model, tokens, layers, openings, references, **how)
                parts = {"states": taken.clouds, "next_tokens": taken, "scores": said}
                notes = [*taken.notes, *said.notes]
        except activations.Stopped:
            raise Cancelled from None
        return Taken({unit.file: _table(unit, parts) for unit in one.units}, notes, time.monotonic() - started)

    for reading, some in groupby(wanted, key=lambda one: one.reading):
        dtype = study.dtype if reading in ("", BATCHES) else reading
        with activations.Loader(study.model, dtype, devices.wanted(study.device)) as loader:
            for one in some:
                yield one, lambda loader=loader, one=one: take(loader, one)


def _table(unit: Unit, parts: dict[str, object]) -> pa.Table:
    result = results()[unit.name]
    where = {} if unit.place.layer is None else {"layer": unit.place.layer}
    return result.compute(parts[result.part], **where)
