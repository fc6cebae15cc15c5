"""A study that is open: what it is, what is still to be computed, and what cannot be used."""

import time
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import streamlit as st

from pages.parts import columns, data, frame
from pages.parts.web import Markdown, plain
from phcore.archive.addresses import address_of
from phcore.export.results import Results
from phcore.formatting import count, enumerated
from phcore.pipeline import jobs
from phcore.pipeline.estimate import estimate
from phcore.pipeline.plan import plan
from phcore.study import PARAMETERS, raised
from phcore.study.kept import folder_of
from phcore.study.record import LIVE, Record
from phcore.topology import clouds
from phcore.training.alarms import BAD

POINTS = {
    "last": "the last token of each prompt",
    "mean": "the mean over each prompt's words",
    "answer": "the mean over each prompt's reference answer",
}
FINISHED = "Every table of this study is finished."
_UNCHANGED = "A second run would compute nothing, unless checkpoints, prompts or measures have changed since."
_SHOWN = 12  # steps that are named in a row; of more, the first and the last


# --- what it is -------------------------------------------------------------------------------------


def about(study: Results) -> None:
    """The study in a line, and its objectives in a table."""
    record = study.record
    layers = ", ".join(map(str, record.layers))
    st.markdown(
        f"**{plain(study.study.model.name)}** · {count(len(record.series), 'run')} · "
        f"{count(len(record.ready), 'checkpoint')} with the base model · {count(record.n_prompts, 'prompt')} · layers "
        f"{plain(layers)} of {record.n_layers} · a point is {plain(POINTS[study.study.pooling])}. "
        + plain(subsample_words(record))
    )
    rows = objectives(record)
    columns.show(pd.DataFrame(rows), "objectives", height="content" if len(rows) < 9 else 320)


def objectives(record: Record) -> list[dict]:
    """A row per objective: its runs, their steps, and how many checkpoints can be used."""
    found: dict[str, list] = {}
    for one in record.series:
        found.setdefault(one.objective, []).append(one)
    rows = []
    for objective, runs in found.items():
        names = {one.name for one in runs}
        own = [node for node in record.nodes if node.label in names]
        steps = sorted({node.step for node in own if node.ready})
        rows.append(
            {
                "objective": objective,
                "runs": len(runs),
                "seeds": ", ".join(map(str, sorted({one.seed for one in runs}))),
                "ready": sum(node.ready for node in own),
                "left_out": sum(not node.ready for node in own),
                "steps": steps_words(steps),
            }
        )
    return rows


def steps_words(steps: list[int]) -> str:
    """1, 2, 4; of many the first and the last: 1, 2, 4, 6, 8 … 112, 120, 128 (24 steps)."""
    if len(steps) <= _SHOWN:
        return ", ".join(f"{step:,}" for step in steps)
    ends = [", ".join(f"{step:,}" for step in some) for some in (steps[:5], steps[-3:])]
    return f"{' … '.join(ends)} ({len(steps)} steps)"


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


def alarms(study: Results) -> None:
    """What its trainings gave reason for while they were watched, the last first; nothing where none did."""
    found = raised.read(study.study.name, study.store)[::-1]
    if not found:
        return
    bad = [one for one in found if one.kind in BAD]
    for one in bad[:3]:
        st.warning(plain(f"{one.series}, step {one.step:,}: {one.words}"), icon=":material/notifications_active:")
    with st.expander(f"All {count(len(found), 'alarm')} while it trained", icon=":material/notifications:"):
        columns.show(
            pd.DataFrame([asdict(one) for one in found]), "alarms", height="content" if len(found) < 9 else 280
        )


# --- what cannot be used ----------------------------------------------------------------------------


def left_out(table: pd.DataFrame) -> None:
    """Each reason once, with the checkpoints that it is the reason for; several reasons stand in one fold."""
    problems = table[table["status"] != "ready"]
    reasons = list(problems.groupby("finding", sort=False))
    if len(reasons) == 1:
        st.warning(_reason(*reasons[0]), icon=":material/warning:")
    elif reasons:
        words = f"{count(len(problems), 'checkpoint')} left out, for {len(reasons):,} reasons"
        with st.expander(words, icon=":material/warning:"):
            for finding, rows in reasons:
                st.markdown(_reason(finding, rows))


def _reason(finding: str, rows: pd.DataFrame) -> Markdown:
    """Why these checkpoints are left out."""
    steps = {name: _which(own) for name, own in rows.groupby("series")}
    places = enumerated([f"{name}, {own}" for name, own in list(steps.items())[:6]])
    more = f" and {len(steps) - 6} more series" if len(steps) > 6 else ""
    are = "is" if len(rows) == 1 else "are"
    return f"**{plain(places)}**{plain(more)} {are} left out: {plain(finding)}"


