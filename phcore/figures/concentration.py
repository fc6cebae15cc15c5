"""How much of the movement comes early, each layer against what chance alone would give."""

from textwrap import wrap

import altair as alt

from phcore.analysis.early_change import NULLS, TRUSTED
from phcore.errors import Fault
from phcore.figures.charts.channels import (
    SHARES,
    View,
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
from phcore.figures.charts.curve_rows import runs
from phcore.figures.charts.theme import FLOOR, HALF_WIDTH, LABEL_SIZE, SOFT
from phcore.figures.figure import PER, Choice, Control, Data, Figure, Look, Numbers, Source, fixed, listed
from phcore.figures.reading import CURVE, labelled, rows
from phcore.formatting import percent
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
    ("velocities", "step"): "Per training step, with checkpoints unevenly apart, small gaps come first: this null "
    "calls every course early and tests the gaps alone. The studentised null knows the gaps.",
    ("checkpoints", "transition"): _DRIFT,
    ("checkpoints", "step"): _DRIFT,
}
LEVEL = 0.05
_SPACING = 40  # between 100 % of one panel and 0 % of the next
_LAYERS = 58  # pixels beside the panels: the layers and their title
_ROW, _RUN, _LOW = 34, 13, 9  # pixels per layer; per run where an objective has several, and in half the width
_COLUMNS = 4  # panels in a row
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
    """One panel per objective, one row per layer, deep layers on top: a dot per run before the band of its null."""
    known = data.rows.sort_values(["series", "layer"], ignore_index=True)
    known = known.assign(run=runs(known))
    layers = sorted((int(layer) for layer in known["layer"].unique()), reverse=True)
    narrow = look.width <= HALF_WIDTH + 100
    columns = look.columns(known["objective"].nunique(), _COLUMNS, 160 if narrow else 260)
    of_one = int(known["run"].max()) if len(known) else 1
    inner = (look.width - _LAYERS - (columns - 1) * _SPACING) // columns
    table = known.assign(
        p_words=[p_words(p) for p in known["p"]],
        words=interval_words(known["concentration"], known["lo"], known["hi"], percent),
        null_words=interval_words(known["null_mean"], known["null_lo"], known["null_hi"], percent),
        beyond=known["p"] < LEVEL,  # in Vega an unknown p would be below any level
        named=(known["layer"] == layers[0]) & (known["run"] == 1),
    )
    third = "checkpoints" if data.choice.by == "index" else "training steps"
    title = wrap(f"share of H{data.choice.degree} velocity in the first third of the {third}", max(20, inner // 7))
    x, y = (
        measure(alt.X, "concentration", title, (0, 1), SHARES | ({"values": [0, 0.5, 1]} if narrow else {})),
        row_names("layer", layers, _LAYERS - 30, "layer"),
    )
    colour = by_objective(known["objective"], look.objectives)
    tooltip = {
        "series": "series",
        "layer": "layer",
        "words": "concentration (95 % interval)",
        "null_words": "null: mean (5 to 95 %)",
        "p_words": f"against the null ({_correction(data)})",
    }
    name = {"align": "left", "baseline": "bottom", "fontSize": LABEL_SIZE, "color": SOFT, "dy": -7, "dx": 2}
    places = alt.Scale(domain=list(range(1, of_one + 1)), paddingOuter=0.5)
    row = {"y": y, "yOffset": alt.YOffset(field="run", type="nominal", scale=places)}
    run = _LOW if narrow else _RUN
    pitch = _ROW if of_one == 1 else run * (of_one + 1)
    size = 18 if of_one == 1 else run - 2
    marks = [
        View()
        .mark_bar(color=FLOOR, opacity=0.35, size=size)
        .encode(x=on(x, "null_lo"), x2=alt.X2(field="null_hi"), tooltip=told(tooltip), **row),
        View().mark_tick(color=SOFT, thickness=2, size=size).encode(x=on(x, "null_mean"), **row),
        View().transform_filter("datum.named").mark_text(text="chance", **name).encode(x=on(x, "null_lo"), **row),
        *dots(
            View(),
            x,
            "lo",
            "hi",
            color=colour,
            hollow="!datum.beyond",
            tooltip=tooltip,
            size=60 if narrow else 95,
            **row,
        ),
    ]
    return alt.FacetChart(
        data=table,
        spec=alt.layer(*marks, width=inner, height=pitch * len(layers)),
        facet=faceted("objective", colour["scale"].domain, labelLimit=inner),
        columns=columns,
        spacing=_SPACING,
        **look.framed("Does most of the movement come early?", answer(data), small=narrow),
    )


def answer(data: Data) -> str:
    """How many exceed what chance would give, and the largest concentration beside its own chance."""
    known = data.rows.dropna(subset="p", ignore_index=True)
    if known.empty:
        return "No series has enough transitions for a first third, and a null, yet."
    above = int((known["p"] < LEVEL).sum())
    most = known.loc[known["concentration"].idxmax()]
    share = f"{percent(most['concentration'])} at most ({percent(most['null_mean'])} by chance)"
    if not above:
        return f"Nowhere does more movement come early than by chance: the first third holds {share}."
    where = f"{above:,} of {len(known):,} courses (a run at a layer)"
    return f"In {where} more movement comes early than by chance: {share} in the first third."


def more(data: Data) -> str:
    """The largest with its interval, null and p."""
    known = data.rows.dropna(subset="p", ignore_index=True)
    if known.empty:
        return ""
    above = int((known["p"] < LEVEL).sum())
    most = known.loc[known["concentration"].idxmax()]
    (words,), (null,) = (
        interval_words(*([most[name]] for name in names), percent)
        for names in (("concentration", "lo", "hi"), ("null_mean", "null_lo", "null_hi"))
    )
    return (
        f"{above:,} of {len(known):,} (series, layer) exceed the null at {percent(LEVEL)} ({_correction(data)}): the "
        f"filled dots. Largest: {words}, {most['series']}, layer {int(most['layer'])}; null {null}, "
        f"{p_words(most['p'])}."
    )


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
    table=lambda data: data.rows.drop(columns=_HIDDEN), numbers=numbers, warning=warning, more=more,
    section="Early?",
    controls=(
        Control("e_by", "by", "First third by", fixed("index", "step"),
                help="Of the checkpoints, or of the training steps.", link="first third"),
        Control("e_per", "per", "Velocity per", fixed(*PER)),
        Control("e_null", "null", "Null", fixed(*NULLS), default=lambda *_: TRUSTED,
                help=" ".join(f"{name}: {words}." for name, words in NULL_WORDS.items())
                + " docs/method.md says where each can be trusted."),
        Control("e_correction", "correction", "Correction of p", fixed(*CORRECTIONS),
                help="Many layers are looked at: the largest of them is large by chance, too."),
        Control("e_base", "with_base", "Count base", kind="switch",
                help="The transition from the base model to the first checkpoint can dominate the sum.",
                link="transition from the base model"),
    ),
    below=("p: of this series and layer alone. p_max: against the largest of all layers of the "
           "series. p_bh: adjusted over all series and layers. The column p here is the chosen one."),
)  # fmt: skip
