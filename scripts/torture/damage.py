"""Files of an archive that are damaged."""

import json
import os
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from phcore.archive.store import SCHEMA
from scripts.torture.how import How
from scripts.torture.mutations import spoilt
from scripts.torture.process import Process
from scripts.torture.scene import COMPUTE, Place, Scene, check
from scripts.torture.tally import Tally, Trouble

KINDS = ("empty", "cut", "page", "footer", "pipe", "folder", "link", "device")
OTHERS = (
    "studies/tiny/record.json", "studies/tiny/study.toml", "studies/tiny/views.json", "studies/tiny/measures.csv",
    "fingerprints.json", "speeds.json", "jobs/tiny/status.json",
)  # fmt: skip
LOCKS = ("studies/tiny/.lock", "jobs/turn.lock", "jobs/tiny/start.lock", "jobs/tiny/log.txt", "token")
COMMANDS = (
    ("studies",), ("tables", "tiny", "velocities"), ("findings", "tiny"), ("estimate", "study.toml"),
    ("pack", "tiny", "-o", "tiny.zip"),
)  # fmt: skip


def damage(scene: Scene, tally: Tally, how: How) -> None:
    """In a finished study, one file of every result and of every table: empty, cut short, a byte of a page or of the
    footer flipped, or no file but a pipe, a folder, a link to nowhere, a device. Then what is no result: record, study
    file, views, measures, memories, the state of a job; locks, which can only be no file."""
    rounds = 1 if how.quick else 3
    for number in range(rounds * len(KINDS)):
        if not how.time_left:
            break
        kind, place = KINDS[number % len(KINDS)], scene.place(finished=True)
        with tally.trial(f"results, {kind}") as trouble:
            for path in one_of_each(place.cache, how.dice):
                if kind in NO_FILES:
                    no_file(path, kind)
                else:
                    path.write_bytes(damaged(path.read_bytes(), kind, how.dice))
            _asked(place, trouble)
            scene.judge(place, trouble, same)
        place.remove()
    for number in range(len(OTHERS) * (1 if how.quick else 3)):
        if not how.time_left:
            break
        name, place = OTHERS[number % len(OTHERS)], scene.place(finished=True)
        with tally.trial(name) as trouble:
            _add_others(place, name)
            path = place.cache / name
            data = path.read_bytes()
            path.write_bytes(how.dice.choice((b"", data[: len(data) // 2], b"null", spoilt(data, how.dice, name))))
            _asked(place, trouble)
            run = place.run()
            check(run, trouble, "computing")
            if name.endswith("measures.csv"):  # the user's own, who alone can mend it
                path.unlink()
            scene.judge(place, trouble, same)
        place.remove()
    for number in range(len(OTHERS + LOCKS) * (1 if how.quick else 3)):
        if not how.time_left:
            break
        name, place = (OTHERS + LOCKS)[number % len(OTHERS + LOCKS)], scene.place(finished=True)
        kind = KINDS[-1 - how.dice.randrange(len(NO_FILES))]
        with tally.trial(f"{name}, {kind}") as trouble:
            _add_others(place, name)
            no_file(place.cache / name, kind)
            _asked(place, trouble)
            check(place.run(), trouble, "computing")
            check(_as_job(place), trouble, "a job")
            if (path := place.cache / name).is_dir():  # whoever put it there can alone mend that
                path.rmdir()
            elif path.is_symlink() or (path.exists() and not path.is_file()):
                path.unlink()
            scene.judge(place, trouble, same)
        place.remove()


NO_FILES = KINDS[4:]


def no_file(path: Path, kind: str) -> None:
    """Something else in a file's place, as a careless script, a full mount or a hostile pack leaves it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "link":
            path.symlink_to(path.with_name("nowhere") / "at all")
        case "device":
            path.symlink_to("/dev/zero")


def same(path: Path, right: Path) -> bool:
    """Whether a file with other bytes says the same: a flipped bit of a footer may be one that nobody reads."""
    try:
        # Without threads: computations are forked from this process.
        here, there = (pq.read_table(one, use_threads=False, page_checksum_verification=True) for one in (path, right))
        # In Arrow what is not a number is unequal to itself.
        return here.equals(there) or here.to_pandas(use_threads=False).equals(there.to_pandas(use_threads=False))
    except (OSError, pa.ArrowException):
        return False


def _as_job(place: Place) -> Process:
    """Computing as pages start it: its words stand in the job's state, not on a terminal."""
    done = place.run(*COMPUTE, "--job", "tiny")
    state = place.cache / "jobs/tiny/status.json"
    if done.code == 1 and state.is_file() and json.loads(state.read_bytes())["message"]:
        done.code = 0
    return done


def _asked(place: Place, trouble: Trouble) -> None:
    for one in COMMANDS:
        check(place.run(*one), trouble, " ".join(one))


def one_of_each(cache: Path, dice: random.Random) -> list[Path]:
    """A file of each result, and one of each table."""
    found: dict[str, list[Path]] = {}
    for path in sorted((cache / SCHEMA).glob("*/*.parquet")):
        table = path.parent.name == "tables"
        found.setdefault(path.stem.rsplit("-", 1)[0] if table else f"/{path.parent.name}", []).append(path)
    return [dice.choice(some) for some in found.values()]


def damaged(data: bytes, kind: str, dice: random.Random) -> bytes:
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    if kind in ("empty", "cut"):
        return data[: dice.randrange(len(data)) if kind == "cut" else 0]
    begin, end = (4, footer) if kind == "page" and footer > 4 else (footer, len(data) - 4)  # empty tables have no page
    at = dice.randrange(begin, end)
    return data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1 :]


def _add_others(place: Place, name: str) -> None:
    """What a study of a careful user has beside its results."""
    view = {"name": "a", "page": "study", "query": "", "note": "", "saved": "2026-01-01"}
    (place.cache / "studies/tiny/views.json").write_text(json.dumps([view]))
    if name.endswith("measures.csv"):  # it adds a table of its own
        (place.cache / name).write_text("series,step,name,value\nhelpful,2,accuracy,0.5\n")
    (place.cache / "jobs/tiny").mkdir(parents=True)
    (place.cache / "jobs/tiny/status.json").write_text(json.dumps({"name": "tiny", "state": "running", "pid": 1}))
    (place.cache / "fingerprints.json").write_text(json.dumps({str(place.folder): [1, 2, 3, 4, "0"]}))
