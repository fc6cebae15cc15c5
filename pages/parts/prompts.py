"""Prompts on the page: on the map of their cell, marked there, and as whole texts; a prompt is only ever text."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd
import streamlit as st

from pages.parts import data, draw, live, web
from pages.parts.controls import control
from phcore.export.results import Results
from phcore.figures.charts.cloud_map import AREA, POINT, cloud_map, map_plane, map_tables
from phcore.figures.charts.standing import with_tables
from phcore.figures.charts.theme import category_marks
from phcore.formatting import count

FIRST = 12  # prompts of a group that are listed
MARKED = "b_marked"  # numbers of prompts, as they stand in a link


def listing(prompts: pd.DataFrame, categories: Sequence[str], marks: Iterable[str] | None = None) -> None:
    """Prompts in the order of `prompts` (text, category), each behind a mark such as its number."""
    marks = [""] * len(prompts) if marks is None else marks
    rows = zip(marks, prompts["text"], prompts["category"].fillna(""), strict=True)
    st.html(web.style("prompts.css") + web.html("prompts.html.j2", rows=rows, looks=category_marks(categories)))


def first_words(number: int) -> web.Markdown:
    """How many of a group are listed, behind what is said of all."""
    return f", {FIRST:d} of them:" if number > FIRST else ":"


def counted(categories: Iterable[str | None]) -> str:
    """How many prompts of each category: "everyday 80, careful 78"; only the number where there are none."""
    counts = Counter(category or "" for category in categories)
    if set(counts) <= {""}:
        return f"{sum(counts.values()):,}"
    return ", ".join(f"{name or 'no category'} {number:,}" for name, number in counts.most_common())


# --- on the map -------------------------------------------------------------------------------------


def draw_map(
    key: str, study: Results, seen: live.Seen, mapped: live.Mapped, *, question: str | None = None, words: str = "",
    on_select: Callable[[], None] | str = "ignore", **shown,
) -> None:  # fmt: skip
    """The prompts of a cell on the plane.

    Parameters
    ----------
    question, words : the chart's title, and what it shows for those who cannot see it.
    on_select : called after a click or a frame on the map, where they mark something.
    shown : `held`, `marked`, `edges` and `triangles` of `map_tables`.
    """
    rows, plane, categories = seen.explored.rows, map_plane(mapped.reach), live.categories(study)
    tables = map_tables(mapped.points[rows], live.prompts(study).iloc[rows], plane, **shown)
    draw.chart(
        key, (data.version(study), mapped.reach, mapped.axes, tuple(categories), question),
        lambda: cloud_map(tables, plane, categories=categories, question=question, axes=mapped.axes),
        selection=None if on_select == "ignore" else [POINT, AREA], on_select=on_select,
        change=lambda standing: with_tables(standing, tables.values()), words=words,
    )  # fmt: skip


def marked(rows: np.ndarray) -> set[int]:
    """Points of the map that are marked, of the prompts (their numbers: `rows`) that the page or a link names."""
    parts = (one.strip() for one in st.session_state[MARKED].split(","))
    wanted = {int(one) for one in parts if one.isascii() and one.isdigit() and len(one) < 10}
    return set(np.flatnonzero(np.isin(rows, sorted(wanted))).tolist())


def mark(chart: str, points: np.ndarray, rows: np.ndarray) -> None:
    """A click or a frame on the map marks prompts; a double click, which chooses none, clears them.

    Parameters
    ----------
    points : (n, 2) on the map, of the prompts whose numbers are `rows`.
    """
    places = {int(one["row"]) for one in draw.picked(chart, POINT) if one.get("row") is not None}
    area = draw.picked(chart, AREA)
    if area and area.get("x") and area.get("y"):
        low, high = np.sort([area["x"], area["y"]], axis=1).T
        places |= set(np.flatnonzero(((points >= low) & (points <= high)).all(axis=1)).tolist())
    known = sorted(int(rows[place]) for place in places if place < len(rows))
    st.session_state[MARKED] = ",".join(map(str, known))


def marked_words(own: pd.DataFrame, points: set[int], categories: list[str]) -> None:
    """The marked prompts, and the field that names them. `own`: the prompts of the map."""
    if st.session_state[MARKED]:
        text = control(st.text_input, MARKED)
        if text and not points:
            st.caption("None of these numbers is a prompt of this map.")
    if points:
        chosen = own.iloc[sorted(points)]
        st.markdown(f"**Chosen on the map: {count(len(chosen), 'prompt')}** ({web.plain(counted(chosen['category']))})"
                    + first_words(len(chosen)))  # fmt: skip
        listing(chosen.head(FIRST), categories)
