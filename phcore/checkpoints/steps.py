"""At which step each checkpoint of a series stands, and which of them are the same one twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from phcore.checkpoints import names
from phcore.checkpoints.against_base import same_bytes, same_weights
from phcore.checkpoints.fingerprints import settings
from phcore.checkpoints.folders import Place
from phcore.checkpoints.formats import ADAPTER, SINGLE, Checkpoint, Flaw, is_adapter, names_in, read_json
from phcore.checkpoints.roots import is_inside
from phcore.checkpoints.safetensors_header import are_zero, read_header

LOOSE = "Its folder tells no step, so it stands last."
COMPARED = 300e6  # bytes: whole weights up to here are compared as they are found; larger ones when they are read
IS_BASE = "It is the base model itself, which is step 0 already."
LEFT_OUT = "Left out by the study file."
MOST_DECIMALS = 6


@dataclass(frozen=True)
class Stand:
    """A checkpoint that was found, before it has a step.

    Attributes
    ----------
    state : the step that Trainer's state file tells, or None.
    """

    place: Place
    checkpoint: Checkpoint
    folder: Path
    state: int | None = None

    @property
    def name(self) -> str:
        """The folder as it is called in the series."""
        path = self.place.path
        inside = path.is_relative_to(self.folder) and not self.place.revision
        return path.relative_to(self.folder).as_posix() if inside else self.place.parts[-1]


def numbered(
    stands: Sequence[Stand],
    base: Path | None,
    said: Mapping[str, int] | None = None,
    left_out: Sequence[str] = (),
) -> tuple[list[Checkpoint], tuple[str, ...]]:
    """Checkpoints with their steps, in order, and sentences about how the steps were read.

    Parameters
    ----------
    base : the base model, which is step 0 of every series.
    said : steps that somebody gave, by folder; they stand whatever the names say.
    left_out : folders that somebody left out.
    """
    said = said or {}
    free = [one for one in stands if one.name not in said]
    counted = _counted_alike([one for one in free if one.place.numbers])
    steps, notes = _steps(counted)
    steps, more = _after_the_base(counted, steps, base)
    given = [(one, said[one.name]) for one in stands if one.name in said]
    placed = [(one, step) for one, step in [*given, *zip(counted, steps, strict=True)] if step is not None]
    lost = [one for one, step in zip(counted, steps, strict=True) if step is None]
    placed, unplaced = _extras([one for one in free if one not in counted], placed, base)
    found = _once(sorted(placed, key=lambda one: (one[1], one[0].name)), base)
    last = max((one.step for one in found), default=0)
    nowhere = [*((one, "unplaced", TRAINED_ZERO) for one in lost), *unplaced]
    found += [_without(one, last + k, status, words) for k, (one, status, words) in enumerate(nowhere, start=1)]
    names_of = {one.place.path: one.name for one in stands}
    found = [replace(one, folder=names_of[one.path]) for one in found]
    found = [replace(one, status="left out", finding=LEFT_OUT) if one.ready and one.folder in left_out else one
             for one in found]  # fmt: skip
    return found, (*notes, *more)


TRAINED_ZERO = (
    "Its folder says step 0, which is the base model's, and its weights are others. Give it a step of its own: with "
    "its folder under steps of the series in the study file, or in the table of checkpoints on the Study page."
)


# --- numbers ------------------------------------------------------------------------------------------


def _steps(stands: Sequence[Stand]) -> tuple[list[int], list[str]]:
    """The step of each, from its name or from Trainer's state file, and how that was."""
    if not stands:
        return [], []
    stated = [one for one in stands if one.state is not None]
    whole = [one for one in stands if not one.place.empty]
    unit = next((unit for unit in names.UNITS if all(unit in one.place.numbers for one in stands)), None)
    values = [_value(one.place.numbers, unit) for one in stands]
    agrees = all(value == one.state for one, value in zip(stands, values, strict=True) if one.state is not None)
    if len(stated) == len(whole) and not agrees and len({one.state for one in stated}) == len(stated):
        told = dict(zip([one.name for one in stands], values, strict=True))
        steps = [one.state if one.state is not None else int(told[one.name]) for one in stands]
        return steps, ["Steps are those of trainer_state.json; the names of the folders say something else."]
    pairs = [(one.place.numbers.get("epoch"), value) for one, value in zip(stands, values, strict=True)]
    if len(set(values)) < len(values) and None not in {epoch for epoch, _ in pairs} and len(set(pairs)) == len(pairs):
        order = {pair: k for k, pair in enumerate(sorted(pairs), start=1)}
        words = "Steps are counted anew in each epoch, so checkpoints are numbered in order: 1, 2, 3, ..."
        return [order[pair] for pair in pairs], [words]
    return _whole_numbers(values, unit)


