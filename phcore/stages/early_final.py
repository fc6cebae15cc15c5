"""Early against final: whether early movement goes with how a run ends."""

import pandas as pd

from phcore.stages.registry.result import Table, words


def compute(
    concentration: pd.DataFrame,
    velocities: pd.DataFrame,
    behaviour: pd.DataFrame,
    order: float,
    series_steps: dict[str, list[int]],
) -> pd.DataFrame:
    from phcore.analysis.against_behaviour import early_final

    return early_final(concentration, velocities[velocities["order"] == order], behaviour, series_steps)


TABLE = Table(
    name="early_final",
    needs=("concentration", "velocities", "behaviour"),
    parameters=("order", "series_steps"),
    compute=compute,
    live=False,
    evidence=True,
    columns={
        **words("degree", "scale"),
        "per": "as in dynamics",
        "predictor": "concentration, or early_velocity (mean of the first third)",
        "name": "behaviour at the last checkpoint",
        "rho": "Spearman's rank correlation over series at layers",
        "lo": "2.5 % of it over resampled series",
        "hi": "97.5 % of it",
        "points": "series at layers",
        "runs": "series: the layers of one share its final behaviour",
    },
)
