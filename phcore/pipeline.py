"""Plan a study and run it: checkpoints -> clouds -> cells -> velocities and distances -> finished tables,
and clouds -> evidence: their geometry, and Gaussian controls.

The plan is what the archive lacks, so a killed run resumes at the first missing cell, and a second run of the same
study does nothing. Hidden states are taken here, one checkpoint after another; everything else goes to
any `concurrent.futures.Executor`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, fields, replace

import numpy as np
import pyarrow as pa

from phcore import cells, probes, tables
from phcore.errors import Fault, Unusable
from phcore.record import BASE, NULL_REPLICATES, Node, Record, folder_of
from phcore.store import Store

ATTEMPTS = 3  # a file found damaged in the middle of a run is computed again by the next attempt
STAGES = {
    "activations": "Hidden states",
    "cells": "Barcodes",
    "pairs": "Distances",
    "geometry": "Geometry",
    "controls": "Controls",
}


@dataclass(frozen=True)
class Plan:
    """What is missing, as the nodes and (node, layer) cells to compute."""

    activations: tuple[Node, ...]
    cells: tuple[tuple[Node, int], ...]
    velocities: tuple[tuple[Node, Node, int], ...]
    distances: tuple[tuple[Node, int], ...]
    geometry: tuple[tuple[Node, int], ...]
    moves: tuple[tuple[Node, Node, int], ...]
    nulls: tuple[tuple[Node, int], ...]
    controls: tuple[tuple[Node, Node, int], ...]

    @property
    def empty(self) -> bool:
        return not any(getattr(self, one.name) for one in fields(self))

    def totals(self, record: Record) -> dict[str, int]:
        """Units per stage: checkpoints, cells, pairs of cells (a velocity, or one entry of a distance row),
        and as evidence clouds and pairs of clouds, once for their geometry and once for their controls."""
        rows = sum(len(record.earlier(node)) for node, _ in self.distances)
        return {
            "activations": len(self.activations),
            "cells": len(self.cells),
            "pairs": len(self.velocities) + rows,
            "geometry": len(self.geometry) + len(self.moves),
            "controls": len(self.nulls) + len(self.controls),
        }


def plan(record: Record, store: Store) -> Plan:
    """Compare the record's keys with the archive."""
    cell_list = [(node, layer) for node in record.ready for layer in record.layers]
    missing_cells = tuple((n, k) for n, k in cell_list if not cell_done(record, store, n, k))
    geometry = tuple((n, k) for n, k in cell_list if not store.has("geometry", record.geometry_key(n, k)))
    gone = {(n, k) for n, k in missing_cells}
    # Two series that share a transition (the same two checkpoints) share its key: count it once.
    pairs = {record.velocity_key(a, b, k): (a, b, k) for _, a, b in record.transitions() for k in record.layers}
    velocities = tuple(
        pair for key, pair in pairs.items() if {pair[::2], pair[1:]} & gone or not store.has("velocities", key)
    )
    moves = tuple(pair for pair in pairs.values() if not store.has("moves", record.move_key(*pair)))
    distances = tuple(
        (n, k) for n, k in cell_list if record.earlier(n) and not store.has("distances", record.distance_key(n, k))
    )
    nulls = tuple((n, k) for n, k in cell_list if not null_done(record, store, n, k))
    controls = tuple(pair for pair in pairs.values() if not store.has("controls", record.control_key(*pair)))
    wanted = {*missing_cells, *geometry, *nulls, *(cell for a, b, k in moves for cell in ((a, k), (b, k)))}
    need_cloud = {n for n, k in wanted if not store.has("clouds", record.cloud_key(n, k))}
    return Plan(
        activations=tuple(n for n in record.ready if n in need_cloud),
        cells=missing_cells,
        velocities=velocities,
        distances=distances,
        geometry=geometry,
        moves=moves,
        nulls=nulls,
        controls=controls,
    )


def cell_done(record: Record, store: Store, node: Node, layer: int) -> bool:
    key = record.cell_key(node, layer)
    return (
        store.has("summaries", key)
        and store.has("diagrams", key)
        and store.has("floors", record.floor_key(node, layer))
    )


def null_done(record: Record, store: Store, node: Node, layer: int) -> bool:
    key = record.null_key(node, layer)
    return store.has("nulls", key) and store.has("null_diagrams", key)


