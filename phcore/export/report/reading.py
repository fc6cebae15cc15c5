"""What the charts of a report draw, from the tables of a study."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import pandas as pd

from phcore.analysis import against_null as controls
from phcore.analysis import dynamics, objectives
from phcore.analysis.concentration import TRUSTED
from phcore.formatting import unit_words
from phcore.stages.results import Results

DEGREE = 1  # the five claims are about loops


@dataclass(frozen=True)
class Reading:
    """A study at its own scale and order of the distance, degree 1, with one layer in view.

    Attributes
    ----------
    layer : of the charts that show a single one.
    """

    results: Results
    layer: int

    @cached_property
    def objectives(self) -> dict[str, str]:
        """Series -> objective, in the order of the study."""
        return {one.name: one.objective for one in self.results.record.series}

    @property
    def all_objectives(self) -> list[str]:
        return list(dict.fromkeys(self.objectives.values()))

    @cached_property
    def steps(self) -> list[int]:
        """All steps of the study, the base (0) included."""
        return sorted({0, *(node.step for node in self.results.record.ready)})

    @property
    def unit(self) -> str:
        """Of births, deaths and distances between diagrams, in words."""
        asked = self.results.study
        return unit_words(asked.scale, asked.metric)

    def own(self, name: str) -> pd.DataFrame:
        """The rows of a table at this study's scale, order and degree, as far as it has these columns."""
        asked = self.results.study
        table = self.results.table(name)
        for column, value in (("degree", DEGREE), ("order", asked.order), ("scale", asked.scale)):
            if column in table:
                table = table[table[column] == value]
        return table

    def labelled(self, table: pd.DataFrame) -> pd.DataFrame:
        """The table with the objective of each series, in the order of the study."""
        order = {name: place for place, name in enumerate(self.objectives)}
        table = table.sort_values("series", key=lambda names: names.map(order), kind="stable", ignore_index=True)
        return table.assign(objective=table["series"].map(self.objectives))

    @cached_property
    def curve(self) -> pd.DataFrame:
        """series, objective, layer, step_from, step, mean, lo, hi: velocity per transition, 10 and 90 % of it."""
        rows = self.own("velocities")
        if rows.empty:
            return pd.DataFrame(columns=["series", "objective", "layer", "step_from", "step", "mean", "lo", "hi"])
        return self.labelled(dynamics.velocity_curve(rows, "transition").rename(columns={"q10": "lo", "q90": "hi"}))

    @cached_property
    def floor(self) -> pd.DataFrame:
        """layer, step, lo, hi: 10 to 90 % of the resampling floors of the cells at that step."""
        rows = self.own("floors")
        if rows.empty:
            return pd.DataFrame(columns=["layer", "step", "lo", "hi"])
        values = rows.groupby(["layer", "step"])["value"]
        return pd.DataFrame({"lo": values.quantile(0.1), "hi": values.quantile(0.9)}).reset_index()

    @cached_property
    def standardised(self) -> tuple[objectives.Standardised, pd.DataFrame]:
        """Mean summaries of the layer in units of their resampling spread, and the split-half floors.

        Raises
        ------
        Fault
            where the layer has no usable cell, or one subsample per cell.
        """
        one = objectives.standardise(self.results.table("summaries"), self.layer)
        return one, objectives.split_half_floor(one)

    def pairs(self) -> pd.DataFrame:
        """series_a, series_b, objective_a, objective_b, step, value, floor, floor_q95 of each two series."""
        parts = [
            objectives.objective_distance(*self.standardised, a, b).assign(series_a=a, series_b=b)
            for a, b in combinations(self.objectives, 2)
        ]
        table = pd.concat(parts, ignore_index=True)
        sides = {f"objective_{side}": table[f"series_{side}"].map(self.objectives) for side in "ab"}
        return table.assign(**sides)

    def concentration(self) -> pd.DataFrame:
        """The table of concentrations: first third by index, velocity per transition, the null that keeps its level.

        The transition from the base counts; a series that does not start at the base has none.
        """
        rows = self.own("concentration")
        rows = rows[(rows["by"] == "index") & (rows["per"] == "transition") & (rows["null"] == TRUSTED)]
        rows = rows.dropna(subset="concentration")
        if rows.empty:
            return rows
        with_base = rows["with_base"].astype(bool)
        return self.labelled(rows[with_base == with_base.groupby(rows["series"]).transform("max")])

    def against_null(self) -> pd.DataFrame:
        """Each velocity with its Gaussian null of the same covariance: null_lo, null_hi, place; and its floor_hi."""
        rows = self.own("gaussian_velocities")
        table = controls.against_null(self.curve, rows[rows["kind"] == "covariance"])
        highest = self.floor.rename(columns={"hi": "floor_hi"})[["layer", "step", "floor_hi"]]
        return table.merge(highest, "left", on=["layer", "step"])

    def bars(self, series: str, step: int) -> pd.DataFrame:
        """subsample, degree, birth, death: the first subsample of a cell at this layer, at the study's scale."""
        bars = self.results.bars(series, step, self.layer)
        if bars.empty:
            return bars
        bars = bars[bars["subsample"] == bars["subsample"].min()]
        if self.results.study.scale == "raw":
            return bars
        unit = self._units[series, step]
        return bars.assign(birth=bars["birth"] / unit, death=bars["death"] / unit)

    @cached_property
    def _units(self) -> dict[tuple[str, int], float]:
        """(series, step) -> median pairwise distance of the cloud at this layer."""
        cells = self.results.table("cells", layer=self.layer)
        return dict(zip(zip(cells["series"], cells["step"], strict=True), cells["median_distance"], strict=True))
