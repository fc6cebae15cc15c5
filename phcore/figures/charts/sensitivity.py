"""What would be different with other choices: velocity and concentration as one setting at a time is varied."""

from collections.abc import Iterable, Sequence

import altair as alt
import pandas as pd

from phcore.figures.charts.channels import on, row_names, told
from phcore.figures.charts.curves import top_of, up
from phcore.figures.charts.steps import StepAxis
from phcore.figures.charts.theme import BASE_COLOUR, FULL_WIDTH, INK, framed, objective_colours, panel_heading, shades
from phcore.figures.charts.view import View
from phcore.formatting import three

_COLUMNS = 3  # panels in a row
_SPACING = 30
_NAMES = 108  # pixels for the settings, and for the y axis above them
_ROW = 19
_HEIGHT = 150


def sensitivity_chart(
    rows: pd.DataFrame,
    concentration: pd.DataFrame | None = None,
    *,
    steps: Sequence[int],
    log: bool = True,
    question: str | None = "Would other settings show the same?",
    answer: str | None = None,
    objectives: Iterable[str] | None = None,
    width: int = FULL_WIDTH,
) -> alt.ConcatChart:
    """A column per setting that was varied: velocity by step above, a shade for each value; its concentration below.

    Curves are divided by their own mean, so that their shapes compare even where the unit is another one.

    Parameters
    ----------
    rows : series, objective, varied, setting, step, value (velocity); one series at one layer. Settings stand in
        the order in which they first appear.
    concentration : varied, setting, value.
    steps : all steps of the study, the base included.
    objectives : all objectives of the study, so that the colour stays as the choice changes.
    """
    if answer is None:
        answer = sensitivity_answer(rows, concentration)
    known = _normalised(rows)
    varied = list(dict.fromkeys(known["varied"]))
    columns = max(1, min(_COLUMNS, len(varied)))
    across = (width - columns * (_NAMES + 8) - (columns - 1) * _SPACING) // columns
    axis = StepAxis(steps, log=log, width=across)
    colours = objective_colours({*known["objective"], *(objectives or ())})
    colour = colours[known["objective"].iloc[0]] if len(known) else BASE_COLOUR
    top = top_of(known.assign(hi=known["mean"]))
    found = concentration if concentration is not None else pd.DataFrame(columns=["varied", "setting", "value"])
    numbers = [known.loc[known["varied"] == name, "setting"].nunique() for name in varied] or [1]
    panels = []
    for place, name in enumerate(varied or [""]):
        curves = known[known["varied"] == name]
        settings = list(dict.fromkeys(curves["setting"]))
        inks = dict(zip(settings, shades(colour, len(settings)), strict=True))
        first = place % columns == 0
        row = place - place % columns
        most = max(numbers[row : row + columns])
        panels.append(
            alt.vconcat(
                _curves(
                    curves.assign(ink=curves["setting"].map(inks)), axis, top, first, across, name or "nothing yet"
                ),
                _shares(found[found["varied"] == name], inks, most, across),
                spacing=14,
            )
        )
    return alt.concat(*panels, columns=columns, spacing=_SPACING, **framed(question, answer, width))


def sensitivity_answer(rows: pd.DataFrame, concentration: pd.DataFrame | None = None) -> str:
    """At which step each curve peaks, and how far the concentration reaches."""
    known = _normalised(rows)
    if known.empty:
        return "No setting has been varied yet."
    curves = known.groupby(["varied", "setting"], sort=False)
    peaks = known.loc[curves["mean"].idxmax(), "step"]
    often = peaks.mode().iloc[0]
    words = f"{int((peaks == often).sum())} of {len(peaks)} curves peak at step {int(often):,}"
    if len(others := sorted(peaks[peaks != often].astype(int).unique())):
        words += f", the others at {', '.join(f'{step:,}' for step in others[:4])}{', …' if len(others) > 4 else ''}"
    shares = concentration["value"].dropna() if concentration is not None else known["mean"].head(0)
    if shares.empty:
        return f"{words}."
    return f"{words}. Concentration is between {shares.min():.0%} and {shares.max():.0%} (n = {len(shares)} settings)."


def _normalised(rows: pd.DataFrame) -> pd.DataFrame:
    """The curves, in their order, with `mean`: the value over the mean of its own curve."""
    known = rows.dropna(subset="value", ignore_index=True)
    own = known.groupby(["varied", "setting"])["value"].transform("mean")
    known = known.assign(mean=known["value"] / own)
    return known[own > 0].reset_index(drop=True)


def _curves(curves: pd.DataFrame, axis: StepAxis, top: float, first: bool, across: int, name: str) -> alt.LayerChart:
    table = curves.assign(
        step_words=[f"{int(step):,}" for step in curves["step"]],
        value_words=[three(value) for value in curves["value"]],
        mean_words=[three(value) for value in curves["mean"]],
    )
    y = up(top, "velocity / its own mean" if first else None)
    y.axis = alt.Axis(tickCount=4, gridOpacity=0.6, labelFlush=False, minExtent=_NAMES - 20, maxExtent=_NAMES - 20)
    tooltip = {"setting": name, "step_words": "step", "value_words": "velocity", "mean_words": "times its mean"}
    view = View(table).encode(x=axis.x(), y=y, color=alt.Color(field="ink", type="nominal", scale=None))
    return alt.layer(
        view.mark_line(strokeWidth=2).encode(detail=alt.Detail(field="setting", type="nominal")),
        view.mark_point(filled=True, opacity=1, size=30).encode(tooltip=told(tooltip)),
        width=across,
        height=_HEIGHT,
        title=panel_heading(name),
    )


def _shares(found: pd.DataFrame, inks: dict[str, str], most: int, across: int) -> alt.LayerChart:
    """The concentration of each setting; the names of its rows tell the shades of the curves, too."""
    order = [*inks, *[" " * k for k in range(1, most - len(inks) + 1)]]  # as many rows in every panel
    shares = dict(zip(found["setting"], found["value"], strict=True))
    values = [float(shares.get(setting, "nan")) for setting in inks]
    table = pd.DataFrame({"setting": list(inks), "ink": list(inks.values()), "value": values})
    table["words"] = ["unknown" if pd.isna(value) else f"{value:.0%}" for value in table["value"]]
    x = alt.X(
        field="value",
        type="quantitative",
        title="concentration",
        scale=alt.Scale(domain=[0, 1], nice=False),
        axis=alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], format=".0%", gridOpacity=0.6, labelFlush=False),
    )
    y = row_names("setting", order, _NAMES - 20)
    colour = alt.Color(field="ink", type="nominal", scale=None)
    view = View(table)
    return alt.layer(
        view.mark_point(filled=True, size=80, opacity=1).encode(
            x=x, y=y, color=colour, tooltip=told({"setting": "setting", "words": "concentration"})
        ),
        view.mark_text(align="left", dx=8, color=INK, fontSize=11).encode(
            x=on(x, "value"), y=y, text=alt.Text(field="words", type="nominal")
        ),
        width=across,
        height=_ROW * most,
    )
