"""Choosing a cell and how it is looked at, and saying what is known of it."""

from dataclasses import dataclass, replace

import pandas as pd
import streamlit as st

from pages.parts import controls, data, frame, links, live, present
from pages.parts.controls import control
from pages.parts.row import row
from pages.parts.web import WORDS, plain
from phcore.export.results import Results
from phcore.figures.charts.bars import CAP
from phcore.study import METRICS
from phcore.topology.explore import WHOLE, Lens

ALL_WORD, WHOLE_WORD = "all", "whole cloud"  # of the subsamples; the words on screen are the values in a link
BARS, CHANGED, IMAGE, LANDSCAPE = "Barcode and diagram", "What changed", "Persistence image", "Landscape"
ALL_POINTS, NO_PCA = "all", "off"
PREFIX = {"first": "b", "second": "b2"}  # of the controls of the two cells
_OPEN = "b-options"
MOVED = "cell.moved"  # the steps were played, and rest at another one
KIND = "cell.kind"  # what the distance of the slider was chosen for
AS_ARCHIVED = {"b_points": ALL_POINTS, "b_dim": NO_PCA, "b_cat": [], "b_text": ""}  # and the study's own metric


@dataclass(frozen=True)
class Options:
    """How the page shows a cell. `subsample` is a number, or `ALL_WORD` for the bars of all of them."""

    view: str
    subsample: int | str
    lens: Lens
    scale: str
    map: str
    order: str
    cap: int
    fixed: bool
    two: bool
    cut: bool

    @property
    def one_complex(self) -> bool:
        """Whether there is one set of prompts, and so one complex, to look at."""
        return self.subsample != ALL_WORD


def top(study: Results) -> tuple[data.Cell, str, bool]:
    """The row of controls: series, step and layer of the cell, the view, and whether the options are open."""
    with st.container(key="cell-top"):
        places = row([2, 2.7, 1.25, 2.45, 1.05])
    cell = pick(study, "first", places)
    view = control(places[3].selectbox, "b_view", [BARS, CHANGED, IMAGE, LANDSCAPE])
    control(places[4].button, _OPEN, type="primary" if opened() else "secondary", on_click=_turn)
    return cell, view, opened()


def opened() -> bool:
    return st.session_state.get("cell.options", False)


def _turn() -> None:
    st.session_state["cell.options"] = not opened()


def pick(study: Results, which: str, places=None) -> data.Cell:
    """Series, step and layer of the "first" cell or the "second". Steps are those the series has."""
    own, start = PREFIX[which], list(PREFIX).index(which)
    names = [series.name for series in study.record.series]
    left, middle, right = (places or st.columns([2, 4, 1.2], vertical_alignment="bottom"))[:3]
    series = control(left.selectbox, f"{own}_series", names, min(start, len(names) - 1))
    layer = controls.layer(right, study, f"{own}_layer")
    steps = [node.step for node in study.record.path_of(series)]
    controls.chosen(f"{own}_step", steps)  # another series may not have this step
    step = control(middle.select_slider, f"{own}_step", steps, value=opening_step(study, series, steps))
    if which == "first":
        present.steps(f"{own}_step", steps)
    return series, step, layer


