"""Looks at a model while it is trained: its clouds, their bars and how far these moved, kept in a study of the archive.

No weights are saved. What a look reads is what a reading of a saved checkpoint takes, under a key of its own, so that
`compute` makes everything else of it later, and pages show it like any other checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from phcore.archive.store import Store
from phcore.checkpoints.fingerprints import of_effect
from phcore.errors import Fault
from phcore.pipeline.plan import Unit, all_units
from phcore.pipeline.reading import asked_of, first_reading, table_of
from phcore.stages.registry import Place, files, keys_of, results
from phcore.study import Series, Study, kept, raised
from phcore.study.kept import folder_of
from phcore.study.record import LIVE, Node, Record
from phcore.study.resolve import fingerprint, resolve
from phcore.topology.simple_geometry import effective_rank
from phcore.training.alarms import Alarm, Look, Measured, alarms

if TYPE_CHECKING:
    import torch

# What each look computes at once: what alarms are told by, and what the first pages show. All else is for `compute`.
NOW = ("cells", "diagrams", "velocities", "summaries", "coordinates")
HASHED_WHOLE = 1e9  # bytes: of more than this a sample of every tensor is hashed
SAMPLE = 4096  # numbers of a tensor


class Looks:
    """The looks at one run.

    Parameters
    ----------
    study : what is asked: model, probe set and parameters. Its series are those that are known of it already.
    series : the run.
    store : the archive.
    start : the step at which training begins; looks after it are taken again, those up to it stay.

    Raises
    ------
    Fault : where the base model, the probe set or the tokenizer cannot be used, or the archive has another study of
        this name.
    """

    def __init__(self, study: Study, series: Series, store: Store, start: int = 0):
        self.study, self.series, self.store = study.placed(Path.cwd()), series, store
        self.seen: list[Look] = []
        self.raised: list[Alarm] = []
        self._nodes = [node for node in self._before() if node.step <= start] if start else []
        self.record = self._joined()
        self.asked = asked_of(self.record)

    def base(self, model: torch.nn.Module) -> None:
        """Look at the model before training: the base of the study.

        Raises
        ------
        Fault : where it is not what lies in the folder of the base model, whose name the look would bear.
        """
        self._refuse_another(model)
        self._look(model, self.record.base)
        self.seen.append(self._measured(self.record.base, ""))
        self._done()

    def goes_on(self, model: torch.nn.Module) -> None:
        """Compare the model of a training that goes on with the base: no look of it names what is not trained.

        Raises
        ------
        Fault : where a weight that is not trained is another one than in the folder of the base model.
        """
        self._refuse_another(model, frozen=True)

    def _refuse_another(self, model: torch.nn.Module, frozen: bool = False) -> None:
        from phcore.activations.exactness import other_tensor

        other = other_tensor(model, self.study.model, frozen)
        if other or fingerprint(self.study, self.record.base, self.store) != self.record.base.fingerprint:
            raise Fault(
                f"the model in training is not the one in this folder ({other or 'its weights changed'})",
                "Give the folder that it was loaded from, unrounded: TopologyCallback(model=...)",
                self.study.model,
            )

    def take(self, model: torch.nn.Module, step: int, weights: str) -> tuple[Look, list[Alarm]]:
        """Look at the model after a step; `weights` is the digest of what the base lacks."""
        base = self.record.base.fingerprint
        fingerprint = hashlib.sha256(f"{base} {weights}".encode()).hexdigest()[:32]
        path = str(self.series.path / f"look-{step}")
        node = Node(self.series.name, step, LIVE, path, 0, "ready", fingerprint=fingerprint)
        if self.seen and weights and self.seen[-1].weights == weights:  # the same weights are one point
            look = replace(self.seen[-1], step=step)
        else:
            self._look(model, node)
            self._nodes.append(node)
            self.record = self._joined()
            look = self._measured(node, weights)
        self.seen.append(look)
        self._done()
        found = alarms(self.seen)
        self.raised += found
        if found:
            self._tell(found)
        return look, found

    def lost(self) -> list[int]:
        """Steps whose looks the archive has no more: nothing can read them again."""
        readings = [(one.step, unit) for one in self._nodes for unit in self._units(one) if unit.reads_a_model]
        return sorted({step for step, unit in readings if not self.store.has(*unit.file)})

    # --- one look -----------------------------------------------------------------------------------

    def _look(self, model: torch.nn.Module, node: Node) -> None:
        """Read what the archive lacks of a checkpoint, and write it."""
        units = [unit for unit in self._units(node) if unit.reads_a_model and not self.store.has(*unit.file)]
        if not units:
            return
        parts, _ = first_reading(model, self.asked, list(self.record.layers))
        for unit in units:
            self.store.write(*unit.file, table_of(unit, parts))

    def _units(self, node: Node, earlier: Node | None = None) -> list[Unit]:
        """What there is to make of a checkpoint and, with the one before it, of the step between them."""
        own = [one for one in (earlier, node) if one is not None and one.label != "base"]
        few = replace(self.record, nodes=(self.record.base, *own), study=self.record.study.with_(series=(self.series,)))
        return [unit for unit in all_units(few) if unit.place and node in unit.place.nodes and not unit.place.reading]

    def _measured(self, node: Node, weights: str) -> Look:
        """Cells, bars and velocities of a look, computed where the archive lacks them."""
        earlier = self._nodes[-2] if len(self._nodes) > 1 else None
        place = {}
        for unit in self._units(node, earlier):
            if unit.name in NOW:
                place[unit.name, unit.place.layer] = unit.place
                if not self.store.has(*unit.file):
                    self._compute(unit)
        return Look(node.step, {k: self._of_layer(node, k, place) for k in self.record.layers}, weights)

    def _compute(self, unit: Unit) -> None:
        one = results()[unit.name]
        needs, given = files.needed(self.record, unit.place, one), files.given(self.record, unit.place, one)
        if all(self.store.has(name, key) for name, some in needs.items() for key in some):
            files.compute(str(self.store.root), unit.name, unit.file[1], needs, given)

    def _of_layer(self, node: Node, layer: int, places: dict[tuple[str, int], Place]) -> Measured:
        cell = files.read(self.record, self.store, "cells", places["cells", layer])
        if cell is None or not cell.has_topology:
            return Measured(False)
        cloud = files.read(self.record, self.store, "clouds", Place((node,), layer))
        bars = files.read(self.record, self.store, "diagrams", places["diagrams", layer]) or {}
        moved = places.get(("velocities", layer))
        table = None if moved is None else self.store.read("velocities", keys_of(self.record).of("velocities", moved))
        return Measured(
            True,
            cell.n_distinct,
            effective_rank(cloud),
            float(np.mean([len(degrees[1]) for degrees in bars.values()])) if bars else 0.0,
            float("nan") if table is None else self._velocity(table),
        )

    def _velocity(self, table: pa.Table) -> float:
        """Median over subsamples of the distance between the loops, as the study measures it."""
        found = table.to_pandas()
        found = found[
            (found["degree"] == 1) & (found["order"] == self.study.order) & (found["scale"] == self.study.scale)
        ]
        return float(found["value"].median()) if len(found) else float("nan")

    # --- the study ------------------------------------------------------------------------------------

    def _before(self) -> list[Node]:
        """Looks at this series that the archive has."""
        record = kept.previous(self.store, self.study.name)
        return [one for one in (record.nodes if record else ()) if one.label == self.series.name and one.kind == LIVE]

    def _joined(self) -> Record:
        """The study as it is in the archive now, with this run's looks: others may be in training at once."""
        with kept.alone(self.study, self.store):
            previous = kept.previous(self.store, self.study.name)
            others = [one for one in (previous.study.series if previous else ()) if one.name != self.series.name]
            nodes = [node for node in (previous.nodes[1:] if previous else ()) if node.label != self.series.name]
            series = tuple(sorted([*others, self.series], key=lambda one: one.name))
            study = self.study.with_(series=series)
            if previous is not None and (other := _other_parameter(previous.study, study)):
                raise Fault(f"the archive has a study {study.name} with another {other}", "Give this one another name")
            place = {one.name: number for number, one in enumerate(series)}  # whoever wrote last
            known = sorted([*nodes, *self._nodes], key=lambda node: (place[node.label], node.step))
            return resolve(study, self.store, known=known)

    def _done(self) -> None:
        """Dates the record, by which pages tell that there is more to show."""
        with suppress(OSError):  # nothing is lost by an old date
            os.utime(folder_of(self.study.name, self.store) / "record.json")

    def _tell(self, found: Sequence[Alarm]) -> None:
        """Add alarms to the study's list of them, which pages show."""
        rows = [raised.Raised(self.series.name, one.step, one.kind, one.words) for one in found]
        with kept.alone(self.study, self.store):
            raised.add(rows, self.study.name, self.store)


