"""Two diagrams and how they match: which bars moved, which are new, which are gone."""

from collections.abc import Mapping

import altair as alt
import numpy as np
import pandas as pd

from phcore.figures.charts.channels import View, distance, on
from phcore.figures.charts.linking import answering, link, near, picked
from phcore.figures.charts.theme import ACCENT, FAINT, FULL_WIDTH, INK, LABEL_SIZE, SOFT, TONE, framed
from phcore.formatting import percent, three

PAIR = "pair"  # name of the click selection, and its field
SHOWN = 30  # pairs drawn as bars; the diagram has all
MOVED, NEW, GONE = "moved", "new", "gone"
_HEAD = 26  # pixels above the bars for the names of the two checkpoints
_HEIGHT = 480  # of the bars, and of the diagram, which is a square
_BESIDE = 700  # pixels from which on the two stand beside each other
_NO_COST = 1e-12  # share below which a pair did not move


def pair_rows(
    before: np.ndarray, after: np.ndarray, pairs: np.ndarray, costs: np.ndarray, shares: np.ndarray
) -> pd.DataFrame:
    """The matching as a table, the pair that pays most first.

    Parameters
    ----------
    before, after : (k, 2) diagrams.
    pairs, costs, shares : from `distances.matched`.

    Returns
    -------
    pair (its name), rank, what (moved, new, gone), place_a, place_b (-1: none), birth_a, death_a, birth_b, death_b
    (where one side is the diagonal: NaN), cost, share.
    """
    what = np.where(pairs[:, 0] < 0, NEW, np.where(pairs[:, 1] < 0, GONE, MOVED))
    rank = np.arange(1, len(pairs) + 1)
    rows = pd.DataFrame({"pair": [f"pair {k}" for k in rank], "rank": rank, "what": what})
    rows[["place_a", "place_b"]] = pairs
    for end, diagram in (("a", before), ("b", after)):
        padded = np.vstack([diagram, [[np.nan, np.nan]]])  # index -1, the diagonal, is no bar
        rows[[f"birth_{end}", f"death_{end}"]] = padded[rows[f"place_{end}"]]
    return rows.assign(cost=costs, share=shares)


