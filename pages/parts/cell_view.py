"""A cell looked at closely: its map and its bars, which move in the browser, the prompts of a bar, and below it folded
the same bars as charts to print, the tree of its merges, and a table."""

from dataclasses import dataclass
from functools import partial
from math import ceil, floor, log10

import numpy as np
import pandas as pd
import streamlit as st

from pages.parts import data, draw, figure, frame, live, moving_cell, places, present, prompts, selection, tour
from pages.parts.cell import KIND, MOVED, Options, bars_below, capped_words, known
from pages.parts.controls import asked, control, put
from pages.parts.fluid import APART, Room
from pages.parts.selection import Bar, Bars
from pages.parts.web import WORDS, Markdown, plain
from phcore.analysis import longer_than_noise
from phcore.errors import Fault
from phcore.export.results import Results
from phcore.figures import motion
from phcore.figures.charts import growth
from phcore.figures.charts.barcode import barcode_and_diagram, barcode_now
from phcore.figures.charts.bars import cap_bars, shape_answer
from phcore.figures.charts.standing import with_tables
from phcore.formatting import count, unit_words
from phcore.topology import explore
from phcore.topology.explore import ranked

_CHART, _TREE = "bars-first", "dendrogram"


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
    room: Room

    @property
    def unit(self) -> str:
        return unit_words(self.options.scale, self.options.lens.metric)

    @property
    def about(self) -> tuple:
        """Everything a chart of this scene depends on, but for the distance and what is selected."""
        options = self.options
        return (data.version(self.study), *self.cell, str(options.lens), options.order, options.cap, self.last)

    @property
    def rows(self):
        """(m,) numbers of the prompts shown."""
        if self.seen:
            return self.seen.explored.rows
        return live.index_sets(self.study)[self.options.lens.subsample]

    @property
    def prompts(self) -> pd.DataFrame:
        """Of the points, in their order."""
        return live.prompts(self.study).iloc[self.rows]


def show(study: Results, cell: data.Cell, options: Options, room: Room) -> None:
    """The picture, what is said of it, and what is folded below."""
    if st.session_state.pop(MOVED, False):
        st.rerun()  # the steps rest elsewhere: the controls above this part follow
    if not known(study, cell):
        return
    bars, seen = _bars(study, cell, options)
    if bars is None:
        return
    if bars.table.empty:
        frame.note("There are no finite bars here.")
        return
    scene = Scene(study, cell, options, bars, seen, *_axis(study, cell, options, bars), room)
    _picture(scene)
    row = st.columns([5, 1.35], vertical_alignment="center")
    row[0].caption(_origin(scene))
    with row[1]:
        tour.invite(study)
    _folded(scene)


# --- the bars ---------------------------------------------------------------------------------------


def _bars(study: Results, cell: data.Cell, options: Options) -> tuple[Bars | None, live.Seen | None]:
    """The bars to show: measured now where the cloud is at hand, else the archive's."""
    try:
        seen, diagrams = live.look_or_read(study, cell, options.lens)
    except Fault as fault:
        words = _filters(options.lens)
        frame.say(fault, words and f" ({words})", " under Options")
        return None, None
    table = seen.explored.table if seen else ranked(diagrams)
    return Bars.of_subsample(table, options.lens.subsample), seen


def _filters(lens: explore.Lens) -> str:
    """Which prompts a lens leaves in, in words; empty where it leaves all."""
    words = [f"only {', '.join(lens.categories)}"] if lens.categories else []
    if lens.text.strip():
        words.append(f"containing “{lens.text.strip()}”")
    return ", ".join(words)


def _origin(scene: Scene) -> Markdown:
    """Whether the study's tables hold these bars, or they were measured for this look only."""
    study, options, seen = scene.study, scene.options, scene.seen
    lens, shown, total = options.lens, len(scene.rows), study.record.n_prompts
    which = "the whole cloud" if lens.subsample < 0 else f"subsample {lens.subsample:d}"
    if seen is None or (lens.archived(study.study.metric) and (lens.subsample >= 0) == bool(study.study.subsamples)):
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


# --- the picture ------------------------------------------------------------------------------------


