"""What the folders above checkpoints say of their runs: objective, seed, and a name for each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from phcore.checkpoints import names
from phcore.checkpoints.hub import is_repository
from phcore.formatting import real_path

# Folder names that say nothing about the run.
GENERIC = {
    "checkpoints", "checkpoint", "ckpts", "ckpt", "output", "outputs", "results", "weights", "adapter", "adapters",
    "adapter_model", "huggingface", "hf", "hf_model", "actor", "policy", "model", "models", "runs", "logs", "saves",
    "lightning_logs", "multirun", "snapshots", "exports", "merged_hf", "trainer_output", *names.FINAL,
}  # fmt: skip
NO_OBJECTIVE = "series"


_NUMBERED = re.compile(r"(?:(?:run|trial|rep|replicate|fold|version|v)[-_]?)?(\d+)", re.I)  # runs by number


class Label:
    """What the names on the way to one series tell.

    Attributes
    ----------
    words : names that may be the objective, from the outside in.
    seed : as the names tell it, or None.
    rate : the learning rate as it is written, or "".
    """

    def __init__(self, parts: Sequence[str]):
        self.words: list[str] = []
        self.seed: int | None = None
        self.rate = ""
        numbers: list[int] = []
        for part in parts:
            self.rate = names.rate(part) or self.rate
            if (seed := names.seed(part)) is not None:
                self.seed = seed
            word = _organised(part) if part.startswith("models--") else names.words(part)
            if numbered := _NUMBERED.fullmatch(word):
                numbers.append(int(numbered[1]))
            elif word and word.lower() not in GENERIC and not names.is_date(word):
                self.words.append(word)
        if self.seed is None and numbers and self.words and numbers[-1] < 10_000:
            self.seed = numbers[-1]  # helpful/0, helpful/run1


def _organised(repository: str) -> str:
    return repository.split("--")[-1]


def labelled(series: Sequence[Sequence[str]], above: Path) -> list[tuple[str, int, str]]:
    """Objective, seed and name of each series.

    Words that all series share tell none of them apart and are left out where something else is left. A learning rate
    becomes part of the objective where one objective was trained with several.

    Parameters
    ----------
    series : the names on the way from the folder that was looked through to each series.
    above : that folder; it and those around it name a series that its own way does not.
    """
    found = [Label(parts) for parts in series]
    objectives = ["-".join(one) for one in _telling([label.words for label in found])]
    named_above, seed_above = from_above(above)
    around = names.seed(real_path(above).name)
    unnamed = [not one for one in objectives]
    objectives = [one or named_above for one in objectives]
    for objective in set(objectives):
        rates = {label.rate for label, own in zip(found, objectives, strict=True) if own == objective}
        if len(rates) > 1:
            objectives = [
                f"{own}-lr{label.rate}" if own == objective and label.rate else own
                for label, own in zip(found, objectives, strict=True)
            ]
    seeds = [
        (seed_above if none else around) if label.seed is None else label.seed
        for label, none in zip(found, unnamed, strict=True)
    ]
    told = [seed is not None for seed in seeds]
    seeds = _apart(objectives, seeds)
    short = [
        f"{objective}-seed{seed}" if tells or objectives.count(objective) > 1 else objective
        for objective, seed, tells in zip(objectives, seeds, told, strict=True)
    ]
    return list(zip(objectives, seeds, _unique(short, series), strict=True))


def _telling(words: list[list[str]]) -> list[list[str]]:
    """Each series' words without those that all have, where every one keeps a word; else the innermost."""
    shared = set.intersection(*map(set, words)) if words else set()
    own = [[word for word in one if word not in shared] for one in words]
    if len(words) > 1 and all(own):
        return own
    return [one[-1:] for one in words]


def from_above(folder: Path) -> tuple[str, int | None]:
    """Objective and seed that a folder's name tells, or the folders around it: helpful-seed1, helpful/seed1."""
    folder, seed = real_path(folder), None
    while folder.parent != folder:
        if is_repository(folder):
            return _organised(folder.name), seed
        told = names.step_of(folder.name)
        seed = names.seed(folder.name) if seed is None else seed
        found = Label([folder.name if told is None else told.rest])
        if found.words:
            return found.words[-1], seed
        folder = folder.parent
    return NO_OBJECTIVE, seed


def _apart(objectives: list[str], seeds: list[int | None]) -> list[int]:
    """Seeds, where names tell none: 0, or the next free one where an objective has several runs."""
    taken: dict[str, set[int]] = {}
    for objective, seed in zip(objectives, seeds, strict=True):
        if seed is not None:
            taken.setdefault(objective, set()).add(seed)
    found = []
    for objective, seed in zip(objectives, seeds, strict=True):
        if seed is None:
            own = taken.setdefault(objective, set())
            seed = next(k for k in range(len(own) + 1) if k not in own)
            own.add(seed)
        found.append(seed)
    return found


def _unique(short: list[str], series: Sequence[Sequence[str]]) -> list[str]:
    """Names of which each stands once: with the way to it where two would be called alike."""
    counts = Counter(short)
    ways = ["-".join(name.replace("/", "-") for name in parts) for parts in series]
    found: list[str] = []
    for name, way in zip(short, ways, strict=True):
        name = way if counts[name] > 1 and way else name
        name = f"{name}-series" if name == "base" else name  # "base" is the word for the base model among the series
        number = 2
        while name in found:
            name, number = f"{name.rpartition('~')[0] or name}~{number}", number + 1
        found.append(name)
    return found
