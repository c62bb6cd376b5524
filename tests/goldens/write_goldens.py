"""Writes the goldens of the formats as they are: `python tests/goldens/write_goldens.py FOLDER`, once a format."""

import shutil
import sys
from pathlib import Path

import numpy as np

from analyses.privacy.hashes import keyed_hash
from analyses.results.workspace import SCHEMA, Workspace
from encoders.brain.canonical_table import write_canonical
from encoders.brain.records import Records
from encoders.dna.protocol import EncoderSpec
from encoders.genome.sequences import sequence_id
from encoders.genome.windows.table import WindowTable
from encoders.store import EmbeddingStore
from fusion.permutation.in_sample import permutation_test_cca
from tests.analyses.run_folder import write_run_folder

SUBJECTS = ("S1", "S2", "é 3")
SPEC = EncoderSpec(
    name="golden", family="golden", label="golden", hidden_dim=3, tokenizer_version="1", min_bp=1, source="computed",
    revision="1", weights_sha256=None, layer=-1, trained=True,
)  # fmt: skip
CONFIG = """name: example
output: results/example
brain: {linked: {path: /nowhere/brain.csv}}
encoders: [{name: kmer-5, encoder: precomputed, source: /nowhere}]
tracking: {enabled: false}
"""
VECTORS = np.array([[0.5, -1.25, 3.0], [1e-7, 2.0, -0.0], [7.0, 8.5, 9.0]], dtype=np.float32)
SEQUENCES = ("ACGT", "ACGA", "", "TTTT")


def make_table() -> WindowTable:
    """Two windows of two genes; the second subject's first haplotype differs in one, the third's second lacks one."""
    return WindowTable(
        subject_ids=SUBJECTS,
        gene_ids=("G1", "G2"),
        gene_index=np.array([0, 1], dtype=np.int32),
        exon=np.array([1, 2], dtype=np.int32),
        window=np.array([1, 1], dtype=np.int32),
        chrom=("20", "X"),
        start=np.array([100, 7], dtype=np.int64),
        end=np.array([104, 11], dtype=np.int64),
        strand=("+", "-"),
        weight=np.array([1.0, 0.25]),
        sequences=SEQUENCES,
        sequence_ids=tuple(map(sequence_id, SEQUENCES)),
        reference_index=np.array([0, 3], dtype=np.int32),
        indptr=np.array([0, 1, 2], dtype=np.int64),
        haplotype_index=np.array([2, 5], dtype=np.int64),
        sequence_index=np.array([1, 2], dtype=np.int32),
        ploidy=2,
        events={"missing_genotype": 3},
        settings={"unit": "exon", "window": "510"},
    )


def main(root: Path) -> None:
    """Write every golden below a folder."""
    _write_results(root / "results_5")
    EmbeddingStore(root / "store_1", SPEC).write(["a", "b", "c"], VECTORS)
    (root / "store_1" / SPEC.fingerprint / "write.lock").unlink()
    make_table().save(root / "windows_1")
    records = Records(
        SUBJECTS, ("lh", "rh"), VECTORS[:, :2], "golden", {}, None, covariates={"age": np.array([1.5, 2, 3])}
    )
    write_canonical(root / "brain_1" / "brain.parquet", records, {"layout": "golden"})
    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((30, 2)), rng.standard_normal((30, 3))
    (root / "archive_1").mkdir(exist_ok=True)
    permutation_test_cca(x, y, n_permutations=9, random_state=3).save(root / "archive_1" / "in_sample.npz")


def _write_results(folder: Path) -> None:
    """The example of the tests, one alignment of it, with the private files that its run keeps."""
    write_run_folder(folder)
    workspace = Workspace(folder)
    for path in sorted((folder / "alignments").iterdir())[1:]:
        shutil.rmtree(path)
    run = workspace.read_json("run.json")
    run["alignments"] = run["alignments"][:1]
    run["cohort"]["exclusions"][0]["n"] = "<5"
    run["confounds"] += [{"column": "age", "kind": "spline, df 4"}, {"column": "age x site", "kind": "product"}]
    workspace.write_json("run.json", run)
    alignment = f"alignments/{run['alignments'][0]}/alignment.json"
    found = workspace.read_json(alignment)
    found["held_out"]["interval"][0] = [None, None]
    taken = {"term": "age x site", "df": 7, "alone": 0.0625, "df_beyond": 3, "beyond": 0.03125}
    found["confounds"] = [{"side": side, **taken} for side in ("genes", "brain")]
    workspace.write_json(alignment, found)
    draws = folder / "alignments" / run["alignments"][0] / "null_draws.npz"
    with np.load(draws) as stored:
        few = {name: stored[name][:4] for name in stored.files}
    np.savez(draws, **few)
    workspace.write_text("config/resolved.yaml", CONFIG)
    stage = {"key": "abc", "seconds": 12.5, "finished": "2025-03-14T09:26:53+00:00", "files": {}}
    workspace.write_json("manifest.json", {"schema": SCHEMA, "stages": {"align": stage}})
    key = bytes(range(32))
    workspace.write_json("splits.json", {"sha256": "0", "n_splits": 2, "folds": {keyed_hash("SUBJ0000X", key): 1}})
    workspace.write_text("private/id_key.txt", key.hex())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
