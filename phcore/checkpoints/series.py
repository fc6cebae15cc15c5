"""Find series of checkpoints in a folder: fine-tuning runs, each with its objective, seed and steps.

Content comes first: a checkpoint is where weights lie. The names on the way to it are read afterwards, all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from phcore.checkpoints import names
from phcore.checkpoints.against_base import Base, check_adapter, check_full, same_weights
from phcore.checkpoints.folders import Place, is_unfinished, places
from phcore.checkpoints.formats import Checkpoint, Flaw, examine, names_in, read_json
from phcore.checkpoints.hub import repository_of
from phcore.checkpoints.labels import labelled
from phcore.checkpoints.roots import ROOTS, leaves, refuse_outside
from phcore.checkpoints.steps import IS_BASE, Stand, numbered, state_step
from phcore.checkpoints.templates import template_words
from phcore.errors import Fault
from phcore.formatting import enumerated, real_path


@dataclass(frozen=True)
class Found:
    """A series that was found: `path` holds its checkpoints, sorted by step.

    Attributes
    ----------
    pattern : which folders in `path` are its checkpoints, with `*` for what differs, where several series lie in one
        folder; else "".
    is_base : whether it is the base model itself, which lies beside the runs or was copied there: no run at all.
    notes : sentences about the series as a whole: how its steps were read.
    """

    name: str
    objective: str
    seed: int
    path: Path
    checkpoints: list[Checkpoint]
    is_base: bool = False
    pattern: str = ""
    notes: tuple[str, ...] = ()


UNFINISHED = (
    "Its name says that a trainer is still writing it, or was stopped while it was. Wait for it, or train on from the "
    "checkpoint before."
)


@dataclass
class _Group:
    """Places of one series: what they share, and where they differ."""

    parts: tuple[str, ...]  # from the folder that was looked through to the series
    pattern: str
    rest: tuple[str, ...]  # words of the varying part and of what lies inside it, which may be the objective
    inside: tuple[str, ...]
    members: list[Place]


def scan(
    directory: str | Path,
    base: str | Path | None = None,
    roots: Sequence[Path] | None = None,
    steps: Mapping[str, int] | None = None,
    left_out: Sequence[str] = (),
) -> list[Found]:
    """Series of checkpoints in a folder or below it; sorted by path.

    Folders whose paths differ by a step alone are one series, wherever in the path the step stands. A model folder of
    the hub cache (`models--org--name`) is a series of its revisions, where their names tell a step.

    Parameters
    ----------
    directory : where to look.
    base : the base model's folder. With it, every checkpoint is compared with the base by tensor names and shapes.
        Without it, adapters have the status "incomplete": they cannot be used before a base is chosen.
    roots : where the directory has to lie, and links may lead. None where any folder may be named; links then stay in
        the directory.
    steps, left_out : steps that somebody gave, by folder, and folders that somebody left out, in the words of a study
        file: as the folders are called in their series.

    Raises
    ------
    Fault : where the directory or the base cannot be used or lies elsewhere. A bad checkpoint does not raise: its
        status and finding tell.
    """
    refuse_outside(directory, roots)
    directory = Path(directory)
    if not directory.is_dir():
        raise Fault("there is no such folder", "Pick the folder that holds the checkpoints", directory)
    known = Base(base) if base is not None else None
    fence = [repository_of(real_path(directory)) or real_path(directory), *(roots or ())]
    groups = _groups(places(directory, fence))
    read = []
    for group in groups:
        folder = _folder(group)
        stands = [_stand(place, folder, known, fence) for place in group.members]
        own, notes = numbered(stands, None if base is None else Path(base), steps, left_out)
        read.append((group, folder, own, (*notes, *_bases_words(own))))
    read.sort(key=lambda one: not any(each.ready for each in one[2]))  # of two runs, one that is usable has seed 0
    shared = [group.parts for group, *_ in read]
    ways = [(*group.parts, *(group.rest if shared.count(group.parts) > 1 else ())) for group, *_ in read]
    found = []
    for (group, folder, own, notes), (objective, seed, name) in zip(read, labelled(ways, directory), strict=True):
        is_base = len(own) == 1 and base is not None and _is_base(own[0], Path(base))
        pattern = group.pattern if shared.count(group.parts) > 1 else ""
        found.append(Found(name, objective, seed, folder, own, is_base, pattern, notes))
    return sorted(found, key=lambda one: (one.path, one.pattern))


def _bases_words(own: list[Checkpoint]) -> list[str]:
    """A sentence where the adapters of one series name several base models: all are read on the one that was picked."""
    named = set()
    for one in own:
        if one.ready and one.kind == "adapter":
            name = read_json(one.path / "adapter_config.json").get("base_model_name_or_path")
            named |= {name} if isinstance(name, str) and name else set()
    if len(named) < 2:
        return []
    return [f"Its adapters name different base models ({enumerated(sorted(named))}); all are read on the one picked."]


def _folder(group: _Group) -> Path:
    """The folder that holds a series: of revisions the repository, whose snapshots are called otherwise on disk."""
    first = group.members[0]
    if first.revision:
        return repository_of(first.path) or first.path
    above = len(first.parts) - len(group.parts)
    return first.path.parents[above - 1] if above else first.path


def _is_base(one: Checkpoint, base: Path) -> bool:
    return one.finding == IS_BASE or (one.ready and same_weights(one.path, base))


# --- which places are one series --------------------------------------------------------------------


def _groups(found: list[Place]) -> list[_Group]:
    """Places whose paths differ by a step alone. Those that tell none join the series that lies beside them."""
    stepped: dict[tuple, _Group] = {}
    loose: list[Place] = []
    outer = _steps_stand_outside(found)
    for place in found:
        at = _where(place.parts, outer)
        if at is None:
            loose.append(place)
            continue
        told, inside, parts = names.step_of(place.parts[at]), place.parts[at + 1 :], place.parts[:at]
        numbers, pattern = dict(told.numbers), (told.pattern, *inside)
        if parts and _is_epoch(parts[-1]) and not told.rest:  # epoch_1/step_100: both say how far it was
            epoch, parts = names.step_of(parts[-1]), parts[:-1]
            numbers, pattern = {**epoch.numbers, **numbers}, (epoch.pattern, *pattern)
        rest = (told.rest, *inside) if told.rest else inside
        own = stepped.setdefault((parts, rest), _Group(parts, "/".join(pattern), rest, inside, []))
        own.members.append(replace(place, numbers=numbers))
    groups = _merged(list(stepped.values()))
    for place in loose:
        home = _home(place, groups)
        if home is not None:
            home.members.append(place)
        else:
            groups.append(_alone(place))
    return _without_empty_ones(groups)


def _alone(place: Place) -> _Group:
    """A series of one. Where it is the folder that was named, its own name may tell the step."""
    told = names.step_of(place.path.name) if not place.parts else None
    parts = place.parts[:-1] if place.revision else place.parts
    return _Group(parts, "", (), (), [replace(place, numbers=told.numbers if told else {})])


def _where(parts: tuple[str, ...], outer: bool) -> int | None:
    """Which of the names on the way tells the step: the innermost that says it in words, else the innermost number."""
    told = [(at, names.step_of(part)) for at, part in enumerate(parts)]
    said = [at for at, one in told if one is not None and not set(one.numbers) <= names.WEAK]
    bare = [at for at, one in told if one is not None and set(one.numbers) <= names.WEAK]
    if outer:
        return min(said + bare)
    return max(said or bare, default=None)


def _steps_stand_outside(found: list[Place]) -> bool:
    """Whether the innermost step is the same everywhere and an outer one differs: 100/iter_1, 200/iter_1."""
    inner, outer = set(), set()
    for place in found:
        told = [one for part in place.parts if (one := names.step_of(part)) is not None]
        if len(told) < 2:
            return False
        inner.add(tuple(told[-1].numbers.items()))
        outer.add((told[0].pattern, tuple(told[0].numbers.items())))
    patterns = {pattern for pattern, _ in outer}
    if {tuple(unit for unit, _ in told) for _, told in outer} == {
        ("",)
    }:  # 0, 1, 2: runs of a sweep, with one step each
        counts = sorted(int(told[0][1]) for _, told in outer)
        if counts == list(range(len(counts))):
            return False
    return len(inner) == 1 and len(outer) > 1 and len(patterns) == 1


def _is_epoch(name: str) -> bool:
    told = names.step_of(name)
    return told is not None and set(told.numbers) == {"epoch"} and not told.rest


def _merged(groups: list[_Group]) -> list[_Group]:
    """A single odd one beside a series, such as checkpoint-8-copy, belongs to it."""
    kept = [group for group in groups if len(group.members) > 1]
    for group in groups:
        if len(group.members) > 1:
            continue
        beside = [one for one in kept if (one.parts, one.inside) == (group.parts, group.inside)]
        if beside:
            beside[0].members += group.members
        else:
            kept.append(group)
    return kept


def _home(place: Place, groups: list[_Group]) -> _Group | None:
    """The series that a place without a step belongs to: beside its checkpoints, or the folder that holds them."""
    for group in sorted(groups, key=lambda one: -len(one.members)):
        depth = len(group.parts)
        beside = place.parts[:depth] == group.parts and place.parts[depth + 1 :] == group.inside
        if group.pattern and (place.parts == group.parts or (beside and len(place.parts) > depth)):
            return group
    return None


def _without_empty_ones(groups: list[_Group]) -> list[_Group]:
    """Folders that promise checkpoints and hold none are told of beside some that do; alone they are other folders."""
    whole = [group for group in groups if any(not place.empty for place in group.members)]
    for group in groups:
        home = next((one for one in whole if one.parts == group.parts), None)
        if group not in whole and home is not None:
            home.members += group.members
        elif group not in whole:
            whole.append(group)
    return whole


# --- one checkpoint -----------------------------------------------------------------------------


def _stand(place: Place, folder: Path, base: Base | None, fence: list[Path]) -> Stand:
    return Stand(place, _checkpoint(place, base, fence), folder, state_step(place, folder, fence))


def _checkpoint(place: Place, base: Base | None, fence: list[Path]) -> Checkpoint:
    escaped = way_out(place.path, fence)
    if escaped:
        found = Checkpoint(-1, "full", place.path, 0, "refused", escaped)
    elif any(map(is_unfinished, place.parts)):
        found = Checkpoint(-1, "full", place.path, 0, "incomplete", UNFINISHED)
    else:
        found = _compared(examine(place.path, -1), base)
    if place.revision and found.kind != "adapter":
        found = replace(found, kind="revision")
    return found


def way_out(folder: Path, fence: Sequence[Path]) -> str:
    """The finding about a model's or checkpoint's folder that leaves the fence, or has a link that does; else ""."""
    if leaves(folder, fence):
        escaped = folder
    else:
        links = (folder / name for name in sorted(names_in(folder)) if (folder / name).is_symlink())
        escaped = next((link for link in links if leaves(link, fence)), None)
    if escaped is None:
        return ""
    return f"{escaped.name} is a link that leads out of the allowed folders. Add the folder it leads to to {ROOTS}."


def _compared(found: Checkpoint, base: Base | None) -> Checkpoint:
    if not found.ready:
        return found
    try:
        if found.kind != "adapter":
            if base is not None:
                found = replace(found, note=_notes(check_full(found.path, base), found.path, base))
        elif base is None:
            named = read_json(found.path / "adapter_config.json").get("base_model_name_or_path")
            raise Flaw(
                "incomplete",
                "an adapter needs its base model",
                "Choose the base model" + (f" (the adapter names {named})" if named else ""),
            )
        else:
            found = replace(found, note=_notes(check_adapter(found.path, base), found.path, base))
    except Flaw as flaw:
        return replace(found, status=flaw.status, finding=flaw.finding)
    return found


def _notes(note: str, folder: Path, base: Base) -> str:
    return " ".join(filter(None, [note, template_words(folder, base.path)]))
