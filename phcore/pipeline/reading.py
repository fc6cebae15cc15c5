"""Readings of models: what is taken of a checkpoint, everything that is missing of it in one pass. Torch is imported
here, when there is something to read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np
import pyarrow as pa

from phcore import checkpoints as on_disk
from phcore.archive.store import Store
from phcore.checkpoints.formats import weight_files
from phcore.errors import Fault, Unusable
from phcore.pipeline.ahead import read_ahead
from phcore.pipeline.order import reading_order
from phcore.pipeline.plan import File, Unit
from phcore.stages.registry import results
from phcore.study import Study, devices, probes
from phcore.study.definition import PACKED
from phcore.study.record import BATCHES, LIVE, Node, Record
from phcore.study.resolve import fingerprint

SHIFTED = "distances are others than in a number format of 16 or 32 bits, by more than rounding"
OTHER_BATCH = 300 / 1024  # of the usual one


class Cancelled(Exception):
    """The user asked to stop. Everything finished so far is in the archive."""


class NotItsFault(BaseException):
    """What happened elsewhere while a checkpoint was read: no reason to leave that checkpoint out."""

    def __init__(self, error: Exception):
        super().__init__(error)
        self.error = error


@dataclass(frozen=True)
class Checkpoint:
    """What is missing of one checkpoint.

    Attributes
    ----------
    reading : empty for the first; see `Record.second_readings`.
    """

    node: Node
    reading: str
    units: tuple[Unit, ...]

    @property
    def words(self) -> str:
        return f"{self.node.label}, step {self.node.step}"


@dataclass(frozen=True)
class Taken:
    """What a reading gave, and how long it took. `notes` are sentences on what had to be done otherwise."""

    files: dict[File, pa.Table]
    notes: list[str]
    seconds: float


@dataclass(frozen=True)
class Read:
    """What a reading put into the archive, and how long it took; empty where another process was quicker."""

    units: tuple[Unit, ...]
    notes: tuple[str, ...]
    seconds: float


def checkpoints(record: Record, units: list[Unit]) -> list[Checkpoint]:
    """The units of readings by checkpoint: first readings first, each kind in the order of `order.reading_order`."""
    order = {node: number for number, node in enumerate(reading_order(record))}

    def which(unit: Unit) -> tuple:
        return (unit.place.reading != "", unit.place.reading, order[unit.place.nodes[0]])

    groups = groupby(sorted(units, key=which), key=which)
    return [
        Checkpoint(some[0].place.nodes[0], some[0].place.reading, some) for _, one in groups for some in [tuple(one)]
    ]


class Readings:
    """Reads checkpoints of one study, one after the other; adapters are swapped on one loaded base.

        with Readings(record, store) as readings:
            readings.read(checkpoint)

    Parameters
    ----------
    device : what models run on; by default what the environment or the study asks for.

    Raises
    ------
    Fault : where the probe set or the tokenizer is no longer that of the record, or the device is not there.
    """

    def __init__(self, record: Record, store: Store, device: str | None = None):
        from phcore import activations

        self.record, self.store = record, store
        self.asked = asked_of(record)
        self._device = device or devices.wanted(record.study.device)
        self._base = on_disk.state(record.study.model)
        self._loader = activations.Loader(record.study.model, record.study.dtype, self._device)

    def __enter__(self) -> Readings:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the memory back."""
        self._loader.close()

    def read(
        self,
        one: Checkpoint,
        progress: Callable[[float], None] = lambda share: None,
        cancelled: Callable[[], bool] = lambda: False,
        following: Checkpoint | None = None,
    ) -> Read:
        """Write what the archive lacks of a checkpoint.

        Parameters
        ----------
        following : what is read next: its files are read ahead meanwhile.

        Raises
        ------
        Fault : where the checkpoint cannot be used or is no longer the one of the record.
        NotItsFault : where it is not the checkpoint that is at fault.
        Cancelled : where `cancelled` returned True.
        """
        units = [unit for unit in one.units if not self.store.has(*unit.file)]  # another process may be quicker
        if not units:
            return Read((), (), 0.0)
        taken = self.take(one, progress, cancelled, following)
        try:
            for unit in units:
                self.store.write(*unit.file, taken.files[unit.file])
        except Fault as fault:
            raise NotItsFault(fault) from fault
        return Read(tuple(units), tuple(taken.notes), taken.seconds)

    def take(
        self,
        one: Checkpoint,
        progress: Callable[[float], None] = lambda share: None,
        cancelled: Callable[[], bool] = lambda: False,
        following: Checkpoint | None = None,
    ) -> Taken:
        """The same, without keeping any of it."""
        if one.node.kind == LIVE:
            raise Fault(
                "it was looked at while it was trained, and what was read of it then is not in the archive any more",
                "Train it again with the callback, or save its checkpoints",
                one.node.path,
            )
        try:
            with _unchanged(self.record, one.node, self._base, self.store):
                return self._taken(one, following, progress=progress, cancelled=cancelled)
        except (Fault, Cancelled):
            raise
        except Exception as error:  # anything: models come from anywhere
            words = f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else 'no reason given'}"
            raise Fault(f"it cannot be read ({words})", "Check that transformers runs this model") from error

    def _taken(self, one: Checkpoint, following: Checkpoint | None, **how) -> Taken:
        from phcore import activations

        asked, started = self.asked, time.monotonic()
        if all(results()[unit.name].part == "lengths" for unit in one.units):  # no model has to be opened for them
            files = {unit.file: table_of(unit, {"lengths": asked.lengths}) for unit in one.units}
            return Taken(files, [], time.monotonic() - started)
        layers = sorted({unit.place.layer for unit in one.units} - {None}) or list(self.record.layers[:1])
        loader = self._loader_for(one.reading)
        try:
            model = loader.open(one.node.path, one.node.kind)
            with read_ahead(_whole_files(following)):
                parts, notes = self._parts(model, one, layers, **how)
        except activations.Stopped:
            raise Cancelled from None
        own = [*loader.notes, *activations.not_finite(parts["states"])]
        notes = [*(f"{one.words}: {note}" for note in own), *notes]
        if loader.dtype in PACKED:
            notes.append(f"Models were read with weights of {loader.dtype[3:]} bits: {SHIFTED}.")
        return Taken({unit.file: table_of(unit, parts) for unit in one.units}, notes, time.monotonic() - started)

    def _parts(self, model, one: Checkpoint, layers: list[int], **how) -> tuple[dict[str, object], list[str]]:
        from phcore import activations

        if not one.reading:
            return first_reading(model, self.asked, layers, **how)
        batch = {"batch_tokens": int(OTHER_BATCH * activations.budget(model))} if one.reading == BATCHES else {}
        turned = self.asked.pooling.reversed()
        taken = activations.extract(model, turned.token_ids, layers, spans=turned.spans, **how, **batch)
        return {"states": {layer: cloud[::-1] for layer, cloud in taken.clouds.items()}}, taken.notes

    def _loader_for(self, reading: str):
        """With the base in the number format of a reading: two of them need not fit into memory."""
        study = self.record.study
        dtype = study.dtype if reading in ("", BATCHES) else reading
        if self._loader.dtype != dtype:
            self._loader.close()
            self._loader = type(self._loader)(study.model, dtype, self._device)
        return self._loader


