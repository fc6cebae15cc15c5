"""Commands that write what can be sent: reports, figures, hidden states, whole studies."""

import argparse
import sys
from pathlib import Path

from phcore.archive.permissions import KINDS
from phcore.cli.command import STUDY, Command, argument, command, computed, opened, save, say
from phcore.errors import Fault
from phcore.formatting import count

COMMANDS: list[Command] = []
SHIPS = "smollm2-135m-instruct"  # in the examples: the study that is there from the start


@command(
    COMMANDS,
    STUDY,
    argument("-o", "--output", metavar="FILE.html", required=True, help="file to write"),
    argument("--title", default="", help="default: the name of the study"),
    argument("--authors", default="", help="a line below the title"),
    argument("--charts", metavar="A,B,C", help="which charts, in this order (default: all)"),
    argument(
        "--note", metavar="CHART=TEXT", action="append", default=[], help="words of your own below a chart; repeatable"
    ),
    argument("--layer", type=int, help="of the charts that show one layer (default: the middle one)"),
    argument("--without-prompts", action="store_true", help="leave the texts of the prompts out"),
    example=f"{SHIPS} -o report.html",
)
def report(options: argparse.Namespace) -> None:
    """Write a study as one HTML file that opens without a network."""
    from datetime import date

    from phcore.archive.writing import write_atomically
    from phcore.export.report import Options, render
    from phcore.figures.registry import PRINTED

    chosen = Options(
        title=options.title,
        authors=options.authors,
        date=date.today().isoformat(),
        charts=tuple(PRINTED) if options.charts is None else tuple(filter(None, options.charts.split(","))),
        notes=dict(note.partition("=")[::2] for note in options.note),
        prompts=not options.without_prompts,
        layer=options.layer,
    )
    page = render(computed(options), chosen).encode()
    target = Path(options.output)
    write_atomically(target, page)
    say(f"{target}: {len(page) / 1e6:.1f} MB")


@command(
    COMMANDS,
    STUDY,
    argument("-o", "--output", metavar="FILE.zip", required=True, help="file to write"),
    argument("--layer", type=int, help="of the figures that show one (default: the middle one)"),
    argument("--width", type=float, default=174, metavar="MM", help="of a figure (default: 174, two columns)"),
    argument("--points", type=float, default=8, metavar="PT", help="size of the letters (default: 8)"),
    example=f"{SHIPS} -o figures.zip --width 85 --points 7",
)
def figures(options: argparse.Namespace) -> None:
    """Write all figures and tables of a study into one zip."""
    from phcore.export import images
    from phcore.export.bundle import Print, write

    target = Path(options.output)
    if target.suffix.lower().removeprefix(".") in images.KINDS:
        raise Fault("all figures go into one zip", f"Call it {target.with_suffix('.zip').name}", target)
    how = Print(options.layer, options.width, options.points)
    size = write(computed(options), target, how)
    say(f"{options.output}: {size / 1e6:.1f} MB")


@command(
    COMMANDS,
    STUDY,
    argument("--series", required=True, help="series; its step 0 is the base model"),
    argument("--step", type=int, required=True, help="step of the checkpoint"),
    argument("--layer", type=int, action="append", help="of this layer only; repeatable (default: all of the study)"),
    argument("-o", "--output", metavar="FILE.npy", required=True, help="(layers, prompts, hidden) float32"),
    example=f"{SHIPS} --series helpful --step 128 --layer 18 -o clouds.npy",
)
def clouds(options: argparse.Namespace) -> None:
    """Write the hidden states of one checkpoint as a NumPy file."""
    import numpy as np

    array = opened(options).clouds(options.series, options.step, options.layer)
    target = Path(options.output)
    save(target, lambda file: np.save(file, array))
    say(f"{target}: {array.shape} float32")


@command(
    COMMANDS,
    STUDY,
    argument("-o", "--output", metavar="FILE.zip", required=True, help="file to write"),
    argument("--without-prompts", action="store_true", help="leave the texts of prompts and references behind"),
    argument("--with-clouds", action="store_true", help="take the hidden states and next tokens along"),
    example=f"{SHIPS} -o study.zip",
    needs="pack a study",
)
def pack(options: argparse.Namespace) -> None:
    """Write a study with all its results into one file that travels."""
    from phcore.export.pack import pack

    study = opened(options)
    done = pack(study, options.output, prompts=not options.without_prompts, clouds=options.with_clouds)
    say(f"{done.path}: {study.study.name}, {_state(study)}, {done.files} files, {_megabytes(done.bytes)}")
    for stage, size in sorted(done.sizes.items(), key=lambda one: -one[1]):
        say(f"  {stage:<14}{_megabytes(size):>10}")
    if done.left:
        left = ", ".join(f"{stage} {_megabytes(size)}" for stage, size in done.left.items())
        say(f"left behind: {left}; --with-clouds takes them along")
    if options.without_prompts and options.with_clouds:
        say("note: prompts can be guessed from hidden states and next tokens", file=sys.stderr)


@command(
    COMMANDS,
    argument("file", metavar="FILE.zip", help="what `pack` wrote"),
    argument("--name", help="name of the study in this archive (default: its own)"),
    name="open",
    example="study.zip --name theirs",
    needs="open a packed study",
)
def open_pack(options: argparse.Namespace) -> None:
    """Verify a packed study and put it into the archive."""
    from phcore.export.pack import unpack
    from phcore.export.results import Results

    done = unpack(options.file, options.store, options.name)
    study = Results.open(done.name, options.store)
    there = f", {done.present} were there already" if done.present else ""
    say(f"Opened {done.name}, {_state(study)}: {done.new} files were added{there}.")
    if study.record.prompts_withheld:
        say("It came without the texts of its prompts.")
    for names, words in (
        (done.kept, "in the pack differ from those of this archive, whose own were kept"),
        (done.unread, "in the pack are not known to this version, and were left out"),
    ):
        if names:
            told = f"{count(len(names), 'file')} {words}: {', '.join(names[:3])}{', ...' * (len(names) > 3)}"
            say(told, file=sys.stderr)


def _state(study) -> str:
    if study.finished:
        return "finished"
    return "complete but for some of its evidence" if study.complete else "unfinished"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size / 1e3:,.1f} kB"


@command(
    COMMANDS,
    argument("study", metavar="STUDY", help="the name of a study in the archive"),
    argument("kinds", metavar="KIND", nargs="*", choices=[*KINDS, []], help=f"{' or '.join(KINDS)}; none: nothing"),
    example=f"{SHIPS} prompts",
    needs="change what is private",
)
def private(options: argparse.Namespace) -> None:
    """Say what strangers do not see of a study; without a kind, that nothing is private any more."""
    from phcore.study.kept import hide

    results = opened(options)
    hide(results.record, options.kinds, results.store)
    said = f"private: {', '.join(options.kinds)}" if options.kinds else "nothing is private"
    say(f"{results.study.name}: {said}. A server that is running has to be started again.")
