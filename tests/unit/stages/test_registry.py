"""What is declared: sound in itself, true of what is computed, and known by name nowhere else."""

import ast
import inspect
import re
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import phcore.stages
from phcore.export.results import Results
from phcore.stages.registry import Result, Table, assembly, result, results, tables
from phcore.stages.registry.discovery import _in_order
from phcore.stages.registry.keys import FACTS
from phcore.stages.registry.places import ends, labels, places
from phcore.study import Study
from tests import studies

ROOT = Path(__file__).resolve().parents[3]
KNOWN = {*Study.__dataclass_fields__, *vars(Study), *FACTS}  # parameters, what follows from them, and facts
PARTS = {"states", "tokens", "next_tokens", "scores", "answers", "lengths"}  # of a reading
# In a study of two points, and of one run without equal windows.
UNKNOWN = {"early_final": {"rho", "lo", "hi", "within", "p_within"}, "verdicts": {"statistic", "p"}}
EMPTY = {"runs", "halfway"}  # one run per objective; four checkpoints after the base are asked for
# What a table takes from the archive beside its parts.
GIVEN = {"record", "categories", "scalars", "read", "beside"}


@pytest.fixture(scope="module")
def study(computed):
    return Results.open("tiny", computed[1])


def keywords(function) -> set[str]:
    return {name for name, one in inspect.signature(function).parameters.items() if one.kind is not one.VAR_KEYWORD}


def takes_more(function) -> bool:
    return any(one.kind is one.VAR_KEYWORD for one in inspect.signature(function).parameters.values())


def given(one: Result | Table) -> set[str]:
    """What `compute` is given by name."""
    names = {*one.needs, *one.parameters, *one.settings}
    if isinstance(one, Table):
        return names | ({"rows"} if one.gathers else set())
    if one.reads_a_model:
        return names | {"part"} | ({"layer"} if "layer" in one.inputs else set())
    return names


def definitions() -> str:
    """A line per table of files: its versions and its columns, but for those that settings name."""
    lines = []
    for one in tables().values():
        if one.gathers:
            made = results()[one.gathers]
            named = {name for value in made.settings.values() if isinstance(value, tuple) for name in value}
            columns = " ".join(name for name in one.columns if name not in named)
            lines.append(f"{one.name} {one.version} {made.name} {made.version}: {columns}")
    return "\n".join([*sorted(lines), ""])


# --- each declaration -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", results())
def test_a_result_is_sound(name):
    one = results()[name]
    assert one.name == name
    assert keywords(one.compute) == given(one)
    assert {*one.parameters, *one.inputs} <= KNOWN
    assert not {*one.parameters} & {*one.inputs}, "what compute is given stands in its key already"
    assert bool(one.part) != bool(one.needs), "a result is read from a model or made from others"
    assert not one.part or one.part in PARTS
    earlier = list(results())[: list(results()).index(name)]
    assert set(one.needs) <= set(earlier)
    assert re.fullmatch("[a-z][a-z0-9_]{0,40}", name), "packs hold files of such names"
    assert one.label
    assert one.label[0].isupper()


@pytest.mark.parametrize("name", tables())
def test_a_table_is_sound(name):
    one = tables()[name]
    assert one.name == name
    assert one.gathers in {"", *results()}
    assert {*one.parameters, *one.inputs} <= KNOWN | GIVEN
    assert set(one.needs) <= set(list(tables())[: list(tables()).index(name)])
    if one.compute is None:
        assert one.gathers
        assert one.needs == one.parameters == ()
        assert not one.settings
    elif takes_more(one.compute):  # it hands the rest on, and a call with it would fail
        assert keywords(one.compute) <= given(one)
    else:
        assert keywords(one.compute) == given(one)
    assert all(one.columns.values())
    assert {column for column in one.order or () if column[0] != "_"} <= {*one.columns, *assembly.ROWS}
    if one.gathers:
        assert set(labels(results()[one.gathers].per)) <= set(one.columns)
    assert one.published or not one.evidence
    assert re.fullmatch("[a-z][a-z0-9_]{0,40}", name)


def test_each_file_declares_what_it_is_called_or_more():
    files = [path.stem for path in Path(phcore.stages.__path__[0]).glob("*.py")]
    declared = {*results(), *tables()}
    without = {stem for stem in files if stem not in declared}
    # Bars and divergence are tables of files that are named for their results.
    assert without == {"__init__"}
    assert len(declared) == len({*results()} | {*tables()})


def test_needs_are_taken_at_places_that_exist(study):
    """Every file that a result needs is one that the study computes itself."""
    for one in results().values():
        for place in places(study.record, one.per):
            for need in one.needs:
                found = ends(place, results()[need].per)
                assert len(found) == max(1, len(place.nodes)) or results()[need].per == one.per
                assert set(found) <= set(places(study.record, results()[need].per)), (one.name, need, place)


def test_a_result_of_two_checkpoints_needs_both():
    """Where a result has several checkpoints, what it needs has one each: `compute` is given them in order."""
    several = {result.FROM_BASE, result.ON_BASE, result.TRANSITION, result.TRANSITION_LAYER}
    several |= {result.PAIR_LAYER}
    for one in results().values():
        if one.per in several:
            assert {results()[need].per for need in one.needs} <= {result.CELL, result.CHECKPOINT}, one.name


def declare(name, *needs):
    return Result(name=name, label="L", per=result.CELL, compute=lambda: None, needs=needs)


