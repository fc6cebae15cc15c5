"""Plan a study and run it: checkpoints -> clouds -> cells -> velocities and distances -> finished tables,
and what `evidence` makes of the clouds.

The plan is what the archive lacks, so a killed run resumes at the first missing cell, and a second run of the same
study does nothing. Models are read here, one checkpoint after another; everything else goes to
any `concurrent.futures.Executor`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, fields, replace

from phcore import devices
from phcore.archive import permissions
from phcore.archive.store import Store
from phcore.errors import Fault, Unusable
from phcore.stages import cells, evidence, tables
from phcore.study import probes
from phcore.study.record import BASE, Node, Record, folder_of

ATTEMPTS = 3  # a file found damaged in the middle of a run is computed again by the next attempt
STAGES = {
    "activations": "Hidden states",
    "cells": "Barcodes",
    "pairs": "Distances",
    "numerics": "Numerical floor",
    "geometry": "Geometry",
    "controls": "Controls",
    "sensitivity": "Sensitivity",
    "behaviour": "Behaviour",
}
Tokens = list[list[int]]
READ_HERE = ("activations", "numerics")  # stages that read models, one checkpoint after another


@dataclass(frozen=True)
class Plan:
    """What is missing, as the nodes, (node, layer) cells and units to compute."""

    activations: tuple[Node, ...]
    cells: tuple[tuple[Node, int], ...]
    velocities: tuple[tuple[Node, Node, int], ...]
    distances: tuple[tuple[Node, int], ...]
    numerics: tuple[tuple[Node, str], ...]
    evidence: tuple[evidence.Unit, ...]

    @property
    def empty(self) -> bool:
        return not any(getattr(self, one.name) for one in fields(self))

    def totals(self, record: Record) -> dict[str, int]:
        """Units per stage: checkpoints, cells, pairs of cells (a velocity, or one entry of a distance row),
        checkpoints read once more, and the units of the evidence."""
        rows = sum(len(record.earlier(node)) for node, _ in self.distances)
        own = {
            "activations": len(self.activations),
            "cells": len(self.cells),
            "pairs": len(self.velocities) + rows,
            "numerics": len(self.numerics),
        }
        return {stage: own[stage] if stage in own else self.judged(stage) for stage in STAGES}

    def judged(self, stage: str) -> int:
        """Units of the evidence in one of its stages."""
        return sum(unit.stage == stage for unit in self.evidence)


def plan(record: Record, store: Store) -> Plan:
    """Compare the record's keys with the archive."""
    cell_list = [(node, layer) for node in record.ready for layer in record.layers]
    missing_cells = tuple((n, k) for n, k in cell_list if not cell_done(record, store, n, k))
    gone = {(n, k) for n, k in missing_cells}
    # Two series that share a transition (the same two checkpoints) share its key: count it once.
    pairs = {record.velocity_key(a, b, k): (a, b, k) for _, a, b in record.transitions() for k in record.layers}
    velocities = tuple(
        pair for key, pair in pairs.items() if {pair[::2], pair[1:]} & gone or not store.has("velocities", key)
    )
    distances = tuple(
        (n, k) for n, k in cell_list if record.earlier(n) and not store.has("distances", record.distance_key(n, k))
    )
    units = tuple(unit for unit in evidence.units(record, str(store.root)) if not unit.done(store))
    again = tuple(
        (node, kind)
        for node, kind in record.reread
        if not all(store.has("numerics", record.numerics_key(node, k, kind)) for k in record.layers)
    )
    wanted = {*missing_cells, *(cell for unit in units for cell in unit.clouds)}
    wanted |= {(node, layer) for node, _ in again for layer in record.layers}
    unread = {n for n, k in wanted if not store.has("clouds", record.cloud_key(n, k))}
    unread |= {n for n in record.ready if not behaviour_read(record, store, n)}
    return Plan(
        activations=tuple(n for n in record.ready if n in unread),
        cells=missing_cells,
        velocities=velocities,
        distances=distances,
        numerics=again,
        evidence=units,
    )


