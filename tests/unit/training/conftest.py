"""A tiny base model with the tokenizer of the practice runs, and conversations to train it on."""

import pytest

from tests import models


@pytest.fixture(scope="session")
def base(once):
    """Folder of a tiny Llama with a chat template. Read only."""
    return once("finetune/base", models.build_chat_model)


@pytest.fixture
def talk(tmp_path):
    """Two files of conversations, by objective."""
    return models.write_conversations(tmp_path)
