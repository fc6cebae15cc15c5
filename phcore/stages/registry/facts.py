"""What is known of a study beside its parameters, by name: results and tables declare which of it they depend on."""

from collections.abc import Callable

from phcore.stages.registry.result import Place
from phcore.study.record import Record

FACTS: dict[str, Callable[[Record, Place], object]] = {
    "weights": lambda record, place: tuple(node.fingerprint for node in place.nodes),
    "steps": lambda record, place: tuple(node.step for node in place.nodes),
    "layer": lambda record, place: place.layer,
    "reading": lambda record, place: place.reading,
    "tokenizer": lambda record, place: record.tokenizer,
    "prompts": lambda record, place: record.probe_digest,
    "references": lambda record, place: record.reference_digest,
    "categories": lambda record, place: record.category_digest,
    "scalars": lambda record, place: record.scalars,
    "n_prompts": lambda record, place: record.n_prompts,
    "n_layers": lambda record, place: record.n_layers,
    "layers": lambda record, place: record.layers,
    "checkpoints": lambda record, place: tuple((node.label, node.step) for node in record.ready),
    "objectives": lambda record, place: {one.name: one.objective for one in record.series},
    "series_steps": lambda record, place: {
        one.name: [node.step for node in record.path_of(one.name)] for one in record.series
    },
    "record": lambda record, place: tuple(
        (node.label, node.step, node.kind, node.size, node.status, node.fingerprint) for node in record.nodes
    ),
    "read": lambda record, place: None,  # every table: of what is put together at every reading only
}


def value(name: str, record: Record, place: Place) -> object:
    """A fact, or else the parameter of the study that has this name."""
    return FACTS[name](record, place) if name in FACTS else getattr(record.study, name)
