"""Where results stand in a study: the places of each kind, and the labels of their rows in a table."""

from collections.abc import Callable, Iterator

from phcore.stages.registry.result import (
    ANSWERED,
    CELL,
    CHECKPOINT,
    FROM_BASE,
    ON_BASE,
    PAIR_LAYER,
    SECOND_READING,
    STUDY,
    TOKEN_CELL,
    TRANSITION,
    TRANSITION_LAYER,
    WHOLE_STUDY,
    Place,
)
from phcore.study.pairs import pairs
from phcore.study.record import Record

Labels = tuple[object, ...]
Labelled = Callable[[Record], Iterator[tuple[Labels, Place]]]


def _checkpoints(record: Record) -> Iterator[tuple[Labels, Place]]:
    """Those of each series; the base opens each that has no step 0 of its own."""
    for one in record.series:
        for node in record.path_of(one.name):
            yield (one.name, node.step), Place((node,))


def _with_tokens(record: Record) -> Iterator[tuple[Labels, Place]]:
    """The checkpoints of a study that names prompts of which it keeps every token."""
    return _checkpoints(record) if record.study.tokens else iter(())


def _answered(record: Record) -> Iterator[tuple[Labels, Place]]:
    """The checkpoints of a study that names prompts of which it keeps the answers."""
    return _checkpoints(record) if record.study.answers else iter(())


def _from_base(record: Record) -> Iterator[tuple[Labels, Place]]:
    """No series that does not start at step 0."""
    for one in record.series:
        path = record.path_of(one.name)
        for node in path[1:] if path and path[0].step == 0 else ():
            yield (one.name, node.step), Place((path[0], node))


def _on_base(record: Record) -> Iterator[tuple[Labels, Place]]:
    """The first of each series stands on itself."""
    for one in record.series:
        for node in (path := record.path_of(one.name)):
            yield (one.name, node.step), Place((path[0], node))


def _transitions(record: Record) -> Iterator[tuple[Labels, Place]]:
    for name, a, b in record.transitions():
        yield (name, a.step, b.step), Place((a, b))


def _at_layers(kind: Labelled) -> Labelled:
    """The same at every layer of the study."""
    return lambda record: (
        ((*label, layer), Place(place.nodes, layer)) for label, place in kind(record) for layer in record.layers
    )


def _pairs(record: Record) -> Iterator[tuple[Labels, Place]]:
    compared = pairs(record)
    for layer in record.layers:
        for a, b in compared:
            yield (a.label, a.step, b.label, b.step, layer), Place((a, b), layer)


def _second_readings(record: Record) -> Iterator[tuple[Labels, Place]]:
    """The base's own stand at step 0 of every series that starts there."""
    for label, place in _checkpoints(record):
        for again, reading in record.second_readings:
            if place.nodes == (again,):
                for layer in record.layers:
                    yield (*label, layer, reading), Place(place.nodes, layer, reading)


_KINDS: dict[str, tuple[tuple[str, ...], Labelled]] = {
    CHECKPOINT: (("series", "step"), _checkpoints),
    CELL: (("series", "step", "layer"), _at_layers(_checkpoints)),
    ANSWERED: (("series", "step"), _answered),
    TOKEN_CELL: (("series", "step", "layer"), _at_layers(_with_tokens)),
    FROM_BASE: (("series", "step"), _from_base),
    ON_BASE: (("series", "step", "layer"), _at_layers(_on_base)),
    TRANSITION: (("series", "step_from", "step"), _transitions),
    TRANSITION_LAYER: (("series", "step_from", "step", "layer"), _at_layers(_transitions)),
    PAIR_LAYER: (("series_a", "step_a", "series_b", "step_b", "layer"), _pairs),
    SECOND_READING: (("series", "step", "layer", "kind"), _second_readings),
    STUDY: ((), lambda record: iter([((), WHOLE_STUDY)])),
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
