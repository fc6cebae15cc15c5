"""What was done, as a paragraph that states every parameter of a study and cites its sources."""

from __future__ import annotations

import importlib.metadata
import platform
import re
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from phcore.analysis.dynamics import PERMUTATIONS
from phcore.export.report.sources import SOURCES, Source, bibtex
from phcore.formatting import count
from phcore.stages.gaussian_nulls import REPLICATES
from phcore.stages.registry.assembly import published
from phcore.study import PARAMETERS
from phcore.study.record import Record
from phcore.topology.clouds import index_sets
from phcore.topology.summaries import FEATURES

__all__ = ["bibtex", "cited", "methods_paragraph", "parameters", "versions"]

# In brackets: (Bauer 2021; Tralie et al. 2018). Bare: Malhotra et al. (2026), as part of the sentence.
_CITATION = re.compile(r"\[((?:@[a-z0-9]+(?:; )?)+)\]|@([a-z0-9]+)")
_KEY = re.compile(r"@([a-z0-9]+)")
_PACKAGES = ("redzed-tda", "ripser", "numpy", "scipy", "torch", "transformers", "altair")


def methods_paragraph(record: Record, evidence: Collection[str] | None = None) -> str:
    """Methods of a study, with citations by name and year. An empty line starts another thought.

    Parameters
    ----------
    evidence : names of the tables of evidence that there are: what was not computed is not described. All, where
        none are given.
    """
    return _CITATION.sub(_citation, _marked(record, _evidence(evidence)))


def _evidence(names: Collection[str] | None) -> Collection[str]:
    return tuple(published(evidence=True)) if names is None else names


def _citation(found: re.Match) -> str:
    if found[2]:
        names, year = SOURCES[found[2]].short.rsplit(" ", 1)
        return f"{names} ({year})"
    return f"({_KEY.sub(lambda key: SOURCES[key[1]].short, found[1])})"


def cited(record: Record, evidence: Collection[str] | None = None) -> dict[str, Source]:
    """The sources of the paragraph by BibTeX key, in the order in which it cites them."""
    keys = dict.fromkeys(_KEY.findall(_marked(record, _evidence(evidence))))
    return {key: SOURCES[key] for key in keys}


def parameters(record: Record) -> list[tuple[str, str, str]]:
    """(name, value, meaning) of every parameter of the study. Paths are shortened to their last part."""
    asked = record.study
    values = {name: getattr(asked, name) for name in PARAMETERS}
    values |= {"layers": record.layers, "probes": _probes(record)}
    return [(name, _value(value), PARAMETERS[name]) for name, value in values.items()]


def versions() -> str:
    """The programs at hand: of the report, and of the study where it was computed with the same installation."""
    found = {name: importlib.metadata.version(name) for name in _PACKAGES if _installed(name)}
    words = ", ".join(f"{name} {version}" for name, version in found.items())
    return f"Python {platform.python_version()}, {words}"


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return ", ".join(str(one) for one in value) or "none"
    return str(value) or "none"


def _marked(record: Record, evidence: Collection[str]) -> str:
    """The paragraph, its citations as [@key] or @key."""
    parts = (
        (_compared(record), _clouds(record)),
        (_diagrams(record), _summaries(record)),
        (_velocity(record, evidence), _separation(record, evidence)),
        (_geometry(evidence), _behaviour(evidence), _robustness(record, evidence), _claims()),
    )
    return "\n\n".join(" ".join(filter(None, part)) for part in parts)


def _compared(record: Record) -> str:
    objectives = Counter(one.objective for one in record.series)
    runs = ", ".join(f"{name} ({number})" if number > 1 else name for name, number in objectives.items())
    steps = sorted({node.step for node in record.ready})
    left_out = sum(not node.ready for node in record.nodes)
    beside = record.study.beside
    followed = f"{_were(len(record.series))} followed over {count(len(record.ready), 'checkpoint')}"
    return (
        f"Following @malhotra2026tracking, {count(len(record.series), 'fine-tuning run')} of "
        f"{Path(record.study.model).name} ({record.n_layers} blocks, hidden size {record.hidden_size}) towards "
        f"{count(len(objectives), 'objective')} ({runs}) "
        f"{followed} at steps {', '.join(f'{step:,}' for step in steps)}; step 0 is the base model."
        + (f" {count(left_out, 'checkpoint')} could not be used and {_were(left_out)} left out." if left_out else "")
        + (f" Studies of other base models are shown beside it: {', '.join(beside)}." if beside else "")
    )


def _clouds(record: Record) -> str:
    asked = record.study
    wrapped = (
        "wrapped in the chat template of the model with its generation prompt, where it has one"
        if asked.chat
        else "as raw text, without a chat template"
    )
    return (
        f"Each checkpoint read the same {record.n_prompts} prompts ({_probes(record)}), {wrapped}, in {asked.dtype}. "
        "The representation of a prompt at a layer is the hidden state at its last token; layers "
        f"{', '.join(str(layer) for layer in record.layers)} were looked at (0: embeddings; {record.n_layers}: after "
        "the last block and the final norm). The prompts at one layer of one checkpoint form a point cloud."
    )


def _diagrams(record: Record) -> str:
    asked = record.study
    engines = {
        "redzed": "redzed [@kapulkin2026redzed]", "ripser": "ripser.py [@tralie2018ripser; @bauer2021ripser]",
    }  # fmt: skip
    scale = (
        "Distances were used as they are (scale raw)."
        if asked.scale == "raw"
        else "Births and deaths were divided by the median pairwise distance of the whole cloud (scale median)."
    )
    return (
        f"Persistence diagrams of the Vietoris-Rips filtration by {asked.metric} distance, degrees 0 and 1 over Z/2, "
        f"were computed with {engines[asked.engine]} on {_subsamples(record)}. {scale} Pairs of zero persistence and "
        "the one infinite component were left out."
    )


