"""Blocks left out: equal to fits by hand, found where they are planted, and said where there is no answer."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from fusion import Blocks, InputError, cross_validated_cca, make_folds
from fusion.attribution import BlockAttribution, attribute_blocks, column_blocks
from fusion.attribution.exchanged import fold_mean
from fusion.attribution.left_out import held_out, without
from fusion.attribution.measure import Measure
from fusion.attribution.parts import embed_parts, split_scores
from fusion.confounds.coding import Confounds
from fusion.cross_validation.folds import Folds, folds_of
from fusion.decomposition.pca import ViewPCA
from fusion.permutation.permutations import make_permutations, restrict
from fusion.permutation.projections import Theil, keep_rows, nuisance_basis
from fusion.permutation.relations import Relations
from fusion.prediction import NotDefinedError, Outcome
from fusion.views.view import as_view
from tests.fusion.factors import make_panel

N, GENES, WIDTH, REAL = 97, 5, 3, 2
BLOCKS = {f"g{gene}": np.arange(WIDTH) + gene * WIDTH for gene in range(GENES)}


def study(effect: float = 1.5, seed: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Genes, brain and confounds; the brain follows one gene."""
    rng = np.random.default_rng(seed)
    confounds = rng.standard_normal((N, 2))
    genes = rng.standard_normal((N, GENES * WIDTH)) + 0.5 * confounds @ rng.standard_normal((2, GENES * WIDTH))
    brain = rng.standard_normal((N, 4)) + 0.5 * confounds @ rng.standard_normal((2, 4))
    brain[:, 1] += effect * genes[:, REAL * WIDTH]
    return genes, brain, confounds


def attribute(x: Any, y: Any, confounds: Any, **settings: Any) -> BlockAttribution:
    quick = {"repeats": 2, "n_permutations": 99, "x_dimensions": 8, "y_dimensions": 3, "blocks": BLOCKS}
    return attribute_blocks(x, y, confounds, **{"folds": make_folds(N, 3, random_state=1), **quick, **settings})


@pytest.fixture(scope="module")
def found() -> BlockAttribution:
    return attribute(*study(), n_permutations=199)


def test_scores_are_the_sum_of_the_parts_of_a_panel_of_unequal_genes() -> None:
    view = make_panel().view
    pca = ViewPCA(6).fit(view, rows=np.arange(30))
    blocks = list(column_blocks(view).values())
    parts = split_scores(view, pca, blocks, 6)
    assert {part.columns.shape[1] for part in parts} == {3, 5, 6}
    whole = view.multiply(pca.components_.T / pca.scale_[:, np.newaxis])
    np.testing.assert_allclose(sum(part.scores for part in parts), whole, atol=1e-9)


def test_the_whole_is_the_held_out_correlation_of_the_alignment() -> None:
    genes, brain, confounds = study()
    folds = make_folds(N, 3, random_state=1)
    sizes: dict[str, Any] = {"x_dimensions": 8, "y_dimensions": 3}
    aligned = cross_validated_cca(genes, brain, confounds, folds=folds, n_permutations=19, n_bootstrap=19, **sizes)
    found = attribute(genes, brain, confounds, folds=folds, n_permutations=19)
    assert found.value == pytest.approx(aligned.rho[0], abs=1e-8)


