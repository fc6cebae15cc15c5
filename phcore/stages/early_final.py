"""Early against final: whether early movement goes with how a run ends."""

import pandas as pd

from phcore.stages.registry.result import Table, words


def compute(
    concentration: pd.DataFrame,
    velocities: pd.DataFrame,
    behaviour: pd.DataFrame,
    order: float,
    series_steps: dict[str, list[int]],
    objectives: dict[str, str],
    run_of: dict[str, str],
) -> pd.DataFrame:
    from phcore.analysis.foretelling import early_final

    own = {series: objectives[series] for series, run in run_of.items() if series == run}
    return early_final(concentration, velocities[velocities["order"] == order], behaviour, series_steps, own)


TABLE = Table(
    name="early_final",
    version=2,
    needs=("concentration", "velocities", "behaviour"),
    parameters=("order", "series_steps", "objectives", "run_of"),
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
        "within": "the same among runs of one objective, pooled over objectives and layers",
        "p_within": "two-sided p of it: runs of an objective change ends",
        "runs_within": "series whose objective has another",
        "itself": "rank correlation over series of the behaviour after the first third with that at the end",
    },
)
