"""Which two checkpoints of a study are compared: those that screens and verdicts read, or all, once somebody asks.

All pairs grow with the square of the checkpoints. Those that are needed grow in proportion to them.
"""

from itertools import combinations, pairwise
from math import comb

from phcore.study.record import ALL, Node, Record

WALKED = 12
"""Checkpoints of a series, the base not counted, up to which all of them are compared with each other, as the null that
walks between them in random order has to: 78 pairs at the most, where a longer series takes two for each checkpoint."""


def pairs(record: Record) -> list[tuple[Node, Node]]:
    """Each two checkpoints that the study compares, in the order of its record."""
    return list(combinations(record.ready, 2)) if record.pairs == ALL else needed(record)


def needed(record: Record) -> list[tuple[Node, Node]]:
    """What screens and verdicts read: each checkpoint with the base, with the one before it, and with those of other
    series at the same step; in a short series each with each."""
    place = {node: number for number, node in enumerate(record.ready)}
    at_step: dict[int, list[Node]] = {}
    for node in place:
        at_step.setdefault(node.step, []).append(node)
    found: set[tuple[Node, Node]] = {(record.base, node) for node in place if record.base in place}
    for one in record.series:
        path = record.path_of(one.name)
        found.update(combinations(path, 2) if len(path) <= WALKED + 1 else pairwise(path))
    for nodes in at_step.values():
        found.update((a, b) for a, b in combinations(nodes, 2) if a.label != b.label)
    numbers = {tuple(sorted((place[a], place[b]))) for a, b in found if a != b}
    return [(record.ready[a], record.ready[b]) for a, b in sorted(numbers)]


def left_out(record: Record) -> int:
    """How many pairs of checkpoints, at each layer, the study does not compare."""
    return 0 if record.pairs == ALL else comb(len(record.ready), 2) - len(needed(record))


def without_walk(record: Record) -> list[str]:
    """Series whose checkpoints are not all compared with each other."""
    if record.pairs == ALL:
        return []
    return [one.name for one in record.series if len(record.path_of(one.name)) > WALKED + 1]