def _picture(scene: Scene) -> None:
    bars, options = scene.bars, scene.options
    with st.container(key="cell-links"):  # what links carry, and the browser shows in its own way
        label = control(st.selectbox, "b_bar", bars.labels)
        bar = bars.bar(label)
        at = _distance(scene, bar)
        # Set before its widget is first drawn, or the address would not follow.
        st.session_state.setdefault(prompts.MARKED, asked(prompts.MARKED, ""))
        control(st.text_input, prompts.MARKED)
    band = live.noise(scene.study, scene.cell, options.lens)
    held, parts = _story(scene, bar)
    said = selection.sentence(bars, label, scene.unit)
    marked = prompts.marked(scene.rows)
    answer = shape_answer(bars.table, scene.unit)
    key = repr((*scene.about, band, options.map, options.fixed))
    now = {
        "at": at, "bar": label, "marked": marked, "held": held, "about": answer, "sentence": said,
        "said": [{"words": said, "prompts": []}, *_marked(scene, marked), *parts],
        "noise": _noise_words(scene, band),
        "nothing": "Nothing in the archive says where these prompts lie: compute the study again for its maps.",
    }  # fmt: skip
    picture = moving_cell.Scene(
        key, scene.study, scene.cell, options.lens, scene.seen, bars.diagrams, scene.rows, options.map, options.order,
        scene.last, scene.step, scene.unit, band,
    )  # fmt: skip
    if present.shows("cell"):
        series, step, layer = scene.cell
        question = f"What shape is this cloud? ({series}, step {step:,}, layer {layer})"
        title = longer_than_noise.answer(bars.diagrams, band) if band else answer
        figure.finding(st, question, title)
    moving_cell.show(picture, now, {"at": _put_distance, "step": _put_step, "bar": _put_bar, "marked": _put_marked})
    if words := _lacking(scene):
        st.caption(plain(words))


def _put_distance(value: object) -> None:
    put("b_at", float(value))


def _put_step(value: object) -> None:
    st.session_state.update({"b_step": int(value), MOVED: True})


def _put_bar(value: object) -> None:
    put("b_bar", str(value))


def _put_marked(value: object) -> None:
    put(prompts.MARKED, ",".join(str(int(one)) for one in value))


def _distance(scene: Scene, bar: Bar | None) -> float:
    """The distance: of the page or of a link where it is one here, else one at which the selected bar is alive."""
    step, last, options = scene.step, scene.last, scene.options
    default = min(
        last, motion.opening_distance(bar.birth, bar.death, step) if bar else round(0.62 * last / step) * step
    )
    # A distance belongs to a layer and a way of measuring: elsewhere it says nothing, or lies beyond the axis.
    kind = (scene.cell[2], options.scale, options.lens.metric, options.lens.dimension)
    at = st.session_state.get("b_at", default)
    if st.session_state.get(KIND, kind) != kind or not 0 <= at <= last:
        st.session_state["b_at"] = at = default
    st.session_state[KIND] = kind
    digits = max(1, 1 - floor(log10(step)))
    return control(st.slider, "b_at", 0.0, last, default, step, format=f"%.{digits}f")


def _story(scene: Scene, bar: Bar | None) -> tuple[dict, list[dict]]:
    """What the map shows of the selected bar, and its prompts."""
    if scene.seen is None:
        return {}, [{"words": _no_cloud(scene.study), "prompts": []}]
    held, parts = selection.story(bar, scene.seen.explored, scene.prompts)
    if scene.options.cut and bar is not None and bar.degree == 1:
        cut, words = _cut(scene, bar)
        return held | cut, [{"words": words, "prompts": []}, *parts]
    return held, parts


def _cut(scene: Scene, bar: Bar) -> tuple[dict, str]:
    """ripser's cocycle of the loop: edges that every cycle around its hole must cross an odd number of times."""
    if len(scene.rows) > live.COCYCLES:
        return {}, f"Ripser's cocycle is offered up to {live.COCYCLES:,} prompts."
    try:
        cut = live.cocycle(scene.study, scene.cell, scene.options.lens, bar.birth, bar.death)
    except Fault as fault:
        return {}, data.told(fault)
    return {
        "cut": cut.tolist()
    }, f"Dotted on the map: a cut across the loop, {count(len(cut), 'edge')}. Not the loop itself."


def _marked(scene: Scene, marked: list[int]) -> list[dict]:
    """The prompts chosen on the map."""
    if not marked:
        asked_for = st.session_state[prompts.MARKED]
        words = "None of the numbers marked is a prompt of this map."
        return [selection.part(words, scene.prompts.head(0))] if asked_for else []
    chosen = scene.prompts[scene.prompts["prompt"].isin(marked)]
    words = f"Chosen on the map: {count(len(chosen), 'prompt')} ({prompts.counted(chosen['category'])})"
    return [selection.part(words + prompts.first_words(len(chosen)), chosen.head(prompts.FIRST))]


def _noise_words(scene: Scene, band: longer_than_noise.Noise | None) -> str:
    if band is not None:
        return longer_than_noise.sentence(scene.bars.diagrams, band)
    if scene.seen is None:
        return "Nothing is pale: what noise reaches is measured on Gaussian clouds, from this cell's hidden states."
    return f"Nothing is pale: Gaussian clouds are drawn of up to {live.DRAWN:,} prompts."


