"""`python -m phcore ...`: all the app can do, without the app.

Exit codes: 0 done; 1 it could not be done, and the message says why and how to mend it; 2 wrong usage;
130 stopped by the user.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

from phcore.archive import permissions
from phcore.errors import Fault
from phcore.study import Series, Study

STUDY_HELP = "a study file (.toml) or the name of a study in the archive"


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except Fault as fault:
        print(f"error: {fault}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; what was finished is kept", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `| head` closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # no second complaint at exit
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m phcore",
        description="How the shape of a language model's representations changes during fine-tuning.",
        epilog="The archive is the folder cache/ of the project, or $PHCORE_CACHE.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run: Callable, words: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=words, description=words[0].upper() + words[1:] + ".")
        one.set_defaults(run=run)
        return one

    one = command("scan", scan, "show the series and checkpoints in a directory")
    one.add_argument("directory", metavar="DIR")
    one.add_argument("--model", help="base model directory, to check adapters and shapes against")
    one.add_argument("--json", action="store_true", help="machine-readable output")

    one = command("new", new, "write a study file for the checkpoints in a directory")
    one.add_argument("directory", metavar="DIR")
    one.add_argument("--model", required=True, help="base model directory")
    one.add_argument(
        "--probes", default="default", help="probe set: JSONL, CSV or Parquet (default: the one that ships)"
    )
    one.add_argument("--name", help="name of the study (default: the name of the directory)")
    one.add_argument("-o", "--output", help="study file to write (default: NAME.toml)")

    one = command("estimate", estimate, "measure this machine and say what a study will cost")
    one.add_argument("study", metavar="STUDY", help=STUDY_HELP)
    _working(one)

    one = command("compute", compute, "compute everything a study lacks")
    one.add_argument("study", metavar="STUDY", help=STUDY_HELP)
    _working(one)

    one = command("studies", studies, "list the studies in the archive")
    one.add_argument("--json", action="store_true", help="machine-readable output")

    one = command("tables", tables, "write a table of a study, or list its tables")
    one.add_argument("study", metavar="STUDY", help=STUDY_HELP)
    one.add_argument("name", metavar="NAME", nargs="?", help="table; left out: list them with their columns")
    one.add_argument("--format", choices=("csv", "json", "parquet"), default="csv")
    one.add_argument("-o", "--output", metavar="FILE", help="default: standard output")

    one = command("findings", findings, "say which of the five claims hold on a study, and what that rests on")
    one.add_argument("study", metavar="STUDY", help=STUDY_HELP)
    one.add_argument("--json", action="store_true", help="machine-readable output")

    one = command("report", report, "write a study as one HTML file that opens without a network")
    one.add_argument("study", metavar="STUDY", help=STUDY_HELP)
    one.add_argument("-o", "--output", metavar="FILE.html", required=True)
    one.add_argument("--title", default="", help="default: the name of the study")
    one.add_argument("--authors", default="", help="a line below the title")
    one.add_argument("--charts", metavar="A,B,C", help="which charts, in this order (default: all)")
    one.add_argument(
        "--note", metavar="CHART=TEXT", action="append", default=[], help="words of your own below a chart; repeatable"
    )
    one.add_argument("--layer", type=int, help="of the charts that show one layer (default: the middle one)")
    one.add_argument("--without-prompts", action="store_true", help="leave the texts of the prompts out")

    one = command("figures", figures, "write all figures and tables of a study into one zip")
    one.add_argument("study", metavar="STUDY", help=STUDY_HELP)
    one.add_argument("-o", "--output", metavar="FILE.zip", required=True)
    one.add_argument("--layer", type=int, help="of the figures that show one (default: the middle one)")
    one.add_argument("--width", type=float, default=174, metavar="MM", help="of a figure (default: 174, two columns)")
    one.add_argument("--points", type=float, default=8, metavar="PT", help="size of the letters (default: 8)")

    one = command("measures", measures, "add measures of your own to a study: series, step, name, value")
    one.add_argument("study", metavar="STUDY", help="the name of a study in the archive")
    one.add_argument("file", metavar="FILE.csv")

    one = command("clouds", clouds, "write the hidden states of one checkpoint as a NumPy file")
    one.add_argument("study", metavar="STUDY", help=STUDY_HELP)
    one.add_argument("--series", required=True, help="series; its step 0 is the base model")
    one.add_argument("--step", type=int, required=True)
    one.add_argument("-o", "--output", metavar="FILE.npy", required=True, help="(layers, prompts, hidden) float32")

    one = command("pack", pack, "write a study with all its results into one file that travels")
    one.add_argument("study", metavar="STUDY", help=STUDY_HELP)
    one.add_argument("-o", "--output", metavar="FILE.zip", required=True)
    one.add_argument("--without-prompts", action="store_true", help="leave the texts of prompts and references behind")
    one.add_argument("--with-clouds", action="store_true", help="take the hidden states and next tokens along")

    one = command("open", open_pack, "verify a packed study and put it into the archive")
    one.add_argument("file", metavar="FILE.zip")
    one.add_argument("--name", help="name of the study in this archive (default: its own)")

    one = command("serve", serve, "serve the app, for others read-only")
    one.add_argument("--read-only", action="store_true", help="compute nothing, write nothing, list no folder")
    one.add_argument(
        "--study", action="append", default=[], metavar="NAME", help="serve this study only; may be repeated"
    )
    one.add_argument(
        "--private", action="append", default=[], choices=permissions.KINDS,
        help="hide this in every study, whatever its study file says",
    )  # fmt: skip
    one.add_argument("--address", default="127.0.0.1", help="address to listen on (default: this machine only)")
    one.add_argument("--port", type=int, default=8501, help="default: 8501")
    one.add_argument(
        "--host", action="append", default=[], metavar="NAME", help="host name visitors use, such as topo.example.org"
    )
    one.add_argument(
        "--open", action="store_true",
        help="with --address: others may reach the server, unencrypted, and without --sign-in read what is served",
    )  # fmt: skip
    one.add_argument("--sign-in", action="store_true", help="ask visitors for an account (docs/serve.md)")
    one.add_argument(
        "--allow", action="append", default=[], metavar="WHO", help="address, @domain, or * for every account"
    )

    one = command("practice", practice, "train a tiny model with checkpoints of three objectives, to try everything on")
    one.add_argument("directory", metavar="DIR")
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--job", help=argparse.SUPPRESS)
    return parser


def _working(parser: argparse.ArgumentParser) -> None:
    count = os.cpu_count() or 1
    parser.add_argument(
        "--workers",
        type=int,
        default=count,
        metavar="N",
        help=f"processes for the topology (default: {count})",
    )
    parser.add_argument("--job", help=argparse.SUPPRESS)


# --- looking ----------------------------------------------------------------------------------------


def scan(options: argparse.Namespace) -> None:
    from phcore import checkpoints

    found = checkpoints.scan(Path(options.directory), Path(options.model) if options.model else None)
    plain = [
        {
            "series": series.name,
            "objective": series.objective,
            "seed": series.seed,
            "path": str(series.path),
            "checkpoints": [
                {
                    "step": one.step,
                    "kind": one.kind,
                    "path": str(one.path),
                    "size": one.size,
                    "status": one.status,
                    "finding": one.finding,
                }
                for one in series.checkpoints
            ],
        }
        for series in found
    ]
    if options.json:
        print(json.dumps(plain, indent=1))
    elif not plain:
        print("No checkpoints here. A series is a folder that holds checkpoint-1, checkpoint-2, ...")
    for series in [] if options.json else plain:
        print(f"{series['series']} (objective {series['objective']}, seed {series['seed']})  {series['path']}")
        for one in series["checkpoints"]:
            size = f"{one['size'] / 1e6:.1f} MB"
            print(f"  step {one['step']:>7}  {one['kind']:<9} {size:>11}  {one['status']:<10} {one['finding']}")


def new(options: argparse.Namespace) -> None:
    from phcore import checkpoints

    directory = Path(options.directory).resolve()
    found = checkpoints.scan(directory, Path(options.model))
    if not found:
        raise Fault("there are no checkpoints here", "Pick the folder above your series", directory)
    name = options.name or directory.name
    study = Study(
        name=name,
        model=Path(options.model).resolve(),
        probes=options.probes if options.probes == "default" else str(Path(options.probes).resolve()),
        series=tuple(Series(one.name, one.path, one.objective, one.seed) for one in found),
    )
    print(study.write(options.output or f"{name}.toml"))


def studies(options: argparse.Namespace) -> None:
    from phcore.archive.store import Store
    from phcore.stages.results import Results, names

    rows = []
    for name in names(Store()):
        results = Results.open(name)
        steps = {one.name: [n.step for n in results.record.path_of(one.name)] for one in results.record.series}
        rows.append({"study": name, "model": results.study.model.name, "complete": results.complete, "steps": steps})
    if options.json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        series = ", ".join(f"{series} ({len(steps)})" for series, steps in row["steps"].items())
        print(f"{row['study']}  {'complete' if row['complete'] else 'unfinished'}  {row['model']}  {series}")


# --- computing --------------------------------------------------------------------------------------


@contextlib.contextmanager
def pool(workers: int) -> Iterator[Executor]:
    """A process pool that dies with its parent, one linear-algebra thread per process."""
    import multiprocessing

    from phcore.pipeline.workers import die_with_parent

    if workers < 1:
        raise Fault(f"--workers {workers} is not possible", "Use 1 or more")
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read by the children; torch's own threads are not affected
    executor = ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=die_with_parent, initargs=(os.getpid(),)
    )
    try:
        yield executor
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def compute(options: argparse.Namespace) -> int:
    from phcore.archive.store import Store
    from phcore.pipeline import estimate as cost
    from phcore.pipeline.run import Run, plan
    from phcore.stages.results import Results
    from phcore.study.record import resolve

    store = Store()

    def work(report: Callable, cancelled: Callable[[], bool]) -> str:
        by_file = Path(options.study).suffix == ".toml"
        results = Results.open(options.study)
        record = results.record
        if results.finished and not by_file:
            return f"Nothing was missing: study {record.study.name}."
        record = resolve(record.study, store)  # the folders may have changed since
        nothing = plan(record, store).empty
        with pool(options.workers) as executor:
            known = cost.speeds(record, store)
            run = Run(record, store, executor, report, cancelled, known, options.workers)
            record = run.run()
        if not nothing:
            cost.remember(record, store, run.speeds)
        left_out = [node for node in record.nodes if not node.ready]
        for node in left_out:
            print(f"left out: {node.label}, step {node.step}: {node.finding}", file=sys.stderr)
        told = "Nothing was missing" if nothing else "Finished"
        count = f"; {len(left_out)} checkpoints were left out" if left_out else ""
        return f"{told}: study {record.study.name}{count}."

    return _work(options.job, store, work)


def estimate(options: argparse.Namespace) -> int:
    from phcore.archive.store import Store
    from phcore.pipeline import estimate as cost
    from phcore.stages.results import Results
    from phcore.study.record import resolve

    store = Store()

    def work(report: Callable, cancelled: Callable[[], bool]) -> str:
        if Path(options.study).suffix == ".toml":
            record = resolve(Study.read(options.study), store, keep=False)
        else:
            results = Results.open(options.study)
            if results.finished:
                return "Everything is computed already."
            record = results.record
        known = cost.estimate(record, store, options.workers)
        if known.seconds is None:
            with pool(options.workers) as executor:
                cost.measure(record, store, executor, report, cancelled)
            known = cost.estimate(record, store, options.workers)
        return in_words(known)

    return _work(options.job, store, work)


def in_words(estimate) -> str:
    """The estimate as one sentence."""
    if not (estimate.checkpoints or estimate.cells or estimate.pairs or estimate.judged):
        return "Everything is computed already."
    minutes = (estimate.seconds or 0) / 60
    duration = f"about {minutes:.0f} minutes" if minutes >= 1.5 else f"about {max(1, round(minutes * 60))} seconds"
    return (
        f"{estimate.checkpoints} checkpoints to read, {estimate.cells} cells to measure and "
        f"{estimate.judged} pieces of evidence: {duration} and "
        f"{max(1, estimate.bytes / 1e6):.0f} MB on this machine ({estimate.free_bytes / 1e9:.0f} GB free)."
    )


def practice(options: argparse.Namespace) -> int:
    from phcore.archive.store import Store
    from phcore.pipeline.run import Cancelled, Progress
    from phcore.training.practice import practice as train

    def work(report: Callable, cancelled: Callable[[], bool]) -> str:
        def on_event(event: dict) -> None:
            if cancelled():
                raise Cancelled
            share = event["done"] / max(1, event["total"])
            report(Progress(event["stage"], event["done"], event["total"], event.get("message", ""), share))

        place = train(Path(options.directory), seed=options.seed, on_event=on_event)
        return f"Practice runs are in {place}: the base model in base/, the checkpoints in runs/."

    return _work(options.job, Store(), work)


def _work(job: str | None, store, work: Callable[[Callable, Callable[[], bool]], str]) -> int:
    """Run `work(report, cancelled)` as a job with its state on disk, or with progress on the terminal."""
    from phcore.pipeline import jobs

    if job is None:
        print(work(_terminal(), lambda: False))
        return 0

    def inside(reporter: jobs.Reporter) -> str:
        def report(event) -> None:
            plain = asdict(event)
            reporter.update(**plain)

        return work(report, reporter.cancelled)

    return jobs.run_job(store, job, inside)


def _terminal() -> Callable:
    """Progress as one line that rewrites itself, or as a line per stage and checkpoint where output is a file."""
    from phcore.pipeline.run import STAGES

    live = sys.stderr.isatty()
    last = {"line": ""}

    def report(event) -> None:
        left = "" if event.seconds_left is None else f", {event.seconds_left / 60:.1f} min left"
        stage = STAGES.get(event.stage, event.stage)
        line = f"{event.share:4.0%}  {stage} {int(event.done)}/{event.total}  {event.label}{left}"
        if live:
            print(f"\r\033[K{line[:118]}", end="", file=sys.stderr, flush=True)
        elif (short := (event.stage, int(event.share * 50))) != last["line"]:
            last["line"] = short
            print(line, file=sys.stderr, flush=True)
        if live and event.share >= 1 and event.label == "Finished":
            print(file=sys.stderr)

    return report


def serve(options: argparse.Namespace) -> None:
    from phcore.archive.store import Store
    from phcore.cli import serve as server
    from phcore.stages.results import names

    room = server.Room(
        read_only=options.read_only or permissions.current().read_only,
        studies=tuple(options.study),
        private=tuple(options.private),
        address=options.address,
        port=options.port,
        hosts=tuple(options.host),
        open=options.open,
        sign_in=options.sign_in or permissions.sign_in_asked(),
        allow=tuple(options.allow) or permissions.allowed(),
    )
    known = names(Store())
    server.check(room, known)
    served = ", ".join(room.studies or known) or "no study yet"
    print(f"{room.url}  {'read-only' if room.read_only else 'with everything this machine can do'}: {served}")
    server.run(room)


# --- reading results --------------------------------------------------------------------------------


def tables(options: argparse.Namespace) -> None:
    from phcore.stages.results import Results
    from phcore.stages.tables import COLUMNS

    if options.name is None:
        for name, columns in COLUMNS.items():
            print(f"{name}\n" + "\n".join(f"  {column:<14} {words}" for column, words in columns.items()))
        return
    frame = Results.open(options.study).table(options.name)
    if options.format == "parquet" and options.output is None and sys.stdout.isatty():
        raise Fault("Parquet is not for a terminal", "Give a file with -o")
    data = encode(frame, options.format)
    if options.output is None:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
    else:
        Path(options.output).write_bytes(data)


def encode(frame, kind: str) -> bytes:
    """A table as CSV, JSON (list of records; infinite and missing values as strings and null) or Parquet."""
    if kind == "csv":
        return frame.to_csv(index=False).encode()
    if kind == "json":
        # JSON has no infinity: the order of the bottleneck distance is written as the word.
        plain = frame.astype({"order": object}) if "order" in frame else frame
        plain = plain.replace({float("inf"): "inf"})
        return plain.to_json(orient="records").encode()
    return frame.to_parquet(index=False)


def findings(options: argparse.Namespace) -> None:
    from phcore.stages.results import Results

    found = [asdict(one) for one in Results.open(options.study).findings()]
    if options.json:
        print(json.dumps(found, indent=1, ensure_ascii=False))
        return
    for one in found:
        print(f"{one['claim']}. {one['title']}: {one['verdict']}.\n   {one['sentence']}")
        for name in ("n", "null", "interval", "needed"):
            if one[name]:
                print(f"   {name}: {one[name]}")


def report(options: argparse.Namespace) -> None:
    from datetime import date

    from phcore.archive.store import write_atomically
    from phcore.export.report import Options, render
    from phcore.figures.registry import PRINTED
    from phcore.stages.results import Results

    notes = dict(note.partition("=")[::2] for note in options.note)
    chosen = Options(
        title=options.title,
        authors=options.authors,
        date=date.today().isoformat(),
        charts=tuple(PRINTED) if options.charts is None else tuple(filter(None, options.charts.split(","))),
        notes=notes,
        prompts=not options.without_prompts,
        layer=options.layer,
    )
    page = render(Results.open(options.study), chosen).encode()
    target = Path(options.output)
    try:
        write_atomically(target, page)
    except OSError as error:
        raise Fault(f"it cannot be written ({error.strerror})", "Choose another file", target) from None
    print(f"{target}: {len(page) / 1e6:.1f} MB")


def figures(options: argparse.Namespace) -> None:
    from phcore.export.bundle import Print, write
    from phcore.stages.results import Results

    how = Print(options.layer, options.width, options.points)
    size = write(Results.open(options.study), options.output, how)
    print(f"{options.output}: {size / 1e6:.1f} MB")


def measures(options: argparse.Namespace) -> None:
    from phcore.pipeline.run import publish_behaviour
    from phcore.stages.results import Results
    from phcore.study import measures as own

    results = Results.open(options.study)
    file = Path(options.file)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise Fault(f"it cannot be read ({error.strerror})", "Check the path", file) from None
    publish_behaviour(own.attach(content, results.record, results.store), results.store)
    print(f"Added to {results.study.name}.")


def clouds(options: argparse.Namespace) -> None:
    import numpy as np

    from phcore.stages.results import Results

    array = Results.open(options.study).clouds(options.series, options.step)
    target = Path(options.output)
    with tempfile.NamedTemporaryFile(dir=target.resolve().parent, suffix=".npy", delete=False) as file:
        np.save(file, array)
    os.replace(file.name, target)
    print(f"{target}: {array.shape} float32")


# --- studies that travel ----------------------------------------------------------------------------


def pack(options: argparse.Namespace) -> None:
    from phcore.export.pack import pack
    from phcore.stages.results import Results

    study = Results.open(options.study)
    done = pack(study, options.output, prompts=not options.without_prompts, clouds=options.with_clouds)
    print(f"{done.path}: {study.study.name}, {_state(study)}, {done.files} files, {_megabytes(done.bytes)}")
    for stage, size in sorted(done.sizes.items(), key=lambda one: -one[1]):
        print(f"  {stage:<14}{_megabytes(size):>10}")
    if done.left:
        left = ", ".join(f"{stage} {_megabytes(size)}" for stage, size in done.left.items())
        print(f"left behind: {left}; --with-clouds takes them along")
    if options.without_prompts and options.with_clouds:
        print("note: prompts can be guessed from hidden states and next tokens", file=sys.stderr)


def open_pack(options: argparse.Namespace) -> None:
    from phcore.archive.store import Store
    from phcore.export.pack import unpack
    from phcore.stages.results import Results

    store = Store()
    done = unpack(options.file, store, options.name)
    study = Results.open(done.name, store)
    there = f", {done.present} were there already" if done.present else ""
    print(f"Opened {done.name}, {_state(study)}: {done.new} files were added{there}.")
    if study.record.prompts_withheld:
        print("It came without the texts of its prompts.")
    for names, words in (
        (done.kept, "are in the archive with other content, and stayed"),
        (done.unread, "are not read by this version, and were left out"),
    ):
        if names:
            print(f"{len(names)} files {words}: {', '.join(names[:3])}{', ...' * (len(names) > 3)}", file=sys.stderr)


def _state(study) -> str:
    if study.finished:
        return "finished"
    return "complete but for some of its evidence" if study.complete else "unfinished"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size / 1e3:,.1f} kB"
