"""A cell looked at closely: its bars, its map, the distance at which the complex grows, and the prompts of a bar."""

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from math import ceil, floor, log10

import pandas as pd
import streamlit as st

from pages.parts import data, draw, frame, live, prompts, selection, tour
from pages.parts.cell import GROWTH, KIND, Options, bars_below, capped_words, known
from pages.parts.controls import asked, control, put
from pages.parts.selection import Bar, Bars
from pages.parts.web import WORDS, Markdown, plain
from phcore.errors import Fault
from phcore.export.results import Results
from phcore.figures.charts import growth
from phcore.figures.charts.barcode import barcode_and_diagram, barcode_now
from phcore.figures.charts.bars import cap_bars, shape_answer
from phcore.figures.charts.standing import with_tables
from phcore.figures.charts.theme import HALF_WIDTH
from phcore.formatting import count, three, unit_words
from phcore.topology import complexes
from phcore.topology.explore import Lens, ranked

_CHART, _MAP, _TREE = "bars-first", "cloud-map", "dendrogram"
_TALL = 400  # pixels of the barcode, and of the diagram below it
_DEFAULT = 0.62  # of the axis: where the distance slider starts


@dataclass(frozen=True)
class Scene:
    """What is looked at, and on which axis. `seen` is None where the hidden states are not at hand."""

    study: Results
    cell: data.Cell
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
        """Everything a chart of this scene depends on, but for the distance and what is selected."""
        options = self.options
        return (data.version(self.study), *self.cell, str(options.lens), options.order, options.cap, self.last)

    @property
    def prompts(self) -> pd.DataFrame:
        """Of the points, in their order."""
        return live.prompts(self.study).iloc[self.seen.explored.rows]

    @property
    def categories(self) -> list[str]:
        return live.categories(self.study)


def show(study: Results, cell: data.Cell, options: Options) -> None:
    """The view, from the bars down to the tree."""
    if not known(study, cell):
        return
    bars, seen = _bars(study, cell, options)
    if bars is None:
        return
    if bars.table.empty:
        frame.note("There are no finite bars here.")
        return
    scene = Scene(study, cell, options, bars, seen, *_axis(study, cell, options, bars))
    words = shape_answer(bars.table, scene.unit)
    st.markdown(plain(words))
    at = _slider(scene)
    _at_words(bars, seen, at)
    mapped = live.map_of(study, cell, options.lens, options.map) if seen else None
    # Set before its widget is first drawn, or the address would not follow.
    st.session_state.setdefault(prompts.MARKED, asked(prompts.MARKED, ""))
    marked = prompts.marked(seen.explored.rows) if seen else set()
    left, right = st.columns(2)
    with left:
        _barcode(scene, at, marked, words)
    with right:
        if seen is None:
            frame.note(_no_cloud(study))
            _selected(scene)
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


def below(study: Results, cell: data.Cell, options: Options) -> None:
    """The bars as a table. No part of the view: it need not be sent again whenever the distance moves."""
    table = pd.DataFrame()
    with suppress(Fault):  # it was said above
        table = ranked(live.look_or_read(study, cell, options.lens)[1])
    if len(table):
        table = table.assign(subsample=options.subsample)[["subsample", "degree", "birth", "death", "persistence"]]
        bars_below(study, cell, table, "first", unit_words(options.scale, options.lens.metric))


# --- the bars ---------------------------------------------------------------------------------------


def _bars(study: Results, cell: data.Cell, options: Options) -> tuple[Bars | None, live.Seen | None]:
    """The bars to show: measured now where the cloud is at hand, else the archive's. Says which."""
    try:
        seen, diagrams = live.look_or_read(study, cell, options.lens)
    except Fault as fault:
        words = _filters(options.lens)
        frame.say(fault, words and f" ({words})", " under Live")
        return None, None
    row = st.columns([5, 1.35], vertical_alignment="center")
    row[0].caption(_origin(study, options, seen))
    with row[1]:
        tour.invite(study)
    table = seen.explored.table if seen else ranked(diagrams)
    return Bars.of_subsample(table, options.lens.subsample), seen


def _filters(lens: Lens) -> str:
    """Which prompts a lens leaves in, in words; empty where it leaves all."""
    words = [f"only {', '.join(lens.categories)}"] if lens.categories else []
    if lens.text.strip():
        words.append(f"containing “{lens.text.strip()}”")
    return ", ".join(words)


def _origin(study: Results, options: Options, seen: live.Seen | None) -> Markdown:
    """Whether the study's tables hold these bars, or they were measured for this look only."""
    if seen is None:
        return f":material/inventory_2: **From the archive:** bars of subsample {plain(options.subsample)}."
    lens, shown, total = options.lens, len(seen.explored.rows), study.record.n_prompts
    which = "the whole cloud" if lens.subsample < 0 else f"subsample {lens.subsample:d}"
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
        f"{plain(', '.join(how))}. Not in the study's tables."
    )


def _no_cloud(study: Results) -> str:
    words = "The hidden states of this cell are not in the archive, so its bars cannot be led back to prompts."
    for layer in study.record.layers:
        if cached := live.cells_with_clouds(study, layer):
            steps = sorted({step for _, step, _ in cached})
            return f"{words} Those of layer {layer} are, at steps {', '.join(map(str, steps))}."
    return f"{words} Compute the study on this machine to have them."


