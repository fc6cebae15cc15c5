"""Whatever can change a number gives another file, and nothing else does."""

import json
import shutil
from dataclasses import replace

import pyarrow as pa
import pytest

from phcore.archive.store import SCHEMA, Store
from phcore.export.results import Results
from phcore.pipeline.plan import plan
from phcore.stages.registry import Result, assembly, keys, results, tables
from phcore.study.record import BATCHES
from phcore.study.resolve import resolve
from tests import studies

RESTS_ON_CLOUDS = {"cells", "diagrams", "summaries", "floors", "velocities", "distances", "geometry", "moves",
                   "confounds", "spectra", "category_means", "length_removed", "variant_loops", "gaussian_nulls",
                   "gaussian_velocities", "sensitivity", "numerical_noise", "coordinates", "edges"}  # fmt: skip
OF_TOKENS = {"token_clouds", "token_bars", "token_shapes"}
OF_WHOLE_CLOUDS = {"cells", "geometry", "moves", "confounds", "spectra", "category_means", "coordinates", "edges"}


@pytest.fixture
def copy(computed, tmp_path):
    """(study, store) of a copy of the small study."""
    return computed[0], studies.copy_archive(computed[1], tmp_path / "cache")


@pytest.fixture
def declare(monkeypatch):
    """Put a declaration in place of the one of its name, for this test."""

    def put(one) -> None:
        monkeypatch.setitem(results() if isinstance(one, Result) else tables(), one.name, one)
        keys.forget()

    yield put
    monkeypatch.undo()
    keys.forget()


@pytest.fixture
def probes(copy, tmp_path):
    """The study with other rows in its probe file: `probes(change)` changes each (number, row)."""

    def changed(change):
        path = tmp_path / "probes.jsonl"
        with open(copy[0].probes) as file:
            rows = [json.loads(line) for line in file]
        path.write_text("\n".join(json.dumps(row | change(number)) for number, row in enumerate(rows)))
        return copy[0].with_(probes=str(path))

    return changed


def missing(study, store) -> tuple[set[str], set[str]]:
    """Names of the results and of the tables that a study lacks."""
    units = plan(resolve(study, store), store).units
    return {unit.name for unit in units if unit.place}, {unit.name for unit in units if not unit.place}


def published(names) -> set[str]:
    return {name for name in names if tables()[name].published}


def files(root) -> dict[str, tuple]:
    return {str(path.relative_to(root)): (path.stat().st_mtime_ns, path.read_bytes())
            for path in root.rglob("*") if path.is_file()}  # fmt: skip


def refuse_models(monkeypatch) -> None:
    from phcore import activations

    for name in ("encode", "read", "extract"):
        monkeypatch.setattr(activations, name, None)


# --- nothing changed --------------------------------------------------------------------------------


def test_nothing_changed_computes_nothing_and_changes_no_file(copy, monkeypatch):
    study, store = copy
    refuse_models(monkeypatch)
    before = files(store.root)
    record, run = studies.compute(study, store)
    assert plan(record, store).empty
    assert run.speeds == {}
    after = files(store.root)
    # The study that was computed last comes first in the list: its own two files are written anew. Weights that were
    # too new to be remembered are remembered now.
    own = {name for name in before if name.startswith("studies/")}
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert changed <= own | {"fingerprints.json"}
    assert {name: after[name][1] for name in own} == {name: before[name][1] for name in own}


def test_the_same_content_in_other_places_has_the_same_keys(computed, tmp_path):
    study, cache = computed
    for folder, name in ((study.model, "model"), (study.series[0].path.parent, "runs")):
        shutil.copytree(folder, tmp_path / name)
    shutil.copy(study.probes, tmp_path / "asked.jsonl")
    series = tuple(replace(one, path=tmp_path / "runs" / one.path.name) for one in study.series)
    moved = study.with_(model=tmp_path / "model", probes=str(tmp_path / "asked.jsonl"), series=series)
    here, there = resolve(study, Store(cache), keep=False), resolve(moved, Store(tmp_path / "cache"))
    assert there.nodes[1].path != here.nodes[1].path
    assert there.digest == here.digest
    assert assembly.named(there) == assembly.named(here)


# --- what the study asks ----------------------------------------------------------------------------


def test_other_reference_answers_are_other_scores(copy, probes):
    _, store = copy
    study = probes(lambda number: {"reference": "Seven"} if number % 2 else {})
    assert missing(study, store) == ({"scores"}, {"scores", "lags", "early_final"})
    clouds = files(store.root / SCHEMA / "clouds")
    studies.compute(study, store)
    assert missing(study, store) == (set(), set())
    assert files(store.root / SCHEMA / "clouds") == clouds
    assert set(Results.open("tiny", store).table("scores")["name"]) == {"refusal", "nll"}


def test_other_categories_are_other_means_and_no_other_reading(copy, probes, monkeypatch):
    _, store = copy
    study = probes(lambda number: {"category": "cde"[number % 3]})
    by_category = (
        {"confounds", "category_means"},
        {"scores", "divergence", "lags", "early_final", "confounds", "directions"},
    )
    assert missing(study, store) == by_category
    refuse_models(monkeypatch)
    studies.compute(study, store)
    after = Results.open("tiny", store)
    assert after.finished
    for name in ("scores", "divergence", "behaviour", "behaviour_moves"):
        assert set(after.table(name)["category"]) == {"", "c", "d", "e"}, name
    divergence = after.table("divergence").set_index("category")["prompts"]
    assert {category: set(divergence.loc[category]) for category in "cde"} == {"c": {14}, "d": {13}, "e": {13}}


