"""How do the objectives move? Velocity, heatmaps, paths and distances, all at one selected step."""

from __future__ import annotations

import streamlit as st

from pages.parts import data, derived, draw, frame, present, toolbar
from phcore.errors import Fault
from phcore.figures.charts.curves import objective_distance_chart, velocity_chart
from phcore.figures.charts.heatmap import heatmap
from phcore.figures.charts.paths import path_chart
from phcore.figures.charts.steps import StepAxis
from phcore.formatting import unit_words, wasserstein_words
from phcore.stages.results import Results
from phcore.topology.summaries import FEATURE_WORDS, SCALE_DEGREE

# The words on screen are the values in the URL, so they are chosen to last.
SUMMARIES, FEATURE, LANDSCAPES, DISTANCES = "mean summaries", "two features", "mean landscapes", "all distances"
WASSERSTEIN = "Wasserstein distance"
LAYOUT = {SUMMARIES: "pca", LANDSCAPES: "landscape", DISTANCES: "mds"}


def chosen_step(key: str) -> None:
    """A click in a chart chooses the step of the whole page."""
    picked = (st.session_state[key].get("selection") or {}).get("step") or []
    if picked and picked[0].get("step") is not None:
        st.session_state["t_step"] = int(picked[0]["step"])


def show(study: Results, key: str, options: dict, step: int, more: tuple, build, words: str) -> None:
    """One chart whose clicks choose the step, and the line under it."""
    about = (data.version(study), options["choice"], options["per"], options["log"], *more)
    draw.chart(
        key, about, build, selection="step", on_select=lambda: chosen_step(key), step=step,
        axis=StepAxis(options["steps"], log=options["log"]),
    )  # fmt: skip
    st.caption(words)


def step_slider(steps: list[int]) -> int:
    """The selected step of every chart; while playing, the next one at each tick."""
    if st.session_state.get("t_step") not in steps:
        st.session_state.pop("t_step", None)
    if st.session_state.get("t_play"):
        here = st.session_state.get("t_step", steps[0])
        place = steps.index(here)
        if place + 1 < len(steps):
            st.session_state["t_step"] = steps[place + 1]
        else:
            st.session_state["t_ended"] = True
            st.rerun()
    present.steps("t_step", steps)
    return st.select_slider(
        "Selected step, the same in every chart (0 = base model)", steps, value=steps[-1], key="t_step",
        bind="query-params",
    )  # fmt: skip


def velocities(study: Results, options: dict, step: int) -> None:
    choice, per = options["choice"], options["per"]
    curve = derived.curve(study, choice, per)
    if curve.empty:
        st.info("No two consecutive checkpoints are finished yet, so there is no velocity.", icon=":material/info:")
        return
    degree, order, scale = choice
    unit = unit_words(scale, study.study.metric) + (" per training step" if per == "step" else "")
    title = f"H{degree} velocity ({unit})"
    floor = derived.floor(study, choice, per)

    def build():
        return velocity_chart(
            curve, floor if len(floor) else None, steps=options["steps"], selected_step=options["last"],
            log=options["log"],
            y_title=title, objectives=options["objectives"], share_y=scale == "median",
        )  # fmt: skip

    shared = derived.shared_by_floor(study)
    low = (
        f" With {study.record.n_prompts} prompts the two share {shared:.0%}, so this floor is too low."
        if shared
        else ""
    )
    note = (
        f"{wasserstein_words(order, study.study.norm)} between consecutive checkpoints, mean over subsamples; "
        "bands from 10 to 90 % of them. Grey: the resampling floor, 10 to 90 % of the distances between two "
        "subsamples of different prompts in one cloud; inside it, paired distance cannot tell movement from resampling."
        + low
        if len(floor)
        else "This study uses whole clouds, so there is no resampling floor to compare with."
    )
    show(study, "t_velocity", options, step, (), build, note)
    frame.below(curve, f"velocity-{study.study.name}", "velocity")
    cells = curve.rename(columns={"mean": "value"})

    def build_heatmap():
        return heatmap(
            cells, steps=options["steps"], selected_step=options["last"], log=options["log"], value_title=title,
            objectives=options["objectives"],
        )  # fmt: skip

    words = "Each field is one transition of one layer, from the earlier checkpoint to the later."
    show(study, "t_heatmap", options, step, (), build_heatmap, words)
    frame.below(cells[["series", "layer", "step_from", "step", "value"]], f"heatmap-{study.study.name}", "heatmap")


