"""How far apart the objectives are, by step: every pair of series, with the floor that resampling alone gives."""

from collections.abc import Callable
from itertools import combinations
from textwrap import wrap

import altair as alt
import pandas as pd

from phcore.analysis import objectives
from phcore.errors import Fault
from phcore.figures.charts.channels import BREAK, end_names
from phcore.figures.charts.curve_rows import CURVE, THIN, curve_rows
from phcore.figures.charts.curves import only, over_steps, since, top_of, up
from phcore.figures.charts.steps import StepAxis, link_steps
from phcore.figures.charts.theme import INK, Y_AXIS, objective_colours
from phcore.figures.figure import Choice, Control, Data, Figure, Look, Numbers, Source, by_step, fixed
from phcore.figures.reading import distance_unit, labelled_pairs, one_run, owners, rows, summaries
from phcore.formatting import three, wasserstein_words
from phcore.topology.summaries import FEATURES

MEANS, ENERGY, PAIRED = "mean summaries", "energy distance", "Wasserstein distance"
_COLUMNS = {MEANS: "distance", ENERGY: "energy"}  # of the table `separation`
_OF = {MEANS: "distance of mean summaries", ENERGY: "energy distance of summaries"}
_NOTES = {
    MEANS: f"Euclidean distance of the {len(FEATURES)} mean summaries, each in units of its resampling standard "
    "deviation.",
    ENERGY: "2 E|X - Y| - E|X - X'| - E|Y - Y'| of the two clouds of standardised summaries.",
}
_WORDS = {MEANS: MEANS, ENERGY: ENERGY, PAIRED: "Wasserstein"}  # in this row of buttons, and so in its links
_PAIR = ["series_a", "series_b", "step"]
SAME = "runs of one objective"
WITHIN_COLOUR = "#8a919c"
_LETTER = 7.2  # pixels, about, of one letter
_LABELS = 170  # pixels beside the plot for the names of the pairs
_NAMED = 8  # of more pairs none has a name in the chart


def read(results: Source, choice: Choice) -> dict:
    """rows: series_a, series_b, objective_a, objective_b, step, value, lo, hi (its floor); one_run: per objective."""
    if len(results.record.series) < 2:
        raise Fault("objectives can be compared from two series on", "add a series to the study")
    table = _paired(results, choice) if choice.distance == PAIRED else _summaries(results, choice)
    if table.empty:
        raise Fault(
            f"no two series have this distance at layer {choice.layer}, scale {choice.scale}",
            "compute the study, or look at another layer",
        )
    return {"rows": labelled_pairs(results, table), "one_run": one_run(results)}


def _summaries(results: Source, choice: Choice) -> pd.DataFrame:
    """Between mean summaries or whole clouds of them: from the published table, as far as there is one.

    Until then the distance of the means is made from the summaries there are, by what makes the table.
    """
    name = _COLUMNS[choice.distance]
    table = rows(results, "separation", choice, "layer", "scale")
    if table.empty and choice.distance == MEANS:
        one = objectives.standardise(summaries(results, choice.scale), choice.layer)
        floors = objectives.split_half_floor(one)
        table = _of_pairs(results, lambda a, b: objectives.objective_distance(one, floors, a, b))
        return table[[*_PAIR, "value", "floor", "floor_q95"]].set_axis([*_PAIR, "value", "lo", "hi"], axis=1)
    table = table[[*_PAIR, name, f"{name}_floor", f"{name}_floor_hi"]].set_axis([*_PAIR, "value", "lo", "hi"], axis=1)
    return table.dropna(subset="value")


def _paired(results: Source, choice: Choice) -> pd.DataFrame:
    """Between the diagrams of the same subsamples, at the study's own order of the distance."""
    asked = results.study
    own = {"layer": choice.layer, "degree": choice.degree, "scale": choice.scale, "order": asked.order}
    both = [results.table(name, **own) for name in ("distances", "floors")]
    table = _of_pairs(results, lambda a, b: objectives.objective_wasserstein(*both, a, b, norm=asked.norm, **own))
    return table.rename(columns={"floor_q10": "lo", "floor_q90": "hi"})[[*_PAIR, "value", "lo", "hi"]]


def _of_pairs(results: Source, distance: Callable[[str, str], pd.DataFrame]) -> pd.DataFrame:
    """The tables of all pairs of series, as one."""
    pairs = combinations(owners(results), 2)
    return pd.concat([distance(a, b).assign(series_a=a, series_b=b) for a, b in pairs], ignore_index=True)


def quantity(data: Data) -> str:
    if data.choice.distance == PAIRED:
        return f"H{data.choice.degree} distance ({distance_unit(data)})"
    return f"{_OF[data.choice.distance]} (resampling SDs)"


