import shutil

import pytest

from phcore.checkpoints import tokenizer_digest
from phcore.checkpoints.token_texts import token_texts


@pytest.fixture
def model(llama, tmp_path):
    return shutil.copytree(llama, tmp_path / "model")


def test_tokens_have_the_texts_of_the_tokenizer_that_read_the_prompts(model):
    from tokenizers import Tokenizer

    found = token_texts(model, tokenizer_digest(model), [5, 7, 5])
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    assert found == {5: tokenizer.decode([5]), 7: tokenizer.decode([7])}


def test_another_tokenizer_or_none_has_no_texts(model, tmp_path):
    assert token_texts(model, "0" * 32, [5]) is None
    assert token_texts(tmp_path / "gone", "0" * 32, [5]) is None
