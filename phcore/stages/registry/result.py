"""What a result is: the one declaration that plan, progress, estimate, pack, tables and documentation are read from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from phcore.errors import Fault
from phcore.study.record import Node, Record

# --- what one archive file of a result is for ---------------------------------------------------------

CHECKPOINT = "checkpoint"
CELL = "cell"  # a checkpoint at a layer
ANSWERED = "chosen prompts at a checkpoint"  # a checkpoint of a study that looks at what is answered to some prompts
TOKEN_CELL = "chosen prompts at a cell"  # a cell of a study that looks at every token of some prompts
FROM_BASE = "checkpoint against its base"  # a checkpoint of a series, after the step 0 that the series starts from
ON_BASE = "cell on the first of its series"  # which is the base, where the series starts there
TRANSITION = "transition"  # two consecutive checkpoints of a series
TRANSITION_LAYER = "transition at a layer"
PAIR_LAYER = "pair at a layer"  # two checkpoints that the study compares: see `phcore.study.pairs`
SECOND_READING = "second reading of a cell"
STUDY = "study"

# --- what many tables share: the order of their rows, and words for their columns ---------------------

ROWS = ("step", "layer", "kind", "subsample", "replicate", "degree", "order", "scale", "birth", "death")
CELL_WORDS = {
    "series": "name of the series",
    "step": "training step of the checkpoint; 0 is the base model",
    "layer": "hidden_states index: 0 = embeddings, the last = after the final norm",
}
DISTANCE_WORDS = {
    "degree": "0 (connected components) or 1 (loops)",
    "order": "order p of the Wasserstein distance: 1, 2 or inf (bottleneck)",
    "norm": "ground norm q on the birth-death plane",
    "scale": "raw, or median (diagrams divided by their cloud's median pairwise distance)",
}
TRANSITION_WORDS = {
    "series": "name of the series",
    "step_from": "step of the earlier checkpoint",
    "step": "step of the later checkpoint",
    "layer": CELL_WORDS["layer"],
}
PAIR_WORDS = {"series_a": "one of two series", "series_b": "the other"}
SUBSAMPLE_WORDS = {"subsample": "number of the index set; -1 is the whole cloud"}


def words(*columns: str) -> dict[str, str]:
    """Words for some columns of a cell and of a distance."""
    return {name: (CELL_WORDS | DISTANCE_WORDS)[name] for name in columns}


class Missing(Fault):
    """A result that something is made from is not in the archive, or was damaged and set aside just now."""


@dataclass(frozen=True)
class Place:
    """What one archive file is for.

    Attributes
    ----------
    nodes : its checkpoints, in order; none for a whole study.
    layer : None where the result has none.
    reading : how a checkpoint is read a second time; empty for the first.
    """

    nodes: tuple[Node, ...] = ()
    layer: int | None = None
    reading: str = ""

    @property
    def words(self) -> str:
        """For progress: helpful, step 4, layer 18."""
        if not self.nodes:
            return "whole study"
        last = self.nodes[-1]
        return f"{last.label}, step {last.step}" + (f", layer {self.layer}" if self.layer is not None else "")


WHOLE_STUDY = Place()


@dataclass(frozen=True)
class Result:
    """One kind of archive file. Its key is a digest of `name`, `version`, `settings`, the values of `parameters` and
    `inputs`, and the keys of what it needs: whatever can change a number gives another file.

    Attributes
    ----------
    name : of the result, and of its folder in the archive.
    label : what progress calls it; several results may share one.
    per : what one file is for.
    version : of the definition. Raise it whenever the same inputs give other numbers.
    needs : names of results it is made from, each taken at the checkpoints of its place.
    parameters : what `compute` is given by name: attributes of the study, or facts (see `keys.FACTS`).
    inputs : facts that change numbers but are not given to `compute`.
    settings : constants of the definition, given to `compute` by name.
    compute : (one keyword per need, parameter and setting) -> Arrow table. A need holds one value, or a tuple of them
        where the place has several checkpoints.
    part : for what is read from a model: which part of a reading it keeps ("states", "tokens", "next_tokens",
        "scores", "answers", or "lengths", for which no model has to be opened).
        `compute` is then given that part, and the layer where it has one. Models are read one after another.
    decode : what another result is given of it, from its Arrow table.
    intermediate : only wanted while something that is made from it is missing; left behind by packs.
    shown : wanted all the same, because pages lead back to it.
    first : what a page shows of one cell: computed before all else at the first checkpoints (see `pipeline.order`).
    stands_in : from its decoded value, one as of another checkpoint, for estimates.
    size : record -> bytes of one file, about; for estimates.
    """

    name: str
    label: str
    per: str
    compute: Callable[..., pa.Table]
    version: int = 1
    needs: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    part: str = ""
    decode: Callable[[pa.Table], Any] = lambda table: table
    intermediate: bool = False
    shown: bool = False
    first: bool = False
    stands_in: Callable[[Any], Any] = lambda value: value
    size: Callable[[Record], int] = lambda record: 4_000  # a few rows, most of it the file's own footer

    @property
    def reads_a_model(self) -> bool:
        return bool(self.part)


@dataclass(frozen=True)
class Table:
    """One documented table of a study. Its key is made as a result's.

    Attributes
    ----------
    name : by which it is asked for.
    columns : column -> what it holds, in words.
    gathers : the result whose files it holds, each row with the labels of its place in front.
    select : SQL of the columns that are gathered (the file is `t`).
    needs : names of other tables it is made from.
    parameters, inputs, settings, version : as of a result.
    compute : (`rows` of the gathered files, one keyword per need, parameter and setting) -> DataFrame. None: the
        gathered rows as they are.
    order : columns that rows are sorted by, after the study's order of series; None leaves them as they come.
    published : kept as a file of its own when the study is finished. Otherwise it is put together at every reading,
        because that takes no time or rests on what may change without the study.
    live : whether there is something to see of it before the study is finished.
    evidence : judges other tables; a study is complete without it, and finished with it.
    later : measured since 0.4: a study of before whose readings are gone is finished without it.
    """

    name: str
    columns: Mapping[str, str]
    gathers: str = ""
    select: str = "t.*"
    needs: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1
    compute: Callable[..., Any] | None = None
    order: tuple[str, ...] | None = None
    published: bool = True
    live: bool = True
    evidence: bool = False
    later: bool = False
