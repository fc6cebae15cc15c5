"""Rows of like length read together, in batches that the memory holds."""

from collections.abc import Callable, Sequence

import torch

from phcore.activations.device import free_memory
from phcore.errors import Fault


class Stopped(Exception):
    """`cancelled` said so."""


def in_batches(
    lengths: list[int],
    batch_tokens: int,
    work: Callable[[list[int]], None],
    *,
    called: Callable[[int], str],
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> list[str]:
    """Do `work` on rows of like length together, with smaller batches from where the memory ends.

    Parameters
    ----------
    lengths : tokens of each row.
    batch_tokens : tokens of a batch, padding included.
    work : given the numbers of some rows; it may be asked to do a row again.
    called : what a row is called in the fault that says it is too long for the memory.
    progress, cancelled : as in `extract`.

    Returns
    -------
    notes : a sentence where batches had to be made smaller.

    Raises
    ------
    Stopped : when `cancelled` returned True.
    Fault : where there is no memory for a single row.
    """
    waiting, budget, done = _batches(range(len(lengths)), lengths, batch_tokens), batch_tokens, 0
    while waiting:
        if cancelled is not None and cancelled():
            raise Stopped
        rows = waiting.pop(0)
        if not _memory_suffices(lambda rows=rows: work(rows)):
            budget = len(rows) * lengths[rows[0]] // 2
            if len(rows) == 1:
                raise Fault(
                    f"there is not enough memory for {called(rows[0])}",
                    "Use a smaller number format, a smaller model or shorter prompts",
                )
            remaining = [*rows, *(i for batch in waiting for i in batch)]
            waiting = _batches(remaining, lengths, budget)
            continue
        done += sum(lengths[i] for i in rows)
        if progress is not None:
            progress(done / sum(lengths))
    if budget < batch_tokens:
        return [f"Memory ran out; batches were made smaller, down to {budget} tokens."]
    return []


def _batches(rows: Sequence[int], lengths: list[int], budget: int) -> list[list[int]]:
    """Rows of like length together, the longest first, each batch within a budget of tokens (or a single row)."""
    ordered = sorted(rows, key=lambda i: (-lengths[i], i))
    found: list[list[int]] = []
    for row in ordered:
        # the first row of a batch is its longest: the others are padded to it
        if found and (len(found[-1]) + 1) * lengths[found[-1][0]] <= budget:
            found[-1].append(row)
        else:
            found.append([row])
    return found


def _memory_suffices(work: Callable[[], None]) -> bool:
    """Do the work; whether the memory was enough for it."""
    try:
        work()
        return True
    except (RuntimeError, MemoryError) as error:
        words = ("out of memory", "can't allocate memory", "not enough memory")
        if not isinstance(error, (torch.OutOfMemoryError, MemoryError)) and not any(w in str(error) for w in words):
            raise
    # Outside of the handler: the error holds on to the tensors that filled the memory.
    free_memory()
    return False