def path(study: Results, options: dict, step: int) -> None:
    way = st.selectbox(
        "Paths through", [SUMMARIES, FEATURE, LANDSCAPES, DISTANCES], key="t_way", bind="query-params",
        help="Mean summaries carry the most signal. The map of all distances is the paper's way: where distances have "
        "reached their floor, it says nothing.",
    )  # fmt: skip
    layer, choice = options["layer"], options["choice"]
    unit = unit_words(choice[2], study.study.metric)
    radius, equal, note = 1.0, True, ""
    if way == FEATURE:
        left, right = st.columns(2)
        names = {words: name for name, words in FEATURE_WORDS.items()}
        shown = list(names)
        x = left.selectbox("Across", shown, shown.index(FEATURE_WORDS["h1_count"]), key="t_x",
                           bind="query-params")  # fmt: skip
        y = right.selectbox("Up", shown, shown.index(FEATURE_WORDS["h1_persistence_mean"]), key="t_y",
                            bind="query-params")  # fmt: skip
        points = derived.features(study, layer, choice[2], names[x], names[y])
        titles, radius, equal = (_titled(names[x], unit), _titled(names[y], unit)), None, False
        note = "Means over the subsamples of each checkpoint."
    else:
        try:
            found = derived.paths(study, LAYOUT[way], layer, choice)
        except Fault as fault:
            fault = data.shown(fault)
            st.info(f"{fault.fault[0].upper()}{fault.fault[1:]}. {fault.mend[0].upper()}{fault.mend[1:]}.")
            return
        points = derived.as_paths(study, found)
        shares = [f" ({share:.0%} of variance)" if share == share else "" for share in found.explained]
        if way == DISTANCES:
            wanted = unit_words(choice[2], study.study.metric)
            titles = tuple(
                f"axis {k + 1}{share.replace('variance', 'spread')}, {wanted}" for k, share in enumerate(shares)
            )
            radius = _mds_floor(study, layer, choice)
            note = "Classical multidimensional scaling of all pairwise Wasserstein distances."
        else:
            titles = tuple(f"component {k + 1}{share}, floor units" for k, share in enumerate(shares))
            note = (
                "One unit is the split-half floor: how far apart two halves of the subsamples of one cell are. "
                "The grey disc has that radius; it covers the noise of resampling these prompts only."
            )
        if found.left_out:
            note += f" {len(found.left_out)} checkpoints without a usable cloud have no place here."

    def build():
        return path_chart(
            points, x_title=titles[0], y_title=titles[1], selected_step=options["last"], floor_radius=radius,
            equal=equal,
            objectives=options["objectives"], question=f"Where does each objective go? (layer {layer})", height=400,
        )  # fmt: skip

    show(study, "t_path", options, step, (layer, way, *titles), build, note)
    frame.below(points, f"paths-{LAYOUT.get(way, 'features')}-{study.study.name}-layer{layer}", "path")


def _titled(feature: str, unit: str) -> str:
    return FEATURE_WORDS[feature] + (f" ({unit})" if SCALE_DEGREE[feature] else "")


def _mds_floor(study: Results, layer: int, choice: derived.Choice) -> float | None:
    """Mean resampling floor of the layer: distances on the map below it are noise."""
    floors = data.table(study, "floors")
    degree, _, scale = choice
    own = floors[
        (floors["layer"] == layer) & (floors["degree"] == degree) & (floors["scale"] == scale)
        & (floors["order"] == study.study.order)
    ]  # fmt: skip
    return float(own["value"].mean()) if len(own) else None


def apart(study: Results, options: dict, step: int) -> None:
    names = [one.name for one in study.record.series]
    if len(names) < 2:
        st.info("Distances between objectives need at least two series.", icon=":material/info:")
        return
    columns = st.columns([1.3, 1.3, 1.6])
    a = columns[0].selectbox("First", names, 0, key="t_a", bind="query-params")
    b = columns[1].selectbox("Second", names, 1, key="t_b", bind="query-params")
    way = columns[2].selectbox("Measured by", [SUMMARIES, WASSERSTEIN], key="t_by", bind="query-params")
    if a == b:
        st.info("Choose two different series.", icon=":material/info:")
        return
    layer = options["layer"]
    try:
        table, floor = derived.between(study, way == WASSERSTEIN, a, b, layer, options["choice"])
    except Fault as fault:
        st.info(str(data.shown(fault)))
        return
    if table.empty:
        st.info("The two series have no finished step in common.", icon=":material/info:")
        return
    if way == SUMMARIES:
        title = "distance of mean summaries (resampling SDs)"
        note = (
            "41 mean summaries in units of their resampling standard deviation. Grey: the split-half floor, median to "
            "95 %. One run per objective: an effect size, not a p-value."
        )
    else:
        degree, _, scale = options["choice"]
        title = f"H{degree} distance ({unit_words(scale, study.study.metric)})"
        note = (
            f"{wasserstein_words(study.study.order, study.study.norm)}, paired by subsample, mean. Grey: the "
            "resampling floor; paired distances saturate at it."
        )

    def build():
        return objective_distance_chart(
            table, floor if len(floor) else None, steps=options["steps"], selected_step=options["last"],
            log=options["log"],
            y_title=title, question=f"How far apart are {a} and {b}? (layer {layer})", height=400,
        )  # fmt: skip

    show(study, "t_apart", options, step, (layer, way, a, b), build, note)
    frame.below(
        table.merge(floor.rename(columns={"lo": "floor_lo", "hi": "floor_hi"}), how="left", on="step"),
        f"distance-{a}-{b}-{study.study.name}-layer{layer}", "apart",
    )  # fmt: skip


