"""What was done, as a paragraph that states every parameter of a study and cites its sources."""

import platform
import re
from collections import Counter
from collections.abc import Collection
from pathlib import Path

import jinja2

from phcore.analysis.dynamics import PERMUTATIONS
from phcore.export.packages import ABSENT, version
from phcore.export.report.sources import SOURCES, Source
from phcore.formatting import count
from phcore.stages.gaussian_nulls import REPLICATES
from phcore.stages.registry import tables
from phcore.stages.variant_loops import FEW_SUBSAMPLES
from phcore.study import PARAMETERS
from phcore.study.record import Record
from phcore.topology.clouds import index_sets
from phcore.topology.summaries import FEATURES

# In brackets: (Bauer 2021; Tralie et al. 2018). Bare: Malhotra et al. (2026), as part of the sentence.
_CITATION = re.compile(r"\[((?:@[a-z0-9]+(?:; )?)+)\]|@([a-z0-9]+)")
_KEY = re.compile(r"@([a-z0-9]+)")
_AT = "\0"  # in a name: what looks like a citation there is none
_TEMPLATE = jinja2.Environment(
    trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined,
    finalize=lambda value: value.replace("@", _AT) if isinstance(value, str) else value,
).from_string(Path(__file__).with_name("methods.txt.j2").read_text(encoding="utf-8"))  # fmt: skip
_PACKAGES = ("redzed-tda", "ripser", "numpy", "scipy", "torch", "transformers", "altair")


def described() -> tuple[str, ...]:
    """Names of the tables that the paragraph says how they were made, where there are any: those that judge others, and
    those of what is measured beside and put together at every reading."""
    return tuple(one.name for one in tables().values() if one.evidence or (one.gathers and not one.published))


def methods_paragraph(record: Record, evidence: Collection[str] | None = None) -> str:
    """Methods of a study, with citations by name and year. An empty line starts another thought.

    Parameters
    ----------
    evidence : names of the tables of `described` that there are: what was not computed is not described. All, where
        none are given.
    """
    return _CITATION.sub(_citation, _marked(record, _evidence(evidence))).replace(_AT, "@")


def _evidence(names: Collection[str] | None) -> Collection[str]:
    return described() if names is None else names


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
    values |= {"subsample_size": record.subsample_size, "layers": record.layers, "probes": _probes(record)}
    return [(name, _value(value), PARAMETERS[name]) for name, value in values.items()]


def versions() -> str:
    """The programs at hand: of the report, and of the study where it was computed with the same installation."""
    packages = [f"{name} {found}" for name in _PACKAGES if (found := version(name)) != ABSENT]
    return ", ".join([f"Python {platform.python_version()}", *packages])


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
    asked = record.study
    sets = index_sets(record.n_prompts, asked.subsamples, record.subsample_size, asked.seed)
    words = _TEMPLATE.render(
        record=record,
        evidence=evidence,
        model=Path(asked.model).name,
        runs=Counter(one.objective for one in record.series),
        steps=sorted({node.step for node in record.ready}),
        left_out=sum(not node.ready for node in record.nodes),
        probes=_probes(record),
        size=len(sets[min(sets)]),
        permutations=PERMUTATIONS,
        replicates=REPLICATES,
        n_features=len(FEATURES),
        few=FEW_SUBSAMPLES,
        count=count,
        were=lambda number: "was" if number == 1 else "were",
    )
    thoughts = re.split(r"\n\n+", words)
    return "\n\n".join(re.sub(r"[ \n]+", " ", thought).strip() for thought in thoughts)


def _probes(record: Record) -> str:
    name = record.study.probes
    which = "the probe set that ships" if name == "default" else f"probe set {Path(name).name}"
    return f"{which}, digest {record.probe_digest[:12]}"
