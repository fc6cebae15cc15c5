"""How much of the movement comes early, each layer against what chance alone would give."""

from collections.abc import Iterable
from textwrap import wrap

import altair as alt
import pandas as pd

from phcore.figures.charts.channels import dots, interval_words, on, p_words, row_names, told
from phcore.figures.charts.theme import FLOOR, FULL_WIDTH, INK, LABEL_SIZE, SOFT, framed, objective_scale
from phcore.figures.charts.view import View

LEVEL = 0.05
_SPACING = 40  # between 100% of one and 0% of the next
_LAYERS = 58  # pixels beside the panels: the layers and their title
_ROW = 34


def concentration_chart(
    rows: pd.DataFrame,
    *,
    correction: str = "no correction",
    x_title: str = "share of velocity in the first third of the checkpoints",
    question: str | None = "Does most of the movement come early?",
    answer: str | None = None,
    objectives: Iterable[str] | None = None,
    width: int = FULL_WIDTH,
) -> alt.FacetChart:
    """One panel per series, one row per layer, deep layers on top: a dot before the grey band of its null.

    Parameters
    ----------
    rows : series, objective, layer, concentration, lo, hi (its interval), null_lo, null_hi (5 and 95 % of the null),
        null_mean, p. Rows without a concentration are left out.
    correction : of p for the many rows, in words.
    x_title : what is early, which the choice "by index" or "by step" decides.
    objectives : all objectives of the study, so that colours stay as the choice changes.
    """
    if answer is None:
        answer = concentration_answer(rows, correction)
    known = rows.dropna(subset="concentration", ignore_index=True).sort_values(["series", "layer"], ignore_index=True)
    layers = sorted((int(layer) for layer in known["layer"].unique()), reverse=True)
    columns = _columns(known["series"].nunique())
    inner = (width - _LAYERS - (columns - 1) * _SPACING) // columns
    table = known.assign(
        p_words=[p_words(p) for p in known["p"]],
        words=interval_words(known["concentration"], known["lo"], known["hi"], _share),
        null_words=interval_words(known["null_mean"], known["null_lo"], known["null_hi"], _share),
        beyond=known["p"] < LEVEL,  # in Vega an unknown p would be below any level
        named=known["layer"] == max(layers, default=0),
    )
    x = alt.X(
        field="concentration",
        type="quantitative",
        title=wrap(x_title, max(20, inner // 7)),
        scale=alt.Scale(domain=[0, 1], nice=False),
        axis=alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], format=".0%", gridOpacity=0.6, labelFlush=False),
    )
    y = row_names("layer", layers, _LAYERS - 30, "layer")
    colour = alt.Color(
        field="objective",
        type="nominal",
        legend=None,
        scale=objective_scale(known["objective"].unique(), objectives),
    )
    tooltip = {
        "series": "series",
        "layer": "layer",
        "words": "concentration (95 % interval)",
        "null_words": "null: mean (5 to 95 %)",
        "p_words": f"against the null ({correction})",
    }
    name = {"align": "left", "baseline": "bottom", "fontSize": LABEL_SIZE - 1, "color": SOFT, "dy": -10, "dx": 2}
    marks = [
        View()
        .mark_bar(color=FLOOR, opacity=0.35, size=18)
        .encode(x=on(x, "null_lo"), x2=alt.X2(field="null_hi"), y=y, tooltip=told(tooltip)),
        View().mark_tick(color=SOFT, thickness=2, size=18).encode(x=on(x, "null_mean"), y=y),
        View().transform_filter("datum.named").mark_text(text="null", **name).encode(x=on(x, "null_lo"), y=y),
        *dots(View(), x, "lo", "hi", y=y, color=colour, hollow="!datum.beyond", tooltip=tooltip),
    ]
    header = alt.Header(
        title=None, labelAnchor="start", labelFontSize=LABEL_SIZE + 1, labelColor=INK, labelLimit=inner, labelPadding=8
    )
    return alt.FacetChart(
        data=table,
        spec=alt.layer(*marks, width=inner, height=_ROW * max(1, len(layers))),
        facet=alt.Facet(field="series", type="nominal", sort=_order(table, objectives), header=header),
        columns=columns,
        spacing=_SPACING,
        **framed(question, answer, width),
    )


def _columns(panels: int) -> int:
    """Panels in a row: one row of up to four, else the fuller of rows of four and of three."""
    return max(1, panels) if panels <= 4 else min((4, 3), key=lambda columns: -panels % columns)


def _order(table: pd.DataFrame, objectives: Iterable[str] | None) -> list[str]:
    """Series in the order of the objectives' legend."""
    places = {name: at for at, name in enumerate(objective_scale(table["objective"], objectives).domain)}
    owners = table.drop_duplicates("series")
    pairs = zip(owners["objective"], owners["series"], strict=True)
    return [series for _, series in sorted((places[objective], series) for objective, series in pairs)]


def concentration_answer(rows: pd.DataFrame, correction: str = "no correction") -> str:
    """How many exceed their null, and the largest concentration with its interval, null and p.

    Parameters
    ----------
    rows, correction : see `concentration_chart`.
    """
    known = rows.dropna(subset=["concentration", "p"], ignore_index=True)
    if known.empty:
        return "No series has enough transitions for a first third, and a null, yet."
    above = int((known["p"] < LEVEL).sum())
    most = known.loc[known["concentration"].idxmax()]
    (words,), (null,) = (
        interval_words(*([most[name]] for name in names), _share)
        for names in (("concentration", "lo", "hi"), ("null_mean", "null_lo", "null_hi"))
    )
    return (
        f"{above:,} of {len(known):,} (series, layer) exceed the null at {LEVEL:.0%} ({correction}): the filled dots. "
        f"Largest: {words}, {most['series']}, layer {int(most['layer'])}; null {null}, {p_words(most['p'])}."
    )


def _share(value: float) -> str:
    return f"{value:.0%}"
