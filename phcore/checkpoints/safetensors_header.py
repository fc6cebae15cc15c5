"""What a safetensors file holds, read from its header alone: no weights, no torch, no numpy.

The file is 8 bytes with the header's length (little endian), the header in JSON, and the tensors' bytes; see
https://github.com/huggingface/safetensors#format.
"""

import json
import os
import stat
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import NamedTuple

from phcore.checkpoints.disguises import LONGEST as LONGEST_START
from phcore.checkpoints.disguises import disguise
from phcore.errors import Fault

LONGEST = 100_000_000  # bytes: the same limit as the safetensors library's
BITS = {
    "F4": 4, **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 16),
    **dict.fromkeys(("U32", "I32", "F32"), 32),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 64),
}  # fmt: skip
AGAIN = "Copy the file again, or save the checkpoint again"


class Tensor(NamedTuple):
    """One entry of a header. `dtype` in the file's words ("F32", "BF16", ...)."""

    dtype: str
    shape: tuple[int, ...]


def read_header(path: str | Path) -> dict[str, Tensor]:
    """The tensors in a file, by name.

    Raises
    ------
    Fault : where the file is cut short, has bytes too many, or is not a safetensors file at all.
    """
    path = Path(path)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # whoever opens a pipe waits for ever
            raise Fault("it is no plain file", AGAIN, path)
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            start = file.read(LONGEST_START)
            if found := disguise(start):
                raise Fault(*found, path)
            file.seek(0)
            length = int.from_bytes(file.read(8), "little")
            if size < 8:
                raise Fault(f"the file is cut short: it has {size} bytes, less than any header", AGAIN, path)
            if length > LONGEST:
                raise Fault("this is not a safetensors file: its header has an impossible length", AGAIN, path)
            if size < 8 + length:
                raise Fault("the file is cut short: it ends inside its header", AGAIN, path)
            raw = file.read(length)
    except OSError as error:
        raise Fault(
            f"the file cannot be read ({error.strerror})", "Check that it is there and readable", path
        ) from None
    try:
        entries = json.loads(raw)
        entries.pop("__metadata__", None)
        tensors = {name: _tensor(name, entry) for name, entry in entries.items()}
    except _Unknown as unknown:
        raise Fault(
            f"{unknown} is a number format that safetensors does not know",
            "Save the weights as bfloat16, float16 or float32",
            path,
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Fault("this is not a safetensors file: its header is no valid list of tensors", AGAIN, path) from None
    end = 8 + length + max((entry["data_offsets"][1] for entry in entries.values()), default=0)
    if size < end:
        raise Fault(f"the file is cut short: {size:,} of {end:,} bytes are there", AGAIN, path)
    if size > end:
        raise Fault(f"the file has {size - end:,} bytes more than its header tells of", AGAIN, path)
    return tensors


def are_zero(path: str | Path, chosen: Callable[[str], bool]) -> bool:
    """Whether a file holds chosen tensors, and nothing but zeros in them. Reads no further than the first other byte.

    The file has to be one that `read_header` accepts.
    """
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        entries = json.loads(file.read(length))
        spans = [entry["data_offsets"] for name, entry in entries.items() if chosen(name)]
        for begin, end in spans:
            file.seek(8 + length + begin)
            while begin < end:
                block = file.read(min(end - begin, 1 << 20))
                if not block or block.strip(b"\0\x80"):  # 0x80 is the sign of a negative zero
                    return False
                begin += len(block)
    return bool(spans)


class _Unknown(Exception):
    """A tensor of a number format that is none."""


def _tensor(name: str, entry: dict) -> Tensor:
    """Check one entry: offsets that fit its shape and number format."""
    dtype, shape, (begin, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
    if not all(isinstance(one, int) and one >= 0 for one in (*shape, begin, end)):
        raise ValueError("negative or fractional size")
    if dtype not in BITS:
        raise _Unknown(f"{name} in {dtype}")
    if end < begin or (end - begin) * 8 != prod(shape) * BITS[dtype]:
        raise ValueError("offsets do not fit the shape")
    return Tensor(dtype, shape)


def times(shape: tuple[int, ...]) -> str:
    """A shape in words."""
    return " x ".join(map(str, shape)) or "a scalar"
