"""The map, the barcode and the Betti curves of a cell, which move in the browser.

What is drawn is sent once, as a scene, to an element that shows nothing; what changes with a click (the selected bar
and its prompts) goes to the picture itself. So a click sends a few lines, and the distance and the steps ask the
server nothing until they rest.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from pages.parts import live, places, present, tour, web
from pages.parts.data import Cell
from phcore.analysis.longer_than_noise import Noise
from phcore.export.results import Results
from phcore.figures import motion
from phcore.figures.charts.cloud_map import shortened
from phcore.figures.charts.theme import category_marks
from phcore.formatting import visible
from phcore.topology.explore import Lens

_TEXT = 220  # letters of a prompt that stand beside the pointer
_SCENE = st.components.v2.component("cell_scene", html="<span hidden></span>", js=web.text("cell_scene.js"))
_PICTURE = st.components.v2.component(
    "cell",
    html=web.text("cell.html"),
    css=web.text("cell.css"),
    js="\n".join(web.text(f"{name}.js") for name in ("canvas", "cell_map", "cell_bars", "cell")),
)


@dataclass(frozen=True)
class Scene:
    """A cell and its series, as they are sent.

    Attributes
    ----------
    key : of all that is drawn.
    diagrams : [h0, h1] of the cell.
    rows : (m,) numbers of the prompts shown.
    last, tick : end of the axis of distances, and step of its slider.
    band : what is noise; None where it is not known.
    """

    key: str
    study: Results
    cell: Cell
    lens: Lens
    seen: live.Seen | None
    diagrams: list[np.ndarray]
    rows: np.ndarray
    way: str
    order: str
    last: float
    tick: float
    unit: str
    band: Noise | None


def show(scene: Scene, now: dict, on_change: dict[str, Callable[[object], None]]) -> None:
    """Draw a scene.

    Parameters
    ----------
    now : at, bar, marked and what is said of them: what a click changes, see cell.js.
    on_change : by name (at, step, bar, marked), what is called with a value that was chosen in the browser.
    """
    if not present.shows("cell"):
        return
    with st.container(key="cell-scene"):
        _SCENE(key="cell-sent", data=sent(scene))

    def told(name: str) -> Callable[[], None]:
        return lambda: on_change[name](st.session_state["cell"][name])

    own = {"key": scene.key, "large": present.on(), "ring": tour.ring(), **now}
    _PICTURE(key="cell", data=own, **{f"on_{name}_change": told(name) for name in on_change})


def sent(scene: Scene) -> dict:
    """What the browser is sent once."""
    return _sent(scene.key, scene)


@st.cache_resource(max_entries=32, show_spinner=False)
def _sent(key: str, _scene: Scene) -> dict:
    scene = _scene
    map_ = places.of(scene.study, scene.cell, scene.lens, scene.way)
    unit = motion.grid_unit(map_.reach)
    frames = _frames(scene, map_)
    own, categories = _prompts(scene), live.categories(scene.study)
    looks = category_marks(categories)
    place = {name: number for number, name in enumerate(looks)}
    told = {
        "key": key,
        "unit": unit,
        "reach": list(map_.reach),
        "last": scene.last,
        "tick": scene.tick,
        "distance": scene.unit,
        "order": scene.order,
        "here": next(number for number, one in enumerate(frames) if one.step == scene.cell[1]),
        "frames": [motion.packed_frame(one, unit) for one in frames],
        "marks": [[colour, shape, visible(name)] for name, (colour, shape) in looks.items()],
        "kinds": [place[name] for name in own["category"].fillna("")],
        "texts": [visible(shortened(text, _TEXT)) for text in own["text"]],
        "prompts": [int(one) for one in own["prompt"]],
        "noise": scene.band and list(scene.band.longest),
        "alt": _sentence(scene),
    }
    if scene.seen is not None:
        seen = scene.seen
        told["own"] = motion.packed_complex(
            seen.edges, seen.edge_lengths, seen.triangles, seen.triangle_diameters, seen.explored.bars
        )
    return told


def _prompts(scene: Scene) -> pd.DataFrame:
    return live.prompts(scene.study).iloc[scene.rows]


def _sentence(scene: Scene) -> str:
    series, step, layer = scene.cell
    merges, loops = map(len, scene.diagrams)
    counts = {"prompts": len(scene.rows), "components": merges + 1, "loops": loops}
    return motion.sentence(step, layer, visible(series), counts)


def _frames(scene: Scene, map_: places.Places) -> list[motion.Frame]:
    """Every step of the series that has a place on the map, the cell's own among them."""
    study, lens, (series, own, layer) = scene.study, scene.lens, scene.cell
    metric = study.study.metric
    edges = places.edges(study, series, layer) if lens.metric == metric and not lens.dimension else {}
    bars = places.bars(study, series, layer, lens.subsample) if lens.archived(metric) else {}
    frames = []
    for step in sorted({*map_.steps, own}):
        unit = places.unit(study, (series, step, layer), lens.scale)
        points = map_.steps.get(step)
        pairs = lengths = None
        if step in edges:
            pairs, lengths = motion.among(scene.rows, study.record.n_prompts, *edges[step])
            lengths = lengths / unit
        diagrams = scene.diagrams if step == own else [one / unit for one in bars[step]] if step in bars else None
        frames.append(motion.Frame(step, None if points is None else points[scene.rows], diagrams, pairs, lengths))
    return frames
