"""Prompts on the page: on the map of their cell, marked there, and as whole texts; a prompt is only ever text."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import streamlit as st

from pages.parts import data, draw, live, web
from phcore.export.results import Results
from phcore.figures.charts.cloud_map import cloud_map, map_plane, map_tables
from phcore.figures.charts.standing import with_tables
from phcore.figures.charts.theme import category_marks

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
    key: str, study: Results, seen: live.Seen, mapped: live.Mapped, *, width: int, question: str | None = None,
    words: str = "", **shown,
) -> None:  # fmt: skip
    """The prompts of a cell on the plane.

    Parameters
    ----------
    width : of the chart in pixels, with its axes.
    question, words : the chart's title, and what it shows for those who cannot see it.
    shown : `held` of `map_tables`.
    """
    rows, plane, categories = seen.explored.rows, map_plane(mapped.reach, width), live.categories(study)
    tables = map_tables(mapped.points[rows], live.prompts(study).iloc[rows], plane, **shown)
    draw.chart(
        key, (data.version(study), mapped.reach, mapped.axes, tuple(categories), question, width),
        lambda: cloud_map(tables, plane, categories=categories, question=question, axes=mapped.axes),
        change=lambda standing: with_tables(standing, tables.values()), words=words,
    )  # fmt: skip


def marked(rows: np.ndarray) -> list[int]:
    """Numbers of the prompts that the page or a link names, of those of the map (`rows`)."""
    parts = (one.strip() for one in st.session_state[MARKED].split(","))
    wanted = {int(one) for one in parts if one.isascii() and one.isdigit() and len(one) < 10}
    return sorted(wanted & set(rows.tolist()))
