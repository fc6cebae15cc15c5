"""From the files of the evidence, and from the finished tables, to what the Evidence page and the findings read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from phcore.analysis.courses import Model
from phcore.stages import cells
from phcore.stages.tables.columns import CELL, COLUMNS, DISTANCE, TRANSITION
from phcore.stages.tables.scan import Source, in_order, of_clouds, of_transitions, prompts
from phcore.study.measures import steps_of
from phcore.study.record import Record, folder_of
from phcore.topology import clouds
from phcore.topology.summaries import FEATURES, rescale


def _geometry_velocity(source: Source) -> pd.DataFrame:
    from phcore.analysis import against_geometry as against

    parts = [
        against.against_velocity(velocity, changed).assign(**curve)
        for curve, velocity, changed in _velocity_and_changes(source)
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS["geometry_velocity"]))


def _unexplained(source: Source) -> pd.DataFrame:
    from phcore.analysis import against_geometry as against

    rows = [
        {**curve, **asdict(against.unexplained(velocity, changed))}
        for curve, velocity, changed in _velocity_and_changes(source)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS["unexplained"]))


def _velocity_and_changes(source: Source) -> Iterator[tuple[dict, pd.DataFrame, pd.DataFrame]]:
    """Degree, order, norm and scale; mean velocities; geometric changes at that scale. The study's own order only."""
    from phcore.analysis import against_geometry as against

    velocities, cell, moves = (source.read(name) for name in ("velocities", "geometry", "moves"))
    velocities = velocities[velocities["order"] == source.record.study.order]
    if cell.empty or moves.empty:
        return
    changed = {scale: against.changes(cell, moves, scale) for scale in cells.SCALES}
    own = source.record.study.scale
    for curve, rows in sorted(velocities.groupby(list(DISTANCE)), key=lambda one: (one[0][0], one[0][3] != own)):
        labels = dict(zip(DISTANCE, curve, strict=True))
        yield labels, rows.groupby(list(TRANSITION), as_index=False)["value"].mean(), changed[labels["scale"]]


# --- concentration and separation --------------------------------------------------------------


def _concentration(source: Source) -> pd.DataFrame:
    from phcore.analysis.concentration import concentration_table

    record = source.record
    velocities = source.read("velocities")
    velocities = velocities[velocities["order"] == record.study.order]
    if velocities.empty:
        return _empty("concentration")
    table = concentration_table(velocities, source.read("distances"), record.n_prompts, _size(record))
    return in_order(table, record, ("layer", "degree", "scale", "per", "by", "with_base", "null"))


def _size(record: Record) -> int:
    """Prompts in a subsample."""
    return clouds.subsample_size(record.n_prompts, record.study.subsample_size)


def _standardised(source: Source) -> Iterator[tuple[int, str, object, pd.DataFrame]]:
    """Layer, scale, standardised summaries and their split-half floors, where there is a spread to measure by."""
    from phcore.analysis import objectives
    from phcore.errors import Fault

    record = source.record
    own = source.read("summaries")
    if own.empty or record.study.subsamples < 2:
        return
    units = own[["series", "step", "layer"]].merge(source.read("cells"), "left")["unit"].to_numpy()
    for scale in cells.SCALES:
        frame = own
        if scale != record.study.scale:
            back = np.divide(1, units, out=np.zeros(len(units)), where=units > 0)  # 0: a cloud of one place
            values = rescale(own[list(FEATURES)].to_numpy(), units if scale == "median" else back)
            frame = own.assign(**dict(zip(FEATURES, values.T, strict=True)))
        for layer in record.layers:
            try:
                one = objectives.standardise(frame, layer)
            except Fault:  # a layer without bars has no summaries to compare
                continue
            yield layer, scale, one, objectives.split_half_floor(one)


def _pairs(record: Record) -> list[tuple[str, str]]:
    return list(combinations([one.name for one in record.series], 2))


def _separation(source: Source) -> pd.DataFrame:
    from phcore.analysis.separation import separation

    parts = [
        separation(one, floors, a, b).assign(series_a=a, series_b=b, layer=layer, scale=scale)
        for layer, scale, one, floors in _standardised(source)
        for a, b in _pairs(source.record)
    ]
    return _joined("separation", parts)


