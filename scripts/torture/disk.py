"""Disks that are full, and archives that may not be written to or read."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.torture.how import How
from scripts.torture.scene import COMPUTE, Place, Scene, check
from scripts.torture.tally import Tally, Trouble

SHARES = (0.1, 0.5, 0.9)  # of the room that the finished archive needs
PAGE = 4096  # bytes that a file takes at least
# A disk of its own in memory, that nobody else sees: too small, then with room.
SMALL_DISK = """
mkdir -p cache && mount -t tmpfs -o size=$1 none cache || exit 99
shift
"$@"; echo $? > full.code
mount -o remount,size=1g cache
"$@"; echo $? > room.code
umask 022; mkdir found && cp -r cache/. found/
"""
# Permissions that root, too, has to respect.
MORTAL = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search,-fowner")


def disk(scene: Scene, tally: Tally, how: How) -> None:
    """The disk is full when a tenth, half and nine tenths of the archive are written, and then there is room again; the
    archive is read-only; nobody may enter its folder."""
    own = ("unshare", "--user", "--map-root-user", "--mount")
    if subprocess.run([*own, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False).returncode:
        tally.note("full disks are skipped: this kernel lets nobody mount a disk of his own")
    else:
        for share in SHARES[1:2] if how.quick else SHARES:
            with tally.trial(f"a disk for {share:.0%} of it") as trouble:
                place = scene.place()
                _full(scene, place, own, share, trouble)
                place.remove()
    for kind in ("read-only", "finished, read-only", "closed"):
        with tally.trial(kind) as trouble:
            place = scene.place(finished=kind.startswith("finished"))
            _forbidden(scene, place, kind, trouble)
            place.remove()


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "phcore", *(arguments or COMPUTE)]


def _full(scene: Scene, place: Place, own: tuple[str, ...], share: float, trouble: Trouble) -> None:
    files = (scene.folder / "right" / "cache").rglob("*")
    size = sum(-(-one.stat().st_size // PAGE) * PAGE for one in files if one.is_file())
    words = [*own, "bash", "-c", SMALL_DISK, "disk", str(int(size * share)), *command()]
    run = place.start(work=lambda: os.execvp(words[0], words))
    run.wait()
    check(run, trouble, "the full disk")
    full, room = (int((place.folder / f"{name}.code").read_text()) for name in ("full", "room"))
    if full != 1 or "Make room" not in run.said:
        trouble.add("uncaught", f"a full disk is not said: exit code {full}, {run.said[-500:]}")
    if room:
        trouble.add("lost", f"with room again it does not finish: {run.said[-500:]}")
    place.cache.rmdir()  # what was mounted there is gone with its processes
    (place.folder / "found").rename(place.cache)
    scene.judge(place, trouble)


def _forbidden(scene: Scene, place: Place, kind: str, trouble: Trouble) -> None:
    place.cache.mkdir(exist_ok=True)
    before = place.contents
    folders = [place.cache, *(one for one in place.cache.rglob("*") if one.is_dir())]
    _set(folders, 0o000 if kind == "closed" else 0o500)
    mortal = MORTAL if os.getuid() == 0 and shutil.which("setpriv") else ()
    asked = (COMPUTE, ("studies",), ("tables", "tiny", "velocities"), ("findings", "tiny"))
    for arguments in asked:
        words = [*mortal, *command(*arguments)]
        run = place.start(work=lambda words=words: os.execvp(words[0], words))
        run.wait()
        check(run, trouble, arguments[0])
        if kind.startswith("finished") and arguments[0] != "compute" and run.code:
            trouble.add("lost", f"{arguments[0]} only reads, and does not: {run.said[-300:]}")
        if not kind.startswith("finished") and arguments[0] == "compute" and run.code != 1:
            trouble.add("uncaught", f"it said nothing of a folder it may not use: exit code {run.code}")
    _set(folders, 0o700)
    scene.lost(before, place, trouble)
    scene.judge(place, trouble)


def _set(folders: list[Path], mode: int) -> None:
    for one in folders if mode == 0o700 else reversed(folders):
        one.chmod(mode)
