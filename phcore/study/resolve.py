"""A study looked up in its folders: what is there, fingerprinted once, and kept from then on."""

from collections.abc import Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pandas as pd

from phcore import checkpoints
from phcore.archive.store import Store
from phcore.checkpoints import mirror
from phcore.errors import Fault
from phcore.formatting import real_path
from phcore.study import measures, probes
from phcore.study.definition import Series, Study
from phcore.study.kept import folder_of, keep_with_looks
from phcore.study.kept import keep as keep_record
from phcore.study.kept import previous as previous_record
from phcore.study.limits import refuse_too_many
from phcore.study.record import BASE, LIVE, NEEDED, Node, Record

LOADING = 2  # of `phcore.activations.loading`: raised where it takes what it refused


def resolve(
    study: Study,
    store: Store,
    keep: bool = True,
    roots: Sequence[Path] = (),
    known: Sequence[Node] | None = None,
) -> Record:
    """Look at a study's folders and fingerprint what is there.

    Parameters
    ----------
    keep : add the study to the archive's list.
    roots : folders that links in the study's folders may lead to, and mirrors of addresses that may be asked for.
    known : checkpoints of the series where no folder holds them: those that were looked at while they were trained.

    Raises
    ------
    Fault : where the base model, the probe set or a series folder cannot be used at all. A single bad checkpoint does
        not raise: it stays in the record with its finding.
    """
    store.refuse_writing("look at checkpoints")
    study = study.placed(Path.cwd())
    previous = previous_record(store, study.name)
    for place in (study.model, *(one.path for one in study.included if known is None)):
        mirror.bring(place, roots)
    if not study.model.is_dir():
        here = "" if previous is None else "; its results are in the archive, and can be read"
        mend = "To compute it, say in the study file where the model lies: model = ..."
        raise Fault(f"the base model of {study.name} is not on this machine{here}", mend, study.model)
    model = checkpoints.describe_model(study.model)
    if model.status != "ready":
        fault, _, mend = model.finding.rstrip(".").partition(". ")
        raise Fault(fault, mend or "Pick another base model", study.model)
    check_layers(study, model)
    probe_set = probes.load(study.probes)
    refuse_too_many(len(probe_set.prompts))
    _refuse_without_answers(study, probe_set)
    _refuse_unknown_prompts(study, len(probe_set.prompts))
    record = Record(
        study=study,
        layers=study.layers or tuple(checkpoints.default_layers(model.n_layers)),
        n_layers=model.n_layers,
        hidden_size=model.hidden_size,
        n_prompts=len(probe_set.prompts),
        probe_digest=probe_set.digest,
        tokenizer=checkpoints.tokenizer_digest(study.model),
        nodes=_nodes(study, store, previous, roots, known),
        reference_digest=probe_set.reference_digest,
        category_digest=probe_set.category_digest,
        pairs=previous.pairs if previous else NEEDED,
    )
    keep_probes(probe_set, record, store)
    record = replace(record, scalars=measures.keep(record, store))
    if keep:
        if previous and _unrelated(previous, record):
            raise Fault(
                f"another study is called {study.name}: on {previous.study.model.name}, from other folders",
                "Choose another name",
            )
        if known is None:
            return keep_with_looks(record, previous, store)
        keep_record(record, store)
    return record


def check_layers(study: Study, model: checkpoints.Model) -> None:
    """Raise a Fault where a study asks for a layer that its model does not have."""
    if any(layer > model.n_layers for layer in study.layers):
        raise Fault(
            f"layer {max(study.layers)} was asked for, and the model has {model.n_layers}",
            f"Choose layers from 0 to {model.n_layers}",
            study.model,
        )


def _refuse_without_answers(study: Study, probe_set: probes.ProbeSet) -> None:
    """Raise a Fault where the cloud is of answers, and a prompt has none."""
    without = sum(not one for one in probe_set.references)
    if study.pooling == "answer" and without:
        raise Fault(
            f"{without:,} of {len(probe_set.references):,} prompts have no reference answer, and pooling = answer "
            "reads the tokens of one for each",
            "Give the probe set a column `reference`, or choose pooling = last or mean",
        )


def _refuse_unknown_prompts(study: Study, count: int) -> None:
    """Raise a Fault where tokens or answers are asked for of a prompt that there is not."""
    for what in ("tokens", "answers"):
        last = max(getattr(study, what), default=0)
        if last >= count:
            raise Fault(
                f"{what} names prompt {last:,}, and the probe set has {count:,}, the first of which is 0",
                f"Choose numbers from 0 to {count - 1:,}",
            )


def _nodes(
    study: Study, store: Store, previous: Record | None, roots: Sequence[Path], known: Sequence[Node] | None
) -> tuple[Node, ...]:
    """The base and the checkpoints of each series; those that loading refused before are left out at once."""
    base, refused = checkpoints.Checkpoint.of_base(study.model), _known_refusals(previous)
    first = Node(BASE, 0, "base", str(study.model), base.size, "ready")
    ends = checkpoints.end_tokens(study.model)
    nodes = [replace(first, fingerprint=fingerprint(study, first, store), ends=ends)]
    if known is not None:
        return (*nodes, *known)
    for series in study.included:
        live = _looked_at(series, previous)
        found = _found(series, study, roots, needed=not live)
        learned = measures.learned([(one.step, Path(one.path)) for one in found])
        own = []
        for one in found:
            node = Node(series.name, one.step, one.kind, str(one.path), one.size, one.status, one.finding)
            own_ends = ends if one.kind == "adapter" else checkpoints.end_tokens(one.path)
            node = replace(node, learned=learned.get(one.step), ends=own_ends)
            own.append(_printed(node, study, store, refused) if node.ready else node)
        saved = {node.step for node in own}
        own += [node for node in live if node.step not in saved]
        nodes += _once(sorted(own, key=lambda node: node.step), nodes[0])
    return tuple(nodes)


