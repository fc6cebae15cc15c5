"""What became of a case: right, refused, wrong, crash or silent."""

from __future__ import annotations

import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np

from phcore import checkpoints
from phcore.checkpoints.formats import holds_weights
from phcore.errors import Fault
from scripts.wild.case import Case, Expected, Workshop

VERDICTS = ("right", "refused", "not built", "wrong", "crash", "silent")
TOLERANCE = 1e-4  # of a row, relative
PROMPTS = ["What is a loop?", "Name the three largest rivers, and the towns where they meet the sea.", "Add 2 and 3."]


def judge(case: Case, base: Path, adapter: Path) -> tuple[str, str]:
    """(verdict, why) of one case, built in a folder that is gone afterwards.

    "right": read as it is. "refused": not usable, and the true cause is named. "wrong": another step, series, cause or
    number. "crash": an exception that is no sentence. "silent": something was left out without a word. "not built":
    there is no tiny model of this architecture, or transformers and PEFT themselves do not save and load it.
    """
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder) / "experiment" / "runs", base, adapter)
        workshop.folder.mkdir(parents=True)
        try:
            expected = case.build(workshop)
        except Exception:
            return "crash", f"the case itself: {traceback.format_exc(limit=-3)}"
        if isinstance(expected, str | tuple):  # it has judged itself
            return expected if isinstance(expected, tuple) else ("wrong", expected) if expected else ("right", "")
        return compare(workshop.folder, expected, expected.base or base)


def compare(folder: Path, expected: Expected, base: Path) -> tuple[str, str]:
    """A folder of checkpoints as it is found and read, against what had to be found."""
    try:
        found = checkpoints.scan(folder, base, [folder])
    except Fault as fault:
        told = str(fault)
        if expected.unusable and all(words.lower() in told.lower() for words in expected.unusable.values()):
            return "refused", told
        return "wrong", f"nothing is found: {told}"
    except Exception:
        return "crash", traceback.format_exc(limit=-3)
    every = [each for one in found for each in one.checkpoints]
    series = {}
    for one in found:
        steps = [each.step for each in one.checkpoints if each.ready]
        if steps and not one.is_base:
            series[one.objective, one.seed] = steps
    unusable = {each.path.relative_to(folder).as_posix(): each.finding for each in every if not each.ready}
    said = " ".join([*(note for one in found for note in one.notes), *(f"{e.note} {e.finding}" for e in every)])
    named = {each.path for each in every}
    for place in sorted(one for one in folder.rglob("*") if one.is_dir() and holds_weights(one)):
        around = [one for one in named if one in place.parents or place in one.parents]
        if place not in named and place.name not in said and not around:
            return "silent", f"{place.relative_to(folder)} holds weights and is not mentioned"
    late = _read(found, expected, base, folder)
    if isinstance(late, str):
        return "crash", late
    wrong, refused = late
    unusable |= refused
    for place in refused:
        series = {key: [s for s in own if (place, s) not in _steps(found, folder)] for key, own in series.items()}
    series = {key: own for key, own in series.items() if own}
    if wrong:
        return "wrong", wrong
    if series != dict(expected.series):
        return "wrong", f"series {series}, and not {dict(expected.series)}; {unusable}"
    for place, words in expected.unusable.items():
        if place not in unusable:
            return "silent", f"{place} is not refused: {words}"
        if words.lower() not in unusable[place].lower():
            return "wrong", f"{place} is refused for another cause: {unusable[place]}"
    for words in expected.said:
        if words.lower() not in said.lower():
            return "silent", f"not said: {words!r} in {said!r}"
    if unusable and not series:
        return "refused", "; ".join(unusable.values())
    return "right", "; ".join(_in_words(key, steps) for key, steps in series.items())


def _in_words(series: tuple[str, int], steps: list[int]) -> str:
    """helpful, seed 1, steps 4, 8."""
    objective, seed = series
    return f"{objective}{f' seed {seed}' if seed else ''} at {', '.join(f'{step:,}' for step in steps)}"


def _steps(found, folder: Path) -> set[tuple[str, int]]:
    return {(e.path.relative_to(folder).as_posix(), e.step) for one in found for e in one.checkpoints}


def _read(found, expected: Expected, base: Path, folder: Path) -> tuple[str, dict[str, str]] | str:
    """("" or what differs from plain reading, folders that loading refuses with why); or a traceback."""
    if expected.read == ():
        return "", {}
    from phcore import activations

    refused = {}
    token_ids = activations.encode(base, PROMPTS)
    with activations.Loader(base) as loader:
        for each in [each for one in found for each in one.checkpoints if each.ready]:
            place = each.path.relative_to(folder).as_posix()
            if expected.read is not None and place not in expected.read:
                continue
            try:
                model = loader.open(each.path, each.kind)
                layers = activations.extract(model, token_ids, [0, 1, 2]).clouds
            except Fault as fault:
                refused[place] = str(fault)
                continue
            except Exception:
                return f"{place}: {traceback.format_exc(limit=-3)}"
            off = difference(layers, plainly(base, each.path, each.kind, token_ids))
            if not off < TOLERANCE:
                return f"{place}: hidden states differ from plain reading by {off:.1e}", refused
    return "", refused


def difference(clouds: dict[int, np.ndarray], wanted: dict[int, np.ndarray]) -> float:
    """Largest relative difference of a row."""
    return max(
        float((np.linalg.norm(clouds[k] - wanted[k], axis=1) / np.linalg.norm(wanted[k], axis=1)).max()) for k in clouds
    )


def plainly(base: Path, path: Path, kind: str, token_ids: list[list[int]], open_: Callable | None = None) -> dict:
    """Hidden states of the last token of each prompt, one prompt at a time, by transformers and PEFT alone."""
    import torch
    from transformers import AutoModelForCausalLM

    if open_ is not None:
        model = open_(path)
    elif kind == "adapter":
        from peft import PeftModel

        inner = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        model = PeftModel.from_pretrained(inner, path)
    else:
        model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    model.eval()
    with torch.inference_mode():
        states = [model(torch.tensor([ids]), output_hidden_states=True).hidden_states for ids in token_ids]
    return {k: np.stack([one[k][0, -1].float().numpy() for one in states]) for k in range(len(states[0]))}
