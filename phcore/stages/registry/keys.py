"""The content key of every result and table: a digest of everything that could change it, and of nothing else.

    key = digest(name, version, settings, parameters and inputs, keys of what it needs)

So another definition, another input or another parameter is another file, and what is in the archive is never stale.
"""

import functools
from collections.abc import Callable

from phcore.analysis.copies import distinct
from phcore.archive.store import digest
from phcore.stages.registry.discovery import results, tables
from phcore.stages.registry.places import ends, labelled
from phcore.stages.registry.result import WHOLE_STUDY, Place, Result, Table
from phcore.study.definition import METRICS, ORDERS
from phcore.study.record import TOP, Record

UNSAID = "unsaid"
"""A fact that stands in no key: what is as it was before it could be chosen, so that keys are as they were then."""

# What is known of a study beside its parameters, by name: results and tables declare which of it they depend on.
FACTS: dict[str, Callable[[Record, Place], object]] = {
    "weights": lambda record, place: tuple(node.fingerprint for node in place.nodes),
    "ends": lambda record, place: tuple(node.ends for node in place.nodes if node.ends) or UNSAID,
    "layer": lambda record, place: place.layer,
    "reading": lambda record, place: place.reading,
    "tokenizer": lambda record, place: record.tokenizer,
    "prompts": lambda record, place: record.probe_digest,
    "pooling": lambda record, place: UNSAID if record.study.pooling == "last" else record.pooling,
    # What `sensitivity` varies is what studies may choose: one more choice is one more row.
    "metrics_offered": lambda record, place: UNSAID if METRICS == ("euclidean", "cosine") else METRICS,
    "orders_offered": lambda record, place: UNSAID if (1.0, 2.0, float("inf")) == ORDERS else ORDERS,
    "kept_tokens": lambda record, place: UNSAID if record.next_tokens == TOP else record.next_tokens,
    "references": lambda record, place: record.reference_digest,
    "categories": lambda record, place: record.category_digest,
    "scalars": lambda record, place: record.scalars,
    "n_prompts": lambda record, place: record.n_prompts,
    "subsample_size": lambda record, place: record.subsample_size,  # the number that it comes to, said or not
    "n_layers": lambda record, place: record.n_layers,
    "layers": lambda record, place: record.layers,
    "checkpoints": lambda record, place: tuple((node.label, node.step) for node in record.ready),
    "objectives": lambda record, place: {one.name: one.objective for one in record.series},
    "run_of": lambda record, place: distinct(weights(record)),
    "series_steps": lambda record, place: {
        one.name: [node.step for node in record.path_of(one.name)] for one in record.series
    },
    "learned": lambda record, place: learned(record) or UNSAID,  # no log was read before 0.4, and not all runs have one
    "record": lambda record, place: tuple(
        (node.label, node.step, node.kind, node.size, node.status, node.fingerprint) for node in record.nodes
    ),
    "read": lambda record, place: None,  # every table: of what is put together at every reading only
}


def weights(record: Record) -> dict[str, dict[int, str]]:
    """Series -> step -> fingerprint of its checkpoint."""
    return {one.name: {node.step: node.fingerprint for node in record.path_of(one.name)} for one in record.series}


def learned(record: Record) -> dict[str, dict[int, float]]:
    """Series -> step -> sum of the learning rates up to there; of the runs whose logs say it, from step 0 on."""
    paths = {one.name: record.path_of(one.name) for one in record.series}
    known = {name: {node.step: node.learned if node.step else 0.0 for node in path} for name, path in paths.items()}
    return {name: own for name, own in known.items() if len(own) > 1 and None not in own.values()}


def value(name: str, record: Record, place: Place) -> object:
    """A fact, or else the parameter of the study that has this name."""
    return FACTS[name](record, place) if name in FACTS else getattr(record.study, name)


class Keys:
    """The keys of one study. Each is made once: a table's key is made of those of all its files."""

    def __init__(self, record: Record):
        self.record = record
        self._results: dict[tuple[str, Place], str] = {}
        self._tables: dict[str, str] = {}

    def of(self, name: str, place: Place) -> str:
        """32 hex digits: the name of a result's file."""
        known = self._results.get((name, place))
        if known is None:
            one = results()[name]
            needs = [[self.of(need, end) for end in ends(place, results()[need].per)] for need in one.needs]
            known = self._results[name, place] = digest(*self._own(one, place), needs)
        return known

    def of_table(self, name: str) -> str:
        """32 hex digits, for every table: also for those that are not published, which others may be made from."""
        if name not in self._tables:
            one = tables()[name]
            files = []
            if one.gathers:
                gathered = results()[one.gathers]
                files = [(rows, self.of(gathered.name, place)) for rows, place in labelled(self.record, gathered.per)]
            needs = [self.of_table(need) for need in one.needs]
            self._tables[name] = digest("table", *self._own(one, WHOLE_STUDY), one.select, files, needs)
        return self._tables[name]

    @functools.cached_property
    def study(self) -> str:
        """Changes whenever any table of the study is another one."""
        return digest([self.of_table(name) for name in tables()])

    def _own(self, one: Result | Table, place: Place) -> tuple:
        facts = [(name, value(name, self.record, place)) for name in (*one.parameters, *one.inputs)]
        said = [(name, fact) for name, fact in facts if fact is not UNSAID]
        return one.name, one.version, sorted(one.settings.items()), said


_latest: tuple[Record | None, Keys | None] = None, None


def keys_of(record: Record) -> Keys:
    """The keys of a study: the same object for the same record."""
    global _latest
    known, keys = _latest
    if known is not record:  # as it seldom is; to compare two takes longer than to read a key
        keys = _keys(record)
        _latest = record, keys
    return keys


def forget() -> None:
    """After a declaration has changed."""
    global _latest
    _latest = None, None
    _keys.cache_clear()


@functools.lru_cache(maxsize=16)
def _keys(record: Record) -> Keys:
    return Keys(record)