def test_other_prompts_are_another_study(copy, probes):
    _, store = copy
    study = probes(lambda number: {"prompt": "Say nothing at all"} if number == 7 else {})
    assert missing(study, store) == (set(results()), published(tables()))


def test_another_label_of_an_objective(copy):
    study, store = copy
    series = (replace(study.series[0], objective="kind"), *study.series[1:])
    assert missing(study.with_(series=series), store) == (
        set(),
        {"separation", "effects", "mixture", "runs", "early_final"},
    )


def test_another_second_number_format(copy):
    study, store = copy
    other = study.with_(second_dtype="bfloat16")
    assert missing(other, store) == ({"second_clouds", "numerical_noise"}, {"numerical_noise"})
    todo = plan(resolve(other, store), store)
    assert {unit.place.reading for unit in todo.readings} == {"bfloat16"}
    assert BATCHES not in {unit.place.reading for unit in todo.of("numerical_noise") if unit.place}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"chat": False}, set(results()) - {"prompt_lengths"}),
        ({"dtype": "bfloat16"}, set(results()) - {"prompt_lengths"}),
        ({"pooling": "mean"}, RESTS_ON_CLOUDS | {"clouds", "second_clouds"}),
        ({"seed": 1}, RESTS_ON_CLOUDS - OF_WHOLE_CLOUDS),
        ({"engine": "ripser"}, RESTS_ON_CLOUDS - OF_WHOLE_CLOUDS | OF_TOKENS - {"token_clouds"}),
        ({"tokens": (0, 9)}, OF_TOKENS),
        ({"tokens": ()}, set()),
        ({"name": "other", "answer_tokens": 3, "device": "cpu", "private": ("prompts",), "beside": ("tiny",)}, set()),
    ],
    ids=["chat", "dtype", "pooling", "seed", "engine", "tokens", "no tokens", "what changes no number"],
)
def test_another_parameter(copy, change, expected):
    study, store = copy
    found, listed = missing(study.with_(**change), store)
    assert found == expected
    assert bool(listed) == bool(expected - OF_TOKENS)


def test_more_tokens_of_an_answer_and_other_answers_are_other_clouds(copy, probes):
    asked, store = copy
    few = {"pooling": "answer", "series": asked.series[:1], **studies.FEW}
    study = probes(lambda number: {"reference": f"It is {number}, I think"}).with_(**few)
    studies.compute(study, store)
    record, pooled = resolve(study, store), RESTS_ON_CLOUDS | {"clouds", "second_clouds"}
    clouds = [Results(one, store).cloud("helpful", 2, 1) for one in (record, resolve(asked, store))]
    assert clouds[0].shape == clouds[1].shape
    assert abs(clouds[0] - clouds[1]).max() > 0.1
    assert missing(study, store) == (set(), set())
    assert missing(study.with_(answer_tokens=3), store)[0] == pooled
    other = probes(lambda number: {"reference": f"It is {number}, I hope"}).with_(**few)
    assert missing(other, store)[0] == pooled | {"scores"}
    assert record.digest != resolve(study.with_(answer_tokens=3), store).digest


# --- what the code does -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", results())
def test_another_definition_of_a_result(copy, declare, name):
    study, store = copy
    declare(replace(results()[name], version=results()[name].version + 1))
    found, listed = missing(study, store)
    expected = studies.resting_on(name)
    assert found == expected
    assert listed == published(studies.tables_resting_on(expected))


@pytest.mark.parametrize("name", [name for name, one in tables().items() if one.published])
def test_another_definition_of_a_table(copy, declare, name):
    study, store = copy
    declare(replace(tables()[name], version=tables()[name].version + 1))
    assert missing(study, store) == (set(), published(studies.tables_resting_on((), name)))


def test_another_number_of_gaussian_nulls(copy, declare):
    study, store = copy
    declare(replace(results()["gaussian_nulls"], settings={"replicates": 17}))
    both = {"gaussian_nulls", "gaussian_velocities"}
    assert missing(study, store) == (both, both)


@pytest.mark.parametrize(
    ("choices", "more", "expected"),
    [
        ("ORDERS", 3.0, {"sensitivity"}),
        ("METRICS", "cityblock", {"variant_loops", "sensitivity", "length_removed"}),
    ],
)
def test_one_more_choice_of_a_study_is_tried_where_all_are(copy, monkeypatch, choices, more, expected):
    study, store = copy
    keys.forget()
    monkeypatch.setattr(keys, choices, (*getattr(keys, choices), more))
    assert missing(study, store) == (expected, expected - {"variant_loops"})
    monkeypatch.undo()
    keys.forget()
    assert missing(study, store) == (set(), set())


def test_one_more_feature_is_measured_everywhere_and_not_left_empty(copy, declare):
    """A forty-second number beside the forty-one: its column is filled from the bars that are there."""
    study, store = copy
    one, table = results()["summaries"], tables()["summaries"]

    def compute(diagrams, cells, subsamples, features):
        known = one.compute(diagrams, cells, subsamples, features[:-1])
        bars = [sum(map(len, diagrams.get(number, ()))) for number in known["subsample"].to_pylist()]
        return known.append_column(features[-1], pa.array(bars, pa.float64()))

    declare(replace(one, settings={"features": (*one.settings["features"], "bars")}, compute=compute))
    declare(replace(table, columns=table.columns | {"bars": "number of bars"}))
    follow = {"summaries", "separation", "effects", "mixture", "runs", "windows", "halfway", "net_change"}
    assert missing(study, store) == ({"summaries"}, follow)
    studies.compute(study, store)
    found = Results.open("tiny", store).table("summaries")
    assert (found["bars"] == found["h0_count"] + found["h1_count"]).all()
    assert found["bars"].max() > 0
