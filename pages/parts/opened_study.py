"""A study that is open: in sentences and verdicts, its checkpoints and parameters, and what is still to be computed."""

import time
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
import streamlit as st

from pages.parts import columns, data, figure, frame
from pages.parts.web import Markdown, code, plain
from phcore.analysis.displacements import ALL
from phcore.analysis.equal_windows import QUARTERS, shares
from phcore.analysis.findings import FAILS, HOLDS, UNKNOWN
from phcore.errors import Fault
from phcore.export.results import Results
from phcore.figures.figure import PER, Choice
from phcore.figures.reading import one_run
from phcore.figures.registry import FIGURES
from phcore.formatting import three
from phcore.pipeline import jobs
from phcore.pipeline.plan import plan
from phcore.stages.separation import rounds
from phcore.study import PARAMETERS
from phcore.study.kept import folder_of
from phcore.study.record import Record
from phcore.topology import clouds
from phcore.topology.summaries import FEATURES

BADGES = {
    HOLDS: ":green-badge[:material/check: holds]",
    FAILS: ":orange-badge[:material/close: does not hold]",
    UNKNOWN: ":gray-badge[:material/help: cannot be told]",
}


def badge(verdict: str) -> Markdown:
    """A verdict in its colour; what is none of them, as it stands in the table."""
    return BADGES[verdict] if verdict in BADGES else plain(verdict)


# --- in sentences -----------------------------------------------------------------------------------


def glance(study: Results) -> None:
    """What moved, when, and how far apart the objectives end: at the middle layer, with the floors beside it."""
    cells = data.table(study, "cells")
    if cells.empty:
        frame.note("Nothing is computed yet. Sentences with numbers appear here as results arrive.")
        return
    choice = Choice.of(study, single=True)
    odd = cells[cells["status"] != "ok"]
    unusual = [plain(f"{len(odd)} of {len(cells)} cells have no topology: {words}") for words in odd["words"].head(1)]
    for sentence in (*unusual, *_moves(study, choice), *_apart(study, choice)):
        st.markdown(f"- {sentence}")
    st.caption(
        f"At layer {choice.layer} of {study.record.n_layers}, H1, on {study.record.n_prompts} prompts. "
        "Every number has its chart on the Trajectories page."
    )


def _moves(study: Results, choice: Choice) -> list[Markdown]:
    """Where the velocity of each objective's first run peaks, counted per transition and per training step."""
    try:
        curves = [figure.read(study, FIGURES["velocity"], replace(choice, per=per)).curve for per in PER]
    except Fault:
        return []
    sentences = []
    first = rounds({one.name: one.objective for one in study.record.series})[0]  # runs of one objective look alike
    for name in first:
        rows = [curve[curve["series"] == name] for curve in curves]
        if any(part.empty for part in rows):
            continue
        peak, fast = (part.loc[part["mean"].idxmax()] for part in rows)
        sentences.append(
            f"**{plain(name)}** moves farthest between steps {peak['step_from']:.0f} and {peak['step']:.0f} "
            f"(H1 velocity {three(peak['mean'])}) and fastest per training step between {fast['step_from']:.0f} and "
            f"{fast['step']:.0f}{plain(_first_quarter(study, name, choice))}."
        )
    return sentences


def _first_quarter(study: Results, series: str, choice: Choice) -> str:
    """The number that the first claim goes by."""
    own = shares(study.table("windows", series=series, scale=choice.scale, use=QUARTERS, measure=ALL))
    if own.empty:
        return ""
    first = own.loc[own["window"] == 1, "share"].iloc[0]
    return (
        f"; {first:.0%} of its displacement, mean over layers, falls in the first quarter of the steps "
        f"({1 / len(own):.0%} if even)"
    )


def _apart(study: Results, choice: Choice) -> list[Markdown]:
    """How far apart the objectives are at the last common step, against the split-half floor."""
    try:
        table = figure.read(study, FIGURES["separation"], choice).rows
    except Fault:
        return []
    last = table[table["step"] > 0].sort_values("step").groupby(["series_a", "series_b"], sort=False).tail(1)
    if last.empty:
        return []
    one = last.loc[last["value"].idxmax()]
    beside = f" (split-half floor {three(one['hi'])})" if pd.notna(one["hi"]) else ""
    return [
        f"At step {one['step']:.0f}, **{plain(one['series_a'])}** and **{plain(one['series_b'])}** are farthest apart: "
        f"{three(one['value'])} resampling standard deviations in the {len(FEATURES)} mean summaries{beside}. "
        f"{'One run per objective: an' if one_run(study) else 'An'} effect size, not a p-value."
    ]