def test_declarations_that_contradict_each_other_are_refused():
    a, b, c = declare("a", "b"), declare("b", "c"), declare("c")
    assert list(_in_order([a, b, c])) == ["c", "b", "a"]
    with pytest.raises(ValueError, match="the same name"):
        _in_order([c, replace(c, label="M")])
    with pytest.raises(ValueError, match="need each other: a, b"):
        _in_order([a, declare("b", "a"), c])
    with pytest.raises(ValueError, match="b needs c, which nothing declares"):
        _in_order([a, b])


# --- what is computed, against what is declared -----------------------------------------------------


@pytest.mark.parametrize("name", [one.name for one in results().values() if not one.reads_a_model])
def test_a_file_is_what_compute_gives(study, name):
    """One file of each result made anew from the files it needs: the same rows, to the bit."""
    from phcore.stages.registry import files, keys_of

    one, record, store = results()[name], study.record, study.store
    place = list(places(record, one.per))[-1]
    needs = {
        need: tuple(files.read(record, store, need, end) for end in ends(place, results()[need].per))
        for need in one.needs
    }
    values = {need: found[0] if len(found) == 1 else found for need, found in needs.items()}
    made = one.compute(**values, **files.from_archive(files.given(record, place, one), store))
    kept = store.read(name, keys_of(record).of(name, place))
    assert kept.num_rows
    assert kept.schema.equals(made.schema)
    assert kept.to_pandas().equals(made.to_pandas())


@pytest.mark.parametrize("name", results())
def test_estimated_sizes_are_of_the_right_order(study, name):
    found = studies.files(study.store, name)
    real = sum(path.stat().st_size for path in found) / len(found)
    assert real / 12 < results()[name].size(study.record) < real * 12


def test_next_tokens_are_as_many_as_the_model_has_or_of_a_usual_vocabulary(study, tmp_path):
    record, size = study.record, results()["next_tokens"].size
    (tmp_path / "config.json").write_text('{"vocab_size": 1000}')
    there = replace(record, n_prompts=10, hidden_size=32, study=record.study.with_(model=tmp_path))
    assert size(there) == 10 * 2 * 1000
    gone = replace(there, study=record.study.with_(model=tmp_path / "gone"))
    assert size(gone) == 10 * 2 * 64 * 32
    assert size(replace(gone, hidden_size=4096)) == 10 * 2 * 65_536


@pytest.mark.parametrize("name", tables())
def test_the_columns_are_the_documented_ones(study, name):
    """As compute gives them: none is left out, and none is filled up with nothing."""
    one, record, store = tables()[name], study.record, study.store
    if one.gathers:
        rows = set(assembly.gathered(record, store, one, {}).columns)
        assert one.compute is not None or set(one.columns) <= rows
    frame = assembly.assembled(record, store, one)
    assert list(frame.columns) == list(one.columns)
    assert frame.empty == (name in EMPTY)
    empty = {column for column in frame if frame[column].isna().all()}
    assert frame.empty or empty == UNKNOWN.get(name, set())


def test_what_is_kept_is_what_is_declared(study):
    """No folder and no table of the archive without its declaration, and none declared that is not there."""
    folders = {path.parent.name for path in study.store.root.glob("v*/*/*.parquet")}
    assert folders == {*results(), "tables", "probes"}
    kept = {path.stem.rpartition("-")[0] for path in studies.files(study.store, "tables")}
    assert kept == {name for name, one in tables().items() if one.published}


def test_published_tables_hold_the_documented_columns(study):
    for name in assembly.published():
        (path,) = studies.table_files(study.store, name)
        assert pq.read_schema(path).names == list(tables()[name].columns)


# --- nowhere else is there a list of them ---------------------------------------------------------------


def lists_of_results(path: Path) -> list[str]:
    """Lists, tuples, sets and dicts that name two or more results or tables, and comparisons with the name of one."""
    parts_of_a_reading = PARTS if path.stem == "reading" else set()
    names, found = {*results(), *tables()} - parts_of_a_reading, []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Compare):
            parts = [node.left, *node.comparators]
        elif isinstance(node, ast.Tuple | ast.List | ast.Set):
            parts = node.elts
        elif isinstance(node, ast.Dict):
            parts = [key for key in node.keys if key]
        else:
            continue
        named = [part.value for part in parts if isinstance(part, ast.Constant) and part.value in names]
        if len(named) > (not isinstance(node, ast.Compare)):
            found.append(f"{path.name}:{node.lineno} {', '.join(named)}")
    return found


@pytest.mark.parametrize(
    "path",
    [
        *sorted((ROOT / "phcore" / "pipeline").glob("*.py")),
        *sorted((ROOT / "phcore" / "export" / "pack").glob("*.py")),
        *sorted((ROOT / "phcore" / "cli").glob("*.py")),
        *(ROOT / "phcore" / "stages" / "registry" / f"{name}.py" for name in ("assembly", "files", "keys", "places")),
        ROOT / "scripts" / "write_docs.py",
    ],
    ids=lambda path: f"{path.parent.name}/{path.stem}",
)
def test_nothing_outside_the_declarations_lists_results(path):
    assert not lists_of_results(path)


def test_a_list_of_results_would_be_seen(tmp_path):
    path = tmp_path / "x.py"
    for text in ('A = ("clouds", "velocities")', 'A = {"clouds": 1, "floors": 2}', 'if name == "clouds": pass'):
        path.write_text(text)
        assert lists_of_results(path), text


def test_other_columns_are_another_version():
    """Else the new column of a study that is finished stays empty, because its files are there.

    Raise the version of the result, then write the new line into the file.
    """
    assert definitions() == Path(__file__).with_name("columns.txt").read_text()
