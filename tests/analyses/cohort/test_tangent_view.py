"""Tangent space in a run: every fold learns it from its training subjects; from time series and from a table alike."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from analyses.brain.connectivity_table import ConnectivityRequest, write_connectivity
from analyses.cohort.brain_views import TangentView, make_brain_view, read_connectivity_view
from analyses.config.brain_view import BrainViewConfig, ConnectivityConfig
from analyses.errors import InputError
from analyses.experiments.leakage import Covariate, predict_covariate
from encoders.brain.connectivity.connectivity import connectivity_vectors, tangent_vectors
from encoders.brain.connectivity.timeseries import TimeSeries
from fusion import TableView, cross_validated_cca, make_folds
from fusion.confounds.coding import Confounds
from fusion.cross_validation.fold_embedding import embed_folds

N = 37
TANGENT = ConnectivityConfig(kind="tangent")


@pytest.fixture(scope="module")
def series() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(21)
    return {f"s{i:02d}": rng.normal(size=(50, 4)) @ rng.normal(size=(4, 4)) for i in range(N)}


@pytest.fixture(scope="module")
def covariances(series: dict[str, np.ndarray]) -> np.ndarray:
    timeseries = TimeSeries(tuple(series), tuple(series.values()), ("A", "B", "C", "D"))
    return connectivity_vectors(timeseries, "covariance")[0]


def _view(covariances: np.ndarray, ids: list[str]) -> TangentView:
    return TangentView(covariances, ids, [f"e{j}" for j in range(covariances.shape[1])])


def test_the_view_itself_is_the_whole_cohorts_tangent_space(covariances: np.ndarray) -> None:
    view = _view(covariances, [f"s{i}" for i in range(N)])
    expected = TableView(tangent_vectors(covariances, np.arange(N)), view.subject_ids)
    np.testing.assert_array_equal(view.multiply(np.eye(10)), expected.multiply(np.eye(10)))
    np.testing.assert_array_equal(view.column_moments()[1], expected.column_moments()[1])
    rows = np.array([5, 1, 30])
    np.testing.assert_array_equal(view.take(rows).multiply(np.eye(10)), expected.take(rows).multiply(np.eye(10)))


def test_rows_taken_learn_from_rows_taken(covariances: np.ndarray) -> None:
    view = _view(covariances, [f"s{i}" for i in range(N)])
    rows, inner = np.arange(3, 28), np.arange(11)
    taken = view.take(rows)
    assert isinstance(taken, TangentView)
    expected = tangent_vectors(covariances[rows], inner)
    np.testing.assert_array_equal(taken.fitted_on(inner).multiply(np.eye(10)), expected)


def test_folds_learn_tangent_space_from_their_training_rows(covariances: np.ndarray) -> None:
    x = np.random.default_rng(1).normal(size=(N, 6))
    folds = make_folds(N, 4, random_state=2)
    view = _view(covariances, [str(i) for i in range(N)])
    embedded = embed_folds((TableView(x, view.subject_ids), view), Confounds(), folds, n_components=5)
    for fold, (train, _) in zip(embedded, folds, strict=True):
        learnt = TableView(tangent_vectors(covariances, train), view.subject_ids)
        (expected,) = embed_folds(
            (TableView(x, view.subject_ids), learnt), Confounds(), [(train, fold.test)], n_components=5
        )  # type: ignore[arg-type] # one fold
        np.testing.assert_array_equal(fold.y, expected.y)


def test_held_out_rows_never_move_what_training_rows_give(covariances: np.ndarray) -> None:
    folds = make_folds(N, 4, random_state=2)
    train, test = next(iter(folds))
    x = TableView(np.random.default_rng(1).normal(size=(N, 6)), [str(i) for i in range(N)])
    changed = covariances.copy()
    changed[test] *= 25
    before, after = (
        embed_folds((x, _view(of, list(x.subject_ids))), Confounds(), folds, n_components=5)[0]
        for of in (covariances, changed)
    )
    np.testing.assert_array_equal(before.y[train], after.y[train])


def test_the_audit_predicts_from_what_training_rows_learnt(covariances: np.ndarray) -> None:
    folds = make_folds(N, 4, random_state=2)
    view = _view(covariances, [str(i) for i in range(N)])
    age = Covariate("age", "continuous", np.random.default_rng(5).normal(size=(N, 1)), np.arange(N))
    orders = np.stack([np.arange(N), *(np.random.default_rng(6).permutation(N) for _ in range(5))])
    settings = {"nuisance": None, "n_components": 4, "scale": True, "shuffles": orders}
    for train, test in folds:
        learnt = TableView(tangent_vectors(covariances, train), view.subject_ids)
        one = [(train, test)]
        found, expected = (predict_covariate(of, age, one, **settings) for of in (view, learnt))  # type: ignore[arg-type]
        assert found == expected


def test_cross_validation_takes_the_view(covariances: np.ndarray) -> None:
    x = TableView(np.random.default_rng(1).normal(size=(N, 3)), [str(i) for i in range(N)])
    result = cross_validated_cca(
        x, _view(covariances, list(x.subject_ids)), None, folds=make_folds(N, 3, random_state=2), n_components=1,
        x_dimensions=2, y_dimensions=2, pca_components=5, n_permutations=19, random_state=3,
    )  # fmt: skip
    assert result.rho.shape == (1,)


def test_time_series_and_their_covariance_table_give_the_same_view(
    tmp_path: Path, series: dict[str, np.ndarray]
) -> None:
    np.savez(tmp_path / "ts.npz", **series)
    request = ConnectivityRequest(timeseries=tmp_path / "ts.npz", kind="covariance", strip_prefixes=("s",))
    write_connectivity(request, tmp_path / "cov.parquet")
    direct = read_connectivity_view(
        tmp_path / "ts.npz", ConnectivityConfig(kind="tangent", strip_prefixes=("s",)), id_column="subject_id"
    )
    stored = read_connectivity_view(tmp_path / "cov.parquet", TANGENT, id_column="subject_id")
    assert stored.subject_ids == direct.subject_ids == tuple(f"{i:02d}" for i in range(N))
    assert stored.feature_names == direct.feature_names
    views = [make_brain_view(table, TANGENT) for table in (direct, stored)]
    left, right = (view.multiply(np.eye(10)) for view in views)
    np.testing.assert_allclose(left, right, atol=1e-4)  # the table keeps float32


def test_the_kind_alone_is_enough_in_yaml() -> None:
    view = BrainViewConfig.model_validate({"path": "ts.npz", "connectivity": "tangent"})
    assert view.connectivity == TANGENT
    with pytest.raises(ValidationError, match=r"connectivity\.kind"):
        BrainViewConfig.model_validate({"path": "ts.npz", "connectivity": "tangents"})


def test_other_tables_are_no_covariances(tmp_path: Path, series: dict[str, np.ndarray]) -> None:
    np.savez(tmp_path / "ts.npz", **series)
    write_connectivity(ConnectivityRequest(timeseries=tmp_path / "ts.npz"), tmp_path / "r.parquet")
    with pytest.raises(InputError, match=r"r\.parquet holds correlation"):
        read_connectivity_view(tmp_path / "r.parquet", TANGENT, id_column="subject_id")
