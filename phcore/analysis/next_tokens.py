"""Next words: the most probable ones, and how far apart those of two models are, known whole or at their top."""

import numpy as np
from scipy.special import entr, xlogy

Listed = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Tokens int (n, k), none twice in a row, in any order; natural logarithms of their probabilities (n, k); and the
probability of all other tokens together (n,)."""


_ROWS = 16  # at a time: a vocabulary of 250,000 tokens takes 32 MB each


def most_probable(likely: np.ndarray | Listed, most: int) -> tuple[np.ndarray, np.ndarray]:
    """The most probable next tokens of n prompts, and their probabilities: two (n, k), k <= most, falling.

    Parameters
    ----------
    likely : square roots of the probabilities of all tokens (n, vocabulary), or a list as in `divergence`.
    """
    if isinstance(likely, np.ndarray):
        roots = likely.astype(np.float32)
        tokens = np.broadcast_to(np.arange(roots.shape[1]), roots.shape)
        probabilities = np.square(roots, dtype=np.float64)
    else:
        tokens, probabilities = np.asarray(likely[0]), np.exp(np.asarray(likely[1], np.float64))
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :most]
    return np.take_along_axis(tokens, order, axis=1), np.take_along_axis(probabilities, order, axis=1)


def divergence(a: np.ndarray | Listed, b: np.ndarray | Listed) -> tuple[np.ndarray, np.ndarray]:
    """Jensen-Shannon divergence of n pairs of next-token distributions, and how much more it can be, in nats.

    Parameters
    ----------
    a, b : square roots of the probabilities of all tokens (n, vocabulary), where the divergence is exact but for their
        rounding; or what both list of them: see `jensen_shannon`. A model that lacks tokens of the other never says
        them: their probability is 0.
    """
    if not isinstance(a, np.ndarray):
        return jensen_shannon(a, b)
    if len(a) != len(b):
        raise ValueError(f"distributions of shape {a.shape} and {b.shape}")
    found, tokens = np.empty(len(a)), max(a.shape[1], b.shape[1])
    for at in range(0, len(a), _ROWS):
        p, q = (_padded(one[at : at + _ROWS].astype(np.float64) ** 2, tokens) for one in (a, b))
        found[at : at + _ROWS] = _divergence(p, q).sum(axis=1)
    return found, np.zeros(len(a))


def _padded(rows: np.ndarray, tokens: int) -> np.ndarray:
    """With zeros for tokens that are not there."""
    return np.pad(rows, ((0, 0), (0, tokens - rows.shape[1])))


def jensen_shannon(a: Listed, b: Listed) -> tuple[np.ndarray, np.ndarray]:
    """Jensen-Shannon divergence of n pairs of next-token distributions, from the most probable tokens of each.

    Tokens that both list count one by one; all others are one outcome, whose probability is known on both sides. Making
    outcomes one never raises a divergence (the data-processing inequality), so this is a lower bound. Where both list
    the whole vocabulary it is exact.

    With p and q the probabilities of the one outcome that holds all other tokens, the exact divergence is larger by
    (p + q) / 2 times the divergence within it, weighted p : q, and that is at most the entropy of those weights (Lin,
    Divergence measures based on the Shannon entropy, 1991). So the bound never lacks more than ln 2 (p + q) / 2.

    Parameters
    ----------
    a, b : what both list, not necessarily equally many tokens.

    Returns
    -------
    float64 (n,) the bound, nats, from 0 (equal) to ln 2 (nothing in common), and (n,) the most that it can lack; NaN
    where a probability is.

    Raises
    ------
    ValueError : where the shapes do not belong together.
    """
    p, q, lump_a, lump_b = _common(*a, *b)
    found = _divergence(p, q).sum(axis=1) + _divergence(lump_a, lump_b)
    both = lump_a + lump_b
    share = lump_a / np.where(both > 0, both, 1)
    # Rounding goes a little beyond both ends.
    return np.clip(found, 0, np.log(2)), both / 2 * (entr(share) + entr(1 - share))


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
