"""How far apart the objectives are, by step; in which features; and where a mixture lies between its parts."""

from collections.abc import Iterable, Sequence

import altair as alt
import pandas as pd

from phcore.figures.charts.answers import since
from phcore.figures.charts.channels import dots, end_names, interval_words, row_names
from phcore.figures.charts.curve_rows import CURVE, TOLD, curve_rows
from phcore.figures.charts.curves import floor_marks, only, top_of, up
from phcore.figures.charts.steps import StepAxis, link_steps, step_picker, step_rule
from phcore.figures.charts.theme import (
    FULL_WIDTH,
    INK,
    LABEL_SIZE,
    SOFT,
    Y_AXIS,
    framed,
    objective_colours,
)
from phcore.figures.charts.view import View
from phcore.formatting import three
from phcore.topology.summaries import FEATURE_WORDS

_PAIR = ["series_a", "series_b"]
_LABELS = 170  # pixels beside the plot for the names of the pairs
_NAMED = 8  # of more pairs none has a name in the chart


# --- distance by step -----------------------------------------------------------------------------------


def separation_chart(
    rows: pd.DataFrame,
    floor: pd.DataFrame | None = None,
    *,
    steps: Sequence[int],
    selected_step: int | None = None,
    log: bool = True,
    y_title: str = "distance of mean summaries (resampling SDs)",
    question: str | None = "How far apart are the objectives?",
    answer: str | None = None,
    objectives: Iterable[str] | None = None,
    width: int = FULL_WIDTH,
    height: int = 300,
) -> alt.LayerChart:
    """The distance between two series by step: a line per pair, striped in the colours of both. Clicks choose `step`.

    Parameters
    ----------
    rows : series_a, series_b, objective_a, objective_b, step, value.
    floor : series_a, series_b, step, lo, hi: what resampling alone gives. The band covers those of all pairs; in the
        answer each pair is judged by its own.
    steps : all steps of the study, the base included.
    objectives : all objectives of the study, so that colours stay as the choice changes.
    """
    if answer is None:
        answer = separation_answer(rows, floor)
    across = width - Y_AXIS - _LABELS
    named = rows.drop_duplicates(_PAIR).shape[0] <= _NAMED
    axis = StepAxis(steps, log=log, width=across)
    colours = objective_colours({*rows["objective_a"], *rows["objective_b"], *(objectives or ())})
    curve = rows.rename(columns={"value": "mean"}).assign(lo=float("nan"), hi=float("nan"))
    curve = curve.assign(series=pair_names(rows), objective="", layer=0).sort_values(["series", "step"])
    for side in "ab":
        curve[f"colour_{side}"] = curve[f"objective_{side}"].map(colours)
    band = None if floor is None else _widest(floor)
    table, fields = curve_rows(curve, band, axis)
    top = top_of(curve, band)
    y = up(top, y_title)
    line = only(CURVE).encode(x=axis.x(), y=y, detail=alt.Detail(field="series", type="nominal"))
    first, second = (alt.Color(field=f"colour_{side}", type="nominal", scale=None) for side in "ab")
    chart = alt.layer(
        *floor_marks(axis, y),
        line.mark_line(strokeWidth=3).encode(color=first),
        line.mark_line(strokeWidth=3, strokeDash=[14, 14], strokeCap="butt").encode(color=second),
        only(CURVE).mark_point(filled=True, opacity=1, size=30, color=INK).encode(x=axis.x(), y=y),
        end_names(_two_lines(curve) if named else curve.head(0), y, top, across, height, _LABELS - 10),
        *step_rule(selected_step, axis),
        *step_picker(only(TOLD), axis, height=height, tooltip=fields),
        data=table,
        width=across,
        height=height,
        **framed(question, answer, width),
    )
    return link_steps(chart)


def pair_names(rows: pd.DataFrame) -> list[str]:
    return [f"{a} – {b}" for a, b in zip(rows["series_a"], rows["series_b"], strict=True)]


def _two_lines(curve: pd.DataFrame) -> pd.DataFrame:
    """Curves named by their pairs, long names in two lines."""
    ends = zip(curve["series_a"], curve["series_b"], strict=True)
    return curve.assign(series=[f"{a} –{' ' if len(a + b) < 24 else chr(10)}{b}" for a, b in ends])


def separation_answer(rows: pd.DataFrame, floor: pd.DataFrame | None = None) -> str:
    """How far apart each pair is at its last step, and since when it is beyond its own floor; of many, the farthest."""
    known = rows.dropna(subset="value", ignore_index=True)
    if known.empty:
        return "No step has two objectives yet."
    end = known["step"].max()
    tops = {} if floor is None else floor.set_index([*_PAIR, "step"])["hi"].to_dict()
    said = []
    for (a, b), pair in known.sort_values("step").groupby(_PAIR, sort=False):
        last = pair.iloc[-1]
        words = f"{a} and {b} are {three(last['value'])} apart"
        if last["step"] != end:
            words += f" at step {int(last['step']):,}"
        top = pair["step"].map(lambda step, a=a, b=b: tops.get((a, b, step), float("nan")))
        if top.notna().any():
            begun = since(pair["step"], pair["value"] > top)
            beyond = f"beyond the floor since step {begun:,}" if begun is not None else "no farther than resampling"
            words += f" ({beyond})"
        said.append((last["value"], words))
    said.sort(key=lambda pair: -pair[0])
    if len(said) <= 3:
        return f"At step {int(end):,} {'; '.join(words for _, words in said)}."
    return f"Of {len(said)} pairs at step {int(end):,}, the farthest: {said[0][1]}; the nearest: {said[-1][1]}."


