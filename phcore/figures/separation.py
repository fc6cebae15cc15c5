"""How far apart the objectives are, by step: every pair of series, with the floor that resampling alone gives."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import altair as alt
import pandas as pd

from phcore.analysis import objectives
from phcore.errors import Fault
from phcore.figures.charts.separation import pair_names, separation_chart
from phcore.figures.figure import Choice, Control, Figure, Look, Numbers, by_step, fixed
from phcore.figures.reading import labelled_pairs, owners, rows, summaries
from phcore.formatting import three, unit_words, wasserstein_words
from phcore.stages.results import Results

MEANS, ENERGY, PAIRED = "mean summaries", "energy distance", "Wasserstein distance"
_COLUMNS = {MEANS: "distance", ENERGY: "energy"}  # of the table `separation`
_PAIR = ["series_a", "series_b", "step"]


class Data(NamedTuple):
    """series_a, series_b, objective_a, objective_b, step, value, lo, hi (its floor); what it is, and of which layer."""

    rows: pd.DataFrame
    quantity: str
    note: str
    layer: int


def read(results: Results, choice: Choice) -> Data:
    if len(results.record.series) < 2:
        raise Fault("objectives can be compared from two series on", "add a series to the study")
    table = _paired(results, choice) if choice.distance == PAIRED else _summaries(results, choice)
    if table.empty:
        raise Fault(
            f"no two series have this distance at layer {choice.layer}, scale {choice.scale}",
            "compute the study, or look at another layer",
        )
    quantity, note = _words(results, choice)
    return Data(labelled_pairs(results, table), quantity, note, choice.layer)


def _summaries(results: Results, choice: Choice) -> pd.DataFrame:
    """Between mean summaries or whole clouds of them: from the published table, as far as there is one.

    Until then the distance of the means is made from the summaries there are, by what makes the table.
    """
    name = _COLUMNS[choice.distance]
    table = rows(results, "separation", choice, "layer", "scale")
    if table.empty and choice.distance == MEANS:
        one = objectives.standardise(summaries(results, choice.scale), choice.layer)
        floors = objectives.split_half_floor(one)
        parts = [
            objectives.objective_distance(one, floors, a, b).assign(series_a=a, series_b=b)
            for a, b in combinations(owners(results), 2)
        ]
        table = pd.concat(parts, ignore_index=True)
        return table[[*_PAIR, "value", "floor", "floor_q95"]].set_axis([*_PAIR, "value", "lo", "hi"], axis=1)
    table = table[[*_PAIR, name, f"{name}_floor", f"{name}_floor_hi"]].set_axis([*_PAIR, "value", "lo", "hi"], axis=1)
    return table.dropna(subset="value")


def _paired(results: Results, choice: Choice) -> pd.DataFrame:
    """Between the diagrams of the same subsamples, at the study's own order of the distance."""
    asked = results.study
    own = {"layer": choice.layer, "degree": choice.degree, "scale": choice.scale, "order": asked.order}
    distances, floors = (results.table(name, **own) for name in ("distances", "floors"))
    parts = [
        objectives.objective_wasserstein(distances, floors, a, b, norm=asked.norm, **own).assign(series_a=a, series_b=b)
        for a, b in combinations(owners(results), 2)
    ]
    columns = {"floor_q10": "lo", "floor_q90": "hi"}
    return pd.concat(parts, ignore_index=True).rename(columns=columns)[[*_PAIR, "value", "lo", "hi"]]


def _words(results: Results, choice: Choice) -> tuple[str, str]:
    """Quantity with its unit, and what it is."""
    halves = "Grey: the same between two random halves of one cell's subsamples, median to 95 %."
    if choice.distance == MEANS:
        what = "Euclidean distance of the 41 mean summaries, each in units of its resampling standard deviation."
        return "distance of mean summaries (resampling SDs)", f"{what} {halves} {_runs(results)}"
    if choice.distance == ENERGY:
        what = "2 E|X - Y| - E|X - X'| - E|Y - Y'| of the two clouds of standardised summaries."
        return "energy distance of summaries (resampling SDs)", f"{what} {halves} {_runs(results)}"
    asked = results.study
    return (
        f"H{choice.degree} distance ({unit_words(choice.scale, asked.metric)})",
        f"{wasserstein_words(asked.order, asked.norm)}, paired by subsample, mean. Grey: the resampling floor; paired "
        f"distances saturate at it. {_runs(results)}",
    )


def _runs(results: Results) -> str:
    own = list(owners(results).values())
    if len(set(own)) == len(own):
        return "One run per objective: an effect size, not a p-value."
    return "Subsamples overlap: they are never counted as replicates, and there is no p-value of them."


def floor_of(table: pd.DataFrame) -> pd.DataFrame | None:
    """The rows that have a floor; None where none has."""
    known = table.drop(columns="value").dropna(subset=["lo", "hi"])
    return known if len(known) else None


def chart(data: Data, look: Look) -> alt.LayerChart:
    asked = {"question": f"How far apart are the objectives? (layer {data.layer})"} | look.stepped
    return separation_chart(data.rows.drop(columns=["lo", "hi"]), floor_of(data.rows), y_title=data.quantity, **asked)


def numbers(data: Data) -> Numbers:
    table = data.rows.assign(pair=pair_names(data.rows))
    return by_step(data.quantity[0].upper() + data.quantity[1:], table, ["pair"], [three(v) for v in table["value"]])


FIGURE = Figure(
    name="separation",
    title="Distance between the objectives by step",
    uses=("degree", "scale", "layer", "distance"),
    read=read,
    chart=chart,
    caption=lambda data: data.note,
    table=lambda data: data.rows[[*_PAIR, "value", "lo", "hi"]].set_axis(
        [*_PAIR, "value", "floor_lo", "floor_hi"], axis=1
    ),
    numbers=numbers,
    section="Apart?",
    controls=(
        # Links hold "Wasserstein", as this row has always called it.
        Control("e_way", "distance", "Distance", fixed(MEANS, ENERGY, PAIRED), lambda way: way.removesuffix(" distance")
                if way == PAIRED else way, kind="row", width=7),
    ),
)  # fmt: skip
