"""A figure on a page: what can be chosen of it, its chart, what is said of it, its table and its files."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import groupby
from typing import Any

import streamlit as st

from pages.parts import asking, data, draw, frame, present
from pages.parts.web import option, plain
from phcore.errors import Fault, NotAsked
from phcore.export.results import Results
from phcore.figures.figure import Choice, Control, Data, Figure, Look, sentence
from phcore.formatting import visible

_ROW = 7  # parts of a row of controls


def read(study: Results, figure: Figure, choice: Choice) -> Data:
    """What a figure reads, once for each choice; a click that changes nothing it looks at reads nothing."""
    choice = choice.only(figure.uses)
    return _read(study.study.name, _versions(study, choice), figure.read.__module__, choice, figure)


@st.cache_resource(max_entries=256, show_spinner=False)
def _read(name: str, versions: tuple[str, ...], reads: str, choice: Choice, _figure: Figure) -> Data:
    return _figure.data(data.open_study(name), choice)


def _versions(study: Results, choice: Choice) -> tuple[str, ...]:
    return data.version(study), *map(_version_of, choice.beside)


def _version_of(name: str) -> str:
    """Of a study beside; one that cannot be read has none."""
    with suppress(Fault):
        return data.version(data.open_study(name))
    return ""


def show(study: Results, figure: Figure, choice: Choice, look: Look, said: set[str], **click: Any) -> Choice:
    """A whole figure: heading, controls, chart, caption, table. Where there is none, a sentence says why.

    Parameters
    ----------
    said : sentences that stand on the page already, and are not said again.
    click : see `chart`.

    Returns
    -------
    The choice with what was chosen here.
    """
    try:
        if figure.heading:
            read(study, figure, choice)  # without anything to show there is nothing to choose, nor a heading
            st.markdown(f"### {figure.heading}")
        choice = choose(study, figure, choice)
        found = read(study, figure, choice)
    except Fault as fault:
        if (words := sentence(fault)) not in said:
            frame.note(words)
        if isinstance(fault, NotAsked):
            asking.offer(study)
        said.add(words)
        return choice
    if words := figure.warning(found):
        st.warning(plain(words), icon=":material/warning:")
    if words := figure.sentence(found):
        st.markdown(plain(words))
    if figure.chart:
        chart(study, figure, choice, look, **click)
    if words := figure.caption(found):
        st.caption(plain(words))
    below(study, figure, choice)
    return choice


def chart(
    study: Results, figure: Figure, choice: Choice, look: Look, *, name: str = "",
    step: int | None = None, on_step: Callable[[str], None] | None = None,
) -> None:  # fmt: skip
    """The chart alone, or the sentence that says why there is none.

    Parameters
    ----------
    name : of the chart, where a page shows the figure several times.
    step, on_step : the selected step, and what is called with the chart's key when another is clicked.
    """
    try:
        found = read(study, figure, choice)
    except Fault as fault:
        frame.note(sentence(fault))
        return
    key, own = f"chart-{name or figure.name}", choice.only(figure.uses)
    click = {"selection": "step", "on_select": lambda: on_step(key), "step": step} if on_step else {}
    about = (_versions(study, own), figure.name, own, look)
    draw.chart(key, about, lambda: figure.chart(found, look), **click)


def below(study: Results, figure: Figure, choice: Choice, title: str = "", key: str = "") -> None:
    """The numbers of a figure as a table, and as files."""
    layer = f"-layer{choice.layer}" if "layer" in figure.uses else ""
    own, words = figure.below
    table = figure.table(read(study, figure, choice))
    frame.below(table, f"{figure.name}-{study.study.name}{layer}", key or figure.name, title=title or own, words=words)


def choose(study: Results, figure: Figure, choice: Choice) -> Choice:
    """The controls of a figure, row by row, and what is chosen in them."""
    for _, row in groupby(figure.controls, lambda one: one.row):
        controls = list(row)
        if not any(one.kind == "switch" or one.options(study, choice) for one in controls):
            continue
        widths = [one.width for one in controls]
        rest = _ROW - sum(widths)
        columns = st.columns(widths + [rest] * (rest > 0.1), vertical_alignment="bottom")
        for column, control in zip(columns, controls, strict=False):
            choice = _chosen(column, control, study, choice)
    return choice


def _chosen(column, control: Control, study: Results, choice: Choice) -> Choice:
    """One control, and the choice with its value."""
    how = {"key": control.key, "bind": "query-params", "help": control.help}
    if control.kind == "switch":
        return replace(choice, **{control.field: column.toggle(control.label, True, **how)})
    options = list(control.options(study, choice))
    if not options:
        return choice
    default = control.default(study, choice, options)
    how["format_func"] = lambda one: visible(control.words(one))
    if control.kind == "row":
        how["format_func"] = lambda one: option(control.words(one))  # these are Markdown; other lists are not
        value = column.segmented_control(control.label, options, default=default, required=True, **how)
    elif control.kind == "several":
        value = tuple(column.multiselect(control.label, options, default, placeholder="Choose some", **how))
    else:
        value = column.selectbox(control.label, options, options.index(default), **how)
    if control.steps:
        present.steps(control.key, options)
    if isinstance(control.field, tuple):
        return replace(choice, **dict(zip(control.field, value, strict=True)))
    return replace(choice, **{control.field: value})
