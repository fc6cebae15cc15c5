"""The plain result of a study in two sentences, by a rule: what moved most, whose, by how much, and what is left of it.

Top-down: `headline` chooses a title and the sentences after it from what each objective did (`by_objective`).
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from phcore.formatting import enumerated, percent

EMPTY, NOTHING, SIZE, SHAPE, MOVED = "empty", "nothing", "size", "shape", "moved"
NOTICEABLE = 0.01
"""Change of the median distance below which none is spoken of."""
_ENDED = 0.75  # of the steps of its objective's farthest run: a run that is not so far is under way, or broke off
_WORDS = tomllib.loads(Path(__file__).with_name("headline.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Headline:
    """What a study shows at one layer: the kind of change, a title, and what has to be said beside it."""

    kind: str
    title: str
    second: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        return " ".join(self.second)


@dataclass(frozen=True)
class Change:
    """What one objective did by the last step of its runs.

    Attributes
    ----------
    size : change of the median distance, mean over runs: -0.3 is 30 % closer together.
    moved, shape, groups, loops : displacements over their floors, mean over runs; above 1 in every run or 0.
    first : share of the displacement in the first quarter of the steps, mean over runs; NaN where it is not known.
    split : of the displacements, those that are above their floors in some runs and not in others.
    """

    objective: str
    size: float
    moved: float
    shape: float
    groups: float
    loops: float
    first: float = float("nan")
    split: frozenset[str] = frozenset()

    @property
    def resized(self) -> bool:
        return self.moved > 0 and abs(self.size) >= NOTICEABLE


def by_objective(
    change: pd.DataFrame, objectives: dict[str, str], first: dict[str, float] | None = None
) -> list[Change]:
    """Each objective's runs at their last step.

    A run that is not three quarters as far as the farthest of its objective is under way, or broke off, and says
    nothing of the end.

    Parameters
    ----------
    change : rows of the table `net_change` at one layer.
    objectives : series -> objective.
    first : series -> share of its displacement in the first quarter of its steps.
    """
    last = change[change["step"] > 0].sort_values("step").groupby("series").tail(1)
    farthest = last.groupby(last["series"].map(objectives))["step"].transform("max")
    last = last[last["step"] >= _ENDED * farthest]
    found = []
    for objective in dict.fromkeys(objectives.values()):
        own = last[last["series"].map(objectives) == objective]
        shares = [share for name, share in (first or {}).items() if name in set(own["series"])]
        if len(own) and own["size"].notna().all():
            both = {name: (own[name], own[f"{name}_floor"]) for name in ("moved", "shape", "groups", "loops")}
            ratios = {name: _ratio(*values) for name, values in both.items()}
            split = frozenset(name for name, (value, floor) in both.items() if any(value > floor) and not ratios[name])
            share = float(np.mean(shares)) if shares else float("nan")
            found.append(Change(objective, float(own["size"].mean()) - 1, **ratios, first=share, split=split))
    return found


def _ratio(value: pd.Series, floor: pd.Series) -> float:
    """Value over floor, mean over runs; 0 where it is not above in every one, or the floor is not known."""
    clear = (value > floor.fillna(np.inf)).all() and (floor > 0).all()
    return float((value / floor).mean()) if clear else 0.0


def headline(
    changes: Sequence[Change], runs: int = 0, p: float = float("nan"), apart: bool = False, flat: float = 0.25
) -> Headline:
    """A title and what belongs beside it.

    Size is spoken of where a run moved beyond its floor and the median distance changed by 1 % or more; shape where
    that is not so and a displacement with the size divided out is beyond its floor.

    Parameters
    ----------
    runs : of all objectives, copies not counted.
    p : of whole runs permuted between objectives; NaN where there is no test.
    apart : the verdict of that test.
    flat : the share of an even pace in the first quarter.
    """
    title = _WORDS["title"]
    if not changes:
        return Headline(EMPTY, title["empty"])
    resized = sorted((one for one in changes if one.resized), key=lambda one: -abs(one.size))
    shaped = max(changes, key=lambda one: one.shape)
    moved = max(changes, key=lambda one: one.moved)
    if resized:
        found, lead = Headline(SIZE, title["size"].format(pulled=_sizes(resized, changes))), resized[0]
    elif shaped.shape:
        what = "" if shaped.loops == shaped.groups else title["loops" if shaped.loops > shaped.groups else "groups"]
        found, lead = Headline(SHAPE, title["shape"].format(objective=shaped.objective, what=what)), shaped
    elif moved.moved:
        found, lead = Headline(MOVED, title["moved"].format(objective=moved.objective)), moved
    else:
        words = title["no_one" if any("moved" in one.split for one in changes) else "nothing"]
        return Headline(NOTHING, words, _told_apart(len(changes), runs, p, apart))
    some = any("shape" in one.split for one in changes)
    second = [*_when(lead, flat), *_left(found.kind, shaped, some), *_told_apart(len(changes), runs, p, apart)]
    return Headline(found.kind, found.title, tuple(second))


def _sizes(resized: Sequence[Change], changes: Sequence[Change]) -> str:
    """The largest change first; of those that went the same way, numbers alone."""
    words = _WORDS["title"]
    first, *rest = resized
    told = words["pulled_first" if first.size < 0 else "pushed_first"]
    text = told.format(objective=first.objective, percent=_percent(first.size))
    same = [one for one in rest if one.size * first.size > 0]
    text += "".join(f", {one.objective} {_percent(one.size)}" for one in same)
    others = [
        words["pulled" if one.size < 0 else "pushed"].format(objective=one.objective, percent=_percent(one.size))
        for one in rest
        if one not in same
    ]
    for kind in ("still", "split", "within"):
        if alike := [one.objective for one in changes if one not in resized and _unsized(one) == kind]:
            others.append(words[kind].format(objective=enumerated(alike)))
    if len(changes) == 1:
        text = text.replace(words["alone"].format(objective=first.objective), "")
    return f"{text}; {enumerated(others)}" if others else text


def _unsized(one: Change) -> str:
    """Which words are for an objective that did not change the size."""
    return "still" if one.moved else "split" if "moved" in one.split else "within"


def _percent(size: float) -> str:
    return percent(abs(size))


def _times(ratio: float) -> str:
    """1.4, 14: two significant digits."""
    return f"{ratio:.1f}" if ratio < 9.95 else f"{ratio:.0f}"


def _when(lead: Change, flat: float) -> list[str]:
    if not np.isfinite(lead.first):
        return []
    return [_WORDS["second"]["when"].format(share=_percent(lead.first), flat=_percent(flat))]


def _left(kind: str, shaped: Change, some: bool) -> list[str]:
    """What is left when size is divided out, or how far beyond the noise the shape is.

    Parameters
    ----------
    some : whether the shape of some runs is beyond the noise where that of others of their objective is not.
    """
    words = _WORDS["second"]
    if kind == MOVED:
        return []
    if not shaped.shape:
        return [words["gone_in_some" if some else "gone"]]
    said = words["left"] if kind == SIZE else words["beyond"]
    return [said.format(times=_times(shaped.shape), objective=shaped.objective)]


def _told_apart(objectives: int, runs: int, p: float, apart: bool) -> tuple[str, ...]:
    words = _WORDS["second"]
    if np.isfinite(p):
        return (words["apart" if apart else "untold"].format(runs=runs, p=f"{p:.2g}"),)
    return (words["one_run"],) if runs and runs <= objectives else ()
