"""Where results stand in a study: the places of each kind, and the labels of their rows in a table."""

from collections.abc import Callable, Iterator
from itertools import combinations

from phcore.stages.registry.result import (
    CELL,
    CHECKPOINT,
    PAIR_LAYER,
    SECOND_READING,
    SERIES_LAYER,
    STUDY,
    TRANSITION,
    TRANSITION_LAYER,
    WHOLE_STUDY,
    Place,
)
from phcore.study.record import Node, Record

Labels = tuple[object, ...]


def _checkpoints(record: Record) -> Iterator[tuple[Labels, Place]]:
    for name, node in _of_series(record):
        yield (name, node.step), Place((node,))


def _cells(record: Record) -> Iterator[tuple[Labels, Place]]:
    for name, node in _of_series(record):
        for layer in record.layers:
            yield (name, node.step, layer), Place((node,), layer)


def _transitions(record: Record) -> Iterator[tuple[Labels, Place]]:
    for name, a, b in record.transitions():
        yield (name, a.step, b.step), Place((a, b))


def _transitions_at_layers(record: Record) -> Iterator[tuple[Labels, Place]]:
    for name, a, b in record.transitions():
        for layer in record.layers:
            yield (name, a.step, b.step, layer), Place((a, b), layer)


def _pairs(record: Record) -> Iterator[tuple[Labels, Place]]:
    for layer in record.layers:
        for a, b in combinations(record.ready, 2):
            yield (a.label, a.step, b.label, b.step, layer), Place((a, b), layer)


def _series_at_layers(record: Record) -> Iterator[tuple[Labels, Place]]:
    for one in record.series:
        path = record.path_of(one.name)
        if len(path) > 1:
            for layer in record.layers:
                yield (one.name, layer), Place(path, layer)


def _second_readings(record: Record) -> Iterator[tuple[Labels, Place]]:
    """The base's own stand at step 0 of every series that starts there."""
    for name, node in _of_series(record):
        for again, reading in record.second_readings:
            if again == node:
                for layer in record.layers:
                    yield (name, node.step, layer, reading), Place((node,), layer, reading)


def _study(record: Record) -> Iterator[tuple[Labels, Place]]:
    yield (), WHOLE_STUDY


def _of_series(record: Record) -> Iterator[tuple[str, Node]]:
    """The checkpoints of each series; the base opens each that has no step 0 of its own."""
    for one in record.series:
        for node in record.path_of(one.name):
            yield one.name, node


_KINDS: dict[str, tuple[tuple[str, ...], Callable[[Record], Iterator[tuple[Labels, Place]]]]] = {
    CHECKPOINT: (("series", "step"), _checkpoints),
    CELL: (("series", "step", "layer"), _cells),
    TRANSITION: (("series", "step_from", "step"), _transitions),
    TRANSITION_LAYER: (("series", "step_from", "step", "layer"), _transitions_at_layers),
    PAIR_LAYER: (("series_a", "step_a", "series_b", "step_b", "layer"), _pairs),
    SERIES_LAYER: (("series", "layer"), _series_at_layers),
    SECOND_READING: (("series", "step", "layer", "kind"), _second_readings),
    STUDY: ((), _study),
}


def labels(kind: str) -> tuple[str, ...]:
    """Names of the columns that say which place a row belongs to."""
    return _KINDS[kind][0]


def labelled(record: Record, kind: str) -> Iterator[tuple[Labels, Place]]:
    """The places of a study with the labels of their rows. A place that several series share comes once for each."""
    return _KINDS[kind][1](record)


def places(record: Record, kind: str) -> Iterator[Place]:
    """Every place of a kind. The base is one even where no series starts at it."""
    if kind == CHECKPOINT:
        yield from (Place((node,)) for node in record.ready)
    elif kind == CELL:
        yield from (Place((node,), layer) for node in record.ready for layer in record.layers)
    elif kind == SECOND_READING:
        yield from (
            Place((node,), layer, reading) for node, reading in record.second_readings for layer in record.layers
        )
    else:
        yield from (place for _, place in labelled(record, kind))


def ends(place: Place, kind: str) -> list[Place]:
    """The places of another kind that a place consists of: the two cells of a transition, for instance."""
    if kind == CHECKPOINT:
        return [Place((node,)) for node in place.nodes]
    if kind == CELL:
        return [Place((node,), place.layer) for node in place.nodes]
    return [place]
