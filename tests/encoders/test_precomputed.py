"""Embeddings as other programs leave them become one streamed table, subject by subject."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from encoders import InputError
from encoders.precomputed import PrecomputedPanel, open_precomputed
from fusion import TableView, ViewPCA

RNG = np.random.default_rng(0)
IDS = [f"{i:04d}" for i in range(37)]
VECTORS = {
    "APOE": RNG.standard_normal((37, 16)),
    "COMT": RNG.standard_normal((37, 7)),
    "BDNF": RNG.standard_normal((37, 5)),
}
VECTORS = {gene: values.astype(np.float32) for gene, values in VECTORS.items()}


def write_chunks(root: Path, gene: str, rows: Any = slice(None), *, ids: Any = None) -> None:
    folder = root / gene
    folder.mkdir(parents=True)
    names, values = np.array(IDS)[rows], VECTORS[gene][rows]
    np.save(folder / "iids.npy", names if ids is None else ids)
    for k, part in enumerate(np.array_split(values, 11)):  # eleven: 10 must follow 9, not 1
        np.save(folder / f"embeddings_{k}_layer_last.npy", part)


def write_npz(root: Path, gene: str) -> None:
    np.savez(root / f"{gene}.npz", embeddings=VECTORS[gene][::-1], iids=np.array(IDS)[::-1])


def write_parquet(root: Path, gene: str) -> None:
    table = {"eid": IDS, "embedding_dim": [5] * 37, "source_model": ["m"] * 37, "vector": list(VECTORS[gene])}
    pq.write_table(pa.table(table), root / f"{gene}.parquet")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_chunks(tmp_path, "APOE")
    write_npz(tmp_path, "COMT")
    write_parquet(tmp_path, "BDNF")
    return tmp_path


def test_every_layout_gives_its_gene_to_the_same_subjects(root: Path) -> None:
    panel = open_precomputed(root)
    assert panel.gene_ids == ("APOE", "BDNF", "COMT")
    assert panel.subject_ids == tuple(IDS)
    dense = np.hstack([VECTORS[gene] for gene in panel.gene_ids])
    for first, last in ((0, 28), (3, 19), (15, 22), (20, 21)):
        np.testing.assert_array_equal(panel.read_columns(slice(first, last)), dense[:, first:last])


def test_a_panel_is_streamed_as_a_view(root: Path) -> None:
    panel = open_precomputed(root, gene_ids=["COMT", "APOE"])
    view = TableView(panel, panel.subject_ids, panel.column_groups)
    assert panel.subject_ids == tuple(IDS[::-1])  # the order of the first gene
    dense = np.hstack([VECTORS["COMT"], VECTORS["APOE"]])[::-1]
    assert view.column_groups == ("COMT",) * 7 + ("APOE",) * 16
    np.testing.assert_allclose(ViewPCA(5).fit_transform(view), ViewPCA(5).fit_transform(dense), atol=1e-12)
    assert set(ViewPCA(5).fit(view).group_loadings(view, dense[:, 0])["gene_id"]) == {"COMT", "APOE"}


def test_subjects_that_differ_between_genes_are_left_out_and_counted_or_refused(tmp_path: Path) -> None:
    write_chunks(tmp_path, "APOE", slice(4, None))
    write_chunks(tmp_path, "COMT", slice(None, 30))
    panel = open_precomputed(tmp_path)
    assert panel.subject_ids == tuple(IDS[4:30])
    assert panel.dropped == {"APOE": 7, "COMT": 4}
    np.testing.assert_array_equal(panel.read_columns(slice(16, 23)), VECTORS["COMT"][4:30])
    with pytest.raises(InputError, match="APOE has 33, APOE 33 and 26 are in all"):
        open_precomputed(tmp_path, overlap="refuse")


def test_a_cohort_takes_its_own_subjects_in_its_own_order(root: Path) -> None:
    chosen = open_precomputed(root).select(["0030", "0002", "0011"])
    dense = np.hstack([VECTORS[gene] for gene in chosen.gene_ids])
    np.testing.assert_array_equal(chosen.read_columns(slice(0, 28)), dense[[30, 2, 11]])
    with pytest.raises(InputError, match="1 of 2 have none, such as '2'"):
        chosen.select(["0002", "2"])


def no_ids(root: Path) -> None:
    write_chunks(root, "APOE")
    (root / "APOE" / "iids.npy").unlink()


def odd_chunk(root: Path) -> None:
    write_chunks(root, "APOE")
    np.save(root / "APOE" / "embeddings_3_layer_last.npy", np.zeros((4, 9)))


def chunks_named(*names: str) -> Any:
    """As many chunks of two subjects as names."""

    def write(root: Path) -> None:
        (root / "APOE").mkdir()
        np.save(root / "APOE" / "iids.npy", np.array(IDS[: 2 * len(names)]))
        for name in names:
            np.save(root / "APOE" / f"embeddings_{name}.npy", np.zeros((2, 3), dtype=np.float32))

    return write


def forms(*writers: Any) -> Any:
    return lambda root: [write(root, "BDNF") for write in writers]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(no_ids, r"needs iids\.npy", id="no ids"),
        pytest.param(odd_chunk, r"embeddings_3_layer_last\.npy must be subjects x 16", id="another width"),
        pytest.param(lambda r: write_chunks(r, "APOE", ids=np.arange(36)), "36 ids for 37 rows", id="fewer ids"),
        pytest.param(lambda r: write_chunks(r, "APOE", ids=np.arange(37.0)), "floats as subject ids", id="float ids"),
        pytest.param(lambda r: write_chunks(r, "APOE", ids=np.zeros(0)), "floats as subject ids", id="no ids, floats"),
        pytest.param(lambda r: write_chunks(r, "APOE", ids=np.array(["a"] * 37)), "'a' 37 times", id="repeated"),
        pytest.param(
            lambda r: write_chunks(r, "APOE", ids=np.array(IDS, dtype=object)), "text or integers", id="objects"
        ),
        pytest.param(lambda r: None, "it holds none of these", id="empty"),
        pytest.param(lambda r: (r / "G.npz").write_bytes(b"PK\x03\x04 and no more"), "cannot be read", id="cut npz"),
        pytest.param(lambda r: (r / "G.parquet").write_bytes(b"PAR1"), "cannot be read", id="cut parquet"),
        pytest.param(
            lambda r: np.savez(r / "G.npz", embeddings=VECTORS["BDNF"], iids=np.array(IDS, dtype=object)),
            "array 'iids' as text or integers; it holds Python objects",
            id="objects in npz",
        ),
        pytest.param(
            lambda r: np.savez(r / "G.npz", embeddings=VECTORS["BDNF"][:, 0], iids=np.array(IDS)),
            r"subjects x dimensions; got float32 of shape \(37,\)",
            id="one number a subject",
        ),
        pytest.param(
            forms(write_chunks, write_npz),
            r"BDNF is there as BDNF and BDNF\.npz in .*: keep the one",
            id="folder and npz",
        ),
        pytest.param(forms(write_chunks, write_parquet), r"as BDNF and BDNF\.parquet", id="folder and parquet"),
        pytest.param(forms(write_npz, write_parquet), r"as BDNF\.npz and BDNF\.parquet", id="npz and parquet"),
        pytest.param(
            chunks_named("1_layer_last", "1_layer_6"), "one layer; .*APOE has layers 6, last", id="layers of one number"
        ),
        pytest.param(chunks_named("1_layer_last", "2_layer_-1"), "layers -1, last", id="layers of two numbers"),
        pytest.param(
            lambda r: (write_chunks(r, "BDNF"), chunks_named("1_layer_6")(r)),
            "Genes of a panel must be of one layer; .* APOE is of layer 6, BDNF of layer last",
            id="layers of two genes",
        ),
        pytest.param(
            lambda r: np.savez(r / "G.npz", embeddings=VECTORS["BDNF"], X=VECTORS["BDNF"] * 2, iids=np.array(IDS)),
            "it has embeddings and X: keep the one that is meant",
            id="two matrices",
        ),
        pytest.param(
            lambda r: np.savez(r / "G.npz", X=VECTORS["BDNF"], iids=np.array(IDS), eid=np.array(IDS[::-1])),
            "it has iids and eid: keep the one that is meant",
            id="two lists of ids",
        ),
        pytest.param(
            lambda r: pq.write_table(
                pa.table({"eid": IDS, "iid": IDS[::-1], "vector": list(VECTORS["BDNF"])}), r / "G.parquet"
            ),
            "it has eid and iid: keep the one that is meant",
            id="two columns of ids",
        ),
        pytest.param(
            lambda r: pq.write_table(
                pa.table({"eid": [*IDS[:36], None], "vector": list(VECTORS["BDNF"])}), r / "G.parquet"
            ),
            "an id for every row; 1 of 37 are missing",
            id="an id that is missing",
        ),
        pytest.param(chunks_named("0_layer_6", "2_layer_6"), "number 1 is due where 2 stands", id="a gap"),
        pytest.param(chunks_named("2_layer_6", "3_layer_6"), "number 1 is due where 2 stands", id="no first"),
        pytest.param(chunks_named("1_layer_6", "01_layer_6"), "number 2 is due where 1 stands", id="a number twice"),
    ],
)
def test_bad_folders_get_their_sentence(make: Any, message: str, tmp_path: Path) -> None:
    make(tmp_path)
    with pytest.raises(InputError, match=message):
        open_precomputed(tmp_path)


@pytest.mark.parametrize("first", [0, 1])
def test_chunks_count_from_0_or_1(tmp_path: Path, first: int) -> None:
    chunks_named(*(f"{first + k}_layer_6" for k in range(12)))(tmp_path)
    for k in range(12):
        np.save(tmp_path / "APOE" / f"embeddings_{first + k}_layer_6.npy", np.full((2, 3), k, dtype=np.float32))
    assert open_precomputed(tmp_path).read_columns(slice(1))[:, 0].tolist() == [k for k in range(12) for _ in "ab"]


def test_a_gene_that_nobody_asks_for_may_have_two_forms(root: Path) -> None:
    write_parquet(root, "COMT")
    assert open_precomputed(root, gene_ids=["APOE", "BDNF"]).shape == (37, 21)


def test_what_is_no_gene_in_a_known_form_is_told_but_for_hidden_files(root: Path) -> None:
    np.save(root / "DISC1.npy", VECTORS["BDNF"])
    (root / "GRIN1").mkdir()
    np.save(root / "GRIN1" / "embeddings_1.npy", VECTORS["BDNF"])
    (root / "._COMT.npz").write_bytes(b"\0\5\x16\7")
    panel = open_precomputed(root)
    assert panel.gene_ids == ("APOE", "BDNF", "COMT")
    assert panel.unread == ("DISC1.npy", "GRIN1")


def test_a_gene_that_is_not_there_is_named(root: Path) -> None:
    with pytest.raises(InputError, match="1 of 2 are missing, such as DISC1"):
        open_precomputed(root, gene_ids=["APOE", "DISC1"])


def test_ids_stay_text(root: Path) -> None:
    panel: PrecomputedPanel = open_precomputed(root)
    assert panel.subject_ids[7] == "0007"
