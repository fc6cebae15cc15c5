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


def sentence(data: Data) -> str:
    table = data.counts
    means = table.groupby("layer")[["bars", "covariance", "isotropic"]].mean()
    own, same_covariance, same_variance = (
        low if low == high else f"{low} to {high}"
        for low, high in zip(means.min().map(three), means.max().map(three), strict=True)
    )
    shared = (table["step"] == 0) & table.duplicated(["step", "layer", "bars", "covariance"])
    once = table[~shared]  # series repeat the base they share
    more = int((once["bars"] > once["covariance_hi"]).sum())
    fewer = int((once["bars"] < once["covariance_lo"]).sum())
    return (
        f"Of {len(once):,} cells, {more:,} have more H1 bars than Gaussian clouds with their mean and covariance, "
        f"and {fewer:,} have fewer. Mean of a layer: {own}; of such Gaussian clouds, {same_covariance}; of clouds "
        f"with the same total variance in every direction, {same_variance}."
    )


FIGURE = Figure(
    name="loops", place=50, title="Loops of the cells, and of Gaussian clouds that match", uses=(), read=read,
    caption=lambda data: "Noise in many dimensions is full of loops: the number of H1 bars alone says nothing.",
    table=lambda data: data.counts, section="More than noise?", heading="Are there more loops than in noise?",
    sentence=sentence,
)  # fmt: skip
