"""Tables as bytes."""

import pandas as pd


def encode(frame: pd.DataFrame, kind: str) -> bytes:
    """A table as csv, json (list of records; infinite and missing values as strings and null) or parquet."""
    if kind == "csv":
        return frame.to_csv(index=False).encode()
    if kind == "json":
        # JSON has no infinity: the order of the bottleneck distance is written as the word.
        plain = frame.astype({"order": object}) if "order" in frame else frame
        plain = plain.replace({float("inf"): "inf"})
        return plain.to_json(orient="records").encode()
    return frame.to_parquet(index=False)
