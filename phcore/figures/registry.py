"""Every figure there is, in the order of a report. A new one is a file beside this one and a line here."""

from __future__ import annotations

import altair as alt

from phcore.errors import Fault
from phcore.figures import (
    apart,
    barcode,
    behaviour,
    concentration,
    early_final,
    effects,
    gaussian,
    geometry,
    heatmap,
    lags,
    loops,
    mixture,
    models,
    paths,
    replicates,
    separation,
    settings,
    velocity,
)
from phcore.figures.figure import Choice, Figure, Source, title

_ALL = (
    velocity.FIGURE,
    heatmap.FIGURE,
    concentration.FIGURE,
    gaussian.FIGURE,
    loops.FIGURE,
    paths.FIGURE,
    apart.FIGURE,
    separation.FIGURE,
    replicates.FIGURE,
    effects.FIGURE,
    mixture.FIGURE,
    geometry.FIGURE,
    geometry.UNEXPLAINED,
    behaviour.FIGURE,
    lags.FIGURE,
    early_final.FIGURE,
    settings.FIGURE,
    models.FIGURE,
    barcode.FIGURE,
)
FIGURES: dict[str, Figure] = {one.name: one for one in _ALL}
PRINTED: dict[str, Figure] = {name: one for name, one in FIGURES.items() if one.numbers}
"""Those that a report and the zip of figures hold."""
SECTIONS = (
    "More than noise?",
    "Early?",
    "Apart?",
    "More than geometry?",
    "Before behaviour?",
    "Robust?",
    "Other models?",
)
"""Of the Evidence page, in its order; each shows the figures that name it."""


def drawn(results: Source, name: str, **choice: object) -> alt.TopLevelMixin:
    """See `Results.figure`."""
    charted = [name for name, one in FIGURES.items() if one.chart]
    if name not in charted:
        raise Fault(f"there is no figure {name!r}", f"Choose one of: {', '.join(charted)}")
    figure = FIGURES[name]
    data = figure.data(results, Choice.of(results, **choice))
    chart = figure.chart(data, figure.look(results))
    chart.description = " ".join(title({"title": chart.title.to_dict()}))
    known = {} if chart.usermeta is alt.Undefined else chart.usermeta
    chart.usermeta = known | {"caption": figure.caption(data)}
    return chart
