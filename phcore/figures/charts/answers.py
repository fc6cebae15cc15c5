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
    where = f", layer {int(most['layer'])}" if curve["layer"].nunique() > 1 else ""
    words = f"{most['series']} moves most at step {int(most['step']):,}{where}: {three(most['mean'])}"
    below = _floor_at(floor, most)
    if below is None:
        return f"{words}."
    above = int((known["mean"] > _floor_tops(known, floor)).sum())
    how_many = f"{above:,} of {len(known):,} moves exceed" if above else "no move exceeds"
    return f"{words} (floor {three(below[0])} to {three(below[1])}); {how_many} the floor."


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
