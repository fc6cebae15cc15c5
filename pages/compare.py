"""How do two studies differ? Velocity, concentration and verdicts side by side, on shared axes."""

from __future__ import annotations

from itertools import zip_longest

import pandas as pd
import streamlit as st

from pages.parts import data, derived, draw, frame, toolbar
from pages.parts.verdicts import BADGES
from phcore.analysis.concentration import TRUSTED
from phcore.analysis.courses import DEPTHS
from phcore.figures.charts.concentration import concentration_chart
from phcore.figures.charts.curves import top_of, velocity_chart
from phcore.figures.charts.theme import HALF_WIDTH
from phcore.formatting import unit_words, wasserstein_words
from phcore.stages.results import Results

_DEPTHS = {f"{depth:.0%}": depth for depth in DEPTHS}


def nearest(study: Results, depth: float) -> int:
    """The layer of a study at a relative depth, 0 to 1."""
    return min(study.record.layers, key=lambda layer: abs(layer / study.record.n_layers - depth))


def heads(pair: tuple[Results, Results]) -> None:
    for column, study in zip(st.columns(2), pair, strict=True):
        asked, record = study.study, study.record
        series = ", ".join(one.name for one in record.series)
        column.markdown(
            f"**{asked.name}**  \n{asked.model.name}, {record.n_layers} layers, {record.n_prompts} prompts; "
            f"series {series}"
        )


def velocities(pair: tuple[Results, Results], options: dict) -> None:
    """The course of both at one relative depth: one step axis, one y axis."""
    st.markdown("### How far does each checkpoint move?")
    degree, scale, per, depth = (options[name] for name in ("degree", "scale", "per", "depth"))
    parts = []
    for study in pair:
        choice, layer = (degree, study.study.order, scale), nearest(study, depth)
        curve, floor = (find(study, choice, per) for find in (derived.curve, derived.floor))
        parts.append((study, layer, *(one[one["layer"] == layer] for one in (curve, floor))))
    tops = [top_of(curve, floor) for *_, curve, floor in parts if len(curve)]
    top = max(tops, default=None)
    each = " per training step" if per == "step" else ""
    for column, (study, layer, curve, floor) in zip(st.columns(2), parts, strict=True):
        name = study.study.name
        if curve.empty:
            column.info(f"{name} has no velocity at layer {layer} yet.", icon=":material/info:")
            continue

        def build(study=study, layer=layer, curve=curve, floor=floor):
            unit = unit_words(scale, study.study.metric)
            return velocity_chart(
                curve, floor if len(floor) else None, steps=options["steps"], log=options["log"], top=top,
                y_title=f"H{degree} velocity ({unit}){each}", objectives=options["objectives"],
                question=f"{study.study.name}, layer {layer} of {study.record.n_layers}", width=HALF_WIDTH,
            )  # fmt: skip

        with column:
            draw.chart(f"p_velocity_{name}", (*options["about"], name, layer, top), build)
    st.caption(
        f"The layer nearest to {depth:.0%} of the depth of each model. Bands: 10 to 90 % of the subsamples; grey: the "
        "resampling floor. Hidden states of two models share no axes: what is compared is the course, on the same "
        "scales." + _unlike(pair)
    )
    for study, layer, curve, _ in parts:
        if len(curve):
            frame.below(curve, f"velocity-{study.study.name}-layer{layer}", f"velocity-{study.study.name}",
                        title=f"Table and download: {study.study.name}")  # fmt: skip


def _unlike(pair: tuple[Results, Results]) -> str:
    """What the two measure differently, so that their numbers do not compare."""
    ways = [
        {wasserstein_words(one.study.order, one.study.norm) for one in pair},
        {f"metric {one.study.metric}" for one in pair},
        {f"{one.record.n_prompts} prompts" for one in pair},
    ]
    unlike = [" and ".join(sorted(way)) for way in ways if len(way) > 1]
    return f" The two are measured differently ({'; '.join(unlike)}): compare shapes, not heights." if unlike else ""