def _widest(floor: pd.DataFrame) -> pd.DataFrame:
    """One band that covers the floors of all pairs."""
    return floor.groupby("step", as_index=False).agg(lo=("lo", "min"), hi=("hi", "max")).assign(layer=0)


# --- features -------------------------------------------------------------------------------------------

_NAMES = 230  # pixels for the names of the features
_ROW = 28
SIZES = {"g": "Hedges' g (resampling SDs)", "delta": "Cliff's delta"}


def effects_chart(
    rows: pd.DataFrame,
    *,
    size: str = "g",
    top: int = 12,
    question: str | None = "In which features do they differ?",
    answer: str | None = None,
    objectives: Iterable[str] | None = None,
    width: int = FULL_WIDTH,
) -> alt.LayerChart:
    """The features in which two series differ most, the strongest on top: dots in the colour of the one that has more.

    Parameters
    ----------
    rows : series_a, series_b, objective_a, objective_b, feature and, of `size`, e.g. g, g_lo, g_hi; one pair at one
        step. Positive: series_a has more.
    size : the effect size shown, a key of `SIZES`.
    top : how many features.
    """
    if answer is None:
        answer = effects_answer(rows, size)
    lo, hi = f"{size}_lo", f"{size}_hi"
    known = rows.dropna(subset=size, ignore_index=True)
    known = known.loc[known[size].abs().sort_values(ascending=False, kind="stable").index].head(top)
    colours = objective_colours({*rows["objective_a"], *rows["objective_b"], *(objectives or ())})
    more = known["objective_a"].where(known[size] > 0, known["objective_b"])
    table = known.assign(
        words=known["feature"].map(lambda name: FEATURE_WORDS.get(name, name)),
        interval=interval_words(known[size], known[lo], known[hi]),
        colour=more.map(colours),
        clear=(known[lo] > 0) | (known[hi] < 0),
    )
    low, high = (-1.0, 1.0) if size == "delta" else _around_zero([*table[size], *table[lo], *table[hi]])
    x = alt.X(
        field=size,
        type="quantitative",
        title=SIZES[size],
        scale=alt.Scale(domain=[low, high], nice=False),
        axis=alt.Axis(tickCount=7, gridOpacity=0.6, labelFlush=False),
    )
    y = row_names("words", table["words"], _NAMES)
    across = width - _NAMES - 24
    colour = alt.Color(field="colour", type="nominal", scale=None)
    tooltip = {"words": "feature", "interval": f"{SIZES[size]}, 95 % interval"}
    return alt.layer(
        View(pd.DataFrame({size: [0.0]})).mark_rule(color=SOFT, strokeWidth=1, strokeDash=[3, 3]).encode(x=x),
        *_sides(rows, colours, across * -low / (high - low), across),
        *dots(View(table), x, lo, hi, y=y, color=colour, hollow="!datum.clear", tooltip=tooltip),
        width=across,
        height=_ROW * max(1, len(table)),
        **framed(question, answer, width),
    )


def effects_answer(rows: pd.DataFrame, size: str = "g") -> str:
    """How many features differ beyond another choice of prompts, and the strongest."""
    known = rows.dropna(subset=[size, f"{size}_lo", f"{size}_hi"], ignore_index=True)
    if known.empty:
        return "No feature has an effect size yet."
    clear = int(((known[f"{size}_lo"] > 0) | (known[f"{size}_hi"] < 0)).sum())
    most = known.loc[known[size].abs().idxmax()]
    name = {"g": "g", "delta": "delta"}[size]
    more = most["series_a"] if most[size] > 0 else most["series_b"]
    return (
        f"{clear} of {len(known)} features differ by more than another choice of prompts would change (the filled "
        f"dots). Strongest: {FEATURE_WORDS.get(most['feature'], most['feature'])}, higher in {more}, "
        f"{name}\u00a0=\u00a0{interval_words([most[size]], [most[f'{size}_lo']], [most[f'{size}_hi']])[0]}."
    )


def _around_zero(values: Sequence[float]) -> tuple[float, float]:
    """A domain that holds the values and zero, with room on both sides of it."""
    known = [value for value in values if value == value]
    low, high = min([0.0, *known]), max([0.0, *known])
    span = high - low or 1.0
    return min(low - 0.03 * span, -0.1 * span), max(high + 0.03 * span, 0.1 * span)


def _sides(rows: pd.DataFrame, colours: dict[str, str], zero: float, across: int) -> list[View]:
    """Above the plot, left and right of zero: on which side which series has more."""
    one = rows.head(1)
    arrows = {"b": ("← higher in {}", "right", -8), "a": ("higher in {} →", "left", 8)}
    style = {"baseline": "bottom", "fontSize": LABEL_SIZE, "fontWeight": "bold", "dy": -5, "limit": across // 2}
    return [
        View(pd.DataFrame({"name": [words.format(name) for name in one[f"series_{side}"]]}))
        .mark_text(align=align, dx=dx, color=next(iter(one[f"objective_{side}"].map(colours)), ""), **style)
        .encode(x=alt.XValue(zero), y=alt.YValue(0), text=alt.Text(field="name", type="nominal"))
        for side, (words, align, dx) in arrows.items()
    ]
