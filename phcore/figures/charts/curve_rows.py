"""The rows of a chart of curves: one table for all its marks and panels, told apart by `kind`.

One table and one set of marks serve all panels: Altair checks every mark of a chart, so that a copy of the
marks per panel would take several times as long.
"""

from collections.abc import Collection, Mapping
from itertools import groupby
from operator import itemgetter

import pandas as pd

from phcore.figures.charts.steps import StepAxis
from phcore.formatting import three

CURVE, THIN, FLOOR, FLOOR_NAME, TOLD = "curve", "thin", "floor", "floor name", "told"
NULL, NULL_NAME = "null", "null name"
NUMERICS = "numerics"


def curve_rows(
    curve: pd.DataFrame,
    floor: pd.DataFrame | None,
    axis: StepAxis,
    null: pd.DataFrame | None = None,
    panels: Mapping[int, str] | None = None,
    numerics: pd.DataFrame | None = None,
    thin: pd.DataFrame | None = None,
    named: Collection[str] = (),
) -> tuple[pd.DataFrame, dict[str, str]]:
    """What the marks of a chart of curves are drawn from.

    Parameters
    ----------
    curve : series, objective, layer, step, mean, lo, hi.
    floor, null : step, lo, hi and, with several layers, layer.
    panels : number in the column `layer` -> name of its panel (default: layer 6, ...).
    numerics : value and, with several layers, layer: the numerical floor, the same at all steps.
    thin : as `curve`: what stands behind the curves, and is told of in them.
    named : series that may be in the chart at another choice: `fields` then stays the same.

    Returns
    -------
    rows : kind (`CURVE`: the curves; `THIN`: those behind them; `FLOOR`: the band over the whole axis; `NULL`: the one
        over its own steps; `FLOOR_NAME`, `NULL_NAME`: where their names stand; `NUMERICS`: `mean` is the numerical
        floor; `TOLD`: one row per layer and step with what is known there in words), layer, panel (its name), step and
        the columns each kind needs.
    fields : columns of the words -> their names on screen.
    """
    lines = curve.assign(kind=CURVE)
    parts, words = [lines, *([] if thin is None else [thin.assign(kind=THIN)])], {}
    for name, band, drawn in (("resampling floor", floor, _bands), ("Gaussian null", null, _null_bands)):
        if band is not None and len(band):
            band = band if "layer" in band else band.assign(layer=lines["layer"].min())
            parts.append(drawn(band, axis))
            ranges = [f"{three(lo)} to {three(hi)}" for lo, hi in zip(band["lo"], band["hi"], strict=True)]
            words[name] = dict(zip(zip(band["layer"], band["step"], strict=True), ranges, strict=True))
    if numerics is not None and len(numerics):
        known = numerics if "layer" in numerics else numerics.assign(layer=lines["layer"].min())
        highest = known.dropna(subset="value").groupby("layer", as_index=False)["value"].max()
        parts.append(highest.rename(columns={"value": "mean"}).assign(step=axis.domain[1], kind=NUMERICS))
        at = dict(zip(highest["layer"], highest["value"].map(three), strict=True))
        places = zip(curve["layer"], curve["step"], strict=True)
        words["numerical floor"] = {(layer, step): at[layer] for layer, step in places if layer in at}
    told, fields = told_rows(curve, words, named)
    rows = pd.concat([*parts, told], ignore_index=True)
    rows["panel"] = [panels[int(k)] if panels else f"layer {int(k)}" for k in rows["layer"]]
    for name in ("step", "layer"):
        rows[name] = rows[name].astype("float64")
    return rows, fields


def several(curve: pd.DataFrame) -> bool:
    """Whether an objective has more than one run here."""
    return "objective" in curve and bool((curve.groupby("objective")["series"].nunique() > 1).any())


