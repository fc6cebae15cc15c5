"""All cases, and the two models that most of them are made of."""

import importlib
import pkgutil
from pathlib import Path

import scripts.wild as here
from scripts.wild.case import CASES, Case

NO_CASES = {"__main__", "case", "cases", "document", "judge"}


def chosen(only: str = "") -> list[Case]:
    """Every case of every module here, or those of a group, or with words in their title."""
    for module in sorted(one.name for one in pkgutil.iter_modules(here.__path__)):
        if module not in NO_CASES:
            importlib.import_module(f"scripts.wild.{module}")
    return [one for one in CASES if only in ("", one.group) or only.lower() in one.title.lower()]


def models(folder: Path) -> tuple[Path, Path]:
    """(base, adapter on it): a tiny Llama with tokenizer and chat template, and LoRA."""
    from tests import models as tiny

    base = tiny.build_model(folder / "base", "llama")
    return base, tiny.build_adapter(folder / "adapter", base)
