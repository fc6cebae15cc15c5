"""What a study consists of: every result and every table, found in the files of `phcore.stages`, one file each."""

from phcore.stages.registry.discovery import results, tables
from phcore.stages.registry.keys import Keys, keys_of
from phcore.stages.registry.result import WHOLE_STUDY, Missing, Place, Result, Table

__all__ = ["WHOLE_STUDY", "Keys", "Missing", "Place", "Result", "Table", "keys_of", "results", "tables"]
