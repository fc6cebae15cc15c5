"""Tables as bytes."""

import csv
import io

import pandas as pd
import pyarrow as pa
import pyarrow.csv

# What begins a formula; the wide ones where people write Chinese or Japanese.
_FORMULA = ("=", "+", "-", "@", "\t", "\n", "＝", "＋", "－", "＠")


def encode(frame: pd.DataFrame, kind: str) -> bytes:
    """A table as csv, json (list of records; infinite and missing values as strings and null) or parquet.

    In csv a text that a spreadsheet would compute (=, +, -, @ at its beginning) has an apostrophe in front.
    """
    if kind == "csv":
        texts = frame.select_dtypes(["object", "string", "category"]).columns
        unsafe = [name for name in texts if any(one != _no_formula(one) for one in frame[name].dropna().unique())]
        safe = {name: frame[name].astype(object).map(_no_formula) for name in unsafe}
        return _csv(frame.assign(**safe))
    if kind == "json":
        # JSON has no infinity: the order of the bottleneck distance is written as the word.
        plain = frame.astype({"order": object}) if "order" in frame else frame
        plain = plain.replace({float("inf"): "inf"})
        return plain.to_json(orient="records").encode()
    return frame.to_parquet(index=False)


def _csv(frame: pd.DataFrame) -> bytes:
    """By Arrow, seven times as fast as pandas; words are quoted only in tables that hold some which need it."""
    header = io.StringIO()
    csv.writer(header, lineterminator="\n").writerow(frame.columns)
    try:
        table = pa.Table.from_pandas(frame, preserve_index=False)
        try:
            rows = _rows(table, "none")
        except pa.ArrowInvalid:
            rows = _rows(table, "needed")
    except pa.ArrowException:  # a column of several types
        return frame.to_csv(index=False).encode()
    return header.getvalue().encode() + rows


def _rows(table: pa.Table, quotes: str) -> bytes:
    sink = io.BytesIO()
    pyarrow.csv.write_csv(table, sink, pyarrow.csv.WriteOptions(include_header=False, quoting_style=quotes))
    return sink.getvalue()


def _no_formula(value: object) -> object:
    if not isinstance(value, str):
        return value
    value = value.replace("\r", " ")  # pandas does not quote it, and readers begin a row there
    return f"'{value}" if value.startswith(_FORMULA) else value
