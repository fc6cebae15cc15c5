"""What a study is looked up in, and what is refused before anything is computed."""

import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest

from phcore import Fault, Study, checkpoints
from phcore.archive.store import Store
from phcore.checkpoints import steps
from phcore.stages.registry import keys_of
from phcore.study import kept, limits
from phcore.study.resolve import resolve
from tests import studies


def memory_of(monkeypatch, free):
    monkeypatch.setattr(limits.psutil, "virtual_memory", lambda: SimpleNamespace(available=free))


def test_clouds_that_no_memory_holds_are_refused(llama, tmp_path, monkeypatch):
    study = studies.build_few(tmp_path, llama, "helpful")
    memory_of(monkeypatch, limits.MATRICES * 8 * 39**2)
    with pytest.raises(Fault, match=r"distances between 40 prompts need .* GB of memory"):
        resolve(study, Store(tmp_path / "cache"))
    memory_of(monkeypatch, limits.MATRICES * 8 * 40**2)
    assert resolve(study, Store(tmp_path / "cache")).n_prompts == 40


def test_more_prompts_than_a_study_can_compare_are_refused_at_once(monkeypatch):
    memory_of(monkeypatch, 10**15)
    limits.refuse_too_many(limits.MOST_PROMPTS)
    with pytest.raises(Fault, match=r"20,000 prompts are too many: .* 200 million distances"):
        limits.refuse_too_many(20_000)


def test_a_container_has_less_memory_than_its_machine(tmp_path, monkeypatch):
    memory_of(monkeypatch, 10**12)
    monkeypatch.setattr(limits, "CONTAINER", tmp_path)
    assert limits.free_memory() == 10**12
    (tmp_path / "memory.current").write_text("1000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert limits.free_memory() == 10**12
    (tmp_path / "memory.max").write_text("5000\n")
    assert limits.free_memory() == 4000


@pytest.mark.parametrize(("n", "m"), [(4, 3), (5, 4), (8, 4), (40, 20), (319, 159), (320, 160), (900, 160)])
def test_a_size_that_is_left_out_follows_the_prompts(computed, n, m):
    record = kept.read(Store(computed[1]), "tiny")
    assert record.subsample_size == 20  # as stated
    open_, stated = (
        replace(record, study=record.study.with_(subsample_size=k), n_prompts=n) for k in (0, m if m > 3 else 4)
    )
    assert open_.subsample_size == m
    if m > 3:  # what it comes to names the results, not whether it was said
        assert keys_of(open_).study == keys_of(stated).study
        assert open_.digest == stated.digest


def test_answers_are_pooled_where_every_prompt_has_one(llama, tmp_path):
    study = studies.build_few(tmp_path, llama, "helpful", pooling="answer")
    with pytest.raises(Fault, match=r"40 of 40 prompts have no reference answer.*column `reference`"):
        resolve(study, Store(tmp_path / "cache"))


def test_a_study_beside_is_read_with_its_tables(computed, tmp_path):
    """Claim 4 reads the tables of the studies that are named beside."""
    from phcore.export.results import Results

    study, cache = computed
    store = studies.copy_archive(cache, tmp_path / "cache")
    shutil.copytree(kept.folder_of("tiny", store), kept.folder_of("other", store))
    file = study.with_(beside=("other", "nowhere")).write(tmp_path / "tiny.toml")
    assert not Results.open(file, store).table("findings").empty


# --- which checkpoints -------------------------------------------------------------------------------


def steps_of(study, tmp_path):
    record = resolve(study, Store(tmp_path / "cache"), keep=False)
    return {(node.step, node.status) for node in record.nodes[1:]}


def with_series(study, **changes):
    return study.with_(series=(replace(study.series[0], **changes),))


def test_steps_that_a_study_file_gives_and_folders_that_it_leaves_out(llama, tmp_path):
    study = studies.build_few(tmp_path, llama, "helpful")
    run = study.series[0].path
    (run / "checkpoint-4").rename(run / "best")
    assert steps_of(study, tmp_path) == {(1, "ready"), (2, "ready"), (3, "unplaced")}
    told = with_series(study, steps={"best": 10, "checkpoint-1": 5}, left_out=("checkpoint-2",))
    again = Study.read(told.write(tmp_path / "told.toml"))
    assert again == told
    assert steps_of(again, tmp_path) == {(2, "left out"), (5, "ready"), (10, "ready")}
    assert "pattern" not in study.to_toml()  # what few need is in few files


@pytest.mark.parametrize("step", [0, -1, True, 1.5])
def test_a_step_that_none_can_have_is_refused(llama, tmp_path, step):
    with pytest.raises(Fault, match="step 0 is the base model"):
        with_series(studies.build_few(tmp_path, llama, "helpful"), steps={"best": step})


@pytest.mark.parametrize("compared", [0, steps.COMPARED])  # at once, or when fingerprints are known
def test_the_same_weights_are_one_point(llama, tmp_path, monkeypatch, compared):
    monkeypatch.setattr(steps, "COMPARED", compared)
    study = studies.build_few(tmp_path, llama, "helpful")
    run = study.series[0].path
    shutil.copytree(run / "checkpoint-2", run / "checkpoint-8")
    shutil.copytree(llama, run / "checkpoint-16")
    record = resolve(study, Store(tmp_path / "cache"), keep=False)
    assert [node.step for node in record.path_of("helpful")] == [0, 1, 2, 4]
    said = {node.step: node.finding for node in record.nodes if node.status == "repeated"}
    assert "same weights as" in said[8]
    assert said[16] == checkpoints.IS_BASE


def test_two_series_of_one_folder(llama, tmp_path):
    """A study file names the folder and what differs."""
    study = studies.build_few(tmp_path, llama, "helpful")
    run = study.series[0].path
    for step in (1, 2, 4):
        place = run / f"global_step_{step}"
        shutil.copytree(run / f"checkpoint-{step}", place / "actor")
        (run / f"checkpoint-{step}").rename(place / "critic")
        (place / "critic" / "adapter_config.json").write_text((place / "actor" / "adapter_config.json").read_text())
    both = checkpoints.scan(run, llama)
    assert [one.pattern for one in both] == ["global_step_*/actor", "global_step_*/critic"]
    for one in both:
        record = resolve(with_series(study, pattern=one.pattern), Store(tmp_path / "cache"), keep=False)
        assert {node.path.rpartition("/")[2] for node in record.nodes[1:]} == {one.pattern.rpartition("/")[2]}