def _effects(source: Source) -> pd.DataFrame:
    from phcore.analysis.separation import effects

    n, m = source.record.n_prompts, _size(source.record)
    parts = [
        effects(one, a, b, n, m).assign(series_a=a, series_b=b, layer=layer, scale=scale)
        for layer, scale, one, _ in _standardised(source)
        for a, b in _pairs(source.record)
    ]
    table = _joined("effects", parts)
    numbers = ["g", "g_lo", "g_hi", "delta", "delta_lo", "delta_hi"]
    return table.astype(dict.fromkeys(numbers, np.float32))  # 41 features: half the size, and more than enough digits


def _mixture(source: Source) -> pd.DataFrame:
    from phcore.analysis.separation import mixture

    names = [one.name for one in source.record.series]
    parts = [
        mixture(one, floors, name, a, b).assign(series=name, part_a=a, part_b=b, layer=layer, scale=scale)
        for layer, scale, one, floors in _standardised(source)
        for a, b in _pairs(source.record)
        for name in names
        if name not in (a, b)
    ]
    return _joined("mixture", parts)


def _runs(source: Source) -> pd.DataFrame:
    from phcore.analysis.separation import runs

    objectives = {one.name: one.objective for one in source.record.series}
    parts = [runs(one, objectives).assign(layer=layer, scale=scale) for layer, scale, one, _ in _standardised(source)]
    return _joined("runs", parts)


# --- behaviour ----------------------------------------------------------------------------------


def _answers(source: Source) -> pd.DataFrame:
    from phcore.analysis.against_behaviour import behaviour_table

    record = source.record
    rows = [
        (record.scores_key(node), one.name, node.step) for one in record.series for node in record.path_of(one.name)
    ]
    scores = source.store.scan("scores", pd.DataFrame(rows, columns=["key", "series", "step"]))
    if scores.empty:
        return _empty("answers")
    scores = scores.assign(category=scores["prompt"].map(_categories(source)))
    return in_order(behaviour_table(scores, _empty("behaviour")), record, ("name", "category", "step"))


def _divergence(source: Source) -> pd.DataFrame:
    record = source.record
    rows = [(record.divergence_key(a, b), series, a.step, b.step) for series, a, b in record.transitions()]
    each = source.store.scan("divergences", pd.DataFrame(rows, columns=["key", "series", "step_from", "step"]))
    if each.empty:
        return _empty("divergence")
    each = each.assign(category=each["prompt"].map(_categories(source)))
    numbers = {"value": ("value", "mean"), "slack": ("slack", "mean"), "prompts": ("value", "size")}
    move = ["series", "step_from", "step"]
    whole = each.groupby(move, as_index=False).agg(**numbers).assign(category="")
    own = each[each["category"] != ""].groupby([*move, "category"], as_index=False).agg(**numbers)
    return in_order(pd.concat([whole, own], ignore_index=True), record, ("category", "step"))


def _categories(source: Source) -> dict[int, str]:
    """Prompt number -> category; "" where the probe set names none."""
    probes = prompts(source.record, source.store)
    return dict(zip(probes["prompt"], probes["category"].fillna(""), strict=True))


def _behaviour(source: Source) -> pd.DataFrame:
    """What the model was measured to do, and what logs and the user's file say."""
    from phcore.analysis.against_behaviour import behaviour_table

    answers = source.read("answers").assign(source="model")
    logged = source.store.read("scalars", source.record.scalars) if source.record.scalars else None
    if logged is None:
        return answers
    nothing_said = pd.DataFrame(columns=["series", "step", "prompt", "category", "refusal", "nll"])
    table = pd.concat([answers, behaviour_table(nothing_said, logged.to_pandas())], ignore_index=True)
    return in_order(table, source.record, ("source", "name", "category", "step"))


def _behaviour_moves(source: Source) -> pd.DataFrame:
    from phcore.analysis.against_behaviour import moves

    table = moves(source.read("behaviour"), source.read("divergence"), steps_of(source.record))
    return in_order(table, source.record, ("name", "category", "step"))


def _lags(source: Source) -> pd.DataFrame:
    from phcore.analysis.against_behaviour import lags

    velocities = source.read("velocities")
    own = velocities[velocities["order"] == source.record.study.order]
    table = lags(own, source.read("behaviour_moves"))
    return in_order(table, source.record, ("name", "layer", "degree", "scale", "per"))


