"""A checksum of a Parquet file's footer, kept in the footer itself.

Pages have checksums of their own; the footer, which names columns, rows and places, has none in the format, and one
flipped bit in 25 reads as other numbers. The checksum is taken with zeros in its own place. Files without one (of
earlier versions) pass.
"""

import os
import zlib
from pathlib import Path

import pyarrow as pa

_NAME, _ZEROS = b"toposcope-footer-crc32:", b"00000000"
UNSEALED = {"seal": (_NAME + _ZEROS).decode()}  # to be written among the metadata of a file that `sealed` is given


def sealed(data: bytes) -> bytes:
    """A Parquet file with the checksum of its footer where `UNSEALED` was."""
    begin = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    at = data.rindex(_NAME) + len(_NAME)
    return data[:at] + b"%08x" % zlib.crc32(data[begin:-8]) + data[at + len(_ZEROS) :]


def check(path: Path) -> None:
    """Raises ArrowInvalid where the footer is not the one that was written. What is no Parquet at all passes."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(max(0, size - 8))
        length = int.from_bytes(file.read(4), "little")
        if not 0 < length <= size - 12:
            return
        file.seek(size - 8 - length)
        footer = file.read(length)
    at = footer.rfind(_NAME)
    if at < 0:
        return
    at += len(_NAME)
    told, rest = footer[at : at + len(_ZEROS)], footer[:at] + _ZEROS + footer[at + len(_ZEROS) :]
    if told != b"%08x" % zlib.crc32(rest):
        raise pa.ArrowInvalid("the checksum of its footer is another")
