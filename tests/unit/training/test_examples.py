"""Which tokens bear loss: the answers and their end tokens, by whatever way a template is written."""

import pytest

from phcore.activations.tokens import load_tokenizer
from phcore.errors import Fault
from phcore.training.conversations import Conversation
from phcore.training.examples import IGNORED, encode, padded, shortened

HEAD = "{% for m in messages %}<|{{ m['role'] }}|>"
OPENING = "{% if add_generation_prompt %}<|assistant|>{% endif %}"
TEMPLATES = {
    "practice": HEAD + "{{ m['content'] }}<|end|>{% endfor %}" + OPENING,
    "blanks after the end": "Be kind.\n" + HEAD + "\n{{ m['content'] }}<|end|>\n{% endfor %}" + OPENING + "\n",
    "no opening": HEAD + " {{ m['content'].strip() }}<|end|>{% endfor %}",
    "thoughts at the opening": HEAD + "{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>(Hm.){% endif %}",
    "counts messages": "{{ messages | length }}" + HEAD + "{{ m['content'] }}<|end|>{% endfor %}" + OPENING,
    "for training": "{% for m in messages %}<|{{ m['role'] }}|>{% if m['role'] == 'assistant' %}{% generation %}"
    "{{ m['content'] }}<|end|>{% endgeneration %}{% else %}{{ m['content'] }}<|end|>{% endif %}{% endfor %}" + OPENING,
}  # fmt: skip
TALK = (("user", "Why do cats purr?"), ("assistant", "Because they  are\n\ncontent – é!"), ("user", "Is that all?"),
        ("assistant", "Yes."))  # fmt: skip


@pytest.fixture
def tokenizer(base):
    return load_tokenizer(base)


def learned(example, tokenizer):
    """The stretches that bear loss, as text."""
    stretches, open_ = [], False
    for token, label in zip(example.ids, example.labels, strict=True):
        if label != IGNORED:
            assert label == token
            if not open_:
                stretches.append([])
            stretches[-1].append(token)
        open_ = label != IGNORED
    return [tokenizer.decode(one) for one in stretches]


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name != "counts messages"])
def test_answers_and_their_end_tokens_bear_loss(base, tokenizer, name):
    tokenizer.chat_template = TEMPLATES[name]
    example = encode(Conversation(TALK, "line 1"), tokenizer, base)
    found = [one.removeprefix(" ") for one in learned(example, tokenizer)]
    assert found == ["Because they  are\n\ncontent – é!<|end|>", "Yes.<|end|>"]
    messages = [{"role": role, "content": content} for role, content in TALK]
    assert list(example.ids) == tokenizer.apply_chat_template(messages, return_dict=False)
    assert example.learned == sum(label != IGNORED for label in example.labels)


def test_a_template_that_hides_answers_is_refused(base, tokenizer):
    for template in (TEMPLATES["counts messages"], HEAD + "{{ m['content'] | upper }}<|end|>{% endfor %}"):
        tokenizer.chat_template = template
        with pytest.raises(Fault, match="line 7: the chat template does not show answer 2 as it stands"):
            encode(Conversation(TALK, "line 7"), tokenizer, base)
    tokenizer.chat_template = "{{ raise_exception('roles must alternate') }}"
    with pytest.raises(Fault, match=r"line 7: the chat template fails \(roles must alternate\)"):
        encode(Conversation(TALK, "line 7"), tokenizer, base)


def test_batches(base, tokenizer):
    whole = encode(Conversation(TALK, "line 1"), tokenizer, base)
    short = shortened(whole, 5)
    assert short.ids == whole.ids[:5]
    assert short.learned == 0
    batch = padded([short, whole], tokenizer.pad_token_id)
    assert batch["input_ids"].shape == (2, len(whole.ids))
    assert batch["attention_mask"].sum(1).tolist() == [5, len(whole.ids)]
    assert batch["labels"][1].tolist() == list(whole.labels)
    assert (batch["labels"][0] == IGNORED).all()
