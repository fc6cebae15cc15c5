"""What is asked: the study file, series, probe set and measures; and the record of what was found."""

from phcore.study.definition import (
    DTYPES,
    ENGINES,
    METRICS,
    NAME,
    ORDERS,
    PACKED,
    PARAMETERS,
    POOLINGS,
    PRESETS,
    SCALES,
    Series,
    Study,
)

__all__ = [
    "DTYPES",
    "ENGINES",
    "METRICS",
    "NAME",
    "ORDERS",
    "PACKED",
    "PARAMETERS",
    "POOLINGS",
    "PRESETS",
    "SCALES",
    "Series",
    "Study",
]
