"""Prompts on the page: whole texts with their category's mark, escaped: a prompt is only ever text."""

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape

import pandas as pd
import streamlit as st

from pages.parts import web
from phcore.figures.charts.theme import category_marks

FIRST = 12  # prompts of a group that are listed
_SIGNS = {"circle": "●", "square": "■", "diamond": "◆", "cross": "✚"}


def listing(prompts: pd.DataFrame, categories: Sequence[str], marks: Iterable[str] | None = None) -> None:
    """Prompts in the order of `prompts` (text, category), each behind a mark such as its number."""
    looks = category_marks(categories)
    marks = list(marks) if marks is not None else [""] * len(prompts)
    rows = []
    for mark, text, category in zip(marks, prompts["text"], prompts["category"].fillna(""), strict=True):
        colour, shape = looks.get(category, ("inherit", "circle"))
        sign = f'<span style="color:{colour}">{_SIGNS.get(shape, "●")}</span>' if len(looks) > 1 else ""
        label = f" <small>{escape(category)}</small>" if category else ""
        rows.append(f"<div><b>{escape(mark)} {sign}</b><span>{escape(text)}{label}</span></div>")
    st.html(f'{web.style("prompts.css")}<div class="prompts">{"".join(rows)}</div>')


def first_words(number: int) -> str:
    """How many of a group are listed, behind what is said of all."""
    return f", {FIRST} of them:" if number > FIRST else ":"


def counted(categories: Iterable[str | None]) -> str:
    """How many prompts of each category: "everyday 80, careful 78"; only the number where there are none."""
    counts = Counter(category or "" for category in categories)
    if set(counts) <= {""}:
        return f"{sum(counts.values()):,}"
    return ", ".join(f"{name or 'no category'} {number:,}" for name, number in counts.most_common())


def plain(text: str) -> str:
    """A text that Markdown takes as it is."""
    for sign in "\\`*_{}[]()#+-.!|<>~$:":
        text = text.replace(sign, f"\\{sign}")
    return text
