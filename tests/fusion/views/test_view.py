"""Factored and dense views obey one algebra; hypothesis looks for shapes where they do not."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import fusion.arrays
from fusion import FactoredView, InputError, TableView, as_view

finite = st.floats(-100, 100, allow_subnormal=False, width=32)


@st.composite
def panels(draw: st.DrawFn) -> tuple[FactoredView, np.ndarray[Any, Any]]:
    n = draw(st.integers(1, 9))
    shapes = draw(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 5)), min_size=1, max_size=4))
    designs = [draw(arrays(np.float64, (n, m), elements=st.sampled_from([0, 0, 0.5, 1, -0.5]))) for m, _ in shapes]
    embeddings = [draw(arrays(np.float32, shape, elements=finite)) for shape in shapes]
    offsets = [draw(arrays(np.float64, (d,), elements=finite)) for _, d in shapes]
    view = FactoredView(
        designs=[scipy.sparse.csr_array(a) for a in designs],
        embeddings=embeddings,
        offsets=offsets,
        subject_ids=[f"s{i}" for i in range(n)],
        gene_ids=[f"g{i}" for i in range(len(shapes))],
    )
    factors = zip(designs, embeddings, offsets, strict=True)
    return view, np.hstack([a @ e.astype(np.float64) + o for a, e, o in factors])


def assert_same_algebra(view: Any, dense: np.ndarray[Any, Any], rng: np.random.Generator) -> None:
    right, left = rng.standard_normal((dense.shape[1], 3)), rng.standard_normal((dense.shape[0], 2))
    mean, variance = view.column_moments()
    assert view.shape == dense.shape
    assert len(view.column_groups) == dense.shape[1]
    np.testing.assert_allclose(view.multiply(right), dense @ right, atol=1e-9)
    np.testing.assert_allclose(view.multiply_transposed(left), dense.T @ left, atol=1e-9)
    np.testing.assert_allclose(mean, dense.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(variance, dense.var(axis=0), atol=1e-9)
    np.testing.assert_allclose(np.hstack([block for _, block in view.column_blocks()]), dense, atol=1e-9)


@settings(max_examples=60)
@given(panels(), st.data())
def test_factored_view_equals_its_dense_matrix_before_and_after_taking_rows(
    panel: tuple[FactoredView, np.ndarray[Any, Any]], data: st.DataObject
) -> None:
    view, dense = panel
    rows = np.array(data.draw(st.lists(st.sampled_from(range(len(dense))), unique=True, min_size=1)))
    rng = np.random.default_rng(0)
    assert_same_algebra(view, dense, rng)
    assert_same_algebra(view.take(rows), dense[rows], rng)
    assert view.take(rows).subject_ids == tuple(view.subject_ids[i] for i in rows)
    np.testing.assert_allclose(view.column_moments(rows)[0], dense[rows].mean(axis=0), atol=1e-9)


@settings(max_examples=40)
@given(arrays(np.float32, st.tuples(st.integers(1, 9), st.integers(1, 7)), elements=finite), st.integers(1, 200))
def test_table_view_equals_its_values_whatever_the_block_size(values: np.ndarray[Any, Any], block_bytes: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fusion.arrays, "BLOCK_BYTES", block_bytes)
        view = TableView(values, [str(i) for i in range(len(values))])
        assert_same_algebra(view, values.astype(np.float64), np.random.default_rng(1))


def test_blocks_of_a_gene_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    embedding = np.arange(40.0).reshape(4, 10)
    view = FactoredView(designs=[np.eye(4)], embeddings=[embedding], subject_ids=list("abcd"), gene_ids=["COMT"])
    monkeypatch.setattr(fusion.arrays, "BLOCK_BYTES", 4 * 8 * 3)
    assert [columns.stop - columns.start for columns, _ in view.column_blocks()] == [3, 3, 3, 1]
    assert view.column_groups == ("COMT",) * 10


def test_memory_map_is_read_in_place(tmp_path: Path) -> None:
    values = np.random.default_rng(0).standard_normal((37, 16)).astype(np.float32)
    np.save(tmp_path / "x.npy", values)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    view = TableView(mapped, [str(i) for i in range(37)])
    assert view.dtype == np.float32
    assert_same_algebra(view, values.astype(np.float64), np.random.default_rng(1))
    twice = view.take(np.arange(30, 2, -1)).take([5, 1, 9])
    assert_same_algebra(twice, values[[25, 29, 21]].astype(np.float64), np.random.default_rng(1))
    assert twice.subject_ids == ("25", "29", "21")


def test_frame_keeps_ids_and_names_and_array_counts_rows() -> None:
    frame = pd.DataFrame({"lh": [1, 2], "rh": [0.5, 1.5]}, index=pd.Index(["007", "010"]))
    view = as_view(frame)
    assert view.subject_ids == ("007", "010")
    assert view.column_groups == ("lh", "rh")
    assert as_view(view) is view
    assert as_view(frame.to_numpy()).subject_ids == ("0", "1")


def one_gene(embedding: np.ndarray[Any, Any]) -> FactoredView:
    return FactoredView(designs=[np.eye(2)], embeddings=[embedding], subject_ids=list("ab"), gene_ids=["COMT"])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda: TableView(np.zeros(3), list("abc")), "subjects x features", id="one-dimensional"),
        pytest.param(lambda: TableView(np.zeros((2, 1)), ["a", "a"]), "'a' occurs 2 times", id="repeated id"),
        pytest.param(lambda: TableView(np.zeros((2, 1)), ["a"]), "got 1 for 2", id="too few ids"),
        pytest.param(lambda: TableView(np.zeros((2, 1)), [1, 2]), "got 1 of type int", id="number as id"),  # type: ignore[list-item]
        pytest.param(lambda: TableView([["x"]], ["a"]), "needs numbers", id="text values"),
        pytest.param(lambda: TableView([[1, np.nan], [2, np.nan]], ["a", "b"], ["lh", "rh"]), "'rh' has 2", id="NaN"),
        pytest.param(lambda: TableView([[1.0, 2.0]], ["a"], ["lh"]), "got 1 for 2 features", id="too few names"),
        pytest.param(lambda: as_view(pd.DataFrame({"s": ["x"]})), "Column 's' is str", id="text column"),
        pytest.param(lambda: as_view(pd.DataFrame({"x": [1.0]}, index=[7.0])), "such as 7.0", id="float ids"),
        pytest.param(
            lambda: one_gene(np.zeros((3, 4))),
            r"'COMT' needs .* got shapes \(2, 2\), \(3, 4\) and \(4,\)",
            id="factors that do not fit",
        ),
        pytest.param(
            lambda: one_gene(np.full((2, 1), np.inf)),
            "'COMT' has factors that are not finite",
            id="infinite embedding",
        ),
    ],
)
def test_bad_input_gets_its_sentence(make: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()
