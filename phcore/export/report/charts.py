"""The charts a report can hold: which there are, and what stands beside each."""

from __future__ import annotations

import pandas as pd

from phcore.analysis.concentration import TRUSTED
from phcore.analysis.objectives import paths_means
from phcore.errors import Fault
from phcore.export.report import evidence
from phcore.export.report.drawn import WIDTH, Absent, Drawn, Figure, Numbers, stepped
from phcore.export.report.reading import Reading
from phcore.figures.charts.answers import null_answer
from phcore.figures.charts.barcode import barcode_and_diagram
from phcore.figures.charts.bars import bars_domain, shape_answer
from phcore.figures.charts.behaviour import behaviour_chart
from phcore.figures.charts.concentration import concentration_chart
from phcore.figures.charts.curves import velocity_chart
from phcore.figures.charts.heatmap import heatmap
from phcore.figures.charts.paths import path_chart
from phcore.figures.charts.plain import Plain, plain
from phcore.figures.charts.separation import pair_names, separation_chart
from phcore.formatting import count, three, wasserstein_words

BARCODES = 240  # in one report at most: some 14 kB each, and a tenth of a second to draw


# --- how far each checkpoint moves --------------------------------------------------------------------


def velocity(reading: Reading) -> Drawn:
    curve, floor = _curve(reading), reading.floor
    asked = reading.results.study

    def build():
        return velocity_chart(
            curve, floor if len(floor) else None, steps=reading.steps, selected_step=reading.steps[-1],
            y_title=f"H1 velocity ({reading.unit})", objectives=reading.all_objectives,
            share_y=asked.scale == "median", width=WIDTH, height=230,
        )  # fmt: skip

    grey = (
        "Grey: the resampling floor, 10 to 90 % of the distances between two subsamples of different prompts in one "
        "cloud; inside it a velocity cannot be told from another choice of prompts."
        if len(floor)
        else "This study uses whole clouds, so there is no resampling floor to compare with."
    )
    note = (
        f"One panel per layer. {wasserstein_words(asked.order, asked.norm)} between the H1 diagrams of consecutive "
        f"checkpoints, mean over subsamples; bands from 10 to 90 % of them. {grey}"
    )
    return stepped(reading, plain(build), note, _velocities(curve))


def heat(reading: Reading) -> Drawn:
    curve = _curve(reading)
    cells = curve.rename(columns={"mean": "value"})

    def build():
        return heatmap(
            cells, steps=reading.steps, selected_step=reading.steps[-1], value_title=f"H1 velocity ({reading.unit})",
            objectives=reading.all_objectives, width=WIDTH,
        )  # fmt: skip

    note = "Each field is one transition of one layer, from the earlier checkpoint to the later."
    return stepped(reading, plain(build), note, _velocities(curve))


def gaussian(reading: Reading) -> Drawn:
    every = reading.against_null() if len(reading.curve) else reading.curve
    table = every[every["layer"] == reading.layer]
    if table.empty:
        raise Absent(
            "velocities beside those of matching Gaussian clouds. They are computed from the hidden states: compute "
            "the study where its checkpoints are"
        )
    names = dict(enumerate(reading.objectives))
    # One panel per series: each has a null of its own.
    curve = table.assign(layer=table["series"].map({name: number for number, name in names.items()}))
    floors = reading.floor[reading.floor["layer"] == reading.layer]
    floor = floors.drop(columns="layer").merge(pd.DataFrame({"layer": sorted(curve["layer"].unique())}), how="cross")
    null = curve[["layer", "step", "null_lo", "null_hi"]].set_axis(["layer", "step", "lo", "hi"], axis=1)

    def build():
        return velocity_chart(
            curve.assign(series="velocity"), floor if len(floor) else None, null=null, panels=names,
            steps=reading.steps, selected_step=reading.steps[-1], y_title=f"H1 velocity ({reading.unit})",
            question=f"Does it move more than a Gaussian cloud would? (layer {reading.layer})",
            answer=null_answer(every, reading.layer), objectives=reading.all_objectives, width=WIDTH, height=230,
        )  # fmt: skip

    note = (
        "Dashed: 10 to 90 % of the same distance between Gaussian clouds with the mean and covariance of the two "
        "checkpoints, made from the same noise: what would move if there were no shape beyond that. Grey: the "
        "resampling floor. Moves are counted; this is no p-value."
    )
    numbers = _pivot(
        table.assign(words=[f"{three(m)} ({place})" for m, place in zip(table["mean"], table["place"], strict=True)]),
        ["series"], "words", f"H1 velocity at layer {reading.layer} by step, and its place beside its Gaussian null",
    )  # fmt: skip
    return stepped(reading, plain(build), note, numbers)


