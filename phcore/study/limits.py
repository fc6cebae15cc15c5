"""How many prompts a study can have: each is compared with each other, so that work and memory grow with the square."""

from pathlib import Path

import psutil

from phcore.errors import Fault

MOST_PROMPTS = 10_000  # a matrix of all distances has 0.8 GB then, and each cloud of a study takes minutes
MATRICES = 5  # of all distances of a cloud that are in memory at once, measured with 20,000 prompts
CONTAINER = Path("/sys/fs/cgroup")  # where Linux says what a container may take


def refuse_too_many(prompts: int) -> None:
    """Raise a Fault where the distances between all points of a cloud, and what is made of them, are too many."""
    if prompts > MOST_PROMPTS:
        raise Fault(
            f"{prompts:,} prompts are too many: each is compared with each other, which is {prompts**2 / 2e6:,.0f} "
            "million distances in every cloud",
            f"Draw at most {MOST_PROMPTS:,} of them at random; a few hundred make a study",
        )
    needed, free = MATRICES * 8 * prompts**2, free_memory()
    if needed > free:
        most = int((free / (MATRICES * 8)) ** 0.5) // 100 * 100
        raise Fault(
            f"distances between {prompts:,} prompts need {needed / 1e9:.0f} GB of memory; {free / 1e9:.0f} GB are free",
            f"Use a probe set of at most {most:,} prompts here",
        )


def free_memory() -> int:
    """Bytes that can be taken here: of the machine, or of the container that this runs in, whichever is less."""
    free = psutil.virtual_memory().available
    try:
        limit, used = ((CONTAINER / name).read_text().strip() for name in ("memory.max", "memory.current"))
        return min(free, max(0, int(limit) - int(used)))
    except (OSError, ValueError):  # no container, or one without a limit ("max")
        return free