def _looked_at(series: Series, previous: Record | None) -> list[Node]:
    """Checkpoints of a series that were looked at while it was trained: they lie in no folder, and stay."""
    nodes = previous.nodes if previous else ()
    return [node for node in nodes if node.label == series.name and node.kind == LIVE]


def _once(nodes: list[Node], base: Node) -> list[Node]:
    """The same weights at several steps are one point, and those of the base its step 0."""
    first: dict[str, str] = {base.fingerprint: ""}
    kept = []
    for node in nodes:
        if node.ready and (known := first.get(node.fingerprint)) is not None:
            words = checkpoints.repeated(known) if known else checkpoints.IS_BASE
            node = replace(node, status="repeated", finding=words)
        elif node.ready:
            first[node.fingerprint] = f"step {node.step:,}"
        kept.append(node)
    return kept


def _printed(node: Node, study: Study, store: Store, refused: dict[str, str]) -> Node:
    """With its fingerprint; left out where its files cannot be read now, or were refused before."""
    try:
        found = fingerprint(study, node, store)
    except Fault as fault:
        return replace(node, status="failed", finding=f"{fault.fault}. {fault.hint}.")
    node = replace(node, fingerprint=found)
    return replace(node, status="refused", finding=refused[found]) if found in refused else node


def fingerprint(study: Study, node: Node, store: Store) -> str:
    """What names a checkpoint's weights now; see `checkpoints.fingerprint`."""
    return checkpoints.fingerprint(node.path, study.model, store.root / "fingerprints.json")


def keep_probes(probe_set: probes.ProbeSet, record: Record, store: Store) -> None:
    """Keep the prompts beside the results, so that a bar leads back to its prompts on any machine.

    Where they are kept already nothing is written.
    """
    frame = pd.DataFrame(
        {
            "prompt": range(len(probe_set.prompts)),
            "text": probe_set.prompts,
            "category": probe_set.categories,
            "reference": probe_set.references,
        }
    )
    kept = store.read("probes", record.probes_key)
    if kept is None or not kept.to_pandas().equals(frame):  # blank texts came with a pack without prompts
        store.write("probes", record.probes_key, frame)


def _unrelated(a: Record, b: Record) -> bool:
    """No folder and no checkpoint in common: not an edited or moved study, but another one of the same name."""
    folders = [{one.path for one in record.study.series} for record in (a, b)]
    prints = [{node.fingerprint for node in record.nodes[1:]} - {""} for record in (a, b)]
    if not (folders[0] and folders[1]):
        return a.study.model != b.study.model and a.base.fingerprint != b.base.fingerprint
    return not folders[0] & folders[1] and not prints[0] & prints[1]


def _found(series: Series, study: Study, roots: Sequence[Path], needed: bool = True) -> list[checkpoints.Checkpoint]:
    if not needed and not series.path.is_dir():
        return []
    found = checkpoints.scan(series.path, study.model, [series.path, *roots], series.steps, series.left_out)
    here = [one for one in found if real_path(one.path) == real_path(series.path)]
    if series.pattern and len(here) > 1:
        here = [one for one in here if one.pattern == series.pattern]
    if not here and not needed:
        return []
    if not here:
        raise Fault("there is no checkpoint in this folder", "Pick the folder that holds them", series.path)
    return max(here, key=lambda one: len(one.checkpoints)).checkpoints


def _known_refusals(previous: Record | None) -> dict[str, str]:
    """Checkpoints that loading refused before: the same libraries would refuse the same bytes again."""
    nodes, now = previous.nodes if previous else (), libraries()
    return {n.fingerprint: n.finding for n in nodes if n.status == "refused" and n.fingerprint and n.judged_by == now}


def libraries() -> str:
    """Versions of what loads checkpoints: with another one, a refusal of before is no verdict any more."""
    loads = ("transformers", "peft", "safetensors", "tokenizers", "torch", "accelerate")
    return ", ".join([f"loading {LOADING}", *(f"{name} {metadata.version(name)}" for name in loads)])


def is_listed(record: Record, store: Store) -> bool:
    """Whether a study is among those of an archive."""
    return (folder_of(record.study, store) / "record.json").exists()


def keep_again(record: Record, store: Store, listed: bool) -> Record:
    """Keep what a study is made from once more where the archive has lost it: its record, its prompts, its scalars.

    Parameters
    ----------
    listed : whether the study was among those of the archive; one that is only estimated is not.

    Raises
    ------
    Fault : where the probe set is no longer that of the record.
    """
    if not store.has("probes", record.probes_key):
        probe_set = probes.load(record.study.probes)
        if probe_set.digest != record.probe_digest:
            raise Fault("the probe set changed after this computation began", "Compute again", record.study.probes)
        keep_probes(probe_set, record, store)
    if record.scalars and not store.has("scalars", record.scalars):
        record = replace(record, scalars=measures.keep(record, store))
    if listed and not is_listed(record, store):
        keep_record(record, store)
    return record