def caption(data: Data) -> str:
    runs = "Subsamples overlap: they are never counted as replicates, and there is no p-value of them."
    if data.one_run:
        runs = "One run per objective: an effect size, not a p-value."
    if data.choice.distance == PAIRED:
        way = wasserstein_words(data.study.order, data.study.norm)
        floor = f"Grey: the resampling floor ({data.sampling}); paired distances saturate at it."
        return f"{way}, paired by subsample, mean. {floor} {runs}"
    halves = f"Grey: the same between two random halves of one cell's subsamples ({data.sampling}), median to 95 %."
    return f"{_NOTES[data.choice.distance]} {halves} {runs}"


def floor_of(table: pd.DataFrame) -> pd.DataFrame | None:
    """The rows that have a floor; None where none has."""
    known = table.drop(columns="value").dropna(subset=["lo", "hi"])
    return known if len(known) else None


def chart(data: Data, look: Look):
    """A line per pair of objectives, the mean over the pairs of their runs, striped in the colours of both; grey, that
    of runs of one objective. Each pair of runs is a thin line. Clicks choose `step`.

    The band covers the floors of all pairs.
    """
    labels = min(_LABELS, round(0.34 * look.width))
    across, height = look.width - Y_AXIS - labels, look.height or 250
    axis = StepAxis(look.steps, log=look.log, width=across)
    colours = objective_colours({*data.rows["objective_a"], *data.rows["objective_b"], *look.objectives})
    curve, thin = between(data.rows), _curves(data.rows)
    for table in (curve, thin):
        for side in "ab":
            same = table["objective_a"] == table["objective_b"]
            table[f"colour_{side}"] = table[f"objective_{side}"].map(colours).mask(same, WITHIN_COLOUR)
    if (band := floor_of(data.rows)) is not None:  # one that covers the floors of all pairs
        band = band.groupby("step", as_index=False).agg(lo=("lo", "min"), hi=("hi", "max")).assign(layer=0)
    several = len(curve) < len(thin)
    pairs = [SAME, *(f"{a} – {b}" for a, b in combinations(look.objectives, 2))]
    table, fields = curve_rows(curve, band, axis, thin=thin if several else None, named=pairs)
    top = top_of(curve, band, thin)
    y = up(top, quantity(data))
    named = curve if curve["series"].nunique() <= _NAMED else curve.head(0)
    line = only(CURVE).encode(x=axis.x(), y=y, detail=alt.Detail(field="series", type="nominal"))
    first, second = (alt.Color(field=f"colour_{side}", type="nominal", scale=None) for side in "ab")
    behind = only(THIN).encode(x=axis.x(), y=y, detail=alt.Detail(field="series", type="nominal"), color=first)
    lines = [
        *([behind.mark_line(strokeWidth=1, opacity=0.3)] if several else []),
        line.mark_line(strokeWidth=3).encode(color=first),
        line.mark_line(strokeWidth=3, strokeDash=[14, 14], strokeCap="butt").encode(color=second),
        only(CURVE).mark_point(filled=True, opacity=1, size=30, color=INK).encode(x=axis.x(), y=y),
        end_names(_two_lines(named, labels - 10), y, top, across, height, labels - 10),
    ]
    whole = look.framed(f"How far apart are the objectives? (layer {data.choice.layer})", answer(data))
    return link_steps(over_steps(lines, fields, y, axis, look, height, band is not None, data=table, **whole))


def _curves(rows: pd.DataFrame) -> pd.DataFrame:
    """The pairs of runs as curves."""
    curve = rows.drop(columns=["lo", "hi"]).rename(columns={"value": "mean"})
    curve = curve.assign(lo=float("nan"), hi=float("nan"), series=pair_names(rows), objective="", layer=0)
    return curve.sort_values(["series", "step"], ignore_index=True)


def between(rows: pd.DataFrame) -> pd.DataFrame:
    """Curves of the pairs of objectives, the mean over the pairs of their runs with the least and the most of them, and
    one of the runs of one objective; where each objective has one run, the pairs themselves."""
    pairs = [tuple(sorted(pair)) for pair in zip(rows["objective_a"], rows["objective_b"], strict=True)]
    if len(set(pairs)) == rows[["series_a", "series_b"]].drop_duplicates().shape[0] and all(a != b for a, b in pairs):
        return _curves(rows)
    order = {name: place for place, name in enumerate(dict.fromkeys([*rows["objective_a"], *rows["objective_b"]]))}
    ordered = [tuple(sorted(pair, key=order.get)) for pair in pairs]
    table = rows.assign(
        objective_a=[a if a != b else SAME for a, b in ordered], objective_b=[b if a != b else SAME for a, b in ordered]
    )
    grouped = table.groupby(["objective_a", "objective_b", "step"], sort=False)["value"]
    curve = grouped.agg(mean="mean", lo="min", hi="max").reset_index()
    names = [
        SAME if a == SAME else f"{a} – {b}" for a, b in zip(curve["objective_a"], curve["objective_b"], strict=True)
    ]
    curve = curve.assign(series=names, series_a=curve["objective_a"], series_b=curve["objective_b"])
    return curve.assign(objective="", layer=0).sort_values(["series", "step"], ignore_index=True)