def concentration(reading: Reading) -> Drawn:
    rows = reading.concentration()
    if rows.empty:
        raise Absent(
            "the concentration of velocity beside its null. It is computed at the end of a run, from three "
            "transitions on: compute the study"
        )
    rows = rows.assign(p=rows["p_max"])
    correction = "max-statistic over layers"

    def build():
        return concentration_chart(
            rows, correction=correction, objectives=reading.all_objectives, width=WIDTH,
            x_title="share of H1 velocity in the first third of the checkpoints",
        )  # fmt: skip

    transitions = ", ".join(str(n) for n in sorted(set(rows["transitions"].dropna().astype(int))))
    note = (
        "Dots: concentration; whiskers: 95 % for another choice of prompts, not another training run. Grey: 5 to 95 % "
        f"under the {TRUSTED} null, moves in random order, {int(rows['permutations'].max()):,} times. {transitions} "
        f"transitions per series. Filled: p below 0.05 ({correction})."
    )
    words = [
        [one.series, f"{one.layer}", f"{one.concentration:.3f}", f"{one.lo:.3f} to {one.hi:.3f}",
         f"{one.null_lo:.3f} to {one.null_hi:.3f}", f"{one.p:.4f}"]
        for one in rows.itertuples()
    ]  # fmt: skip
    header = ["series", "layer", "concentration", "95 % interval", "null, 5 to 95 %", "p (max-statistic)"]
    return Drawn(plain(build), note, Numbers("Concentration by series and layer", header, words))


# --- where the objectives go --------------------------------------------------------------------------


def paths(reading: Reading) -> Drawn:
    found = paths_means(*reading.standardised)
    points = reading.labelled(found.points.rename(columns={"pc1": "x", "pc2": "y"}))
    titles = [
        f"component {k + 1}{f' ({share:.0%} of variance)' if share == share else ''}, floor units"
        for k, share in enumerate(found.explained)
    ]

    def build():
        return path_chart(
            points, x_title=titles[0], y_title=titles[1], selected_step=reading.steps[-1], floor_radius=1.0,
            question=f"Where does each objective go? (layer {reading.layer})", objectives=reading.all_objectives,
            width=700, height=360,
        )  # fmt: skip

    note = (
        "Principal components of the 41 mean summaries, each divided by its resampling standard deviation. One unit is "
        "the split-half floor: how far apart two halves of the subsamples of one cell are. The grey disc has that "
        "radius; it covers the noise of resampling these prompts only. Marks grow with the step."
    )
    if found.left_out:
        note += f" {count(len(found.left_out), 'checkpoint')} without a usable cloud have no place here."
    words = points.assign(
        words=[f"{_hundredths(x)}, {_hundredths(y)}" for x, y in zip(points["x"], points["y"], strict=True)]
    )
    numbers = _pivot(words, ["series"], "words", "Coordinates by step: first and second component, floor units")
    return stepped(reading, plain(build), note, numbers)


