"""Commands that show what is there: checkpoints, studies, tables, findings."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from phcore.cli.command import JSON, STUDY, Command, argument, called, command, computed, opened, save, say
from phcore.errors import Fault
from phcore.formatting import named, real_path, visible
from phcore.study import PRESETS, Series, Study

COMMANDS: list[Command] = []
CHECKPOINT = ("step", "kind", "path", "folder", "size", "status", "finding", "note")  # what is told of one
FORMATS = ("csv", "json", "parquet")  # of `phcore.export.encoding`, which imports more than a help needs


@command(
    COMMANDS,
    argument("directory", metavar="DIR", help="the folder above your series, or one series; also s3://bucket/runs"),
    argument("--model", metavar="BASE", help="base model directory, to check adapters and shapes against"),
    argument("--quick", action="store_true", help="compare names and shapes only, and try to load nothing"),
    JSON,
    example="/data/runs --model /data/models/base",
    needs="look at folders",
)
def scan(options: argparse.Namespace) -> None:
    """Show the series and checkpoints in a directory."""
    from phcore import checkpoints
    from phcore.checkpoints import mirror

    directory = mirror.named_by_hand(options.directory)
    model = mirror.named_by_hand(options.model) if options.model else None
    found = checkpoints.scan(directory, model, [directory, *options.roots])  # what is named may be looked at
    if model and found and not options.quick:
        from phcore.pipeline import preflight

        verdict = preflight.tried(model, found)
        _refuse(verdict.base, model)
        found = preflight.judged(found, verdict)
    plain = [
        {
            "series": series.name,
            "objective": series.objective,
            "seed": series.seed,
            "path": series.path,
            "pattern": series.pattern,
            "notes": list(series.notes),
            "is_base": series.is_base,
            "checkpoints": [{name: getattr(one, name) for name in CHECKPOINT} for one in series.checkpoints],
        }
        for series in found
    ]
    if options.json:
        say(json.dumps(plain, indent=1, default=lambda place: named(str(place))))
    elif not plain:
        say("No checkpoints here. A series is a folder that holds checkpoint-1, checkpoint-2, ...")
    for series in [] if options.json else plain:
        place = Path(series["path"]) / series["pattern"]
        about = f"{series['series']} (objective {series['objective']}, seed {series['seed']})  {place}"
        say(visible(about))  # a name with a line break makes no line of its own
        for sentence in series["notes"]:
            say(visible(f"  {sentence}"))
        for one in series["checkpoints"]:
            size = f"{one['size'] / 1e6:.1f} MB"
            told = one["finding"] or one["note"]
            about = (
                f"  step {one['step']:>7}  {one['folder']:<16} {one['kind']:<9} {size:>11}  {one['status']:<10} {told}"
            )
            say(visible(about))


@command(
    COMMANDS,
    argument("directory", metavar="DIR", help="the folder above your series"),
    argument("--model", metavar="BASE", required=True, help="base model directory"),
    argument(
        "--probes", metavar="FILE", default="default",
        help="probe set: JSONL, JSON, CSV or Parquet (default: the one that ships)",
    ),
    argument("--name", help="name of the study (default: the name of the directory)"),
    argument("--preset", choices=PRESETS, default="default",
             help="parameters at once; paper: as Malhotra et al.; quick: few small subsamples, for a first look"),
    argument("-o", "--output", metavar="FILE.toml", help="study file to write (default: NAME.toml)"),
    argument("--force", action="store_true", help="write over a study file that says something else"),
    example="/data/runs --model /data/models/base -o mine.toml",
    needs="look at folders",
)  # fmt: skip
def new(options: argparse.Namespace) -> None:
    """Write a study file for the checkpoints in a directory."""
    from phcore import checkpoints
    from phcore.checkpoints import mirror
    from phcore.pipeline import preflight
    from phcore.study import limits, probes

    directory = real_path(mirror.named_by_hand(options.directory))
    model = real_path(mirror.named_by_hand(options.model))
    _refuse(checkpoints.describe_model(model).finding, model)
    probe_set = probes.load(options.probes)  # what is wrong with it shows now, not after an hour
    limits.refuse_too_many(len(probe_set.prompts))
    every = checkpoints.scan(directory, model, [directory, *options.roots])
    verdict = preflight.tried(model, every, probe_set.prompts)
    _refuse(verdict.base, model)
    every = preflight.judged(every, verdict)
    found = [one for one in every if not one.is_base]
    for one in every:
        if one.is_base:
            say(f"note: {one.path.name}/ is the base model itself, and no series", file=sys.stderr)
    for one in found:
        for sentence in [
            *one.notes,
            *(f"{e.folder}: {e.finding or e.note}" for e in one.checkpoints if e.finding or e.note),
        ]:
            say(visible(f"note: {one.name}: {sentence}"), file=sys.stderr)
    if not found:
        raise Fault("there are no checkpoints here", "Pick the folder above your series", directory)
    if not any(each.ready for one in found for each in one.checkpoints):
        raise Fault("not one checkpoint here can be used", "Mend what the notes above say", directory)
    name = options.name or directory.name
    study = Study(
        name=name,
        model=model,
        probes=options.probes if options.probes == "default" else str(real_path(options.probes)),
        series=tuple(Series(one.name, one.path, one.objective, one.seed, pattern=one.pattern) for one in found),
        **PRESETS[options.preset],
    )
    target = Path(options.output or f"{name}.toml")
    if target.exists() and not options.force and target.read_bytes() != study.to_toml().encode():
        raise Fault("this file says something else", "Name another one with -o, or write over it with --force", target)
    say(study.write(target))
    say(f"Study {name}, series {', '.join(one.name for one in found)}. Next: {called()} estimate {target}")
    _say_prompts(probe_set, verdict.preview)
    if verdict.prompts:  # the line to change stands in the file
        say(visible(f"note: these prompts cannot be read: {verdict.prompts}"), file=sys.stderr)


@command(
    COMMANDS,
    argument("file", metavar="FILE", help="probe set: JSONL, JSON, CSV or Parquet; default is the one that ships"),
    argument("--model", metavar="BASE", help="base model directory: show prompts as it reads them"),
    argument("--raw", action="store_true", help="without the chat template"),
    example="default --model /data/models/base",
    needs="look at folders",
)
def probes(options: argparse.Namespace) -> None:
    """Show what is read of a file of prompts."""
    from phcore.pipeline import preflight
    from phcore.study import limits
    from phcore.study.probes import load

    probe_set = load(options.file)
    limits.refuse_too_many(len(probe_set.prompts))
    preview = list(probe_set.prompts[:3])
    if options.model:
        verdict = preflight.tried(options.model, (), probe_set.prompts, chat=not options.raw)
        _refuse(verdict.base or verdict.prompts, options.model)
        preview = verdict.preview
    _say_prompts(probe_set, preview)


def _refuse(finding: str, path: str | Path) -> None:
    """Raise a Fault for a finding, if it is one: its first sentence is what is wrong, the rest the mend."""
    fault, _, mend = finding.rstrip(".").partition(". ")
    if fault:
        raise Fault(fault, mend, path)


def _say_prompts(probe_set, preview: list[str]) -> None:
    """Which columns were taken for what, and the first prompts as they are read."""
    say(f"{len(probe_set.prompts):,} prompts: {probe_set.columns}")
    for sentence in probe_set.notes:
        say(f"note: {sentence}")
    for number, text in enumerate(preview):
        say(visible(f"  {number}: {text}"))


@command(COMMANDS, JSON, example="--json")
def studies(options: argparse.Namespace) -> None:
    """List the studies in the archive."""
    from phcore.export.results import Results
    from phcore.study.kept import names

    rows = []
    for name in names(options.store):
        try:
            results = Results.open(name, options.store)
        except Fault as fault:  # one that cannot be read hides no other
            say(f"note: {fault}", file=sys.stderr)
            continue
        steps = {one.name: [n.step for n in results.record.path_of(one.name)] for one in results.record.series}
        row = {"study": name, "model": results.study.model.name, "complete": results.complete, "steps": steps}
        rows.append(row | {"bytes": results.on_disk[0]})
    if options.json:
        say(json.dumps(rows, indent=1))
        return
    for row in rows:
        series = ", ".join(f"{series} ({len(steps)})" for series, steps in row["steps"].items())
        about = f"{'complete' if row['complete'] else 'unfinished'}  {row['bytes'] / 1e6:,.1f} MB"
        say(visible(f"{row['study']}  {about}  {row['model']}  {series}"))


@command(
    COMMANDS,
    STUDY,
    argument("name", metavar="NAME", nargs="?", help="table; left out: list them with their columns"),
    argument("--format", choices=FORMATS, help="default: what the name of the file ends in, else csv"),
    argument("-o", "--output", metavar="FILE", help="default: standard output"),
    example="smollm2-135m-instruct velocities -o velocities.parquet",
)
def tables(options: argparse.Namespace) -> None:
    """Write a table of a study, or list its tables."""
    from phcore.export.encoding import encode
    from phcore.stages.registry import tables as every

    if options.name is None:
        for one in every().values():
            say(f"{one.name}\n" + "\n".join(f"  {column:<14} {words}" for column, words in one.columns.items()))
        return
    ending = Path(options.output or "").suffix.lower().removeprefix(".")
    kind = options.format or (ending if ending in FORMATS else "csv")
    frame = opened(options).table(options.name)
    if kind == "parquet" and options.output is None and sys.stdout.isatty():
        raise Fault("Parquet is not for a terminal", "Give a file with -o")
    data = encode(frame, kind)
    if options.output is None and sys.stdout.isatty():
        say(data.decode().rstrip("\n"))
    elif options.output is None:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
    else:
        save(Path(options.output), lambda file: file.write(data))


@command(COMMANDS, STUDY, JSON, example="smollm2-135m-instruct")
def findings(options: argparse.Namespace) -> None:
    """Say which of the five claims hold on a study, and what that rests on."""
    found = [asdict(one) for one in computed(options).findings()]
    if options.json:
        say(json.dumps(found, indent=1))
        return
    for one in found:
        say(f"{one['claim']}. {one['title']}: {one['verdict']}.\n   {one['sentence']}")
        for name in ("n", "null", "interval", "needed"):
            if one[name]:
                say(f"   {name}: {one[name]}")
