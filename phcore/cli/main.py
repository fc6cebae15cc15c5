"""`toposcope ...` or `python -m phcore ...`: all the app can do, without the app.

Exit codes: 0 done; 1 it could not be done, and the message says why and how to mend it; 2 wrong usage;
130 stopped by the user.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NoReturn

from phcore.archive import permissions
from phcore.checkpoints import mirror, roots
from phcore.cli import computing, looking, serving, sharing, training
from phcore.cli.command import brings, called, say
from phcore.errors import Fault
from phcore.formatting import visible

if TYPE_CHECKING:
    from phcore.archive.store import Store

COMMANDS = [
    *looking.COMMANDS,
    *computing.COMMANDS,
    *training.COMMANDS,
    *sharing.COMMANDS,
    *serving.COMMANDS,
]  # in the order of the help


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code; `arguments` are those of the process by default."""
    options = parser().parse_args(arguments)
    from phcore.archive.store import Store  # after --help

    allowed = permissions.Permissions.read(os.environ)
    try:
        options.roots = [] if allowed.read_only else roots.allowed_roots(os.environ)
        options.store = Store(permissions=allowed)
        if what := options.needs or (getattr(options, "output", None) and "write files"):
            options.store.refuse_writing(what)
        with mirror.watched(brings), _sent(options.store, options.needs):
            return options.run(options) or 0
    except Fault as fault:
        say(f"error: {fault}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("stopped; what was finished is kept", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `| head` closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # no second complaint at exit
        return 0
    except OSError as error:  # a disk, a network or a permission, wherever it was met
        place = f"{error.filename}: " if error.filename else ""
        say(f"error: {place}{error.strerror or error}. Check the disk and its permissions.", file=sys.stderr)
        return 1
    except MemoryError:
        say("error: the memory does not suffice. Close other programs, or use fewer workers.", file=sys.stderr)
        return 1


@contextmanager
def _sent(store: Store, writes: str) -> Iterator[None]:
    """What is written inside is in the archive's bucket afterwards, if it lies in one, but for what was stopped."""
    try:
        yield
    except Exception:
        if writes:
            with suppress(Fault):  # the first error is the one to say
                store.send()
        raise
    if writes:
        store.send(lambda words: say(words, file=sys.stderr))
    if store.far and store.far.trouble:
        say(f"note: {store.far.trouble}", file=sys.stderr)
    if store.far and store.far.left_out:
        say(f"note: {store.far.left_out}.", file=sys.stderr)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with nothing in it that a terminal would obey: a pasted command may hold anything."""

    def error(self, message: str) -> NoReturn:
        super().error(visible(message))


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    whole = _Parser(
        prog=called(),
        description="How the shape of a language model's representations changes during fine-tuning.",
        epilog="The archive is $PHCORE_CACHE, a folder or an address (s3://bucket/archive); else the folder cache/ of "
        "a checkout, else ~/.local/share/toposcope.",
    )
    parts = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for one in COMMANDS:
        example = f"example: {called()} {one.name} {one.example}".rstrip()
        part = parts.add_parser(
            one.name,
            help=(one.words[0].lower() + one.words[1:]).removesuffix("."),
            description=one.words,
            epilog=example,
            formatter_class=argparse.RawDescriptionHelpFormatter,  # an example that is wrapped cannot be copied
        )
        for names, how in one.arguments:
            part.add_argument(*names, **how)
        part.set_defaults(run=one.run, needs=one.needs)
    return whole
