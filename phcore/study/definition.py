"""What is asked: a study, its series, its parameters, and the study file they are kept in.

A study names a base model, the folders of checkpoints to compare, the probe set and every parameter
that can change a number. It knows nothing about how anything is computed.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import tomli_w

from phcore.archive.addresses import local
from phcore.archive.permissions import KINDS
from phcore.archive.typed import typed
from phcore.archive.writing import write_atomically
from phcore.errors import Fault, about
from phcore.formatting import at_home, named, real_path
from phcore.study.devices import spelled

SCALES = ("raw", "median")
METRICS = ("euclidean", "cosine")
ENGINES = ("redzed", "ripser")
ORDERS = (1.0, 2.0, float("inf"))
DTYPES = ("float32", "bfloat16", "float16")
PACKED = ("int8", "int4")  # number formats of weights that are rounded to fit: other distances, not only other rounding
POOLINGS = ("last", "mean", "answer")
_MOST = {"subsamples": 10_000, "subsample_size": 100_000, "seed": 2**63 - 1, "answer_tokens": 128}
MOST_ANSWERS = 64  # prompts whose answers are kept: to read, side by side
MOST_TOKEN_CLOUDS = 32  # prompts with a cloud of their own: a few are looked at one by one
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")

# One plain sentence per parameter: the study page and `docs/study-file.md` show these words.
PARAMETERS: dict[str, str] = tomllib.loads(Path(__file__).with_name("parameters.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Series:
    """One fine-tuning run seen through its checkpoints.

    `path` is the folder that holds the checkpoints, or its address in a bucket; `objective` the label that gives it its
    colour; `seed` tells runs towards the same objective apart.

    Attributes
    ----------
    pattern : which folders in `path` are its checkpoints, with `*` for what differs; needed only where several series
        lie in one folder.
    steps : steps by folder, where its name says another one or none.
    left_out : folders in `path` that are no part of it.
    """

    name: str
    path: Path
    objective: str = ""
    seed: int = 0
    include: bool = True
    pattern: str = ""
    steps: dict[str, int] = field(default_factory=dict, hash=False)
    left_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", local(self.path))
        object.__setattr__(self, "left_out", tuple(self.left_out))
        for folder, step in self.steps.items():
            if isinstance(step, bool) or not isinstance(step, int) or step < 1:
                raise Fault(
                    f"series {self.name}: step {step!r} of {folder} is not a whole number from 1 on",
                    "Correct it; step 0 is the base model",
                )
        if not self.objective:
            object.__setattr__(self, "objective", self.name)


@dataclass(frozen=True)
class Study:
    """What is compared, and how. Open one by file or name with `Study.open`.

    Raises
    ------
    Fault : where a parameter is out of its range; the message says which values are allowed.
    """

    name: str
    model: Path
    series: tuple[Series, ...] = field(default=())
    probes: str = "default"
    chat: bool = True
    pooling: str = "last"
    answer_tokens: int = 8
    tokens: tuple[int, ...] = ()
    answers: tuple[int, ...] = ()
    layers: tuple[int, ...] = ()
    dtype: str = "float32"
    subsamples: int = 64
    subsample_size: int = 0
    seed: int = 0
    scale: str = "raw"
    metric: str = "euclidean"
    order: float = 2.0
    norm: float = 2.0
    engine: str = "redzed"
    device: str = "auto"
    second_dtype: str = ""
    beside: tuple[str, ...] = ()
    private: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "model", local(self.model))
        object.__setattr__(self, "series", tuple(self.series))
        for name in ("layers", "tokens", "answers"):
            object.__setattr__(self, name, tuple(sorted(set(getattr(self, name)))))
        object.__setattr__(self, "beside", tuple(self.beside))
        object.__setattr__(self, "private", (self.private,) if isinstance(self.private, str) else tuple(self.private))
        object.__setattr__(self, "order", float(self.order))
        object.__setattr__(self, "norm", float(self.norm))
        self._validate()

    def _validate(self) -> None:
        if not NAME.fullmatch(self.name):
            raise Fault(
                f"the study name {self.name!r} cannot be used",
                "Use letters, digits, dots, dashes and underscores, starting with a letter or digit",
            )
        for value, allowed, what in (
            (self.scale, SCALES, "scale"),
            (self.metric, METRICS, "metric"),
            (self.engine, ENGINES, "engine"),
            (self.order, ORDERS, "order"),
            (self.norm, ORDERS, "norm"),
            (self.dtype, (*DTYPES, *PACKED), "dtype"),
            (self.pooling, POOLINGS, "pooling"),
            (self.second_dtype, ("", *DTYPES, *PACKED), "second_dtype"),
        ):
            if value not in allowed:
                raise Fault(f"{what} = {value!r} is unknown", f"Choose one of {', '.join(map(str, allowed))}")
        spelled(self.device)
        for what, most in _MOST.items():
            value = getattr(self, what)
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
                raise Fault(f"{what} = {value!r} is not a whole number from 0 to {most:,}", f"Correct {what}")
        if 0 < self.subsample_size < 4:
            raise Fault("subsample_size is below 4, too few points for a loop", "Use 4 or more, or leave it out")
        if not self.answer_tokens:
            raise Fault("answer_tokens is 0, and an answer has at least one token", "Use 1 or more (default 8)")
        for what in ("layers", "tokens", "answers"):
            values = getattr(self, what)
            if any(isinstance(k, bool) or not isinstance(k, int) or k < 0 for k in values):
                raise Fault(f"{what} = {list(values)} are not whole numbers of 0 or more", f"Correct {what}")
        if len(self.answers) > MOST_ANSWERS:
            raise Fault(
                f"answers names {len(self.answers)} prompts, and each is answered at every checkpoint",
                f"Choose at most {MOST_ANSWERS}",
            )
        if len(self.tokens) > MOST_TOKEN_CLOUDS:
            raise Fault(
                f"tokens names {len(self.tokens)} prompts, and every token of theirs is kept at every checkpoint",
                f"Choose at most {MOST_TOKEN_CLOUDS}",
            )
        for name in self.beside:
            if not NAME.fullmatch(name):
                raise Fault(f"beside = {name!r} is no name of a study", "Give names of studies in the archive")
        for kind in self.private:
            if kind not in KINDS:
                raise Fault(f"private = {kind!r} is unknown", f"Choose from {', '.join(KINDS)}")
        names = [one.name for one in self.series]
        for name in names:
            if names.count(name) > 1:
                raise Fault(f"two series are called {name!r}", "Give each series a name of its own")
        if "base" in names:
            raise Fault("a series is called 'base', the word for the base model", "Give it another name")

    @property
    def included(self) -> tuple[Series, ...]:
        return tuple(one for one in self.series if one.include)

    @property
    def orders(self) -> tuple[float, ...]:
        """Orders of the velocity table: 1 and 2 always, so that readers can compare, and the study's own."""
        return tuple(sorted({1.0, 2.0, self.order}))

    # --- the study file -------------------------------------------------------------------------

    @classmethod
    def read(cls, path: str | Path) -> Study:
        """Read a study file. Relative paths in it are relative to the file's folder."""
        path = Path(path)
        try:
            raw = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise Fault("there is no such study file", "Check the path", path) from None
        except OSError as error:
            raise Fault(f"the study file cannot be read ({error.strerror})", "Check the path", path) from None
        except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, or nested too deeply
            raise Fault(f"this is not a TOML study file ({error})", "Correct the file", path) from None
        with about(path):
            return cls.from_dict(raw, folder=real_path(path).parent, name=path.stem)

    @classmethod
    def from_dict(cls, raw: dict, *, folder: Path | None = None, name: str = "study") -> Study:
        """Plain values to a study. Relative paths are resolved against `folder`, where one is given."""
        known = {one.name for one in fields(cls)}
        unknown = sorted(set(raw) - known)
        if unknown:
            raise Fault(f"unknown key {unknown[0]!r}", f"Known keys: {', '.join(sorted(known))}")
        if "model" not in raw:
            raise Fault("the base model is not named", 'Add a line model = "path/to/base/model"')
        raw = {"name": name} | raw
        if isinstance(raw.get("private"), str):
            raw["private"] = [raw["private"]]
        series_keys = {one.name for one in fields(Series)}
        listed = typed(raw.get("series", []), list[dict[str, Any]])
        for number, one in enumerate(listed, start=1):
            extra = set(one) - series_keys
            if extra or "path" not in one:
                fault = f"series {number} has an unknown key {sorted(extra)[0]!r}" if extra else (
                    f"series {number} has no path"
                )  # fmt: skip
                raise Fault(fault, f"A series has the keys {', '.join(sorted(series_keys))}")
            one.setdefault("name", Path(typed(one["path"], Path)).name)
        study = typed(raw | {"series": listed}, cls)
        return study.placed(folder)

    def placed(self, folder: Path | None) -> Study:
        """With its places as they are seen from a folder: whoever reads the study later stands elsewhere."""
        probes = self.probes if self.probes == "default" else str(_absolute(self.probes, folder))
        series = tuple(replace(one, path=_absolute(one.path, folder)) for one in self.series)
        return self.with_(model=_absolute(self.model, folder), probes=probes, series=series)

    def to_dict(self) -> dict:
        """Plain values, ready for TOML and JSON; addresses in place of the folders that mirror them."""
        plain = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "series"}
        plain["model"] = named(str(self.model))
        plain |= {name: list(plain[name]) for name in ("layers", "tokens", "answers", "beside", "private")}
        plain["series"] = [_plain(one) for one in self.series]
        return plain

    def to_toml(self) -> str:
        """The study file."""
        return tomli_w.dumps(self.to_dict())

    def write(self, path: str | Path) -> Path:
        """Write the study file, whole or not at all. Raises a Fault where the disk refuses."""
        write_atomically(real_path(path), self.to_toml().encode())
        return Path(path)

    def with_(self, **changes) -> Study:
        """A copy with other values; validated like the original."""
        return replace(self, **changes)


