"""A cell looked at closely: its bars, its map, the distance at which the complex grows, and the prompts of a bar."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log10

import numpy as np
import pandas as pd
import streamlit as st

from pages.parts import data, draw, frame, live, prompts, selection, tour
from pages.parts.cell import GROWTH, KIND, Options, known
from pages.parts.selection import Bars
from phcore.errors import Fault
from phcore.figures.charts.barcode import barcode_and_diagram, barcode_now
from phcore.figures.charts.bars import cap_bars, shape_answer
from phcore.figures.charts.cloud_map import AREA, POINT, cloud_map, map_plane, map_tables
from phcore.figures.charts.growth import (
    betti_chart,
    betti_rows,
    dendrogram_chart,
    dendrogram_tables,
    distance_rule,
    held_branch,
)
from phcore.figures.charts.moving import with_tables
from phcore.figures.charts.theme import HALF_WIDTH
from phcore.formatting import count, three, unit_words
from phcore.stages.results import Results
from phcore.topology import complexes
from phcore.topology.explore import Lens, ranked

_CHART, _MAP, _TREE = "bars-first", "cloud-map", "dendrogram"
_MARKED = "b_marked"  # numbers of prompts, as they stand in a link
_TALL = 400  # pixels of the barcode, and of the diagram below it
_DEFAULT = 0.62  # of the axis: where the distance slider starts


@dataclass(frozen=True)
class Scene:
    """What is looked at, and on which axis. `seen` is None where the hidden states are not at hand."""

    study: Results
    cell: live.Cell
    options: Options
    bars: Bars
    seen: live.Seen | None
    step: float  # of the distance slider
    last: float  # end of all distance axes

    @property
    def unit(self) -> str:
        return unit_words(self.options.scale, self.options.lens.metric)

    @property
    def domain(self) -> tuple[float, float]:
        return 0.0, self.last

    @property
    def about(self) -> tuple:
        """Everything a chart of this scene depends on, but for the distance and what is in hand."""
        options = self.options
        return (data.version(self.study), *self.cell, str(options.lens), options.order, options.cap, self.last)

    @property
    def prompts(self) -> pd.DataFrame:
        """Of the points, in their order."""
        return live.prompts(self.study).iloc[self.seen.explored.rows]

    @property
    def categories(self) -> list[str]:
        return live.categories(self.study)


def show(study: Results, cell: live.Cell, options: Options) -> None:
    """The view, from the bars down to the tree."""
    if not known(study, cell):
        return
    bars, seen = _bars(study, cell, options)
    if bars is None:
        return
    if bars.table.empty:
        st.info("There are no finite bars here.", icon=":material/info:")
        return
    scene = Scene(study, cell, options, bars, seen, *_axis(study, cell, options, bars))
    whole = bars.table.assign(subsample=bars.subsample)
    words = shape_answer(whole, scene.unit)
    st.markdown(words)
    at = _slider(scene)
    _at_words(bars, seen, at)
    mapped = live.map_of(study, cell, options.lens, options.map) if seen else None
    # Set before its widget is first drawn, or the address would not follow.
    st.session_state.setdefault(_MARKED, st.query_params.get(_MARKED, ""))
    marked = _marked(seen.explored.rows) if seen else set()
    left, right = st.columns(2)
    with left:
        _barcode(scene, whole, at, marked, words)
    with right:
        if seen is None:
            st.info(_no_cloud(study), icon=":material/info:")
            _in_hand(scene)
        else:
            place = st.container()  # the map stands above the words, and shows what they find
            held = _words(scene, marked)
            with place:
                _map(scene, mapped, held, marked, at)
    if seen is not None:
        left, right = st.columns(2)
        with left:
            _betti(scene, at)
        with right:
            _dendrogram(scene, at)


def below(study: Results, cell: live.Cell, options: Options) -> None:
    """The bars as a table. No part of the view: it need not be sent again whenever the distance moves."""
    if live.has_cloud(study, cell):
        try:
            table = live.look(study, cell, options.lens).explored.table
        except Fault:
            return
    else:
        table = _archived(study, cell, options)
    if table.empty:
        return
    series, number, layer = cell
    unit = unit_words(options.scale, options.lens.metric)
    frame.below(
        table.assign(subsample=options.subsample)[["subsample", "degree", "birth", "death", "persistence"]],
        f"bars-{study.study.name}-{series}-{number}-layer{layer}",
        "first",
        words=f"Finite bars of {series}, step {number}, layer {layer}; births and deaths as {unit}.",
    )


# --- the bars ---------------------------------------------------------------------------------------


def _bars(study: Results, cell: live.Cell, options: Options) -> tuple[Bars | None, live.Seen | None]:
    """The bars to show: measured now where the cloud is at hand, else the archive's. Says which."""
    if live.has_cloud(study, cell):
        try:
            seen = live.look(study, cell, options.lens)
        except Fault as fault:
            fault = data.shown(fault)
            asked = _filters(options.lens)
            words = f"{fault.fault[0].upper()}{fault.fault[1:]}" + (f" ({asked})" if asked else "")
            st.info(f"{words}: {fault.mend} under Live.", icon=":material/info:")
            return None, None
        _top(_origin(study, options, seen), study)
        return Bars(seen.explored.table, options.lens.subsample), seen
    _top(f":material/inventory_2: **From the archive:** bars of subsample {options.subsample}.", study)
    return Bars(_archived(study, cell, options), int(options.subsample)), None


