"""RankMe and alpha-ReQ, against spectra that are known."""

import numpy as np
import pytest

from phcore.topology import spectrum
from phcore.topology.simple_geometry import effective_rank

RNG = np.random.default_rng(1)


def with_spectrum(singular: np.ndarray, n: int = 120) -> np.ndarray:
    """A centred cloud (n, d) with these singular values."""
    left = np.linalg.qr(np.column_stack([np.ones(n), RNG.normal(size=(n, len(singular)))]))[0][:, 1:]
    right = np.linalg.qr(RNG.normal(size=(len(singular), len(singular))))[0]
    return left * singular @ right


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.3])
def test_a_power_law_has_its_exponent(alpha):
    j = np.arange(1, 81)
    found, fit = spectrum.alpha_req(with_spectrum(np.sqrt(j**-alpha)))
    assert found == pytest.approx(alpha, rel=1e-6)
    assert fit == pytest.approx(1)
    assert spectrum.alpha_req(5 * with_spectrum(np.sqrt(j**-alpha)) + 3)[0] == pytest.approx(alpha, rel=1e-6)


def test_the_first_eigenvalues_are_no_part_of_the_tail():
    values = np.arange(1, 81) ** -1.0
    values[:10] *= 50
    assert spectrum.alpha_req(with_spectrum(np.sqrt(values)))[0] == pytest.approx(1, rel=1e-6)


def test_rank_me_is_effective_rank_but_for_epsilon_and_mean():
    x = with_spectrum(RNG.uniform(1, 2, 20))
    assert spectrum.rank_me(x) == pytest.approx(effective_rank(x), rel=1e-4)
    assert effective_rank(x + 100) == pytest.approx(effective_rank(x))
    assert spectrum.rank_me(x + 100) < 2  # the mean is one long direction
    assert spectrum.rank_me(with_spectrum(np.ones(20))) == pytest.approx(20, rel=1e-4)


def test_too_little_to_say():
    assert np.isnan(spectrum.rank_me(np.zeros((5, 3))))
    assert np.isnan(spectrum.alpha_req(np.ones((5, 3)))).all()
    assert np.isnan(spectrum.alpha_req(RNG.normal(size=(4, 3)))).all()
