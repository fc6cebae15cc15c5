"""The direction between two categories of prompts, and how it turns: of harmful requests, the refusal direction."""

from dataclasses import replace

import pandas as pd

from phcore.errors import Fault
from phcore.figures.charts.curve_rows import several
from phcore.figures.charts.curves import velocity_chart
from phcore.figures.charts.theme import HALF_WIDTH
from phcore.figures.figure import Choice, Control, Data, Figure, Look, Numbers, Source, by_step
from phcore.figures.reading import COMPUTE, distinct, labelled

_PANELS = {
    "first_at": "place of {first}", "second_at": "place of {second}", "gap": "gap between them",
    "cosine_base": "cosine with the base's",
}  # fmt: skip


def read(results: Source, choice: Choice) -> dict:
    """rows: of one pair of categories at one layer, with objective; first, second: which."""
    table = results.table("directions")
    if table.empty:
        hint = f"{COMPUTE}, with a probe set that names two categories"
        raise Fault("no direction between two categories has been measured for this study", hint)
    first, second = choice.between or distinct(table, "first", "second")[0]
    own = table[(table["first"] == first) & (table["second"] == second)]
    here = own[own["layer"] == choice.layer].dropna(subset="gap")
    if here.empty:
        raise Fault(f"the means of {first} and {second} are the same at layer {choice.layer}", "look at another layer")
    return {"rows": labelled(results, here), "first": first, "second": second}


def chart(data: Data, look: Look):
    """Four panels, a curve per series: where either mean lies, how far apart they are, how far the direction turned."""
    names = {name: words.format(first=data.first, second=data.second) for name, words in _PANELS.items()}
    parts = [
        data.rows[["series", "objective", "step"]].assign(layer=place, mean=data.rows[name])
        for place, name in enumerate(_PANELS)
    ]
    curve = pd.concat(parts, ignore_index=True)
    curve = curve.assign(lo=curve["mean"], hi=curve["mean"])
    narrow = look.width <= HALF_WIDTH + 100
    look = replace(look, height=look.height or (110 if narrow else 150))
    question = f"Does the direction from {data.first} to {data.second} hold? (layer {data.choice.layer})"
    return velocity_chart(
        curve, None, look, panels=dict(enumerate(names.values())), y_title="in gaps of the base; cosine",
        question=question, answer=answer(data), share_y=False, columns=2 if narrow else 4,
    )  # fmt: skip


def answer(data: Data) -> str:
    """Where the direction has turned most by the last checkpoint, of an objective's mean where it has several runs."""
    last = _last(data.rows)
    one = last.iloc[0]
    return (
        f"It turns most in {one['series']}: cosine {one['cosine_base']:.2f} with the base's direction, gap "
        f"{one['gap']:.2f} (1 and 1 at the base)."
    )


def _last(rows: pd.DataFrame) -> pd.DataFrame:
    """series, gap and cosine_base at the last checkpoint, the direction that turned most first."""
    last = rows.sort_values("step").groupby("series", sort=False).tail(1)
    if several(rows):
        last = last.groupby("objective", sort=False)[["gap", "cosine_base"]].mean().reset_index(names="series")
    return last.sort_values("cosine_base", kind="stable", ignore_index=True)


def more(data: Data) -> str:
    """At the last checkpoint: the gap, and the cosine."""
    last = _last(data.rows)
    parts = [f"{one.series} {one.gap:.2f} and {one.cosine_base:.2f}" for one in last.head(4).itertuples()]
    rest = f" (and {len(last) - 4} more)" if len(last) > 4 else ""
    return f"Gap and cosine with the base's direction at the last checkpoint: {', '.join(parts)}{rest}."


def caption(data: Data) -> str:
    one = data.rows.iloc[0]
    halves = data.rows["halves"].dropna()
    sure = ""
    if len(halves):
        sure = (
            f" At one checkpoint, directions from either half of the prompts have a cosine of {halves.min():.2f} to "
            f"{halves.max():.2f}: so much less than 1 is the choice of prompts alone."
        )
    return (
        f"Difference of the means of {data.second} ({one['n_second']:.0f} prompts) and {data.first} "
        f"({one['n_first']:.0f}), as in Arditi et al. (2024). Places are along the base's direction, from -0.5 (mean "
        f"of {data.first} at the base) to 0.5 (of {data.second}); the gap is 1 at the base.{sure} A direction of "
        "means: nothing is said of what it causes."
    )


def numbers(data: Data) -> Numbers:
    words = [f"{a:.2f} / {b:.2f}" for a, b in zip(data.rows["gap"], data.rows["cosine_base"], strict=True)]
    return by_step(f"{data.first} to {data.second}: gap / cosine with the base's", data.rows, ["series"], words)


def _pairs(results: Source, choice: Choice) -> list[tuple[str, str]]:
    return distinct(results.table("directions"), "first", "second")


FIGURE = Figure(
    name="directions", place=162, title="Direction between two categories", uses=("layer", "between"), read=read,
    chart=chart, caption=caption, numbers=numbers, table=lambda data: data.rows.drop(columns="objective"),
    section="Before behaviour?", more=more,
    controls=(Control("e_between", "between", "Categories", _pairs, " – ".join, link="two categories"),),
    below=("cosine_before: with the checkpoint before; halves: between the directions of "
           "either half of the prompts."),
)  # fmt: skip