def matching_chart(
    rows: pd.DataFrame,
    *,
    domain: tuple[float, float],
    names: tuple[str, str],
    degree: int,
    unit: str = "distance",
    width: int = FULL_WIDTH,
) -> alt.HConcatChart | alt.VConcatChart:
    """The pairs that pay most as bars, before above after, and all pairs in the diagram. Clicks choose `pair`.

    None is selected before `matching_now`.

    Parameters
    ----------
    rows : from `pair_rows`.
    domain : of all axes.
    names : of the two checkpoints, the earlier first.
    degree : of the bars, for their shape.
    width : of the whole in pixels; with little of it the diagram stands below the bars.
    """
    beside = width >= _BESIDE
    side = min(_HEIGHT, width // 2 - 60 if beside else width - 80)
    across = width - side - 120 if beside else width - 40
    hover = near("near_pair", PAIR)
    selected = {"or": ["datum.held", {"param": "near_pair", "empty": False}]}
    told = {"pair": "pair", "what": "what", "before": names[0], "after": names[1], "share_words": "share"}
    chart = (alt.hconcat if beside else alt.vconcat)(
        alt.layer(*_bars(selected, domain, unit, told, names, across), width=across, height=_HEIGHT),
        alt.layer(*_diagram(selected, domain, unit, degree, told), width=side, height=side),
        data=_placed(rows),
        spacing=30,
        **framed(None, None, width),
    )
    return link(chart, [hover, picked(PAIR)])


def matching_now(tables: Mapping[str, pd.DataFrame], held: str | None) -> dict[str, pd.DataFrame]:
    """The tables of a standing chart with another selected pair."""
    return {
        name: table.assign(held=table["pair"] == held) if "held" in table else table for name, table in tables.items()
    }


def _placed(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with places and words; only moved, new or gone pairs have a row among the bars."""
    table = rows.assign(held=False)
    table["listed"] = (table["rank"] <= SHOWN) & (table["share"] > _NO_COST)
    pitch = min(26.0, (_HEIGHT - _HEAD) / max(1, int(table["listed"].sum())))
    table["y"] = _HEAD + (table["rank"] - 0.5) * pitch
    gap = min(4.0, 0.22 * pitch)
    table["y_a"], table["y_b"] = table["y"] - gap, table["y"] + gap
    # A bar without a partner is matched to the nearest point of the diagonal.
    for one, other in (("a", "b"), ("b", "a")):
        middle = (table[f"birth_{other}"] + table[f"death_{other}"]) / 2
        table[f"x_{one}"], table[f"up_{one}"] = (table[f"{end}_{one}"].fillna(middle) for end in ("birth", "death"))
    for name, end in (("before", "a"), ("after", "b")):
        table[name] = [
            f"{three(birth)} to {three(death)}" if birth == birth else "no bar"
            for birth, death in zip(table[f"birth_{end}"], table[f"death_{end}"], strict=True)
        ]
    table["share_words"] = [percent(share, 1) for share in table["share"]]
    table["sign"] = table["what"].map({MOVED: "", NEW: "new", GONE: "gone"})
    table["sign_x"] = table[["death_a", "death_b"]].max(axis=1)
    return table


def _bars(selected, domain, unit: str, told: Mapping[str, str], names: tuple[str, str], across: int) -> list[View]:
    x = distance(alt.X, "sign_x", unit, domain, padding=20)
    scale = alt.Scale(domain=[0, _HEIGHT], reverse=True, nice=False)
    middle = alt.Y(field="y", type="quantitative", scale=scale, axis=None)
    rows = View().transform_filter("datum.listed")

    def bar(view, end, **style):
        return view.mark_rule(clip=True, **style).encode(
            x=on(x, f"birth_{end}"), x2=alt.X2(field=f"death_{end}"), y=on(middle, f"y_{end}")
        )

    held = rows.transform_filter(selected)
    text = rows.mark_text(align="left", baseline="middle", dx=6, color=SOFT, fontSize=LABEL_SIZE - 1)
    return [
        bar(rows, "a", strokeWidth=4, color=TONE),
        bar(rows, "b", strokeWidth=4, color=INK),
        text.encode(x=x, y=middle, text=alt.Text(field="sign", type="nominal")),
        held.mark_rule(strokeWidth=1, color=ACCENT, opacity=0.5).encode(
            x=alt.XValue(0), x2=alt.X2Value(across), y=middle
        ),
        bar(held, "a", strokeWidth=5, color=ACCENT, opacity=0.55),
        bar(held, "b", strokeWidth=5, color=ACCENT),
        *_key(names, across),
        answering(rows, "bars", told).encode(x=alt.XValue(across / 2), y=middle),
    ]


def _key(names: tuple[str, str], across: int) -> list[View]:
    """Above the bars: which tone is which checkpoint."""
    marks = []
    for colour, left, words in zip((TONE, INK), (6, across // 2), names, strict=True):
        one = View(pd.DataFrame({"words": [words]})).encode(y=alt.YValue(_HEAD / 2 - 4))
        marks += [
            one.mark_rule(strokeWidth=4, color=colour).encode(x=alt.XValue(left), x2=alt.X2Value(left + 22)),
            one.mark_text(align="left", baseline="middle", color=SOFT, fontSize=LABEL_SIZE).encode(
                x=alt.XValue(left + 30), text=alt.Text(field="words", type="nominal")
            ),
        ]
    return marks


def _diagram(selected, domain, unit: str, degree: int, told: Mapping[str, str]) -> list[View]:
    shape = ("circle", "triangle-up")[degree]
    ends = pd.DataFrame({"x_a": list(domain), "up_a": list(domain)})
    x = distance(alt.X, "x_a", f"birth ({unit})", domain, padding=10)
    y = distance(alt.Y, "up_a", f"death ({unit})", domain, padding=10)
    x_b, y_b = on(x, "x_b"), on(y, "up_b")

    def at(view, end, **style):
        places = {"x": x, "y": y} if end == "a" else {"x": x_b, "y": y_b}
        return view.encode(**places).mark_point(shape=shape, clip=True, **style)

    def joined(view, **style):
        return view.mark_rule(clip=True, **style).encode(x=x, y=y, x2=alt.X2(field="x_b"), y2=alt.Y2(field="up_b"))

    held = View().transform_filter(selected)
    before, after = (View().transform_filter(f"datum.place_{end} >= 0") for end in "ab")
    held_before, held_after = (held.transform_filter(f"datum.place_{end} >= 0") for end in "ab")
    return [
        View(ends).mark_line(color=FAINT, strokeWidth=1.5).encode(x=x, y=y),
        joined(View(), color=SOFT, strokeWidth=1.2, opacity=0.7),
        at(before, "a", filled=False, size=44, color=TONE, strokeWidth=1.4, opacity=1),
        at(after, "b", filled=True, size=38, color=INK, opacity=0.85),
        joined(held, color=ACCENT, strokeWidth=3),
        at(held_before, "a", filled=False, size=150, color=ACCENT, strokeWidth=2.4, opacity=1),
        at(held_after, "b", filled=True, size=150, color=ACCENT, opacity=1),
        answering(View(), "matched", told, shape=shape, clip=True).encode(x=x_b, y=y_b),
    ]