def _top(origin: str, study: Results) -> None:
    """Where the bars come from, and the way into the tour."""
    row = st.columns([5, 1.35], vertical_alignment="center")
    row[0].caption(origin)
    with row[1]:
        tour.invite(study)


def _filters(lens: Lens) -> str:
    """Which prompts a lens leaves in, in words; empty where it leaves all."""
    words = [f"only {', '.join(lens.categories)}"] if lens.categories else []
    if lens.text.strip():
        words.append(f"containing “{prompts.plain(lens.text.strip())}”")
    return ", ".join(words)


def _archived(study: Results, cell: live.Cell, options: Options) -> pd.DataFrame:
    """The archive's bars, as `explore.ranked`."""
    bars = data.scaled_bars(study, *cell, options.scale)
    bars = bars[bars["subsample"] == options.subsample].sort_values(["birth", "death"])
    return ranked([bars.loc[bars["degree"] == degree, ["birth", "death"]].to_numpy() for degree in (0, 1)])


def _origin(study: Results, options: Options, seen: live.Seen) -> str:
    """Whether the study's tables hold these bars, or they were measured for this look only."""
    lens, shown, total = options.lens, len(seen.explored.rows), study.record.n_prompts
    which = "the whole cloud" if lens.subsample < 0 else f"subsample {lens.subsample}"
    if lens.archived(study.study.metric) and (lens.subsample >= 0) == bool(study.study.subsamples):
        return (
            f":material/inventory_2: **From the archive:** bars of {which} ({shown:,} of {total:,} prompts), "
            "as the study measured them."
        )
    how = [f"{shown:,} of {total:,} prompts, from {which}", *filter(None, [_filters(lens)]), lens.metric]
    if lens.dimension:
        how.append(f"{lens.dimension} principal components")
    return (
        f":material/bolt: **Live:** measured from the cached hidden states in {seen.milliseconds:.0f} ms, "
        f"{', '.join(how)}. Not in the study's tables."
    )


def _no_cloud(study: Results) -> str:
    words = "The hidden states of this cell are not in the archive, so its bars cannot be led back to prompts."
    for layer in study.record.layers:
        if cached := live.cached(study, layer):
            steps = sorted({step for _, step, _ in cached})
            return f"{words} Those of layer {layer} are, at steps {', '.join(map(str, steps))}."
    return f"{words} Compute the study on this machine to have them."


def _axis(study: Results, cell: live.Cell, options: Options, bars: Bars) -> tuple[float, float]:
    """Step of the slider and end of all distance axes: a round number beyond the last death."""
    end, lens = float(bars.table["death"].max()), options.lens
    if not options.fixed:
        st.caption("Axes are fitted to this cell: lengths cannot be compared between steps.")
    elif lens.dimension or lens.metric != study.study.metric:
        st.caption("The archive has no cells measured this way, so the axes are fitted to this cell.")
    else:
        end = max(end, data.longest_death(study, cell[2], options.scale))
    power = 10.0 ** floor(log10(end / 100))
    step = next(power * k for k in (1, 2, 5, 10) if 100 * power * k >= end / 1.5)
    return step, ceil(1.04 * end / step) * step


