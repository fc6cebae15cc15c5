"""Every figure there is, in the order of a report. A new one is a file beside this one and a line here."""

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
from phcore.figures.figure import Figure

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
