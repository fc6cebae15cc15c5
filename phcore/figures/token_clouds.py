"""The tokens of one prompt as a cloud of their own: its dimension, and how much persistence it has."""

import pandas as pd

from phcore.errors import Fault
from phcore.figures.charts.curve_rows import bold
from phcore.figures.charts.curves import velocity_chart
from phcore.figures.figure import Choice, Control, Data, Figure, Look, Numbers, Source, by_step, fixed
from phcore.figures.reading import COMPUTE, distinct, labelled
from phcore.formatting import count, percent, three, unit_words
from phcore.topology.simple_geometry import two_nn_spread

MEASURES = {
    "two_nn": "intrinsic dimension (TwoNN)",
    "h1_total": "total persistence of loops (H1)",
    "h0_total": "total persistence of components (H0)",
}


def read(results: Source, choice: Choice) -> dict:
    """rows: of one prompt, with objective and the measure that is chosen (mean, with lo and hi the same); every: of all
    prompts; prompt, category, tokens, distinct: which one, and of how many points (fewest and most)."""
    if not results.study.tokens:
        raise Fault(
            "no prompt of this study is looked at token by token",
            "name some by their numbers in its study file (tokens = [0, 12]) and compute it",
        )
    table = results.table("token_shapes")
    if table.empty:
        raise Fault("the tokens of single prompts have not been measured for this study", COMPUTE)
    number = int(table["prompt"].iloc[0]) if choice.prompt is None else choice.prompt
    own = table[table["prompt"] == number]
    if own.empty:
        raise Fault(
            f"the tokens of prompt {number} have not been measured",
            f"choose one of: {', '.join(map(str, distinct(table, 'prompt')))}",
        )
    by = own["median_distance"] if choice.scale == "median" and choice.tokens != "two_nn" else 1
    value = (own[choice.tokens] / by).where(own["median_distance"] > 0)
    known = own.assign(mean=value, lo=value, hi=value).dropna(subset="mean")
    if known.empty:
        raise Fault(f"prompt {number} has too few tokens for its {MEASURES[choice.tokens]}", "choose another prompt")
    points = own["n_distinct"]
    return {"rows": labelled(results, known), "every": table, "prompt": number, "category": own["category"].iloc[0],
            "tokens": int(own["tokens"].iloc[0]), "distinct": (int(points.min()), int(points.max()))}  # fmt: skip


def _unit(data: Data) -> str:
    return "" if data.choice.tokens == "two_nn" else f" ({unit_words(data.choice.scale, data.study.metric)})"


def chart(data: Data, look: Look):
    """A curve per series, one panel per layer: dimensions on one axis, persistence on an axis for each. Clicks choose
    `step`."""
    of_dimension = data.choice.tokens == "two_nn"
    words = {"question": f"What shape have the tokens of prompt {data.prompt}?", "answer": answer(data)}
    words |= {"y_title": MEASURES[data.choice.tokens] + _unit(data)}
    return velocity_chart(data.rows, None, look, share_y=of_dimension, zero=not of_dimension, **words)


def answer(data: Data) -> str:
    """From the first step to the last, where that changes it most for its size."""
    ends = bold(data.rows).sort_values("step").groupby(["series", "layer"], sort=False)["mean"].agg(["first", "last"])
    share = (ends["last"] - ends["first"]).abs() / ends.max(axis=1).where(lambda most: most > 0)
    (series, layer), most = share.fillna(0).idxmax(), ends.loc[share.fillna(0).idxmax()]
    name = MEASURES[data.choice.tokens]
    return (
        f"{name[0].upper()}{name[1:]} changes most in {series}, layer {layer}: from {three(most['first'])} to "
        f"{three(most['last'])}."
    )


def caption(data: Data) -> str:
    kind = f" ({data.category})" if data.category else ""
    low, high = data.distinct
    repeats = "" if low == data.tokens else f", {low if low == high else f'{low} to {high}'} of them different"
    ends = [_at(data.rows, data.rows["step"] == step, words) for step, words in (
        (data.rows["step"].min(), "at the first step"), (data.rows["step"].max(), "at the last"))]  # fmt: skip
    about = {
        "two_nn": "Dimension from each token's two nearest neighbours (Facco et al. 2017). Of as many points of a "
        f"Gaussian cloud it has a standard deviation of {percent(two_nn_spread(low))} of it: go by how a curve "
        "moves, not by its height.",
        "h1_total": "Sum of all death - birth of loops.",
        "h0_total": "Sum of all deaths of components: the length of the minimum spanning tree.",
    }[data.choice.tokens]
    return (
        f"Points: the {count(data.tokens, 'token')} of the text of prompt {data.prompt}{kind}{repeats}, without the "
        "chat template and without the first token of what is read, whose hidden state lies far out whatever it says. "
        f"{about} From the lowest layer to the highest: {'; '.join(ends)}."
    )


def _at(rows: pd.DataFrame, here: pd.Series, words: str) -> str:
    """The range over series, at the lowest layer and at the highest."""
    found = []
    for layer in sorted({rows["layer"].min(), rows["layer"].max()}):
        values = rows[here & (rows["layer"] == layer)]["mean"]
        found.append(" to ".join(dict.fromkeys((three(values.min()), three(values.max())))))
    return f"{words} {', '.join(found)}"


def numbers(data: Data) -> Numbers:
    words = [three(value) for value in data.rows["mean"]]
    name = f"Prompt {data.prompt}: {MEASURES[data.choice.tokens]}{_unit(data)}, by step"
    return by_step(name, data.rows, ["series", "layer"], words)


def _prompts(results: Source, choice: Choice) -> list[int]:
    return distinct(results.table("token_shapes"), "prompt")


FIGURE = Figure(
    name="token_clouds", place=137, title="Tokens of single prompts", uses=("prompt", "tokens", "scale"), read=read,
    chart=chart, caption=caption, numbers=numbers, table=lambda data: data.every, section="More than geometry?",
    controls=(
        Control("e_prompt", "prompt", "Prompt", _prompts, "prompt {}".format, link="prompt of the token clouds"),
        Control("e_tokens", "tokens", "Measure", fixed(*MEASURES), MEASURES.get,
                link="measure of the token clouds"),
    ),
    below=("A row per prompt, checkpoint and layer; persistence at raw scale."),
)  # fmt: skip
