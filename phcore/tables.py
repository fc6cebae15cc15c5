"""The tables of a study, put together from the archive. Their columns are documented in `COLUMNS`.

A complete study has its tables published: one file each, named by the record's digest. Until then a table is
put together from whatever cells are there, so results show as they arrive. The tables of `EVIDENCE` are
published beside the others and may be missing: studies computed before there were any are complete without them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict

import numpy as np
import pandas as pd

from phcore import cells
from phcore.record import BASE, Record
from phcore.store import Store
from phcore.topology import controls, geometry, summaries

_CELL = {
    "series": "name of the series",
    "step": "training step of the checkpoint; 0 is the base model",
    "layer": "hidden_states index: 0 = embeddings, the last = after the final norm",
}
_DISTANCE = {
    "degree": "0 (connected components) or 1 (loops)",
    "order": "order p of the Wasserstein distance: 1, 2 or inf (bottleneck)",
    "norm": "ground norm q on the birth-death plane",
    "scale": "raw, or median (diagrams divided by their cloud's median pairwise distance)",
}
_TRANSITION = {
    "series": "name of the series",
    "step_from": "step of the earlier checkpoint",
    "step": "step of the later checkpoint",
    "layer": _CELL["layer"],
}
_SUBSAMPLE = {"subsample": "number of the index set; -1 is the whole cloud"}

# Table -> column -> what it holds. `docs/tables.md` is written from this.
COLUMNS: dict[str, dict[str, str]] = {
    "checkpoints": {
        "series": "name of the series, or base",
        "objective": "label of the series",
        "seed": "seed of the run",
        "step": "training step",
        "kind": "base, full, sharded, adapter or revision",
        "size": "bytes of weights on disk",
        "status": "ready, or why it is left out: incomplete, damaged, mismatch, refused",
        "finding": "what is wrong and how to mend it; empty when ready",
        "fingerprint": "digest of everything in the checkpoint that can change a number",
    },
    "cells": {
        **_CELL,
        "n_prompts": "points of the cloud",
        "n_distinct": "points that differ from all others before them",
        "unit": "median pairwise distance of the cloud",
        "status": "ok, degenerate (one point repeated) or nonfinite",
        "words": "what is unusual about the cell, in a sentence",
    },
    "bars": {
        **_CELL,
        **_SUBSAMPLE,
        "degree": "0 or 1",
        "birth": "distance at which the feature appears",
        "death": "distance at which it disappears (the one infinite H0 bar is left out)",
    },
    "summaries": {
        **_CELL,
        **_SUBSAMPLE,
        **{name: f"{summaries.FEATURE_WORDS[name]}, at the study's scale" for name in summaries.FEATURES},
    },
    "velocities": {
        **_TRANSITION,
        **_SUBSAMPLE,
        **_DISTANCE,
        "value": "Wasserstein distance between the two diagrams",
    },
    "floors": {
        **_CELL,
        **_SUBSAMPLE,
        **_DISTANCE,
        "value": "distance between the subsample and a disjoint one of the same cloud: the resampling floor",
    },
    "distances": {
        "series_a": "series of the one checkpoint; the base model is the series base at step 0",
        "step_a": "its step",
        "series_b": "series of the other",
        "step_b": "its step",
        "layer": _CELL["layer"],
        **_DISTANCE,
        "value": "mean over subsamples of the distance between the two diagrams",
    },
    "dynamics": {
        "series": "name of the series",
        "layer": _CELL["layer"],
        **_DISTANCE,
        "per": "velocity per transition, or per training step between the two checkpoints",
        "by": "first third counted by checkpoint index, or by training step",
        "with_base": "whether the transition from step 0 (the base model) to the first checkpoint is counted",
        "concentration": "share of all velocity in the first third; the study's own order of the distance only",
        "p_velocities": "p-value against shuffled velocities",
        "p_checkpoints": "p-value against checkpoints in random order",
        "peak_step": "step with the largest velocity",
        "stable_step": "first step after which velocity stays under 25 % of the peak; empty if never",
    },
    "geometry": {
        **_CELL,
        **geometry.CELL_WORDS,
    },
    "moves": {
        **_TRANSITION,
        **geometry.MOVE_WORDS,
    },
    "geometry_velocity": {
        **_DISTANCE,
        "layer": f"{_CELL['layer']}; -1: all of them, ranked within each",
        "quantity": "geometric quantity: its change in a transition against the mean velocity of that transition",
        "rho": "Spearman's rank correlation",
        "lo": "2.5 % of it over resampled blocks of consecutive transitions",
        "hi": "97.5 % of it",
        "transitions": "transitions of all series it rests on, each counted once whatever its layers",
    },
    "unexplained": {
        **_DISTANCE,
        "share": "share of the variance of ln velocity that all geometric changes together do not predict, "
        "each series at each layer left out in turn; 1: no better than the mean",
        "lo": "2.5 % of it over resampled series at layers",
        "hi": "97.5 % of it",
        "position": "the same share where nothing but layer and step is known",
        "beyond": "of what layer and step leave, the share that the geometric changes leave, too",
        "beyond_lo": "2.5 % of it over resampled series at layers",
        "beyond_hi": "97.5 % of it",
        "groups": "series at layers",
        "rows": "transitions at layers it rests on: those in which everything moves",
    },
    "controls": {
        **_TRANSITION,
        "kind": "; ".join(f"{kind}: {words}" for kind, words in controls.KIND_WORDS.items()),
        "replicate": "number of the Gaussian draw, the same at every checkpoint, layer and series",
        **_DISTANCE,
        "value": "Wasserstein distance between the diagrams of the Gaussian clouds that match the two checkpoints",
    },
    "nulls": {
        **_CELL,
        "kind": "as in controls",
        "replicate": "as in controls",
        "unit": "median pairwise distance of the Gaussian cloud",
        "h0_count": "its number of H0 bars",
        "h1_count": "its number of H1 bars",
    },
    "subsamples": {
        "subsample": "number of the index set",
        "position": "row of the subsample's cloud",
        "prompt": "number of the prompt in the probe set, from 0",
    },
}  # fmt: skip

# Published at the end of a run. Bars stay in their cells, one file each: they are read cell by cell.
PUBLISHED = ("cells", "summaries", "velocities", "floors", "distances", "dynamics")
# Published beside them: see the head of this file.
EVIDENCE = ("geometry", "moves", "geometry_velocity", "unexplained", "controls", "nulls")


def published_key(record: Record, name: str) -> str:
    return f"{record.digest}-{name}"


def table(record: Record, store: Store, name: str, where: dict[str, object] | None = None) -> pd.DataFrame:
    """One table of a study, with the columns of `COLUMNS` in their order.

    Parameters
    ----------
    where : column -> value, to read only matching rows.

    Raises
    ------
    KeyError
        for a name that is not in `COLUMNS`.
    """
    columns = list(COLUMNS[name])
    frame = store.select("tables", published_key(record, name), where)
    if frame is None:
        frame = _ASSEMBLE[name](record, store, where or {})
        for column, value in (where or {}).items():
            if column in frame:
                frame = frame[frame[column] == value]
    return frame.reindex(columns=columns).reset_index(drop=True)


def assemble(record: Record, store: Store, name: str) -> pd.DataFrame:
    """One table put together from its cells, whatever is published; sorted so that a filter reads few row groups."""
    return _ASSEMBLE[name](record, store, {}).reindex(columns=list(COLUMNS[name]))


def publish(record: Record, store: Store, name: str, frame: pd.DataFrame) -> None:
    """Write one finished table as a file of its own."""
    store.write("tables", published_key(record, name), frame)


def bars_of_cell(record: Record, store: Store, series: str, step: int, layer: int) -> pd.DataFrame:
    """Bars of one cell: from its own file, or from the published bars of a study that came without cells."""
    node = next(node for node in record.path_of(series) if node.step == step)
    table = store.read("diagrams", record.cell_key(node, layer))
    if table is not None:
        return table.to_pandas().astype({"subsample": int, "degree": int})
    where = {"series": series, "step": step, "layer": layer}
    frame = store.select("tables", published_key(record, "bars"), where)
    columns = ["subsample", "degree", "birth", "death"]
    return pd.DataFrame(columns=columns) if frame is None else frame[columns]


def prompts(record: Record, store: Store) -> pd.DataFrame:
    """prompt (number), text, category, reference."""
    table = store.read("probes", record.probe_digest)
    return pd.DataFrame(columns=["prompt", "text", "category", "reference"]) if table is None else table.to_pandas()


Where = dict[str, object]  # column -> the value it shall have
_ROWS = ("step", "layer", "kind", "subsample", "replicate", "degree", "order", "scale", "birth", "death")

# --- from cells to tables -------------------------------------------------------------------------


def _checkpoints(record: Record, store: Store, where: Where) -> pd.DataFrame:
    about = {one.name: (one.objective, one.seed) for one in record.series} | {BASE: (BASE, 0)}
    rows = [
        (n.label, *about[n.label], n.step, n.kind, n.size, n.status, n.finding, n.fingerprint)
        for n in record.nodes
        if n.label in about
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS["checkpoints"]))


def _of_cells(stage: str, key: str, columns: str = "t.*"):
    def assemble(record: Record, store: Store, where: Where) -> pd.DataFrame:
        labels = record.cells()
        labels["key"] = labels[key]
        for column in {"series", "step", "layer"} & where.keys():  # read only the files that are asked for
            labels = labels[labels[column] == where[column]]
        frame = store.scan(stage, labels[["key", "series", "step", "layer"]], columns)
        return _sorted(frame, record)

    return assemble


def _cells(record: Record, store: Store, where: Where) -> pd.DataFrame:
    names = ", ".join(f"t.{name}" for name in ("n_prompts", "n_distinct", "unit", "status", "words"))
    return _of_cells("summaries", "key", names)(record, store, where).drop_duplicates(["series", "step", "layer"])


def _summaries(record: Record, store: Store, where: Where) -> pd.DataFrame:
    frame = _of_cells("summaries", "key")(record, store, where)
    if frame.empty:
        return frame
    frame = frame[frame["status"] != "nonfinite"]
    if record.study.scale == "median":
        names = list(summaries.FEATURES)
        frame[names] = summaries.rescale(frame[names].to_numpy(), frame["unit"].to_numpy()[:, None])
    return frame


def _of_transitions(stage: str, key: Callable[..., str]):
    """`key` of a record, two nodes and a layer names the file."""

    def assemble(record: Record, store: Store, where: Where) -> pd.DataFrame:
        rows = [
            (key(record, a, b, layer), series, a.step, b.step, layer)
            for series, a, b in record.transitions()
            for layer in record.layers
        ]
        labels = pd.DataFrame(rows, columns=["key", *_TRANSITION])
        return _sorted(store.scan(stage, labels), record) if rows else labels

    return assemble


def _distances(record: Record, store: Store, where: Where) -> pd.DataFrame:
    rows = [
        (record.distance_key(node, layer), node.label, node.step, layer, number)
        for number, node in enumerate(record.ready)
        if number
        for layer in record.layers
    ]
    labels = pd.DataFrame(rows, columns=["key", "series_b", "step_b", "layer", "number"])
    frame = store.scan("distances", labels) if rows else labels
    if frame.empty or "other" not in frame:
        return pd.DataFrame(columns=list(COLUMNS["distances"]))
    nodes = record.ready
    frame["series_a"] = [nodes[k].label for k in frame["other"]]
    frame["step_a"] = [nodes[k].step for k in frame["other"]]
    return frame.sort_values(["layer", "degree", "scale", "number", "other"], kind="stable")


def _dynamics(record: Record, store: Store, where: Where) -> pd.DataFrame:
    from phcore.analysis import dynamics

    study = record.study
    velocities, distances = table(record, store, "velocities"), table(record, store, "distances")
    # All pairs, which the second null walks, are known for the study's own order only.
    velocities = velocities[velocities["order"] == study.order]
    if velocities.empty:
        return pd.DataFrame(columns=list(COLUMNS["dynamics"]))
    frame = dynamics.dynamics(velocities, distances)
    # The defaults come first among the variants of a curve.
    variant = (
        (frame["scale"] != study.scale) * 8
        + (frame["per"] != "transition") * 4
        + (frame["by"] != "index") * 2
        + (~frame["with_base"].astype(bool)) * 1
    )
    return _sorted(frame.assign(_variant=variant), record, ("layer", "degree", "_variant"))


def _of_clouds(stage: str, key: Callable[..., str]):
    """`key` of a record, a node and a layer names the file."""

    def assemble(record: Record, store: Store, where: Where) -> pd.DataFrame:
        rows = [
            (key(record, node, layer), one.name, node.step, layer)
            for one in record.series
            for node in record.path_of(one.name)
            for layer in record.layers
        ]
        return _sorted(store.scan(stage, pd.DataFrame(rows, columns=["key", *_CELL])), record)

    return assemble


def _geometry_velocity(record: Record, store: Store, where: Where) -> pd.DataFrame:
    from phcore.analysis import geometry as against

    parts = [
        against.against_velocity(velocity, changed).assign(**curve)
        for curve, velocity, changed in _velocity_and_changes(record, store)
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS["geometry_velocity"]))


def _unexplained(record: Record, store: Store, where: Where) -> pd.DataFrame:
    from phcore.analysis import geometry as against

    rows = [
        {**curve, **asdict(against.unexplained(velocity, changed))}
        for curve, velocity, changed in _velocity_and_changes(record, store)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS["unexplained"]))


def _velocity_and_changes(record: Record, store: Store) -> Iterator[tuple[dict, pd.DataFrame, pd.DataFrame]]:
    """Degree, order, norm and scale; mean velocities; geometric changes at that scale. The study's own order only."""
    from phcore.analysis import geometry as against

    velocities, cell, moves = (table(record, store, name) for name in ("velocities", "geometry", "moves"))
    velocities = velocities[velocities["order"] == record.study.order]
    if cell.empty or moves.empty:
        return
    changed = {scale: against.changes(cell, moves, scale) for scale in cells.SCALES}
    own = record.study.scale
    for curve, rows in sorted(velocities.groupby(list(_DISTANCE)), key=lambda one: (one[0][0], one[0][3] != own)):
        labels = dict(zip(_DISTANCE, curve, strict=True))
        yield labels, rows.groupby(list(_TRANSITION), as_index=False)["value"].mean(), changed[labels["scale"]]