def separation(reading: Reading) -> Drawn:
    if len(reading.objectives) < 2:
        raise Absent("distances between objectives: they need at least two series")
    rows = reading.pairs()
    floor = rows.rename(columns={"floor": "lo", "floor_q95": "hi"})
    floor = floor[["series_a", "series_b", "step", "lo", "hi"]].dropna()

    def build():
        return separation_chart(
            rows.drop(columns=["floor", "floor_q95"]), floor if len(floor) else None, steps=reading.steps,
            selected_step=reading.steps[-1], question=f"How far apart are the objectives? (layer {reading.layer})",
            objectives=reading.all_objectives, width=WIDTH,
        )  # fmt: skip

    owners = list(reading.objectives.values())
    runs = (
        "One run per objective: an effect size, not a p-value."
        if len(set(owners)) == len(owners)
        else "Subsamples overlap, and are never counted as replicates: there is no p-value of them."
    )
    note = (
        "Euclidean distance of the 41 mean summaries, each in units of its resampling standard deviation. Grey: the "
        f"same between two random halves of one cell's subsamples, median to 95 %. {runs}"
    )
    numbers = _pivot(
        rows.assign(pair=pair_names(rows), words=[three(value) for value in rows["value"]]),
        ["pair"], "words", "Distance by step (resampling standard deviations)",
    )  # fmt: skip
    return stepped(reading, plain(build), note, numbers)


def behaviour(reading: Reading) -> Drawn:
    moves = reading.results.table("behaviour_moves")
    moves = moves[(moves["name"] == "js") & (moves["category"] == "")].dropna(subset="value")
    velocities = reading.curve[reading.curve["layer"] == reading.layer]
    if moves.empty or velocities.empty:
        raise Absent(
            "what the model would say next, beside its topology. It is measured with the hidden states: compute the "
            "study where its checkpoints are"
        )
    moves = reading.labelled(moves)

    def build():
        return behaviour_chart(
            moves, velocities, steps=reading.steps, selected_step=reading.steps[-1],
            topology=f"H1 velocity ({reading.unit}), layer {reading.layer}",
            behaviour="next tokens (Jensen-Shannon divergence, nats)", objectives=reading.all_objectives, width=WIDTH,
            height=170,
        )  # fmt: skip

    note = (
        "Below: mean over prompts of the Jensen-Shannon divergence between the next-token distributions of consecutive "
        "checkpoints, at the position of the hidden states. Rings: the largest move of each series."
    )
    numbers = _pivot(
        moves.assign(words=[three(value) for value in moves["value"]]), ["series"], "words",
        "Jensen-Shannon divergence by step (nats)",
    )  # fmt: skip
    return stepped(reading, plain(build), note, numbers)


# --- the shape of single clouds -----------------------------------------------------------------------


def barcode(reading: Reading) -> Drawn:
    bars = {
        name: {step: one for step in _own_steps(reading, name) if len(one := reading.bars(name, step))}
        for name in reading.objectives
    }
    bars = {name: cells for name, cells in bars.items() if cells}
    if not bars:
        raise Absent(f"the bars of layer {reading.layer}: no cell of it has any. Compute the study")
    domain = bars_domain(pd.concat([one for cells in bars.values() for one in cells.values()]))
    drawn = {
        name: {step: _barcode(reading, one, name, step, domain) for step, one in cells.items()}
        for name, cells in bars.items()
    }
    first = next(iter(drawn.values()))
    rows = [
        {"series": name, "step": step, "words": f"{len(loops)} ({three(_longest(loops))})"}
        for name, cells in bars.items()
        for step, one in cells.items()
        for loops in [one[one["degree"] == 1]]
    ]
    subsample = int(next(iter(bars[next(iter(bars))].values()))["subsample"].iloc[0])
    which = "the whole cloud" if subsample < 0 else f"subsample {subsample}, the same prompts at every step"
    note = (
        f"Left, every bar from its birth to its death; right, the same bars as points. Of {which}, at layer "
        f"{reading.layer}. Hover marks a bar on both sides; the axes are those of all steps and series."
    )
    if any(len(cells) < len(reading.results.record.path_of(name)) for name, cells in bars.items()):
        note += " A step without a barcode of its own shows that of the last step before it."
    numbers = _pivot(pd.DataFrame(rows), ["series"], "words", "Number of loops (H1 bars) by step, and the longest")
    return Drawn(first[max(first)], note, numbers, cells=drawn)