def test_leaving_a_block_out_of_all_axes_is_a_fit_without_its_columns() -> None:
    genes, brain, confounds = study()
    folds = make_folds(N, 3, random_state=1)
    train, test = next(iter(folds))
    views, coded = (as_view(genes), as_view(brain)), Confounds.of(confounds)
    every = embed_parts(views, coded, (train, test), list(BLOCKS.values()), (GENES * WIDTH, 4), (True, True))
    rest = as_view(np.delete(genes, BLOCKS["g2"], axis=1))
    alone = embed_parts((rest, views[1]), coded, (train, test), [np.arange(3)], ((GENES - 1) * WIDTH, 4), (True, True))
    expected = held_out(alone.fold, alone.fold.x, Measure())
    assert without(every, REAL, Measure()) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("families", [None, np.minimum(np.arange(N), N - 5) // 2], ids=["alone", "families"])
def test_an_exchange_is_that_of_the_residuals_refitted_by_hand(families: np.ndarray | None) -> None:
    genes, brain, confounds = study()
    whole = None if families is None else Blocks(families, "whole")
    folds = folds_of(Relations.of(N, groups=families, blocks=whole), 3, 1)
    found = attribute(genes, brain, confounds, folds=folds, n_permutations=5, random_state=3)
    views, coded = (as_view(genes), as_view(brain)), Confounds.of(confounds)
    pca = ViewPCA(found.n_given, confounds=confounds).fit(genes)
    axes = pca.components_.T / pca.scale_[:, np.newaxis]
    columns = BLOCKS["g1"]
    others = np.delete(genes, columns, axis=1) @ np.delete(axes, columns, axis=0)
    nuisance = nuisance_basis(N, np.hstack([confounds, others]))
    theil = Theil(nuisance, keep_rows(nuisance, families))
    kept = np.zeros(N, dtype=bool)
    kept[theil.kept] = True
    drawn = make_permutations(N, 5, blocks=whole, within=folds.assignments, random_state=3)
    rows = theil.apply(genes[:, columns])
    permuted = rows[restrict(drawn[4], kept, drawn.order)]
    assert not np.array_equal(permuted, rows)
    exchanged = genes[:, columns] + theil.restore(permuted) - theil.restore(rows)
    by_fold, left = [], []
    for train, test in folds:
        one = embed_parts(views, coded, (train, test), list(BLOCKS.values()), (8, 3), (True, True))
        part, rest = one.parts[1], one.fold.x - one.parts[1].scores
        by_fold.append(held_out(one.fold, rest + one.fold.residualise(exchanged) @ part.weights, Measure()))
        left.append(without(one, 1, Measure()))
    sizes = np.bincount(folds.assignments)
    expected = float(np.average(by_fold, weights=sizes) - np.average(left, weights=sizes))  # type: ignore[arg-type]
    assert found.null[4, 1] == pytest.approx(expected, abs=1e-8)


def test_a_planted_gene_is_found_and_no_other(found: BlockAttribution) -> None:
    family, changes = found.family, [one.difference for one in found.resampled]
    assert np.flatnonzero(family.q < 0.05).tolist() == [REAL]
    assert family.p_fwer[REAL] < 0.05
    assert int(np.argmax(changes)) == REAL
    low, high = found.resampled[REAL].interval
    assert low < changes[REAL] < high
    assert found.changes.shape == (6, GENES)


def test_an_outcome_is_told_by_the_gene_that_it_follows_however_it_is_coded() -> None:
    genes, brain, confounds = study()
    liability = brain[:, 1]
    folds = make_folds(N, 3, random_state=1)
    case = Outcome("binary", (liability > 0).astype(float), ("no", "yes"))
    told = attribute(genes, case, confounds, folds=folds, y_dimensions="auto", n_permutations=199)
    assert told.measure == "AUROC"
    assert told.value > 0.6
    assert told.family.p_fwer[REAL] < 0.05
    turned = Outcome("binary", (liability <= 0).astype(float), ("yes", "no"))
    again = attribute(genes, turned, confounds, folds=folds, y_dimensions="auto", n_permutations=19)
    assert again.value == pytest.approx(told.value)
    number = attribute(genes, Outcome("continuous", liability), confounds, y_dimensions="auto", n_permutations=19)
    assert number.measure == "correlation"
    assert number.value > 0.2


def test_auroc_is_that_of_scikit_learn_and_folds_without_both_classes_do_not_count() -> None:
    rng = np.random.default_rng(0)
    values, scores = rng.integers(0, 2, 31).astype(float), rng.integers(0, 9, (31, 2)).astype(float)
    measure = Measure(Outcome("binary", values, ("a", "b")))
    expected = [roc_auc_score(values, column) for column in scores.T]
    np.testing.assert_allclose(measure(scores, scores, np.arange(31)), expected)
    alone = measure(scores[:4], scores[:4], np.flatnonzero(values == 1)[:4])
    assert np.isnan(alone).all()
    averaged = fold_mean(np.array([[0.5, 0.7], [np.nan, 0.1]]), np.array([3, 1]))
    np.testing.assert_allclose(averaged, [0.5, 0.55])


def test_families_move_as_wholes() -> None:
    genes, brain, confounds = study()
    families = np.minimum(np.arange(N), N - 5) // 2
    relations = Relations.of(N, groups=families, blocks=Blocks(families, "whole"))
    folds = folds_of(relations, 3, 1)
    found = attribute(genes, brain, confounds, folds=folds)
    assert found.n_given < 2 * 8  # fewer families than subjects: fewer axes, so that families stay to be exchanged
    assert found.family.p[REAL] < 0.05


def test_rows_of_other_subjects_are_refused() -> None:
    genes, brain, confounds = (
        pd.DataFrame(table, [f"s{i}" for i in range(N)]).rename(columns=str) for table in study()
    )
    for tables in ((genes.iloc[::-1], brain, confounds), (genes, brain, confounds.iloc[::-1])):
        with pytest.raises(InputError, match="must list the subjects"):
            attribute(*tables)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"blocks": {"a": np.array([], dtype=int)}}, "Block 'a' must name columns of x, 0 to 14"),
        ({"blocks": {"a": np.array([3, 15])}}, "Block 'a' must name columns of x, 0 to 14"),
        ({"repeats": 0}, "repeats of at least 1; got 0"),
        ({"n_permutations": 0}, "n_permutations must be at least 1; got 0"),
        ({"folds": make_folds(N - 1, 3)}, "folds must have the rows of x: got 96 for 97"),
    ],
)
def test_what_is_out_of_range_is_said(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        attribute(*study(), **settings)


def test_one_block_alone_has_no_answer() -> None:
    with pytest.raises(NotDefinedError, match="all is all there is"):
        attribute(*study(), blocks={"all": np.arange(GENES * WIDTH)})
    genes, brain, confounds = study()
    genes[:, :12] = 1.0  # nothing but one gene varies
    with pytest.raises(NotDefinedError, match="nothing varies in the training subjects"):
        attribute(genes, brain, confounds, x_dimensions=3)


def test_folds_of_one_family_each_let_nobody_change_places() -> None:
    genes, brain, _ = study()
    three = np.arange(N) % 3
    relations = Relations.of(N, groups=three, blocks=Blocks(three, "whole"))
    with pytest.raises(NotDefinedError, match="no two subjects of a fold may change places"):
        attribute(genes, brain, None, folds=Folds(three, relations), repeats=1)