# Parameters at once, by name. `paper`: what is known of Malhotra et al.; docs/method.md says of each which is known.
# `quick`: few small subsamples, for a first look: floors and intervals are wide.
_PAPER = {
    "layers": (), "pooling": "last", "chat": True, "dtype": "float32", "subsamples": 64, "subsample_size": 160,
    "seed": 0, "scale": "raw", "metric": "euclidean", "order": 1.0, "norm": 2.0, "engine": "redzed",
}  # fmt: skip
PRESETS: dict[str, dict[str, Any]] = {
    "default": {one.name: one.default for one in fields(Study) if one.name in _PAPER},
    "paper": _PAPER,
}
PRESETS["quick"] = PRESETS["default"] | {"subsamples": 8, "subsample_size": 40}


def _plain(series: Series) -> dict:
    """A series as plain values; what few need is left out where nobody said it."""
    said = asdict(series) | {"path": named(str(series.path)), "left_out": list(series.left_out)}
    return {name: value for name, value in said.items() if value or name not in ("pattern", "steps", "left_out")}


def _absolute(path: str | Path, folder: Path | None) -> Path:
    if "\0" in str(path):
        raise Fault(f"{str(path)[:80]!r} can be no path", "Correct it")
    path = at_home(local(path))
    return path if folder is None or path.is_absolute() else real_path(folder / path)
