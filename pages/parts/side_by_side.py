"""Bars of one cell over all subsamples, its persistence image or landscape; and any of these for two cells."""

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from pages.parts import controls, data, draw, frame
from pages.parts.cell import ALL_WORD, BARS, IMAGE, PREFIX, Options, bars_below, capped_words, known, pick
from pages.parts.controls import control, put
from pages.parts.fluid import APART, Room
from pages.parts.selection import ENDLESS_WORDS, Bar, Bars
from pages.parts.web import Markdown, plain
from phcore.export.results import Results
from phcore.figures.charts.barcode import barcode_and_diagram, barcode_now
from phcore.figures.charts.bars import cap_bars
from phcore.figures.charts.vectors import landscape_chart, persistence_image_chart
from phcore.formatting import three, unit_words
from phcore.topology import vectors


def show(study: Results, first: data.Cell, options: Options, room: Room) -> None:
    """One cell over the full width, or two on the same axes."""
    cells = [first, pick(study, "second")] if options.two else [first]
    end = max(data.longest_death(study, layer, options.scale) for _, _, layer in cells)
    if not options.fixed:
        which, between = ("each", "the two") if options.two else ("this", "steps")
        st.caption(plain(f"Axes are fitted to {which} cell: lengths cannot be compared between {between}."))
        end = None
    if not options.two:
        _cell(study, first, options, end, "first", room.full)
        return
    for column, cell, key in zip(room.pair(), cells, ("first", "second"), strict=True):
        with column:
            _cell(study, cell, options, end, key, room.half)


def _cell(study: Results, cell: data.Cell, options: Options, end: float | None, key: str, width: int) -> None:
    """A cell in the chosen view, with its table and downloads."""
    series, step, layer = cell
    if not known(study, cell):
        return
    bars = data.scaled_bars(study, *cell, options.scale)
    if options.subsample != ALL_WORD:
        bars = bars[bars["subsample"] == options.subsample]
    if bars.empty:
        frame.note("The archive has no finite bars of this cell in the subsample chosen.")
        return
    unit = unit_words(options.scale, study.study.metric)
    look = {"question": f"{series}, step {step:,}, layer {layer}", "unit": unit, "width": width}
    domain = (0.0, 1.06 * (end or bars["death"].max()))
    about = (data.version(study), cell, options.subsample, options.scale, options.view, domain, width)
    if options.view == BARS:
        about = (*about, options.order, options.cap)
        _bars(bars, about, options, domain, look, key)
    else:
        _vector(bars, about, options, domain, look, key)
    bars_below(study, cell, bars.assign(persistence=bars["death"] - bars["birth"]), key, unit)


def _bars(bars: pd.DataFrame, about, options: Options, domain, look: dict, key: str) -> None:
    chart, own, stacked = f"bars-{key}", f"{PREFIX[key]}_held", look["width"] < APART
    build = partial(
        barcode_and_diagram, bars, domain=domain, cap=options.cap, order=options.order, stacked=stacked,
        height=400 if stacked else 480, **look,
    )  # fmt: skip
    shown, k, n = cap_bars(bars, options.cap)
    drawn = Bars.of_marks(shown)
    held = drawn.mark(controls.chosen(own, drawn.labels))
    draw.chart(
        chart, about, build, selection="bar", change=lambda tables: barcode_now(tables, None, held),
        on_select=lambda: put(own, drawn.clicked(chart)),
    )  # fmt: skip
    if k < n:
        st.caption(plain(capped_words(k, n)))
    label = control(st.selectbox, own, drawn.labels, index=None)
    if label is None:
        st.caption("Hover to see a bar in both plots; click to keep it. The nearest bar answers.")
    else:
        st.markdown(_sentence(drawn.bar(label), shown, look["unit"]))


def _sentence(bar: Bar | None, shown: pd.DataFrame, unit: str) -> Markdown:
    """The selected bar among those shown; None is the endless one."""
    if bar is None:
        return ENDLESS_WORDS
    rank = int((shown.loc[shown["degree"] == bar.degree, "persistence"] > bar.persistence).sum()) + 1
    words = f"**H0 bar**: a component that merges into another one at {three(bar.death)} ({plain(unit)})."
    if bar.degree == 1:
        words = f"**H1 bar**: a loop that appears at {three(bar.birth)} and is filled at {three(bar.death)}"
        words += f" (persistence {three(bar.persistence)}, {plain(unit)})."
    return f"{words} Number {rank:,} by persistence among the H{bar.degree} bars shown."


def _vector(bars: pd.DataFrame, about, options: Options, domain, look: dict, key: str) -> None:
    """The persistence image or the landscape of H1: the mean over the subsamples chosen."""
    loops = bars[bars["degree"] == 1]
    diagrams = [part[["birth", "death"]].to_numpy() for _, part in loops.groupby("subsample")]
    if not diagrams:
        frame.note("There are no H1 bars here, so there is nothing to smooth.")
        return
    mean = "; mean over subsamples" if options.subsample == ALL_WORD else ""
    if options.view == IMAGE:
        high = float((loops["death"] - loops["birth"]).max()) * 1.1
        low = float(loops["birth"].min())
        births = (max(0.0, low - 0.1 * (domain[1] - low)), domain[1])
        image = vectors.persistence_image(diagrams, birth_range=births, persistence_range=(0.0, high), pixels=(80, 45))
        words = f"Each H1 bar is a Gaussian of width {three(image.sigma)}, weighted by persistence{mean}."
        build = partial(persistence_image_chart, image.values.T, births, (0.0, high), **look)
    else:
        grid = np.linspace(float(loops["birth"].min()), domain[1], 200)
        words = f"The five highest layers of overlapping H1 bars at each distance{mean}."
        build = partial(landscape_chart, vectors.mean_landscape(diagrams, grid), grid, **look)
    draw.chart(f"vector-{key}", (about, look["unit"]), build)
    st.caption(words)
