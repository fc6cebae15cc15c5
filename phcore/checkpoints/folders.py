"""Where weights lie: every folder below another one that holds a checkpoint, whatever it is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from phcore.checkpoints import names
from phcore.checkpoints.formats import holds_opened_weights, holds_weights, is_adapter, looks_like_weights, names_in
from phcore.checkpoints.hub import is_repository, references
from phcore.checkpoints.roots import is_inside, leaves
from phcore.errors import Fault

DEEPEST = 8  # levels of folders: runs/llama/helpful/seed0/global_step_8/actor/huggingface
MOST_FOLDERS = 5000
# Folders of tools and of training's own state, which are never entered.
SKIPPED = {"node_modules", "site-packages", "__pycache__", "wandb", "blobs", "refs", "datasets", "recipe_state"}


@dataclass(frozen=True)
class Place:
    """A folder that holds weights, or whose name says that it should.

    Attributes
    ----------
    path : the folder.
    parts : the names on the way to it from the folder that was looked through; of the hub cache, with the name of the
        revision in place of the commit's.
    revision : whether it is a revision in the hub cache.
    empty : whether its name tells a step and no weights are in it or below it.
    beside : names of further adapters that lie in folders inside it, and are not read.
    numbers : how far training was, by unit, as the names say; empty where they do not.
    """

    path: Path
    parts: tuple[str, ...]
    revision: bool = False
    empty: bool = False
    beside: tuple[str, ...] = ()
    numbers: Mapping[str, Fraction] = field(default_factory=dict)


def places(directory: Path, fence: Sequence[Path]) -> list[Place]:
    """Every place with weights in a folder and below it, in order of path. Links out of the fence are not followed.

    Raises
    ------
    Fault : where there are too many folders to look through.
    """
    found: list[Place] = []
    waiting: list[tuple[Path, tuple[str, ...], bool]] = [(directory, (), False)]
    visited = 0
    while waiting:
        folder, parts, revision = waiting.pop(0)
        visited += 1
        if visited > MOST_FOLDERS:
            raise Fault(
                f"there are more than {MOST_FOLDERS:,} folders below",
                "Pick a folder nearer to the checkpoints",
                directory,
            )
        if is_repository(folder):
            waiting += [(path, (*parts, name), True) for name, path in _revisions(folder, fence)]
            continue
        if leaves(folder, fence):
            found.append(Place(folder, parts, revision))  # named as what it is, and not entered
            continue
        if holds_weights(folder):
            found.append(Place(folder, parts, revision))
        elif parts and _should_hold(parts[-1]) and not is_unfinished(parts[-1]):
            found.append(Place(folder, parts, revision, empty=True))
        if len(parts) < DEEPEST:
            waiting += [(child, (*parts, child.name), False) for child in _children(folder) if _entered(child, fence)]
    return _settled(found)


def _children(folder: Path) -> list[Path]:
    return [
        folder / name
        for name in sorted(names_in(folder))
        if not name.startswith(".") and name not in SKIPPED and _is_folder(folder / name)
    ]


def _is_folder(path: Path) -> bool:
    """Whether it is a folder to look into: no link round to a folder that it lies in, and of links that lead nowhere
    those whose name tells a step, which are told of."""
    if not path.is_symlink():
        return path.is_dir()
    if not path.exists():
        return _should_hold(path.name)
    return path.is_dir() and not any(path.samefile(one) for one in path.parents)


def _entered(child: Path, fence: Sequence[Path]) -> bool:
    """Links out of the fence only where their name tells a step: they are listed, and refused."""
    return not leaves(child, fence) or names.step_of(child.name) is not None


def is_unfinished(name: str) -> bool:
    """Whether a folder is one that trainers write into before they give it its name: tmp-checkpoint-8."""
    return name.startswith(("tmp-", "tmp_")) and names.step_of(name) is not None


def _holds_files(folder: Path) -> bool:
    """Whether what looks like weights in a folder is files, and not folders alone."""
    return any(looks_like_weights(name) and (folder / name).is_file() for name in names_in(folder))


def _should_hold(name: str) -> bool:
    """Whether a name promises a checkpoint: it tells a step in words. A bare number may be anything, as samples_100."""
    told = names.step_of(name)
    return told is not None and not set(told.numbers) <= names.WEAK


def _revisions(repository: Path, fence: Sequence[Path]) -> list[tuple[str, Path]]:
    """Revisions whose names tell a step, and `main` with them; else `main`, where it is no model without steps."""
    known = references(repository)
    steps = [(name, path) for name, path in known.items() if names.step_of(name.replace("/", "-")) is not None]
    main = known.get("main")
    if main is None or not is_inside(main, fence):
        return steps
    if not steps and holds_weights(main) and not is_adapter(main) and not _children(main):
        return []  # a model without steps: no run
    return [*steps, ("main", main)] if main.is_dir() else steps


def _settled(found: list[Place]) -> list[Place]:
    """What lies inside another place: its further adapters, its training state, or the weights that it stands for."""
    kept: list[Place] = []
    inside: dict[Path, list[Place]] = {}
    for place in found:
        for parent in place.path.parents:
            inside.setdefault(parent, []).append(place)
    dropped: set[Path] = set()
    for place in found:
        below = inside.get(place.path, [])
        if place.empty:
            if below:
                dropped.add(place.path)
            continue
        opened = holds_opened_weights(place.path)
        depth = len(place.parts)
        own = [one for one in below if not any(names.step_of(name) for name in one.parts[depth:])]
        if not opened and any(holds_opened_weights(one.path) for one in own):
            dropped.add(place.path)  # shards of the trainer, beside what was merged from them
        elif not opened:
            dropped |= {one.path for one in own}  # folders of its shards
        stands = bool(place.parts) and names.step_of(place.parts[-1]) is not None
        if not opened and not stands and len(own) < len(below) and not _holds_files(place.path):
            dropped.add(place.path)  # only the folders of its steps look like shards
        if opened and (stands or (is_adapter(place.path) and len(own) == len(below))):
            dropped |= {one.path for one in own}
        if stands:  # DeepSpeed's own state: checkpoint-8/global_step8
            dropped |= {one.path for one in below if not holds_opened_weights(one.path)}
    for place in found:
        if place.path in dropped:
            continue
        own = [one for one in inside.get(place.path, []) if one.path in dropped and holds_opened_weights(one.path)]
        kept.append(replace(place, beside=tuple("/".join(one.parts[len(place.parts) :]) for one in own)))
    return sorted(kept, key=lambda one: one.path)
