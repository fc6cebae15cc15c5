"""In which features two series differ."""

import altair as alt
import pandas as pd

from phcore.errors import Fault
from phcore.figures.charts.channels import View, dots, interval_words, measure, row_names
from phcore.figures.charts.theme import LABEL_SIZE, SOFT, objective_colours
from phcore.figures.figure import Choice, Control, Data, Figure, Look, Numbers, Source, fixed, listed
from phcore.figures.reading import COMPUTE, distinct, labelled_pairs, rows
from phcore.formatting import three
from phcore.topology.summaries import FEATURE_WORDS

SIZES = {"g": "Hedges' g (resampling SDs)", "delta": "Cliff's delta"}
UNITS = {"g": "Hedges' g", "delta": "Cliff's delta"}
_MOST = 12  # features in the chart
_NAMES, _LEAST_NAMES = 230, 150  # pixels for the names of the features, and on a phone
_SHORT = 300  # pixels of a plot up to which the words above it are short
_ROW = 20


def read(results: Source, choice: Choice) -> dict:
    """rows: the features of the pair that is chosen, at the step that is; else of the pair that ends farthest apart, at
    its last step. first, second, step: which."""
    table = rows(results, "effects", choice, "layer", "scale")
    if len(results.record.series) < 2 or results.study.subsamples < 2:
        raise Fault("effect sizes need two series and at least two subsamples per cell", "compute the study with both")
    if table.empty:
        raise Fault("effect sizes have not been measured at this layer yet", COMPUTE)
    a, b = choice.first, choice.second
    if a is None:
        last = table[table["step"] == table["step"].max()]
        a, b = last["g"].abs().groupby([last["series_a"], last["series_b"]]).mean().idxmax()
    own = table[(table["series_a"] == a) & (table["series_b"] == b)]
    step = int(own["step"].max() if choice.step is None else choice.step)
    return {"rows": labelled_pairs(results, own[own["step"] == step]), "first": a, "second": b, "step": step}


def chart(data: Data, look: Look):
    """The features in which they differ most, the strongest on top: dots in the colour of the series that has more."""
    rows, size = data.rows, data.choice.size
    lo, hi = f"{size}_lo", f"{size}_hi"
    known = rows.dropna(subset=size).sort_values(size, key=abs, ascending=False, kind="stable", ignore_index=True)
    known = known.head(_MOST)
    colours = objective_colours({*rows["objective_a"], *rows["objective_b"], *look.objectives})
    table = known.assign(
        words=known["feature"].map(FEATURE_WORDS),
        interval=interval_words(known[size], known[lo], known[hi]),
        colour=known["objective_a"].where(known[size] > 0, known["objective_b"]).map(colours),
        clear=(known[lo] > 0) | (known[hi] < 0),
    )
    low, high = (-1.0, 1.0) if size == "delta" else _around_zero([*table[size], *table[lo], *table[hi]])
    x = measure(alt.X, size, SIZES[size], (low, high), {"tickCount": 7})
    names = min(_NAMES, max(_LEAST_NAMES, round(0.45 * look.width)))
    y = row_names("words", table["words"], names)
    across = look.width - names - 24
    colour = alt.Color(field="colour", type="nominal", scale=None)
    tooltip = {"words": "feature", "interval": f"{SIZES[size]}, 95 % interval"}
    where = f"step {data.step:,}, layer {data.choice.layer}"
    return alt.layer(
        View(pd.DataFrame({size: [0.0]})).mark_rule(color=SOFT, strokeWidth=1, strokeDash=[3, 3]).encode(x=x),
        *_sides(rows, colours, across * -low / (high - low), names, across),
        *dots(View(table), x, lo, hi, y=y, color=colour, hollow="!datum.clear", tooltip=tooltip),
        width=across,
        height=_ROW * max(1, len(table)),
        **look.framed(
            f"In which features do {data.first} and {data.second} differ? ({where})", answer(data), small=True
        ),
    )


def _known(data: Data) -> tuple[pd.DataFrame, tuple[str, str, str]]:
    """Features with an effect size and an interval, and the columns of these."""
    columns = tuple(data.choice.size + end for end in ("", "_lo", "_hi"))
    return data.rows.dropna(subset=list(columns), ignore_index=True), columns


