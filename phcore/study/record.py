"""What a study found on disk: data only. Every result follows from it, and the checkpoints themselves may be gone."""

from __future__ import annotations

import functools
import itertools
import json
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from phcore.archive.addresses import is_address, local
from phcore.archive.store import digest
from phcore.archive.typed import from_json, typed
from phcore.errors import Fault
from phcore.formatting import named
from phcore.study.definition import Series, Study

BASE = "base"  # the label of the base model among the series
NEEDED, ALL = "needed", "all"  # pairs of checkpoints that are compared: see `phcore.study.pairs`
BATCHES = "batches"  # a second reading that takes the prompts in other batches; others are named by a number format
LIVE = "live"  # kind of a checkpoint that was looked at while it was trained, and lies in no folder
TOP, WHOLE = "top", "whole"  # of next-token distributions: their 512 most probable tokens, as until 0.4, or all
MOST_SAMPLED = 160  # prompts in a subsample, where the study leaves it open
FORMAT = 2  # of what is written: records without one are of version 0.3 or earlier


class Newer(Fault):
    """What a later version wrote, and is left alone."""


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
    judged_by: str = ""  # versions of the libraries that refused it
    learned: float | None = None  # sum of the learning rates of all steps up to here; None: no log says it
    ends: str = ""  # the tokens that end an answer, where a whole model's folder says it: see `checkpoints.end_tokens`

    def __post_init__(self) -> None:
        if is_address(self.path):
            object.__setattr__(self, "path", str(local(self.path)))

    def __hash__(self) -> int:
        """Of what tells checkpoints apart: names of results are made of some hundred thousand of these."""
        return hash((self.label, self.step, self.fingerprint))

    @property
    def ready(self) -> bool:
        return self.status == "ready"


