"""Commands that train models."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

from phcore.cli.command import Command, argument, called, command, opened, say
from phcore.cli.computing import DEVICE, JOB, PAIRS, WORKERS, carry_out, compute_missing
from phcore.errors import Fault
from phcore.formatting import at_home, count, real_path, three
from phcore.training.recipe import DECAYS, FORMATS, Recipe, schedule_of

COMMANDS: list[Command] = []


@command(
    COMMANDS,
    argument("directory", metavar="DIR", help="an empty or a new folder"),
    argument("--seed", type=int, default=0, help="default: 0"),
    DEVICE,
    JOB,
    example="practice",
    needs="train models",
)
def practice(options: argparse.Namespace) -> int:
    """Train a tiny model with checkpoints of three objectives, to try everything on."""
    from phcore.training.practice import practice as train

    def work(report: Callable, cancelled: Callable[[], bool]) -> str:
        place = train(Path(options.directory), seed=options.seed, on_event=_reporting(report), cancelled=cancelled)
        told = f"Practice runs are in {place}: the base model in base/, the checkpoints in runs/."
        if options.job is None:
            told += f" Next: {called()} new {place / 'runs'} --model {place / 'base'} --preset quick -o practice.toml"
        return told

    return carry_out(options, options.store, work)


def _number(name: str, flag: str, words: str, **how: object):
    """An argument that is an entry of the recipe, with its default from there."""
    default = Recipe.__dataclass_fields__[name].default
    given = {"type": type(default), "metavar": "N"} | how
    return argument(flag, dest=name, default=default, help=f"{words} (default: {default})", **given)


RUNS = (
    argument("base", metavar="BASE", help="folder of the base model, with a chat template"),
    argument("out", metavar="OUT", help="folder of the runs: OUT/<objective>-seed<seed>/checkpoint-N"),
    argument("--objective", action="append", metavar="NAME=FILE", required=True,
             help="conversations of one objective: JSON lines with `messages` or `chosen`, or a folder of `datasets`"),
    argument("--mix", action="append", default=[], metavar="NAME=A:SHARE,B:SHARE",
             help="one more objective, learned from the conversations of others: mixed=helpful:0.5,harmless:0.5"),
    argument("--only", default="", metavar="RUNS", help="train these runs only: helpful-seed0,mixed-seed2"),
    _number("steps", "--steps", "training steps of a run"),
    _number("schedule", "--schedule", 'steps with a checkpoint: "1,2,4", "2..16/2,24..128/8", "every 8", "log 20"',
            metavar="STEPS"),
    _number("held_out", "--held-out", "conversations of each objective to evaluate on, never trained on"),
    _number("batch", "--batch", "conversations at once"),
    _number("accumulate", "--accumulate", "batches of one step"),
    _number("max_tokens", "--max-tokens", "of a conversation; longer ones are cut, and counted"),
    _number("rate", "--rate", "learning rate", metavar="X"),
    _number("warmup", "--warmup", "steps until the learning rate is reached"),
    _number("decay", "--decay", "of the learning rate after that", choices=DECAYS, metavar=None),
    _number("weight_decay", "--weight-decay", "of AdamW", metavar="X"),
    argument("--full", action="store_true", help="train all weights, in place of a LoRA adapter"),
    _number("rank", "--rank", "of LoRA"),
    _number("alpha", "--alpha", "of LoRA"),
    _number("dropout", "--dropout", "of LoRA", metavar="X"),
    _number("targets", "--targets", "layers that LoRA changes, such as q_proj,v_proj", metavar="NAMES"),
    _number("dtype", "--dtype", "what is computed in", choices=("auto", *FORMATS), metavar=None),
    _number("save_dtype", "--save-dtype", "what checkpoints are stored in", choices=FORMATS, metavar=None),
)  # fmt: skip


@command(
    COMMANDS,
    *RUNS,
    argument("--seeds", type=int, default=1, metavar="N", help="runs of each objective (default: 1)"),
    argument("--watch", metavar="STUDY", default="",
             help="look at the topology while it trains, into this study of the archive"),
    argument("--watch-at", metavar="STEPS", default="log 20",
             help='steps to look at, as for --schedule (default: "log 20")'),
    argument("--watch-layers", metavar="LAYERS", default="", help="layers to look at: 6,12,18 (default: five)"),
    argument("--watch-probes", metavar="FILE", default="default", help="probe set (default: the one that ships)"),
    argument("--max-overhead", type=float, metavar="SHARE", help="largest share of the time that looks may take: 0.05"),
    argument("--dry-run", action="store_true", help="say what it will take, measured in a few steps, and stop"),
    DEVICE,
    JOB,
    example="models/base runs --objective helpful=helpful.jsonl --objective harmless=harmless.jsonl "
    "--mix mixed=helpful:0.5,harmless:0.5 --seeds 3",
    needs="train models",
)  # fmt: skip
def finetune(options: argparse.Namespace) -> int:
    """Fine-tune a model towards several objectives, with many early checkpoints."""
    asked, watching = _asked(options), []
    if options.watch:
        asked["callbacks"] = _watching(options, watching)

    def work(report: Callable, cancelled: Callable[[], bool]) -> str:
        from phcore.training import finetune as module

        if options.dry_run:
            asked.pop("callbacks", None)
            return _table(module.forecast(**asked))
        folders = module.finetune(**asked, on_event=_reporting(report), cancelled=cancelled)
        told = f"Finished: {count(len(folders), 'run')} in {options.out}."
        looks = sum(len(one.looks.seen) for one in watching if one.looks)
        if options.watch and looks:
            told += f" Looked at in the study {options.watch}: {called()} compute {options.watch}."
        elif options.watch:
            told += " No looks were taken: "
            told += "they failed, as said above." if watching else "all runs were finished before."
        elif options.job is None:
            told += f" Next: {called()} {shlex.join(['new', options.out, '--model', options.base, '-o', 'mine.toml'])}"
        return told

    return _trains(options, work)


@command(
    COMMANDS,
    *RUNS,
    argument("--rates", metavar="X,X", required=True, help="learning rates: 1e-4,3e-4,1e-3"),
    argument("--seeds", type=int, default=4, metavar="N", help="runs of each objective and rate (default: 4)"),
    argument("--layers", metavar="LAYERS", default="", help="layers to look at: 6,12,18 (default: five)"),
    argument("--subsamples", type=int, default=16, metavar="N", help="of the prompts, for each cloud (default: 16)"),
    argument("--probes", metavar="FILE", default="default", help="probe set (default: the one that ships)"),
    argument("--name", help="name of the study (default: that of the folder)"),
    argument("--dry-run", action="store_true", help="say what training will take, measured in a few steps, and stop"),
    *WORKERS,
    PAIRS,
    DEVICE,
    JOB,
    example="models/base sweep --objective helpful=helpful.jsonl --objective harmless=harmless.jsonl "
    "--rates 1e-4,3e-4,1e-3 --seeds 4",
    needs="train models",
)
def sweep(options: argparse.Namespace) -> int:
    """Train objectives x learning rates x seeds, compute them, and say whether early movement told the end."""
    asked = _asked(options) | {"rates": _numbers(options.rates, "--rates", "1e-4,3e-4,1e-3", float)}
    if not asked["rates"]:
        raise Fault("--rates names no learning rate", "Say them such as 1e-4,3e-4,1e-3")
    schedule_of(asked["recipe"], asked["rates"])  # before a study file is written of what cannot be trained
    if not options.dry_run:
        options.study = _sweep_file(options, asked)

    def work(report: Callable, cancelled: Callable[[], bool]) -> str:
        from phcore.figures.early_final import conclusions
        from phcore.training import finetune as module

        if options.dry_run:
            return _table(module.forecast(**asked))
        module.finetune(**asked, on_event=_reporting(report), cancelled=cancelled)
        told = compute_missing(options, report, cancelled)
        return "\n".join([told, *conclusions(opened(options))])

    return _trains(options, work)


def _sweep_file(options: argparse.Namespace, asked: dict) -> str:
    """Write the study of all runs, before any of them is trained: its name may be taken."""
    from phcore.checkpoints import describe_model
    from phcore.study import Series, Study, probes
    from phcore.study.kept import previous
    from phcore.study.resolve import check_layers
    from phcore.training.runs import runs

    probes.load(options.probes)  # what is wrong with it shows now, not after an hour
    out = real_path(at_home(options.out))
    planned = runs(out, [*asked["objectives"]], asked["mixes"], asked["seeds"], asked["only"], asked["rates"])
    study = Study(
        name=options.name or out.name,
        model=real_path(at_home(options.base)),
        probes=options.probes if options.probes == "default" else str(real_path(options.probes)),
        series=tuple(Series(run.name, run.folder, run.setting, run.seed) for run in planned),
        layers=tuple(_numbers(options.layers, "--layers", "6,12,18", int)),
        subsamples=options.subsamples,
    )
    model = describe_model(study.model)
    if model.status == "ready":  # else the training says what is wrong with it
        check_layers(study, model)
    target, before = Path(f"{study.name}.toml"), previous(options.store, study.name)
    if target.exists() and target.read_bytes() != study.to_toml().encode():
        raise Fault("this file says something else", "Name the study otherwise (--name)", target)
    if before and not {one.path for one in before.study.series} & {one.path for one in study.series}:
        raise Fault(f"another study is called {study.name}", "Name the study otherwise (--name)")
    return str(study.write(target))


def _asked(options: argparse.Namespace) -> dict[str, object]:
    """What the module that trains is asked for."""
    asked = {
        "base": options.base,
        "out": options.out,
        "objectives": dict(_pair(one, "--objective", "helpful=helpful.jsonl") for one in options.objective),
        "mixes": dict(_mix(one) for one in options.mix),
        "seeds": options.seeds,
        "recipe": Recipe(**{one.name: getattr(options, one.name) for one in fields(Recipe)}),
        "only": [one.strip() for one in options.only.split(",") if one.strip()],
        "on_note": lambda sentence: say(f"note: {sentence}", file=sys.stderr),
    }
    if len(asked["objectives"]) < len(options.objective) or len(asked["mixes"]) < len(options.mix):
        raise Fault("an objective is named twice", "Give each a name of its own")
    return asked


def _numbers(text: str, flag: str, such: str, kind: type) -> list:
    try:
        return [kind(one) for one in text.split(",") if one.strip()]
    except ValueError:
        raise Fault(f"{flag} {text} are no numbers", f"Say them such as {such}") from None


def _trains(options: argparse.Namespace, work: Callable) -> int:
    """Carry out what can be stopped and gone on with."""
    try:
        return carry_out(options, options.store, work)
    except KeyboardInterrupt:
        say("\nStopped. The same command goes on at the last checkpoint of each run.", file=sys.stderr)
        return 130


def _watching(options: argparse.Namespace, made: list) -> Callable:
    """What looks at each run while it is trained, and is added to `made` then.

    Raises
    ------
    Fault : where it could look at none.
    """
    from phcore.checkpoints import describe_model
    from phcore.study import Study, probes
    from phcore.study.resolve import check_layers
    from phcore.training import TopologyCallback

    layers = tuple(_numbers(options.watch_layers, "--watch-layers", "6,12,18", int))
    given = {"study": options.watch, "schedule": options.watch_at, "layers": layers, "cache": options.store.root,
             "probes": options.watch_probes, "max_overhead": options.max_overhead, "model": options.base}  # fmt: skip

    probes.load(options.watch_probes)
    study = Study(options.watch, real_path(at_home(options.base)), layers=layers)
    model = describe_model(study.model)
    if model.status == "ready":  # else the training says what is wrong with it
        check_layers(study, model)
    TopologyCallback(**given)

    def callbacks(run) -> list:
        made.append(TopologyCallback(run.objective, seed=run.seed, series=run.name, **given))
        return made[-1:]

    return callbacks


def _reporting(report: Callable) -> Callable[[dict], None]:
    """A listener to training that passes each step on as the progress of a run."""
    from phcore.pipeline.run import Progress

    def on_event(event: dict) -> None:
        done, total = event["done"], event["total"]
        label = event["message"] if done < total else "Finished"
        report(Progress(event["stage"], done, total, label, done / total, event["seconds_left"]))

    return on_event


def _pair(text: str, flag: str, such: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not (name and sign and value):
        raise Fault(f"{flag} {text} is no name with a value", f"Say it such as {flag} {such}")
    return name, value


def _mix(text: str) -> tuple[str, dict[str, float]]:
    such = "mixed=helpful:0.5,harmless:0.5"
    name, value = _pair(text, "--mix", such)
    shares = {}
    for part in value.split(","):
        one, _, share = part.rpartition(":")
        try:
            shares[one.strip()] = float(share)
        except ValueError:
            raise Fault(f"--mix {text}: {part} is no objective with a share", f"Say it such as --mix {such}") from None
    return name, shares


def _table(forecasts: list) -> str:
    """What the runs will take, a line each, and all together."""
    lines = [f"{'run':<24}{'conversations':>14}{'tokens':>12}{'steps':>7}{'checkpoints':>13}{'MB':>10}{'minutes':>9}"]
    for one in forecasts:
        lines.append(
            f"{one.run:<24}{one.conversations:>14,}{one.tokens:>12,}{one.steps:>7}{one.checkpoints:>13}"
            f"{three(one.size / 1e6):>10}{three(one.seconds / 60):>9}"
        )
    size, seconds = sum(one.size for one in forecasts), sum(one.seconds for one in forecasts)
    lines.append(
        f"{count(len(forecasts), 'run')}, {three(size / 1e6)} MB, {three(seconds / 60)} minutes one after the other"
        " on this device. Nothing was written."
    )
    return "\n".join(lines)
