"""The content key of every result and table: a digest of everything that could change it, and of nothing else.

    key = digest(name, version, settings, parameters and inputs, keys of what it needs)

So another definition, another input or another parameter is another file, and what is in the archive is never stale.
"""

import functools

from phcore.archive.store import digest
from phcore.stages.registry.discovery import results, tables
from phcore.stages.registry.facts import value
from phcore.stages.registry.places import ends, labelled
from phcore.stages.registry.result import WHOLE_STUDY, Place, Result, Table
from phcore.study.record import Record


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
        return one.name, one.version, sorted(one.settings.items()), facts


@functools.lru_cache(maxsize=16)
def keys_of(record: Record) -> Keys:
    return Keys(record)
