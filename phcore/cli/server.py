"""The app as a server, for oneself or for others: the command and the environment it is started with.

Nothing is enforced here. The environment says what the server may do, and `permissions` holds it to that.
"""

import ipaddress
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from phcore.archive import installed, permissions
from phcore.archive.addresses import address_of
from phcore.archive.permissions import FRAMES, TOKEN
from phcore.archive.store import default_root
from phcore.archive.writing import read_plain, write_atomically
from phcore.checkpoints import roots
from phcore.errors import Fault
from phcore.formatting import mirror, real_path

# Every page is drawn in a thread of its own. By default each of them gets an arena of malloc, and a heap in Arrow's own
# allocator, that keep what they once held: 60 MB of 460 with twenty readers (docs/reliability.md).
MEMORY = {"MALLOC_ARENA_MAX": "2", "ARROW_DEFAULT_MEMORY_POOL": "system"}


@dataclass(frozen=True)
class Room:
    """What is served, where, and to whom.

    Attributes
    ----------
    studies : names; empty is all.
    private : kinds of `permissions.KINDS` that are hidden in every study.
    address : the address that is listened on.
    hosts : names in the address bar of visitors, beside localhost.
    open : whether an address that other machines reach is meant.
    sign_in : whether visitors sign in with an account; `allow` says which ones may (see `permissions.admits`).
    browser : whether the browser of whoever started it opens, where there is a screen.
    token : what browsers have to know; see `token_of`. Empty: nothing.
    frames : origins whose pages may frame this one, such as https://notes.example.org.
    """

    read_only: bool = False
    studies: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    address: str = "127.0.0.1"
    port: int = 8501
    hosts: tuple[str, ...] = ()
    open: bool = False
    sign_in: bool = False
    allow: tuple[str, ...] = ()
    browser: bool = False
    token: str = ""
    frames: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        return f"http://{f'[{self.address}]' if ':' in self.address else self.address}:{self.port}"

    @property
    def door(self) -> str:
        """The address that lets a browser in."""
        return f"{self.url}/?token={self.token}" if self.token else self.url


def token_of(root: Path) -> str:
    """What browsers have to know to reach an archive's app on this machine; made once, for its owner's eyes.

    On a shared machine every user reaches every port of it.
    """
    file = root / "token"
    try:
        if re.fullmatch(r"[0-9a-f]{48}", kept := read_plain(file).decode()):
            return kept
    except (OSError, ValueError):
        pass  # there is none yet, or none that could be used
    made = secrets.token_hex(24)
    write_atomically(file, made.encode(), private=True)
    return made


def check(room: Room, known: Sequence[str]) -> None:
    """Refuse what would show more than was meant.

    Parameters
    ----------
    known : studies in the archive.

    Raises
    ------
    Fault : with the mend.
    """
    for name in room.studies:
        if name not in known:
            raise Fault(f"no study is called {name!r}", f"Give one of: {', '.join(known) or 'there is none yet'}")
    if (room.studies or room.private) and not room.read_only:
        raise Fault("a server that computes shows every study and every prompt", "Add --read-only")
    if not is_loopback(room.address):
        if not room.read_only:
            raise Fault(
                f"at {room.address} other machines could start computations and look into folders",
                "Add --read-only, or leave out --address and use an SSH tunnel",
            )
        if not room.open:
            raise Fault(
                f"at {room.address} others reach the server unencrypted, and without --sign-in read all that is served",
                "Leave it on loopback behind a proxy (docs/serve.md), or add --open if that is meant",
            )
    if room.sign_in and not room.allow:
        raise Fault("nobody is allowed to sign in", "Add --allow with addresses, @domains, or *")
    if room.allow and not room.sign_in:
        raise Fault("--allow says nothing without --sign-in", "Add --sign-in")


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return address == "localhost" or ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False  # a name that may resolve to anything


def command(room: Room) -> list[str]:
    """What starts the server. Options stand on the command line, where no other setting overrides them."""
    # Who names the server otherwise gets no WebSocket, and so no page: without the list, any site could be made to
    # lead here (DNS rebinding) and read along.
    hosts = list(dict.fromkeys(["localhost", "127.0.0.1", *_named(room.address), *room.hosts]))
    options = {
        "server.address": room.address,
        "server.port": str(room.port),
        "server.enableCORS": "true",
        "server.enableXsrfProtection": "true",
        "server.enableStaticServing": "false",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "logger.hideWelcomeMessage": "true",  # whose address lacks the token
    }
    options["server.headless"] = "true"  # `run` opens the browser, with the token
    if room.read_only:
        options |= {"server.maxUploadSize": "0", "client.toolbarMode": "viewer", "client.showErrorDetails": "none"}
    pairs = [part for name, value in options.items() for part in (f"--{name}", value)]
    pairs += [part for host in hosts for part in ("--server.allowedHosts", host)]
    return [sys.executable, "-m", "streamlit", "run", str(installed.APP / "app.py"), *pairs]


def _named(address: str) -> list[str]:
    """A machine may be named by the address it listens on; one that listens on all of them has no name by that."""
    return [] if address in ("0.0.0.0", "::") else [address]


def environment(room: Room, given: Mapping[str, str]) -> dict[str, str]:
    """The environment of the server: what it is started in, with fewer rights and never with more."""
    plain = {**MEMORY, **given}
    # The server runs in the app's folder; what is said relative to this one shall mean the same there.
    plain["PHCORE_CACHE"] = str(real_path(default_root(bring=False)))
    plain["PHCORE_MIRROR"] = str(mirror())
    if not room.read_only:
        plain[roots.ROOTS] = os.pathsep.join(address_of(one) or str(one) for one in roots.allowed_roots(given))
    if room.read_only:
        plain[permissions.READ_ONLY] = "1"
        plain[permissions.PRIVATE] = ",".join([*room.private, *filter(None, [given.get(permissions.PRIVATE)])])
    if room.studies:
        plain[permissions.STUDIES] = ",".join(room.studies)  # `check` found them among those that may be read here
    plain[TOKEN], plain[FRAMES] = room.token, ",".join(room.frames)
    if room.sign_in:
        plain |= {permissions.SIGN_IN: "1", permissions.ALLOW: ",".join(room.allow)}
    return plain


def run(room: Room) -> None:
    """Become the server: signals and the exit code are its own. Does not return."""
    line, settings = command(room), environment(room, os.environ)
    sys.stdout.flush()
    os.chdir(installed.APP)  # where .streamlit/ lies
    if room.browser and _screen(os.environ):
        # In a process of its own, because this one becomes the server.
        subprocess.Popen(
            [sys.executable, "-m", "phcore.cli.browser", room.url], env=settings, stderr=subprocess.DEVNULL
        )
    os.execve(line[0], line, settings)


def _screen(given: Mapping[str, str]) -> bool:
    return sys.platform in ("darwin", "win32") or bool(given.get("DISPLAY") or given.get("WAYLAND_DISPLAY"))
