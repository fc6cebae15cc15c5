"""Early? Concentration of velocity against its nulls, with a correction for the many layers."""

from __future__ import annotations

import streamlit as st

from pages.parts import data, derived, draw, frame
from phcore.analysis.concentration import NULLS, TRUSTED
from phcore.figures.charts.concentration import concentration_chart
from phcore.stages.results import Results

CORRECTIONS = {
    "max-statistic over layers": "p_max",
    "Benjamini-Hochberg over series and layers": "p_bh",
    "none": "p",
}
NULL_WORDS = {
    "velocities": "velocities in random order",
    "checkpoints": "checkpoints in random order",
    "studentised": "moves in random order, neighbours may correlate",
}
WARNINGS = {
    (
        "velocities",
        "step",
    ): "Per training step on an uneven grid, small gaps come first: this null calls every course early "
    "and tests the grid alone. The studentised null knows the gaps.",
    (
        "checkpoints",
        "transition",
    ): "Where training drifts, as it mostly does, this null hardly ever rejects: a large p says nothing.",
}
WARNINGS["checkpoints", "step"] = WARNINGS["checkpoints", "transition"]


def show(study: Results, choice: derived.Choice, layer: int) -> None:
    degree, _, scale = choice
    table = data.table(study, "concentration")
    table = table[(table["degree"] == degree) & (table["scale"] == scale)]
    if table.empty:
        st.info("Concentration is computed at the end of a run.", icon=":material/info:")
        return
    row = st.columns([1.2, 1.2, 1.4, 2.2, 1.2], vertical_alignment="bottom")
    by = row[0].selectbox("First third by", ["index", "step"], key="e_by", bind="query-params",
                          help="Of the checkpoints, or of the training steps.")  # fmt: skip
    per = row[1].selectbox("Velocity per", ["transition", "step"], key="e_per", bind="query-params")
    null = row[2].selectbox("Null", NULLS, NULLS.index(TRUSTED), key="e_null", bind="query-params", help=" ".join(
        f"{name}: {words}." for name, words in NULL_WORDS.items()
    ) + " docs/method.md says where each can be trusted.")  # fmt: skip
    correction = row[3].selectbox("Correction of p", list(CORRECTIONS), key="e_correction", bind="query-params",
                                  help="Many layers are looked at: the largest of them is large by chance, too.",
                                  )  # fmt: skip
    with_base = row[4].toggle("Count base", True, key="e_base", bind="query-params",
                              help="The transition from the base model to the first checkpoint can dominate the sum.",
                              )  # fmt: skip
    rows = table[
        (table["by"] == by) & (table["per"] == per) & (table["null"] == null)
        & (table["with_base"].astype(bool) == with_base)
    ]  # fmt: skip
    if rows["concentration"].isna().all():
        st.info("Fewer than three transitions, or nothing moves: there is no first third.", icon=":material/info:")
        return
    objectives = data.objectives(study)
    rows = rows.assign(p=rows[CORRECTIONS[correction]], objective=rows["series"].map(objectives))
    words = "no correction" if correction == "none" else correction

    def build():
        return concentration_chart(
            rows, correction=words,
            x_title=f"share of H{degree} velocity in the first third of the "
            f"{'checkpoints' if by == 'index' else 'training steps'}",
            objectives=list(dict.fromkeys(objectives.values())),
        )  # fmt: skip

    if (null, per) in WARNINGS and rows["transitions"].max() > 2:
        st.warning(WARNINGS[null, per], icon=":material/warning:")
    draw.chart("e_early", (data.version(study), degree, scale, by, per, null, correction, with_base), build)
    transitions = sorted(set(rows["transitions"].dropna().astype(int)))
    st.caption(
        f"Dots: concentration, whiskers: 95 % for another choice of prompts (not another training run). Grey: 5 to 95 "
        f"% under the null, {NULL_WORDS.get(null, null)}, {int(rows['permutations'].max()):,} times; "
        f"{', '.join(map(str, transitions))} transitions per series. Filled: p below 0.05 ({words})."
    )
    shown = rows.drop(columns=["degree", "order", "norm", "scale", "per", "by", "with_base", "null", "objective"])
    frame.below(shown, f"concentration-{study.study.name}", "early", words=(
        "p: of this series and layer alone. p_max: against the largest of all layers of the series. p_bh: adjusted "
        "over all series and layers. The column p here is the chosen one."
    ))  # fmt: skip
