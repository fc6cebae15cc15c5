"""How many loops a cell has, and how many its Gaussian clouds. (Components are always one fewer than points.)"""

from phcore.analysis import against_null
from phcore.errors import Fault
from phcore.figures.figure import Choice, Data, Figure, Source
from phcore.figures.reading import COMPUTE
from phcore.formatting import part, three


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
    """In how many cells there are more loops, or fewer, whichever holds of more of them."""
    table = data.counts
    shared = (table["step"] == 0) & table.duplicated(["step", "layer", "bars", "covariance"])
    once = table[~shared]  # series repeat the base they share
    more = int((once["bars"] > once["covariance_hi"]).sum())
    fewer = int((once["bars"] < once["covariance_lo"]).sum())
    which, found = ("fewer", fewer) if fewer >= more else ("more", more)
    return f"{part(found, len(once), 'cell', 'has', 'have')} {which} loops than a matching Gaussian cloud."


def caption(data: Data) -> str:
    own, same_covariance, same_variance = _numbers(data)
    return (
        "A matching Gaussian cloud has the cell's mean and covariance. Means over the cells of a layer: the cells have "
        f"{own} loops, matching clouds {same_covariance}, clouds with the same total variance in every direction "
        f"{same_variance}. Noise in many dimensions is full of "
        "loops: the number of H1 bars alone says nothing."
    )


FIGURE = Figure(
    name="loops", place=50, title="Loops of the cells, and of Gaussian clouds that match", uses=(), read=read,
    caption=caption,
    table=lambda data: data.counts, section="More than noise?", heading="Are there more loops than in noise?",
    sentence=sentence,
)  # fmt: skip
