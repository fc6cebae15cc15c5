"""Rank correlations with their intervals: dots and whiskers."""

import altair as alt
import pandas as pd

from phcore.figures.charts.channels import on, row_names, told
from phcore.figures.charts.theme import FAINT, FULL_WIDTH, INK, SOFT, TONE, framed
from phcore.figures.charts.view import View

_NAMES = 210  # pixels for the names of the quantities
_ROW = 30


def rank_chart(
    ranks: pd.DataFrame,
    others: pd.DataFrame | None = None,
    *,
    x_title: str = "rank correlation with velocity",
    question: str | None = "What does simple geometry already say?",
    answer: str | None = None,
    width: int = FULL_WIDTH,
) -> alt.LayerChart:
    """One row per quantity, the strongest on top, from -1 to 1.

    Parameters
    ----------
    ranks : words (the name of the quantity), rho, lo, hi, transitions; rows without rho are left out.
    others : words, rho, name: small marks in the same rows, for example single layers beside all of them.
    """
    known = ranks.dropna(subset="rho").sort_values("rho", ascending=False)
    order = known["words"].tolist()
    table = known.assign(
        interval=[
            f"{rho:.2f} ({lo:.2f} to {hi:.2f})"
            for rho, lo, hi in zip(known["rho"], known["lo"], known["hi"], strict=True)
        ]
    )
    y = row_names("words", order, _NAMES)
    x = alt.X(
        field="rho",
        type="quantitative",
        title=x_title,
        scale=alt.Scale(domain=[-1, 1], nice=False),
        axis=alt.Axis(values=[-1, -0.5, 0, 0.5, 1], gridOpacity=0.6),
    )
    tooltip = {"words": "quantity", "interval": "rank correlation (95 % interval)", "transitions": "transitions"}
    small = others.dropna(subset="rho") if others is not None else table.head(0).assign(name="")
    ends = View(table).mark_rule(strokeWidth=2, color=INK, opacity=0.6)
    return alt.layer(
        View(pd.DataFrame({"rho": [0.0]})).mark_rule(color=SOFT, strokeWidth=1, strokeDash=[3, 3]).encode(x=x),
        View(small[small["words"].isin(order)])
        .mark_tick(color=TONE, thickness=2, size=12, opacity=0.8)
        .encode(x=x, y=y, tooltip=told({"name": "layer", "words": "quantity", "shown": "correlation"})),
        ends.encode(x=on(x, "lo"), x2=alt.X2(field="hi"), y=y),
        View(table)
        .mark_point(filled=True, opacity=1, size=90, color=INK, stroke=FAINT, strokeWidth=1)
        .encode(x=x, y=y, tooltip=told(tooltip)),
        width=width - _NAMES - 20,
        height=_ROW * max(1, len(order)),
        **framed(question, answer, width),
    )
