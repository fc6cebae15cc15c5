"""Can it be believed? What critics ask of a curve, a section each."""

from __future__ import annotations

import streamlit as st

from pages.parts import controls, data, frame, toolbar
from pages.parts.controls import linked
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
    "Question", list(SECTIONS), default=next(iter(SECTIONS)), **linked("e_section", "question"), required=True,
    label_visibility="collapsed",
)  # fmt: skip
row = st.columns([1.2, 1.2, 1.2, 3.4], vertical_alignment="bottom")
degree = controls.degree(row[0], linked("e_degree", "degree"))
scale = controls.scale(row[1], study, linked("e_scale", "scale"))
layer = controls.layer(row[2], study, linked("e_layer", "layer"), "For the figures of one layer.")

SECTIONS[section](study, (degree, study.study.order, scale), layer)
