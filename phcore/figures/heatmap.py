"""Where in the network, and when: velocity by layer and step."""

from __future__ import annotations

from phcore.figures import velocity
from phcore.figures.charts.heatmap import heatmap
from phcore.figures.figure import Data, Figure, Look


def chart(data: Data, look: Look):
    return heatmap(data.curve.rename(columns={"mean": "value"}), value_title=velocity.named(data), **look.stepped)


FIGURE = Figure(
    name="heatmap", title="Velocity by layer and step", uses=velocity.FIGURE.uses, read=velocity.read, chart=chart,
    caption=lambda data: "Each field is one transition of one layer, from the earlier checkpoint to the later.",
    table=lambda data: data.curve[["series", "layer", "step_from", "step", "mean"]], numbers=velocity.numbers,
)  # fmt: skip