def behaviour_read(record: Record, store: Store, node: Node) -> bool:
    """Whether what the model would say is there, or all that is made of it."""
    return store.has("next_tokens", record.next_key(node)) and store.has("scores", record.scores_key(node))


def cell_done(record: Record, store: Store, node: Node, layer: int) -> bool:
    key = record.cell_key(node, layer)
    return (
        store.has("summaries", key)
        and store.has("diagrams", key)
        and store.has("floors", record.floor_key(node, layer))
    )


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
        permissions.refuse_writing("compute")
        self._event("activations", "Looking for what is missing")
        for _ in range(ATTEMPTS):
            if self._plan.empty:
                break
            self._activations()
            self._measure_cells(self._plan.cells)
            self._drain()
            self._measure_pairs()
            self._drain()
            self._read_again()
            self._judge()
            self._replan()  # nothing is missing now, unless a damaged file was found on the way and set aside

    def _replan(self) -> None:
        self._plan = plan(self.record, self.store)
        for stage, more in self._plan.totals(self.record).items():
            self._totals[stage] = int(self._done[stage]) + more

    # --- hidden states ----------------------------------------------------------------------------

    def _activations(self) -> None:
        """What is to be read of every checkpoint that lacks it. Adapters are swapped on one loaded base."""
        if not self._plan.activations:
            return
        from phcore import activations  # imports torch: only where hidden states are taken

        study = self.record.study
        probe_set = probes.load(study.probes)
        self._event("activations", "Loading the base model")
        tokens = activations.encode(study.model, probe_set.prompts, chat=study.chat)
        openings = activations.refusal_tokens(study.model, study.chat)
        references = activations.reference_tokens(study.model, probe_set.references, study.chat)
        submitted = set()
        with activations.Loader(study.model, study.dtype, devices.wanted(study.device)) as loader:
            for node in self._plan.activations:
                label = f"{node.label}, step {node.step}"
                try:
                    self._take(loader, node, label, tokens, openings, references)
                except Fault as fault:
                    self._refuse(node, fault)
                    continue
                self._done["activations"] = int(self._done["activations"]) + 1
                mine = [cell for cell in self._plan.cells if cell[0] == node]
                self._measure_cells(mine)
                submitted.update(mine)
                self._event("activations", label)
        self._plan_cells(submitted)

    def _take(self, loader, node: Node, label: str, tokens: Tokens, openings: Tokens, references: Tokens) -> None:
        """Read one checkpoint and write what is missing of it. Another process may have been quicker."""
        from phcore import activations

        missing = [k for k in self.record.layers if not self.store.has("clouds", self.record.cloud_key(node, k))]
        scored = self.store.has("scores", self.record.scores_key(node))
        if not missing and behaviour_read(self.record, self.store, node):
            return
        started = time.monotonic()
        model = loader.open(node.path, node.kind)
        within = {"progress": lambda share: self._within(label, share), "cancelled": self.cancelled}
        try:
            if scored:
                taken, said = activations.extract(model, tokens, missing or self.record.layers[:1], **within), None
            elif missing or not self.store.has("next_tokens", self.record.next_key(node)):
                layers = missing or self.record.layers[:1]
                taken, said = activations.read(model, tokens, layers, openings, references, **within)
            else:
                taken, said = None, activations.answers(model, tokens, openings, references, **within)
        except activations.Stopped:
            raise Cancelled from None
        if said is not None:
            self.store.write("scores", self.record.scores_key(node), said.frame())
            self._note(said.notes)
        if taken is not None:
            self.store.write("next_tokens", self.record.next_key(node), evidence.next_table(taken))
            for layer in missing:
                cells.write_cloud(self.store, self.record.cloud_key(node, layer), taken.clouds[layer])
            self._note(taken.notes)
        self._clock("activations", time.monotonic() - started)

    def _note(self, sentences: list[str]) -> None:
        self.warnings += [note for note in sentences if note not in self.warnings]

    def _plan_cells(self, submitted: set) -> None:
        """Leave only the cells that still have to be submitted."""
        rest = tuple(cell for cell in self._plan.cells if cell not in submitted and cell[0] in self.record.ready)
        self._plan = replace(self._plan, cells=rest)

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
        for stage in STAGES:
            mine = (u for u in self._plan.evidence if u.stage == stage and any(cell[0] == node for cell in u.clouds))
            self._totals[stage] -= sum(1 for _ in mine)
        self._event("activations", f"{node.label}, step {node.step} left out")

    def _within(self, label: str, share: float) -> None:
        self._collect()
        self._done["activations"] = int(self._done["activations"]) + min(share, 0.999)
        self._event("activations", label)

    # --- the numerical floor ------------------------------------------------------------------------

    def _read_again(self) -> None:
        """Read the base and the last checkpoints once more, otherwise than before: what differs is rounding."""
        todo = plan(self.record, self.store)
        if not todo.numerics or todo.activations:
            return  # a damaged cloud comes first; the next attempt does both
        from phcore import activations

        study, device = self.record.study, devices.wanted(self.record.study.device)
        self._totals["numerics"] = int(self._done["numerics"]) + len(todo.numerics)
        tokens = activations.encode(study.model, probes.load(study.probes).prompts, chat=study.chat)
        for kind in dict.fromkeys(kind for _, kind in todo.numerics):
            same = kind == evidence.BATCHES
            with activations.Loader(study.model, study.dtype if same else kind, device) as loader:
                for node in (node for node, one in todo.numerics if one == kind):
                    label = f"{node.label}, step {node.step}"
                    self._event("numerics", label)
                    started = time.monotonic()
                    try:
                        self._take_again(loader, node, kind, tokens)
                    except activations.Stopped:
                        raise Cancelled from None
                    self._done["numerics"] += 1
                    self._clock("numerics", time.monotonic() - started)
                    self._event("numerics", label)

    def _take_again(self, loader, node: Node, kind: str, tokens: Tokens) -> None:
        from phcore import activations

        # Backwards and in batches of another size: other prompts share a batch, and other lengths are padded.
        batches = {"batch_tokens": 300} if kind == evidence.BATCHES else {}
        taken = activations.extract(
            loader.open(node.path, node.kind), tokens[::-1], self.record.layers, cancelled=self.cancelled, **batches
        )
        for layer, cloud in taken.clouds.items():
            keys = self.record.cloud_key(node, layer), self.record.numerics_key(node, layer, kind)
            evidence.measure_numerics(self.store, keys[0], cloud[::-1], keys[1], evidence.parameters(self.record))

    # --- cells and pairs, on the executor -----------------------------------------------------------

    def _measure_cells(self, wanted: list | tuple) -> None:
        parameters = evidence.parameters(self.record)
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
        record, parameters = self.record, evidence.parameters(self.record)
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

    def _judge(self) -> None:
        """The units of the evidence, each as soon as what it needs is there."""
        while True:
            todo = [unit for unit in plan(self.record, self.store).evidence if unit.ready(self.store)]
            if not todo:
                return  # or a damaged cloud comes first: the next attempt does both
            for unit in todo:
                self._submit(unit.stage, 1, unit.label, unit.function, *unit.arguments)
            self._drain()

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
        # Cells, pairs and evidence run side by side on the executor; models are read one after another here.
        cost = {name: speeds.get(name, 1.0) / (1 if name in READ_HERE else self._parallel) for name in STAGES}
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
    for name in tables.ORDER:
        if not store.has("tables", tables.published_key(record, name)):
            damaged = len(store.damaged)
            frame = tables.assemble(record, store, name)
            if len(store.damaged) > damaged:
                return False
            tables.publish(record, store, name, frame)
    return plan(record, store).empty


def publish_behaviour(record: Record, store: Store) -> None:
    """Take over a record whose logged behaviour has changed, and write again the tables that follow from it.

    Of a study that is not finished they are written at the end of its run.
    """
    permissions.refuse_writing("add measures")
    rest = (name for name in tables.ORDER if name not in tables.OF_BEHAVIOUR)
    if all(store.has("tables", tables.published_key(record, name)) for name in rest):
        for name in tables.OF_BEHAVIOUR:
            tables.publish(record, store, name, tables.assemble(record, store, name))
    record.write(folder_of(record.study, store))


def _timed(function: Callable, *arguments) -> float:
    started = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - started