def _barcode(reading: Reading, bars: pd.DataFrame, series: str, step: int, domain: tuple[float, float]) -> Plain:
    def build():
        return barcode_and_diagram(
            bars, domain=domain, unit=reading.unit, answer=shape_answer(bars, reading.unit), width=WIDTH, height=440,
            question=f"What shape is this cloud? ({series}, step {step:,}, layer {reading.layer})",
        )  # fmt: skip

    return plain(build)


def _longest(loops: pd.DataFrame) -> float:
    return float((loops["death"] - loops["birth"]).max()) if len(loops) else 0.0


def _own_steps(reading: Reading, series: str) -> list[int]:
    """Steps of a series; of very many, some from the first to the last, so that the file stays small."""
    steps = [node.step for node in reading.results.record.path_of(series)]
    return spread(steps, max(2, BARCODES // len(reading.objectives)))


def spread(steps: list[int], most: int) -> list[int]:
    """At most `most` (2 or more) of the steps, evenly by their place, the first and the last among them."""
    if len(steps) <= most:
        return steps
    return [steps[round(k * (len(steps) - 1) / (most - 1))] for k in range(most)]


# --- what all have in common --------------------------------------------------------------------------


def _curve(reading: Reading) -> pd.DataFrame:
    if reading.curve.empty:
        raise Absent("velocities: no two consecutive checkpoints are finished yet. Compute the study")
    return reading.curve


def _velocities(curve: pd.DataFrame) -> Numbers:
    words = curve.assign(words=[three(value) for value in curve["mean"]])
    return _pivot(words, ["series", "layer"], "words", "H1 velocity by the step that ends the transition")


def _pivot(table: pd.DataFrame, index: list[str], values: str, caption: str) -> Numbers:
    """Steps across; rows in the order of the table."""
    table = table.assign(**{name: table[name].astype(str) for name in index})
    wide = table.pivot(index=index, columns="step", values=values).fillna("–")
    wide = wide.loc[table.set_index(index).index.unique()]
    keys = [list(key) if isinstance(key, tuple) else [key] for key in wide.index]
    rows = [key + [str(value) for value in row] for key, row in zip(keys, wide.to_numpy().tolist(), strict=True)]
    return Numbers(caption, [*index, *(f"{step:,}" for step in wide.columns)], rows)


def _hundredths(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}"  # never -0.00


FIGURES = {
    "velocity": Figure("Velocity by step, with its resampling floor", velocity),
    "heatmap": Figure("Velocity by layer and step", heat),
    "concentration": Figure("Share of velocity in the first third, against chance", concentration),
    "gaussian": Figure("Velocity against Gaussian clouds that match", gaussian),
    "paths": Figure("Paths of the objectives through the summaries", paths),
    "separation": Figure("Distance between the objectives by step", separation),
    "effects": Figure("Features in which the objectives differ", evidence.features),
    "mixture": Figure("A mixture between its parts", evidence.mixture),
    "geometry": Figure("Velocity and simple geometry", evidence.geometry),
    "behaviour": Figure("Topological and behavioural velocity", behaviour),
    "lags": Figure("Which peaks first", evidence.lags),
    "settings": Figure("Other settings", evidence.settings),
    "barcode": Figure("Barcode and persistence diagram, step by step", barcode),
}


def draw(key: str, reading: Reading) -> Drawn | str:
    """One of `FIGURES`; where the study has no numbers for it, the words that say so."""
    try:
        return FIGURES[key].draw(reading)
    except Absent as absent:
        return f"This study lacks {absent}."
    except Fault as fault:
        return f"{fault.fault[0].upper()}{fault.fault[1:]}. {fault.mend[0].upper()}{fault.mend[1:]}."
