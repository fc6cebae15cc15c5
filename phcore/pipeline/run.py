"""Run a study: read the models, compute every result that is missing, put the tables together.

The plan is what the archive lacks, so a killed run resumes at the first missing file, and a second run of the same
study does nothing. Models are read here, one checkpoint after another; everything else goes to any
`concurrent.futures.Executor`, as soon as what it is made from is there; what makes the first picture goes first.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass
from pathlib import Path

from phcore.archive.store import Store
from phcore.errors import Fault, Unusable
from phcore.pipeline import reading
from phcore.pipeline.order import Queue
from phcore.pipeline.plan import File, Plan, Unit, plan
from phcore.pipeline.reading import Cancelled
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
    executor : where everything but the reading of models is computed.
    on_event : called with a `Progress` whenever something moved.
    cancelled : polled between units; True raises `Cancelled`.
    speeds : seconds per unit of each result, known from before, for the first estimate of the time left.
    parallel : workers of the executor; 0: not known, and it is given everything at once.
    of : a checkpoint, to compute only what needs no other one.
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
        of: Node | None = None,
    ):
        self.record, self.store, self.executor = record, store, executor
        self.on_event, self.cancelled = on_event, cancelled
        self.warnings: list[str] = []
        self._pending: dict[Future, Unit] = {}
        self._ahead = AHEAD * parallel or float("inf")
        self._written: Counter[File] = Counter()
        self._failed: dict[File, str] = {}  # a sentence on each unit that raised what it should not
        self._broken = 0  # times in a row that the workers died
        self._clock, self._of = _Clock(speeds or {}, max(1, parallel)), of
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

    def _plan_anew(self) -> None:
        self._plan = plan(self.record, self.store, self._of)
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
        self._read_models()
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
        while self._queue and len(self._pending) < self._ahead:
            unit = self._queue.take()
            self._pending[self._submit(unit)] = unit

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
                self._pending[future] = unit
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
            raise Fault(
                f"worker processes were killed again and again, the last at {lost[0].label.lower()} of {lost[0].words}",
                "Start again with --workers 1: the memory may not suffice for more",
            )
        self._warn("A worker process was killed; its work is done again.")
        self.executor.renew()
        for unit in lost:
            self._submit_or_wait(unit)

    def _warn(self, sentence: str) -> None:
        if sentence not in self.warnings:
            self.warnings.append(sentence)

    # --- models -------------------------------------------------------------------------------------

    def _read_models(self) -> None:
        wanted = reading.checkpoints(self.record, self._plan.readings)
        if wanted:
            self._event(wanted[0].units[0].label, "Loading the base model")
        for one, take in reading.read(self.record, self.store, wanted, self._within, self.cancelled):
            self._now = one
            units = [unit for unit in one.units if not self.store.has(*unit.file)]  # another process may be quicker
            if units:
                try:
                    taken = _taken(take)
                except _NotItsFault as elsewhere:
                    raise elsewhere.error from None
                except Fault as fault:
                    self._leave_out(one.node, fault)
                    continue
                for note in taken.notes:
                    self._warn(note)
                for unit in units:
                    self.store.write(*unit.file, taken.files[unit.file])
                    self._clock.done(unit, taken.seconds / len(units))
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
            raise _NotItsFault(error) from error

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
        self.warnings.append(f"{node.label}, step {node.step}: {sentence}")
        self._clock.drop(unit for unit in self._plan.units if unit.place and node in unit.place.nodes)
        self._event("", f"{node.label}, step {node.step} left out")

    # --- progress -----------------------------------------------------------------------------------

    def _event(self, stage: str, label: str, more: float = 0.0) -> None:
        """`more` : units of the stage that are done in part."""
        done, total = self._clock.counts(stage)
        share, seconds = self._clock.left()
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


class _Clock:
    """How many units of each result there are, how many are done, and what they cost.

    Parameters
    ----------
    known : seconds per unit by result, from before.
    parallel : workers of the executor. Models are read one after another, whatever there is.
    """

    def __init__(self, known: dict[str, float], parallel: int):
        self._known, self._parallel = known, parallel
        self._total: dict[str, int] = defaultdict(int)
        self._done: dict[str, int] = defaultdict(int)
        self._spent: dict[str, float] = defaultdict(float)
        self._label: dict[str, str] = {}
        self._serial: set[str] = set()

    def expect(self, todo: Plan) -> None:
        """What is still to be done, beside what is done."""
        self._total = defaultdict(int, self._done)
        for unit in todo.units:
            self._total[unit.kind] += 1
            self._label[unit.kind] = unit.label
            if unit.reads_a_model:
                self._serial.add(unit.kind)

    def done(self, unit: Unit, seconds: float) -> None:
        self._done[unit.kind] += 1
        self._spent[unit.kind] += seconds

    def drop(self, units: Iterable[Unit]) -> None:
        for unit in units:
            self._total[unit.kind] -= 1

    @property
    def spent(self) -> dict[str, float]:
        return dict(self._spent)

    @property
    def speeds(self) -> dict[str, float]:
        return self._known | {kind: self._spent[kind] / count for kind, count in self._done.items() if count}

    def counts(self, label: str) -> tuple[int, int]:
        """Units done and in all that progress calls by this label."""
        kinds = [kind for kind in self._total if self._label[kind] == label]
        return sum(self._done[kind] for kind in kinds), sum(self._total[kind] for kind in kinds)

    def left(self) -> tuple[float, float | None]:
        """Share of the run that is done, and the seconds left; None where a result has no known speed."""
        speeds = self.speeds
        cost = {kind: speeds.get(kind, 1.0) / (1 if kind in self._serial else self._parallel) for kind in self._total}
        spent = sum(self._done[kind] * cost[kind] for kind in self._total)
        left = {kind: count - self._done[kind] for kind, count in self._total.items() if count > self._done[kind]}
        seconds = sum(count * cost[kind] for kind, count in left.items())
        share = spent / (spent + seconds) if spent + seconds else 1.0
        return share, seconds if left.keys() <= speeds.keys() else None


def publish_missing(record: Record, store: Store) -> None:
    """Put together, in this process, the tables whose parts are all there, and keep the record.

    For what was added to a study that is finished otherwise: measures of the user's own.
    """
    store.refuse_writing("add measures")
    for unit in plan(record, store).units:
        if unit.place is None and all(store.has(*need) for need in unit.needs):
            assembly.publish(record, store, unit.name)
    keep(record, store)


class _NotItsFault(BaseException):
    """What happened elsewhere in the run while a checkpoint was read: no reason to leave that checkpoint out."""

    def __init__(self, error: Exception):
        self.error = error


def _taken(take: Callable[[], reading.Taken]) -> reading.Taken:
    """What a reading gives; a Fault for whatever a model raises while it is read."""
    try:
        return take()
    except (Fault, Cancelled):
        raise
    except Exception as error:  # anything: models come from anywhere
        words = f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else 'no reason given'}"
        raise Fault(f"it cannot be read ({words})", "Check that transformers runs this model") from error


def _name(path: Path | str | None) -> str:
    return "no file" if path is None else Path(path).name


def _timed(function: Callable, *arguments) -> float:
    started = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - started