def _counted_alike(stands: list[Stand]) -> list[Stand]:
    """Those that count the same: of steps, epochs, per cent and tokens what most of the names count, unless state files
    tell the step of each."""
    units = ("", "epoch", "percent", "tokens")
    if all(one.state is not None for one in stands) or any(
        all(u in s.place.numbers for s in stands) for u in names.UNITS
    ):
        return stands
    kinds = ["" if set(one.place.numbers) - set(units[1:]) else next(iter(one.place.numbers)) for one in stands]
    most = max(units, key=kinds.count)
    return [one for one, kind in zip(stands, kinds, strict=True) if kind == most]


def _value(numbers: Mapping[str, Fraction], unit: str | None) -> Fraction:
    return numbers[unit] if unit is not None else next(numbers[one] for one in names.UNITS if one in numbers)


def _whole_numbers(values: Sequence[Fraction], unit: str | None) -> tuple[list[int], list[str]]:
    """Fractions of an epoch as whole numbers in the same proportions."""
    for decimals in range(MOST_DECIMALS + 1):
        scaled = [value * 10**decimals for value in values]
        if all(value.denominator == 1 for value in scaled):
            break
    notes = []
    if decimals:
        example = next(value for value in values if value.denominator != 1)
        notes = [f"Folders count in fractions: {float(example):g} stands as step {int(example * 10**decimals):,}."]
    elif unit in ("epoch", "percent", "tokens"):
        words = {"epoch": "epochs", "percent": "per cent of training", "tokens": "tokens"}[unit]
        notes = [f"Folders count {words}; their numbers stand as steps."]
    elif unit == "number":
        notes = ["Folders are numbered and do not say what they count; their numbers stand as steps."]
    return [int(value) for value in scaled], notes


def _after_the_base(
    stands: Sequence[Stand], steps: Sequence[int], base: Path | None
) -> tuple[list[int | None], list[str]]:
    """Steps in which 0 is the base model alone: a trained checkpoint 0 and all after it stand one later."""
    zero = [one for one, step in zip(stands, steps, strict=True) if step == 0 and one.checkpoint.ready]
    if base is None or not zero or all(is_base(one.checkpoint, base) for one in zero):
        return list(steps), []
    if sorted(set(steps)) == list(range(len(set(steps)))) and len(steps) > 1:
        words = f"{zero[0].name} was trained already, and step 0 is the base model: each checkpoint stands one later."
        return [step + 1 for step in steps], [words]
    trained = {one.name for one in zero if not is_base(one.checkpoint, base)}
    if 1 not in steps:
        words = f"{zero[0].name} was trained already, and step 0 is the base model: it stands as step 1."
        return [1 if one.name in trained else step for one, step in zip(stands, steps, strict=True)], [words]
    return [None if one.name in trained else step for one, step in zip(stands, steps, strict=True)], []


# --- those that tell no step ------------------------------------------------------------------------------


def _extras(
    extras: Sequence[Stand], placed: list[tuple[Stand, int]], base: Path | None
) -> tuple[list[tuple[Stand, int]], list[tuple[Stand, str, str]]]:
    """Final, best and merged weights: at the step of their state file, last, or nowhere, with status and reason."""
    placed, unplaced = list(placed), []
    alone = not placed
    for one in sorted(extras, key=lambda one: (names.is_final(one.place.path.name), one.name)):
        last = max((step for _, step in placed), default=0)
        twin = next((other for other, _ in placed if _alike(one.checkpoint, other.checkpoint)), None)
        if twin is not None:
            unplaced.append((one, "repeated", repeated(twin.name)))
        elif base is not None and one.checkpoint.ready and not alone and is_base(one.checkpoint, base):
            unplaced.append((one, "repeated", IS_BASE))
        elif one.state is not None and one.state not in {step for _, step in placed}:
            placed.append((one, one.state))
        elif one.state is not None:
            other = next(other for other, step in placed if step == one.state)
            taken = f"Its trainer_state.json says step {one.state:,}, which is {other.name}'s, with other weights."
            unplaced.append((one, "unplaced", f"{taken} {_GIVE_A_STEP}"))
        elif alone or one.name == "." or names.is_final(one.place.path.name):
            notes = " ".join(filter(None, [LOOSE, one.checkpoint.note]))
            loose = replace(one, checkpoint=replace(one.checkpoint, note=notes))
            placed.append((loose, last + 1))
        else:
            words = "counts something else than the others of its series" if one.place.numbers else "tells no step"
            unplaced.append((one, "unplaced", f"Its folder {words}. {_GIVE_A_STEP}"))
    return placed, unplaced


