"""How much of the movement comes early, each layer against what chance alone would give."""

from __future__ import annotations

from phcore.analysis.concentration import NULLS, TRUSTED
from phcore.errors import Fault
from phcore.figures.charts.concentration import concentration_chart
from phcore.figures.figure import PER, Choice, Control, Data, Figure, Look, Numbers, Source, fixed, listed
from phcore.figures.reading import CURVE, labelled, rows

CORRECTIONS = {
    "max-statistic over layers": "p_max",
    "Benjamini-Hochberg over series and layers": "p_bh",
    "none": "p",
}
NULL_WORDS = {
    "velocities": "velocities in random order",
    "checkpoints": "checkpoints in random order",
    "studentised": "moves in random order, neighbours may correlate",
}
_DRIFT = "Where training drifts, as it mostly does, this null hardly ever rejects: a large p says nothing."
_WARNINGS = {
    ("velocities", "step"): "Per training step on an uneven grid, small gaps come first: this null calls every course "
    "early and tests the grid alone. The studentised null knows the gaps.",
    ("checkpoints", "transition"): _DRIFT,
    ("checkpoints", "step"): _DRIFT,
}
_HIDDEN = ["degree", "order", "norm", "scale", "per", "by", "with_base", "null", "objective"]


def read(results: Source, choice: Choice) -> dict:
    """rows: one per series and layer, p corrected as chosen.

    A series that does not start at the base has its concentration without the transition from there.
    """
    table = rows(results, "concentration", choice, *CURVE, "by", "per", "null")
    if table.empty:
        raise Fault("the concentration of velocity is computed at the end of a run", "compute the study")
    with_base = table["with_base"].astype(bool)
    wanted = with_base.groupby(table["series"]).transform("max") if choice.with_base else False
    table = table[with_base == wanted].dropna(subset="concentration")
    if table.empty:
        raise Fault(
            "fewer than three transitions, or nothing moves: there is no first third",
            "keep more checkpoints of the next run",
        )
    return {"rows": labelled(results, table.assign(p=table[CORRECTIONS[choice.correction]]))}


def _correction(data: Data) -> str:
    return "no correction" if data.choice.correction == "none" else data.choice.correction


def chart(data: Data, look: Look):
    third = "checkpoints" if data.choice.by == "index" else "training steps"
    x = f"share of H{data.choice.degree} velocity in the first third of the {third}"
    return concentration_chart(data.rows, correction=_correction(data), x_title=x, **look.frame)


def caption(data: Data) -> str:
    transitions = sorted(set(data.rows["transitions"].dropna().astype(int)))
    null = data.choice.null
    return (
        "Dots: concentration, whiskers: 95 % for another choice of prompts (not another training run). Grey: 5 to 95 % "
        f"under the {null} null, {NULL_WORDS[null]}, {int(data.rows['permutations'].max()):,} times; "
        f"{', '.join(map(str, transitions))} transitions per series. Filled: p below 0.05 ({_correction(data)})."
    )


def warning(data: Data) -> str:
    known = data.rows["transitions"].max() > 2
    return _WARNINGS.get((data.choice.null, data.choice.per), "") if known else ""


def numbers(data: Data) -> Numbers:
    return listed("Concentration by series and layer", data.rows, {
        "series": lambda one: one.series,
        "layer": lambda one: f"{one.layer}",
        "concentration": lambda one: f"{one.concentration:.3f}",
        "95 % interval": lambda one: f"{one.lo:.3f} to {one.hi:.3f}",
        "null, 5 to 95 %": lambda one: f"{one.null_lo:.3f} to {one.null_hi:.3f}",
        f"p ({_correction(data)})": lambda one: f"{one.p:.4f}",
    })  # fmt: skip


FIGURE = Figure(
    name="concentration", title="Share of velocity in the first third, against chance",
    uses=(*CURVE, "by", "per", "null", "correction", "with_base"), read=read, chart=chart, caption=caption,
    table=lambda data: data.rows.drop(columns=_HIDDEN), numbers=numbers, warning=warning,
    section="Early?",
    controls=(
        Control("e_by", "by", "First third by", fixed("index", "step"),
                help="Of the checkpoints, or of the training steps.", link="first third"),
        Control("e_per", "per", "Velocity per", fixed(*PER)),
        Control("e_null", "null", "Null", fixed(*NULLS), default=lambda *_: TRUSTED, width=1.4,
                help=" ".join(f"{name}: {words}." for name, words in NULL_WORDS.items())
                + " docs/method.md says where each can be trusted."),
        Control("e_correction", "correction", "Correction of p", fixed(*CORRECTIONS), width=2,
                help="Many layers are looked at: the largest of them is large by chance, too."),
        Control("e_base", "with_base", "Count base", kind="switch",
                help="The transition from the base model to the first checkpoint can dominate the sum.",
                link="transition from the base model"),
    ),
    below=("Table and download", "p: of this series and layer alone. p_max: against the largest of all layers of the "
           "series. p_bh: adjusted over all series and layers. The column p here is the chosen one."),
)  # fmt: skip