def opening_step(study: Results, series: str, steps: list[int]) -> int:
    """The step that a series opens on: the last; while that is not computed, the first that is, after the base."""
    layer = study.record.layers[len(study.record.layers) // 2]  # the one that is computed first
    finished = [step for step in steps if data.about(study, series, step, layer)]
    if not finished or finished[-1] == steps[-1]:
        return steps[-1]
    return next((step for step in finished if step > 0), finished[0])


def known(study: Results, cell: data.Cell) -> bool:
    """Whether there is anything to draw of a cell; says in words why not, and what is unusual about it."""
    about = data.about(study, *cell)
    if about is None:
        frame.note("{}, step {}, layer {} has not been computed yet.".format(*cell), "hourglass_empty")
        return False
    if about["status"] != "ok":
        frame.note(about["words"])
        return False
    if about["words"]:
        st.caption(plain(about["words"]))
    return True


def file_name(what: str, study: Results, cell: data.Cell) -> str:
    """Of a table about a cell, without its kind."""
    series, step, layer = cell
    return f"{what}-{study.study.name}-{series}-{step}-layer{layer}"


def bars_below(study: Results, cell: data.Cell, bars: pd.DataFrame, key: str, unit: str) -> None:
    """The bars of a cell as a table, and as files."""
    series, step, layer = cell
    words = f"Finite bars of {series}, step {step}, layer {layer}; births and deaths as {unit}."
    frame.below(lambda: bars, file_name("bars", study, cell), key, words=words)


def capped_words(k: int, n: int) -> str:
    """What is said where not all bars are drawn."""
    return f"Showing {k:,} of {n:,} bars: the most persistent of each degree."


def options(study: Results, cell: data.Cell, view: str) -> Options:
    """Everything else that can be chosen, one below the other. What a view does not use is not offered."""
    links.withheld(AS_ARCHIVED | {"b_marked": ""}, "b_view",
                   "the hidden states of this cell and one of the first two views")  # fmt: skip
    two = view != CHANGED and controls.asked("b_two") in (True, "true")
    # Only these views measure anew; the others show what the archive has.
    live_view = view == CHANGED or (view == BARS and not two)
    cloud = live_view and live.has_cloud(study, cell)
    subsample = _subsample(study, cell, cloud, st)
    one = subsample != ALL_WORD
    st.markdown("**Which picture**")
    two = control(st.toggle, "b_two")
    fixed = control(st.toggle, "b_fixed", True)
    scale = controls.scale(st, study, "b_scale")
    way = control(st.selectbox, "b_map", ["PCA", "MDS"])
    order = control(st.selectbox, "b_order", ["birth", "death", "persistence"])
    cap = control(st.number_input, "b_cap", 50, 2000, CAP, 50)
    cut = cloud and one and view == BARS and control(st.toggle, "b_cut")
    lens = Lens(metric=study.study.metric)
    st.markdown("**Which prompts, and how they are measured**")
    if cloud and one:
        lens = _lens(study)
    else:
        st.caption("Measuring anew needs this cell's hidden states, one subsample and one of the first two views.")
    number = subsample if subsample == ALL_WORD else WHOLE if subsample == WHOLE_WORD else int(subsample)
    if one:
        lens = replace(lens, subsample=number, scale=scale)
    return Options(view, number, lens, scale, way, order, int(cap), fixed, two and view != CHANGED, bool(cut))


def _subsample(study: Results, cell: data.Cell, cloud: bool, place) -> str:
    """The subsample to show; says so where the one asked for cannot be shown here."""
    numbers = range(study.study.subsamples)
    own = data.bars(study, *cell)
    if not cloud and len(own):
        numbers = sorted(own["subsample"].unique())
    choices = [str(number) for number in numbers]
    first = [WHOLE_WORD] * (cloud or not choices) + [ALL_WORD] * bool(choices)
    asked = controls.asked("b_sub")
    chosen = control(place.selectbox, "b_sub", [*first, *choices], index=len(first) if choices else 0)
    if asked and asked != chosen:
        st.caption(plain(f"The archive has no bars of subsample {asked} here; {chosen} is shown."))
    return chosen


def _lens(study: Results) -> Lens:
    """What is measured live."""
    st.caption(WORDS["live"])
    numbers = [20, 40, 60, 80, 120, 160, 240, 320, 640, ALL_POINTS]
    points = control(st.select_slider, "b_points", numbers, value=ALL_POINTS)
    metric = control(st.selectbox, "b_metric", METRICS, METRICS.index(study.study.metric))
    dimension = control(st.select_slider, "b_dim", [2, 3, 5, 10, 20, 50, 100, NO_PCA], value=NO_PCA)
    names = [name for name in live.categories(study) if name]
    categories = control(st.multiselect, "b_cat", names, disabled=not names)
    text = control(st.text_input, "b_text")
    st.button("Back to the archive's way", icon=":material/undo:", width="stretch",
              on_click=lambda: st.session_state.update(AS_ARCHIVED | {"b_metric": study.study.metric}))  # fmt: skip
    return Lens(
        points=0 if points == ALL_POINTS else int(points), categories=tuple(sorted(categories)), text=text or "",
        metric=metric, dimension=0 if dimension == NO_PCA else int(dimension),
    )  # fmt: skip
