"""Checksums of a Parquet file's footer and of all before it, kept in the footer.

Pages have checksums of their own, which DuckDB does not look at: four flipped bits in five would read as other numbers.
Their heads have none, and neither has the footer, which names columns, rows and places. The footer's is taken with
zeros in its own place. Files without one (of earlier versions) pass.
"""

import os
import zlib
from pathlib import Path

import pyarrow as pa

from phcore.archive.writing import open_plain, read_plain

_NAME, _BODY, _ZEROS = b"toposcope-footer-crc32:", b"toposcope-body-crc32:", b"00000000"
UNSEALED = {"seal": (_NAME + _ZEROS).decode(), "body": (_BODY + _ZEROS).decode()}
"""To be written among the metadata of a file that `sealed` is given."""


def sealed(data: bytes) -> bytes:
    """A Parquet file with its checksums where `UNSEALED` was."""
    begin = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    data = _put(data, _BODY, data[:begin])
    return _put(data, _NAME, data[begin:-8])


def _put(data: bytes, name: bytes, of: bytes) -> bytes:
    at = data.rindex(name) + len(name)
    return data[:at] + b"%08x" % zlib.crc32(of) + data[at + len(_ZEROS) :]


def check(path: Path) -> bool:
    """Whether a footer has a checksum, which then is right: so it is one that was written here, and whole.

    Raises
    ------
    ArrowInvalid : where it is another.
    """
    with open_plain(path) as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(max(0, size - 8))
        length = int.from_bytes(file.read(4), "little")
        if not 0 < length <= size - 12:
            return False
        file.seek(size - 8 - length)
        footer = file.read(length)
    at = footer.rfind(_NAME)
    if at < 0:
        return False
    at += len(_NAME)
    told, rest = footer[at : at + len(_ZEROS)], footer[:at] + _ZEROS + footer[at + len(_ZEROS) :]
    if told != b"%08x" % zlib.crc32(rest):
        raise pa.ArrowInvalid("the checksum of its footer is another")
    return True


def check_body(path: Path) -> bool:
    """Whether a file has a checksum of all before its footer, which `check` has passed.

    Raises
    ------
    ArrowInvalid : where it is another.
    """
    data = read_plain(path)
    begin = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    at = data.rfind(_BODY, max(0, begin))
    if at < 0:
        return False
    at += len(_BODY)
    if data[at : at + len(_ZEROS)] != b"%08x" % zlib.crc32(data[:begin]):
        raise pa.ArrowInvalid("the checksum of its pages is another")
    return True
