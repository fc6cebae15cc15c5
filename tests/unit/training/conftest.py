"""A tiny base model with the tokenizer of the practice runs, and conversations to train it on."""

import json
import random

import pytest

from phcore.training import texts
from phcore.training.practice import Recipe, build_tokenizer
from tests import models


@pytest.fixture(scope="session")
def base(once):
    """Folder of a tiny Llama with a chat template. Read only."""

    def build(folder):
        models.build_model(folder, "llama")
        for file in (*folder.glob("*token*"), *folder.glob("*chat*")):
            file.unlink()
        told = texts.conversations(random.Random(0), 100, "any")
        build_tokenizer(told, Recipe(vocabulary=models.VOCABULARY)).save_pretrained(folder)

    return once("finetune/base", build)


@pytest.fixture
def talk(tmp_path):
    """Two files of conversations, by objective."""
    return conversations(tmp_path)


def conversations(folder):
    made = {}
    for name, kind in (("helpful", "answer"), ("harmless", "refuse")):
        pairs = texts.conversations(random.Random(name), 30, kind)
        rows = [
            {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]}
            for asked, said in pairs
        ]
        made[name] = folder / f"{name}.jsonl"
        made[name].write_text("\n".join(map(json.dumps, rows)))
    return made
    return made
