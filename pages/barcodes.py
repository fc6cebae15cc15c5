"""What shape is this cloud? Barcode and persistence diagram of one cell, or of two side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from pages.parts import data, draw, frame
from phcore.charts.barcode import barcode_and_diagram
from phcore.charts.bars import CAP, cap_bars
from phcore.charts.theme import FULL_WIDTH, HALF_WIDTH
from phcore.charts.vectors import landscape_chart, persistence_image_chart
from phcore.results import Results
from phcore.topology import vectors
from phcore.words import three, unit_words

ALL, WHOLE = "all", "whole cloud"
VIEWS = ["Barcode and diagram", "Persistence image", "Landscape"]


def pick_cell(study: Results, prefix: str, label: str, start: int) -> tuple[str, int, int]:
    """Series, step and layer of one cell. Steps are those the series has."""
    names = [series.name for series in study.record.series]
    columns = st.columns([2, 4, 1.2], vertical_alignment="bottom")
    series = columns[0].selectbox(
        f"{label}series".capitalize(),
        names,
        index=min(start, len(names) - 1),
        key=f"{prefix}series",
        bind="query-params",
    )
    steps = [node.step for node in study.record.path_of(series)]
    step = columns[1].select_slider(
        f"{label}step (0 = base model)".capitalize(), steps, value=steps[-1], key=f"{prefix}step", bind="query-params"
    )
    layers = list(study.record.layers)
    layer = columns[2].selectbox(
        f"{label}layer".capitalize(),
        layers,
        index=len(layers) // 2,
        key=f"{prefix}layer",
        bind="query-params",
        help="hidden_states index: 0 = embeddings, the last = after the final norm.",
    )
    return series, step, layer


def what_cell(study: Results, cell: tuple[str, int, int]) -> pd.Series | None:
    """What is known of a cell; says in words why there is nothing to draw."""
    series, step, layer = cell
    cells = data.table(study, "cells")
    row = cells[(cells["series"] == series) & (cells["step"] == step) & (cells["layer"] == layer)]
    if row.empty:
        st.info(f"{series}, step {step}, layer {layer} has not been computed yet.", icon=":material/hourglass_empty:")
        return None
    about = row.iloc[0]
    if about["status"] != "ok":
        st.info(about["words"], icon=":material/info:")
        return None
    if about["words"]:
        st.caption(about["words"])
    return about


def selected_bar(shown: pd.DataFrame, event, unit: str) -> None:
    """The bar that was clicked, in a sentence."""
    picked = event.selection.get("bar") if event else None
    name = picked[0].get("bar") if picked else None
    row = shown[shown["bar"] == name]
    if row.empty:
        st.caption("Hover to see a bar in both plots; click to keep it. The nearest bar answers.")
        return
    bar = row.iloc[0]
    rank = int((shown.loc[shown["degree"] == bar["degree"], "persistence"] > bar["persistence"]).sum()) + 1
    values = f"{three(bar['birth'])} to {three(bar['death'])} (persistence {three(bar['persistence'])}, {unit})"
    if bar["degree"] == 0:
        words = f"**H0 bar**: a component that lasts from {values}; there it merges into another one."
    else:
        words = f"**H1 bar**: a loop that appears at {three(bar['birth'])} and is filled at {three(bar['death'])} "
        words += f"(persistence {three(bar['persistence'])}, {unit})."
    st.markdown(f"{words} Number {rank} by persistence among the H{bar['degree']} bars shown.")


def one_cell(study: Results, cell: tuple[str, int, int], options: dict, key: str, width: int, stacked: bool) -> None:
    """A cell in the chosen view, with its table and downloads."""
    series, step, layer = cell
    about = what_cell(study, cell)
    if about is None:
        return
    bars = data.scaled_bars(study, series, step, layer, options["scale"])
    if options["subsample"] not in (ALL, WHOLE):
        bars = bars[bars["subsample"] == int(options["subsample"])]
    if bars.empty:
        st.info("This cell has no finite bars in the subsample chosen.", icon=":material/info:")
        return
    unit = unit_words(options["scale"], study.study.metric)
    title = f"{series}, step {step:,}, layer {layer}"
    about = (data.version(study), cell, tuple(options.items()), width)
    end = 1.06 * (options["end"] or bars["death"].max())
    if options["view"] == "Barcode and diagram":
        shown, k, n = cap_bars(bars, options["cap"])

        def build():
            return barcode_and_diagram(
                bars, domain=(0.0, end), cap=options["cap"], order=options["order"], unit=unit, question=title,
                width=width, height=400 if stacked else 480, stacked=stacked,
            )  # fmt: skip

        event = draw.chart(f"bars-{key}", about, build, selection="bar", on_select="rerun")
        if k < n:
            st.caption(f"Showing {k:,} of {n:,} bars: the most persistent of each degree.")
        selected_bar(shown, event, unit)
    else:
        draw_vector(bars, options, unit, end, title, key, about)
    frame.below(
        bars.assign(persistence=bars["death"] - bars["birth"]),
        f"bars-{study.study.name}-{series}-{step}-layer{layer}",
        key,
        words=f"Finite bars of {series}, step {step}, layer {layer}; births and deaths as {unit}.",
    )


def draw_vector(bars: pd.DataFrame, options: dict, unit: str, end: float, title: str, key: str, about: tuple) -> None:
    """The persistence image or the landscape of H1: the mean over the subsamples chosen."""
    loops = bars[bars["degree"] == 1]
    diagrams = [part[["birth", "death"]].to_numpy() for _, part in loops.groupby("subsample")]
    if not diagrams:
        st.info("There are no H1 bars here, so there is nothing to smooth.", icon=":material/info:")
        return
    if options["view"] == "Persistence image":
        high = float((loops["death"] - loops["birth"]).max()) * 1.1
        image = vectors.persistence_image(diagrams, birth_range=(0.0, end), persistence_range=(0.0, high))
        words = (
            f"Each H1 bar is a Gaussian of width {three(image.sigma)}, weighted by persistence; mean over subsamples."
        )

        def build():
            return persistence_image_chart(image.values.T, (0.0, end), (0.0, high), unit=unit, question=title)
    else:
        grid = np.linspace(float(loops["birth"].min()), end, 200)
        words = "The five highest layers of overlapping H1 bars at each distance, as a mean over subsamples."

        def build():
            return landscape_chart(vectors.mean_landscape(diagrams, grid), grid, unit=unit, question=title)

    draw.chart(f"vector-{key}", (about, unit), build)
    st.caption(words)


frame.header(
    "What shape is this cloud?",
    "Each bar is a feature of the prompts' hidden states that lasts over a range of distances: H0 bars are groups of "
    "prompts before they merge, H1 bars are loops. Long bars are robust shape, short ones mostly noise.",
)
study = frame.ready_study()
if study is None:
    st.stop()

first = pick_cell(study, "b_", "", 0)
row = st.columns([3, 2, 2, 1.2], vertical_alignment="bottom")
view = row[0].segmented_control("View", VIEWS, default=VIEWS[0], key="b_view", bind="query-params", required=True)
some = data.bars(study, *first)
numbers = sorted(some["subsample"].unique()) if len(some) else []
if not numbers:  # nothing to draw in the first cell; the second may have bars
    numbers = range(study.study.subsamples)
choices = [str(number) for number in numbers] if study.study.subsamples else []
subsample = row[1].selectbox(
    "Subsample", [*choices, ALL] if choices else [WHOLE], key="b_sub", bind="query-params",
    help="The same subsets of prompts serve every checkpoint, so one subsample can be followed from step to step.",
)  # fmt: skip
compare = row[2].toggle("Compare with a second cell", key="b_two", bind="query-params")
with row[3].popover("More", icon=":material/tune:", width="stretch"):
    fixed = st.toggle(
        "Same axes at every step", True, key="b_fixed", bind="query-params",
        help="On: the axes reach to the last death of any step and series at this layer. Off: fitted to this cell.",
    )  # fmt: skip
    scale = st.selectbox("Scale", ["raw", "median"], key="b_scale", bind="query-params",
                         index=["raw", "median"].index(study.study.scale))  # fmt: skip
    order = st.selectbox("Sort bars by", ["birth", "death", "persistence"], key="b_order", bind="query-params")
    cap = st.number_input("Bars drawn at most", 50, 2000, CAP, 50, key="b_cap", bind="query-params")

options = {"view": view, "subsample": subsample, "scale": scale, "order": order, "cap": int(cap)}
if not fixed:
    st.caption("Axes are fitted to this cell: lengths cannot be compared between steps.")
if not compare:
    options["end"] = data.longest_death(study, first[2], scale) if fixed else None
    one_cell(study, first, options, "first", FULL_WIDTH, stacked=False)
else:
    second = pick_cell(study, "b2_", "second ", 1)
    layers = {first[2], second[2]}
    options["end"] = max(data.longest_death(study, layer, scale) for layer in layers) if fixed else None
    left, right = st.columns(2)
    with left:
        one_cell(study, first, options, "first", HALF_WIDTH, stacked=True)
    with right:
        one_cell(study, second, options, "second", HALF_WIDTH, stacked=True)
