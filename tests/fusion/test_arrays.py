"""Tables as arrays: views made dense block by block, labels as codes."""

import numpy as np
import pytest
import scipy.sparse

from fusion import FactoredView, InputError, TableView, arrays, as_view
from fusion.arrays import as_matrix, cluster_codes

N, WINDOWS, HIDDEN = 37, 5, 16


def _panel(weights: np.ndarray) -> FactoredView:
    rng = np.random.default_rng(0)
    return FactoredView(
        designs=[scipy.sparse.csr_array(weights[:, :k]) for k in (WINDOWS, 3)],
        embeddings=[rng.standard_normal((k, HIDDEN)).astype(np.float32) for k in (WINDOWS, 3)],
        offsets=[rng.standard_normal(HIDDEN) for _ in range(2)],
        subject_ids=[f"s{i}" for i in range(N)],
        gene_ids=["COMT", "APOE"],
    )


def test_a_view_is_dense_as_if_multiplied_by_the_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "BLOCK_BYTES", 8 * N * 3)  # blocks of three columns
    view = _panel(np.random.default_rng(1).integers(0, 3, (N, WINDOWS)) / 2)
    np.testing.assert_array_equal(as_matrix(view, "x"), view.multiply(np.eye(2 * HIDDEN)))
    table = TableView(np.random.default_rng(2).standard_normal((N, 11)), view.subject_ids)
    np.testing.assert_array_equal(as_matrix(table, "x"), table.multiply(np.eye(11)))


def test_codes_follow_the_order_of_labels_and_without_labels_everyone_stands_alone() -> None:
    assert cluster_codes(["b", "a", "c", "a"], 4).tolist() == [1, 0, 2, 0]
    assert cluster_codes(None, 3).tolist() == [0, 1, 2]


def test_a_masked_value_is_a_gap_and_not_what_lies_under_the_mask() -> None:
    values = np.ma.masked_greater(np.arange(12.0).reshape(6, 2), 10)
    for read in (lambda: as_matrix(values, "x"), lambda: as_view(values), lambda: TableView(values, list("abcdef"))):
        with pytest.raises(InputError, match="1 missing or infinite values of 6"):
            read()
    np.testing.assert_array_equal(as_matrix(values[:5], "x"), values.data[:5])


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (["a", "b"], r"families needs one label per subject: got shape \(2,\) for 3"),
        (["a", None, "b"], "families needs a label for every subject; 1 have none"),
        ([1.0, np.nan, np.nan], "families needs a label for every subject; 2 have none"),
        (["a", np.nan, "b"], "families needs a label for every subject; 1 have none"),
        (np.ma.masked_equal([1, 9, 2], 9), "families needs a label for every subject; 1 have none"),
    ],
    ids=["another number", "none", "nan", "nan beside text", "masked"],
)
def test_clusters_need_a_label_of_every_subject(labels: list[object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        cluster_codes(labels, 3, "families")
