"""The bar in hand: its two names, what is said of it, and the prompts that make it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from pages.parts import data, prompts
from phcore.errors import Fault
from phcore.formatting import count, three
from phcore.topology import generators
from phcore.topology.explore import Explored

ENDLESS = "H0 endless"
COCYCLES = 500  # points up to which ripser, which holds up every session, is asked for a cocycle
LISTED = 12  # prompts of a group that are listed
_KINDS = ("merge", "loop")  # what a bar of each degree is called in the list of bars


class Bar(NamedTuple):
    """A row of `explore.ranked`."""

    degree: int
    birth: float
    death: float
    persistence: float
    place: int
    rank: int

    @property
    def label(self) -> str:
        return f"H{self.degree} {_KINDS[self.degree]} {self.rank}"


@dataclass(frozen=True)
class Bars:
    """The bars shown, as `explore.ranked`, and the two names of each: in the chart, and in words ("H1 loop 2")."""

    table: pd.DataFrame
    subsample: int

    @cached_property
    def _by_label(self) -> dict[str, Bar]:
        """The most persistent loop first."""
        bars = [Bar(int(degree), *values, int(place), int(rank)) for degree, *values, place, rank in
                self.table.sort_values(["degree", "rank"], ascending=[False, True]).to_numpy()]  # fmt: skip
        return {bar.label: bar for bar in bars}

    @property
    def diagrams(self) -> list[np.ndarray]:
        ends, degrees = self.table[["birth", "death"]].to_numpy(), self.table["degree"].to_numpy()
        return [ends[degrees == degree] for degree in (0, 1)]

    @cached_property
    def labels(self) -> list[str]:
        return [*self._by_label, ENDLESS]

    def bar(self, label: str) -> Bar | None:
        """The bar of a label; None for the endless one."""
        return self._by_label.get(label)

    def name(self, label: str) -> str:
        """Of the mark in the chart. Equal bars are one mark, named after the first of them."""
        bar = self.bar(label)
        if bar is None:
            return "H0-endless"
        return self._name(bar.degree, min(one.place for one in self._by_label.values() if one[:3] == bar[:3]))

    def names(self, places: pd.DataFrame) -> list[str]:
        """Of the marks of bars given by degree and place."""
        return [self._name(degree, place) for degree, place in places[["degree", "place"]].to_numpy()]

    def label(self, name: str | None) -> str | None:
        """The words for a mark of the chart."""
        if name == "H0-endless":
            return ENDLESS
        return next((one.label for one in self._by_label.values() if self._name(one.degree, one.place) == name), None)

    def _name(self, degree: int, place: int) -> str:
        return f"H{degree}-{self.subsample}-{place}"


def chosen(bars: Bars) -> str:
    """Label of the bar in hand before its list is drawn: from the page, from a link, or the longest loop."""
    wanted = st.session_state.get("b_bar", st.query_params.get("b_bar"))
    if wanted in bars.labels:
        return wanted
    st.session_state.pop("b_bar", None)  # a bar that no longer exists
    return bars.labels[0]


def clicked(chart: str, bars: Bars) -> None:
    """A click on a bar, or on a merge of the tree, takes it in hand."""
    picked = (st.session_state[chart].get("selection") or {}).get("bar") or []
    label = bars.label(picked[0].get("bar")) if picked else None
    if label:
        st.session_state["b_bar"] = label


def sentence(bars: Bars, label: str, unit: str) -> str:
    """What the bar is, with its numbers."""
    bar = bars.bar(label)
    if bar is None:
        return "**The bar that never ends**: from the last merge on, all prompts are one component."
    number = int((bars.table["degree"] == bar.degree).sum())
    rank = f"Number {bar.rank} of {number:,} by persistence ({three(bar.persistence)}, {unit})."
    if bar.degree == 0:
        return f"**A component** that merges into another one at {three(bar.death)}. {rank}"
    return f"**A loop** that appears at {three(bar.birth)} and is filled at {three(bar.death)}. {rank}"


def explain(explored: Explored, bars: Bars, label: str, own: pd.DataFrame, categories: Sequence[str]) -> dict:
    """Lists the prompts behind the bar; returns what the map draws of it (see `cloud_map.map_tables`)."""
    bar = bars.bar(label)
    if bar is None:
        st.markdown(f"It holds all {len(own):,} prompts ({prompts.counted(own['category'])}).")
        return {}
    return (_merge, _loop)[bar.degree](explored, bar.place, own, categories)


def _merge(explored: Explored, place: int, own: pd.DataFrame, categories: Sequence[str]) -> dict:
    merge = explored.merge(place)
    ends = sorted(zip(merge.edge, (merge.first, merge.second), strict=True), key=lambda end: len(end[1]))
    st.markdown(f"At {three(merge.distance)} these two prompts are joined, the closest pair between two groups:")
    prompts.listing(own.iloc[[point for point, _ in ends]], categories, ["A", "B"])
    for name, (_, group) in zip(("A", "B"), ends, strict=True):
        members = own.iloc[group]
        many = f", {LISTED} of them:" if len(group) > LISTED else ":"
        ringed = ", ringed on the map" if name == "A" else ""
        kinds = prompts.counted(members["category"])
        st.markdown(f"**Group {name}**, {count(len(group), 'prompt')} ({kinds}){ringed}{many}")
        prompts.listing(members.head(LISTED), categories)
    return {"edge": merge.edge, "first": ends[0][1], "second": ends[1][1]}


def _loop(explored: Explored, place: int, own: pd.DataFrame, categories: Sequence[str]) -> dict:
    loop = explored.loop(place)
    members = own.iloc[loop.cycle]
    st.markdown(
        f"**A cycle of {count(len(members), 'prompt')}** ({prompts.counted(members['category'])}), in order. It is *a* "
        f"cycle born with this bar, not the only one: the edge from 1 to {len(members)} closes it at the birth, by the "
        "shortest way round."
    )
    prompts.listing(members, categories, [str(k) for k in range(1, len(members) + 1)])
    held: dict = {"cycle": loop.cycle, "edge": loop.edge, "triangle": loop.triangle}
    st.markdown(f"At {three(loop.death)} the triangle of these three prompts fills it:")
    numbers = {point: str(k) for k, point in enumerate(loop.cycle.tolist(), 1)}
    prompts.listing(own.iloc[list(loop.triangle)], categories, [numbers.get(int(p), "△") for p in loop.triangle])
    few = len(own) <= COCYCLES
    shown = st.toggle(
        "Show ripser's cocycle", key="b_cut", bind="query-params", disabled=not few,
        help="The dual view: edges that every cycle around this hole must cross an odd number of times. "
        + ("" if few else f"Offered up to {COCYCLES} prompts."),
    )  # fmt: skip
    if shown and few:
        try:
            held["cut"] = cocycle(explored, loop.birth, loop.death)
        except Fault as fault:
            st.caption(str(data.shown(fault)))
            return held
        st.caption(f"Dotted on the map: a cut across the loop, {count(len(held['cut']), 'edge')}. Not the loop itself.")
    return held


def cocycle(explored: Explored, birth: float, death: float) -> np.ndarray:
    return _cocycle(explored.distances.tobytes(), len(explored.distances), birth, death)


@st.cache_data(max_entries=64, show_spinner=False)
def _cocycle(distances: bytes, n: int, birth: float, death: float) -> np.ndarray:
    return generators.cocycle(np.frombuffer(distances).reshape(n, n), birth, death)
