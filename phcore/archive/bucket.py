"""An archive in a bucket, worked on in its mirror: a folder of this machine that holds what was needed or made here.

Results are immutable and named by their content, so they are brought when they are read, and sent when they are there;
nobody waits for the sending. Studies' own files (record, study file, views, measures) change: they are brought whenever
somebody asks for studies, and sent after all results that were there when they were read for sending, so that what the
bucket holds is a state that an archive on one disk could have had. Where both sides changed one, the bucket's counts,
with what was added here (`phcore.study.merging`).
"""

import functools
import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from phcore.archive.addresses import (
    ARCHIVES,
    address_of,
    all_at_once,
    changed,
    fetch,
    filesystem,
    listed,
    reached,
    version,
)
from phcore.archive.typed import from_json
from phcore.archive.writing import locked, on_disk, write_atomically
from phcore.errors import Fault
from phcore.formatting import bytes_words, count

FRESH = 5.0  # seconds for which what the bucket was found to hold is taken to be so
PATIENCE = 30.0  # seconds until a bucket that cannot be reached is asked again, where an earlier state can be read
MUCH = 20e6  # bytes of which it is said that they are sent
EVERY = 10.0  # seconds between two looks at what is to be sent
_UNSENT = "What was computed lies on this machine, and is sent by the next command that computes into this archive"
_TRIES = 4  # to send studies' files that others change meanwhile
_MEMORY = ".synced.json"  # studies' file -> its version in the bucket, and the digest of what it was then


def merged(name: str, ours: bytes, theirs: bytes) -> bytes:
    """A study's file that both sides changed: as the bucket has it, until a room that knows studies says otherwise."""
    return theirs


@functools.cache  # what is known of a bucket serves all stores of a process
def of(root: Path, results: str) -> "Bucket | None":
    """The bucket that a folder mirrors, with its results below the folder `results`; None for any other folder."""
    address = address_of(root, ARCHIVES)
    return Bucket(root, address, results) if address else None


