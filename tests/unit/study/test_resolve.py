"""What a study is looked up in, and what is refused before anything is computed."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from phcore import Fault
from phcore.archive.store import Store
from phcore.stages.registry import keys_of
from phcore.study import kept
from phcore.study import resolve as resolving
from phcore.study.resolve import resolve
from tests import studies


def test_clouds_that_no_memory_holds_are_refused(llama, tmp_path, monkeypatch):
    study = studies.build_few(tmp_path, llama, "helpful")
    monkeypatch.setattr(resolving.psutil, "virtual_memory", lambda: SimpleNamespace(available=3 * 8 * 39**2))
    with pytest.raises(Fault, match=r"distances between 40 prompts need .* GB of memory"):
        resolve(study, Store(tmp_path / "cache"))
    monkeypatch.setattr(resolving.psutil, "virtual_memory", lambda: SimpleNamespace(available=3 * 8 * 40**2))
    assert resolve(study, Store(tmp_path / "cache")).n_prompts == 40


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
    import shutil

    from phcore.export.results import Results
    from phcore.study import kept

    study, cache = computed
    store = studies.copy_archive(cache, tmp_path / "cache")
    shutil.copytree(kept.folder_of("tiny", store), kept.folder_of("other", store))
    file = study.with_(beside=("other", "nowhere")).write(tmp_path / "tiny.toml")
    assert not Results.open(file, store).table("findings").empty