def bold(curve: pd.DataFrame) -> pd.DataFrame:
    """The curves in front: the series or, where an objective has several runs, one per objective: the mean over its
    runs, called after it, with the least and the most of them as lo and hi."""
    if not several(curve):
        return curve
    own = curve.groupby(["objective", "layer", "step"], sort=False)["mean"].agg(mean="mean", lo="min", hi="max")
    return own.reset_index().assign(series=lambda table: table["objective"])


def runs(table: pd.DataFrame) -> list[int]:
    """The number of each row's series within its objective: 1, 2, ... in the order of their names."""
    owners = list(zip(table["objective"], table["series"], strict=True))
    groups = groupby(sorted(set(owners)), key=itemgetter(0))
    numbers = {owner: number for _, group in groups for number, owner in enumerate(group, 1)}
    return [numbers[owner] for owner in owners]


def told_rows(
    curve: pd.DataFrame, bands: Mapping[str, Mapping[tuple, str]], named: Collection[str] = ()
) -> tuple[pd.DataFrame, dict[str, str]]:
    """One row per layer and step, one column of words per series, and one for each band: name -> place -> words.

    A series that is `named` and not there has a field and no column: a tooltip leaves it out.
    """
    shown = set(curve["series"])
    names = sorted(named if shown <= set(named) else shown)
    known: dict[tuple, dict[str, str]] = {}
    for name, *place, words in zip(curve["series"], curve["layer"], curve["step"], range_words(curve), strict=True):
        known.setdefault(tuple(place), {}).setdefault(name, words)
    # Columns of our own names: a series may be called anything.
    fields = {"step_words": "step"} | {f"s{at}": name for at, name in enumerate(names)}
    fields |= {f"b{at}": name for at, name in enumerate(bands)}
    rows = [
        (*place, f"{int(place[1]):,}", *(words.get(name, "–") for name in names),
         *(band.get(place, "–") for band in bands.values()))
        for place, words in sorted(known.items())
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["layer", "step", *fields]).assign(kind=TOLD)
    return table.drop(columns=[f"s{at}" for at, name in enumerate(names) if name not in shown]), fields


def range_words(curve: pd.DataFrame) -> list[str]:
    """mean (lo to hi), or the mean alone where no spread is known."""
    return [
        three(mean) if pd.isna(lo) or lo == hi else f"{three(mean)} ({three(lo)} to {three(hi)})"
        for mean, lo, hi in zip(curve["mean"], curve["lo"], curve["hi"], strict=True)
    ]


def _bands(floor: pd.DataFrame, axis: StepAxis) -> pd.DataFrame:
    """The floor of each layer over the whole axis, and the place of its name above the left end."""
    by_layer: dict[float, dict[float, tuple]] = {}
    for layer, step, lo, hi in sorted(zip(*(floor[name] for name in ("layer", "step", "lo", "hi")), strict=True)):
        by_layer.setdefault(layer, {})[step] = (lo, hi)
    low, high = axis.domain
    rows = []
    for layer, band in by_layer.items():
        (first, last) = (band[next(iter(band))], band[next(reversed(band))])
        whole = {low: first} | band | ({} if high in band else {high: last})
        rows += [(layer, step, *edges, FLOOR) for step, edges in whole.items()]
        beneath = [hi for step, (_, hi) in whole.items() if axis.fraction(step) < 0.2 and hi == hi]
        rows.append((layer, low, first[0], max(beneath, default=float("nan")), FLOOR_NAME))
    return pd.DataFrame(rows, columns=["layer", "step", "lo", "hi", "kind"])


def _null_bands(null: pd.DataFrame, axis: StepAxis) -> pd.DataFrame:
    """The null of each layer over its own steps, and the place of its name above its highest."""
    rows = []
    for layer, band in null.sort_values("step").groupby("layer"):
        rows += [(layer, *edges, NULL) for edges in zip(band["step"], band["lo"], band["hi"], strict=True)]
        highest = band.loc[band["hi"].idxmax()]
        rows.append((layer, highest["step"], highest["lo"], highest["hi"], NULL_NAME))
    return pd.DataFrame(rows, columns=["layer", "step", "lo", "hi", "kind"])
