"""What an attack found, and the table of all of them."""

import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

TROUBLES = ("lost", "wrong", "leaked", "uncaught")
COLUMNS = ("attack", "tried", "survived", *TROUBLES, "seconds")


class Trouble:
    """What one trial of an attack brought to light: (kind, sentence) pairs."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []

    def add(self, kind: str, sentence: str) -> None:
        """`kind` : lost (a finished result is gone, or the study does not finish), wrong (another result than in
        peace), leaked (processes, files, memory, connections) or uncaught (a traceback, or an exit without a word)."""
        assert kind in TROUBLES
        self.found.append((kind, sentence))


@dataclass
class Tally:
    """The row of one attack."""

    attack: str
    tried: int = 0
    survived: int = 0
    troubles: Counter = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @contextmanager
    def trial(self, what: str) -> Iterator[Trouble]:
        """Counts one trial; an error of the attack itself counts as uncaught, for nobody knows what it means."""
        trouble = Trouble()
        try:
            yield trouble
        except Exception:
            trouble.add("uncaught", f"the attack itself failed: {traceback.format_exc()}")
        self.tried += 1
        self.survived += not trouble.found
        self.troubles.update({kind for kind, _ in trouble.found})
        for kind, sentence in trouble.found:
            self.notes.append(f"{kind}: {what}: {sentence}")
            print(f"  {self.attack}: {self.notes[-1]}", flush=True)

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)
        print(f"  {self.attack}: {sentence}", flush=True)

    @contextmanager
    def clock(self) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.seconds += time.monotonic() - started

    @property
    def clean(self) -> bool:
        return not self.troubles.total()

    def row(self) -> list[str]:
        counts = [self.tried, self.survived, *(self.troubles[kind] for kind in TROUBLES), round(self.seconds)]
        return [self.attack, *map(str, counts)]


def table(tallies: list[Tally]) -> str:
    """The table that everything ends in, as Markdown."""
    rows = [list(COLUMNS), *(one.row() for one in tallies)]
    widths = [max(len(row[k]) for row in rows) for k in range(len(COLUMNS))]
    lines = []
    for first, *rest in rows:
        cells = [first.ljust(widths[0]), *(one.rjust(width) for one, width in zip(rest, widths[1:], strict=True))]
        lines.append(f"| {' | '.join(cells)} |")
    rule = "|" + "|".join("-" * (w + 1) + ("-" if k == 0 else ":") for k, w in enumerate(widths)) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])
