"""What comes first: the base and the first checkpoints, at one layer, before anything else."""

from phcore.archive.store import Store
from phcore.pipeline.order import Queue, first_checkpoints, reading_order
from phcore.pipeline.plan import all_units
from phcore.stages.registry import results
from phcore.study import kept


def record_of(computed):
    return kept.read(Store(computed[1]), "tiny")


def test_the_first_checkpoint_of_each_series_is_read_before_all_others(computed):
    record = record_of(computed)
    order = reading_order(record)
    assert [(node.label, node.step) for node in order[:4]] == [
        ("base", 0),
        ("helpful", 1),
        ("harmless", 1),
        ("full", 2),
    ]
    assert sorted(map(repr, order)) == sorted(map(repr, record.nodes))


def test_what_makes_the_first_picture_is_taken_first_whenever_it_comes(computed):
    record = record_of(computed)
    units = [unit for unit in all_units(record) if not unit.reads_a_model]
    queue = Queue(record)
    for unit in reversed(units):
        queue.put(unit)
    taken = []
    while queue:
        taken.append(queue.take())
    assert sorted(unit.file for unit in taken) == sorted(unit.file for unit in units)
    first = set(first_checkpoints(record))
    picture = [
        unit for unit in units
        if unit.place and results()[unit.name].first and unit.place.layer == 1 and first.issuperset(unit.place.nodes)
    ]  # fmt: skip
    assert {unit.name for unit in picture} == {"cells", "diagrams", "summaries", "edges", "coordinates"}
    assert len(picture) == 5 * 4
    assert {unit.file for unit in taken[: len(picture)]} == {unit.file for unit in picture}
    rest = taken[len(picture) :]  # in the order in which they came
    assert rest == [unit for unit in reversed(units) if unit in rest]
