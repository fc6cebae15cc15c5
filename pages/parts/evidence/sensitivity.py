"""Robust? The same course with other settings: subsamples, prompts, metric, order, scale."""

from __future__ import annotations

import streamlit as st

from pages.parts import data, derived, draw, frame
from phcore.analysis import other_settings as sensitivity
from phcore.figures.charts.sensitivity import sensitivity_chart
from phcore.stages.results import Results
from phcore.stages.sensitivity import FEW_SUBSAMPLES


def show(study: Results, choice: derived.Choice, layer: int) -> None:
    degree, order, scale = choice
    table = data.table(study, "sensitivity")
    if table.empty:
        st.info("Other settings have not been tried for this study yet.", icon=":material/info:")
        return
    if degree != 1:
        st.info("Other settings are tried for H1; this is what follows.", icon=":material/info:")
    names = list(dict.fromkeys(table["series"]))
    series = st.segmented_control("Series", names, default=names[0], key="e_series", required=True, bind="query-params")
    own = table[(table["series"] == series) & (table["layer"] == layer)]
    if own["value"].isna().all():
        st.info(f"Nothing moves in {series} at layer {layer}.", icon=":material/info:")
        return
    rows = sensitivity.settings(own, scale, order)
    shares = sensitivity.concentrations(rows)
    objectives = data.objectives(study)
    steps = sorted({0, *(node.step for node in study.record.path_of(series))})

    def build():
        return sensitivity_chart(
            rows.assign(series=series, objective=objectives[series]), shares, steps=steps,
            question=f"Would other settings show the same? ({series}, layer {layer})",
            objectives=list(dict.fromkeys(objectives.values())),
        )  # fmt: skip

    draw.chart("e_sensitivity", (data.version(study), series, layer, scale, order), build)
    st.caption(
        "H1 velocity over its own mean, by step; below, the share of it in the first third of the checkpoints. One "
        f"thing is varied at a time, on at most {FEW_SUBSAMPLES} subsamples (their number itself: on the study's own). "
        f"Scale {scale}, where the scale is not what is varied. A subsample has at most four fifths of the prompts."
    )
    frame.below(own, f"sensitivity-{study.study.name}-{series}-layer{layer}", "sensitivity")
