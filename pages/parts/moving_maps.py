"""Maps that move: what the browser is sent once, so that the step and the size change there without the server."""

from collections.abc import Callable
from math import ceil

import numpy as np
import streamlit as st

from pages.parts import data, figure, web
from phcore.export.results import Results
from phcore.figures import motion
from phcore.figures.charts.theme import BASE, category_marks, objective_colours, on_dark
from phcore.figures.figure import Choice, Data
from phcore.figures.prompt_maps import Frame, Panel
from phcore.figures.registry import FIGURES

_MAPS = st.components.v2.component(
    "maps", html=web.text("maps.html"), css=web.text("maps.css"), js=web.text("canvas.js") + web.text("maps.js")
)


def show(study: Results, layer: int, key: str, on_open: Callable[[str, int], None]) -> None:
    """The base and each objective at one layer. A click calls `on_open` with a series and a step.

    Raises
    ------
    Fault
        where the archive has no maps of the study.
    """

    def opened() -> None:
        if asked := st.session_state[key].open:
            on_open(asked["series"], int(asked["step"]))

    _MAPS(key=key, data=_of(study, layer), on_open_change=opened)


def rows(study: Results, layer: int) -> int:
    """In how many rows of two the same maps stand on a phone."""
    return ceil(len(_of(study, layer)["panels"]) / 2)


def _of(study: Results, layer: int) -> dict:
    return sent(study, layer, Choice.of(study, layer=layer).only(FIGURES["maps"].uses))


@data.cached(8)
def sent(study: Results, layer: int, choice: Choice) -> dict:
    """What the browser is sent: of each map its steps, points and edges, packed as base64."""
    found = figure.read(study, FIGURES["maps"], choice)
    marks = category_marks(found.categories)
    kinds = {name: number for number, name in enumerate(marks)}
    unit = motion.grid_unit(found.reach[0])
    own = {one.name: one.objective for one in study.record.series}
    colours = objective_colours(tuple(dict.fromkeys(own.values())))
    n = len(found.panels[0].frames[0].points)
    return {
        "key": f"{study.study.name} {layer}",
        "unit": unit,
        "reach": found.reach.tolist(),
        "marks": list(marks.values()) or [("#8a919c", "circle")],
        "kinds": [kinds[one] for one in found.categories] or [0] * n,
        "panels": [
            _panel(found, one, unit, "" if one.name == BASE else colours[own[one.series]]) | _run(study, one)
            for one in found.panels
        ],
    }


def _panel(found: Data, panel: Panel, unit: float, colour: str) -> dict:
    raw = [_joined(one, found.joined[0]) for one in panel.frames]
    relative = [_joined(one, found.joined[1] * one.median) for one in panel.frames]
    drawn = map(max, raw, relative)
    return {
        "name": panel.name,
        "base": panel.name == BASE,
        "series": panel.series,
        "colour": colour and f"light-dark({colour}, {on_dark(colour)})",
        "steps": [one.step for one in panel.frames],
        "medians": [one.median for one in panel.frames],
        "points": [motion.packed_points(one.points, unit) for one in panel.frames],
        "edges": [motion.packed(one.edges[:most], np.uint16) for one, most in zip(panel.frames, drawn, strict=True)],
        "raw": raw,
        "relative": relative,
    }


def _run(study: Results, panel: Panel) -> dict:
    """Whose runs there are more of than the one that is drawn."""
    runs = sum(one.objective == panel.name for one in study.record.series)
    return {"run": f"first of {runs} runs" if runs > 1 else ""}


def _joined(frame: Frame, limit: float) -> int:
    """How many of its pairs are at most so far apart; those on the limit, which decides it, too."""
    return int((frame.lengths <= limit * (1 + 1e-6)).sum())
