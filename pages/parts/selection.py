"""The selected bar: the names of bars, which of them is selected, what is said of it, and the prompts that make it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from pages.parts import controls, data, draw, live, prompts
from pages.parts.controls import control
from pages.parts.data import Cell
from pages.parts.web import Markdown, plain
from phcore.errors import Fault
from phcore.export.results import Results
from phcore.formatting import count, three
from phcore.topology.explore import Explored, Lens, Loop, Merge

ENDLESS = "H0 endless"
ENDLESS_WORDS = "**The bar that never ends**: from the last merge on, all prompts are one component."
_ENDLESS_MARK = "H0-endless"
COCYCLES = 500  # points up to which ripser, which holds up every session, is asked for a cocycle
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


def sentence(bars: Bars, label: str, unit: str) -> Markdown:
    """What the bar is, with its numbers."""
    bar = bars.bar(label)
    if bar is None:
        return ENDLESS_WORDS
    number = int((bars.table["degree"] == bar.degree).sum())
    rank = f"Number {bar.rank:,} of {number:,} by persistence ({three(bar.persistence)}, {plain(unit)})."
    if bar.degree == 0:
        return f"**A component** that merges into another one at {three(bar.death)}. {rank}"
    return f"**A loop** that appears at {three(bar.birth)} and is filled at {three(bar.death)}. {rank}"


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


def explain(study: Results, cell: Cell, lens: Lens, bar: Bar | None, explored: Explored, own: pd.DataFrame) -> dict:
    """Lists the prompts behind a bar, of those of the map (`own`); returns what the map shows of it."""
    if bar is None:
        st.markdown(f"It holds all {len(own):,} prompts ({plain(prompts.counted(own['category']))}).")
        return {}
    made, categories = made_by(explored, bar.degree, bar.place), live.categories(study)
    if bar.degree == 0:
        _merge(made, own, categories)
        return held(made)
    _loop(made, own, categories)
    return held(made) | _cut(study, cell, lens, made, len(own))


def _merge(merge: Merge, own: pd.DataFrame, categories: list[str]) -> None:
    ends = sorted(zip(merge.edge, (merge.first, merge.second), strict=True), key=lambda end: len(end[1]))
    st.markdown(f"At {three(merge.distance)} these two prompts are joined, the closest pair between two groups:")
    prompts.listing(own.iloc[[point for point, _ in ends]], categories, ["A", "B"])
    for name, (_, group) in zip(("A", "B"), ends, strict=True):
        members = own.iloc[group]
        kinds, more = plain(prompts.counted(members["category"])), prompts.first_words(len(group))
        ringed = ", ringed on the map" if name == "A" else ""
        st.markdown(f"**Group {plain(name)}**, {count(len(group), 'prompt')} ({kinds}){ringed}{more}")
        prompts.listing(members.head(prompts.FIRST), categories)


def _loop(loop: Loop, own: pd.DataFrame, categories: list[str]) -> None:
    members = own.iloc[loop.cycle]
    kinds = plain(prompts.counted(members["category"]))
    st.markdown(
        f"**A cycle of {count(len(members), 'prompt')}** ({kinds}), in order. It is *a* cycle born with this bar, not "
        f"the only one: the edge from 1 to {len(members)} closes it at the birth, by the shortest way round."
    )
    prompts.listing(members, categories, [str(k) for k in range(1, len(members) + 1)])
    st.markdown(f"At {three(loop.death)} the triangle of these three prompts fills it:")
    numbers = {point: str(k) for k, point in enumerate(loop.cycle.tolist(), 1)}
    prompts.listing(own.iloc[list(loop.triangle)], categories, [numbers.get(int(p), "△") for p in loop.triangle])


def _cut(study: Results, cell: Cell, lens: Lens, loop: Loop, points: int) -> dict:
    """ripser's cocycle of the loop, where it is asked for."""
    few = points <= COCYCLES
    words = "The dual view: edges that every cycle around this hole must cross an odd number of times. "
    words += "" if few else f"Offered up to {COCYCLES:,} prompts."
    shown = control(st.toggle, "b_cut", disabled=not few, help=words)
    if not (shown and few):
        return {}
    try:
        cut = live.cocycle(study, cell, lens, loop.birth, loop.death)
    except Fault as fault:
        st.caption(plain(data.shown(fault)))
        return {}
    st.caption(f"Dotted on the map: a cut across the loop, {count(len(cut), 'edge')}. Not the loop itself.")
    return {"cut": cut}
