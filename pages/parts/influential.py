"""Two checkpoints compared, and which prompts moved the distance between them: each is left out in turn."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from pages.parts import data, frame, live, next_words
from pages.parts.cell import Options, file_name
from pages.parts.controls import control
from pages.parts.web import WORDS
from phcore.errors import Fault
from phcore.export.results import Results
from phcore.figures.charts.cloud_map import shortened
from phcore.formatting import percent
from phcore.topology import distances, influence
from phcore.topology.explore import Lens
from phcore.topology.persistence import cell_diagrams

_TOP = 5  # prompts that are shown with what the model says


@dataclass(frozen=True)
class Comparison:
    """Two cells of one layer, and how their diagrams are matched. `before` is None where there is no such cell."""

    before: data.Cell | None
    after: data.Cell
    degree: int
    order: int

    @property
    def noun(self) -> str:
        return ("component", "loop")[self.degree]

    @property
    def names(self) -> tuple[str, str]:
        return name_of(self.before), name_of(self.after)


def name_of(cell: data.Cell) -> str:
    return f"{cell[0]}, step {cell[1]:,}" if cell[1] else "the base model"


def show(study: Results, pair: Comparison, options: Options) -> pd.DataFrame | None:
    """The prompts that moved the topology most: at once in the subsample that is shown, on request in more of them.

    Returns
    -------
    The table of prompts, most influential first; None where it is not measured.
    """
    st.markdown("### Which prompts moved it?")
    if not study.study.subsamples:
        frame.note("This study looks at whole clouds, and leaving prompts out needs subsamples.")
        return None
    if not (live.has_cloud(study, pair.before) and live.has_cloud(study, pair.after)):
        frame.note("Finding them needs the hidden states of both checkpoints, which are not in the archive.")
        return None
    choices = [1, *(k for k in (4, 8, 16, 32, 64) if k < study.study.subsamples), study.study.subsamples]
    row = st.columns([1.6, 1], vertical_alignment="bottom")
    number = control(row[0].select_slider, "c_subsamples", choices, value=1)
    lens = Lens(metric=options.lens.metric, dimension=options.lens.dimension, scale=options.scale)
    shown = max(0, options.lens.subsample)  # leaving prompts out of the whole cloud would take minutes
    numbers = (shown,) if number == 1 else tuple(range(number))
    asked = number > 1 and row[1].button("Measure", icon=":material/play_arrow:", width="stretch", key="c_measure")
    key = (study.version, pair, lens, numbers)
    if (asked or number == 1) and key not in _kept():
        try:
            _measure(study, key, pair, numbers, lens)
        except Fault as fault:
            frame.say(fault)
            return None
    table = _kept().get(key)
    if table is None:
        st.caption("Not measured yet for this choice. " + WORDS["influence"])
        return None
    own = live.prompts(study).set_index("prompt").loc[table["prompt"]]
    table = table.assign(category=own["category"].to_numpy(), text=own["text"].to_numpy())
    next_words.show(study, pair.before, pair.after, pair.names, table.head(_TOP))
    name = file_name("influence", study, pair.after)
    frame.below(lambda: table, name, "influence", title="All prompts and download", words=WORDS["influence"])
    return table


def sentence(table: pd.DataFrame) -> str:
    """Which prompt moved it most."""
    top = table.iloc[0]
    if not top["lost"] > 0:
        return "No single prompt made it larger."
    text = shortened(top["text"], 60)
    return f"Without its most influential prompt it would be {percent(top['share'], 1)} smaller: “{text}”."


@st.cache_resource
def _kept() -> dict:
    """Results of the jackknife, for all sessions."""
    return {}


def _measure(study: Results, key: tuple, pair: Comparison, numbers: tuple[int, ...], lens: Lens) -> None:
    """Runs the jackknife with a bar of progress; Cancel, or any other control of the page, ends it."""
    measured = [live.distances(study, cell, lens.metric, lens.dimension) for cell in (pair.before, pair.after)]
    matrices = [matrix / median if lens.scale == "median" else matrix for matrix, median in measured]
    sets = np.stack([live.index_sets(study)[k] for k in numbers])
    bar, stop = st.progress(0.0, text="Leaving out each prompt in turn…"), st.empty()
    if len(numbers) > 1:  # a click runs the page anew, and so ends this run
        stop.button("Cancel", key="c_cancel", icon=":material/close:")
    losses, norm = [], study.study.norm
    for k, lost in influence.left_out(*matrices, sets, degree=pair.degree, order=pair.order, norm=norm):
        losses.append((k, lost))
        words = f"Leaving out each prompt in turn: subsample {k + 1:,} of {len(numbers):,}"
        bar.progress((k + 1) / len(numbers), text=words)
    bar.empty()
    stop.empty()
    kept = _kept()
    while len(kept) >= 32:
        kept.pop(next(iter(kept)))
    kept[key] = _table(losses, sets, matrices, pair, norm)


def _table(losses, sets: np.ndarray, matrices: list[np.ndarray], pair: Comparison, norm: float) -> pd.DataFrame:
    """prompt, lost, spread, subsamples, rank, distance (the mean over the subsamples), share; most lost first."""
    numbers, lost, spread, held_by = influence.influence(losses, sets)
    before, after = (cell_diagrams(matrix, sets) for matrix in matrices)
    moved = [
        distances.wasserstein(a[pair.degree], b[pair.degree], order=pair.order, norm=norm)
        for a, b in zip(before, after, strict=True)
    ]
    whole = float(np.mean(moved))
    table = pd.DataFrame({"prompt": numbers, "lost": lost, "spread": spread, "subsamples": held_by})
    table = table.sort_values("lost", ascending=False, ignore_index=True)
    return table.assign(rank=range(1, len(table) + 1), distance=whole, share=table["lost"] / (whole or np.nan))
