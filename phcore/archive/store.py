"""The archive: immutable Parquet files, named by content keys, read through in-memory DuckDB.

One file holds one stage of one cell. A file is written under a temporary name that no reader matches,
flushed to disk and renamed, so a reader sees a whole file or none, two writers of the same key
do no harm, and a killed run loses at most the cell in hand. A file that cannot be read is set aside.
"""

import hashlib
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from phcore.archive import addresses, bucket, installed, seal, shipped
from phcore.archive.permissions import Permissions
from phcore.archive.writing import AN_HOUR, NO_FILE, on_disk, write_atomically
from phcore.errors import Fault
from phcore.formatting import real_path

SCHEMA = "v2"
ROW_GROUP = 20_000  # rows: one cell of 64 subsamples; a filter on a sorted table then reads one or two groups


def default_root(bring: bool = True) -> Path:
    """`PHCORE_CACHE`, or the folder that mirrors it; or the folder `cache/` of a checkout; or the user's own folder.

    Parameters
    ----------
    bring : put the study that ships into the user's own folder, where that has not been done.
    """
    if named := os.environ.get("PHCORE_CACHE"):
        return addresses.local(named, addresses.ARCHIVES)
    if not installed.INSTALLED:
        return installed.APP / "cache"
    root = installed.users_archive(os.environ)
    if bring:
        shipped.bring(installed.APP / "cache", root)
    return root


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str)


def digest(*parts: object) -> str:
    """32 hex digits over a canonical JSON of the parts: the name of a result."""
    return hashlib.sha256(_CANONICAL.encode(parts).encode()).hexdigest()[:32]


_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")


def _state(path: Path) -> tuple:
    """A file as it is now: one that was mended since is another."""
    found = path.stat()
    return str(path), found.st_size, found.st_mtime_ns


def _of_another_kind(stage: str, error: duckdb.Error) -> Fault:
    """Of files that are whole and hold another kind of table: nothing here has written them."""
    reason = str(error).split(":")[0]  # what follows names folders
    return Fault(f"results in {stage}/ cannot be read ({reason})", "Ask whoever made this archive, or compute it again")