def _subsamples(record: Record, store: Store, where: Where) -> pd.DataFrame:
    s = record.study
    sets = cells.index_sets(record.n_prompts, s.subsamples, s.subsample_size, s.seed)
    size = len(next(iter(sets.values())))
    return pd.DataFrame(
        {
            "subsample": np.repeat(list(sets), size),
            "position": np.tile(np.arange(size), len(sets)),
            "prompt": np.concatenate(list(sets.values())),
        }
    )


def _sorted(frame: pd.DataFrame, record: Record, keys: tuple[str, ...] = _ROWS) -> pd.DataFrame:
    """Rows in the order of the study's series, then by `keys` where the frame has them."""
    if frame.empty:
        return frame
    order = {one.name: k for k, one in enumerate(record.series)}
    keys = [name for name in keys if name in frame]
    frame = frame.assign(_series=frame["series"].map(order))
    return frame.sort_values(["_series", *keys], kind="stable").drop(columns="_series").reset_index(drop=True)


_ASSEMBLE = {
    "checkpoints": _checkpoints,
    "cells": _cells,
    "bars": _of_cells("diagrams", "key"),
    "summaries": _summaries,
    "velocities": _of_transitions("velocities", Record.velocity_key),
    "floors": _of_cells("floors", "floor_key"),
    "distances": _distances,
    "dynamics": _dynamics,
    "geometry": _of_clouds("geometry", Record.geometry_key),
    "moves": _of_transitions("moves", Record.move_key),
    "geometry_velocity": _geometry_velocity,
    "unexplained": _unexplained,
    "controls": _of_transitions("controls", Record.control_key),
    "nulls": _of_clouds("nulls", Record.null_key),
    "subsamples": _subsamples,
}
