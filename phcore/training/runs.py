"""What is trained on what: objectives and their mixtures, seeds, what is held out, and the order of conversations."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from phcore.checkpoints.labels import from_above
from phcore.errors import Fault, about
from phcore.formatting import at_home, count
from phcore.training import conversations
from phcore.training.examples import Example, encode, shortened

MOST = 10_000  # runs of one call


@dataclass(frozen=True)
class Run:
    """One series of checkpoints: an objective, made of `parts` (shares by name of the conversations), and a seed.

    `rate` : its highest learning rate, where runs have several; else that of the recipe.
    """

    objective: str
    seed: int
    parts: Mapping[str, float]
    folder: Path
    rate: float | None = None

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def setting(self) -> str:
        """The objective as a scan calls it: with the learning rate, where runs have several."""
        return self.objective if self.rate is None else f"{self.objective}-lr{written(self.rate)}"


def written(rate: float) -> str:
    """A learning rate as folders are named by it.

    >>> written(0.0001), written(2.5e-5)
    ('1e-4', '2.5e-5')
    """
    digits, _, power = f"{rate:e}".partition("e")
    return f"{digits.rstrip('0').rstrip('.')}e{int(power)}"


def runs(
    out: Path,
    objectives: Sequence[str],
    mixes: Mapping[str, Mapping[str, float]],
    seeds: int,
    only: Sequence[str],
    rates: Sequence[float] = (),
) -> list[Run]:
    """Every objective and mixture with every learning rate and seed, or those named in `only`, as folders below `out`.

    Raises
    ------
    Fault : where a name cannot be that of a series, a mixture is made of what is not there, or `only` names no run.
    """
    if not objectives:
        raise Fault("there is no objective to train towards", "Name one: --objective helpful=helpful.jsonl")
    if seeds < 1:
        raise Fault(f"{seeds} seeds are none", "Train with one at least")
    for name, shares in mixes.items():
        _check_mix(name, shares, objectives)
    if (number := (len(objectives) + len(mixes)) * max(1, len(rates)) * seeds) > MOST:
        raise Fault(f"{number:,} runs are too many", f"Train {MOST:,} or fewer")
    parts = {name: {name: 1.0} for name in objectives} | {name: dict(shares) for name, shares in mixes.items()}
    if len({written(rate) for rate in rates}) < len(rates):
        raise Fault("a learning rate is named twice", "Name each once")
    found = []
    for name, shares in parts.items():
        for rate in rates or (None,):
            for seed in range(seeds):
                run = Run(name, seed, shares, out, rate)
                folder = out / f"{run.setting}-seed{seed}"
                if Path(name).name != name or name.startswith(".") or from_above(folder) != (name, seed):
                    raise Fault(f"an objective called {name!r} would not be found again", "Give it a plain name")
                found.append(replace(run, folder=folder))
    names = [run.name for run in found]
    for wanted in only:
        if wanted not in names:
            raise Fault(f"there is no run {wanted!r}", f"Choose among {', '.join(names)}")
    return [run for run in found if not only or run.name in only]


def _check_mix(name: str, shares: Mapping[str, float], objectives: Sequence[str]) -> None:
    if name in objectives:
        raise Fault(f"{name!r} is an objective and a mixture", "Give the mixture a name of its own")
    for part, share in shares.items():
        if part not in objectives:
            raise Fault(f"the mixture {name!r} is made of {part!r}, which is no objective", "Name it with --objective")
        if not 0 < share < float("inf"):
            raise Fault(f"the mixture {name!r} has a share of {share:g}", "Give shares above 0")
    if len(shares) < 2:
        raise Fault(f"the mixture {name!r} is made of fewer than two objectives", "Name two or more")


# --- conversations ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pool:
    """The conversations of one objective, as tokens.

    Attributes
    ----------
    training, held_out : none of those held out, of whatever objective, is in `training`.
    digest : of all of them, as they were read.
    notes : what was cut or left out, in sentences.
    """

    training: list[Example]
    held_out: list[Example]
    digest: str
    notes: list[str]


def pools(
    objectives: Mapping[str, str | Path], tokenizer, base: Path, held_out: int, max_tokens: int
) -> dict[str, Pool]:
    """Read the conversations of all objectives, make them tokens, and set some aside.

    Which are set aside depends on the file alone, so that every run is evaluated on the same ones.

    Raises
    ------
    Fault : that names the file, the row, what is wrong with it and the mend.
    """
    found = {name: _read(at_home(path), tokenizer, base, max_tokens) for name, path in objectives.items()}
    aside = {}
    for name, (examples, *_) in found.items():
        different = list(dict.fromkeys(examples))
        if len(different) <= held_out:
            words = f"of its {count(len(different), 'different conversation')}, {held_out} are to be held out"
            raise Fault(words, "Give more conversations, or hold out fewer (--held-out)", objectives[name])
        aside[name] = random.Random(f"held out {name}").sample(different, held_out)
    never = {one for some in aside.values() for one in some}
    made = {}
    for name, (examples, digest, notes) in found.items():
        training = [one for one in examples if one not in never]
        if not training:
            raise Fault("all its conversations are held out", "Give more of them", objectives[name])
        made[name] = Pool(training, aside[name], digest, notes)
    return made


def _read(path: Path, tokenizer, base: Path, max_tokens: int) -> tuple[list[Example], str, list[str]]:
    read = conversations.read(path)
    with about(path):
        whole = [encode(one, tokenizer, base) for one in read if one.answered]
    examples = [shortened(one, max_tokens) for one in whole]
    notes = []
    if empty := len(read) - len(whole):
        notes.append(f"{path.name}: {count(empty, 'conversation')} with an empty answer left out")
    if cut := sum(len(one.ids) > max_tokens for one in whole):
        unlearned = sum(not one.learned for one in examples)
        lost = f"; {unlearned} of them left out, because no answer begins before that" if unlearned else ""
        notes.append(f"{path.name}: {count(cut, 'conversation')} cut to {max_tokens:,} tokens{lost}")
    rows = json.dumps([one.messages for one in read], ensure_ascii=False)
    return [one for one in examples if one.learned], hashlib.sha256(rows.encode()).hexdigest()[:32], notes


def drawn(run: Run, pools: Mapping[str, Pool], number: int) -> list[Example]:
    """The examples of a run in the order in which they are seen, by its seed.

    Each part is gone through in an order of its own, and again in another once all have been seen. Of a mixture always
    that part is next which lacks most of its share, so that every batch holds the parts as evenly as can be.
    """
    whole = sum(run.parts.values())
    streams = {name: _stream(pools[name].training, f"{run.seed} {run.objective} {name}") for name in run.parts}
    taken = dict.fromkeys(run.parts, 0)
    found = []
    for k in range(1, number + 1):
        name = max(run.parts, key=lambda one: k * run.parts[one] / whole - taken[one])
        taken[name] += 1
        found.append(next(streams[name]))
    return found


def _stream(examples: Sequence[Example], seed: str) -> Iterator[Example]:
    rng = random.Random(seed)
    while True:
        yield from rng.sample(examples, len(examples))
