"""What a study lacks: the archive files to make, each with the files it is made from."""

from collections import Counter
from dataclasses import dataclass

from phcore.archive.store import Store
from phcore.stages.registry import Place, keys_of, results, tables
from phcore.stages.registry.assembly import file_of, parts, published
from phcore.stages.registry.files import needed
from phcore.stages.registry.places import places
from phcore.study.record import Record

File = tuple[str, str]  # folder and key of an archive file
TABLES = "Tables"  # what progress calls putting them together


@dataclass(frozen=True)
class Unit:
    """One archive file to make.

    Attributes
    ----------
    name : of the result, or of the table.
    place : what it is for; None for a table.
    needs : the files it is made from.
    label : what progress calls work of this kind.
    """

    name: str
    place: Place | None
    file: File
    needs: tuple[File, ...]
    label: str

    @property
    def reads_a_model(self) -> bool:
        return self.place is not None and results()[self.name].reads_a_model

    @property
    def kind(self) -> str:
        """What its cost is known by: a result and the table of its files may share a name."""
        return self.name if self.place else f"table {self.name}"

    @property
    def words(self) -> str:
        return self.place.words if self.place else self.kind


@dataclass(frozen=True)
class Plan:
    """What is missing, each after what it is made from."""

    units: tuple[Unit, ...] = ()

    @property
    def empty(self) -> bool:
        return not self.units

    def totals(self) -> dict[str, int]:
        """Units by label, in the order in which they come."""
        return dict(Counter(unit.label for unit in self.units))

    def of(self, name: str) -> list[Unit]:
        """The units of one result or table."""
        return [unit for unit in self.units if unit.name == name]

    @property
    def readings(self) -> list[Unit]:
        return [unit for unit in self.units if unit.reads_a_model]


def plan(record: Record, store: Store) -> Plan:
    """Compare the study with the archive.

    What is only intermediate is wanted where something that is made from it is missing.
    """
    units = [unit for unit in all_units(record) if not store.has(*unit.file)]
    wanted = {need for unit in units if not _intermediate(unit) for need in unit.needs}
    for unit in reversed(units):  # those that need come before what they need
        if _intermediate(unit) and unit.file in wanted:
            wanted.update(unit.needs)
    return Plan(tuple(unit for unit in units if not _intermediate(unit) or unit.file in wanted))


def all_units(record: Record) -> list[Unit]:
    """Every archive file of a study, each once and after those it is made from."""
    keys = keys_of(record)
    found: dict[File, Unit] = {}
    for one in results().values():
        for place in places(record, one.per):
            file = (one.name, keys.of(one.name, place))
            if file not in found:  # series that share checkpoints share their files
                needs = tuple((need, key) for need, some in needed(record, place, one).items() for key in some)
                found[file] = Unit(one.name, place, file, needs, one.label)
    for name in published():
        file = file_of(record, name)
        needs = tuple(dict.fromkeys(parts(record, tables()[name])))
        found[file] = Unit(name, None, file, needs, TABLES)
    return list(found.values())


def labels() -> list[str]:
    """What progress can be about, in the order in which it comes."""
    return [*dict.fromkeys(one.label for one in results().values()), TABLES]


def _intermediate(unit: Unit) -> bool:
    """Whether a unit is wanted for the sake of others only."""
    return unit.place is not None and (one := results()[unit.name]).intermediate and not one.shown
