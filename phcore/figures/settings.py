"""The same course with other settings: subsamples, prompts, metric, order, scale."""

from __future__ import annotations

from phcore.analysis import other_settings
from phcore.errors import Fault
from phcore.figures.charts.sensitivity import sensitivity_chart
from phcore.figures.figure import Choice, Control, Data, Figure, Look, Numbers, Source, listed
from phcore.figures.reading import COMPUTE, labelled, rows
from phcore.stages.sensitivity import FEW_SUBSAMPLES


def read(results: Source, choice: Choice) -> dict:
    """rows: the curves of one series by setting, with series and objective; shares: their concentrations; steps: of the
    series; every: the rows of the table they come from."""
    table = rows(results, "sensitivity", choice, "layer")
    if table.empty:
        raise Fault("other settings have not been tried for this study yet", COMPUTE)
    series = choice.series or next(iter(table.dropna(subset="value")["series"]), table["series"].iloc[0])
    own = table[table["series"] == series]
    if own["value"].isna().all():
        raise Fault(f"nothing moves in {series} at layer {choice.layer}", "look at another layer")
    curves = other_settings.settings(own, choice.scale, choice.order)
    return {
        "rows": labelled(results, curves.assign(series=series)), "shares": other_settings.concentrations(curves),
        "steps": sorted({0, *(node.step for node in results.record.path_of(series))}), "every": own,
    }  # fmt: skip


def chart(data: Data, look: Look):
    where = f"{data.rows['series'].iloc[0]}, layer {data.choice.layer}"
    asked = {"question": f"Would other settings show the same? ({where})"} | look.frame
    return sensitivity_chart(data.rows, data.shares, steps=data.steps, **asked)


def caption(data: Data) -> str:
    other = "" if data.choice.degree == 1 else "Other settings are tried for H1; this is what is shown. "
    return (
        f"{other}H1 velocity over its own mean, by step; below, the share of it in the first third of the checkpoints. "
        f"One thing is varied at a time, on at most {FEW_SUBSAMPLES} subsamples (their number itself: on the study's "
        f"own). Scale {data.choice.scale}, where the scale is not what is varied. A subsample has at most four fifths "
        "of the prompts."
    )


def numbers(data: Data) -> Numbers:
    return listed("Concentration by setting", data.shares, {
        "varied": lambda one: one.varied,
        "setting": lambda one: one.setting,
        "concentration": lambda one: f"{one.value:.2f}",
    })  # fmt: skip


FIGURE = Figure(
    name="settings", title="Other settings", uses=("degree", "order", "scale", "layer", "series"), read=read,
    chart=chart, caption=caption, table=lambda data: data.every, numbers=numbers, section="Robust?",
    controls=(
        Control("e_series", "series", "Series",
                lambda results, choice: list(dict.fromkeys(results.table("sensitivity")["series"])), kind="row",
                width=7),
    ),
)  # fmt: skip