def _barcode(scene: Scene, whole: pd.DataFrame, at: float, marked: set[int], words: str) -> None:
    bars, options = scene.bars, scene.options
    held = bars.name(selection.chosen(bars))
    touched = bars.names(scene.seen.explored.touched(marked)) if marked else []

    def build():
        return barcode_and_diagram(
            whole, domain=scene.domain, cap=options.cap, order=options.order, unit=scene.unit, question=None, answer="",
            at=at, height=_TALL, width=HALF_WIDTH, stacked=True,
        )  # fmt: skip

    draw.chart(
        _CHART, scene.about, build, selection="bar", on_select=lambda: selection.clicked(_CHART, bars),
        change=lambda tables: barcode_now(tables, at, held, touched), words=words,
    )  # fmt: skip
    capped = ""
    if len(whole) > options.cap:
        _, k, n = cap_bars(whole, options.cap)
        capped = f" Showing {k:,} of {n:,} bars: the most persistent of each degree."
    st.caption(
        "Above, each bar reaches from the distance at which it appears to that at which it ends; bars that cross the "
        "line are alive there. Below, the same bars as points: the farther from the diagonal, the longer. The nearest "
        "bar answers the pointer in both; a click takes it in hand." + capped
    )


# --- the distance -----------------------------------------------------------------------------------


def _slider(scene: Scene) -> float:
    """The distance; while it is played, a little farther at each tick, and from the start again after the end."""
    step, last, options = scene.step, scene.last, scene.options
    default = round(_DEFAULT * last / step) * step
    # A distance belongs to a layer and a way of measuring: elsewhere it says nothing, or lies beyond the axis.
    kind = (scene.cell[2], options.scale, options.lens.metric, options.lens.dimension)
    at = st.session_state.get("b_at", default)
    if st.session_state.get(KIND, kind) != kind or not 0 <= at <= last:
        st.session_state["b_at"] = at = default
    st.session_state[KIND] = kind
    if options.play == GROWTH:
        st.session_state["b_at"] = at + 2 * step if at + 2 * step <= last else 0.0
    return st.slider(
        f"Prompts closer than this are joined ({scene.unit})",
        0.0,
        last,
        default,
        step,
        format=f"%.{max(1, 1 - floor(log10(step)))}f",
        key="b_at",
        bind="query-params",
    )


def _go(value: float) -> None:
    st.session_state["b_at"] = value


def _at_words(bars: Bars, seen: live.Seen | None, at: float) -> None:
    """How many pieces and loops there are at the distance, and what is drawn of the complex."""
    pieces, loops = complexes.betti(bars.diagrams, at)
    words = f"At {three(at)}: **{count(pieces, 'component')}** and **{count(loops, 'loop')}**"
    words += f" (Betti numbers {pieces:,} and {loops:,})"
    if seen is None:
        st.markdown(words + ".")
        return
    drawn_edges, drawn_triangles, edges, triangles = seen.complex_at(at)
    words += f"; {count(edges, 'pair')} joined"
    words += "." if triangles is None else f", {count(triangles, 'triangle')} filled."
    cut = []
    if drawn_edges < edges:
        cut.append(f"the {drawn_edges:,} shortest edges")
    if drawn_triangles < triangles if triangles is not None else drawn_triangles == live.TRIANGLES:
        cut.append(f"the {drawn_triangles:,} smallest triangles")
    st.markdown(words + (f" Drawn: {' and '.join(cut)}." if cut else ""))


# --- map and prompts --------------------------------------------------------------------------------


def _words(scene: Scene, marked: set[int]) -> dict:
    """The bar in hand in words and prompts; returns what the map draws of it."""
    own = scene.prompts
    label = _in_hand(scene)
    with st.container(height=330, border=False):
        if st.session_state[_MARKED]:
            text = st.text_input("Prompts marked, by number", key=_MARKED, bind="query-params")
            if text and not marked:
                st.caption("None of these numbers is a prompt of this map.")
        if marked:
            chosen = own.iloc[sorted(marked)]
            most = min(len(chosen), selection.LISTED)
            st.markdown(
                f"**Chosen on the map: {count(len(chosen), 'prompt')}** ({prompts.counted(chosen['category'])})"
                + (f", {most} of them:" if most < len(chosen) else ":")
            )
            prompts.listing(chosen.head(most), scene.categories)
        held = selection.explain(scene.seen.explored, scene.bars, label, own, scene.categories)
    return held


def _in_hand(scene: Scene) -> str:
    """The list of bars, and a sentence on the one chosen."""
    bars = scene.bars
    row = st.columns([2.2, 1, 1], vertical_alignment="bottom")
    label = row[0].selectbox(
        "Bar in hand", bars.labels, key="b_bar", bind="query-params",
        help="Numbered by persistence: loop 1 lasts longest. A click on a bar or on a merge of the tree takes it, too.",
    )  # fmt: skip
    bar = bars.bar(label)
    for column, end in zip(row[1:], ("birth", "death"), strict=True):
        column.button(
            f"To its {end}", key=f"to-{end}", width="stretch", disabled=bar is None, on_click=_go,
            args=(0.0 if bar is None else getattr(bar, end),), help="Moves the distance there.",
        )  # fmt: skip
    st.markdown(selection.sentence(bars, label, scene.unit))
    return label


