"""The selected bar: the names of bars, which of them is selected, what is said of it, and the prompts that make it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from pages.parts import controls, draw, prompts
from phcore.formatting import count, three, visible
from phcore.topology.explore import Explored, Loop, Merge

ENDLESS = "H0 endless"
ENDLESS_WORDS = "The bar that never ends: from the last merge on, all prompts are one component."
_ENDLESS_MARK = "H0-endless"
_KINDS = ("merge", "loop")  # what a bar of each degree is called in the list of bars


class Bar(NamedTuple):
    """A bar. Equal bars are one mark in the chart, which has the name of the first of them."""

    degree: int
    birth: float
    death: float
    persistence: float
    rank: int  # by persistence, within its degree
    name: str
    mark: str
    place: int = -1  # in the diagram; -1 among the bars of several

    @property
    def label(self) -> str:
        return f"H{self.degree} {_KINDS[self.degree]} {self.rank}"


@dataclass(frozen=True)
class Bars:
    """The bars shown. `table`: degree, subsample, birth, death, persistence."""

    table: pd.DataFrame
    bars: list[Bar]

    @classmethod
    def of_subsample(cls, ranked: pd.DataFrame, subsample: int) -> Bars:
        """All bars of one subsample, from `explore.ranked`."""
        bars, first = [], {}
        for degree, birth, death, persistence, place, rank in ranked.to_numpy().tolist():
            name = f"H{degree:.0f}-{subsample}-{place:.0f}"
            mark = first.setdefault((degree, birth, death), name)
            bars.append(Bar(int(degree), birth, death, persistence, int(rank), name, mark, int(place)))
        return cls(ranked.assign(subsample=subsample), bars)

    @classmethod
    def of_marks(cls, shown: pd.DataFrame) -> Bars:
        """The bars that are drawn of several subsamples, from `cap_bars`; ranked among themselves."""
        rows = shown.sort_values("persistence", ascending=False, kind="stable")
        rows = rows.assign(rank=rows.groupby("degree").cumcount() + 1, mark=rows["bar"])
        columns = ["degree", "birth", "death", "persistence", "rank", "bar", "mark"]
        return cls(shown, [Bar(*row) for row in rows[columns].itertuples(index=False)])

    @cached_property
    def _by_label(self) -> dict[str, Bar]:
        """The most persistent loop first."""
        return {bar.label: bar for bar in sorted(self.bars, key=lambda bar: (-bar.degree, bar.rank))}

    @property
    def diagrams(self) -> list[np.ndarray]:
        ends, degrees = self.table[["birth", "death"]].to_numpy(), self.table["degree"].to_numpy()
        return [ends[degrees == degree] for degree in (0, 1)]

    @cached_property
    def labels(self) -> list[str]:
        """The names in words: "H1 loop 2"."""
        return [*self._by_label, ENDLESS]

    def bar(self, label: str | None) -> Bar | None:
        """The bar of a label; None for the endless one."""
        return self._by_label.get(label)

    def mark(self, label: str | None) -> str | None:
        """Name of what the chart draws of a bar; None without one."""
        bar = self.bar(label)
        return bar.mark if bar else _ENDLESS_MARK if label == ENDLESS else None

    def names(self, places: pd.DataFrame) -> list[str]:
        """Of bars given by degree and place."""
        known = {(bar.degree, bar.place): bar.name for bar in self.bars}
        return [known[degree, place] for degree, place in places[["degree", "place"]].to_numpy()]

    def clicked(self, chart: str) -> str | None:
        """Label of the bar that a click in a chart has chosen."""
        labels = {_ENDLESS_MARK: ENDLESS} | {bar.name: bar.label for bar in self.bars}
        return labels.get(draw.clicked(chart, "bar"))


def chosen(bars: Bars) -> str:
    """Label of the selected bar before its list is drawn: from the page, from a link, or the longest loop."""
    return controls.chosen("b_bar", bars.labels) or bars.labels[0]


def sentence(bars: Bars, label: str, unit: str) -> str:
    """What the bar is, with its numbers."""
    bar = bars.bar(label)
    if bar is None:
        return ENDLESS_WORDS
    number = int((bars.table["degree"] == bar.degree).sum())
    rank = f"Number {bar.rank:,} of {number:,} by persistence ({three(bar.persistence)}, {unit})."
    if bar.degree == 0:
        return f"A component that merges into another one at {three(bar.death)}. {rank}"
    return f"A loop that appears at {three(bar.birth)} and is filled at {three(bar.death)}. {rank}"


# --- what makes it ----------------------------------------------------------------------------------


def made_by(explored: Explored, degree: int, place: int) -> Merge | Loop:
    """What ends an H0 bar, or what begins and ends one of H1."""
    return (explored.merge, explored.loop)[degree](place)


def held(made: Merge | Loop) -> dict:
    """What the map shows of it, see `map_tables`. Of a merge, `first` is the smaller group."""
    if isinstance(made, Loop):
        return {"cycle": made.cycle, "edge": made.edge, "triangle": made.triangle}
    small, large = sorted((made.first, made.second), key=len)
    return {"edge": made.edge, "first": small, "second": large}


def story(bar: Bar | None, explored: Explored, own: pd.DataFrame) -> tuple[dict, list[dict]]:
    """What the map shows of a bar, and its prompts: words, and a mark, a text and a category each.

    Parameters
    ----------
    own : the prompts of the map, in the order of its points.
    """
    if bar is None:
        return {}, [part(f"It holds all {len(own):,} prompts ({prompts.counted(own['category'])}).", own.head(0))]
    made = made_by(explored, bar.degree, bar.place)
    shown = {name: np.asarray(points).tolist() for name, points in held(made).items()}
    if isinstance(made, Merge):
        first = made.edge[0] in shown["first"]
        return shown | {"names": ["A", "B"] if first else ["B", "A"]}, _merge(made, own)
    return shown, _loop(made, own)


def part(words: str, own: pd.DataFrame, marks: Iterable[str] = ()) -> dict:
    """Words and the prompts they speak of, each behind a mark such as its number."""
    marks = list(marks) or [""] * len(own)
    return {"words": words, "prompts": [list(one) for one in zip(
        marks, own["text"].map(visible), own["category"].fillna("").map(visible), strict=True)]}  # fmt: skip


def _merge(merge: Merge, own: pd.DataFrame) -> list[dict]:
    ends = sorted(zip(merge.edge, (merge.first, merge.second), strict=True), key=lambda end: len(end[1]))
    closest = own.iloc[[point for point, _ in ends]]
    parts = [part(f"At {three(merge.distance)} the closest pair of two groups is joined:", closest, ["A", "B"])]
    for name, (_, group) in zip(("A", "B"), ends, strict=True):
        members = own.iloc[group]
        ringed = ", ringed on the map" if name == "A" else ""
        words = f"Group {name}, {count(len(group), 'prompt')} ({prompts.counted(members['category'])}){ringed}"
        parts.append(part(words + prompts.first_words(len(group)), members.head(prompts.FIRST)))
    return parts


def _loop(loop: Loop, own: pd.DataFrame) -> list[dict]:
    members = own.iloc[loop.cycle]
    numbers = {point: str(k) for k, point in enumerate(loop.cycle.tolist(), 1)}
    return [
        part(
            f"A cycle of {count(len(members), 'prompt')} ({prompts.counted(members['category'])}), in order. It is one "
            f"of several: the edge from 1 to {len(members)} closes it, by the shortest way round.",
            members,
            map(str, range(1, len(members) + 1)),
        ),
        part(
            f"At {three(loop.death)} the triangle of these three fills it:",
            own.iloc[list(loop.triangle)],
            [numbers.get(int(p), "\N{WHITE UP-POINTING TRIANGLE}") for p in loop.triangle],
        ),
    ]