def _whole_files(following: Checkpoint | None) -> list[Path]:
    """The weights of the checkpoint that is read next, where it is a whole model: adapters are small."""
    if following is None or following.node.kind in ("base", "adapter", LIVE):
        return []
    try:
        return weight_files(Path(following.node.path))
    except Fault:  # it is said once its turn has come
        return []


@dataclass(frozen=True)
class Asked:
    """What a study asks of every model, as the token ids of its tokenizer.

    Attributes
    ----------
    tokens : of each prompt. openings, references : of refusals and of reference answers.
    lengths : what `activations.lengths` says of the prompts.
    pooling : what the rows of clouds are read from. chosen : prompts whose every token is kept.
    answered : token ids of the prompts whose answers are kept, by number. tokenizer : for these; None without any.
    """

    tokens: list[list[int]]
    openings: list[list[int]]
    references: list[list[int]]
    lengths: object
    pooling: object
    chosen: dict
    answered: dict[int, list[int]]
    tokenizer: object = None

    @classmethod
    def of(cls, study: Study, probe_set: probes.ProbeSet) -> Asked:
        """Raises a Fault where the tokenizer cannot be used."""
        from phcore import activations

        tokens = activations.encode(study.model, probe_set.prompts, chat=study.chat)
        references = activations.reference_tokens(study.model, probe_set.references, study.chat)
        return cls(
            tokens,
            activations.refusal_tokens(study.model, study.chat),
            references,
            activations.lengths(study.model, probe_set.prompts),
            _pooling(study, probe_set, tokens, references),
            activations.every_token(study.model, probe_set.prompts, study.chat, study.tokens),
            {number: tokens[number] for number in study.answers},
            activations.load_tokenizer(study.model) if study.answers else None,
        )

    def only(self, numbers: list[int]) -> Asked:
        """The same of some prompts, without those of which more is kept."""

        def of(several: Sequence) -> list:
            return [several[number] for number in numbers]

        tokens, pooling = of(self.tokens), self.pooling
        read = tokens if pooling.token_ids is self.tokens else of(pooling.token_ids)
        pooling = replace(pooling, token_ids=read, spans=pooling.spans and of(pooling.spans))
        return replace(self, tokens=tokens, references=of(self.references), pooling=pooling, chosen={}, answered={})


def asked_of(record: Record) -> Asked:
    """Raises a Fault where the probe set or the tokenizer is no longer that of the record, or cannot be used."""
    asked = Asked.of(record.study, _same_probes(record))
    _same_probes(record)  # nor did anything change while it was read
    return asked


