"""Labels of pandas objects: every public function that takes rows holds them against one another, or refuses."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import fusion
from fusion import InputError
from fusion.interpretation.ties import TiedSide
from fusion.permutation.relations import Relations
from fusion.subject_rows import check_same_subjects, row_ids

N = 60
IDS = [f"s{i:02d}" for i in range(N)]
Tables = dict[str, Any]
Call = Callable[[Tables], Any]
QUICK: dict[str, Any] = {"n_permutations": 9, "n_bootstrap": 9, "random_state": 0}
SIZES: dict[str, Any] = {"x_dimensions": 2, "y_dimensions": 2, "n_components": 1}


def _tables(index: list[Any]) -> Tables:
    rng = np.random.default_rng(0)
    return {
        "x": pd.DataFrame(rng.standard_normal((N, 3)), index, ["a", "b", "c"]),
        "y": pd.DataFrame(rng.standard_normal((N, 4)), index, ["u", "v", "w", "z"]),
        "confounds": pd.DataFrame({"age": rng.standard_normal(N)}, index),
        "families": pd.Series(np.arange(N) // 2, index),
        "sites": pd.Series(np.arange(N) % 3, index),
        "scores": pd.DataFrame(rng.standard_normal((N, 2)), index),
    }


def _cca(t: Tables, **settings: Any) -> Any:
    return fusion.cross_validated_cca(t["x"], t["y"], **QUICK, **SIZES, **settings)


def _arms(t: Tables) -> tuple[Any, Any]:
    return _cca(t), fusion.cross_validated_cca(t["x"], 2 * t["y"] + 1, **QUICK, **SIZES)


def _aligner(kind: Any) -> dict[str, tuple[Call, list[str]]]:
    name = kind.__name__
    return {
        name: (lambda t: kind(1).fit(t["x"], t["y"]), ["x", "y"]),
        f"{name}.transform": (lambda t: kind(1).fit(*_aligned(t)).transform(t["x"], t["y"]), ["x", "y"]),
        f"{name}.score": (lambda t: kind(1).fit(*_aligned(t)).score(t["x"], t["y"]), ["x", "y"]),
    }


def _aligned(t: Tables) -> tuple[Any, Any]:
    """The same columns in an order that agrees, whatever was done to the tables."""
    known = _tables(IDS)
    return known["x"], known["y"]


def _residualizer(t: Tables) -> Any:
    return fusion.Residualizer().fit(t["x"], confounds=t["confounds"])


def _tied_side() -> TiedSide:
    rng = np.random.default_rng(0)
    return TiedSide(*(rng.standard_normal(shape) for shape in ((N, 3), (3, 2), (4, 3, 2))), np.ones((N, 4), dtype=int))


def _frozen() -> Any:
    known = _tables(IDS)
    return fusion.FrozenAlignment.of_late_fusion(fusion.LateFusion(1).fit(known["x"], known["y"]), n_subjects=N)


CALLS: dict[str, tuple[Call, list[str]]] = {
    **_aligner(fusion.CanonicalCorrelation),
    **_aligner(fusion.RidgeCCA),
    **_aligner(fusion.SparseCCA),
    **_aligner(fusion.KernelCCA),
    "permutation_test_cca": (
        lambda t: fusion.permutation_test_cca(
            t["x"], t["y"], t["confounds"], exchangeability_blocks=t["families"], projection="theil", n_permutations=9
        ),
        ["x", "y", "confounds", "families"],
    ),
    "permutation_tests_cca": (
        lambda t: fusion.permutation_tests_cca(
            t["x"], t["y"], confounds_x=t["confounds"], confounds_y=t["scores"], n_permutations=9
        ),
        ["x", "y", "confounds", "scores"],
    ),
    "sequential_test_cca": (
        lambda t: fusion.sequential_test_cca(
            t["x"], t["y"], t["confounds"], exchangeability_blocks=t["families"], n_permutations=9
        ),
        ["x", "y", "confounds", "families"],
    ),
    "cross_validated_cca": (
        lambda t: _cca(t, confounds=t["confounds"], groups=t["families"], stratify=t["sites"]),
        ["x", "y", "confounds", "families", "sites"],
    ),
    "cross_validated_cca, blocks": (
        lambda t: _cca(t, exchangeability_blocks=fusion.Blocks(t["families"], "whole"), groups=t["families"]),
        ["x", "y", "families"],
    ),
    "cross_validated_cca, folds": (
        lambda t: _cca(t, folds=fusion.make_folds(t["sites"], 3, groups=t["families"])),
        ["x", "y", "families"],
    ),
    "attribute_blocks": (
        lambda t: fusion.attribute_blocks(
            t["x"],
            t["y"],
            t["confounds"],
            folds=fusion.make_folds(t["families"], 3, groups=t["families"]),
            repeats=1,
            n_permutations=9,
        ),
        ["x", "y", "confounds", "families"],
    ),
    "subsample_curve": (
        lambda t: fusion.subsample_curve(
            t["x"],
            t["y"],
            t["confounds"],
            folds=fusion.make_folds(t["families"], 2, groups=t["families"]),
            shares=(0.7,),
            n_draws=3,
            x_dimensions=1,
            y_dimensions=1,
        ),
        ["x", "y", "confounds", "families"],
    ),
    "make_folds": (
        lambda t: fusion.make_folds(t["x"], 4, groups=t["families"], stratify=t["sites"]),
        ["x", "families", "sites"],
    ),
    "Folds": (lambda t: _cca(t, folds=fusion.Folds(t["sites"])), ["x", "y", "sites"]),
    "Blocks": (
        lambda t: fusion.permutation_test_cca(
            t["x"], t["y"], exchangeability_blocks=fusion.Blocks(t["sites"]), projection="theil", n_permutations=9
        ),
        ["x", "y", "sites"],
    ),
    "paired_difference": (
        lambda t: fusion.paired_difference(*_arms(t), groups=t["families"], n_bootstrap=9),
        ["x", "y", "families"],
    ),
    "paired_differences": (
        lambda t: fusion.paired_differences(
            dict(zip("ab", _arms(t), strict=True)), groups=t["families"], n_bootstrap=9
        ),
        ["x", "y", "families"],
    ),
    "rank_arms": (
        lambda t: fusion.rank_arms(dict(zip("ab", _arms(t), strict=True)), groups=t["families"], n_bootstrap=9),
        ["x", "y", "families"],
    ),
    "simultaneous_intervals": (
        lambda t: fusion.simultaneous_intervals(
            dict(zip("ab", _arms(t), strict=True)), groups=t["families"], n_bootstrap=9
        ),
        ["x", "y", "families"],
    ),
    "kinship_blocks": (
        lambda t: fusion.permutation_test_cca(
            t["x"],
            t["y"],
            exchangeability_blocks=fusion.kinship_blocks(t["families"], kinds=t["sites"]),
            projection="theil",
            n_permutations=9,
        ),
        ["x", "y", "families", "sites"],
    ),
    "linear_cka": (lambda t: fusion.linear_cka(t["x"], t["y"]), ["x", "y"]),
    "principal_angles": (lambda t: fusion.principal_angles(t["x"], t["y"]), ["x", "y"]),
    "ComBat": (
        lambda t: fusion.ComBat().fit(t["x"], sites=t["sites"], covariates=t["confounds"]),
        ["x", "sites", "confounds"],
    ),
    "ComBat.transform": (
        lambda t: fusion.ComBat().fit(_tables(IDS)["x"], sites=_tables(IDS)["sites"]).transform(t["x"], t["sites"]),
        ["x", "sites"],
    ),
    "CovBat": (
        lambda t: fusion.CovBat().fit(t["x"], sites=t["sites"], covariates=t["confounds"]),
        ["x", "sites", "confounds"],
    ),
    "CovBat.transform": (
        lambda t: fusion.CovBat().fit(_tables(IDS)["x"], sites=_tables(IDS)["sites"]).transform(t["x"], t["sites"]),
        ["x", "sites"],
    ),
    "HarmonizedView": (
        lambda t: fusion.HarmonizedView(t["x"], t["sites"], t["confounds"]),
        ["x", "sites", "confounds"],
    ),
    "NormalScoresView": (lambda t: fusion.NormalScoresView(t["x"], t["confounds"]), ["x", "confounds"]),
    "ImputedView": (lambda t: fusion.ImputedView(t["x"], t["confounds"]), ["x", "confounds"]),
    "PairwiseView": (lambda t: fusion.PairwiseView(t["x"], t["confounds"]), ["x", "confounds"]),
    "Imputer": (lambda t: fusion.Imputer("low-rank").fit(t["x"], confounds=t["confounds"]), ["x", "confounds"]),
    "Imputer.transform": (
        lambda t: (
            fusion.Imputer("low-rank")
            .fit(_tables(IDS)["x"], confounds=_tables(IDS)["confounds"])
            .transform(t["x"], t["confounds"])
        ),
        ["x", "confounds"],
    ),
    "PairwiseCovariance": (
        lambda t: fusion.PairwiseCovariance().fit(t["x"], confounds=t["confounds"]),
        ["x", "confounds"],
    ),
    "PairwiseCovariance.transform": (
        lambda t: (
            fusion.PairwiseCovariance()
            .fit(_tables(IDS)["x"], confounds=_tables(IDS)["confounds"])
            .transform(t["x"], t["confounds"])
        ),
        ["x", "confounds"],
    ),
    "whiten_relatives": (
        lambda t: fusion.whiten_relatives(
            t["x"], t["y"], t["confounds"], relationship=np.kron(np.eye(N // 2), [[1, 0.5], [0.5, 1]])
        ),
        ["x", "y", "confounds"],
    ),
    "NormalScores": (
        lambda t: fusion.NormalScores().fit(
            t["x"] * 0 + _residualizer(_tables(IDS)).transform(_tables(IDS)["x"], _tables(IDS)["confounds"]),
            confounds=t["confounds"],
        ),
        [],
    ),
    "Residualizer": (_residualizer, ["x", "confounds"]),
    "Residualizer.transform": (
        lambda t: _residualizer(_tables(IDS)).transform(t["x"], t["confounds"]),
        ["x", "confounds"],
    ),
    "ViewPCA": (lambda t: fusion.ViewPCA(2, confounds=t["confounds"]).fit(t["x"]), ["x", "confounds"]),
    "ViewPCA.transform": (
        lambda t: (
            fusion.ViewPCA(2, confounds=_tables(IDS)["confounds"])
            .fit(_tables(IDS)["x"])
            .transform(t["x"], confounds=t["confounds"])
        ),
        ["x", "confounds"],
    ),
    "structure_correlations": (
        lambda t: fusion.structure_correlations(t["x"], t["scores"], confounds=t["confounds"]),
        ["x", "scores", "confounds"],
    ),
    "feature_loadings": (
        lambda t: fusion.feature_loadings(t["x"], t["scores"], confounds=t["confounds"]),
        ["x", "scores", "confounds"],
    ),
    "group_loadings": (
        lambda t: fusion.group_loadings(t["x"], t["scores"], confounds=t["confounds"]),
        ["x", "scores", "confounds"],
    ),
    "loading_table": (
        lambda t: fusion.loading_table(
            t["x"],
            *np.random.default_rng(0).standard_normal((2, N)),
            draws=np.empty((N, 0)),
            counts=None,
            confounds=t["confounds"],
            grouped=False,
        ),
        ["x", "confounds"],
    ),
    "dependence_test": (
        lambda t: fusion.dependence_test(
            t["x"],
            t["y"],
            t["confounds"],
            n_permutations=1,
            exchangeability_blocks=t["sites"],
        ),
        ["x", "y", "confounds", "sites"],
    ),
    "communality_table": (
        lambda t: fusion.communality_table(t["x"], _tied_side(), confounds=t["confounds"], grouped=False),
        ["x", "confounds"],
    ),
    "LateFusion": (
        lambda t: fusion.LateFusion(1, harmonize=fusion.ComBat()).fit(t["x"], t["y"], t["confounds"], sites=t["sites"]),
        ["x", "y", "confounds", "sites"],
    ),
    "LateFusion.transform": (
        lambda t: (
            fusion.LateFusion(1)
            .fit(_tables(IDS)["x"], _tables(IDS)["y"], _tables(IDS)["confounds"])
            .transform(t["x"], t["y"], t["confounds"])
        ),
        ["x", "y", "confounds"],
    ),
    "replicate_cca": (
        lambda t: fusion.replicate_cca(
            _frozen(),
            t["x"],
            t["y"],
            t["confounds"],
            groups=t["families"],
            exchangeability_blocks=fusion.Blocks(t["sites"]),
            n_permutations=9,
            n_bootstrap=9,
        ),
        ["x", "y", "confounds", "families", "sites"],
    ),
    "replicate_cca, relations": (
        lambda t: fusion.replicate_cca(
            _frozen(), t["x"], t["y"], relations=Relations.of(t["families"]), n_permutations=9, n_bootstrap=9
        ),
        ["x", "y", "families"],
    ),
    "TableView": (lambda t: fusion.TableView(t["x"], IDS, ["a", "b", "c"]), []),
}
EMBEDDINGS = {
    "bootstrap_refits",
    "split_half_cosines",
}  # of arrays: only labels of families could disagree, and none do
WITHOUT_ROWS = {
    "BlockAttribution",
    "DependenceTest",
    "Subsample",
    *("choose_dimensions", "PairedDifference", "Ranking", "Confound", "ConfoundDesign", "infer_confounds"),
    *("KinshipModel", "WhitenedView", "WhitenedRelatives"),
    *("Interaction", "read_formula"),
    *("CrossValidatedCCA", "InputError", "make_permutations", "PermutationTestCCA", "NullR1", "approximate_null_r1"),
    *("flags", "null_r1", "required_n", "rho_c", "wachter_edge", "detectable_rho", "predicted_power", "redundancy"),
    *(
        "held_out_power",
        "detectable_held_out_rho",
        "OverlapTable",
        "align_subjects",
        "FactoredView",
        "View",
        "as_view",
        "westfall_young",
        "westfall_young_tails",
        *("TailP", "tail_p", "SequentialP", "sequential_p"),
        "FrozenAlignment",
        "ReplicatedCCA",
        "MetaAnalysis",
        "combine_correlations",
        "stability_errors",
        "subjects_for_held_out_power",
        "subjects_for_stability",
    ),
}


def test_every_public_name_is_walked_over_or_takes_no_rows() -> None:
    walked = {name.split(".")[0].split(",")[0] for name in CALLS}
    assert walked | EMBEDDINGS | WITHOUT_ROWS == set(fusion.__all__)
    assert not walked & WITHOUT_ROWS


@pytest.mark.parametrize("name", CALLS)
def test_labels_that_agree_are_accepted(name: str) -> None:
    CALLS[name][0](_tables(IDS))


CHANGES: dict[str, Callable[[Any], Any]] = {
    "another order": lambda table: table.iloc[::-1],
    "other subjects": lambda table: table.set_axis([f"t{i}" for i in range(N)]),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    ("name", "argument"), [(name, argument) for name, (_, taken) in CALLS.items() for argument in taken]
)
def test_labels_that_disagree_are_refused(name: str, argument: str, change: str) -> None:
    tables = _tables(IDS)
    tables[argument] = CHANGES[change](tables[argument])
    with pytest.raises(InputError, match=r"must (list the subjects|have the rows|be held against)"):
        CALLS[name][0](tables)


def test_rows_that_pandas_numbered_and_someone_moved_are_refused() -> None:
    tables = _tables(list(range(N)))
    x, y = tables["x"], tables["y"]
    check_same_subjects(x=x, y=y)
    check_same_subjects(x=x.iloc[::-1], y=y.iloc[::-1])
    for moved in (y.sort_values("u"), y.set_axis(range(20, 20 + N))):
        with pytest.raises(InputError, match="y must list the subjects of x in the same order"):
            check_same_subjects(x=x, y=moved)
    with pytest.raises(InputError, match="y must list the subjects of x"):
        check_same_subjects(x=x.iloc[:40], y=y.iloc[20:])


def test_rows_without_names_go_with_any() -> None:
    tables = _tables(IDS)
    check_same_subjects(x=tables["x"], y=tables["y"].to_numpy(), confounds=tables["confounds"].reset_index(drop=True))
    assert row_ids(tables["y"].to_numpy()) is None
    assert row_ids(list("abc")) is None


def test_a_number_of_subjects_cannot_say_whose_labels_they_are() -> None:
    families = _tables(IDS)["families"].iloc[::-1]
    with pytest.raises(InputError, match=r"groups must be held against the ids.*'s59'.*only their number, 60"):
        fusion.make_folds(N, 4, groups=families)
    with pytest.raises(InputError, match="blocks must be held against the ids"):
        fusion.make_permutations(N, 9, blocks=fusion.Blocks(families))
    numbered = families.reset_index(drop=True)
    folds = fusion.make_folds(N, 4, groups=numbered, random_state=0).assignments
    assert all(len(set(folds[numbered == family])) == 1 for family in set(numbered))


def test_ids_and_numbers_of_the_same_name_are_the_same() -> None:
    tables = _tables([1000 + i for i in range(N)])
    view = fusion.as_view(tables["x"])
    check_same_subjects(x=view, y=tables["y"])
    with pytest.raises(InputError, match="row 0 is '1059', not '1000'"):
        check_same_subjects(x=view, y=tables["y"].iloc[::-1])


def test_a_table_view_of_a_frame_names_its_rows() -> None:
    with pytest.raises(InputError, match="values must list the subjects of subject_ids"):
        fusion.TableView(_tables(IDS)["x"], IDS[::-1], ["a", "b", "c"])


def test_refits_hold_labels_of_families_against_frames() -> None:
    families = _tables(IDS)["families"]
    x, y = (np.random.default_rng(k).standard_normal((N, 2)) for k in (0, 1))
    fusion.bootstrap_refits(x, y, clusters=families, n_draws=3)
    with pytest.raises(InputError, match="clusters must have the rows of x"):
        fusion.bootstrap_refits(x, y, clusters=families.iloc[:-1], n_draws=3)
    with pytest.raises(InputError, match="clusters must have the rows of x"):
        fusion.split_half_cosines(x, y, clusters=families.iloc[:-1], n_repeats=2)
