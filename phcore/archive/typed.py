"""Values that were read from files, as the types they should have: what others wrote is not to be trusted."""

import json
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from phcore.errors import Fault

T = TypeVar("T")


def typed(plain: Any, kind: type[T]) -> T:
    """Plain values (of JSON or TOML) as a dataclass or another type, checked all the way down.

    Raises
    ------
    Fault : that names the value, what it is and what it should be.
    """
    try:
        return msgspec.convert(plain, kind, dec_hook=_path)
    except (msgspec.ValidationError, OverflowError, RecursionError) as error:
        if isinstance(error.__cause__, Fault):  # of the dataclass itself
            raise error.__cause__ from None
        raise Fault(_words(error), "Correct it, or put back what was there before") from None


def from_json(data: bytes, kind: type[T]) -> T:
    """The same, of the bytes of a JSON file.

    Raises
    ------
    Fault : also where they are no JSON.
    """
    try:
        plain = json.loads(data)
        json.dumps(plain, ensure_ascii=False).encode()  # JSON can spell half a character, which no file can hold
    except (ValueError, RecursionError) as error:  # no UTF-8, no JSON, or nested too deeply
        raise Fault(f"it is no JSON ({str(error).splitlines()[0][:120]})", "Put back what was there before") from None
    return typed(plain, kind)


def _path(kind: type, value: object) -> Path:
    if kind is Path and isinstance(value, str) and "\0" not in value:
        return Path(value)
    raise ValueError(f"Expected `{kind.__name__.lower()}`, got `{type(value).__name__}`")


def _words(error: Exception) -> str:
    """msgspec's "Expected `int`, got `str` - at `$.layers[0]`" as we would say it."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    what, _, place = str(error).partition(" - at ")
    where = place.strip("`").removeprefix("$").lstrip(".")
    what = what[:1].lower() + what[1:].replace("`", "")
    for machine, plain in _TYPES.items():
        what = what.replace(machine, plain)
    return f"{where} has the wrong type: {what}" if where else f"it has the wrong type: {what}"


_TYPES = {
    "bool": "true or false", "int": "a whole number", "float": "a number", "str": "a text", "array": "a list",
    "object": "an object", "null": "nothing",
}  # fmt: skip
