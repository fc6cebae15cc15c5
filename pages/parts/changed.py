"""What changed between two checkpoints: matched bars, the prompts behind them, and the prompts that moved most."""

import numpy as np
import pandas as pd
import streamlit as st

from pages.parts import answered, controls, data, draw, figure, frame, influential, live, prompts, selection
from pages.parts.cell import Options, file_name, known
from pages.parts.controls import control
from pages.parts.fluid import Room
from pages.parts.influential import Comparison, name_of
from pages.parts.web import WORDS, Markdown, plain
from phcore.errors import Fault
from phcore.export.results import Results
from phcore.figures.charts.matching import GONE, MOVED, NEW, PAIR, matching_chart, matching_now, pair_rows
from phcore.formatting import count, percent, three, unit_words, wasserstein_words
from phcore.topology import distances

PREVIOUS, LATEST, BASE = "the previous checkpoint", "the latest before with hidden states", "the base model"
_CHART = "matching"


def pick(study: Results, cell: data.Cell) -> Comparison:
    """What the cell is compared with, and how."""
    row = st.columns([2.4, 1.4, 1.2], vertical_alignment="bottom")
    before = _earlier(study, cell, row[0])
    degree = controls.degree(row[1], "c_degree")
    order = control(row[2].selectbox, "c_order", [1, 2], 0 if study.study.order == 1 else 1)
    return Comparison(before, cell, degree, order)


def show(study: Results, cell: data.Cell, options: Options, room: Room) -> None:
    """The answer in a sentence, the two diagrams matched, the prompts that moved them, and those of one pair."""
    pair = pick(study, cell)
    if pair.before is None:
        frame.note("Step 0 has no earlier checkpoint. Choose a later step, or another checkpoint to compare with.")
        return
    if not known(study, pair.before) or not known(study, pair.after):
        return
    if not options.one_complex:
        frame.note("Bars are matched within one subsample: choose its number under Options.")
        return
    sides = [_side(study, one, options) for one in (pair.before, pair.after)]
    if None in sides:
        return
    (before, seen_before), (after, seen_after) = sides
    degree, order = pair.degree, pair.order
    unit, norm = unit_words(options.scale, options.lens.metric), study.study.norm
    pairs, costs, shares = distances.matched(before[degree], after[degree], order=order, norm=norm)
    rows = pair_rows(before[degree], after[degree], pairs, costs, shares)
    total = float(costs.sum() ** (1 / order))
    words = _answer(rows, pair)
    first = st.empty()  # the answer; the prompt that moved it most is named as soon as it is found
    names = f"What changed from {pair.names[0]} to {pair.names[1]}? (layer {pair.after[2]})"
    figure.finding(first, names, words)
    if not (rows["share"] > 0).any():
        return
    held = controls.chosen("c_pair", list(rows["pair"])) or rows["pair"].iloc[0]
    domain = _axis(study, pair.after[2], options, rows, degree)
    about = (data.version(study), *pair.after, *pair.before, str(options.lens), degree, order, domain, room.full)
    draw.chart(
        _CHART, about,
        lambda: matching_chart(rows, domain=domain, names=pair.names, degree=degree, unit=unit, width=room.full),
        selection=PAIR, on_select=lambda: _select(rows), change=lambda tables: matching_now(tables, held), words=words,
    )  # fmt: skip
    st.caption(plain(_distance_words(rows, total, pair, norm, unit)) + " " + WORDS["matching"])
    frame.below(
        lambda: rows.drop(columns=["place_a", "place_b"]), file_name("matching", study, pair.after), "matching",
        words=f"Every bar of both diagrams once; cost in {unit} to the power {order}; a: before, b: after.",
    )  # fmt: skip
    left, right = st.columns([1.25, 1])
    with left:
        table = influential.show(study, pair, options)
    if table is not None:
        figure.finding(first, names, f"{words} {influential.sentence(table)}")
    with right:
        st.markdown("### Which bars changed most?")
        held = control(st.selectbox, "c_pair", rows["pair"].tolist())
        one = rows[rows["pair"] == held].iloc[0]
        st.markdown(_pair_words(one, pair.names, order, unit))
        _ranking(rows)
    answered.show(study, pair.before, pair.after, pair.names)
    if seen_before is not None and seen_after is not None:
        st.caption(WORDS["matched_prompts"])
        _before_and_after(study, pair, (seen_before, seen_after), options, one, room)
    else:
        frame.note("The hidden states of both cells are needed to see the prompts; they are not in the archive.")


# --- what is compared -------------------------------------------------------------------------------


def _earlier(study: Results, cell: data.Cell, place) -> data.Cell | None:
    """The cell to compare with, at the same layer."""
    series, step, layer = cell
    every = {
        name_of(one): one
        for one in ((s.name, n.step, layer) for s in study.record.series for n in study.record.path_of(s.name))
        if one[1] and one != cell
    }
    steps = [node.step for node in study.record.path_of(series) if node.step < step]
    cached = [one for one in steps if live.has_cloud(study, (series, one, layer))]
    fixed = {PREVIOUS: (series, steps[-1], layer) if steps else None, BASE: (series, 0, layer) if steps else None}
    if cached and cached[-1] != steps[-1] and live.has_cloud(study, cell):
        fixed = {LATEST: (series, cached[-1], layer)} | fixed  # first: it leads back to prompts
    ways = fixed | every
    return ways[control(place.selectbox, "c_from", list(ways))]


