"""Apart? How far the objectives are from each other, in which features, and where a mixture lies."""

from __future__ import annotations

from itertools import combinations

import pandas as pd
import streamlit as st

from pages.parts import data, derived, draw, frame, present
from phcore.figures.charts.mixture import mixture_chart
from phcore.figures.charts.separation import SIZES, effects_chart, separation_chart
from phcore.formatting import three, unit_words, wasserstein_words
from phcore.stages.results import Results

MEANS, ENERGY, PAIRED = "mean summaries", "energy distance", "Wasserstein"


def show(study: Results, choice: derived.Choice, layer: int) -> None:
    names = [one.name for one in study.record.series]
    if len(names) < 2:
        st.info("Objectives can be compared from two series on.", icon=":material/info:")
        return
    by_step(study, choice, layer)
    replicates(study, choice, layer)
    features(study, choice, layer)
    between(study, choice, layer)


def _objectives(study: Results) -> dict:
    return {"objectives": list(dict.fromkeys(data.objectives(study).values()))}


def _with_objectives(study: Results, rows: pd.DataFrame) -> pd.DataFrame:
    own = data.objectives(study)
    return rows.assign(objective_a=rows["series_a"].map(own), objective_b=rows["series_b"].map(own))


def by_step(study: Results, choice: derived.Choice, layer: int) -> None:
    degree, order, scale = choice
    way = st.segmented_control("Distance", [MEANS, ENERGY, PAIRED], default=MEANS, key="e_way", required=True,
                               bind="query-params")  # fmt: skip
    rows, floor = _distances(study, choice, layer, way)
    if rows.empty:
        st.info(f"No two series have a distance at layer {layer}, scale {scale}.", icon=":material/info:")
        return
    titles = {
        MEANS: "distance of mean summaries (resampling SDs)",
        ENERGY: "energy distance of summaries (resampling SDs)",
        PAIRED: f"H{degree} distance ({unit_words(scale, study.study.metric)})",
    }
    notes = {
        MEANS: "Euclidean distance of the 41 mean summaries, each in units of its resampling standard deviation. Grey: "
        "the same between two random halves of one cell's subsamples, median to 95 %.",
        ENERGY: "2 E|X - Y| - E|X - X'| - E|Y - Y'| of the two clouds of standardised summaries. Grey: the same "
        "between two random halves of one cell's subsamples, median to 95 %.",
        PAIRED: f"{wasserstein_words(order, study.study.norm)}, paired by subsample, mean. Grey: the resampling floor; "
        "paired distances saturate at it.",
    }

    def build():
        return separation_chart(
            rows, floor if len(floor) else None, steps=sorted({0, *(node.step for node in study.record.ready)}),
            y_title=titles[way], question=f"How far apart are the objectives? (layer {layer})", **_objectives(study),
        )  # fmt: skip

    draw.chart("e_apart", (data.version(study), choice, layer, way), build)
    st.caption(
        f"{notes[way]} Subsamples overlap: they are never counted as replicates, and there is no p-value of them."
    )
    merged = rows.drop(columns=["objective_a", "objective_b"])
    if len(floor):
        renamed = floor.rename(columns={"lo": "floor_lo", "hi": "floor_hi"})
        merged = merged.merge(renamed, "left", on=["series_a", "series_b", "step"])
    frame.below(merged, f"separation-{study.study.name}-layer{layer}", "apart")


