"""Figures drawn from tables that a test makes by hand."""

from __future__ import annotations

from types import SimpleNamespace

from phcore.figures.figure import Choice, Data, Look
from phcore.figures.registry import FIGURES

STUDY = SimpleNamespace(metric="euclidean", order=2.0, norm=2.0)
STEPS = (0, 1, 2, 4, 8)


def given(choice: dict | None = None, **read: object) -> Data:
    """What a figure would have read, at layer 6 unless something else is chosen."""
    chosen = {"degree": 1, "order": 2.0, "scale": "raw", "layer": 6} | (choice or {})
    return Data(choice=Choice(**chosen), study=STUDY, prompts=48, **read)


def drawn(name: str, data: Data, **look: object):
    """The chart of a figure; objectives are those it shows unless a look says otherwise."""
    return FIGURES[name].chart(data, Look(**{"steps": STEPS, "objectives": ()} | look))