def _axis(study: Results, cell: data.Cell, options: Options, bars: Bars) -> tuple[float, float]:
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


def _barcode(scene: Scene, at: float, marked: set[int], words: str) -> None:
    bars, options = scene.bars, scene.options
    held = bars.mark(selection.chosen(bars))
    touched = bars.names(scene.seen.explored.touched(marked)) if marked else []

    build = partial(
        barcode_and_diagram, bars.table, domain=scene.domain, cap=options.cap, order=options.order, unit=scene.unit,
        question=None, answer="", at=at, height=_TALL, width=HALF_WIDTH, stacked=True,
    )  # fmt: skip
    draw.chart(
        _CHART, scene.about, build, selection="bar", on_select=lambda: _select(_CHART, bars),
        change=lambda tables: barcode_now(tables, at, held, touched), words=words,
    )  # fmt: skip
    capped = ""
    if len(bars.table) > options.cap:
        capped = " " + capped_words(*cap_bars(bars.table, options.cap)[1:])
    st.caption(WORDS["barcode"] + capped)


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
    digits, label = max(1, 1 - floor(log10(step))), plain(f"Prompts closer than this are joined ({scene.unit})")
    return control(st.slider, "b_at", 0.0, last, default, step, label=label, format=f"%.{digits}f")


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
    """The selected bar in words and prompts; returns what the map shows of it."""
    bar, own = _selected(scene), scene.prompts
    with st.container(height=330, border=False):
        prompts.marked_words(own, marked, scene.categories)
        return selection.explain(scene.study, scene.cell, scene.options.lens, bar, scene.seen.explored, own)


def _selected(scene: Scene) -> Bar | None:
    """The list of bars, and a sentence on the one selected; None for the endless one."""
    bars = scene.bars
    row = st.columns([2.2, 1, 1], vertical_alignment="bottom")
    label = control(row[0].selectbox, "b_bar", bars.labels)
    bar = bars.bar(label)
    for column, end in zip(row[1:], ("birth", "death"), strict=True):
        column.button(
            plain(f"To its {end}"), key=f"to-{end}", width="stretch", disabled=bar is None, on_click=put,
            help="Moves the distance there.", args=("b_at", 0.0 if bar is None else getattr(bar, end)),
        )  # fmt: skip
    st.markdown(selection.sentence(bars, label, scene.unit))
    return bar


def _select(chart: str, bars: Bars) -> None:
    """A click on a bar, or on a merge of the tree, selects it."""
    if label := bars.clicked(chart):
        put("b_bar", label)


def _map(scene: Scene, mapped: live.Mapped, held: dict, marked: set[int], at: float) -> None:
    lens, rows = scene.options.lens, scene.seen.explored.rows
    edges, triangles = live.complex_on(scene.study, scene.cell, lens, scene.options.map)
    drawn_edges, drawn_triangles, *_ = scene.seen.complex_at(at)
    prompts.draw_map(
        _MAP, scene.study, scene.seen, mapped, words="Map of the prompts: " + mapped.words,
        on_select=lambda: prompts.mark(_MAP, mapped.points[rows], rows),
        edges=edges[:drawn_edges], triangles=triangles[:drawn_triangles], held=held, marked=marked,
    )  # fmt: skip
    st.caption(plain(mapped.words) + " Click a prompt or draw a frame to mark its bars; a double click clears it.")


# --- below the map ----------------------------------------------------------------------------------


def _betti(scene: Scene, at: float) -> None:
    rule = growth.distance_rule(at)

    def build():
        rows = growth.betti_rows(*scene.seen.curve, scene.last)
        return growth.betti_chart(rows, rule, domain=scene.domain, unit=scene.unit)

    draw.chart("betti", scene.about, build, change=lambda standing: with_tables(standing, [rule]))


def _dendrogram(scene: Scene, at: float) -> None:
    bars, seen, domain = scene.bars, scene.seen, scene.domain
    equal = int((seen.explored.lengths == 0).sum())  # merges of equal points, which end no bar
    bar = bars.bar(selection.chosen(bars))
    merge = bar.place + equal if bar and bar.degree == 0 else None
    held, rule = growth.held_branch(seen.brackets, merge, domain), growth.distance_rule(at)

    def build():
        ends = pd.DataFrame({"degree": 0, "place": range(len(seen.explored.tree) - equal)})
        ended = [""] * equal + bars.names(ends)
        tables = growth.dendrogram_tables(seen.brackets, seen.order, seen.linkage, scene.prompts, ended, domain)
        return growth.dendrogram_chart(tables, held, rule, categories=scene.categories, domain=domain, unit=scene.unit)

    draw.chart(
        _TREE, (*scene.about, tuple(scene.categories)), build, selection="bar",
        on_select=lambda: _select(_TREE, bars), change=lambda standing: with_tables(standing, [rule, held]),
    )  # fmt: skip
    st.caption(
        "Single linkage: the tree of all H0 merges. A branch has its prompts' colour while they are of one category."
    )