def _subsamples(record: Record) -> str:
    asked = record.study
    if not asked.subsamples:
        return (
            f"the whole cloud, without subsampling (subsamples = 0; subsample_size {asked.subsample_size} and seed "
            f"{asked.seed} have no effect on diagrams)"
        )
    sets = index_sets(record.n_prompts, asked.subsamples, asked.subsample_size, asked.seed)
    size = len(next(iter(sets.values())))
    fewer = f" ({asked.subsample_size} asked for; four fifths of the prompts taken)" * (size != asked.subsample_size)
    return (
        f"{count(asked.subsamples, 'subsample')} of {size} prompts each{fewer}, drawn without replacement from seed "
        f"{asked.seed}, the same for every checkpoint, layer and run"
    )


def _summaries(record: Record) -> str:
    return (
        f"Diagrams were summarised by the {len(FEATURES)} numbers of @fay2026shape: mean, minimum, quartiles, maximum "
        "and standard deviation of births, deaths, persistences and ratios, and total persistence, number of bars and "
        "persistent entropy."
    )


def _velocity(record: Record, evidence: Collection[str]) -> str:
    asked = record.study
    mean = ", averaged over the subsamples" if asked.subsamples else ""
    floor = (
        "; its resampling floor is the same distance between two subsamples of one cloud that share as few prompts as "
        "possible"
        if asked.subsamples
        else ""
    )
    words = (
        f"Topological velocity is the exact Wasserstein distance of order p\u00a0=\u00a0{_order(asked.order)} with "
        f"ground norm q\u00a0=\u00a0{_order(asked.norm)} [@cohensteiner2007stability] between the H1 diagrams of "
        f"consecutive checkpoints{mean}, per transition{floor}."
    )
    if "concentration" in evidence:
        words += (
            " Concentration is the share of velocity in the first third of the transitions, counted by checkpoint and "
            f"with the transition from the base. It is read against {PERMUTATIONS:,} random orders of the moves by a "
            "studentised statistic that lets neighbouring transitions correlate [@romano2020permutation]; plain "
            "orders of velocities and of checkpoints stand beside it; "
            "p-values are corrected over layers by the max-statistic [@westfall1993resampling] or over runs and layers "
            "by false discovery rate [@benjamini1995controlling]. Intervals are for another choice of prompts, from "
            "the variance over subsamples as that of a U-statistic [@hoeffding1948class]; subsamples overlap and "
            "never count as replicates."
        )
    return words


def _order(value: float) -> str:
    return "inf" if value == float("inf") else f"{value:g}"


def _separation(record: Record, evidence: Collection[str]) -> str:
    if not record.study.subsamples:
        return ""
    words = (
        "Paths and distances between runs rest on the mean summaries of each checkpoint in units of their standard "
        "deviation over subsamples, pooled within a layer; paths are their first two principal components; the "
        "split-half floor is the distance between the means of two random halves of the subsamples of one cell."
    )
    if "separation" in evidence:
        words += " The energy distance between the clouds of summaries [@szekely2013energy] stands beside it."
    if "effects" in evidence:
        words += " Effect sizes of single summaries are Hedges' g [@hedges1981distribution] and Cliff's delta"
        words += " [@cliff1993dominance]."
    if "runs" in evidence:
        words += " Several runs of an objective are compared by PERMANOVA over whole runs [@anderson2001new]."
    return words


def _geometry(evidence: Collection[str]) -> str:
    words = ""
    if "gaussian_velocities" in evidence:
        words += (
            f"As controls, {REPLICATES} Gaussian clouds per cell and kind, isotropic and with the mean and "
            "covariance of the cloud, from the seed of the study, went through the same pipeline; consecutive "
            "checkpoints share their noise."
        )
    if "geometry_velocity" in evidence:
        words += (
            " Velocity was compared with the changes of seven geometric quantities, among them effective rank "
            "[@roy2007effective], TwoNN intrinsic dimension [@facco2017estimating] and 1 - linear CKA "
            "[@kornblith2019similarity], by Spearman's rank correlation with circular block bootstrap intervals "
            "[@politis1992circular] and by ridge regression [@hoerl1970ridge], each run at each layer left out in turn."
        )
    return words.strip()


def _behaviour(evidence: Collection[str]) -> str:
    if "divergence" not in evidence:
        return ""
    return (
        "Behavioural velocity is the mean Jensen-Shannon divergence [@lin1991divergence] between the next-token "
        "distributions of consecutive checkpoints at the same position, from the 512 most probable tokens of each."
    )


def _robustness(record: Record, evidence: Collection[str]) -> str:
    second = record.study.second_dtype
    if "numerical_noise" not in evidence:
        return f"A second reading in {second} was asked for and has not been computed." if second else ""
    words = "For the numerical floor the base and the last checkpoints were read again in other batches"
    return words + (f" and in {second}." if second else ".")


def _claims() -> str:
    return (
        "Verdicts on the five claims of @malhotra2026tracking follow from these numbers by fixed rules; each is "
        "given with n, its null and its interval, and nothing is concluded from the absence of evidence."
    )


def _probes(record: Record) -> str:
    name = record.study.probes
    which = "the probe set that ships" if name == "default" else f"probe set {Path(name).name}"
    return f"{which}, digest {record.probe_digest[:12]}"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"
