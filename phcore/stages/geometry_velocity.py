"""Geometry against velocity: whether simpler numbers move where topology does."""

from collections.abc import Iterator

import pandas as pd

from phcore.stages.registry.result import CELL_WORDS, DISTANCE_WORDS, TRANSITION_WORDS, Table
from phcore.study import SCALES


def compute(
    velocities: pd.DataFrame, geometry: pd.DataFrame, moves: pd.DataFrame, order: float, scale: str
) -> pd.DataFrame:
    from phcore.analysis.against_geometry import against_velocity

    parts = [
        against_velocity(velocity, changed).assign(**curve)
        for curve, velocity, changed in curves_and_changes(velocities, geometry, moves, order, scale)
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def curves_and_changes(
    velocities: pd.DataFrame, geometry: pd.DataFrame, moves: pd.DataFrame, order: float, scale: str
) -> Iterator[tuple[dict, pd.DataFrame, pd.DataFrame]]:
    """Degree, order, norm and scale; mean velocities; geometric changes at that scale. The study's own order only."""
    from phcore.analysis.against_geometry import changes

    velocities = velocities[velocities["order"] == order]
    if geometry.empty or moves.empty:
        return
    changed = {one: changes(geometry, moves, one) for one in SCALES}
    # The study's own scale comes first.
    for curve, rows in sorted(
        velocities.groupby(list(DISTANCE_WORDS)), key=lambda one: (one[0][0], one[0][3] != scale)
    ):
        labels = dict(zip(DISTANCE_WORDS, curve, strict=True))
        yield labels, rows.groupby(list(TRANSITION_WORDS), as_index=False)["value"].mean(), changed[labels["scale"]]


TABLE = Table(
    name="geometry_velocity",
    needs=("velocities", "geometry", "moves"),
    parameters=("order", "scale"),
    compute=compute,
    evidence=True,
    columns={
        **DISTANCE_WORDS,
        "layer": f"{CELL_WORDS['layer']}; -1: all of them, ranked within each",
        "quantity": "geometric quantity: its change in a transition against the mean velocity of that transition",
        "rho": "Spearman's rank correlation",
        "lo": "2.5 % of it over resampled blocks of consecutive transitions",
        "hi": "97.5 % of it",
        "transitions": "transitions of all series it rests on, each counted once whatever its layers",
    },
)
