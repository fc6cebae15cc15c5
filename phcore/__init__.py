"""Toposcope's instrument: how the shape of a language model's representations changes during fine-tuning."""

from phcore.errors import Fault
from phcore.study import Series, Study

__all__ = ["Fault", "Series", "Study"]


def _open(study, cache=None):
    """A study by file or by name, with its results: see `phcore.export.results.Results.open`."""
    from phcore.export.results import Results  # what reads results loads with the first study that is opened

    return Results.open(study, cache)


# Given here, because what is asked knows nothing of its results.
Study.open = staticmethod(_open)
