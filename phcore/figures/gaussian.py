"""Velocity beside what a cloud of the same mean and covariance would do: is there movement of shape beyond that?"""

import pandas as pd

from phcore.analysis import against_null
from phcore.errors import Fault
from phcore.figures.charts.curves import velocity_chart
from phcore.figures.figure import Choice, Data, Figure, Look, Numbers, Source, by_step
from phcore.figures.reading import COMPUTE, CURVE, curve, floor, labelled, owners, quantity, rows
from phcore.formatting import part, percent, three, wasserstein_words
from phcore.study.record import BATCHES


def read(results: Source, choice: Choice) -> dict:
    """every: all layers, from `beside_controls`; here: those in view, with their objectives; noise: of the layer, from
    `numerical_floor`; panels: number -> objective."""
    gaussians = rows(results, "gaussian_velocities", choice, *CURVE)
    every = against_null.beside_controls(curve(results, choice), gaussians, floor(results, choice))
    here = every[every["layer"] == choice.layer]
    if here.empty:
        raise Fault(f"no two consecutive checkpoints have a Gaussian control at layer {choice.layer} yet", COMPUTE)
    noise = against_null.numerical_floor(rows(results, "numerical_noise", choice, *CURVE, "layer"))
    objectives = dict.fromkeys(owners(results).values())
    return {"every": every, "here": labelled(results, here), "noise": noise, "panels": dict(enumerate(objectives))}


def chart(data: Data, look: Look):
    """One panel per objective, with the mean of its runs and of their nulls: each move has a null of its own."""
    places = {name: number for number, name in data.panels.items()}
    own = data.here.assign(layer=data.here["objective"].map(places))
    band, null = (
        own[["layer", "step", f"{name}_lo", f"{name}_hi"]]
        .set_axis(["layer", "step", "lo", "hi"], axis=1)
        .dropna()
        .groupby(["layer", "step"], as_index=False)
        .mean()
        for name in ("floor", "null")
    )
    noise = pd.DataFrame({"layer": sorted(own["layer"].unique()), "value": data.noise["largest"].max()})
    question = f"Does it move more than a Gaussian cloud would? (layer {data.choice.layer})"
    return velocity_chart(
        own, band if len(band) else None, look, null=null, panels=data.panels, called="velocity", legend=False,
        numerics=noise if len(data.noise) else None, y_title=quantity(data), question=question, answer=answer(data),
    )  # fmt: skip


def answer(data: Data) -> str:
    """How many moves at the layer exceed the null of their own transition: one pair of numbers."""
    table, layer = data.every, data.choice.layer
    here = table[table["layer"] == layer]
    if here.empty:
        return f"No transition has a velocity and a null at layer {layer} yet."
    above, _ = _places(here)
    return f"{part(above, len(here), 'move')} larger than a Gaussian cloud would make."


def _places(table: pd.DataFrame) -> tuple[int, int]:
    """How many moves lie above and below their null."""
    return tuple(int((table["place"] == place).sum()) for place in ("above", "below"))


def more(data: Data) -> str:
    """How many moves at the layer are smaller, the same over all layers, and how many exceed the floor."""
    table = data.every
    here = table[table["layer"] == data.choice.layer]
    smaller = "" if here.empty else f"{part(_places(here)[1], len(here), 'move')} smaller. "
    above, below = _places(table)
    words = (
        f"{smaller}Over all layers {above:,} of {len(table):,} moves exceed their Gaussian null, {below:,} stay below."
    )
    if table["floor_hi"].isna().all():
        return words
    beyond = int((table["mean"] > table["floor_hi"]).sum())
    return f"{words} {beyond:,} of {len(table):,} exceed the resampling floor."


def caption(data: Data) -> str:
    known = data.here["floor_hi"].notna().any()
    grey = f"Grey: the resampling floor ({data.sampling})." if known else "Whole clouds have no resampling floor."
    return (
        f"{wasserstein_words(data.choice.order, data.study.norm)} between consecutive checkpoints, mean over "
        f"subsamples; bands from 10 to 90 %. {grey} Dashed: the same distance between Gaussian clouds with the mean "
        "and covariance of the two checkpoints, made from the same noise: what would move if there were no shape "
        "beyond that. Lines and nulls are means over an objective's runs. A single move exceeds or stays below its "
        f"null where it lies outside its band. Moves are counted; this is no p-value. {_numerical(data)}"
    )


def _numerical(data: Data) -> str:
    """The numerical floor in a sentence per kind."""
    if data.noise.empty:
        return "The numerical floor has not been measured."
    smallest = data.here["mean"].min()
    parts = []
    for one in data.noise.itertuples():
        how = "in other batches" if one.kind == BATCHES else f"in {one.kind}"
        share = one.largest / smallest if smallest > 0 else float("nan")
        beside = (
            f", {percent(share, 1)} of the smallest velocity here"
            if share >= 0.0005
            else ", far below any velocity here"
        )
        parts.append(
            f"reading {one.checkpoints} checkpoints again {how} moves them by {three(one.largest)} at most{beside}"
        )
    return f"Numerical floor (dotted): {'; '.join(parts)}."


def numbers(data: Data) -> Numbers:
    words = [f"{three(mean)} ({place})" for mean, place in zip(data.here["mean"], data.here["place"], strict=True)]
    of = f"Velocity at layer {data.choice.layer} by step, and its place beside its Gaussian null"
    return by_step(of, data.here, ["series"], words)


FIGURE = Figure(
    name="gaussian", place=40, title="Velocity against Gaussian clouds that match", uses=(*CURVE, "layer"), read=read,
    chart=chart, caption=caption, more=more, table=lambda data: data.every, numbers=numbers, paper={"height": 230},
    section="More than noise?",
    below=("All layers. null: mean of the Gaussian clouds with the same mean and covariance, "
           "null_lo to null_hi: 10 to 90 % of the draws. size_alone: mean of Gaussian clouds of the same total "
           "variance, which only grow or shrink."),
)  # fmt: skip
