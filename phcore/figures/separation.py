"""How far apart the objectives are, by step: every pair of series, with the floor that resampling alone gives."""

from __future__ import annotations

from itertools import combinations

import pandas as pd

from phcore.analysis import objectives
from phcore.errors import Fault
from phcore.figures.charts.separation import pair_names, separation_chart
from phcore.figures.figure import Choice, Control, Data, Figure, Look, Numbers, Source, by_step, fixed
from phcore.figures.reading import distance_unit, labelled_pairs, owners, rows, summaries
from phcore.formatting import three, wasserstein_words

MEANS, ENERGY, PAIRED = "mean summaries", "energy distance", "Wasserstein distance"
_COLUMNS = {MEANS: "distance", ENERGY: "energy"}  # of the table `separation`
_OF = {MEANS: "distance of mean summaries", ENERGY: "energy distance of summaries"}
_NOTES = {
    MEANS: "Euclidean distance of the 41 mean summaries, each in units of its resampling standard deviation.",
    ENERGY: "2 E|X - Y| - E|X - X'| - E|Y - Y'| of the two clouds of standardised summaries.",
}
_WORDS = {MEANS: MEANS, ENERGY: ENERGY, PAIRED: "Wasserstein"}  # in this row of buttons, and so in its links
_PAIR = ["series_a", "series_b", "step"]


def read(results: Source, choice: Choice) -> dict:
    """rows: series_a, series_b, objective_a, objective_b, step, value, lo, hi (its floor); one_run: per objective."""
    if len(results.record.series) < 2:
        raise Fault("objectives can be compared from two series on", "add a series to the study")
    table = _paired(results, choice) if choice.distance == PAIRED else _summaries(results, choice)
    if table.empty:
        raise Fault(
            f"no two series have this distance at layer {choice.layer}, scale {choice.scale}",
            "compute the study, or look at another layer",
        )
    own = list(owners(results).values())
    return {"rows": labelled_pairs(results, table), "one_run": len(set(own)) == len(own)}


def _summaries(results: Source, choice: Choice) -> pd.DataFrame:
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


def _paired(results: Source, choice: Choice) -> pd.DataFrame:
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


def quantity(data: Data) -> str:
    if data.choice.distance == PAIRED:
        return f"H{data.choice.degree} distance ({distance_unit(data)})"
    return f"{_OF[data.choice.distance]} (resampling SDs)"


def caption(data: Data) -> str:
    runs = "Subsamples overlap: they are never counted as replicates, and there is no p-value of them."
    if data.one_run:
        runs = "One run per objective: an effect size, not a p-value."
    if data.choice.distance == PAIRED:
        way = wasserstein_words(data.study.order, data.study.norm)
        return f"{way}, paired by subsample, mean. Grey: the resampling floor; paired distances saturate at it. {runs}"
    halves = "Grey: the same between two random halves of one cell's subsamples, median to 95 %."
    return f"{_NOTES[data.choice.distance]} {halves} {runs}"


def floor_of(table: pd.DataFrame) -> pd.DataFrame | None:
    """The rows that have a floor; None where none has."""
    known = table.drop(columns="value").dropna(subset=["lo", "hi"])
    return known if len(known) else None


def chart(data: Data, look: Look):
    asked = {"question": f"How far apart are the objectives? (layer {data.choice.layer})"} | look.stepped
    return separation_chart(data.rows.drop(columns=["lo", "hi"]), floor_of(data.rows), y_title=quantity(data), **asked)


def numbers(data: Data) -> Numbers:
    table = data.rows.assign(pair=pair_names(data.rows))
    of = quantity(data)
    return by_step(f"{of[0].upper()}{of[1:]} by step", table, ["pair"], [three(value) for value in table["value"]])


FIGURE = Figure(
    name="separation", title="Distance between the objectives by step", uses=("degree", "scale", "layer", "distance"),
    read=read, chart=chart, caption=caption, numbers=numbers, section="Apart?",
    table=lambda data: data.rows[[*_PAIR, "value", "lo", "hi"]].rename(columns={"lo": "floor_lo", "hi": "floor_hi"}),
    controls=(
        Control("e_way", "distance", "Distance", fixed(MEANS, ENERGY, PAIRED), _WORDS.get, kind="row", width=7,
                link="distance between objectives"),
    ),
)  # fmt: skip
