"""Places in buckets: addresses such as s3://bucket/runs, the folders that mirror them, and how they are reached.

Everything here works on local files, so what lies in a bucket is seen through a folder of the mirror, whose path says
the address. One is told from the other by a prefix alone, in both directions; study files, records and all that people
read hold the address, and the rest of the code the folder.
"""

import errno
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from phcore.archive.writing import part_of, private_opener, write_refused
from phcore.errors import Fault
from phcore.formatting import MIRRORED, PROTOCOLS, mirror

AT_ONCE = 8  # requests under way: a bucket answers each after some tens of milliseconds
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(.*)", re.S)  # pathlib leaves one slash of two
CHECKPOINTS, ARCHIVES = MIRRORED

# That a machine does not answer has to be said soon; once it has answered, it is given time.
_OPTIONS = {"s3": {"config_kwargs": {"connect_timeout": 4, "read_timeout": 5, "retries": {"max_attempts": 0}}}}
_FIRST_TRIES, _TRIES = 2, 6
JUST_NOW = 2.0  # seconds
_PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs", "abfss": "adlfs"}
_CREDENTIALS = {
    "s3": "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; for a public bucket FSSPEC_S3_ANON=true",
    "gs": "Log in with: gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS",
    "az": "Set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, or log in with: az login",
}


def is_address(place: str | Path) -> bool:
    """Whether words name a place by a protocol, of whatever kind."""
    return _ADDRESS.fullmatch(str(place)) is not None


def local(place: str | Path, kind: str = CHECKPOINTS) -> Path:
    """The folder that mirrors an address; any other path as it is.

    Raises
    ------
    Fault : for a protocol that is not spoken here, and for an address that names no place.
    """
    found = _ADDRESS.fullmatch(str(place))
    if found is None:
        return Path(place)
    protocol, parts, said = found[1].lower(), found[2].rstrip("/").split("/"), f"{found[1]}://{found[2]}"
    if protocol in ("http", "https"):
        raise Fault(
            f"{protocol}:// is not looked into, because a web server lists no folders and anybody's may be named",
            "Download it, or name the bucket it lies in: s3://bucket/folder",
            said,
        )
    if protocol not in PROTOCOLS:
        known = ", ".join(f"{one}://" for one in PROTOCOLS)
        raise Fault(f"{protocol}:// is not known here", f"Use one of {known} or a folder of this machine", said)
    if not all(map(is_plain, parts)):
        raise Fault("this address names no place", f"Write it such as {protocol}://bucket/folder", said)
    return mirror() / kind / protocol / Path(*parts)


def is_plain(part: str) -> bool:
    """Whether one name of a path can be a file's, and leads nowhere else."""
    return part not in ("", ".", "..") and part.isprintable() and "\\" not in part and len(part.encode()) < 200


def address_of(path: str | Path, kind: str = CHECKPOINTS) -> str:
    """What a folder of the mirror is a copy of; "" for any other path."""
    path = Path(path)
    if not path.is_relative_to(folder := mirror() / kind) or len(parts := path.relative_to(folder).parts) < 2:
        return ""
    return f"{parts[0]}://{'/'.join(parts[1:])}" if parts[0] in PROTOCOLS else ""


# --- reaching it ------------------------------------------------------------------------------------


def filesystem(address: str) -> Any:
    """The fsspec file system of an address, which finds endpoint and credentials as its library does.

    Raises
    ------
    Fault : where the package that speaks the protocol is not installed.
    """
    import fsspec  # some tenths of a second, for those who need it

    protocol = address.partition("://")[0]
    try:
        return fsspec.filesystem(protocol, use_listings_cache=False, **_OPTIONS.get(protocol, {}))
    except ImportError:
        package = _PACKAGES[protocol]
        mend = "pip install 'toposcope[s3]'" if package == "s3fs" else f"pip install {package}"
        raise Fault(f"{protocol}:// needs the package {package}, which is not installed", mend, address) from None


@contextmanager
def reached(address: str) -> Iterator[None]:
    """What a bucket, its server or this machine's disk refuses inside, said in a sentence.

    Raises
    ------
    Fault : that names the address, the cause and the mend.
    """
    try:
        yield
    except (Fault, KeyboardInterrupt):
        raise
    except Exception as error:  # each library has errors of its own, and none of them is worth an import
        raise Fault(*_words(error, address.partition("://")[0]), address) from error