def answer(data: Data) -> str:
    """How many features differ beyond another choice of prompts, and the strongest."""
    known, (size, lo, hi) = _known(data)
    if known.empty:
        return "No feature has an effect size yet."
    clear = int(((known[lo] > 0) | (known[hi] < 0)).sum())
    most = known.loc[known[size].abs().idxmax()]
    more = most["series_a"] if most[size] > 0 else most["series_b"]
    return (
        f"{clear} of {len(known)} features differ, most of all {FEATURE_WORDS[most['feature']]}: {UNITS[size]} "
        f"{three(abs(most[size]))}, higher in {more}."
    )


def more(data: Data) -> str:
    """What it is to differ, and the strongest with its interval."""
    known, (size, lo, hi) = _known(data)
    if known.empty:
        return ""
    most = known.loc[known[size].abs().idxmax()]
    return (
        "Features that differ (filled dots) do so by more than another choice of prompts would change. Strongest: "
        f"{size}\u00a0=\u00a0{interval_words([most[size]], [most[lo]], [most[hi]])[0]}."
    )


def _around_zero(values: list[float]) -> tuple[float, float]:
    """A domain that holds the values and zero, with room on both sides of it."""
    low, high = min([0.0, *values]), max([0.0, *values])  # what is unknown is neither less nor more
    span = high - low or 1.0
    return min(low - 0.03 * span, -0.1 * span), max(high + 0.03 * span, 0.1 * span)


def _sides(rows: pd.DataFrame, colours: dict[str, str], zero: float, names: int, across: int) -> list[View]:
    """Above the plot and the names left of it, on both sides of zero: on which side which series has more."""
    one = rows.head(1)
    more = "higher in " if across > _SHORT else ""
    room = {"b": zero + names - 8, "a": across - zero - 8}
    arrows = {"b": (f"← {more}{{}}", "right", -8), "a": (f"{more}{{}} →", "left", 8)}
    inks = {side: iter(one[f"objective_{side}"].map(colours)) for side in arrows}
    style = {"baseline": "bottom", "fontSize": LABEL_SIZE, "fontWeight": "bold", "dy": -5}
    return [
        View(pd.DataFrame({"name": [words.format(name) for name in one[f"series_{side}"]]}))
        .mark_text(align=align, dx=dx, limit=room[side], color=next(inks[side], ""), **style)
        .encode(x=alt.XValue(zero), y=alt.YValue(0), text=alt.Text(field="name", type="nominal"))
        for side, (words, align, dx) in arrows.items()
    ]


def caption(data: Data) -> str:
    return (
        f"Positive: {data.first} has more. The unit is the spread over subsamples of one cell. Whiskers: 95 % for "
        f"another choice of prompts ({data.sampling}), from the paired differences; another training run is not "
        "covered."
    )


def numbers(data: Data) -> Numbers:
    known = data.rows.dropna(subset="g").sort_values("g", key=abs, ascending=False)
    return listed("Effect sizes of all features", known, {
        "feature": lambda one: FEATURE_WORDS[one.feature],
        f"Hedges' g ({data.first} minus {data.second})": lambda one: f"{one.g:.2f}",
        "95 % interval": lambda one: f"{one.g_lo:.2f} to {one.g_hi:.2f}",
        "Cliff's delta": lambda one: f"{one.delta:.2f}",
    })  # fmt: skip


def _pairs(results: Source, choice: Choice) -> list[tuple[str, str]]:
    return distinct(rows(results, "effects", choice, "layer", "scale"), "series_a", "series_b")


def _steps(results: Source, choice: Choice) -> list[int]:
    table = rows(results, "effects", choice, "layer", "scale")
    own = table[(table["series_a"] == choice.first) & (table["series_b"] == choice.second)]
    return sorted(map(int, own["step"].unique()))


FIGURE = Figure(
    name="effects", place=100, title="Features in which the objectives differ",
    uses=("scale", "layer", "first", "second", "step", "size"), read=read, chart=chart, caption=caption,
    table=lambda data: data.rows, numbers=numbers, more=more, section="Apart?",
    controls=(
        Control("e_pair", ("first", "second"), "Pair", _pairs, " – ".join, link="pair of series"),
        Control("e_step", "step", "Step", _steps, default=lambda results, choice, steps: steps[-1],
                steps=True),
        Control("e_size", "size", "Effect size", fixed(*SIZES), SIZES.get),
    ),
)  # fmt: skip
