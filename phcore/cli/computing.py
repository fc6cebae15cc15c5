"""Commands that compute, and those that add to what has been computed."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path

from phcore.cli.command import STUDY, Command, argument, command, opened, say
from phcore.errors import Fault
from phcore.formatting import visible
from phcore.study import Study, devices
from phcore.study.record import ALL, NEEDED, Record

COMMANDS: list[Command] = []
WORKERS = (
    argument(
        "--workers", type=int, default=(_count := os.cpu_count() or 1), metavar="N",
        help=f"processes for the topology (default: {_count})",
    ),
    argument(
        "--executor", choices=("processes", "dask"), default="processes",
        help="processes of this machine (default), or the workers of a Dask scheduler, which read the models, too",
    ),
    argument(
        "--scheduler", metavar="ADDRESS",
        help="of the Dask scheduler: tcp://127.0.0.1:8786 (default: $DASK_SCHEDULER_ADDRESS)",
    ),
)  # fmt: skip
DEVICE = argument(
    "--device", metavar="NAME",
    help="what models run on: auto, cpu, cuda, cuda:1, cuda:all (spread over all), mps "
    f"(default: ${devices.DEVICE}, else the study file)",
)  # fmt: skip
PAIRS = argument(
    "--pairs", choices=(NEEDED, ALL),
    help="distances between those checkpoints that verdicts and charts compare (needed), or between all; "
    "default: as the study has them, needed for a new one",
)  # fmt: skip
JOB = argument("--job", help=argparse.SUPPRESS)  # of a process that a page started

Work = Callable[[Callable, Callable[[], bool]], str]


@command(COMMANDS, STUDY, PAIRS, *WORKERS, DEVICE, JOB, example="mine.toml --workers 8", needs="compute")
def estimate(options: argparse.Namespace) -> int:
    """Measure this machine and say what a study will cost."""
    from phcore.pipeline import estimate as cost
    from phcore.study.resolve import resolve

    store = options.store

    def work(report: Callable, cancelled: Callable[[], bool]) -> str:
        if Path(options.study).suffix == ".toml":
            record = resolve(Study.read(options.study), store, keep=False, roots=options.roots)
        else:
            results = opened(options)
            if results.finished and _compared(results.record, options) == results.record:
                return "Everything is computed already."
            record = results.record
        record = _compared(record, options)
        _say_overlap(record)
        _refuse_without_checkpoints(record)
        with workers(options, record) as executor:
            known = cost.estimate(record, store, executor.parallel, executor.readers)
            if known.seconds is None:
                cost.measure(record, store, report, cancelled)
                known = cost.estimate(record, store, executor.parallel, executor.readers)
        return cost.in_words(known, "these workers" if options.executor == "dask" else "this machine")

    return carry_out(options, store, work)


@command(COMMANDS, STUDY, PAIRS, *WORKERS, DEVICE, JOB, example="mine.toml --workers 8", needs="compute")
def compute(options: argparse.Namespace) -> int:
    """Compute everything a study lacks."""
    return carry_out(options, options.store, lambda report, cancelled: compute_missing(options, report, cancelled))


def compute_missing(options: argparse.Namespace, report: Callable, cancelled: Callable[[], bool]) -> str:
    """Compute everything that `options.study` lacks, and say how it ended."""
    from phcore.pipeline import estimate as cost
    from phcore.pipeline.plan import plan
    from phcore.pipeline.run import Run
    from phcore.stages.registry import assembly
    from phcore.study.kept import keep_with_looks
    from phcore.study.resolve import resolve

    store, by_file = options.store, Path(options.study).suffix == ".toml"
    results = opened(options)
    record = results.record
    store.verify(assembly.named(record))
    wider = _compared(record, options) != record
    todo = plan(_compared(record, options), store)
    if results.finished and not (by_file or wider) and (todo.empty or not _at_hand(record)):
        return f"Nothing was missing: study {record.study.name}."
    if by_file or todo.readings or _at_hand(record):
        record = resolve(record.study, store, roots=options.roots)  # the folders may have changed since
    record = _compared(record, options)
    _say_overlap(record)
    _refuse_without_checkpoints(record)
    nothing = plan(record, store).empty
    with workers(options, record) as executor:
        run = Run(record, store, executor, report, cancelled, cost.speeds(record, store))
        record = run.run()
    if wider:  # only now: until every pair is there, the study is the one that is finished
        keep_with_looks(record, record, store)
    if not nothing:
        cost.remember(record, store, run.speeds)
    for sentence in (*store.damaged, *run.warnings):
        say(f"note: {sentence}", file=sys.stderr)
    if run.waits.words:
        say(run.waits.words, file=sys.stderr)
    left_out = [node for node in record.nodes if not node.ready]
    for node in left_out:
        say(visible(f"left out: {node.label}, step {node.step}: {node.finding}"), file=sys.stderr)
    _refuse_without_checkpoints(record)
    told = "Nothing was missing" if nothing else "Finished"
    count = f"; {len(left_out)} checkpoints were left out" if left_out else ""
    return f"{told}: study {record.study.name}{count}."


@command(
    COMMANDS,
    STUDY,
    argument("--every", type=float, default=10.0, metavar="SECONDS", help="between two looks (default: 10)"),
    argument(
        "--idle", type=float, metavar="MINUTES", help="end after so long without a new checkpoint (default: never)"
    ),
    *WORKERS,
    DEVICE,
    JOB,
    example="mine.toml --idle 60",
    needs="compute",
)
def follow(options: argparse.Namespace) -> int:
    """Follow a training: compute each checkpoint once it is there."""
    from phcore.pipeline import follow as following
    from phcore.pipeline.run import Run
    from phcore.study.kept import keep
    from phcore.study.resolve import resolve

    store, by_file = options.store, Path(options.study).suffix == ".toml"
    if not options.every > 0:
        raise Fault(f"--every {options.every} is no time", "Name seconds, such as 10")

    def look() -> Record:
        study = Study.read(options.study) if by_file else opened(options).record.study
        return resolve(study, store, keep=False, roots=options.roots)

    def follows(report: Callable, cancelled: Callable[[], bool], tell: Callable, turn: Callable) -> str:
        def compute(record: Record) -> Record:
            keep(record, store)
            with turn(), workers(options, record) as executor:
                return Run(record, store, executor, report, cancelled).run()

        idle = None if options.idle is None else 60 * options.idle
        record = following.follow(look, compute, store, tell, cancelled, options.every, idle)
        name = record.study.name if record else Path(options.study).stem
        return f"Finished: no new checkpoint of study {name} for a while."

    return carry_out(options, store, lambda report, cancelled: "", follows)


@command(
    COMMANDS,
    argument("study", metavar="STUDY", help="the name of a study in the archive"),
    argument("file", metavar="FILE.csv", help="with the columns series, step, name, value"),
    example="mine accuracy.csv",
    needs="add measures",
)
def measures(options: argparse.Namespace) -> None:
    """Add measures of your own to a study: series, step, name, value."""
    from phcore.archive.writing import read_plain
    from phcore.pipeline.run import publish_missing
    from phcore.study import measures as own

    results = opened(options)
    file = Path(options.file)
    try:
        content = read_plain(file)
    except OSError as error:
        raise Fault(f"it cannot be read ({error.strerror})", "Check the path", file) from None
    publish_missing(own.attach(content, results.record, results.store), results.store)
    say(f"Added to {results.study.name}.")


@contextmanager
def workers(options: argparse.Namespace, record: Record) -> Iterator[Executor]:
    """Where a study is computed, as the options say."""
    if options.executor != "dask":
        if options.scheduler:
            raise Fault("--scheduler is that of --executor dask", "Say both, or none")
        from phcore.pipeline.workers import pool

        with pool(options.workers) as executor:
            yield executor
        return
    from phcore.pipeline.cluster import cluster
    from phcore.pipeline.plan import plan

    with cluster(options.scheduler, record, options.store, bool(plan(record, options.store).readings)) as executor:
        for note in executor.notes:
            say(f"note: {note}", file=sys.stderr)
        yield executor


def _refuse_without_checkpoints(record: Record) -> None:
    """Raise a Fault where not one checkpoint of a study can be used: the base model alone changes nowhere."""
    own = [node for node in record.nodes if node != record.base]
    if own and not any(node.ready for node in own):
        first = own[0]
        many = f"none of the {len(own)} checkpoints" if len(own) > 1 else "the only checkpoint"
        verb = "can be used" if len(own) > 1 else "cannot be used"
        fault, _, mend = first.finding.rstrip(".").partition(". ")
        raise Fault(f"{many} {verb}; {first.label}, step {first.step}: {fault}", mend or "Scan the folder again")


def _say_overlap(record: Record) -> None:
    """That a subsample holds more than half of the prompts, and what that does."""
    from phcore.topology.clouds import overlap_words, subsample_size

    n = record.n_prompts
    if record.study.subsamples and (words := overlap_words(n, subsample_size(n, record.subsample_size))):
        say(f"note: {words}", file=sys.stderr)


def _compared(record: Record, options: argparse.Namespace) -> Record:
    """The record with the pairs that are asked for."""
    return replace(record, pairs=options.pairs or record.pairs)


def _at_hand(record: Record) -> bool:
    """Whether the checkpoints of a study are where they were: studies travel without them."""
    return all(Path(node.path).is_dir() for node in record.ready)


# --- a computation in sight -------------------------------------------------------------------------


def carry_out(options: argparse.Namespace, store, work: Work, follows: Callable | None = None) -> int:
    """Run `work(report, cancelled)` as a job with its state on disk, or with progress on the terminal.

    `follows` : in place of `work`, called with what tells a sentence and what takes a turn, too.
    """
    from phcore.pipeline import jobs

    if options.device is not None:
        # The environment reaches whatever reads a model, in this process and those it starts.
        os.environ[devices.DEVICE] = devices.spelled(options.device, "--device")
    if options.job is None:
        told = follows(_terminal(), lambda: False, say, nullcontext) if follows else work(_terminal(), lambda: False)
        say(told)
        return 0

    def inside(reporter: jobs.Reporter) -> str:
        def report(event) -> None:
            reporter.update(**asdict(event), message="")

        if not follows:
            return work(report, reporter.cancelled)

        def tell(words: str) -> None:
            reporter.update(state="running", message=words, share=1.0, seconds_left=None)

        return follows(report, reporter.cancelled, tell, reporter.turn)

    return jobs.run_job(store, options.job, inside, waits=follows is not None)


def _terminal() -> Callable:
    """Progress as one line that rewrites itself, or as a line for every fiftieth of the work where output is a file."""
    live = sys.stderr.isatty()
    last = {"line": -1}

    def report(event) -> None:
        left = "" if event.seconds_left is None else f", {event.seconds_left / 60:.1f} min left"
        counts = f"{event.stage} {int(event.done)}/{event.total}  " if event.total else ""
        line = visible(f"{event.share:4.0%}  {counts}{event.label}{left}")
        if live:
            print(f"\r\033[K{line[:118]}", end="", file=sys.stderr, flush=True)
        elif (short := int(event.share * 50)) != last["line"]:
            last["line"] = short
            print(line, file=sys.stderr, flush=True)
        if live and event.share >= 1 and event.label == "Finished":
            print(file=sys.stderr)

    return report