def _map(scene: Scene, mapped: live.Mapped, held: dict, marked: set[int], at: float) -> None:
    options, names = scene.options, scene.categories
    plane = map_plane(mapped.reach)
    edges, triangles = live.complex_on(scene.study, scene.cell, options.lens, options.map)
    drawn_edges, drawn_triangles, *_ = scene.seen.complex_at(at)
    tables = map_tables(
        mapped.points[scene.seen.explored.rows], scene.prompts, plane,
        edges=edges[:drawn_edges], triangles=triangles[:drawn_triangles], held=held, marked=marked,
    )  # fmt: skip
    draw.chart(
        _MAP,
        (data.version(scene.study), mapped.reach, mapped.axes, tuple(names)),
        lambda: cloud_map(tables, plane, categories=names, question=None, answer="", axes=mapped.axes),
        selection=[POINT, AREA],
        on_select=lambda: _mark(mapped.points[scene.seen.explored.rows], scene.seen.explored.rows),
        change=lambda standing: with_tables(standing, tables.values()),
        words="Map of the prompts: " + mapped.words,
    )
    st.caption(mapped.words + " Click a prompt or draw a frame to mark its bars; a double click clears it.")


def _marked(rows: np.ndarray) -> set[int]:
    """Points of the map that are marked, of the prompts whose numbers the page or a link holds."""
    wanted = _numbers(st.session_state[_MARKED])
    return set(np.flatnonzero(np.isin(rows, sorted(wanted))).tolist())


def _numbers(text: str) -> set[int]:
    """Of prompts: "3, 17" as {3, 17}; what is no number is left out."""
    parts = (one.strip() for one in text.split(","))
    return {int(one) for one in parts if one.isascii() and one.isdigit() and len(one) < 10}


def _mark(points: np.ndarray, rows: np.ndarray) -> None:
    """A click or a frame on the map marks prompts; a double click, which chooses none, clears them."""
    chosen = (st.session_state.get(_MAP) or {}).get("selection") or {}
    places = {int(one["row"]) for one in chosen.get(POINT) or [] if one.get("row") is not None}
    frame_ = chosen.get(AREA) or {}
    if frame_.get("x") and frame_.get("y"):
        low, high = np.sort([frame_["x"], frame_["y"]], axis=1).T
        places |= set(np.flatnonzero(((points >= low) & (points <= high)).all(axis=1)).tolist())
    known = sorted(int(rows[place]) for place in places if place < len(rows))
    st.session_state[_MARKED] = ",".join(map(str, known))


# --- below the map ----------------------------------------------------------------------------------


def _betti(scene: Scene, at: float) -> None:
    rule = distance_rule(at)

    def build():
        rows = betti_rows(*scene.seen.curve, scene.last)
        return betti_chart(rows, rule, domain=scene.domain, unit=scene.unit)

    draw.chart("betti", scene.about, build, change=lambda standing: with_tables(standing, [rule]))


def _dendrogram(scene: Scene, at: float) -> None:
    bars, seen, domain = scene.bars, scene.seen, scene.domain
    equal = int((seen.explored.lengths == 0).sum())  # merges of equal points, which end no bar
    bar = bars.bar(selection.chosen(bars))
    merge = bar.place + equal if bar and bar.degree == 0 else None
    held, rule = held_branch(seen.brackets, merge, domain), distance_rule(at)

    def build():
        ends = pd.DataFrame({"degree": 0, "place": range(len(seen.explored.tree) - equal)})
        ended = [""] * equal + bars.names(ends)
        tables = dendrogram_tables(seen.brackets, seen.order, seen.linkage, scene.prompts, ended, domain)
        return dendrogram_chart(tables, held, rule, categories=scene.categories, domain=domain, unit=scene.unit)

    draw.chart(
        _TREE, (*scene.about, tuple(scene.categories)), build, selection="bar",
        on_select=lambda: selection.clicked(_TREE, bars), change=lambda standing: with_tables(standing, [rule, held]),
    )  # fmt: skip
    st.caption(
        "Single linkage: the tree of all H0 merges. A branch has its prompts' colour while they are of one category."
    )
