"""The study in a few sentences, each with its numbers."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.parts import data, derived
from phcore.formatting import three
from phcore.stages.results import Results


def show(study: Results) -> None:
    """What moved, when, and how far apart the objectives end: at the middle layer, with the floors beside it."""
    cells = data.table(study, "cells")
    if cells.empty:
        st.info(
            "Nothing is computed yet. Sentences with numbers appear here as results arrive.", icon=":material/info:"
        )
        return
    layers = list(study.record.layers)
    layer = layers[len(layers) // 2]
    sentences = [*_unusual(cells), *_moves(study, layer), *_apart(study, layer)]
    for sentence in sentences:
        st.markdown(f"- {sentence}")
    st.caption(
        f"At layer {layer} of {study.record.n_layers}, H1, on {study.record.n_prompts} prompts. "
        "Every number has its chart on the Trajectories page."
    )


def _unusual(cells: pd.DataFrame) -> list[str]:
    odd = cells[cells["status"] != "ok"]
    if odd.empty:
        return []
    return [f"{len(odd)} of {len(cells)} cells have no topology: {odd.iloc[0]['words']}"]


def _moves(study: Results, layer: int) -> list[str]:
    """Where each series' velocity peaks, counted per transition and per training step."""
    choice = (1, study.study.order, study.study.scale)
    by_move, by_step = (derived.curve(study, choice, per) for per in ("transition", "step"))
    sentences = []
    for one in study.record.series:
        rows = [c[(c["series"] == one.name) & (c["layer"] == layer)] for c in (by_move, by_step)]
        if any(part.empty for part in rows):
            continue
        peak, fast = (part.loc[part["mean"].idxmax()] for part in rows)
        sentence = (
            f"**{one.name}** moves farthest between steps {peak['step_from']:.0f} and {peak['step']:.0f} "
            f"(H1 velocity {three(peak['mean'])}) and fastest per training step between {fast['step_from']:.0f} and "
            f"{fast['step']:.0f}"
        )
        sentences.append(sentence + _concentration(study, one.name, layer, choice) + ".")
    return sentences


def _concentration(study: Results, series: str, layer: int, choice: derived.Choice) -> str:
    table = data.table(study, "dynamics")
    degree, order, scale = choice
    row = table[
        (table["series"] == series) & (table["layer"] == layer) & (table["degree"] == degree)
        & (table["order"] == order) & (table["scale"] == scale) & (table["per"] == "transition")
        & (table["by"] == "index") & table["with_base"].astype(bool)
    ]  # fmt: skip
    if row.empty or pd.isna(row["concentration"].iloc[0]):
        return ""
    one = row.iloc[0]
    return (
        f"; {one['concentration']:.0%} of its velocity falls in the first third of the checkpoints "
        f"(flat would be 33 %; p = {three(one['p_velocities'])})"
    )


def _apart(study: Results, layer: int) -> list[str]:
    """How far apart the objectives are at the last common step, against the split-half floor."""
    names = [one.name for one in study.record.series]
    found = []
    for k, a in enumerate(names):
        for b in names[k + 1 :]:
            table, floor = derived.between(study, False, a, b, layer, (1, study.study.order, study.study.scale))
            if len(table) > 1:
                last = table.iloc[-1]
                noise = floor.loc[floor["step"] == last["step"], "hi"]
                found.append((a, b, int(last["step"]), last["value"], float(noise.iloc[0]) if len(noise) else None))
    if not found:
        return []
    a, b, step, value, noise = max(found, key=lambda one: one[3])
    beside = f" (split-half floor {three(noise)})" if noise else ""
    return [
        f"At step {step}, **{a}** and **{b}** are farthest apart: {three(value)} resampling standard deviations in the "
        f"41 mean summaries{beside}. One run per objective: an effect size, not a p-value."
    ]
