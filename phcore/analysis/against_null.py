"""Velocities and bar counts beside those of Gaussian clouds that match the cells.

The replicates of a Gaussian null are independent draws, so that their spread is that of the null. One run per objective
remains one run: what is counted here is transitions, and no p-value is made of them.
"""

import pandas as pd

TRANSITION = ["series", "step_from", "step", "layer"]


def against_null(curve: pd.DataFrame, draws: pd.DataFrame) -> pd.DataFrame:
    """Each velocity beside the null of its own transition.

    Parameters
    ----------
    curve : series, step_from, step, layer, mean.
    draws : rows of the table ``controls``, of one kind, degree, order, norm and scale.

    Returns
    -------
    The rows of the curve that have a null, with null (its mean), null_lo, null_hi (10 and 90 %) and place: "above",
    "within" or "below" these two.
    """
    null = _band(draws.astype({"value": float}), TRANSITION, "value", "null")  # no rows have no type of their own
    table = curve.merge(null, on=TRANSITION).dropna(subset=["mean", "null"])
    place = pd.Series("within", index=table.index, dtype=object)
    place[table["mean"] > table["null_hi"]] = "above"
    place[table["mean"] < table["null_lo"]] = "below"
    return table.assign(place=place)


def _band(rows: pd.DataFrame, by: list[str], column: str, name: str) -> pd.DataFrame:
    """Mean, and 10 and 90 %, of a column of each group, as name, name_lo and name_hi."""
    grouped = rows.groupby(by)[column]
    lo, hi = (grouped.quantile(share) for share in (0.1, 0.9))  # what every band on the screen reaches between
    return pd.DataFrame({name: grouped.mean(), f"{name}_lo": lo, f"{name}_hi": hi}).reset_index()


def bar_counts(summaries: pd.DataFrame, nulls: pd.DataFrame, degree: int = 1) -> pd.DataFrame:
    """Number of bars of each cell beside those of its Gaussian clouds.

    Parameters
    ----------
    summaries, nulls : the tables of those names.

    Returns
    -------
    series, step, layer, bars (mean over subsamples) and, for each kind of Gaussian null, its mean, lo and hi (10 and
    90 % of the draws) as isotropic, isotropic_lo, ...
    """
    cell, column = ["series", "step", "layer"], f"h{degree}_count"
    table = summaries.groupby(cell, sort=False)[column].mean().rename("bars").reset_index()
    for kind, rows in nulls.groupby("kind"):
        table = table.merge(_band(rows, cell, column, kind), "left", on=cell)
    return table


def beside_controls(curve: pd.DataFrame, controls: pd.DataFrame, floor: pd.DataFrame) -> pd.DataFrame:
    """Each velocity beside its own null, what size alone would give, and the floor of its step.

    Parameters
    ----------
    curve : series, step_from, step, layer, mean, lo, hi.
    controls : rows of the table of that name, of one degree, order, norm and scale.
    floor : layer, step, lo, hi.

    Returns
    -------
    The columns of the curve, those of `against_null`, floor_lo, floor_hi, and size_alone: the mean of Gaussian clouds
    of the same total variance.
    """
    table = against_null(curve, controls[controls["kind"] == "covariance"])
    alone = controls[controls["kind"] == "isotropic"].groupby(TRANSITION)["value"].mean().rename("size_alone")
    band = floor.rename(columns={"lo": "floor_lo", "hi": "floor_hi"})
    table = table.merge(alone.reset_index(), "left", on=TRANSITION).merge(band, "left", on=["layer", "step"])
    return table[[*TRANSITION, "mean", "lo", "hi", "floor_lo", "floor_hi", "null", "null_lo", "null_hi", "place",
                  "size_alone"]]  # fmt: skip


def numerical_floor(numerics: pd.DataFrame) -> pd.DataFrame:
    """How far reading a checkpoint again moves it.

    Parameters
    ----------
    numerics : rows of the table of that name, of one layer, degree, order, norm and scale.

    Returns
    -------
    kind, largest (mean over subsamples; the largest of all checkpoints read twice), checkpoints.
    """
    each = numerics.groupby(["kind", "series", "step"], sort=False)["value"].mean().reset_index()
    each = each.drop_duplicates(["kind", "step", "value"])  # series repeat the base they share
    return each.groupby("kind", sort=False).agg(largest=("value", "max"), checkpoints=("value", "size")).reset_index()
