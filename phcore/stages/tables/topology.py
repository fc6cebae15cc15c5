"""From the files of cells, velocities and distances to tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from phcore.stages import cells
from phcore.stages.tables.columns import COLUMNS
from phcore.stages.tables.scan import Source, in_order, of_cells, of_transitions
from phcore.study.record import BASE, Record
from phcore.topology import summaries


def _checkpoints(source: Source) -> pd.DataFrame:
    about = {one.name: (one.objective, one.seed) for one in source.record.series} | {BASE: (BASE, 0)}
    rows = [
        (n.label, *about[n.label], n.step, n.kind, n.size, n.status, n.finding, n.fingerprint)
        for n in source.record.nodes
        if n.label in about
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS["checkpoints"]))


def _cells(source: Source) -> pd.DataFrame:
    names = ", ".join(f"t.{name}" for name in ("n_prompts", "n_distinct", "unit", "status", "words"))
    return of_cells("summaries", "key", names)(source).drop_duplicates(["series", "step", "layer"])


def _summaries(source: Source) -> pd.DataFrame:
    frame = of_cells("summaries", "key")(source)
    if frame.empty:
        return frame
    frame = frame[frame["status"] != "nonfinite"]
    if source.record.study.scale == "median":
        names = list(summaries.FEATURES)
        frame[names] = summaries.rescale(frame[names].to_numpy(), frame["unit"].to_numpy())
    return frame


def _distances(source: Source) -> pd.DataFrame:
    rows = [
        (source.record.distance_key(node, layer), node.label, node.step, layer, number)
        for number, node in enumerate(source.record.ready)
        if number
        for layer in source.record.layers
    ]
    labels = pd.DataFrame(rows, columns=["key", "series_b", "step_b", "layer", "number"])
    frame = source.store.scan("distances", labels) if rows else labels
    if frame.empty or "other" not in frame:
        return pd.DataFrame(columns=list(COLUMNS["distances"]))
    nodes = source.record.ready
    frame["series_a"] = [nodes[k].label for k in frame["other"]]
    frame["step_a"] = [nodes[k].step for k in frame["other"]]
    return frame.sort_values(["layer", "degree", "scale", "number", "other"], kind="stable")


def _dynamics(source: Source) -> pd.DataFrame:
    from phcore.analysis import dynamics

    study = source.record.study
    velocities, distances = source.read("velocities"), source.read("distances")
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
    return in_order(frame.assign(_variant=variant), source.record, ("layer", "degree", "_variant"))


def _subsamples(source: Source) -> pd.DataFrame:
    s = source.record.study
    sets = cells.index_sets(source.record.n_prompts, s.subsamples, s.subsample_size, s.seed)
    size = len(next(iter(sets.values())))
    return pd.DataFrame(
        {
            "subsample": np.repeat(list(sets), size),
            "position": np.tile(np.arange(size), len(sets)),
            "prompt": np.concatenate(list(sets.values())),
        }
    )


ASSEMBLE = {
    "checkpoints": _checkpoints,
    "cells": _cells,
    "bars": of_cells("diagrams", "key"),
    "summaries": _summaries,
    "velocities": of_transitions("velocities", Record.velocity_key),
    "floors": of_cells("floors", "floor_key"),
    "distances": _distances,
    "dynamics": _dynamics,
    "subsamples": _subsamples,
}
