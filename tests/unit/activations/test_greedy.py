"""Answers by the most probable token, as the model itself gives them."""

from types import SimpleNamespace

import pytest
import torch

from phcore import activations
from phcore.activations.greedy import end_tokens
from tests.models import ARCHITECTURES, PROMPTS


@pytest.fixture(scope="module", params=ARCHITECTURES)
def opened(request, tiny):
    folder = tiny(request.param)
    return (
        activations.load_model(folder), activations.load_tokenizer(folder),
        dict(enumerate(activations.encode(folder, PROMPTS))),
    )  # fmt: skip


def plainly(model, ids, most, ends):
    """The same without a cache: the whole text anew for each token."""
    text = list(ids)
    while len(text) < len(ids) + most:
        with torch.inference_mode():
            token = int(model(torch.tensor([text])).logits[0, -1].argmax())
        if token in ends:
            break
        text.append(token)
    return text[len(ids) :]


def test_tokens_are_those_of_plain_reading(opened):
    model, tokenizer, prompts = opened
    found = activations.greedy(model, tokenizer, prompts, most=6)
    ends = end_tokens(model, tokenizer)
    assert found.keys() == prompts.keys()
    for number, ids in prompts.items():
        assert list(found[number].tokens) == plainly(model, ids, 6, ends)
        assert found[number].text == tokenizer.decode(found[number].tokens, skip_special_tokens=True)


def test_an_answer_does_not_depend_on_the_others(opened):
    model, tokenizer, prompts = opened
    every = activations.greedy(model, tokenizer, prompts, most=6)
    assert activations.greedy(model, tokenizer, {3: prompts[3]}, most=6) == {3: every[3]}


def test_it_ends_with_the_token_that_ends_an_answer(opened):
    model, tokenizer, prompts = opened
    first, second = activations.greedy(model, tokenizer, {0: prompts[0]}, most=2)[0].tokens
    if first == second:
        pytest.skip("this model says one thing over and over")
    ending = SimpleNamespace(eos_token_id=second, decode=tokenizer.decode)
    one = activations.greedy(model, ending, {0: prompts[0]}, most=6)[0]
    assert (one.tokens, one.ended) == ((first,), True)
    assert not activations.greedy(model, tokenizer, {0: prompts[0]}, most=1)[0].ended


def test_what_is_cancelled_stops(opened):
    with pytest.raises(activations.Stopped):
        activations.greedy(*opened, cancelled=lambda: True)