def _words(error: Exception, protocol: str) -> tuple[str, str]:
    """What is wrong, and the mend. Of a message its first line, without what a request has behind a question mark."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG):
        return write_refused(error)
    chain = [error, error.__cause__, error.__context__]
    kinds = " ".join(kind.__name__ for one in chain if one for kind in type(one).__mro__)
    said = re.sub(r"\?[^\s\"']+", "", (str(error).strip() or type(error).__name__).splitlines()[0])[:160]
    if re.search(r"Credential|TokenRetrieval|ProfileNotFound|RefreshError|ClientAuthentication", kinds):
        family = {"gcs": "gs", "abfs": "az", "abfss": "az"}.get(protocol, protocol)
        return f"no credentials were found for it ({said})", _CREDENTIALS.get(family, "Give them as its library asks")
    if isinstance(error, PermissionError) or "Forbidden" in kinds:
        return (
            f"access is denied ({said})",
            "Check whose credentials these are, and that they may list and read it; to compute into it, write too",
        )
    where = " and the endpoint (AWS_ENDPOINT_URL)" if protocol == "s3" else ""
    if "bucket" in said.lower() and isinstance(error, FileNotFoundError):
        return "there is no such bucket", f"Check its name{where}"
    if isinstance(error, FileNotFoundError):
        return f"it is not there ({said})", "Check the address"
    if re.search(r"Timeout|Connection|Connector|gaierror|HTTPClientError", kinds):
        return f"its server cannot be reached ({said})", f"Check the network{where}"
    return (
        f"it cannot be reached ({type(error).__name__}: {said})",
        "Try again, or ask who runs the bucket",
    )


# --- what is told of an object ----------------------------------------------------------------------


def version(about: dict) -> str:
    """What differs between two states of an object: its tag or generation and, where there is none, its time."""
    tag = next((about[name] for name in ("generation", "ETag", "etag", "md5Hash") if about.get(name)), None)
    return f"{tag or changed(about)} {about['size']}"


def changed(about: dict) -> float:
    """When it was last written, in seconds since 1970; 0 where nobody says."""
    names = ("LastModified", "last_modified", "updated", "mtime", "created")
    found = next((about[name] for name in names if about.get(name)), 0.0)
    if isinstance(found, str):
        found = datetime.fromisoformat(found)
    return found.timestamp() if isinstance(found, datetime) else float(found)


def listed(system: Any, address: str) -> dict[str, dict]:
    """Path below an address -> what is told of the object. Names that could lead elsewhere on a disk are left out,
    and so are objects that are folders, too, as some tools mark these.

    Raises
    ------
    Fault : where it cannot be listed.
    """
    with reached(address):
        root, system.retries = system._strip_protocol(address).rstrip("/"), _FIRST_TRIES
        found = system.find(root, detail=True)
        system.retries = _TRIES
    below = {name.removeprefix(root).strip("/"): about for name, about in found.items() if about["type"] == "file"}
    plain = {
        name: about
        for name, about in below.items()
        if not about["name"].endswith("/") and (not name or all(map(is_plain, name.split("/"))))
    }
    folders = {name[:at] for name in plain for at, letter in enumerate(name) if letter == "/"}
    return {name: about for name, about in plain.items() if name not in folders}


def fetch(system: Any, about: dict, target: Path, callback: Any = None, steady: bool = False) -> None:
    """Bring one object, whole or not at all, readable by its owner.

    Parameters
    ----------
    callback : of fsspec, told how far it is.
    steady : of what never changes under its name it is not asked whether it did.

    Raises
    ------
    Fault : where it changes meanwhile.
    """
    part = part_of(target)
    more = {} if callback is None else {"callback": callback}
    try:
        os.makedirs(mirror(), 0o700, exist_ok=True)
        os.makedirs(target.parent, exist_ok=True)
        open(part, "wb", opener=private_opener).close()  # before its bytes: they are nobody else's
        system.get_file(about["name"], str(part), **more)
        whole = part.stat().st_size == about["size"]
        if not (whole and (steady or version(system.info(about["name"])) == version(about))):
            raise Fault("it changed while it was brought", "Wait until it is uploaded, then try again", target)
        # Clocks of buckets tell seconds: what was written just now may be written again within this one, unseen.
        at = changed(about) - (time.time() - changed(about) < JUST_NOW)
        os.utime(part, (at, at))
        os.replace(part, target)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def all_at_once(
    work: Callable, items: Sequence, beat: Callable[[], None] = lambda: None, over: threading.Event | None = None
) -> None:
    """Do some at a time; the first failure ends it.

    Parameters
    ----------
    beat : called twice a second; what it raises ends it, too.
    over : is set when nobody waits any more for what is still under way.
    """
    if not items:
        return
    with ThreadPoolExecutor(AT_ONCE) as threads:
        waiting = {threads.submit(work, one) for one in items}
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=0.5, return_when=FIRST_EXCEPTION)
                for one in done:
                    one.result()
                beat()
        finally:
            if over:
                over.set()
            threads.shutdown(wait=False, cancel_futures=True)