def first_reading(model, asked: Asked, layers: list[int], **how) -> tuple[dict[str, object], list[str]]:
    """All parts of a reading by name, and notes: always all of it, so that the same checkpoint gives the same bytes
    whatever is missing."""
    from phcore import activations

    here = asked.pooling.spans if asked.pooling.token_ids is asked.tokens else None
    kept = {"spans": here, "tokens": asked.chosen}
    taken, said = activations.read(model, asked.tokens, layers, asked.openings, asked.references, **kept, **how)
    notes, states = [*taken.notes, *said.notes], taken.clouds
    if asked.pooling.token_ids is not asked.tokens:  # other texts: the next words are still those of the prompts alone
        other = activations.extract(model, asked.pooling.token_ids, layers, spans=asked.pooling.spans, **how)
        notes, states = [*notes, *other.notes], other.clouds
    parts = {"states": states, "next_tokens": taken, "scores": said, "lengths": asked.lengths}
    if asked.answered:
        parts["answers"] = activations.greedy(model, asked.tokenizer, asked.answered, cancelled=how.get("cancelled"))
    return parts | {"tokens": _placed(taken.tokens, asked.chosen)}, notes


def stand_ins(asked: Asked, parts: dict[str, object], layer: int, n: int) -> dict[str, object]:
    """Parts of a reading of n prompts at one layer, as like the real ones as those of a sample allow: to time with.

    A row between two of the sample stands for a prompt that was not read.
    """
    rows, extraction = parts["states"][layer], parts["next_tokens"]
    rng = np.random.default_rng(0)

    def between(count: int) -> np.ndarray:
        a, b = rng.integers(len(rows), size=(2, count))
        return (rows[a] + rng.random((count, 1), np.float32) * (rows[b] - rows[a])).astype(np.float32)

    cloud = rows[:n] if len(rows) >= n else np.concatenate([rows, between(n - len(rows))])
    roots = np.resize(extraction.next_roots, (n, extraction.next_roots.shape[1]))
    found = {
        "states": {layer: cloud},
        "next_tokens": replace(extraction, next_roots=roots),
        "lengths": asked.lengths[:n],
    }
    if asked.chosen:
        found["tokens"] = {
            layer: {number: (first, between(behind - first)) for number, (first, behind) in asked.chosen.items()}
        }
    return found


def _pooling(study: Study, probe_set: probes.ProbeSet, tokens: list[list[int]], references: list[list[int]]):
    """What the rows of the clouds are read from, and how; see `activations.pooling`."""
    from phcore import activations

    if study.pooling == "mean":
        return activations.of_own_text(study.model, probe_set.prompts, tokens, study.chat)
    if study.pooling == "answer":
        return activations.of_answers(study.model, tokens, references, study.answer_tokens)
    return activations.of_last(tokens)


def _placed(tokens: dict[int, dict[int, np.ndarray]], spans: dict[int, tuple[int, int]]) -> dict:
    """By layer and prompt, the place of its first token, and their hidden states (k, d)."""
    return {
        layer: {number: (spans[number][0], states) for number, states in sorted(by_prompt.items())}
        for layer, by_prompt in tokens.items()
    }


def _same_probes(record: Record) -> probes.ProbeSet:
    """The probe set, the tokenizer too, as they were when the study was looked up."""
    found = probes.load(record.study.probes)
    kept = (record.probe_digest, record.category_digest, record.reference_digest)
    if (found.digest, found.category_digest, found.reference_digest) != kept:
        raise Fault("the probe set changed after this computation began", "Compute again", record.study.probes)
    if on_disk.tokenizer_digest(record.study.model) != record.tokenizer:
        raise Fault("the tokenizer changed after this computation began", "Compute again", record.study.model)
    return found


@contextmanager
def _unchanged(record: Record, node: Node, base: tuple, store: Store) -> Iterator[None]:
    """What is read inside is what the record names, from the first byte to the last: results are kept under its
    fingerprint, and so are refusals.

    Parameters
    ----------
    base : state of the base model before it was loaded.
    """
    mend = "Compute again once the checkpoint is written"
    changed = Fault("the weights changed while they were read", mend, node.path)
    before = on_disk.state(node.path)
    with on_disk.noting() as opened:
        try:
            yield
        except Unusable as verdict:
            if not _still(record, node, before, base, opened, store):
                raise changed from verdict
            raise
    if not _still(record, node, before, base, opened, store):
        raise changed


def _still(record: Record, node: Node, before: tuple, base: tuple, opened: set[tuple], store: Store) -> bool:
    try:
        same = on_disk.state(node.path) == before and on_disk.state(record.study.model) == base
        same = same and not on_disk.elsewhere(opened, {*before, *base})
        return same and fingerprint(record.study, node, store) == node.fingerprint
    except Fault:
        return False


def table_of(unit: Unit, parts: dict[str, object]) -> pa.Table:
    """What a part of a reading is in the archive."""
    result = results()[unit.name]
    where = {} if unit.place.layer is None else {"layer": unit.place.layer}
    return result.compute(parts[result.part], **where)
