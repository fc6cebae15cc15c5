"""The top of every page, the job card, and what stands below every chart."""

import os
from collections.abc import Callable
from datetime import datetime
from functools import partial

import pandas as pd
import streamlit as st

from pages.parts import data, draw, toolbar
from pages.parts.controls import control
from pages.parts.navigation import PAGES
from pages.parts.web import Markdown, plain
from phcore.errors import Fault
from phcore.export import images
from phcore.export.encoding import encode
from phcore.export.results import Results
from phcore.figures.charts.standing import readable
from phcore.formatting import count, percent, visible
from phcore.pipeline import jobs
from phcore.study.record import LIVE


def header(page: str):
    """The question of a page, the tools, and in between the place for the choice of the study."""
    about = next(one for one in PAGES if one.name == page)
    question, place, tools = st.columns([3.5, 2.1, 4.1], vertical_alignment="center", gap="small")
    question.markdown(f"# {about.question}", help=about.words)
    toolbar.reserve(tools)
    return place


def bar() -> tuple:
    """The same for a page that has a headline of its own, with the name of the product.

    Returns
    -------
    The places for the choice of the study and of a layer, and for what else stands among the tools.
    """
    name, study, layer, tools = st.columns([1, 2.55, 1.15, 5.45], vertical_alignment="center", gap="small")
    name.html('<span class="product">Toposcope</span>')
    return study, layer, toolbar.reserve(tools)


def note(words: str, icon: str = "info") -> None:
    """What is said where something is not there to be shown."""
    st.info(plain(words), icon=f":material/{icon}:")


def say(fault: Fault, about: str = "", where: str = "") -> None:
    """What cannot be shown, and how to mend it here; with words about what was asked, and where on the page."""
    fault = data.shown(fault)
    note(f"{fault.fault[0].upper()}{fault.fault[1:]}{about}: {fault.hint}{where}.")


def choose_study(place) -> Results | None:
    """The study all pages share (in the URL). Says what to do where there is none."""
    names = data.study_names()
    if not names:
        where = "choose New study above" if toolbar.page() == "study" else "set one up on the Study page"
        nothing = f"No study has been computed yet: {where}."
        note("No study is served here." if data.read_only() else nothing)
        return None
    chosen = control(place.selectbox, "study", names)
    page = next((one.title for one in PAGES if one.name == toolbar.page()), "")
    st.set_page_config(page_title=f"{visible(chosen)} · {page} · Toposcope")
    return data.opened(chosen)


def ready_study(page: str, otherwise: Callable[[], None] = lambda: None, place=None) -> Results:
    """The top of a page, and the chosen study; one without a computed cell ends the page with what is missing.

    Parameters
    ----------
    otherwise : what is shown in place of the page then.
    place : for the choice of the study, where the page has a top of its own.
    """
    study = choose_study(header(page) if place is None else place)
    if study is not None:
        job_line(study)
        for words in study.notes if data.missing(study) else ():
            note(words, "history")
        if not data.table(study, "cells").empty:
            return study
        later = "." if data.read_only() else "; start the computation on the Study page."
        note(
            "Nothing has been computed for this study yet. Results show here as they arrive" + later, "hourglass_empty"
        )
    otherwise()
    toolbar.stop()


def job_line(study: Results) -> None:
    """One line while a study is being computed: its results are partial."""
    name = study.study.name
    job = jobs.status(data.store(), name)
    if job and job.active:

        @st.fragment(run_every=3.0)
        def line() -> None:
            now = jobs.status(data.store(), name)
            if _moved(job, now):
                st.rerun()  # results show as they arrive
            note(
                now.message or f"This study is being computed ({percent(now.share)}). What is finished is shown.",
                "sync",
            )

        line()
    elif not data.complete(study):
        unfinished_line(study)


def unfinished_line(study: Results) -> None:
    """One line on a study that nothing here computes. What a training or another process adds shows by itself."""
    before, here = data.written(study), data.read_only() or toolbar.page() == "study"

    @st.fragment(run_every=5.0)
    def line() -> None:
        if data.written(study) != before:
            st.rerun()
        if any(node.kind == LIVE for node in study.record.nodes):
            when = datetime.fromtimestamp(before)
            day = "" if when.date() == datetime.now().date() else f"{when:%Y-%m-%d} "
            rest = "" if here else " The rest is computed on the Study page."
            note(f"Looked at while it trains, the last time at {day}{when:%H:%M:%S}.{rest}", "visibility")
        else:
            words = "This study is not complete: some checkpoints or layers are still missing."
            st.warning(words if here else f"{words} Continue on the Study page.", icon=":material/warning:")

    line()


