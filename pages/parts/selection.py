"""The selected bar: the names of bars, which of them is selected, and what is said of it."""

from __future__ import annotations

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
    """A row of `Bars.table`."""

    degree: int
    birth: float
    death: float
    persistence: float
    place: int
    rank: int
    name: str
    mark: str

    @property
    def label(self) -> str:
        return f"H{self.degree} {_KINDS[self.degree]} {self.rank}"


@dataclass(frozen=True)
class Bars:
    """The bars shown: a `Bar` per row.

    `place` is that in the diagram and `rank` that by persistence, within the degree. `name` is the bar's own, and
    `mark` that of what is drawn of it: equal bars are one mark, named after the first of them.
    """

    table: pd.DataFrame

    @classmethod
    def of_subsample(cls, ranked: pd.DataFrame, subsample: int) -> Bars:
        """All bars of one subsample, from `explore.ranked`."""
        first = ranked.groupby(["degree", "birth", "death"])["place"].transform("min")
        name, mark = (
            [f"H{degree}-{subsample}-{place}" for degree, place in zip(ranked["degree"], places, strict=True)]
            for places in (ranked["place"], first)
        )
        return cls(ranked.assign(subsample=subsample, name=name, mark=mark))

    @classmethod
    def of_marks(cls, shown: pd.DataFrame) -> Bars:
        """The bars that are drawn of several subsamples, from `cap_bars`; ranked among themselves."""
        by_degree = shown.groupby("degree")["persistence"]
        rank = by_degree.rank(method="first", ascending=False).astype(int)
        return cls(shown.assign(place=by_degree.cumcount(), rank=rank, name=shown["bar"], mark=shown["bar"]))

    @cached_property
    def _by_label(self) -> dict[str, Bar]:
        """The most persistent loop first."""
        rows = self.table.sort_values(["degree", "rank"], ascending=[False, True])[list(Bar._fields)]
        return {bar.label: bar for bar in map(Bar._make, rows.itertuples(index=False))}

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
        known = {(bar.degree, bar.place): bar.name for bar in self._by_label.values()}
        return [known[degree, place] for degree, place in places[["degree", "place"]].to_numpy()]

    def label(self, name: str | None) -> str | None:
        """The words for a bar of the chart."""
        if name == _ENDLESS_MARK:
            return ENDLESS
        return next((bar.label for bar in self._by_label.values() if bar.name == name), None)

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
