"""Studies of version 0.3: taken over as they are, and nothing of them is computed again."""

import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from phcore.archive.permissions import Permissions
from phcore.archive.store import SCHEMA, Store
from phcore.cli.main import main
from phcore.errors import Fault
from phcore.export.pack import unpack
from phcore.export.results import Results
from phcore.pipeline.plan import plan
from phcore.stages.registry import assembly, earlier, results, tables
from phcore.study import kept

DATA = Path(__file__).resolve().parents[2] / "data" / "archive-0.3.zip"
# What that version did not know, and no finished table is made of.
LATER = {"prompt_lengths", "category_means", "edges"}
UNASKED = {
    "token_clouds",
    "token_bars",
    "token_shapes",
    "greedy_answers",
}  # where the study file names no prompts for them
LATER_TABLES = {"edges", "token_bars", "token_shapes", "projection_moves"}
AT_EVERY_READING = {"behaviour", "behaviour_moves", "checkpoints", "findings", "subsamples", "verdicts"}
# What is measured since, and so is all that a finished study of that version lacks.
SINCE = {"departures", "halfway", "windows", "net_change"}
SINCE |= {"coordinates", "confounds", "spectra", "directions", "length_removed", "variant_loops"}  # of hidden states
SINCE |= {"early_final"}  # defined otherwise since
THEN = [
    name for name in tables() if name not in SINCE | LATER_TABLES | {"findings", "verdicts"}
]  # verdicts have other rules now


@pytest.fixture(scope="module")
def frozen(tmp_path_factory):
    """What version 0.3 left: its archive in `cache`, what it gave for each table, and a pack."""
    folder = tmp_path_factory.mktemp("frozen")
    with zipfile.ZipFile(DATA) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture
def store(frozen, tmp_path):
    shutil.copytree(frozen / "cache", tmp_path / "cache")
    return Store(tmp_path / "cache")


@pytest.fixture
def nothing_is_computed(monkeypatch):
    """Whatever would be computed, or put together to be kept, fails."""
    for one in results().values():
        monkeypatch.setitem(results(), one.name, replace(one, compute=None))
    monkeypatch.setattr(assembly, "publish", None)


def as_finished_as_it_was(study: Results) -> bool:
    """What is made from readings that are gone counts as missing no more."""
    return "windows" in study.missing and set(study.missing) <= SINCE and study.complete