def dynamics_table(study: Results, options: dict) -> None:
    """Concentration, p-values, peak and stabilisation of the curves above."""
    st.markdown("### How concentrated is the change?")
    degree, order, scale = options["choice"]
    left, right = st.columns(2)
    by = left.segmented_control(
        "First third counted by", ["index", "step"], default="index", key="t_third", bind="query-params", required=True,
        help="index: the first third of the checkpoints. step: the checkpoints in the first third of training.",
    )  # fmt: skip
    with_base = right.toggle(
        "Count the transition from the base model", True, key="t_base", bind="query-params",
        help="The first transition, from the base model to the first checkpoint, can dominate the sum.",
    )  # fmt: skip
    table = data.table(study, "dynamics")
    table = table[
        (table["degree"] == degree) & (table["order"] == order) & (table["scale"] == scale)
        & (table["per"] == options["per"]) & (table["by"] == by) & (table["with_base"] == with_base)
    ]  # fmt: skip
    if table.empty:
        st.info(
            f"Concentration is computed for finished studies, and for the order of the study ({study.study.order:g}).",
            icon=":material/info:",
        )
        return
    never = table["stable_step"].isna()
    table = table.assign(stable_step=table["stable_step"].map("{:.0f}".format).mask(never, "never"))
    names = ["series", "layer", "concentration", "p_velocities", "p_checkpoints", "peak_step", "stable_step"]
    st.dataframe(
        table[names],
        hide_index=True,
        key="dynamics",
        column_config={
            "concentration": st.column_config.NumberColumn(
                "concentration", format="%.3f", help="Share of all velocity in the first third. Flat gives about 0.33."
            ),
            "p_velocities": st.column_config.NumberColumn(
                "p (shuffled velocities)", format="%.4f", help="Share of shuffles with at least this concentration."
            ),
            "p_checkpoints": st.column_config.NumberColumn(
                "p (shuffled checkpoints)", format="%.4f", help="The same, walking the checkpoints in random order."
            ),
            "peak_step": st.column_config.NumberColumn("peak (step)", format="%d"),
            "stable_step": st.column_config.TextColumn(
                "stable from (step)", help="The first step after which velocity stays under 25 % of the peak."
            ),
        },
    )
    st.caption(
        "P-values are one-sided, from 10,000 permutations, per layer and not corrected for looking at several layers. "
        "Per step on an uneven grid, shuffled velocities test the grid alone. The Evidence page (Early?) has a null "
        "that keeps its level, corrections and intervals."
    )
    frame.below(table, f"dynamics-{study.study.name}", "dynamics")


place = frame.header(
    "How do the objectives move?",
    "Every checkpoint is measured on the same prompts, so the distance between its barcodes and the previous "
    "checkpoint's says how far its shape moved: the topological velocity.",
)
study = frame.ready_study(place)
if study is None:
    toolbar.stop()

steps = sorted({0, *(node.step for node in study.record.ready)})
row = st.columns([1.2, 1.2, 1.6, 1.6, 1.2, 1], vertical_alignment="bottom")
degree = row[0].selectbox("Degree", ["H1 loops", "H0 components"], key="t_degree", bind="query-params")
layers = list(study.record.layers)
layer = row[1].selectbox("Layer", layers, len(layers) // 2, key="t_layer", bind="query-params",
                         help="For the paths and the distance between objectives.")  # fmt: skip
scale = row[2].selectbox("Scale", ["raw", "median"], ["raw", "median"].index(study.study.scale), key="t_scale",
                         bind="query-params",
                         help="Raw distances mix size with shape; divided by the median, only shape.")  # fmt: skip
per = row[3].selectbox("Velocity per", ["transition", "step"], key="t_per", bind="query-params",
                       help="With uneven checkpoints the two look different, and both are true.")  # fmt: skip
if st.session_state.pop("t_ended", False):  # the last step was reached: set before the toggle is drawn
    st.session_state["t_play"] = False
playing = row[4].toggle("Play", key="t_play", help="Walks through the steps, in every chart at once.")
with row[5].popover("More", icon=":material/tune:", width="stretch"):
    log = st.toggle("Logarithmic steps", True, key="t_log", bind="query-params")
    orders = {f"{p:g}": p for p in study.study.orders}
    order = st.selectbox("Wasserstein order of the velocity (inf: bottleneck)", list(orders),
                         list(orders.values()).index(study.study.order), key="t_order",
                         bind="query-params")  # fmt: skip
options = {
    "choice": (int(degree[1]), orders[order], scale),
    "layer": layer,
    "per": per,
    "log": log,
    "steps": steps,
    "last": steps[-1],
    "objectives": list(dict.fromkeys(data.objectives(study).values())),
}


@st.fragment(run_every=1.5 if playing else None)
def charts() -> None:
    step = step_slider(steps)
    velocities(study, options, step)
    left, right = st.columns(2)
    with left:
        path(study, options, step)
    with right:
        apart(study, options, step)


charts()
dynamics_table(study, options)
