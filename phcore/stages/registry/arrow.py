"""Rows and arrays as Arrow tables, and back."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa

TYPES: dict[str, pa.DataType] = {
    "subsample": pa.int16(),
    "prompt": pa.int32(),
    "replicate": pa.int16(),
    "degree": pa.int8(),
    "order": pa.float64(),
    "norm": pa.float64(),
    "scale": pa.string(),
    "value": pa.float64(),
    "kind": pa.string(),
    "step_from": pa.int64(),
    "step": pa.int64(),
    "varied": pa.string(),
    "setting": pa.string(),
    "birth": pa.float64(),
    "death": pa.float64(),
    "median_distance": pa.float64(),
    "h0_count": pa.int32(),
    "h1_count": pa.int32(),
    "births": pa.list_(pa.float64()),
    "deaths": pa.list_(pa.float64()),
}
DISTANCES = ("degree", "order", "norm", "scale", "value")  # of a distance between diagrams, at every order and scale


def from_rows(rows: Iterable[Sequence], names: Sequence[str]) -> pa.Table:
    """One tuple per row; the type of a column follows from its name."""
    columns = list(zip(*rows, strict=True)) or [[]] * len(names)
    return pa.table({name: pa.array(list(column), TYPES[name]) for name, column in zip(names, columns, strict=True)})


def one_row(values: Mapping[str, float]) -> pa.Table:
    return pa.table({name: pa.array([value], pa.float64()) for name, value in values.items()})


def vectors(array: np.ndarray) -> pa.Array:
    """(n, d) -> n lists of d numbers."""
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(array).ravel()), array.shape[1])


def matrix(column: pa.ChunkedArray) -> np.ndarray:
    """The (n, d) array that `vectors` was made of."""
    one = column.combine_chunks()
    return one.values.to_numpy(zero_copy_only=False).reshape(len(column), one.type.list_size)
