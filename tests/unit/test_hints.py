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