_GIVE_A_STEP = (
    "If it belongs to this series, give it one in the table of checkpoints on the Study page, or under steps of the "
    "series in the study file."
)


def _without(one: Stand, step: int, status: str, words: str) -> Checkpoint:
    """A checkpoint that has no place among the steps, with the reason; one that is unusable keeps its own."""
    found = replace(one.checkpoint, step=step)
    if not found.ready:
        return found
    return replace(found, status=status, finding=words)


def repeated(name: str) -> str:
    """What is said of a checkpoint with the weights of another one."""
    return f"It holds the same weights as {name}, which is the one that is used."


# --- the same weights twice --------------------------------------------------------------------------------


def _once(placed: Sequence[tuple[Stand, int]], base: Path | None) -> list[Checkpoint]:
    """By step. The same weights are one point; other weights at a step that is taken are refused."""
    kept: list[tuple[Stand, Checkpoint]] = []
    for stand, step in placed:
        one = replace(stand.checkpoint, step=step, note=_note(stand))
        usable = [(other, known) for other, known in kept if known.ready]
        twin = next((other for other, known in usable if _alike(known, one)), None)
        at_once = next(((other, known) for other, known in kept if known.step == step), None)
        if one.ready and base is not None and _stands_for(one, base):
            one = replace(one, status="repeated", finding=IS_BASE)
        elif one.ready and twin is not None:
            one = replace(one, status="repeated", finding=repeated(twin.name))
        elif one.ready and at_once is not None and at_once[1].ready:
            finding = (
                f"The folder {at_once[0].name} has the same step {step:,}, and is the one that is used. If this one "
                f"has another step, say it in the name of its folder. {_GIVE_A_STEP}"
            )
            one = replace(one, status="refused", finding=finding)
        kept.append((stand, one))
    return [one for _, one in kept]


def _stands_for(one: Checkpoint, base: Path) -> bool:
    """Whether a checkpoint is the base once more: its weights, or at step 0 an adapter that changes nothing."""
    return (one.step == 0 or not is_adapter(one.path)) and one.size <= COMPARED and is_base(one, base)


def _alike(a: Checkpoint, b: Checkpoint) -> bool:
    """Whether two checkpoints have the same weights to the last byte; not looked at where they are large."""
    if not (a.ready and b.ready) or a.size != b.size or a.size > COMPARED or is_adapter(a.path) != is_adapter(b.path):
        return False
    return same_files(a.path, b.path)


def same_files(a: Path, b: Path) -> bool:
    """Whether two folders hold the same weights to the last byte, and for adapters the same settings."""
    try:
        return (not is_adapter(a) or settings(a) == settings(b)) and same_bytes(a, b)
    except Flaw:
        return False


def is_base(one: Checkpoint, base: Path) -> bool:
    """Whether a usable checkpoint is the base model: its weights, or an adapter that changes nothing."""
    return changes_nothing(one.path) if is_adapter(one.path) else same_weights(one.path, base)


def changes_nothing(folder: Path) -> bool:
    """Whether every lora_B of an adapter is zero, as before training."""
    try:
        config = read_json(folder / "adapter_config.json")
        if config.get("peft_type") != "LORA" or config.get("modules_to_save") or config.get("bias", "none") != "none":
            return False
        if not all(".lora_" in name for name in read_header(folder / ADAPTER)):
            return False  # rows of tokens, stored beside the LoRA
        return are_zero(folder / ADAPTER, lambda name: ".lora_B." in name or ".lora_embedding_B" in name)
    except (OSError, Flaw, ValueError):
        return False


def _note(stand: Stand) -> str:
    """What is worth knowing about one checkpoint."""
    one, notes = stand.checkpoint, [stand.checkpoint.note]
    if stand.place.beside:
        notes.append(f"Other adapters lie in it and are not read: {', '.join(stand.place.beside)}.")
    if one.ready and is_adapter(one.path):
        if SINGLE in names_in(one.path):
            notes.append(f"The folder holds a whole model, too, {SINGLE}; the adapter is read, on the base model.")
        if changes_nothing(one.path):
            notes.append("Every lora_B in it is zero: the adapter changes nothing.")
    return " ".join(note for note in notes if note)


def state_step(place: Place, folder: Path, fence: Sequence[Path]) -> int | None:
    """The step of Trainer's state file, where that lies within the fence: in the folder, or above it in the series."""
    here = place.path
    while True:
        file = here / "trainer_state.json"
        if is_inside(file, fence):
            try:
                step = read_json(file).get("global_step")
            except Flaw:
                return None
            return step if isinstance(step, int) and not isinstance(step, bool) and 0 <= step < 10**15 else None
        if here == folder or not here.is_relative_to(folder) or here.parent == folder:
            return None
        here = here.parent
