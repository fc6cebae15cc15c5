"""What figures read from, and the same without some objectives: the one place where they are told what not to show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import pandas as pd

from phcore.study import Study
from phcore.study.record import Record

_SERIES = ("series", "series_a", "series_b", "part_a", "part_b")  # columns that name one


class Source(Protocol):
    """What figures read from: the results of a study, or a page's view of them."""

    record: Record
    study: Study

    def table(self, name: str, /, **where: object) -> pd.DataFrame: ...
    def bars(self, series: str, step: int, layer: int) -> pd.DataFrame: ...
    def other(self, name: str) -> Source: ...
    def others(self) -> list[str]: ...


class Shown:
    """What `Source` is, without the series of these objectives and without every row that names one of them.

    Tables that are about all runs together name no series, and stay whole.
    """

    def __init__(self, results: Source, without: Sequence[str]):
        self._results, self._without = results, tuple(without)
        every = results.record.study.series
        self._gone = {one.name for one in every if one.objective in self._without}
        study = replace(results.record.study, series=tuple(one for one in every if one.name not in self._gone))
        self.record: Record = replace(results.record, study=study)

    @property
    def study(self) -> Study:
        return self.record.study

    def table(self, name: str, /, **where: object) -> pd.DataFrame:
        found = self._results.table(name, **where)
        for column in _SERIES:
            if column in found:
                found = found[~found[column].isin(self._gone)]
        return found.reset_index(drop=True)

    def bars(self, series: str, step: int, layer: int) -> pd.DataFrame:
        return self._results.bars(series, step, layer)

    def other(self, name: str) -> Source:
        return shown(self._results.other(name), self._without)

    def others(self) -> list[str]:
        return self._results.others()


def shown(results: Source, without: Sequence[str]) -> Source:
    """The study as it is, or without some objectives; one of which nothing would be left stays whole."""
    if {one.objective for one in results.record.series} <= set(without):
        return results
    return Shown(results, without) if without else results
