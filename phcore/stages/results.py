"""A study with its results: what notebooks, the shell and the pages read.

>>> from phcore import Study
>>> study = Study.open("smollm2-135m-instruct")
>>> study.table("velocities").columns[0]
'series'
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from phcore.archive import permissions
from phcore.archive.store import Store
from phcore.errors import Fault
from phcore.stages import cells, tables
from phcore.study import Study
from phcore.study.record import Node, Record, folder_of, resolve

if TYPE_CHECKING:
    import altair as alt

    from phcore.analysis.findings import Finding
    from phcore.topology.explore import Explored, Lens


class Results:
    """Read-only view of one study in an archive."""

    def __init__(self, record: Record, store: Store):
        self.record, self.store = record, store

    @classmethod
    def open(cls, study: str | Path, cache: str | Path | Store | None = None) -> Results:
        """Open a study by the path of its file or by its name in the archive.

        Parameters
        ----------
        cache : the archive or its folder; a store that is given is shared, and with it its connection.

        Raises
        ------
        Fault
            where there is no such study, or its file or folders cannot be used. A read-only process opens by name
            only, and says the same of a study that it does not serve as of one that does not exist.
        """
        store = cache if isinstance(cache, Store) else Store(cache)
        if Path(study).suffix == ".toml" and not permissions.current().read_only:
            asked = Study.read(study)
            record = Record.read(folder_of(asked, store))
            if record is None or record.study.with_(private=asked.private) != asked:
                record = resolve(asked, store, keep=False)  # looking at a study file changes nothing
            record = replace(record, study=asked)
            return cls(record, store)
        record = Record.read(folder_of(str(study), store)) if str(study) in names(store) else None
        if record is None:
            known = ", ".join(names(store)) or "none yet"
            raise Fault(f"no study is called {str(study)!r}", f"Give a study file (.toml) or one of: {known}")
        return cls(record, store)

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
        """One documented table (see `phcore.stages.tables.COLUMNS`); keyword arguments filter by equality."""
        if name not in tables.COLUMNS:
            raise Fault(f"there is no table {name!r}", f"Choose one of: {', '.join(tables.COLUMNS)}")
        return tables.table(self.record, self.store, name, where)

    def bars(self, series: str, step: int, layer: int) -> pd.DataFrame:
        """subsample, degree, birth, death of one cell (raw distances)."""
        self.node(series, step)
        return tables.bars_of_cell(self.record, self.store, series, step, layer)

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
        return cells.read_cloud(self.store, self.record.cloud_key(self.node(series, step), layer))

    def clouds(self, series: str, step: int) -> np.ndarray:
        """(layers, n_prompts, hidden_size) float32 of one checkpoint.

        Raises
        ------
        Fault
            where a cloud is not in the archive.
        """
        found = [self.cloud(series, step, layer) for layer in self.record.layers]
        missing = [layer for layer, cloud in zip(self.record.layers, found, strict=True) if cloud is None]
        if missing:
            raise Fault(
                f"the clouds of {series}, step {step}, layer {missing[0]} are not in this archive",
                "Compute the study where its checkpoints are; a study that was only copied may lack its clouds",
            )
        return np.stack(found)

    def explore(self, series: str, step: int, layer: int, lens: Lens | None = None) -> Explored:
        """A cloud looked at closely: its bars, measured now, with the prompts that make them.

        >>> from phcore import Study
        >>> from phcore.topology.explore import Lens
        >>> study = Study.open("smollm2-135m-instruct")
        >>> seen = study.explore("helpful", 64, 18, Lens(subsample=0))
        >>> longest = seen.table.query("degree == 1 and rank == 1")["place"].item()
        >>> len(study.prompts["text"].iloc[seen.rows[seen.loop(longest).cycle]])
        4

        Raises
        ------
        Fault
            where the cloud is not in the archive, or the lens leaves fewer than two prompts.
        """
        from phcore.topology import explore  # the page that opens first does without

        lens = lens or explore.Lens(metric=self.study.metric)
        cloud = self.cloud(series, step, layer)
        if cloud is None:
            raise Fault(
                f"the hidden states of {series}, step {step}, layer {layer} are not in this archive",
                "Compute the study where its checkpoints are; a study that was only copied may lack its clouds",
            )
        s = self.study
        sets = cells.index_sets(len(cloud), s.subsamples, s.subsample_size, s.seed) | {-1: np.arange(len(cloud))}
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
        return tables.prompts(self.record, self.store)

    @property
    def complete(self) -> bool:
        """Whether the bars and all that follows from them are finished."""
        return self._published(tables.PUBLISHED)

    @property
    def finished(self) -> bool:
        """Whether every table is: the evidence, too, which studies computed by earlier versions lack."""
        return self._published((*tables.PUBLISHED, *tables.EVIDENCE))

    def _published(self, names: tuple[str, ...]) -> bool:
        return all(self.store.has("tables", tables.published_key(self.record, name)) for name in names)


def names(store: Store) -> list[str]:
    """Studies in this archive, the latest first; in a read-only process those that it serves."""
    here = permissions.current()
    found = (path.parent for path in (store.root / "studies").glob("*/record.json"))
    folders = [one for one in found if not here.read_only or (here.serves(one.name) and permissions.own_folder(one))]
    return [folder.name for folder in sorted(folders, key=lambda f: -(f / "record.json").stat().st_mtime)]