def files(store: Store, below: str = "") -> dict[str, tuple]:
    """Name -> time and bytes."""
    return {
        str(path.relative_to(store.root)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in (store.root / below).rglob("*")
        if path.is_file()
    }


def as_now(frozen: Path, name: str) -> pd.DataFrame:
    """A table as version 0.3 gave it, with the names it has now."""
    found = pd.read_parquet(frozen / "tables" / f"{earlier.RENAMED.get(name, name)}.parquet")
    return found.rename(columns={"unit": "median_distance"})


# --- there is everything ------------------------------------------------------------------------------


def test_opening_takes_it_over_without_computing(store, nothing_is_computed):
    before = files(store, "v1")
    study = Results.open("frozen", store)
    assert study.notes == ()
    assert as_finished_as_it_was(study)
    assert {unit.name for unit in plan(study.record, store).units} == SINCE | LATER
    assert files(store, "v1") == before
    assert json.loads((store.root / "studies" / "frozen" / "record.json").read_bytes())["format"] == 2


@pytest.fixture(scope="module")
def taken(frozen, tmp_path_factory):
    shutil.copytree(frozen / "cache", tmp_path_factory.mktemp("taken") / "cache")
    return Results.open("frozen", tmp_path_factory.getbasetemp() / "taken0" / "cache")


@pytest.mark.parametrize("name", THEN)
def test_every_table_is_the_one_it_was(frozen, taken, name):
    old, new = as_now(frozen, name), taken.table(name)
    assert list(new.columns) == list(tables()[name].columns)
    pd.testing.assert_frame_equal(new, old[list(new.columns)], check_dtype=False, rtol=1e-12, atol=1e-12)
    assert len(new) or name == "runs"  # one per objective


@pytest.mark.parametrize("name", [name for name in THEN if name not in AT_EVERY_READING])
def test_every_table_is_what_its_parts_give_now(frozen, taken, name):
    """Taken over or put together anew: the same numbers, so nothing hides behind what was kept."""
    again = assembly.assembled(taken.record, taken.store, tables()[name])
    old = as_now(frozen, name)
    columns = [column for column in old.columns if column not in ("g_lo", "g_hi")]
    pd.testing.assert_frame_equal(again[columns], old[columns], check_dtype=False, rtol=1e-6, atol=1e-9)


def test_every_result_is_there(taken):
    there = {path.parent.name for path in taken.store.root.glob(f"{SCHEMA}/*/*.parquet")}
    # The second readings themselves were not kept; what was made from them was.
    assert there == {*results(), "tables", "probes", "scalars"} - {"second_clouds"} - SINCE - LATER - UNASKED
    for one in results().values():
        if one.name not in {"second_clouds", *SINCE, *LATER, *UNASKED}:
            assert len(list(taken.store.root.glob(f"{SCHEMA}/{one.name}/*"))) > 0


def test_what_is_measured_since_is_put_together_where_its_parts_are_there(taken):
    assert set(taken.table("windows")["use"]) == {"transitions"}  # three checkpoints make no equal windows
    assert len(taken.findings()) == 5
    assert len(taken.table("verdicts")) == 5 * 2 * 3


def test_opening_twice_does_nothing(store, monkeypatch):
    Results.open("frozen", store)
    before = files(store)
    monkeypatch.setattr(earlier, "take_over", None)
    assert Results.open("frozen", store).notes == ()
    assert files(store) == before


def test_bars_and_clouds_are_at_hand(frozen, taken):
    old = as_now(frozen, "bars")
    series, step, layer = old[["series", "step", "layer"]].iloc[-1]
    mine = taken.bars(series, step, layer)
    theirs = old[(old["series"] == series) & (old["step"] == step) & (old["layer"] == layer)]
    np.testing.assert_array_equal(mine[["birth", "death"]], theirs[["birth", "death"]])
    assert taken.cloud(series, step, layer).shape[0] == taken.record.n_prompts


# --- what is not as it was ----------------------------------------------------------------------------


def rewrite_probes(store: Store, change) -> None:
    (path,) = (store.root / "v1" / "probes").iterdir()
    change(pd.read_parquet(path)).to_parquet(path, index=False)


def test_other_categories_make_exactly_their_tables_stale(store):
    rewrite_probes(store, lambda frame: frame.assign(category=["even", "odd"] * (len(frame) // 2)))
    study = Results.open("frozen", store)
    (note,) = study.notes
    stale = {"scores", "divergence", "lags"}
    assert {
        name for name in tables() if name in note.replace(",", " ").replace("(", " ").replace(")", " ").split()
    } == stale
    assert "Compute" in note
    todo = plan(study.record, store)
    units = [unit for unit in todo.units if unit.name not in SINCE | LATER]
    assert {(unit.name, unit.place) for unit in units} == {(name, None) for name in stale}
    for unit in units:
        assembly.publish(study.record, store, unit.name)
    again = Results.open("frozen", store)
    assert as_finished_as_it_was(again)
    assert set(again.table("divergence")["category"]) == {"", "even", "odd"}


def test_a_damaged_file_is_simply_missing(store):
    for name in ("diagrams", "floors", "clouds"):
        path = max((store.root / "v1" / name).iterdir(), key=lambda one: one.stat().st_size)
        path.write_bytes(path.read_bytes()[:-20])
    (path,) = [one for one in (store.root / "v1" / "tables").iterdir() if one.stem.endswith("-dynamics")]
    path.write_bytes(b"PAR1")
    study = Results.open("frozen", store)
    assert set(study.missing) - SINCE == {"dynamics"}
    units = plan(study.record, store).units
    assert {unit.name for unit in units if unit.place is None} - SINCE == {"dynamics"}
    assert {"diagrams", "floors"} <= {unit.name for unit in units}
    assert len(study.table("velocities"))


@pytest.mark.parametrize("stage", ["scores", "velocities"])
def test_a_file_whose_columns_have_other_names_is_missing_too(store, stage):
    """One flipped bit of a footer, which nothing checked then."""
    for path in (store.root / "v1" / stage).glob("*.parquet"):
        table = pq.read_table(path)
        pq.write_table(table.rename_columns([f"{name}0" for name in table.column_names]), path)
    study = Results.open("frozen", store)
    assert not list((store.root / SCHEMA / stage).glob("*"))
    assert {unit.name for unit in plan(study.record, store).units} >= {stage}


def test_a_file_whose_columns_hold_something_else_is_missing_too(store):
    for path in (store.root / "v1" / "scores").glob("*.parquet"):
        table = pq.read_table(path)
        lists = pa.array([[one] for one in table["nll"].to_pylist()])
        pq.write_table(table.set_column(2, "nll", lists), path)
    Results.open("frozen", store)
    assert not list((store.root / SCHEMA / "scores").glob("*"))


def test_texts_with_other_numbers_are_missing_too(store):
    for path in (store.root / "v1" / "probes").glob("*.parquet"):
        table = pq.read_table(path)
        numbers = pa.array([0, *table["prompt"].to_pylist()[:-1]])
        pq.write_table(table.set_column(0, "prompt", numbers), path)
    with pytest.raises(Fault, match="what the study keeps of its probes is missing"):
        Results.open("frozen", store)
    assert not list((store.root / SCHEMA / "probes").glob("*"))


def test_a_cell_that_is_damaged_inside_is_missing_too(store):
    """Its footer is whole, and its pages are not: what is made of it is not made."""
    path = max((store.root / "v1" / "summaries").iterdir(), key=lambda one: one.stat().st_size)
    data = path.read_bytes()
    path.write_bytes(data[:4] + bytes(200) + data[204:])
    study = Results.open("frozen", store)
    missing = {unit.name for unit in plan(study.record, store).units}
    assert {"cells", "summaries"} <= missing
    assert as_finished_as_it_was(study)  # its tables are there


def test_without_its_cells_it_is_finished_all_the_same(frozen, store, nothing_is_computed):
    """As a study that came with its tables and prompts alone."""
    for folder in (store.root / "v1").iterdir():
        if folder.name not in ("tables", "probes"):
            shutil.rmtree(folder)
    study = Results.open("frozen", store)
    assert study.notes == ()
    # What the readings would be needed for is asked for no more.
    assert study.missing == ["early_final", "net_change", "windows"]
    pd.testing.assert_frame_equal(
        study.table("velocities"), as_now(frozen, "velocities"), check_dtype=False, rtol=1e-12
    )


def test_what_is_no_record_is_no_study_of_03(store):
    file = store.root / "studies" / "frozen" / "record.json"
    for text in ("", "[]", "{", "{}", "5", '{"study": 7}', '{"study": {}, "nodes": 3}', '{"format": 2, "study": 7}'):
        file.write_text(text)
        with pytest.raises(Fault, match="the study frozen cannot be read"):
            kept.read(store, "frozen")
        with pytest.raises(Fault):
            Results.open("frozen", store)


# --- where nothing may be written -----------------------------------------------------------------------


def test_a_read_only_server_says_what_has_to_be_done(store):
    before = files(store)
    with pytest.raises(Fault, match=r"computed by version 0\.3, and this server may not take it over") as fault:
        Results.open("frozen", Store(store.root, Permissions(True)))
    assert "may be written" in fault.value.hint
    with pytest.raises(Fault, match="no study is called 'frozen'"):
        Results.open("frozen", Store(store.root, Permissions(True, ("other",))))
    assert files(store) == before


def test_the_shell_lists_it_and_takes_it_over(store, monkeypatch, capsys):
    monkeypatch.setenv("PHCORE_CACHE", str(store.root))
    assert main(["studies", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["study"], row["complete"]) == ("frozen", True)
    assert as_finished_as_it_was(Results.open("frozen", Store(store.root, Permissions(True))))


# --- packs ----------------------------------------------------------------------------------------------


def test_a_pack_of_03_opens_finished(frozen, tmp_path, nothing_is_computed):
    store = Store(tmp_path / "archive")
    done = unpack(frozen / "frozen.zip", store)
    assert (done.name, done.kept) == ("frozen", ())
    assert done.new > 0
    study = Results.open("frozen", store)
    assert as_finished_as_it_was(study)
    pd.testing.assert_frame_equal(
        study.table("velocities"), as_now(frozen, "velocities"), check_dtype=False, rtol=1e-12
    )
    assert sorted(path.name for path in store.root.iterdir()) == ["studies", SCHEMA]
    again = unpack(frozen / "frozen.zip", store)
    assert (again.new, again.present) == (0, done.new)


def test_a_pack_of_03_under_another_name(frozen, tmp_path):
    store = Store(tmp_path / "archive")
    assert unpack(frozen / "frozen.zip", store, name="theirs").name == "theirs"
    assert as_finished_as_it_was(Results.open("theirs", store))
    assert kept.names(store) == ["theirs"]


@pytest.mark.parametrize("where", [0.3, 0.6, 0.9])
def test_a_damaged_pack_of_03_is_refused(frozen, tmp_path, where):
    data = bytearray((frozen / "frozen.zip").read_bytes())
    data[int(where * len(data))] ^= 255
    (tmp_path / "x.zip").write_bytes(data)
    store = Store(tmp_path / "archive")
    with pytest.raises(Fault, match="damaged"):
        unpack(tmp_path / "x.zip", store)
    assert not store.root.exists()


def test_a_pack_that_claims_to_be_of_03_holds_the_names_of_03(frozen, tmp_path):
    target = tmp_path / "x.zip"
    with zipfile.ZipFile(frozen / "frozen.zip") as source, zipfile.ZipFile(target, "w") as into:
        for info in source.infolist():
            data = source.read(info)
            if info.filename == "manifest.json":
                data = json.dumps(json.loads(data) | {"format": 2}).encode()
            into.writestr(info, data)
    with pytest.raises(Fault, match="not the name of a result in its format"):
        unpack(target, Store(tmp_path / "archive"))


def test_a_table_of_another_kind_is_computed_again(store):
    """As one that is not there: nothing else of the study is lost."""
    import pyarrow.parquet as pq

    one, *others = sorted((store.root / "v1" / "null_diagrams").glob("*.parquet"))
    whole = pq.read_table(one)
    pq.write_table(whole.drop_columns([whole.column_names[0]]), one)
    study = Results.open("frozen", store)
    assert len(list((store.root / SCHEMA / "gaussian_nulls").glob("*.parquet"))) == len(others)
    assert len(study.table("velocities"))
