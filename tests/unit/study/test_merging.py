"""Two machines and one bucket: what one of them added to a study is not lost by what the other sent."""

from dataclasses import replace
from pathlib import Path

import pytest

from phcore import Study
from phcore.archive.permissions import KINDS
from phcore.study import Series, kept, raised, saved_views
from phcore.study.merging import merged
from phcore.study.record import LIVE, Node, Record

NODE = Node("base", 0, "full", "/m", 1, "ready", fingerprint="a")


def record(*looks: str, **of_study) -> Record:
    series = tuple(Series(name, Path("/runs", name)) for name in looks)
    study = Study("mine", Path("/m"), series=series, **of_study)
    nodes = (NODE, *(Node(name, 1, LIVE, f"/runs/{name}/look-1", 0, "ready", fingerprint=name) for name in looks))
    return Record(study, (1,), 2, 8, 4, "p", "t", nodes)


@pytest.mark.parametrize("how", ["sent first", "sent last"])
def test_what_is_private_and_what_was_added_survives_the_other_machine(machine, how):
    one = machine("one")
    kept.keep(record(), one)
    one.send()
    two = machine("two")
    assert kept.read(two, "mine") is not None
    # Now both work, and neither knows of the other.
    kept.keep(record("left", private=("prompts",)), one)
    saved_views.save(saved_views.View("of one", "overview", "step=1"), "mine", one)
    raised.add([raised.Raised("left", 1, "jump", "One.")], "mine", one)
    folder = two.root / "studies" / "mine"
    two.write_file(folder / "record.json", record("right").to_json())
    two.write_file(folder / "study.toml", record("right").study.to_toml().encode())
    saved_views._write([saved_views.View("of two", "overview", "step=2")], "mine", two)
    two.write_file(folder / raised.FILE, b'{"series": "right", "step": 1, "kind": "jump", "words": "Two."}\n')
    for store in (one, two) if how == "sent first" else (two, one):
        store.send()
    three = machine("three", read_only=True)
    shown = kept.read(three, "mine")
    assert shown.study.private == ("prompts",)
    assert Study.read(three.root / "studies" / "mine" / "study.toml").private == ("prompts",)
    assert {node.label for node in shown.nodes} == {"base", "left", "right"}
    assert {one.name for one in saved_views.views("mine", three)} == {"of one", "of two"}
    assert {one.words for one in raised.read("mine", three)} == {"One.", "Two."}


def test_what_cannot_be_read_hides_everything_or_is_as_the_bucket_has_it():
    theirs = record().study.to_toml().encode()
    for ours in (b"private = [", b"\xff", b"a=" + b"[" * 5000):
        assert f'"{KINDS[0]}"' in merged("study.toml", ours, theirs).decode()
    for name in ("record.json", "views.json", "measures.csv"):
        assert merged(name, b"{", b"[]") == b"[]"
        assert merged(name, b"[]", b"{") == b"{"
    other = replace(NODE, fingerprint="b")
    theirs = replace(record(), nodes=(other,)).to_json()
    assert merged("record.json", record("left").to_json(), theirs) == theirs  # looks at another model