def _other_parameter(before: Study, now: Study) -> str:
    """What differs between two studies of one name; "" where nothing does that a look depends on."""
    same = ("model", "probes", "chat", "pooling", "layers", "dtype", "subsamples", "subsample_size", "seed", "scale",
            "metric", "order", "norm", "engine")  # fmt: skip
    return next((name for name in same if getattr(before, name) != getattr(now, name)), "")


def weights_digest(parameters: Sequence[tuple[str, torch.Tensor]], settings: Mapping[str, dict] | None = None) -> str:
    """Digest of what makes a model in training another one than its base.

    Parameters
    ----------
    parameters : by name: of all their bytes or, where that is more than a gigabyte, of a sample of each tensor, its sum
        and its size.
    settings : of its adapters, by name: the same weights are another model at another `lora_alpha`.
    """
    import torch

    digest = hashlib.blake2b(digest_size=16)
    if settings:
        kept = {name: of_effect(one) for name, one in settings.items()}
        digest.update(json.dumps(kept, sort_keys=True, default=_plain).encode())
    whole = sum(one.numel() * one.element_size() for _, one in parameters) <= HASHED_WHOLE
    for name, one in parameters:
        digest.update(name.encode())
        tensor = one.detach()
        if not whole:
            flat = tensor.reshape(-1)
            digest.update(str((tuple(tensor.shape), float(flat.double().sum()))).encode())
            tensor = flat[:: max(1, flat.numel() // SAMPLE)]
        digest.update(tensor.contiguous().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _plain(value: object) -> object:
    """For JSON, the same in every process: sets have no order, and other objects are told by their kind."""
    return sorted(map(str, value)) if isinstance(value, set | frozenset) else type(value).__name__