def _moved(before: jobs.Status, now: jobs.Status | None) -> bool:
    """Whether there is more to show than before: another fiftieth of the work, or the end."""
    return now is None or not now.active or int(before.share * 50) != int(now.share * 50)


# --- a job, watched ---------------------------------------------------------------------------------


def workers() -> int:
    """Processes that a job computes with."""
    return os.cpu_count() or 1


def job_card(name: str, words: str) -> None:
    """Progress, time left and a cancel button of one job; survives a refresh, because the state is on disk."""
    first = jobs.status(data.store(), name)
    if first is None or first.state == "done":
        return
    if not first.active:
        shape = st.info if first.state == "cancelled" else st.error
        shape(plain(first.message or "The computation ended."), icon=":material/stop_circle:")
        return

    @st.fragment(run_every=1.0)
    def card() -> None:
        jobs.enforce(data.store(), name)
        job = jobs.status(data.store(), name)
        if _moved(first, job):
            st.rerun()
        with st.container(border=True):
            left, right = st.columns([5, 1], vertical_alignment="center")
            counts = f"{job.stage} {int(job.done)} of {job.total}" if job.total else "Starting"
            text = job.message or f"{words}: {counts}" + (f" – {job.label}" if job.label else "")
            left.progress(min(1.0, max(0.0, job.share)), text=plain(text))
            left.caption(time_left(job.seconds_left))
            if right.button("Cancel", key=f"cancel-{name}", width="stretch", help="What is finished is kept."):
                jobs.cancel(data.store(), name)
                st.toast("Stopping after the unit in hand.")
            for sentence in job.warnings[-3:]:
                st.warning(plain(sentence), icon=":material/warning:")

    card()


def time_left(seconds: float | None) -> Markdown:
    if seconds is None:
        return "Time left: being measured."
    return plain(f"About {duration(seconds)} left.")


def duration(seconds: float) -> str:
    return count(max(1, round(seconds)), "second") if seconds < 90 else f"{round(seconds / 60)} minutes"


# --- below a chart ----------------------------------------------------------------------------------

TABLES = (("CSV", "csv", "text/csv"), ("Parquet", "parquet", "application/vnd.apache.parquet"))
FIGURE_WORDS = {
    "svg": "The chart above, 174 mm wide, letters of 8 points; still editable.",
    "png": "The chart above, twice as sharp as on the screen.",
    "pdf": "The chart above, 174 mm wide, letters of 8 points.",
}


HOW = "How to read this, and the numbers"


def fold(title: str, key: str, icon: str = "table"):
    """What opens below, and has `open`: what is closed is not made, for on most pages nobody opens it."""
    return st.expander(plain(title), key=f"fold-{key}", icon=f":material/{icon}:", on_change="rerun")


def below(
    table: Callable[[], pd.DataFrame], name: str, key: str, words: str = "", title: str = "Table and download",
    how: Callable[[], str] | None = None, drawn: draw.Drawn | None = None,
) -> None:  # fmt: skip
    """Folded: how to read a chart, by default the one drawn last, and its numbers as a table and as files."""
    drawn = drawn or draw.take_last()
    place = fold(title, key)
    if place.open:
        with place:
            if how and (read := how()):
                st.caption(plain(read))
            files(table(), name, key, words, drawn)


def files(table: pd.DataFrame, name: str, key: str, words: str = "", drawn: draw.Drawn | None = None) -> None:
    """A table, and buttons that hand it out as files, and with it the chart that was drawn."""
    if words:
        st.caption(plain(words))
    st.dataframe(readable(table), hide_index=True, height=280, key=f"table-{key}")
    places = iter(st.columns(2 + 3 * bool(drawn) + 1))
    for label, kind, mime in TABLES:
        download(next(places), plain(label), partial(encode, table, kind), f"{name}.{kind}", mime,
                 f"download-{kind}-{key}", width="stretch")  # fmt: skip
    for kind, mime in images.KINDS.items() if drawn else ():
        download(next(places), plain(kind.upper()), partial(drawn[1], kind), f"{name}.{kind}", mime,
                 f"download-{kind}-{key}", "image", help=FIGURE_WORDS[kind], width="stretch")  # fmt: skip


def download(place, label: Markdown, content, name: str, mime: str, key: str, icon: str = "download", **looks) -> None:
    """A button that hands out a file, and runs nothing; `content` may be a function that makes it."""
    place.download_button(label, content, name, mime, key=key, on_click="ignore", icon=f":material/{icon}:", **looks)
