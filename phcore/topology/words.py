"""Name -> words of the numbers of this room, by section of `words.toml`: one order for tables and screens."""

import tomllib
from pathlib import Path

WORDS: dict[str, dict[str, str]] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
