"""What this project writes and reads again: results, manifests, archives, the store of vectors, tables of windows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from analyses.arms.cost import read_cost
from analyses.results.folder import load_results
from analyses.results.workspace import Workspace
from encoders.brain.canonical_table import read_provenance
from encoders.brain.import_options import ImportOptions
from encoders.brain.layouts.sources import read_source
from encoders.dna.protocol import EncoderSpec
from encoders.genome.sequences import sequence_id
from encoders.genome.windows.table import WindowTable
from encoders.store import EmbeddingStore
from fusion import ComBat, CrossValidatedCCA, LateFusion, cross_validated_cca, permutation_test_cca
from fusion.permutation.result import PermutationTestCCA
from tests.fuzz.reader import Files, Reader, read_files
from tests.fuzz.readers.arrays import npy

RESULTS = Path(__file__).resolve().parents[2] / "analyses" / "results" / "written_before_format"
_SEQUENCES = ("ACGT", "ACCT", "TTT")
_SPEC = EncoderSpec(name="made", family="made", label="made", hidden_dim=5, tokenizer_version="1", min_bp=1)


def _results(_: Path) -> Sequence[Files]:
    return [{f"r/{name}": content for name, content in read_files(RESULTS).items()}]


def _manifests(folder: Path) -> Sequence[Files]:
    workspace = Workspace(folder / "w")
    with workspace.stage("windows", "key") as files:
        files.append(workspace.write_text("a.txt", "content"))
    return [{"w/manifest.json": (folder / "w/manifest.json").read_bytes(), "w/a.txt": b"content"}]


def _read_manifest(folder: Path) -> object:
    workspace = Workspace(folder / "w")
    return workspace.is_finished("windows", "key"), workspace.seconds()


def _store(folder: Path) -> Sequence[Files]:
    store = EmbeddingStore(folder / "s", _SPEC)
    ids = [sequence_id(one) for one in _SEQUENCES]
    store.write(ids[:2], np.arange(10, dtype=np.float32).reshape(2, 5))
    store.write(ids[2:], np.arange(5, dtype=np.float32)[None])
    (folder / "s" / _SPEC.fingerprint / "write.lock").unlink(missing_ok=True)
    return [read_files(folder)]


def _read_store(folder: Path) -> np.ndarray:
    return EmbeddingStore(folder / "s", _SPEC).read([sequence_id(one) for one in _SEQUENCES])


def _same_vectors(_: Path, value: object) -> None:
    assert np.array_equal(value, np.vstack([np.arange(10).reshape(2, 5), np.arange(5)[None]]))  # type: ignore[arg-type]


def _windows(folder: Path) -> Sequence[Files]:
    table = WindowTable(
        subject_ids=("S1", "S2"), gene_ids=("G1",), gene_index=np.zeros(2, np.int32), exon=np.ones(2, np.int32),
        window=np.array([1, 2], np.int32), chrom=("20", "20"), start=np.array([0, 4]), end=np.array([4, 7]),
        strand=("+", "+"), weight=np.array([4 / 7, 3 / 7]), sequences=_SEQUENCES,
        sequence_ids=tuple(map(sequence_id, _SEQUENCES)), reference_index=np.array([0, 2], np.int32),
        indptr=np.array([0, 1, 1]), haplotype_index=np.array([3]), sequence_index=np.array([1], np.int32),
        ploidy=2, events={"trimmed": 1}, settings={"unit": "exon"},
    )  # fmt: skip
    table.save(folder / "t")
    return [read_files(folder)]


def _read_windows(folder: Path) -> object:
    table = WindowTable.load(folder / "t")
    return table.n_distinct_by_gene(), [table.haplotypes(window) for window in range(table.n_windows)], table.gain


def _archives(folder: Path) -> Sequence[Files]:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((31, 4)), rng.standard_normal((31, 3))
    sites = ["a", "b"] * 15 + ["a"]
    held_out = cross_validated_cca(x, y, n_permutations=9, n_bootstrap=9, random_state=1)
    held_out.save(folder / "held_out.npz", subject_level=True)
    permutation_test_cca(x, y, n_permutations=9, n_steps=2, random_state=1).save(folder / "in_sample.npz")
    LateFusion(pca_components=3, harmonize=ComBat()).fit(x, y, sites=sites).save(folder / "late_fusion.npz")
    ComBat().fit(x, sites=sites).save(folder / "combat.npz")
    return [{name: content} for name, content in read_files(folder).items()]


def _read_archive(folder: Path) -> object:
    path = next(iter(folder.iterdir()), folder / "combat.npz")
    kinds = {
        "held_out": CrossValidatedCCA,
        "in_sample": PermutationTestCCA,
        "late_fusion": LateFusion,
        "combat": ComBat,
    }
    return kinds[path.stem].load(path)  # type: ignore[attr-defined]


def _ledgers(_: Path) -> Sequence[Files]:
    line = json.dumps({"n_encoded": 7, "n_forward_passes": 9, "seconds": 1.5, "peak_gb": 0.4})
    return [{"cost.jsonl": f"{line}\n{line}\n".encode(), "a.npy": npy(np.zeros(3))}]


def _canonical(folder: Path) -> Sequence[Files]:
    from analyses.brain.table_import import import_brain

    rows = "".join(f"s{n:02d},{n + 0.5},{2 * n - 0.25}\n" for n in range(11))
    (folder / "t.csv").write_text(f"subject_id,roi1,roi2\n{rows}")
    import_brain([folder / "t.csv"], folder / "t.parquet", ImportOptions())
    return [{"t.parquet": (folder / "t.parquet").read_bytes()}]


def _read_canonical(folder: Path) -> object:
    path = folder / "t.parquet"
    return read_provenance(path), read_source(path, ImportOptions())[0].values


READERS = (
    Reader(
        "results", _results, lambda folder: load_results(folder / "r").table(), {".json": "json"}, (b'"format": 3',)
    ),
    Reader("manifest", _manifests, _read_manifest, {".json": "json"}),
    Reader("vector store", _store, _read_store, {".npy": "npy", ".ids": "text", ".json": "json"}, (), _same_vectors),
    Reader("window table", _windows, _read_windows, {".npz": "zip/npy", ".json": "json"}),
    Reader("archive", _archives, _read_archive, {".npz": "zip/npy"}),
    Reader("cost ledger", _ledgers, read_cost, {".jsonl": "json"}),
    Reader(
        "canonical table",
        _canonical,
        _read_canonical,
        {".parquet": "bytes"},
        (b"feature_names", b"gene-brain-fusion", b"{"),
    ),
)
