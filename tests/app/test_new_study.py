"""Setting up a study, headless: wrong clicks are answered in words and nothing gets stuck."""

import shutil

import pytest

from pages.parts import data
from phcore import Study
from phcore.archive.addresses import local
from phcore.pipeline import estimate, jobs
from phcore.pipeline.plan import plan
from phcore.study.resolve import resolve
from tests import buckets, studies
from tests.app.conftest import run, words


@pytest.fixture
def place(tmp_path, llama):
    root = tmp_path / "root"
    studies.build_runs(root / "runs", llama)
    (root / "notes.txt").write_text("hello")
    return root


def new_study(start, place, tmp_path, llama):
    app = start(tmp_path / "cache", roots=f"{place}:{llama.parent}")
    app.segmented_control(key="view").set_value("New study")
    run(app)
    app.selectbox(key="model-choice").set_value(str(llama.resolve()))
    return run(app)


def go(app, path):
    app.text_input(key="checkpoints-path-None").set_value(str(path))
    return run(app)


def test_a_file_is_no_folder_and_the_picker_stays(start, place, tmp_path, llama):
    app = go(new_study(start, place, tmp_path, llama), place / "notes.txt")
    assert app.error
    app = go(app, place / "runs")
    assert "harmless, step 4" in words(app)


def test_checkpoints_in_a_bucket_are_brought_when_asked_for(start, in_memory, place, tmp_path, llama):
    buckets.put(place / "runs", "memory://bucket/runs")
    app = go(new_study(start, "memory://bucket", tmp_path, llama), "memory://bucket")
    assert app.selectbox(key=f"checkpoints-open-{local('memory://bucket')}").options == ["runs/"]
    app.text_input(key=f"checkpoints-path-{local('memory://bucket')}").set_value("memory://bucket/runs")
    app = run(app)
    assert "to bring from memory://bucket/runs." in words(app)
    beside = [{one.key for one in column.button} for column in app.columns]
    assert any({"checkpoints-up", "checkpoints-bring"} <= keys for keys in beside)  # where the folder was picked
    assert not local("memory://bucket/runs").exists()
    app.button(key="checkpoints-bring").click()
    app = run(app)
    assert "harmless, step 4" in words(app)
    assert str(tmp_path / "mirror") not in words(app)
    app.text_input(key=f"checkpoints-path-{local('memory://bucket/runs')}").set_value("memory://other/runs")
    assert "nothing is asked of this place" in words(run(app))


@pytest.mark.parametrize("path", ["/etc", "../..", "/nowhere/at/all"])
def test_paths_outside_the_roots_are_refused_in_words(start, place, tmp_path, llama, path):
    app = go(new_study(start, place, tmp_path, llama), path)
    assert app.error
    assert not [one for one in app.button if one.key == "compute"]


def test_a_folder_without_checkpoints_says_what_a_series_is(start, place, tmp_path, llama):
    (place / "empty").mkdir()
    assert "No checkpoints were found" in words(go(new_study(start, place, tmp_path, llama), place / "empty"))


def test_links_out_of_the_roots_are_not_offered(start, place, tmp_path, llama):
    outside = studies.write_probes(tmp_path / "outside.jsonl")
    (place / "runs" / "linked.jsonl").symlink_to(outside)
    app = go(new_study(start, place, tmp_path, llama), place / "runs")
    assert not [one for one in app.selectbox(key="probes").options if "linked" in one]


def test_a_wrong_name_is_said_and_nothing_starts(start, place, tmp_path, llama):
    app = go(new_study(start, place, tmp_path, llama), place / "runs")
    (name,) = [one for one in app.text_input if one.label == "Name of the study"]
    name.set_value("../escape")
    assert "letters, digits" in words(run(app)).lower()


