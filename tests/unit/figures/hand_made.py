"""Figures drawn from tables that a test makes by hand."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd

from phcore.figures.charts.curves import velocity_chart
from phcore.figures.figure import Choice, Data, Look
from phcore.figures.registry import FIGURES

STUDY = SimpleNamespace(metric="euclidean", order=2.0, norm=2.0, pooling="last")
STEPS = (0, 1, 2, 4, 8)


def given(choice: dict | None = None, **read: object) -> Data:
    """What a figure would have read, at layer 6 unless something else is chosen."""
    chosen = {"degree": 1, "order": 2.0, "scale": "raw", "layer": 6} | (choice or {})
    return Data(choice=Choice(**chosen), study=STUDY, prompts=48, sampling="n = 48, m = 24", **read)


def drawn(name: str, data: Data, **look: object):
    """The chart of a figure; objectives are those it shows unless a look says otherwise."""
    return FIGURES[name].chart(data, looking(**look))


def looking(**look: object) -> Look:
    return Look(**{"steps": STEPS, "objectives": ()} | look)


def velocities(curve: pd.DataFrame, floor: pd.DataFrame | None = None, **options):
    """The chart of velocities; `options` are its own or its look's."""
    look = {name: options.pop(name) for name in ("steps", "step", "log", "objectives", "top") if name in options}
    return velocity_chart(curve, floor, looking(**look), **options)


def distances(distance: pd.DataFrame, floor: pd.DataFrame | None = None, **look: object):
    """The chart of the distance (step, value) between two series, with its floor (step, lo, hi)."""
    beside = distance[["step"]].assign(lo=float("nan"), hi=float("nan")) if floor is None else floor
    rows = distance[["step", "value"]].merge(beside[["step", "lo", "hi"]], "left")
    return drawn("apart", given(rows=rows.assign(series_a="one", series_b="other")), **look)
