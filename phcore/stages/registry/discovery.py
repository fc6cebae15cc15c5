"""The registry: what the files of `phcore.stages` declare, each after what it needs."""

import functools
import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from typing import TypeVar

import phcore.stages
from phcore.stages.registry.result import Result, Table

Declared = TypeVar("Declared", Result, Table)


def results() -> dict[str, Result]:
    """Name -> result; each after those it needs."""
    return _found()[0]


def tables() -> dict[str, Table]:
    """Name -> table; each after those it needs."""
    return _found()[1]


@functools.cache
def _found() -> tuple[dict[str, Result], dict[str, Table]]:
    names = sorted(one.name for one in pkgutil.iter_modules(phcore.stages.__path__) if not one.ispkg)
    modules = [importlib.import_module(f"phcore.stages.{name}") for name in names]
    declared = [vars(module)[name] for module in modules for name in ("RESULT", "TABLE") if name in vars(module)]
    return tuple(_in_order([one for one in declared if isinstance(one, kind)]) for kind in (Result, Table))


def _in_order(declared: Iterable[Declared]) -> Mapping[str, Declared]:
    """By name, each after what it needs.

    Raises
    ------
    ValueError
        where two have one name, one needs what there is not, or they need each other.
    """
    left = {one.name: one for one in declared}
    if len(left) < len(list(declared)):
        raise ValueError("two declarations have the same name")
    ordered: dict[str, Declared] = {}
    while left:
        free = [one for one in left.values() if not set(one.needs) & left.keys()]
        if not free:
            raise ValueError(f"these need each other: {', '.join(left)}")
        for one in free:
            if strange := set(one.needs) - ordered.keys() - {other.name for other in free}:
                raise ValueError(f"{one.name} needs {', '.join(strange)}, which nothing declares")
            ordered[one.name] = left.pop(one.name)
    return ordered
