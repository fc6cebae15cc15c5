"""How a cloud's variance is spread over its directions: RankMe and the decay of its eigenvalues."""

import numpy as np

from phcore.topology.clouds import about_mean, checked_cloud

EPSILON = 1e-7  # of RankMe, for numbers in 32 bits
FIRST = 11  # eigenvalue at which the fit begins, as in the papers: the few before it are no part of the tail
FEWEST = 10  # eigenvalues of a fit; with fewer it begins at the first
_FLAT = 1e-12  # eigenvalues up to this share of the largest are rounding


def describe(cloud: np.ndarray) -> dict[str, float]:
    """rank_me, alpha_req and alpha_fit of one cloud (n, d); see below.

    Raises
    ------
    Fault : the cloud is empty, not two-dimensional or not finite.
    """
    x = checked_cloud(cloud)
    alpha, fit = alpha_req(x)
    return {"rank_me": rank_me(x), "alpha_req": alpha, "alpha_fit": fit}


def rank_me(cloud: np.ndarray) -> float:
    """RankMe (Garrido, Balestriero, Najman, LeCun 2023, arXiv:2210.02885): exp(-sum p ln p), p_k = s_k / sum s + 1e-7.

    s are the singular values of the cloud as it is. It is Roy & Vetterli's effective rank but for the epsilon, and for
    the mean, which `simple_geometry.effective_rank` takes out and RankMe leaves in: a cloud far from the origin has a
    low one whatever its shape.

    Returns
    -------
    From 1 to about min(n, d). NaN for a cloud of zeros.
    """
    singular = np.linalg.svd(np.asarray(cloud, np.float64), compute_uv=False)
    if not singular.any():
        return float("nan")
    p = singular / singular.sum() + EPSILON
    return float(np.exp(-(p * np.log(p)).sum()))


def alpha_req(cloud: np.ndarray) -> tuple[float, float]:
    """alpha-ReQ (Agrawal, Mondal, Ghosh, Richards 2022): eigenvalues of the covariance fall as j^-alpha.

    Least squares of ln lambda_j on ln j, from the eleventh eigenvalue to half of the rank: the first ones are no tail,
    and the last ones are bent by the number of points.

    Returns
    -------
    alpha, and R^2 of the line: how much of a power law it is. NaN where there are fewer than three eigenvalues to fit.
    """
    x = about_mean(cloud)
    gram = x @ x.T if len(x) <= x.shape[1] else x.T @ x
    values = np.linalg.eigvalsh(gram)[::-1]
    values = values[values > max(_FLAT * values[0], 0)]
    last = len(values) // 2
    first = FIRST if last >= FIRST + FEWEST - 1 else 1
    if last - first < 2:
        return float("nan"), float("nan")
    j, y = np.log(np.arange(first, last + 1)), np.log(values[first - 1 : last])
    slope, intercept = np.polyfit(j, y, 1)
    off, about = np.square(y - slope * j - intercept).sum(), np.square(y - y.mean()).sum()
    return float(-slope), float(1 - off / about) if about > 0 else float("nan")
