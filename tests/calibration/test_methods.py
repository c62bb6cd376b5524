"""Methods beyond linear CCA: how often the family of all of them finds a link that is not there."""

import numpy as np
import pytest

from analyses.alignment.contrastive import ContrastiveMethod
from analyses.alignment.deep_cca import DeepCCAMethod
from fusion import make_folds
from fusion.comparison.max_t import westfall_young
from fusion.comparison.paired_differences import paired_family
from fusion.methods import KernelMethod, LinearMethod, cross_validated_methods
from tests.calibration.rates import Rates, assert_valid

pytestmark = pytest.mark.calibration

N, N_CONFOUNDS, N_SETS = 60, 6, 200
METHODS = {
    "linear": LinearMethod(),
    "kernel": KernelMethod(penalties=(0.1, 0.5), n_landmarks=20),
    "contrastive": ContrastiveMethod(width=4, hidden=8, n_epochs=5, patience=3),
    "deep": DeepCCAMethod(width=2, hidden=8, n_epochs=5, patience=3),
}


def _p_values(seed: int) -> dict[str, float]:
    """Genes and brain share their confounds and nothing else."""
    rng = np.random.default_rng(seed)
    x, y, z = (rng.standard_normal((N, width)) for width in (3, 4, N_CONFOUNDS))
    x, y = x + z @ rng.standard_normal((N_CONFOUNDS, 3)), y + z @ rng.standard_normal((N_CONFOUNDS, 4))
    found = cross_validated_methods(
        x,
        y,
        z,
        methods=METHODS,
        folds=make_folds(N, 3, random_state=seed),
        dimensions=(3, 4),
        inner_splits=2,
        recall_at=4,
        n_permutations=19,
        n_bootstrap=19,
        random_state=seed,
    ).methods
    nulls = {
        f"{name} {kind}": (float(null[0]), null)
        for name, one in found.items()
        for kind, null in (("rho", one.null), ("retrieval", one.retrieval_null))
    }
    differences = paired_family(found, n_permutations=199, random_state=seed)
    return {
        "all methods, max-T": min(westfall_young(nulls, is_mixed=True).values()),
        "naive: best of the methods": min(p for one in found.values() for p in one.p),
        "any difference of two methods": min(differences.values()),
    }


def test_methods_under_the_null(rates: Rates) -> None:
    found = rates(_p_values, N_SETS)
    assert_valid(found["all methods, max-T"])
    assert_valid(found["any difference of two methods"])
