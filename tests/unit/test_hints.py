"""What is said to mend a fault never asks anybody to throw something away."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FAULTS = {"Fault", "Flaw", "Unusable", "Missing", "NotAsked", "Newer"}
AWAY = re.compile(r"\b(delete|remove|erase|discard|throw away)\b|\brm -", re.I)


def said(path: Path) -> Iterator[str]:
    """The words of every fault that a file raises."""
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(call, ast.Call) and getattr(call.func, "id", getattr(call.func, "attr", "")) in FAULTS:
            for part in (node for argument in call.args for node in ast.walk(argument)):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value


@pytest.mark.parametrize("room", ["phcore", "pages", "scripts"])
def test_no_hint_throws_anything_away(room):
    every = [(path.name, words) for path in (ROOT / room).rglob("*.py") for words in said(path)]
    assert len(every) > (100 if room == "phcore" else 0)
    assert [one for one in every if AWAY.search(one[1])] == []


FILES_OF_THEIRS = re.compile(
    r"\b(remov|delet|eras|discard|throw|wip|get rid of)\w*\b[^.]{0,60}\b(folder|director|checkpoint|runs?|weights?)",
    re.I,
)


def sentences(path: Path) -> list[str]:
    """Every text of a file but docstrings: mends are also made by functions, and stand in tables."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = ""
    return [one.value for one in ast.walk(tree) if isinstance(one, ast.Constant) and isinstance(one.value, str)]


def test_no_sentence_at_all_throws_a_folder_away():
    assert FILES_OF_THEIRS.search("Save the checkpoint again, or remove the folder")
    every = [(path.name, words) for room in ("phcore", "pages") for path in (ROOT / room).rglob("*.py")
             for words in sentences(path)]  # fmt: skip
    assert [one for one in every if FILES_OF_THEIRS.search(one[1])] == []
