"""What makes a bar: the prompts behind it, in words and on the map."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.parts import live, prompts
from pages.parts.controls import linked
from pages.parts.data import Cell
from pages.parts.selection import Bar
from phcore.errors import Fault
from phcore.formatting import count, three
from phcore.stages.results import Results
from phcore.topology.explore import Explored, Lens, Loop, Merge

COCYCLES = 500  # points up to which ripser, which holds up every session, is asked for a cocycle


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
        st.markdown(f"It holds all {len(own):,} prompts ({prompts.counted(own['category'])}).")
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
        kinds, more = prompts.counted(members["category"]), prompts.first_words(len(group))
        ringed = ", ringed on the map" if name == "A" else ""
        st.markdown(f"**Group {name}**, {count(len(group), 'prompt')} ({kinds}){ringed}{more}")
        prompts.listing(members.head(prompts.FIRST), categories)


def _loop(loop: Loop, own: pd.DataFrame, categories: list[str]) -> None:
    members = own.iloc[loop.cycle]
    st.markdown(
        f"**A cycle of {count(len(members), 'prompt')}** ({prompts.counted(members['category'])}), in order. It is *a* "
        f"cycle born with this bar, not the only one: the edge from 1 to {len(members)} closes it at the birth, by the "
        "shortest way round."
    )
    prompts.listing(members, categories, [str(k) for k in range(1, len(members) + 1)])
    st.markdown(f"At {three(loop.death)} the triangle of these three prompts fills it:")
    numbers = {point: str(k) for k, point in enumerate(loop.cycle.tolist(), 1)}
    prompts.listing(own.iloc[list(loop.triangle)], categories, [numbers.get(int(p), "△") for p in loop.triangle])


def _cut(study: Results, cell: Cell, lens: Lens, loop: Loop, points: int) -> dict:
    """ripser's cocycle of the loop, where it is asked for."""
    few = points <= COCYCLES
    shown = st.toggle(
        "Show ripser's cocycle", **linked("b_cut", "cocycle"), disabled=not few,
        help="The dual view: edges that every cycle around this hole must cross an odd number of times. "
        + ("" if few else f"Offered up to {COCYCLES} prompts."),
    )  # fmt: skip
    if not (shown and few):
        return {}
    try:
        cut = live.cocycle(study, cell, lens, loop.birth, loop.death)
    except Fault as fault:
        st.caption(str(fault))
        return {}
    st.caption(f"Dotted on the map: a cut across the loop, {count(len(cut), 'edge')}. Not the loop itself.")
    return {"cut": cut}
