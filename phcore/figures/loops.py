"""How many loops a cell has, and how many its Gaussian clouds. (Components are always one fewer than points.)"""

from phcore.analysis import against_null
from phcore.errors import Fault
from phcore.figures.figure import Choice, Data, Figure, Source
from phcore.figures.reading import COMPUTE
from phcore.formatting import three


def read(results: Source, choice: Choice) -> dict:
    """counts: series, step, layer, bars and, for each kind of control, its mean, lo and hi."""
    table = against_null.bar_counts(results.table("summaries"), results.table("gaussian_nulls"))
    if "covariance" not in table or table["covariance"].isna().all():
        raise Fault("the loops of matching Gaussian clouds have not been counted for this study", COMPUTE)
    return {"counts": table}


def _numbers(data: Data) -> tuple[str, str, str]:
    """Of the cells, of Gaussian clouds with their covariance, and of those with their variance: means of the layers."""
    table = data.counts
    means = table.groupby("layer")[["bars", "covariance", "isotropic"]].mean()
    ends = zip(means.min().map(three), means.max().map(three), strict=True)
    return tuple(low if low == high else f"{low} to {high}" for low, high in ends)


def sentence(data: Data) -> str:
    table = data.counts
    own, same_covariance, _ = _numbers(data)
    shared = (table["step"] == 0) & table.duplicated(["step", "layer", "bars", "covariance"])
    once = table[~shared]  # series repeat the base they share
    more = int((once["bars"] > once["covariance_hi"]).sum())
    fewer = int((once["bars"] < once["covariance_lo"]).sum())
    if fewer >= more:
        words = f"{fewer:,} of {len(once):,} cells have fewer loops than a matching Gaussian cloud"
    else:
        words = f"{more:,} of {len(once):,} cells have more loops than a matching Gaussian cloud"
    return f"{words}: {own} in a layer, against {same_covariance}."


def caption(data: Data) -> str:
    return (
        "A matching Gaussian cloud has the cell's mean and covariance; means over the cells of a layer. Clouds with "
        f"the same total variance in every direction have {_numbers(data)[2]}. Noise in many dimensions is full of "
        "loops: the number of H1 bars alone says nothing."
    )


FIGURE = Figure(
    name="loops", place=50, title="Loops of the cells, and of Gaussian clouds that match", uses=(), read=read,
    caption=caption,
    table=lambda data: data.counts, section="More than noise?", heading="Are there more loops than in noise?",
    sentence=sentence,
)  # fmt: skip
