"""The study in a few sentences, each with its numbers."""

from dataclasses import replace

import pandas as pd
import streamlit as st

from pages.parts import data, figure
from phcore.errors import Fault
from phcore.export.results import Results
from phcore.figures.figure import PER, Choice
from phcore.figures.registry import FIGURES
from phcore.formatting import three


def show(study: Results) -> None:
    """What moved, when, and how far apart the objectives end: at the middle layer, with the floors beside it."""
    cells = data.table(study, "cells")
    if cells.empty:
        st.info(
            "Nothing is computed yet. Sentences with numbers appear here as results arrive.", icon=":material/info:"
        )
        return
    choice = Choice.of(study, single=True)
    sentences = [*_unusual(cells), *_moves(study, choice), *_apart(study, choice)]
    for sentence in sentences:
        st.markdown(f"- {sentence}")
    st.caption(
        f"At layer {choice.layer} of {study.record.n_layers}, H1, on {study.record.n_prompts} prompts. "
        "Every number has its chart on the Trajectories page."
    )


def _unusual(cells: pd.DataFrame) -> list[str]:
    odd = cells[cells["status"] != "ok"]
    if odd.empty:
        return []
    return [f"{len(odd)} of {len(cells)} cells have no topology: {odd.iloc[0]['words']}"]


def _moves(study: Results, choice: Choice) -> list[str]:
    """Where each series' velocity peaks, counted per transition and per training step."""
    try:
        curves = [figure.read(study, FIGURES["velocity"], replace(choice, per=per)).curve for per in PER]
    except Fault:
        return []
    sentences = []
    for one in study.record.series:
        rows = [curve[curve["series"] == one.name] for curve in curves]
        if any(part.empty for part in rows):
            continue
        peak, fast = (part.loc[part["mean"].idxmax()] for part in rows)
        sentence = (
            f"**{one.name}** moves farthest between steps {peak['step_from']:.0f} and {peak['step']:.0f} "
            f"(H1 velocity {three(peak['mean'])}) and fastest per training step between {fast['step_from']:.0f} and "
            f"{fast['step']:.0f}"
        )
        sentences.append(sentence + _concentration(study, one.name, choice) + ".")
    return sentences


def _concentration(study: Results, series: str, choice: Choice) -> str:
    rows = figure.view(study).table(
        "dynamics", series=series, layer=choice.layer, degree=choice.degree, order=choice.order, scale=choice.scale,
        per="transition", by="index", with_base=True,
    )  # fmt: skip
    if rows.empty or pd.isna(rows["concentration"].iloc[0]):
        return ""
    one = rows.iloc[0]
    return (
        f"; {one['concentration']:.0%} of its velocity falls in the first third of the checkpoints "
        f"(flat would be 33 %; p = {three(one['p_velocities'])})"
    )


def _apart(study: Results, choice: Choice) -> list[str]:
    """How far apart the objectives are at the last common step, against the split-half floor."""
    try:
        table = figure.read(study, FIGURES["separation"], choice).rows
    except Fault:
        return []
    last = table[table["step"] > 0].sort_values("step").groupby(["series_a", "series_b"], sort=False).tail(1)
    if last.empty:
        return []
    one = last.loc[last["value"].idxmax()]
    beside = f" (split-half floor {three(one['hi'])})" if pd.notna(one["hi"]) else ""
    return [
        f"At step {one['step']:.0f}, **{one['series_a']}** and **{one['series_b']}** are farthest apart: "
        f"{three(one['value'])} resampling standard deviations in the 41 mean summaries{beside}. One run per "
        "objective: an effect size, not a p-value."
    ]