@dataclass(frozen=True)
class Record:
    """A study resolved against its folders."""

    study: Study
    layers: tuple[int, ...]
    n_layers: int
    hidden_size: int
    n_prompts: int
    probe_digest: str
    tokenizer: str
    nodes: tuple[Node, ...]  # the base first, then each series by step; those left out too
    reference_digest: str = ""  # of the reference answers, where the probe set has any
    category_digest: str = ""  # of the categories of its prompts, where it has any
    scalars: str = ""  # key of the behaviour found in training logs and the user's file; empty: none
    prompts_withheld: bool = False  # the study came from another machine without the texts of its prompts
    pairs: str = NEEDED  # or ALL, once somebody asked for them
    next_tokens: str = WHOLE  # what is kept of their distributions

    @property
    def base(self) -> Node:
        return self.nodes[0]

    @functools.cached_property  # keys and places ask for it thousands of times
    def ready(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.ready)

    @property
    def series(self) -> tuple[Series, ...]:
        return self.study.included

    def path_of(self, series: str) -> tuple[Node, ...]:
        """The usable checkpoints of one series in order of step, with the base as step 0.

        A series that has a step 0 of its own starts there.
        """
        own = tuple(node for node in self.ready if node.label == series)
        return own if own and own[0].step == 0 else ((self.base,) if self.base.ready else ()) + own

    def transitions(self) -> list[tuple[str, Node, Node]]:
        """(series, earlier, later) for each two consecutive checkpoints."""
        paths = ((one.name, self.path_of(one.name)) for one in self.series)
        return [(name, a, b) for name, path in paths for a, b in itertools.pairwise(path)]

    @property
    def second_readings(self) -> tuple[tuple[Node, str], ...]:
        """What is read twice, and how the second time, for the numerical noise: the base and the last checkpoints."""
        last = (self.path_of(one.name)[-1:] for one in self.series)
        ends = (node for path in ((self.base,), *last) for node in path)
        nodes = dict.fromkeys(node for node in ends if node.ready and node.kind != LIVE)  # gone: read once
        kinds = (BATCHES, *((self.study.second_dtype,) if self.study.second_dtype else ()))
        return tuple((node, kind) for kind in kinds for node in nodes)

    @property
    def subsample_size(self) -> int:
        """Prompts in a subsample as the study says; where it does not, half of the prompts, at most `MOST_SAMPLED`.

        A probe set of fewer than eight prompts gives as many as a loop needs, if it has them.
        """
        half = min(MOST_SAMPLED, self.n_prompts // 2)
        return self.study.subsample_size or max(half, min(4, self.n_prompts - 1), 1)

    @property
    def pooling(self) -> tuple[str, ...]:
        """What the rows of clouds depend on beside the prompts: of the answers, how many tokens, and their texts."""
        s = self.study
        more = (str(s.answer_tokens), self.reference_digest) if s.pooling == "answer" else ()
        return (s.pooling, *more)

    @property
    def probes_key(self) -> str:
        """Names the prompts, categories and references as they are kept in the archive."""
        return digest("probes", self.probe_digest, self.category_digest, self.reference_digest)

    @property
    def digest(self) -> str:
        """Of everything that can change a number of the study, without any place: copies elsewhere have the same."""
        labels = [(one.name, one.objective, one.seed) for one in self.series]
        nodes = [(n.label, n.step, n.kind, n.size, n.status, n.fingerprint) for n in self.nodes]
        s = self.study
        how = (s.chat, s.dtype, s.second_dtype, s.scale, s.metric, s.engine, s.subsamples, self.subsample_size, s.seed)
        probes = (self.probe_digest, self.category_digest, self.reference_digest)
        # What could not be said in earlier versions stands here only where it is said.
        later = () if s.pooling == "last" else (self.pooling,)
        later += () if self.next_tokens == TOP else (self.next_tokens,)
        later += (("tokens", s.tokens),) if s.tokens else ()
        later += (("answers", s.answers),) if s.answers else ()
        return digest("study", labels, nodes, self.layers, self.tokenizer, probes, how, s.order, s.norm, *later)

    def without(self, node: Node, finding: str, status: str = "refused", judged_by: str = "") -> Record:
        """The record after a checkpoint turned out to be unusable."""
        left_out = replace(node, status=status, finding=finding, judged_by=judged_by)
        return replace(self, nodes=tuple(left_out if one == node else one for one in self.nodes))

    def __post_init__(self) -> None:
        if not self.nodes or self.nodes[0].label != BASE:
            raise Fault("a record without its base model", "Compute the study again")
        if min(self.n_layers, self.hidden_size, self.n_prompts, *self.layers, *(n.step for n in self.nodes)) < 0:
            raise Fault("a record with negative numbers", "Compute the study again")
        if self.pairs not in (NEEDED, ALL):
            raise Fault(f"a record of {self.pairs!r} pairs", "Compute the study again")
        if self.next_tokens not in (TOP, WHOLE):
            raise Fault(f"a record of {self.next_tokens!r} next tokens", "Compute the study again")

    # --- as text --------------------------------------------------------------------------------

    def to_json(self) -> bytes:
        nodes = [asdict(one) | {"path": named(one.path), "finding": named(one.finding)} for one in self.nodes]
        plain = {"format": FORMAT} | asdict(self) | {"study": self.study.to_dict(), "nodes": nodes}
        return json.dumps(plain, indent=1, default=str).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Record:
        """Raises a Fault for what is no record of this format."""
        plain = from_json(data, dict[str, Any])
        found = plain.pop("format", None)
        if isinstance(found, int) and found > FORMAT:
            raise Newer("it was computed by a newer version of Toposcope", "Update Toposcope; nothing was changed")
        if found != FORMAT:
            raise Fault("it has no record of this version", "Compute the study again")
        return cls.from_plain(plain)

    @classmethod
    def from_plain(cls, plain: dict) -> Record:
        """Of the values in a record's JSON, without the format. Raises a Fault where they are none."""
        if unknown := sorted(typed(plain, dict[str, Any]).keys() - {one.name for one in fields(cls)}):
            raise Fault(f"it has an unknown key {unknown[0]!r}", "Compute the study again")
        # A record that does not say was made when all pairs were computed, and the most probable tokens were kept.
        return typed({"pairs": ALL, "next_tokens": TOP} | plain, cls)
