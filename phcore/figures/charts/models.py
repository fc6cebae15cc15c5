"""Several models in one figure: the same depth side by side, whatever their number of layers."""

from collections.abc import Iterable

import altair as alt
import pandas as pd

from phcore.figures.charts.channels import told
from phcore.figures.charts.curves import top_of, up
from phcore.figures.charts.theme import FULL_WIDTH, INK, LABEL_SIZE, Y_AXIS, framed, line_dash, objective_scale
from phcore.figures.charts.view import View
from phcore.formatting import three

_COLUMNS = 5  # panels in a row
_SPACING = 18


def models_chart(
    rows: pd.DataFrame,
    *,
    y_title: str = "H1 velocity / its own mean",
    question: str | None = "Do the models move alike?",
    answer: str | None = None,
    objectives: Iterable[str] | None = None,
    width: int = FULL_WIDTH,
    height: int = 250,
) -> alt.FacetChart:
    """A panel per tenth of the depth, a line per study and series: the colour is the objective, the dash the study.

    Parameters
    ----------
    rows : study, series, objective, depth (layer / number of layers, 0 to 1), value, share (of the steps of the run, 0
        to 1: runs have different lengths). Two layers of a study that fall into one panel are two lines.
    y_title : quantity and unit; values of different models compare only if they are divided by something.
    objectives : all objectives of the studies.
    """
    if answer is None:
        answer = models_answer(rows)
    known = rows.dropna(subset="value", ignore_index=True)
    panel = [round(10 * depth) for depth in known["depth"]]
    table = known.assign(
        mean=known["value"],
        panel=panel,
        words=[three(value) for value in known["value"]],
        place=[f"{share:.0%} of the run" for share in known["share"]],
        layer=[f"{depth:.0%} of the depth" for depth in known["depth"]],
    ).sort_values(["study", "series", "depth", "share"], ignore_index=True)
    table["name"] = [f"depth {10 * number}%" for number in table["panel"]]
    columns = max(1, min(_COLUMNS, table["panel"].nunique()))
    inner = (width - Y_AXIS - (columns - 1) * _SPACING) // columns
    x = _share()
    y = up(top_of(table.assign(hi=table["mean"])), y_title)
    colour = alt.Color(
        field="objective",
        type="nominal",
        scale=objective_scale(table["objective"].unique(), objectives),
        legend=alt.Legend(
            orient="top", title=None, symbolType="stroke", symbolSize=400, symbolStrokeWidth=3, labelLimit=260
        ),
    )
    tooltip = {"study": "study", "series": "series", "layer": "layer", "place": "step", "words": y_title}
    view = View().encode(x=x, y=y, color=colour)
    marks = [
        view.mark_line(strokeWidth=2.2).encode(
            strokeDash=line_dash("study", sorted(table["study"].unique())),
            detail=[alt.Detail(field=name, type="nominal") for name in ("series", "depth")],
        ),
        view.mark_point(filled=True, opacity=1, size=30).encode(tooltip=told(tooltip)),
    ]
    header = alt.Header(title=None, labelAnchor="start", labelFontSize=LABEL_SIZE + 1, labelColor=INK, labelPadding=8)
    order = [f"depth {10 * number}%" for number in sorted(set(panel))]
    return alt.FacetChart(
        data=table,
        spec=alt.layer(*marks, width=inner, height=height),
        facet=alt.Facet(field="name", type="nominal", sort=order, header=header),
        columns=columns,
        spacing=_SPACING,
        **framed(question, answer, width),
    )


def models_answer(rows: pd.DataFrame) -> str:
    """Where each study's largest value is."""
    known = rows.dropna(subset="value", ignore_index=True)
    if known.empty:
        return "No study has a value yet."
    said = []
    for study, part in known.groupby("study"):
        most = part.loc[part["value"].idxmax()]
        when = f"{most['share']:.0%} of the run, depth {most['depth']:.0%}"
        said.append(f"{study} {three(most['value'])} at {when} ({most['series']})")
    return f"Largest: {'; '.join(said)}."


def _share() -> alt.X:
    return alt.X(
        field="share",
        type="quantitative",
        title="share of the run",
        scale=alt.Scale(domain=[0, 1], nice=False, padding=8),
        axis=alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], format=".0%", grid=False, labelFlush=False),
    )