class Bucket:
    """What an archive's bucket holds, and the ways to it and from it.

    Attributes
    ----------
    trouble : why what is shown may not be what the bucket holds now, or why it does not hold yet what was computed; ""
        where all is well.
    left_out : of the studies' files the first that could not be brought, and why; "" where all were.
    """

    def __init__(self, root: Path, address: str, results: str):
        self.root, self.address, self.results, self.trouble, self.left_out = root, address, results, "", ""
        self._lists: dict[Path, tuple[float, dict[str, dict]]] = {}  # folder -> when it was listed, and what it holds
        self._sent: set[str] | None = None  # results that the bucket has; None until it was asked
        self._mended: set[str] = set()  # of those that were damaged: sent once more
        self._again = 0.0  # when studies are asked for again
        self._gone: Fault | None = None  # why they could not be
        self._sender: threading.Thread | None = None
        self._listing, self._asking, self._starting, self._sending = (threading.Lock() for _ in range(4))

    # --- results: down ------------------------------------------------------------------------------

    def holds(self, path: Path) -> bool:
        """Whether the bucket has a result that is not here, as of some seconds ago."""
        return self._about(path, FRESH) is not None

    def fetch(self, paths: Iterable[Path]) -> None:
        """Bring results that are not here, as far as the bucket has them."""
        lacking = [path for path in paths if not path.exists()]
        age = 1.0 if len(lacking) == 1 else FRESH  # one that is asked for was said to be there, by a process beside
        found = [(path, about) for path in lacking if (about := self._about(path, age))]
        if not found:
            return
        system = filesystem(self.address)

        def one(item: tuple[Path, dict]) -> None:
            with reached(self.address):
                fetch(system, item[1], item[0], steady=True)

        all_at_once(one, found)

    def _about(self, path: Path, age: float) -> dict | None:
        """What is told of a result. One that was found damaged here is computed anew."""
        aside = self.root / "damaged" / f"{path.parent.name}-{path.name}"
        return None if aside.exists() else self._listed(path.parent, age).get(path.name)

    def _listed(self, folder: Path, age: float) -> dict[str, dict]:
        """What the bucket holds of one kind of results; what it held, while it cannot be reached.

        Parameters
        ----------
        age : seconds ago that it may last have been asked.
        """
        with self._listing:
            known = folder in self._lists
            at, found = self._lists.get(folder, (-PATIENCE, {}))
            if self.trouble or time.monotonic() - at <= age:
                return found
            below = folder.relative_to(self.root).as_posix()
            try:
                there, at = listed(filesystem(self.address), f"{self.address}/{below}"), time.monotonic()
                # Of tens of thousands of objects no more is kept than it takes to bring them.
                found = {
                    name: {"name": one["name"], "size": one["size"], "mtime": changed(one)}
                    for name, one in there.items()
                }
            except Fault:  # no reason to end what is computed for hours
                if not known:
                    raise
                at = time.monotonic() + PATIENCE
            self._lists[folder] = at, found
            return found

    # --- studies: down ------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Have the files of studies here that the bucket has now, as of some seconds ago.

        Raises
        ------
        Fault : where the bucket cannot be reached and never was: else what was there before can be read.
        """
        with self._asking:
            if time.monotonic() >= self._again:
                try:
                    self._refresh()
                    self._gone, self._again, self.trouble = None, time.monotonic() + FRESH, ""
                except Fault as fault:  # not asked again for every part of a page
                    self._gone, self._again, self.trouble = fault, time.monotonic() + PATIENCE, str(fault)
            if self._gone and not (self.root / _MEMORY).exists():
                raise self._gone

    def _refresh(self) -> None:
        with self._remembering() as known:  # before it is asked: what another process sends meanwhile is not gone
            there = listed(filesystem(self.address), f"{self.address}/studies")
            there = {f"studies/{name}": about for name, about in there.items() if _is_shared(name)}
            self.left_out = ""
            spoilt = (
                set()
            )  # studies with a file that cannot be brought: no other of theirs is, for it may hide something
            for name in sorted(there, key=lambda name: (name.endswith("/record.json"), name)):
                about, path, study = there[name], self.root / name, name.rpartition("/")[0]
                if (name in known and known[name][0] == version(about) and path.exists()) or study in spoilt:
                    continue
                with reached(self.address):
                    try:
                        data = filesystem(self.address).cat_file(about["name"])
                        known[name] = version(about), self._write(path, about, data, known.get(name))
                    except (FileNotFoundError, PermissionError, Fault) as error:  # of this one: it hides no other
                        spoilt.add(study)
                        why = error.fault if isinstance(error, Fault) else "access is denied, or it is gone"
                        self.left_out = self.left_out or f"{self.address}/{name} is not brought: {why}"
            for name in known.keys() - there.keys():  # deleted there
                with suppress(FileNotFoundError):
                    if _digest((self.root / name).read_bytes()) == known.pop(name)[1]:
                        (self.root / name).unlink()

    def _write(self, path: Path, about: dict, theirs: bytes, known: tuple[str, str] | None) -> str:
        """Have a study's file here as the bucket has it, with what was added here and is not sent yet. Returns the
        digest of what the bucket has."""
        ours = path.read_bytes() if path.is_file() else theirs
        changed_here = _digest(ours) not in (_digest(theirs), known[1] if known else "")
        write_atomically(path, merged(path.name, ours, theirs) if changed_here else theirs, private=True)
        os.utime(path, (changed(about), changed(about)))  # by which studies are listed
        return _digest(theirs)

    @contextmanager
    def _remembering(self) -> Iterator[dict[str, tuple[str, str]]]:
        """What is known of studies' files, to be changed by one process at a time."""
        self.root.mkdir(0o700, parents=True, exist_ok=True)
        with on_disk(self.root), locked(self.root / ".sync.lock"):
            known = remembered(memory := self.root / _MEMORY)
            before, asked = dict(known), False
            try:
                yield known
                asked = True
            finally:
                if known != before or (asked and not memory.exists()):  # its being there says that it was ever asked
                    write_atomically(memory, json.dumps(known).encode(), private=True)

    # --- up -----------------------------------------------------------------------------------------

    def keep_sending(self) -> None:
        """From now on send what is new every few seconds, for as long as this process lives."""
        with self._starting:
            if self._sender is None:
                self._sender = threading.Thread(target=self._go_on_sending, daemon=True)
                self._sender.start()

    def _go_on_sending(self) -> None:
        while True:
            time.sleep(EVERY)
            try:
                self.send()
            except Fault as fault:  # said at the end, where it still is so
                self.trouble = str(fault)

    def send(self, tell: Callable[[str], None] = lambda words: None) -> None:
        """Send what the bucket lacks: results, then studies' files as they were before.

        Parameters
        ----------
        tell : called with a sentence where that is much.

        Raises
        ------
        Fault : where that cannot be; the next call goes on with it.
        """
        try:
            with self._sending:
                for _ in range(_TRIES):
                    studies = {path: path.read_bytes() for path in self._own_files()}
                    self._send_results(tell)
                    if self._send_studies(studies):
                        break
                self.trouble = ""
        except Fault as fault:
            raise Fault(fault.fault, f"{fault.hint}. {_UNSENT}", fault.path) from None

    def _send_results(self, tell: Callable[[str], None]) -> None:
        system, folder = filesystem(self.address), self.root / self.results
        if self._sent is None:
            found = listed(system, f"{self.address}/{self.results}")
            self._sent = {name for name, about in found.items() if _size(folder / name) in (None, about["size"])}
        damaged = {one.name.replace("-", "/", 1) for one in (self.root / "damaged").glob("*.parquet")}
        there = self._sent - (damaged - self._mended)
        here = {path.relative_to(folder).as_posix() for path in folder.glob("*/[!.]*.parquet")}

        def one(name: str) -> None:
            if not (folder / name).exists():  # it was set aside meanwhile
                return
            with reached(self.address):
                target = f"{system._strip_protocol(self.address)}/{self.results}/{name}"
                system.put_file(str(folder / name), target)
            self._sent.add(name)
            self._mended.add(name)

        new = sorted(here - there)
        if (size := sum(_size(folder / name) or 0 for name in new)) > MUCH:
            tell(f"{bytes_words(size)} in {count(len(new), 'file')} are sent to {self.address}.")
        all_at_once(one, new)

    def _send_studies(self, files: dict[Path, bytes]) -> bool:
        """Returns False where one was changed meanwhile, here or by what others sent, and is to be sent yet: after the
        results that it names."""
        names = {path.relative_to(self.root).as_posix(): (_digest(data), data) for path, data in files.items()}
        with self._remembering() as known:
            if all(name in known and known[name][1] == digest for name, (digest, _) in names.items()):
                return True
        self._refresh()  # what others changed counts
        system, all_sent = filesystem(self.address), True
        with self._remembering() as known, reached(self.address):
            for name, (digest, data) in names.items():
                there = known[name][1] if name in known else ""
                now = _digest((self.root / name).read_bytes())
                if there in (digest, now):
                    continue  # it is there, or was replaced by what others sent
                if now != digest:
                    all_sent = False
                    continue
                target = f"{system._strip_protocol(self.address)}/{name}"
                system.pipe_file(target, data)
                known[name] = version(system.info(target)), digest
        return all_sent

    def _own_files(self) -> list[Path]:
        return [path for path in (self.root / "studies").glob("*/*") if _is_shared(path.name) and path.is_file()]


def remembered(file: Path) -> dict[str, tuple[str, str]]:
    """What is known of studies' files; nothing where the file is gone or spoilt: then they are brought once more."""
    try:
        return from_json(file.read_bytes(), dict[str, tuple[str, str]])
    except (OSError, Fault):
        return {}


def _is_shared(name: str) -> bool:
    return not any(part.startswith(".") for part in name.split("/"))


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
