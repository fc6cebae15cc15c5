"""Toposcope's instrument: how the shape of a language model's representations changes during fine-tuning."""

from phcore.errors import Fault
from phcore.study import Series, Study

__all__ = ["Fault", "Series", "Study"]
