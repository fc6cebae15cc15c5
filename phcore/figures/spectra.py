"""Over how many directions a cloud's variance is spread, by three numbers of the literature."""

from dataclasses import replace

from phcore.errors import Fault
from phcore.figures.charts.curve_rows import bold
from phcore.figures.charts.curves import velocity_chart
from phcore.figures.figure import Choice, Control, Data, Figure, Look, Numbers, Source, by_step, fixed
from phcore.figures.reading import COMPUTE, labelled
from phcore.formatting import three

MEASURES = {"effective_rank": "effective rank", "rank_me": "RankMe", "alpha_req": "alpha-ReQ"}
_OWN = ("rank_me", "alpha_req", "alpha_fit")  # of the table `spectra`; effective rank is of the table `geometry`
_WORDS = {
    "effective_rank": "how many directions the variance is spread over: exp of the entropy of the centred cloud's "
    "singular values, as shares of their sum (Roy & Vetterli 2007). A line has 1.",
    "rank_me": "The same of the cloud as it is, with 1e-7 added to every share (Garrido et al. 2023). It is effective "
    "rank but for that and for the mean, which is left in, so that a cloud far from the origin has a low one.",
    "alpha_req": "Exponent of the power law by which the eigenvalues of the covariance fall, from the eleventh to half "
    "of the rank (Agrawal et al. 2022): large where few directions hold the variance.",
}


def read(results: Source, choice: Choice) -> dict:
    """rows: series, objective, layer, step, mean (of the measure that is chosen, with lo and hi the same); fit: R^2 of
    the power laws, lowest and median; every: all three."""
    own, geometry = results.table("spectra"), results.table("geometry")
    if geometry.empty:
        raise Fault("the spectra of the clouds have not been measured for this study", COMPUTE)
    cell = ["series", "step", "layer"]
    table = geometry[[*cell, "effective_rank"]]
    table = table.assign(**dict.fromkeys(_OWN, float("nan"))) if own.empty else table.merge(own, "left", on=cell)
    known = table.dropna(subset=choice.spectrum)
    if known.empty:
        raise Fault(f"{MEASURES[choice.spectrum]} has not been measured for this study", COMPUTE)
    value, fit = known[choice.spectrum], table["alpha_fit"]
    rows = labelled(results, known.assign(mean=value, lo=value, hi=value))
    return {"rows": rows, "fit": (fit.min(), fit.median()), "every": table}


def chart(data: Data, look: Look):
    """A curve per series, one panel per layer, each on its own axis, not from zero. Clicks choose `step`."""
    name = MEASURES[data.choice.spectrum]
    words = {"y_title": name, "question": "Do directions collapse or open?", "answer": answer(data)}
    return velocity_chart(data.rows, None, replace(look, height=look.height or 200), share_y=False, zero=False, **words)


def answer(data: Data) -> str:
    """From the first step to the last, at the layer where that changes it most."""
    ends = bold(data.rows).sort_values("step").groupby(["series", "layer"], sort=False)["mean"].agg(["first", "last"])
    (series, layer), most = max(ends.iterrows(), key=lambda one: abs(one[1]["last"] - one[1]["first"]))
    name = MEASURES[data.choice.spectrum]
    return (
        f"{name[0].upper()}{name[1:]} changes most in {series}, layer {layer}: from {three(most['first'])} to "
        f"{three(most['last'])}."
    )


def caption(data: Data) -> str:
    words = _WORDS[data.choice.spectrum]
    if data.choice.spectrum == "alpha_req":
        words += f" R² of the lines: {data.fit[0]:.2f} at least, {data.fit[1]:.2f} in the middle."
    return f"{words[0].upper()}{words[1:]} Of whole clouds of {data.prompts} prompts, which bound every rank."


def numbers(data: Data) -> Numbers:
    words = [three(value) for value in data.rows["mean"]]
    return by_step(f"{MEASURES[data.choice.spectrum]}, by step", data.rows, ["series", "layer"], words)


FIGURE = Figure(
    name="spectra", place=135, title="Effective rank, RankMe and alpha-ReQ", uses=("spectrum",), read=read, chart=chart,
    caption=caption, numbers=numbers, table=lambda data: data.every, section="More than geometry?",
    controls=(Control("e_spectrum", "spectrum", "Measure", fixed(*MEASURES), MEASURES.get),),
    below=("alpha_fit: R² of the power law. A row per checkpoint and layer."),
)  # fmt: skip
