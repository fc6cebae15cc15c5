"""What comes first: a new study shows its first picture soon, long before all of it is computed.

The base and the first checkpoint of each series are read before all others, and of them one layer is measured before
everything else: the one that pages open on. The order changes no result, because a file follows from its key alone.
"""

from heapq import heappop, heappush
from itertools import count

from phcore.pipeline.plan import Unit
from phcore.stages.registry import results
from phcore.study.record import Node, Record


def first_checkpoints(record: Record) -> tuple[Node, ...]:
    """The base, and the first usable checkpoint of each series."""
    ready = record.ready
    own = (next((node for node in ready if node.label == one.name), None) for one in record.series)
    return tuple(node for node in (record.base, *own) if node is not None)


def reading_order(record: Record) -> list[Node]:
    """All checkpoints in the order in which they are read."""
    return list(dict.fromkeys([*first_checkpoints(record), *record.nodes]))


class Queue:
    """Units that can be computed: those of the first picture before all others, each kind in order of arrival."""

    def __init__(self, record: Record):
        self._first = set(first_checkpoints(record))
        self._layer = record.layers[len(record.layers) // 2]
        self._units: list[tuple[bool, int, Unit]] = []
        self._arrived = count()

    def __bool__(self) -> bool:
        return bool(self._units)

    def put(self, unit: Unit) -> None:
        heappush(self._units, (not self._is_first(unit), next(self._arrived), unit))

    def take(self) -> Unit:
        return heappop(self._units)[-1]

    def _is_first(self, unit: Unit) -> bool:
        place = unit.place
        return (
            place is not None
            and place.layer == self._layer
            and results()[unit.name].first
            and self._first.issuperset(place.nodes)
        )
