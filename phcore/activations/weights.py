"""Weights as files hold them, read and never mapped into memory.

A file that is cut while it is mapped ends the process with a bus error and without a word, and a trainer that saves
over its last checkpoint, or a copy over a base model, cuts it first. What was read stays as it was, and whoever reads
compares the file with its fingerprint afterwards.
"""

from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

from safetensors import safe_open
from safetensors.torch import load_file

from phcore.checkpoints.fingerprints import note


def stored(file: str | Path, framework: str = "pt", **how: Any) -> safe_open:
    """An open file of weights. As safetensors' `safe_open`, which maps it unless told otherwise."""
    note(file)
    return safe_open(file, framework, **how | {"backend": "pread"})


def unmapped(library: ModuleType) -> AbstractContextManager:
    """While what is inside goes on, a module of transformers or of PEFT reads weights so; neither can be told to.

    Raises
    ------
    ValueError : of a module that reads none by the names known here.
    """
    ours = {"safe_open": stored, "safe_load_file": _loaded}
    return patch.multiple(library, **{name: one for name, one in ours.items() if hasattr(library, name)})


def _loaded(file: str | Path, device: str | int = "cpu") -> dict:
    note(file)
    return load_file(file, device, backend="pread")
