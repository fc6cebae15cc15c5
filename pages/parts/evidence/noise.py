"""More than noise? Velocity beside its floors and Gaussian controls, and loops beside those of noise."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.parts import data, derived, draw, frame
from pages.parts.evidence import judged
from phcore.figures.charts.answers import null_answer
from phcore.figures.charts.curves import velocity_chart
from phcore.formatting import three, unit_words, wasserstein_words
from phcore.stages.results import Results
from phcore.study.record import BATCHES


def show(study: Results, choice: derived.Choice, layer: int) -> None:
    against_gaussians(study, choice, layer)
    against_counts(study)


def against_gaussians(study: Results, choice: derived.Choice, layer: int) -> None:
    """Each series' velocity with its resampling floor, its numerical floor and its own Gaussian null."""
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
    numerics = judged.numerics(study, choice, layer)
    line = (
        None
        if numerics.empty
        else pd.DataFrame({"layer": sorted(curve["layer"].unique()), "value": numerics["largest"].max()})
    )

    def build():
        return velocity_chart(
            curve, floor if len(floor) else None, null=null, panels=names, numerics=line,
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
        "exceeds or stays below this null where it lies outside the band. Moves are counted; this is no p-value. "
        + _numerical(numerics, table)
    )
    frame.below(every, f"controls-{study.study.name}", "controls", words=(
        "All layers. null: mean of the Gaussian clouds with the same mean and covariance, null_lo to null_hi: 10 to "
        "90 % of the draws. size_alone: mean of Gaussian clouds of the same total variance, which only grow or shrink."
    ))  # fmt: skip


def _numerical(numerics: pd.DataFrame, curve: pd.DataFrame) -> str:
    """The numerical floor in a sentence per kind."""
    if numerics.empty:
        return "The numerical floor has not been measured."
    smallest = curve["mean"].min()
    parts = []
    for row in numerics.itertuples():
        how = "in other batches" if row.kind == BATCHES else f"in {row.kind}"
        share = row.largest / smallest if smallest > 0 else float("nan")
        beside = f", {share:.1%} of the smallest velocity here" if share >= 0.0005 else ", far below any velocity here"
        parts.append(
            f"reading {row.checkpoints} checkpoints again {how} moves them by {three(row.largest)} at most{beside}"
        )
    return f"Numerical floor (dotted): {'; '.join(parts)}."


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
