"""How much is attacked, and with which dice."""

import random
import time
from dataclasses import dataclass, field


@dataclass
class How:
    """Attributes
    ----------
    seconds : that one attack may go on finding new trials.
    kills : of the first attack, in all.
    readers : minutes of the last.
    """

    quick: bool = False
    seconds: float = 600.0
    kills: int = 100
    minutes: float = 10.0
    seed: int = 0
    dice: random.Random = field(init=False)
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    @property
    def time_left(self) -> bool:
        return time.monotonic() - self.started < self.seconds
