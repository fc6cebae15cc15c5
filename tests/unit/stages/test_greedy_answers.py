"""Answers of chosen prompts: kept where a study asks for them, and shown to those who may see its prompts."""

import shutil

import pytest

from phcore import checkpoints
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


def test_other_tokens_that_end_an_answer_are_other_answers(llama, tmp_path):
    """They stand in a file of their own, on which nothing else depends; an adapter has its base's."""
    base, store = tmp_path / "base", Store(tmp_path / "cache")
    shutil.copytree(llama, base)
    study = studies.build_few(tmp_path, base, "helpful", "full", answers=(3,))
    said = base / "generation_config.json"
    own = study.series[1].path / "checkpoint-2" / said.name
    found = []
    for file, words in ((said, None), (said, "{}"), (said, '{"eos_token_id": [4, 5]}'), (own, '{"eos_token_id": 4}')):
        file.unlink(missing_ok=True)
        if words:
            file.write_text(words)
        record = resolve(study, store)
        keys = {name: [keys_of(record).of(name, one) for one in places(record, ANSWERED)]
                for name in ("greedy_answers", "next_tokens")}  # fmt: skip
        found.append(keys)
    without, nothing, some, full = found
    assert len({tuple(one["next_tokens"]) for one in found}) == 1
    assert without == nothing
    assert {node.ends for node in record.path_of("helpful")} == {"[4, 5]"}
    differ = [a != b for a, b in zip(without["greedy_answers"], some["greedy_answers"], strict=True)]
    assert differ == [one.nodes[0].label in ("base", "helpful") for one in places(record, ANSWERED)]
    assert sum(a != b for a, b in zip(some["greedy_answers"], full["greedy_answers"], strict=True)) == 1


def test_the_file_of_such_tokens_is_watched_while_a_model_is_read(llama, tmp_path):
    base = tmp_path / "base"
    shutil.copytree(llama, base)
    (base / "generation_config.json").write_text("{}")
    before = checkpoints.state(base)
    (base / "generation_config.json").write_text('{"eos_token_id": 4}')
    assert checkpoints.state(base) != before