def _no_cloud(study: Results) -> str:
    words = "Leading a bar back to its prompts needs this cell's hidden states, which are not in the archive."
    for layer in study.record.layers:
        if cached := live.cells_with_clouds(study, layer):
            steps = sorted({step for _, step, _ in cached})
            return f"{words} Those of layer {layer} are, at steps {', '.join(map(str, steps))}."
    return f"{words} Compute the study on this machine to have them."


def _lacking(scene: Scene) -> str:
    """What the map does not show of a cell without hidden states."""
    if scene.seen is not None:
        return ""
    series, step, layer = scene.cell
    if step in places.edges(scene.study, series, layer):
        return "Lines join the shortest pairs that the archive keeps of this cell; triangles need its hidden states."
    return "Points only: lines and triangles need this cell's hidden states, which are not in the archive."


# --- folded -----------------------------------------------------------------------------------------


def _folded(scene: Scene) -> None:
    """What opens below; what is closed is not made."""
    folds = [("How to read this", "b-read", "help", _how)]
    if scene.seen is not None:
        folds.append(("Which prompts merge with which?", "b-tree", "account_tree", _dendrogram))
    folds.append(("Barcode and diagram, to print", "b-diagram", "scatter_plot", _diagram))
    for title, key, icon, drawn in folds:
        place = frame.fold(title, key, icon)
        if place.open:
            with place:
                drawn(scene)
    draw.ready(*_chart(scene))  # which the files below hold, open or not
    table = scene.bars.table[["subsample", "degree", "birth", "death", "persistence"]]
    bars_below(scene.study, scene.cell, table, "first", scene.unit)


def _how(scene: Scene) -> None:
    st.markdown(WORDS["cell"])
    axes = places.of(scene.study, scene.cell, scene.options.lens, scene.options.map).words
    if axes:
        st.markdown("**The axes of the map.** " + plain(axes))


def _chart(scene: Scene) -> tuple:
    """The bars as a chart: its name, what it depends on, how it is built and what moves in it."""
    bars, options, seen = scene.bars, scene.options, scene.seen
    at, held = st.session_state["b_at"], bars.mark(selection.chosen(bars))
    points = set(map(int, np.flatnonzero(np.isin(scene.rows, prompts.marked(scene.rows)))))
    touched = bars.names(seen.explored.touched(points)) if seen and points else []
    band = live.noise(scene.study, scene.cell, options.lens)
    wide = scene.room.full
    build = partial(
        barcode_and_diagram, bars.table, domain=(0.0, scene.last), cap=options.cap, order=options.order,
        unit=scene.unit, question=None, at=at, width=wide, stacked=wide < APART, noise=band and band.longest,
    )  # fmt: skip
    return _CHART, (*scene.about, band, wide), build, lambda tables: barcode_now(tables, at, held, touched)


def _diagram(scene: Scene) -> None:
    name, about, build, change = _chart(scene)
    draw.chart(
        name, about, build, selection="bar", on_select=lambda: _select(name, scene.bars), change=change,
        words=shape_answer(scene.bars.table, scene.unit),
    )  # fmt: skip
    bars, cap = scene.bars.table, scene.options.cap
    capped = " " + capped_words(*cap_bars(bars, cap)[1:]) if len(bars) > cap else ""
    st.caption(WORDS["barcode"] + capped)


def _select(chart: str, bars: Bars) -> None:
    """A click on a bar, or on a merge of the tree, selects it."""
    if label := bars.clicked(chart):
        put("b_bar", label)


def _dendrogram(scene: Scene) -> None:
    bars, seen, domain, at = scene.bars, scene.seen, (0.0, scene.last), st.session_state["b_at"]
    equal = int((seen.explored.lengths == 0).sum())  # merges of equal points, which end no bar
    bar = bars.bar(selection.chosen(bars))
    merge = bar.place + equal if bar and bar.degree == 0 else None
    held, rule = growth.held_branch(seen.brackets, merge, domain), growth.distance_rule(at)
    categories = live.categories(scene.study)

    def build():
        ends = pd.DataFrame({"degree": 0, "place": range(len(seen.explored.tree) - equal)})
        ended = [""] * equal + bars.names(ends)
        tables = growth.dendrogram_tables(seen.brackets, seen.order, seen.linkage, scene.prompts, ended, domain)
        return growth.dendrogram_chart(tables, held, rule, categories=categories, domain=domain, unit=scene.unit)

    draw.chart(
        _TREE, (*scene.about, tuple(categories)), build, selection="bar",
        on_select=lambda: _select(_TREE, bars), change=lambda standing: with_tables(standing, [rule, held]),
    )  # fmt: skip
    st.caption(
        "Single linkage: the tree of all H0 merges. A branch has its prompts' colour while they are of one category."
    )
