"""Can it be believed? What critics ask of a curve, a section each."""

from __future__ import annotations

import streamlit as st

from pages.parts import data, frame, toolbar
from pages.parts.evidence import apart, behaviour, early, geometry, judged, models, noise, sensitivity

SECTIONS = {
    "More than noise?": noise.show,
    "Early?": early.show,
    "Apart?": apart.show,
    "More than geometry?": geometry.show,
    "Before behaviour?": behaviour.show,
    "Robust?": sensitivity.show,
    "Other models?": models.show,
}

place = frame.header(
    "Can it be believed?",
    "A curve alone convinces nobody. Here every figure stands beside what its critics will ask for: noise, floors, "
    "simpler numbers, behaviour, other settings.",
)
study = frame.ready_study(place)
if study is None:
    toolbar.stop()
if not judged.measured(study):
    st.info(
        "The evidence has not been measured for this study yet"
        + ("." if data.read_only() else "; press Compute on the Study page."),
        icon=":material/hourglass_empty:",
    )
    toolbar.stop()

section = st.segmented_control(
    "Question", list(SECTIONS), default=next(iter(SECTIONS)), key="e_section", bind="query-params", required=True,
    label_visibility="collapsed",
)  # fmt: skip
row = st.columns([1.2, 1.2, 1.2, 3.4], vertical_alignment="bottom")
degree = row[0].selectbox("Degree", ["H1 loops", "H0 components"], key="e_degree", bind="query-params")
scale = row[1].selectbox("Scale", ["raw", "median"], ["raw", "median"].index(study.study.scale), key="e_scale",
                         bind="query-params",
                         help="Raw distances mix size with shape; divided by the median, only shape.")  # fmt: skip
layers = list(study.record.layers)
layer = row[2].selectbox("Layer", layers, len(layers) // 2, key="e_layer", bind="query-params",
                         help="For the figures of one layer.")  # fmt: skip

SECTIONS[section](study, (int(degree[1]), study.study.order, scale), layer)
