"""Run a study: read the models, compute every result that is missing, put the tables together.

The plan is what the archive lacks, so a killed run resumes at the first missing file, and a second run of the same
study does nothing. Models are read here, one checkpoint after another, or by an executor that can `read`; everything
else goes to any `concurrent.futures.Executor`, as soon as what it is made from is there; what makes the first picture
goes first.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass
from pathlib import Path

from phcore.archive.store import Store
from phcore.errors import Fault, Unusable
from phcore.pipeline import reading
from phcore.pipeline.clock import Clock
from phcore.pipeline.order import Queue
from phcore.pipeline.plan import File, Unit, plan
from phcore.pipeline.reading import Cancelled
from phcore.pipeline.waits import Waits
from phcore.stages.registry import Missing, assembly, files, results
from phcore.study.kept import keep, keep_with_looks
from phcore.study.record import BASE, Node, Record
from phcore.study.resolve import is_listed, keep_again, libraries

AHEAD = 3  # units for each worker that an executor is given at once: those that become urgent need not wait for many
ATTEMPTS = 3  # times that one file is computed, or that workers are started anew, before it is called a failure


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


class Run:
    """One run of one study.

    Parameters
    ----------
    record : the resolved study.
    executor : where everything but the reading of models is computed; with a `read` (see `cluster`), that too.
    on_event : called with a `Progress` whenever something moved.
    cancelled : polled between units; True raises `Cancelled`.
    speeds : seconds per unit of each result, known from before, for the first estimate of the time left.
    parallel : workers of the executor, where it does not say so itself (`parallel`); 0: not known, and it is given
        everything at once.

    Attributes
    ----------
    waits : what the time went to.
    """

    def __init__(
        self,
        record: Record,
        store: Store,
        executor: Executor,
        on_event: Callable[[Progress], None] = lambda event: None,
        cancelled: Callable[[], bool] = lambda: False,
        speeds: dict[str, float] | None = None,
        parallel: int = 0,
    ):
        self.record, self.store, self.executor = record, store, executor
        self.on_event, self.cancelled = on_event, cancelled
        self.warnings: list[str] = []
        self._pending: dict[Future, Unit] = {}
        self._given = parallel
        self._written: Counter[File] = Counter()
        self._failed: dict[File, str] = {}  # a sentence on each unit that raised what it should not
        self._broken = 0  # times in a row that the workers died
        self._clock, self.waits = Clock(speeds or {}), Waits()
        self._plan_anew()

    def run(self) -> Record:
        """Compute what is missing, the tables too.

        Returns the record as it turned out: checkpoints that would not load are marked in it.

        Raises
        ------
        Cancelled
            when `cancelled` returned True.
        Fault
            when the base model itself cannot be used, or results keep getting damaged.
        """
        self.store.refuse_writing("compute")
        self.store.sweep()
        self._event("", "Looking for what is missing")
        listed = is_listed(self.record, self.store)
        while not self._plan.empty:
            before, todo, written = self.record, self._plan, self._written.total()
            self.record = keep_again(self.record, self.store, listed)
            self._failed.clear()
            self._work()
            self._plan_anew()  # a file that was found damaged is in it now, and so is what was left for it
            if self._written.total() == written and (self.record, self._plan) == (before, todo):
                raise self._stuck()
        self._event("", "Finished")
        return self.record

    def _stuck(self) -> Fault:
        """Why nothing more can be computed."""
        if self._failed:
            number, first = len(self._failed), next(iter(self._failed.values()))
            more = f", and {number - 1} more" if number > 1 else ""
            return Fault(f"{first}{more} could not be computed", "The rest of the study is finished and can be read")
        return Fault("results vanish while they are computed", "Check the disk", self.store.root)

    @property
    def speeds(self) -> dict[str, float]:
        """Seconds per unit of each result: measured in this run where it got that far, else as known before."""
        return self._clock.speeds

    @property
    def spent(self) -> dict[str, float]:
        """Seconds of work on each result in this run, added over all workers; tables are called "table" and a name."""
        return self._clock.spent

    @property
    def _parallel(self) -> int:
        return getattr(self.executor, "parallel", self._given)  # those of a cluster come and go

    @property
    def _readers(self) -> int:
        """Models that are read at once."""
        return max(1, getattr(self.executor, "readers", 1))

    def _plan_anew(self) -> None:
        self._plan = plan(self.record, self.store)
        self._clock.expect(self._plan)

    # --- one pass over the plan ---------------------------------------------------------------------

    def _work(self) -> None:
        """Every unit as soon as what it is made from is there. What a damaged file kept back is left to the next."""
        self._missing = {unit.file for unit in self._plan.units}
        self._waiting: dict[File, list[Unit]] = defaultdict(list)
        self._queue = Queue(self.record)
        for unit in self._plan.units:
            if not unit.reads_a_model:
                self._submit_or_wait(unit)
        self.waits.reading(bool(self._plan.readings), self._pending.values())
        self._read_models()
        self.waits.reading(False, self._pending.values())
        while self._pending:
            self._collect(timeout=0.5)

    def _submit_or_wait(self, unit: Unit) -> None:
        for need in unit.needs:
            if need in self._missing:
                self._waiting[need].append(unit)  # looked at again when this one is there
                return
        self._queue.put(unit)
        self._submit_next()

    def _submit_next(self) -> None:
        most = AHEAD * self._parallel or float("inf")
        while self._queue and len(self._pending) < most:
            unit = self._queue.take()
            self._pending[self._submit(unit)] = unit
        self.waits.working(self._pending.values())

    def _submit(self, unit: Unit) -> Future:
        root = str(self.store.root)
        if unit.place is None:
            return self.executor.submit(_timed, assembly.compute, root, self.record, unit.name)
        one = results()[unit.name]
        needs = files.needed(self.record, unit.place, one)
        parameters = files.given(self.record, unit.place, one)
        return self.executor.submit(_timed, files.compute, root, unit.name, unit.file[1], needs, parameters)

    def _wrote(self, file: File) -> None:
        """Count it: a file that is computed over and over does not last on this disk."""
        self._written[file] += 1
        if self._written[file] > ATTEMPTS:
            path = self.store.path(*file)
            raise Fault(f"this result was computed {ATTEMPTS} times, and is damaged each time", "Check the disk", path)

    def _there(self, file: File) -> None:
        """A file is there: submit what waited for it."""
        self._missing.discard(file)
        for unit in self._waiting.pop(file, ()):
            self._submit_or_wait(unit)

    def _collect(self, timeout: float = 0.0) -> None:
        """Take what has finished; raises what failed."""
        if self.cancelled():
            raise Cancelled
        if not self._pending:
            self.waits.working(())
            return
        finished, _ = wait(self._pending, timeout=timeout, return_when=FIRST_COMPLETED)
        for future in finished:
            unit = self._pending.pop(future)
            try:
                seconds = future.result()
            except Missing as fault:
                self._warn(f"{fault.fault} ({_name(fault.path)}); it is computed again.")
                continue
            except BrokenExecutor:
                self._pending = {future: unit, **self._pending}
                self._start_workers_anew()
                return
            except Fault:
                raise
            except Exception as error:  # anything: what one result cannot stand is no reason to give up the others
                self._failed[unit.file] = f"{unit.label.lower()} of {unit.words} ({type(error).__name__}: {error})"
                continue
            self._broken = 0
            self._clock.done(unit, seconds)
            self._wrote(unit.file)
            self._there(unit.file)
            self._event(unit.label, unit.words)
        self._submit_next()

    def _start_workers_anew(self) -> None:
        """One of the workers was killed, which ends them all: what they were given is given to others."""
        self._broken += 1
        lost = list(self._pending.values())
        self._pending.clear()
        if self._broken > ATTEMPTS or not hasattr(self.executor, "renew"):
            raise self._killed(lost[0].label, lost[0].words)
        self._warn("A worker process was killed; its work is done again.")
        self.executor.renew()
        for unit in lost:
            self._submit_or_wait(unit)

    def _killed(self, label: str, words: str) -> Fault:
        mend = getattr(self.executor, "mend", "Start again with --workers 1: the memory may not suffice for more")
        return Fault(f"worker processes were killed again and again, the last at {label.lower()} of {words}", mend)

    def _warn(self, sentence: str) -> None:
        if sentence not in self.warnings:
            self.warnings.append(sentence)

    # --- models -------------------------------------------------------------------------------------

    def _read_models(self) -> None:
        wanted = reading.checkpoints(self.record, self._plan.readings)
        if wanted:
            self._event(wanted[0].units[0].label, "Loading the base model")
            (self._read_elsewhere if hasattr(self.executor, "read") else self._read_here)(wanted)

    def _read_here(self, wanted: list[reading.Checkpoint]) -> None:
        with reading.Readings(self.record, self.store) as readings:
            for one, following in zip(wanted, [*wanted[1:], None], strict=True):
                self._now = one
                how = self._within, self.cancelled, following
                self._take(one, lambda one=one, how=how: readings.read(one, *how))

    def _read_elsewhere(self, wanted: list[reading.Checkpoint]) -> None:
        """By the executor's workers, no more at once than there are readers: the rest of their work need not wait."""
        under_way: dict[Future, reading.Checkpoint] = {}
        while wanted or under_way:
            while wanted and len(under_way) < self._readers:
                one, *wanted = wanted
                under_way[self.executor.read(self.record, self.store, one)] = one
            wait([*under_way, *self._pending], timeout=0.5, return_when=FIRST_COMPLETED)
            self._collect()
            for future in [one for one in under_way if one.done()]:
                self._take(under_way.pop(future), future.result)

    def _take(self, one: reading.Checkpoint, read: Callable[[], reading.Read]) -> None:
        """What was read of a checkpoint is in the archive; or it is left out."""
        try:
            done = read()
        except reading.NotItsFault as elsewhere:
            raise elsewhere.error from None
        except BrokenExecutor:
            raise self._killed(one.units[0].label, one.words) from None
        except Fault as fault:
            self._leave_out(one.node, fault)
            return
        for note in done.notes:
            self._warn(note)
        for unit in done.units:
            self._clock.done(unit, done.seconds / len(done.units))
            self._wrote(unit.file)
        for unit in one.units:
            self._there(unit.file)
        self._event(one.units[0].label, one.words)

    def _within(self, share: float) -> None:
        """While a checkpoint is read, take what the executor finished."""
        unit = self._now.units[0]
        try:
            self._collect()
            self._event(unit.label, self._now.words, min(share, 0.999) * len(self._now.units))
        except Exception as error:
            raise reading.NotItsFault(error) from error

    def _leave_out(self, node: Node, fault: Fault) -> None:
        """A checkpoint that will not load is left out, with its reason; the base model cannot be."""
        if node.label == BASE:
            raise fault
        sentence = f"{fault.fault}. {fault.hint}."
        # What may pass (memory, a folder that is not mounted) is tried again by the next run.
        refused = isinstance(fault, Unusable)
        before = self.record
        self.record = before.without(node, sentence, *(("refused", libraries()) if refused else ("failed",)))
        keep_with_looks(self.record, before, self.store)  # what came meanwhile is computed by the next run
        self._warn(f"{node.label}, step {node.step}: {sentence}")
        self._clock.drop(unit for unit in self._plan.units if unit.place and node in unit.place.nodes)
        self._event("", f"{node.label}, step {node.step} left out")

    # --- progress -----------------------------------------------------------------------------------

    def _event(self, stage: str, label: str, more: float = 0.0) -> None:
        """`more` : units of the stage that are done in part."""
        done, total = self._clock.counts(stage)
        share, seconds = self._clock.left(max(1, self._parallel), self._readers)
        self.on_event(
            Progress(
                stage=stage,
                done=round(done + more, 2),
                total=total,
                label=label,
                share=share,
                seconds_left=seconds,
                warnings=tuple(self.warnings + self.store.damaged),
            )
        )


def publish_missing(record: Record, store: Store) -> None:
    """Put together, in this process, the tables whose parts are all there, and keep the record.

    For what was added to a study that is finished otherwise: measures of the user's own.
    """
    store.refuse_writing("add measures")
    for unit in plan(record, store).units:
        if unit.place is None and all(store.has(*need) for need in unit.needs):
            assembly.publish(record, store, unit.name)
    keep(record, store)


def _name(path: Path | str | None) -> str:
    return "no file" if path is None else Path(path).name


def _timed(function: Callable, *arguments) -> float:
    started = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - started
