"""Residualise, reduce, align, test: statistics on views whose rows are subjects."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fusion.cca import CanonicalCorrelation as CanonicalCorrelation
    from fusion.confounds import Confound as Confound
    from fusion.confounds import ConfoundDesign as ConfoundDesign
    from fusion.confounds import infer_confounds as infer_confounds
    from fusion.errors import InputError as InputError
    from fusion.exchangeability import Blocks as Blocks
    from fusion.exchangeability import make_permutations as make_permutations
    from fusion.inference import permutation_test_cca as permutation_test_cca
    from fusion.loadings import feature_loadings as feature_loadings
    from fusion.loadings import group_loadings as group_loadings
    from fusion.loadings import structure_correlations as structure_correlations
    from fusion.overlap import OverlapTable as OverlapTable
    from fusion.overlap import align_subjects as align_subjects
    from fusion.pca import ViewPCA as ViewPCA
    from fusion.residualize import Residualizer as Residualizer
    from fusion.results import PermutationTestCCA as PermutationTestCCA
    from fusion.views import FactoredView as FactoredView
    from fusion.views import TableView as TableView
    from fusion.views import View as View
    from fusion.views import as_view as as_view

# Public name -> module that owns it; imported at first use, so that `import fusion` costs nothing.
_OWNERS = {
    "Blocks": "exchangeability",
    "CanonicalCorrelation": "cca",
    "Confound": "confounds",
    "ConfoundDesign": "confounds",
    "CrossValidatedCCA": "results",
    "FactoredView": "views",
    "Folds": "folds",
    "InputError": "errors",
    "LateFusion": "late_fusion",
    "OverlapTable": "overlap",
    "PermutationTestCCA": "results",
    "Residualizer": "residualize",
    "TableView": "views",
    "View": "views",
    "ViewPCA": "pca",
    "align_subjects": "overlap",
    "as_view": "views",
    "choose_dimensions": "cross_validation",
    "cross_validated_cca": "cross_validation",
    "feature_loadings": "loadings",
    "group_loadings": "loadings",
    "infer_confounds": "confounds",
    "make_folds": "cross_validation",
    "make_permutations": "exchangeability",
    "null_r1": "detectability",
    "permutation_test_cca": "inference",
    "required_n": "detectability",
    "rho_c": "detectability",
    "structure_correlations": "loadings",
    "wachter_edge": "detectability",
}
__all__ = sorted(_OWNERS)


def __getattr__(name: str) -> Any:
    if name not in _OWNERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_OWNERS[name]}"), name)


def __dir__() -> list[str]:
    return __all__
