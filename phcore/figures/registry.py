"""Every figure there is, in the order of a report: a new one is a file beside this one."""

import importlib
import pkgutil

import altair as alt

import phcore.figures
from phcore.errors import Fault
from phcore.figures.figure import Choice, Figure, Source, title


def _found() -> dict[str, Figure]:
    """Name -> figure, in the order of a report: what the files of this folder declare."""
    modules = [
        importlib.import_module(f"phcore.figures.{one.name}") for one in pkgutil.iter_modules(phcore.figures.__path__)
    ]
    declared = [one for module in modules for one in vars(module).values() if isinstance(one, Figure)]
    return {one.name: one for one in sorted(declared, key=lambda one: (one.place, one.name))}


FIGURES = _found()
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
    words = chart.title if isinstance(chart.title, str) else chart.title.to_dict()
    chart.description = " ".join(title({"title": words}))
    known = {} if chart.usermeta is alt.Undefined else chart.usermeta
    chart.usermeta = known | {"caption": figure.how(data)}
    return chart
