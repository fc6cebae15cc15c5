"""What several figures read from the tables of a study."""

import pandas as pd

from phcore.analysis import dynamics
from phcore.errors import Fault
from phcore.figures.figure import Choice, Data, Source
from phcore.formatting import unit_words
from phcore.stages.registry import WHOLE_STUDY
from phcore.stages.registry.keys import value
from phcore.topology.summaries import FEATURES, at_other_scale

CURVE = ("degree", "order", "scale")  # what one curve of velocity depends on
COMPUTE = "compute the study where its checkpoints are"


def rows(results: Source, name: str, choice: Choice, *fields: str) -> pd.DataFrame:
    """The rows of a table in which these fields are as chosen."""
    return results.table(name, **{one: getattr(choice, one) for one in fields})


def distinct(table: pd.DataFrame, *columns: str) -> list:
    """The different values of a column, or of several together, in the order in which they appear."""
    values = table[list(columns)].drop_duplicates().itertuples(index=False, name=None)
    return [value if len(columns) > 1 else value[0] for value in values]


def owners(results: Source) -> dict[str, str]:
    """Series -> objective, in the order of the study."""
    return {one.name: one.objective for one in results.record.series}


def own_runs(results: Source) -> dict[str, str]:
    """The same for runs of their own: a series with the weights of another is none."""
    own, run_of = owners(results), value("run_of", results.record, WHOLE_STUDY)
    return {series: objective for series, objective in own.items() if run_of.get(series, series) == series}


def longest(results: Source) -> int:
    """Points of the longest series, its base among them."""
    return max((len(results.record.path_of(name)) for name in owners(results)), default=0)


def one_run(results: Source) -> bool:
    """Whether no objective has a second run."""
    objectives = list(own_runs(results).values())
    return len(set(objectives)) == len(objectives)


def labelled(results: Source, table: pd.DataFrame) -> pd.DataFrame:
    """The table with the objective of each series, in the order of the study."""
    own = owners(results)
    places = {name: place for place, name in enumerate(own)}
    table = table.sort_values("series", key=lambda names: names.map(places), kind="stable", ignore_index=True)
    return table.assign(objective=table["series"].map(own))


def labelled_pairs(results: Source, table: pd.DataFrame) -> pd.DataFrame:
    """The table with the objectives of series_a and series_b."""
    own = owners(results)
    return table.assign(**{f"objective_{side}": table[f"series_{side}"].map(own) for side in "ab"})


def distance_unit(data: Data) -> str:
    return unit_words(data.choice.scale, data.study.metric)


def quantity(data: Data, each: str = "") -> str:
    """Of a velocity, with its unit."""
    return f"H{data.choice.degree} velocity ({distance_unit(data)}{each})"


def curve(results: Source, choice: Choice, per: str = "transition") -> pd.DataFrame:
    """The columns of `dynamics.velocity_curve`, with lo and hi (10 and 90 % of the subsamples) and objective.

    Raises
    ------
    Fault
        where no two consecutive checkpoints are finished.
    """
    velocities = rows(results, "velocities", choice, *CURVE)
    if velocities.empty:
        raise Fault("no two consecutive checkpoints are finished yet, so there is no velocity", COMPUTE)
    found = dynamics.velocity_curve(velocities, per).rename(columns={"q10": "lo", "q90": "hi"})
    return labelled(results, found)


def floor(results: Source, choice: Choice) -> pd.DataFrame:
    """layer, step, lo, hi: 10 to 90 % of the resampling floors of the cells at that step."""
    values = rows(results, "floors", choice, *CURVE)
    if values.empty:
        return pd.DataFrame(columns=["layer", "step", "lo", "hi"])
    grouped = values.groupby(["layer", "step"])["value"]
    return pd.DataFrame({"lo": grouped.quantile(0.1), "hi": grouped.quantile(0.9)}).reset_index()


def summaries(results: Source, scale: str) -> pd.DataFrame:
    """The table of that name at either scale; the archive holds it at the study's own."""
    table = results.table("summaries")
    if scale == results.study.scale or table.empty:
        return table
    units = table[["series", "step", "layer"]].merge(results.table("cells"), "left")["median_distance"].to_numpy()
    values = at_other_scale(table[list(FEATURES)].to_numpy(), units, scale)
    return table.assign(**dict(zip(FEATURES, values.T, strict=True)))
