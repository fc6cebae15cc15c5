"""The selected bar: the names of bars, which of them is selected, and what is said of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from pages.parts import controls, draw
from phcore.formatting import three

ENDLESS = "H0 endless"
ENDLESS_WORDS = "**The bar that never ends**: from the last merge on, all prompts are one component."
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
        bars, ranks = [], Counter()
        rows = shown.sort_values("persistence", ascending=False, kind="stable")
        for degree, *ends, name in rows[["degree", "birth", "death", "persistence", "bar"]].itertuples(index=False):
            ranks[degree] += 1
            bars.append(Bar(degree, *ends, ranks[degree], name, name))
        return cls(shown, bars)

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

    def label(self, name: str | None) -> str | None:
        """The words for a bar of the chart."""
        if name == _ENDLESS_MARK:
            return ENDLESS
        return next((bar.label for bar in self.bars if bar.name == name), None)

    def clicked(self, chart: str) -> str | None:
        """Label of the bar that a click in a chart has chosen."""
        picked = draw.picked(chart, "bar")
        return self.label(picked[0].get("bar")) if picked else None


def chosen(bars: Bars) -> str:
    """Label of the selected bar before its list is drawn: from the page, from a link, or the longest loop."""
    return controls.chosen("b_bar", bars.labels) or bars.labels[0]


def sentence(bars: Bars, label: str, unit: str) -> str:
    """What the bar is, with its numbers."""
    bar = bars.bar(label)
    if bar is None:
        return ENDLESS_WORDS
    number = int((bars.table["degree"] == bar.degree).sum())
    rank = f"Number {bar.rank} of {number:,} by persistence ({three(bar.persistence)}, {unit})."
    if bar.degree == 0:
        return f"**A component** that merges into another one at {three(bar.death)}. {rank}"
    return f"**A loop** that appears at {three(bar.birth)} and is filled at {three(bar.death)}. {rank}"
