"""Before behaviour? What the model would say, beside its topology: peaks, lags, and early movement against the end."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.parts import data, derived, draw, frame
from phcore.analysis.against_behaviour import early_points
from phcore.errors import Fault
from phcore.figures.charts.behaviour import behaviour_chart, early_final_chart, lag_chart
from phcore.formatting import unit_words
from phcore.pipeline.run import publish_missing
from phcore.stages.results import Results
from phcore.study import measures

FEW = 10  # runs: below, a rank correlation says next to nothing
NAMES = {
    "js": "next tokens (Jensen-Shannon divergence, nats)",
    "refusal": "refusal score (ln probability)",
    "nll": "reference answers (negative log-likelihood, nats per token)",
}
PREDICTORS = {"concentration": "concentration", "early_velocity": "velocity in the first third"}


def show(study: Results, choice: derived.Choice, layer: int) -> None:
    moves = data.table(study, "behaviour_moves")
    if moves.empty:
        st.info(
            "What the model would say has not been measured for this study"
            + ("." if data.read_only() else "; press Compute on the Study page, where its checkpoints are."),
            icon=":material/info:",
        )
    else:
        beside_topology(study, choice, layer, moves)
        early_and_final(study, choice)
    if not data.read_only():
        own_measures(study)


def _sorted(names: pd.Series) -> list[str]:
    """What the model itself says first; settings of the training last: they are no behaviour."""
    place = {name: k for k, name in enumerate(NAMES)} | {"learning_rate": 99}
    return sorted(set(names), key=lambda name: (place.get(name, 9), name))


def _name(name: str) -> str:
    return NAMES.get(name, name)


def beside_topology(study: Results, choice: derived.Choice, layer: int, moves: pd.DataFrame) -> None:
    degree, _, scale = choice
    row = st.columns([2.6, 1.6, 1.2, 1.6], vertical_alignment="bottom")
    known = moves.dropna(subset="value")
    names = _sorted(known["name"])
    name = row[0].selectbox("Behaviour", names, format_func=_name, key="e_name", bind="query-params",
                            help="How far it moves from checkpoint to checkpoint.")  # fmt: skip
    categories = list(dict.fromkeys(known.loc[known["name"] == name, "category"]))
    category = row[1].selectbox("Prompts", categories, format_func=lambda one: one or "all", key="e_category",
                                bind="query-params")  # fmt: skip
    per = row[2].selectbox("Per", ["transition", "step"], key="e_move_per", bind="query-params")
    own = known[(known["name"] == name) & (known["category"] == category)]
    gaps = own["step"] - own["step_from"] if per == "step" else 1
    objectives = data.objectives(study)
    own = own.assign(value=own["value"] / gaps, objective=own["series"].map(objectives))
    curve = derived.curve(study, choice, per)
    velocity = curve[curve["layer"] == layer]
    if own.empty or velocity.empty:
        st.info("No transition has both a velocity and a move of this behaviour.", icon=":material/info:")
        return
    steps = sorted({0, *(node.step for node in study.record.ready)})
    each = " per step" * (per == "step")

    def build():
        return behaviour_chart(
            own, velocity, steps=steps, behaviour=f"{_name(name)}{each}",
            topology=f"H{degree} velocity ({unit_words(scale, study.study.metric)}){each}, layer {layer}",
            objectives=list(dict.fromkeys(objectives.values())),
        )  # fmt: skip

    about = (data.version(study), choice, layer, name, category, per)
    draw.chart("e_behaviour", about, build)
    slack = _slack(study, category) if name == "js" else ""
    st.caption(
        f"Rings: the largest move of each series. {slack}Behaviour is read at the same position as the hidden states: "
        "the last token of the prompt."
    )
    frame.below(own.drop(columns="objective"), f"behaviour-{study.study.name}", "behaviour")
    lags(study, choice, name, per, steps)


def _slack(study: Results, category: str) -> str:
    """How much the tokens that are not kept could add to the divergence."""
    table = data.table(study, "divergence")
    own = table[table["category"] == category].dropna(subset="slack")
    if own.empty:
        return ""
    return f"From the 512 most probable tokens; all others could add {own['slack'].max():.2g} nats at most. "


def lags(study: Results, choice: derived.Choice, name: str, per: str, steps: list[int]) -> None:
    degree, _, scale = choice
    table = data.table(study, "lags")
    table = table[
        (table["degree"] == degree) & (table["scale"] == scale) & (table["per"] == per) & (table["name"] == name)
    ].dropna(subset="lag_checkpoints")  # fmt: skip
    if table.empty:
        return
    objectives = data.objectives(study)
    rows = table.assign(objective=table["series"].map(objectives))

    def build():
        return lag_chart(
            rows, steps=steps, behaviour=_name(name).split(" (")[0], objectives=list(dict.fromkeys(objectives.values()))
        )

    draw.chart("e_lags", (data.version(study), degree, scale, name, per), build)
    st.caption(
        "All prompts. Lag: peak of behaviour minus peak of topology, in checkpoints. Whiskers: the peaks of 10 to 90 % "
        f"of the subsamples. The grid resolves no less than {table['resolution_steps'].min():,.0f} to "
        f"{table['resolution_steps'].max():,.0f} steps; a lag within that is none."
    )
    frame.below(table.drop(columns=["degree", "scale", "per", "name"]), f"lags-{study.study.name}", "lags")


def early_and_final(study: Results, choice: derived.Choice) -> None:
    degree, _, scale = choice
    table = data.table(study, "early_final")
    table = table[(table["degree"] == degree) & (table["scale"] == scale)]
    if table.empty:
        return
    st.markdown("### Does early movement tell the end?")
    row = st.columns([1.6, 1.2, 2.6, 1.6], vertical_alignment="bottom")
    predictor = row[0].selectbox("Early", list(PREDICTORS), format_func=PREDICTORS.get, key="e_predictor",
                                 bind="query-params")  # fmt: skip
    per = row[1].selectbox("Velocity per", ["transition", "step"], key="e_final_per", bind="query-params")
    told = table.dropna(subset="rho")  # what ends alike in all runs correlates with nothing
    metrics = _sorted(told["name"] if len(told) else table["name"])
    metric = row[2].selectbox("Final", metrics, format_func=_name, key="e_final",
                              bind="query-params", help="At the last checkpoint of each series.")  # fmt: skip
    one = table[(table["predictor"] == predictor) & (table["per"] == per) & (table["name"] == metric)]
    if one.empty:
        st.info("No series has both.", icon=":material/info:")
        return
    correlation = one.iloc[0]
    runs = int(correlation["runs"])
    if runs < FEW:
        st.warning(
            f"{int(correlation['points'])} points, but {runs} runs: the layers of a run share its end. Below {FEW} "
            "runs a correlation says next to nothing.",
            icon=":material/warning:",
        )
    objectives = data.objectives(study)
    velocities = data.table(study, "velocities")
    own = velocities[velocities["order"] == choice[1]]
    every = early_points(
        data.table(study, "concentration"), own, data.table(study, "behaviour"), measures.steps_of(study.record)
    )
    points = every[
        (every["degree"] == degree) & (every["scale"] == scale) & (every["predictor"] == predictor)
        & (every["per"] == per) & (every["name"] == metric)
    ]  # fmt: skip
    points = points.assign(objective=points["series"].map(objectives))

    def build():
        return early_final_chart(
            points, x_title=f"{PREDICTORS[predictor]} (H{degree}, {scale}, per {per})", y_title=_name(metric),
            correlation=correlation, objectives=list(dict.fromkeys(objectives.values())),
        )  # fmt: skip

    draw.chart("e_final_chart", (data.version(study), degree, scale, predictor, per, metric), build)
    st.caption("Numbers: layers. Interval: whole runs resampled. Rank correlation after Spearman.")
    frame.below(table, f"early-final-{study.study.name}", "early-final")


def own_measures(study: Results) -> None:
    """A file of the user's own: accuracy, toxicity, anything that has a value per checkpoint."""
    with st.expander("Measures of your own", icon=":material/upload_file:"):
        names = ", ".join(one.name for one in study.record.series)
        st.write(
            "A CSV file with the columns `series`, `step`, `name` and `value`, one line per checkpoint and measure. "
            f"Series of this study: {names}. Training logs (`trainer_state.json`) are read by themselves."
        )
        file = st.file_uploader("CSV file", type="csv", key="e_file")
        if file is not None and st.button("Add to the study", type="primary", key="e_add"):
            try:
                record = measures.attach(file.getvalue(), study.record, data.store())
            except Fault as fault:
                st.error(str(data.shown(fault)), icon=":material/error:")
                return
            with st.spinner("Comparing them with topology…"):
                publish_missing(record, data.store())
            st.rerun()
        if measures.own_file(study.study.name, data.store()).exists():
            st.caption("This study has such a file; a new one takes its place.")
