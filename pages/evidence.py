"""Can it be believed? What critics ask of a curve, a section each."""

from dataclasses import replace

import streamlit as st

from pages.parts import controls, data, figure, fluid, frame, toolbar
from pages.parts.controls import control
from pages.parts.row import left_out, objectives, row
from pages.parts.web import plain
from phcore.export.results import Results
from phcore.figures.figure import SCALES, Choice, Look
from phcore.figures.registry import FIGURES, SECTIONS
from phcore.formatting import enumerated
from phcore.pipeline.run import publish_missing
from phcore.stages.registry.assembly import published
from phcore.study import measures


def size_or_shape(study: Results, choice: Choice, look: Look) -> None:
    """Velocity at both scales, side by side."""
    words = {"raw": "with size", "median": "size divided out: shape alone"}
    for column, scale in zip(room.pair(), SCALES, strict=True):
        own = replace(look, question=f"How far does each checkpoint move? (layer {choice.layer}, {words[scale]})")
        with column:
            figure.chart(study, FIGURES["velocity"], replace(choice, scale=scale, single=True), own, name=scale)
    st.caption("What shows on the left and not on the right is a cloud that grew or shrank.")


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

room = fluid.room()
study = frame.ready_study("evidence")
evidence = list(published(evidence=True))
gone = [name for name in data.missing(study) if name in evidence]
if gone:
    all_of_it = len(gone) == len(evidence)
    what = "the evidence" if all_of_it else enumerated([name.replace("_", " ") for name in gone])
    later = "." if data.read_only() else "; press Compute on the Study page."
    frame.note(f"Not measured for this study yet: {what}{later}", "hourglass_empty")
    if all_of_it:
        toolbar.stop()

place = row([6.1, 1.25, 2.25, 1.15])
section = control(place[0].segmented_control, "e_section", SECTIONS, default=SECTIONS[0])
layer = controls.layer(place[1], study, "e_layer")
off = objectives(place[2], study)
with place[3].popover("More", icon=":material/tune:", width="stretch"):
    degree = controls.degree(st, "e_degree")
    scale = controls.scale(st, study, "e_scale")
left_out(off)

choice = Choice.of(study, degree=degree, scale=scale, layer=layer, without=off)
look, said, made = Look.of(study, width=room.full), set(), {}
half = replace(look, width=room.half)
places = iter(())  # beside a figure of half the width
for one in FIGURES.values():
    if one.section != section:
        continue
    place = next(places, None) if one.half else None
    if place is None:
        places = iter(room.pair()) if one.half else iter(())
        place = next(places, st.container())
    with place:
        made[one.name] = figure.show(study, one, made.get(one.follows, choice), half if one.half else look, said)
if section in LAST:
    LAST[section](study, choice, replace(half, height=220))
