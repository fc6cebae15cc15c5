"""The same course with other settings: subsamples, prompts, metric, order, scale."""

import altair as alt
import pandas as pd

from phcore.analysis import other_settings
from phcore.errors import Fault
from phcore.figures.charts.channels import SHARES, View, measure, row_names, told
from phcore.figures.charts.curves import top_of, up
from phcore.figures.charts.steps import StepAxis
from phcore.figures.charts.theme import INK, objective_colours, panel_heading, shades
from phcore.figures.figure import Choice, Control, Data, Figure, Look, Numbers, Source, listed
from phcore.figures.reading import COMPUTE, distinct, labelled, rows
from phcore.formatting import percent, three
from phcore.stages.length_removed import VARIED
from phcore.stages.variant_loops import FEW_SUBSAMPLES

_COLUMNS = 4  # panels in a row
_SPACING = 12
_NAMES = 92  # pixels for the settings, and for the y axis above them
_ROW = 17
_HEIGHT = 100


def read(results: Source, choice: Choice) -> dict:
    """rows: the curves of one series by setting, with series and objective; shares: their concentrations; steps: of the
    series; every: the rows of the table they come from."""
    table = rows(results, "sensitivity", choice, "layer")
    if table.empty:
        raise Fault("other settings have not been tried for this study yet", COMPUTE)
    series = choice.series or next(iter(table.dropna()["series"]), table["series"].iloc[0])
    own = pd.concat([table, rows(results, "length_removed", choice, "layer")], ignore_index=True)
    own = own[own["series"] == series]
    if own["value"].isna().all():
        raise Fault(f"nothing moves in {series} at layer {choice.layer}", "look at another layer")
    curves = other_settings.settings(own, choice.scale, choice.order)
    return {
        "rows": labelled(results, curves.assign(series=series)), "shares": other_settings.concentrations(curves),
        "steps": sorted({0, *(node.step for node in results.record.path_of(series))}), "every": own,
    }  # fmt: skip


def chart(data: Data, look: Look):
    """A column per setting that was varied: velocity by step above, a shade for each value; its concentration below.

    Curves are divided by their own mean, so that their shapes compare even where the unit is another one. Settings
    stand in the order in which they first appear.
    """
    known = _normalised(data.rows)
    varied = list(dict.fromkeys(known["varied"])) or [""]
    columns = look.columns(len(varied), _COLUMNS, 250)
    across = (look.width - columns * (_NAMES + 8) - (columns - 1) * _SPACING) // columns
    axis = StepAxis(data.steps, width=across)
    objective = data.rows["objective"].iloc[0]
    colour = objective_colours({objective, *look.objectives})[objective]
    top = top_of(known.assign(hi=known["mean"]))
    settings = [list(dict.fromkeys(known.loc[known["varied"] == name, "setting"])) for name in varied]
    panels = []
    for place, (name, own) in enumerate(zip(varied, settings, strict=True)):
        inks = dict(zip(own, shades(colour, len(own)), strict=True))
        curves = known[known["varied"] == name]
        curves = curves.assign(ink=curves["setting"].map(inks))
        row = place - place % columns
        most = max(1, *map(len, settings[row : row + columns]))
        panels.append(
            alt.vconcat(
                _curves(curves, axis, top, place == row, across, name or "nothing yet"),
                _shares(data.shares[data.shares["varied"] == name], inks, most, across),
                spacing=14,
            )
        )
    where = f"{data.rows['series'].iloc[0]}, layer {data.choice.layer}"
    whole = look.framed(f"Would other settings show the same? ({where})", answer(data), small=True)
    return alt.concat(*panels, columns=columns, spacing=_SPACING, **whole)


def answer(data: Data) -> str:
    """At which step each curve peaks, and how far the concentration reaches."""
    known = _normalised(data.rows)
    if known.empty:
        return "No setting has been varied yet."
    curves = known.groupby(["varied", "setting"], sort=False)
    peaks = known.loc[curves["mean"].idxmax(), "step"]
    often = peaks.mode().iloc[0]
    words = f"{int((peaks == often).sum())} of {len(peaks)} settings peak at step {int(often):,}"
    shares = data.shares["value"].dropna()
    if shares.empty:
        return f"{words}."
    ends = " to ".join(dict.fromkeys((percent(shares.min()), percent(shares.max()))))
    return f"{words}; the first third holds {ends} of the movement."


def more(data: Data) -> str:
    """At which other steps they peak."""
    known = _normalised(data.rows)
    if known.empty:
        return ""
    peaks = known.loc[known.groupby(["varied", "setting"], sort=False)["mean"].idxmax(), "step"]
    others = sorted(peaks[peaks != peaks.mode().iloc[0]].astype(int).unique())
    return (
        f"Other peaks: step {', '.join(f'{step:,}' for step in others[:4])}{', …' * (len(others) > 4)}."
        if others
        else ""
    )


def _normalised(rows: pd.DataFrame) -> pd.DataFrame:
    """The curves, in their order, with `mean`: the value over the mean of its own curve."""
    known = rows.dropna(subset="value", ignore_index=True)
    own = known.groupby(["varied", "setting"])["value"].transform("mean")
    known = known.assign(mean=known["value"] / own)
    return known[own > 0]


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
    table["words"] = ["unknown" if pd.isna(value) else percent(value) for value in table["value"]]
    x = measure(alt.X, "value", "concentration", (0, 1), SHARES)
    y = row_names("setting", order, _NAMES - 20)
    colour = alt.Color(field="ink", type="nominal", scale=None)
    view = View(table).encode(x=x, y=y)
    tooltip = told({"setting": "setting", "words": "concentration"})
    return alt.layer(
        view.mark_point(filled=True, size=80, opacity=1).encode(color=colour, tooltip=tooltip),
        view.mark_text(align="left", dx=8, color=INK, fontSize=11).encode(text=alt.Text(field="words", type="nominal")),
        width=across,
        height=_ROW * most,
    )


def caption(data: Data) -> str:
    other = "" if data.choice.degree == 1 else "Other settings are tried for H1; this is what is shown. "
    return (
        f"{other}H1 velocity over its own mean, by step; below, the share of it in the first third of the checkpoints. "
        f"One thing is varied at a time, on at most {FEW_SUBSAMPLES} subsamples (their number itself: on the study's "
        f"own). Scale {data.choice.scale}, where the scale is not what is varied. A subsample has at most four fifths "
        f"of the prompts.{_without_length(data)}"
    )


def _without_length(data: Data) -> str:
    if VARIED not in set(data.rows["varied"]):
        return ""
    return " Prompt length: the logarithm of the number of tokens, regressed out of every cloud."


def numbers(data: Data) -> Numbers:
    return listed("Concentration by setting", data.shares, {
        "varied": lambda one: one.varied,
        "setting": lambda one: one.setting,
        "concentration": lambda one: f"{one.value:.2f}",
    })  # fmt: skip


FIGURE = Figure(
    name="settings", place=170, title="Other settings", uses=("degree", "order", "scale", "layer", "series"), read=read,
    chart=chart, caption=caption, more=more, table=lambda data: data.every, numbers=numbers,
    section="Robust?",
    controls=(
        Control("e_series", "series", "Series",
                lambda results, choice: distinct(results.table("sensitivity"), "series"), kind="row"),
    ),
)  # fmt: skip
