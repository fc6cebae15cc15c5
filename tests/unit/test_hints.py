"""What users are told to do: in no sentence of the source are they told to throw files of theirs away."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(file for room in ("phcore", "pages") for end in ("*.py", "*.toml") for file in (ROOT / room).rglob(end))
THROWN_AWAY = re.compile(
    r"\b(remov|delet|eras|discard|throw|wip|get rid of|rm\b)\w*\b[^.]{0,60}\b(folder|director|checkpoint|run|weights?)",
    re.I,
)
# Words of the program about its own work, not of what somebody should do.
OWN = re.compile(r"deletes? (the|a) study", re.I)


def sentences(file: Path) -> list[str]:
    """Every text in a file that is no documentation of the source, f-strings with gaps for what is put in."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".toml":
        return re.findall(r'"([^"]*)"', text)
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = ""  # a docstring
    found = [one.value for one in ast.walk(tree) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    joined = [
        "".join(part.value if isinstance(part, ast.Constant) else "…" for part in one.values)
        for one in ast.walk(tree)
        if isinstance(one, ast.JoinedStr)
    ]
    return found + joined


def advice(words: str) -> list[str]:
    return [found[0] for found in THROWN_AWAY.finditer(words) if not OWN.search(words)]


def test_it_would_be_seen():
    assert advice("Save the checkpoint again, or remove the folder.")
    assert advice("Delete what is in this directory")
    assert not advice("Save the checkpoint again")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_nobody_is_told_to_throw_a_folder_away(file):
    assert [found for words in sentences(file) for found in advice(words)] == []
