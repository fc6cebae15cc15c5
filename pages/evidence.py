"""Can it be believed? What critics ask of a curve, a section each."""

from dataclasses import replace

import streamlit as st

from pages.parts import controls, data, figure, frame, toolbar
from pages.parts.controls import control
from pages.parts.web import plain
from phcore.export.results import Results
from phcore.figures.charts.theme import HALF_WIDTH
from phcore.figures.figure import SCALES, Choice, Look
from phcore.figures.registry import FIGURES, SECTIONS
from phcore.pipeline.run import publish_missing
from phcore.stages.registry.assembly import published
from phcore.study import measures


def size_or_shape(study: Results, choice: Choice, look: Look) -> None:
    """Velocity at both scales, side by side."""
    words = {"raw": "As they are: size and shape", "median": "Divided by the median distance: shape alone"}
    for column, scale in zip(st.columns(2), SCALES, strict=True):
        own = replace(look, width=HALF_WIDTH, question=words[scale], answer="")
        with column:
            figure.chart(study, FIGURES["velocity"], replace(choice, scale=scale, single=True), own, name=scale)
    st.caption(
        f"Layer {choice.layer}. What shows on the left and not on the right is a cloud that grew or shrank. Grey: the "
        "resampling floor."
    )


def own_measures(study: Results, choice: Choice, look: Look) -> None:
    """Takes a file of measures: anything that has a value per checkpoint. A read-only server takes none."""
    if data.read_only():
        return
    with st.expander("Measures of your own", icon=":material/upload_file:"):
        names = ", ".join(one.name for one in study.record.series)
        st.write(
            "A CSV file with the columns `series`, `step`, `name` and `value`, one line per checkpoint and measure. "
            f"Series of this study: {plain(names)}. Training logs (`trainer_state.json`) are read by themselves."
        )
        file = st.file_uploader("CSV file", type="csv", key="e_file")
        if file is not None and st.button("Add to the study", type="primary", key="e_add"):
            with data.refusing():
                record = measures.attach(file.getvalue(), study.record, data.store())
                with st.spinner("Comparing them with topology…"):
                    publish_missing(record, data.store())
                st.rerun()
            return
        if measures.own_file(study.study.name, data.store()).exists():
            st.caption("This study has such a file; a new one takes its place.")


# What a section shows below its figures.
LAST = {"More than geometry?": size_or_shape, "Before behaviour?": own_measures}

study = frame.ready_study("evidence")
evidence = list(published(evidence=True))
gone = [name for name in data.missing(study) if name in evidence]
if gone:
    all_of_it = len(gone) == len(evidence)
    what = "The evidence has" if all_of_it else f"{', '.join(gone).replace('_', ' ').capitalize()} have"
    later = "." if data.read_only() else "; press Compute on the Study page."
    frame.note(f"{what} not been measured for this study yet{later}", "hourglass_empty")
    if all_of_it:
        toolbar.stop()

section = control(st.segmented_control, "e_section", SECTIONS, default=SECTIONS[0])
row = st.columns([1.2, 1.2, 1.2, 3.4], vertical_alignment="bottom")
degree = controls.degree(row[0], "e_degree")
scale = controls.scale(row[1], study, "e_scale")
layer = controls.layer(row[2], study, "e_layer")

choice = Choice.of(study, degree=degree, scale=scale, layer=layer)
look, said, made = Look.of(study), set(), {}
for one in FIGURES.values():
    if one.section == section:
        made[one.name] = figure.show(study, one, made.get(one.follows, choice), look, said)
if section in LAST:
    LAST[section](study, choice, look)
