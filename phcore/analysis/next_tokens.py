"""How far apart two models' next words are: divergence of next-token distributions of which the top is known."""

from __future__ import annotations

import numpy as np
from scipy.special import entr, xlogy


def jensen_shannon(
    ids_a: np.ndarray, logp_a: np.ndarray, rest_a: np.ndarray, ids_b: np.ndarray, logp_b: np.ndarray, rest_b: np.ndarray
) -> np.ndarray:
    """Jensen-Shannon divergence of n pairs of next-token distributions, from the most probable tokens of each.

    Tokens that both list count one by one; all others are one outcome, whose probability is known on both sides.
    Making outcomes one never raises a divergence (the data-processing inequality), so this is a lower bound, and
    `jensen_shannon_slack` says how much it can lack. Where both list the whole vocabulary it is exact.

    Parameters
    ----------
    ids_a, ids_b : int (n, k) and (n, l), tokens, none twice in a row, in any order.
    logp_a, logp_b : (n, k) and (n, l), natural logarithms of their probabilities.
    rest_a, rest_b : (n,), probability of all other tokens together.

    Returns
    -------
    float64 (n,), nats, from 0 (equal) to ln 2 (nothing in common); NaN where a probability is.

    Raises
    ------
    ValueError : where the shapes do not belong together.
    """
    p, q, lump_a, lump_b = _common(ids_a, logp_a, rest_a, ids_b, logp_b, rest_b)
    found = _divergence(p, q).sum(axis=1) + _divergence(lump_a, lump_b)
    return np.clip(found, 0, np.log(2))  # rounding goes a little beyond both ends


def jensen_shannon_slack(
    ids_a: np.ndarray, logp_a: np.ndarray, rest_a: np.ndarray, ids_b: np.ndarray, logp_b: np.ndarray, rest_b: np.ndarray
) -> np.ndarray:
    """Most that `jensen_shannon` of the same can lack, (n,) nats.

    With a and b the probabilities of the one outcome that holds all other tokens, the exact divergence is larger by
    (a + b) / 2 times the divergence within it, weighted a : b, and that is at most the entropy of those weights (Lin,
    Divergence measures based on the Shannon entropy, 1991). So it is never more than ln 2 (a + b) / 2.
    """
    *_, a, b = _common(ids_a, logp_a, rest_a, ids_b, logp_b, rest_b)
    share = np.divide(a, a + b, out=np.where(np.isnan(a + b), np.nan, 0.0), where=a + b > 0)
    return (a + b) / 2 * (entr(share) + entr(1 - share))


def _divergence(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Each outcome's part of the divergence."""
    middle = np.where(p + q > 0, (p + q) / 2, 1)
    return (xlogy(p, p / middle) + xlogy(q, q / middle)) / 2


def _common(ids_a, logp_a, rest_a, ids_b, logp_b, rest_b) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities (n, k) of the tokens that both list, 0 for the others, and (n,) of all others together."""
    ids_a, ids_b = np.asarray(ids_a), np.asarray(ids_b)
    p, q = np.exp(np.asarray(logp_a, np.float64)), np.exp(np.asarray(logp_b, np.float64))
    rest_a, rest_b = np.asarray(rest_a, np.float64), np.asarray(rest_b, np.float64)
    n = len(ids_a)
    if ids_a.ndim != 2 or ids_b.ndim != 2 or p.shape != ids_a.shape or q.shape != ids_b.shape:
        raise ValueError(f"tokens {ids_a.shape} and {ids_b.shape} with probabilities {p.shape} and {q.shape}")
    if len(ids_b) != n or rest_a.shape != (n,) or rest_b.shape != (n,):
        raise ValueError(f"{n} and {len(ids_b)} prompts with the rests {rest_a.shape} and {rest_b.shape}")
    if not ids_a.size or not ids_b.size:
        return np.zeros((n, 0)), np.zeros((n, 0)), rest_a + p.sum(axis=1), rest_b + q.sum(axis=1)
    # Where b lists each token, row by row in one table of all tokens: eight times as fast as searching sorted lists.
    where = np.full(max(ids_a.max(), ids_b.max()) + 1, -1)
    places = np.empty(ids_a.shape, dtype=np.intp)
    for row in range(n):
        where[ids_b[row]] = np.arange(ids_b.shape[1])
        places[row] = where[ids_a[row]]
        where[ids_b[row]] = -1
    both = places >= 0
    alone = np.ones(q.shape, dtype=bool)  # of b
    alone[both.nonzero()[0], places[both]] = False
    lump_a = rest_a + np.where(both, 0, p).sum(axis=1)
    lump_b = rest_b + np.where(alone, q, 0).sum(axis=1)
    return np.where(both, p, 0), np.where(both, np.take_along_axis(q, places, axis=1), 0), lump_a, lump_b
