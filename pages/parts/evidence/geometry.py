"""More than geometry? What simpler numbers already say, and what is left of velocity once size is divided out."""

from __future__ import annotations

import streamlit as st

from pages.parts import data, derived, draw, frame
from pages.parts.evidence import judged
from phcore.analysis.against_geometry import ALL_LAYERS, FEW
from phcore.figures.charts.answers import geometry_answer
from phcore.figures.charts.curves import velocity_chart
from phcore.figures.charts.ranks import rank_chart
from phcore.figures.charts.theme import HALF_WIDTH
from phcore.formatting import unit_words
from phcore.stages.results import Results


def show(study: Results, choice: derived.Choice, layer: int) -> None:
    against_geometry(study, choice)
    size_or_shape(study, choice, layer)


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
    words = f"layer {ALL_LAYERS}: all layers."
    frame.below(table, f"geometry-{study.study.name}", "geometry", title="Rank correlations", words=words)
    frame.below(shares, f"unexplained-{study.study.name}", "unexplained", title="What all of them leave", words=(
        "Of the variance of ln velocity. share: what all seven leave; position: what layer and step alone leave; "
        "beyond: of this rest, what all seven leave. lo to hi: 95 % of resampled groups."
    ))  # fmt: skip


def size_or_shape(study: Results, choice: derived.Choice, layer: int) -> None:
    """The same curves at both scales, side by side."""
    degree, order, _ = choice
    objectives = data.objectives(study)
    columns = st.columns(2)
    for column, scale, words in (
        (columns[0], "raw", "As they are: size and shape"),
        (columns[1], "median", "Divided by the median distance: shape alone"),
    ):
        every = derived.curve(study, (degree, order, scale), "transition")
        curve = every[every["layer"] == layer]
        if curve.empty:
            column.info(f"No velocity at layer {layer} yet.", icon=":material/info:")
            continue
        band = derived.floor(study, (degree, order, scale), "transition")
        floor = band[band["layer"] == layer]

        def build(curve=curve, floor=floor, scale=scale, words=words):
            return velocity_chart(
                curve, floor if len(floor) else None,
                steps=sorted({0, *(node.step for node in study.record.ready)}),
                y_title=f"H{degree} velocity ({unit_words(scale, study.study.metric)})", question=words, answer="",
                objectives=list(dict.fromkeys(objectives.values())), width=HALF_WIDTH,
            )  # fmt: skip

        with column:
            draw.chart(f"e_scale_{scale}", (data.version(study), degree, order, scale, layer), build)
    st.caption(
        f"Layer {layer}. What shows on the left and not on the right is a cloud that grew or shrank. Grey: the "
        "resampling floor."
    )
