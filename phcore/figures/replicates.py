"""Runs of one objective against runs of others, where there are several runs to tell them apart by."""

import pandas as pd

from phcore.analysis.permanova import WHOLE
from phcore.errors import Fault
from phcore.figures.figure import Choice, Data, Figure, Source
from phcore.figures.reading import owners, rows
from phcore.formatting import three


def read(results: Source, choice: Choice) -> dict:
    """runs: the table of that name at this scale, the layer in view first."""
    table = rows(results, "runs", choice, "scale")
    if table.loc[table["step"] == WHOLE, "p"].isna().all():
        objectives = len(set(owners(results).values()))
        if len(results.record.series) < 2:
            raise Fault("objectives can be compared from two series on", "add a series to the study")
        raise Fault(
            f"one run per objective ({objectives} objectives): no p-value",
            "These runs differ; whether their objectives do takes two or more runs of each",
        )
    first = table.sort_values("layer", key=lambda layers: layers != choice.layer, kind="stable", ignore_index=True)
    return {"runs": first}


def _whole(data: Data) -> pd.Series:
    """The test of whole runs at the layer in view or the first with one."""
    return data.runs[(data.runs["step"] == WHOLE) & data.runs["p"].notna()].iloc[0]


def sentence(data: Data) -> str:
    one = _whole(data)
    return (
        f"Over whole runs, different objectives are {three(one['between'])} apart, runs of one objective "
        f"{three(one['within'])} (p = {one['p']:.2g})."
    )


def caption(data: Data) -> str:
    one = _whole(data)
    return (
        f"Root mean square over all steps, layer {one['layer']}. PERMANOVA pseudo-F {one['pseudo_f']:.3g}, "
        f"p = {one['p']:.2g} ({int(one['permutations']):,} orders of {int(one['runs'])} runs)."
    )


FIGURE = Figure(
    name="replicates", place=90, title="Runs of one objective against runs of others",
    uses=("scale", "layer"), read=read,
    table=lambda data: data.runs, section="Apart?", sentence=sentence, caption=caption,
    heading="Would other runs say the same?",
    below=("step -1: the whole run."),
)  # fmt: skip