def _early_final(source: Source) -> pd.DataFrame:
    from phcore.analysis.against_behaviour import early_final

    velocities = source.read("velocities")
    own = velocities[velocities["order"] == source.record.study.order]
    return early_final(source.read("concentration"), own, source.read("behaviour"), steps_of(source.record))


# --- sensitivity, numerical floor, findings --------------------------------------------------------


def _sensitivity(source: Source) -> pd.DataFrame:
    record = source.record
    rows = [
        (record.sensitivity_key(record.path_of(one.name), layer), one.name, layer)
        for one in record.series
        for layer in record.layers
        if len(record.path_of(one.name)) > 1
    ]
    varied = source.store.scan("sensitivity", pd.DataFrame(rows, columns=["key", "series", "layer"]))
    if varied.empty:
        return _empty("sensitivity")
    table = pd.concat([varied, _fewer_subsamples(source)], ignore_index=True)
    return in_order(table, record, ("layer", "varied", "setting", "scale", "step"))


def _fewer_subsamples(source: Source) -> pd.DataFrame:
    """The study's own H1 velocities, averaged over its first 4, 16, 64 ... subsamples."""
    record = source.record
    table = source.read("velocities")
    table = table[(table["degree"] == 1) & (table["order"] == record.study.order)]
    counts = [count for count in (4, 16, 64, 256) if count < record.study.subsamples] + [record.study.subsamples]
    move = [*TRANSITION, "scale"]
    parts = [
        table[table["subsample"] < count].groupby(move, as_index=False)["value"].mean().assign(setting=str(count))
        for count in (counts if record.study.subsamples else ())
    ]
    return pd.concat(parts).assign(varied="subsamples") if parts else table.head(0)


def _numerics(source: Source) -> pd.DataFrame:
    """The base's own readings stand at step 0 of every series that starts there."""
    record = source.record
    rows = [
        (record.numerics_key(node, layer, kind), one.name, node.step, layer, kind)
        for one in record.series
        for node, kind in record.reread
        if node in record.path_of(one.name)
        for layer in record.layers
    ]
    return in_order(source.store.scan("numerics", pd.DataFrame(rows, columns=["key", *CELL, "kind"])), record)


def _findings(source: Source) -> pd.DataFrame:
    """The five claims, on this study and those named beside it."""
    from phcore.analysis.findings import findings

    record, study = source.record, source.record.study
    beside = (Record.read(folder_of(name, source.store)) for name in study.beside)
    found = findings(
        source.read,
        {one.name: one.objective for one in record.series},
        scale=study.scale,
        order=study.order,
        model=model_of(record, source.read("velocities")),
        beside=[model_of(one, source.of(one)("velocities")) for one in beside if one],
    )
    return pd.DataFrame([asdict(one) for one in found], columns=list(COLUMNS["findings"]))


def model_of(record: Record, velocities: pd.DataFrame) -> Model:
    """A study as one of several base models."""
    return Model(Path(record.study.model).name, record.n_layers, velocities)


def _joined(name: str, parts: list[pd.DataFrame]) -> pd.DataFrame:
    parts = [part for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True)[list(COLUMNS[name])] if parts else _empty(name)


def _empty(name: str) -> pd.DataFrame:
    return pd.DataFrame(columns=list(COLUMNS[name]))


ASSEMBLE = {
    "geometry": of_clouds("geometry", Record.geometry_key),
    "moves": of_transitions("moves", Record.move_key),
    "geometry_velocity": _geometry_velocity,
    "unexplained": _unexplained,
    "controls": of_transitions("controls", Record.control_key),
    "nulls": of_clouds("nulls", Record.null_key),
    "numerics": _numerics,
    "concentration": _concentration,
    "separation": _separation,
    "effects": _effects,
    "mixture": _mixture,
    "runs": _runs,
    "answers": _answers,
    "divergence": _divergence,
    "lags": _lags,
    "early_final": _early_final,
    "sensitivity": _sensitivity,
}
# Put together at every reading: it takes no time, and what they rest on may change without the study.
ALWAYS = {"behaviour": _behaviour, "behaviour_moves": _behaviour_moves, "findings": _findings}
