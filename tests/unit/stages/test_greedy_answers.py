"""Answers of chosen prompts: kept where a study asks for them, and shown to those who may see its prompts."""

import pytest

from phcore.archive.permissions import Permissions
from phcore.archive.store import Store
from phcore.errors import Fault
from phcore.export.pack import pack
from phcore.export.results import Results
from phcore.stages.registry import files
from phcore.stages.registry.keys import keys_of
from phcore.stages.registry.places import places
from phcore.stages.registry.result import ANSWERED
from phcore.study.resolve import resolve
from tests import studies


@pytest.fixture
def results(computed):
    study, cache = computed
    return Results.open(study.name, cache)


def test_every_checkpoint_answers_the_chosen_prompts(results):
    for place in places(results.record, ANSWERED):
        found = files.read(results.record, results.store, "greedy_answers", place)
        assert list(found) == [1, 7]
    assert list(results.answers("helpful", 4)) == [1, 7]


def test_only_answers_depend_on_which_prompts_are_answered(results):
    record = results.record
    other = resolve(record.study.with_(answers=(2,)), results.store, keep=False)
    for one in places(record, ANSWERED):
        assert keys_of(record).of("greedy_answers", one) != keys_of(other).of("greedy_answers", one)
        assert keys_of(record).of("next_tokens", one) == keys_of(other).of("next_tokens", one)
    assert keys_of(record).study == keys_of(other).study  # no table does
    assert record.digest != other.digest


def test_without_any_asked_for_there_is_no_such_file(results):
    record = resolve(results.study.with_(answers=()), results.store, keep=False)
    assert not list(places(record, ANSWERED))
    assert Results(record, results.store).answers("helpful", 4) == {}


def test_private_texts_have_no_answers_for_strangers(results):
    private = resolve(results.study.with_(private=("prompts",)), results.store, keep=False)
    assert Results(private, results.store).answers("helpful", 4)
    assert Results(private, results.store, permissions=Permissions(read_only=True)).answers("helpful", 4) == {}


@pytest.mark.parametrize(
    ("clouds", "prompts", "there"), [(False, True, False), (True, True, True), (True, False, False)]
)
def test_a_pack_holds_them_with_hidden_states_and_texts(results, tmp_path, clouds, prompts, there):
    packed = pack(results, tmp_path / "study.zip", clouds=clouds, prompts=prompts)
    assert ("greedy_answers" in packed.sizes) == there
    assert ("greedy_answers" in packed.left) != there


def test_a_prompt_that_there_is_not_is_named(llama, tmp_path):
    study = studies.build_few(tmp_path, llama, "helpful", answers=(3, 40))
    with pytest.raises(Fault, match=r"answers names prompt 40, and the probe set has 40"):
        resolve(study, Store(tmp_path / "cache"))
