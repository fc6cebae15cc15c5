"""Find series of checkpoints in a folder: fine-tuning runs, each with its objective, seed and steps."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from phcore.checkpoints.against_base import Base, check_adapter, check_full, same_weights
from phcore.checkpoints.formats import Checkpoint, Flaw, examine, holds_weights, is_adapter, names_in, read_json
from phcore.checkpoints.roots import ROOTS, is_inside, leaves, refuse_outside
from phcore.errors import Fault

DEEPEST = 3  # levels of folders above the checkpoints: runs/llama/helpful/seed0/checkpoint-8
MOST_FOLDERS = 2000

# checkpoint-8, step1000, step-001000-2BT, global_step_10, iter_0000100, epoch-3, 128000, stage1-step150-tokens1B
STEP = re.compile(
    r"(?:.*[-_.])?(?:checkpoint|ckpt|global_?step|step|iter|iteration|epoch)[-_=]?(\d+)(k?)(?:[-_.].*)?|(\d+)", re.I
)
SEED = re.compile(r"(?P<objective>.*?)[-_.]?seed[-_=]?(?P<seed>\d+)", re.I)
# Folder names that say nothing about the run: the parent's name does.
GENERIC = {
    "checkpoints", "checkpoint", "ckpts", "ckpt", "output", "outputs", "results", "weights", "adapter", "adapters",
}  # fmt: skip
LOOSE = "The name of its folder tells no step, so it stands last."


@dataclass(frozen=True)
class Found:
    """A series that was found: `path` holds its checkpoints, sorted by step.

    Attributes
    ----------
    is_base : whether it is the base model itself, which lies beside the runs or was copied there: no run at all.
    """

    name: str
    objective: str
    seed: int
    path: Path
    checkpoints: list[Checkpoint]
    is_base: bool = False


def scan(directory: str | Path, base: str | Path | None = None, roots: Sequence[Path] | None = None) -> list[Found]:
    """Series of checkpoints in a folder or, up to three levels, below it; sorted by path.

    A folder that holds checkpoints itself is one series. A model folder of the hub cache (`models--org--name`) is a
    series of its revisions, where their names tell a step; one that only holds an adapter is a series of one.

    Parameters
    ----------
    directory : where to look.
    base : the base model's folder. With it, every checkpoint is compared with the base by tensor names and shapes.
        Without it, adapters have the status "incomplete": they cannot be used before a base is chosen.
    roots : where the directory has to lie, and links may lead. None where any folder may be named; links then stay in
        the directory.

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
    fence = [repository_of(directory.resolve()) or directory.resolve(), *(roots or ())]
    found = []
    for folder, places in _series_folders(directory, fence):
        own = [_checkpoint(place, known, fence) for place in places]
        objective, seed = objective_of(folder)
        is_base = len(own) == 1 and own[0].ready and base is not None and same_weights(own[0].path, Path(base))
        found.append(Found(folder.name, objective, seed, folder, _in_order(own), is_base))
    return _named(found, directory)


@dataclass(frozen=True)
class _Place:
    """Where a checkpoint is expected. `step` is None where the folder's name tells none."""

    path: Path
    step: int | None
    revision: bool = False


def _series_folders(directory: Path, fence: list[Path]) -> Iterator[tuple[Path, list[_Place]]]:
    """Every folder that directly holds checkpoints, with them; not looking below such a folder.

    Links out of the fence are not followed.
    """
    waiting = [(directory, 0)]
    visited = 0
    while waiting:
        folder, depth = waiting.pop(0)
        visited += 1
        if visited > MOST_FOLDERS:
            raise Fault(
                f"there are more than {MOST_FOLDERS:,} folders below",
                "Pick a folder nearer to the checkpoints",
                directory,
            )
        places = _places(folder, fence)
        if places:
            yield folder, places
        elif depth < DEEPEST and not _is_repository(folder):
            waiting += [(child, depth + 1) for child in _children(folder) if not leaves(child, fence)]


def _places(folder: Path, fence: list[Path]) -> list[_Place]:
    if _is_repository(folder):
        return _revisions(folder, fence)
    children = _children(folder)
    steps = [_Place(child, step) for child in children if (step := step_of(child.name)) is not None]
    if not steps:
        return [_Place(folder, step_of(folder.name))] if holds_weights(folder) else []
    numbered = {place.path for place in steps}
    others = [child for child in children if child not in numbered and not leaves(child, fence)]
    loose = [_Place(child, None) for child in others if holds_weights(child)]
    # Trainer.save_model() leaves the final weights beside the checkpoints; its state file tells their step.
    final = _state_step(folder, fence) if holds_weights(folder) else None
    if final is not None and final not in {place.step for place in steps}:
        steps.append(_Place(folder, final))
    return steps + loose


def _children(folder: Path) -> list[Path]:
    names = sorted(n for n in names_in(folder) if not n.startswith((".", "tmp")))
    return [folder / name for name in names if (folder / name).is_dir()]


