"""What was found in a folder, as two tables that can be edited: runs, and the checkpoints in them."""

import pandas as pd
import streamlit as st

from pages.parts import choices, columns, opened_study
from pages.parts.web import plain
from phcore.checkpoints import Found
from phcore.formatting import count, enumerated
from phcore.study import Series

_FIXED = {"series": ["series", "folders", "ready", "steps"], "found": ["series", "folder", "status", "finding"]}


def edited(found: list[Found], place: str) -> tuple[Series, ...]:
    """The series as somebody wants them: included or not, with their objective, seed, and the steps of checkpoints."""
    st.caption("One row per run. Runs with the same objective share a colour; give repeated runs different seeds.")
    if same := [one.name for one in found if one.is_base]:
        words = f"{enumerated(same)}: the base model itself, and so no run. It is every run's step 0 already."
        st.caption(plain(words))
    for sentence in dict.fromkeys(sentence for one in found for sentence in one.notes):
        named = enumerated([one.name for one in found if sentence in one.notes])
        st.caption(plain(f"{named}: {sentence}"))
    rows = pd.DataFrame(_run(one) for one in found)
    runs = _editor("series", place, rows, column_order=_said(rows))
    points = _checkpoints([one for one in found if not one.is_base], place)
    return tuple(
        Series(one.name, one.path, str(row.objective or one.name), int(row.seed or 0), bool(row.include), one.pattern,
               *_changes(one, points))
        for one, row in zip(found, runs.itertuples(), strict=True)
    )  # fmt: skip


def _run(one: Found) -> dict:
    """A series that was found, as a row to edit."""
    steps = [each.step for each in one.checkpoints if each.ready]
    folders = one.pattern or (one.checkpoints[0].folder if len(one.checkpoints) == 1 else "")
    about = {"include": bool(steps) and not one.is_base, "series": one.name, "folders": folders}
    about |= {"objective": one.objective, "seed": one.seed}
    return about | {"ready": len(steps), "steps": opened_study.steps_words(steps)}


def _said(rows: pd.DataFrame) -> list[str]:
    """The columns in which something stands: most runs lie in folders of their own."""
    return [name for name in rows if name != "folders" or rows[name].any()]


def _checkpoints(found: list[Found], place: str) -> pd.DataFrame:
    """The table of checkpoints, folded, and above it each reason why some cannot be used, once."""
    every = [(one, each) for one in found for each in one.checkpoints]
    rows = pd.DataFrame(
        {
            "include": each.ready,
            "series": one.name,
            "folder": each.folder,
            "step": each.step,
            "status": each.status,
            "finding": each.finding or each.note,
        }
        for one, each in every
    )
    if rows.empty:
        return rows
    shown = st.container()
    ready = int(rows["include"].sum())
    with st.expander(f"All {count(len(rows), 'checkpoint')}, {ready:,} ready: correct a step, leave one out"):
        points = _editor("found", place, rows, height=280)
    with shown:
        given = points["step"] != rows["step"]
        opened_study.left_out(rows[~((rows["status"] == "unplaced") & given)])
    return points


def _changes(one: Found, points: pd.DataFrame) -> tuple[dict[str, int], tuple[str, ...]]:
    """Steps that somebody gave to checkpoints of a series, and folders that somebody left out."""
    if points.empty or one.is_base:
        return {}, ()
    own = points[points["series"] == one.name].set_index("folder")
    steps = {e.folder: int(own.loc[e.folder, "step"]) for e in one.checkpoints if own.loc[e.folder, "step"] != e.step}
    out = tuple(e.folder for e in one.checkpoints if e.ready and not own.loc[e.folder, "include"])
    return steps, out


def _editor(table: str, place: str, rows: pd.DataFrame, **looks) -> pd.DataFrame:
    """A table to edit, whose changes outlast a wrong click elsewhere, until something else is found."""
    key, known = f"{table}-{place}", _FIXED[table]
    if key not in st.session_state:  # the editor was away: it begins with what was edited before
        before = choices.kept(key, rows)
        choices.keep(f"{key}-rows", before if before[known].equals(rows[known]) else rows)
    changed = st.data_editor(
        choices.kept(f"{key}-rows", rows), hide_index=True, disabled=known, key=key,
        column_config=columns.looks(table), **looks,
    )  # fmt: skip
    return choices.keep(key, changed)