def verdicts(study: Results) -> None:
    """A row per claim: the verdict, its sentence, and below it n, the null and the interval."""
    for one in data.table(study, "findings").itertuples():
        with st.container(border=True, gap="small"):
            st.markdown(f"**{plain(one.claim)}. {plain(one.title)}** {badge(one.verdict)}")
            st.markdown(plain(one.sentence))
            rest = {"n": one.n, "Null": one.null, "Interval": one.interval, "To tell": one.needed}
            told = {name: words.replace("`", "") for name, words in rest.items() if words}  # as in the report
            st.caption("  \n".join(f"**{plain(name)}** {plain(words)}" for name, words in told.items()))
    st.caption(
        "The claims are those of Malhotra et al. (arXiv:2606.19542), about H1 at the study's own scale. The wording "
        "follows the numbers by fixed rules (docs/method.md). The same in a shell: "
        + code(f"python -m phcore findings {study.study.name}")
        + "."
    )


# --- in tables --------------------------------------------------------------------------------------


def checkpoint_tables(table: pd.DataFrame, expanded: bool = False) -> None:
    """All checkpoints with their status; problems first, each with its sentence."""
    problems = table[table["status"] != "ready"]
    for _, row in problems.head(5).iterrows():
        words = f"**{plain(row['series'])}, step {row['step']:,}** is left out: {plain(row['finding'])}"
        st.warning(words, icon=":material/warning:")
    if len(problems) > 5:
        st.warning(f"{len(problems) - 5} more checkpoints are left out: see the table.", icon=":material/warning:")
    title = f"{len(table)} checkpoints, {len(table) - len(problems)} ready"
    with st.expander(title, icon=":material/list:", expanded=expanded):
        columns.show(table, "checkpoints", height=280)


def subsample_words(record: Record) -> str:
    """How each cloud is measured, with the size that this many prompts allow."""
    asked = record.study
    if not asked.subsamples:
        return "Each cloud is measured whole."
    wanted = record.subsample_size
    size = clouds.subsample_size(record.n_prompts, wanted)
    fewer = f" (four fifths of the prompts, as there are no more than {wanted})" * (size < wanted)
    words = f"Each cloud is measured on {asked.subsamples} subsamples of {size}{fewer}."
    return " ".join(filter(None, [words, overlap_words(record)]))


def overlap_words(record: Record) -> str:
    """What it means that subsamples overlap; empty where they hold no more than half of the prompts."""
    size = clouds.subsample_size(record.n_prompts, record.subsample_size)
    return clouds.overlap_words(record.n_prompts, size) if record.study.subsamples else ""


def parameter_table(study: Results) -> None:
    """Every parameter with its value and what it means."""
    values = asdict(study.study) | {"layers": list(study.record.layers), "subsample_size": study.record.subsample_size}
    rows = [(name, str(values[name]), words) for name, words in PARAMETERS.items()]
    columns.show(pd.DataFrame(rows, columns=["parameter", "value", "meaning"]), "parameters")


# --- computing it -----------------------------------------------------------------------------------


def begin(name: str, study_file: Path) -> None:
    jobs.start(data.store(), name, ["compute", str(study_file), "--workers", str(frame.workers())])


@data.cached(16, by=lambda study: (data.version(study), int(time.time() // 60)))
def _todo(study: Results) -> dict[str, int]:
    """What a finished study lacks of the registry, as progress calls it: to look for it takes a while."""
    return plan(study.record, data.store()).totals()


def compute_box(study: Results) -> None:
    """What an opened study still lacks, and the button that computes it."""
    job = jobs.status(data.store(), study.study.name)
    if job and job.active:
        return
    model = Path(study.study.model)
    finished = "Every table of this study is finished."
    if not model.exists():
        away = f"its base model ({model.name}) is not on this machine"
        if study.finished:
            st.caption(plain(f"{finished} Nothing more can be measured here: {away}."))
        else:
            lacks = "has no evidence yet" if study.complete else "is unfinished"
            frame.note(f"This study {lacks}, and {away}.", "cloud_off")
        return
    todo = _todo(study) if study.finished else plan(study.record, data.store()).totals()
    if not todo:
        st.caption(f"{finished} A second run would compute nothing.")
        return
    lacks = f"{finished} What a run would compute beside them: " if study.finished else "Missing: "
    st.write(plain(lacks + ", ".join(f"{label.lower()} {count:,}" for label, count in todo.items()) + "."))
    words = "Compute" if study.complete else "Continue computing"
    if st.button(words, type="primary", icon=":material/play_arrow:", key="continue"):
        begin(study.study.name, folder_of(study.study, data.store()) / "study.toml")
        st.rerun()
