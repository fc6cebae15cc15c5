"""The rows of a chart of curves: one table for all its marks and panels, told apart by `kind`.

One table and one set of marks serve all panels: Altair checks every mark of a chart, so that a copy of the
marks per panel would take several times as long.
"""

import pandas as pd

from phcore.charts.steps import StepAxis
from phcore.words import three

CURVE, FLOOR, FLOOR_NAME, TOLD = "curve", "floor", "floor name", "told"


def curve_rows(curve: pd.DataFrame, floor: pd.DataFrame | None, axis: StepAxis) -> tuple[pd.DataFrame, dict[str, str]]:
    """What the marks of a chart of curves are drawn from.

    Parameters
    ----------
    curve : series, objective, layer, step, mean, lo, hi.
    floor : step, lo, hi and, with several layers, layer.

    Returns
    -------
    rows : kind (`CURVE`: the curves, with their `run` within the objective; `FLOOR`: the band over the whole
        axis; `FLOOR_NAME`: where its name stands; `TOLD`: one row per layer and step with what is known
        there in words), layer, panel (its name), step and the columns each kind needs.
    fields : columns of the words -> their names on screen.
    """
    lines = curve.assign(kind=CURVE, run=curve.groupby("objective")["series"].rank(method="dense").astype(int))
    parts, fields = [lines], {"step_words": "step"}
    told, series = _told(curve)
    fields |= series
    if floor is not None and len(floor):
        floor = floor if "layer" in floor else floor.assign(layer=lines["layer"].min())
        parts += [_band(part, axis) for _, part in floor.groupby("layer")]
        words = [f"{three(lo)} to {three(hi)}" for lo, hi in zip(floor["lo"], floor["hi"], strict=True)]
        told = told.merge(floor[["layer", "step"]].assign(floor_words=words), on=["layer", "step"], how="left")
        fields["floor_words"] = "resampling floor"
    told = told.assign(**{field: told[field].fillna("–") for field in fields})
    rows = pd.concat([*parts, told.assign(kind=TOLD)], ignore_index=True)
    rows["panel"] = [f"layer {int(layer)}" for layer in rows["layer"]]
    return rows.astype({"step": "float64", "layer": "float64"}), fields


def _told(curve: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """One row per layer and step, one column of words per series."""
    names = sorted(curve["series"].unique())
    # Columns of our own names: a series may be called anything.
    fields = {f"s{place}": name for place, name in enumerate(names)}
    words = curve.assign(words=range_words(curve))
    told = words[["layer", "step"]].drop_duplicates().sort_values(["layer", "step"], ignore_index=True)
    for field, name in fields.items():
        own = words.loc[words["series"] == name, ["layer", "step", "words"]].rename(columns={"words": field})
        told = told.merge(own.drop_duplicates(["layer", "step"]), on=["layer", "step"], how="left")
    return told.assign(step_words=[f"{int(step):,}" for step in told["step"]]), fields


def range_words(curve: pd.DataFrame) -> list[str]:
    """mean (lo to hi), or the mean alone where no spread is known."""
    return [
        three(mean) if pd.isna(lo) or lo == hi else f"{three(mean)} ({three(lo)} to {three(hi)})"
        for mean, lo, hi in zip(curve["mean"], curve["lo"], curve["hi"], strict=True)
    ]


def _band(floor: pd.DataFrame, axis: StepAxis) -> pd.DataFrame:
    """The floor of one layer over the whole axis, and the place of its name above the left end."""
    band = floor[["layer", "step", "lo", "hi"]].sort_values("step").assign(kind=FLOOR)
    low, high = axis.domain
    band = pd.concat([band.head(1).assign(step=low), band, band.tail(1).assign(step=high)])
    band = band.drop_duplicates("step")
    beneath = band.loc[[axis.fraction(step) < 0.2 for step in band["step"]], "hi"].max()
    return pd.concat([band, band.head(1).assign(kind=FLOOR_NAME, hi=beneath)])
