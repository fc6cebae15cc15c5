"""What a chart shows, in one sentence with its numbers: the subtitles that are not given."""

import numpy as np
import pandas as pd

from phcore.formatting import three


def velocity_answer(curve: pd.DataFrame, floor: pd.DataFrame | None = None) -> str:
    """The largest move of all, and how it compares with the floor at its place."""
    known = curve.dropna(subset="mean")
    if known.empty:
        return "No transition has a velocity yet."
    most = known.iloc[int(known["mean"].argmax())]
    words = f"{most['series']} moves most at step {int(most['step']):,}{_where(curve, most)}: {three(most['mean'])}"
    below = _floor_at(floor, most)
    if below is None:
        return f"{words}."
    above = int((known["mean"] > _floor_tops(known, floor)).sum())
    how_many = f"{above:,} of {len(known):,} moves exceed" if above else "no move exceeds"
    return f"{words} (floor {three(below[0])} to {three(below[1])}); {how_many} the floor."


def null_answer(table: pd.DataFrame, layer: int) -> str:
    """How many moves exceed the null of their own transition, and how many the floor: at a layer, and at all.

    Parameters
    ----------
    table : layer, mean, floor_hi, place ("above", "within" or "below" its null).
    """
    here = table[table["layer"] == layer]
    if here.empty:
        return f"No transition has a velocity and a null at layer {layer} yet."
    words = [
        f"{int((part['place'] == 'above').sum()):,} of {len(part):,} moves exceed {than}, "
        f"{int((part['place'] == 'below').sum()):,} stay below"
        for part, than in ((here, "their Gaussian null"), (table, "it"))
    ]
    answer = f"At layer {layer}, {words[0]}; over all layers {words[1]}."
    if here["floor_hi"].isna().all():
        return answer
    beyond = int((table["mean"] > table["floor_hi"]).sum())
    return f"{answer} {beyond:,} of {len(table):,} exceed the resampling floor."


def geometry_answer(ranks: pd.DataFrame, shares: pd.DataFrame) -> str:
    """What goes with velocity most closely, what all of it leaves unexplained at each scale, and what beyond that.

    Parameters
    ----------
    ranks : words, rho, lo, hi, transitions.
    shares : scale, share, lo, hi, position, beyond, beyond_lo, beyond_hi, groups, at the scale shown first.
    """
    known = ranks.dropna(subset="rho")
    if known.empty:
        return "No geometric quantity has a correlation with velocity yet."
    most = known.loc[known["rho"].abs().idxmax()]
    answer = (
        f"Closest to velocity: {most['words']}, rank correlation {most['rho']:.2f} "
        f"({most['lo']:.2f} to {most['hi']:.2f}, n = {int(most['transitions'])} transitions)."
    )
    shares = shares.dropna(subset="share")
    if shares.empty:
        return f"{answer} Too few series and layers to say what all of them leave unexplained."
    parts = [f"{one.share:.0%} ({one.lo:.0%} to {one.hi:.0%}) at scale {one.scale}" for one in shares.itertuples()]
    first = shares.iloc[0]
    beyond = f"{first['beyond']:.0%} ({first['beyond_lo']:.0%} to {first['beyond_hi']:.0%})"
    return (
        f"{answer} Of its variance all seven leave {' and '.join(parts)} unexplained ({int(first['groups'])} groups, "
        f"one series at one layer, left out in turn). But layer and step alone leave {first['position']:.0%}, and of "
        f"this rest geometry leaves {beyond}: what sets a move apart is "
        f"{_held(first['beyond_lo'], first['beyond_hi'])} in simple geometry."
    )


def _held(low: float, high: float) -> str:
    """How much of it simple geometry holds, by where the interval of what it leaves lies."""
    if high < 0.25:
        return "almost all"
    if low > 0.75:
        return "hardly"
    return "partly"


def distance_answer(distance: pd.DataFrame, floor: pd.DataFrame | None = None) -> str:
    """The distance at the last step, and since when it is above the floor."""
    known = distance.dropna(subset="value").sort_values("step")
    if known.empty:
        return "No step has both objectives."
    last = known.iloc[-1]
    words = f"At step {int(last['step']):,} they are {three(last['value'])} apart"
    below = _floor_at(floor, last)
    if below is None:
        return f"{words}."
    above = known["value"] > _floor_tops(known, floor)
    words += f" (floor {three(below[0])} to {three(below[1])})"
    if not above.iloc[-1]:
        return f"{words}: no farther than resampling alone."
    return f"{words}, beyond the floor since step {since(known['step'], above):,}."