def _side(study: Results, cell: data.Cell, options: Options) -> tuple[list[np.ndarray], live.Seen | None] | None:
    """Diagrams of a cell, measured now where its cloud is at hand, else the archive's."""
    try:
        seen, diagrams = live.look_or_read(study, cell, options.lens)
    except Fault as fault:
        frame.say(fault)
        return None
    if seen is None and not sum(map(len, diagrams)):
        frame.note(f"The archive has no bars of {name_of(cell)} in this subsample.")
        return None
    return diagrams, seen


# --- in words ---------------------------------------------------------------------------------------


def _answer(rows: pd.DataFrame, pair: Comparison) -> str:
    """What changed, in a sentence."""
    if rows.empty:
        return f"Neither has a {pair.noun} in these prompts."
    if not (rows["share"] > 0).any():
        return f"The two H{pair.degree} diagrams are the same."
    kinds = rows["what"].value_counts()
    half = int((rows["share"].cumsum() < 0.5).sum()) + 1
    makers = "one of them makes" if half == 1 else f"{half:,} of them make"
    return (
        f"{count(int(kinds.get(MOVED, 0)), pair.noun)} moved, {kinds.get(NEW, 0)} appeared and "
        f"{kinds.get(GONE, 0)} disappeared; {makers} half of the change."
    )


def _distance_words(rows: pd.DataFrame, total: float, pair: Comparison, norm: float, unit: str) -> str:
    squared = " (halves are of its square)" if pair.order == 2 else ""
    return f"Wasserstein distance ({wasserstein_words(pair.order, norm)}): {three(total)} ({unit}){squared}."


def _pair_words(pair: pd.Series, names: tuple[str, str], order: int, unit: str) -> Markdown:
    share = f"It pays {plain(percent(pair['share'], 1))} of the distance" + (" squared." if order == 2 else ".")
    row = pair.to_frame().T
    before, after = plain(_spans(row, "a")[0]), plain(_spans(row, "b")[0])
    if pair["what"] == NEW:
        return f"**A new bar**: {after} ({plain(unit)}) has no counterpart at {plain(names[0])}. {share}"
    if pair["what"] == GONE:
        return f"**A bar that is gone**: {before} ({plain(unit)}) has no counterpart at {plain(names[1])}. {share}"
    return f"**A bar that moved**: from {before} to {after} ({plain(unit)}). {share}"


def _ranking(rows: pd.DataFrame) -> None:
    """The pairs that pay most."""
    top = rows[rows["share"] > 0].head(30)
    table = {"pair": top["pair"], "what": top["what"], "before": _spans(top, "a"), "after": _spans(top, "b")}
    st.dataframe(
        pd.DataFrame(table | {"share": top["share"]}), hide_index=True, height=180, key="ranking",
        column_config={"share": st.column_config.ProgressColumn("share of the distance", format="percent",
                                                                min_value=0.0, max_value=float(top["share"].max()))},
    )  # fmt: skip


def _spans(rows: pd.DataFrame, end: str) -> list[str]:
    """Bars as "35.8 – 38.1"; a dash where there is none."""
    ends = zip(rows[f"birth_{end}"], rows[f"death_{end}"], strict=True)
    return [f"{three(birth)} – {three(death)}" if birth == birth else "–" for birth, death in ends]


def _axis(study: Results, layer: int, options: Options, rows: pd.DataFrame, degree: int) -> tuple[float, float]:
    """All distance axes: around the bars, and where the archive knows them around those of every step of the layer."""
    low = float(rows[["birth_a", "birth_b"]].min(axis=None))
    high = float(rows[["death_a", "death_b"]].max(axis=None))
    if options.fixed and options.lens.archived(study.study.metric):
        high = max(high, data.longest_death(study, layer, options.scale))
        low = min(low, data.earliest_loop(study, layer, options.scale)) if degree else 0.0
    room = 0.04 * (high - low)
    return max(0.0, low - room), high + room


def _select(rows: pd.DataFrame) -> None:
    """A click in the chart selects a pair."""
    if (pair := draw.clicked(_CHART, PAIR)) in set(rows["pair"]):
        st.session_state["c_pair"] = pair


# --- the prompts of a pair --------------------------------------------------------------------------


def _before_and_after(study: Results, pair: Comparison, seen, options: Options, matched: pd.Series, room: Room) -> None:
    """Two maps on the same axes, and the prompts of each bar."""
    categories = live.categories(study)
    sides = zip(room.pair(), "ab", (pair.before, pair.after), seen, pair.names, strict=True)
    for column, end, cell, one, name in sides:
        own, place = live.prompts(study).iloc[one.explored.rows], int(matched[f"place_{end}"])
        held = {} if place < 0 else selection.held(selection.made_by(one.explored, pair.degree, place))
        with column:
            mapped = live.map_of(study, cell, options.lens, "PCA")
            prompts.draw_map(f"map-{end}", study, one, mapped, width=room.half, question=name[0].upper() + name[1:],
                             held=held)  # fmt: skip
            if place < 0:
                st.caption("This bar has no counterpart here.")
            elif pair.degree == 1:
                st.markdown(f"The cycle, {count(len(held['cycle']), 'prompt')} in order:")
                marks = [str(k) for k in range(1, len(held["cycle"]) + 1)]
                prompts.listing(own.iloc[held["cycle"]], categories, marks)
            else:
                st.markdown("The two prompts whose edge ends the bar:")
                prompts.listing(own.iloc[list(held["edge"])], categories, ["A", "B"])