def answer(data: Data) -> str:
    """How far apart the objectives end that end farthest apart, beside runs of one objective or, without any, the
    floor of the pair."""
    known = between(data.rows).dropna(subset="mean", ignore_index=True)
    if known.empty:
        return "No step has two objectives yet."
    end = known[known["step"] == known["step"].max()].set_index("series")
    apart = end[end["objective_a"] != SAME]["mean"]
    if apart.empty:
        return f"Runs of one objective end {three(end['mean'].iloc[0])} apart."
    most = end.loc[apart.idxmax()]
    words = f"{most['series_a']} and {most['series_b']} end farthest apart, {three(most['mean'])}"
    words = words if len(apart) > 1 else f"{most['series_a']} and {most['series_b']} end {three(most['mean'])} apart"
    if SAME in end.index:
        return f"{words}; runs of one objective {three(end.loc[SAME, 'mean'])}."
    rows = data.rows.dropna()
    own = rows[(rows["series_a"] == most["series_a"]) & (rows["series_b"] == most["series_b"])].sort_values("step")
    if own.empty:
        return f"{words}."
    begun = since(own["step"], own["value"] > own["hi"])
    how = "no farther than resampling alone" if begun is None else f"beyond resampling noise since step {begun:,}"
    return f"{words}: {how} ({three(own['hi'].iloc[-1])})."


def more(data: Data) -> str:
    """How far apart each pair is at its last step, and since when it is beyond its own floor; of many, the farthest."""
    known = data.rows.dropna(subset="value", ignore_index=True)
    if known.empty:
        return "No step has two objectives yet."
    end = known["step"].max()
    said = []
    for (a, b), pair in known.sort_values("step").groupby(["series_a", "series_b"], sort=False):
        last = pair.iloc[-1]
        words = f"{a} and {b} are {three(last['value'])} apart"
        if last["step"] != end:
            words += f" at step {int(last['step']):,}"
        if pair["hi"].notna().any():
            begun = since(pair["step"], pair["value"] > pair["hi"])
            beyond = f"beyond the floor since step {begun:,}" if begun is not None else "no farther than resampling"
            words += f" ({beyond})"
        said.append((last["value"], words))
    said.sort(key=lambda pair: -pair[0])
    if len(said) <= 3:
        return f"At step {int(end):,} {'; '.join(words for _, words in said)}."
    return f"Of {len(said)} pairs at step {int(end):,}, the farthest: {said[0][1]}; the nearest: {said[-1][1]}."


def pair_names(rows: pd.DataFrame) -> list[str]:
    return [f"{a} – {b}" for a, b in zip(rows["series_a"], rows["series_b"], strict=True)]


def _two_lines(curve: pd.DataFrame, pixels: int) -> pd.DataFrame:
    """Curves named by their pairs, names that are longer than so many pixels in two lines."""
    most = int(pixels / _LETTER)
    ends = zip(curve["series_a"], curve["series_b"], strict=True)
    names = [
        BREAK.join(wrap(a, most)) if a == b else f"{a} –{' ' if len(a + b) + 3 <= most else BREAK}{b}" for a, b in ends
    ]
    return curve.assign(series=names)


def numbers(data: Data) -> Numbers:
    table = data.rows.assign(pair=pair_names(data.rows))
    of = quantity(data)
    return by_step(f"{of[0].upper()}{of[1:]} by step", table, ["pair"], [three(value) for value in table["value"]])


FIGURE = Figure(
    name="separation", place=80, title="Distance between the objectives by step",
    uses=("degree", "scale", "layer", "distance"),
    read=read, chart=chart, caption=caption, numbers=numbers, more=more, section="Apart?",
    table=lambda data: data.rows[[*_PAIR, "value", "lo", "hi"]].rename(columns={"lo": "floor_lo", "hi": "floor_hi"}),
    controls=(
        Control("e_way", "distance", "Distance", fixed(MEANS, ENERGY, PAIRED), _WORDS.get, kind="row",
                link="distance between objectives"),
    ),
)  # fmt: skip
