"""The bars of a cell as a table to draw: distinct bars, their names, their places, their words."""

from math import ceil

import numpy as np
import pandas as pd

from phcore.formatting import count, three

CLASSES = ("H0 component", "H1 loop")
CAP = 400  # rows that can still be told apart in a plot of usual height

HEAD = 24  # pixels kept above each degree's bars for its name
_TYPES = {"degree": "int64", "birth": "float64", "death": "float64", "subsample": "int64"}
_GAPS = 2.0  # pixels per row that leave room for a gap: with less, gaps come and go with rounding
_TALLEST = 14  # pixels a single row takes at most


def bars_domain(bars: pd.DataFrame) -> tuple[float, float]:
    """Axis for all of `bars`: from 0 to a little beyond the last death, where the infinite bar ends."""
    longest = float(bars["death"].max()) if len(bars) else 0.0
    return 0.0, 1.06 * longest if longest > 0 else 1.0


def cap_bars(bars: pd.DataFrame, cap: int = CAP) -> tuple[pd.DataFrame, int, int]:
    """One row per distinct bar, at most `cap` of them: the most persistent of each degree.

    Bars with the same degree, birth and death are one row (subsamples share prompts, so they share bars).
    Each degree gets half of the cap, and what the other leaves of its half.

    Parameters
    ----------
    bars : degree, birth, death and subsample of one cell; infinite bars left out.

    Returns
    -------
    bars : degree, birth, death, persistence, subsample (the first), subsamples (how many have it),
        multiplicity, and `bar`, its name "H1-<subsample>-<place in the diagram sorted by birth, death>".
    k, n : how many bars the rows stand for, of how many: "showing k of n".
    """
    table = bars[list(_TYPES)].astype(_TYPES)  # an empty table may come without types
    table = table.sort_values(["degree", "subsample", "birth", "death"], kind="stable", ignore_index=True)
    place = table.groupby(["degree", "subsample"]).cumcount()
    names = zip(table["degree"], table["subsample"], place, strict=True)
    table["bar"] = [f"H{degree}-{subsample}-{index}" for degree, subsample, index in names]
    distinct = table.groupby(["degree", "birth", "death"], as_index=False).agg(
        subsample=("subsample", "first"),
        subsamples=("subsample", "nunique"),
        multiplicity=("subsample", "size"),
        bar=("bar", "first"),
    )
    distinct["persistence"] = distinct["death"] - distinct["birth"]
    components, loops = (distinct[distinct["degree"] == degree] for degree in (0, 1))
    room = min(len(loops), max(cap // 2, cap - len(components)))
    shown = pd.concat([components.nlargest(cap - room, "persistence"), loops.nlargest(room, "persistence")]).sort_index(
        ignore_index=True
    )
    return shown, int(shown["multiplicity"].sum()), len(table)


def barcode_rows(bars: pd.DataFrame, *, cap: int, order: str, end: float, height: int) -> tuple[pd.DataFrame, float]:
    """`cap_bars` and the infinite bar in the order of the barcode, with places and words.

    Parameters
    ----------
    order : of the rows within a degree: "birth" (then death), "death" or "persistence".
    end : where the infinite bar is drawn to.
    height : of the barcode in pixels.

    Returns
    -------
    rows : as `cap_bars`, and `endless`, `y` (pixels from the top) and the columns of the tooltip.
    pitch : pixels per row.
    """
    shown, _, _ = cap_bars(bars, cap)
    by = {"birth": ["birth", "death"], "death": ["death"], "persistence": ["persistence"]}[order]
    subsamples = int(bars["subsample"].nunique())
    components, loops = (shown[shown["degree"] == degree].sort_values(by, kind="stable") for degree in (0, 1))
    first = int(bars["subsample"].min()) if subsamples else -1
    endless = {"degree": [0], "birth": [0.0], "death": [end], "persistence": [np.inf], "subsample": [first]}
    endless |= {"subsamples": [subsamples], "multiplicity": [max(1, subsamples)], "bar": ["H0-endless"]}
    # A selection of loops only is drawn without the infinite component.
    parts = [components, pd.DataFrame(endless)] if len(components) or not len(loops) else []
    rows = pd.concat([part for part in (*parts, loops) if len(part)], ignore_index=True)
    rows["endless"] = rows["bar"] == "H0-endless"
    group = rows["degree"].rank(method="dense")
    pitch = min(_TALLEST, (height - group.max() * HEAD) / len(rows))
    if pitch >= _GAPS:  # whole pixels per row where there is room: the eye reads uneven gaps as a pattern
        pitch = float(int(pitch))
    down = np.arange(len(rows)) * pitch
    rows["y"] = group * HEAD + (down if pitch >= _GAPS else np.floor(down)) + thickness(pitch) / 2
    rows["class"] = [CLASSES[degree] for degree in rows["degree"]]
    rows["birth_words"] = [three(value) for value in rows["birth"]]
    rows["death_words"] = ["never" if e else three(d) for e, d in zip(rows["endless"], rows["death"], strict=True)]
    rows["persistence_words"] = [three(value) for value in rows["persistence"]]
    rows["subsample_words"] = [
        f"{of} of {subsamples}" if subsamples > 1 else "the whole cloud" if one < 0 else str(one)
        for one, of in zip(rows["subsample"], rows["subsamples"], strict=True)
    ]
    # An infinite number does not survive JSON; its words say it.
    return rows.drop(columns="persistence"), pitch


def group_words(bars: pd.DataFrame, cap: int) -> dict[int, str]:
    """What is drawn of each degree: "H1: 61 loops", or which of them when there are many subsamples."""
    shown, _, _ = cap_bars(bars, cap)
    every = bars.drop_duplicates(["degree", "birth", "death"])["degree"].value_counts()
    drawn = shown["degree"].value_counts()
    one = bars["subsample"].nunique() <= 1
    words = {}
    for degree, noun in enumerate(("component", "loop")):
        some, total = int(drawn.get(degree, 0)), int(every.get(degree, 0))
        if some < total:
            words[degree] = f"H{degree}: the {some:,} longest of {total:,} distinct bars"
        elif one:
            # Identical bars are one row, but each is a component or loop; and one component never ends.
            number = int((bars["degree"] == degree).sum()) + (degree == 0)
            words[degree] = f"H{degree}: {count(number, noun)}"
        else:
            words[degree] = f"H{degree}: {count(total, 'distinct bar')}"
    return words


def shape_answer(bars: pd.DataFrame, unit: str = "distance") -> str:
    """What the bars of a cell say, in a sentence with its numbers."""
    subsamples = max(1, int(bars["subsample"].nunique()))
    h0, h1 = (bars[bars["degree"] == degree] for degree in (0, 1))
    merge = f"the last merge at {three(h0['death'].max())}" if len(h0) else ""
    longest = ""
    if len(h1):
        bar = h1.iloc[int((h1["death"] - h1["birth"]).argmax())]
        longest = f"from {three(bar['birth'])} to {three(bar['death'])}"
    # One component of each subsample never merges, and is no bar of the table.
    if subsamples > 1:
        each = f"{three(len(h0) / subsamples + 1)} components and {three(len(h1) / subsamples)} loops each"
        facts = "; ".join(filter(None, [merge, longest and f"the longest loop {longest}"]))
        return f"{subsamples} subsamples, on average {each}: {facts} ({unit})."
    components = ", ".join(filter(None, [count(len(h0) + 1, "component"), merge]))
    loops = ", the longest ".join(filter(None, [count(len(h1), "loop") if len(h1) else "no loops", longest]))
    return f"{components}; {loops} ({unit})."


def thickness(pitch: float) -> float:
    """Of a bar in pixels; with too little room for gaps the bars form a silhouette of whole pixels."""
    return round(0.7 * pitch) if pitch >= _GAPS else ceil(pitch)
