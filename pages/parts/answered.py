"""What the model answers to chosen prompts at two checkpoints, side by side: what people understand at once."""

from collections.abc import Sequence

import streamlit as st

from pages.parts import live, web
from pages.parts.data import Cell
from phcore.export.results import Results


def show(study: Results, before: Cell, after: Cell, names: Sequence[str]) -> None:
    """The prompts of which the study keeps answers; nothing where it keeps none, or where their texts are private."""
    told = [study.answers(series, step) for series, step, _ in (before, after)]
    numbers = sorted(set(told[0]) & set(told[1]))
    if not numbers:
        return
    own = live.prompts(study).set_index("prompt")
    rows = [
        {"text": own["text"].get(number, f"prompt {number}"),
         "says": [(name, *answers[number]) for name, answers in zip(names, told, strict=True)]}
        for number in numbers
    ]  # fmt: skip
    st.markdown("### What does it answer?")
    st.html(web.style("prompts.css") + web.html("answers.html.j2", rows=rows))
    st.caption("The most probable token after each prompt, and after that, 40 at most.")