def concentrations(pair: tuple[Results, Results], options: dict) -> None:
    st.markdown("### Does most of the movement come early?")
    for column, study in zip(st.columns(2), pair, strict=True):
        table, name = data.table(study, "concentration"), study.study.name
        rows = table[
            (table["degree"] == options["degree"]) & (table["scale"] == options["scale"]) & (table["by"] == "index")
            & (table["per"] == options["per"]) & (table["null"] == TRUSTED)
            & (table["with_base"].astype(bool) == options["with_base"])
        ].dropna(subset="concentration") if len(table) else table  # fmt: skip
        if rows.empty:
            column.info(f"{name} has no concentration: too few transitions, or it has not been measured.",
                        icon=":material/info:")  # fmt: skip
            continue
        rows = rows.assign(p=rows["p_max"], objective=rows["series"].map(data.objectives(study)))

        def build(rows=rows, name=name):
            return concentration_chart(
                rows, correction="max-statistic over layers", question=name, objectives=options["objectives"],
                width=HALF_WIDTH,
            )  # fmt: skip

        with column:
            draw.chart(f"p_concentration_{name}", (*options["about"], name), build)
            shown = rows.drop(
                columns=["degree", "order", "norm", "scale", "per", "by", "with_base", "null", "objective"]
            )
            frame.below(shown, f"concentration-{name}", f"concentration-{name}")
    st.caption(
        "Dots: share of velocity in the first third of the checkpoints, whiskers: 95 % for another choice of prompts. "
        "Grey: 5 to 95 % under the null of moves in random order. Filled: p below 0.05 (max-statistic over layers)."
    )


def findings(pair: tuple[Results, Results]) -> None:
    st.markdown("### Five claims, and what each study says of them")
    tables = [data.table(study, "findings") for study in pair]
    if all(table.empty for table in tables):
        st.info("Neither study has verdicts yet.", icon=":material/info:")
        return
    same = 0
    for rows in zip_longest(*(table.itertuples() for table in tables)):
        known = [row for row in rows if row is not None]
        same += len({row.verdict for row in known}) == 1 and len(known) == 2
        with st.container(border=True, gap="small"):
            st.markdown(f"**{known[0].claim}. {known[0].title}**")
            for column, row in zip(st.columns(2), rows, strict=True):
                column.markdown("No verdict." if row is None else f"{BADGES[row.verdict]} {row.sentence}")
    st.caption(f"The two studies agree on {same} of 5 verdicts. Each is about H1 at the study's own scale.")
    both = pd.concat([table.assign(study=one.study.name) for one, table in zip(pair, tables, strict=True)])
    frame.below(both, "findings-" + "-".join(one.study.name for one in pair), "p_findings")


place = frame.header(
    "How do two studies differ?",
    "Two studies side by side on the same axes: other base models, other probe sets, other seeds.",
)
first = frame.ready_study(place)
if first is None:
    toolbar.stop()
others = [name for name in data.study_names() if name != first.study.name]
if not others:
    st.info(
        "There is only one study in the archive. Compute a second one on the Study page, of another base model or "
        "another probe set, to see the two side by side.",
        icon=":material/info:",
    )
    toolbar.stop()

row = st.columns([2.6, 1.3, 1.1, 1.1, 1.3, 1], vertical_alignment="bottom")
name = row[0].selectbox("Second study", others, key="p_with", bind="query-params")
degree = row[1].selectbox("Degree", ["H1 loops", "H0 components"], key="p_degree", bind="query-params")
depth = row[2].selectbox("Depth", list(_DEPTHS), 2, key="p_depth", bind="query-params",
                         help="Relative depth: the layer nearest to it is taken in each model.")  # fmt: skip
scale = row[3].selectbox("Scale", ["median", "raw"], key="p_scale", bind="query-params",
                         help="Raw distances of two models differ by their norms; divided by the median, only shape is "
                         "left.")  # fmt: skip
per = row[4].selectbox("Velocity per", ["transition", "step"], key="p_per", bind="query-params")
with row[5].popover("More", icon=":material/tune:", width="stretch"):
    log = st.toggle("Logarithmic steps", True, key="p_log", bind="query-params")
    with_base = st.toggle("Count the transition from the base model", True, key="p_base", bind="query-params",
                          help="For the concentration.")  # fmt: skip
pair = (first, data.open_study(name))
if data.table(pair[1], "cells").empty:
    st.info(f"Nothing has been computed for {name} yet: start it on the Study page.", icon=":material/hourglass_empty:")
    toolbar.stop()

options = {
    "degree": int(degree[1]), "scale": scale, "per": per, "log": log, "with_base": with_base, "depth": _DEPTHS[depth],
    "steps": sorted({0, *(node.step for one in pair for node in one.record.ready)}),
    # Colours by objective, of both studies at once: one name, one colour.
    "objectives": list(dict.fromkeys(name for one in pair for name in data.objectives(one).values())),
    "about": (*(data.version(one) for one in pair), degree, scale, per, log, with_base),
}  # fmt: skip
heads(pair)
velocities(pair, options)
concentrations(pair, options)
findings(pair)
