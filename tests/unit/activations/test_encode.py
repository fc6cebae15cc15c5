import contextlib
import shutil

import pytest

from phcore import activations
from phcore.errors import Fault
from tests.models import CONTEXT, PROMPTS, SYSTEM, build_tokenizer, edit_json


@pytest.fixture
def folder(llama, tmp_path):
    """A model folder without weights, to change."""
    shutil.copytree(llama, tmp_path / "model", ignore=shutil.ignore_patterns("*.safetensors"))
    return tmp_path / "model"


def decoded(folder, ids):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder).decode(ids)


def test_chat_prompts_are_wrapped_and_open_the_answer(folder):
    ids = activations.encode(folder, PROMPTS[:2], chat=True)
    assert decoded(folder, ids[0]).replace("<s> ", "<s>") == f"<s><sys>{SYSTEM}</sys><user>{PROMPTS[0]}</user><answer>"


@pytest.mark.parametrize("chat", [True, False])
def test_one_start_token_only(folder, chat):
    for ids in activations.encode(folder, PROMPTS, chat=chat):
        assert ids[0] == 0
        assert ids.count(0) == 1


def test_raw_text_where_there_is_no_template(folder):
    wanted = activations.encode(folder, PROMPTS, chat=False)
    shutil.rmtree(folder / "chat_templates", ignore_errors=True)
    (folder / "chat_template.jinja").unlink()
    assert activations.encode(folder, PROMPTS, chat=True) == wanted
    assert decoded(folder, wanted[0]).endswith(PROMPTS[0])


def test_templates_do_not_see_the_date(folder):
    build_tokenizer(folder, "\n{{ strftime_now('%Y-%m-%d') }} {{ date_string }} {{ messages[0]['content'] }}")
    assert decoded(folder, activations.encode(folder, ["x"])[0]) == "\n2024-07-26 26 Jul 2024 x"


def test_a_prompt_that_is_too_long_is_named_and_not_cut(folder):
    assert len(activations.encode(folder, ["a", "b"], chat=False)) == 2
    with pytest.raises(Fault, match=rf"prompt 2 has \d+ tokens, and the model reads at most {CONTEXT}"):
        activations.encode(folder, ["a", "% " * CONTEXT], chat=False)


def test_a_prompt_without_tokens(folder):
    build_tokenizer(folder, "{{ messages[0]['content'] }}")
    with pytest.raises(Fault, match="prompt 2 has no tokens"):
        activations.encode(folder, ["a", ""], chat=True)


def test_faults_of_tokenizer_and_template(folder, tmp_path):
    with pytest.raises(Fault, match="no such folder"):
        activations.encode(tmp_path / "gone", ["a"])
    build_tokenizer(folder, "{{ raise_exception('only pictures') }}")
    with pytest.raises(Fault, match="only pictures"):
        activations.encode(folder, ["a"])
    build_tokenizer(folder)
    edit_json(folder / "tokenizer_config.json", model_max_length=["many"])  # noticed when it is used
    with pytest.raises(Fault, match="tokenizer fails"):
        activations.encode(folder, ["a"])
    with pytest.raises(Fault, match="tokenizer fails"):
        activations.refusal_tokens(folder)
    (folder / "tokenizer.json").write_bytes(b"\xff\xfe not json")
    with pytest.raises(Fault, match="tokenizer cannot be loaded"):
        activations.encode(folder, ["a"])


def test_a_tokenizer_with_code_of_its_own_is_not_run(folder, tmp_path):
    (folder / "tok.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Tok: pass\n")
    edit_json(folder / "tokenizer_config.json", auto_map={"AutoTokenizer": ["tok.Tok", None]}, tokenizer_class="Tok")
    with contextlib.suppress(Fault):
        activations.encode(folder, ["a"])
    assert not (tmp_path / "ran").exists()


# --- the prompt's own tokens ----------------------------------------------------------------------


@pytest.mark.parametrize("chat", [True, False])
def test_own_tokens_are_those_of_the_text_alone(folder, chat):
    ids = activations.encode(folder, PROMPTS, chat=chat)
    for prompt, row, (first, behind) in zip(PROMPTS, ids, activations.own_tokens(folder, PROMPTS, chat), strict=True):
        assert decoded(folder, row[first:behind]) == prompt
        assert (behind == len(row)) != chat
    raw = activations.encode(folder, PROMPTS, chat=False)
    assert activations.lengths(folder, PROMPTS) == [len(row) - 1 for row in raw]  # without the start token


def test_a_template_may_trim_a_prompt(folder):
    build_tokenizer(folder, "user: {{ messages[0]['content'] | trim }} answer:")
    (row,) = activations.encode(folder, ["  user  "])
    ((first, behind),) = activations.own_tokens(folder, ["  user  "])
    assert decoded(folder, row[first:behind]).strip() == "user"
    assert first > 0


@pytest.mark.parametrize(
    "template",
    [
        "a {{ messages[0]['content'] }} and {{ messages[0]['content'] }}",
        "{% if messages[0]['content'] | length > 3 %}long{% endif %} {{ messages[0]['content'] }}",
    ],
    ids=["twice", "depending on it"],
)
def test_a_template_that_hides_where_the_prompt_stands(folder, template):
    build_tokenizer(folder, template)
    with pytest.raises(Fault, match="does not repeat each prompt once"):
        activations.own_tokens(folder, ["What is it?"])


PARTS = "{% for m in messages %}<user>{% for part in m.content %}{% if part.type == 'text' %}{{ part.text }}{% endif %}{% endfor %}{% endfor %}"  # noqa: E501


def test_a_template_that_wants_parts_gets_parts(folder):
    """Given texts, it would say nothing of them, and all prompts would be one."""
    build_tokenizer(folder, PARTS + "{% if add_generation_prompt %}<answer>{% endif %}")
    assert activations.as_read(folder, ["Why?", "How?"]) == ["<user>Why?<answer>", "<user>How?<answer>"]


@pytest.mark.parametrize("template", ["always the same", "{{ messages[0].content.nothing.at.all }}"])
def test_a_template_out_of_which_no_prompt_comes(folder, template):
    build_tokenizer(folder, template)
    with pytest.raises(Fault, match=r"all prompts would read the same|template fails"):
        activations.encode(folder, ["What is it?"])