def test_one_control_measures_as_the_paper_did(start, place, tmp_path, llama):
    app = go(new_study(start, place, tmp_path, llama), place / "runs")
    assert app.selectbox(key="order").value == 2.0
    app.selectbox(key="preset").set_value("paper")
    app = run(app)
    assert app.selectbox(key="order-paper").value == 1.0
    assert app.number_input(key="size-paper").value == 160
    assert app.number_input(key="count-paper").value == 64


def test_this_machine_is_measured_before_a_time_is_named(start, place, tmp_path, llama, monkeypatch):
    began = []
    monkeypatch.setattr(jobs, "start", lambda store, name, arguments: began.append((name, arguments)))
    probes = studies.write_probes(place / "probes.jsonl", 12)
    app = go(new_study(start, place, tmp_path, llama), place / "runs")
    assert "prompt 3 has 179 tokens, and the model reads at most 128" in words(app)  # of the set that ships
    app.selectbox(key="probes").set_value(str(probes))
    run(app)
    assert "12 prompts. Columns that are read: prompt, category." in words(app)
    assert "<user>" in app.code[0].value  # the first one, in the chat template
    assert "How long that takes depends on this machine" in words(app)
    app.text_input(key="answers").set_value("0, x")
    assert "'x' is no number of a prompt" in words(run(app))
    app.text_input(key="answers").set_value("9" * 5000)
    assert "is no number of a prompt" in words(run(app))
    app.text_input(key="answers").set_value("0, 12")
    assert "names prompt 12" in words(run(app))
    app.text_input(key="answers").set_value("0 3")
    app.text_input(key="tokens").set_value("1")
    run(app)
    app.button(key="measure").click()
    run(app)
    ((name, (command, draft, *_)),) = began
    assert (Study.read(draft).answers, Study.read(draft).tokens) == ((0, 3), (1,))
    assert (name, command) == ("@estimate-runs", "estimate")
    record, store = resolve(Study.read(draft), data.store(), keep=False), data.store()
    estimate.remember(record, store, {unit.kind: 0.01 for unit in plan(record, store).units})
    assert "seconds" in words(run(app))


def test_choices_outlast_a_wrong_click(start, place, tmp_path, llama):
    app = go(new_study(start, place, tmp_path, llama), place / "runs")
    app.text_input(key=f"name-{place / 'runs'}").set_value("mine")
    app.selectbox(key="pooling").set_value("mean")
    app.number_input(key="count").set_value(5)
    app = run(app)
    app.selectbox(key="model-choice").set_value("Another folder…")  # a wrong click: all below goes away
    app = run(app)
    assert not [one for one in app.number_input if one.key == "count"]
    app.selectbox(key="model-choice").set_value(str(llama.resolve()))
    app = run(app)
    app.segmented_control(key="view").set_value("Open a study")  # and another
    app = run(app)
    app.segmented_control(key="view").set_value("New study")
    app = run(app)
    assert app.selectbox(key="model-choice").value == str(llama.resolve())
    assert app.text_input(key=f"name-{place / 'runs'}").value == "mine"
    assert app.selectbox(key="pooling").value == "mean"
    assert app.number_input(key="count").value == 5


def test_a_folder_of_runs_picked_as_model_is_answered_with_what_to_pick(start, place, tmp_path, llama):
    app = new_study(start, place, tmp_path, llama)
    app.selectbox(key="model-choice").set_value("Another folder…")
    app = run(app)
    app.text_input(key="model-path-None").set_value(str(place / "runs"))
    assert "Pick the folder with config.json" in words(run(app))


def test_the_base_among_the_runs_is_not_ticked(start, place, tmp_path, llama):
    shutil.copytree(llama, place / "runs" / "copy")
    app = go(new_study(start, place, tmp_path, llama), place / "runs")
    rows = app.get("arrow_data_frame")[0].value if app.get("arrow_data_frame") else app.dataframe[0].value
    ticked = dict(zip(rows["series"], rows["include"], strict=True))
    assert ticked == {"copy": False, "full": True, "harmless": True, "helpful": True}
    assert "the base model itself, and so no run" in words(app)
