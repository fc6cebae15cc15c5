"""The pages of the app. A new one is its file in `pages/` and a line here."""

from __future__ import annotations

from typing import NamedTuple


class Page(NamedTuple):
    """Its file and its name in the address, its icon, and the question it answers."""

    name: str
    icon: str
    words: str


PAGES = (  # in the order of the navigation; the first is the one that opens
    Page("study", "folder_open",
         "What is compared? Open a study, or set one up from a model and folders of checkpoints."),
    Page("barcodes", "bar_chart",
         "What shape is this cloud? Barcode and persistence diagram of one cell, or of two side by side."),
    Page("trajectories", "timeline",
         "How do the objectives move? Velocity, paths and distances from step to step."),
    Page("evidence", "verified",
         "Can it be believed? Velocity against pure noise, and against what simpler numbers say."),
    Page("compare", "compare",
         "How do two studies differ? Velocity, concentration and verdicts side by side, on shared axes."),
    Page("share", "ios_share",
         "What can be sent? A report, figures and tables, the study itself, and the methods."),
)  # fmt: skip
