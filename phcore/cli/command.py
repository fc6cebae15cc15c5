"""What a command of the shell is: a function with its arguments and an example beside it.

Each module of this package that has commands keeps them in a list of its own; `main` puts the lists together.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from phcore.archive.writing import part_of
from phcore.errors import Fault
from phcore.formatting import named, visible

if TYPE_CHECKING:
    from phcore.export.results import Results

SCRIPT = "toposcope"  # the console command of an installed version
Run = Callable[[argparse.Namespace], int | None]
Argument = tuple[tuple[str, ...], dict[str, object]]  # what `ArgumentParser.add_argument` is given


@dataclass(frozen=True)
class Command:
    """A command.

    Attributes
    ----------
    words : what it does, one sentence.
    example : arguments of a call that works as it stands, but for the names of files.
    run : given the options, with the archive as `store` and the folders that may be looked at as `roots`; its exit
        code, None for 0.
    needs : what it does that is refused where nothing may be written (see `Store.refuse_writing`).
    """

    name: str
    words: str
    arguments: tuple[Argument, ...]
    example: str
    run: Run
    needs: str = ""


def argument(*names: str, **how: object) -> Argument:
    """An argument of a command, said as to `ArgumentParser.add_argument`."""
    return names, how


def command(
    into: list[Command], *arguments: Argument, example: str, needs: str = "", name: str = ""
) -> Callable[[Run], Run]:
    """Register the function below, whose docstring says what it does, as a command of a module's list."""

    def register(run: Run) -> Run:
        into.append(Command(name or run.__name__, run.__doc__, arguments, example, run, needs))
        return run

    return register


# --- what commands share ----------------------------------------------------------------------------

STUDY = argument("study", metavar="STUDY", help="a study file (.toml) or the name of a study in the archive")
JSON = argument("--json", action="store_true", help="machine-readable output")


def called() -> str:
    """What the user typed to get here, for examples and next steps that can be copied."""
    return SCRIPT if Path(sys.argv[0]).stem == SCRIPT else "python -m phcore"


def opened(options: argparse.Namespace) -> Results:
    """The study that a command is about, with its results."""
    from phcore.export.results import Results

    results = Results.open(options.study, options.store, options.roots)
    for note in results.notes:
        say(f"note: {note}", file=sys.stderr)
    return results


def computed(options: argparse.Namespace) -> Results:
    """The same, where it has results.

    Raises
    ------
    Fault : where there is no such study, or nothing of it has been computed.
    """
    results = opened(options)
    if results.table("cells").empty:
        raise Fault(
            f"nothing of {results.study.name} has been computed yet", f"Run: {called()} compute {options.study}"
        )
    return results


def say(words: object, file: IO[str] | None = None) -> None:
    """Print, with nothing in it that a terminal would obey: names and findings come from the files of others."""
    print(visible(named(str(words)), lines=True), file=file)


def brings(words: str, share: float) -> None:
    """Say how far checkpoints are that are brought from a bucket: on a terminal all along, else what and from where."""
    if sys.stderr.isatty():
        end = "\n" if share >= 1 else ""
        print(f"\r\033[K{share:4.0%}  {visible(words)[:110]}", end=end, file=sys.stderr, flush=True)
    elif not share:
        say(words, file=sys.stderr)


def save(target: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Let `write` fill a file beside `target`, and give it that name once it is whole.

    Raises
    ------
    Fault : where the folder is missing or may not be written to.
    """
    try:
        part = part_of(target)
        try:
            with open(part, "wb") as file:
                write(file)
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise Fault(f"it cannot be written ({error.strerror})", "Check the folder and the name", target) from None
