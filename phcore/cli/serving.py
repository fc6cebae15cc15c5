"""Commands that start the app: for oneself, and for others."""

import argparse
import os
import sys

from phcore.archive import permissions
from phcore.cli import server
from phcore.cli.command import Command, argument, command, say
from phcore.errors import Fault

COMMANDS: list[Command] = []
PORT = argument("--port", type=int, default=8501, help="default: 8501")


OPEN_TO_USERS = argument(
    "--no-token", action="store_true", help="let every user of this machine read it, not only who knows the address"
)


@command(COMMANDS, PORT, OPEN_TO_USERS, example="--port 8600")
def app(options: argparse.Namespace) -> None:
    """Open the app on this machine, which alone reaches it."""
    room = server.Room(
        read_only=options.store.permissions.read_only,
        port=options.port,
        sign_in=permissions.sign_in_asked(os.environ),
        allow=permissions.allowed(os.environ),
        browser=True,
        token=_token(options),
    )
    server.check(room, ())
    say(room.door)
    server.run(room)


@command(
    COMMANDS,
    argument("--read-only", action="store_true", help="compute nothing, write nothing, list no folder"),
    argument(
        "--study", action="append", default=[], metavar="NAME", help="serve this study only; may be repeated"
    ),
    argument(
        "--private", action="append", default=[], choices=permissions.KINDS,
        help="hide this in every study, whatever its study file says",
    ),
    argument("--address", default="127.0.0.1", help="address to listen on (default: this machine only)"),
    PORT,
    argument(
        "--host", action="append", default=[], metavar="NAME", help="host name visitors use, such as topo.example.org"
    ),
    argument(
        "--open", action="store_true",
        help="with --address: others may reach the server, unencrypted, and without --sign-in read what is served",
    ),
    argument("--sign-in", action="store_true", help="ask visitors for an account (docs/serve.md)"),
    argument(
        "--allow", action="append", default=[], metavar="WHO", help="address, @domain, or * for every account"
    ),
    argument(
        "--frame", action="append", default=[], metavar="ORIGIN",
        help="a site whose pages may show this one in a frame, such as https://notes.example.org",
    ),
    OPEN_TO_USERS,
    example="--read-only --study smollm2-135m-instruct",
)  # fmt: skip
def serve(options: argparse.Namespace) -> None:
    """Serve the app, for others read-only."""
    from phcore.export.results import Results
    from phcore.study.kept import names

    room = server.Room(
        read_only=options.read_only or options.store.permissions.read_only,
        studies=tuple(options.study),
        private=tuple(options.private),
        address=options.address,
        port=options.port,
        hosts=tuple(options.host),
        open=options.open,
        sign_in=options.sign_in or permissions.sign_in_asked(os.environ),
        allow=tuple(options.allow) or permissions.allowed(os.environ),
        token="" if options.read_only or options.store.permissions.read_only else _token(options),
        frames=tuple(options.frame),
    )
    known = names(options.store)
    server.check(room, known)
    if not options.store.permissions.read_only:
        for name in room.studies or known:  # what an earlier version computed is taken over while that is allowed
            try:
                Results.open(name, options.store)
            except Fault as fault:  # one that cannot be read hides no other
                say(f"note: {fault}", file=sys.stderr)
    served = ", ".join(room.studies or known) or "no study yet"
    say(f"{room.door}  {'read-only' if room.read_only else 'with everything this machine can do'}: {served}")
    server.run(room)


def _token(options: argparse.Namespace) -> str:
    """Of a server that can do all its owner can: on a shared machine others reach its port."""
    if options.no_token or options.store.permissions.read_only:
        return ""
    return os.environ.get(permissions.TOKEN) or server.token_of(options.store.root)
