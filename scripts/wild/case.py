"""A case: how a folder of checkpoints comes about, and what has to be said of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

# (objective, seed) of a series -> the steps that are usable, without the base's.
Series = Mapping[tuple[str, int], list[int]]


@dataclass(frozen=True)
class Expected:
    """What has to be found.

    Attributes
    ----------
    series : of each series its usable steps.
    unusable : by folder, from the case's own on: words that the finding must hold, which name the true cause.
    said : words that must be said somewhere: in a note or a finding.
    read : folders whose hidden states must equal those of plain transformers and PEFT. None: of all usable ones.
    base : the base model to choose, if not the workshop's.
    """

    series: Series = field(default_factory=dict)
    unusable: Mapping[str, str] = field(default_factory=dict)
    said: tuple[str, ...] = ()
    read: tuple[str, ...] | None = ()
    base: Path | None = None


@dataclass(frozen=True)
class Case:
    """One case. `check` builds it in an empty folder and returns what has to be found, or judges by itself."""

    group: str
    title: str
    build: Callable[[Workshop], Expected | str | tuple[str, str]]
    quick: bool


CASES: list[Case] = []


def case(group: str, title: str = "", quick: bool = True):
    """Enter a case. Its function gets a workshop and returns `Expected`; or a sentence, where it judged by itself: ""
    for right, else what was wrong."""

    def entered(build: Callable[[Workshop], Expected | str | tuple[str, str]]):
        words = title or build.__name__.replace("_", " ")
        CASES.append(Case(group, title if title else words[0].upper() + words[1:], build, quick))
        return build

    return entered


class Workshop:
    """An empty folder, and tiny models and adapters to put into it.

    Attributes
    ----------
    folder : where the case is built.
    base : a tiny Llama with tokenizer, shared by all cases: read only.
    """

    def __init__(self, folder: Path, base: Path, adapter: Path):
        self.folder, self.base, self._adapter = folder, base, adapter
        self._made = 0

    def adapter(self, place: str, seed: int | None = None, **settings) -> Path:
        """A LoRA adapter on the base with weights that no other call gives, or those of `seed`."""
        target = self.folder / place
        shutil.copytree(self._adapter, target, dirs_exist_ok=True)
        self._other_weights(target / "adapter_model.safetensors", seed)
        if settings:
            edit_json(target / "adapter_config.json", **settings)
        return target

    def whole(self, place: str, seed: int | None = None, tokenizer: bool = True) -> Path:
        """A whole model like the base with other weights."""
        target = self.folder / place
        target.mkdir(parents=True, exist_ok=True)
        for file in self.base.iterdir():
            if file.name in ("config.json", "model.safetensors") or (tokenizer and file.suffix in (".json", ".jinja")):
                shutil.copy2(file, target)
        self._other_weights(target / "model.safetensors", seed)
        return target

    def copy_of_base(self, place: str) -> Path:
        """The base model itself."""
        shutil.copytree(self.base, self.folder / place, dirs_exist_ok=True)
        return self.folder / place

    def state(self, place: str, step: int, **more) -> None:
        """Trainer's state file."""
        self.write(f"{place}/trainer_state.json", json.dumps({"global_step": step, "log_history": []} | more))

    def write(self, place: str, content: str | bytes = b"x") -> Path:
        """A file with its folders."""
        file = self.folder / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def _other_weights(self, file: Path, seed: int | None) -> None:
        from safetensors.numpy import load_file, save_file

        self._made += 1
        random = np.random.default_rng(10_000 + self._made if seed is None else seed)
        moved = {
            name: (one + 0.05 * random.standard_normal(one.shape)).astype(one.dtype)
            for name, one in load_file(file).items()
        }
        save_file(moved, file, metadata={"format": "pt"})


def edit_json(file: Path, **changes) -> None:
    """Change entries of a JSON file; None takes one out."""
    content = json.loads(file.read_text()) | changes
    file.write_text(json.dumps({name: value for name, value in content.items() if value is not None}))
