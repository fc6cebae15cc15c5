"""A tiny base model with the tokenizer of the practice runs, and conversations to train it on."""

import pytest

from tests import models


@pytest.fixture(scope="session")
def base(once):
    """Folder of a tiny Llama of two layers, with a chat template. Read only."""
    return once("finetune/base", lambda folder: models.build_chat_model(folder, num_hidden_layers=2))


@pytest.fixture
def talk(tmp_path):
    """Two files of conversations, by objective."""
    return models.write_conversations(tmp_path)
