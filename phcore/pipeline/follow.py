"""Follow a training: look at a study's folders again and again, and compute each checkpoint once it is whole."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from phcore.archive.store import Store
from phcore.errors import Fault
from phcore.formatting import count
from phcore.pipeline.plan import plan
from phcore.pipeline.reading import Cancelled
from phcore.study.record import LIVE, Node, Record

SETTLED = 5.0  # seconds in which no file of a checkpoint changed, before it is taken to be whole
WRITING = "It was written to a moment ago: it is taken once nothing has changed in it for a while."
Noticed = dict[str, tuple[float, float]]  # folder -> when it last changed, and since when that was seen
PAUSE = 0.5  # seconds between looks at whether somebody wants to stop


def follow(
    look: Callable[[], Record],
    compute: Callable[[Record], Record],
    store: Store,
    tell: Callable[[str], None],
    cancelled: Callable[[], bool],
    every: float = 10.0,
    idle: float | None = None,
) -> Record | None:
    """Look, compute what is new, say so, wait, and look again.

    What cannot be looked at now, because a folder is not there yet or not mounted, is looked at again.

    Parameters
    ----------
    look : the study as its folders are now.
    compute : compute what a record lacks; returns it as it turned out.
    tell : called with a sentence after each look.
    cancelled : True ends it.
    every : seconds between the end of one look and the next.
    idle : seconds without a new checkpoint after which it ends by itself; None: never.

    Returns
    -------
    The study as it was last; None where it never could be looked at.

    Raises
    ------
    Cancelled : where `cancelled` returned True.
    """
    record, seen, last = None, frozenset(), time.monotonic()
    noticed: Noticed = {}
    while True:
        try:
            now = settled(look(), noticed)
            found = frozenset((node.label, node.step, node.fingerprint) for node in now.ready)
            if found != seen or not plan(now, store).empty:
                record = compute(now)
                seen, last = found, time.monotonic() if found != seen else last
            record = record or now
            tell(words(now))
        except Fault as fault:
            tell(f"Following: {fault.fault} ({_clock()}). It is looked at again.")
        if idle is not None and time.monotonic() - last > idle:
            return record
        ends = time.monotonic() + every
        while time.monotonic() < ends:
            if cancelled():
                raise Cancelled
            time.sleep(min(PAUSE, every))


def settled(record: Record, noticed: Noticed) -> Record:
    """The record without the checkpoints that are being written: those with a file that changed a moment ago.

    Parameters
    ----------
    noticed : what the looks before found; this one is added.
    """
    nodes = (_settled(node, noticed) for node in record.nodes[1:])
    return replace(record, nodes=(record.base, *nodes))


def _settled(node: Node, noticed: Noticed) -> Node:
    if not node.ready or node.kind == LIVE:
        return node
    at, now = _changed(Path(node.path)), time.monotonic()
    known, since = noticed.get(node.path, (None, now))
    noticed[node.path] = at, (since if at == known else now)
    # Clocks differ between machines: a time that is to come says nothing, and that it stays the same says enough.
    if time.time() - at > SETTLED or now - noticed[node.path][1] > SETTLED:
        return node
    return replace(node, status="incomplete", finding=WRITING)


def _changed(folder: Path) -> float:
    """When something in a folder last changed, in seconds since 1970."""
    try:
        return max(one.stat().st_mtime for one in (folder, *folder.iterdir()))
    except OSError:
        return time.time()  # gone or being renamed


def words(record: Record) -> str:
    """What there is, for a page or a terminal."""
    own = [node for node in record.ready if node is not record.base]
    waiting = sum(node.finding == WRITING for node in record.nodes)
    said = f"Following: {count(len(own), 'checkpoint')}"
    if own:
        newest = max(own, key=lambda node: node.step)
        said += f", up to step {newest.step:,} ({newest.label})"
    if waiting:
        said += f"; {count(waiting, 'more')} being written" if waiting > 1 else "; one more being written"
    return f"{said}. Last looked at {_clock()}."


def _clock() -> str:
    return f"{datetime.now():%H:%M:%S}"
