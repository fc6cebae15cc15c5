"""Choosing a cell and how it is looked at, and saying what is known of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import streamlit as st

from pages.parts import data, live, present
from phcore.figures.charts.bars import CAP
from phcore.stages.results import Results
from phcore.topology.explore import WHOLE, Lens

ALL_WORD, WHOLE_WORD = "all", "whole cloud"  # of the subsamples; the words on screen are the values in a link
BARS, CHANGED, IMAGE, LANDSCAPE = "Barcode and diagram", "What changed", "Persistence image", "Landscape"
ALL_POINTS, NO_PCA = "all", "off"
STEPS, GROWTH = "steps", "distance"  # what can be played
KIND = "b_at_kind"  # what the distance of the slider was chosen for
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


def pick(study: Results, prefix: str, label: str, start: int) -> live.Cell:
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
    if st.session_state.get(f"{prefix}step", steps[0]) not in steps:  # another series, without this step
        st.session_state.pop(f"{prefix}step")
    step = columns[1].select_slider(
        f"{label}step (0 = base model)".capitalize(), steps, value=steps[-1], key=f"{prefix}step", bind="query-params"
    )
    if prefix == "b_":
        present.steps("b_step", steps)
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
    elif st.session_state.pop("b_playing", False):
        st.session_state["b_play"] = None  # the last step was reached
        return
    else:
        st.session_state["b_step"] = steps[0]  # from the last step, play all of them
    st.session_state["b_playing"] = True


def clock(options: Options) -> None:
    """While the steps are played: runs the page again after a while."""
    if options.play != STEPS:
        return
    st.session_state["b_just_run"] = True

    @st.fragment(run_every=1.6)
    def tick() -> None:
        if not st.session_state.pop("b_just_run", False):
            st.rerun()

    tick()


def known(study: Results, cell: live.Cell) -> bool:
    """Whether there is anything to draw of a cell; says in words why not, and what is unusual about it."""
    about = data.about(study, *cell)
    if about is None:
        series, step, layer = cell
        words = f"{series}, step {step}, layer {layer} has not been computed yet."
        st.info(words, icon=":material/hourglass_empty:")
        return False
    if about["status"] != "ok":
        st.info(about["words"], icon=":material/info:")
        return False
    if about["words"]:
        st.caption(about["words"])
    return True


def options(study: Results, cell: live.Cell) -> Options:
    """The row of controls below the cell."""
    row = st.columns([5.5, 1.3, 1.8, 1.1, 1.15], vertical_alignment="bottom")
    views = [BARS, CHANGED, IMAGE, LANDSCAPE]
    view = row[0].segmented_control("View", views, default=BARS, key="b_view", bind="query-params", required=True)
    two = view != CHANGED and st.session_state.get("b_two", st.query_params.get("b_two") == "true")
    # Only these views measure anew; the others show what the archive has.
    live_view = view == CHANGED or (view == BARS and not two)
    cloud = live_view and live.has_cloud(study, cell)
    subsample = _subsample(study, cell, cloud, row[1])
    one = subsample != ALL_WORD
    slides = view == BARS and not two and one
    play = row[2].segmented_control(
        "Play", [STEPS, GROWTH] if slides else [STEPS], key="b_play",
        help="steps: walk through the checkpoints (where there are any, those whose hidden states are at hand). "
        "distance: let the complex grow. Click again to stop.",
    )  # fmt: skip
    asked = study.study
    lens = Lens(metric=asked.metric)
    with row[3].popover(
        "Live", icon=":material/bolt:", width="stretch", disabled=not (cloud and one),
        help="Measures the cloud anew: fewer prompts, another metric. Needs its hidden states, one subsample and "
        "one of the first two views.",
    ):  # fmt: skip
        if cloud and one:
            lens = _lens(study)
    with row[4].popover("More", icon=":material/tune:", width="stretch"):
        two = st.toggle("Compare with a second cell", key="b_two", bind="query-params")
        fixed = st.toggle(
            "Same axes at every step", True, key="b_fixed", bind="query-params",
            help="On: the axes reach to the last death of any step and series at this layer. Off: fitted to this cell.",
        )  # fmt: skip
        scale = st.selectbox("Scale", ["raw", "median"], key="b_scale", bind="query-params",
                             index=["raw", "median"].index(asked.scale))  # fmt: skip
        way = st.selectbox(
            "Map by", ["PCA", "MDS"], key="b_map", bind="query-params",
            help="PCA: principal components shared by all steps. MDS: keeps this cloud's own distances best.",
        )  # fmt: skip
        order = st.selectbox("Sort bars by", ["birth", "death", "persistence"], key="b_order", bind="query-params")
        cap = st.number_input("Bars drawn at most", 50, 2000, CAP, 50, key="b_cap", bind="query-params")
    number = subsample if subsample == ALL_WORD else WHOLE if subsample == WHOLE_WORD else int(subsample)
    if one:
        lens = replace(lens, subsample=number, scale=scale)
    return Options(view, number, lens, scale, way, order, int(cap), fixed, two and view != CHANGED, play)


def _subsample(study: Results, cell: live.Cell, cloud: bool, place) -> str:
    """The subsample to show; says so where the one asked for cannot be shown here."""
    numbers = range(study.study.subsamples)
    own = data.bars(study, *cell)
    if not cloud and len(own):
        numbers = sorted(own["subsample"].unique())
    choices = [str(number) for number in numbers]
    first = [ALL_WORD] if choices else []
    if cloud or not choices:
        first = [WHOLE_WORD, *first]
    asked = st.session_state.get("b_sub", st.query_params.get("b_sub"))
    chosen = place.selectbox(
        "Subsample", [*first, *choices], index=len(first) if choices else 0, key="b_sub", bind="query-params",
        help="The same subsets of prompts serve every checkpoint, so one subsample can be followed from step to step.",
    )  # fmt: skip
    if asked and asked != chosen:
        st.caption(f"The archive has no bars of subsample {asked} here; {chosen} is shown.")
    return chosen


def _lens(study: Results) -> Lens:
    """What is measured live, in a popover."""
    st.caption(
        "Everything here is measured anew from the hidden states in the archive, while you look. "
        "The study's own tables stay as they are."
    )
    points = st.select_slider(
        "Number of prompts at most", [20, 40, 60, 80, 120, 160, 240, 320, 640, ALL_POINTS], value=ALL_POINTS,
        key="b_points", bind="query-params", help="The fewer are always among the more.",
    )  # fmt: skip
    metrics = ["euclidean", "cosine"]
    metric = st.selectbox("Metric", metrics, metrics.index(study.study.metric), key="b_metric", bind="query-params",
                          help="Straight-line distance, or angle.")  # fmt: skip
    dimension = st.select_slider(
        "Principal components kept", [2, 3, 5, 10, 20, 50, 100, NO_PCA], value=NO_PCA, key="b_dim",
        bind="query-params", help="Distances in high dimensions are dominated by noise; fewer components are a check.",
    )  # fmt: skip
    names = [name for name in live.categories(study) if name]
    categories = st.multiselect("Only prompts of", names, key="b_cat", bind="query-params",
                                placeholder="all categories", disabled=not names)  # fmt: skip
    text = st.text_input("Only prompts that contain", key="b_text", bind="query-params", live="300ms",
                         placeholder="any words")  # fmt: skip
    st.button(
        "Back to the archive's way",
        on_click=_reset,
        args=(study.study.metric,),
        icon=":material/undo:",
        width="stretch",
    )
    return Lens(
        points=0 if points == ALL_POINTS else int(points),
        categories=tuple(sorted(categories)),
        text=text or "",
        metric=metric,
        dimension=0 if dimension == NO_PCA else int(dimension),
    )


def _reset(metric: str) -> None:
    st.session_state.update(AS_ARCHIVED | {"b_metric": metric})
