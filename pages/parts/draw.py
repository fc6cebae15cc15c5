"""Charts on the page: built once per choice, and updated by their data alone when a step moves."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import altair as alt
import pandas as pd
import streamlit as st
from altair.utils import schemapi
from streamlit.dataframe_util import convert_pandas_df_to_arrow_bytes

from pages.parts import first_paint, present
from phcore.export import images
from phcore.figures.charts.standing import at_step, height, plain, readable
from phcore.figures.charts.template import template
from phcore.figures.figure import title

schemapi.disable_debug_mode()  # which checks every part of a chart as it is made: a chart is checked once, as a whole

_LAST = "draw.last"  # what stands below a chart is drawn right after it
Drawn = tuple[str, Callable[[str], bytes]]  # a chart as it stands: its name, and what saves it as one of `images.KINDS`


def chart(
    name: str,
    about: object,
    build: Callable[[], alt.TopLevelMixin],
    *,
    selection: str | Sequence[str] | None = None,
    on_select: Callable[[], None] | str = "ignore",
    step: int | None = None,
    change: Callable[[dict[str, pd.DataFrame]], dict[str, pd.DataFrame]] | None = None,
    words: str = "",
    above: Callable[[str, str], None] | None = None,
) -> None:
    """Draw what `build` returns; the `repr` of `about` holds everything it depends on, so that it is built once.

    Parameters
    ----------
    name : key of the element on the page.
    selection : the selection parameters that answer clicks, where there are any.
    step : of a chart over training steps: the step to select; then `about` and `build` are free of it.
    change : tables of the chart as they stand -> as they are now; `about` is free of what it changes.
    words : what it shows, for those who cannot see it; by default its title.
    above : draws the question and the answer of the chart above it, which then has no title of its own.
    """
    if not present.shows(name):
        return
    standing = _built(repr((name, about)), build, change is not None)
    tables = standing.tables if step is None else at_step(standing.tables, step)
    tables = change(tables) if change else tables
    st.session_state[_LAST] = (name, lambda kind: images.export(json.loads(standing.spec), tables, kind))
    own = json.loads(standing.sent)
    sent = tables if change else standing.parts if step is None else at_step(standing.parts, step)
    own["datasets"] = {key: standing.packed.get(id(table)) or readable(table) for key, table in sent.items()}
    # The words of the whole chart are read; a mark has none.
    own["config"] = own.get("config", {}) | {"mark": {"aria": False}}
    if present.on():  # another chart than before: drawn anew, for the size it now has
        own["usermeta"] = own.get("usermeta", {}) | {"present": True}
    if above:
        own.pop("title", None)
        above(*standing.said)
    with st.container(key=f"hold-{name}-{first_paint.high(standing.height)}"):
        st.vega_lite_chart(
            own, key=name, on_select=on_select, selection_mode=selection, alt=words or " ".join(standing.said),
            width="content",
        )  # fmt: skip


def ready(
    name: str,
    about: object,
    build: Callable[[], alt.TopLevelMixin],
    change: Callable[[dict[str, pd.DataFrame]], dict[str, pd.DataFrame]],
) -> None:
    """The same as a file only, for what stands below: nothing is drawn, and nothing built until it is asked for."""

    def save(kind: str) -> bytes:
        standing = _built(repr((name, about)), build, True)
        return images.export(json.loads(standing.spec), change(standing.tables), kind)

    st.session_state[_LAST] = (name, save)


def picked(name: str, selection: str):
    """What a click or a frame in a chart has chosen: the marks of a point selection, the ends of an interval."""
    return ((st.session_state.get(name) or {}).get("selection") or {}).get(selection) or []


def clicked(name: str, field: str):
    """The value of the mark that a click has chosen, by the one field that its selection is called after."""
    marks = picked(name, field)
    return marks[0].get(field) if marks else None


def take_last() -> Drawn | None:
    """The chart drawn last, once."""
    return st.session_state.pop(_LAST, None)


@dataclass(frozen=True)
class _Standing:
    """A chart that was built.

    Attributes
    ----------
    spec, tables : the chart as it is, as JSON.
    sent, parts : the same as the browser is sent it, see `template`; where its tables are changed, it is sent as it is.
    packed : both kinds of tables, as they are sent.
    said : what it asks and finds.
    height : about how high it is in pixels, without its title.
    """

    spec: str
    tables: dict[str, pd.DataFrame]
    sent: str
    parts: dict[str, pd.DataFrame]
    packed: dict[int, bytes]
    said: tuple[str, str]
    height: int


@st.cache_resource(max_entries=600, show_spinner=False)
def _built(about: str, _build: Callable[[], alt.TopLevelMixin], changed: bool) -> _Standing:
    chart = plain(_build)
    parts = chart if changed else template(chart)
    # Most tables of a chart never change, and packing takes a while.
    packed = {id(table): convert_pandas_df_to_arrow_bytes(table) for table in parts.tables.values()}
    return _Standing(
        json.dumps(chart.spec), chart.tables, json.dumps(parts.spec), parts.tables, packed, title(chart.spec),
        round(height(chart)),
    )  # fmt: skip