class Store:
    """Results under one folder. Cheap to make; safe to share between threads.

    Parameters
    ----------
    root : the archive's folder (made on first write), or the address of one in a bucket, such as s3://bucket/archive.
    permissions : what may be done with it, and what is shown of it; everything, where none are given.
    """

    def __init__(self, root: str | Path | None = None, permissions: Permissions = Permissions()):
        place = root or default_root(bring=not permissions.read_only)
        self.root = real_path(addresses.local(place, addresses.ARCHIVES))
        self.far = bucket.of(self.root, SCHEMA)  # of which the root is the mirror; None: a folder like any other
        self.permissions = permissions
        self.damaged: list[str] = []  # sentences on files that were set aside, for the reports of a run
        self._whole: set[tuple] = set()  # files whose every byte was looked at
        self._passed_over: set[tuple] = set()  # files that would have been set aside, were this archive written to
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._lock = threading.Lock()

    def refuse_writing(self, what: str) -> None:
        """Called first by whatever computes, or changes anything below the root.

        Raises
        ------
        Fault : where this archive is only read; `what` ends the sentence "it cannot ...".
        """
        if self.permissions.read_only:
            raise Fault(f"this server is read-only, so it cannot {what}", "Ask whoever runs it")

    def write_file(self, path: Path, data: bytes) -> None:
        """Write what is no result (a record, the state of a job) as one step, if anything may be written."""
        self.refuse_writing("write files")
        write_atomically(path, data, private=True)
        if self.far and path.is_relative_to(self.root / "studies"):
            self.far.keep_sending()

    def refresh(self) -> None:
        """Know of the studies that an archive in a bucket has by now. Raises a Fault where it cannot be reached."""
        if self.far:
            self.far.refresh()

    def send(self, tell: Callable[[str], None] = lambda words: None) -> None:
        """Have an archive in a bucket hold what was written here. Raises a Fault where that cannot be."""
        if self.far and not self.permissions.read_only:
            self.far.send(tell)

    def bring(self, files: Iterable[tuple[str, str]]) -> None:
        """Have results (stage, key) here that an archive in a bucket has, some at a time."""
        if self.far:
            self.far.fetch([self.path(*file) for file in files])

    def sweep(self) -> None:
        """Remove what writers left half-written when they were killed."""
        self.refuse_writing("sweep")
        for left in self.root.rglob(".*.tmp"):
            with suppress(OSError):
                if time.time() - left.stat().st_mtime > AN_HOUR:
                    left.unlink()

    def path(self, stage: str, key: str) -> Path:
        """The file of a result.

        Raises
        ------
        Fault : where a key (records are files, and anyone's) is no plain name.
        """
        if _PLAIN.fullmatch(key) is None:
            raise Fault(f"{key[:80]!r} names no result", "Compute the study again")
        return self.root / SCHEMA / stage / f"{key}.parquet"

    def _readable(self, path: Path) -> bool:
        """Whether a file is there, and may be read: where nothing is written neither a link that leads out of the
        archive nor what was found damaged before."""
        if not path.exists() and self.far:
            self.far.fetch([path])
        if not path.exists():
            return False
        if not self.permissions.read_only:
            return True
        return real_path(path).is_relative_to(self.root) and _state(path) not in self._passed_over

    def has(self, stage: str, key: str) -> bool:
        """Whether a result is there and whole (its footer is read; the rest is checked when it is used). In a bucket it
        is only listed, and looked at when it is brought."""
        path = self.path(stage, key)
        if self.far and not path.exists() and self.far.holds(path):
            return True
        if not self._readable(path):
            return False
        try:
            if not seal.check(path):  # of an earlier version, or no such file at all
                pq.read_metadata(path)
        except FileNotFoundError:  # it vanished meanwhile
            return False
        except (OSError, pa.ArrowException) as error:
            self.set_aside(path, error)
            return False
        return True

    def is_whole(self, stage: str, key: str) -> bool:
        """Whether a result is there with every byte as it was written, for readers that look at no checksum; once for
        each state of its file. One that is not is set aside."""
        path = self.path(stage, key)
        if not (self._readable(path) and self.has(stage, key)):
            return False
        try:
            state = _state(path)
            if state not in self._whole:
                if not seal.check_body(path) and self.read(stage, key) is None:  # earlier versions: by its pages
                    return False
                self._whole.add(state)
        except FileNotFoundError:
            return False
        except (OSError, pa.ArrowException) as error:
            self.set_aside(path, error)
            return False
        return True

    def rows(self, stage: str, key: str) -> int:
        """How many rows a result has; 0 where it is not there or was damaged."""
        path = self.path(stage, key)
        try:
            return pq.read_metadata(path).num_rows if self._readable(path) and self.has(stage, key) else 0
        except OSError:  # it vanished meanwhile
            return 0

    def verify(self, files: Iterable[tuple[str, str]]) -> None:
        """Read every page of results (stage, key) that are here, and set aside those that are damaged."""
        here = [file for file in files if self.path(*file).exists()]
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(lambda file: self.read(*file), here))

    def write(self, stage: str, key: str, table: pa.Table | pd.DataFrame, *, row_group: int = ROW_GROUP) -> None:
        self.refuse_writing("write results")
        if isinstance(table, pd.DataFrame):
            table = pa.Table.from_pandas(table, preserve_index=False)
        table = table.replace_schema_metadata(None)
        sink = pa.BufferOutputStream()
        # Measured numbers hardly repeat: dictionaries of them are longer than the numbers, and they compress best byte
        # by byte, because their exponents are alike: 0.63 MB a cloud instead of 1.08, and tables an eighth less.
        numbers = [one.name for one in table.schema if pa.types.is_floating(one.type)]
        with pq.ParquetWriter(
            sink,
            table.schema,
            compression="zstd",
            compression_level=9,
            use_dictionary=[] if stage == "clouds" else [one for one in table.column_names if one not in numbers],
            use_byte_stream_split=stage == "clouds" or numbers,
            write_page_checksum=True,
        ) as writer:
            writer.write_table(table, row_group)
            writer.add_key_value_metadata(seal.UNSEALED)
        self.write_file(self.path(stage, key), seal.sealed(sink.getvalue().to_pybytes()))

    def read(self, stage: str, key: str, columns: Sequence[str] | None = None) -> pa.Table | None:
        """One result with its checksums verified; None where it is missing or was damaged."""
        path = self.path(stage, key)
        if not self._readable(path):
            return None
        try:
            seal.check(path)
            with pq.ParquetFile(path, page_checksum_verification=True) as file:  # read_table takes it for a dataset
                return file.read(columns)
        except FileNotFoundError:
            return None
        except (OSError, pa.ArrowException) as error:
            self.set_aside(path, error)
            return None

    def set_aside(self, path: Path, error: Exception) -> None:
        """Move a damaged file out of the way, so that it is computed again. Raises what is no damage."""
        if getattr(error, "errno", None) not in (None, *NO_FILE):
            raise error  # no descriptors left, no permission, no network: the file itself may be whole
        reason = str(error).splitlines()[0][:120]
        if self.permissions.read_only:
            self._passed_over.add(_state(path))
            self.damaged.append(f"{path.name} could not be read; a read-only server leaves it where it is.")
            return
        aside = self.root / "damaged" / f"{path.parent.name}-{path.name}"
        with on_disk(aside):
            aside.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.replace(path, aside)
            except FileNotFoundError:
                return  # another process was faster
        self.damaged.append(f"{path.name} could not be read ({reason}); it was moved to {aside.parent.name}/ "
                            "and will be computed again.")  # fmt: skip

    # --- SQL ------------------------------------------------------------------------------------

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        with self._lock:
            if self._connection is None:
                self._connection = duckdb.connect(
                    config={
                        "threads": 2,
                        "memory_limit": "2GB",
                        "temp_directory": "",
                        "autoinstall_known_extensions": False,
                        "autoload_known_extensions": False,
                        "allow_community_extensions": False,
                    }
                )
                # Only this folder, from here on and for good: `..` and other paths are refused by DuckDB.
                folder = self.root / SCHEMA if self.permissions.read_only else self.root
                self._connection.execute(f"SET allowed_directories=['{str(folder).replace(chr(39), chr(39) * 2)}/']")
                self._connection.execute("SET enable_external_access=false")
                self._connection.execute("SET lock_configuration=true")
            return self._connection.cursor()  # a connection shared by threads raises; a cursor each does not

    def sql(self, query: str, parameters: dict | None = None) -> pd.DataFrame:
        """Run a query with named parameters ($name) on a cursor of its own."""
        return self._cursor().execute(query, parameters or {}).df()

    def scan(self, stage: str, labels: pd.DataFrame, columns: str = "t.*") -> pd.DataFrame:
        """All results of a stage that `labels` asks for, in its order, each row with its labels in front.

        Parameters
        ----------
        labels : one row per wanted result; the column `key` names the file, the others are copied to its rows.
            Results that are not there yet are left out, and so are damaged ones (set aside).
        columns : SQL for the columns taken from the files (alias `t`).
        """
        names = [name for name in labels.columns if name != "key"]
        self.bring((stage, key) for key in labels["key"].unique())
        present = sorted({key for key in labels["key"] if self.is_whole(stage, key)})
        if not present:
            return pd.DataFrame(columns=names)
        labels = labels.assign(_place=range(len(labels)))
        lists = ", ".join(f'unnest(${name}) AS "{name}"' for name in labels.columns)
        query = f"""
            WITH label AS (SELECT {lists}),
                 t AS (SELECT *, parse_filename(filename, true) AS key
                       FROM read_parquet($paths, filename = true, file_row_number = true))
            SELECT {", ".join(f'label."{name}"' for name in names)}, {columns}
            FROM t JOIN label ON label.key = t.key
            ORDER BY label._place, t.file_row_number"""  # two threads join in any order, and means depend on it
        parameters = {name: labels[name].tolist() for name in labels.columns}
        parameters["paths"] = [str(self.path(stage, key)) for key in present]
        try:
            frame = self.sql(query, parameters)
        except duckdb.Error as error:
            # A page inside one of the files is damaged: find it by its checksum, set it aside, read the rest.
            before = len(self.damaged)
            for key in present:
                self.read(stage, key)
            if len(self.damaged) == before and all(self.path(stage, key).exists() for key in present):
                raise _of_another_kind(stage, error) from error
            return self.scan(stage, labels.drop(columns="_place"), columns)
        return frame.drop(columns=["key", "filename", "file_row_number"], errors="ignore")

    def select(self, stage: str, key: str, where: dict[str, object] | None = None) -> pd.DataFrame | None:
        """Rows of one file, filtered by equality; None where the file is missing or damaged."""
        if not self.is_whole(stage, key):
            return None
        where = where or {}
        clause = " AND ".join(f'"{name}" = ${name}' for name in where) or "true"
        try:
            return self.sql(
                f"SELECT * FROM read_parquet($path) WHERE {clause}", {"path": str(self.path(stage, key)), **where}
            )
        except duckdb.Error as error:
            self.read(stage, key)  # sets it aside where its pages are damaged
            if self._readable(self.path(stage, key)):
                raise _of_another_kind(stage, error) from error
            return None

    def size(self, stage: str, keys: Iterable[str]) -> int:
        """Bytes on disk."""
        paths = (self.path(stage, key) for key in keys)
        return sum(path.stat().st_size for path in paths if path.exists())
