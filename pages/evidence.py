"""Can it be believed? Velocity against Gaussian controls, and against what simple geometry already says."""

from __future__ import annotations

import streamlit as st

from pages.parts import data, derived, draw, frame, judged
from phcore.analysis.geometry import ALL_LAYERS, FEW
from phcore.charts.answers import geometry_answer, null_answer
from phcore.charts.curves import velocity_chart
from phcore.charts.ranks import rank_chart
from phcore.results import Results
from phcore.words import three, unit_words, wasserstein_words


def against_gaussians(study: Results, choice: derived.Choice, layer: int) -> None:
    """Each series' velocity with its resampling floor and its own Gaussian null."""
    every = judged.against_null(study, choice)
    degree, order, scale = choice
    table = every[every["layer"] == layer].drop(columns="layer")
    if table.empty:
        st.info(f"No two consecutive checkpoints have a control at layer {layer} yet.", icon=":material/info:")
        return
    names = dict(enumerate(one.name for one in study.record.series))
    # One panel per series: each has a null of its own.
    numbers = table["series"].map({name: number for number, name in names.items()})
    objectives = data.objectives(study)
    curve = table.assign(layer=numbers, objective=table["series"].map(objectives), series="velocity")
    floor, null = (
        curve[["layer", "step", low, high]].rename(columns={low: "lo", high: "hi"}).dropna()
        for low, high in (("floor_lo", "floor_hi"), ("null_lo", "null_hi"))
    )

    def build():
        return velocity_chart(
            curve, floor if len(floor) else None, null=null, panels=names,
            steps=sorted({0, *(node.step for node in study.record.ready)}),
            y_title=f"H{degree} velocity ({unit_words(scale, study.study.metric)})",
            question=f"Does it move more than a Gaussian cloud would? (layer {layer})",
            answer=null_answer(every, layer), objectives=list(dict.fromkeys(objectives.values())),
        )  # fmt: skip

    draw.chart("e_velocity", (data.version(study), choice, layer), build)
    grey = "Grey: the resampling floor." if len(floor) else "Whole clouds have no resampling floor."
    st.caption(
        f"{wasserstein_words(order, study.study.norm)} between consecutive checkpoints, mean over subsamples; bands "
        f"from 10 to 90 %. {grey} Dashed: the same distance between Gaussian clouds with the mean and covariance of "
        "the two checkpoints, made from the same noise: what would move if there were no shape beyond that. A move "
        "exceeds or stays below this null where it lies outside the band. Moves are counted; this is no p-value."
    )
    frame.below(every, f"controls-{study.study.name}", "controls", words=(
        "All layers. null: mean of the Gaussian clouds with the same mean and covariance, null_lo to null_hi: 10 to "
        "90 % of the draws. size_alone: mean of Gaussian clouds of the same total variance, which only grow or shrink."
    ))  # fmt: skip


def against_geometry(study: Results, choice: derived.Choice) -> None:
    """What each simple quantity has to do with velocity, and what all of them leave."""
    degree, _, scale = choice
    table = judged.ranks(study, degree, scale)
    pooled, single = (table[(table["layer"] == ALL_LAYERS) == whole] for whole in (True, False))
    if pooled["rho"].isna().all():
        st.info("No geometric quantity can be compared with velocity yet.", icon=":material/info:")
        return
    shares = judged.unexplained(study, degree, scale)
    n = int(pooled["transitions"].max())
    if n < FEW:
        st.warning(
            f"Only {n} transitions: a rank correlation of so few says next to nothing. {FEW} or more would help.",
            icon=":material/warning:",
        )

    def build():
        small = single.assign(name=single["layer"].map(str), shown=single["rho"].map("{:.2f}".format))
        return rank_chart(
            pooled, small, x_title=f"rank correlation with H{degree} velocity", answer=geometry_answer(pooled, shares)
        )

    draw.chart("e_geometry", (data.version(study), degree, scale), build)
    st.caption(
        f"How far each quantity changes between two checkpoints, against velocity at scale {scale}, all layers: ranks "
        "are taken within each; small marks are single layers. Whiskers: 95 % of resampled blocks of consecutive "
        "transitions, which share checkpoints and are no replicates. One run per series, so no p-value. All of them, "
        "and velocity, grow with the number of training steps in between, hence the comparison with layer and step "
        "alone. Unexplained: ridge regression of logarithms; the noise of subsampling is a part of it."
    )
    frame.below(table, f"geometry-{study.study.name}", "geometry", words=f"layer {ALL_LAYERS}: all layers.")
    frame.below(shares, f"unexplained-{study.study.name}", "unexplained", words=(
        "Of the variance of ln velocity. share: what all seven leave; position: what layer and step alone leave; "
        "beyond: of this rest, what all seven leave. lo to hi: 95 % of resampled groups."
    ))  # fmt: skip


def against_counts(study: Results) -> None:
    """How many loops a cell has, and how many its Gaussian clouds. (Components are always one fewer than points.)"""
    table = judged.loops(study)
    if "covariance" not in table or table["covariance"].isna().all():
        return
    st.markdown("### Are there more loops than in noise?")
    means = table.groupby("layer")[["bars", "covariance", "isotropic"]].mean()
    own, same_covariance, same_variance = (
        low if low == high else f"{low} to {high}"
        for low, high in zip(means.min().map(three), means.max().map(three), strict=True)
    )
    once = table.drop_duplicates(["step", "layer", "bars", "covariance"])  # series repeat the base they share
    more, fewer = (int(found.sum()) for found in (
        once["bars"] > once["covariance_hi"], once["bars"] < once["covariance_lo"]
    ))  # fmt: skip
    st.markdown(
        f"Of {len(once):,} cells, **{more:,}** have more H1 bars than Gaussian clouds with their mean and covariance, "
        f"and **{fewer:,}** have fewer. Mean of a layer: {own}; of such Gaussian clouds, {same_covariance}; of clouds "
        f"with the same total variance in every direction, {same_variance}."
    )
    st.caption("Noise in many dimensions is full of loops: the number of H1 bars alone says nothing.")
    frame.below(table, f"bars-{study.study.name}", "bars")


place = frame.header(
    "Can it be believed?",
    "A curve alone convinces nobody. Here velocity is read against clouds of pure noise that match its own, and "
    "against simpler numbers that might say the same.",
)
study = frame.ready_study(place)
if study is None:
    st.stop()
if not judged.measured(study):
    st.info(
        "The evidence has not been measured for this study yet; press Compute on the Study page.",
        icon=":material/hourglass_empty:",
    )
    st.stop()

row = st.columns([1.2, 1.2, 1.2, 3.4], vertical_alignment="bottom")
degree = row[0].selectbox("Degree", ["H1 loops", "H0 components"], key="e_degree", bind="query-params")
scale = row[1].selectbox("Scale", ["raw", "median"], ["raw", "median"].index(study.study.scale), key="e_scale",
                         bind="query-params",
                         help="Raw distances mix size with shape; divided by the median, only shape.")  # fmt: skip
layers = list(study.record.layers)
layer = row[2].selectbox("Layer", layers, len(layers) // 2, key="e_layer", bind="query-params",
                         help="For the curves.")  # fmt: skip
choice = (int(degree[1]), study.study.order, scale)

against_gaussians(study, choice, layer)
against_geometry(study, choice)
against_counts(study)
