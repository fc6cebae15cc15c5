"""A study with its results: what notebooks, the shell and the pages read.

>>> from phcore import Study
>>> study = Study.open("smollm2-135m-instruct")
>>> study.table("velocities").columns[0]
'series'
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from phcore.archive.permissions import Permissions
from phcore.archive.store import Store, digest
from phcore.errors import Fault
from phcore.formatting import enumerated, real_path
from phcore.stages.registry import Place, assembly, earlier, files, keys_of, tables
from phcore.study import Study
from phcore.study.kept import folder_of, names, previous, private, read
from phcore.study.record import Node, Record
from phcore.study.redaction import public
from phcore.study.resolve import resolve

if TYPE_CHECKING:
    import altair as alt

    from phcore.analysis.findings import Finding
    from phcore.topology.explore import Explored, Lens


class Results:
    """Read-only view of one study in an archive.

    Attributes
    ----------
    notes : sentences on what was found when it was opened, such as results that have to be computed again, and why.
    permissions : of those who see it; where none are given, the archive's.
    """

    def __init__(self, record: Record, store: Store, permissions: Permissions | None = None):
        self.record, self.store = record, store
        self.permissions = permissions or store.permissions

    @classmethod
    def open(cls, study: str | Path, cache: str | Path | Store | None = None, roots: Sequence[Path] = ()) -> Results:
        """Open a study by the path of its file or by its name in the archive.

        A study that version 0.3 computed is taken over when it is first opened.

        Parameters
        ----------
        cache : the archive or its folder; a store that is given is shared, and with it its connection.
        roots : folders that links may lead to, where a study file's folders have to be looked at.

        Raises
        ------
        Fault
            where there is no such study, or its file or folders cannot be used. An archive that is only read opens
            by name only, and says the same of a study that is not served as of one that does not exist.
        """
        store = cache if isinstance(cache, Store) else Store(cache)
        if Path(study).suffix == ".toml" and not store.permissions.read_only:
            asked = Study.read(study)
            _take_over(store, asked.name)
            record = previous(store, asked.name)
            kept = real_path(study) == real_path(folder_of(asked, store) / "study.toml")
            if record is not None and kept and not asked.model.is_dir():
                return cls(record, store)  # what came here without its model is read as it is
            if record is None or record.study.with_(private=asked.private, device=asked.device) != asked:
                record = resolve(asked, store, keep=False, roots=roots)  # looking at a study file changes nothing
            return cls(replace(record, study=asked.with_(private=private(asked, store))), store)
        known = names(store)
        if str(study) in known:
            _take_over(store, str(study))
        record = read(store, str(study)) if str(study) in known else None
        if record is None:
            raise Fault(
                f"no study is called {str(study)!r}",
                f"Give a study file (.toml) or one of: {', '.join(known) or 'none yet'}",
            )
        return cls(record, store)

    def for_strangers(self) -> Results:
        """The study as a read-only server shows it: what leaves this machine as a report or as figures."""
        strangers = replace(self.permissions, read_only=True)
        record = public(self.record, strangers, folder_of(self.study, self.store))
        return Results(record, self.store, permissions=strangers)

    def other(self, name: str) -> Results:
        """Another study of the same archive."""
        return type(self).open(name, self.store)

    def others(self) -> list[str]:
        """The names of all other studies of the archive."""
        return [name for name in names(self.store) if name != self.study.name]

    @property
    def study(self) -> Study:
        return self.record.study

    def table(self, name: str, /, **where: object) -> pd.DataFrame:
        """One documented table (see docs/tables.md); keyword arguments filter by equality."""
        known = tables()
        if name not in known:
            raise Fault(f"there is no table {name!r}{_renamed(name)}", f"Choose one of: {', '.join(known)}")
        for column in where:
            if column not in known[name].columns:
                near = difflib.get_close_matches(column, known[name].columns, 1)
                hint = f"Did you mean {near[0]!r}? " if near else ""
                raise Fault(
                    f"table {name!r} has no column {column!r}", f"{hint}It has: {', '.join(known[name].columns)}"
                )
        return assembly.table(self.record, self.store, name, where)

    def bars(self, series: str, step: int, layer: int) -> pd.DataFrame:
        """subsample, degree, birth, death of one cell (raw distances)."""
        self.node(series, step)
        return assembly.bars_of_cell(self.record, self.store, series, step, layer)

    def node(self, series: str, step: int) -> Node:
        names = [one.name for one in self.record.series]
        if series not in names:
            raise Fault(f"there is no series {series!r} in this study", f"Choose one of: {', '.join(names)}")
        for node in self.record.path_of(series):
            if node.step == step:
                return node
        steps = ", ".join(str(node.step) for node in self.record.path_of(series)) or "none"
        raise Fault(f"series {series!r} has no usable checkpoint at step {step}", f"It has steps: {steps}")

    def cloud(self, series: str, step: int, layer: int) -> np.ndarray | None:
        """(n_prompts, hidden_size) float32, or None where this cloud is not in the archive."""
        return files.read(self.record, self.store, "clouds", Place((self.node(series, step),), layer))

    def clouds(self, series: str, step: int, layers: Sequence[int] | None = None) -> np.ndarray:
        """(layers, n_prompts, hidden_size) float32 of one checkpoint, at all layers of the study or some of them.

        Raises
        ------
        Fault
            where a cloud is not in the archive; it names the layers that are. Where layers have several widths, as in
            models that project the last one.
        """
        asked = self.record.layers if layers is None else tuple(layers)
        there = {layer: self.cloud(series, step, layer) for layer in dict.fromkeys((*asked, *self.record.layers))}
        missing = [layer for layer in asked if there[layer] is None]
        if missing:
            present = ", ".join(str(layer) for layer, cloud in there.items() if cloud is not None)
            hint = f"Ask for layer {present}, which is there" if present else self._elsewhere(series)
            raise Fault(f"the clouds of {series}, step {step}, layer {missing[0]} are not in this archive", hint)
        widths = {layer: there[layer].shape[1] for layer in asked}
        if len(set(widths.values())) > 1:
            words = enumerated([f"{width:,} numbers at layer {layer}" for layer, width in widths.items()])
            raise Fault(f"hidden states differ in width: {words}", "Ask for layers of one width at a time")
        return np.stack([there[layer] for layer in asked])

    def _elsewhere(self, series: str) -> str:
        """At which other steps of a series there are clouds, as a hint."""
        keys, layers = keys_of(self.record), self.record.layers
        cells = [(node.step, layer, keys.of("clouds", Place((node,), layer)))
                 for node in self.record.path_of(series) for layer in layers]  # fmt: skip
        there = [(step, layer) for step, layer, key in cells if self.store.has("clouds", key)]
        if not there:
            return "Compute the study where its checkpoints are; a study that was only copied may lack its clouds"
        steps = ", ".join(str(step) for step in dict.fromkeys(step for step, _ in there))
        here = ", ".join(str(layer) for layer in sorted({layer for _, layer in there}))
        return f"Ask for step {steps} at layer {here}, which are there"

    def explore(self, series: str, step: int, layer: int, lens: Lens | None = None) -> Explored:
        """A cloud looked at closely: its bars, measured now, with the prompts that make them.

        >>> from phcore import Study
        >>> from phcore.topology.explore import Lens
        >>> study = Study.open("smollm2-135m-instruct")
        >>> seen = study.explore("helpful", 128, 18, Lens(subsample=0))
        >>> longest = seen.table.query("degree == 1 and rank == 1")["place"].item()
        >>> len(study.prompts["text"].iloc[seen.rows[seen.loop(longest).cycle]])
        6

        Raises
        ------
        Fault
            where the cloud is not in the archive, or the lens leaves fewer than two prompts.
        """
        from phcore.topology import explore  # the page that opens first does without
        from phcore.topology.clouds import WHOLE, index_sets

        lens = lens or explore.Lens(metric=self.study.metric)
        cloud = self.cloud(series, step, layer)
        if cloud is None:
            raise Fault(
                f"the hidden states of {series}, step {step}, layer {layer} are not in this archive",
                "Compute the study where its checkpoints are; a study that was only copied may lack its clouds",
            )
        s = self.study
        sets = index_sets(len(cloud), s.subsamples, self.record.subsample_size, s.seed) | {WHOLE: np.arange(len(cloud))}
        if lens.subsample not in sets:
            raise Fault(f"there is no subsample {lens.subsample}", f"Choose one of -1 (the whole cloud) to {max(sets)}")
        rows = explore.chosen(self.prompts, sets[lens.subsample], lens)
        return explore.explore(*explore.distances(cloud, lens), rows, lens)

    def figure(self, name: str, **choice: object) -> alt.TopLevelMixin:
        """A figure of this study, as reports and pages draw it; in a notebook it shows itself.

        Parameters
        ----------
        name : of a figure in `phcore.figures.registry`.
        choice : fields of `phcore.figures.figure.Choice`; the others are the study's own.

        Returns
        -------
        The chart; its alternative text is `description`, how to read it `usermeta["caption"]`.

        >>> from phcore import Study
        >>> chart = Study.open("smollm2-135m-instruct").figure("velocity", layer=18, single=True)
        >>> chart.usermeta["caption"][:19]
        'W2, ground norm 2 b'

        Raises
        ------
        Fault
            for a figure or a choice that does not exist, or where the study has no numbers for it.
        """
        from phcore.figures.registry import drawn  # Altair loads with the first figure

        return drawn(self, name, **choice)

    def findings(self) -> list[Finding]:
        """The five claims as verdicts on this study, from whatever tables there are."""
        from phcore.analysis.findings import Finding

        return [Finding(**row) for row in self.table("findings").to_dict("records")]

    @property
    def prompts(self) -> pd.DataFrame:
        """prompt (number), text, category, reference."""
        return assembly.prompts(self.record, self.store, self.permissions)

    def answers(self, series: str, step: int) -> dict[int, tuple[str, bool]]:
        """Prompt -> how a checkpoint begins its answer, and whether it ends there: of the prompts that the study names
        (`answers`). None of them where their texts are private."""
        if not self.study.answers or self.permissions.hides("prompts", self.study.private):
            return {}
        return files.read(self.record, self.store, "greedy_answers", Place((self.node(series, step),))) or {}

    @functools.cached_property
    def version(self) -> str:
        """Changes whenever any table of the study may be another one, or anything else that is said of it.

        Keys alone do not know all that is shown: a run's seed, why a checkpoint is left out, what is private.
        """
        return digest(keys_of(self.record).study, repr(self.record))

    @property
    def on_disk(self) -> tuple[int, float]:
        """Bytes of its files in the archive, and when the last was written (seconds since 1970).

        Files that it shares with other studies are counted in each.
        """
        named = {self.store.path(*file) for file in assembly.named(self.record)}
        folders = {file.parent for file in named}  # to list a folder is quicker than to ask for each of its files
        files = [file for folder in folders for file in folder.glob("*") if file in named]
        found = [file.stat() for file in (*files, *folder_of(self.study, self.store).glob("*"))]
        return sum(one.st_size for one in found), max((one.st_mtime for one in found), default=0.0)

    @property
    def missing(self) -> list[str]:
        """Names of the tables that a finished study has and this one lacks."""
        return assembly.missing(self.record, self.store)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what is missing because an earlier version's cannot be used, and why."""
        return earlier.notes(self.store, self.study.name) if self.missing else ()

    @property
    def complete(self) -> bool:
        """Whether the bars and all that follows from them are finished; the evidence may be missing."""
        return not any(not tables()[name].evidence for name in self.missing)

    @property
    def finished(self) -> bool:
        """Whether every table is: the evidence, too."""
        return not self.missing


def _take_over(store: Store, name: str) -> None:
    if not earlier.is_of_03(store, name) or not store.permissions.serves(name):
        return
    if store.permissions.read_only:
        raise Fault(
            f"the study {name} was computed by version 0.3, and this server may not take it over",
            "Open it once where the archive may be written, for instance with: toposcope studies",
        )
    earlier.take_over(store, name)


def _renamed(name: str) -> str:
    new = next((new for new, old in earlier.RENAMED.items() if old == name), None)
    return f"; it is called {new!r} now" if new else ""