def _which(own: pd.DataFrame) -> str:
    """Checkpoints of one series by their step; by their folder, where it is known and tells none."""
    if "folder" in own and own["status"].isin(["unplaced", "repeated"]).all():
        return ", ".join(own["folder"])
    return f"step {', '.join(f'{step:,}' for step in own['step'])}"


def checkpoints(table: pd.DataFrame) -> None:
    """All checkpoints with their status, folded."""
    ready = int((table["status"] == "ready").sum())
    with st.expander(f"All {count(len(table), 'checkpoint')}, {ready:,} ready", icon=":material/list:"):
        columns.show(table, "checkpoints", height=280)


# --- how it was asked -------------------------------------------------------------------------------


def parameter_table(study: Results) -> None:
    """Every parameter with its value and what it means."""
    values = asdict(study.study) | {"layers": list(study.record.layers), "subsample_size": study.record.subsample_size}
    rows = [(name, str(values[name]), words) for name, words in PARAMETERS.items()]
    columns.show(pd.DataFrame(rows, columns=["parameter", "value", "meaning"]), "parameters")


def study_file(study: Results) -> None:
    """The study file as text, with what it is for."""
    st.caption("With this file the study is computed again anywhere: `python -m phcore compute FILE.toml`.")
    st.code(study.study.to_toml(), language="toml", height=260)
    frame.download(st, "Study file", study.study.to_toml(), f"{study.study.name}.toml", "text/plain", "study-file")


# --- computing it -----------------------------------------------------------------------------------


def begin(name: str, study_file: Path) -> None:
    jobs.start(data.store(), name, ["compute", str(study_file), "--workers", str(frame.workers())])


@data.cached(16, by=lambda study: (data.version(study), int(time.time() // 60)))
def _todo(study: Results) -> tuple[dict[str, int], float | None]:
    """What a study lacks of the registry, as progress calls it, and the seconds it takes, where they are known."""
    return plan(study.record, data.store()).totals(), estimate(study.record, data.store(), frame.workers()).seconds


def follow(study: Results) -> None:
    """The button that follows a training whose checkpoints are still to come, where their folders are here."""
    folders = [one.path for one in study.study.included]
    if not _within_reach(study.study.model) or not any(map(_within_reach, folders)):
        return
    words = "Looks at the folders every ten seconds and computes each new checkpoint once it is whole, until stopped."
    if st.button("Follow the training", key="follow", icon=":material/visibility:", help=words):
        file = folder_of(study.study, data.store()) / "study.toml"
        jobs.start(data.store(), study.study.name, ["follow", str(file), "--workers", str(frame.workers())])
        st.rerun()


def _within_reach(folder: Path) -> bool:
    """Whether a folder is on this machine, or can be brought."""
    return folder.exists() or bool(address_of(folder))


def computing(study: Results) -> None:
    """The computation under way with its cancel button; or what is missing, and the button that computes it."""
    name = study.study.name
    frame.job_card(name, "Computing")
    job = jobs.status(data.store(), name)
    if job and job.active:
        return
    beyond = study.record.nodes[1:]  # of a training that begins there is the base alone
    if (not beyond or any(node.kind == LIVE for node in beyond)) and not data.complete(study):
        frame.unfinished_line(study)
    _left(study)
    follow(study)


def _left(study: Results) -> None:
    """What is missing, and the button that computes it."""
    name = study.study.name
    model = study.study.model
    if not _within_reach(model):
        away = f"its base model ({model.name}) is not on this machine"
        if study.finished:
            st.caption(plain(f"{FINISHED} Nothing more can be measured here: {away}."))
        else:
            lacks = "lacks some of its evidence" if study.complete else "is unfinished"
            frame.note(f"This study {lacks}, and {away}.", "cloud_off")
        return
    todo, seconds = _todo(study)
    left, right = st.columns([5.4, 1.6], vertical_alignment="center")
    if not todo:  # as far as is known here: nobody looked at its folders since
        left.caption(plain(f"{FINISHED} {_UNCHANGED}"))
        if right.button(
            "Look again",
            icon=":material/refresh:",
            key="again",
            help="Looks at its checkpoints, prompts and measures once more, and computes what has changed.",
            width="stretch",
        ):
            begin(name, folder_of(study.study, data.store()) / "study.toml")
            st.rerun()
        return
    left.markdown(_missing(study.finished, todo, seconds))
    if right.button("Compute" if study.complete else "Continue", type="primary", icon=":material/play_arrow:",
                    key="continue", width="stretch"):  # fmt: skip
        begin(name, folder_of(study.study, data.store()) / "study.toml")
        st.rerun()


def _missing(finished: bool, todo: dict[str, int], seconds: float | None) -> Markdown:
    what = ", ".join(f"{label.lower()} {number:,}" for label, number in todo.items())
    about = "" if seconds is None else f" About {frame.duration(seconds)}."
    first = f"{FINISHED} What a run would compute beside them" if finished else "Missing"
    return plain(f"{first}: {what}.{about}")
