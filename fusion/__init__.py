"""Residualise, reduce, align, test: statistics on views whose rows are subjects."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fusion.cca import CanonicalCorrelation as CanonicalCorrelation
    from fusion.confounds import Confound as Confound
    from fusion.confounds import ConfoundDesign as ConfoundDesign
    from fusion.confounds import infer_confounds as infer_confounds
    from fusion.cross_validation import cross_validated_cca as cross_validated_cca
    from fusion.detectability import NullR1 as NullR1
    from fusion.detectability import approximate_null_r1 as approximate_null_r1
    from fusion.detectability import flags as flags
    from fusion.detectability import null_r1 as null_r1
    from fusion.detectability import required_n as required_n
    from fusion.detectability import rho_c as rho_c
    from fusion.detectability import wachter_edge as wachter_edge
    from fusion.dimensions import choose_dimensions as choose_dimensions
    from fusion.errors import InputError as InputError
    from fusion.exchangeability import Blocks as Blocks
    from fusion.exchangeability import make_permutations as make_permutations
    from fusion.families import PairedDifference as PairedDifference
    from fusion.families import paired_difference as paired_difference
    from fusion.families import westfall_young as westfall_young
    from fusion.folds import Folds as Folds
    from fusion.folds import make_folds as make_folds
    from fusion.harmonize import ComBat as ComBat
    from fusion.inference import permutation_test_cca as permutation_test_cca
    from fusion.inference import permutation_tests_cca as permutation_tests_cca
    from fusion.interpretation import bootstrap_refits as bootstrap_refits
    from fusion.interpretation import loading_table as loading_table
    from fusion.interpretation import redundancy as redundancy
    from fusion.interpretation import split_half_cosines as split_half_cosines
    from fusion.late_fusion import LateFusion as LateFusion
    from fusion.learned_view import HarmonizedView as HarmonizedView
    from fusion.learned_view import NormalScoresView as NormalScoresView
    from fusion.loadings import feature_loadings as feature_loadings
    from fusion.loadings import group_loadings as group_loadings
    from fusion.loadings import structure_correlations as structure_correlations
    from fusion.normal_scores import NormalScores as NormalScores
    from fusion.overlap import OverlapTable as OverlapTable
    from fusion.overlap import align_subjects as align_subjects
    from fusion.pca import ViewPCA as ViewPCA
    from fusion.power import detectable_rho as detectable_rho
    from fusion.power import predicted_power as predicted_power
    from fusion.ranking import Ranking as Ranking
    from fusion.ranking import rank_arms as rank_arms
    from fusion.residualize import Residualizer as Residualizer
    from fusion.results import CrossValidatedCCA as CrossValidatedCCA
    from fusion.results import PermutationTestCCA as PermutationTestCCA
    from fusion.ridge_cca import RidgeCCA as RidgeCCA
    from fusion.similarity import linear_cka as linear_cka
    from fusion.similarity import principal_angles as principal_angles
    from fusion.sparse_cca import SparseCCA as SparseCCA
    from fusion.views import FactoredView as FactoredView
    from fusion.views import TableView as TableView
    from fusion.views import View as View
    from fusion.views import as_view as as_view

# Public name -> module that owns it; imported at first use, so that `import fusion` costs nothing.
_OWNERS = {
    "Blocks": "exchangeability",
    "CanonicalCorrelation": "cca",
    "ComBat": "harmonize",
    "Confound": "confounds",
    "ConfoundDesign": "confounds",
    "CrossValidatedCCA": "results",
    "FactoredView": "views",
    "Folds": "folds",
    "HarmonizedView": "learned_view",
    "InputError": "errors",
    "LateFusion": "late_fusion",
    "NormalScores": "normal_scores",
    "NormalScoresView": "learned_view",
    "NullR1": "detectability",
    "OverlapTable": "overlap",
    "PairedDifference": "families",
    "PermutationTestCCA": "results",
    "Ranking": "ranking",
    "Residualizer": "residualize",
    "RidgeCCA": "ridge_cca",
    "SparseCCA": "sparse_cca",
    "TableView": "views",
    "View": "views",
    "ViewPCA": "pca",
    "align_subjects": "overlap",
    "approximate_null_r1": "detectability",
    "as_view": "views",
    "bootstrap_refits": "interpretation",
    "choose_dimensions": "dimensions",
    "cross_validated_cca": "cross_validation",
    "detectable_rho": "power",
    "feature_loadings": "loadings",
    "flags": "detectability",
    "group_loadings": "loadings",
    "infer_confounds": "confounds",
    "linear_cka": "similarity",
    "loading_table": "interpretation",
    "make_folds": "folds",
    "make_permutations": "exchangeability",
    "null_r1": "detectability",
    "paired_difference": "families",
    "permutation_test_cca": "inference",
    "permutation_tests_cca": "inference",
    "predicted_power": "power",
    "principal_angles": "similarity",
    "rank_arms": "ranking",
    "redundancy": "interpretation",
    "required_n": "detectability",
    "rho_c": "detectability",
    "split_half_cosines": "interpretation",
    "structure_correlations": "loadings",
    "wachter_edge": "detectability",
    "westfall_young": "families",
}
__all__ = sorted(_OWNERS)


def __getattr__(name: str) -> Any:
    if name not in _OWNERS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_OWNERS[name]}"), name)


def __dir__() -> list[str]:
    return __all__
