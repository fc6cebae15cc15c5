"""What a study found on disk, and the content key of every one of its results.

A record is made once, when a study is resolved against its folders, and kept beside the study file.
From then on results are found by key alone: the checkpoints themselves may be gone.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pandas as pd

from phcore import checkpoints
from phcore.archive.permissions import own_folder
from phcore.archive.store import Store, digest
from phcore.errors import Fault
from phcore.study import Series, Study, measures, probes

BASE = "base"  # the label of the base model among the series
REFUSALS = 1  # version of the list of refusal openings: another list gives other scores
NULL_REPLICATES = 16  # Gaussian clouds per cell and kind: enough for a band of 10 to 90 %, a quarter of the usual work


@dataclass(frozen=True)
class Node:
    """One checkpoint as a study sees it. `label` is its series, or "base"."""

    label: str
    step: int
    kind: str
    path: str
    size: int
    status: str  # "ready", or why it is left out
    finding: str = ""
    fingerprint: str = ""

    @property
    def ready(self) -> bool:
        return self.status == "ready"


@dataclass(frozen=True)
class Record:
    """A resolved study. All keys follow from it; nothing here reads a checkpoint."""

    study: Study
    layers: tuple[int, ...]
    n_layers: int
    hidden_size: int
    n_prompts: int
    probe_digest: str
    tokenizer: str
    nodes: tuple[Node, ...]  # the base first, then each series by step; those left out too
    reference_digest: str = ""  # of the reference answers, where the probe set has any
    scalars: str = ""  # key of the behaviour found in training logs and the user's file; empty: none
    prompts_withheld: bool = False  # the study came from another machine without the texts of its prompts

    # --- what there is --------------------------------------------------------------------------

    @property
    def base(self) -> Node:
        return self.nodes[0]

    @property
    def ready(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.ready)

    def path_of(self, series: str) -> tuple[Node, ...]:
        """The usable checkpoints of one series in order of step, with the base as step 0.

        A series that has a step 0 of its own starts there.
        """
        own = tuple(node for node in self.ready if node.label == series)
        return own if own and own[0].step == 0 else ((self.base,) if self.base.ready else ()) + own

    @property
    def series(self) -> tuple[Series, ...]:
        return self.study.included

    def transitions(self) -> list[tuple[str, Node, Node]]:
        """(series, earlier, later) for each two consecutive checkpoints."""
        paths = ((one.name, self.path_of(one.name)) for one in self.series)
        return [(name, a, b) for name, path in paths for a, b in itertools.pairwise(path)]

    def earlier(self, node: Node) -> tuple[Node, ...]:
        """The usable checkpoints before this one in the order of `nodes`: a row of the distance matrix."""
        ready = self.ready
        return ready[: ready.index(node)]

    # --- keys: everything that could change a number, and nothing else -----------------------------

    def cloud_key(self, node: Node, layer: int) -> str:
        return digest("cloud", node.fingerprint, self._reading, layer)

    def next_key(self, node: Node) -> str:
        return digest("next_tokens", node.fingerprint, self._reading)

    @property
    def _reading(self) -> tuple:
        """How prompts become hidden states."""
        return (self.tokenizer, self.probe_digest, self.study.chat, self.study.dtype)

    def cell_key(self, node: Node, layer: int) -> str:
        """Diagrams and summaries. They are stored at raw scale, so `scale` is not part of it."""
        s = self.study
        how = (s.metric, s.engine, s.subsamples, s.subsample_size, s.seed)
        return digest("cell", self.cloud_key(node, layer), how)

    def floor_key(self, node: Node, layer: int) -> str:
        return digest("floor", self.cell_key(node, layer), self.study.orders, self.study.norm)

    def velocity_key(self, earlier: Node, later: Node, layer: int) -> str:
        pair = (self.cell_key(earlier, layer), self.cell_key(later, layer))
        return digest("velocity", pair, self.study.orders, self.study.norm)

    def distance_key(self, node: Node, layer: int) -> str:
        others = [self.cell_key(other, layer) for other in self.earlier(node)]
        return digest("distance", self.cell_key(node, layer), others, self.study.order, self.study.norm)

    def geometry_key(self, node: Node, layer: int) -> str:
        return digest("geometry", self.cloud_key(node, layer))

    def move_key(self, earlier: Node, later: Node, layer: int) -> str:
        return digest("move", self.cloud_key(earlier, layer), self.cloud_key(later, layer))

    def null_key(self, node: Node, layer: int) -> str:
        s = self.study
        how = (s.metric, s.engine, bool(s.subsamples), s.subsample_size, s.seed, NULL_REPLICATES)
        return digest("null", self.cloud_key(node, layer), how)

    def control_key(self, earlier: Node, later: Node, layer: int) -> str:
        pair = (self.null_key(earlier, layer), self.null_key(later, layer))
        return digest("control", pair, self.study.order, self.study.norm)

    def scores_key(self, node: Node) -> str:
        return digest("scores", self.next_key(node), self.reference_digest, REFUSALS)

    def divergence_key(self, earlier: Node, later: Node) -> str:
        return digest("divergence", self.next_key(earlier), self.next_key(later))

    def sensitivity_key(self, path: tuple[Node, ...], layer: int) -> str:
        s = self.study
        how = (s.metric, s.engine, s.subsamples, s.subsample_size, s.seed, s.order, s.norm)
        return digest("sensitivity", [(self.cloud_key(node, layer), node.step) for node in path], how)

    def numerics_key(self, node: Node, layer: int, kind: str) -> str:
        return digest("numerics", self.cell_key(node, layer), self.study.order, self.study.norm, kind)

    @property
    def reread(self) -> tuple[tuple[Node, str], ...]:
        """What is read twice, and how the second time, for the numerical floor: the base and the last checkpoints."""
        last = (self.path_of(one.name)[-1:] for one in self.series)
        nodes = dict.fromkeys(node for path in ((self.base,), *last) for node in path if node.ready)
        kinds = ("batches", *((self.study.second_dtype,) if self.study.second_dtype else ()))
        return tuple((node, kind) for kind in kinds for node in nodes)

    @property
    def digest(self) -> str:
        """Names the finished tables of this study: other inputs or parameters give another digest."""
        labels = [(one.name, one.objective, one.seed) for one in self.series]
        nodes = [(n.label, n.step, n.kind, n.size, n.status, n.finding, n.fingerprint) for n in self.nodes]
        s = self.study
        how = (s.scale, s.metric, s.engine, s.subsamples, s.subsample_size, s.seed, s.orders, s.order, s.norm)
        how += (s.second_dtype,) if s.second_dtype else ()
        return digest("study", labels, nodes, self.layers, self._reading, how)

    def cells(self) -> pd.DataFrame:
        """One row per cell: series, step, layer, and the keys of its results. The base opens each series."""
        rows = [
            (one.name, node.step, layer, self.cell_key(node, layer), self.floor_key(node, layer))
            for one in self.series
            for node in self.path_of(one.name)
            for layer in self.layers
        ]
        return pd.DataFrame(rows, columns=["series", "step", "layer", "key", "floor_key"])

    def without(self, node: Node, finding: str, status: str = "refused") -> Record:
        """The record after a checkpoint turned out to be unusable."""
        left_out = replace(node, status=status, finding=finding)
        return replace(self, nodes=tuple(left_out if one == node else one for one in self.nodes))

    # --- on disk --------------------------------------------------------------------------------

    def keep(self, store: Store) -> None:
        """Keep the record and its study file in an archive."""
        folder = folder_of(self.study, store)
        store.write_file(folder / "record.json", self.to_json())
        store.write_file(folder / "study.toml", self.study.to_toml().encode())

    def to_json(self) -> bytes:
        plain = asdict(self) | {"study": self.study.to_dict()}
        return json.dumps(plain, indent=1, default=str).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Record:
        """Raises ValueError, TypeError or KeyError for what is no record of this version."""
        plain = json.loads(data)
        study = Study.from_dict(plain.pop("study"))
        nodes = tuple(Node(**node) for node in plain.pop("nodes"))
        return cls(study=study, nodes=nodes, layers=tuple(plain.pop("layers")), **plain)

    @classmethod
    def read(cls, store: Store, name: str) -> Record | None:
        """None where there is no record of this name yet, or one of another version.

        Where the archive is only read also if the study is not served or its folder is a link to another place; what
        is read there is `Public`.
        """
        from phcore.study.redaction import public  # which knows what a record is

        here, folder = store.permissions, folder_of(name, store)
        try:
            if here.read_only and not (here.serves(name) and own_folder(folder)):
                return None
            record = cls.from_json((folder / "record.json").read_bytes())
            return public(record, here, folder) if here.read_only else record
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, TypeError, KeyError):
            return None


def folder_of(study: Study | str, store: Store) -> Path:
    return store.root / "studies" / (study if isinstance(study, str) else study.name)


def resolve(study: Study, store: Store, keep: bool = True, roots: Sequence[Path] = ()) -> Record:
    """Look at a study's folders and fingerprint what is there.

    Parameters
    ----------
    keep : add the study to the archive's list.
    roots : folders that links in the study's folders may lead to.

    Raises
    ------
    Fault
        where the base model, the probe set or a series folder cannot be used at all. A single bad
        checkpoint does not raise: it stays in the record with its finding.
    """
    store.refuse_writing("look at checkpoints")
    model = checkpoints.describe_model(study.model)
    if model.status != "ready":
        raise Fault(model.finding.rstrip("."), "Pick another base model", study.model)
    if any(layer > model.n_layers for layer in study.layers):
        raise Fault(
            f"layer {max(study.layers)} was asked for, and the model has {model.n_layers}",
            f"Choose layers from 0 to {model.n_layers}",
            study.model,
        )
    probe_set = probes.load(study.probes)
    keep_probes(probe_set, store)

    memory = store.root / "fingerprints.json"
    base = checkpoints.Checkpoint.of_base(study.model)
    base_print = checkpoints.fingerprint(base, None, memory)
    nodes = [Node(BASE, 0, "base", str(study.model), base.size, "ready", "", base_print)]
    refused = _known_refusals(Record.read(store, study.name))
    for series in study.included:
        for one in _found(series, study, roots):
            node = Node(series.name, one.step, one.kind, str(one.path), one.size, one.status, one.finding)
            if node.ready:
                node = replace(node, fingerprint=checkpoints.fingerprint(one, base, memory))
                if node.fingerprint in refused:
                    node = replace(node, status="refused", finding=refused[node.fingerprint])
            nodes.append(node)
    record = Record(
        study=study,
        layers=study.layers or tuple(checkpoints.default_layers(model.n_layers)),
        n_layers=model.n_layers,
        hidden_size=model.hidden_size,
        n_prompts=len(probe_set.prompts),
        probe_digest=probe_set.digest,
        tokenizer=checkpoints.tokenizer_digest(study.model),
        nodes=tuple(nodes),
        reference_digest=probe_set.reference_digest,
    )
    record = replace(record, scalars=measures.keep(record, store))
    if keep:
        previous = Record.read(store, study.name)
        if previous and _unrelated(previous.study, study):
            raise Fault(
                f"another study is called {study.name}: on {previous.study.model.name}, from other folders",
                "Choose another name",
            )
        record.keep(store)
    return record


def _unrelated(a: Study, b: Study) -> bool:
    """Another model and no folder in common: not an edited study, but another one of the same name."""
    return a.model != b.model and not {one.path for one in a.series} & {one.path for one in b.series}


def keep_probes(probe_set: probes.ProbeSet, store: Store) -> None:
    """Keep the prompts beside the results, so that a bar leads back to its prompts on any machine."""
    # Categories do not change a cloud and so are not in the digest, but may be corrected: always rewritten.
    frame = pd.DataFrame(
        {
            "prompt": range(len(probe_set.prompts)),
            "text": probe_set.prompts,
            "category": probe_set.categories,
            "reference": probe_set.references,
        }
    )
    store.write("probes", probe_set.digest, frame)


def _found(series: Series, study: Study, roots: Sequence[Path]) -> list[checkpoints.Checkpoint]:
    found = checkpoints.scan(series.path, study.model, [series.path, *roots])
    here = [one for one in found if Path(one.path).resolve() == series.path.resolve()]
    if not here:
        raise Fault("there is no checkpoint in this folder", "Pick the folder that holds them", series.path)
    return here[0].checkpoints


def _known_refusals(previous: Record | None) -> dict[str, str]:
    """Checkpoints that loading refused before: the same bytes would be refused again."""
    nodes = previous.nodes if previous else ()
    return {n.fingerprint: n.finding for n in nodes if n.status == "refused" and n.fingerprint}
