"""An experiment that is killed in its permutations goes on with them, and leaves nothing behind."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analyses.config.file import load_config
from analyses.results.schema.experiments import RESULT_TYPES
from analyses.results.serialisation import plain, read_result
from analyses.results.unfinished import FolderJournal
from analyses.workflow import pipeline
from fusion.journal import Arrays

N = 97
YAML = """
name: killed
participants: [{path: participants.tsv}]
brain: {thickness: {path: brain.csv}}
encoders: [{name: mine, encoder: precomputed, source: ./vectors}]
alignment: {n_permutations: 99, x_dimensions: 3, y_dimensions: 3}
folds: {n_splits: 3}
dims: {grid: [1, 3], inner_splits: 2}
attribute: {sides: [brain], regions: column, repeats: 2, n_permutations: 39}
escalate: {methods: [kernel, deep], penalties: [0.1], n_landmarks: 15, n_epochs: 2, hidden: 8, n_permutations: 59,
           recall_at: 3, curve: [0.5]}
predict: {outcome: sick, n_permutations: 59, inner_splits: 3}
stratify: {column: sex, n_permutations: 99, n_bootstrap: 100}
tracking: {enabled: false}
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed")
    rng = np.random.default_rng(1)
    ids = [f"s{row:03d}" for row in range(N)]
    people = {"subject_id": ids, "sex": np.tile(["F", "M"], N)[:N], "sick": np.where(rng.random(N) < 0.5, "yes", "no")}
    pd.DataFrame(people).to_csv(folder / "participants.tsv", sep="\t", index=False)
    genes = rng.standard_normal((N, 6))
    brain = pd.DataFrame(rng.standard_normal((N, 5)) + genes[:, :1], columns=list("abcde"))
    brain.insert(0, "subject_id", ids)
    brain.to_csv(folder / "brain.csv", index=False)
    (folder / "vectors" / "APOE").mkdir(parents=True)
    np.save(folder / "vectors" / "APOE" / "embeddings_1_layer_last.npy", genes.astype(np.float32))
    np.save(folder / "vectors" / "APOE" / "iids.npy", np.array(ids))
    path = folder / "run.yaml"
    path.write_text(YAML)
    return path


@pytest.mark.parametrize("name", ["dims", "attribute", "escalate", "predict", "stratify"])
def test_what_was_done_is_not_done_again(name: str, study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(output: str) -> dict[str, Any]:
        config = load_config(study, (f"output={study.parent / output}", f"experiment={name}"))
        pipeline.run_pipeline(config, until="experiment")
        return plain(read_result(RESULT_TYPES[name], config.output / "experiments" / f"{name}.json"))

    write, written, most = FolderJournal.write, list[str](), 3

    def counted(self: FolderJournal, entry: str, arrays: Arrays) -> None:
        if len(written) == most:
            raise KeyboardInterrupt
        written.append(entry)
        write(self, entry, arrays)

    monkeypatch.setattr(FolderJournal, "write", counted)
    with pytest.raises(KeyboardInterrupt):
        run("killed")
    kept = study.parent / "killed" / "private" / "unfinished"
    assert len(list(kept.rglob("*.npz"))) == 3
    assert kept.stat().st_mode & 0o077 == 0
    most = 10**6
    resumed, n_written = run("killed"), len(written)
    assert len(set(written)) == n_written
    assert not kept.exists()
    assert resumed == run("whole")
    assert len(written) == 2 * n_written  # the whole of it once more


@pytest.mark.parametrize(("old", "new"), [(b"(7,)", b"(7777777777777,)"), (b"(7,), }", b"(7,)))}")])
def test_a_portion_that_was_damaged_is_done_again(tmp_path: Path, old: bytes, new: bytes) -> None:
    """Headers that claim what is not there, or are none."""
    journal, path = FolderJournal(tmp_path), tmp_path / "a.npz"
    journal.write("a", {"draws": np.arange(7.0)})
    with zipfile.ZipFile(path) as archive:
        whole = archive.read("draws.npy")
    assert old in whole
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("draws.npy", whole.replace(old, new))
    assert journal.read("a") is None
    journal.write("a", {"draws": np.arange(7.0)})
    assert (journal.read("a") or {})["draws"].tolist() == list(range(7))
