"""Subjects for stable weights: the law of drawn covariances is that of data, and the numbers are those published."""

import numpy as np
import pytest

from fusion import CanonicalCorrelation, InputError, held_out_power, stability_errors, subjects_for_held_out_power
from fusion.power.stability import subjects_for_stability

# gemmr's own page, cca_sample_size(5, 10, -0.8, -1.2): 90 % power and mean errors of strength, weights, scores and
# loadings below 10 %, interpolated over many spectra (Helmer et al. 2024, doi:10.1038/s42003-024-05869-4;
# gemmr.readthedocs.io/en/latest/sample_size_calculation.html).
PUBLISHED = {0.1: 12624, 0.3: 1145, 0.5: 375}


def test_errors_are_those_of_data() -> None:
    rng, n, p, q, rho = np.random.default_rng(1), 150, 6, 4, 0.5
    drawn = []
    for _ in range(250):
        x, y = rng.standard_normal((n, p)), rng.standard_normal((n, q))
        y[:, 0] = rho * x[:, 0] + np.sqrt(1 - rho**2) * y[:, 0]
        fitted = CanonicalCorrelation(1).fit(x, y)
        of_weights, of_loadings = (
            max(1 - abs(side[0, 0]) / np.linalg.norm(side) for side in sides)
            for sides in ((fitted.x_weights_, fitted.y_weights_), (fitted.x_loadings_, fitted.y_loadings_))
        )
        drawn.append((abs(fitted.canonical_correlations_[0] - rho) / rho, of_weights, of_loadings))
    found = stability_errors(n - 1, p, q, rho, n_draws=1000)
    for ours, theirs in zip(found, np.transpose(drawn), strict=True):
        assert ours.mean() == pytest.approx(theirs.mean(), abs=4 * theirs.std() / np.sqrt(250))
        assert np.quantile(ours, 0.8) == pytest.approx(np.quantile(theirs, 0.8), rel=0.2)


@pytest.mark.parametrize(("rho", "published"), PUBLISHED.items())
def test_published_numbers_lie_between_the_rule_of_means_and_that_of_most_studies(rho: float, published: int) -> None:
    """Their weights are of unequal principal components, which costs more than whitened ones; the mean asks less."""
    assert max(errors.mean() for errors in stability_errors(published, 5, 10, rho)) < 0.1
    assert max(errors.mean() for errors in stability_errors(published // 2, 5, 10, rho)) > 0.1
    assert 0.55 * published < subjects_for_stability(rho, 5, 10, share=None) < published
    assert published < 1.1 * subjects_for_stability(rho, 5, 10)


def test_numbers_scale_as_the_law_does() -> None:
    """Fifty samples a feature for .3, as the article has it, by the mean of errors; four times as many for .15."""
    per_feature = subjects_for_stability(0.3, 16, 16, share=None) / 32
    assert 35 < per_feature < 70
    assert 3 < subjects_for_stability(0.15, 16, 16, share=None) / 32 / per_feature < 5


def test_with_the_predicted_subjects_power_is_80_percent() -> None:
    n = subjects_for_held_out_power(0.3, 8, 6, n_alignments=2)
    assert held_out_power(n, 8, 6, 0.3, n_alignments=2) == pytest.approx(0.8, abs=0.03)
    assert subjects_for_held_out_power(0.3, 8, 6) < n
    assert subjects_for_held_out_power(0.6, 8, 6) < n / 3


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="inside 0 and 1"):
        subjects_for_stability(1.0, 5, 5)
    with pytest.raises(InputError, match="more rows than dimensions"):
        stability_errors(10, 5, 5, 0.5)
    with pytest.raises(InputError, match=r"at most 4,096 dimensions; got 1,000,000,000,000 \+ 29: take fewer"):
        subjects_for_stability(0.3, 10**12, 29)
    with pytest.raises(InputError, match=r"a correlation of 0\.0002 needs more"):
        subjects_for_stability(0.0002, 5, 5, n_draws=20)
