"""How much of the movement comes early, each layer against what chance alone would give."""

from textwrap import wrap

import altair as alt

from phcore.analysis.early_change import NULLS, TRUSTED
from phcore.errors import Fault
from phcore.figures.charts.channels import (
    SHARES,
    View,
    by_legend,
    by_objective,
    dots,
    faceted,
    interval_words,
    measure,
    on,
    p_words,
    row_names,
    told,
)
from phcore.figures.charts.theme import FLOOR, LABEL_SIZE, SOFT
from phcore.figures.figure import PER, Choice, Control, Data, Figure, Look, Numbers, Source, fixed, listed
from phcore.figures.reading import CURVE, labelled, rows
from phcore.study.pairs import WALKED, without_walk

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
LEVEL = 0.05
_SPACING = 40  # between 100% of one panel and 0% of the next
_LAYERS = 58  # pixels beside the panels: the layers and their title
_ROW = 34
_share = "{:.0%}".format
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
    named = labelled(results, table.assign(p=table[CORRECTIONS[choice.correction]]))
    return {"rows": named, "longer": without_walk(results.record)}


def _correction(data: Data) -> str:
    return "no correction" if data.choice.correction == "none" else data.choice.correction


def chart(data: Data, look: Look):
    """One panel per series, one row per layer, deep layers on top: a dot before the grey band of its null."""
    known = data.rows.sort_values(["series", "layer"], ignore_index=True)
    layers = sorted((int(layer) for layer in known["layer"].unique()), reverse=True)
    columns = _columns(known["series"].nunique())
    inner = (look.width - _LAYERS - (columns - 1) * _SPACING) // columns
    table = known.assign(
        p_words=[p_words(p) for p in known["p"]],
        words=interval_words(known["concentration"], known["lo"], known["hi"], _share),
        null_words=interval_words(known["null_mean"], known["null_lo"], known["null_hi"], _share),
        beyond=known["p"] < LEVEL,  # in Vega an unknown p would be below any level
        named=known["layer"] == layers[0],
    )
    third = "checkpoints" if data.choice.by == "index" else "training steps"
    title = wrap(f"share of H{data.choice.degree} velocity in the first third of the {third}", max(20, inner // 7))
    x, y = measure(alt.X, "concentration", title, (0, 1), SHARES), row_names("layer", layers, _LAYERS - 30, "layer")
    colour = by_objective(known["objective"], look.objectives)
    tooltip = {
        "series": "series",
        "layer": "layer",
        "words": "concentration (95 % interval)",
        "null_words": "null: mean (5 to 95 %)",
        "p_words": f"against the null ({_correction(data)})",
    }
    name = {"align": "left", "baseline": "bottom", "fontSize": LABEL_SIZE - 1, "color": SOFT, "dy": -10, "dx": 2}
    marks = [
        View()
        .mark_bar(color=FLOOR, opacity=0.35, size=18)
        .encode(x=on(x, "null_lo"), x2=alt.X2(field="null_hi"), y=y, tooltip=told(tooltip)),
        View().mark_tick(color=SOFT, thickness=2, size=18).encode(x=on(x, "null_mean"), y=y),
        View().transform_filter("datum.named").mark_text(text="null", **name).encode(x=on(x, "null_lo"), y=y),
        *dots(View(), x, "lo", "hi", y=y, color=colour, hollow="!datum.beyond", tooltip=tooltip),
    ]
    return alt.FacetChart(
        data=table,
        spec=alt.layer(*marks, width=inner, height=_ROW * len(layers)),
        facet=faceted("series", by_legend(table, colour["scale"].domain), labelLimit=inner),
        columns=columns,
        spacing=_SPACING,
        **look.framed("Does most of the movement come early?", answer(data)),
    )


def answer(data: Data) -> str:
    """How many exceed their null, and the largest concentration with its interval, null and p."""
    known = data.rows.dropna(subset="p", ignore_index=True)
    if known.empty:
        return "No series has enough transitions for a first third, and a null, yet."
    above = int((known["p"] < LEVEL).sum())
    most = known.loc[known["concentration"].idxmax()]
    (words,), (null,) = (
        interval_words(*([most[name]] for name in names), _share)
        for names in (("concentration", "lo", "hi"), ("null_mean", "null_lo", "null_hi"))
    )
    return (
        f"{above:,} of {len(known):,} (series, layer) exceed the null at {LEVEL:.0%} ({_correction(data)}): the filled "
        f"dots. Largest: {words}, {most['series']}, layer {int(most['layer'])}; null {null}, {p_words(most['p'])}."
    )


def _columns(panels: int) -> int:
    """Panels in a row: one row of up to four, else the fuller of rows of four and of three."""
    return panels if panels <= 4 else min((4, 3), key=lambda columns: -panels % columns)


def caption(data: Data) -> str:
    transitions = sorted(set(data.rows["transitions"].dropna().astype(int)))
    null = data.choice.null
    return (
        f"Dots: concentration, whiskers: 95 % for another choice of prompts ({data.sampling}; not another training "
        "run). Grey: 5 to 95 % "
        f"under the {null} null, {NULL_WORDS[null]}, {int(data.rows['permutations'].max()):,} times; "
        f"{', '.join(map(str, transitions))} transitions per series. Filled: p below 0.05 ({_correction(data)})."
    )


def warning(data: Data) -> str:
    known = data.rows["transitions"].max() > 2
    said = [_WARNINGS.get((data.choice.null, data.choice.per), "")] if known else []
    if data.choice.null == "checkpoints" and data.longer:
        said.append(
            f"This null walks between all checkpoints of a series. Of series of more than {WALKED} those distances "
            f"are computed when asked for ({', '.join(data.longer)}): "
            f"python -m phcore compute {data.study.name} --pairs all"
        )
    return " ".join(filter(None, said))


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
    name="concentration", place=30, title="Share of velocity in the first third, against chance",
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