def step_of(name: str) -> int | None:
    """The training step a folder's or revision's name tells, or None."""
    found = STEP.fullmatch(name)
    if not found:
        return None
    return int(found[3]) if found[3] else int(found[1]) * (1000 if found[2] else 1)


def _state_step(folder: Path, fence: list[Path]) -> int | None:
    """The step that Trainer's state file tells, where it lies within the fence."""
    file = folder / "trainer_state.json"
    if not is_inside(file, fence):
        return None
    try:
        step = read_json(file).get("global_step")
    except Flaw:
        return None
    return step if isinstance(step, int) and step >= 0 else None


# --- the hub cache ------------------------------------------------------------------------------


def _is_repository(folder: Path) -> bool:
    return folder.name.startswith("models--") and (folder / "snapshots").is_dir()


def repository_of(path: Path) -> Path | None:
    """The hub-cache repository a path lies in: its snapshots are links into its blobs."""
    return next((one for one in (path, *path.parents) if _is_repository(one)), None)


def references(repository: Path) -> dict[str, Path]:
    """Names of revisions (main, step1000, ...) and the snapshot folders they stand for."""
    refs = repository / "refs"
    found = {}
    for file in sorted(refs.rglob("*")) if refs.is_dir() else []:
        if is_inside(file, [repository]) and file.is_file() and file.stat().st_size < 200:
            commit = file.read_text(encoding="ascii", errors="replace").strip()
            if re.fullmatch(r"[0-9a-zA-Z_-]+", commit):
                found[file.relative_to(refs).as_posix()] = repository / "snapshots" / commit
    return found


def _revisions(repository: Path, fence: list[Path]) -> list[_Place]:
    refs = references(repository)
    steps = [_Place(path, step, True) for name, path in refs.items() if (step := step_of(name)) is not None]
    if steps:
        return steps
    main = refs.get("main")
    return [_Place(main, None)] if main and is_inside(main, fence) and is_adapter(main) else []


# --- one checkpoint -----------------------------------------------------------------------------


def _checkpoint(place: _Place, base: Base | None, fence: list[Path]) -> Checkpoint:
    step = place.step if place.step is not None else _state_step(place.path, fence)
    escaped = way_out(place.path, fence)
    if escaped:
        found = Checkpoint(-1, "full", place.path, 0, "refused", escaped)
    else:
        found = _compared(examine(place.path, -1), base)
    if place.revision and found.kind != "adapter":
        found = replace(found, kind="revision")
    return replace(found, step=-1 if step is None else step, note=LOOSE if step is None else "")


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
                check_full(found.path, base)
        elif base is None:
            named = read_json(found.path / "adapter_config.json").get("base_model_name_or_path")
            raise Flaw(
                "incomplete",
                "an adapter needs its base model",
                "Choose the base model" + (f" (the adapter names {named})" if named else ""),
            )
        else:
            check_adapter(found.path, base)
    except Flaw as flaw:
        return replace(found, status=flaw.status, finding=flaw.finding)
    return found


def _in_order(checkpoints: list[Checkpoint]) -> list[Checkpoint]:
    """By step; those without one last (-1 stands for it); a second one at the same step is refused."""
    last = max(one.step for one in checkpoints)
    ordered: list[Checkpoint] = []
    for one in sorted(checkpoints, key=lambda c: (c.step < 0, c.step, c.path.name)):
        if one.step < 0:
            last = max(last, 0) + 1
            one = replace(one, step=last)
        twin = next((other for other in ordered if other.step == one.step), None)
        if twin is not None and one.ready:
            finding = (
                f"The folder {twin.path.name} has the same step {one.step}, and is the one that is used. If this one "
                "has another step, say it in the name of its folder."
            )
            one = replace(one, status="refused", finding=finding)
        ordered.append(one)
    return ordered


# --- names --------------------------------------------------------------------------------------


def objective_of(folder: Path) -> tuple[str, int]:
    """(objective, seed) that a series folder's name tells: helpful-seed1, helpful/seed1, helpful."""
    folder, seed = folder.resolve(), 0
    if _is_repository(folder):
        return folder.name.split("--")[-1], 0
    while folder.parent != folder:
        name = folder.name
        found = SEED.fullmatch(name)
        if found:
            seed = int(found["seed"])
            name = found["objective"]
        if name and name.lower() not in GENERIC and step_of(name) is None:
            return name, seed
        folder = folder.parent
    return "series", seed


def _named(found: list[Found], directory: Path) -> list[Found]:
    """Give each series a name of its own: the objective, with the seed where it has one, with the path if need be."""
    short = [_short(one) for one in found]
    named = []
    for one, name in zip(found, short, strict=True):
        if short.count(name) > 1:
            name = "-".join(one.path.relative_to(directory).parts) or name
        # "base" is the word for the base model among the series
        named.append(replace(one, name=f"{name}-series" if name == "base" else name))
    return sorted(named, key=lambda one: one.path)


def _short(one: Found) -> str:
    tells_seed = any(SEED.fullmatch(part) for part in one.path.resolve().parts[-2:])
    return f"{one.objective}-seed{one.seed}" if tells_seed else one.objective
