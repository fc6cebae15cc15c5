"""Tables on the page: which columns they show, and how (`columns.toml`)."""

import tomllib
from pathlib import Path

import pandas as pd
import streamlit as st

from phcore.figures.charts.standing import readable

_TABLES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def looks(table: str) -> dict:
    """Name -> look of the columns of which something is said."""
    return {name: _look(**about) for name, about in _TABLES[table].items() if about}


def _look(kind: str, **arguments):
    return getattr(st.column_config, f"{kind}Column")(**arguments)


def show(frame: pd.DataFrame, table: str, **arguments) -> None:
    """A table, with what else `st.dataframe` takes."""
    st.dataframe(readable(frame[list(_TABLES[table])]), hide_index=True, column_config=looks(table), **arguments)