@dataclass(frozen=True)
class Progress:
    """One event of a run. `done` may be fractional inside a checkpoint; `seconds_left` is None until measured."""

    stage: str
    done: float
    total: int
    label: str
    share: float  # of the whole run, 0 to 1
    seconds_left: float | None = None
    warnings: tuple[str, ...] = ()


class Cancelled(Exception):
    """The user asked to stop. Everything finished so far is in the archive."""


class Run:
    """One run of one study.

    Parameters
    ----------
    record : the resolved study.
    executor : where cells and pairs are computed.
    on_event : called with a `Progress` whenever something moved.
    cancelled : polled between units; True raises `Cancelled`.
    speeds : seconds per unit known from before, for the first estimate of the time left.
    """

    def __init__(
        self,
        record: Record,
        store: Store,
        executor: Executor,
        on_event: Callable[[Progress], None] = lambda event: None,
        cancelled: Callable[[], bool] = lambda: False,
        speeds: dict[str, float] | None = None,
        parallel: int = 1,
    ):
        self.record, self.store, self.executor = record, store, executor
        self.on_event, self.cancelled = on_event, cancelled
        self.warnings: list[str] = []
        self._pending: dict[Future, tuple[str, int, str, float]] = {}
        self._plan = plan(record, store)
        self._totals = self._plan.totals(record)
        self._done: dict[str, float] = dict.fromkeys(STAGES, 0)
        self._spent: dict[str, list[float]] = {stage: [0.0, 0.0] for stage in STAGES}  # seconds, units
        self._speeds, self._parallel = speeds or {}, max(1, parallel)

    def run(self) -> Record:
        """Compute what is missing and publish the tables.

        Returns the record as it turned out: checkpoints that would not load are marked in it.

        Raises
        ------
        Cancelled
            when `cancelled` returned True.
        Fault
            when the base model itself cannot be used.
        """
        for _ in range(ATTEMPTS):
            self.compute()
            if publish(self.record, self.store):
                self._event("pairs", "Finished")
                return self.record
            self._replan()  # a damaged file was met while the tables were put together
        raise Fault(
            "results keep getting damaged while they are computed", "Check the disk", self.store.root / "damaged"
        )

    def compute(self) -> None:
        """Bring the archive up to the plan."""
        self._event("activations", "Looking for what is missing")
        for _ in range(ATTEMPTS):
            if self._plan.empty:
                break
            self._activations()
            self._measure_cells(self._plan.cells)
            self._drain()
            self._measure_pairs()
            self._drain()
            self._measure_geometry()
            self._measure_nulls()
            self._drain()
            self._measure_controls()
            self._drain()
            self._replan()  # nothing is missing now, unless a damaged file was found on the way and set aside

    def _replan(self) -> None:
        self._plan = plan(self.record, self.store)
        for stage, more in self._plan.totals(self.record).items():
            self._totals[stage] = int(self._done[stage]) + more

    # --- hidden states ----------------------------------------------------------------------------

    def _activations(self) -> None:
        """Clouds of every checkpoint that lacks them. Adapters are swapped on one loaded base."""
        if not self._plan.activations:
            return
        from phcore import activations  # imports torch: only where hidden states are taken

        study = self.record.study
        prompts = probes.load(study.probes).prompts
        self._event("activations", "Loading the base model")
        tokens = activations.encode(study.model, prompts, chat=study.chat)
        submitted = set()
        with activations.Loader(study.model, dtype=study.dtype) as loader:
            for node in self._plan.activations:
                started = time.monotonic()
                label = f"{node.label}, step {node.step}"
                # Another process may have taken some of them since this run was planned.
                missing = [k for k in self.record.layers if not self._has_cloud(node, k)]
                if missing:
                    try:
                        self._take(loader, node, tokens, missing, label)
                    except Fault as fault:
                        self._refuse(node, fault)
                        continue
                    self._clock("activations", time.monotonic() - started)
                self._done["activations"] = int(self._done["activations"]) + 1
                mine = [cell for cell in self._plan.cells if cell[0] == node]
                self._measure_cells(mine)
                submitted.update(mine)
                self._event("activations", label)
        self._plan_cells(submitted)

    def _take(self, loader, node: Node, tokens: list[list[int]], layers: list[int], label: str) -> None:
        """Read one checkpoint and write its clouds; they come last, so where they are everything is."""
        from phcore import activations

        try:
            taken = activations.extract(
                loader.open(node.path, node.kind),
                tokens,
                layers,
                progress=lambda share: self._within(label, share),
                cancelled=self.cancelled,
            )
        except activations.Stopped:
            raise Cancelled from None
        self.store.write("next_tokens", self.record.next_key(node), _next_table(taken))
        for layer, cloud in taken.clouds.items():
            cells.write_cloud(self.store, self.record.cloud_key(node, layer), cloud)
        self.warnings += [note for note in taken.notes if note not in self.warnings]

    def _plan_cells(self, submitted: set) -> None:
        """Leave only the cells that still have to be submitted."""
        rest = tuple(cell for cell in self._plan.cells if cell not in submitted and cell[0] in self.record.ready)
        self._plan = replace(self._plan, cells=rest)

    def _has_cloud(self, node: Node, layer: int) -> bool:
        return self.store.has("clouds", self.record.cloud_key(node, layer))

    def _refuse(self, node: Node, fault: Fault) -> None:
        """A checkpoint that will not load is left out, with its reason; the base model cannot be."""
        if node.label == BASE:
            raise fault
        sentence = f"{fault.fault}. {fault.mend}."
        # What may pass (memory, a folder that is not mounted) is tried again by the next run.
        status = "refused" if isinstance(fault, Unusable) else "failed"
        self.record = self.record.without(node, sentence, status)
        self.record.write(folder_of(self.record.study, self.store))
        self.warnings.append(f"{node.label}, step {node.step}: {sentence}")
        self._totals["activations"] -= 1
        self._totals["cells"] -= sum(1 for cell in self._plan.cells if cell[0] == node)
        for stage, missing in (("geometry", self._plan.geometry), ("controls", self._plan.nulls)):
            self._totals[stage] -= sum(1 for cell in missing if cell[0] == node)
        self._event("activations", f"{node.label}, step {node.step} left out")

    def _within(self, label: str, share: float) -> None:
        self._collect()
        self._done["activations"] = int(self._done["activations"]) + min(share, 0.999)
        self._event("activations", label)

    # --- cells and pairs, on the executor -----------------------------------------------------------

    def _measure_cells(self, wanted: list | tuple) -> None:
        parameters = how(self.record)
        for node, layer in wanted:
            keys = (
                self.record.cloud_key(node, layer),
                self.record.cell_key(node, layer),
                self.record.floor_key(node, layer),
            )
            self._submit(
                "cells", 1, f"{node.label}, step {node.step}, layer {layer}",
                cells.measure_cell, str(self.store.root), *keys, parameters,
            )  # fmt: skip

    def _measure_pairs(self) -> None:
        record, parameters = self.record, how(self.record)
        todo = plan(record, self.store)  # afresh: a checkpoint may have been refused
        if todo.cells:
            return  # a damaged cell comes first; the next attempt does both
        self._totals["pairs"] = todo.totals(record)["pairs"] + int(self._done["pairs"])
        for a, b, layer in todo.velocities:
            keys = (record.cell_key(a, layer), record.cell_key(b, layer))
            self._submit(
                "pairs", 1, f"{b.label}, step {b.step}, layer {layer}",
                cells.measure_velocity, str(self.store.root), keys, record.velocity_key(a, b, layer), parameters,
            )  # fmt: skip
        for node, layer in todo.distances:
            others = [record.cell_key(other, layer) for other in record.earlier(node)]
            self._submit(
                "pairs", len(others), f"{node.label}, step {node.step}, layer {layer}",
                cells.measure_distances, str(self.store.root), record.cell_key(node, layer), others,
                record.distance_key(node, layer), parameters,
            )  # fmt: skip

    def _measure_geometry(self) -> None:
        record = self.record
        todo = plan(record, self.store)
        if todo.activations:
            return  # a damaged cloud comes first; the next attempt does both
        self._totals["geometry"] = todo.totals(record)["geometry"] + int(self._done["geometry"])
        for node, layer in todo.geometry:
            self._submit(
                "geometry", 1, f"{node.label}, step {node.step}, layer {layer}", cells.measure_geometry,
                str(self.store.root), record.cloud_key(node, layer), record.geometry_key(node, layer),
            )  # fmt: skip
        for a, b, layer in todo.moves:
            keys = (record.cloud_key(a, layer), record.cloud_key(b, layer))
            self._submit(
                "geometry", 1, f"{b.label}, step {b.step}, layer {layer}", cells.measure_move,
                str(self.store.root), keys, record.move_key(a, b, layer),
            )  # fmt: skip

    def _measure_nulls(self) -> None:
        record, parameters = self.record, how(self.record)
        todo = plan(record, self.store)
        if todo.activations:
            return
        self._totals["controls"] = todo.totals(record)["controls"] + int(self._done["controls"])
        for node, layer in todo.nulls:
            self._submit(
                "controls", 1, f"{node.label}, step {node.step}, layer {layer}", cells.measure_null,
                str(self.store.root), record.cloud_key(node, layer), record.null_key(node, layer), parameters,
            )  # fmt: skip

    def _measure_controls(self) -> None:
        record, parameters = self.record, how(self.record)
        todo = plan(record, self.store)
        if todo.nulls:
            return
        for a, b, layer in todo.controls:
            keys = (record.null_key(a, layer), record.null_key(b, layer))
            self._submit(
                "controls", 1, f"{b.label}, step {b.step}, layer {layer}", cells.measure_control,
                str(self.store.root), keys, record.control_key(a, b, layer), parameters,
            )  # fmt: skip

    def _submit(self, stage: str, units: int, label: str, function: Callable, *arguments) -> None:
        future = self.executor.submit(_timed, function, *arguments)
        self._pending[future] = (stage, units, label)

    def _collect(self, timeout: float = 0.0) -> None:
        """Take what has finished; raises what failed."""
        if self.cancelled():
            raise Cancelled
        if not self._pending:
            return
        finished, _ = wait(self._pending, timeout=timeout, return_when=FIRST_COMPLETED)
        for future in finished:
            stage, units, label = self._pending.pop(future)
            try:
                seconds = future.result()
            except cells.Missing as fault:
                self.warnings.append(f"{label}: {fault.fault}; it is computed again.")
                continue
            self._done[stage] += units
            self._clock(stage, seconds, units)
            self._event(stage, label)

    def _drain(self) -> None:
        while self._pending:
            self._collect(timeout=0.5)

    # --- progress ---------------------------------------------------------------------------------

    def _clock(self, stage: str, seconds: float, units: float = 1) -> None:
        self._spent[stage][0] += seconds
        self._spent[stage][1] += units

    @property
    def speeds(self) -> dict[str, float]:
        """Seconds per unit of each stage: measured in this run where it got that far, else as known before."""
        measured = {stage: s / n for stage, (s, n) in self._spent.items() if n}
        return {**self._speeds, **measured}

    def _event(self, stage: str, label: str) -> None:
        speeds = self.speeds
        left = {name: max(0.0, self._totals[name] - self._done[name]) for name in STAGES}
        known = all(name in speeds or not left[name] for name in STAGES)
        # Cells and pairs run side by side on the executor; hidden states one after another here.
        cost = {name: speeds.get(name, 1.0) / (1 if name == "activations" else self._parallel) for name in STAGES}
        seconds = sum(left[name] * cost[name] for name in STAGES)
        spent = sum(self._done[name] * cost[name] for name in STAGES)
        self.on_event(
            Progress(
                stage=stage,
                done=round(self._done[stage], 2),
                total=self._totals[stage],
                label=label,
                share=spent / (spent + seconds) if spent + seconds else 1.0,
                seconds_left=seconds if known else None,
                warnings=tuple(self.warnings + self.store.damaged),
            )
        )


def publish(record: Record, store: Store) -> bool:
    """Write the finished tables of a complete study into one file each, so that a page opens in one read.

    Returns whether they are all there: a file found damaged on the way leaves its table unwritten.
    """
    for name in (*tables.EVIDENCE, *tables.PUBLISHED):  # a study is complete as soon as the latter are there
        if not store.has("tables", tables.published_key(record, name)):
            damaged = len(store.damaged)
            frame = tables.assemble(record, store, name)
            if len(store.damaged) > damaged:
                return False
            tables.publish(record, store, name, frame)
    return plan(record, store).empty


def _timed(function: Callable, *arguments) -> float:
    started = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - started


def how(record: Record) -> dict:
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


def _next_table(taken) -> pa.Table:
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
