"""A figure on a page: what can be chosen of it, its chart, what is said of it, its table and its files."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from pages.parts import asking, data, draw, frame, present, web
from pages.parts.web import option, plain
from phcore.errors import Fault, NotAsked
from phcore.export.results import Results
from phcore.figures.figure import Choice, Control, Data, Figure, Look, sentence
from phcore.figures.shown import shown
from phcore.formatting import visible

HALF = 640  # pixels of a chart below which its answer is in smaller letters


def read(study: Results, figure: Figure, choice: Choice) -> Data:
    """What a figure reads, once for each choice; a click that changes nothing it looks at reads nothing."""
    choice = choice.only(figure.uses)
    reads = f"{figure.read.__module__}.{figure.read.__qualname__}"
    name = study.study.name
    return _read(repr((name, _versions(study, choice), reads, choice)), name, choice, figure)


@st.cache_resource(max_entries=256, show_spinner=False)
def _read(key: str, _name: str, _choice: Choice, _figure: Figure) -> Data:
    return _figure.data(data.open_study(_name), _choice)


def _versions(study: Results, choice: Choice) -> tuple[str, ...]:
    return data.version(study), *map(_version_of, choice.beside)


def _version_of(name: str) -> str:
    """Of a study beside; one that cannot be read has none."""
    with suppress(Fault):
        return data.version(data.open_study(name))
    return ""


def show(
    study: Results, figure: Figure, choice: Choice, look: Look, said: set[str], *, name: str = "",
    chosen: bool = False, **click: Any,
) -> Choice:  # fmt: skip
    """A whole figure: its question and answer with what can be chosen beside them, the chart, and folded below it how
    to read it and its numbers. Where there is none, a sentence says why.

    Parameters
    ----------
    said : sentences that stand on the page already, and are not said again.
    name, click : see `chart`.
    chosen : whether its controls were drawn elsewhere.

    Returns
    -------
    The choice with what was chosen here.
    """
    try:
        place = st
        if not chosen and figure.controls:
            read(study, figure, choice)  # without anything to show there is nothing to choose
            place, choice = choose(study, figure, choice, look.width <= HALF)
        found = read(study, figure, choice)
    except Fault as fault:
        if (words := sentence(fault)) not in said:
            frame.note(words)
            if isinstance(fault, NotAsked):
                asking.offer(study)
        said.add(words)
        return choice
    if figure.chart:
        chart(study, figure, choice, look, name=name, place=place, **click)
        if words := figure.sentence(found):
            st.markdown(plain(words))
    elif figure.sentence(found):
        finding(place, figure.heading or figure.title, figure.sentence(found), half=look.width <= HALF)
    below(study, figure, choice, key=name)
    return choice


def finding(place, question: str, answer: str, *, half: bool = False, warning: str = "") -> None:
    """A question in small letters, and what was found in large ones.

    Parameters
    ----------
    half : in a column of half the page.
    warning : what to beware of.
    """
    words = {"question": web.kept(question), "answer": web.kept(answer), "warning": web.kept(warning)}
    place.html(web.html("finding.html.j2", half=half, **words))


def chart(
    study: Results, figure: Figure, choice: Choice, look: Look, *, name: str = "", place=st,
    step: int | None = None, on_step: Callable[[str], None] | None = None,
) -> None:  # fmt: skip
    """The chart below its question and answer, or the sentence that says why there is none.

    Parameters
    ----------
    name : of the chart, where a page shows the figure several times.
    place : of the question and the answer.
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
    half = {"half": look.width <= HALF, "warning": figure.warning(found)}
    # Its words are those of the figure, whatever was chosen: with others the browser would draw it anew. What it finds
    # is read above it.
    draw.chart(key, about, lambda: figure.chart(found, look), words=figure.title, above=partial(finding, place, **half),
               **click)  # fmt: skip


def below(
    study: Results, figure: Figure, choice: Choice, title: str = frame.HOW, key: str = "",
    drawn: draw.Drawn | None = None,
) -> None:  # fmt: skip
    """Folded: how to read a figure, and its numbers as a table and as files."""
    layer = f"-layer{choice.layer}" if "layer" in figure.uses else ""
    found = read(study, figure, choice)
    frame.below(partial(figure.table, found), f"{figure.name}-{study.study.name}{layer}", key or figure.name,
                title=title, words=figure.below, how=partial(figure.how, found), drawn=drawn)  # fmt: skip


def choose(study: Results, figure: Figure, choice: Choice, half: bool) -> tuple[Any, Choice]:
    """The controls of a figure, behind a button.

    Returns
    -------
    The place beside the button for the question and the answer, and the choice with what is chosen.
    """
    if not any(one.kind == "switch" or one.options(study, choice) for one in figure.controls):
        return st, choice
    place, button = st.columns([3.2, 1.1] if half else [6.8, 1.1], vertical_alignment="top")
    with button.popover("Options", icon=":material/tune:", width="stretch"):
        return place, controls(study, figure, choice)


def controls(study: Results, figure: Figure, choice: Choice) -> Choice:
    """The controls of a figure, and the choice with what is chosen."""
    for control in figure.controls:
        choice = _chosen(control, study, choice)
    return choice


def _chosen(control: Control, study: Results, choice: Choice) -> Choice:
    """One control, and the choice with its value."""
    how = {"key": control.key, "bind": "query-params", "help": control.help}
    if control.kind == "switch":
        return replace(choice, **{control.field: st.toggle(control.label, True, **how)})
    study = shown(study, choice.without)
    options = list(control.options(study, choice))
    if not options:
        return choice
    default = control.default(study, choice, options)
    how["format_func"] = lambda one: visible(control.words(one))
    if control.kind == "row":
        how["format_func"] = lambda one: option(control.words(one))  # these are Markdown; other lists are not
        value = st.segmented_control(control.label, options, default=default, required=True, **how)
    elif control.kind == "several":
        value = tuple(st.multiselect(control.label, options, default, placeholder="Choose some", **how))
    else:
        value = st.selectbox(control.label, options, options.index(default), **how)
    if control.steps:
        present.steps(control.key, options)
    if isinstance(control.field, tuple):
        return replace(choice, **dict(zip(control.field, value, strict=True)))
    return replace(choice, **{control.field: value})
