"""All pairs of checkpoints, asked for after the needed ones: what is computed then, and what stays."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from phcore.archive.store import Store
from phcore.cli.main import main
from phcore.export.results import Results
from phcore.figures.figure import Choice
from phcore.figures.registry import FIGURES
from phcore.pipeline.plan import plan
from phcore.study import kept
from phcore.study.record import ALL, NEEDED
from phcore.study.resolve import resolve
from tests import studies

OF_A_PAIR = ["series_a", "step_a", "series_b", "step_b", "layer", "degree", "scale"]
MORE = 7 * 3  # of 21 pairs 14 are needed; layers


def of_pairs(todo) -> int:
    return sum(unit.place is not None for unit in todo.of("distances"))


def test_asking_computes_what_is_missing_and_changes_no_other_number(computed, compared):
    few, all_of_them = Results.open("tiny", computed[1]), Results.open("tiny", compared)
    assert (few.record.pairs, all_of_them.record.pairs) == (NEEDED, ALL)
    todo = plan(replace(few.record, pairs=ALL), few.store)
    assert of_pairs(todo) == MORE
    assert {unit.name for unit in todo.units if unit.place} == {"distances"}
    assert {unit.name for unit in todo.units if not unit.place} == studies.tables_resting_on(["distances"])
    before, after = (one.table("distances").set_index(OF_A_PAIR)["value"] for one in (few, all_of_them))
    pd.testing.assert_series_equal(after.loc[before.index], before, check_exact=True)
    assert len(after) - len(before) == MORE * 2 * 2  # degrees, scales
    for name in ("dynamics", "concentration", "separation"):  # series are short: their walks were there
        pd.testing.assert_frame_equal(few.table(name), all_of_them.table(name), check_exact=True)
    assert all_of_them.finished


def test_once_asked_for_all_stay_asked_for(computed, compared, tmp_path):
    store = studies.copy_archive(compared, tmp_path / "cache")
    record = resolve(computed[0], store)
    assert record.pairs == ALL
    assert plan(record, store).empty
    assert plan(replace(record, pairs=NEEDED), store).totals().keys() <= {"Tables"}


def test_a_study_of_before_has_all_pairs_and_nothing_is_missing(compared, tmp_path, monkeypatch, capsys):
    store = studies.copy_archive(compared, tmp_path / "cache")
    path = store.root / "studies" / "tiny" / "record.json"
    plain = json.loads(path.read_text())
    del plain["pairs"]
    path.write_text(json.dumps(plain))
    monkeypatch.setenv("PHCORE_CACHE", str(store.root))
    assert main(["compute", "tiny", "--workers", "1"]) == 0
    assert capsys.readouterr().out == "Nothing was missing: study tiny.\n"


def test_the_shell_computes_them_without_the_models_and_without_losing_a_finished_study(
    computed, tmp_path, monkeypatch, capsys
):
    store = studies.copy_archive(computed[1], tmp_path / "cache")
    record = kept.read(store, "tiny")
    gone = replace(record, nodes=tuple(replace(node, path="/nowhere") for node in record.nodes))
    kept.keep(replace(gone, study=gone.study.with_(model="/nowhere")), store)
    monkeypatch.setenv("PHCORE_CACHE", str(store.root))
    assert main(["estimate", "tiny"]) == 0
    assert capsys.readouterr().out == "Everything is computed already.\n"
    assert main(["estimate", "tiny", "--pairs", "all"]) == 0
    assert capsys.readouterr().out.startswith("0 checkpoints to read, ")

    def stop(*_):
        assert kept.read(store, "tiny").pairs == NEEDED  # while they are computed
        return 0.0

    monkeypatch.setattr("phcore.pipeline.clock.Clock.done", stop)
    assert main(["compute", "tiny", "--pairs", "all", "--workers", "1"]) == 0
    assert capsys.readouterr().out.startswith("Finished: study tiny")
    results = Results.open("tiny", Store(store.root))
    assert results.record.pairs == ALL
    assert results.finished
    assert main(["compute", "tiny", "--pairs", "all", "--workers", "1"]) == 0
    assert capsys.readouterr().out.startswith("Nothing was missing")


def test_a_new_checkpoint_adds_its_own_pairs_only(compared):
    """The study without its last checkpoint lacks none: what is kept of a pair knows of no other one."""
    store = Store(compared)
    record = kept.read(store, "tiny")
    assert of_pairs(plan(replace(record, nodes=record.nodes[:-1]), store)) == 0


@pytest.mark.parametrize(("null", "longer", "said"), [
    ("checkpoints", ["a", "b"], True), ("checkpoints", [], False), ("studentised", ["a", "b"], False),
])  # fmt: skip
def test_that_a_long_series_has_no_walk_unless_it_is_asked_for_is_said(computed, null, longer, said):
    results = Results.open("tiny", computed[1])
    read = FIGURES["concentration"].data(results, Choice.of(results, layer=2, null=null))
    assert read.longer == []
    read.longer = longer
    words = "computed when asked for (a, b): python -m phcore compute tiny --pairs all"
    assert (words in FIGURES["concentration"].warning(read)) == said
