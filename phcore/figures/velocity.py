"""How far each checkpoint moves, with the floor that resampling alone gives."""

from dataclasses import replace

from phcore.errors import Fault
from phcore.figures.charts.curve_rows import bold, several
from phcore.figures.charts.curves import exceeding, velocity_chart
from phcore.figures.figure import Choice, Data, Figure, Look, Numbers, Source, by_step
from phcore.figures.reading import COMPUTE, CURVE, curve, floor, quantity
from phcore.formatting import percent, three, wasserstein_words
from phcore.topology import clouds


def read(results: Source, choice: Choice) -> dict:
    """curve and floor (layer, step, lo, hi) of all layers, or of the one chosen alone; shared: see `_shared`."""
    velocities, band = curve(results, choice, choice.per), floor(results, choice)
    if choice.per == "step":  # a velocity per training step is divided by its gap, and so is the floor beside it
        begun = velocities.groupby("step")["step_from"].max()
        gap = band["step"] - band["step"].map(begun)
        band = band.assign(lo=band["lo"] / gap, hi=band["hi"] / gap).dropna()
    if choice.single:
        velocities, band = (table[table["layer"] == choice.layer] for table in (velocities, band))
        if velocities.empty:
            raise Fault(f"there is no velocity at layer {choice.layer} yet", COMPUTE)
    return {"curve": velocities, "floor": band, "shared": _shared(results)}


def _shared(results: Source) -> float:
    """Share of its prompts that a subsample's partner repeats: 0 where the floor compares disjoint subsamples."""
    n, size = results.record.n_prompts, results.record.subsample_size
    return clouds.overlap(n, clouds.subsample_size(n, size)) if results.study.subsamples else 0.0


def named(data: Data) -> str:
    """The quantity and its unit."""
    return quantity(data, " per training step" * (data.choice.per == "step"))


def chart(data: Data, look: Look):
    return velocity_chart(
        data.curve, data.floor if len(data.floor) else None, look, y_title=named(data),
        share_y=data.choice.scale == "median" or data.choice.single,
    )  # fmt: skip


def caption(data: Data) -> str:
    grey = "This study uses whole clouds, so there is no resampling floor to compare with."
    if len(data.floor):
        grey = (
            "Grey: the resampling floor, 10 to 90 % of the distances between two subsamples of different prompts in "
            f"one cloud ({data.sampling}); inside it, a velocity cannot be told from another choice of prompts."
        )
        if data.shared:
            grey += f" With {data.prompts} prompts the two share {percent(data.shared)}, so this floor is too low."
    bands = "bands from 10 to 90 % of them"
    if several(data.curve):
        bands = "a line is the mean over an objective's runs, each of which is a thin one, its band their range"
    return (
        f"{wasserstein_words(data.choice.order, data.study.norm)} between the H{data.choice.degree} diagrams of "
        f"consecutive checkpoints, mean over subsamples; {bands}. {grey}"
    )


def numbers(data: Data) -> Numbers:
    words = [three(value) for value in data.curve["mean"]]
    of = f"H{data.choice.degree} velocity by the step that ends the transition"
    return by_step(of, data.curve, ["series", "layer"], words)


def at_other_layers(results: Source, choice: Choice) -> dict:
    """As `read`, of all layers but the one chosen; highest: layer -> the largest move of an objective, all layers."""
    found = read(results, replace(choice, single=False))
    highest = bold(found["curve"]).groupby("layer")["mean"].max()
    others = {name: found[name][found[name]["layer"] != choice.layer] for name in ("curve", "floor")}
    if others["curve"].empty:
        raise Fault("this study has one layer", "add layers to it to see where in the network it moves")
    return found | others | {"highest": highest}


def layers_answer(data: Data) -> str:
    """At which layer the largest move is, and at which the smallest."""
    most, least = data.highest.idxmax(), data.highest.idxmin()
    return (
        f"Layer {int(most)} moves most, by {three(data.highest[most])}; layer {int(least)} least, by "
        f"{three(data.highest[least])} at most."
    )


def layers_chart(data: Data, look: Look):
    return velocity_chart(
        data.curve, data.floor if len(data.floor) else None, look, y_title=named(data), answer=layers_answer(data),
        question="How far at the other layers?", share_y=data.choice.scale == "median",
        columns=2, legend=False,
    )  # fmt: skip


FIGURE = Figure(
    name="velocity", place=10, title="Velocity by step, with its resampling floor",
    uses=(*CURVE, "per", "single", "layer"),
    read=read, chart=chart, caption=caption, table=lambda data: data.curve, numbers=numbers, paper={"height": 230},
    more=lambda data: exceeding(data.curve, data.floor),
)  # fmt: skip
LAYERS = Figure(
    name="layers", place=11, title="Velocity at the other layers", uses=(*CURVE, "per", "layer"),
    read=at_other_layers, chart=layers_chart, caption=caption, table=lambda data: data.curve,
)  # fmt: skip
