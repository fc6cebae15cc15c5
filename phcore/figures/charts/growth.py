"""The complex as it grows: how many pieces and loops it has at each distance, and who merges with whom."""

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd

from phcore.figures.charts.channels import View, distance, on
from phcore.figures.charts.linking import answering, link, near, picked
from phcore.figures.charts.plane import Plane, one_path, path_mark
from phcore.figures.charts.theme import (
    ACCENT,
    CANVAS,
    HALF_WIDTH,
    INK,
    category_marks,
    framed,
)
from phcore.formatting import three

_HEIGHT = 400  # of the dendrogram's plot; the two Betti curves share as much
_LEAVES = 26  # pixels left of the dendrogram for the marks of its leaves
MIXED = "mixed branch"


def distance_rule(at: float) -> pd.DataFrame:
    """The slider's distance, as the one row that moves in every chart of the page."""
    return pd.DataFrame({"at": [float(at)]})


def rule(at: View, x: alt.X) -> View:
    """The slider's distance as a vertical line; `at` is a view of `distance_rule`."""
    return at.mark_rule(color=INK, strokeWidth=1.5, opacity=0.75, clip=True).encode(x=on(x, "at"))


def brackets(heights: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(n - 1, 4, 2): a merge is drawn from its left child across to its height, along, and back to the right child.

    Parameters
    ----------
    heights : (n - 1,) distances of the merges.
    places : (n - 1, 4) from `generators.dendrogram`.
    """
    left, right = places[:, [0, 1]], places[:, [2, 3]]
    return np.stack([left, np.column_stack([heights, left[:, 1]]), np.column_stack([heights, right[:, 1]]), right], 1)


def dendrogram_tables(
    corners: np.ndarray,
    order: np.ndarray,
    linkage: np.ndarray,
    prompts: pd.DataFrame,
    bars: Sequence[str],
    domain: tuple[float, float],
) -> dict[str, pd.DataFrame]:
    """What the dendrogram shows, as its tables, but for the selected bar (`held_branch`).

    Parameters
    ----------
    corners : from `brackets`.
    order : (n,) leaves, from `generators.dendrogram`; `linkage` from `generators.linkage`.
    prompts : (n rows) prompt, text, category.
    bars : name of the H0 bar that each merge ends; "" for equal points, which make no bar.
    domain : of the distances.
    """
    n = len(order)
    plane = _plane(domain, n)
    category = prompts["category"].fillna("").to_numpy(dtype=object)
    owner = _owners(linkage, category)
    paths = {name: one_path(plane.lines(corners[owner == name])) for name in [*dict.fromkeys(category), MIXED]}
    place = np.empty(n)
    place[order] = np.arange(n)
    heights, middles = corners[:, 1, 0], corners[:, [0, 3], 1].mean(axis=1)
    merges = pd.DataFrame({"distance": heights, "place": middles, "bar": list(bars), "words": [*map(three, heights)]})
    return {
        "branches": pd.DataFrame({"category": list(paths), "path": list(paths.values())}),
        "leaves": pd.DataFrame({"place": place, "category": category}),
        "merges": merges[merges["bar"] != ""],
    }


def held_branch(corners: np.ndarray, held: int | None, domain: tuple[float, float]) -> pd.DataFrame:
    """The selected merge, by its number, as the table that shows it."""
    plane = _plane(domain, len(corners) + 1)
    return pd.DataFrame({"held": [one_path([] if held is None else plane.lines(corners[[held]]))]})


def dendrogram_chart(
    tables: Mapping[str, pd.DataFrame],
    held: pd.DataFrame,
    at: pd.DataFrame,
    *,
    categories: Sequence[str],
    domain: tuple[float, float],
    unit: str = "distance",
) -> alt.LayerChart:
    """Single-linkage tree of the cloud: every merge ends an H0 bar. The nearest merge answers a click (`bar`).

    Parameters
    ----------
    tables, held : from `dendrogram_tables` and `held_branch`.
    at : from `distance_rule`.
    categories : all categories of the probe set.
    """
    looks = category_marks(categories)
    n = len(tables["leaves"])
    plane = _plane(domain, n)
    scale = alt.Scale(domain=[*looks, MIXED], range=[*[colour for colour, _ in looks.values()], "#8a919c"])
    colour = alt.Color(field="category", type="nominal", scale=scale, legend=None)
    x, y = distance(alt.X, "distance", unit, plane.x), distance(alt.Y, "place", alt.Undefined, plane.y)
    y.axis = None
    hover = near("near_merge", "bar")
    merges = View(tables["merges"]).encode(x=x, y=y)
    thick = max(1.0, min(6.0, 0.8 * plane.height / n))
    chart = alt.layer(
        View(tables["leaves"])
        .mark_rule(strokeWidth=thick)
        .encode(x=alt.XValue(0), x2=alt.X2Value(_LEAVES - 8), y=y, color=colour),
        path_mark(View(tables["branches"]), "path", filled=False, strokeWidth=1.1, opacity=1).encode(color=colour),
        path_mark(View(held), "held", filled=False, strokeWidth=3, color=ACCENT, opacity=1),
        merges.transform_filter(hover).mark_point(size=90, color=ACCENT, strokeWidth=1.6),
        rule(View(at), x),
        answering(merges, "dendrogram", {"words": "two groups merge at"}),
        width=plane.width,
        height=plane.height,
        usermeta=CANVAS,
        **framed("Which prompts merge with which?", None, HALF_WIDTH),
    )
    return link(chart, [hover, picked("bar")])


def _plane(domain: tuple[float, float], n: int) -> Plane:
    """Distances across, leaves upwards; left of distance 0 is room for the marks of the leaves."""
    across = HALF_WIDTH - 20
    per_pixel = (domain[1] - domain[0]) / (across - _LEAVES)
    return Plane((domain[0] - _LEAVES * per_pixel, domain[1]), (-0.7, n - 0.3), across, _HEIGHT)


def _owners(linkage: np.ndarray, category: np.ndarray) -> np.ndarray:
    """Category of each merge whose leaves all have the same, else `MIXED`."""
    n = len(category)
    owner = np.empty(2 * n - 1, dtype=object)
    owner[:n] = category
    for k, (a, b) in enumerate(linkage[:, :2].astype(int)):
        owner[n + k] = owner[a] if owner[a] == owner[b] else MIXED
    return owner[n:]