def _distances(study: Results, choice: derived.Choice, layer: int, way: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """series_a, series_b, objective_a, objective_b, step, value; and series_a, series_b, step, lo, hi of the floor."""
    pair = ["series_a", "series_b", "step"]
    if way == PAIRED:
        names = [one.name for one in study.record.series]
        found = [(a, b, *derived.between(study, True, a, b, layer, choice)) for a, b in combinations(names, 2)]
        values, floors = (
            pd.concat([one[k].assign(series_a=one[0], series_b=one[1]) for one in found], ignore_index=True)
            for k in (2, 3)
        )
        return _with_objectives(study, values), floors
    table = data.table(study, "separation")
    table = table[(table["layer"] == layer) & (table["scale"] == choice[2])]
    what = {MEANS: "distance", ENERGY: "energy"}[way]
    values = table[[*pair, what]].rename(columns={what: "value"}).dropna()
    floors = table[[*pair, f"{what}_floor", f"{what}_floor_hi"]].set_axis([*pair, "lo", "hi"], axis=1).dropna()
    return _with_objectives(study, values), floors


def replicates(study: Results, choice: derived.Choice, layer: int) -> None:
    """Within against between objectives, where there are runs to tell them apart by."""
    runs = data.table(study, "runs")
    whole = runs[(runs["scale"] == choice[2]) & (runs["step"] == -1)].dropna(subset="p")
    if whole.empty:
        objectives = set(data.objectives(study).values())
        st.info(
            f"One run per objective ({len(objectives)} objectives): no p-value. These runs differ; whether their "
            "objectives do takes two or more runs of each.",
            icon=":material/info:",
        )
        return
    here = whole[whole["layer"] == layer]
    if len(here):
        one = here.iloc[0]
        st.markdown(
            f"**Whole runs, layer {layer}:** runs of different objectives are {three(one['between'])} apart, of one "
            f"objective {three(one['within'])}; PERMANOVA pseudo-F {one['pseudo_f']:.2f}, p = {one['p']:.2g} "
            f"({int(one['permutations']):,} orders of {int(one['runs'])} runs)."
        )
    frame.below(runs[runs["scale"] == choice[2]], f"runs-{study.study.name}", "runs", words="step -1: the whole run.")


def features(study: Results, choice: derived.Choice, layer: int) -> None:
    table = data.table(study, "effects")
    table = table[(table["layer"] == layer) & (table["scale"] == choice[2])]
    if table.empty:
        st.info("Effect sizes need at least two subsamples per cell.", icon=":material/info:")
        return
    st.markdown("### In which features?")
    pairs = list(dict.fromkeys(zip(table["series_a"], table["series_b"], strict=True)))
    row = st.columns([2, 1.2, 1.4, 2], vertical_alignment="bottom")
    names = {f"{a} – {b}": (a, b) for a, b in pairs}
    a, b = names[row[0].selectbox("Pair", list(names), key="e_pair", bind="query-params")]
    own = table[(table["series_a"] == a) & (table["series_b"] == b)]
    steps = sorted(own["step"].unique())
    step = row[1].selectbox("Step", steps, len(steps) - 1, key="e_step", bind="query-params")
    present.steps("e_step", steps)
    size = row[2].selectbox("Effect size", list(SIZES), format_func=SIZES.get, key="e_size", bind="query-params")
    rows = _with_objectives(study, own[own["step"] == step])

    def build():
        return effects_chart(
            rows, size=size, question=f"In which features do they differ? (step {step}, layer {layer})",
            **_objectives(study),
        )  # fmt: skip

    draw.chart("e_effects", (data.version(study), choice, layer, a, b, step, size), build)
    st.caption(
        f"Positive: {a} has more. The unit is the spread over subsamples of one cell. Whiskers: 95 % for another "
        "choice of prompts, from the paired differences; another training run is not covered."
    )
    frame.below(rows, f"effects-{study.study.name}-{a}-{b}-step{step}-layer{layer}", "effects")


def between(study: Results, choice: derived.Choice, layer: int) -> None:
    """Where one series lies between two others."""
    table = data.table(study, "mixture")
    table = table[(table["layer"] == layer) & (table["scale"] == choice[2])]
    if table.empty:
        return
    st.markdown("### Does a mixture lie between its parts?")
    names = list(dict.fromkeys(table["series"]))
    own = data.objectives(study)
    mixed = next((k for k, name in enumerate(names) if "mix" in f"{name} {own[name]}".lower()), len(names) - 1)
    row = st.columns([1.6, 2.4, 3], vertical_alignment="bottom")
    name = row[0].selectbox("Mixture", names, mixed, key="e_mixture", bind="query-params")
    parts = table[table["series"] == name]
    pairs = {f"{a} – {b}": (a, b) for a, b in dict.fromkeys(zip(parts["part_a"], parts["part_b"], strict=True))}
    chosen = row[1].selectbox("Parts", list(pairs), key="e_parts", bind="query-params")
    a, b = pairs[chosen]
    rows = parts[(parts["part_a"] == a) & (parts["part_b"] == b) & (parts["step"] > 0)]
    rows = rows.assign(objective=own[name], objective_a=own[a], objective_b=own[b])

    def build():
        return mixture_chart(
            rows, steps=sorted({0, *(node.step for node in study.record.ready)}), **_objectives(study),
        )  # fmt: skip

    draw.chart("e_between", (data.version(study), choice, layer, name, a, b), build)
    st.caption(
        "Distances of mean summaries in resampling standard deviations. The place along the line between the parts is "
        "a projection: 0 at the first, 1 at the second; the distance from that line says how much of it lies elsewhere."
    )
    shown = rows.drop(columns=["objective", "objective_a", "objective_b"])
    frame.below(shown, f"mixture-{study.study.name}-layer{layer}", "mixture")
