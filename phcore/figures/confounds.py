"""How much of each cloud follows from how long its prompts are, what kind they are, and how far out they lie."""

import pandas as pd

from phcore.errors import Fault
from phcore.figures.charts.curve_rows import bold
from phcore.figures.charts.curves import velocity_chart
from phcore.figures.figure import Choice, Control, Data, Figure, Look, Numbers, Source, by_step, fixed
from phcore.figures.reading import COMPUTE, labelled
from phcore.formatting import percent

MEASURES = {
    "length_share": "prompt length",
    "category_share": "category",
    "norm_share": "norm of the hidden states",
    "first_component": "length along the first component",
}
_UNEVEN = 2  # times as many prompts in the largest category as in the smallest: said in a sentence


def read(results: Source, choice: Choice) -> dict:
    """rows: series, objective, layer, step, mean (of the measure that is chosen, with lo and hi the same); every: the
    table; chance: what a number that has nothing to do with the cloud would explain; uneven: a sentence or empty."""
    table = results.table("confounds")
    known = table.dropna(subset=choice.confound)
    if table.empty:
        raise Fault("how much prompt length and category explain has not been measured for this study", COMPUTE)
    if known.empty:
        why = "the probe set names no two categories" if choice.confound == "category_share" else "no cloud varies"
        raise Fault(f"there is nothing to explain: {why}", "look at another measure")
    value = known[choice.confound]
    one, n = table.iloc[0], table["prompts"].iloc[0]
    chance = {"length_share": 1, "norm_share": 1, "category_share": one["categories"] - 1}.get(choice.confound)
    return {
        "rows": labelled(results, known.assign(mean=value, lo=value, hi=value)), "every": table,
        "chance": None if chance is None else chance / (n - 1), "uneven": _uneven(one),
    }  # fmt: skip


def _uneven(one: pd.Series) -> str:
    if one["categories"] < 2 or one["most"] <= _UNEVEN * one["fewest"]:
        return ""
    return (
        f"Categories are uneven: the smallest has {one['fewest']:.0f} prompts, the largest {one['most']:.0f}, so the "
        "cloud's shape is mostly that of the largest."
    )


def chart(data: Data, look: Look):
    """A curve per series, one panel per layer on one axis. Clicks choose `step`."""
    rho = data.choice.confound == "first_component"
    title = "|rank correlation|" if rho else "share of variance"
    question = (
        "Is the first component prompt length?" if rho else f"How much does {MEASURES[data.choice.confound]} explain?"
    )
    return velocity_chart(data.rows, None, look, y_title=title, question=question, answer=answer(data))


def answer(data: Data) -> str:
    """How much it is where it is largest, in the middle of all clouds, and by chance."""
    rows = bold(data.rows)
    most, middle = rows.loc[rows["mean"].idxmax()], data.rows["mean"].median()
    where = f"(layer {int(most['layer'])}, step {int(most['step']):,}, {most['series']})"
    if data.choice.confound == "first_component":
        return f"At most a rank correlation of {most['mean']:.2f} {where}, {middle:.2f} in the middle."
    name = MEASURES[data.choice.confound]
    return (
        f"{name[0].upper()}{name[1:]} explains {percent(most['mean'])} at most {where}, {percent(middle)} in the "
        f"middle; chance {percent(data.chance, 1)}."
    )


def caption(data: Data) -> str:
    by_measure = {
        "length_share": "Share of a cloud's variance (R² of a linear regression of all coordinates) that the logarithm "
        "of the prompts' length in tokens, without the template, explains.",
        "category_share": "Share of a cloud's variance that lies between the means of the categories.",
        "norm_share": "Share of a cloud's variance (R²) that the length of the hidden states themselves explains.",
        "first_component": "Rank correlation, without its sign, of prompt length and place on the cloud's first "
        "principal component, from 0 to 1.",
    }
    ends = []
    for step, words in ((data.rows["step"].min(), "first"), (data.rows["step"].max(), "last")):
        here = data.rows[data.rows["step"] == step]["mean"]
        low, high = f"{here.min():.2f}", f"{here.max():.2f}"
        ends.append(f"at the {words} step {low if low == high else f'from {low} to {high}'}")
    return (
        f"{by_measure[data.choice.confound]} Over {_where(data.rows)}: {' and '.join(ends)}. What length explains "
        "may be meaning, too: long prompts are other prompts. Other settings, below, shows velocity without it."
    )


def _where(rows: pd.DataFrame) -> str:
    """The layers that are shown: of a study that keeps few clouds not all."""
    layers = sorted(rows["layer"].unique())
    return f"all series at {'layer' if len(layers) == 1 else 'layers'} {', '.join(map(str, layers))}"


def numbers(data: Data) -> Numbers:
    words = [f"{value:.3f}" for value in data.rows["mean"]]
    return by_step(f"What {MEASURES[data.choice.confound]} explains, by step", data.rows, ["series", "layer"], words)


FIGURE = Figure(
    name="confounds", place=165, title="Prompt length and category", uses=("confound",), read=read, chart=chart,
    caption=caption, numbers=numbers, warning=lambda data: data.uneven, table=lambda data: data.every,
    section="Robust?",
    controls=(
        Control("e_confound", "confound", "Explained by", fixed(*MEASURES), MEASURES.get),
    ),
    below=("A row per checkpoint and layer."),
)  # fmt: skip
