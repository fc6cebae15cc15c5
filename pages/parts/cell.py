"""Choosing a cell and how it is looked at, and saying what is known of it."""

from dataclasses import dataclass, replace

import pandas as pd
import streamlit as st

from pages.parts import controls, data, frame, links, live, present
from pages.parts.controls import control
from pages.parts.web import WORDS, plain
from phcore.export.results import Results
from phcore.figures.charts.bars import CAP
from phcore.study import METRICS
from phcore.topology.explore import WHOLE, Lens

ALL_WORD, WHOLE_WORD = "all", "whole cloud"  # of the subsamples; the words on screen are the values in a link
BARS, CHANGED, IMAGE, LANDSCAPE = "Barcode and diagram", "What changed", "Persistence image", "Landscape"
ALL_POINTS, NO_PCA = "all", "off"
STEPS, GROWTH = "steps", "distance"  # what can be played
PREFIX = {"first": "b", "second": "b2"}  # of the controls of the two cells
_PLAYING, _JUST_RUN = "cell.playing", "cell.just_run"
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
    play: str | None

    @property
    def one_complex(self) -> bool:
        """Whether there is one set of prompts, and so one complex, to look at."""
        return self.subsample != ALL_WORD


def pick(study: Results, which: str) -> data.Cell:
    """Series, step and layer of the "first" cell or the "second". Steps are those the series has."""
    own, start = PREFIX[which], list(PREFIX).index(which)
    names = [series.name for series in study.record.series]
    left, middle, right = st.columns([2, 4, 1.2], vertical_alignment="bottom")
    series = control(left.selectbox, f"{own}_series", names, min(start, len(names) - 1))
    steps = [node.step for node in study.record.path_of(series)]
    controls.chosen(f"{own}_step", steps)  # another series may not have this step
    step = control(middle.select_slider, f"{own}_step", steps, value=opening_step(study, series, steps))
    if which == "first":
        present.steps(f"{own}_step", steps)
    return series, step, controls.layer(right, study, f"{own}_layer")


def opening_step(study: Results, series: str, steps: list[int]) -> int:
    """The step that a series opens on: the last; while that is not computed, the first that is, after the base."""
    layer = study.record.layers[len(study.record.layers) // 2]  # the one that is computed first
    finished = [step for step in steps if data.about(study, series, step, layer)]
    if not finished or finished[-1] == steps[-1]:
        return steps[-1]
    return next((step for step in finished if step > 0), finished[0])


def advance(study: Results) -> None:
    """While the steps are played: the next checkpoint of the series, until the last."""
    if st.session_state.get("b_play") != STEPS:
        return
    names = [series.name for series in study.record.series]
    series = st.session_state.get("b_series", names[0])
    steps = [node.step for node in study.record.path_of(series)]
    here = st.session_state.get("b_step")
    layer = st.session_state.get("b_layer")
    if mapped := [step for step in steps if layer is not None and live.has_cloud(study, (series, step, layer))]:
        steps = mapped  # a step without hidden states has no map, and the page would jump
    later = [step for step in steps if here is not None and step > here]
    if later:
        st.session_state["b_step"] = later[0]
    elif st.session_state.pop(_PLAYING, False):
        st.session_state["b_play"] = None  # the last step was reached
        return
    else:
        st.session_state["b_step"] = steps[0]  # from the last step, play all of them
    st.session_state[_PLAYING] = True


def clock(options: Options) -> None:
    """While the steps are played: runs the page again after a while."""
    if options.play != STEPS:
        return
    st.session_state[_JUST_RUN] = True

    @st.fragment(run_every=1.6)
    def tick() -> None:
        if not st.session_state.pop(_JUST_RUN, False):
            st.rerun()

    tick()


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
    frame.below(bars, file_name("bars", study, cell), key, words=words)


def capped_words(k: int, n: int) -> str:
    """What is said where not all bars are drawn."""
    return f"Showing {k:,} of {n:,} bars: the most persistent of each degree."


def options(study: Results, cell: data.Cell) -> Options:
    """The row of controls below the cell."""
    row = st.columns([5.5, 1.3, 1.8, 1.1, 1.15], vertical_alignment="bottom")
    views = [BARS, CHANGED, IMAGE, LANDSCAPE]
    view = control(row[0].segmented_control, "b_view", views, default=BARS)
    links.withheld(AS_ARCHIVED | {"b_marked": ""}, "b_view",
                   "the hidden states of this cell and one of the first two views")  # fmt: skip
    two = view != CHANGED and controls.asked("b_two") in (True, "true")
    # Only these views measure anew; the others show what the archive has.
    live_view = view == CHANGED or (view == BARS and not two)
    cloud = live_view and live.has_cloud(study, cell)
    subsample = _subsample(study, cell, cloud, row[1])
    one = subsample != ALL_WORD
    slides = view == BARS and not two and one
    play = control(row[2].segmented_control, "b_play", [STEPS, GROWTH] if slides else [STEPS])
    lens = Lens(metric=study.study.metric)
    with row[3].popover(
        "Live", icon=":material/bolt:", width="stretch", disabled=not (cloud and one),
        help="Measures the cloud anew: fewer prompts, another metric. Needs its hidden states, one subsample and "
        "one of the first two views.",
    ):  # fmt: skip
        if cloud and one:
            lens = _lens(study)
    with row[4].popover("More", icon=":material/tune:", width="stretch"):
        two = control(st.toggle, "b_two")
        fixed = control(st.toggle, "b_fixed", True)
        scale = controls.scale(st, study, "b_scale")
        way = control(st.selectbox, "b_map", ["PCA", "MDS"])
        order = control(st.selectbox, "b_order", ["birth", "death", "persistence"])
        cap = control(st.number_input, "b_cap", 50, 2000, CAP, 50)
    number = subsample if subsample == ALL_WORD else WHOLE if subsample == WHOLE_WORD else int(subsample)
    if one:
        lens = replace(lens, subsample=number, scale=scale)
    return Options(view, number, lens, scale, way, order, int(cap), fixed, two and view != CHANGED, play)


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
    """What is measured live, in a popover."""
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
