"""From checkpoint folders to finished tables, on tiny real models."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from phcore import Fault, Series
from phcore.archive.store import SCHEMA, Store
from phcore.errors import Unusable
from phcore.export.results import Results
from phcore.pipeline.plan import all_units, labels, plan
from phcore.pipeline.reading import Cancelled
from phcore.stages.gaussian_nulls import REPLICATES
from phcore.stages.registry import Place, assembly, files, results, tables
from phcore.study import kept
from phcore.study.resolve import resolve
from phcore.topology import clouds, distances, gaussian_null, persistence
from phcore.topology import simple_geometry as geometry
from tests import studies

ROOT = Path(__file__).resolve().parents[3]
EACH = list(results())
PAIRS = 10 + 1 + 3  # within series, the base being in each; between them at step 1 and at step 2


def names(todo) -> set[str]:
    """Of the results that a plan holds."""
    return {unit.name for unit in todo.units if unit.place}


def refuse_to_compute(monkeypatch, *allowed: str) -> None:
    """Whatever is computed beside the results that are allowed fails, and so does reading a model."""
    from phcore import activations

    for name in ("encode", "read", "extract"):
        monkeypatch.setattr(activations, name, None)
    for one in results().values():
        if one.name not in allowed:
            monkeypatch.setitem(results(), one.name, dataclasses.replace(one, compute=None))


@pytest.fixture
def study(computed):
    return Results.open("tiny", computed[1])


def test_every_table_is_complete(study):
    assert study.complete
    steps = {"helpful": [0, 1, 2, 4], "harmless": [0, 1, 2], "full": [0, 2]}
    rows = sum(len(one) for one in steps.values()) * 3
    cell = study.table("cells")
    assert len(cell) == rows
    for series, wanted in steps.items():
        assert sorted(cell.loc[cell["series"] == series, "step"].unique()) == wanted
    assert len(study.table("summaries")) == rows * 6
    assert len(study.table("velocities")) == (3 + 2 + 1) * 3 * 6 * 2 * 2 * 2
    assert len(study.table("floors")) == rows * 6 * 2 * 2 * 2
    assert len(study.table("distances")) == PAIRS * 3 * 2 * 2
    assert len(study.table("subsamples")) == 6 * 20
    assert len(study.table("geometry")) == rows
    assert len(study.table("gaussian_nulls")) == rows * 2 * REPLICATES  # kinds
    assert len(study.table("gaussian_velocities")) == (3 + 2 + 1) * 3 * 2 * REPLICATES * 2 * 2  # kinds, degrees, scales
    assert len(study.table("moves")) == (3 + 2 + 1) * 3
    assert len(study.table("geometry_velocity")) == 2 * 2 * (1 + 3) * 7  # degrees, scales, layers and all, quantities
    assert len(study.table("unexplained")) == 2 * 2
    # Series with and without their first transition (one has no other), layers; degrees, scales, per, by; nulls.
    assert len(study.table("concentration")) == (2 + 2 + 1) * 3 * 2**4 * 3
    assert set(study.table("sensitivity")["varied"]) == {"subsample size", "subsamples", "prompts", "metric", "order"}
    reread = study.table("numerical_noise")[["series", "step"]].drop_duplicates().values.tolist()
    assert reread == [["helpful", 0], ["helpful", 4], ["harmless", 0], ["harmless", 2], ["full", 0], ["full", 2]]
    assert set(study.table("scores")["name"]) == {"refusal"}  # these prompts have no references
    assert set(study.table("divergence")["category"]) == {"", "a", "b"}
    assert study.table("findings")["claim"].tolist() == [1, 2, 3, 4, 5]
    for name, one in tables().items():
        table = study.table(name)
        assert list(table.columns) == list(one.columns)
        assert len(table) or name in ("runs", "halfway"), name  # one run per objective, few checkpoints
    assert study.table("runs").empty


def test_the_bad_checkpoint_is_reported_and_left_out(study):
    table = study.table("checkpoints")
    bad = table[table["status"] != "ready"]
    assert bad[["series", "step"]].values.tolist() == [["harmless", 4]]
    assert "damaged" in bad["status"].iloc[0]
    assert bad["finding"].iloc[0].endswith(".")


def test_bars_of_the_table_are_those_of_the_cell(study):
    table = study.table("bars", series="helpful", step=4, layer=2)
    cell = study.bars("helpful", 4, 2)
    assert len(cell)
    np.testing.assert_array_equal(table[["birth", "death"]].to_numpy(), cell[["birth", "death"]].to_numpy())


def test_velocities_follow_from_the_bars(study):
    table = study.table("velocities", series="helpful", step=4, layer=2, degree=1, order=2.0, scale="raw")
    assert table["step_from"].unique().tolist() == [2]
    bars = [study.bars("helpful", step, 2) for step in (2, 4)]
    for row in table.itertuples():
        a, b = (
            one[(one["subsample"] == row.subsample) & (one["degree"] == 1)][["birth", "death"]].to_numpy()
            for one in bars
        )
        assert row.value == pytest.approx(distances.wasserstein(a, b, order=2.0, norm=2.0))
    assert table["value"].max() > 0


def test_layer_0_of_the_last_token_is_one_point_and_says_so(study):
    cell = study.table("cells", layer=0)
    assert set(cell["status"]) == {"degenerate"}
    assert cell["words"].str.contains("same hidden state").all()


def test_the_base_is_step_0_of_every_series(study):
    for layer in (1, 2):
        a, b = (study.bars(series, 0, layer) for series in ("helpful", "full"))
        np.testing.assert_array_equal(a.to_numpy(), b.to_numpy())
    np.testing.assert_array_equal(study.cloud("helpful", 0, 1), study.cloud("full", 0, 1))


def test_adapters_change_the_clouds(study):
    base, later = (study.clouds("helpful", step) for step in (0, 4))
    assert base.shape == later.shape == (3, 40, base.shape[2])
    assert not np.allclose(base[2], later[2])


def test_a_second_run_computes_nothing(computed, tmp_path, monkeypatch):
    study, cache = computed
    store = studies.copy_archive(cache, tmp_path / "cache")
    refuse_to_compute(monkeypatch)
    record, run = studies.compute(study, store)
    assert plan(record, store).empty
    assert run.speeds == {}


VARIED = {"sensitivity", "length_removed"}  # made of loops under other settings


@pytest.mark.parametrize(
    ("change", "from_clouds", "from_others"),
    [
        ({"order": 1.0}, {"numerical_noise"}, {"distances", "gaussian_velocities", *VARIED}),
        ({"norm": 1.0}, {"floors", "numerical_noise"},
         {"velocities", "distances", "gaussian_velocities", *VARIED}),
        ({"subsample_size": 10}, {"diagrams", "floors", "gaussian_nulls", "numerical_noise", "variant_loops"},
         {"summaries", "velocities", "distances", "gaussian_velocities", *VARIED}),
        ({"metric": "cosine"},
         {"cells", "diagrams", "edges", "floors", "gaussian_nulls", "numerical_noise", "variant_loops"},
         {"summaries", "velocities", "distances", "gaussian_velocities", "token_bars", "token_shapes", *VARIED}),
    ],
    ids=["order", "norm", "subsample size", "metric"],
)  # fmt: skip
def test_another_parameter_computes_what_depends_on_it(computed, tmp_path, change, from_clouds, from_others):
    study, cache = computed
    store = studies.copy_archive(cache, tmp_path / "cache")
    todo = plan(resolve(study.with_(**change), store), store)
    assert not todo.readings
    assert names(todo) == from_clouds | from_others
    assert todo.totals().keys() <= set(labels())


def test_another_subsample_size_is_measured_in_every_cell_once(computed, tmp_path):
    study, cache = computed
    store = studies.copy_archive(cache, tmp_path / "cache")
    todo = plan(resolve(study.with_(subsample_size=10), store), store)
    assert (
        sum(unit.place is not None for unit in todo.of("diagrams")) == 7 * 3
    )  # the base and six checkpoints, three layers
    assert sum(unit.place is not None for unit in todo.of("distances")) == PAIRS * 3


def wanted(name: str) -> bool:
    """Whether a result is missing where it is not there, though all that is made from it is."""
    return not results()[name].intermediate or results()[name].shown


@pytest.mark.parametrize("name", EACH)
def test_a_lost_file_is_missing_and_nothing_else(computed, tmp_path, name):
    study, cache = computed
    store = studies.copy_archive(cache, tmp_path / "cache")
    lost = studies.files(store, name)[:2]
    studies.remove(lost)
    todo = plan(resolve(study, store), store)
    if not wanted(name):
        assert todo.empty
        return
    assert {store.path(*unit.file) for unit in todo.units} >= set(lost)
    assert {unit.name for unit in todo.units} == {name}


def test_lost_files_are_computed_again_to_the_bit(computed, tmp_path):
    """Two of every result at once: what a run starts with takes longer than what it computes."""
    study, cache = computed
    store = studies.copy_archive(cache, tmp_path / "cache")
    before = contents(store)
    for name in filter(wanted, EACH):
        studies.remove(studies.files(store, name)[:2])
    _, run = studies.compute(study, store)
    assert run.speeds.keys() >= set(filter(wanted, EACH))
    assert contents(store) == before


# Read from a model or computed, at a cell, from several, put together at every reading: a run knows no result by name.
KINDS = ("clouds", "scores", "second_clouds", "diagrams", "velocities", "distances", "sensitivity", "spectra")


@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name in KINDS else pytest.mark.long) for name in EACH])
def test_a_damaged_file_is_set_aside_reported_and_recomputed(computed, tmp_path, name):
    study, cache = computed
    store = studies.copy_archive(cache, tmp_path / "cache")
    record = resolve(study, store)
    path = max(studies.files(store, name), key=lambda one: one.stat().st_size)
    before = path.read_bytes()
    studies.overwrite(path, before[:4] + bytes(56) + before[60:])  # pages; the footer stays whole
    made_of_it = [unit for unit in all_units(record) if (name, path.stem) in unit.needs]
    for unit in made_of_it:  # so that the damage is met
        store.path(*unit.file).unlink()
    assert store.has(name, path.stem)
    if not made_of_it:  # of a table that is put together at every reading; `compute` reads every page first
        store.verify(assembly.named(record))
    _, run = studies.compute(study, store)
    assert any("damaged" in warning for warning in (*run.warnings, *store.damaged))
    assert [one.name for one in (store.root / "damaged").iterdir()] == [f"{name}-{path.name}"]
    assert path.read_bytes() == before
    assert Results.open("tiny", store.root).finished


@pytest.mark.usefixtures("without_judges")
def test_an_adapter_that_does_not_load_is_left_out(llama, tmp_path, monkeypatch):
    from phcore import activations

    study = studies.build_few(tmp_path, llama, "helpful")
    whole = activations.Loader.open

    def refuse(self, path, kind):
        if str(path).endswith("helpful/checkpoint-2"):
            raise Unusable("its weights are not those of its base", "Pick the base it was trained on", path)
        return whole(self, path, kind)

    monkeypatch.setattr(activations.Loader, "open", refuse)
    store = Store(tmp_path / "cache")
    record, _ = studies.compute(study, store)
    results = Results.open("tiny", store.root)
    assert results.complete
    assert [node.step for node in record.path_of("helpful")] == [0, 1, 4]
    table = results.table("velocities", series="helpful")
    assert sorted(set(zip(table["step_from"], table["step"], strict=True))) == [(0, 1), (1, 4)]
    told = results.table("checkpoints", series="helpful", step=2)
    assert "Pick the base" in told["finding"].iloc[0]
    # The same bytes are not tried again.
    monkeypatch.setattr(activations, "encode", None)
    studies.compute(study, store)


@pytest.mark.usefixtures("without_judges")
def test_a_failure_that_passes_is_tried_again(llama, tmp_path, monkeypatch):
    from phcore import activations

    study, store = studies.build_few(tmp_path, llama, "helpful"), Store(tmp_path / "cache")
    whole = activations.Loader.open

    def fail(self, path, kind):
        if str(path).endswith("helpful/checkpoint-2"):
            raise Fault("there was not enough memory", "Close other programs", path)
        return whole(self, path, kind)

    with monkeypatch.context() as patch:
        patch.setattr(activations.Loader, "open", fail)
        record, _ = studies.compute(study, store)
    assert [node.step for node in record.path_of("helpful")] == [0, 1, 4]
    record, _ = studies.compute(study, store)
    assert [node.step for node in record.path_of("helpful")] == [0, 1, 2, 4]


def test_another_study_of_the_same_name_is_not_overwritten(computed, tmp_path, tiny):
    study, cache = computed
    store = studies.copy_archive(cache, tmp_path / "cache")
    other = studies.build_study(tmp_path, tiny("gpt2"))
    with pytest.raises(Fault, match="another study is called tiny"):
        resolve(other, store)
    assert kept.read(store, "tiny").study == study


def test_a_base_that_does_not_load_ends_the_run(llama, tmp_path, monkeypatch):
    from phcore import activations

    def refuse(self, path, kind):
        raise Fault("the weights are incomplete", "Download it again", path)

    monkeypatch.setattr(activations.Loader, "open", refuse)
    with pytest.raises(Fault, match="incomplete"):
        studies.compute(studies.build_study(tmp_path, llama), Store(tmp_path / "cache"))


def test_nan_activations_mark_the_cell(llama, tmp_path, monkeypatch):
    from phcore import activations

    read = activations.read
    seen = []

    def spoil(*arguments, **options):
        taken, said = read(*arguments, **options)
        seen.append(1)
        if len(seen) == 2:
            taken.clouds[2][3, 0] = np.inf
        return taken, said

    monkeypatch.setattr(activations, "read", spoil)
    store = Store(tmp_path / "cache")
    studies.compute(studies.build_few(tmp_path, llama, "helpful", layers=(2,)), store)
    results = Results.open("tiny", store.root)
    assert results.complete
    table = results.table("cells", status="nonfinite")
    assert table[["series", "step", "layer"]].values.tolist() == [["helpful", 1, 2]]
    moves = results.table("velocities", series="helpful", layer=2)
    assert set(moves["step"]) == {4}
    described = results.table("geometry", series="helpful", layer=2).set_index("step")
    assert described["mean_norm"].isna().to_dict() == {0: False, 1: True, 2: False, 4: False}
    drift = results.table("moves", series="helpful", layer=2).set_index("step")["centroid_drift"]
    assert drift.isna().to_dict() == {1: True, 2: True, 4: False}
    assert set(results.table("gaussian_nulls", series="helpful", layer=2)["step"]) == {0, 2, 4}
    assert set(results.table("gaussian_velocities", series="helpful", layer=2)["step"]) == {4}


@pytest.mark.usefixtures("without_judges")
def test_cancelling_keeps_what_is_finished(llama, tmp_path):
    study, store = studies.build_few(tmp_path, llama, "helpful"), Store(tmp_path / "cache")
    record = resolve(study, store)
    all_readings, calls = plan(record, store).readings, []

    def cancelled():
        calls.append(1)
        return len(calls) > 12

    with pytest.raises(Cancelled):
        studies.compute(study, store, cancelled=cancelled)
    assert len(plan(record, store).readings) < len(all_readings)
    assert plan(record, store).readings
    record, _ = studies.compute(study, store)
    assert plan(record, store).empty


def test_progress_stays_in_bounds_and_ends_at_all(llama, tmp_path):
    events = []
    studies.compute(studies.build_few(tmp_path, llama, "full"), Store(tmp_path / "cache"), on_event=events.append)
    assert {event.stage for event in events} == {"", *labels()}  # the first and the last are of no kind
    assert events[-1].share == 1
    assert all(0 <= event.share <= 1 for event in events)
    assert events[-1].seconds_left == 0


def test_kill_loses_at_most_the_unit_in_hand(computed, tmp_path):
    study, cache = computed[0].with_(series=computed[0].series[2:], **studies.FEW), tmp_path / "cache"
    path = study.write(tmp_path / "tiny.toml")
    studies.copy_readings(computed[1], Store(cache))
    given = contents(Store(cache))
    command = [sys.executable, "-m", "phcore", "compute", str(path), "--workers", "1"]
    environment = os.environ | {"PHCORE_CACHE": str(cache)}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL, start_new_session=True)
    while not list(cache.glob(f"{SCHEMA}/summaries/*.parquet")) and process.poll() is None:
        time.sleep(0.02)
    with suppress(ProcessLookupError):  # on a busy machine it may have ended
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    store = Store(cache)
    whole = contents(store)
    assert whole.keys() > given.keys()
    for one in whole:
        assert store.has(one.parent.name, one.stem), "only whole files carry a name that is read"
    studies.compute(study, store)
    assert Results.open("tiny", cache).complete
    assert {one: one.read_bytes() for one in whole} == whole


@pytest.mark.long
def test_two_processes_compute_the_same_study_at_once(computed, tmp_path):
    """All but the reading of models: that of test_faults.py, of which this is a part, reads them too."""
    study, cache = computed[0].with_(series=computed[0].series[2:], **studies.FEW), tmp_path / "cache"
    path = study.write(tmp_path / "tiny.toml")
    studies.copy_readings(computed[1], Store(cache))
    command = [sys.executable, "-m", "phcore", "compute", str(path), "--workers", "1"]
    environment = os.environ | {"PHCORE_CACHE": str(cache)}
    both = [subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE) for _ in range(2)]
    for process in both:
        _, errors = process.communicate()
        assert process.returncode == 0, errors.decode()[-2000:]
    assert Results.open("tiny", cache).complete
    assert not (cache / "damaged").exists()


def test_a_record_survives_the_disk(computed):
    study, cache = computed
    made = resolve(study, Store(cache), keep=False)
    read = kept.read(Store(cache), "tiny")
    assert read.digest == made.digest
    assert [(n.label, n.step, n.fingerprint) for n in read.nodes] == [
        (n.label, n.step, n.fingerprint) for n in made.nodes
    ]
    assert read.study == made.study


def test_what_does_not_change_a_number_does_not_change_a_key(computed, tmp_path):
    study, cache = computed
    store = studies.copy_archive(cache, tmp_path / "cache")
    record = resolve(study, store)
    renamed = resolve(study.with_(name="other", scale="median"), store)
    todo = plan(renamed, store)
    assert not names(todo)
    assert {unit.name for unit in todo.units} == {
        "summaries",
        *(name for name, one in tables().items() if "scale" in one.parameters and one.published),
    }
    assert renamed.digest != record.digest  # the summaries table is at another scale


def test_a_study_at_scale_median_has_its_summaries_divided(computed, tmp_path):
    study, cache = computed
    store = studies.copy_archive(cache, tmp_path / "cache")
    own = Results.open("tiny", store)
    raw = own.table("summaries", series="helpful", layer=2)
    medians = own.table("cells", series="helpful", layer=2).set_index("step")["median_distance"]
    other = Results(resolve(study.with_(name="other", scale="median"), store), store)
    table = other.table("summaries", series="helpful", layer=2)
    expected = raw["h0_death_mean"].to_numpy() / raw["step"].map(medians).to_numpy()
    np.testing.assert_allclose(table["h0_death_mean"], expected, rtol=1e-12)
    np.testing.assert_array_equal(table["h1_count"], raw["h1_count"])
    # What compares both scales is the same whichever of them is the study's own.
    assert own.table("separation").equals(assembly.assembled(own.record, store, tables()["separation"]))
    mine = assembly.assembled(other.record, store, tables()["separation"])
    np.testing.assert_allclose(mine["distance"], own.table("separation")["distance"], rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"layers": (99,)}, "layer 99"), ({"model": "/nowhere"}, "nowhere"), ({"probes": "/nowhere.jsonl"}, "nowhere")],
)
def test_what_cannot_be_used_at_all_is_said(llama, tmp_path, changes, words):
    study = studies.build_study(tmp_path, llama, **changes)
    with pytest.raises(Fault, match=words):
        resolve(study, Store(tmp_path / "cache"))


@pytest.mark.usefixtures("without_judges")
def test_clouds_that_another_process_took_meanwhile_are_not_taken_again(computed, tmp_path, monkeypatch):
    from phcore import activations

    study, cache = computed
    study, store = study.with_(series=study.series[2:]), Store(tmp_path / "cache")
    encode = activations.encode

    def meanwhile(*arguments, **options):
        """The other process finishes reading after this run was planned, before it reads a checkpoint."""
        studies.copy_readings(cache, store)
        return encode(*arguments, **options)

    monkeypatch.setattr(activations, "encode", meanwhile)
    monkeypatch.setattr(activations, "extract", None)
    monkeypatch.setattr(activations, "read", None)
    studies.compute(study, store)
    assert Results.open("tiny", store.root).finished


# --- evidence: what studies that came from elsewhere may lack -------------------------------------------


def contents(store):
    return {path: path.read_bytes() for path in store.root.glob(f"{SCHEMA}/*/*.parquet")}


def test_a_study_without_evidence_is_complete_and_says_nothing_false(computed, tmp_path):
    store = studies.without_evidence(computed[1], tmp_path / "cache", clouds=False)
    study = Results.open("tiny", store.root)
    assert study.complete
    assert not study.finished
    for name, one in tables().items():
        table = study.table(name)
        assert list(table.columns) == list(one.columns)
        # Windows are put together from what there is; the others are of what was left behind.
        gone = {"behaviour", "behaviour_moves", "confounds", "spectra", "directions", "length_removed"}
        gone |= {"token_bars", "token_shapes", "projection_moves"}
        nothing = (one.evidence and name not in ("windows", "net_change", "coordinates")) or name in gone
        assert table.empty == nothing, name


def test_evidence_is_computed_from_the_clouds_alone(computed, tmp_path, monkeypatch):
    study, cache = computed
    store = studies.without_evidence(cache, tmp_path / "cache")
    before = contents(store)
    todo = plan(resolve(study, store), store)
    counts = Counter(unit.name for unit in todo.units if unit.place)
    cells, moves = 7 * 3, 6 * 3
    assert counts == {"geometry": cells, "moves": moves, "gaussian_nulls": cells, "gaussian_velocities": moves,
                      "variant_loops": cells, "sensitivity": moves, "divergences": 6, "departures": 6}  # fmt: skip
    assert {unit.name for unit in todo.units if not unit.place} == set(studies.evidence())
    refuse_to_compute(monkeypatch, *counts)
    studies.compute(study, store)
    after = contents(store)
    assert Results.open("tiny", store.root).finished
    assert {path: after[path] for path in before} == before
    # The same bytes as in a run that computed everything at once.
    assert {path.relative_to(store.root): data for path, data in after.items()} == {
        path.relative_to(cache): data for path, data in contents(Store(cache)).items()
    }


@pytest.mark.usefixtures("without_judges")
def test_evidence_without_clouds_reads_the_checkpoints_again(computed, tmp_path):
    study, cache = computed
    study = study.with_(series=study.series[2:])
    store = studies.without_evidence(cache, tmp_path / "cache", clouds=False)
    todo = plan(resolve(study, store), store)
    assert {unit.place.nodes[0] for unit in todo.readings} == set(resolve(study, store).ready)
    assert not {"diagrams", "cells"} & names(todo)
    record, _ = studies.compute(study, store)
    assert plan(record, store).empty


def test_reference_answers_are_judged_where_the_probe_set_has_them(llama, tmp_path):
    probes = tmp_path / "with-references.jsonl"
    rows = [json.loads(line) for line in studies.write_probes(probes, 24).read_text().splitlines()]
    for number, row in enumerate(rows):
        if number % 3:
            row["reference"] = "A short answer" if number % 2 else "Quite another answer"
    probes.write_text("\n".join(map(json.dumps, rows)))
    asked = studies.build_study(tmp_path, llama, series=(Series("full", tmp_path / "runs" / "full"),))
    store = Store(tmp_path / "cache")
    studies.compute(asked.with_(probes=str(probes), layers=(1,), subsample_size=10), store)
    study = Results.open("tiny", store)
    answers = study.table("scores", name="nll")
    assert set(answers["category"]) == {"", "a", "b"}
    assert set(answers["step"]) == {0, 2}
    assert answers["value"].between(0, 20).all()  # nats per token
    scores = files.read(study.record, store, "scores", Place((study.record.base,))).to_pandas()
    assert scores["nll"].isna().tolist() == [number % 3 == 0 for number in range(24)]
    # Other references are other scores, and nothing else.
    rows[1]["reference"] = "Something else"
    probes.write_text("\n".join(map(json.dumps, rows)))
    todo = plan(resolve(study.study, store), store)
    assert names(todo) == {"scores"}
    assert len(todo.readings) == 2


def test_geometry_follows_from_the_clouds(study):
    (row,) = study.table("geometry", series="helpful", step=4, layer=2).to_dict("records")
    expected = geometry.describe(study.cloud("helpful", 4, 2))
    assert {name: row[name] for name in expected} == expected
    (row,) = study.table("moves", series="helpful", step=4, layer=2).to_dict("records")
    expected = geometry.compare(study.cloud("helpful", 2, 2), study.cloud("helpful", 4, 2))
    assert row["step_from"] == 2
    assert {name: row[name] for name in expected} == expected


def test_gaussian_velocities_follow_from_the_clouds(study):
    """The fourth replicate of both kinds, from hidden states to distances."""
    where = {"series": "helpful", "step": 4, "layer": 2, "replicate": 3}
    table = study.table("gaussian_velocities", **where)
    told = study.table("gaussian_nulls", **where).set_index("kind")
    for kind in gaussian_null.KINDS:
        drawn = [gaussian_null.gaussian(study.cloud("helpful", k, 2), kind, 20, replicate=3) for k in (2, 4)]
        matrices = [clouds.distance_matrix(one) for one in drawn]
        pairs = [persistence.diagrams(one) for one in matrices]
        units = [clouds.median_distance(one) for one in matrices]
        assert told.loc[kind, ["h0_count", "h1_count"]].tolist() == [len(diagram) for diagram in pairs[1]]
        for row in table[table["kind"] == kind].itertuples():
            divisors = units if row.scale == "median" else (1, 1)
            a, b = (pair[row.degree] / unit for pair, unit in zip(pairs, divisors, strict=True))
            assert row.value == pytest.approx(distances.wasserstein(a, b), rel=1e-9, abs=1e-12)
            assert (row.step_from, row.order) == (2, 2.0)


def test_only_size_moves_the_isotropic_null(study):
    table = study.table("gaussian_velocities", kind="isotropic", layer=2)
    assert table.loc[table["scale"] == "median", "value"].max() < 1e-9
    assert table.loc[table["scale"] == "raw", "value"].max() > 1e-6