def since(steps: pd.Series, above: pd.Series) -> int | None:
    """The first step from which on all are above; None where the last one is not."""
    last_inside = steps[~above].max()
    later = steps[above & ~(steps <= last_inside)]
    return int(later.min()) if len(later) else None


def heatmap_answer(cells: pd.DataFrame) -> str:
    """Where the largest value is."""
    known = cells.dropna(subset="value")
    if known.empty:
        return "No cell has a value yet."
    most = known.iloc[int(known["value"].argmax())]
    return (
        f"Largest: {three(most['value'])} at layer {int(most['layer'])}, step {int(most['step']):,} ({most['series']})."
    )


def path_answer(paths: pd.DataFrame, floor: float | None = None) -> str:
    """How far from the base each series ends; for axes with one unit."""
    ends = _ends(paths)
    if ends.empty:
        return "No path from the base yet."
    ends["far"] = ((ends["x"] - ends["x0"]) ** 2 + (ends["y"] - ends["y0"]) ** 2) ** 0.5
    ends = ends.sort_values("far", ascending=False)
    far = [f"{name} {three(d)}{at}" for name, d, at in zip(ends["series"], ends["far"], _when(ends), strict=True)]
    compared = f"; the floor is {three(floor)}" if floor is not None else ""
    return f"Distance from base at the last step: {', '.join(far)}{compared}."


def feature_answer(paths: pd.DataFrame) -> str:
    """From where to where each series goes; for two axes that have no unit in common."""
    ends = _ends(paths)
    if ends.empty:
        return "No path from the base yet."
    base = f"({three(ends['x0'].iloc[0])}, {three(ends['y0'].iloc[0])})"
    to = [
        f"{name} to ({three(x)}, {three(y)}){at}"
        for name, x, y, at in zip(ends["series"], ends["x"], ends["y"], _when(ends), strict=True)
    ]
    return f"From {base}: {', '.join(to)}."


def _ends(paths: pd.DataFrame) -> pd.DataFrame:
    """The last point of each series, and the base (x0, y0); no rows where nothing has left the base."""
    base = paths.loc[paths["step"] == 0, ["x", "y"]].dropna()
    moved = paths[paths["step"] > 0].dropna(subset=["x", "y"]).reset_index(drop=True)
    if base.empty:
        return moved.head(0)
    x0, y0 = base.iloc[0]
    return moved.loc[moved.groupby("series")["step"].idxmax()].assign(x0=x0, y0=y0)


def _when(ends: pd.DataFrame) -> list[str]:
    """The step, for series that end before the others."""
    last = ends["step"].max()
    return ["" if step == last else f" (step {int(step):,})" for step in ends["step"]]


def _where(curve: pd.DataFrame, row: pd.Series) -> str:
    return f", layer {int(row['layer'])}" if curve["layer"].nunique() > 1 else ""


def _floor_at(floor: pd.DataFrame | None, row: pd.Series) -> tuple[float, float] | None:
    if floor is None or floor.empty:
        return None
    here = floor[floor["step"] == row["step"]]
    if "layer" in floor and "layer" in row:
        here = here[here["layer"] == row["layer"]]
    return None if here.empty else (float(here["lo"].iloc[0]), float(here["hi"].iloc[0]))


def _floor_tops(known: pd.DataFrame, floor: pd.DataFrame) -> np.ndarray:
    """The upper edge of the floor beside each row; where there is none, no row exceeds it."""
    on = [column for column in ("layer", "step") if column in floor and column in known]
    tops: dict[tuple, float] = {}
    for *place, top in zip(*(floor[column] for column in (*on, "hi")), strict=True):
        tops.setdefault(tuple(place), top)
    found = [tops.get(place, np.inf) for place in zip(*(known[column] for column in on), strict=True)]
    return np.nan_to_num(found, nan=np.inf, posinf=np.inf)
